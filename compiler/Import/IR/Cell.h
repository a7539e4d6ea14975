// SPDX-License-Identifier: Apache-2.0
/// \file
/// The attribute xlstm.cell: the cell as a native description says it, every option spelled out.
/// A dictionary has no order, but updates do: `let` and `update` are arrays of dictionaries with
/// one entry each.
#ifndef XLSTM_COMPILER_IMPORT_IR_CELL_H
#define XLSTM_COMPILER_IMPORT_IR_CELL_H

#include "compiler/Import/Description.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Operation.h"

namespace xlstm {

mlir::DictionaryAttr cellAttribute(const description::CellDescription &cell,
                                   mlir::MLIRContext *context);

/// The same for a cell that is only known as an xlstm.mlstm or xlstm.scan. No description says a
/// region: its kind is `mlir`.
mlir::DictionaryAttr cellAttribute(mlir::Operation *cell);

} // namespace xlstm

#endif // XLSTM_COMPILER_IMPORT_IR_CELL_H
