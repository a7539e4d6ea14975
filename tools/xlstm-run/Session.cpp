// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-run/Session.h"

#include "runtime/src/support/Failure.h"
#include "tools/common/Probes.h"
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

/// The outputs that every run has to ask for.
std::vector<std::string> requiredOutputs(const BoundFunction &bound) {
  std::vector<std::string> names;
  for (int32_t i = 0; i < bound.package.function(bound.index).outputs; ++i)
    if (xlstm_argument_info info = bound.package.output(bound.index, i); !info.optional)
      names.push_back(info.name);
  return names;
}

bool hasOutput(const BoundFunction &bound, const std::string &name) {
  for (int32_t i = 0; i < bound.package.function(bound.index).outputs; ++i)
    if (bound.package.output(bound.index, i).name == name)
      return true;
  return false;
}

} // namespace

Session::Session(const RunOptions &options, const Stopwatch &sinceStart)
    : options(options), sinceStart(sinceStart), package(options.package),
      device((mark("package_open"), options.device), options.deviceIndex,
             xlstm_device_options{options.threads}),
      stream((mark("device_open"), device)), functionName(chooseFunction(package, options)),
      function(package, functionName, device,
               options.target.empty() ? nullptr : options.target.c_str()),
      bound{package, device, stream, function, functionName, function.index()} {
  mark("kernel_load");
  for (const std::string &name : options.only)
    if (!hasOutput(bound, name))
      fail(XLSTM_ERROR_INVALID_INPUT, options.package, ": --only: '", name, "' is no output of ",
           functionName);
  inputs = loadInputs();
  binding.emplace(bound, inputs, options.only, options.layout, options.prepare);
  if (std::string text = function.products(); !text.empty())
    std::fputs(text.c_str(), stderr);
  if (options.probes.empty())
    inputs.clear(); // what was mapped stays mapped: a CPU reads it there
  mark("inputs_ready");
}

HostInputs Session::loadInputs() {
  if (options.random)
    return randomInputs(package, bound.index, options);
  file = safetensors::File::open(options.inputs);
  std::string path =
      options.weights.empty() ? xlstm_package_weights(package.get()) : options.weights;
  if (!path.empty())
    weights = safetensors::Checkpoint::open(path);
  return inputsFromFile(package, bound.index, *file, weights ? &*weights : nullptr);
}

void Session::run() {
  if (options.poison)
    binding->poison();
  binding->enqueue();
  stream.synchronize();
  mark("first_result");
}

void Session::bench() {
  TimingOptions timing;
  timing.iterations = options.iterations;
  Progress progress("xlstm-run: timed runs");
  timing.progress = [&](size_t done, size_t total) { progress.update(done, total); };
  times = timeRuns(device, stream, [this] { binding->enqueue(); }, timing).times;
}

void Session::runProbes() {
  int64_t length = stepsOf(inputs);
  Progress progress("xlstm-run: probes");
  std::vector<std::pair<int64_t, std::vector<std::string>>> list = statesByStep(options.probes);
  for (size_t done = 0; done < list.size(); ++done) {
    const auto &[step, states] = list[done];
    if (step >= length)
      fail(XLSTM_ERROR_INVALID_INPUT, options.package, ": --probe: expected a step before ",
           std::max<int64_t>(length, 0), ", the number of steps of the inputs, got ", step);
    runPrefix(step, states);
    progress.update(done + 1, list.size());
  }
}

void Session::runPrefix(int64_t step, const std::vector<std::string> &states) {
  std::vector<std::string> outputs = requiredOutputs(bound);
  for (const std::string &state : states) {
    if (!hasOutput(bound, state + "_last"))
      fail(XLSTM_ERROR_INVALID_INPUT, options.package, ": --probe: expected a state of ",
           functionName, ", which has an output ", state, "_last, got '", state, "'");
    outputs.push_back(state + "_last");
  }
  Binding prefix(bound, prefixOf(inputs, step + 1), outputs, options.layout, options.prepare);
  prefix.enqueue();
  const HostTensor *packed = nullptr;
  for (const std::optional<HostTensor> &input : inputs)
    if (input && input->name == "cu_seqlens")
      packed = &*input;
  for (HostTensor &tensor : prefix.downloadOutputs())
    for (const std::string &state : states)
      if (tensor.name == state + "_last") {
        tensor.name = probeName(state, step);
        probed.push_back(packed ? slice(tensor, 0, sequenceOf(*packed, step), 1)
                                : std::move(tensor));
        break;
      }
}

const std::vector<HostTensor> &Session::results() {
  if (downloaded.empty()) {
    downloaded = binding->downloadOutputs();
    downloaded.insert(downloaded.end(), probed.begin(), probed.end());
  }
  return downloaded;
}

void Session::writeOutputs() {
  if (!options.output.empty())
    writeTensors(options.output, results());
}

DType Session::narrowestType() const {
  DType result = XLSTM_F64;
  xlstm_function_info info = package.function(bound.index);
  for (int32_t i = 0; i < info.inputs + info.outputs; ++i) {
    DType dtype = i < info.inputs ? package.input(bound.index, i).dtype
                                  : package.output(bound.index, i - info.inputs).dtype;
    if (isFloat(dtype))
      result = narrower(dtype, result);
  }
  return result;
}

void Session::compare() {
  if (options.compare.empty())
    return;
  auto reference = safetensors::File::open(options.compare);
  std::vector<TensorReport> reports;
  for (const HostTensor &tensor : results()) {
    const safetensors::TensorView *expected = reference.find(tensor.name);
    if (!expected) {
      std::fprintf(stderr, "xlstm-run: note: %s: no '%s' to compare with\n",
                   options.compare.c_str(), tensor.name.c_str());
      continue;
    }
    double bound =
        options.bound ? *options.bound : tolerance(narrowestType(), isGradient(tensor.name));
    try {
      reports.push_back(compareTensors(tensor, fromFile(reference, *expected), bound));
    } catch (const Failure &failure) {
      fail(failure.status(), options.compare, ": ", failure.what());
    }
  }
  if (reports.empty())
    fail(XLSTM_ERROR_INVALID_INPUT, options.compare, ": expected an output of ", functionName,
         " to compare with, got none");
  printReports(reports, options.json);
  for (const TensorReport &report : reports)
    if (!report.passed())
      fail(XLSTM_ERROR_INVALID_INPUT, options.compare, ": ", report.name,
           ": expected a relative L2 error of at most ", shortNumber(report.bound), ", got ",
           shortNumber(report.comparison.relativeL2));
}

void Session::report() {
  RunReport result;
  result.function = functionName;
  result.device = device.info();
  result.implementation = package.implementation(bound.index, function.implementation());
  result.dims = binding->dimensions();
  result.times = times;
  result.output = options.output;
  if (options.timeLoad)
    result.loadTimes = loadTimes;
  result.outputs = binding->outputTensors();
  printReport(result, options.json);
}

} // namespace xlstm::tools
