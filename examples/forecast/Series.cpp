// SPDX-License-Identifier: Apache-2.0
#include "examples/forecast/Series.h"

#include "runtime/src/support/Failure.h"

#include <charconv>
#include <cmath>
#include <fstream>

namespace xlstm::example {

Series readSeries(const std::string &path, size_t period) {
  std::ifstream file(path);
  if (!file)
    fail(XLSTM_ERROR_INVALID_INPUT, path, ": cannot be opened");
  Series series;
  series.period = period;
  std::string line;
  for (size_t number = 1; std::getline(file, line); ++number) {
    if (!line.empty() && line.back() == '\r')
      line.pop_back();
    size_t comma = line.find(',');
    if (comma == std::string::npos)
      fail(XLSTM_ERROR_INVALID_INPUT, path, ":", number, ": expected LABEL,VALUE, got '", line,
           "'");
    std::string label = line.substr(0, comma), text = line.substr(comma + 1);
    if (number == 1) {
      series.name = text;
      continue;
    }
    float value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
      fail(XLSTM_ERROR_INVALID_INPUT, path, ":", number, ": expected a number, got '", text, "'");
    series.labels.push_back(label);
    series.values.push_back(value);
  }
  return series;
}

float Series::level(size_t t) const {
  double sum = 0;
  for (size_t k = 0; k < period; ++k)
    sum += values[t - k];
  return static_cast<float>(sum / static_cast<double>(period));
}

float Series::scale(size_t end) const {
  double sum = 0;
  for (size_t t = period - 1; t < end; ++t) {
    double distance = values[t] - level(t);
    sum += distance * distance;
  }
  return static_cast<float>(std::sqrt(sum / static_cast<double>(end - period + 1)));
}

std::vector<float> seasonalNaive(const Series &series, size_t t, size_t horizon) {
  std::vector<float> result;
  for (size_t k = 0; k < horizon; ++k)
    result.push_back(series.values[t + 1 - series.period + k % series.period]);
  return result;
}

std::vector<float> seasonalNaiveWithDrift(const Series &series, size_t t, size_t horizon) {
  std::vector<float> result = seasonalNaive(series, t, horizon);
  float growth = series.level(t) - series.level(t - series.period);
  for (size_t k = 0; k < horizon; ++k)
    result[k] += growth * static_cast<float>(k / series.period + 1);
  return result;
}

std::vector<float> seasonalMean(const Series &series, size_t t, size_t horizon, size_t end) {
  std::vector<float> result;
  for (size_t k = 1; k <= horizon; ++k) {
    double sum = 0, count = 0;
    for (size_t n = (t + k) % series.period; n < end; n += series.period)
      sum += series.values[n], ++count;
    result.push_back(static_cast<float>(sum / count));
  }
  return result;
}

} // namespace xlstm::example
