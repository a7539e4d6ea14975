// SPDX-License-Identifier: Apache-2.0
#include "examples/train_cell/Model.h"

#include "runtime/src/support/Failure.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace xlstm::example {

void Parameter::update(double rate, int64_t step) {
  constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEps = 1e-8;
  double correction1 = 1 - std::pow(kBeta1, static_cast<double>(step));
  double correction2 = 1 - std::pow(kBeta2, static_cast<double>(step));
  for (size_t k = 0; k < size; ++k) {
    double g = gradient[k];
    first[k] = static_cast<float>(kBeta1 * first[k] + (1 - kBeta1) * g);
    second[k] = static_cast<float>(kBeta2 * second[k] + (1 - kBeta2) * g * g);
    value[k] -= static_cast<float>(rate * (first[k] / correction1) /
                                   (std::sqrt(second[k] / correction2) + kEps));
  }
}

Model::Model(Cell &cell, Random &random) : cell(cell) {
  const std::vector<int64_t> &shape = cell.h().shape;
  length = static_cast<size_t>(shape[1]);
  tokens = static_cast<size_t>(shape[0]) * length;
  units = cell.h().size() / tokens;
  for (Input &sequence : cell.sequences) {
    std::vector<float> &weight = weights.emplace_back(sequence.value.size() / tokens);
    for (float &w : weight)
      w = random.uniform(1);
  }
  for (Input &parameter : cell.parameters)
    if (const std::vector<int64_t> &extents = parameter.value.shape; extents.size() == 4) {
      float limit = 1 / std::sqrt(static_cast<float>(extents.back()));
      for (size_t k = 0; k < parameter.value.size(); ++k)
        parameter.value.data()[k] = random.uniform(limit);
    }
  readout.resize(units + 1);
  readoutGradient = readout;
  weightGradients = weights;
  trained.emplace_back(readout.data(), readoutGradient.data(), readout.size());
  for (size_t s = 0; s < weights.size(); ++s)
    trained.emplace_back(weights[s].data(), weightGradients[s].data(), weights[s].size());
  for (Input &parameter : cell.parameters)
    trained.emplace_back(parameter.value.data(), parameter.gradient.data(), parameter.value.size());
}

void Model::setBias(const std::string &gate, float first, float last) {
  auto bias = std::find_if(cell.parameters.begin(), cell.parameters.end(),
                           [](const Input &input) { return input.name == "b"; });
  if (bias == cell.parameters.end())
    fail(XLSTM_ERROR_INVALID_INPUT, "--bias: expected a cell with an input b, got one without");
  auto known = std::find(cell.gates.begin(), cell.gates.end(), gate);
  size_t count = static_cast<size_t>(bias->value.shape[0]);
  size_t index = static_cast<size_t>(known - cell.gates.begin());
  if (known == cell.gates.end()) {
    auto [end, error] = std::from_chars(gate.data(), gate.data() + gate.size(), index);
    if (error != std::errc() || end != gate.data() + gate.size())
      index = count;
  }
  if (index >= count) {
    std::string names = cell.gates.empty() ? cat("a number below ", count) : "";
    for (const std::string &name : cell.gates)
      names += cat(names.empty() ? "one of " : ", ", name);
    fail(XLSTM_ERROR_INVALID_INPUT, "--bias: expected ", names, ", got '", gate, "'");
  }
  size_t size = bias->value.size() / count;
  for (size_t k = 0; k < size; ++k) {
    float share = size > 1 ? static_cast<float>(k) / static_cast<float>(size - 1) : 0;
    bias->value.data()[index * size + k] = first + share * (last - first);
  }
}

void Model::project(const std::vector<float> &x) {
  for (size_t s = 0; s < weights.size(); ++s) {
    float *out = cell.sequences[s].value.data(); // [B, T, elements]
    for (size_t token = 0; token < tokens; ++token)
      for (float w : weights[s])
        *out++ = w * x[token];
  }
}

void Model::projectBackward(const std::vector<float> &x) {
  for (size_t s = 0; s < weights.size(); ++s) {
    const float *gradient = cell.sequences[s].gradient.data(); // [B, T, elements]
    std::fill(weightGradients[s].begin(), weightGradients[s].end(), 0.0f);
    for (size_t token = 0; token < tokens; ++token)
      for (float &w : weightGradients[s])
        w += *gradient++ * x[token];
  }
}

float Model::readOut(const std::vector<float> &targets, int64_t from) {
  const float *h = cell.h().data();         // [B, T, units]
  float *dh = cell.outputGradient().data(); // [B, T, units]
  size_t first = static_cast<size_t>(from);
  double loss = 0, scale = 1 / static_cast<double>(tokens / length * (length - first));
  std::fill(readoutGradient.begin(), readoutGradient.end(), 0.0f);
  std::fill_n(dh, tokens * units, 0.0f);
  for (size_t token = 0; token < tokens; ++token, h += units, dh += units) {
    if (token % length < first)
      continue;
    double y = readout[units];
    for (size_t k = 0; k < units; ++k)
      y += readout[k] * h[k];
    double error = y - targets[token];
    float slope = static_cast<float>(2 * scale * error);
    loss += scale * error * error;
    for (size_t k = 0; k < units; ++k) {
      readoutGradient[k] += slope * h[k];
      dh[k] = slope * readout[k];
    }
    readoutGradient[units] += slope;
  }
  return static_cast<float>(loss);
}

float Model::train(const std::vector<float> &x, const std::vector<float> &targets, int64_t from,
                   double rate) {
  project(x);
  cell.forward();
  float loss = readOut(targets, from);
  cell.gradients();
  projectBackward(x);
  ++step;
  for (Parameter &parameter : trained)
    parameter.update(rate, step);
  return loss;
}

} // namespace xlstm::example
