// SPDX-License-Identifier: Apache-2.0
// Writing packages. The manifest's structs and the file layout are in
// runtime/src/package/Manifest.h, which the runtime's reader shares; names, dimensions and
// references are checked before anything is written.
//
//   package::Manifest manifest;                       // functions, implementations, launches
//   package::PackageWriter writer(std::move(manifest));
//   writer.addBlob("forward.cpu.x86-64-v3.so", objectBytes);
//   writer.write("layer.xlpkg");
#ifndef XLSTM_COMPILER_PACKAGE_PACKAGE_H
#define XLSTM_COMPILER_PACKAGE_PACKAGE_H

#include "runtime/src/package/Manifest.h"
#include "runtime/src/support/Failure.h"

#include <string>
#include <string_view>
#include <vector>

namespace xlstm::package {

/// Collects a manifest and its blobs and writes them. Not thread-safe.
class PackageWriter {
public:
  explicit PackageWriter(Manifest manifest) : contents(std::move(manifest)) {
    contents.blobs.clear();
  }

  /// Adds bytes under the name by which launches refer to them (blob, ptx, cubin). Copies them.
  void addBlob(std::string name, std::string_view bytes);

  const Manifest &manifest() const { return contents; }

  /// The package as the bytes of a file. Throws Failure(INVALID_INPUT) as validate().
  std::string serialize() const;

  /// Writes one file: a temporary file beside it, then a rename. Replaces an existing file. Throws
  /// Failure.
  void write(const std::string &path) const;

  /// Writes a directory with manifest.json and one file per blob, likewise under a temporary name
  /// first. Replaces an existing directory only if it holds a package. Throws Failure.
  void writeDirectory(const std::string &path) const;

private:
  Manifest contents;
  std::vector<std::string> bytes; // by index in contents.blobs
};

} // namespace xlstm::package
#endif
