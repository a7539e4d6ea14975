// SPDX-License-Identifier: Apache-2.0
// Any bytes as a safetensors file: an error with a one-line message, or tensors inside the bytes.
#include "runtime/src/safetensors/Safetensors.h"
#include "runtime/src/support/Failure.h"

#include <cstdlib>

using namespace xlstm;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char *>(data), size);
  try {
    auto file = safetensors::File::fromMemory(bytes, "s");
    unsigned sum = 0;
    for (const safetensors::TensorView &tensor : file.tensors())
      for (uint64_t k = 0; k < tensor.bytes; ++k) // the address sanitizer watches
        sum += static_cast<const unsigned char *>(tensor.data)[k];
    volatile unsigned sink = sum;
    (void)sink;
  } catch (const Failure &failure) {
    if (std::string_view(failure.what()).find('\n') != std::string_view::npos)
      std::abort();
  }
  return 0;
}
