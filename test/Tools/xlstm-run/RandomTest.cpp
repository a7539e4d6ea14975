// SPDX-License-Identifier: Apache-2.0
// Random inputs: distribution, independence of threads.
#include "tools/common/Random.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <vector>

using namespace xlstm;
using namespace xlstm::tools;

namespace {

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
