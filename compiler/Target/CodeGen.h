// SPDX-License-Identifier: Apache-2.0
// What the targets share: LLVM IR → assembly or object code.
#ifndef XLSTM_COMPILER_TARGET_CODEGEN_H
#define XLSTM_COMPILER_TARGET_CODEGEN_H

#include "llvm/ADT/SmallString.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Target/TargetMachine.h"
#include <string>

namespace xlstm {

/// Optimises the module (O2; it is vectors, or threads, already, and the emitters have unrolled
/// what they want: no vectorisation, no unrolling) and returns the assembly or object file. The
/// module has the machine's triple and data layout.
llvm::Expected<std::string> generateCode(llvm::Module &module, llvm::TargetMachine &machine,
                                         llvm::CodeGenFileType type);

/// An error with a message for the user.
llvm::Error codeGenError(const llvm::Twine &message);

/// A temporary file that is removed at the end.
struct TemporaryFile {
  llvm::SmallString<128> path;
  bool failed;
  explicit TemporaryFile(llvm::StringRef suffix)
      : failed(bool(llvm::sys::fs::createTemporaryFile("xlstm", suffix, path))) {}
  TemporaryFile(const TemporaryFile &) = delete;
  ~TemporaryFile() { llvm::sys::fs::remove(path); }
};

} // namespace xlstm

#endif
