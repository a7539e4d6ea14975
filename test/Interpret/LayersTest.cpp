// SPDX-License-Identifier: Apache-2.0
// Layers besides cells: what the interpreter gives against values that are derived another way.
#include "test/Interpret/InterpretFixture.h"
#include <cmath>

using namespace mlir;
using namespace mlir::xlstm;

namespace {

TensorValue tensor(std::vector<int64_t> shape, std::vector<double> data) {
  return {std::move(shape), std::move(data)};
}

} // namespace

TEST_F(Interpret, EmbeddingTakesRows) {
  auto out = outputs(R"mlir(
func.func @f(%table: tensor<3x2xf32>, %tokens: tensor<?x?xi32>) -> tensor<?x?x2xf32> {
  %0 = xlstm.embedding %table[%tokens] : tensor<3x2xf32>, tensor<?x?xi32> -> tensor<?x?x2xf32>
  return %0 : tensor<?x?x2xf32>
})mlir",
                     Inputs{tensor({3, 2}, {1, 2, 3, 4, 5, 6}), tensor({2, 2}, {2, 0, 1, 2})});
  expectNear(out[0], tensor({2, 2, 2}, {5, 6, 1, 2, 3, 4, 5, 6}), 0);
}

TEST_F(Interpret, EmbeddingRejectsOtherTokens) {
  auto out = run(R"mlir(
func.func @f(%table: tensor<3x2xf32>, %tokens: tensor<?xi32>) -> tensor<?x2xf32> {
  %0 = xlstm.embedding %table[%tokens] : tensor<3x2xf32>, tensor<?xi32> -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
})mlir",
                 Inputs{tensor({3, 2}, {1, 2, 3, 4, 5, 6}), tensor({1}, {3})});
  EXPECT_TRUE(failed(out));
  EXPECT_EQ(message, "'xlstm.embedding' op expected tokens of at least 0 and less than 3, got 3");
}

static const char kConv[] = R"mlir(
func.func @f(%x: tensor<?x?x2xf32>, %w: tensor<2x3xf32>, %b: tensor<2xf32>,
             %s: tensor<?x2x2xf32> {xlstm.optional}) -> (tensor<?x?x2xf32>, tensor<?x2x2xf32>) {
  %y, %last = xlstm.causal_conv1d %x, %w bias(%b : tensor<2xf32>) state(%s : tensor<?x2x2xf32>)
      : tensor<?x?x2xf32>, tensor<2x3xf32> -> tensor<?x2x2xf32>
  return %y, %last : tensor<?x?x2xf32>, tensor<?x2x2xf32>
})mlir";

TEST_F(Interpret, CausalConvolutionByHand) {
  // Channel 0: x = 1, 2, 4 and weights 10, 20, 30 (for two tokens before, one before, now).
  auto out = outputs(kConv, Inputs{tensor({1, 3, 2}, {1, 0, 2, 1, 4, 0}),
                                   tensor({2, 3}, {10, 20, 30, 1, 1, 1}), tensor({2}, {0.5, -1}),
                                   std::nullopt});
  expectNear(out[0], tensor({1, 3, 2}, {30.5, -1, 20 + 60 + 0.5, 0, 10 + 40 + 120 + 0.5, 0}),
             1e-12);
  expectNear(out[1], tensor({1, 2, 2}, {2, 1, 4, 0}), 0);
}

// The epilogue sees the sums: the states are inputs.
TEST_F(Interpret, CausalConvolutionWithEpilogue) {
  std::string source = kConv;
  source.replace(source.find("\n      : "), 7, R"mlir( epilogue {
  ^bb0(%sum: f32):
    %one = arith.constant 1.0 : f32
    %square = arith.mulf %sum, %sum : f32
    %0 = arith.addf %square, %one : f32
    xlstm.yield outputs(%0 : f32)
  })mlir");
  Inputs inputs{normal({2, 5, 2}), normal({2, 3}), normal({2}), normal({2, 2, 2})};
  auto sums = outputs(kConv, inputs), squares = outputs(source, inputs);
  EXPECT_EQ(squares[1].data, sums[1].data);
  for (double &sum : sums[0].data)
    sum = sum * sum + 1;
  expectNear(squares[0], sums[0], 1e-12);
}

// Cut anywhere, the parts with their states give what the whole does, bit for bit.
TEST_F(Interpret, CausalConvolutionContinues) {
  TensorValue x = normal({2, 5, 2}), w = normal({2, 3}), b = normal({2}), s = normal({2, 2, 2});
  auto whole = outputs(kConv, Inputs{x, w, b, s});
  for (int64_t cut = 0; cut <= 5; ++cut) {
    TensorValue first{{2, cut, 2}, {}}, second{{2, 5 - cut, 2}, {}};
    for (int64_t batch = 0; batch < 2; ++batch)
      for (int64_t t = 0; t < 5; ++t)
        for (int64_t c = 0; c < 2; ++c)
          (t < cut ? first : second).data.push_back(x.data[(batch * 5 + t) * 2 + c]);
    auto head = outputs(kConv, Inputs{first, w, b, s});
    auto tail = outputs(kConv, Inputs{second, w, b, head[1]});
    EXPECT_EQ(tail[1].data, whole[1].data) << "cut at " << cut;
    for (int64_t batch = 0; batch < 2; ++batch)
      for (int64_t t = 0; t < 5; ++t)
        for (int64_t c = 0; c < 2; ++c) {
          double part = t < cut ? head[0].data[(batch * cut + t) * 2 + c]
                                : tail[0].data[(batch * (5 - cut) + t - cut) * 2 + c];
          EXPECT_EQ(part, whole[0].data[(batch * 5 + t) * 2 + c]) << "cut " << cut << " t " << t;
        }
  }
}

TEST_F(Interpret, BlockLinearByHandAndItsTranspose) {
  const char *source = R"mlir(
func.func @f(%x: tensor<?x4xf32>, %w: tensor<2x3x2xf32>, %u: tensor<?x6xf32>)
    -> (tensor<?x6xf32>, tensor<?x4xf32>) {
  %y = xlstm.block_linear %x, %w : tensor<?x4xf32>, tensor<2x3x2xf32> -> tensor<?x6xf32>
  %z = xlstm.block_linear transposed %u, %w : tensor<?x6xf32>, tensor<2x3x2xf32> -> tensor<?x4xf32>
  return %y, %z : tensor<?x6xf32>, tensor<?x4xf32>
})mlir";
  auto out = outputs(source, Inputs{tensor({1, 4}, {1, 2, 3, 4}),
                                    tensor({2, 3, 2}, {1, 0, 0, 1, 1, 1, 2, 0, 0, 2, 1, -1}),
                                    tensor({1, 6}, {1, 2, 3, 4, 5, 6})});
  expectNear(out[0], tensor({1, 6}, {1, 2, 3, 6, 8, -1}), 0);
  expectNear(out[1], tensor({1, 4}, {4, 5, 14, 4}), 0);
  // <u, W x> = <W^T u, x>
  TensorValue x = normal({3, 4}), w = normal({2, 3, 2}), u = normal({3, 6});
  out = outputs(source, Inputs{x, w, u});
  double left = 0, right = 0;
  for (size_t e = 0; e < u.data.size(); ++e)
    left += u.data[e] * out[0].data[e];
  for (size_t e = 0; e < x.data.size(); ++e)
    right += x.data[e] * out[1].data[e];
  EXPECT_NEAR(left, right, 1e-12);
}

TEST_F(Interpret, CrossEntropyOfCountedTokens) {
  const char *source = R"mlir(
func.func @f(%x: tensor<?x?x3xf32>, %t: tensor<?x?xi32>) -> tensor<1xf32> {
  %0 = xlstm.cross_entropy %x, %t : tensor<?x?x3xf32>, tensor<?x?xi32> -> tensor<1xf32>
  return %0 : tensor<1xf32>
})mlir";
  // Uniform logits: log 3, wherever the target is. A logit that is far ahead: its distance.
  auto out =
      outputs(source, Inputs{tensor({1, 2, 3}, {7, 7, 7, 2000, 1000, 0}), tensor({1, 2}, {1, 1})});
  expectNear(out[0], tensor({1}, {(std::log(3.0) + 1000) / 2}), 1e-12);
  out = outputs(source,
                Inputs{tensor({1, 2, 3}, {7, 7, 7, 2000, 1000, 0}), tensor({1, 2}, {1, -100})});
  expectNear(out[0], tensor({1}, {std::log(3.0)}), 1e-12);
  out = outputs(source, Inputs{tensor({1, 1, 3}, {1, 2, 3}), tensor({1, 1}, {-1})});
  expectNear(out[0], tensor({1}, {0}), 0);
}

// A suffix of the axes is broadcast; pieces are longer than one run of the program.
TEST_F(Interpret, MapBroadcastsTrailingAxes) {
  const char *source = R"mlir(
func.func @f(%x: tensor<?x5x3xf32>, %a: tensor<5x3xf32>, %b: tensor<3xf32>)
    -> (tensor<?x5x3xf32>, tensor<?x5x3xf32>) {
  %y, %z = xlstm.map %x, %a, %b : tensor<?x5x3xf32>, tensor<5x3xf32>, tensor<3xf32>
      -> tensor<?x5x3xf32>, tensor<?x5x3xf32> {
  ^bb0(%0: f32, %1: f32, %2: f32):
    %3 = arith.mulf %0, %1 : f32
    %4 = arith.addf %3, %2 : f32
    %5 = math.erf %0 : f32
    xlstm.yield outputs(%4, %5 : f32, f32)
  }
  return %y, %z : tensor<?x5x3xf32>, tensor<?x5x3xf32>
})mlir";
  TensorValue x = normal({40, 5, 3}), a = normal({5, 3}), b = normal({3});
  auto out = outputs(source, Inputs{x, a, b});
  TensorValue expected{x.shape, {}}, bell{x.shape, {}};
  for (int64_t e = 0; e < x.size(); ++e) {
    expected.data.push_back(x.data[e] * a.data[e % 15] + b.data[e % 3]);
    bell.data.push_back(std::erf(x.data[e]));
  }
  expectNear(out[0], expected, 0);
  expectNear(out[1], bell, 0);
}

TEST_F(Interpret, RowNormEqualsHeadNormOfOneHead) {
  auto out = outputs(R"mlir(
func.func @f(%x: tensor<?x?x8xf32>, %w: tensor<8xf32>, %dy: tensor<?x?x8xf32>)
    -> (tensor<?x?x8xf32>, tensor<?x?x1x8xf32>, tensor<?x?x8xf32>, tensor<?x?x1x8xf32>,
        tensor<8xf32>, tensor<1x8xf32>) {
  %y = xlstm.norm layer %x weight(%w : tensor<8xf32>) eps 1.0e-3 : tensor<?x?x8xf32>
  %h = xlstm.reshape %x : tensor<?x?x8xf32> -> tensor<?x?x1x8xf32>
  %dh = xlstm.reshape %dy : tensor<?x?x8xf32> -> tensor<?x?x1x8xf32>
  %wh = xlstm.reshape %w : tensor<8xf32> -> tensor<1x8xf32>
  %z = xlstm.multihead_norm layer %h weight(%wh : tensor<1x8xf32>) eps 1.0e-3 : tensor<?x?x1x8xf32>
  %a, %aw = xlstm.norm_backward layer %x, %dy weight(%w : tensor<8xf32>) eps 1.0e-3
      : tensor<?x?x8xf32>, tensor<8xf32>
  %b, %bw = xlstm.multihead_norm_backward layer %h, %dh weight(%wh : tensor<1x8xf32>) eps 1.0e-3
      : tensor<?x?x1x8xf32>, tensor<1x8xf32>
  return %y, %z, %a, %b, %aw, %bw : tensor<?x?x8xf32>, tensor<?x?x1x8xf32>, tensor<?x?x8xf32>,
      tensor<?x?x1x8xf32>, tensor<8xf32>, tensor<1x8xf32>
})mlir",
                     Inputs{normal({2, 3, 8}), normal({8}), normal({2, 3, 8})});
  for (int n : {0, 2, 4})
    EXPECT_EQ(out[n].data, out[n + 1].data);
  // A row of a layer norm without weight has mean 0; here the weight stands in between.
  EXPECT_EQ(out[0].shape, (std::vector<int64_t>{2, 3, 8}));
}

TEST_F(Interpret, SplitConcatReshapePermute) {
  auto out = outputs(R"mlir(
func.func @f(%x: tensor<?x5xf32>, %r: tensor<2x3x4xf32>)
    -> (tensor<?x5xf32>, tensor<?x3xf32>, tensor<4x2x3xf32>) {
  %a, %b = xlstm.split %x : tensor<?x5xf32> -> tensor<?x2xf32>, tensor<?x3xf32>
  %c = xlstm.concat %a, %b : tensor<?x2xf32>, tensor<?x3xf32> -> tensor<?x5xf32>
  %p = xlstm.permute %r [2, 0, 1] : tensor<2x3x4xf32> -> tensor<4x2x3xf32>
  return %c, %b, %p : tensor<?x5xf32>, tensor<?x3xf32>, tensor<4x2x3xf32>
})mlir",
                     Inputs{tensor({2, 5}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}), normal({2, 3, 4})});
  EXPECT_EQ(out[0].data, (std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(out[1].data, (std::vector<double>{2, 3, 4, 7, 8, 9}));
  ASSERT_EQ(out[2].shape, (std::vector<int64_t>{4, 2, 3}));
}

TEST_F(Interpret, PermuteMovesEveryElement) {
  TensorValue r = normal({2, 3, 4});
  auto out = outputs(R"mlir(
func.func @f(%r: tensor<2x3x4xf32>) -> tensor<4x2x3xf32> {
  %p = xlstm.permute %r [2, 0, 1] : tensor<2x3x4xf32> -> tensor<4x2x3xf32>
  return %p : tensor<4x2x3xf32>
})mlir",
                     Inputs{r});
  for (int64_t i = 0; i < 2; ++i)
    for (int64_t j = 0; j < 3; ++j)
      for (int64_t k = 0; k < 4; ++k)
        EXPECT_EQ(out[0].data[(k * 2 + i) * 3 + j], r.data[(i * 3 + j) * 4 + k]);
}
