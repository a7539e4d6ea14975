// SPDX-License-Identifier: Apache-2.0
#include "tools/common/NumericsReport.h"

#include "runtime/src/support/Failure.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

namespace xlstm::tools {
namespace {

using Json = nlohmann::ordered_json;
using reference::Norm;

std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t axis = 0; axis < shape.size(); ++axis)
    text += cat(axis ? ", " : "", shape[axis]);
  return text + "]";
}

/// The error of a run of steps.
struct Error {
  Norm difference, expected;
  bool finite = true;

  void add(double a, double e) {
    if (!std::isfinite(a) || !std::isfinite(e)) {
      finite = false;
      return;
    }
    difference.add(a - e);
    expected.add(e);
  }
  double relative() const {
    return finite ? reference::relativeError(difference, expected) : INFINITY;
  }
};

/// 0, 1, 2-3, 4-7, …: the number of bits of the step.
size_t octaveOf(int64_t step) {
  size_t octave = 0;
  for (; step; step >>= 1)
    ++octave;
  return octave;
}

void measureUlps(const std::vector<double> &a, const std::vector<double> &e, double floor,
                 const HostTensor &actual, const TensorAxes &axes, TensorReport &report) {
  if (a.empty())
    return;
  std::vector<double> ulps(a.size());
  for (size_t k = 0; k < a.size(); ++k) {
    bool zero = std::fabs(a[k]) < floor && std::fabs(e[k]) < floor;
    double ulp = zero ? 0 : std::fabs(a[k] - e[k]) / unitInLastPlace(e[k], actual.dtype);
    ulps[k] = std::isfinite(a[k]) && std::isfinite(e[k]) ? ulp : INFINITY;
  }
  auto worst = std::max_element(ulps.begin(), ulps.end());
  report.ulpMax = *worst;
  report.ulpMaxAt = axes.position(actual.shape, worst - ulps.begin());
  std::nth_element(ulps.begin(), ulps.begin() + ulps.size() / 2, ulps.end());
  report.ulpMedian = ulps[ulps.size() / 2];
}

void measureTime(const std::vector<double> &a, const std::vector<double> &e, double floor,
                 const HostTensor &actual, const TensorAxes &axes, TensorReport &report) {
  report.steps = actual.shape[axes.time];
  int64_t inner = 1; // elements of a step that follow one another
  for (size_t axis = axes.time + 1; axis < actual.shape.size(); ++axis)
    inner *= actual.shape[axis];
  std::vector<Error> steps(static_cast<size_t>(report.steps));
  std::vector<Error> octaves(report.steps ? octaveOf(report.steps - 1) + 1 : 0);
  for (size_t k = 0; k < a.size(); ++k) {
    if (std::fabs(a[k]) < floor && std::fabs(e[k]) < floor)
      continue;
    int64_t step = static_cast<int64_t>(k) / inner % report.steps;
    steps[step].add(a[k], e[k]);
    octaves[octaveOf(step)].add(a[k], e[k]);
  }
  for (int64_t step = 0; step < report.steps && report.firstOver < 0; ++step)
    if (double error = steps[step].relative(); !(error <= report.bound)) {
      report.firstOver = step;
      report.firstOverError = error;
    }
  for (size_t octave = 0; octave < octaves.size(); ++octave) {
    int64_t first = octave ? int64_t(1) << (octave - 1) : 0, last = (int64_t(1) << octave) - 1;
    report.growth.push_back({first, std::min(last, report.steps - 1), octaves[octave].relative()});
  }
}

} // namespace

TensorReport compareTensors(const HostTensor &actual, const HostTensor &expected, double bound) {
  if (actual.shape != expected.shape)
    fail(XLSTM_ERROR_INVALID_INPUT, actual.name, ": expected a tensor of shape ",
         shapeText(expected.shape), ", got ", shapeText(actual.shape));
  TensorReport report;
  report.name = actual.name;
  report.dtype = actual.dtype;
  report.bound = bound;
  TensorAxes axes = axesOf(actual);
  std::vector<double> a = actual.numbers(), e = expected.numbers();
  double floor = isFloat(actual.dtype) ? reference::smallestNormal(elementType(actual.dtype)) : 0;
  int64_t columns = actual.shape.empty() ? 1 : actual.shape.back();
  report.comparison =
      reference::compare(a, e, columns ? actual.count() / columns : 0, columns, floor);
  if (report.comparison.worstRowIndex >= 0)
    report.worstRow = axes.rowPosition(actual.shape, report.comparison.worstRowIndex * columns);
  if (isFloat(actual.dtype))
    measureUlps(a, e, floor, actual, axes, report);
  if (axes.time >= 0)
    measureTime(a, e, floor, actual, axes, report);
  return report;
}

void printTensorReport(const TensorReport &report) {
  const reference::Comparison &c = report.comparison;
  std::printf("  %-10s %-4s relative L2 %.2e, bound %.1e%s", report.name.c_str(),
              dtypeName(report.dtype), c.relativeL2, report.bound,
              report.passed() ? "" : " EXCEEDED");
  if (c.rows)
    std::printf("; rows: median %.2e, worst %.2e%s%s", c.medianRow, c.worstRow,
                report.worstRow.empty() ? "" : " at ", report.worstRow.c_str());
  if (isFloat(report.dtype) && c.rows)
    std::printf("; ULP: median %.3g, max %.3g at %s", report.ulpMedian, report.ulpMax,
                report.ulpMaxAt.c_str());
  if (c.nonFinite)
    std::printf("; not finite: %lld", static_cast<long long>(c.nonFinite));
  std::printf("\n");
  if (!report.growth.empty()) {
    std::printf("  %-10s over steps", "");
    for (const GrowthRow &row : report.growth) {
      std::printf("%s %lld", &row == report.growth.data() ? "" : ",",
                  static_cast<long long>(row.first));
      if (row.last > row.first)
        std::printf("-%lld", static_cast<long long>(row.last));
      std::printf(": %.1e", row.relativeL2);
    }
    std::printf("\n");
  }
  if (report.firstOver >= 0)
    std::printf("  %-10s first step over the bound: %lld (%.2e)\n", "",
                static_cast<long long>(report.firstOver), report.firstOverError);
}

Json finiteJson(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

void printJsonLine(const Json &json) {
  std::puts(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

Json toJson(const TensorReport &report) {
  const reference::Comparison &c = report.comparison;
  Json json{{"tensor", report.name},
            {"dtype", dtypeName(report.dtype)},
            {"passed", report.passed()},
            {"bound", report.bound},
            {"relative_l2", finiteJson(c.relativeL2)},
            {"median_row", finiteJson(c.medianRow)},
            {"worst_row", finiteJson(c.worstRow)},
            {"worst_row_at", report.worstRow},
            {"not_finite", c.nonFinite}};
  if (isFloat(report.dtype)) {
    json["ulp_median"] = finiteJson(report.ulpMedian);
    json["ulp_max"] = finiteJson(report.ulpMax);
    json["ulp_max_at"] = report.ulpMaxAt;
  }
  if (report.growth.empty())
    return json;
  json["first_step_over"] = report.firstOver < 0 ? Json(nullptr) : Json(report.firstOver);
  json["growth"] = Json::array();
  for (const GrowthRow &row : report.growth)
    json["growth"].push_back(
        {{"first", row.first}, {"last", row.last}, {"relative_l2", finiteJson(row.relativeL2)}});
  return json;
}

std::vector<std::pair<std::string, int64_t>>
firstProbesOver(const std::vector<TensorReport> &reports) {
  std::map<std::string, int64_t> first;
  for (const TensorReport &report : reports) {
    auto [state, step] = splitProbe(report.name);
    if (step < 0 || report.passed())
      continue;
    auto [entry, isNew] = first.emplace(state, step);
    entry->second = std::min(entry->second, step);
  }
  return {first.begin(), first.end()};
}

} // namespace xlstm::tools
