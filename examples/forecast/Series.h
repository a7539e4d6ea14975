// SPDX-License-Identifier: Apache-2.0
// A series of numbers at equal distances, what a forecaster is shown of it, and forecasts that need
// no training.
#ifndef XLSTM_EXAMPLES_FORECAST_SERIES_H
#define XLSTM_EXAMPLES_FORECAST_SERIES_H

#include <cstdint>
#include <string>
#include <vector>

namespace xlstm::example {

struct Series {
  std::vector<std::string> labels; ///< of each value: a month
  std::vector<float> values;
  std::string name; ///< the heading of the column of values
  size_t period;    ///< values of a season: 12 for months
  size_t size() const { return values.size(); }

  /// Mean of the season that ends with value t (t >= period - 1).
  float level(size_t t) const;
  /// Standard deviation of the values before `end` around the level of their season: what one unit
  /// of a forecaster's input and output is.
  float scale(size_t end) const;
};

/// Reads a file of lines LABEL,VALUE under one line of headings. Throws Failure.
Series readSeries(const std::string &path, size_t period);

/// The next `horizon` values after value t as the same months of the season before were.
std::vector<float> seasonalNaive(const Series &series, size_t t, size_t horizon);
/// The same with the growth of the level over one season added for each season ahead.
std::vector<float> seasonalNaiveWithDrift(const Series &series, size_t t, size_t horizon);
/// The mean of the same months before `end`.
std::vector<float> seasonalMean(const Series &series, size_t t, size_t horizon, size_t end);

} // namespace xlstm::example
#endif
