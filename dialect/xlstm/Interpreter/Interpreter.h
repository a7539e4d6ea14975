// SPDX-License-Identifier: Apache-2.0
// Runs xlstm IR in float64: a plain walk over one function, for tests.
#ifndef XLSTM_DIALECT_XLSTM_INTERPRETER_INTERPRETER_H
#define XLSTM_DIALECT_XLSTM_INTERPRETER_INTERPRETER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <cstdint>
#include <vector>

namespace mlir::xlstm {

/// The value of a tensor of any element type, row-major. Integers and booleans are whole numbers.
/// Nothing is rounded to the element type that the IR gives, so the interpreter shows what exact
/// arithmetic would.
struct TensorValue {
  std::vector<int64_t> shape;
  std::vector<double> data; // as many as the product of the shape

  int64_t size() const;
};

/// Runs a function of one block whose ops are those of the xlstm dialect and func.return. `inputs`
/// are its arguments in order, and their extents have to agree with the argument types; an extent
/// that is dynamic in several types of an op has to be the same in all. Returns the operands of
/// func.return. On failure a diagnostic says what was expected and got.
FailureOr<std::vector<TensorValue>> interpret(func::FuncOp function,
                                              const std::vector<TensorValue> &inputs);

} // namespace mlir::xlstm

#endif // XLSTM_DIALECT_XLSTM_INTERPRETER_INTERPRETER_H
