// SPDX-License-Identifier: Apache-2.0
// LLVM dialect → PTX → cubin.
#ifndef XLSTM_COMPILER_TARGET_NVPTX_NVPTX_H
#define XLSTM_COMPILER_TARGET_NVPTX_NVPTX_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>
#include <vector>

namespace xlstm {

/// Lowers what convert-tile-to-nvvm leaves in gpu.modules (scf, arith) to the LLVM dialect.
void buildNVVMToLLVMPipeline(mlir::OpPassManager &manager);

/// Registers LLVM's NVPTX target. emitPTX does it too; where several threads use LLVM's targets,
/// call it before they start, since LLVM's list of targets has no lock.
void initializeNVPTX();

/// PTX of a gpu.module of LLVM dialect for `chip` (sm_80, sm_90a) with LLVM's `features`
/// ("+ptx83"). LLVM 19 knows chips up to sm_90a and PTX up to 8.5; it ignores others silently, so
/// they are an error here.
llvm::Expected<std::string> emitPTX(mlir::gpu::GPUModuleOp module, llvm::StringRef chip,
                                    llvm::StringRef features);

/// What ptxas says of a kernel.
struct PTXASReport {
  std::vector<char> cubin;
  int64_t registers = 0, spillStoreBytes = 0, spillLoadBytes = 0, stackBytes = 0;
  std::vector<std::string>
      warnings; // among them C75xx: matrix products that ptxas had to serialise
};

/// Path of ptxas: the environment variable XLSTM_PTXAS, PATH, CUDA_HOME/bin, then
/// /usr/local/cuda/bin. None if there is none.
std::optional<std::string> findPTXAS();
/// Assembles PTX. On failure the error has ptxas' output and the command to repeat it.
llvm::Expected<PTXASReport> assemble(llvm::StringRef ptxas, llvm::StringRef ptx,
                                     llvm::StringRef chip);

} // namespace xlstm

#endif
