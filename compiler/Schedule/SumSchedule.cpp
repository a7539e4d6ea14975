// SPDX-License-Identifier: Apache-2.0
#include "compiler/Schedule/SumSchedule.h"
#include "compiler/Schedule/Parameters.h"
#include <algorithm>

using namespace xlstm;

static constexpr int64_t mostRows = 4096, mostTokens = 4096;

static constexpr Parameter<SumSchedule> numbers[] = {
    {"rows", "sum_rows", &SumSchedule::rows}, {"tokens", "sum_tokens", &SumSchedule::tokens}};

mlir::DictionaryAttr SumSchedule::toAttribute(mlir::MLIRContext *context) const {
  return writeParameters(context, *this, numbers);
}

SumSchedule SumSchedule::fromAttribute(mlir::DictionaryAttr attribute) {
  return readParameters(attribute, numbers);
}

std::vector<std::string> SumSchedule::parameters() { return {"sum_rows", "sum_tokens"}; }

Reason xlstm::isSupported(const SumProblem &, const Device &device) {
  if (device.isGPU)
    return say("gradients of recurrent cells have kernels for the CPU only, got ", device.name);
  return {};
}

Reason xlstm::check(const SumProblem &problem, const SumSchedule &s, const Device &device) {
  Reason reason = isSupported(problem, device);
  if (!reason.empty())
    return reason;
  if (s.rows < 1 || s.rows > mostRows)
    return say("sum_rows must be 1 to ", mostRows, ", got ", s.rows);
  if (s.tokens < 1 || s.tokens > mostTokens)
    return say("sum_tokens must be 1 to ", mostTokens, ", got ", s.tokens);
  return {};
}

std::vector<SumSchedule> xlstm::enumerate(const SumProblem &problem, const Device &device) {
  // Rows of all heads and results are work for the threads; more of them than 64 need no block of
  // their own. Packed sequences are often short, and end in padding.
  int64_t units = problem.d == 1 ? problem.heads : problem.d;
  std::vector<int64_t> tokens = {64, 16};
  if (problem.isPacked)
    std::swap(tokens[0], tokens[1]);
  std::vector<SumSchedule> list;
  for (int64_t count : tokens) {
    SumSchedule s;
    s.target = device.name;
    s.rows = std::min<int64_t>(units, 64);
    s.tokens = count;
    if (check(problem, s, device).empty())
      list.push_back(s);
  }
  return list;
}

std::optional<SumSchedule> xlstm::decide(const SumProblem &problem, const Device &device,
                                         const std::map<std::string, std::string> &overrides,
                                         Reason &reason) {
  reason = isSupported(problem, device);
  if (!reason.empty())
    return std::nullopt;
  SumSchedule chosen = enumerate(problem, device).front();
  reason = putOverrides(chosen, overrides, numbers);
  if (!reason.empty())
    return std::nullopt;
  reason = check(problem, chosen, device);
  if (!reason.empty())
    return std::nullopt;
  return chosen;
}
