// SPDX-License-Identifier: Apache-2.0
/// \file
/// The expressions of a custom cell: one for each new state.
///
///   comparison := sum [ ("<" | "<=" | ">" | ">=" | "==" | "!=") sum ]
///   sum        := product { ("+" | "-") product }
///   product    := unary { ("*" | "/") unary }
///   unary      := ("-" | "+") unary | primary
///   primary    := number | state | gate | "new" "." state | function "(" … ")" | "(" comparison
///   ")"
///
/// A state is its value before the step, `new.c` its value after it (only once it has been
/// updated), a gate its raw pre-activation. A comparison is a condition, and a condition stands
/// only as the first argument of `select`.
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

/// The new value of one state.
struct StateUpdate {
  size_t state = 0; ///< index in CellDescription::states
  std::unique_ptr<Expression> value;
};

/// Parses one expression. `updated[s]` says whether `new.<state s>` may be used. The problem's path
/// is empty; its message begins with the column.
Result<std::unique_ptr<Expression>, Problem> parseExpression(std::string_view text,
                                                             const CellDescription &cell,
                                                             const std::vector<bool> &updated);

/// Parses all updates of a custom cell in the order of evaluation, and checks the cell as a whole:
/// names, every state updated once, every gate used. Paths are relative to the cell: `update.h`.
Result<std::vector<StateUpdate>, Problem> parseUpdates(const CellDescription &cell);

} // namespace xlstm::description

#endif // XLSTM_COMPILER_IMPORT_EXPRESSION_H
