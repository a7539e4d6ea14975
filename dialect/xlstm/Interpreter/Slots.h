// SPDX-License-Identifier: Apache-2.0
// States whose rows in memory are named by `slots` (getSlots of FunctionAttrs.h), at the border of a
// function.
#ifndef XLSTM_DIALECT_XLSTM_INTERPRETER_SLOTS_H
#define XLSTM_DIALECT_XLSTM_INTERPRETER_SLOTS_H

#include "dialect/xlstm/Interpreter/Interpreter.h"

namespace mlir::xlstm {

class Slots {
public:
  using Inputs = std::vector<std::optional<TensorValue>>;

  /// Fails where the inputs have `slots` and lack a state, where states have other numbers of rows,
  /// and on a row that there is not or that is named twice.
  static FailureOr<Slots> read(func::FuncOp function, const Inputs &inputs);

  /// An input as the function's ops see it: the named rows of a state in the order of the batch.
  TensorValue gather(unsigned argument, const TensorValue &input) const;
  /// A result in memory: a state's other rows are those of its input.
  TensorValue scatter(unsigned result, const TensorValue &value, const Inputs &inputs) const;

private:
  std::vector<int64_t> rows;      // none: `slots` are absent
  std::vector<char> isState;      // by argument
  std::vector<int> stateOfResult; // an argument, -1: the result is no state
};

} // namespace mlir::xlstm

#endif
