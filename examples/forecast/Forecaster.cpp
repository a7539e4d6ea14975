// SPDX-License-Identifier: Apache-2.0
#include "examples/forecast/Forecaster.h"

#include <algorithm>
#include <cmath>

namespace xlstm::example {

Forecaster::Forecaster(Cell &cell, const Series &series, size_t horizon, size_t training,
                       Random &random)
    : cell(cell), series(series), horizon(horizon), units(cell.h().size() / series.size()),
      scale(series.scale(training)), features(series.size() * kFeatures),
      readout(horizon * (units + 1)), readoutGradient(readout.size()) {
  constexpr double kTurn = 6.283185307179586;
  for (size_t t = firstOrigin(series); t < series.size(); ++t) {
    float *feature = &features[t * kFeatures];
    float level = series.level(t);
    double phase =
        kTurn * static_cast<double>(t % series.period) / static_cast<double>(series.period);
    feature[0] = (series.values[t] - level) / scale;
    feature[1] = (level - series.level(t - series.period)) / scale;
    feature[2] = static_cast<float>(std::sin(phase));
    feature[3] = static_cast<float>(std::cos(phase));
  }
  for (Input &sequence : cell.sequences) {
    std::vector<float> &weight =
        weights.emplace_back(sequence.value.size() / series.size() * kFeatures);
    for (float &w : weight)
      w = random.uniform(0.5f);
  }
  weightGradients = weights;
  for (Input &parameter : cell.parameters)
    if (const std::vector<int64_t> &shape = parameter.value.shape; shape.size() == 4) {
      float limit = 1 / std::sqrt(static_cast<float>(shape.back()));
      for (size_t k = 0; k < parameter.value.size(); ++k)
        parameter.value.data()[k] = random.uniform(limit);
    }
  auto add = [&](float *value, const float *gradient, size_t size) {
    all.push_back({value, size});
    trained.emplace_back(value, gradient, size);
  };
  add(readout.data(), readoutGradient.data(), readout.size());
  for (size_t s = 0; s < weights.size(); ++s)
    add(weights[s].data(), weightGradients[s].data(), weights[s].size());
  for (Input &parameter : cell.parameters)
    add(parameter.value.data(), parameter.gradient.data(), parameter.value.size());
}

std::vector<float> Forecaster::parameters() const {
  std::vector<float> result;
  for (const Values &values : all)
    result.insert(result.end(), values.data, values.data + values.size);
  return result;
}

void Forecaster::setParameters(const std::vector<float> &values) {
  const float *from = values.data();
  for (const Values &part : all) {
    std::copy_n(from, part.size, part.data);
    from += part.size;
  }
}

void Forecaster::read() { read(features); }

void Forecaster::read(const std::vector<float> &inputs) {
  for (size_t s = 0; s < weights.size(); ++s) {
    float *out = cell.sequences[s].value.data(); // [T, elements]
    for (size_t t = 0; t < series.size(); ++t)
      for (const float *w = weights[s].data(), *end = w + weights[s].size(); w != end;
           w += kFeatures) {
        float sum = 0;
        for (size_t k = 0; k < kFeatures; ++k)
          sum += w[k] * inputs[t * kFeatures + k];
        *out++ = sum;
      }
  }
  cell.forward();
}

double Forecaster::predict(size_t t, size_t k) const {
  const float *h = cell.h().data() + t * units, *row = &readout[k * (units + 1)];
  double sum = row[units];
  for (size_t u = 0; u < units; ++u)
    sum += static_cast<double>(row[u]) * h[u];
  return sum;
}

float Forecaster::target(size_t t, size_t k) const {
  return (series.values[t + 1 + k] - series.level(t)) / scale;
}

std::vector<float> Forecaster::forecast(size_t t) const {
  std::vector<float> result;
  for (size_t k = 0; k < horizon; ++k)
    result.push_back(series.level(t) + scale * static_cast<float>(predict(t, k)));
  return result;
}

double Forecaster::loss(const Origins &origins) const {
  double sum = 0;
  for (size_t t = origins.begin; t < origins.end; ++t)
    for (size_t k = 0; k < horizon; ++k) {
      double error = predict(t, k) - target(t, k);
      sum += error * error;
    }
  return sum / static_cast<double>((origins.end - origins.begin) * horizon);
}

double Forecaster::train(const Origins &origins, double rate, float noise, Random &random) {
  std::vector<float> inputs = features;
  for (size_t t = 0; t < series.size(); ++t)
    for (size_t k = 0; k < kValueFeatures; ++k)
      inputs[t * kFeatures + k] += random.uniform(noise);
  read(inputs);
  double share = 1 / static_cast<double>((origins.end - origins.begin) * horizon), loss = 0;
  std::fill(readoutGradient.begin(), readoutGradient.end(), 0.0f);
  std::fill_n(cell.outputGradient().data(), series.size() * units, 0.0f);
  for (size_t t = origins.begin; t < origins.end; ++t) {
    const float *h = cell.h().data() + t * units;
    float *dh = cell.outputGradient().data() + t * units;
    for (size_t k = 0; k < horizon; ++k) {
      double error = predict(t, k) - target(t, k);
      loss += share * error * error;
      float slope = static_cast<float>(2 * share * error);
      const float *row = &readout[k * (units + 1)];
      float *gradient = &readoutGradient[k * (units + 1)];
      for (size_t u = 0; u < units; ++u) {
        dh[u] += slope * row[u];
        gradient[u] += slope * h[u];
      }
      gradient[units] += slope;
    }
  }
  cell.gradients();
  for (size_t s = 0; s < weights.size(); ++s) {
    const float *in = cell.sequences[s].gradient.data(); // [T, elements]
    std::fill(weightGradients[s].begin(), weightGradients[s].end(), 0.0f);
    for (size_t t = 0; t < series.size(); ++t)
      for (size_t e = 0; e < weights[s].size(); e += kFeatures, ++in)
        for (size_t k = 0; k < kFeatures; ++k)
          weightGradients[s][e + k] += *in * inputs[t * kFeatures + k];
  }
  ++step;
  for (Parameter &parameter : trained)
    parameter.update(rate, step);
  return loss;
}

} // namespace xlstm::example
