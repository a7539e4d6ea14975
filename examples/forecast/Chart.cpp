// SPDX-License-Identifier: Apache-2.0
#include "examples/forecast/Chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace xlstm::example {

std::string drawForecast(const Series &series, size_t t, const std::vector<float> &forecast,
                         size_t columns, size_t rows) {
  size_t end = t + 1 + forecast.size(), begin = end - std::min(columns, end);
  size_t known = std::min(end, series.size());
  auto from = series.values.begin() + static_cast<std::ptrdiff_t>(begin);
  auto [low, high] =
      std::minmax_element(from, series.values.begin() + static_cast<std::ptrdiff_t>(known));
  float least = std::min(*low, *std::min_element(forecast.begin(), forecast.end()));
  float most = std::max(*high, *std::max_element(forecast.begin(), forecast.end()));
  float unit = most > least ? (most - least) / static_cast<float>(rows - 1) : 1;
  std::vector<std::string> lines(rows, std::string(end - begin, ' '));
  auto place = [&](size_t column, float value) -> char & {
    size_t row = static_cast<size_t>(std::lround((most - value) / unit));
    return lines[std::min(row, rows - 1)][column];
  };
  for (size_t n = begin; n < known; ++n)
    place(n - begin, series.values[n]) = n <= t ? '.' : 'o';
  for (size_t k = 0; k < forecast.size(); ++k) {
    char &spot = place(t + 1 + k - begin, forecast[k]);
    spot = spot == 'o' ? '@' : '*';
  }
  std::string result;
  for (size_t row = 0; row < rows; ++row) {
    char label[32];
    std::snprintf(label, sizeof label, "%9.2f |",
                  static_cast<double>(most - unit * static_cast<float>(row)));
    lines[row].erase(lines[row].find_last_not_of(' ') + 1);
    result += label + lines[row] + "\n";
  }
  std::string axis = series.labels[begin];
  std::string last = series.labels[known - 1];
  axis.resize(std::max(axis.size() + 1, end - begin - std::min(last.size(), end - begin)), ' ');
  return result + std::string(11, ' ') + axis + last + "\n";
}

} // namespace xlstm::example
