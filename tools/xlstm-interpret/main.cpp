// SPDX-License-Identifier: Apache-2.0
// xlstm-interpret: runs a function of a model in float64, without compiling it.
#include "tools/xlstm-interpret/Options.h"
#include "tools/xlstm-interpret/Program.h"

using namespace xlstm::tools;

int main(int argc, char **argv) {
  return runTool("xlstm-interpret", kInterpretUsage, argc, argv, [](Arguments &arguments) {
    InterpretOptions options = parseInterpretOptions(arguments);
    Program program(options.model, options.function, options.weights);
    for (size_t run = 0; run < options.inputs.size(); ++run)
      program.run(options.inputs[run], options.outputs[run], options);
  });
}
