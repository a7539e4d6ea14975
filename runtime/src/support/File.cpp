// SPDX-License-Identifier: Apache-2.0
#include "runtime/src/support/File.h"

#include "runtime/src/support/Failure.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace xlstm {

MappedFile::MappedFile(const std::string &path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    fail(XLSTM_ERROR_INVALID_INPUT, path, ": cannot open: ", std::strerror(errno));
  struct stat info;
  std::string problem;
  if (::fstat(descriptor, &info) != 0)
    problem = std::strerror(errno);
  else if (!S_ISREG(info.st_mode))
    problem = "expected a regular file";
  else if (info.st_size > 0) {
    length = static_cast<size_t>(info.st_size);
    bytes = ::mmap(nullptr, length, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (bytes == MAP_FAILED) {
      bytes = nullptr;
      problem = std::strerror(errno);
    }
  }
  ::close(descriptor);
  if (!problem.empty())
    fail(XLSTM_ERROR_INVALID_INPUT, path, ": cannot read: ", problem);
}

MappedFile::MappedFile(MappedFile &&other) noexcept { *this = std::move(other); }

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
  std::swap(bytes, other.bytes);
  std::swap(length, other.length);
  return *this;
}

MappedFile::~MappedFile() {
  if (bytes)
    ::munmap(bytes, length);
}

AtomicFile::AtomicFile(const std::string &path)
    : path(path), temporary(cat(path, ".tmp.", ::getpid())) {
  descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0)
    fail(XLSTM_ERROR_INVALID_INPUT, path, ": cannot create: ", std::strerror(errno));
}

AtomicFile::~AtomicFile() {
  if (descriptor >= 0) {
    ::close(descriptor);
    ::unlink(temporary.c_str());
  }
}

void AtomicFile::failed(const char *what) {
  fail(XLSTM_ERROR_INVALID_INPUT, path, ": cannot ", what, ": ", std::strerror(errno));
}

void AtomicFile::write(const void *data, size_t size) {
  const char *cursor = static_cast<const char *>(data);
  written += size;
  while (size > 0) {
    ssize_t n = ::write(descriptor, cursor, size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      failed("write");
    cursor += n;
    size -= static_cast<size_t>(n);
  }
}

void AtomicFile::pad(size_t alignment) {
  static const char zeros[256] = {};
  size_t rest = (alignment - written % alignment) % alignment;
  write(zeros, rest);
}

void AtomicFile::commit() {
  int closing = std::exchange(descriptor, -1);
  if (::close(closing) != 0 || ::rename(temporary.c_str(), path.c_str()) != 0) {
    int error = errno;
    ::unlink(temporary.c_str());
    errno = error;
    failed("write");
  }
}

bool isDirectory(const std::string &path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

} // namespace xlstm
