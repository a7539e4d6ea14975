// SPDX-License-Identifier: Apache-2.0
// Files: read-only mappings, and outputs that appear whole or not at all.
#ifndef XLSTM_RUNTIME_SUPPORT_FILE_H
#define XLSTM_RUNTIME_SUPPORT_FILE_H

#include <cstddef>
#include <string>

namespace xlstm {

/// A file mapped read-only. Throws Failure(INVALID_INPUT) "<path>: …" if it cannot be read or is no
/// regular file. Movable.
class MappedFile {
public:
  MappedFile() = default;
  explicit MappedFile(const std::string &path);
  MappedFile(MappedFile &&other) noexcept;
  MappedFile &operator=(MappedFile &&other) noexcept;
  ~MappedFile();
  const char *data() const { return static_cast<const char *>(bytes); }
  size_t size() const { return length; }

private:
  void *bytes = nullptr;
  size_t length = 0;
};

/// Writes to a temporary name beside `path`; commit() renames it into place, else the destructor
/// removes it. Throws Failure(INVALID_INPUT) "<path>: cannot …".
class AtomicFile {
public:
  explicit AtomicFile(const std::string &path);
  AtomicFile(const AtomicFile &) = delete;
  AtomicFile &operator=(const AtomicFile &) = delete;
  ~AtomicFile();
  void write(const void *data, size_t size);
  /// Appends zero bytes until the file size is a multiple of `alignment`.
  void pad(size_t alignment);
  void commit();

private:
  [[noreturn]] void failed(const char *what);
  std::string path, temporary;
  int descriptor = -1;
  size_t written = 0;
};

/// True if `path` names a directory.
bool isDirectory(const std::string &path);

} // namespace xlstm
#endif
