// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-check/Inputs.h"

#include "runtime/src/safetensors/Safetensors.h"
#include "runtime/src/support/Failure.h"
#include "tools/common/Random.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace xlstm::tools {
namespace {

bool isState(const std::string &name) { return name == "c0" || name == "n0" || name == "m0"; }

/// A gate's pre-activation from a standard normal number.
float gateValue(Gates gates, bool isForgetGate, float normal) {
  switch (gates) {
  case Gates::Bench:
    return isForgetGate ? normal + 4.0f : normal;
  case Gates::Wild: // the normal distribution function makes it uniform in [0, 1]
    return static_cast<float>(100.0 * std::erf(normal * 0.7071067811865476));
  case Gates::Low:
    return isForgetGate ? -100.0f : normal;
  case Gates::High:
    return isForgetGate ? normal + 4.0f : std::copysign(30.0f, normal);
  case Gates::Init7B:
    return isForgetGate ? 0.5f * normal + 4.5f : 0.1f * normal - 10.0f;
  }
  return 0;
}

} // namespace

std::vector<int64_t> shapeOf(const package::Tensor &tensor, const Case &testCase) {
  std::vector<int64_t> shape;
  for (const package::Factor &extent : tensor.shape) {
    if (extent.dim.empty())
      shape.push_back(extent.value);
    else if (extent.dim == "B")
      shape.push_back(testCase.batch);
    else if (extent.dim == "T")
      shape.push_back(testCase.time);
    else
      fail(XLSTM_ERROR_UNSUPPORTED, testCase.cell->package, ": ", tensor.name,
           ": expected the dimensions B and T, got ", extent.dim);
  }
  return shape;
}

Inputs::Inputs(const Case &testCase, int64_t seed, bool states) : testCase(testCase) {
  for (const package::Tensor &tensor : testCase.cell->function.inputs) {
    if (tensor.optional && !(states && isState(tensor.name)))
      continue;
    Values &value = values[tensor.name];
    value.dtype = tensor.dtype;
    value.shape = shapeOf(tensor, testCase);
    int64_t count = 1;
    for (int64_t extent : value.shape)
      count *= extent;
    value.data.resize(static_cast<size_t>(count) * dtypeSize(tensor.dtype));
    if (tensor.name == "i" || tensor.name == "f")
      fillGate(value, tensor.name, seed);
    else
      fillNormal(value.data.data(), count, tensor.dtype, tensor.name, seed, 0.0f);
  }
}

void Inputs::fillGate(Values &gate, const std::string &name, int64_t seed) {
  // Drawn in f32, whatever the gate's type is.
  size_t count = gate.data.size() / dtypeSize(gate.dtype);
  std::vector<float> numbers(count);
  fillNormal(numbers.data(), static_cast<int64_t>(count), XLSTM_F32, name, seed, 0.0f);
  for (size_t at = 0; at < count; ++at) {
    float number = gateValue(testCase.gates, name == "f", numbers[at]);
    double wide = number;
    const void *bytes = gate.dtype == XLSTM_F64 ? static_cast<const void *>(&wide) : &number;
    std::memcpy(gate.data.data() + at * dtypeSize(gate.dtype), bytes, dtypeSize(gate.dtype));
  }
}

void Inputs::write(const std::string &path) const {
  std::vector<safetensors::TensorView> tensors;
  for (const auto &[name, value] : values) {
    safetensors::TensorView tensor;
    tensor.name = name;
    tensor.dtype = value.dtype;
    tensor.shape = value.shape;
    tensor.data = value.data.data();
    tensors.push_back(std::move(tensor));
  }
  safetensors::write(path, tensors);
}

reference::TensorView Inputs::view(const char *name) const {
  auto found = values.find(name);
  if (found == values.end())
    return {};
  return {found->second.data.data(), elementType(found->second.dtype)};
}

reference::MLSTMProblem Inputs::problem() const {
  reference::MLSTMProblem problem;
  problem.batch = testCase.batch;
  problem.time = testCase.time;
  problem.heads = testCase.cell->heads;
  problem.dqk = testCase.cell->dqk;
  problem.dv = testCase.cell->dv;
  problem.q = view("q");
  problem.k = view("k");
  problem.v = view("v");
  problem.i = view("i");
  problem.f = view("f");
  problem.c0 = view("c0");
  problem.n0 = view("n0");
  problem.m0 = view("m0");
  problem.options = testCase.cell->options;
  return problem;
}

} // namespace xlstm::tools
