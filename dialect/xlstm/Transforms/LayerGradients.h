// SPDX-License-Identifier: Apache-2.0
// Gradients of the layers of blocks: what each op hands back to its operands.
#ifndef XLSTM_DIALECT_XLSTM_TRANSFORMS_LAYERGRADIENTS_H
#define XLSTM_DIALECT_XLSTM_TRANSFORMS_LAYERGRADIENTS_H

#include "dialect/xlstm/IR/XLSTM.h"

namespace mlir::xlstm {

/// An operand and its gradient, which has the operand's type.
using OperandGradient = std::pair<Value, Value>;

/// Whether `op` is such a layer.
bool isLayer(Operation *op);

/// Writes the gradient of a layer at the builder's insertion point, from those of its results (null:
/// zero, but one is there). Reports an error on what has none.
FailureOr<SmallVector<OperandGradient>> differentiateLayer(OpBuilder &builder, Operation *op,
                                                           ArrayRef<Value> results);

} // namespace mlir::xlstm

#endif // XLSTM_DIALECT_XLSTM_TRANSFORMS_LAYERGRADIENTS_H
