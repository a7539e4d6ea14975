// SPDX-License-Identifier: Apache-2.0
// forecast: trains a small recurrent forecaster on a series and compares it with forecasts that
// need no training.
#include "examples/forecast/Chart.h"
#include "examples/forecast/Forecaster.h"
#include "runtime/src/support/Failure.h"
#include "tools/common/Arguments.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>

using namespace xlstm;
using namespace xlstm::example;
using tools::UsageError;

namespace {

const char kUsage[] = R"(usage: forecast PACKAGE SERIES.csv [options]

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

struct Options {
  std::string package, series;
  size_t period, horizon, test, validation, steps, members;
  uint32_t seed;
  int32_t threads;
  double rate;
  float noise;
  bool expectBetter;
};

Options parse(tools::Arguments &arguments) {
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
    throw UsageError(cat("expected a package and a series, got ", operands.size(), " operands"));
  if (options.test < options.horizon || options.validation < options.horizon)
    throw UsageError(cat("--test, --validation: expected at least the horizon ", options.horizon,
                         ", got ", options.test, " and ", options.validation));
  options.package = operands[0];
  options.series = operands[1];
  return options;
}

/// Forecasts from every origin [N], empty where there is none.
using Forecasts = std::vector<std::vector<float>>;

struct Split {
  Origins training, validation, test; ///< all targets of an origin are in its own part
  size_t trainingEnd, testBegin;
};

Split split(const Series &series, const Options &options) {
  size_t least =
      Forecaster::firstOrigin(series) + 2 * options.horizon + options.validation + options.test;
  if (series.size() < least)
    fail(XLSTM_ERROR_INVALID_INPUT, options.series, ": expected at least ", least,
         " values for two seasons, two horizons, validation and test, got ", series.size());
  size_t testBegin = series.size() - options.test, trainingEnd = testBegin - options.validation;
  return {{Forecaster::firstOrigin(series), trainingEnd - options.horizon},
          {trainingEnd - 1, testBegin - options.horizon},
          {testBegin - 1, series.size() - options.horizon},
          trainingEnd,
          testBegin};
}

/// Trains one forecaster, returns to its best step by validation, and adds its forecasts.
void trainMember(const Options &options, const Series &series, const Split &parts, Cell &cell,
                 size_t member, Forecasts &sum) {
  Random random(options.seed + static_cast<uint32_t>(member));
  Forecaster forecaster(cell, series, options.horizon, parts.trainingEnd, random);
  constexpr size_t kEvery = 10;
  double best = INFINITY, bestTraining = 0;
  size_t bestStep = 0;
  std::vector<float> kept = forecaster.parameters();
  tools::Progress progress("training");
  for (size_t step = 0; step <= options.steps; ++step) {
    if (step % kEvery == 0) {
      forecaster.read();
      double loss = forecaster.loss(parts.validation);
      if (loss < best) {
        best = loss, bestStep = step;
        bestTraining = forecaster.loss(parts.training);
        kept = forecaster.parameters();
      }
    }
    double training = forecaster.train(parts.training, options.rate, options.noise, random);
    if (!std::isfinite(training))
      fail(XLSTM_ERROR_INVALID_INPUT, options.package, ": the loss of step ", step,
           " is not finite");
    progress.update(step, options.steps);
  }
  forecaster.setParameters(kept);
  forecaster.read();
  std::printf("member %zu: %zu parameters, step %zu is best: loss %.4f in training, %.4f in "
              "validation\n",
              member + 1, kept.size(), bestStep, bestTraining, best);
  std::fflush(stdout);
  sum.resize(series.size(), std::vector<float>(options.horizon));
  for (size_t t = parts.training.begin; t < series.size(); ++t) {
    std::vector<float> values = forecaster.forecast(t);
    for (size_t k = 0; k < values.size(); ++k)
      sum[t][k] += values[k] / static_cast<float>(options.members);
  }
}

struct Errors {
  double absolute, squared; ///< mean absolute error, root of the mean squared one
};

Errors compare(const Series &series, const Split &parts, size_t horizon,
               const std::function<std::vector<float>(size_t)> &forecast) {
  double absolute = 0, squared = 0;
  for (size_t t = parts.test.begin; t < parts.test.end; ++t) {
    std::vector<float> values = forecast(t);
    for (size_t k = 0; k < horizon; ++k) {
      double error = static_cast<double>(values[k]) - static_cast<double>(series.values[t + 1 + k]);
      absolute += std::abs(error);
      squared += error * error;
    }
  }
  double count = static_cast<double>((parts.test.end - parts.test.begin) * horizon);
  return {absolute / count, std::sqrt(squared / count)};
}

void print(const char *name, const Errors &errors) {
  std::printf("%-34s %8.4f %8.4f\n", name, errors.absolute, errors.squared);
}

void run(const Options &options) {
  Series series = readSeries(options.series, options.period);
  Split parts = split(series, options);
  std::printf("%s: %zu values of '%s', %s to %s; %zu for training, %zu for validation, %zu for the "
              "test from %s on\n",
              options.series.c_str(), series.size(), series.name.c_str(),
              series.labels.front().c_str(), series.labels.back().c_str(), parts.trainingEnd,
              options.validation, options.test, series.labels[parts.testBegin].c_str());
  auto start = std::chrono::steady_clock::now();
  Device device(XLSTM_CPU, 0, xlstm_device_options{options.threads});
  Forecasts forecasts;
  for (size_t member = 0; member < options.members; ++member) {
    Cell cell(device, options.package, 1, static_cast<int64_t>(series.size()));
    trainMember(options, series, parts, cell, member, forecasts);
  }
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("trained in %.1f s\n\nforecasts of %zu values from %zu origins in the test:\n"
              "%-34s %8s %8s\n",
              seconds, options.horizon, parts.test.end - parts.test.begin, "", "MAE", "RMSE");
  size_t horizon = options.horizon;
  auto against = [&](const std::function<std::vector<float>(size_t)> &forecast) {
    return compare(series, parts, horizon, forecast);
  };
  Errors own = against([&](size_t t) { return forecasts[t]; });
  Errors naive = against([&](size_t t) { return seasonalNaive(series, t, horizon); });
  print("this forecaster", own);
  print("seasonal naive: as a season ago", naive);
  print("seasonal naive with drift",
        against([&](size_t t) { return seasonalNaiveWithDrift(series, t, horizon); }));
  print("seasonal mean before the test",
        against([&](size_t t) { return seasonalMean(series, t, horizon, parts.testBegin); }));
  double factor = own.absolute / naive.absolute;
  std::printf("its MAE is %.3f times that of the seasonal naive forecast: %s\n\n", factor,
              factor < 1 ? "better" : "not better");
  size_t origin = series.size() - horizon - 1;
  std::printf("forecast from %s: . known  o what came  * forecast  @ both\n%s\n",
              series.labels[origin].c_str(),
              drawForecast(series, origin, forecasts[origin], 96, 16).c_str());
  std::printf("the next %zu values after %s:", horizon, series.labels.back().c_str());
  for (float value : forecasts.back())
    std::printf(" %.2f", static_cast<double>(value));
  std::printf("\n");
  if (options.expectBetter && !(factor < 1))
    fail(XLSTM_ERROR_INVALID_INPUT, options.series,
         ": MAE: expected below the seasonal naive one of ", naive.absolute, ", got ",
         own.absolute);
}

} // namespace

int main(int argc, char **argv) {
  return tools::runTool("forecast", kUsage, argc, argv,
                        [](tools::Arguments &arguments) { run(parse(arguments)); });
}
