// SPDX-License-Identifier: Apache-2.0
/// \file
/// A recurrent cell's expressions as xlstm.scan.
#ifndef XLSTM_COMPILER_IMPORT_IR_RECURRENCE_H
#define XLSTM_COMPILER_IMPORT_IR_RECURRENCE_H

#include "compiler/Import/Description.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "mlir/IR/Builders.h"

namespace xlstm {

/// Makes the scan over the tokens of wx that computes h and the last states of a cell that
/// description::spelledOut gives. `operands` are those of interface.md in the order of the cell:
/// wx, b, r (null if no gate is recurrent), all initial states. h has the element type of wx.
mlir::xlstm::ScanOp buildRecurrence(mlir::OpBuilder &builder, mlir::Location loc,
                                    const description::CellDescription &cell,
                                    const mlir::xlstm::ScanOperands &operands);

/// The arguments of a region that computes one step of a cell, by role: [G] each, then the states.
struct StepArguments {
  llvm::ArrayRef<mlir::BlockArgument> products, wx, bias, states;
};
/// Emits the cell's expressions at the builder's insertion point: the states after the step.
llvm::SmallVector<mlir::Value> emitStep(mlir::OpBuilder &builder, mlir::Location loc,
                                        const description::CellDescription &cell,
                                        const StepArguments &arguments);

} // namespace xlstm

#endif // XLSTM_COMPILER_IMPORT_IR_RECURRENCE_H
