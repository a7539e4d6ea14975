// SPDX-License-Identifier: Apache-2.0
#include "examples/train_lm/Optimizer.h"

#include <cmath>

namespace xlstm::example {

Optimizer::Optimizer(std::vector<Parameter> &parameters) : parameters(parameters) {
  for (const Parameter &parameter : parameters)
    moments.push_back(
        {std::vector<float>(parameter.value.size()), std::vector<float>(parameter.value.size())});
}

double Optimizer::update(double rate) {
  constexpr float kBeta1 = 0.9f, kBeta2 = 0.95f, kEps = 1e-8f;
  constexpr double kDecay = 0.1, kMostNorm = 1.0;
  double squares = 0;
  for (const Parameter &parameter : parameters)
    for (size_t k = 0; k < parameter.gradient.size(); ++k) {
      double g = static_cast<double>(parameter.gradient.floats()[k]);
      squares += g * g;
    }
  double norm = std::sqrt(squares);
  float clip = static_cast<float>(norm > kMostNorm ? kMostNorm / norm : 1);
  ++step;
  double correction1 = 1 - std::pow(static_cast<double>(kBeta1), static_cast<double>(step));
  double correction2 = 1 - std::pow(static_cast<double>(kBeta2), static_cast<double>(step));
  float stepSize = static_cast<float>(rate / correction1);
  float scale2 = static_cast<float>(1 / correction2);
  for (size_t p = 0; p < parameters.size(); ++p) {
    const Parameter &parameter = parameters[p];
    const std::string &name = parameter.name;
    bool isBias = name.size() > 2 && name.compare(name.size() - 2, 2, ".b") == 0;
    bool decays = parameter.value.shape.size() >= 2 && !isBias;
    float keep = static_cast<float>(decays ? 1 - rate * kDecay : 1);
    float *value = parameter.value.floats(), *first = moments[p].first.data(),
          *second = moments[p].second.data();
    const float *gradient = parameter.gradient.floats();
    for (size_t k = 0; k < parameter.value.size(); ++k) {
      float g = clip * gradient[k];
      first[k] = kBeta1 * first[k] + (1 - kBeta1) * g;
      second[k] = kBeta2 * second[k] + (1 - kBeta2) * g * g;
      value[k] = keep * value[k] - stepSize * first[k] / (std::sqrt(second[k] * scale2) + kEps);
    }
  }
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
