// SPDX-License-Identifier: Apache-2.0
// Random inputs: rounding against the compiler's own conversions, distribution, independence of
// threads.
#include "tools/common/Random.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <vector>

using namespace xlstm;
using namespace xlstm::tools;

namespace {

float fromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

TEST(Random, Float16RoundsLikeTheCompiler) {
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

TEST(Random, BFloat16IsTheNearest) {
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

TEST(Random, Moments) {
  const int64_t count = 1 << 20;
  std::vector<float> values(count);
  fillNormal(values.data(), count, XLSTM_F32, "q", 7, 4.0f);
  double sum = 0, squares = 0, fourth = 0;
  for (float value : values) {
    double x = value - 4.0;
    sum += x, squares += x * x, fourth += x * x * x * x;
  }
  // Five standard errors of the mean, the variance and the fourth moment of normal(0, 1).
  EXPECT_NEAR(sum / count, 0, 5 * std::sqrt(1.0 / count));
  EXPECT_NEAR(squares / count, 1, 5 * std::sqrt(2.0 / count));
  EXPECT_NEAR(fourth / count, 3, 5 * std::sqrt(96.0 / count));
}

TEST(Random, AnElementDependsOnItsIndexOnly) {
  std::vector<float> longer(300001), shorter(1001), other(1001);
  fillNormal(longer.data(), 300001, XLSTM_F32, "q", 7, 0); // on several threads
  fillNormal(shorter.data(), 1001, XLSTM_F32, "q", 7, 0);
  EXPECT_EQ(std::vector<float>(longer.begin(), longer.begin() + 1001), shorter);
  fillNormal(other.data(), 1001, XLSTM_F32, "k", 7, 0);
  EXPECT_NE(other, shorter);
  fillNormal(other.data(), 1001, XLSTM_F32, "q", 8, 0);
  EXPECT_NE(other, shorter);
}

} // namespace
