// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/Reference/Rounding.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

using namespace xlstm::reference;

/// Evenly in [0, 1), from the seed and the bits of the value (SplitMix64).
static double chance(uint64_t seed, double value) {
  uint64_t x;
  std::memcpy(&x, &value, sizeof x);
  for (uint64_t salt : {seed, uint64_t(0)}) {
    x += salt + 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    x ^= x >> 31;
  }
  return double(x >> 11) * 0x1p-53;
}

double Rounding::operator()(ElementType type, double value) const {
  if (mode == None || type == ElementType::F64 || value == 0 || !std::isfinite(value))
    return value;
  // Digits of the significand; the exponent of the smallest number, and that of the first number
  // that is too large.
  struct Format {
    int digits, least, most;
  };
  Format format = type == ElementType::F32    ? Format{24, -149, 128}
                  : type == ElementType::BF16 ? Format{8, -133, 128}
                                              : Format{11, -24, 16};
  int exponent;
  std::frexp(value, &exponent);
  double unit = std::ldexp(1.0, std::max(exponent - format.digits, format.least));
  double units = value / unit, below = std::floor(units);
  double result = mode == Nearest ? std::nearbyint(units)
                                  : below + (chance(seed, value) < units - below ? 1 : 0);
  result *= unit;
  if (std::fabs(result) >= std::ldexp(1.0, format.most))
    return std::copysign(std::numeric_limits<double>::infinity(), value);
  return result;
}

void Rounding::operator()(ElementType type, double *values, int64_t count) const {
  if (mode != None && type != ElementType::F64)
    std::transform(values, values + count, values,
                   [&](double value) { return (*this)(type, value); });
}
