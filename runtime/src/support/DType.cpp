// SPDX-License-Identifier: Apache-2.0
#include "runtime/src/support/DType.h"

namespace xlstm {
namespace {
struct Row {
  DType dtype;
  size_t size;
  const char *name;
  const char *safetensors;
};
constexpr Row table[] = {
    {XLSTM_F64, 8, "f64", "F64"}, {XLSTM_F32, 4, "f32", "F32"}, {XLSTM_BF16, 2, "bf16", "BF16"},
    {XLSTM_F16, 2, "f16", "F16"}, {XLSTM_I64, 8, "i64", "I64"}, {XLSTM_I32, 4, "i32", "I32"},
    {XLSTM_U8, 1, "u8", "U8"},
};
const Row *row(DType dtype) {
  for (const Row &r : table)
    if (r.dtype == dtype)
      return &r;
  return nullptr;
}
} // namespace

size_t dtypeSize(DType dtype) { return row(dtype) ? row(dtype)->size : 0; }
const char *dtypeName(DType dtype) { return row(dtype) ? row(dtype)->name : "?"; }
const char *dtypeSafetensorsName(DType dtype) { return row(dtype) ? row(dtype)->safetensors : "?"; }

std::optional<DType> parseDType(std::string_view name) {
  for (const Row &r : table)
    if (name == r.name)
      return r.dtype;
  return std::nullopt;
}

std::optional<DType> parseSafetensorsDType(std::string_view name) {
  if (name == "BOOL")
    return XLSTM_U8;
  for (const Row &r : table)
    if (name == r.safetensors)
      return r.dtype;
  return std::nullopt;
}

} // namespace xlstm
