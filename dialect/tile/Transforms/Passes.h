// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_DIALECT_TILE_TRANSFORMS_PASSES_H
#define XLSTM_DIALECT_TILE_TRANSFORMS_PASSES_H

#include "dialect/tile/IR/Tile.h"
#include "mlir/Pass/Pass.h"

namespace mlir::tile {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "dialect/tile/Transforms/Passes.h.inc"
} // namespace mlir::tile

#endif
