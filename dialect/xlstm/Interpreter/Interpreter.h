// SPDX-License-Identifier: Apache-2.0
// Runs xlstm IR in float64: a plain walk over one function, for tests.
#ifndef XLSTM_DIALECT_XLSTM_INTERPRETER_INTERPRETER_H
#define XLSTM_DIALECT_XLSTM_INTERPRETER_INTERPRETER_H

#include "dialect/xlstm/Reference/Rounding.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace mlir::xlstm {

/// The value of a tensor of any element type, row-major. Integers and booleans are whole numbers.
/// Unless Rounding asks for it, nothing is rounded to the element type that the IR gives, so the
/// interpreter shows what exact arithmetic would.
struct TensorValue {
  std::vector<int64_t> shape;
  std::vector<double> data; // as many as the product of the shape

  int64_t size() const;
};

/// A state of a cell after a step.
struct ProbedState {
  Operation *op;     // the cell
  std::string name;  // h, c, n, m of xlstm.mlstm; the name of the state of xlstm.scan
  int64_t step;      // the token, counted from 0 (in the row of all tokens with cu_seqlens)
  TensorValue value; // [B, H, ..]; with cu_seqlens that of the token's sequence, [1, H, ..]
};

/// Which states to report: those after `steps`, of xlstm.mlstm and of every xlstm.scan that is not
/// reversed. Steps that are no token of a cell are not reported.
struct Probes {
  std::vector<int64_t> steps;
  std::function<void(const ProbedState &)> report;
};

/// Rounds the results of each op, of each op of a region, and of each step of a cell, once, to the
/// element type that the IR gives: what the same formulas give at best in that precision.
using Rounding = ::xlstm::reference::Rounding;

/// Runs a function of one block whose ops are those of the xlstm dialect and func.return. `inputs`
/// are its arguments in order, and their extents have to agree with the argument types; an extent
/// that is dynamic in several types of an op has to be the same in all. An argument that is marked
/// xlstm.optional may be absent: an op treats it like an operand that is not there, so that states
/// and incoming gradients are zero. States whose rows `slots` name are read and returned as they lie in
/// memory. Returns the operands of func.return; saved states, whose layout
/// is a kernel's own, have no rows. On failure a diagnostic says what was expected and got.
FailureOr<std::vector<TensorValue>> interpret(func::FuncOp function,
                                              const std::vector<std::optional<TensorValue>> &inputs,
                                              const Probes &probes = {},
                                              const Rounding &rounding = {});

} // namespace mlir::xlstm

#endif // XLSTM_DIALECT_XLSTM_INTERPRETER_INTERPRETER_H
