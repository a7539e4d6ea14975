// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/Reference/Rounding.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>

using namespace xlstm::reference;

static constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(Rounding, NearestF32IsWhatTheMachineRoundsTo) {
  Rounding nearest{Rounding::Nearest};
  std::mt19937_64 random(1);
  for (int n = 0; n < 100000; ++n) {
    // All exponents of f32, subnormal ones and too large ones too.
    double value = std::ldexp(double(random()) * 0x1p-64 - 0.5, int(random() % 300) - 155);
    ASSERT_EQ(nearest(ElementType::F32, value), double(float(value))) << value;
  }
  EXPECT_EQ(nearest(ElementType::F32, 1e39), kInf);
  EXPECT_EQ(nearest(ElementType::F32, -kInf), -kInf);
  EXPECT_TRUE(std::isnan(nearest(ElementType::F32, std::nan(""))));
}

TEST(Rounding, TypesOf16Bits) {
  Rounding nearest{Rounding::Nearest};
  EXPECT_EQ(nearest(ElementType::BF16, 1 + 0x1p-8), 1);            // a tie, to even
  EXPECT_EQ(nearest(ElementType::BF16, 1 + 0x1.8p-7), 1 + 0x1p-6); // the other one
  EXPECT_EQ(nearest(ElementType::BF16, 1 + 0x1.00001p-8), 1 + 0x1p-7);
  EXPECT_EQ(nearest(ElementType::BF16, 3.39e38), 0x1.fep127);
  EXPECT_EQ(nearest(ElementType::BF16, 3.4e38), kInf);
  EXPECT_EQ(nearest(ElementType::F16, 65519.9), 65504);
  EXPECT_EQ(nearest(ElementType::F16, -65520), -kInf);
  EXPECT_EQ(nearest(ElementType::F16, 0x1.8p-24), 0x1p-23);
  EXPECT_EQ(nearest(ElementType::F16, 0x1p-25), 0);
}

TEST(Rounding, RandomGoesBothWaysInProportion) {
  double value = 1 + 0.25 * 0x1p-23;
  int above = 0;
  for (uint64_t seed = 0; seed < 10000; ++seed) {
    double result = Rounding{Rounding::Random, seed}(ElementType::F32, value);
    ASSERT_TRUE(result == 1 || result == 1 + 0x1p-23) << result;
    above += result != 1;
  }
  EXPECT_NEAR(above, 2500, 220); // five standard deviations
  // Of one seed, different numbers go different ways.
  above = 0;
  for (int n = 0; n < 10000; ++n)
    above +=
        Rounding{Rounding::Random, 7}(ElementType::F32, 1 + (n + 0.25) * 0x1p-23) > 1 + n * 0x1p-23;
  EXPECT_GT(above, 0);
  EXPECT_LT(above, 5000);
}

TEST(Rounding, WhatTheTypeHasStays) {
  for (uint64_t seed = 0; seed < 100; ++seed)
    for (double value : {0.0, -1.5, 0x1p-149, -0x1.fffffep127})
      EXPECT_EQ((Rounding{Rounding::Random, seed}(ElementType::F32, value)), value);
  EXPECT_EQ((Rounding{Rounding::Nearest}(ElementType::F64, 0.1)), 0.1);
  EXPECT_EQ(Rounding{}(ElementType::F32, 0.1), 0.1);
}
