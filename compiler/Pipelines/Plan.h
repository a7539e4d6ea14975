// SPDX-License-Identifier: Apache-2.0
// What the runtime must know of functions and kernels: tensors, launches and arguments, as a
// package's manifest has them.
#ifndef XLSTM_COMPILER_PIPELINES_PLAN_H
#define XLSTM_COMPILER_PIPELINES_PLAN_H

#include "dialect/tile/IR/Tile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "runtime/src/package/Manifest.h"

namespace xlstm {

/// The manifest's entry for a function of the xlstm dialect, without implementations. Names,
/// run-time dimensions and what is optional stand in the function's attributes
/// (compiler/Import/IR/Build.h). `layersInPlace`: in every implementation a block of a step's
/// convolution or scan reads all of its state before it writes any, so that the states may be
/// written over.
package::Function describeFunction(mlir::func::FuncOp function, bool layersInPlace = true);

/// The dimensions that are numbers of parts, from the attributes of a module of kernels.
std::vector<package::DerivedDim> partsOf(mlir::ModuleOp module);

/// An implementation by the kernels of `module`, launched in their order, and the workspace that
/// --convert-xlstm-to-tile has written down. Kernels' tensors are those of `function`, by name.
package::Implementation planOf(mlir::ModuleOp module, const package::Function &function,
                               const std::string &target);

/// The kernel's schedule as JSON.
std::string scheduleText(mlir::tile::KernelOp kernel);

/// The dimensions that are numbers of rows of the function's products with weights: B, or the
/// product of B and T.
std::vector<package::DerivedDim> rowsOf(mlir::func::FuncOp function);

/// The kernel's tensors that vector copies move: those of 16-bit elements, or all that have rows
/// where the schedule says `aligned`; in a kernel that spreads matrices over threads, the matrices.
std::vector<std::string> narrowTensors(mlir::tile::KernelOp kernel);

/// Adds what the lowering to a GPU has decided: threads, shared memory, TMA descriptors. The
/// tensors `aligned` must have rows of 16-byte alignment.
void finishGPULaunch(package::Launch &launch, mlir::LLVM::LLVMFuncOp function,
                     const std::vector<std::string> &aligned);

/// Scratch bytes of a thread, from the attribute tile.scratch_bytes of a lowered kernel.
int64_t scratchBytes(mlir::LLVM::LLVMFuncOp function);

} // namespace xlstm

#endif
