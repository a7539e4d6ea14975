// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/Reference/Element.h"

#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>

using namespace xlstm::reference;

/// bfloat16 is the upper half of a float32.
static double fromBF16(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

/// IEEE binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits.
static double fromF16(uint16_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double magnitude;
  if (exponent == 31)
    magnitude = fraction ? std::numeric_limits<double>::quiet_NaN()
                         : std::numeric_limits<double>::infinity();
  else if (exponent == 0)
    magnitude = std::ldexp(fraction, -24);
  else
    magnitude = std::ldexp(1024 + fraction, exponent - 25);
  return bits >> 15 ? -magnitude : magnitude;
}

double xlstm::reference::smallestNormal(ElementType type) {
  switch (type) {
  case ElementType::F64:
    return DBL_MIN;
  case ElementType::F32:
  case ElementType::BF16: // the exponent range of float32
    return FLT_MIN;
  case ElementType::F16:
    return std::ldexp(1.0, -14);
  }
  return 0;
}

template <typename Bits, typename Convert>
static void readAs(const void *data, int64_t first, int64_t count, double *result,
                   Convert convert) {
  auto *elements = static_cast<const Bits *>(data) + first;
  for (int64_t e = 0; e < count; ++e)
    result[e] = convert(elements[e]);
}

void TensorView::read(int64_t first, int64_t count, double *result) const {
  switch (type) {
  case ElementType::F64:
    return readAs<double>(data, first, count, result, [](double x) { return x; });
  case ElementType::F32:
    return readAs<float>(data, first, count, result, [](float x) { return double(x); });
  case ElementType::BF16:
    return readAs<uint16_t>(data, first, count, result, fromBF16);
  case ElementType::F16:
    return readAs<uint16_t>(data, first, count, result, fromF16);
  }
}

double TensorView::at(int64_t index) const {
  double value;
  read(index, 1, &value);
  return value;
}
