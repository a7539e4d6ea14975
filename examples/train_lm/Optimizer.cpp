// SPDX-License-Identifier: Apache-2.0
#include "examples/train_lm/Optimizer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace xlstm::example {

Optimizer::Optimizer(std::vector<Parameter> &parameters, Team &team)
    : parameters(parameters), team(team) {
  constexpr size_t kRange = 16384;
  for (size_t p = 0; p < parameters.size(); ++p) {
    size_t count = parameters[p].value.size();
    moments.push_back({std::vector<float>(count), std::vector<float>(count)});
    for (size_t begin = 0; begin < count; begin += kRange)
      ranges.push_back({p, begin, std::min(begin + kRange, count)});
  }
  sums.resize(ranges.size());
}

/// Eight sums, which a vector unit computes side by side.
double Optimizer::squares(const Range &range) const {
  const float *gradient = parameters[range.parameter].gradient.floats();
  double lanes[8] = {};
  size_t k = range.begin;
  for (; k + 8 <= range.end; k += 8)
    for (size_t lane = 0; lane < 8; ++lane) {
      double g = static_cast<double>(gradient[k + lane]);
      lanes[lane] += g * g;
    }
  for (; k < range.end; ++k)
    lanes[k % 8] += static_cast<double>(gradient[k]) * static_cast<double>(gradient[k]);
  double sum = 0;
  for (double lane : lanes)
    sum += lane;
  return sum;
}

double Optimizer::update(double rate) {
  constexpr float kBeta1 = 0.9f, kBeta2 = 0.95f, kEps = 1e-8f;
  constexpr double kDecay = 0.1, kMostNorm = 1.0;
  team.run(ranges.size(), [&](size_t, size_t n) { sums[n] = squares(ranges[n]); });
  double norm = std::sqrt(std::accumulate(sums.begin(), sums.end(), 0.0));
  float clip = static_cast<float>(norm > kMostNorm ? kMostNorm / norm : 1);
  ++step;
  double correction1 = 1 - std::pow(static_cast<double>(kBeta1), static_cast<double>(step));
  double correction2 = 1 - std::pow(static_cast<double>(kBeta2), static_cast<double>(step));
  float stepSize = static_cast<float>(rate / correction1);
  float scale2 = static_cast<float>(1 / correction2);
  team.run(ranges.size(), [&](size_t, size_t n) {
    const Parameter &parameter = parameters[ranges[n].parameter];
    Moments &own = moments[ranges[n].parameter];
    const std::string &name = parameter.name;
    bool isBias = name.size() > 2 && name.compare(name.size() - 2, 2, ".b") == 0;
    bool decays = parameter.value.shape.size() >= 2 && !isBias;
    float keep = static_cast<float>(decays ? 1 - rate * kDecay : 1);
    float *value = parameter.value.floats(), *first = own.first.data(), *second = own.second.data();
    const float *gradient = parameter.gradient.floats();
    for (size_t k = ranges[n].begin; k < ranges[n].end; ++k) {
      float g = clip * gradient[k];
      first[k] = kBeta1 * first[k] + (1 - kBeta1) * g;
      second[k] = kBeta2 * second[k] + (1 - kBeta2) * g * g;
      value[k] = keep * value[k] - stepSize * first[k] / (std::sqrt(second[k] * scale2) + kEps);
    }
  });
  return norm;
}

double learningRate(double rate, double done) {
  constexpr double kWarmUp = 0.05, kLast = 0.1, kPi = 3.14159265358979323846;
  if (done < kWarmUp)
    return rate * (0.02 + 0.98 * done / kWarmUp);
  double part = (done - kWarmUp) / (1 - kWarmUp);
  return rate * (kLast + (1 - kLast) * 0.5 * (1 + std::cos(kPi * part)));
}

} // namespace xlstm::example
