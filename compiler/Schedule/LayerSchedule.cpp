// SPDX-License-Identifier: Apache-2.0
#include "compiler/Schedule/LayerSchedule.h"
#include "compiler/Schedule/Parameters.h"
#include <algorithm>

using namespace xlstm;

// Elements of a tile: several tiles of f64 have to fit the second cache level.
static constexpr int64_t mostElements = 1 << 16, mostRows = 4096;
// Units of blocks of a diagonal that are taken as one: a vector of f32 in AVX-512. More would only
// add zeros.
static constexpr int64_t unitsOfGroup = 16, mostUnitsOfGroup = 128;

static constexpr Parameter<LayerSchedule> numbers[] = {
    {"rows", "layer_rows", &LayerSchedule::rows},
    {"columns", "layer_columns", &LayerSchedule::columns},
    {"blocks", "layer_blocks", &LayerSchedule::blocks},
    {"threads", "layer_threads", &LayerSchedule::threads}};

mlir::DictionaryAttr LayerSchedule::toAttribute(mlir::MLIRContext *context) const {
  mlir::Builder builder(context);
  mlir::NamedAttrList list(writeParameters(context, *this, numbers));
  if (threads)
    list.append("spread", builder.getDenseI64ArrayAttr({1, threads, 1}));
  if (alongBlocks)
    list.append("along_blocks", builder.getUnitAttr());
  if (overlaps)
    list.append("overlaps", builder.getUnitAttr());
  if (readsEarly)
    list.append("reads_early", builder.getUnitAttr());
  return list.getDictionary(context);
}

LayerSchedule LayerSchedule::fromAttribute(mlir::DictionaryAttr attribute) {
  LayerSchedule schedule = readParameters(attribute, numbers);
  schedule.alongBlocks = attribute.contains("along_blocks");
  schedule.overlaps = attribute.contains("overlaps");
  schedule.readsEarly = attribute.contains("reads_early");
  return schedule;
}

std::vector<std::string> LayerSchedule::parameters() {
  return {"layer_rows", "layer_columns", "layer_blocks", "layer_threads"};
}

Reason xlstm::isSupported(const LayerProblem &, const Device &) { return {}; }

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
  if (device.isGPU && (s.rows != 1 || s.threads < 32 || s.threads % 32 ||
                       s.threads > device.threadsPerBlock || s.columns > 64 * s.threads))
    return say("on a GPU layer_rows must be 1, layer_threads a multiple of 32 up to ",
               device.threadsPerBlock, ", and layer_columns at most 64 for each, got ", s.rows,
               ", ", s.threads, " and ", s.columns);
  if (!device.isGPU && s.threads)
    return say("layer_threads is for GPUs, got ", device.name);
  if (s.blocks < 0 || (s.blocks > 1 && (device.isGPU || !problem.diagonal ||
                                        s.blocks * problem.diagonal > mostUnitsOfGroup)))
    return say("layer_blocks is for block-diagonal matrices on CPUs, of at most ", mostUnitsOfGroup,
               " units together, got ", s.blocks, " blocks of ", problem.diagonal);
  if (s.rows > 1 && s.rows * s.columns > mostElements)
    return say("layer_rows * layer_columns must be at most ", mostElements, ", got ",
               s.rows * s.columns);
  return {};
}

std::vector<LayerSchedule> xlstm::enumerate(const LayerProblem &problem, const Device &device) {
  std::vector<LayerSchedule> list;
  if (device.isGPU) {
    LayerSchedule s;
    s.target = device.name;
    s.rows = 1;
    s.columns = problem.wholeRows
                    ? problem.columns
                    : std::min<int64_t>(problem.columns, problem.copies ? 4096 : 1024);
    // Four elements of a thread are on the way together.
    s.threads = std::clamp<int64_t>((s.columns + 127) / 128 * 32, 32, 512);
    if (problem.blocks) { // each element of a thread is a sum over the block's inputs
      int64_t outputs = problem.columns / problem.blocks;
      s.alongBlocks = problem.blocks >= outputs;
      s.columns = std::min<int64_t>(s.alongBlocks ? problem.blocks : outputs, 256);
      s.threads = (s.columns + 31) / 32 * 32;
    }
    s.overlaps = device.overlapsLaunches;
    s.readsEarly = s.overlaps && problem.constantWeight;
    if (check(problem, s, device).empty())
      list.push_back(s);
    return list;
  }
  // Four tiles of f32 fit the first cache level.
  for (int64_t elements : {device.l1Bytes / 16, device.l1Bytes / 4}) {
    LayerSchedule s;
    s.target = device.name;
    int64_t most = problem.sums ? 64 : 512; // sums have to be enough for all threads
    s.columns = problem.wholeRows ? problem.columns : std::min(problem.columns, most);
    if (problem.diagonal && problem.diagonal * 2 <= unitsOfGroup && problem.rows != 1)
      s.blocks = unitsOfGroup / problem.diagonal;
    if (problem.diagonal)
      elements *= 8; // weights, of a group a matrix, are read anew for each tile of rows
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
  std::vector<LayerSchedule> all = enumerate(problem, device);
  if (all.empty()) {
    reason = say("rows of ", problem.columns, " units are too long for a block of ", device.name);
    return std::nullopt;
  }
  LayerSchedule chosen = all.front();
  std::map<std::string, std::string> own = overrides;
  if (!problem.diagonal)
    own.erase("layer_blocks"); // of the block-diagonal matrices beside
  reason = putOverrides(chosen, own, numbers);
  if (!reason.empty())
    return std::nullopt;
  reason = check(problem, chosen, device);
  if (!reason.empty())
    return std::nullopt;
  return chosen;
}
