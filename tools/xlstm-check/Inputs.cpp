// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-check/Inputs.h"

#include "runtime/src/support/Failure.h"
#include "tools/common/Random.h"

#include <algorithm>
#include <cmath>

namespace xlstm::tools {
namespace {

bool endsWith(const std::string &text, const std::string &end) {
  return text.size() > end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// Initial states, and gradients of last ones.
bool isState(const std::string &name) { return endsWith(name, "0") || endsWith(name, "_last"); }

/// A gate's pre-activation from a standard normal number.
double gateValue(Gates gates, const std::string &gate, double normal) {
  if (gates == Gates::Wild) // the normal distribution function makes it uniform in [0, 1]
    return static_cast<float>(100.0 * std::erf(normal * 0.7071067811865476));
  if (gate == "f")
    return gates == Gates::Low      ? -100.0
           : gates == Gates::Init7B ? 0.5f * static_cast<float>(normal) + 4.5f
                                    : static_cast<float>(normal) + 4.0f;
  if (gate == "i")
    return gates == Gates::High     ? std::copysign(30.0, normal)
           : gates == Gates::Init7B ? 0.1f * static_cast<float>(normal) - 10.0f
                                    : normal;
  return normal;
}

/// The value of an element of an input, from a standard normal number; `index` is its position.
double inputValue(const Case &testCase, const package::Tensor &tensor,
                  const std::vector<int64_t> &shape, int64_t index, double normal) {
  const Cell &cell = *testCase.cell;
  if (cell.isMLSTM())
    return gateValue(testCase.gates, tensor.name, normal);
  if (tensor.name == "wx") { // [.., G, H, D]
    int64_t inner = shape[shape.size() - 2] * shape.back();
    size_t gates = cell.inputGates.size(), gate = gates ? index / inner % gates : 0;
    return gateValue(testCase.gates, gates ? cell.inputGates[gate] : "", normal);
  }
  if (tensor.name == "r")
    return 0.8 * std::erf(normal * 0.7071067811865476) /
           std::sqrt(static_cast<double>(shape.back()));
  if (tensor.name == "b")
    return 0.1 * normal;
  return std::fabs(normal) + 0.5; // n0
}

bool isPlain(const Cell &cell, const std::string &name) {
  std::vector<const char *> shaped = cell.isMLSTM()
                                         ? std::vector<const char *>{"i", "f"}
                                         : std::vector<const char *>{"wx", "r", "b", "n0"};
  return std::find(shaped.begin(), shaped.end(), name) == shaped.end();
}

HostTensor makeReset(const package::Tensor &tensor, const Case &testCase, int64_t seed) {
  HostTensor reset = makeHostTensor(tensor.name, tensor.dtype, shapeOf(tensor, testCase)); // [B, T]
  std::vector<float> normal(static_cast<size_t>(reset.count()));
  fillNormal(normal.data(), reset.count(), XLSTM_F32, tensor.name, seed, 0.0f);
  for (int64_t at = 0; at < reset.count(); ++at) {
    int64_t b = at / testCase.time, t = at % testCase.time;
    bool here = testCase.resets == Resets::Each ? b == t : t == 0 || normal[at] > 1.15f;
    writable(reset)[at] = here;
  }
  return reset;
}

HostTensor makeInput(const package::Tensor &tensor, const Case &testCase, int64_t seed) {
  if (tensor.name == "reset")
    return makeReset(tensor, testCase, seed);
  std::vector<int64_t> shape = shapeOf(tensor, testCase);
  if (tensor.name == "cu_seqlens")
    return fromNumbers(tensor.name, tensor.dtype, shape,
                       {testCase.starts.begin(), testCase.starts.end()});
  HostTensor result = makeHostTensor(tensor.name, tensor.dtype, shape);
  if (isPlain(*testCase.cell, tensor.name)) {
    fillNormal(writable(result), result.count(), tensor.dtype, tensor.name, seed, 0.0f);
    return result;
  }
  // Drawn in f32, whatever the type is.
  std::vector<float> normal(static_cast<size_t>(result.count()));
  fillNormal(normal.data(), result.count(), XLSTM_F32, tensor.name, seed, 0.0f);
  std::vector<double> values(normal.size());
  for (size_t at = 0; at < values.size(); ++at)
    values[at] = inputValue(testCase, tensor, shape, static_cast<int64_t>(at), normal[at]);
  return fromNumbers(tensor.name, tensor.dtype, shape, values);
}

/// Whether the case gives this input.
bool isGiven(const package::Tensor &tensor, const Case &testCase) {
  if (!tensor.optional)
    return true;
  if (tensor.name == "cu_seqlens")
    return !testCase.starts.empty();
  if (tensor.name == "reset")
    return testCase.resets != Resets::None;
  return testCase.states && isState(tensor.name);
}

} // namespace

std::vector<int32_t> packedStarts(int64_t time) {
  constexpr int32_t kLengths[] = {0, 1, 7, 64, 65, 0, 30, 200};
  std::vector<int32_t> starts = {0};
  for (size_t k = 0; starts.back() < time || k < 2; ++k) {
    int64_t end = starts.back() + kLengths[k % std::size(kLengths)];
    starts.push_back(static_cast<int32_t>(std::min(end, time)));
  }
  return starts;
}

std::vector<int64_t> shapeOf(const package::Tensor &tensor, const Case &testCase) {
  std::vector<int64_t> shape;
  for (const package::Factor &extent : tensor.shape) {
    if (extent.dim.empty())
      shape.push_back(extent.value);
    else if (extent.dim == "B")
      shape.push_back(testCase.batch + extent.add);
    else if (extent.dim == "T")
      shape.push_back(testCase.time + extent.add);
    else if (extent.dim == "S" || extent.dim == "N")
      shape.push_back(testCase.sequences() + extent.add);
    else
      fail(XLSTM_ERROR_UNSUPPORTED, testCase.cell->package, ": ", tensor.name,
           ": expected the dimensions B, T, S and N, got ", extent.dim);
  }
  return shape;
}

std::vector<std::string> axesOf(const package::Tensor &tensor) {
  std::vector<std::string> axes;
  for (const package::Factor &extent : tensor.shape)
    axes.push_back(extent.add ? "" : extent.dim);
  return axes;
}

std::vector<HostTensor> makeInputs(const Case &testCase, int64_t seed) {
  const Cell &cell = *testCase.cell;
  if ((testCase.resets != Resets::None && !cell.input("reset")) ||
      (!testCase.starts.empty() && !cell.input("cu_seqlens")))
    fail(XLSTM_ERROR_INVALID_INPUT, cell.package, ": ", cell.function.name, ": expected an input ",
         testCase.starts.empty() ? "reset" : "cu_seqlens", ", got none");
  std::vector<HostTensor> inputs;
  for (const package::Tensor &tensor : cell.function.inputs)
    if (isGiven(tensor, testCase)) {
      inputs.push_back(makeInput(tensor, testCase, seed));
      inputs.back().axes = axesOf(tensor);
    }
  return inputs;
}

const HostTensor *findTensor(const std::vector<HostTensor> &tensors, const std::string &name) {
  for (const HostTensor &tensor : tensors)
    if (tensor.name == name)
      return &tensor;
  return nullptr;
}

} // namespace xlstm::tools
