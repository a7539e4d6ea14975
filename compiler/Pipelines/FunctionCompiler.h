// SPDX-License-Identifier: Apache-2.0
// Compiles one function of a model for one device, in a context of its own, so that functions and
// devices are compiled side by side.
#ifndef XLSTM_COMPILER_PIPELINES_FUNCTIONCOMPILER_H
#define XLSTM_COMPILER_PIPELINES_FUNCTIONCOMPILER_H

#include "compiler/Pipelines/Compile.h"
#include "compiler/Schedule/Device.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassManager.h"

namespace xlstm {

/// One implementation to compile: a function on a device, with an instruction set (CPU) or a way to
/// copy (GPU).
struct Job {
  std::string function;
  Device device;
  std::string isa;
  bool elementwise = false;
  bool segments = false; // for few sequences, beside an implementation for many
  int64_t mostRows = 0;  // of products with weights; 0: many
};

/// Whether rows of all tensors of a function can be 16-byte aligned, as fast copies want them.
bool hasAlignedRows(mlir::func::FuncOp function);

class FunctionCompiler {
public:
  FunctionCompiler(const ModelSource &model, const CompileOptions &options);

  /// Imports the model and derives functions: the module that every job starts from.
  llvm::Error import();
  mlir::ModuleOp module() { return *imported; }
  llvm::Error run(const Job &job);
  /// Blobs, reports, remarks, text, and in the manifest the implementation that `run` has made.
  Compilation take() { return std::move(result); }
  package::Implementation &implementation() { return plan; }

private:
  llvm::Error fail(const llvm::Twine &text) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), model.file + ": " + text);
  }
  /// Runs passes and dumps the result as a phase.
  llvm::Error runPhase(mlir::ModuleOp module, mlir::StringRef phase,
                       llvm::function_ref<void(mlir::OpPassManager &)> build);
  llvm::Error dump(mlir::StringRef suffix, mlir::StringRef text);
  llvm::Error compileGPU(mlir::ModuleOp module, const Job &job);
  llvm::Error compileCPU(mlir::ModuleOp module, const Job &job);
  /// The phases up to kernels over tiles, and the plan.
  llvm::Error lowerToTiles(mlir::ModuleOp module, const Job &job);
  /// PTX, and the cubin where there is ptxas, of one kernel.
  llvm::Error emitGPUCode(mlir::gpu::GPUModuleOp code, const Job &job, package::Launch &launch,
                          KernelReport &report);
  static mlir::gpu::GPUModuleOp codeOf(mlir::ModuleOp module, const package::Launch &launch);
  bool isWorkspace(const std::string &name) const;
  KernelReport reportOf(const Job &job, const package::Launch &launch,
                        const std::string &variant) const;
  bool stopsAfter(mlir::StringRef phase) { return options.compileTo == phase; }

  const ModelSource &model;
  const CompileOptions &options;
  mlir::MLIRContext context;
  std::string message, prefix; // of the dumped files: forward.sm_90a.tma
  mlir::OwningOpRef<mlir::ModuleOp> imported;
  package::Implementation plan;
  Compilation result;
};

} // namespace xlstm

#endif
