// SPDX-License-Identifier: Apache-2.0
// forecast: trains a small recurrent forecaster on a series and compares it with forecasts that
// need no training.
#include "examples/forecast/Chart.h"
#include "examples/forecast/Forecaster.h"
#include "examples/forecast/Options.h"
#include "runtime/src/support/Failure.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>

using namespace xlstm;
using namespace xlstm::example;

namespace {

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
  return tools::runTool("forecast", forecastUsage, argc, argv,
                        [](tools::Arguments &arguments) { run(parseOptions(arguments)); });
}
