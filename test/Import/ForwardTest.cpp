// SPDX-License-Identifier: Apache-2.0
/// \file
/// From a description to numbers: forward and step of each recurrent cell, run by the interpreter,
/// against loops that are written here from the papers' formulas.
#include "compiler/Import/IR/Build.h"

#include "dialect/xlstm/IR/FunctionAttrs.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "dialect/xlstm/Interpreter/Interpreter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <random>

using namespace mlir;
using namespace ::xlstm;
using mlir::xlstm::TensorValue;

namespace {

using Numbers = std::vector<double>;
using Tensors = std::map<std::string, TensorValue>;

constexpr int64_t B = 2, T = 4, H = 2, D = 3;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// A cell: which gates have a part in wx and in r, and the new states from the old states and the
/// gates before their activations.
struct Cell {
  std::string text; ///< the description, without its sizes
  std::vector<std::string> states;
  std::vector<int> input, recurrent; ///< numbers of gates
  int gates;
  Numbers (*step)(const Numbers &s, const Numbers &g);
};

Numbers slstm(const Numbers &s, const Numbers &g, bool floorOne) {
  double lfm = std::log(sigmoid(g[1])) + s[3];
  double m = s[2] == 0 ? g[0] : std::max(g[0], lfm);
  double i = std::exp(g[0] - m), f = std::exp(lfm - m);
  double c = f * s[1] + i * std::tanh(g[2]), n = f * s[2] + i;
  n = floorOne ? std::max(n, 1.) : n;
  return {sigmoid(g[3]) * c / n, c, n, m};
}

const Cell cells[] = {
    {R"("kind": "slstm")",
     {"h", "c", "n", "m"},
     {0, 1, 2, 3},
     {0, 1, 2, 3},
     4,
     [](const Numbers &s, const Numbers &g) { return slstm(s, g, false); }},
    {R"("kind": "slstm", "n_rule": "floor_one")",
     {"h", "c", "n", "m"},
     {0, 1, 2, 3},
     {0, 1, 2, 3},
     4,
     [](const Numbers &s, const Numbers &g) { return slstm(s, g, true); }},
    {R"("kind": "slstm", "forward_clip": 0.25)",
     {"h", "c", "n", "m"},
     {0, 1, 2, 3},
     {0, 1, 2, 3},
     4,
     [](const Numbers &s, const Numbers &g) {
       auto clip = [](double x) { return std::min(std::max(x, -0.25), 0.25); };
       Numbers x = slstm(s, g, false);
       return Numbers{clip(sigmoid(g[3]) * clip(x[1]) / clip(x[2])), clip(x[1]), clip(x[2]), x[3]};
     }},
    {R"("kind": "lstm")",
     {"h", "c"},
     {0, 1, 2, 3},
     {0, 1, 2, 3},
     4,
     [](const Numbers &s, const Numbers &g) {
       double c = sigmoid(g[1]) * s[1] + sigmoid(g[0]) * std::tanh(g[2]);
       return Numbers{sigmoid(g[3]) * std::tanh(c), c};
     }},
    {R"("kind": "gru")",
     {"h"},
     {1, 2, 3},
     {0, 1, 2},
     4,
     [](const Numbers &s, const Numbers &g) {
       double z = sigmoid(g[2]), candidate = std::tanh(g[3] + sigmoid(g[1]) * g[0]);
       return Numbers{z * s[0] + (1 - z) * candidate};
     }},
    {R"("kind": "elman")",
     {"h"},
     {0},
     {0},
     1,
     [](const Numbers &, const Numbers &g) { return Numbers{std::tanh(g[0])}; }},
    // A peephole LSTM, with its parameters between the gates.
    {R"x("kind": "custom", "states": ["h", "c"], "gates": ["p", "f", "q", "z"],
         "recurrent_gates": ["z", "f"], "input_gates": ["z"],
         "update": {"c": "sigmoid(f + p * c) * c + tanh(z)", "h": "abs(q) * min(new.c, 1)"})x",
     {"h", "c"},
     {3},
     {1, 3},
     4,
     [](const Numbers &s, const Numbers &g) {
       double c = sigmoid(g[1] + g[0] * s[1]) * s[1] + std::tanh(g[3]);
       return Numbers{std::abs(g[2]) * std::min(c, 1.), c};
     }},
    // Everything else that an expression may hold.
    {R"x("kind": "custom", "states": ["h", "c"], "gates": ["a", "b"], "recurrent_gates": [],
         "let": {"ratio": "-a / (1 + exp(b))", "logs": "log(1 + abs(ratio)) - stop_gradient(new.c)"},
         "update": {"c": "select(a < b, max(c, ratio), select(h >= 0.1, logsigmoid(b), +2.5e-1))",
                    "h": "select(a != b, logs, c) * select(ratio <= 0, 1, select(c > 0, 2, 3))"})x",
     {"h", "c"},
     {0, 1},
     {},
     2,
     [](const Numbers &s, const Numbers &g) {
       double ratio = -g[0] / (1 + std::exp(g[1]));
       double c = g[0] < g[1]   ? std::max(s[1], ratio)
                  : s[0] >= 0.1 ? std::log(sigmoid(g[1]))
                                : 0.25;
       double log = std::log(1 + std::abs(ratio)) - c;
       return Numbers{log * (ratio <= 0 ? 1 : s[1] > 0 ? 2 : 3), c};
     }},
};

TensorValue random(std::vector<int64_t> shape, std::mt19937 &engine) {
  TensorValue value;
  value.shape = std::move(shape);
  value.data.resize(value.size());
  std::normal_distribution<double> normal;
  for (double &x : value.data)
    x = normal(engine);
  return value;
}

Tensors makeInputs(const Cell &cell) {
  std::mt19937 engine(7);
  Tensors inputs;
  inputs["wx"] = random({B, T, int64_t(cell.input.size()), H, D}, engine);
  if (!cell.recurrent.empty())
    inputs["r"] = random({int64_t(cell.recurrent.size()), H, D, D}, engine);
  inputs["b"] = random({cell.gates, H, D}, engine);
  for (const std::string &state : cell.states)
    inputs[state + "0"] = random({B, H, D}, engine);
  if (inputs.count("n0")) // a normaliser is positive, or 0 before the first token
    for (size_t i = 0; i < inputs["n0"].data.size(); ++i)
      inputs["n0"].data[i] = i % 3 ? std::abs(inputs["n0"].data[i]) : 0;
  return inputs;
}

/// h and the last states, by the cell's formula.
Tensors reference(const Cell &cell, Tensors inputs) {
  Tensors result;
  result["h"] = {{B, T, H, D}, Numbers(B * T * H * D)};
  const size_t gw = cell.input.size();
  for (int64_t b = 0; b < B; ++b)
    for (int64_t t = 0; t < T; ++t)
      for (int64_t h = 0; h < H; ++h) {
        const TensorValue old = inputs["h0"];
        for (int64_t d = 0; d < D; ++d) {
          Numbers raw(cell.gates), states;
          for (int g = 0; g < cell.gates; ++g)
            raw[g] = inputs["b"].data[(g * H + h) * D + d];
          for (size_t w = 0; w < gw; ++w)
            raw[cell.input[w]] += inputs["wx"].data[(((b * T + t) * gw + w) * H + h) * D + d];
          for (size_t p = 0; p < cell.recurrent.size(); ++p)
            for (int64_t i = 0; i < D; ++i)
              raw[cell.recurrent[p]] +=
                  inputs["r"].data[((p * H + h) * D + d) * D + i] * old.data[(b * H + h) * D + i];
          int64_t unit = (b * H + h) * D + d;
          for (const std::string &state : cell.states)
            states.push_back(inputs[state + "0"].data[unit]);
          states = cell.step(states, raw);
          for (size_t s = 0; s < states.size(); ++s)
            inputs[cell.states[s] + "0"].data[unit] = states[s];
          result["h"].data[((b * T + t) * H + h) * D + d] = states[0];
        }
      }
  for (const std::string &state : cell.states)
    result[state + "_last"] = inputs[state + "0"];
  return result;
}

/// Runs a function of a module; the tensors have the names of its attributes.
Tensors run(ModuleOp module, StringRef name, Tensors inputs) {
  auto function = module.lookupSymbol<func::FuncOp>(name);
  std::vector<std::optional<TensorValue>> arguments;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto input = function.getArgAttrOfType<StringAttr>(i, mlir::xlstm::nameAttrName).str();
    arguments.push_back(inputs.count(input) ? std::optional(inputs[input]) : std::nullopt);
  }
  auto values = mlir::xlstm::interpret(function, arguments);
  EXPECT_TRUE(succeeded(values));
  Tensors results;
  for (unsigned i = 0; succeeded(values) && i < function.getNumResults(); ++i)
    results[function.getResultAttrOfType<StringAttr>(i, mlir::xlstm::nameAttrName).str()] =
        (*values)[i];
  return results;
}

void expectNear(const Tensors &got, const Tensors &expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (const auto &[name, value] : expected) {
    ASSERT_TRUE(got.count(name)) << name;
    const TensorValue &other = got.at(name);
    ASSERT_EQ(other.shape, value.shape) << name;
    for (size_t i = 0; i < value.data.size(); ++i)
      ASSERT_NEAR(other.data[i], value.data[i], 1e-11 * (1 + std::abs(value.data[i])))
          << name << " " << i;
  }
}

struct Forward : testing::TestWithParam<int> {
  Forward() {
    context.loadDialect<mlir::xlstm::XLSTMDialect, func::FuncDialect, arith::ArithDialect,
                        math::MathDialect>();
    auto model = description::importDescriptionFromText(
        R"({"xlstm_model": 1, "name": "t", "dtype": "f64", "cell": {"heads": 2, "d": 3, )" +
            cell.text + "}}",
        "t.json");
    EXPECT_TRUE(model) << (model ? "" : model.error().str());
    if (!model)
      return;
    auto built = buildModule(*model, "t.json", context);
    EXPECT_TRUE(built) << (built ? "" : built.error().str());
    if (built)
      module = std::move(*built);
  }

  const Cell &cell = cells[GetParam()];
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

TEST_P(Forward, EqualsTheFormula) {
  ASSERT_TRUE(module);
  Tensors inputs = makeInputs(cell);
  expectNear(run(*module, "forward", inputs), reference(cell, inputs));
}

TEST_P(Forward, StartsFromZeroWithoutStates) {
  ASSERT_TRUE(module);
  Tensors inputs = makeInputs(cell), zeros = inputs;
  for (const std::string &state : cell.states) {
    inputs.erase(state + "0");
    zeros[state + "0"].data.assign(B * H * D, 0);
  }
  expectNear(run(*module, "forward", inputs), reference(cell, zeros));
}

TEST_P(Forward, StepsGiveTheSame) {
  ASSERT_TRUE(module);
  Tensors inputs = makeInputs(cell);
  Tensors expected = run(*module, "forward", inputs), got;
  got["h"] = expected["h"];
  const int64_t tokenSize = inputs["wx"].size() / (B * T);
  for (int64_t t = 0; t < T; ++t) {
    Tensors token = inputs;
    token["wx"].shape.erase(token["wx"].shape.begin() + 1);
    token["wx"].data.clear();
    for (int64_t b = 0; b < B; ++b) {
      auto first = inputs["wx"].data.begin() + (b * T + t) * tokenSize;
      token["wx"].data.insert(token["wx"].data.end(), first, first + tokenSize);
    }
    Tensors results = run(*module, "step", token);
    for (const std::string &state : cell.states)
      inputs[state + "0"] = got[state + "_last"] = results[state + "_last"];
    for (int64_t b = 0; b < B; ++b)
      std::copy_n(results["h"].data.begin() + b * H * D, H * D,
                  got["h"].data.begin() + (b * T + t) * H * D);
  }
  expectNear(got, expected);
}

INSTANTIATE_TEST_SUITE_P(Cells, Forward, testing::Range(0, int(std::size(cells))));

} // namespace
