// SPDX-License-Identifier: Apache-2.0
#include "compiler/Schedule/ScanSchedule.h"
#include "compiler/Schedule/Parameters.h"
#include <algorithm>

using namespace xlstm;

static constexpr int64_t mostSequences = 64, mostHeads = 1024;

static constexpr Parameter<ScanSchedule> numbers[] = {{"batch", "batch", &ScanSchedule::batch},
                                                      {"heads", "heads", &ScanSchedule::heads}};

mlir::DictionaryAttr ScanSchedule::toAttribute(mlir::MLIRContext *context) const {
  return writeParameters(context, *this, numbers);
}

ScanSchedule ScanSchedule::fromAttribute(mlir::DictionaryAttr attribute) {
  return readParameters(attribute, numbers);
}

std::vector<std::string> ScanSchedule::parameters() { return {"batch", "heads"}; }

Reason xlstm::isSupported(const ScanProblem &, const Device &device) {
  if (device.isGPU)
    return say("recurrent cells have kernels for the CPU only, got ", device.name);
  return {};
}

Reason xlstm::check(const ScanProblem &problem, const ScanSchedule &s, const Device &device) {
  Reason reason = isSupported(problem, device);
  if (!reason.empty())
    return reason;
  if (s.batch < 1 || s.batch > mostSequences || (s.batch & (s.batch - 1)))
    return say("batch must be a power of two from 1 to ", mostSequences, ", got ", s.batch);
  if (s.heads < 1 || s.heads > mostHeads)
    return say("heads must be 1 to ", mostHeads, ", got ", s.heads);
  if (s.heads > 1 && problem.d != 1)
    return say("heads must be 1 where d is not 1, got ", s.heads, " and d = ", problem.d);
  return {};
}

std::vector<ScanSchedule> xlstm::enumerate(const ScanProblem &problem, const Device &device) {
  // Eight rows fill the registers of a product, and read a matrix from the second-level cache as
  // fast as it is multiplied. Sixteen gain 3 % with matrices beyond that cache (d = 256, B = 16),
  // and cost a block of few sequences twice the time.
  std::vector<ScanSchedule> list;
  for (int64_t batch : {8, 16, 4, 2, 1}) {
    ScanSchedule s;
    s.target = device.name;
    s.batch = batch;
    s.heads = problem.d == 1 ? std::min<int64_t>(problem.heads, 64) : 1;
    if (check(problem, s, device).empty())
      list.push_back(s);
  }
  return list;
}

std::optional<ScanSchedule> xlstm::decide(const ScanProblem &problem, const Device &device,
                                          const std::map<std::string, std::string> &overrides,
                                          Reason &reason) {
  reason = isSupported(problem, device);
  if (!reason.empty())
    return std::nullopt;
  ScanSchedule chosen = enumerate(problem, device).front();
  reason = putOverrides(chosen, overrides, numbers);
  if (!reason.empty())
    return std::nullopt;
  reason = check(problem, chosen, device);
  if (!reason.empty())
    return std::nullopt;
  return chosen;
}
