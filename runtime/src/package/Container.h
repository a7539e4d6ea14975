// SPDX-License-Identifier: Apache-2.0
// Reading a package: the container around a manifest and its blobs.
#ifndef XLSTM_RUNTIME_PACKAGE_CONTAINER_H
#define XLSTM_RUNTIME_PACKAGE_CONTAINER_H

#include "runtime/src/package/Manifest.h"
#include "runtime/src/support/File.h"

#include <string_view>

namespace xlstm::package {

/// An opened package. Everything in it was checked: header, manifest, extents and checksums of all
/// blobs. Immutable, so it may be read from several threads.
class Container {
public:
  /// Opens a file or a directory. Throws Failure(INVALID_INPUT) "<path>: …".
  static Container open(const std::string &path);
  /// Reads a package in memory that outlives the container; `source` stands for the file in
  /// messages.
  static Container fromMemory(std::string_view bytes, const std::string &source);

  const Manifest &manifest() const { return contents; }
  const std::string &source() const { return name; }
  /// Bytes of a blob that the manifest lists.
  std::string_view blob(const std::string &name) const;

private:
  void read(std::string_view bytes);
  void readDirectory(const std::string &path);
  void addBlob(const Blob &blob, std::string_view bytes);

  std::string name;
  Manifest contents;
  std::vector<MappedFile> files;
  std::vector<std::string_view> blobs; // by index in the manifest
};

/// The checksum of blobs.
uint64_t checksum(std::string_view bytes);

} // namespace xlstm::package
#endif
