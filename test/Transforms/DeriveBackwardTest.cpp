// SPDX-License-Identifier: Apache-2.0
// Derived functions of cells against central differences, in f64.
#include "test/Transforms/Derived.h"

#include "dialect/xlstm/IR/XLSTM.h"
#include "dialect/xlstm/Transforms/SavePlan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace ::xlstm::test;

namespace {

class DeriveBackward : public testing::Test {
protected:
  DeriveBackward() {
    context.loadDialect<mlir::xlstm::XLSTMDialect, func::FuncDialect, arith::ArithDialect,
                        math::MathDialect>();
  }
  MLIRContext context;
};

struct Cell {
  const char *name, *json;
  bool fromZero = true; // differentiable where the state is zero
};

const Cell cells[] = {
    {"slstm", R"json({"kind": "slstm", "heads": 2, "d": 3})json"},
    // From n = 0 the new n is exactly 1, where its floor has a kink; see FloorOfNormalizer.
    {"slstm floor_one", R"json({"kind": "slstm", "heads": 2, "d": 3, "n_rule": "floor_one"})json",
     false},
    {"slstm clipped", R"json({"kind": "slstm", "heads": 2, "d": 3, "forward_clip": 0.4})json"},
    {"lstm", R"json({"kind": "lstm", "heads": 2, "d": 3})json"},
    {"lstm clipped", R"json({"kind": "lstm", "heads": 1, "d": 3, "forward_clip": 0.3})json"},
    {"gru", R"json({"kind": "gru", "heads": 2, "d": 3})json"},
    {"elman", R"json({"kind": "elman", "heads": 2, "d": 3})json"},
    {"minimal gated", R"json({"kind": "custom", "heads": 2, "d": 3, "states": ["h"],
       "gates": ["f", "z"], "update": {"h": "(1 - sigmoid(f)) * h + sigmoid(f) * tanh(z)"}})json"},
    // m is a state like the others here: its gradient cancels by itself.
    {"slstm without stop_gradient", R"json({"kind": "custom", "heads": 2, "d": 2,
       "states": ["h", "c", "n", "m"], "gates": ["i", "f", "z", "o"],
       "update": {"m": "max(i, logsigmoid(f) + m)",
                  "c": "exp(logsigmoid(f) + m - new.m) * c + exp(i - new.m) * tanh(z)",
                  "n": "exp(logsigmoid(f) + m - new.m) * n + exp(i - new.m)",
                  "h": "sigmoid(o) * new.c / new.n"}})json"},
    // A gate p without a part in wx and r is a parameter of each unit.
    {"peephole", R"json({"kind": "custom", "heads": 2, "d": 3, "states": ["h", "c"],
       "gates": ["i", "f", "z", "p"], "input_gates": ["i", "f", "z"],
       "recurrent_gates": ["f", "z"],
       "update": {"c": "sigmoid(f + p * c) * c + sigmoid(i) * tanh(z)", "h": "tanh(new.c)"}})json"},
    // Every function of an expression.
    {"every function", R"json({"kind": "custom", "heads": 1, "d": 3, "states": ["h", "c"],
       "gates": ["a", "b"],
       "update": {"c": "select(a > b, abs(c) * log(2 + a * a), min(c, b) / (1 + exp(-a)))",
                  "h": "max(logsigmoid(b), -(new.c) * 0.5) - stop_gradient(h) * tanh(h)"}})json"},
};

} // namespace

TEST_F(DeriveBackward, CentralDifferences) {
  for (const Cell &cell : cells) {
    SCOPED_TRACE(cell.name);
    Derived derived(context, cell.json);
    derived.expectCentralDifferences(derived.makeInputs({}));
  }
}

TEST_F(DeriveBackward, ResetsAndPackedSequences) {
  for (const Cell &cell : cells)
    for (bool packed : {false, true}) {
      if (!cell.fromZero)
        continue;
      SCOPED_TRACE(testing::Message() << cell.name << " packed " << packed);
      Derived derived(context, cell.json);
      Extents extents;
      extents.resets = true;
      if (packed) {
        extents.batch = 1;
        extents.time = 9;
        extents.cuSeqlens = {0, 0, 1, 5, 5, 9};
      }
      derived.expectCentralDifferences(derived.makeInputs(extents, 1, 3));
    }
}

TEST_F(DeriveBackward, AbsentStatesAndGradients) {
  for (const Cell &cell : cells)
    for (bool states : {false, true}) {
      if (!states && !cell.fromZero)
        continue;
      SCOPED_TRACE(testing::Message() << cell.name << " states " << states);
      Derived derived(context, cell.json);
      Extents extents;
      extents.states = states;
      extents.lastGradients = !states;
      derived.expectCentralDifferences(derived.makeInputs(extents, 1, 5));
    }
}

// One step, and none: the gradients of the last states are those of the initial ones.
TEST_F(DeriveBackward, ShortSequences) {
  for (const Cell &cell : cells) {
    SCOPED_TRACE(cell.name);
    Derived derived(context, cell.json);
    Extents extents;
    extents.time = 1;
    derived.expectCentralDifferences(derived.makeInputs(extents));
    extents.time = 0;
    Tensors inputs = derived.makeInputs(extents);
    Tensors results = derived.run("forward_backward", inputs);
    for (auto &[name, value] : inputs)
      if (name.size() > 6 && name.front() == 'd')
        EXPECT_EQ(results.at(name.substr(0, name.size() - 5) + "0").data, value.data) << name;
    for (const char *name : {"dr", "db"})
      EXPECT_EQ(results.at(name).data, std::vector<double>(results.at(name).size(), 0.0));
  }
}

// m of the built-in sLSTM is a stabiliser: nothing goes in or comes out.
TEST_F(DeriveBackward, StabilizersHaveNoGradient) {
  Derived derived(context, cells[0].json);
  EXPECT_TRUE(derived.hasArgument("dn_last"));
  EXPECT_FALSE(derived.hasArgument("dm_last"));
  Tensors results = derived.run("forward_backward", derived.makeInputs({}));
  EXPECT_TRUE(results.count("dn0"));
  EXPECT_FALSE(results.count("dm0"));
  Derived custom(context, cells[8].json);
  EXPECT_TRUE(custom.hasArgument("dm_last"));
}

// From a zero state n is at least 1 by itself, so its floor changes neither values nor gradients;
// the kink at the first step, where n is 1, gives the gradient to n.
TEST_F(DeriveBackward, FloorOfNormalizer) {
  Derived plain(context, cells[0].json), floored(context, cells[1].json);
  Extents extents;
  extents.states = false;
  extents.resets = true;
  Tensors inputs = plain.makeInputs(extents);
  Tensors expected = plain.run("forward_backward", inputs);
  for (auto &[name, value] : floored.run("forward_backward", inputs))
    EXPECT_EQ(value.data, expected.at(name).data) << name;
}

// Rounding reaches a bound exactly where the exact value is within it, so a tie is not clipped.
TEST_F(DeriveBackward, OnlyBeyondAConstantIsClipped) {
  Derived derived(context, R"json({"kind": "custom", "heads": 1, "d": 4, "states": ["h"],
      "gates": ["z"], "recurrent_gates": [], "update": {"h": "max(min(z, 1), -1)"}})json");
  Extents extents;
  extents.batch = 1;
  extents.time = 1;
  extents.states = extents.lastGradients = false;
  Tensors inputs = derived.makeInputs(extents);
  inputs.at("wx").data = {-2, -1, 1, 2};
  inputs.at("b").data = {0, 0, 0, 0};
  inputs.at("dh").data = {1, 2, 3, 4};
  EXPECT_EQ(derived.run("forward_backward", inputs).at("dwx").data,
            (std::vector<double>{0, 2, 3, 0}));
}

// With the product cut off, h0 has no part in the gradient of a cell that reads h through R only;
// R still has one.
TEST_F(DeriveBackward, RecurrentGradientIsCut) {
  Derived derived(context,
                  R"json({"kind": "elman", "heads": 2, "d": 3, "recurrent_grad_cut": true})json");
  Extents extents;
  extents.time = 3;
  Tensors inputs = derived.makeInputs(extents), results = derived.run("forward_backward", inputs);
  EXPECT_EQ(results.at("dh0").data, std::vector<double>(2 * 2 * 3, 0.0));
  // dwx_t = (1 - h_t^2) (dh_t + [t last] dh_last)
  const auto &h = results.at("h").data, &dh = inputs.at("dh").data;
  std::vector<double> expected(h.size());
  for (size_t e = 0; e < h.size(); ++e) {
    size_t b = e / 18, t = e / 6 % 3, unit = e % 6;
    double last = t == 2 ? inputs.at("dh_last").data[b * 6 + unit] : 0;
    expected[e] = (1 - h[e] * h[e]) * (dh[e] + last);
  }
  expectNear("dwx", results.at("dwx").data, expected, 1e-14);
  double sum = 0;
  for (double value : results.at("dr").data)
    sum += std::fabs(value);
  EXPECT_GT(sum, 0.1);
}

// A clip that nothing reaches changes nothing; one near zero is a cut.
TEST_F(DeriveBackward, RecurrentGradientIsClipped) {
  auto gradients = [&](const char *option) {
    Derived derived(context,
                    std::string(R"json({"kind": "lstm", "heads": 2, "d": 3)json") + option + "}");
    return derived.run("forward_backward", derived.makeInputs({}));
  };
  Tensors plain = gradients(""), wide = gradients(R"json(, "recurrent_grad_clip": 1000)json"),
          narrow = gradients(R"json(, "recurrent_grad_clip": 1e-12)json"),
          half = gradients(R"json(, "recurrent_grad_clip": 0.1)json"),
          cut = gradients(R"json(, "recurrent_grad_cut": true)json");
  for (const char *name : {"dwx", "dr", "db", "dh0", "dc0"}) {
    EXPECT_EQ(wide.at(name).data, plain.at(name).data) << name;
    expectNear(name, narrow.at(name).data, cut.at(name).data, 1e-9, 1e-11);
    EXPECT_NE(half.at(name).data, plain.at(name).data) << name;
    EXPECT_NE(half.at(name).data, cut.at(name).data) << name;
  }
}

// Reports list what is saved, a line for each value.
TEST_F(DeriveBackward, ListsSaves) {
  Derived elman(context, cells[6].json), lstm(context, cells[3].json);
  using Lines = SmallVector<std::string>;
  EXPECT_EQ(mlir::xlstm::listSaves(elman.get("forward_backward")),
            Lines({"xlstm.scan: new h: saved: an output"}));
  EXPECT_EQ(mlir::xlstm::listSaves(lstm.get("forward_backward")),
            Lines({"xlstm.scan: c: saved: 8 bytes a unit and token",
                   "xlstm.scan: sigmoid(gate[0]): saved: 8 bytes a unit and token",
                   "xlstm.scan: sigmoid(gate[1]): saved: 8 bytes a unit and token",
                   "xlstm.scan: sigmoid(gate[3]): saved: 8 bytes a unit and token",
                   "xlstm.scan: tanh(gate[2]): saved: 8 bytes a unit and token",
                   "xlstm.scan: tanh(new c): recomputed: 4 operations from saved values"}));
  EXPECT_TRUE(mlir::xlstm::listSaves(elman.get("forward")).empty());
}

// Several sequences, constants without channels, outputs that are not states, and no R.
TEST_F(DeriveBackward, GeneralScan) {
  Derived derived(context, parseSourceString<ModuleOp>(R"mlir(
    func.func @forward(%x: tensor<?x?x2x3xf64> {xlstm.name = "x", xlstm.dims = ["B", "T"]},
                       %y: tensor<?x?x2x2x3xf64> {xlstm.name = "y", xlstm.dims = ["B", "T"]},
                       %b: tensor<2x3xf64> {xlstm.name = "b"})
        -> (tensor<?x?x2x2x3xf64> {xlstm.name = "u", xlstm.dims = ["B", "T"]},
            tensor<?x?x2x3xf64> {xlstm.name = "w", xlstm.dims = ["B", "T"]}) {
      %u, %w, %last = xlstm.scan sequences(%x, %y : tensor<?x?x2x3xf64>, tensor<?x?x2x2x3xf64>)
          constants(%b : tensor<2x3xf64>) {
      ^bb0(%xt: f64, %y0: f64, %y1: f64, %bias: f64, %s: f64):
        %f = xlstm.sigmoid %y0 : f64
        %0 = arith.mulf %f, %s : f64
        %1 = arith.mulf %xt, %bias : f64
        %new = arith.addf %0, %1 : f64
        %2 = math.tanh %new : f64
        %3 = arith.mulf %2, %y1 : f64
        xlstm.yield outputs(%3, %xt, %s : f64, f64, f64) states(%new : f64)
      } -> outputs(tensor<?x?x2x2x3xf64>, tensor<?x?x2x3xf64>) states(tensor<?x2x3xf64>)
      return %u, %w : tensor<?x?x2x2x3xf64>, tensor<?x?x2x3xf64>
    })mlir",
                                                       &context));
  derived.expectCentralDifferences(derived.makeInputs({}));
}
