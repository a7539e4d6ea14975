// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-run/Binding.h"

#include "runtime/src/support/Failure.h"

#include <algorithm>
#include <cstring>

namespace xlstm::tools {

Binding::Binding(const BoundFunction &bound, const HostInputs &given,
                 const std::vector<std::string> &only, Layout layout, bool prepare)
    : bound(bound) {
  for (size_t i = 0; i < given.size(); ++i) {
    inputs.emplace_back();
    if (given[i]) {
      xlstm_argument_info info = bound.package.input(bound.index, static_cast<int32_t>(i));
      // What is mapped already needs no copy on a CPU.
      bool inPlace = !given[i]->memory && !layout.transposed && !layout.inPlace &&
                     bound.device.info().kind == XLSTM_CPU;
      inputs.back() = std::make_shared<DeviceTensor>(
          inPlace ? mapTensor(bound.device, info, *given[i])
                  : makeTensor(bound.device, info, given[i]->shape, layout.transposed));
      if (!inPlace)
        upload(bound.device, bound.stream, *inputs.back(), given[i]->data);
    }
    inputPointers.push_back(inputs.back() ? &inputs.back()->tensor : nullptr);
  }
  makeOutputs(only, layout);
  size_t preparedBytes = prepare ? bound.function.preparedSize(inputPointers, outputPointers) : 0;
  if (preparedBytes)
    prepared = Buffer(bound.device, preparedBytes);
  if (prepare)
    bound.function.prepare(inputPointers, outputPointers, prepared, bound.stream);
  if (size_t bytes = bound.function.workspaceSize(inputPointers, outputPointers))
    workspace = Buffer(bound.device, bytes);
}

std::shared_ptr<DeviceTensor> Binding::findInput(const std::string &name) const {
  for (size_t i = 0; i < inputs.size(); ++i)
    if (bound.package.input(bound.index, static_cast<int32_t>(i)).name == name)
      return inputs[i];
  return nullptr;
}

void Binding::makeOutputs(const std::vector<std::string> &only, Layout layout) {
  for (int32_t i = 0; i < bound.package.function(bound.index).outputs; ++i) {
    xlstm_argument_info info = bound.package.output(bound.index, i);
    bool wanted = only.empty() || std::find(only.begin(), only.end(), info.name) != only.end();
    if (info.with && !findInput(info.with)) {
      if (wanted && !only.empty())
        fail(XLSTM_ERROR_INVALID_INPUT, bound.name, ": output ", info.name,
             " exists only when the input ", info.with, " is given");
      wanted = false;
    }
    outputs.emplace_back();
    if (wanted && layout.inPlace && info.in_place)
      outputs.back() = findInput(info.in_place);
    if (wanted && !outputs.back()) {
      std::vector<int64_t> shape = bound.function.outputShape(inputPointers, i, info.rank);
      outputs.back() =
          std::make_shared<DeviceTensor>(makeTensor(bound.device, info, shape, layout.transposed));
    }
    outputPointers.push_back(outputs.back() ? &outputs.back()->tensor : nullptr);
  }
}

void Binding::poison() {
  for (const auto &tensor : outputs)
    if (tensor && std::find(inputs.begin(), inputs.end(), tensor) == inputs.end())
      check(xlstm_device_fill(bound.device.get(), tensor->tensor.data, 0xFF, tensor->bytes(),
                              bound.stream.get()));
}

void Binding::enqueue() {
  bound.function.run(inputPointers, outputPointers, workspace, bound.stream);
}

std::vector<HostTensor> Binding::downloadOutputs() {
  std::vector<HostTensor> result;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i])
      continue;
    const xlstm_tensor &tensor = outputs[i]->tensor;
    HostTensor host;
    host.name = bound.package.output(bound.index, static_cast<int32_t>(i)).name;
    host.dtype = tensor.dtype;
    host.shape.assign(tensor.shape, tensor.shape + tensor.rank);
    host.memory = download(bound.device, bound.stream, *outputs[i]);
    host.data = host.memory.get();
    host.axes = axesOf(bound.package.output(bound.index, static_cast<int32_t>(i)));
    result.push_back(std::move(host));
  }
  return result;
}

std::map<std::string, int64_t> Binding::dimensions() const {
  std::map<std::string, int64_t> dims;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i])
      continue;
    xlstm_argument_info info = bound.package.input(bound.index, static_cast<int32_t>(i));
    for (int32_t axis = 0; axis < info.rank; ++axis)
      if (info.symbols[axis])
        dims[info.symbols[axis]] = inputs[i]->tensor.shape[axis] - info.added[axis];
  }
  return dims;
}

std::vector<std::pair<std::string, const xlstm_tensor *>> Binding::outputTensors() const {
  std::vector<std::pair<std::string, const xlstm_tensor *>> result;
  for (size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i])
      result.emplace_back(bound.package.output(bound.index, static_cast<int32_t>(i)).name,
                          &outputs[i]->tensor);
  return result;
}

} // namespace xlstm::tools
