// SPDX-License-Identifier: Apache-2.0
// The measure of error must see errors: most of these tests are about what it must not accept.
#include "dialect/xlstm/Reference/Compare.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace xlstm::reference;

static constexpr double kInf = std::numeric_limits<double>::infinity();
static constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(Compare, EqualIsZero) {
  std::vector<double> x{1, -2, 3, 4};
  Comparison c = compare(x, x, 2, 2, 0);
  EXPECT_EQ(c.relativeL2, 0);
  EXPECT_EQ(c.worstRow, 0);
  EXPECT_EQ(c.medianRow, 0);
  EXPECT_EQ(c.nonFinite, 0);
  EXPECT_EQ(c.rows, 2);
}

TEST(Compare, KnownDistance) {
  // Rows (3, 4) and (0, 5), each of norm 5; the second is off by (3, 0). Together: 3 / sqrt(50).
  Comparison c = compare(std::vector<double>{3, 4, 3, 5}, std::vector<double>{3, 4, 0, 5}, 2, 2, 0);
  EXPECT_DOUBLE_EQ(c.relativeL2, 3 / std::sqrt(50.0));
  EXPECT_DOUBLE_EQ(c.worstRow, 0.6);
  EXPECT_EQ(c.worstRowIndex, 1);
}

TEST(Compare, MedianAndWorstRow) {
  std::vector<double> expected{1, 1, 1, 1, 1}, actual{1.5, 1.25, 1, 1.125, 1};
  Comparison c = compare(actual, expected, 5, 1, 0);
  EXPECT_DOUBLE_EQ(c.medianRow, 0.125);
  EXPECT_DOUBLE_EQ(c.worstRow, 0.5);
  EXPECT_EQ(c.worstRowIndex, 0);
}

TEST(Compare, OneSmallRowIsNotHiddenByALargeOne) {
  Comparison c = compare(std::vector<double>{1e6, 2e-6}, std::vector<double>{1e6, 1e-6}, 2, 1, 0);
  EXPECT_LT(c.relativeL2, 1e-11);
  EXPECT_DOUBLE_EQ(c.worstRow, 1);
}

TEST(Compare, NotFiniteIsNeverAccepted) {
  for (double bad : {kNaN, kInf, -kInf}) {
    Comparison c = compare(std::vector<double>{1, bad}, std::vector<double>{1, 1}, 2, 1, 0);
    EXPECT_EQ(c.nonFinite, 1);
    EXPECT_EQ(c.relativeL2, kInf);
    EXPECT_EQ(c.worstRow, kInf);
    EXPECT_EQ(c.worstRowIndex, 1);
    // Nor when the reference has the same.
    EXPECT_EQ(compare(std::vector<double>{bad}, std::vector<double>{bad}, 1, 1, 0).relativeL2,
              kInf);
  }
}

TEST(Compare, SomethingWhereZeroIsExpected) {
  EXPECT_EQ(compare(std::vector<double>{1e-3}, std::vector<double>{0}, 1, 1, 1e-30).relativeL2,
            kInf);
  EXPECT_EQ(compare(std::vector<double>{0}, std::vector<double>{1e-3}, 1, 1, 1e-30).relativeL2, 1);
}

TEST(Compare, FloorTakesTheSubnormalOnly) {
  double floor = smallestNormal(ElementType::F32);
  EXPECT_EQ(compare(std::vector<double>{0}, std::vector<double>{floor / 2}, 1, 1, floor).worstRow,
            0);
  EXPECT_EQ(compare(std::vector<double>{floor / 2}, std::vector<double>{0}, 1, 1, floor).worstRow,
            0);
  EXPECT_EQ(compare(std::vector<double>{0}, std::vector<double>{floor * 2}, 1, 1, floor).worstRow,
            1);
  EXPECT_EQ(compare(std::vector<double>{floor * 2}, std::vector<double>{0}, 1, 1, floor).worstRow,
            kInf);
}

TEST(Compare, MagnitudesWhoseSquaresOverflowOrVanish) {
  EXPECT_DOUBLE_EQ(
      compare(std::vector<double>{2e300}, std::vector<double>{1e300}, 1, 1, 0).relativeL2, 1);
  EXPECT_DOUBLE_EQ(
      compare(std::vector<double>{2e-300}, std::vector<double>{1e-300}, 1, 1, 0).relativeL2, 1);
}

TEST(Compare, NothingIsEqual) {
  EXPECT_EQ(compare(TensorView(), TensorView(), 0, 4, 0).relativeL2, 0);
  EXPECT_EQ(compare(TensorView(), TensorView(), 4, 0, 0).worstRowIndex, -1);
}

TEST(Element, ReadsEveryType) {
  // 1, -2, 0.5 and the smallest normal, as bits.
  std::vector<uint16_t> bf16{0x3f80, 0xc000, 0x3f00, 0x0080}, f16{0x3c00, 0xc000, 0x3800, 0x0400};
  std::vector<float> f32{1, -2, 0.5f, std::numeric_limits<float>::min()};
  TensorView views[] = {{bf16.data(), ElementType::BF16}, {f16.data(), ElementType::F16}, f32};
  for (TensorView view : views) {
    double values[4];
    view.read(0, 4, values);
    EXPECT_EQ(values[0], 1);
    EXPECT_EQ(values[1], -2);
    EXPECT_EQ(values[2], 0.5);
    EXPECT_EQ(values[3], smallestNormal(view.type));
    EXPECT_EQ(view.at(1), -2);
  }
  uint16_t special[] = {0x7c00, 0xfc00, 0x7e00,
                        0x0001, 0x8000, 0x7bff}; // f16: inf, -inf, NaN, 2^-24, -0, 65504
  TensorView view(special, ElementType::F16);
  EXPECT_EQ(view.at(0), kInf);
  EXPECT_EQ(view.at(1), -kInf);
  EXPECT_TRUE(std::isnan(view.at(2)));
  EXPECT_EQ(view.at(3), std::ldexp(1.0, -24));
  EXPECT_TRUE(std::signbit(view.at(4)));
  EXPECT_EQ(view.at(5), 65504);
}
