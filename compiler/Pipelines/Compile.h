// SPDX-License-Identifier: Apache-2.0
// From a model description to a package.
#ifndef XLSTM_COMPILER_PIPELINES_COMPILE_H
#define XLSTM_COMPILER_PIPELINES_COMPILE_H

#include "compiler/Import/Diagnostic.h"
#include "compiler/Package/Package.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace xlstm {

/// The phases of a compilation, in order; `compileTo` and the names of dumped files use these
/// names.
///   import    the xlstm dialect            derive    with the derived functions
///   schedule  the same with schedules      tile      kernels over tiles
///   lowered   kernels with threads and registers, or loops and vectors
///   llvm      the LLVM dialect             binary    PTX and cubin, or a shared object
inline constexpr const char *phases[] = {"import",  "derive", "schedule", "tile",
                                         "lowered", "llvm",   "binary"};

/// The functions that a cell's package may have. `forward` and `step` are imported, the other is
/// derived from `forward`.
inline constexpr const char *cellFunctions[] = {"forward", "forward_backward", "step"};

/// Those of a model with vocabulary that are compiled only when they are asked for; the second is
/// derived from the first.
inline constexpr const char *trainingFunctions[] = {"loss", "loss_grad"};

/// Those of a model of blocks, beside `step`.
inline constexpr const char *modelFunctions[] = {"logits", "prefill"};

struct CompileOptions {
  std::vector<std::string> targets = {"cpu"};                 // names of devices
  std::vector<std::string> functions;                         // empty: all that the model has
  std::vector<std::string> isas = {"x86-64-v4", "x86-64-v3"}; // CPU code to emit, best first
  std::map<std::string, std::string> overrides;               // schedule parameters, as `--set`
  std::string dumpDirectory; // every phase's IR and all PTX go here; empty: nowhere
  std::string compileTo;     // stop after this phase; empty: run all
};

/// Where the functions come from: `build` makes the imported module in any context that has loaded
/// the xlstm and func dialects. It is called from several threads, each with a context of its own.
struct ModelSource {
  std::string file; // for messages
  std::function<description::Result<mlir::OwningOpRef<mlir::ModuleOp>>(mlir::MLIRContext &)> build;
};

/// One kernel of the package, for reports.
struct KernelReport {
  std::string function, kernel;
  std::string target, variant; // "sm_90a", "tma"; "cpu", "x86-64-v4"
  std::string schedule;        // JSON
  int64_t registers = -1, spillBytes = -1, sharedBytes = -1;
  int64_t codeBytes = 0;            // of the function's code, which its kernels share on a CPU
  std::vector<std::string> remarks; // why it is no faster one; ptxas' warnings
};

struct Compilation {
  package::Manifest manifest;
  std::vector<std::pair<std::string, std::string>> blobs; // name, bytes
  std::vector<package::DerivedDim> derivedDims; // that implementations add to their functions
  std::vector<KernelReport> kernels;
  std::vector<std::string> remarks; // what passes have decided, and what was left out
  std::string text;                 // the IR after `compileTo`, when that was given
};

/// Compiles the model for all targets. The error is one line for the user.
llvm::Expected<Compilation> compile(const ModelSource &model, const CompileOptions &options);

} // namespace xlstm

#endif
