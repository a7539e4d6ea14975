// SPDX-License-Identifier: Apache-2.0
// Reading and writing safetensors files: u64 LE header length, JSON header, data.
#ifndef XLSTM_RUNTIME_SAFETENSORS_H
#define XLSTM_RUNTIME_SAFETENSORS_H

#include "runtime/src/support/DType.h"
#include "runtime/src/support/File.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace xlstm::safetensors {

constexpr uint64_t kMaxHeaderBytes = 100u << 20;

/// One tensor of a file: compact, row-major. BOOL tensors are read as u8.
struct TensorView {
  std::string name;
  DType dtype = XLSTM_F32;
  std::vector<int64_t> shape;
  uint64_t offset = 0; ///< from the start of the data section
  uint64_t bytes = 0;
  const void *data =
      nullptr; ///< into the file's mapping, or the caller's memory when writing; alignment 1
};

/// A file mapped into memory, checked as a whole: header length, JSON, known types, offsets in
/// range and as long as the shape says, no overlap, no name twice. Throws Failure(INVALID_INPUT)
/// "<path>: <tensor>: …".
class File {
public:
  static File open(const std::string &path);
  /// The same for bytes that outlive the object.
  static File fromMemory(std::string_view bytes, const std::string &source);

  /// Tensors in the order of their data.
  const std::vector<TensorView> &tensors() const { return list; }
  /// The tensor of that name or nullptr.
  const TensorView *find(const std::string &name) const;
  const std::map<std::string, std::string> &metadata() const { return meta; }
  const std::string &source() const { return name; }

private:
  void read(std::string_view bytes);
  std::string name;
  MappedFile file;
  std::vector<TensorView> list;
  std::map<std::string, std::string> meta;
};

/// Writes a file under a temporary name and renames it, so `path` appears whole or not at all.
/// `data` of each tensor points to `product(shape) * size` bytes; offset and bytes are ignored.
/// Throws Failure.
void write(const std::string &path, const std::vector<TensorView> &tensors,
           const std::map<std::string, std::string> &metadata = {});

} // namespace xlstm::safetensors
#endif
