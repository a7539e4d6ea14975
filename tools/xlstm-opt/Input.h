// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_TOOLS_XLSTM_OPT_INPUT_H
#define XLSTM_TOOLS_XLSTM_OPT_INPUT_H

#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <string>

namespace xlstm {

/// The IR to work on: that of an .mlir file (or - for standard input), or of a model description
/// (.json, .yaml, .yml or a directory), which is imported first. Null, with one line in `error`, if
/// there is none.
std::unique_ptr<llvm::MemoryBuffer>
readInput(llvm::StringRef file, const mlir::DialectRegistry &registry, std::string &error);

} // namespace xlstm

#endif
