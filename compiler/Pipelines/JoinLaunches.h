// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_COMPILER_PIPELINES_JOINLAUNCHES_H
#define XLSTM_COMPILER_PIPELINES_JOINLAUNCHES_H

#include "mlir/IR/BuiltinOps.h"
#include "runtime/src/package/Manifest.h"
#include "llvm/ADT/StringMap.h"

namespace xlstm {

/// Makes one launch of each launch and those behind it whose kernels' schedules say `joins`; their
/// lowered kernels in `module` become one. Launches have been finished by finishGPULaunch. Returns
/// the kernels of each new one, by its name.
mlir::FailureOr<llvm::StringMap<std::vector<std::string>>>
joinLaunches(mlir::ModuleOp module, package::Implementation &plan);

} // namespace xlstm

#endif
