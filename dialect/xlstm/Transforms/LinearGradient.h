// SPDX-License-Identifier: Apache-2.0
// The gradient of xlstm.linear.
//
//   epilogue    dacc_w, delems, dcols = derivative of the region, from dy: an xlstm.linear again,
//               which makes the sums anew where the derivative needs them
//   weights     dweight_w = dacc_w^T x'                      xlstm.weight_grad
//   x           dx' = sum_w dacc_w weight_w                  xlstm.linear with transposed weights
//   prologue    dx, dx_elems, dx_cols = derivative of that region, from dx': an xlstm.map
//
// Values for each row (x_rows, rows) have no derivative yet.
#ifndef XLSTM_DIALECT_XLSTM_TRANSFORMS_LINEARGRADIENT_H
#define XLSTM_DIALECT_XLSTM_TRANSFORMS_LINEARGRADIENT_H

#include "dialect/xlstm/IR/XLSTM.h"

namespace mlir::xlstm {

/// Gradients of the operands of an op, null where there is none.
struct LinearGradients {
  Value x;
  SmallVector<Value> xElems, xCols, weights, elems, cols;
};

/// Writes the ops of the gradient at the builder's insertion point. `outputGradients` has one entry
/// for each result, null where the loss does not depend on it. An error on the op for what has no
/// derivative.
FailureOr<LinearGradients> differentiate(OpBuilder &builder, LinearOp op,
                                         ArrayRef<Value> outputGradients);

} // namespace mlir::xlstm

#endif // XLSTM_DIALECT_XLSTM_TRANSFORMS_LINEARGRADIENT_H
