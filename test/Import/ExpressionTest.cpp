// SPDX-License-Identifier: Apache-2.0
/// \file
/// The language of custom cells: precedence, functions, types, scopes, messages.
#include "compiler/Import/Formulas.h"

#include <gtest/gtest.h>

using namespace xlstm::description;

static CellDescription scope() {
  CellDescription cell;
  cell.kind = CellKind::Custom;
  cell.states = {"h", "c"};
  cell.gates = {"f", "z"};
  return cell;
}

/// The prefix form, or the message. `new.c` may be used, `new.h` may not.
static std::string parse(const std::string &text) {
  CellDescription cell = scope();
  auto expression = parseExpression(text, {cell, {false, true}, {}});
  return expression ? (*expression)->str(cell) : expression.error().message;
}

struct Case {
  const char *text;
  const char *expected;
};

TEST(Expression, Forms) {
  const Case cases[] = {
      {"h", "h"},
      {"f", "gate.f"},
      {"new.c", "new.c"},
      {"new . c", "new.c"},
      {"1", "1"},
      {"2.5e-3", "0.0025"},
      {".5", "0.5"},
      {"h + c * f", "(add h (mul c gate.f))"},
      {"h * c + f", "(add (mul h c) gate.f)"},
      {"h - c - f", "(sub (sub h c) gate.f)"},
      {"h / c / f", "(div (div h c) gate.f)"},
      {"h / (c / f)", "(div h (div c gate.f))"},
      {"-h * c", "(mul (neg h) c)"},
      {"h - -c", "(sub h (neg c))"},
      {"+h", "h"},
      {"(1 - sigmoid(f)) * h + sigmoid(f) * tanh(z)",
       "(add (mul (sub 1 (sigmoid gate.f)) h) (mul (sigmoid gate.f) (tanh gate.z)))"},
      {"stop_gradient(h - c)", "(stop_gradient (sub h c))"},
      {"max(min(h, c), abs(f))", "(max (min h c) (abs gate.f))"},
      {"exp(log(h)) + logsigmoid(z)", "(add (exp (log h)) (logsigmoid gate.z))"},
      {"select(h + 1 < c, f, z)", "(select (lt (add h 1) c) gate.f gate.z)"},
      {"select((h <= c), 0, 1)", "(select (le h c) 0 1)"},
      {"select(h >= c, 0, 1)", "(select (ge h c) 0 1)"},
      {"select(h > c, 0, 1)", "(select (gt h c) 0 1)"},
      {"select(h == 0, 0, 1)", "(select (eq h 0) 0 1)"},
      {"select(h != 0, 0, 1)", "(select (ne h 0) 0 1)"},
  };
  for (const Case &test : cases)
    EXPECT_EQ(parse(test.text), test.expected) << test.text;
}

TEST(Expression, Messages) {
  const Case cases[] = {
      {"", "column 1: expected a number, a name or '(', got the end"},
      {"h +", "column 4: expected a number, a name or '(', got the end"},
      {"h c", "column 3: expected an operator or the end, got 'c'"},
      {"(h", "column 3: expected ')', got the end"},
      {"h)", "column 2: expected an operator or the end, got ')'"},
      {"h ** c", "column 4: expected a number, a name or '(', got '*'"},
      {"h ^ c", "column 3: expected an operator or the end, got '^'"},
      {"zz", "column 1: unknown name 'zz', expected one of h, c, f, z"},
      {"h + hidden", "column 5: unknown name 'hidden', expected one of h, c, f, z"},
      {"sigmod(f)", "column 1: unknown function 'sigmod', did you mean 'sigmoid'?"},
      {"h(f)", "column 1: unknown function 'h', expected one of exp, log, tanh, sigmoid, "
               "logsigmoid, abs, stop_gradient, max, min, select"},
      {"tanh", "column 1: unknown name 'tanh', expected one of h, c, f, z"},
      {"max(h)", "column 6: expected 2 arguments for 'max', got 1"},
      {"max(h, c, f)", "column 9: expected 2 arguments for 'max', got more"},
      {"exp(h, c)", "column 6: expected 1 argument for 'exp', got more"},
      {"stop_gradient(h, c)", "column 16: expected 1 argument for 'stop_gradient', got more"},
      {"stop_gradient(h < c)", "column 17: expected a number, got a comparison (only 'select' "
                               "takes one, as its first argument)"},
      {"stop_gradiant(h)",
       "column 1: unknown function 'stop_gradiant', did you mean 'stop_gradient'?"},
      {"exp()", "column 5: expected a number, a name or '(', got ')'"},
      {"select(h, c, f)",
       "column 8: expected a comparison as the first argument of 'select', got a number"},
      {"h < c", "column 3: expected a number, got a comparison (only 'select' takes one, as its "
                "first argument)"},
      {"1 + (h < c)", "column 8: expected a number, got a comparison (only 'select' takes one, as "
                      "its first argument)"},
      {"select(h < c < f, 0, 1)", "column 14: expected one comparison, got a second one"},
      {"new.h",
       "column 1: expected a state that is already updated, got 'new.h' (update 'h' first)"},
      {"new.f", "column 5: unknown state 'f', expected one of h, c"},
      {"new", "column 4: expected '.', got the end"},
      {"1e999", "column 1: expected a finite number, got '1e999'"},
      {"1.2.3", "column 4: expected an operator after the number, got '.'"},
      {"2h", "column 2: expected an operator after the number, got 'h'"},
      {"h + \xc3\xa9", "column 5: expected a number, a name or '(', got '\xc3\xa9'"},
      {"h\n+\n\"", "column 5: expected a number, a name or '(', got '\"'"},
  };
  for (const Case &test : cases)
    EXPECT_EQ(parse(test.text), test.expected) << test.text;
}

TEST(Expression, LimitsHold) {
  EXPECT_EQ(parse(std::string(100000, '(') + "h"),
            "column 101: expected at most 100 levels of nesting, got more");
  EXPECT_EQ(parse(std::string(100000, '-') + "h"),
            "column 101: expected at most 100 levels of nesting, got more");
  std::string sum = "h";
  for (int i = 0; i < 100000; ++i)
    sum += "+h";
  EXPECT_NE(parse(sum).find("expected at most 1000 operations, got more"), std::string::npos);
}

static std::string check(const CellDescription &cell) {
  auto formulas = parseFormulas(cell);
  return formulas ? "ok" : formulas.error().path + ": " + formulas.error().message;
}

TEST(Formulas, OrderAndScope) {
  CellDescription cell = scope();
  cell.update = {{"c", "sigmoid(f) * c + z"}, {"h", "tanh(new.c)"}};
  auto formulas = parseFormulas(cell);
  ASSERT_TRUE(formulas) << formulas.error().message;
  ASSERT_EQ(formulas->updates.size(), 2u);
  EXPECT_EQ(formulas->updates[0].state, 1u);
  EXPECT_EQ(formulas->updates[1].state, 0u);
  EXPECT_EQ(formulas->updates[1].value->str(cell), "(tanh new.c)");
  std::swap(cell.update[0], cell.update[1]);
  EXPECT_EQ(check(cell), "update.h: column 6: expected a state that is already updated, got "
                         "'new.c' (update 'c' first)");
}

TEST(Formulas, TheCellAsAWhole) {
  CellDescription cell = scope();
  cell.update = {{"h", "f + z"}};
  EXPECT_EQ(check(cell), "update: expected an update of the state 'c', got none");
  cell.update = {{"h", "f"}, {"c", "f"}};
  EXPECT_EQ(check(cell), "gates[1]: expected every gate in an update, got none that uses 'z'");
  cell.update = {{"h", "f"}, {"x", "z"}};
  EXPECT_EQ(check(cell), "update.x: unknown state 'x', expected one of h, c");
  cell.states = {"c", "h"};
  EXPECT_EQ(check(cell), "states[0]: expected 'h' (the output) as the first state, got 'c'");
  cell.states = {"h", "f"};
  EXPECT_EQ(check(cell),
            "gates[0]: expected each name once among states, gates and let, got 'f' again");
  cell.states = {"h", "tanh"};
  EXPECT_EQ(check(cell), "states[1]: expected a name that is no function or keyword, got 'tanh'");
  cell.states = {"h", "stop_gradient"};
  EXPECT_EQ(check(cell),
            "states[1]: expected a name that is no function or keyword, got 'stop_gradient'");
  cell.states = {"h", "2c"};
  EXPECT_EQ(check(cell), "states[1]: expected a name of letters, digits and '_' (at most 32, no "
                         "digit first), got '2c'");
  cell.states = {};
  EXPECT_EQ(check(cell), "states: expected from 1 to 16 names, got 0");
}

TEST(Formulas, PartsOfGates) {
  CellDescription cell = scope();
  cell.update = {{"c", "f + z"}, {"h", "new.c"}};
  cell.inputGates = {"z"};
  cell.recurrentGates = std::vector<std::string>();
  EXPECT_EQ(check(cell), "ok");
  cell.recurrentGates = {"f", "z", "f"};
  EXPECT_EQ(check(cell), "recurrent_gates[2]: expected each gate once, got 'f' again");
  cell.recurrentGates = {"f", "c"};
  EXPECT_EQ(check(cell), "recurrent_gates[1]: unknown gate 'c', expected one of f, z");
  cell.gates = {"forget", "z"};
  cell.update = {{"c", "forget + z"}, {"h", "new.c"}};
  cell.recurrentGates = {"forgot"};
  EXPECT_EQ(check(cell), "recurrent_gates[0]: unknown gate 'forgot', did you mean 'forget'?");
  cell.recurrentGates.reset();
  cell.inputGates = std::vector<std::string>();
  EXPECT_EQ(check(cell), "input_gates: expected at least one gate, got none");
}

TEST(Formulas, Let) {
  CellDescription cell = scope();
  cell.let = {{"a", "sigmoid(f)"}, {"b", "a * new.c"}, {"d", "b + 1"}};
  cell.update = {{"c", "a * c + z"}, {"h", "tanh(d)"}};
  auto formulas = parseFormulas(cell);
  ASSERT_TRUE(formulas) << formulas.error().message;
  ASSERT_EQ(formulas->lets.size(), 3u);
  EXPECT_EQ(formulas->lets[1]->str(cell), "(mul let.a new.c)");
  EXPECT_EQ(formulas->updates[1].value->str(cell), "(tanh let.d)");

  // What a let reads as new.x, through another let too, must be there where it is used.
  cell.update = {{"h", "tanh(d)"}, {"c", "a * c + z"}};
  EXPECT_EQ(check(cell), "update.h: column 6: expected a name whose states are already updated, "
                         "got 'd', which reads 'new.c' (update 'c' first)");
  cell.update = {{"c", "a * c + z"}, {"h", "tanh(e)"}};
  EXPECT_EQ(check(cell), "update.h: column 6: unknown name 'e', expected one of h, c, f, z, a, b, "
                         "d");
  cell.let = {{"b", "a + 1"}, {"a", "sigmoid(f)"}};
  EXPECT_EQ(check(cell), "let.b: column 1: unknown name 'a', expected one of h, c, f, z");
  cell.let = {{"a", "a + f"}};
  EXPECT_EQ(check(cell), "let.a: column 1: unknown name 'a', expected one of h, c, f, z");
  cell.let = {{"f", "z"}};
  EXPECT_EQ(check(cell), "let.f: expected each name once among states, gates and let, got 'f' "
                         "again");
  cell.let = {{"a", "h < c"}};
  EXPECT_EQ(check(cell), "let.a: column 3: expected a number, got a comparison (only 'select' "
                         "takes one, as its first argument)");
  cell.let = {{"a", "f"}, {"b", "a + z"}};
  cell.update = {{"c", "a"}, {"h", "z"}};
  EXPECT_EQ(check(cell), "let.b: expected every let in an update, got none that uses 'b'");
  cell.let.assign(65, {"a", "f"});
  EXPECT_EQ(check(cell), "let: expected at most 64 names, got 65");
}
