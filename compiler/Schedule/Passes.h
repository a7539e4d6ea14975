// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_COMPILER_SCHEDULE_PASSES_H
#define XLSTM_COMPILER_SCHEDULE_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace xlstm {
/// The attribute that xlstm-select-schedule writes and conversions obey.
inline constexpr const char *scheduleAttrName = "xlstm.schedule";

#define GEN_PASS_DECL
#include "compiler/Schedule/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Schedule/Passes.h.inc"
} // namespace xlstm

#endif
