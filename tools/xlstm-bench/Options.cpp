// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-bench/Options.h"

#include "runtime/src/support/Failure.h"

#include <tuple>

namespace xlstm::tools {

const char kBenchUsage[] =
    R"(usage: xlstm-bench [--suite NAMES] [--device cpu|cuda[:N]] [options]
       xlstm-bench --list
       xlstm-bench --packages-for NAMES FOLDER --target LIST

Times compiled cells, one row per case: median, minimum and maximum of the runs, tokens/s, and the rates of
useful work. That is counted per token and head and does not depend on how a kernel does it (e: bytes of an
element; L = 64: the diagonal block of a chunk counts whole):
  mLSTM  forward           FLOP  4 dqk dv + 2 L (dqk + dv)
                           bytes (2 dqk + 2 dv) e + 8, for q, k, v, h once and the gates i and f in f32
         forward_backward  three times the FLOP, twice the bytes
         step              FLOP  4 dqk dv
                           bytes as forward, and C and n read and written in f32
  scan   forward           FLOP  2 G d^2, the product with R
                           bytes (gates + 1) d e, for wx and h
         forward_backward  three times the FLOP, twice the bytes
         step              FLOP  2 G d^2
                           bytes as forward, states read and written in f32, R once a batch
Inputs are normal(0, 1); the forget gate of an mLSTM is normal(4, 1), R is normal(0, 1 / d). A step gets and
returns its states. Runs are warmed up; on a GPU times are between device events and the L2 cache is flushed
before each; a run under 0.1 ms is the mean of 20 launches in a row (with a warm cache), and its row says so.
A step of an mLSTM on a GPU is replayed in a CUDA graph of 20 launches or more, each over the states of other
sequences, at least 256 MB of them, written in place: as in decoding, without help from the cache.

  --suite NAMES         suites, separated by commas (default: cpu on a CPU, mlstm on a GPU)
  --case TEXT           only the case of this name, else cases whose name contains TEXT
  --device DEVICE       cpu (default), cuda or cuda:N
  --target LIST         time these implementations, as sm_90a,sm_80 (default: the best one)
  --packages FOLDER     take MODEL.xlpkg from here; what is missing is compiled
  --compiler PROGRAM    the compiler (default: xlstm-compile beside this program)
  --iters N             exactly N timed runs (default: 20, fewer when they take over 3 s, at least 5)
  --threads N           threads on a CPU (default: XLSTM_THREADS, else all CPUs)
  --out FILE            also write the rows to FILE, as with --json
  --json                print one JSON object per row; a case that cannot be timed is a row with "error"
  --list                describe suites and cases
  --packages-for NAMES FOLDER
                        compile the packages of these suites into FOLDER, to be carried to another machine
                        (default targets: cpu,sm_80,sm_90a)
  --version, --help

Exit codes: 0 success, 1 a case failed, 2 usage, 3 the environment lacks something.
)";

namespace {

std::vector<const Suite *> parseSuites(const std::string &text) {
  std::vector<const Suite *> result;
  for (const std::string &name : splitList(text))
    result.push_back(&findSuite(name));
  return result;
}

} // namespace

BenchOptions parseBenchOptions(Arguments &arguments) {
  BenchOptions options;
  options.list = arguments.flag("--list");
  options.json = arguments.flag("--json");
  options.packages = arguments.value("--packages").value_or("");
  options.compiler = arguments.value("--compiler").value_or("");
  options.output = arguments.value("--out").value_or("");
  options.filter = arguments.value("--case").value_or("");
  options.iterations = arguments.number("--iters", 1, 1000000, 0);
  options.threads = static_cast<int>(arguments.number("--threads", 1, 1024, 0));
  std::tie(options.device, options.deviceIndex) =
      parseDevice(arguments.value("--device").value_or("cpu"));
  if (auto targets = arguments.value("--target"))
    options.targets = splitList(*targets);
  std::optional<std::string> suite = arguments.value("--suite");
  std::optional<std::string> packagesFor = arguments.value("--packages-for");
  std::vector<std::string> operands = arguments.operands();
  if (packagesFor && suite)
    throw UsageError("expected either --suite or --packages-for");
  if (operands.size() != (packagesFor ? 1 : 0))
    throw UsageError(packagesFor ? cat("--packages-for: expected one folder, got ", operands.size())
                                 : cat("expected no operand, got '", operands.front(), "'"));
  if (packagesFor) {
    options.packagesFor = operands.front();
    if (options.targets.empty())
      options.targets = {"cpu", "sm_80", "sm_90a"};
  }
  const char *usual = options.device == XLSTM_CUDA ? "mlstm" : "cpu";
  options.suites = parseSuites(packagesFor ? *packagesFor : suite.value_or(usual));
  return options;
}

} // namespace xlstm::tools
