// SPDX-License-Identifier: Apache-2.0
// Floating-point conversions, against the C++ compiler's own.
#include "runtime/src/support/Convert.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <vector>

using namespace xlstm;

namespace {

float fromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

TEST(Convert, Float16RoundsLikeTheCompiler) {
  for (uint64_t bits = 0; bits < (uint64_t(1) << 32); bits += 4093) { // all exponents, both signs
    float value = fromBits(static_cast<uint32_t>(bits));
    _Float16 expected = static_cast<_Float16>(value);
    uint16_t raw;
    std::memcpy(&raw, &expected, 2);
    if (std::isnan(value))
      ASSERT_EQ(toFloat16(value) & 0x7e00, 0x7e00);
    else
      ASSERT_EQ(toFloat16(value), raw) << value;
  }
}

TEST(Convert, BFloat16IsTheNearest) {
  for (uint64_t bits = 0; bits < 0x7f7f8000u; bits += 4093) {
    double value = fromBits(static_cast<uint32_t>(bits));
    uint32_t rounded = toBFloat16(static_cast<float>(value));
    double error = std::fabs(fromBits(rounded << 16) - value);
    ASSERT_LE(error, std::fabs(fromBits((rounded + 1) << 16) - value)) << value;
    if (rounded) {
      ASSERT_LE(error, std::fabs(fromBits((rounded - 1) << 16) - value)) << value;
    }
  }
  EXPECT_EQ(toBFloat16(fromBits(0x3f808000)), 0x3f80); // a tie goes to the even neighbour
  EXPECT_EQ(toBFloat16(fromBits(0x3f818000)), 0x3f82);
}

TEST(Convert, SixteenBitsAndBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    uint16_t raw = static_cast<uint16_t>(bits);
    _Float16 half;
    std::memcpy(&half, &raw, 2);
    if (std::isnan(static_cast<float>(half))) {
      ASSERT_TRUE(std::isnan(fromFloat16(raw))) << bits;
    } else {
      ASSERT_EQ(fromFloat16(raw), static_cast<float>(half)) << bits;
      ASSERT_EQ(std::signbit(fromFloat16(raw)), raw >= 0x8000) << bits;
      ASSERT_EQ(toFloat16(fromFloat16(raw)), raw);
    }
    float wide = fromBFloat16(raw);
    ASSERT_EQ(toBFloat16(wide), std::isnan(wide) ? raw | 0x40 : raw);
  }
}

TEST(Convert, RoundsOnceFromFloat64) {
  // Just above a tie of f16 and of bf16, by less than f32 can say; on it; just below it.
  const double ties[] = {1 + 0x1p-11, 1 + 0x1p-8}, little = 0x1p-40;
  const DType types[] = {XLSTM_F16, XLSTM_BF16};
  const uint16_t even[] = {0x3c00, 0x3f80};
  for (int k = 0; k < 2; ++k) {
    std::vector<double> numbers{ties[k] + little, ties[k], ties[k] - little, -ties[k] - little};
    std::vector<uint16_t> got(4);
    convertFloats(XLSTM_F64, numbers.data(), types[k], got.data(), 4);
    EXPECT_EQ(got, (std::vector<uint16_t>{static_cast<uint16_t>(even[k] + 1), even[k], even[k],
                                          static_cast<uint16_t>((even[k] + 1) | 0x8000)}));
  }
  // Beyond the largest f32, and below its smallest.
  double extremes[] = {1e300, -1e300, 1e-300, HUGE_VAL};
  float floats[4];
  convertFloats(XLSTM_F64, extremes, XLSTM_F32, floats, 4);
  EXPECT_EQ(floats[0], HUGE_VALF);
  EXPECT_EQ(floats[2], 0);
  uint16_t halves[4];
  convertFloats(XLSTM_F64, extremes, XLSTM_BF16, halves, 4);
  EXPECT_EQ(halves[0], 0x7f80);
  EXPECT_EQ(halves[1], 0xff80);
  EXPECT_EQ(halves[2], 0);
  EXPECT_EQ(halves[3], 0x7f80);
}

TEST(Convert, BetweenAllTypes) {
  const std::vector<double> numbers{0, -0.0, 1, -2.5, 0x1p-10, 448, -INFINITY};
  const DType types[] = {XLSTM_F64, XLSTM_F32, XLSTM_BF16, XLSTM_F16};
  for (DType from : types)
    for (DType to : types) { // each number is one of every type
      std::vector<char> a(8 * numbers.size() + 1), b(8 * numbers.size() + 1);
      std::vector<double> back(numbers.size());
      convertFloats(XLSTM_F64, numbers.data(), from, a.data() + 1, numbers.size());
      convertFloats(from, a.data() + 1, to, b.data() + 1, numbers.size());
      convertFloats(to, b.data() + 1, XLSTM_F64, back.data(), numbers.size());
      EXPECT_EQ(back, numbers) << dtypeName(from) << " to " << dtypeName(to);
    }
}

} // namespace
