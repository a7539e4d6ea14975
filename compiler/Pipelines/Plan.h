// SPDX-License-Identifier: Apache-2.0
// What the runtime must know of kernels: tensors, launches and arguments, as a package's manifest
// has them.
#ifndef XLSTM_COMPILER_PIPELINES_PLAN_H
#define XLSTM_COMPILER_PIPELINES_PLAN_H

#include "compiler/Import/Description.h"
#include "dialect/tile/IR/Tile.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "runtime/src/package/Manifest.h"

namespace xlstm {

/// A manifest with the function `forward` of an imported module: its tensors and the cell's
/// options, no implementation yet.
package::Manifest manifestOf(const description::ModelDescription &model, mlir::ModuleOp module);

/// An implementation of one launch: the kernel's grid and arguments.
package::Implementation planOf(mlir::tile::KernelOp kernel, const std::string &target);

/// The kernel's tensors of 16-bit elements: those that vector copies move.
std::vector<std::string> narrowTensors(mlir::tile::KernelOp kernel);

/// Adds what the lowering to a GPU has decided: threads, shared memory, TMA descriptors. The
/// tensors `aligned` must have rows of 16-byte alignment.
void finishGPULaunch(package::Launch &launch, mlir::LLVM::LLVMFuncOp function,
                     const std::vector<std::string> &aligned);

/// Scratch bytes of a thread, from the attribute tile.scratch_bytes of the lowered function; the
/// largest if there are several.
int64_t scratchBytes(mlir::ModuleOp module);

} // namespace xlstm

#endif
