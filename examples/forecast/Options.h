// SPDX-License-Identifier: Apache-2.0
// The command line of forecast.
#ifndef XLSTM_EXAMPLES_FORECAST_OPTIONS_H
#define XLSTM_EXAMPLES_FORECAST_OPTIONS_H

#include "tools/common/Arguments.h"

namespace xlstm::example {

extern const char *const forecastUsage;

struct Options {
  std::string package, series;
  size_t period, horizon, test, validation, steps, members;
  uint32_t seed;
  int32_t threads;
  double rate;
  float noise;
  bool expectBetter;
};

Options parseOptions(tools::Arguments &arguments);

} // namespace xlstm::example
#endif
