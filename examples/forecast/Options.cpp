// SPDX-License-Identifier: Apache-2.0
#include "examples/forecast/Options.h"

#include "runtime/src/support/Failure.h"

namespace xlstm::example {

const char *const forecastUsage = R"(usage: forecast PACKAGE SERIES.csv [options]

Trains a forecaster around the recurrent cell of a package, on the CPU, and says how its forecasts of the end of the
series, which it has not seen, compare with simple ones. The series is a file of lines LABEL,VALUE under a line of
headings; the package needs the functions forward and forward_backward of a cell in f32:

  xlstm-compile examples/forecast/slstm.json -o slstm.xlpkg --target cpu --function forward,forward_backward
  forecast slstm.xlpkg examples/forecast/co2.csv

  --period N            values of a season (default: 12)
  --horizon N           values to forecast at once (default: 12)
  --test N              last values of the series, for the comparison only (default: 96)
  --validation N        values before them, which choose the step of training to keep (default: 96)
  --steps N             training steps (default: 600)
  --rate X              learning rate (default: 0.01)
  --noise X             on what is read of the values in training, in units of their deviation (default: 0.5)
  --seed N              of the weights (default: 1); the same seed gives the same numbers
  --members N           forecasters from different weights, whose forecasts are averaged (default: 3)
  --threads N           threads (default: XLSTM_THREADS, else all CPUs)
  --expect-better       exit code 1 unless the mean absolute error is below the seasonal naive one
  --version, --help

Exit codes: 0 success, 1 an input is wrong or the forecast is not better, 2 usage, 3 the environment lacks something.
)";

Options parseOptions(tools::Arguments &arguments) {
  auto number = [&](const char *name, int64_t least, int64_t fallback) {
    return static_cast<size_t>(arguments.number(name, least, 1000000, fallback));
  };
  Options options;
  options.period = number("--period", 1, 12);
  options.horizon = number("--horizon", 1, 12);
  options.test = number("--test", 1, 96);
  options.validation = number("--validation", 1, 96);
  options.steps = number("--steps", 1, 600);
  options.members = number("--members", 1, 3);
  options.seed = static_cast<uint32_t>(number("--seed", 0, 1));
  options.threads = static_cast<int32_t>(arguments.number("--threads", 1, 1024, 0));
  options.rate = arguments.real("--rate").value_or(0.01);
  options.noise = static_cast<float>(arguments.real("--noise").value_or(0.5));
  options.expectBetter = arguments.flag("--expect-better");
  std::vector<std::string> operands = arguments.operands();
  if (operands.size() != 2)
    throw tools::UsageError(
        cat("expected a package and a series, got ", operands.size(), " operands"));
  if (options.test < options.horizon || options.validation < options.horizon)
    throw tools::UsageError(cat("--test, --validation: expected at least the horizon ",
                                options.horizon, ", got ", options.test, " and ",
                                options.validation));
  options.package = operands[0];
  options.series = operands[1];
  return options;
}

} // namespace xlstm::example
