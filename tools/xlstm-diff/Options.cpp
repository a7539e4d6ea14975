// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-diff/Options.h"

#include "runtime/src/support/Failure.h"

namespace xlstm::tools {

const char kDiffUsage[] =
    R"(usage: xlstm-diff A.safetensors B.safetensors [options]
       xlstm-diff --bisect A B --inputs IN.safetensors [options]

Finds where two results differ first. For each tensor that both files have: the first time step whose
relative L2 error is over a bound, there the first row (batch, head) that is, and in it the element that
differs most. Probed states (c@0, c@5, …, from --probe of xlstm-run and xlstm-interpret) are compared in
the order of their steps. B is taken for the right one.

With --bisect, A and B are programs: a package, which xlstm-run runs on the CPU, or a model description or
.mlir file, which xlstm-interpret runs in float64. Both get the same inputs; for each state the first step
after which it differs is found by bisection over runs of prefixes.

  --bound X         largest relative L2 error (default: the tolerance of the narrowest type in the files,
                    1e-5 for f32, 2e-3 for f16, 5e-3 for bf16, 1e-12 for f64, for gradients ten times that
                    in f32 and f64, 5e-3 and 1e-2)
  --bits            compare bits: the first element that is not identical
  --bisect          see above
  --inputs FILE     with --bisect: input tensors
  --function NAME   with --bisect: the function to run (default forward)
  --states NAMES    with --bisect: the states to look at, as c,n (default: all)
  --json            print one JSON object per tensor or state
  --version, --help

Exit codes: 0 no difference, 1 a difference or a wrong input, 2 usage, 3 the environment lacks something.
)";

DiffOptions parseDiffOptions(Arguments &arguments) {
  DiffOptions options;
  options.bits = arguments.flag("--bits");
  options.json = arguments.flag("--json");
  options.bisect = arguments.flag("--bisect");
  options.bound = arguments.real("--bound");
  auto inputs = arguments.value("--inputs"), function = arguments.value("--function"),
       states = arguments.value("--states");
  std::vector<std::string> operands = arguments.operands();
  if (operands.size() != 2)
    throw UsageError(
        cat(options.bisect ? "expected two programs, got " : "expected two tensor files, got ",
            operands.size()));
  options.first = operands[0];
  options.second = operands[1];
  if (options.bits && options.bound)
    throw UsageError("expected either --bits or --bound X");
  if (!options.bisect && (inputs || function || states))
    throw UsageError(cat(inputs     ? "--inputs"
                         : function ? "--function"
                                    : "--states",
                         ": expected --bisect with it"));
  if (options.bisect && !inputs)
    throw UsageError("expected --inputs FILE");
  options.inputs = inputs.value_or("");
  options.function = function.value_or(options.function);
  if (states)
    options.states = splitList(*states);
  return options;
}

} // namespace xlstm::tools
