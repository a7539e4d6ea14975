// SPDX-License-Identifier: Apache-2.0
// From a model description to a package.
#ifndef XLSTM_COMPILER_PIPELINES_COMPILE_H
#define XLSTM_COMPILER_PIPELINES_COMPILE_H

#include "compiler/Import/Description.h"
#include "compiler/Package/Package.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include <map>
#include <string>
#include <vector>

namespace xlstm {

/// The phases of a compilation, in order; `compileTo` and the names of dumped files use these
/// names.
///   import    the xlstm dialect            schedule  the same with schedules
///   tile      kernels over tiles           lowered   kernels with threads and registers, or loops
///   and vectors llvm      the LLVM dialect             binary    PTX and cubin, or a shared object
inline constexpr const char *phases[] = {"import", "schedule", "tile", "lowered", "llvm", "binary"};

struct CompileOptions {
  std::vector<std::string> targets = {"cpu"};                 // names of devices
  std::vector<std::string> isas = {"x86-64-v4", "x86-64-v3"}; // CPU code to emit, best first
  std::map<std::string, std::string> overrides;               // schedule parameters, as `--set`
  std::string dumpDirectory; // every phase's IR and all PTX go here; empty: nowhere
  std::string compileTo;     // stop after this phase; empty: run all
};

/// One kernel of the package, for reports.
struct KernelReport {
  std::string target, variant; // "sm_90a", "tma"; "cpu", "x86-64-v4"
  std::string schedule;        // JSON
  int64_t registers = -1, spillBytes = -1, sharedBytes = -1, codeBytes = 0;
  std::vector<std::string> remarks; // why it is no faster one; ptxas' warnings
};

struct Compilation {
  package::Manifest manifest;
  std::vector<std::pair<std::string, std::string>> blobs; // name, bytes
  std::vector<KernelReport> kernels;
  std::string text; // the IR after `compileTo`, when that was given
};

/// Compiles the model for all targets. The error is one line for the user.
llvm::Expected<Compilation> compile(const description::ModelDescription &model,
                                    const std::string &file, const CompileOptions &options);

} // namespace xlstm

#endif
