// SPDX-License-Identifier: Apache-2.0
// xlstm.linear against loops that are written out here.
#include "test/Interpret/InterpretFixture.h"
#include <cmath>

using namespace mlir;
using namespace mlir::xlstm;

namespace {

// Two leading axes, two weights, everything that a region may read, two results.
constexpr const char *kEverything = R"mlir(
func.func @linear(%x: tensor<?x?x5xbf16>, %o: tensor<?x?x5xbf16>, %rstd: tensor<?x?xf32>, %g: tensor<5xf32>,
                  %w0: tensor<3x5xbf16>, %w1: tensor<3x5xbf16>,
                  %r: tensor<?x?x3xf32>, %s: tensor<?x?xf32>, %b: tensor<3xf32>) -> (tensor<?x?x3xf32>, tensor<?x?x3xbf16>) {
  %y, %z = xlstm.linear %x x_elems(%o : tensor<?x?x5xbf16>) x_rows(%rstd : tensor<?x?xf32>) x_cols(%g : tensor<5xf32>)
      weights(%w0, %w1 : tensor<3x5xbf16>, tensor<3x5xbf16>)
      elems(%r : tensor<?x?x3xf32>) rows(%s : tensor<?x?xf32>) cols(%b : tensor<3xf32>) prologue {
  ^bb0(%xt: f32, %ot: f32, %rt: f32, %gt: f32):
    %0 = xlstm.sigmoid %ot : f32
    %1 = arith.mulf %xt, %0 : f32
    %2 = arith.mulf %1, %rt : f32
    %3 = arith.addf %2, %gt : f32
    xlstm.yield outputs(%3 : f32)
  } epilogue {
  ^bb0(%a0: f32, %a1: f32, %rt: f32, %st: f32, %bt: f32):
    %0 = arith.addf %a1, %bt : f32
    %1 = math.tanh %0 : f32
    %2 = arith.mulf %a0, %1 : f32
    %3 = arith.mulf %2, %st : f32
    %4 = arith.addf %3, %rt : f32
    xlstm.yield outputs(%4, %1 : f32, f32)
  } : tensor<?x?x5xbf16> -> tensor<?x?x3xf32>, tensor<?x?x3xbf16>
  return %y, %z : tensor<?x?x3xf32>, tensor<?x?x3xbf16>
})mlir";

} // namespace

TEST_F(Interpret, LinearEqualsLoop) {
  constexpr int64_t B = 2, T = 3, K = 5, N = 3;
  Inputs inputs = {normal({B, T, K}), normal({B, T, K}), normal({B, T}),
                   normal({K}),       normal({N, K}),    normal({N, K}),
                   normal({B, T, N}), normal({B, T}),    normal({N})};
  auto at = [&](int input, int64_t element) { return inputs[input]->data[element]; };
  TensorValue y{{B, T, N}, {}}, z{{B, T, N}, {}};
  for (int64_t m = 0; m < B * T; ++m)
    for (int64_t n = 0; n < N; ++n) {
      double sums[2] = {0, 0};
      for (int64_t k = 0; k < K; ++k) {
        double gated = at(0, m * K + k) / (1 + std::exp(-at(1, m * K + k)));
        double value = gated * at(2, m) + at(3, k);
        sums[0] += value * at(4, n * K + k);
        sums[1] += value * at(5, n * K + k);
      }
      double squashed = std::tanh(sums[1] + at(8, n));
      y.data.push_back(sums[0] * squashed * at(7, m) + at(6, m * N + n));
      z.data.push_back(squashed);
    }
  auto out = outputs(kEverything, inputs);
  expectNear(out[0], y, 1e-13);
  expectNear(out[1], z, 1e-13);
}

TEST_F(Interpret, LinearWithoutRegions) {
  TensorValue x = normal({2, 4}), w = normal({3, 4});
  TensorValue y{{2, 3}, std::vector<double>(6, 0.0)};
  for (int64_t m = 0; m < 2; ++m)
    for (int64_t n = 0; n < 3; ++n)
      for (int64_t k = 0; k < 4; ++k)
        y.data[m * 3 + n] += x.data[m * 4 + k] * w.data[n * 4 + k];
  auto out = outputs(R"mlir(
func.func @linear(%x: tensor<?x4xf64>, %w: tensor<3x4xf64>) -> tensor<?x3xf64> {
  %y = xlstm.linear %x weights(%w : tensor<3x4xf64>) : tensor<?x4xf64> -> tensor<?x3xf64>
  return %y : tensor<?x3xf64>
})mlir",
                     {x, w});
  expectNear(out[0], y, 1e-14);
}

/// A norm in the product is xlstm.norm before it, with its weight in the prologue.
TEST_F(Interpret, LinearWithNorm) {
  for (const char *kind : {"rms", "layer"}) {
    std::string head = R"mlir(
func.func @f(%x: tensor<?x?x5xf32>, %g: tensor<5xf32>, %w: tensor<3x5xf32>) -> tensor<?x?x3xf32> {
)mlir",
                tail = "  return %y : tensor<?x?x3xf32>\n}";
    std::string apart = head + "  %n = xlstm.norm " + kind +
                        R"mlir( %x weight(%g : tensor<5xf32>) eps 0.5 : tensor<?x?x5xf32>
  %y = xlstm.linear %n weights(%w : tensor<3x5xf32>) : tensor<?x?x5xf32> -> tensor<?x?x3xf32>
)mlir" + tail;
    std::string fused =
        head + "  %y = xlstm.linear %x norm(" + kind +
        R"mlir( eps 0.5) x_cols(%g : tensor<5xf32>) weights(%w : tensor<3x5xf32>) prologue {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    xlstm.yield outputs(%0 : f32)
  } : tensor<?x?x5xf32> -> tensor<?x?x3xf32>
)mlir" + tail;
    Inputs inputs{normal({2, 3, 5}), normal({5}), normal({3, 5})};
    expectNear(outputs(fused, inputs)[0], outputs(apart, inputs)[0], 1e-14);
  }
}

TEST_F(Interpret, LinearWithWeightsInByOut) {
  TensorValue x = normal({2, 3, 4}), w = normal({4, 5});
  TensorValue y{{2, 3, 5}, std::vector<double>(30, 0.0)};
  for (int64_t m = 0; m < 6; ++m)
    for (int64_t n = 0; n < 5; ++n)
      for (int64_t k = 0; k < 4; ++k)
        y.data[m * 5 + n] += x.data[m * 4 + k] * w.data[k * 5 + n];
  auto out = outputs(R"mlir(
func.func @linear(%x: tensor<?x?x4xf64>, %w: tensor<4x5xf64>) -> tensor<?x?x5xf64> {
  %y = xlstm.linear transposed %x weights(%w : tensor<4x5xf64>) : tensor<?x?x4xf64> -> tensor<?x?x5xf64>
  return %y : tensor<?x?x5xf64>
})mlir",
                     {x, w});
  expectNear(out[0], y, 1e-14);
}

TEST_F(Interpret, WeightGrad) {
  constexpr const char *source = R"mlir(
func.func @gradient(%y: tensor<?x?x3xf64>, %x: tensor<?x?x4xf64>) -> tensor<3x4xf64> {
  %w = xlstm.weight_grad %y, %x : tensor<?x?x3xf64>, tensor<?x?x4xf64> -> tensor<3x4xf64>
  return %w : tensor<3x4xf64>
})mlir";
  for (int64_t rows : {0, 5}) {
    TensorValue y = normal({2, rows, 3}), x = normal({2, rows, 4});
    TensorValue w{{3, 4}, std::vector<double>(12, 0.0)};
    for (int64_t m = 0; m < 2 * rows; ++m)
      for (int64_t n = 0; n < 3; ++n)
        for (int64_t k = 0; k < 4; ++k)
          w.data[n * 4 + k] += y.data[m * 3 + n] * x.data[m * 4 + k];
    expectNear(outputs(source, {y, x})[0], w, 1e-14);
  }
  EXPECT_TRUE(failed(run(source, {normal({2, 5, 3}), normal({2, 4, 4})})));
  EXPECT_EQ(message, "'xlstm.weight_grad' op expected y of shape [2, 4, 3], got [2, 5, 3]");
}

TEST_F(Interpret, LinearOfNoRows) {
  auto out = outputs(R"mlir(
func.func @linear(%x: tensor<?x?x4xf32>, %w: tensor<3x4xf32>) -> tensor<?x?x3xf32> {
  %y = xlstm.linear %x weights(%w : tensor<3x4xf32>) : tensor<?x?x4xf32> -> tensor<?x?x3xf32>
  return %y : tensor<?x?x3xf32>
})mlir",
                     {normal({2, 0, 4}), normal({3, 4})});
  EXPECT_EQ(out[0].shape, (std::vector<int64_t>{2, 0, 3}));
  EXPECT_TRUE(out[0].data.empty());
}

TEST_F(Interpret, LinearNeedsEqualRows) {
  auto out = run(kEverything,
                 {normal({2, 3, 5}), normal({2, 3, 5}), normal({2, 3}), normal({5}), normal({3, 5}),
                  normal({3, 5}), normal({2, 2, 3}), normal({2, 3}), normal({3})});
  EXPECT_TRUE(failed(out));
  EXPECT_EQ(message, "'xlstm.linear' op expected elems 0 of shape [2, 3, 3], got [2, 2, 3]");
}
