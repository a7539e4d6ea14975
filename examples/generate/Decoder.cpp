// SPDX-License-Identifier: Apache-2.0
#include "examples/generate/Decoder.h"

#include "runtime/src/support/Failure.h"

#include <algorithm>

namespace xlstm::example {
namespace {

bool isState(const std::string &name) { return name.rfind("state.", 0) == 0; }

std::vector<int64_t> shapeOf(const xlstm_argument_info &info) {
  std::vector<int64_t> shape(info.shape, info.shape + info.rank);
  std::replace(shape.begin(), shape.end(), int64_t(-1), int64_t(1)); // B = 1
  return shape;
}

std::string toText(const std::vector<int64_t> &shape) {
  std::string text;
  for (int64_t extent : shape)
    text += (text.empty() ? "[" : ", ") + std::to_string(extent);
  return text.empty() ? "[]" : text + "]";
}

} // namespace

Decoder::Decoder(const Device &device, const std::string &path, const std::string &weights)
    : device(device), path(path), package(path), stream(device), token(make(XLSTM_I32, {1})) {
  std::string from = weights.empty() ? xlstm_package_weights(package.get()) : weights;
  if (from.empty())
    fail(XLSTM_ERROR_INVALID_INPUT, path,
         ": expected a package that names its checkpoint, or --weights, got neither");
  checkpoint = safetensors::Checkpoint::open(from);
  int32_t step = package.findFunction("step");
  readParameters(step);
  for (int32_t i = 0; i < package.function(step).outputs; ++i) {
    xlstm_argument_info info = package.output(step, i);
    if (info.name == std::string("logits")) {
      logits = make(info.dtype, shapeOf(info));
      logitCount = info.shape[info.rank - 1];
    } else if (isState(info.name)) {
      for (auto &set : states)
        set.emplace(info.name, make(info.dtype, shapeOf(info)));
    }
  }
  if (!logits)
    fail(XLSTM_ERROR_INVALID_INPUT, path, ": step: expected an output logits, got none");
}

Decoder::Tensor Decoder::make(xlstm_dtype dtype, const std::vector<int64_t> &shape) {
  size_t count = 1;
  for (int64_t extent : shape)
    count *= static_cast<size_t>(extent);
  Tensor tensor;
  tensor.buffer = Buffer(device, count * xlstm_dtype_size(dtype));
  check(xlstm_tensor_init(&tensor.view, tensor.buffer.data(), dtype,
                          static_cast<int32_t>(shape.size()), shape.data(), XLSTM_CPU, 0));
  return tensor;
}

void Decoder::readParameters(int32_t function) {
  for (int32_t i = 0; i < package.function(function).inputs; ++i) {
    xlstm_argument_info info = package.input(function, i);
    std::string name = info.name;
    if (name == "tokens" || isState(name))
      continue;
    auto [file, found] = checkpoint->find(name);
    if (!found)
      fail(XLSTM_ERROR_INVALID_INPUT, checkpoint->source(), ": ", name,
           ": expected this parameter of ", path, ", got none");
    tools::HostTensor tensor = tools::fromFile(*file, *found);
    if (std::vector<int64_t> shape(info.shape, info.shape + info.rank); tensor.shape != shape)
      fail(XLSTM_ERROR_INVALID_INPUT, file->source(), ": ", name, ": expected ", toText(shape),
           " as ", path, " has it, got ", toText(tensor.shape));
    if (tensor.dtype != info.dtype)
      tensor = tools::convert(tensor, info.dtype);
    Tensor &parameter = parameters[name];
    check(xlstm_tensor_init(&parameter.view, const_cast<void *>(tensor.data), info.dtype, info.rank,
                            info.shape, XLSTM_CPU, 0));
    converted.push_back(std::move(tensor));
  }
}

Decoder::Pass Decoder::bind(const char *name, Tensor &tokens, int from, int to) {
  Pass pass;
  pass.function.emplace(package, name, device);
  auto find = [&](const std::string &argument, int set) -> const xlstm_tensor * {
    if (argument == "tokens")
      return &tokens.view;
    if (argument == "logits")
      return &logits->view;
    if (isState(argument))
      return set < 0 ? nullptr : &states[set].at(argument).view;
    auto found = parameters.find(argument);
    if (found == parameters.end())
      fail(XLSTM_ERROR_INVALID_INPUT, path, ": ", name, ": ", argument,
           ": expected tokens, logits, a state, or a parameter of step, got another name");
    return &found->second.view;
  };
  xlstm_function_info info = package.function(pass.function->index());
  for (int32_t i = 0; i < info.inputs; ++i)
    pass.inputs.push_back(find(package.input(pass.function->index(), i).name, from));
  for (int32_t i = 0; i < info.outputs; ++i)
    pass.outputs.push_back(find(package.output(pass.function->index(), i).name, to));
  return pass;
}

const std::vector<float> &Decoder::run(Pass &pass) {
  pass.function->run(pass.inputs, pass.outputs, pass.workspace, stream);
  tools::HostTensor host;
  host.dtype = logits->view.dtype;
  host.shape = {1, logitCount};
  host.data = logits->view.data;
  std::vector<double> numbers = host.numbers();
  scores.assign(numbers.begin(), numbers.end());
  return scores;
}

const std::vector<float> &Decoder::prefill(const std::vector<int32_t> &prompt) {
  Tensor tokens = make(XLSTM_I32, {1, static_cast<int64_t>(prompt.size())});
  std::copy(prompt.begin(), prompt.end(), static_cast<int32_t *>(tokens.buffer.data()));
  Pass pass = bind("prefill", tokens, -1, current);
  if (size_t bytes = pass.function->workspaceSize(pass.inputs, pass.outputs))
    pass.workspace = Buffer(device, bytes);
  return run(pass);
}

const std::vector<float> &Decoder::step(int32_t next) {
  Pass &pass = steps[current];
  current = 1 - current;
  if (!pass.function) {
    pass = bind("step", token, 1 - current, current);
    // What depends on the weights alone is computed once, not in every step.
    if (size_t bytes = pass.function->preparedSize(pass.inputs, pass.outputs)) {
      pass.prepared = Buffer(device, bytes);
      pass.function->prepare(pass.inputs, pass.outputs, pass.prepared, stream);
    }
    if (size_t bytes = pass.function->workspaceSize(pass.inputs, pass.outputs))
      pass.workspace = Buffer(device, bytes);
  }
  *static_cast<int32_t *>(token.buffer.data()) = next;
  return run(pass);
}

} // namespace xlstm::example
