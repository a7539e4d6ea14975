// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_DIALECT_XLSTM_TRANSFORMS_PASSES_H
#define XLSTM_DIALECT_XLSTM_TRANSFORMS_PASSES_H

#include "dialect/xlstm/IR/XLSTM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::xlstm {
/// The form of an xlstm.scan, as xlstm-choose-form writes it; xlstm.mlstm has the attribute `form`.
inline constexpr const char *formAttrName = "xlstm.form";

#define GEN_PASS_DECL
#include "dialect/xlstm/Transforms/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "dialect/xlstm/Transforms/Passes.h.inc"
} // namespace mlir::xlstm

#endif // XLSTM_DIALECT_XLSTM_TRANSFORMS_PASSES_H
