// SPDX-License-Identifier: Apache-2.0
// Rounding, conversion, names and prefixes of tensors on the host.
#include "tools/common/Probes.h"
#include "tools/common/Random.h"
#include "tools/common/TensorNames.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>

using namespace xlstm;
using namespace xlstm::tools;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

/// Every number of a 16-bit type, exactly.
std::vector<double> allNumbers(DType dtype) {
  HostTensor bits = makeHostTensor("x", dtype, {65536});
  for (uint32_t k = 0; k < 65536; ++k) {
    uint16_t half = static_cast<uint16_t>(k);
    std::memcpy(writable(bits) + 2 * k, &half, 2);
  }
  return bits.numbers();
}

} // namespace

TEST(RoundTo, KeepsEveryNumberOfATypeAndSplitsTheDistanceOfNeighbours) {
  for (DType dtype : {XLSTM_BF16, XLSTM_F16}) {
    std::vector<double> numbers = allNumbers(dtype);
    for (uint32_t k = 0; k + 1 < 32768; ++k) {
      double low = numbers[k], high = numbers[k + 1];
      if (!std::isfinite(high))
        break;
      EXPECT_EQ(roundTo(low, dtype), low);
      EXPECT_EQ(unitInLastPlace(low, dtype), high - low);
      double half = low + (high - low) / 2;
      EXPECT_EQ(roundTo(half, dtype), k % 2 ? high : low); // ties to even
      EXPECT_EQ(roundTo(std::nextafter(half, 0), dtype), low);
      EXPECT_EQ(roundTo(-std::nextafter(half, kInf), dtype), -high);
    }
  }
}

TEST(RoundTo, RoundsOnceWhereFloat32WouldRoundTwice) {
  // Just over the middle of 1 and its neighbour in bf16; float32 rounds it to the middle.
  double value = 1 + std::ldexp(1.0, -8) + std::ldexp(1.0, -40);
  EXPECT_EQ(roundTo(value, XLSTM_BF16), 1 + std::ldexp(1.0, -7));
  EXPECT_EQ(roundTo(static_cast<float>(value), XLSTM_BF16), 1);
}

TEST(RoundTo, OverflowsToInfinity) {
  EXPECT_EQ(roundTo(65519.9, XLSTM_F16), 65504);
  EXPECT_EQ(roundTo(-65520.0, XLSTM_F16), -kInf);
  EXPECT_EQ(roundTo(1e300, XLSTM_F32), kInf);
  EXPECT_TRUE(std::isnan(roundTo(std::nan(""), XLSTM_BF16)));
}

TEST(HostTensor, ConvertsThereAndBack) {
  std::vector<double> numbers = {0, -1.5, 65504, std::ldexp(1.0, -24), 3};
  for (DType dtype : {XLSTM_F64, XLSTM_F32, XLSTM_F16})
    EXPECT_EQ(fromNumbers("x", dtype, {5}, numbers).numbers(), numbers) << dtypeName(dtype);
  EXPECT_EQ(convert(fromNumbers("x", XLSTM_F64, {2}, {0.1, 1}), XLSTM_F32).numbers(),
            (std::vector<double>{0.1f, 1}));
  EXPECT_TRUE(isWidening(XLSTM_F16, XLSTM_F32));
  EXPECT_FALSE(isWidening(XLSTM_BF16, XLSTM_F16)); // the exponents are larger
  EXPECT_FALSE(isWidening(XLSTM_F16, XLSTM_BF16));
}

TEST(HostTensor, SlicesAnAxis) {
  HostTensor x = fromNumbers("x", XLSTM_F32, {2, 3, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  EXPECT_EQ(slice(x, 1, 1, 2).numbers(), (std::vector<double>{2, 3, 4, 5, 8, 9, 10, 11}));
  EXPECT_EQ(slice(x, 0, 1, 1).numbers(), (std::vector<double>{6, 7, 8, 9, 10, 11}));
  EXPECT_TRUE(slice(x, 2, 0, 0).numbers().empty());
}

TEST(TensorNames, Gradients) {
  for (const char *name : {"dq", "df", "dwx", "dr", "db", "dh0", "dc0", "grad.lm_head.weight"})
    EXPECT_TRUE(isGradient(name)) << name;
  for (const char *name : {"h", "c_last", "d_last", "d0", "d", "logits", "d@5"})
    EXPECT_FALSE(isGradient(name)) << name;
  EXPECT_EQ(tolerance(XLSTM_BF16, false), 5e-3);
  EXPECT_EQ(tolerance(XLSTM_F32, true), 1e-4);
}

TEST(TensorNames, Axes) {
  auto position = [](const char *name, std::vector<int64_t> shape, int64_t element) {
    HostTensor tensor;
    tensor.name = name;
    tensor.shape = shape;
    return axesOf(tensor).position(shape, element);
  };
  EXPECT_EQ(position("h", {2, 3, 4, 5}, 119), "b=1 t=2 h=3 d=4");
  EXPECT_EQ(position("df", {2, 3, 4}, 23), "b=1 t=2 h=3");
  EXPECT_EQ(position("c_last", {2, 3, 4, 5}, 119), "b=1 h=2 k=3 v=4");
  EXPECT_EQ(position("m@7", {2, 3}, 5), "b=1 h=2");
  EXPECT_EQ(position("dwx", {1, 2, 4, 2, 3}, 47), "b=0 t=1 g=3 h=1 d=2");
  EXPECT_EQ(position("dr", {4, 2, 3, 3}, 71), "g=3 h=1 out=2 in=2");
  HostTensor step; // what the name alone would not tell
  step.name = "h";
  step.shape = {2, 3, 4};
  step.axes = {"B", "", ""};
  EXPECT_EQ(axesOf(step).time, -1);
  EXPECT_EQ(axesOf(step).position(step.shape, 23), "b=1 h=2 d=3");
}

TEST(Probes, PrefixesCutTimeAndBoundaries) {
  HostInputs inputs(3);
  inputs[0] = fromNumbers("i", XLSTM_F32, {1, 5, 1}, {1, 2, 3, 4, 5});
  inputs[0]->axes = {"B", "T", ""};
  inputs[1] = fromNumbers("cu_seqlens", XLSTM_I32, {4}, {0, 2, 2, 5});
  inputs[1]->axes = {""};
  HostInputs prefix = prefixOf(inputs, 3);
  EXPECT_EQ(prefix[0]->numbers(), (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(prefix[1]->numbers(), (std::vector<double>{0, 2, 2, 3}));
  EXPECT_FALSE(prefix[2]);
  EXPECT_EQ(sequenceOf(*inputs[1], 1), 0);
  EXPECT_EQ(sequenceOf(*inputs[1], 2), 2); // the second sequence is empty
  EXPECT_EQ(stepsOf(inputs), 5);
}
