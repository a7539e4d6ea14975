// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_DIALECT_TILE_INTERPRETER_PASSES_H
#define XLSTM_DIALECT_TILE_INTERPRETER_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::tile {
#define GEN_PASS_DECL
#include "dialect/tile/Interpreter/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "dialect/tile/Interpreter/Passes.h.inc"
} // namespace mlir::tile

#endif
