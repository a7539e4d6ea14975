// SPDX-License-Identifier: Apache-2.0
#include "compiler/Package/Package.h"

#include "runtime/src/package/Container.h"
#include "runtime/src/support/File.h"

#include <filesystem>
#include <system_error>
#include <unistd.h>

namespace xlstm::package {
namespace {

template <typename T> void appendLittleEndian(std::string &out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i)
    out.push_back(static_cast<char>(value >> (8 * i)));
}

void padTo(std::string &out, size_t alignment) {
  out.append((alignment - out.size() % alignment) % alignment, '\0');
}

} // namespace

void PackageWriter::addBlob(std::string name, std::string_view data) {
  Blob blob;
  if (!contents.blobs.empty()) {
    const Blob &last = contents.blobs.back();
    blob.offset = (last.offset + last.size + kBlobAlignment - 1) / kBlobAlignment * kBlobAlignment;
  }
  blob.name = std::move(name);
  blob.size = data.size();
  blob.xxh64 = checksum(data);
  contents.blobs.push_back(std::move(blob));
  bytes.emplace_back(data);
}

std::string PackageWriter::serialize() const {
  std::string manifestText = toJson(contents, /*inLines=*/false);
  // Reading it back catches everything that the runtime would refuse: names, references, ranges.
  parseManifest(manifestText, "package");
  std::string out(kMagic, sizeof kMagic);
  appendLittleEndian<uint32_t>(out, kFormatVersion);
  appendLittleEndian<uint32_t>(out, 0);
  appendLittleEndian<uint64_t>(out, manifestText.size());
  out += manifestText;
  padTo(out, kBlobAlignment);
  for (const std::string &blob : bytes) {
    padTo(out, kBlobAlignment);
    out += blob;
  }
  return out;
}

void PackageWriter::write(const std::string &path) const {
  std::string text = serialize();
  AtomicFile file(path);
  file.write(text.data(), text.size());
  file.commit();
}

void PackageWriter::writeDirectory(const std::string &path) const {
  namespace fs = std::filesystem;
  std::string manifestText = toJson(contents);
  parseManifest(manifestText, "package");
  std::string temporary = cat(path, ".tmp.", ::getpid());
  std::error_code error;
  bool exists = fs::exists(path, error);
  if (exists && !fs::exists(path + "/manifest.json", error))
    fail(XLSTM_ERROR_INVALID_INPUT, path, ": exists and is no package directory");
  try {
    fs::create_directory(temporary);
    for (size_t i = 0; i <= bytes.size(); ++i) {
      AtomicFile file(temporary + "/" +
                      (i < bytes.size() ? contents.blobs[i].name : "manifest.json"));
      const std::string &data = i < bytes.size() ? bytes[i] : manifestText;
      file.write(data.data(), data.size());
      file.commit();
    }
    if (exists)
      fs::remove_all(path);
    fs::rename(temporary, path);
  } catch (const fs::filesystem_error &failure) {
    fs::remove_all(temporary, error);
    fail(XLSTM_ERROR_INVALID_INPUT, path, ": cannot write: ", failure.code().message());
  } catch (...) {
    fs::remove_all(temporary, error);
    throw;
  }
}

} // namespace xlstm::package
