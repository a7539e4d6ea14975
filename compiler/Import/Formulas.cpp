// SPDX-License-Identifier: Apache-2.0
#include "compiler/Import/Formulas.h"
#include "compiler/Import/Value.h"

#include <algorithm>

namespace xlstm::description {
namespace {

using Op = Expression::Op;

constexpr size_t maxNames = 16;
constexpr size_t maxLets = 64;
constexpr size_t maxNameLength = 32;

size_t indexOf(const std::vector<std::string> &names, const std::string &name) {
  return std::find(names.begin(), names.end(), name) - names.begin();
}

/// Checks one name of a cell against the names that stand before it.
Check checkName(const std::string &name, const std::string &path, std::vector<std::string> &taken) {
  std::string got = ", got '" + printable(name) + "'";
  if (!isIdentifier(name) || name.size() > maxNameLength)
    return Problem{path, "expected a name of letters, digits and '_' (at most " +
                             std::to_string(maxNameLength) + ", no digit first)" + got};
  if (isReserved(name))
    return Problem{path, "expected a name that is no function or keyword" + got};
  if (std::find(taken.begin(), taken.end(), name) != taken.end())
    return Problem{path, "expected each name once among states, gates and let" + got + " again"};
  taken.push_back(name);
  return std::nullopt;
}

Check checkNames(const std::vector<std::string> &names, const std::string &path,
                 std::vector<std::string> &taken) {
  if (names.empty() || names.size() > maxNames)
    return Problem{path, "expected from 1 to " + std::to_string(maxNames) + " names, got " +
                             std::to_string(names.size())};
  for (size_t i = 0; i < names.size(); ++i)
    if (Check problem = checkName(names[i], join(path, i), taken))
      return problem;
  return std::nullopt;
}

/// Checks `input_gates` or `recurrent_gates`: gates of the cell, each once.
Check checkSubset(const std::optional<std::vector<std::string>> &names, const std::string &path,
                  const std::vector<std::string> &gates) {
  if (!names)
    return std::nullopt;
  for (size_t i = 0; i < names->size(); ++i) {
    const std::string &name = (*names)[i];
    if (indexOf(gates, name) == gates.size())
      return Problem{join(path, i),
                     "unknown gate '" + printable(name) + "'" + suggestion(name, gates)};
    if (indexOf(*names, name) != i)
      return Problem{join(path, i), "expected each gate once, got '" + name + "' again"};
  }
  return std::nullopt;
}

/// Marks the leaves of one kind that stand in an expression.
void mark(const Expression &node, Op op, std::vector<bool> &found) {
  if (node.op == op)
    found[node.index] = true;
  for (const std::unique_ptr<Expression> &operand : node.operands)
    mark(*operand, op, found);
}

/// Parses `let`, in order: each may use those before it.
Check parseLets(Scope &scope, std::vector<std::string> &taken, Formulas &formulas) {
  const CellDescription &cell = scope.cell;
  if (cell.let.size() > maxLets)
    return Problem{"let", "expected at most " + std::to_string(maxLets) + " names, got " +
                              std::to_string(cell.let.size())};
  // Where a let is used decides which states are updated there.
  Scope all = {cell, std::vector<bool>(cell.states.size(), true), {}};
  for (const auto &[name, text] : cell.let) {
    std::string path = join("let", name);
    if (Check problem = checkName(name, path, taken))
      return problem;
    auto value = parseExpression(text, all);
    if (!value)
      return Problem{path, value.error().message};
    std::vector<bool> reads(cell.states.size()), uses(cell.let.size());
    mark(**value, Op::NewState, reads);
    mark(**value, Op::Let, uses);
    for (size_t l = 0; l < all.letReads.size(); ++l)
      for (size_t s = 0; uses[l] && s < reads.size(); ++s)
        reads[s] = reads[s] || all.letReads[l][s];
    all.letReads.push_back(std::move(reads));
    formulas.lets.push_back(std::move(*value));
  }
  scope.letReads = std::move(all.letReads);
  return std::nullopt;
}

/// Parses `update`, in order: each may use the new values of those before it.
Check parseUpdates(Scope &scope, Formulas &formulas) {
  const CellDescription &cell = scope.cell;
  for (const auto &[state, text] : cell.update) {
    std::string path = join("update", state);
    size_t index = indexOf(cell.states, state);
    if (index == cell.states.size())
      return Problem{path,
                     "unknown state '" + printable(state) + "'" + suggestion(state, cell.states)};
    if (scope.updated[index])
      return Problem{path, "expected one update of each state, got a second one"};
    auto value = parseExpression(text, scope);
    if (!value)
      return Problem{path, value.error().message};
    formulas.updates.push_back({index, std::move(*value)});
    scope.updated[index] = true;
  }
  for (size_t s = 0; s < scope.updated.size(); ++s)
    if (!scope.updated[s])
      return Problem{"update",
                     "expected an update of the state '" + cell.states[s] + "', got none"};
  return std::nullopt;
}

/// Every let and every gate has a use: one without is a slip of the pen.
Check checkUses(const CellDescription &cell, const Formulas &formulas) {
  std::vector<bool> usedLets(cell.let.size()), usedGates(cell.gates.size());
  for (const StateUpdate &update : formulas.updates) {
    mark(*update.value, Op::Let, usedLets);
    mark(*update.value, Op::Gate, usedGates);
  }
  for (size_t l = usedLets.size(); l-- > 0;) { // a let is used by later ones only
    if (!usedLets[l])
      return Problem{join("let", cell.let[l].first),
                     "expected every let in an update, got none that uses '" + cell.let[l].first +
                         "'"};
    mark(*formulas.lets[l], Op::Let, usedLets);
    mark(*formulas.lets[l], Op::Gate, usedGates);
  }
  for (size_t g = 0; g < usedGates.size(); ++g)
    if (!usedGates[g])
      return Problem{join("gates", g), "expected every gate in an update, got none that uses '" +
                                           cell.gates[g] + "'"};
  return std::nullopt;
}

} // namespace

Result<Formulas, Problem> parseFormulas(const CellDescription &cell) {
  std::vector<std::string> taken;
  if (Check problem = checkNames(cell.states, "states", taken))
    return *problem;
  if (cell.states[0] != "h")
    return Problem{"states[0]",
                   "expected 'h' (the output) as the first state, got '" + cell.states[0] + "'"};
  if (Check problem = checkNames(cell.gates, "gates", taken))
    return *problem;
  if (Check problem = checkSubset(cell.inputGates, "input_gates", cell.gates))
    return *problem;
  if (cell.inputGates && cell.inputGates->empty())
    return Problem{"input_gates", "expected at least one gate, got none"};
  if (Check problem = checkSubset(cell.recurrentGates, "recurrent_gates", cell.gates))
    return *problem;

  Formulas formulas;
  Scope scope = {cell, std::vector<bool>(cell.states.size()), {}};
  Check problem = parseLets(scope, taken, formulas);
  if (!problem)
    problem = parseUpdates(scope, formulas);
  if (!problem)
    problem = checkUses(cell, formulas);
  if (problem)
    return *problem;
  return formulas;
}

} // namespace xlstm::description
