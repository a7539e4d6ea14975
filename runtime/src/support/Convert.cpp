// SPDX-License-Identifier: Apache-2.0
#include "runtime/src/support/Convert.h"

#include <cmath>
#include <cstring>

namespace xlstm {
namespace {

template <typename T> T bitsAs(const void *from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// A float that rounds on to 16 bits as the double itself would: inexact values get an odd last digit
/// (rounding to odd), which keeps them off the ties (Boldo and Melquiond 2008).
float toOddFloat(double value) {
  float nearest = static_cast<float>(value);
  if (std::isnan(value) || static_cast<double>(nearest) == value)
    return nearest;
  uint32_t bits = bitsAs<uint32_t>(&nearest);
  if (std::fabs(static_cast<double>(nearest)) > std::fabs(value))
    --bits; // towards zero; of an infinity the largest number
  bits |= 1;
  return bitsAs<float>(&bits);
}

/// One element as a float that rounds as it does. Only f64 needs more than conversion.
template <DType dtype> float load(const char *at) {
  if constexpr (dtype == XLSTM_F64)
    return toOddFloat(bitsAs<double>(at));
  else if constexpr (dtype == XLSTM_F32)
    return bitsAs<float>(at);
  else if constexpr (dtype == XLSTM_BF16)
    return fromBFloat16(bitsAs<uint16_t>(at));
  else
    return fromFloat16(bitsAs<uint16_t>(at));
}

template <typename T> void store(char *at, T value) { std::memcpy(at, &value, sizeof value); }

template <DType from> void convertFrom(const char *source, DType to, char *target, size_t count) {
  const size_t size = dtypeSize(from);
  switch (to) {
  case XLSTM_F64: // from a narrower type, exactly
    for (size_t k = 0; k < count; ++k)
      store(target + 8 * k, static_cast<double>(load<from>(source + size * k)));
    break;
  case XLSTM_F32:
    for (size_t k = 0; k < count; ++k)
      if constexpr (from == XLSTM_F64)
        store(target + 4 * k, static_cast<float>(bitsAs<double>(source + size * k)));
      else
        store(target + 4 * k, load<from>(source + size * k));
    break;
  case XLSTM_BF16:
    for (size_t k = 0; k < count; ++k)
      store(target + 2 * k, toBFloat16(load<from>(source + size * k)));
    break;
  default:
    for (size_t k = 0; k < count; ++k)
      store(target + 2 * k, toFloat16(load<from>(source + size * k)));
  }
}

} // namespace

uint16_t toBFloat16(float value) {
  uint32_t bits = bitsAs<uint32_t>(&value);
  if (std::isnan(value))
    return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

uint16_t toFloat16(float value) {
  uint32_t bits = bitsAs<uint32_t>(&value);
  uint16_t sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  float magnitude = std::fabs(value);
  if (std::isnan(value))
    return sign | 0x7e00;
  if (magnitude >= 65520.0f) // half way from the largest f16 to the next power of two
    return sign | 0x7c00;
  if (magnitude < 0x1p-14f) // subnormal: a multiple of 2^-24
    return sign | static_cast<uint16_t>(std::nearbyint(magnitude * 0x1p24f));
  uint32_t rounded = (bits & 0x7fffffff) - (112u << 23); // rebias the exponent from 127 to 15
  return sign | static_cast<uint16_t>((rounded + 0xfff + (rounded >> 13 & 1)) >> 13);
}

float fromBFloat16(uint16_t bits) {
  uint32_t wide = static_cast<uint32_t>(bits) << 16;
  return bitsAs<float>(&wide);
}

float fromFloat16(uint16_t bits) {
  uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16, exponent = bits >> 10 & 31,
           digits = bits & 0x3ff;
  if (exponent == 0) {
    float magnitude = static_cast<float>(digits) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  uint32_t wide = sign | (exponent == 31 ? 255u : exponent + 112) << 23 | digits << 13;
  return bitsAs<float>(&wide);
}

void convertFloats(DType from, const void *source, DType to, void *target, size_t count) {
  const char *in = static_cast<const char *>(source);
  char *out = static_cast<char *>(target);
  if (from == to) {
    if (count)
      std::memcpy(out, in, count * dtypeSize(from));
    return;
  }
  switch (from) {
  case XLSTM_F64:
    return convertFrom<XLSTM_F64>(in, to, out, count);
  case XLSTM_F32:
    return convertFrom<XLSTM_F32>(in, to, out, count);
  case XLSTM_BF16:
    return convertFrom<XLSTM_BF16>(in, to, out, count);
  default:
    return convertFrom<XLSTM_F16>(in, to, out, count);
  }
}

} // namespace xlstm
