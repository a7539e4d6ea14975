// SPDX-License-Identifier: Apache-2.0
#include "compiler/Schedule/ChunkwiseSchedule.h"
#include "mlir/IR/Builders.h"
#include <algorithm>

using namespace xlstm;

static int64_t roundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

mlir::DictionaryAttr ChunkwiseSchedule::toAttribute(mlir::MLIRContext *context) const {
  mlir::Builder builder(context);
  mlir::NamedAttrList list;
  list.append("target", builder.getStringAttr(target));
  list.append("chunk", builder.getI64IntegerAttr(chunk));
  list.append("dv_slice", builder.getI64IntegerAttr(dvSlice));
  list.append("dqk_tile", builder.getI64IntegerAttr(dqkTile));
  if (warpsM) {
    list.append("warps", builder.getDenseI64ArrayAttr({warpsM, warpsN}));
    list.append("stages", builder.getI64IntegerAttr(stages));
    list.append("matrix_unit", builder.getStringAttr(matrixUnit));
    list.append("copy", builder.getStringAttr(copy));
  }
  if (roles) {
    // Each role's first warp, number of warps, and registers of a thread.
    auto place = [&](int64_t first, int64_t count, int64_t registers) {
      return builder.getDenseI64ArrayAttr({first, count, registers});
    };
    mlir::NamedAttrList places;
    places.append("state", place(0, warpsM, stateRegisters));
    places.append("score", place(warpsM, 4, scoreRegisters));
    places.append("gates", place(warpsM + 4, 1, loadRegisters));
    places.append("load", place(warpsM + 5, 1, loadRegisters));
    list.append("roles", places.getDictionary(context));
    list.append("ring_stages", builder.getI64IntegerAttr(ringStages));
    if (laneArrivals)
      list.append("lane_arrivals", builder.getUnitAttr());
    if (persistent)
      list.append("persistent", builder.getI64IntegerAttr(persistent));
  }
  if (segmentBlocks)
    list.append("segments", builder.getDenseI64ArrayAttr({segmentBlocks, segmentTokens}));
  return list.getDictionary(context);
}

ChunkwiseSchedule ChunkwiseSchedule::ofSegments() const {
  ChunkwiseSchedule segments = *this;
  segments.persistent = 0;
  return segments;
}

ChunkwiseSchedule ChunkwiseSchedule::ofAdds() const {
  ChunkwiseSchedule adds = *this;
  if (roles) {
    adds.stages = 4;         // without q there is room: 4 * 48 KB for 256 x 128
    adds.loadRegisters += 8; // gates are carried; there are no scores but n
    adds.scoreRegisters -= 8;
  }
  return adds;
}

mlir::DictionaryAttr ChunkwiseSchedule::startsAttribute(mlir::MLIRContext *context) const {
  mlir::Builder builder(context);
  mlir::NamedAttrList list;
  list.append("target", builder.getStringAttr(target));
  if (warpsM) { // 16 rows of 64 for each warp
    list.append("warps", builder.getDenseI64ArrayAttr({4, 1}));
    list.append("tile_warps", builder.getDenseI64ArrayAttr({4, 1}));
  }
  return list.getDictionary(context);
}

ChunkwiseSchedule ChunkwiseSchedule::fromAttribute(mlir::DictionaryAttr attribute) {
  ChunkwiseSchedule schedule;
  auto integer = [&](const char *name, int64_t &value) {
    if (auto attr = attribute.getAs<mlir::IntegerAttr>(name))
      value = attr.getInt();
  };
  auto string = [&](const char *name, std::string &value) {
    if (auto attr = attribute.getAs<mlir::StringAttr>(name))
      value = attr.getValue().str();
  };
  string("target", schedule.target);
  integer("chunk", schedule.chunk);
  integer("dv_slice", schedule.dvSlice);
  integer("dqk_tile", schedule.dqkTile);
  integer("stages", schedule.stages);
  string("matrix_unit", schedule.matrixUnit);
  string("copy", schedule.copy);
  if (auto warps = attribute.getAs<mlir::DenseI64ArrayAttr>("warps"); warps && warps.size() == 2) {
    schedule.warpsM = warps[0];
    schedule.warpsN = warps[1];
  }
  if (auto places = attribute.getAs<mlir::DictionaryAttr>("roles")) {
    auto registers = [&](const char *role, int64_t &value) {
      if (auto place = places.getAs<mlir::DenseI64ArrayAttr>(role); place && place.size() == 3)
        value = place[2];
    };
    schedule.roles = 1;
    schedule.laneArrivals = attribute.contains("lane_arrivals") ? 1 : 0;
    integer("ring_stages", schedule.ringStages);
    integer("persistent", schedule.persistent);
    registers("state", schedule.stateRegisters);
    registers("score", schedule.scoreRegisters);
    registers("load", schedule.loadRegisters);
  }
  if (auto segments = attribute.getAs<mlir::DenseI64ArrayAttr>("segments");
      segments && segments.size() == 2) {
    schedule.segmentBlocks = segments[0];
    schedule.segmentTokens = segments[1];
  }
  return schedule;
}

std::vector<std::string> ChunkwiseSchedule::parameters() {
  return {"chunk",          "dv_slice",       "dqk_tile",        "warps_m",
          "warps_n",        "stages",         "matrix_unit",     "copy",
          "roles",          "ring_stages",    "state_registers", "score_registers",
          "load_registers", "segment_blocks", "segment_tokens",  "lane_arrivals",
          "persistent"};
}

Reason xlstm::isSupported(const ChunkwiseProblem &problem, const Device &device) {
  if (device.isGPU && problem.form != "chunkwise")
    return say("the GPU kernel is chunkwise, got form = ", problem.form);
  if (device.isGPU && problem.inputBits != 16)
    return say("the GPU kernel takes bf16 and f16 inputs, got ", problem.inputBits, "-bit inputs");
  return {};
}

int64_t xlstm::sharedBytes(const ChunkwiseProblem &problem, const ChunkwiseSchedule &s) {
  int64_t rowPanel = 64; // shared rows are panels of 64 elements, 128 bytes
  int64_t qk = s.chunk * roundUp(s.dqkTile, rowPanel) * 2,
          v = s.chunk * roundUp(s.dvSlice, rowPanel) * 2;
  int64_t scores = s.chunk * rowPanel * 2; // P in bf16
  if (s.roles) {
    int64_t spare = 8 * 2 * roundUp(s.dqkTile, rowPanel); // n, as rows of k
    int64_t gates = 4 * 8 * s.chunk + 8 * rowPanel * 2;   // vectors, and w as an operand
    return s.stages * (2 * qk + v + spare) + s.ringStages * (scores + gates + 1024) + 2 * v +
           4 * s.dqkTile + 1024;
  }
  int64_t partial = (s.warpsN - 1) * s.dvSlice * s.chunk * 4; // sums that warpsN groups exchange
  int64_t output = s.chunk * (s.dvSlice + 8) * 2;             // h before it is stored
  int64_t warps = s.warpsM * s.warpsN, scoreWarpsN = s.scoreWarps().second, parts = 1;
  while (parts < 8 && parts * 2 * (s.dqkTile / 2) <= 32 * warps) // n's partial sums
    parts *= 2;
  int64_t vectors = 4 * (s.dqkTile * (1 + parts) + s.chunk * (2 + scoreWarpsN));
  return s.stages * (2 * qk + v) + scores + partial + output + vectors + 1024;
}

/// What a schedule with roles needs beside what others need.
static Reason checkRoles(const ChunkwiseSchedule &s, const Device &device) {
  if (!s.roles)
    return {};
  if (s.roles != 1 || (s.laneArrivals != 0 && s.laneArrivals != 1))
    return say("roles and lane_arrivals must be 0 or 1, got ", s.roles, " and ", s.laneArrivals);
  if (s.matrixUnit != "wgmma" || s.copy != "tma" || s.warpsN != 1)
    return say("roles need wgmma, tma and warps_n = 1, got ", s.matrixUnit, ", ", s.copy, " and ",
               s.warpsN);
  if (s.dvSlice != 16 * s.warpsM || s.dqkTile % 64 || s.dqkTile > 256)
    return say("roles need dv_slice = 16 * warps_m and dqk_tile a multiple of 64 up to 256, got ",
               s.dvSlice, " for ", s.warpsM, " warps and ", s.dqkTile);
  for (int64_t stages : {s.stages, s.ringStages})
    if (stages != 1 && stages != 2 && stages != 4)
      return say("roles need 1, 2 or 4 stages and ring_stages, got ", s.stages, " and ",
                 s.ringStages);
  if (s.persistent < 0 || s.persistent > 65535)
    return say("persistent must be 0 or a number of blocks up to 65535, got ", s.persistent);
  int64_t sum = 0;
  for (auto [warpgroups, registers] : {std::pair<int64_t, int64_t>{s.warpsM / 4, s.stateRegisters},
                                       {1, s.scoreRegisters},
                                       {1, s.loadRegisters}}) {
    if (registers % 8 || registers < 24 || registers > 240)
      return say("registers of a role must be a multiple of 8 from 24 to 240, got ", registers);
    sum += warpgroups * registers;
  }
  if (128 * sum > 65536)
    return say("the roles' registers, 128 * ", sum, ", are more than 65536");
  return {};
}

Reason xlstm::check(const ChunkwiseProblem &problem, const ChunkwiseSchedule &s,
                    const Device &device) {
  constexpr int64_t mostTokens = 4096, mostColumns = 1 << 24; // what follows does not overflow
  if (s.chunk < 1 || s.chunk > mostTokens)
    return say("chunk must be 1 to ", mostTokens, ", got ", s.chunk);
  if (s.dvSlice < 1 || s.dvSlice > mostColumns)
    return say("dv_slice must be 1 to ", mostColumns, ", got ", s.dvSlice);
  if (s.dqkTile < problem.dqk || s.dqkTile > mostColumns)
    return say("dqk_tile must be at least dqk = ", problem.dqk, " and at most ", mostColumns,
               ", got ", s.dqkTile);
  if (s.persistent && !s.roles)
    return say("persistent blocks need roles, got persistent = ", s.persistent);
  if (s.segmentBlocks < 0 || s.segmentTokens < 1)
    return say("segment_blocks must be at least 0 and segment_tokens at least 1, got ",
               s.segmentBlocks, " and ", s.segmentTokens);
  if (!device.isGPU) {
    if (s.warpsM || s.warpsN || s.stages || !s.matrixUnit.empty() || !s.copy.empty())
      return "warps_m, warps_n, stages, matrix_unit and copy are parameters of a GPU";
    return {};
  }
  int64_t mostWarps = device.threadsPerBlock / 32;
  if (s.warpsM < 1 || s.warpsN < 1 || s.warpsM > mostWarps || s.warpsN > mostWarps)
    return say("warps_m and warps_n must be 1 to ", mostWarps, ", got ", s.warpsM, " and ",
               s.warpsN);
  int64_t warps = s.warpsM * s.warpsN;
  if (s.chunk != 16 && s.chunk != 32 && s.chunk != 64)
    return say("chunk must be 16, 32 or 64 on a GPU, got ", s.chunk);
  if (32 * warps > device.threadsPerBlock)
    return say("a block has at most ", device.threadsPerBlock, " threads, got ", 32 * warps);
  if (s.dvSlice % (16 * s.warpsM) || s.dqkTile % (16 * s.warpsN))
    return say("dv_slice must be a multiple of 16 * ", s.warpsM, " and dqk_tile of 16 * ", s.warpsN,
               ", got ", s.dvSlice, " and ", s.dqkTile);
  if (s.chunk % (8 * s.warpsN))
    return say("chunk must be a multiple of 8 * ", s.warpsN, ", got ", s.chunk);
  auto [scoreWarpsM, scoreWarpsN] = s.scoreWarps();
  if (s.chunk % (16 * scoreWarpsM) || s.chunk % (8 * scoreWarpsN) ||
      (scoreWarpsN > 1 && scoreWarpsM * scoreWarpsN != warps))
    return say("scores of ", s.chunk, " x ", s.chunk, " do not divide among ", warps, " warps");
  if (s.matrixUnit == "wgmma" && (s.warpsM % 4 || s.chunk != 64))
    return say("wgmma needs a multiple of 4 warps along dv and a chunk of 64, got ", s.warpsM,
               " and ", s.chunk);
  if (s.matrixUnit == "wgmma" && device.matrixUnit != "wgmma")
    return say(device.name, " has no wgmma");
  if (s.copy == "tma" && device.copy != "tma")
    return say(device.name, " has no tensor memory accelerator");
  if (s.stages < 1 || s.stages > 4 || (s.copy == "elementwise" && s.stages != 1))
    return say("stages must be 1 to 4, and 1 for elementwise copies, got ", s.stages);
  // The state, one register for each of C^T's elements of a thread, beside h, operands and
  // addresses. What else is alive depends on the copies and the matrix unit; above these limits
  // ptxas spills.
  int64_t state = s.dvSlice * s.dqkTile / (32 * warps);
  int64_t limit =
      s.copy == "elementwise" || (s.matrixUnit == "mma_sync" && s.warpsN > 1) ? 64 : 128;
  if (state > limit)
    return say("dv_slice * dqk_tile / threads = ", s.dvSlice, " * ", s.dqkTile, " / ", 32 * warps,
               " = ", state, " registers for the state, more than ", limit);
  if (s.matrixUnit == "wgmma" && s.warpsN > 1 && s.dqkTile % (64 * s.warpsN))
    return say("wgmma needs dqk_tile to be a multiple of 64 * ", s.warpsN, ", got ", s.dqkTile);
  if (Reason reason = checkRoles(s, device); !reason.empty())
    return reason;
  int64_t bytes = sharedBytes(problem, s);
  if (bytes > device.sharedBytes)
    return say(bytes, " bytes of shared memory, more than ", device.sharedBytes, " of ",
               device.name);
  return {};
}

bool xlstm::wantsSegments(const ChunkwiseProblem &problem, const ChunkwiseSchedule &schedule,
                          const Device &device) {
  return device.isGPU &&
         2 * problem.heads * schedule.numSlices(problem.dv) <= device.multiprocessors;
}

/// The state's role needs a register for each element of C^T that a thread has and 80 beside them,
/// or 8 more where there is room: h, operands, addresses. Of what is left the scores take up to 128, the copies and gates up to 40.
static void shareRegisters(ChunkwiseSchedule &s) {
  constexpr int64_t all = 512, least = 24; // of one thread of each of four warpgroups
  s.stateRegisters = std::min<int64_t>(88 + s.dqkTile / 2, 208);
  int64_t left = all - s.warpsM / 4 * s.stateRegisters;
  s.scoreRegisters = std::min<int64_t>(128, left - least);
  s.loadRegisters = std::min<int64_t>(40, left - s.scoreRegisters);
}

/// Relative cost per token of a schedule, from the work that slices repeat and the width of the
/// matrix instructions. It orders candidates; costOf predicts times, but its constants are measured for
/// the chosen ones only, and would not order the others.
static double relativeCost(const ChunkwiseProblem &problem, const ChunkwiseSchedule &s) {
  double slices = s.numSlices(problem.dv);
  double scores = double(s.chunk) * s.dqkTile, state = 2.0 * s.dvSlice * s.dqkTile,
         intra = double(s.chunk) * s.dvSlice;
  double work = slices * (scores + state + intra); // per token, multiply-adds
  double perChunk = slices * 60000.0 * 8 /
                    (s.warpsM * s.warpsN); // barriers, exponentials and vectors, as multiply-adds
  double overlap = s.stages > 1 ? 1.0 : 1.4;
  double unit = s.matrixUnit == "wgmma" ? 1.0 : 1.8;
  if (s.roles)
    unit *= 0.5; // measured: what roles overlap, see tools/xlstm-bench/NOTES.md
  return (work * unit + perChunk / s.chunk * 8) * overlap;
}

std::vector<ChunkwiseSchedule> xlstm::enumerate(const ChunkwiseProblem &problem,
                                                const Device &device, bool anyAlignment) {
  std::vector<ChunkwiseSchedule> list;
  ChunkwiseSchedule s;
  s.target = device.name;
  if (!device.isGPU) {
    // A slice's state [dvSlice, dqk] in f32 should stay in half of the second-level cache, where a
    // slice repeats S = Q K^T; token by token it should stay in the first-level cache. The parallel
    // form has no state to carry.
    bool byToken = problem.form == "recurrent" || problem.form == "step";
    int64_t bytes = byToken ? device.l1Bytes : device.l2Bytes / 2;
    int64_t fits = std::max<int64_t>(16, bytes / 4 / std::max<int64_t>(problem.dqk, 1) / 16 * 16);
    int64_t slices = problem.form == "parallel" ? 1 : (problem.dv + fits - 1) / fits;
    s.chunk = byToken ? 1 : s.chunk;
    s.dqkTile = problem.dqk;
    s.dvSlice = (problem.dv + slices - 1) / slices;
    s.dvSlice = slices == 1 ? problem.dv : roundUp(s.dvSlice, 16);
    if (check(problem, s, device).empty())
      list.push_back(s);
    return list;
  }
  static const std::pair<int64_t, int64_t> warpGrids[] = {{8, 1}, {4, 1}, {4, 2},
                                                          {2, 4}, {2, 2}, {2, 1}};
  for (auto [warpsM, warpsN] : warpGrids)
    for (int64_t chunk : {64, 32})
      for (int64_t stages : {2, 1})
        for (std::string unit : {"wgmma", "mma_sync"}) {
          s.chunk = chunk;
          s.warpsM = warpsM;
          s.warpsN = warpsN;
          s.dvSlice = 16 * warpsM;
          s.dqkTile = roundUp(problem.dqk, (unit == "wgmma" && warpsN > 1 ? 64 : 16) * warpsN);
          s.stages = stages;
          s.matrixUnit = unit;
          s.copy = anyAlignment ? "elementwise" : device.copy;
          if (check(problem, s, device).empty())
            list.push_back(s);
          if (anyAlignment)
            continue;
          ChunkwiseSchedule split = s;
          split.roles = 1;
          split.dqkTile = roundUp(problem.dqk, 64);
          shareRegisters(split);
          if (check(problem, split, device).empty())
            list.push_back(split);
        }
  std::stable_sort(list.begin(), list.end(),
                   [&](const ChunkwiseSchedule &a, const ChunkwiseSchedule &b) {
                     return relativeCost(problem, a) < relativeCost(problem, b);
                   });
  return list;
}

static Reason put(ChunkwiseSchedule &s, const std::string &key, const std::string &value) {
  if (key == "matrix_unit") {
    s.matrixUnit = value;
    return value == "mma_sync" || value == "wgmma"
               ? Reason()
               : say("schedule parameter 'matrix_unit' expects mma_sync or wgmma, got '", value,
                     "'");
  }
  if (key == "copy") {
    s.copy = value;
    return value == "tma" || value == "cp_async" || value == "elementwise"
               ? Reason()
               : say("schedule parameter 'copy' expects tma, cp_async or elementwise, got '", value,
                     "'");
  }
  std::map<std::string, int64_t *> integers = {{"chunk", &s.chunk},
                                               {"dv_slice", &s.dvSlice},
                                               {"dqk_tile", &s.dqkTile},
                                               {"warps_m", &s.warpsM},
                                               {"warps_n", &s.warpsN},
                                               {"stages", &s.stages},
                                               {"roles", &s.roles},
                                               {"ring_stages", &s.ringStages},
                                               {"state_registers", &s.stateRegisters},
                                               {"score_registers", &s.scoreRegisters},
                                               {"load_registers", &s.loadRegisters},
                                               {"segment_blocks", &s.segmentBlocks},
                                               {"segment_tokens", &s.segmentTokens},
                                               {"lane_arrivals", &s.laneArrivals},
                                               {"persistent", &s.persistent}};
  auto it = integers.find(key);
  if (it == integers.end())
    return say(
        "unknown schedule parameter '", key,
        "', expected chunk, dv_slice, dqk_tile, warps_m, warps_n, stages, matrix_unit, copy, "
        "roles, ring_stages, state_registers, score_registers, load_registers, "
        "segment_blocks, segment_tokens, lane_arrivals or persistent");
  return putInteger(key, value, *it->second);
}

std::optional<ChunkwiseSchedule> xlstm::decide(const ChunkwiseProblem &problem,
                                               const Device &device,
                                               const std::map<std::string, std::string> &overrides,
                                               Reason &reason, bool anyAlignment) {
  reason = isSupported(problem, device);
  if (!reason.empty())
    return std::nullopt;
  std::vector<ChunkwiseSchedule> all = enumerate(problem, device, anyAlignment);
  if (all.empty()) {
    reason = say("no schedule of the chunkwise kernel fits ", device.name,
                 " for dqk = ", problem.dqk, ", dv = ", problem.dv);
    ChunkwiseSchedule smallest;
    smallest.target = device.name;
    smallest.chunk = 32;
    smallest.warpsM = 2, smallest.warpsN = 4;
    smallest.dvSlice = 32, smallest.dqkTile = roundUp(problem.dqk, 64);
    smallest.stages = 1;
    smallest.matrixUnit = "mma_sync", smallest.copy = anyAlignment ? "elementwise" : device.copy;
    reason += ": the smallest needs " + check(problem, smallest, device);
    return std::nullopt;
  }
  // The best one that can run with the overrides put in; if none can, why the best cannot.
  Reason ofBest;
  auto roles = overrides.find("roles"); // other parameters differ with it
  auto hasThem = [&](const ChunkwiseSchedule &candidate) {
    return roles == overrides.end() || std::to_string(candidate.roles) == roles->second;
  };
  bool some = llvm::any_of(all, hasThem);
  for (const ChunkwiseSchedule &candidate : all) {
    if (some && !hasThem(candidate))
      continue;
    ChunkwiseSchedule chosen = candidate;
    for (auto &[key, value] : overrides) {
      reason = put(chosen, key, value);
      if (!reason.empty())
        return std::nullopt;
    }
    if (anyAlignment) { // other copies would need aligned rows
      chosen.copy = candidate.copy;
      chosen.stages = candidate.stages;
      chosen.roles = chosen.persistent = 0;
    }
    reason = check(problem, chosen, device);
    if (reason.empty())
      return chosen;
    ofBest = ofBest.empty() ? reason : ofBest;
  }
  reason = ofBest;
  return std::nullopt;
}
