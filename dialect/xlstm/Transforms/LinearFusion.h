// SPDX-License-Identifier: Apache-2.0
// Several products as one.
#ifndef XLSTM_DIALECT_XLSTM_TRANSFORMS_LINEARFUSION_H
#define XLSTM_DIALECT_XLSTM_TRANSFORMS_LINEARFUSION_H

#include "dialect/xlstm/IR/XLSTM.h"
#include "mlir/IR/Builders.h"

namespace mlir::xlstm {

/// Products of the same x and as many columns, as one product of all their weights. Its results are
/// those of `map`, which reads theirs, or, without a map, all of theirs. One that has a prologue
/// stands alone. The ops themselves stay as they are.
LinearOp fuseLinears(OpBuilder &builder, ArrayRef<LinearOp> linears, MapOp map = {});

} // namespace mlir::xlstm

#endif // XLSTM_DIALECT_XLSTM_TRANSFORMS_LINEARFUSION_H
