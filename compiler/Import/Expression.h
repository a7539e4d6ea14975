// SPDX-License-Identifier: Apache-2.0
/// \file
/// The language of a cell's expressions.
///
///   comparison := sum [ ("<" | "<=" | ">" | ">=" | "==" | "!=") sum ]
///   sum        := product { ("+" | "-") product }
///   product    := unary { ("*" | "/") unary }
///   unary      := ("-" | "+") unary | primary
///   primary    := number | state | gate | let | "new" "." state | function "(" … ")" |
///                 "(" comparison ")"
///
/// A state is its value before the step, `new.c` its value after it (only once it has been
/// updated), a gate its raw pre-activation. A comparison is a condition, and a condition stands
/// only as the first argument of `select`. A `let` stands for its expression wherever it is used,
/// so one that reads `new.c` can be used once c has been updated. `stop_gradient(x)` is x, and a
/// constant for the derived backward function.
#ifndef XLSTM_COMPILER_IMPORT_EXPRESSION_H
#define XLSTM_COMPILER_IMPORT_EXPRESSION_H

#include "compiler/Import/Description.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace xlstm::description {

/// A node of an expression. Every node is a scalar, except the six comparisons, which are
/// conditions.
struct Expression {
  enum class Op {
    Number,   ///< `number`
    State,    ///< states[index] before the step
    NewState, ///< states[index] after the step
    Gate,     ///< gates[index]
    Let,      ///< let[index]
    Neg,
    Add,
    Sub,
    Mul,
    Div,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    Exp,
    Log,
    Tanh,
    Sigmoid,
    LogSigmoid,
    Abs,
    StopGradient,
    Max,
    Min,
    Select ///< operands: condition, value if true, value if false
  };

  Op op = Op::Number;
  double number = 0;
  size_t index = 0;
  std::vector<std::unique_ptr<Expression>> operands;
  size_t column = 0; ///< in the text, from 1

  bool isCondition() const { return op >= Op::Less && op <= Op::NotEqual; }

  /// In prefix form, for tests and dumps: `(mul (sigmoid gate.f) h)`.
  std::string str(const CellDescription &cell) const;
};

/// What an expression may use besides the gates and the old states.
struct Scope {
  const CellDescription &cell;
  std::vector<bool> updated; ///< states that may stand as `new.x`
  /// The lets that may be used, the first ones of the cell; for each the states that it reads as
  /// `new.x`, itself or through other lets.
  std::vector<std::vector<bool>> letReads;
};

/// Parses one expression. The problem's path is empty; its message begins with the column.
Result<std::unique_ptr<Expression>, Problem> parseExpression(std::string_view text,
                                                             const Scope &scope);

/// Letters, digits and `_`, no digit first.
bool isIdentifier(std::string_view text);

/// Whether the name is a function or `new`.
bool isReserved(std::string_view name);

} // namespace xlstm::description

#endif // XLSTM_COMPILER_IMPORT_EXPRESSION_H
