// SPDX-License-Identifier: Apache-2.0
#include "runtime/src/package/Container.h"

#include "runtime/src/support/Failure.h"

#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace xlstm::package {
namespace {
template <typename T> T loadLittleEndian(const char *bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    value |= static_cast<T>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return value;
}
} // namespace

uint64_t checksum(std::string_view bytes) { return XXH64(bytes.data(), bytes.size(), 0); }

Container Container::open(const std::string &path) {
  Container container;
  container.name = path;
  if (isDirectory(path)) {
    container.readDirectory(path);
  } else {
    container.files.emplace_back(path);
    container.read({container.files[0].data(), container.files[0].size()});
  }
  return container;
}

Container Container::fromMemory(std::string_view bytes, const std::string &source) {
  Container container;
  container.name = source;
  container.read(bytes);
  return container;
}

void Container::read(std::string_view bytes) {
  if (bytes.size() < sizeof kMagic || std::memcmp(bytes.data(), kMagic, sizeof kMagic) != 0)
    fail(XLSTM_ERROR_INVALID_INPUT, name,
         ": not an xLSTM package: expected a file that begins with XLSTMPKG",
         bytes.empty() ? ", got an empty one" : "");
  if (bytes.size() < kHeaderBytes)
    fail(XLSTM_ERROR_INVALID_INPUT, name, ": truncated: expected a header of ", kHeaderBytes,
         " bytes, got ", bytes.size());
  uint32_t version = loadLittleEndian<uint32_t>(bytes.data() + 8);
  if (version != kFormatVersion)
    fail(XLSTM_ERROR_INVALID_INPUT, name, ": package format version ", version,
         " is not known to this runtime, which reads version ", kFormatVersion);
  uint64_t length = loadLittleEndian<uint64_t>(bytes.data() + 16);
  if (length > kMaxManifestBytes)
    fail(XLSTM_ERROR_INVALID_INPUT, name, ": expected a manifest of at most ", kMaxManifestBytes,
         " bytes, got ", length);
  if (length > bytes.size() - kHeaderBytes)
    fail(XLSTM_ERROR_INVALID_INPUT, name, ": truncated: expected a manifest of ", length,
         " bytes, got ", bytes.size() - kHeaderBytes);
  contents = parseManifest(bytes.substr(kHeaderBytes, length), name);
  size_t start = (kHeaderBytes + length + kBlobAlignment - 1) / kBlobAlignment * kBlobAlignment;
  uint64_t available = bytes.size() > start ? bytes.size() - start : 0;
  for (const Blob &blob : contents.blobs) {
    if (blob.offset % kBlobAlignment)
      fail(XLSTM_ERROR_INVALID_INPUT, name, ": blob ", blob.name,
           ": expected an offset that is a multiple of ", kBlobAlignment, ", got ", blob.offset);
    if (blob.offset > available || blob.size > available - blob.offset)
      fail(XLSTM_ERROR_INVALID_INPUT, name, ": truncated: blob ", blob.name, ": expected ",
           blob.size, " bytes at offset ", blob.offset, ", got a blob section of ", available);
    addBlob(blob, blob.size ? bytes.substr(start + blob.offset, blob.size) : std::string_view());
  }
}

void Container::readDirectory(const std::string &path) {
  std::string manifestPath = path + "/manifest.json";
  MappedFile manifest(manifestPath);
  if (manifest.size() > kMaxManifestBytes)
    fail(XLSTM_ERROR_INVALID_INPUT, manifestPath, ": expected at most ", kMaxManifestBytes,
         " bytes, got ", manifest.size());
  contents = parseManifest({manifest.data(), manifest.size()}, manifestPath);
  for (const Blob &blob : contents.blobs) {
    MappedFile file(path + "/" + blob.name); // names hold no slash and no leading dot
    if (file.size() != blob.size)
      fail(XLSTM_ERROR_INVALID_INPUT, path, "/", blob.name, ": expected ", blob.size,
           " bytes, got ", file.size());
    addBlob(blob, {file.data(), file.size()});
    files.push_back(std::move(file));
  }
}

void Container::addBlob(const Blob &blob, std::string_view bytes) {
  if (checksum(bytes) != blob.xxh64)
    fail(XLSTM_ERROR_INVALID_INPUT, name, ": blob ", blob.name,
         " is damaged: its checksum does not match");
  blobs.push_back(bytes);
}

std::string_view Container::blob(const std::string &blobName) const {
  for (size_t i = 0; i < contents.blobs.size(); ++i)
    if (contents.blobs[i].name == blobName)
      return blobs[i];
  fail(XLSTM_ERROR_INVALID_INPUT, name, ": expected a blob named '", blobName, "', got none");
}

} // namespace xlstm::package
