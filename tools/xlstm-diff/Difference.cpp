// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-diff/Difference.h"

#include "runtime/src/support/Failure.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>

namespace xlstm::tools {
namespace {

using Json = nlohmann::ordered_json;

/// Two tensors of one shape, and how elements fall into steps and rows.
class Pair {
public:
  Pair(const HostTensor &a, const HostTensor &b)
      : a(a), b(b), axes(axesOf(a)), left(a.numbers()), right(b.numbers()) {
    bool timeIsLast = axes.time >= 0 && axes.time + 1 == static_cast<int>(a.shape.size());
    columns = a.shape.empty() || timeIsLast ? 1 : a.shape.back();
    steps = axes.time < 0 ? 1 : a.shape[axes.time];
    for (size_t axis = axes.time + 1; axes.time >= 0 && axis < a.shape.size(); ++axis)
      inner *= a.shape[axis];
  }

  std::optional<Difference> firstBit() const {
    size_t size = dtypeSize(a.dtype);
    auto *one = static_cast<const char *>(a.data), *other = static_cast<const char *>(b.data);
    int64_t found = -1;
    for (int64_t k = 0; k < a.count(); ++k)
      if (std::memcmp(one + k * size, other + k * size, size) &&
          (found < 0 || stepOf(k) < stepOf(found)))
        found = k;
    if (found < 0)
      return std::nullopt;
    return describe(found / columns, found);
  }

  std::optional<Difference> firstOver(double bound) const {
    TensorReport report = compareTensors(a, b, bound);
    if (axes.time < 0 ? report.passed() : report.firstOver < 0)
      return std::nullopt;
    int64_t step = axes.time < 0 ? 0 : report.firstOver, found = -1;
    double largest = -1;
    for (int64_t row = 0; row < a.count() / columns && !(largest > bound); ++row) {
      if (stepOf(row * columns) != step)
        continue;
      if (double error = rowError(row); !(error <= largest)) {
        found = row;
        largest = error;
      }
    }
    int64_t worst = found * columns;
    for (int64_t k = worst; k < (found + 1) * columns; ++k)
      if (!(distance(k) <= distance(worst)))
        worst = k;
    Difference result = describe(found, worst);
    result.stepError = axes.time < 0 ? report.comparison.relativeL2 : report.firstOverError;
    return result;
  }

private:
  int64_t stepOf(int64_t element) const { return axes.time < 0 ? 0 : element / inner % steps; }
  /// Infinite where a value is not finite.
  double distance(int64_t k) const {
    double difference = std::fabs(left[k] - right[k]);
    return std::isfinite(difference) ? difference : INFINITY;
  }
  double rowError(int64_t row) const {
    double floor =
        isFloat(a.dtype) ? reference::smallestNormal(elementType(a.dtype)) : 0; // as in the report
    reference::TensorView one(&left[row * columns], reference::ElementType::F64);
    reference::TensorView other(&right[row * columns], reference::ElementType::F64);
    return reference::compare(one, other, 1, columns, floor).relativeL2;
  }
  Difference describe(int64_t row, int64_t element) const {
    Difference result;
    result.step = axes.time < 0 ? -1 : stepOf(element);
    result.row = axes.rowPosition(a.shape, row * columns);
    result.stepError = result.rowError = rowError(row);
    result.element = axes.position(a.shape, element);
    result.first = left[element];
    result.second = right[element];
    return result;
  }

  const HostTensor &a, &b;
  TensorAxes axes;
  std::vector<double> left, right;
  int64_t columns = 1, steps = 1, inner = 1;
};

std::string boundText(const DiffOptions &options, double bound) {
  return options.bits ? std::string("to the bit") : cat("within ", shortNumber(bound));
}

/// Names in the order of the first file, with the probes of a state in the order of their steps.
std::vector<HostTensor> ordered(std::vector<HostTensor> tensors) {
  std::map<std::string, size_t> places; // of a state's first probe
  auto key = [&](const HostTensor &tensor, size_t place) {
    auto [state, step] = splitProbe(tensor.name);
    return std::make_pair(step < 0 ? place : places.emplace(state, place).first->second, step);
  };
  std::vector<std::pair<std::pair<size_t, int64_t>, size_t>> keys;
  for (size_t place = 0; place < tensors.size(); ++place)
    keys.emplace_back(key(tensors[place], place), place);
  std::sort(keys.begin(), keys.end());
  std::vector<HostTensor> result;
  for (const auto &entry : keys)
    result.push_back(std::move(tensors[entry.second]));
  return result;
}

} // namespace

std::optional<Difference> firstDifference(const HostTensor &a, const HostTensor &b, double bound) {
  bool bits = bound == 0;
  if (a.shape != b.shape || (bits && a.dtype != b.dtype))
    fail(XLSTM_ERROR_INVALID_INPUT, a.name, ": expected tensors of one shape",
         bits ? " and type" : "", " in both files");
  Pair pair(a, b);
  return bits ? pair.firstBit() : pair.firstOver(bound);
}

void printDifference(const std::string &subject, int64_t after, const Difference &difference,
                     bool json) {
  if (json) {
    Json line{{after < 0 ? "tensor" : "state", subject}, {"same", false}};
    if (after >= 0 || difference.step >= 0)
      line[after < 0 ? "step" : "after_step"] = after < 0 ? difference.step : after;
    line["relative_l2"] = finiteJson(difference.stepError);
    line["row"] = difference.row;
    line["row_relative_l2"] = finiteJson(difference.rowError);
    line["element"] = difference.element;
    line["values"] = {finiteJson(difference.first), finiteJson(difference.second)};
    printJsonLine(line);
    return;
  }
  std::string when = after >= 0             ? cat(" after step ", after)
                     : difference.step >= 0 ? cat(" at step ", difference.step)
                                            : std::string();
  std::printf(
      "%-10s first differs%s (relative L2 %.2e): row %s (%.2e), element %s: %.9g instead of "
      "%.9g\n",
      subject.c_str(), when.c_str(), difference.stepError, difference.row.c_str(),
      difference.rowError, difference.element.c_str(), difference.first, difference.second);
}

DType narrowestType(const std::vector<HostTensor> &a, const std::vector<HostTensor> &b) {
  DType result = XLSTM_F64;
  for (const std::vector<HostTensor> *tensors : {&a, &b})
    for (const HostTensor &tensor : *tensors)
      if (isFloat(tensor.dtype))
        result = narrower(tensor.dtype, result);
  return result;
}

bool compareFiles(const DiffOptions &options) {
  auto firstFile = safetensors::File::open(options.first);
  auto secondFile = safetensors::File::open(options.second);
  std::vector<HostTensor> first = ordered(allTensors(firstFile)), second = allTensors(secondFile);
  DType dtype = narrowestType(first, second);
  bool same = true;
  size_t compared = 0;
  for (const HostTensor &tensor : first) {
    const safetensors::TensorView *other = secondFile.find(tensor.name);
    if (!other) {
      std::fprintf(stderr, "xlstm-diff: note: only in %s: %s\n", options.first.c_str(),
                   oneLine(tensor.name).c_str());
      continue;
    }
    ++compared;
    double bound =
        options.bits ? 0 : options.bound.value_or(tolerance(dtype, isGradient(tensor.name)));
    if (auto difference = firstDifference(tensor, fromFile(secondFile, *other), bound)) {
      same = false;
      printDifference(tensor.name, -1, *difference, options.json);
    } else if (options.json) {
      printJsonLine({{"tensor", tensor.name}, {"same", true}});
    } else {
      std::printf("%-10s same %s\n", tensor.name.c_str(), boundText(options, bound).c_str());
    }
  }
  for (const HostTensor &tensor : second)
    if (!firstFile.find(tensor.name))
      std::fprintf(stderr, "xlstm-diff: note: only in %s: %s\n", options.second.c_str(),
                   oneLine(tensor.name).c_str());
  if (!compared)
    fail(XLSTM_ERROR_INVALID_INPUT, options.second, ": expected a tensor of the names in ",
         options.first, ", got none");
  return same;
}

} // namespace xlstm::tools
