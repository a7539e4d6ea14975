// SPDX-License-Identifier: Apache-2.0
// Floating-point numbers in other types, rounded to nearest even.
#ifndef XLSTM_RUNTIME_SUPPORT_CONVERT_H
#define XLSTM_RUNTIME_SUPPORT_CONVERT_H

#include "runtime/src/support/DType.h"

namespace xlstm {

inline bool isFloat(DType dtype) {
  return dtype == XLSTM_F64 || dtype == XLSTM_F32 || dtype == XLSTM_BF16 || dtype == XLSTM_F16;
}

uint16_t toBFloat16(float value);
uint16_t toFloat16(float value);
/// Exact.
float fromBFloat16(uint16_t bits);
float fromFloat16(uint16_t bits);

/// Converts `count` numbers between floating-point types; each is rounded once, also from f64 to 16
/// bits. Neither address need be aligned.
void convertFloats(DType from, const void *source, DType to, void *target, size_t count);

} // namespace xlstm
#endif
