// SPDX-License-Identifier: Apache-2.0
#include "compiler/Schedule/ScanSchedule.h"
#include "compiler/Schedule/Parameters.h"
#include <algorithm>

using namespace xlstm;

static constexpr int64_t mostSequences = 64, mostHeads = 1024;
// A lane of a product has 64 elements of the state in registers then.
static constexpr int64_t mostUnitsOnGPU = 2048;

static constexpr Parameter<ScanSchedule> numbers[] = {{"batch", "batch", &ScanSchedule::batch},
                                                      {"heads", "heads", &ScanSchedule::heads}};

mlir::DictionaryAttr ScanSchedule::toAttribute(mlir::MLIRContext *context) const {
  mlir::NamedAttrList list(writeParameters(context, *this, numbers));
  mlir::Builder builder(context);
  if (threads) {
    list.append("threads", builder.getI64IntegerAttr(threads));
    list.append("spread", builder.getDenseI64ArrayAttr({1, threads, 1}));
    list.append("precise", builder.getUnitAttr()); // errors of a step go through all that follow
  }
  if (lanes) {
    list.append("products", builder.getDenseI64ArrayAttr({lanes, vector}));
    list.append("matrices", builder.getStringAttr(matrices));
  }
  if (overlaps)
    list.append("overlaps", builder.getUnitAttr());
  return list.getDictionary(context);
}

ScanSchedule ScanSchedule::fromAttribute(mlir::DictionaryAttr attribute) {
  ScanSchedule schedule = readParameters(attribute, numbers);
  if (auto threads = attribute.getAs<mlir::IntegerAttr>("threads"))
    schedule.threads = threads.getInt();
  if (auto products = attribute.getAs<mlir::DenseI64ArrayAttr>("products")) {
    schedule.lanes = products[0];
    schedule.vector = products[1];
    schedule.matrices = attribute.getAs<mlir::StringAttr>("matrices").getValue().str();
  }
  schedule.overlaps = attribute.contains("overlaps");
  return schedule;
}

std::vector<std::string> ScanSchedule::parameters() { return {"batch", "heads"}; }

Reason xlstm::isSupported(const ScanProblem &problem, const Device &device) {
  if (!device.isGPU)
    return {};
  if (problem.bits > 32)
    return say("the GPU kernel takes bf16, f16 and f32, got f", problem.bits);
  if (problem.d > mostUnitsOnGPU)
    return say("a head of a GPU's block must have at most ", mostUnitsOnGPU, " units, got ",
               problem.d);
  return {};
}

/// Across a GPU's threads.
static ScanSchedule onGPU(const ScanProblem &problem, const Device &device) {
  ScanSchedule s;
  s.target = device.name;
  s.batch = 1;
  s.overlaps = device.overlapsLaunches;
  int64_t units = problem.d;
  if (problem.d == 1)
    units = s.heads = std::min<int64_t>(problem.heads, 128);
  units = (units + 31) / 32 * 32;
  if (problem.d == 1 || !problem.matrices) {
    s.threads = std::min<int64_t>(units, 512);
    return s;
  }
  s.threads = std::clamp<int64_t>(4 * units, 128, 512);
  auto lanesOf = [&](int64_t pieces) {
    int64_t lanes = 1;
    while (lanes < 32 && lanes < pieces)
      lanes *= 2;
    return lanes;
  };
  s.vector = 128 / problem.bits;
  s.lanes = lanesOf((problem.d + s.vector - 1) / s.vector);
  s.matrices = "shared";
  // One token would not read again what it has copied.
  if (problem.step || s.sharedBytes(problem) > device.sharedBytes) {
    s.matrices = "memory";
    s.vector = 1; // rows begin anywhere
    s.lanes = lanesOf(problem.d);
  }
  return s;
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
  if (device.isGPU && s.batch != 1)
    return say("batch must be 1 on a GPU, got ", s.batch);
  if (device.isGPU && s.sharedBytes(problem) > device.sharedBytes)
    return say("states and products need ", s.sharedBytes(problem), " bytes of shared memory, ",
               device.name, " has ", device.sharedBytes);
  return {};
}

std::vector<ScanSchedule> xlstm::enumerate(const ScanProblem &problem, const Device &device) {
  // Eight rows fill the registers of a product, and read a matrix from the second-level cache as
  // fast as it is multiplied. Sixteen gain 3 % with matrices beyond that cache (d = 256, B = 16),
  // and cost a block of few sequences twice the time.
  std::vector<ScanSchedule> list;
  if (device.isGPU) {
    ScanSchedule s = onGPU(problem, device);
    if (check(problem, s, device).empty())
      list.push_back(s);
    return list;
  }
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
  std::vector<ScanSchedule> all = enumerate(problem, device);
  if (all.empty()) {
    reason = check(problem, onGPU(problem, device), device);
    return std::nullopt;
  }
  ScanSchedule chosen = all.front();
  reason = putOverrides(chosen, overrides, numbers);
  if (!reason.empty())
    return std::nullopt;
  reason = check(problem, chosen, device);
  if (!reason.empty())
    return std::nullopt;
  return chosen;
}
