// SPDX-License-Identifier: Apache-2.0
#include "compiler/Import/Cells.h"

#include <algorithm>

namespace xlstm::description {
namespace {

using Names = std::vector<std::string>;

/// What the description of a custom cell would say.
struct Spelled {
  Names states, gates, inputGates, recurrentGates;
  std::vector<std::pair<std::string, std::string>> let, update;
};

/// m only scales c and n, so that their exponentials stay bounded; h does not depend on it. So m
/// is a constant for the gradient, before the step and after it. The forget factor is at most 1 by
/// the choice of m, except where n is 0: there m follows i alone, c is 0, and the bound of the
/// exponent keeps exp finite, for inf * 0 is no number.
/// The floor of n is a select, not a max: the first n is exactly 1, where the floor does nothing
/// and the gradient has to pass.
Spelled slstm(NRule rule) {
  Spelled cell = {{"h", "c", "n", "m"},
                  {"i", "f", "z", "o"},
                  {"i", "f", "z", "o"},
                  {"i", "f", "z", "o"},
                  {{"lfm", "logsigmoid(f) + stop_gradient(m)"},
                   {"input", "exp(i - new.m)"},
                   {"forget", "exp(min(lfm - new.m, 80))"}},
                  {{"m", "stop_gradient(select(n == 0, i, max(i, lfm)))"},
                   {"c", "forget * c + input * tanh(z)"},
                   {"n", "forget * n + input"},
                   {"h", "sigmoid(o) * new.c / new.n"}}};
  if (rule == NRule::FloorOne) {
    cell.let.emplace_back("sum", "forget * n + input");
    cell.update[2].second = "select(sum < 1, 1, sum)";
  }
  return cell;
}

Spelled lstm() {
  return {{"h", "c"},
          {"i", "f", "z", "o"},
          {"i", "f", "z", "o"},
          {"i", "f", "z", "o"},
          {},
          {{"c", "sigmoid(f) * c + sigmoid(i) * tanh(z)"}, {"h", "sigmoid(o) * tanh(new.c)"}}};
}

Spelled gru() {
  return {{"h"},
          {"g", "r", "z", "n"},
          {"r", "z", "n"},
          {"g", "r", "z"},
          {{"candidate", "tanh(n + sigmoid(r) * g)"}},
          {{"h", "sigmoid(z) * h + (1 - sigmoid(z)) * candidate"}}};
}

Spelled elman() { return {{"h"}, {"z"}, {"z"}, {"z"}, {}, {{"h", "tanh(z)"}}}; }

/// The gates of `subset` in the order of `gates`; all of them without a subset.
Names ordered(const std::optional<Names> &subset, const Names &gates) {
  Names result;
  for (const std::string &gate : gates)
    if (!subset || std::find(subset->begin(), subset->end(), gate) != subset->end())
      result.push_back(gate);
  return result;
}

} // namespace

CellDescription spelledOut(CellDescription cell) {
  auto fill = [&](Spelled spelled) {
    cell.states = std::move(spelled.states);
    cell.gates = std::move(spelled.gates);
    cell.inputGates = std::move(spelled.inputGates);
    cell.recurrentGates = std::move(spelled.recurrentGates);
    cell.let = std::move(spelled.let);
    cell.update = std::move(spelled.update);
  };
  switch (cell.kind) {
  case CellKind::SLSTM:
    fill(slstm(cell.nRule));
    break;
  case CellKind::LSTM:
    fill(lstm());
    break;
  case CellKind::GRU:
    fill(gru());
    break;
  case CellKind::Elman:
    fill(elman());
    break;
  case CellKind::Custom:
    cell.inputGates = ordered(cell.inputGates, cell.gates);
    cell.recurrentGates = ordered(cell.recurrentGates, cell.gates);
    break;
  case CellKind::MLSTM:
    break;
  }
  return cell;
}

} // namespace xlstm::description
