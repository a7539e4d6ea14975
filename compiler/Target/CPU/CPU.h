// SPDX-License-Identifier: Apache-2.0
// Functions of the LLVM dialect → an ELF shared object that needs neither LLVM nor a linker to
// load.
#ifndef XLSTM_COMPILER_TARGET_CPU_CPU_H
#define XLSTM_COMPILER_TARGET_CPU_CPU_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace xlstm {

/// An instruction set by its psABI level, and what code for it may use.
struct CPUISA {
  const char *name; // x86-64, x86-64-v3 (AVX2, FMA, F16C), x86-64-v4 (AVX-512 F, BW, CD, DQ, VL)
  int64_t vectorElements; // f32 elements of a vector
  int64_t vectorRegisters;
};
/// Null if the name is unknown.
const CPUISA *findISA(llvm::StringRef name);

/// Lowers what convert-tile-to-vector leaves (scf, vector, arith, math) to the LLVM dialect.
void buildCPUPipeline(mlir::OpPassManager &manager);

/// Registers LLVM's X86 target. emitSharedObject does it too; where several threads use LLVM's
/// targets, call it before they start, since LLVM's list of targets has no lock.
void initializeX86();

/// The module's functions as a position-independent object for an instruction set, all exported.
/// Thread-safe.
llvm::Expected<std::string> emitObject(mlir::ModuleOp module, llvm::StringRef isa);

/// Links an object, in this process, to a shared object. Undefined are at most symbols of libc and
/// libm, which the loading process has. Not while other threads use LLVM: lld sets all of LLVM's
/// command-line options back to their defaults.
llvm::Expected<std::string> linkSharedObject(llvm::StringRef object);

/// Both.
llvm::Expected<std::string> emitSharedObject(mlir::ModuleOp module, llvm::StringRef isa);

} // namespace xlstm

#endif
