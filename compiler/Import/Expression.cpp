// SPDX-License-Identifier: Apache-2.0
#include "compiler/Import/Expression.h"
#include "compiler/Import/Value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace xlstm::description {
namespace {

using Op = Expression::Op;
using Node = std::unique_ptr<Expression>;

constexpr size_t maxNodes = 1000;
constexpr size_t maxNesting = 100;

struct Spelling {
  const char *text;
  Op op;
  size_t operands;
};

constexpr Spelling functions[] = {{"exp", Op::Exp, 1},
                                  {"log", Op::Log, 1},
                                  {"tanh", Op::Tanh, 1},
                                  {"sigmoid", Op::Sigmoid, 1},
                                  {"logsigmoid", Op::LogSigmoid, 1},
                                  {"abs", Op::Abs, 1},
                                  {"stop_gradient", Op::StopGradient, 1},
                                  {"max", Op::Max, 2},
                                  {"min", Op::Min, 2},
                                  {"select", Op::Select, 3}};
// A longer sign stands before its own beginning.
constexpr Spelling comparisons[] = {{"<=", Op::LessEqual, 2}, {">=", Op::GreaterEqual, 2},
                                    {"==", Op::Equal, 2},     {"!=", Op::NotEqual, 2},
                                    {"<", Op::Less, 2},       {">", Op::Greater, 2}};
constexpr Spelling sums[] = {{"+", Op::Add, 2}, {"-", Op::Sub, 2}};
constexpr Spelling products[] = {{"*", Op::Mul, 2}, {"/", Op::Div, 2}};

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

size_t indexOf(const std::vector<std::string> &names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) - names.begin();
}

class Parser {
public:
  Parser(std::string_view text, const Scope &scope) : text(text), cell(scope.cell), scope(scope) {}

  Result<Node, Problem> parse() {
    Node root = comparison();
    skipSpace();
    if (!problem && at < text.size())
      fail(at, "expected an operator or the end, got " + here());
    if (!problem)
      wantScalar(*root);
    if (problem)
      return *problem;
    return root;
  }

private:
  // Each rule returns null exactly when `problem` is set.

  Node comparison() {
    Node left = sum();
    size_t column = 0;
    const Spelling *sign = left ? take(comparisons, column) : nullptr;
    if (!sign)
      return left;
    Node right = wantScalar(*left) ? sum() : nullptr;
    if (!right || !wantScalar(*right))
      return nullptr;
    left = make(sign->op, column, std::move(left), std::move(right));
    if (left && take(comparisons, column))
      return fail(column, "expected one comparison, got a second one");
    return left;
  }

  Node sum() {
    return chain(sums, [this] { return chain(products, [this] { return unary(); }); });
  }

  template <size_t N, class Next> Node chain(const Spelling (&signs)[N], Next next) {
    Node left = next();
    size_t column = 0;
    while (left) {
      const Spelling *sign = take(signs, column);
      if (!sign)
        return left;
      Node right = wantScalar(*left) ? next() : nullptr;
      if (!right || !wantScalar(*right))
        return nullptr;
      left = make(sign->op, column, std::move(left), std::move(right));
    }
    return nullptr;
  }

  Node unary() {
    skipSpace();
    size_t start = at;
    if (++nesting > maxNesting)
      return fail(start, "expected at most " + std::to_string(maxNesting) +
                             " levels of nesting, got more");
    Node result;
    if (takeSign("-")) {
      Node operand = unary();
      result = operand && wantScalar(*operand) ? make(Op::Neg, start, std::move(operand)) : nullptr;
    } else if (takeSign("+")) {
      result = unary();
      if (result && !wantScalar(*result))
        result = nullptr;
    } else {
      result = primary();
    }
    --nesting;
    return result;
  }

  Node primary() {
    size_t start = at;
    if (takeSign("(")) {
      Node inner = comparison();
      return inner && want(")") ? std::move(inner) : nullptr;
    }
    if (at < text.size() && (isDigit(text[at]) || text[at] == '.'))
      return literal();
    std::string_view name = identifier();
    if (name.empty())
      return fail(start, "expected a number, a name or '(', got " + here());
    if (name == "new")
      return newState(start);
    skipSpace();
    if (at < text.size() && text[at] == '(')
      return call(name, start);
    return variable(name, start);
  }

  Node literal() {
    size_t start = at;
    double value = 0;
    auto [end, status] = std::from_chars(text.data() + at, text.data() + text.size(), value);
    if (status != std::errc() || !std::isfinite(value))
      return fail(start,
                  "expected a finite number, got '" + printable(text.substr(start, 20)) + "'");
    at = end - text.data();
    if (at < text.size() && (isLetter(text[at]) || text[at] == '.'))
      return fail(at, "expected an operator after the number, got " + here());
    Node node = make(Op::Number, start);
    if (node)
      node->number = value;
    return node;
  }

  Node newState(size_t start) {
    if (!want("."))
      return nullptr;
    skipSpace();
    size_t nameStart = at;
    std::string_view name = identifier();
    size_t index = indexOf(cell.states, name);
    if (index == cell.states.size())
      return fail(nameStart,
                  "unknown state '" + printable(name) + "'" + suggestion(name, cell.states));
    if (!scope.updated[index])
      return fail(start, "expected a state that is already updated, got 'new." + std::string(name) +
                             "' (update '" + std::string(name) + "' first)");
    return leaf(Op::NewState, start, index);
  }

  Node variable(std::string_view name, size_t start) {
    if (size_t index = indexOf(cell.states, name); index < cell.states.size())
      return leaf(Op::State, start, index);
    if (size_t index = indexOf(cell.gates, name); index < cell.gates.size())
      return leaf(Op::Gate, start, index);
    std::vector<std::string> known = cell.states;
    known.insert(known.end(), cell.gates.begin(), cell.gates.end());
    for (size_t i = 0; i < scope.letReads.size(); ++i) {
      known.push_back(cell.let[i].first);
      if (name == known.back())
        return let(i, start);
    }
    return fail(start, "unknown name '" + printable(name) + "'" + suggestion(name, known));
  }

  Node let(size_t index, size_t start) {
    for (size_t s = 0; s < cell.states.size(); ++s)
      if (scope.letReads[index][s] && !scope.updated[s])
        return fail(start, "expected a name whose states are already updated, got '" +
                               cell.let[index].first + "', which reads 'new." + cell.states[s] +
                               "' (update '" + cell.states[s] + "' first)");
    return leaf(Op::Let, start, index);
  }

  Node call(std::string_view name, size_t start) {
    const Spelling *function = std::find_if(std::begin(functions), std::end(functions),
                                            [&](const Spelling &f) { return name == f.text; });
    if (function == std::end(functions)) {
      std::vector<std::string> known;
      for (const Spelling &f : functions)
        known.push_back(f.text);
      return fail(start, "unknown function '" + printable(name) + "'" + suggestion(name, known));
    }
    takeSign("(");
    Node node = make(function->op, start);
    for (size_t i = 0; node && i < function->operands; ++i) {
      if (i > 0 && !takeSign(","))
        return fail(at, "expected " + std::to_string(function->operands) + " arguments for '" +
                            function->text + "', got " + (peek(")") ? std::to_string(i) : here()));
      Node operand = comparison();
      if (!operand)
        return nullptr;
      bool wantsCondition = function->op == Op::Select && i == 0;
      if (wantsCondition && !operand->isCondition())
        return fail(operand->column - 1,
                    "expected a comparison as the first argument of 'select', got a number");
      if (!wantsCondition && !wantScalar(*operand))
        return nullptr;
      node->operands.push_back(std::move(operand));
    }
    if (node && peek(","))
      return fail(at, "expected " + std::to_string(function->operands) +
                          (function->operands == 1 ? " argument for '" : " arguments for '") +
                          function->text + "', got more");
    return node && want(")") ? std::move(node) : nullptr;
  }

  // Tokens.

  void skipSpace() {
    while (at < text.size() &&
           (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r'))
      ++at;
  }

  bool peek(std::string_view sign) {
    skipSpace();
    return text.substr(at, sign.size()) == sign;
  }

  bool takeSign(std::string_view sign) {
    bool found = peek(sign);
    at += found ? sign.size() : 0;
    return found;
  }

  bool want(std::string_view sign) {
    bool found = takeSign(sign);
    if (!found)
      fail(at, "expected '" + std::string(sign) + "', got " + here());
    return found;
  }

  template <size_t N> const Spelling *take(const Spelling (&signs)[N], size_t &start) {
    skipSpace();
    start = at;
    for (const Spelling &sign : signs)
      if (takeSign(sign.text))
        return &sign;
    return nullptr;
  }

  std::string_view identifier() {
    skipSpace();
    size_t start = at;
    while (at < text.size() && (isLetter(text[at]) || (at > start && isDigit(text[at]))))
      ++at;
    return text.substr(start, at - start);
  }

  /// What stands at the current place, for the "got …" half of a message.
  std::string here() {
    if (at >= text.size())
      return "the end";
    size_t length = 1;
    while (at + length < text.size() &&
           (static_cast<unsigned char>(text[at + length]) & 0xc0) == 0x80)
      ++length;
    return "'" + printable(text.substr(at, length)) + "'";
  }

  // Nodes.

  template <class... Operands> Node make(Op op, size_t start, Operands... operands) {
    if (++nodes > maxNodes)
      return fail(start, "expected at most " + std::to_string(maxNodes) + " operations, got more");
    Node node = std::make_unique<Expression>();
    node->op = op;
    node->column = start + 1;
    (node->operands.push_back(std::move(operands)), ...);
    return node;
  }

  Node leaf(Op op, size_t start, size_t index) {
    Node node = make(op, start);
    if (node)
      node->index = index;
    return node;
  }

  bool wantScalar(const Expression &node) {
    if (node.isCondition())
      fail(node.column - 1,
           "expected a number, got a comparison (only 'select' takes one, as its first argument)");
    return !node.isCondition();
  }

  Node fail(size_t offset, std::string message) {
    if (!problem)
      problem = Problem{"", "column " + std::to_string(offset + 1) + ": " + std::move(message)};
    return nullptr;
  }

  std::string_view text;
  const CellDescription &cell;
  const Scope &scope;
  size_t at = 0;
  size_t nesting = 0;
  size_t nodes = 0;
  std::optional<Problem> problem;
};

constexpr const char *opNames[] = {"number",
                                   "state",
                                   "new",
                                   "gate",
                                   "let",
                                   "neg",
                                   "add",
                                   "sub",
                                   "mul",
                                   "div",
                                   "lt",
                                   "le",
                                   "gt",
                                   "ge",
                                   "eq",
                                   "ne",
                                   "exp",
                                   "log",
                                   "tanh",
                                   "sigmoid",
                                   "logsigmoid",
                                   "abs",
                                   "stop_gradient",
                                   "max",
                                   "min",
                                   "select"};

} // namespace

std::string Expression::str(const CellDescription &cell) const {
  switch (op) {
  case Op::Number:
    return spell(number);
  case Op::State:
    return cell.states[index];
  case Op::NewState:
    return "new." + cell.states[index];
  case Op::Gate:
    return "gate." + cell.gates[index];
  case Op::Let:
    return "let." + cell.let[index].first;
  default:
    break;
  }
  std::string result = std::string("(") + opNames[static_cast<size_t>(op)];
  for (const Node &operand : operands)
    result += " " + operand->str(cell);
  return result + ")";
}

bool isIdentifier(std::string_view text) {
  return !text.empty() && isLetter(text[0]) &&
         std::all_of(text.begin(), text.end(), [](char c) { return isLetter(c) || isDigit(c); });
}

bool isReserved(std::string_view name) {
  return name == "new" || std::any_of(std::begin(functions), std::end(functions),
                                      [&](const Spelling &f) { return name == f.text; });
}

Result<std::unique_ptr<Expression>, Problem> parseExpression(std::string_view text,
                                                             const Scope &scope) {
  return Parser(text, scope).parse();
}

} // namespace xlstm::description
