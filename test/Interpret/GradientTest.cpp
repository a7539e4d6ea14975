// SPDX-License-Identifier: Apache-2.0
// The ops of derived backward functions: against sums that are written out here, and against
// central differences of the ops whose gradients they are.
#include "test/Interpret/InterpretFixture.h"
#include <cmath>

using namespace mlir;
using namespace mlir::xlstm;

namespace {

double dot(const TensorValue &a, const TensorValue &b) {
  EXPECT_EQ(a.shape, b.shape);
  double sum = 0;
  for (size_t e = 0; e < a.data.size(); ++e)
    sum += a.data[e] * b.data[e];
  return sum;
}

/// The gradient of `loss` with respect to inputs[number], by central differences.
template <typename Loss> TensorValue differentiate(Inputs inputs, unsigned number, Loss loss) {
  constexpr double step = 1e-5;
  TensorValue gradient = *inputs[number];
  for (int64_t e = 0; e < gradient.size(); ++e) {
    double value = inputs[number]->data[e];
    inputs[number]->data[e] = value + step;
    double above = loss(inputs);
    inputs[number]->data[e] = value - step;
    double below = loss(inputs);
    inputs[number]->data[e] = value;
    gradient.data[e] = (above - below) / (2 * step);
  }
  return gradient;
}

/// A cell, and its gradients, with options in braces. Inputs: q, k, v, i, f, c0, n0, m0; then dh,
/// dc_last, dn_last.
std::string cellSource(bool backward, const std::string &options, const std::string &states) {
  std::string cell = "%q, %k, %v gates(%i, %f) state(" + states +
                     ") cu_seqlens(%s : tensor<?xi32>)" + " reset(%r : tensor<?x?xi1>)";
  std::string types = " : tensor<?x?x1x2xf64>, tensor<?x?x1x3xf64>\n";
  std::string source = R"mlir(
func.func @f(%q: tensor<?x?x1x2xf64>, %k: tensor<?x?x1x2xf64>, %v: tensor<?x?x1x3xf64>, %i: tensor<?x?x1xf64>,
             %f: tensor<?x?x1xf64>, %c0: tensor<?x1x2x3xf64>, %n0: tensor<?x1x2xf64>, %m0: tensor<?x1xf64>,
             %s: tensor<?xi32> {xlstm.optional}, %r: tensor<?x?xi1> {xlstm.optional},
             %dh: tensor<?x?x1x3xf64> {xlstm.optional}, %dc: tensor<?x1x2x3xf64> {xlstm.optional},
             %dn: tensor<?x1x2xf64> {xlstm.optional}))mlir";
  if (backward)
    return source +
           R"mlir( -> (tensor<?x?x1x2xf64>, tensor<?x?x1x2xf64>, tensor<?x?x1x3xf64>, tensor<?x?x1xf64>,
    tensor<?x?x1xf64>, tensor<?x1x2x3xf64>, tensor<?x1x2xf64>) {
  %dq, %dk, %dv, %di, %df, %dc0, %dn0 = xlstm.mlstm_backward )mlir" +
           cell +
           " grad(%dh) dc_last(%dc : tensor<?x1x2x3xf64>) dn_last(%dn : tensor<?x1x2xf64>) " +
           options + types + R"mlir(
  return %dq, %dk, %dv, %di, %df, %dc0, %dn0 : tensor<?x?x1x2xf64>, tensor<?x?x1x2xf64>, tensor<?x?x1x3xf64>,
    tensor<?x?x1xf64>, tensor<?x?x1xf64>, tensor<?x1x2x3xf64>, tensor<?x1x2xf64>
})mlir";
  return source + " -> (tensor<?x?x1x3xf64>, tensor<?x1x2x3xf64>, tensor<?x1x2xf64>) {\n  %h:" +
         (states.size() > 9 ? "4" : "3") + " = xlstm.mlstm " + cell + options + types + R"mlir(
  return %h#0, %h#1, %h#2 : tensor<?x?x1x3xf64>, tensor<?x1x2x3xf64>, tensor<?x1x2xf64>
})mlir";
}

class Gradients : public Interpret {
protected:
  /// Two sequences in a row of 7 tokens, with a reset in the second one. Queries and input gates
  /// are large enough for the normaliser to be over its floor at some tokens, and below at others.
  Inputs cellInputs() {
    Inputs in{normal({1, 7, 1, 2}),
              normal({1, 7, 1, 2}),
              normal({1, 7, 1, 3}),
              normal({1, 7, 1}),
              normal({1, 7, 1}),
              normal({2, 1, 2, 3}),
              normal({2, 1, 2}),
              normal({2, 1}),
              TensorValue{{3}, {0, 3, 7}},
              TensorValue{{1, 7}, {0, 0, 0, 0, 0, 1, 0}},
              normal({1, 7, 1, 3}),
              normal({2, 1, 2, 3}),
              normal({2, 1, 2})};
    for (double &q : in[0]->data)
      q *= 4;
    for (double &i : in[3]->data)
      i += 2;
    return in;
  }

  void compare(const Inputs &in, const std::string &options, const std::string &states,
               bool withLast) {
    auto loss = [&](const Inputs &inputs) {
      auto out = outputs(cellSource(false, options, states), inputs);
      double sum = dot(out[0], *inputs[10]);
      return withLast ? sum + dot(out[1], *inputs[11]) + dot(out[2], *inputs[12]) : sum;
    };
    auto gradients = outputs(cellSource(true, options, states), in);
    // The gradients of q, k, v, i, f, c0 and n0 are those of inputs 0 to 6.
    for (unsigned n = 0; n < 7; ++n) {
      SCOPED_TRACE(n);
      expectNear(gradients[n], differentiate(in, n, loss), 1e-7);
    }
  }
};

} // namespace

// The sigmoid cell has no stabiliser, so its derivative with respect to all is exact.
TEST_F(Gradients, SigmoidCell) {
  compare(cellInputs(), "{input_gate = sigmoid, scale_on = k}", "%c0, %n0", /*withLast=*/true);
}

// Without eps, h does not depend on m, which counts as a constant.
TEST_F(Gradients, ExponentialCell) {
  Inputs in = cellInputs();
  in[11] = in[12] = std::nullopt;
  compare(in, "{eps = 0.0}", "%c0, %n0, %m0", /*withLast=*/false);
}

// Dropped: as if h were divided by constants.
TEST_F(Gradients, DroppedNormalizerGradient) {
  Inputs in = cellInputs();
  std::string options = "{eps = 0.0, normalizer_grad = dropped}", states = "%c0, %n0, %m0";
  in[11] = in[12] = std::nullopt;
  auto dropped = outputs(cellSource(true, options, states), in);
  auto exact = outputs(cellSource(true, "{eps = 0.0}", states), in);
  // Values do not enter the normaliser.
  EXPECT_EQ(dropped[2].data, exact[2].data);
  EXPECT_NE(dropped[0].data, exact[0].data);
  for (double value : dropped[6].data)
    EXPECT_EQ(value, 0);
}

TEST_F(Gradients, OuterSum) {
  constexpr const char *source = R"mlir(
func.func @f(%x: tensor<?x?x3x2x2xf32>, %y: tensor<?x?x2x2xf32>, %y0: tensor<?x2x2xf32> {xlstm.optional},
             %s: tensor<?xi32> {xlstm.optional}, %r: tensor<?x?xi1> {xlstm.optional}) -> tensor<2x2x2x2xf32> {
  %0 = xlstm.outer_sum %x [2, 0] previous(%y from %y0) cu_seqlens(%s : tensor<?xi32>) reset(%r : tensor<?x?xi1>)
      : tensor<?x?x3x2x2xf32>, tensor<?x?x2x2xf32>, tensor<?x2x2xf32> -> tensor<2x2x2x2xf32>
  return %0 : tensor<2x2x2x2xf32>
})mlir";
  // One row of 5 tokens: sequences of 2 and 3; a reset before the last token.
  TensorValue x = normal({1, 5, 3, 2, 2}), y = normal({1, 5, 2, 2}), y0 = normal({2, 2, 2});
  auto expected = [&](bool packed, bool initial, bool reset) {
    TensorValue sum{{2, 2, 2, 2}, std::vector<double>(16)};
    for (int64_t t = 0; t < 5; ++t)
      for (int64_t p = 0; p < 2; ++p)
        for (int64_t h = 0; h < 2; ++h)
          for (int64_t o = 0; o < 2; ++o)
            for (int64_t i = 0; i < 2; ++i) {
              double before = t == 0             ? (initial ? y0.data[h * 2 + i] : 0)
                              : t == 2 && packed ? (initial ? y0.data[4 + h * 2 + i] : 0)
                                                 : y.data[((t - 1) * 2 + h) * 2 + i];
              if (t == 4 && reset)
                before = 0;
              sum.data[((p * 2 + h) * 2 + o) * 2 + i] +=
                  x.data[((t * 3 + (p == 0 ? 2 : 0)) * 2 + h) * 2 + o] * before;
            }
    return sum;
  };
  TensorValue starts{{3}, {0, 2, 5}}, reset{{1, 5}, {0, 0, 0, 0, 1}};
  expectNear(outputs(source, {x, y, y0, starts, reset})[0], expected(true, true, true), 1e-14);
  expectNear(outputs(source, {x, y, std::nullopt, starts, std::nullopt})[0],
             expected(true, false, false), 1e-14);
  expectNear(outputs(source, {x, y, std::nullopt, std::nullopt, std::nullopt})[0],
             expected(false, false, false), 1e-14);
}

TEST_F(Gradients, TimeSum) {
  auto out = outputs(
      R"mlir(
func.func @f(%x: tensor<?x?x2x1x1xf32>, %y: tensor<?x?x1x2xf32>) -> (tensor<2x1x1xf32>, tensor<1x2xf32>) {
  %0 = xlstm.time_sum %x : tensor<?x?x2x1x1xf32> -> tensor<2x1x1xf32>
  %1 = xlstm.time_sum %y : tensor<?x?x1x2xf32> -> tensor<1x2xf32>
  return %0, %1 : tensor<2x1x1xf32>, tensor<1x2xf32>
})mlir",
      {TensorValue{{2, 2, 2, 1, 1}, {1, 2, 3, 4, 5, 6, 7, 8}}, TensorValue{{1, 0, 1, 2}, {}}});
  EXPECT_EQ(out[0].data, (std::vector<double>{16, 20}));
  EXPECT_EQ(out[1].data, (std::vector<double>{0, 0}));
}

TEST_F(Gradients, Norm) {
  auto source = [](std::string kind, bool backward) {
    std::string arguments =
        "(%x: tensor<?x?x2x3xf64>, %w: tensor<2x3xf64>, %dy: tensor<?x?x2x3xf64>)";
    if (!backward)
      return "func.func @f" + arguments + R"mlir( -> tensor<?x?x2x3xf64> {
  %y = xlstm.multihead_norm )mlir" +
             kind + R"mlir( %x weight(%w : tensor<2x3xf64>) eps 0.125 : tensor<?x?x2x3xf64>
  return %y : tensor<?x?x2x3xf64>
})mlir";
    return "func.func @f" + arguments + R"mlir( -> (tensor<?x?x2x3xf64>, tensor<2x3xf64>) {
  %dx, %dw = xlstm.multihead_norm_backward )mlir" +
           kind + R"mlir( %x, %dy weight(%w : tensor<2x3xf64>) eps 0.125
      : tensor<?x?x2x3xf64>, tensor<2x3xf64>
  return %dx, %dw : tensor<?x?x2x3xf64>, tensor<2x3xf64>
})mlir";
  };
  Inputs in{normal({2, 2, 2, 3}), normal({2, 3}), normal({2, 2, 2, 3})};
  for (std::string kind : {"layer", "rms"}) {
    SCOPED_TRACE(kind);
    auto loss = [&](const Inputs &inputs) {
      return dot(outputs(source(kind, false), inputs)[0], *inputs[2]);
    };
    auto gradients = outputs(source(kind, true), in);
    expectNear(gradients[0], differentiate(in, 0, loss), 1e-8);
    expectNear(gradients[1], differentiate(in, 1, loss), 1e-8);
  }
  // (1, 2, 6): mean 3, variance (4 + 1 + 9) / 3; mean square 41 / 3.
  Inputs numbers{TensorValue{{1, 1, 2, 3}, {1, 2, 6, 1, 2, 6}},
                 TensorValue{{2, 3}, {1, 1, 1, 2, 2, 2}}, in[2]};
  double sd = std::sqrt(14.0 / 3 + 0.125), rms = std::sqrt(41.0 / 3 + 0.125);
  expectNear(outputs(source("layer", false), numbers)[0],
             {{1, 1, 2, 3}, {-2 / sd, -1 / sd, 3 / sd, -4 / sd, -2 / sd, 6 / sd}}, 1e-14);
  expectNear(outputs(source("rms", false), numbers)[0],
             {{1, 1, 2, 3}, {1 / rms, 2 / rms, 6 / rms, 2 / rms, 4 / rms, 12 / rms}}, 1e-14);
}
