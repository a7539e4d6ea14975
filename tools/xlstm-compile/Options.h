// SPDX-License-Identifier: Apache-2.0
// The command line of xlstm-compile.
#ifndef XLSTM_TOOLS_XLSTM_COMPILE_OPTIONS_H
#define XLSTM_TOOLS_XLSTM_COMPILE_OPTIONS_H

#include "compiler/Import/Description.h"
#include "compiler/Pipelines/Compile.h"
#include "tools/common/Arguments.h"

namespace xlstm::tools {

struct CompileCommand {
  std::string model, output;
  std::string weights; // a checkpoint; empty: that of the model's folder, if there is one
  std::optional<description::DType> stateDtype; // none: as the model says
  CompileOptions options;
  bool explain = false, report = false, json = false, directory = false;
};

extern const char *const compileUsage;

/// Throws UsageError.
CompileCommand parseCompileCommand(Arguments &arguments);

/// Prints what --report and --explain ask for to standard output.
void printReport(const CompileCommand &command, const Compilation &compilation,
                 const std::vector<std::string> &notes, double seconds);

} // namespace xlstm::tools

#endif
