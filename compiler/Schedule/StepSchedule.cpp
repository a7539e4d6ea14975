// SPDX-License-Identifier: Apache-2.0
#include "compiler/Schedule/StepSchedule.h"
#include "mlir/IR/Builders.h"
#include <algorithm>
#include <tuple>

using namespace xlstm;

static int64_t roundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}
static bool isPowerOfTwo(int64_t x) { return x > 0 && !(x & (x - 1)); }

mlir::DictionaryAttr StepSchedule::toAttribute(mlir::MLIRContext *context) const {
  mlir::Builder builder(context);
  mlir::NamedAttrList list;
  list.append("target", builder.getStringAttr(target));
  auto integer = [&](const char *name, int64_t value) {
    list.append(name, builder.getI64IntegerAttr(value));
  };
  integer("slice", slice);
  integer("dqk_tile", dqkTile);
  if (threads) {
    integer("parts", parts);
    integer("threads", threads);
    list.append("spread", builder.getDenseI64ArrayAttr({rowGroups(), columnGroups(), vector}));
    integer("stages", stages);
    integer("resident", resident);
    if (overlaps == 1)
      list.append("overlaps", builder.getBoolAttr(true));
  }
  return list.getDictionary(context);
}

StepSchedule StepSchedule::fromAttribute(mlir::DictionaryAttr attribute) {
  StepSchedule schedule;
  if (auto target = attribute.getAs<mlir::StringAttr>("target"))
    schedule.target = target.getValue().str();
  auto integer = [&](const char *name, int64_t &value) {
    if (auto attr = attribute.getAs<mlir::IntegerAttr>(name))
      value = attr.getInt();
  };
  integer("slice", schedule.slice);
  integer("dqk_tile", schedule.dqkTile);
  integer("parts", schedule.parts);
  integer("threads", schedule.threads);
  if (auto spread = attribute.getAs<mlir::DenseI64ArrayAttr>("spread");
      spread && spread.size() == 3)
    schedule.vector = spread[2];
  integer("stages", schedule.stages);
  integer("resident", schedule.resident);
  schedule.overlaps = attribute.contains("overlaps");
  return schedule;
}

std::vector<std::string> StepSchedule::parameters() {
  return {"step_slice",  "step_parts",    "step_threads",
          "step_stages", "step_resident", "step_overlaps"};
}

int64_t xlstm::fullVector(const StepProblem &problem) {
  int64_t full = 128 / problem.stateBits;
  return problem.dv % full == 0 ? full : 1;
}

Reason xlstm::isSupported(const StepProblem &problem, const Device &device) {
  if (device.isGPU && problem.inputBits > 32)
    return say("the GPU kernel of a step takes bf16, f16 and f32 inputs, got ", problem.inputBits,
               "-bit inputs");
  return {};
}

Reason xlstm::check(const StepProblem &problem, const StepSchedule &s, const Device &device) {
  constexpr int64_t mostColumns = 1 << 24; // what follows does not overflow
  if (s.slice < 1 || s.slice > mostColumns)
    return say("step_slice must be 1 to ", mostColumns, ", got ", s.slice);
  if (s.dqkTile < problem.dqk || s.dqkTile > mostColumns)
    return say("dqk = ", problem.dqk, " is more than a block's ", s.dqkTile, " rows");
  if (!device.isGPU) {
    if (s.parts != 1 || s.threads || s.stages != 1 || s.resident != 1)
      return "step_parts, step_threads, step_stages and step_resident are parameters of a GPU";
    return {};
  }
  int64_t most = std::max<int64_t>(1, device.clusterBlocks);
  if (s.parts < 1 || s.parts > most)
    return say("step_parts must be 1 to ", most, ", the blocks that ", device.name,
               " holds together, got ", s.parts);
  if (!isPowerOfTwo(s.threads) || s.threads < 32 || s.threads > device.threadsPerBlock)
    return say("step_threads must be a power of two from 32 to ", device.threadsPerBlock, ", got ",
               s.threads);
  if (s.vector != 1 && s.vector != fullVector(problem))
    return say("vectors of ", s.vector, " columns do not divide rows of dv = ", problem.dv);
  if (s.slice % s.vector || !isPowerOfTwo(s.slice / s.vector) || s.columnGroups() > s.threads)
    return say("step_slice must be ", s.vector, " times a power of two up to ", s.threads,
               " threads, got ", s.slice);
  if (s.rowGroups() < 2)
    return say("step_threads must be at least twice the ", s.columnGroups(),
               " vectors of a row, got ", s.threads);
  if (s.dqkTile % s.rowGroups())
    return say("dqk_tile must be a multiple of the ", s.rowGroups(), " rows of all threads, got ",
               s.dqkTile);
  if (s.stages != 1 && s.stages != 2)
    return say("step_stages must be 1 or 2, got ", s.stages);
  if (s.overlaps != 0 && (s.overlaps != 1 || !device.overlapsLaunches))
    return say("step_overlaps must be 0", device.overlapsLaunches ? " or 1" : "", " on ",
               device.name, ", got ", s.overlaps);
  // Registers of a multiprocessor.
  constexpr int64_t registers = 65536;
  int64_t each = s.resident < 1 ? 0 : registers / (s.resident * s.threads);
  if (each < 32)
    return say("step_resident must be 1 to ", registers / 32 / s.threads, " for ", s.threads,
               " threads, got ", s.resident);
  // A thread's elements of C, beside sums, addresses and what a row and a column need; guards of
  // rows, rows of single elements, and the packing of 16-bit ones need more. Above this ptxas spills.
  int64_t others = s.vector == 1 || s.dqkTile != problem.dqk ? 48 : problem.sigmoid ? 34 : 30;
  if (problem.stateBits == 16)
    others += 4;
  int64_t mostElements = std::min<int64_t>(64, each - others);
  int64_t elements = s.dqkTile * s.slice / s.threads * s.stages;
  if (elements > mostElements)
    return say("dqk_tile * step_slice / threads * step_stages = ", s.dqkTile, " * ", s.slice, " / ",
               s.threads, " * ", s.stages, " = ", elements, " registers for the state, more than ",
               mostElements);
  return {};
}

/// What is compared, in this order: turns one after the other, as few as the device allows; blocks
/// for one sequence, up to one for each multiprocessor; elements on the way, up to 128 KB of a
/// multiprocessor; 32 registers of state in each thread; rows read in whole lines of 128 bytes.
static auto cost(const StepProblem &problem, const StepSchedule &s, const Device &device) {
  int64_t blocks = std::min(problem.heads * s.parts, device.multiprocessors);
  int64_t elements = s.dqkTile * s.slice / s.threads;
  int64_t lineBytes = std::min<int64_t>(128, s.slice * problem.stateBits / 8);
  // Half as much on the way was slower by a seventh where memory is the bound; single elements are
  // slow in any case.
  int64_t onTheWay =
      s.vector == 1 ? 0 : std::min<int64_t>(32768, elements * s.threads * s.resident);
  return std::make_tuple(s.turns(problem.dv), -blocks, -onTheWay, std::abs(elements - 32),
                         -lineBytes, s.parts, s.threads);
}

std::vector<StepSchedule> xlstm::enumerate(const StepProblem &problem, const Device &device,
                                           bool anyAlignment) {
  std::vector<StepSchedule> list;
  StepSchedule s;
  s.target = device.name;
  if (!device.isGPU) {
    // A slice of the state should stay in the first-level cache.
    int64_t elements = device.l1Bytes / 4 / std::max<int64_t>(problem.dqk, 1);
    int64_t fits = std::max<int64_t>(16, elements / 16 * 16);
    int64_t slices = (problem.dv + fits - 1) / fits;
    s.dqkTile = problem.dqk;
    s.slice = slices == 1 ? problem.dv : roundUp((problem.dv + slices - 1) / slices, 16);
    if (check(problem, s, device).empty())
      list.push_back(s);
    return list;
  }
  s.vector = anyAlignment ? 1 : fullVector(problem);
  s.overlaps = device.overlapsLaunches;
  int64_t stateBytes = problem.stateBits / 8;
  for (int64_t parts : {8, 4, 2, 1})
    for (int64_t threads : {512, 256, 128, 64, 32})
      for (int64_t slice : {128, 64, 32, 16, 8, 4, 2, 1}) {
        s.parts = parts;
        s.threads = threads;
        s.slice = slice;
        if (slice < s.vector || 2 * s.columnGroups() > threads)
          continue;
        s.dqkTile = roundUp(problem.dqk, s.rowGroups());
        s.stages = s.turns(problem.dv) > 1 ? 2 : 1;
        // Blocks without work; parts that are too small for what each repeats; lines in pieces,
        // unless the state is so high that a slice cannot be wider.
        if (parts > s.numSlices(problem.dv))
          continue;
        if (parts > 1 && (problem.dqk * slice * stateBytes < 8192 || slice * stateBytes < 64))
          continue;
        // As many as leave each thread the registers that it needs.
        for (s.resident = std::max<int64_t>(1, 1024 / threads); s.resident > 0; s.resident /= 2)
          if (check(problem, s, device).empty()) {
            list.push_back(s);
            break;
          }
      }
  std::stable_sort(list.begin(), list.end(), [&](const StepSchedule &a, const StepSchedule &b) {
    return cost(problem, a, device) < cost(problem, b, device);
  });
  return list;
}

std::optional<StepSchedule> xlstm::decide(const StepProblem &problem, const Device &device,
                                          const std::map<std::string, std::string> &overrides,
                                          Reason &reason, bool anyAlignment) {
  reason = isSupported(problem, device);
  if (!reason.empty())
    return std::nullopt;
  std::vector<StepSchedule> all = enumerate(problem, device, anyAlignment);
  if (all.empty()) {
    reason = say("no schedule of the step kernel fits ", device.name, " for dqk = ", problem.dqk,
                 ", dv = ", problem.dv);
    return std::nullopt;
  }
  StepSchedule chosen = all.front();
  for (auto &[key, value] : overrides) {
    if (key == "step_slice")
      reason = putInteger(key, value, chosen.slice);
    else if (key == "step_parts")
      reason = putInteger(key, value, chosen.parts);
    else if (key == "step_threads")
      reason = putInteger(key, value, chosen.threads);
    else if (key == "step_resident")
      reason = putInteger(key, value, chosen.resident);
    else if (key == "step_overlaps")
      reason = putInteger(key, value, chosen.overlaps);
    else if (key == "step_stages")
      reason = putInteger(key, value, chosen.stages);
    else
      reason = say("unknown schedule parameter '", key,
                   "', expected step_slice, step_parts, step_threads, step_stages, step_resident "
                   "or step_overlaps");
    if (!reason.empty())
      return std::nullopt;
  }
  if (device.isGPU && !overrides.empty() && chosen.threads > 0 && chosen.columnGroups() > 0 &&
      chosen.rowGroups() > 0) // the rows of all threads follow from the others
    chosen.dqkTile = roundUp(problem.dqk, chosen.rowGroups());
  // How many blocks a multiprocessor is to hold is said of the kernel for aligned rows, which takes
  // fewer registers.
  while (anyAlignment && chosen.resident > 1 && !check(problem, chosen, device).empty())
    chosen.resident /= 2;
  reason = check(problem, chosen, device);
  if (!reason.empty())
    return std::nullopt;
  return chosen;
}
