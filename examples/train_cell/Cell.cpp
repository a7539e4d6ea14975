// SPDX-License-Identifier: Apache-2.0
#include "examples/train_cell/Cell.h"

#include "runtime/src/support/Failure.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace xlstm::example {
namespace {

std::vector<xlstm_argument_info> inputsOf(const Package &package, int32_t function) {
  std::vector<xlstm_argument_info> result;
  for (int32_t i = 0; i < package.function(function).inputs; ++i)
    result.push_back(package.input(function, i));
  return result;
}

std::vector<xlstm_argument_info> outputsOf(const Package &package, int32_t function) {
  std::vector<xlstm_argument_info> result;
  for (int32_t i = 0; i < package.function(function).outputs; ++i)
    result.push_back(package.output(function, i));
  return result;
}

bool isSequence(const xlstm_argument_info &info) { return info.rank > 0 && info.symbols[0]; }

} // namespace

Tensor::Tensor(const Device &device, const std::vector<int64_t> &shape) : shape(shape), count(1) {
  for (int64_t extent : shape)
    count *= static_cast<size_t>(extent);
  buffer = Buffer(device, count * sizeof(float));
  std::fill_n(data(), count, 0.0f);
  check(xlstm_tensor_init(&view, data(), XLSTM_F32, static_cast<int32_t>(shape.size()),
                          shape.data(), XLSTM_CPU, 0));
}

Cell::Cell(const Device &device, const std::string &path, int64_t batch, int64_t length)
    : device(device), package(path), path(path), dims{{"B", batch}, {"S", batch}, {"T", length}},
      stream(device) {
  readInputs(batch, length);
  readGates();
  forwardPass = bind("forward");
  backwardPass = bind("forward_backward");
}

std::vector<int64_t> Cell::shapeOf(const xlstm_argument_info &info,
                                   const std::string &function) const {
  if (info.dtype != XLSTM_F32)
    fail(XLSTM_ERROR_INVALID_INPUT, path, ": ", function, ": ", info.name, ": expected f32, got ",
         xlstm_dtype_name(info.dtype));
  std::vector<int64_t> shape(info.shape, info.shape + info.rank);
  for (int32_t axis = 0; axis < info.rank; ++axis) {
    if (!info.symbols[axis])
      continue;
    auto dim = dims.find(info.symbols[axis]);
    if (dim == dims.end())
      fail(XLSTM_ERROR_INVALID_INPUT, path, ": ", function, ": ", info.name,
           ": expected the dimensions B and T, got ", info.symbols[axis]);
    shape[static_cast<size_t>(axis)] = dim->second + info.added[axis];
  }
  return shape;
}

void Cell::readInputs(int64_t batch, int64_t length) {
  int32_t forward = package.findFunction("forward");
  for (const xlstm_argument_info &info : inputsOf(package, forward)) {
    if (info.optional)
      continue;
    std::vector<int64_t> shape = shapeOf(info, "forward");
    std::vector<Input> &list = isSequence(info) ? sequences : parameters;
    list.push_back({info.name, Tensor(device, shape), Tensor(device, shape)});
  }
  for (const xlstm_argument_info &info : outputsOf(package, forward))
    if (info.name == std::string("h")) {
      output = std::make_unique<Tensor>(device, shapeOf(info, "forward"));
      outputGradientTensor = std::make_unique<Tensor>(device, output->shape);
    }
  if (!output || output->shape.size() < 3 || output->shape[0] != batch ||
      output->shape[1] != length)
    fail(XLSTM_ERROR_INVALID_INPUT, path, ": forward: expected an output h [B, T, …]");
}

void Cell::readGates() {
  xlstm_function_info info = package.function(package.findFunction("forward"));
  auto cell = nlohmann::json::parse(info.attributes, nullptr, false);
  if (!cell.is_object())
    return;
  if (cell.contains("gates"))
    gates = cell["gates"].get<std::vector<std::string>>();
  else if (cell.value("kind", "") == "gru")
    gates = {"g", "r", "z", "n"};
  else if (cell.value("kind", "") != "elman")
    gates = {"i", "f", "z", "o"};
}

Cell::Pass Cell::bind(const std::string &name) {
  Pass pass;
  pass.function = std::make_unique<Function>(package, name, device);
  int32_t index = pass.function->index();
  std::map<std::string, const xlstm_tensor *> given{{"h", &output->view},
                                                    {"dh", &outputGradientTensor->view}};
  for (std::vector<Input> *list : {&sequences, &parameters})
    for (const Input &input : *list) {
      given[input.name] = &input.value.view;
      given["d" + input.name] = &input.gradient.view;
    }
  auto add = [&](const xlstm_argument_info &info, Function::Tensors &tensors) {
    auto found = given.find(info.name);
    if (found == given.end() && !info.optional)
      fail(XLSTM_ERROR_INVALID_INPUT, path, ": ", name, ": ", info.name,
           ": expected a tensor of forward or a gradient of one, got another name");
    tensors.push_back(found == given.end() ? nullptr : found->second);
  };
  for (const xlstm_argument_info &info : inputsOf(package, index))
    add(info, pass.inputs);
  for (const xlstm_argument_info &info : outputsOf(package, index))
    add(info, pass.outputs);
  if (size_t bytes = pass.function->workspaceSize(pass.inputs, pass.outputs))
    pass.workspace = Buffer(device, bytes);
  return pass;
}

} // namespace xlstm::example
