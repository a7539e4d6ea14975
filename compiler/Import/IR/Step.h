// SPDX-License-Identifier: Apache-2.0
/// \file
/// `step` from `forward`: the same cell for one token.
#ifndef XLSTM_COMPILER_IMPORT_IR_STEP_H
#define XLSTM_COMPILER_IMPORT_IR_STEP_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace xlstm {

/// Adds func.func @step behind `forward`: no tensor has a T axis, there are no cu_seqlens and no
/// reset, and states have the batch's extent. Null if forward is not one cell over whole sequences
/// whose operands are the function's arguments.
mlir::func::FuncOp deriveStep(mlir::func::FuncOp forward);

} // namespace xlstm

#endif // XLSTM_COMPILER_IMPORT_IR_STEP_H
