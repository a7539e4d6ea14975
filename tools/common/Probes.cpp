// SPDX-License-Identifier: Apache-2.0
#include "tools/common/Probes.h"

#include "runtime/src/support/Failure.h"
#include "tools/common/Arguments.h"

#include <algorithm>
#include <map>

namespace xlstm::tools {
namespace {

/// The axis "T" of a tensor, -1 without one.
int timeAxis(const HostTensor &tensor) {
  auto found = std::find(tensor.axes.begin(), tensor.axes.end(), "T");
  return found == tensor.axes.end() ? -1 : static_cast<int>(found - tensor.axes.begin());
}

} // namespace

Probe parseProbe(const std::string &text) {
  size_t at = text.find('@');
  Probe probe;
  if (at != std::string::npos && at > 0)
    probe.states = splitList(text.substr(0, at));
  bool valid = !probe.states.empty();
  for (const std::string &state : probe.states)
    valid &= !state.empty();
  if (valid)
    for (const std::string &step : splitList(text.substr(at + 1))) {
      valid &= !step.empty() && step.size() < 16 &&
               step.find_first_not_of("0123456789") == std::string::npos;
      if (valid)
        probe.steps.push_back(std::stoll(step));
    }
  if (!valid)
    throw UsageError(cat("--probe: expected STATE,…@STEP,… as c,n@0,100, got '", text, "'"));
  return probe;
}

std::vector<std::pair<int64_t, std::vector<std::string>>>
statesByStep(const std::vector<Probe> &probes) {
  std::map<int64_t, std::vector<std::string>> result;
  for (const Probe &probe : probes)
    for (int64_t step : probe.steps)
      for (const std::string &state : probe.states) {
        std::vector<std::string> &states = result[step];
        if (std::find(states.begin(), states.end(), state) == states.end())
          states.push_back(state);
      }
  return {result.begin(), result.end()};
}

std::string probeName(const std::string &state, int64_t step) { return cat(state, "@", step); }

HostInputs prefixOf(const HostInputs &inputs, int64_t steps) {
  HostInputs result;
  for (const std::optional<HostTensor> &input : inputs) {
    result.push_back(input);
    if (!input)
      continue;
    if (int axis = timeAxis(*input); axis >= 0)
      result.back() = slice(*input, axis, 0, steps);
    if (input->name != "cu_seqlens")
      continue;
    std::vector<double> starts = input->numbers();
    for (double &start : starts)
      start = std::min(start, static_cast<double>(steps));
    result.back() = fromNumbers(input->name, input->dtype, input->shape, starts);
    result.back()->axes = input->axes;
  }
  return result;
}

int64_t sequenceOf(const HostTensor &cuSeqlens, int64_t step) {
  std::vector<double> starts = cuSeqlens.numbers();
  return std::upper_bound(starts.begin(), starts.end(), static_cast<double>(step)) -
         starts.begin() - 1;
}

int64_t stepsOf(const HostInputs &inputs) {
  for (const std::optional<HostTensor> &input : inputs)
    if (input && timeAxis(*input) >= 0)
      return input->shape[timeAxis(*input)];
  return -1;
}

} // namespace xlstm::tools
