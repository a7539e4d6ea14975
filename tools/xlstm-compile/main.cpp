// SPDX-License-Identifier: Apache-2.0
// xlstm-compile MODEL -o OUT.xlpkg: from a model description to a package.
#include "compiler/Import/IR/Build.h"
#include "runtime/src/support/Failure.h"
#include "tools/xlstm-compile/Options.h"
#include "tools/xlstm-compile/Parameters.h"
#include <cstdio>
#include <mutex>

using namespace xlstm;

static void compileModel(tools::Arguments &arguments) {
  tools::CompileCommand command = tools::parseCompileCommand(arguments);
  auto start = std::chrono::steady_clock::now();
  // Every job imports the model into a context of its own; the notes are those of the first.
  std::vector<std::string> notes;
  std::once_flag noted;
  ModelSource model{command.model, [&](mlir::MLIRContext &context) {
                      std::vector<std::string> found;
                      auto module = importModule(command.model, context, found, command.stateDtype);
                      std::call_once(noted, [&] { notes = found; });
                      return module;
                    }};
  auto compilation = compile(model, command.options);
  if (!compilation)
    fail(XLSTM_ERROR_INVALID_INPUT, oneLine(llvm::toString(compilation.takeError())));
  if (!command.options.compileTo.empty()) {
    std::fputs(compilation->text.c_str(), stdout);
    return;
  }
  tools::bindWeights(command.weights, command.model, compilation->manifest);
  package::PackageWriter writer(compilation->manifest);
  for (auto &[name, bytes] : compilation->blobs)
    writer.addBlob(name, bytes);
  if (command.directory)
    writer.writeDirectory(command.output);
  else
    writer.write(command.output);
  std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  tools::printReport(command, *compilation, notes, seconds.count());
}

int main(int argc, char **argv) {
  return tools::runTool("xlstm-compile", tools::compileUsage, argc, argv, compileModel);
}
