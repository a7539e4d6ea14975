// SPDX-License-Identifier: Apache-2.0
#include "compiler/Schedule/LayerSchedule.h"
#include "compiler/Schedule/Parameters.h"
#include <algorithm>

using namespace xlstm;

// Elements of a tile: several tiles of f64 have to fit the second cache level.
static constexpr int64_t mostElements = 1 << 16, mostRows = 4096;

static constexpr Parameter<LayerSchedule> numbers[] = {
    {"rows", "layer_rows", &LayerSchedule::rows},
    {"columns", "layer_columns", &LayerSchedule::columns}};

mlir::DictionaryAttr LayerSchedule::toAttribute(mlir::MLIRContext *context) const {
  return writeParameters(context, *this, numbers);
}

LayerSchedule LayerSchedule::fromAttribute(mlir::DictionaryAttr attribute) {
  return readParameters(attribute, numbers);
}

std::vector<std::string> LayerSchedule::parameters() { return {"layer_rows", "layer_columns"}; }

Reason xlstm::isSupported(const LayerProblem &, const Device &device) {
  if (device.isGPU)
    return say("layers of blocks have kernels for the CPU only, got ", device.name);
  return {};
}

Reason xlstm::check(const LayerProblem &problem, const LayerSchedule &s, const Device &device) {
  Reason reason = isSupported(problem, device);
  if (!reason.empty())
    return reason;
  if (s.rows < 1 || s.rows > mostRows)
    return say("layer_rows must be 1 to ", mostRows, ", got ", s.rows);
  if (s.columns < 1)
    return say("layer_columns must be at least 1, got ", s.columns);
  if (problem.wholeRows && s.columns != problem.columns)
    return say("layer_columns must be the ", problem.columns, " units of a row, got ", s.columns);
  if (s.rows > 1 && s.rows * s.columns > mostElements)
    return say("layer_rows * layer_columns must be at most ", mostElements, ", got ",
               s.rows * s.columns);
  return {};
}

std::vector<LayerSchedule> xlstm::enumerate(const LayerProblem &problem, const Device &device) {
  std::vector<LayerSchedule> list;
  for (int64_t elements : {8192, 2048}) {
    LayerSchedule s;
    s.target = device.name;
    s.columns = problem.wholeRows ? problem.columns : std::min<int64_t>(problem.columns, 512);
    s.rows = std::clamp<int64_t>(elements / s.columns, 1, 64);
    if (problem.rows > 0)
      s.rows = std::min(s.rows, problem.rows);
    if (check(problem, s, device).empty())
      list.push_back(s);
  }
  return list;
}

std::optional<LayerSchedule> xlstm::decide(const LayerProblem &problem, const Device &device,
                                           const std::map<std::string, std::string> &overrides,
                                           Reason &reason) {
  reason = isSupported(problem, device);
  if (!reason.empty())
    return std::nullopt;
  LayerSchedule chosen = enumerate(problem, device).front();
  reason = putOverrides(chosen, overrides, numbers);
  if (!reason.empty())
    return std::nullopt;
  reason = check(problem, chosen, device);
  if (!reason.empty())
    return std::nullopt;
  return chosen;
}
