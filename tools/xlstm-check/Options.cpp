// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-check/Options.h"

#include "runtime/src/support/Failure.h"

#include <sstream>

namespace xlstm::tools {

const char kCheckUsage[] =
    R"(usage: xlstm-check PACKAGE.xlpkg… [options]

Checks the cells of compiled packages: generates inputs, runs them twice with the xlstm-run beside this
program, compares every output of forward, forward_backward and step with float64, and compares the bits of
the two runs. The reference of an mlstm is the recurrent form; that of other cells is the xlstm-interpret
beside this program. A case passes if all values are finite, and the relative L2 error of each output, over
everything and in the median row, is at most 1e-5 (f32), 2e-3 (f16), 5e-3 (bf16) or 1e-12 (f64), and of each
gradient 1e-4, 5e-3, 1e-2 or 1e-11. A value that the type cannot hold may be infinite. The denominator of an
mlstm can cancel, and then any arithmetic loses digits; where that decides, the line says so:
  - A few rows of h or of a gradient: they count less. A row that moves s > 2 times as far as q and k do has the
    weight (2 / s)^2, or (2 / s)^3 in a gradient, which has the square of the denominator.
  - Most rows of a gradient, which is the sum of two terms, through numerator and denominator, that cancel where
    h follows one key alone: the median is taken of row errors relative to those terms, and to s / 2. So is the
    error of a gradient that as a whole is less than a tenth of its terms.
In other cells most gates can be saturated, where 1 - sigmoid loses digits: if the median row of a gradient is
over the tolerance, rows below a thousandth of their root mean square count as that large (and the line says so).
The last line is "N passed, N failed".

  --device DEVICE   cpu (default), cuda or cuda:N
  --target NAME     only implementations for this target, as sm_80 on an sm_90 GPU
  --function LIST   functions to check (default: forward, forward_backward and step, as far as they are there)
  --model FILE      the model that the package was compiled from, which xlstm-interpret takes as the reference
                    (needed only for cells given as MLIR regions; a package describes others itself)
  --T LIST          sequence lengths (default 0,1,2,63,64,65,1000)
  --B N             batch size (default 2)
  --gates LIST      distributions of the gates i and f (default bench); N is the standard normal distribution,
                    which other gates follow, too:
                      bench   i ~ N, f ~ N + 4
                      wild    i, f and all others uniform in [-100, 100]
                      low     i ~ N, f = -100
                      high    i = 30 or -30, f ~ N + 4
                      init7b  i ~ 0.1 N - 10, f ~ 0.5 N + 4.5
  --states          give initial states, and gradients of last states, too
  --reset MODE      give reset: `some` at the first step and at random ones, `each` so that batch entry b is
                    reset at step b, with a batch of T + 1, which makes B without effect
  --packed          pack sequences of different lengths, some of them empty, into T steps of B = 1 by
                    cu_seqlens, and compare with the bits of runs of each sequence alone
  --bound X         largest relative L2 error instead of those above
  --strided         keep tensors as [B, H, T, D] in memory and pass strides
  --in-place        let the last states of an mLSTM's step be written over the initial ones
  --steps N         check `step` alone, as N steps one after the other, each from the states of the one
                    before, against the recurrence over N tokens; a C that is kept in bf16 has that type's
                    bound, and so has all that follows from it
  --columns N       compute and compare only the last N columns of each head's v (for long sequences; forward
                    of an mlstm)
  --seed N          seed of the inputs (default 1); the same seed gives the same bits everywhere
  --threads N       threads of xlstm-run on a CPU
  --jobs N          cases at a time (default 1)
  --under COMMAND   run xlstm-run under this command, as "compute-sanitizer --error-exitcode 9"
  --keep FOLDER     keep inputs, outputs and expected outputs of failed cases there, for xlstm-diff
  --json            print one JSON object per case, then one with the totals
  --version, --help

Exit codes: 0 all passed, 1 a case failed or an input is wrong, 2 usage, 3 the environment lacks something.
)";

namespace {

struct GatesNameEntry {
  const char *name;
  Gates gates;
};
constexpr GatesNameEntry kGates[] = {{"bench", Gates::Bench},
                                     {"wild", Gates::Wild},
                                     {"low", Gates::Low},
                                     {"high", Gates::High},
                                     {"init7b", Gates::Init7B}};

Gates parseGates(const std::string &text) {
  for (const GatesNameEntry &entry : kGates)
    if (text == entry.name)
      return entry.gates;
  throw UsageError(cat("--gates: expected bench, wild, low, high or init7b, got '", text, "'"));
}

Resets parseResets(const std::string &text) {
  if (text == "some")
    return Resets::Some;
  if (text == "each")
    return Resets::Each;
  throw UsageError(cat("--reset: expected some or each, got '", text, "'"));
}

int64_t parseTime(const std::string &text) {
  bool digits = !text.empty() && text.size() < 10;
  if (!digits || text.find_first_not_of("0123456789") != std::string::npos)
    throw UsageError(cat("--T: expected numbers from 0 to 999999999, got '", text, "'"));
  return std::stoll(text);
}

} // namespace

const char *gatesName(Gates gates) {
  for (const GatesNameEntry &entry : kGates)
    if (entry.gates == gates)
      return entry.name;
  return "?";
}

CheckOptions parseCheckOptions(Arguments &arguments) {
  CheckOptions options;
  options.states = arguments.flag("--states");
  options.packed = arguments.flag("--packed");
  options.strided = arguments.flag("--strided");
  options.inPlace = arguments.flag("--in-place");
  options.steps = arguments.number("--steps", 1, 1000000, 0);
  options.json = arguments.flag("--json");
  options.device = arguments.value("--device").value_or(options.device);
  options.target = arguments.value("--target").value_or("");
  options.bound = arguments.real("--bound");
  options.keep = arguments.value("--keep").value_or("");
  options.model = arguments.value("--model").value_or("");
  options.batch = arguments.number("--B", 0, 1 << 20, options.batch);
  options.seed = arguments.number("--seed", 0, INT64_MAX, options.seed);
  options.columns = arguments.number("--columns", 1, INT64_MAX, options.columns);
  options.jobs = arguments.number("--jobs", 1, 1024, options.jobs);
  options.threads = arguments.number("--threads", 1, 1024, options.threads);
  if (auto times = arguments.value("--T")) {
    options.times.clear();
    for (const std::string &part : splitList(*times))
      options.times.push_back(parseTime(part));
  }
  if (auto gates = arguments.value("--gates")) {
    options.gates.clear();
    for (const std::string &part : splitList(*gates))
      options.gates.push_back(parseGates(part));
  }
  if (auto functions = arguments.value("--function"))
    options.functions = splitList(*functions);
  if (auto resets = arguments.value("--reset"))
    options.resets = parseResets(*resets);
  if (options.steps && (options.packed || options.resets != Resets::None))
    throw UsageError(
        "--steps: expected it without --packed and --reset, which a step does not have");
  if (options.packed && options.resets == Resets::Each)
    throw UsageError("--reset each: expected it without --packed, which has B = 1");
  if (auto under = arguments.value("--under")) {
    std::istringstream words(*under);
    for (std::string word; words >> word;)
      options.under.push_back(word);
  }
  options.packages = arguments.operands();
  if (options.packages.empty())
    throw UsageError("expected at least one package");
  return options;
}

} // namespace xlstm::tools
