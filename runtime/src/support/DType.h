// SPDX-License-Identifier: Apache-2.0
// Names and sizes of element types.
#ifndef XLSTM_RUNTIME_SUPPORT_DTYPE_H
#define XLSTM_RUNTIME_SUPPORT_DTYPE_H

#include "runtime/include/xlstm/runtime.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace xlstm {

using DType = xlstm_dtype;

/// Bytes of one element; 0 for a value outside the enumeration.
size_t dtypeSize(DType dtype);
/// Package name ("bf16"); "?" for a value outside the enumeration.
const char *dtypeName(DType dtype);
/// Safetensors name ("BF16").
const char *dtypeSafetensorsName(DType dtype);
/// Inverse of dtypeName.
std::optional<DType> parseDType(std::string_view name);
/// Inverse of dtypeSafetensorsName; BOOL is read as u8.
std::optional<DType> parseSafetensorsDType(std::string_view name);

/// Product of two non-negative numbers, nullopt if it does not fit.
inline std::optional<int64_t> multiply(int64_t a, int64_t b) {
  int64_t result;
  if (__builtin_mul_overflow(a, b, &result))
    return std::nullopt;
  return result;
}
inline std::optional<int64_t> add(int64_t a, int64_t b) {
  int64_t result;
  if (__builtin_add_overflow(a, b, &result))
    return std::nullopt;
  return result;
}

} // namespace xlstm
#endif
