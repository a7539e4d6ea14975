// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-check/Options.h"

#include "runtime/src/support/Failure.h"

#include <sstream>

namespace xlstm::tools {

const char kCheckUsage[] =
    R"(usage: xlstm-check PACKAGE.xlpkg… [options]

Checks the cells of compiled packages: generates inputs, runs them twice with the xlstm-run beside this
program, compares every output with the recurrent form in float64, and compares the bits of the two runs.
A case passes if all values are finite, and the relative L2 error of each output, over everything and in the
median row, is at most 1e-5 (f32), 2e-3 (f16) or 5e-3 (bf16). Where a few rows of h decide that, because the
denominator cancels there and any arithmetic loses digits, such rows count less (and the line says so): a row
that moves s > 2 times as far as q and k do has the weight (2 / s)^2. The last line is "N passed, N failed".

  --device DEVICE   cpu (default), cuda or cuda:N
  --target NAME     only implementations for this target, as sm_80 on an sm_90 GPU
  --T LIST          sequence lengths (default 0,1,2,63,64,65,1000)
  --B N             batch size (default 2)
  --gates LIST      distributions of the gates (default bench); N is the standard normal distribution:
                      bench   i ~ N, f ~ N + 4
                      wild    i, f uniform in [-100, 100]
                      low     i ~ N, f = -100
                      high    i = 30 or -30, f ~ N + 4
                      init7b  i ~ 0.1 N - 10, f ~ 0.5 N + 4.5
  --states          give initial states too
  --strided         keep tensors as [B, H, T, D] in memory and pass strides
  --columns N       compute and compare only the last N columns of each head's v (for long sequences)
  --seed N          seed of the inputs (default 1); the same seed gives the same bits everywhere
  --threads N       threads of xlstm-run on a CPU
  --jobs N          cases at a time (default 1)
  --under COMMAND   run xlstm-run under this command, as "compute-sanitizer --error-exitcode 9"
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
  options.strided = arguments.flag("--strided");
  options.json = arguments.flag("--json");
  options.device = arguments.value("--device").value_or(options.device);
  options.target = arguments.value("--target").value_or("");
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
