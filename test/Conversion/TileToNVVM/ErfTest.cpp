// SPDX-License-Identifier: Apache-2.0
// The approximation of erf that GPU kernels have, in f32 on the host, beside erf in f64.
#include "compiler/Conversion/TileToNVVM/Erf.h"
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace {

struct HostArithmetic {
  using Number = float;
  float exp2Error = 0; // relative, of ex2.approx: at most 2^-22
  float constant(double value) const { return float(value); }
  float add(float x, float y) const { return x + y; }
  float mul(float x, float y) const { return x * y; }
  float abs(float x) const { return std::fabs(x); }
  float exp2(float x) const { return std::exp2(x) * (1 + exp2Error); }
  float copySign(float x, float sign) const { return std::copysign(x, sign); }
  float selectLess(float x, float y, float a, float b) const { return x < y ? a : b; }
};

/// The largest error in units of the last place of f32, over [from, to].
double worst(HostArithmetic arithmetic, float from, float to) {
  double result = 0;
  for (float x = from; x <= to; x += std::max(1e-5f, std::fabs(x) * 1e-5f)) {
    double expected = std::erf(double(x)), got = xlstm::erf(arithmetic, x);
    double unit = std::ldexp(1.0, std::ilogb(expected) - 23);
    result = std::max(result, std::fabs(got - expected) / unit);
  }
  return result;
}

TEST(Erf, IsAccurateToF32Rounding) {
  EXPECT_LE(worst({}, 1e-30f, 1), 2.5);
  for (float error : {0.f, -2.4e-7f, 2.4e-7f}) {
    EXPECT_LE(worst({error}, 1, 6), 2.5) << error;
    EXPECT_LE(worst({error}, -6, -1), 2.5) << error;
  }
  EXPECT_LE(worst({}, -1, -1e-5f), 2.5);
}

TEST(Erf, EndsExactly) {
  float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(xlstm::erf(HostArithmetic(), 0.f), 0.f);
  EXPECT_EQ(xlstm::erf(HostArithmetic(), 4.5f), 1.f);
  EXPECT_EQ(xlstm::erf(HostArithmetic(), infinity), 1.f);
  EXPECT_EQ(xlstm::erf(HostArithmetic(), -infinity), -1.f);
  EXPECT_TRUE(std::isnan(xlstm::erf(HostArithmetic(), std::nanf(""))));
}

} // namespace
