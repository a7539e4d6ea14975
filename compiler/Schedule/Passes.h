// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_COMPILER_SCHEDULE_PASSES_H
#define XLSTM_COMPILER_SCHEDULE_PASSES_H

#include "compiler/Schedule/ChunkwiseSchedule.h"
#include "compiler/Schedule/GemmSchedule.h"
#include "compiler/Schedule/ScanSchedule.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace xlstm {
/// The attribute that xlstm-select-schedule writes and conversions obey.
inline constexpr const char *scheduleAttrName = "xlstm.schedule";

/// The schedule that the pass gives the op on a device; the reason in `reason` if there is none.
/// `elementwise` and `segments` are the pass's options, `overrides` those of `set`.
std::optional<ChunkwiseSchedule> scheduleOf(mlir::xlstm::MLSTMOp op, const Device &device,
                                            const std::map<std::string, std::string> &overrides,
                                            bool elementwise, bool segments, Reason &reason);
/// What its schedule depends on.
ChunkwiseProblem problemOf(mlir::xlstm::MLSTMOp op);
GemmProblem problemOf(mlir::xlstm::LinearOp op);
ScanProblem problemOf(mlir::xlstm::ScanOp op);

#define GEN_PASS_DECL
#include "compiler/Schedule/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Schedule/Passes.h.inc"
} // namespace xlstm

#endif
