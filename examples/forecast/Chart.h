// SPDX-License-Identifier: Apache-2.0
// Values and forecasts as characters in a terminal.
#ifndef XLSTM_EXAMPLES_FORECAST_CHART_H
#define XLSTM_EXAMPLES_FORECAST_CHART_H

#include "examples/forecast/Series.h"

namespace xlstm::example {

/// The last `columns` values before the end of the forecast from value t, one column each: '.' what
/// was known, 'o' what came, '*' the forecast, '@' both in one place.
std::string drawForecast(const Series &series, size_t t, const std::vector<float> &forecast,
                         size_t columns, size_t rows);

} // namespace xlstm::example
#endif
