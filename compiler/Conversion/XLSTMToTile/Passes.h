// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_PASSES_H
#define XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_PASSES_H

#include "compiler/Schedule/ChunkwiseSchedule.h"
#include "dialect/tile/IR/Tile.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "mlir/Pass/Pass.h"

namespace xlstm {

/// Builds the chunkwise forward kernel of `op` with a schedule that `check` accepts, in front of
/// the builder's insertion point.
mlir::tile::KernelOp buildChunkwiseForward(mlir::OpBuilder &builder, mlir::StringRef name,
                                           mlir::xlstm::MLSTMOp op,
                                           const ChunkwiseSchedule &schedule);

#define GEN_PASS_DECL
#include "compiler/Conversion/XLSTMToTile/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Conversion/XLSTMToTile/Passes.h.inc"

} // namespace xlstm

#endif
