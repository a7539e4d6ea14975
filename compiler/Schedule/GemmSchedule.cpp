// SPDX-License-Identifier: Apache-2.0
#include "compiler/Schedule/GemmSchedule.h"
#include "mlir/IR/Builders.h"
#include <algorithm>

using namespace xlstm;

static constexpr int64_t mostRows = 1024, mostColumns = 4096, mostDepth = 4096;

std::vector<int64_t> GemmSchedule::widths() const {
  std::vector<int64_t> list;
  for (int64_t width = rows; width >= 8; width /= 2)
    list.push_back(width);
  if (list.empty() && rows > 1)
    list.push_back(rows);
  list.push_back(1);
  return list;
}

namespace {
/// The integers of a schedule and what `--set` calls them.
struct Parameter {
  const char *key;
  int64_t GemmSchedule::*member;
};
constexpr Parameter integers[] = {{"rows", &GemmSchedule::rows},
                                  {"columns", &GemmSchedule::columns},
                                  {"depth", &GemmSchedule::depth}};
} // namespace

mlir::DictionaryAttr GemmSchedule::toAttribute(mlir::MLIRContext *context) const {
  mlir::Builder builder(context);
  mlir::NamedAttrList list;
  list.append("target", builder.getStringAttr(target));
  for (const Parameter &parameter : integers)
    list.append(parameter.key, builder.getI64IntegerAttr(this->*parameter.member));
  return list.getDictionary(context);
}

GemmSchedule GemmSchedule::fromAttribute(mlir::DictionaryAttr attribute) {
  GemmSchedule schedule;
  if (auto target = attribute.getAs<mlir::StringAttr>("target"))
    schedule.target = target.getValue().str();
  for (const Parameter &parameter : integers)
    if (auto value = attribute.getAs<mlir::IntegerAttr>(parameter.key))
      schedule.*parameter.member = value.getInt();
  return schedule;
}

std::vector<std::string> GemmSchedule::parameters() {
  std::vector<std::string> keys;
  for (const Parameter &parameter : integers)
    keys.push_back(std::string("gemm_") + parameter.key);
  return keys;
}

Reason xlstm::isSupported(const GemmProblem &, const Device &device) {
  if (device.isGPU)
    return say("xlstm.linear has kernels for the CPU only, got ", device.name);
  return {};
}

Reason xlstm::check(const GemmProblem &problem, const GemmSchedule &s, const Device &device) {
  Reason reason = isSupported(problem, device);
  if (!reason.empty())
    return reason;
  if (s.rows < 1 || s.rows > mostRows)
    return say("gemm_rows must be 1 to ", mostRows, ", got ", s.rows);
  if (s.columns < 1 || s.columns > mostColumns)
    return say("gemm_columns must be 1 to ", mostColumns, ", got ", s.columns);
  if (s.depth < 1 || s.depth > mostDepth)
    return say("gemm_depth must be 1 to ", mostDepth, ", got ", s.depth);
  return {};
}

std::vector<GemmSchedule> xlstm::enumerate(const GemmProblem &problem, const Device &device) {
  // The weights' tile is turned around before it is multiplied, which more rows pay for; it, x and
  // the sums share the second-level cache.
  std::vector<GemmSchedule> list;
  int64_t bytes = problem.inputBits == 64 ? 8 : 4; // of an element in the scratch buffer
  for (int64_t rows : {128, 64, 256})
    for (int64_t columns : {128, 64, 32})
      for (int64_t depth : {256, 128}) {
        GemmSchedule s;
        s.target = device.name;
        s.rows = rows;
        s.columns = std::min(columns, (problem.n + 15) / 16 * 16);
        s.depth = std::min(depth, problem.k);
        int64_t tiles = problem.weights * s.columns * (2 * s.depth + rows) + rows * s.depth;
        if (tiles * bytes <= device.l2Bytes && check(problem, s, device).empty())
          list.push_back(s);
      }
  if (list.empty()) { // many weights
    GemmSchedule s;
    s.target = device.name;
    s.rows = 32, s.columns = 16, s.depth = std::min<int64_t>(128, problem.k);
    if (check(problem, s, device).empty())
      list.push_back(s);
  }
  return list;
}

std::optional<GemmSchedule> xlstm::decide(const GemmProblem &problem, const Device &device,
                                          const std::map<std::string, std::string> &overrides,
                                          Reason &reason) {
  reason = isSupported(problem, device);
  if (!reason.empty())
    return std::nullopt;
  GemmSchedule chosen = enumerate(problem, device).front();
  for (const auto &[name, value] : overrides) {
    const std::string &key = name;
    auto parameter = std::find_if(std::begin(integers), std::end(integers), [&](const auto &p) {
      return key == std::string("gemm_") + p.key;
    });
    if (parameter == std::end(integers)) {
      reason = say("unknown schedule parameter '", key, "', expected one of");
      for (const std::string &known : GemmSchedule::parameters())
        reason += " " + known;
      return std::nullopt;
    }
    reason = putInteger(key, value, chosen.*parameter->member);
    if (!reason.empty())
      return std::nullopt;
  }
  reason = check(problem, chosen, device);
  if (!reason.empty())
    return std::nullopt;
  return chosen;
}
