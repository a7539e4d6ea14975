// SPDX-License-Identifier: Apache-2.0
// The gradient of xlstm.scan, as ops of the xlstm dialect.
//
//   forward scan   also stores what SavePlan asks for
//   reverse scan   from the last token to the first. At token t:
//                    dh_t      = dh[t] + dh from t+1 + R^T dgates_{t+1}        (the scan's product)
//                    dgates_t, dstates_{t-1} = gradient of the region          (RegionGradient)
//                  states: dgates of the products, then dstates; initial values: 0, dstates_last
//   outer_sum      dr = sum_t dgates_t h_{t-1}^T
//   time_sum       db = sum_t dgates_t
//   step scan      dh0 = dh from the first token + R^T dgates of it
//
// A state whose new value is a stop_gradient, and that reaches nothing but through stop_gradients,
// is a stabiliser such as m of the sLSTM cell. It has no gradient.
#ifndef XLSTM_DIALECT_XLSTM_TRANSFORMS_SCANGRADIENT_H
#define XLSTM_DIALECT_XLSTM_TRANSFORMS_SCANGRADIENT_H

#include "dialect/xlstm/IR/XLSTM.h"

namespace mlir::xlstm {

/// Gradients of the operands of a scan. Null: there is none, because the operand is absent or a
/// stabiliser's.
struct ScanGradients {
  SmallVector<Value> sequences;     // [B, T, (K,) H, D]
  SmallVector<Value> constants;     // [(K,) H, D]
  Value recurrent;                  // [P, H, D, D]
  SmallVector<Value> initialStates; // [S, H, D]
};

/// Whether a state of the scan has a gradient; see above.
bool hasGradient(ScanOp scan, unsigned state);

/// Writes the gradient of `scan` at the builder's insertion point, from those of its outputs and of
/// its last states (null: zero), and replaces the scan by one that stores what the gradient reads.
/// Reports an error on scans that are reversed or transposed, have `previous`, or are one step.
FailureOr<ScanGradients> differentiate(OpBuilder &builder, ScanOp scan, ArrayRef<Value> outputs,
                                       ArrayRef<Value> lastStates);

} // namespace mlir::xlstm

#endif // XLSTM_DIALECT_XLSTM_TRANSFORMS_SCANGRADIENT_H
