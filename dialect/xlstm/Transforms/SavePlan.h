// SPDX-License-Identifier: Apache-2.0
// What the forward pass of a cell keeps for its gradient.
//
// The gradient of a step reads values of the step: activated gates, old states, quotients. Each is
// either stored by the forward pass, which moves it to memory and back, or computed again from what
// is stored. The cost of a choice, in operations per unit and token:
//
//   kOperationsPerByte for each byte that is written or read: a value that is saved is both; old
//     states are the new states of the token before; outputs of the scan are written in any case,
//     and so is h if there are recurrent matrices, for dr
//   + the operations that compute the rest again, 12 for an exponential and the like
//
// Products with the recurrent matrices cannot be computed again at a token alone. One is saved as
// the sum with wx and b of which alone it is a part, the raw gate, so that wx need not be read.
// From there the plan is improved value by value, in the order of the step, as long as the cost
// falls: for instance sigmoid(gate) takes the place of a gate that is read in no other way.
#ifndef XLSTM_DIALECT_XLSTM_TRANSFORMS_SAVEPLAN_H
#define XLSTM_DIALECT_XLSTM_TRANSFORMS_SAVEPLAN_H

#include "dialect/xlstm/IR/XLSTM.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::xlstm {

/// The attribute of a forward op that says what is saved: value -> "saved: …" or "recomputed: …".
inline constexpr const char *saveAttrName = "xlstm.save";

/// Pointwise operations that take as long as moving one byte to or from memory. CPU cores and GPUs
/// of today are between 5 and 20.
inline constexpr int64_t kOperationsPerByte = 8;

struct SavePlan {
  /// Values of the step that are stored at each token, block arguments or results of ops.
  SmallVector<Value> values;
  /// Values of the step that are stored in any case (getStoredValues), and that the gradient reads.
  SmallVector<Value> stored;
  /// States that the gradient reads as they were before the step.
  SmallVector<unsigned> oldStates;
  /// For saveAttrName.
  DictionaryAttr description;
};

/// The values of the step of which a tensor [B, T, H, D] of the accumulation type is an output of
/// the scan, and the output; for the new h of a scan with recurrent matrices it may be null: then
/// such an output is to be added.
llvm::SmallMapVector<Value, Value, 4> getStoredValues(ScanOp scan);

/// Plans for a gradient that reads `needed`, values of the block of `scan`.
SavePlan planSaves(ScanOp scan, ArrayRef<Value> needed);

/// What saveAttrName says, a line for each value, of every op in `root`: for reports.
SmallVector<std::string> listSaves(Operation *root);

} // namespace mlir::xlstm

#endif // XLSTM_DIALECT_XLSTM_TRANSFORMS_SAVEPLAN_H
