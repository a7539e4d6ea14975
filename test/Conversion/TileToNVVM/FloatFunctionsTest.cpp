// SPDX-License-Identifier: Apache-2.0
// erf and tanh as GPU kernels have them, in f32 on the host, beside those in f64.
#include "compiler/Conversion/TileToNVVM/FloatFunctions.h"
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace {

struct HostArithmetic {
  using Number = float;
  float error = 0; // relative, of ex2.approx: at most 2^-22; the same of div.approx
  float constant(double value) const { return float(value); }
  float add(float x, float y) const { return x + y; }
  float mul(float x, float y) const { return x * y; }
  float divide(float x, float y) const { return x / y * (1 + error); }
  float abs(float x) const { return std::fabs(x); }
  float exp2(float x) const { return std::exp2(x) * (1 + error); }
  float copySign(float x, float sign) const { return std::copysign(x, sign); }
  float selectLess(float x, float y, float a, float b) const { return x < y ? a : b; }
};

using Functions = xlstm::FloatFunctions<HostArithmetic>;
using Function = float (Functions::*)(float) const;

/// The largest error in units of the last place of f32, over [from, to].
double worst(Function function, double (*exact)(double), float error, float from, float to) {
  HostArithmetic arithmetic{error};
  double result = 0;
  for (float x = from; x <= to; x += std::max(1e-5f, std::fabs(x) * 1e-5f)) {
    double expected = exact(double(x)), got = (Functions{arithmetic}.*function)(x);
    double unit = std::ldexp(1.0, std::ilogb(expected) - 23);
    result = std::max(result, std::fabs(got - expected) / unit);
  }
  return result;
}

void expectAccurate(Function function, double (*exact)(double), double units) {
  EXPECT_LE(worst(function, exact, 0, 1e-30f, 1), units);
  EXPECT_LE(worst(function, exact, 0, -1, -1e-5f), units);
  for (float error : {0.f, -2.4e-7f, 2.4e-7f}) {
    EXPECT_LE(worst(function, exact, error, 0.5f, 12), units) << error;
    EXPECT_LE(worst(function, exact, error, -12, -0.5f), units) << error;
  }
}

TEST(FloatFunctions, ErfIsAccurateToF32Rounding) { expectAccurate(&Functions::erf, std::erf, 3); }
TEST(FloatFunctions, TanhIsAccurateToF32Rounding) {
  expectAccurate(&Functions::tanh, std::tanh,
                 5); // where it is 0.54, errors of 2^x and / both count
}

TEST(FloatFunctions, EndExactly) {
  float infinity = std::numeric_limits<float>::infinity();
  HostArithmetic arithmetic;
  for (Function function : {&Functions::erf, &Functions::tanh}) {
    auto f = [&](float x) { return (Functions{arithmetic}.*function)(x); };
    EXPECT_EQ(f(0), 0.f);
    EXPECT_EQ(f(10.5f), 1.f);
    EXPECT_EQ(f(-200.f), -1.f);
    EXPECT_EQ(f(infinity), 1.f);
    EXPECT_EQ(f(-infinity), -1.f);
    EXPECT_TRUE(std::isnan(f(std::nanf(""))));
  }
}

} // namespace
