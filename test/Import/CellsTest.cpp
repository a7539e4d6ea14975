// SPDX-License-Identifier: Apache-2.0
/// \file
/// The built-in cells are valid custom cells: their expressions parse, and mean what semantics
/// says, evaluated here by a calculator of its own.
#include "compiler/Import/Cells.h"
#include "compiler/Import/Formulas.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace xlstm::description;

using Numbers = std::vector<double>;

static CellDescription builtIn(CellKind kind, NRule rule = NRule::Plain) {
  CellDescription cell;
  cell.kind = kind;
  cell.heads = cell.d = 1;
  cell.nRule = rule;
  return spelledOut(cell);
}

/// One step of a cell: its new states.
class Calculator {
public:
  Calculator(const CellDescription &cell, Numbers states, Numbers gates)
      : states(states), gates(std::move(gates)), updated(std::move(states)) {
    auto parsed = parseFormulas(cell);
    EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
    if (!parsed)
      return;
    formulas = std::move(*parsed);
    for (const StateUpdate &update : formulas.updates)
      updated[update.state] = value(*update.value);
  }

  Numbers result() const { return updated; }

private:
  double value(const Expression &node) {
    using Op = Expression::Op;
    auto x = [&](size_t i) { return value(*node.operands[i]); };
    auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
    switch (node.op) {
    case Op::Number:
      return node.number;
    case Op::State:
      return states[node.index];
    case Op::NewState:
      return updated[node.index];
    case Op::Gate:
      return gates[node.index];
    case Op::Let:
      return value(*formulas.lets[node.index]);
    case Op::Add:
      return x(0) + x(1);
    case Op::Sub:
      return x(0) - x(1);
    case Op::Mul:
      return x(0) * x(1);
    case Op::Div:
      return x(0) / x(1);
    case Op::Equal:
      return x(0) == x(1);
    case Op::Less:
      return x(0) < x(1);
    case Op::Exp:
      return std::exp(x(0));
    case Op::Tanh:
      return std::tanh(x(0));
    case Op::Sigmoid:
      return sigmoid(x(0));
    case Op::LogSigmoid:
      return std::log(sigmoid(x(0)));
    case Op::StopGradient:
      return x(0);
    case Op::Max:
      return std::max(x(0), x(1));
    case Op::Min:
      return std::min(x(0), x(1));
    case Op::Select:
      return x(0) ? x(1) : x(2);
    default:
      ADD_FAILURE() << "an operation that no built-in cell has";
      return 0;
    }
  }

  Formulas formulas;
  Numbers states, gates, updated;
};

static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

static void expectNear(const Numbers &got, const Numbers &expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i)
    EXPECT_NEAR(got[i], expected[i], 1e-12) << i;
}

TEST(Cells, NamesAndParts) {
  using Names = std::vector<std::string>;
  CellDescription slstm = builtIn(CellKind::SLSTM);
  EXPECT_EQ(slstm.states, (Names{"h", "c", "n", "m"}));
  EXPECT_EQ(slstm.gates, (Names{"i", "f", "z", "o"}));
  EXPECT_EQ(*slstm.inputGates, slstm.gates);
  EXPECT_EQ(*slstm.recurrentGates, slstm.gates);
  CellDescription lstm = builtIn(CellKind::LSTM);
  EXPECT_EQ(lstm.states, (Names{"h", "c"}));
  EXPECT_EQ(lstm.gates, slstm.gates);
  CellDescription gru = builtIn(CellKind::GRU);
  EXPECT_EQ(gru.gates, (Names{"g", "r", "z", "n"}));
  EXPECT_EQ(*gru.inputGates, (Names{"r", "z", "n"}));
  EXPECT_EQ(*gru.recurrentGates, (Names{"g", "r", "z"}));
  EXPECT_EQ(builtIn(CellKind::Elman).gates, (Names{"z"}));
}

TEST(Cells, CustomCellsKeepTheirOwn) {
  CellDescription cell;
  cell.kind = CellKind::Custom;
  cell.states = {"h"};
  cell.gates = {"a", "b", "c"};
  cell.recurrentGates = {"c", "a"};
  CellDescription spelled = spelledOut(cell);
  EXPECT_EQ(*spelled.inputGates, cell.gates);
  EXPECT_EQ(*spelled.recurrentGates, (std::vector<std::string>{"a", "c"}));
}

TEST(Cells, SLSTM) {
  for (NRule rule : {NRule::Plain, NRule::FloorOne}) {
    CellDescription cell = builtIn(CellKind::SLSTM, rule);
    // h c n m, then i f z o; the second has n = 0, where m follows i alone.
    for (const auto &[s, g] : {std::pair<Numbers, Numbers>{{.1, .2, .3, .4}, {.5, -.6, .7, .8}},
                               std::pair<Numbers, Numbers>{{0, 0, 0, 0}, {-2, 3, .7, -.8}}}) {
      double lfm = std::log(sigmoid(g[1])) + s[3];
      double m = s[2] == 0 ? g[0] : std::max(g[0], lfm);
      double i = std::exp(g[0] - m), f = std::exp(lfm - m);
      double c = f * s[1] + i * std::tanh(g[2]), n = f * s[2] + i;
      if (rule == NRule::FloorOne)
        n = std::max(n, 1.);
      expectNear(Calculator(cell, s, g).result(), {sigmoid(g[3]) * c / n, c, n, m});
    }
  }
}

TEST(Cells, SLSTMOfFarGatesIsFinite) {
  CellDescription cell = builtIn(CellKind::SLSTM);
  for (double i : {-100., 100., -1e4})
    for (double f : {-100., 100.})
      for (double x : Calculator(cell, {0, 0, 0, 0}, {i, f, .5, .5}).result())
        EXPECT_TRUE(std::isfinite(static_cast<float>(x))) << i << " " << f;
}

TEST(Cells, LSTM) {
  double c = sigmoid(-.6) * .2 + sigmoid(.5) * std::tanh(.7);
  expectNear(Calculator(builtIn(CellKind::LSTM), {.1, .2}, {.5, -.6, .7, .8}).result(),
             {sigmoid(.8) * std::tanh(c), c});
}

TEST(Cells, GRU) {
  double candidate = std::tanh(.8 + sigmoid(-.6) * .5), z = sigmoid(.7);
  expectNear(Calculator(builtIn(CellKind::GRU), {.1}, {.5, -.6, .7, .8}).result(),
             {z * .1 + (1 - z) * candidate});
}

TEST(Cells, Elman) {
  expectNear(Calculator(builtIn(CellKind::Elman), {.1}, {.5}).result(), {std::tanh(.5)});
}
