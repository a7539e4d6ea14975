// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-interpret/Options.h"

#include "runtime/src/support/Failure.h"

#include <limits>

namespace xlstm::tools {

const char kInterpretUsage[] =
    R"(usage: xlstm-interpret MODEL --function NAME --inputs IN.safetensors -o OUT.safetensors [options]

Runs a function of a model in float64: what its package should compute, but for rounding. MODEL is a model
description (.json, .yaml, a directory) or an .mlir file. Tensors have the names that xlstm-run gives them;
inputs are first rounded to the types that the function declares, as a package would take them.

  --function NAME       of a cell: forward (default), step or forward_backward, which is derived from forward;
                        of a model of blocks: logits, prefill, step, loss, loss_grad; of a stack without vocabulary: forward, step
  --inputs FILE         input tensors, safetensors
  --weights FILE|DIR    parameters that the inputs lack: safetensors, or a folder of model*.safetensors, with or without an index
                        (default: MODEL, if it is a folder with weights)
  -o FILE               output tensors, safetensors; several --inputs take as many -o, in order
  --probe NAMES@STEPS   also the states of these names after these steps (from 0), as c,n@0,5,100; the
                        outputs are named c@0, c@5, …
  --dtype TYPE          type of the outputs: f64 (default), or model: as the function declares them
  --round nearest|random  round the results of every op to the types that the function declares, to nearest or up or down by
                        chance: how far this is from the exact results is what the formulas lose in these types at best
  --seed N              of --round random (default: 0); several show how far errors scatter
  --version, --help

Exit codes: 0 success, 1 the input is wrong, 2 usage, 3 the environment lacks something.
)";

InterpretOptions parseInterpretOptions(Arguments &arguments) {
  InterpretOptions options;
  options.function = arguments.value("--function").value_or(options.function);
  options.inputs = arguments.values("--inputs");
  options.weights = arguments.value("--weights").value_or("");
  options.outputs = arguments.values("-o");
  for (const std::string &probe : arguments.values("--probe"))
    options.probes.push_back(parseProbe(probe));
  if (auto dtype = arguments.value("--dtype")) {
    options.declaredTypes = *dtype == "model";
    if (*dtype != "f64" && *dtype != "model")
      throw UsageError(cat("--dtype: expected f64 or model, got '", *dtype, "'"));
  }
  if (auto round = arguments.value("--round")) {
    options.round = *round;
    if (*round != "nearest" && *round != "random")
      throw UsageError(cat("--round: expected nearest or random, got '", *round, "'"));
  }
  options.seed = arguments.number("--seed", 0, std::numeric_limits<int64_t>::max(), 0);
  std::vector<std::string> operands = arguments.operands();
  if (operands.size() != 1)
    throw UsageError(cat("expected one model, got ", operands.size()));
  options.model = operands[0];
  if (options.inputs.empty())
    throw UsageError("expected --inputs FILE");
  if (options.inputs.size() != options.outputs.size())
    throw UsageError(cat("expected as many -o as --inputs, ", options.inputs.size(), ", got ",
                         options.outputs.size()));
  return options;
}

} // namespace xlstm::tools
