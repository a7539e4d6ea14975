// SPDX-License-Identifier: Apache-2.0
// In which forms a recurrence may be computed.
//
// Every recurrence can be walked token by token (recurrent) or one token per call (step). Some can
// be computed for many tokens at once. The step of such a one is affine in the states,
//
//   s_t = A(x_t) s_{t-1} + B(x_t),
//
// with A and B that no state enters: then the steps of a chunk compose to one affine map, in any
// order (chunkwise, with the chunk as long as the sequence: parallel). Two things forbid it:
//
//   * a product with recurrent matrices: what the step computes depends on h through R;
//   * a state that enters its update through a function that is not affine, or times another one.
//
// The analysis reads the region of the op: for each value whether it is independent of the states,
// affine in them, or neither, and then which op made it so.
#ifndef XLSTM_DIALECT_XLSTM_ANALYSIS_RECURRENCE_H
#define XLSTM_DIALECT_XLSTM_ANALYSIS_RECURRENCE_H

#include "dialect/xlstm/IR/XLSTM.h"

namespace mlir::xlstm {

/// A form with what speaks against it.
struct FormVerdict {
  MLSTMForm form;
  std::string reason;       // why it is not legal, naming the value that forbids it; empty if legal
  bool isGenerated = false; // legal, and code is generated in this form

  bool isLegal() const { return reason.empty(); }
};

/// The verdicts on all four forms, in the order of MLSTMForm. An op over tokens is not a step, and
/// an op of one token is nothing else.
SmallVector<FormVerdict> analyzeForms(MLSTMOp op);
SmallVector<FormVerdict> analyzeForms(ScanOp op);

} // namespace mlir::xlstm

#endif // XLSTM_DIALECT_XLSTM_ANALYSIS_RECURRENCE_H
