// SPDX-License-Identifier: Apache-2.0
// The derivative of a block of scalar ops, in reverse mode.
//
// A block computes y = f(x) from scalars by the ops that the region of xlstm.scan may hold. Given
// gradients dL/dy, one for each y that a loss L depends on, `differentiate` writes ops that compute
// dL/dx. It walks the block from its end; the gradient of a value is the sum of what its uses hand
// back:
//
//   y = a + b      da += dy            db += dy
//   y = a * b      da += dy b          db += dy a
//   y = a / b      da += dy / b        db -= dy / b y
//   y = exp a      da += dy y          log: dy / a         tanh: dy (1 - y^2)
//   sigmoid        dy y (1 - y)        log_sigmoid: dy sigmoid(-a)
//   erf a          dy 2/sqrt(pi) exp(-a^2)
//   |a|            dy sign(a), 0 at 0
//   max, min       dy to the operand that is strictly larger (smaller); at a tie to the second
//                  operand, or to the one that varies when the other is a constant
//   select         dy to the value that was selected; none to the condition
//   stop_gradient  none
//
// A value that no wanted input reaches, or that reaches no y, takes part in nothing: neither zeros
// nor dead ops are written.
#ifndef XLSTM_DIALECT_XLSTM_TRANSFORMS_REGIONGRADIENT_H
#define XLSTM_DIALECT_XLSTM_TRANSFORMS_REGIONGRADIENT_H

#include "mlir/IR/Block.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseSet.h"

namespace mlir::xlstm {

/// The gradient of the loss with respect to one value of a block. A value may occur several times:
/// the gradients add up.
struct GradientSeed {
  Value value, gradient;
};

/// Writes the derivative of `block` at the builder's insertion point, which may be in the block
/// behind all that the derivative needs, and returns the gradient of
/// each of `inputs`, null where it is zero. The ops refer to values of `block` where the derivative
/// needs them; the caller maps those to what stands for them. The block's ops have to be those of
/// ScanOp::isAllowedInBody.
SmallVector<Value> differentiate(OpBuilder &builder, Block &block, ArrayRef<GradientSeed> seeds,
                                 ValueRange inputs);

/// The values of `block` that depend on `inputs` in a way that has a derivative, inputs included.
llvm::DenseSet<Value> getDifferentiableUses(Block &block, ValueRange inputs);

} // namespace mlir::xlstm

#endif // XLSTM_DIALECT_XLSTM_TRANSFORMS_REGIONGRADIENT_H
