// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_COMPILER_CONVERSION_TILETOVECTOR_PASSES_H
#define XLSTM_COMPILER_CONVERSION_TILETOVECTOR_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace xlstm {
#define GEN_PASS_DECL
#include "compiler/Conversion/TileToVector/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Conversion/TileToVector/Passes.h.inc"
} // namespace xlstm

#endif
