// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-run/Options.h"

#include "runtime/src/support/Failure.h"

#include <tuple>

namespace xlstm::tools {

const char kRunUsage[] =
    R"(usage: xlstm-run PACKAGE.xlpkg --function NAME --inputs IN.safetensors -o OUT.safetensors [options]
       xlstm-run PACKAGE.xlpkg --list

Runs a function of a compiled package. Input tensors are taken by name; all outputs are written.

  --function NAME       the function to run (may be left out if the package has one only)
  --inputs FILE         input tensors, safetensors; floating-point ones of another type are converted
  --weights FILE|DIR    parameters that the inputs lack: safetensors, or a folder of model*.safetensors (default: what
                        the package was compiled with); on a CPU they are read where they are mapped
  --random DIMS         instead of --inputs: random inputs for these dimensions, as B=8,T=8192. Values are
                        normal(0, 1), for the forget gate f normal(4, 1); optional inputs stay absent
  --seed N              seed of the random inputs (default 0); the same seed gives the same bits everywhere
  -o FILE               output tensors, safetensors (may be left out with --bench or --compare)
  --device DEVICE       cpu (default), cuda or cuda:N
  --threads N           threads on a CPU (default: XLSTM_THREADS, else all CPUs)
  --target NAME         only implementations for this target, as sm_80 on an sm_90 GPU
  --only NAMES          compute only these outputs, as h,c_last
  --probe NAMES@STEPS   also the states of these names after these steps (from 0), as c,n@0,5,100; the
                        outputs are named c@0, c@5, … (each step is a run over the steps up to it)
  --compare FILE        compare the outputs with those of this file: relative L2, worst row, ULP, first
                        time step over the bound, growth over time; exit code 1 if one exceeds the bound
  --bound X             largest relative L2 error (default: 1e-5 for f32, 2e-3 for f16, 5e-3 for bf16 and
                        1e-12 for f64; gradients 1e-4, 5e-3, 1e-2, 1e-11; by the function's narrowest type)
  --transposed          keep tensors with axes B, T, H as [B, H, T, …] in memory and pass strides
  --in-place            let outputs that may be written over inputs be those inputs (the states of an mLSTM's step)
  --poison              fill output memory with 0xFF bytes before the run
  --no-prepare          compute what depends on parameters alone in every run, not once before
  --bench               time the function: median, minimum and maximum in ms after warm-up;
                        device events and a flushed L2 cache on a GPU, a monotonic clock on a CPU
  --iters N             timed runs (default 20)
  --time-load           print the time from the start of the program to the first result, by step
  --list                describe the functions of the package
  --json                print one JSON object per result line
  --version, --help

Exit codes: 0 success, 1 the input is wrong or --compare finds a difference over the bound, 2 usage, 3 the environment lacks something.
)";

RunOptions parseRunOptions(Arguments &arguments) {
  RunOptions options;
  options.list = arguments.flag("--list");
  options.json = arguments.flag("--json");
  options.bench = arguments.flag("--bench");
  options.poison = arguments.flag("--poison");
  options.prepare = !arguments.flag("--no-prepare");
  options.timeLoad = arguments.flag("--time-load");
  options.layout.transposed = arguments.flag("--transposed");
  options.layout.inPlace = arguments.flag("--in-place");
  options.function = arguments.value("--function").value_or("");
  options.inputs = arguments.value("--inputs").value_or("");
  options.weights = arguments.value("--weights").value_or("");
  options.output = arguments.value("-o").value_or("");
  options.target = arguments.value("--target").value_or("");
  options.iterations = arguments.number("--iters", 1, 1000000, options.iterations);
  options.threads = static_cast<int>(arguments.number("--threads", 1, 1024, 0));
  options.seed = arguments.number("--seed", 0, INT64_MAX, 0);
  std::tie(options.device, options.deviceIndex) =
      parseDevice(arguments.value("--device").value_or("cpu"));
  if (auto only = arguments.value("--only"))
    options.only = splitList(*only);
  for (const std::string &probe : arguments.values("--probe"))
    options.probes.push_back(parseProbe(probe));
  options.compare = arguments.value("--compare").value_or("");
  if (auto bound = arguments.real("--bound")) {
    if (options.compare.empty())
      throw UsageError("--bound: expected --compare FILE with it");
    options.bound = bound;
  }
  if (auto random = arguments.value("--random")) {
    options.random = true;
    options.dims = parseDims("--random", *random);
  }
  std::vector<std::string> operands = arguments.operands();
  if (operands.size() != 1)
    throw UsageError(cat("expected one package, got ", operands.size(),
                         operands.size() > 1 ? cat(" ('", operands[0], "', '", operands[1], "' …)")
                                             : std::string()));
  options.package = operands[0];
  if (options.list)
    return options;
  if (options.random == !options.inputs.empty())
    throw UsageError("expected either --inputs FILE or --random DIMS");
  if (options.output.empty() && options.compare.empty() && !options.bench && !options.timeLoad)
    throw UsageError("expected -o FILE");
  return options;
}

} // namespace xlstm::tools
