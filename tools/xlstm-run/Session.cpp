// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-run/Session.h"

#include "runtime/src/safetensors/Safetensors.h"
#include "runtime/src/support/Failure.h"
#include "tools/common/Random.h"
#include "tools/common/Timing.h"
#include "tools/xlstm-run/Report.h"

#include <algorithm>
#include <cstdio>

namespace xlstm::tools {
namespace {

std::string chooseFunction(const Package &package, const RunOptions &options) {
  if (!options.function.empty())
    return options.function;
  if (package.functionCount() != 1)
    throw UsageError(cat("--function: expected a name, since the package has ",
                         package.functionCount(), " functions"));
  return package.function(0).name;
}

} // namespace

Session::Session(const RunOptions &options, const Stopwatch &sinceStart)
    : options(options), sinceStart(sinceStart), package(options.package),
      device((mark("package_open"), options.device), options.deviceIndex,
             xlstm_device_options{options.threads}),
      stream((mark("device_open"), device)), functionName(chooseFunction(package, options)),
      function(package, functionName, device,
               options.target.empty() ? nullptr : options.target.c_str()),
      index(function.index()) {
  mark("kernel_load");
  loadInputs();
  for (const auto &tensor : inputs)
    inputPointers.push_back(tensor ? &tensor->tensor : nullptr);
  makeOutputs();
  size_t bytes = function.workspaceSize(inputPointers, outputPointers);
  if (bytes)
    workspace = Buffer(device, bytes);
  mark("inputs_ready");
}

void Session::addInput(const xlstm_argument_info &info, const std::vector<int64_t> &shape,
                       const void *host) {
  inputs.push_back(
      std::make_unique<DeviceTensor>(makeTensor(device, info, shape, options.transposed)));
  if (host) {
    upload(device, stream, *inputs.back(), host);
    return;
  }
  size_t bytes = inputs.back()->bytes();
  std::unique_ptr<char[]> random(new char[bytes]);
  fillNormal(random.get(), static_cast<int64_t>(bytes / xlstm_dtype_size(info.dtype)), info.dtype,
             info.name, options.seed, meanOfInput(info.name));
  upload(device, stream, *inputs.back(), random.get());
}

void Session::loadInputs() {
  int32_t count = package.function(index).inputs;
  if (options.random) {
    std::map<std::string, int64_t> given(options.dims.begin(), options.dims.end());
    std::map<std::string, bool> used;
    for (int32_t i = 0; i < count; ++i) {
      xlstm_argument_info info = package.input(index, i);
      if (info.optional) {
        inputs.emplace_back();
        continue;
      }
      std::vector<int64_t> shape(info.shape, info.shape + info.rank);
      for (int32_t axis = 0; axis < info.rank; ++axis) {
        if (!info.symbols[axis])
          continue;
        auto found = given.find(info.symbols[axis]);
        if (found == given.end())
          throw UsageError(cat("--random: expected a value for the dimension ", info.symbols[axis],
                               " of ", info.name));
        shape[axis] = found->second;
        used[found->first] = true;
      }
      addInput(info, shape, nullptr);
    }
    for (const auto &[name, extent] : given)
      if (!used[name])
        throw UsageError(cat("--random: ", name, " is no dimension of an input of ", functionName));
    return;
  }
  auto file = safetensors::File::open(options.inputs);
  std::vector<std::string> names;
  for (int32_t i = 0; i < count; ++i) {
    xlstm_argument_info info = package.input(index, i);
    names.push_back(info.name);
    const safetensors::TensorView *tensor = file.find(info.name);
    if (!tensor && !info.optional)
      fail(XLSTM_ERROR_INVALID_INPUT, options.inputs, ": expected a tensor named '", info.name,
           "', got none");
    if (!tensor) {
      inputs.emplace_back();
      continue;
    }
    if (tensor->dtype != info.dtype)
      fail(XLSTM_ERROR_INVALID_INPUT, options.inputs, ": ", info.name, ": expected ",
           dtypeName(info.dtype), ", got ", dtypeName(tensor->dtype));
    if (tensor->shape.size() != static_cast<size_t>(info.rank))
      fail(XLSTM_ERROR_INVALID_INPUT, options.inputs, ": ", info.name, ": expected ", info.rank,
           " axes, got ", tensor->shape.size());
    addInput(info, tensor->shape, tensor->data);
  }
  for (const auto &tensor : file.tensors()) {
    if (std::find(names.begin(), names.end(), tensor.name) != names.end())
      continue;
    // These say where sequences begin: without them the result would be another one.
    if (tensor.name == "cu_seqlens" || tensor.name == "reset")
      fail(XLSTM_ERROR_INVALID_INPUT, options.inputs, ": ", tensor.name, ": ", functionName,
           " of this package does not take it; run the sequences one by one");
    std::fprintf(stderr, "xlstm-run: note: %s: '%s' is no input of %s and is ignored\n",
                 options.inputs.c_str(), oneLine(tensor.name).c_str(), functionName.c_str());
  }
}

void Session::makeOutputs() {
  std::vector<std::string> wanted = options.only;
  for (int32_t i = 0; i < package.function(index).outputs; ++i) {
    xlstm_argument_info info = package.output(index, i);
    auto found = std::find(wanted.begin(), wanted.end(), info.name);
    if (!options.only.empty() && found == wanted.end()) {
      outputs.emplace_back();
    } else {
      if (found != wanted.end())
        wanted.erase(found);
      std::vector<int64_t> shape = function.outputShape(inputPointers, i, info.rank);
      outputs.push_back(
          std::make_unique<DeviceTensor>(makeTensor(device, info, shape, options.transposed)));
    }
    outputPointers.push_back(outputs.back() ? &outputs.back()->tensor : nullptr);
  }
  if (!wanted.empty())
    fail(XLSTM_ERROR_INVALID_INPUT, options.package, ": --only: '", wanted[0], "' is no output of ",
         functionName);
}

void Session::enqueue() { function.run(inputPointers, outputPointers, workspace, stream); }

void Session::run() {
  if (options.poison)
    for (const auto &tensor : outputs)
      if (tensor)
        check(xlstm_device_fill(device.get(), tensor->tensor.data, 0xFF, tensor->bytes(),
                                stream.get()));
  enqueue();
  stream.synchronize();
  mark("first_result");
}

void Session::bench() {
  TimingOptions timing;
  timing.iterations = options.iterations;
  Progress progress("xlstm-run: timed runs");
  timing.progress = [&](size_t done, size_t total) { progress.update(done, total); };
  times = timeRuns(device, stream, [this] { enqueue(); }, timing).times;
}

void Session::writeOutputs() {
  if (options.output.empty())
    return;
  std::vector<safetensors::TensorView> list;
  std::vector<std::unique_ptr<char[]>> memory;
  for (const auto &tensor : outputs) {
    if (!tensor)
      continue;
    memory.push_back(download(device, stream, *tensor));
    const xlstm_tensor &t = tensor->tensor;
    safetensors::TensorView view;
    view.name = tensor->name;
    view.dtype = t.dtype;
    view.shape.assign(t.shape, t.shape + t.rank);
    view.data = memory.back().get();
    list.push_back(view);
  }
  safetensors::write(options.output, list);
}

std::map<std::string, int64_t> Session::dimensions() const {
  std::map<std::string, int64_t> dims;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i])
      continue;
    xlstm_argument_info info = package.input(index, static_cast<int32_t>(i));
    for (int32_t axis = 0; axis < info.rank; ++axis)
      if (info.symbols[axis])
        dims[info.symbols[axis]] = inputs[i]->tensor.shape[axis];
  }
  return dims;
}

void Session::report() {
  RunReport result;
  result.function = functionName;
  result.device = device.info();
  result.implementation = package.implementation(index, function.implementation());
  result.dims = dimensions();
  result.times = times;
  result.output = options.output;
  if (options.timeLoad)
    result.loadTimes = loadTimes;
  for (const auto &tensor : outputs)
    if (tensor)
      result.outputs.emplace_back(tensor->name, &tensor->tensor);
  printReport(result, options.json);
}

} // namespace xlstm::tools
