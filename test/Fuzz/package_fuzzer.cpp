// SPDX-License-Identifier: Apache-2.0
// Any bytes as a package: an error with a one-line message, or a package whose parts hold together.
#include "runtime/src/package/Container.h"
#include "runtime/src/support/Failure.h"

#include <cstdlib>

using namespace xlstm;

namespace {

void check(bool condition) {
  if (!condition)
    std::abort();
}

/// Wraps the input as a manifest, so that the fuzzer need not find the header first.
void asManifest(std::string_view bytes) {
  try {
    package::Manifest manifest = package::parseManifest(bytes, "m");
    // What was accepted is written and read back as the same.
    std::string text = package::toJson(manifest);
    check(package::toJson(package::parseManifest(text, "m")) == text);
  } catch (const Failure &failure) {
    check(std::string_view(failure.what()).find('\n') == std::string_view::npos);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char *>(data), size);
  asManifest(bytes);
  try {
    package::Container container = package::Container::fromMemory(bytes, "p");
    for (const package::Blob &blob : container.manifest().blobs)
      check(package::checksum(container.blob(blob.name)) == blob.xxh64);
  } catch (const Failure &failure) {
    check(std::string_view(failure.what()).find('\n') == std::string_view::npos);
  }
  return 0;
}
