// SPDX-License-Identifier: Apache-2.0
#include "compiler/Schedule/StatesSchedule.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"

using namespace xlstm;

static int64_t roundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

llvm::ArrayRef<const char *> StatesSchedule::kernels() {
  static const char *const names[] = {"gates", "carry", "states", "scores", "output"};
  return names;
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

/// The integers of a schedule by their keys, those of a GPU last.
template <typename Schedule, typename Visit> static void eachInteger(Schedule &s, Visit visit) {
  visit("chunk", s.chunk);
  visit("save_every", s.saveEvery);
  visit("tokens", s.tokens);
  visit("dv_slice", s.dvSlice);
  visit("dqk_slice", s.dqkSlice);
  visit("rows", s.rows);
  visit("columns", s.columns);
  visit("depth", s.depth);
  visit("carry_slice", s.carrySlice);
  visit("num_warps", s.warps);
  visit("stages", s.stages);
}

mlir::DictionaryAttr StatesSchedule::toAttribute(mlir::MLIRContext *context) const {
  mlir::Builder builder(context);
  mlir::NamedAttrList list;
  llvm::SmallVector<mlir::StringRef> names(kernels());
  list.append("kernels", builder.getStrArrayAttr(names));
  list.append("target", builder.getStringAttr(target));
  eachInteger(*this, [&](const char *key, int64_t value) {
    list.append(key, builder.getI64IntegerAttr(value));
  });
  if (warps) {
    list.append("matrix_unit", builder.getStringAttr(matrixUnit));
    list.append("copy", builder.getStringAttr(copy));
  }
  return list.getDictionary(context);
}

StatesSchedule StatesSchedule::fromAttribute(mlir::DictionaryAttr attribute) {
  StatesSchedule schedule;
  auto string = [&](const char *key) {
    auto value = attribute.getAs<mlir::StringAttr>(key);
    return value ? value.getValue().str() : std::string();
  };
  schedule.target = string("target");
  schedule.matrixUnit = string("matrix_unit");
  schedule.copy = string("copy");
  eachInteger(schedule, [&](const char *key, int64_t &value) {
    if (auto integer = attribute.getAs<mlir::IntegerAttr>(key))
      value = integer.getInt();
  });
  return schedule;
}

mlir::DictionaryAttr StatesSchedule::ofKernel(mlir::StringRef kernel,
                                              mlir::MLIRContext *context) const {
  mlir::Builder builder(context);
  mlir::NamedAttrList list;
  list.append("target", builder.getStringAttr(target));
  auto integer = [&](const char *key, int64_t value) {
    list.append(key, builder.getI64IntegerAttr(value));
  };
  integer("chunk", chunk);
  if (kernel == "states") {
    integer("tokens", tokens);
    integer("dv_slice", dvSlice);
    integer("dqk_slice", dqkSlice);
  } else if (kernel == "carry") {
    integer("carry_slice", carrySlice);
  } else {
    integer("depth", depth);
  }
  if (kernel == "scores" || kernel == "output")
    integer("rows", rows);
  if (kernel == "output")
    integer("columns", columns);
  if (warps) {
    bool tiled = kernel == "states" || kernel == "scores" || kernel == "output";
    std::pair<int64_t, int64_t> grid = {kernel == "carry" ? 1 : warps, 1};
    if (tiled)
      grid = warpGrid(kernel == "states" ? dvSlice : rows);
    list.append("warps", builder.getDenseI64ArrayAttr({grid.first, grid.second}));
    if (tiled)
      list.append("matrix_unit", builder.getStringAttr(matrixUnit));
    if (kernel != "carry") {
      list.append("copy", builder.getStringAttr(copy));
      integer("stages", stages);
    }
  }
  return list.getDictionary(context);
}

ChunkwiseSchedule StatesSchedule::chunks() const {
  ChunkwiseSchedule schedule;
  schedule.target = target;
  schedule.chunk = chunk;
  schedule.dvSlice = dvSlice;
  schedule.dqkTile = dqkSlice;
  schedule.warpsM = warps;
  schedule.warpsN = warps ? 1 : 0;
  return schedule;
}

std::vector<std::string> StatesSchedule::parameters() {
  std::vector<std::string> keys = {"matrix_unit", "copy"};
  StatesSchedule schedule;
  eachInteger(schedule, [&](const char *key, int64_t) { keys.push_back(key); });
  return keys;
}

//===----------------------------------------------------------------------===//
// The choice of the family
//===----------------------------------------------------------------------===//

KernelsChoice xlstm::chooseKernels(const ChunkwiseProblem &problem, const Device &device,
                                   bool saveStates,
                                   const std::map<std::string, std::string> &overrides,
                                   Reason &wrong) {
  constexpr int64_t mostColumns = 256; // of C^T that a block keeps in registers at full speed
  if (problem.form != "chunkwise")
    return {};
  if (auto asked = overrides.find("kernels"); asked != overrides.end()) {
    if (asked->second != "one" && asked->second != "several")
      wrong = say("schedule parameter 'kernels' expects one or several, got '", asked->second, "'");
    return {asked->second == "several", say("kernels = ", asked->second, ": asked for")};
  }
  if (!device.isGPU)
    return {};
  std::vector<std::string> ofOne = ChunkwiseSchedule::parameters(),
                           ofSeveral = StatesSchedule::parameters();
  for (auto &[key, value] : overrides) {
    bool one = llvm::is_contained(ofOne, key), several = llvm::is_contained(ofSeveral, key);
    if (one != several && key != "save_every") // which means nothing where nothing is saved
      return {several, say(several ? "several kernels: " : "one kernel: ", key,
                           " is a parameter of that form")};
  }
  if (saveStates)
    return {true, "several kernels: the states that are to be saved go through memory anyway"};
  if (problem.dqk > mostColumns)
    return {true, say("several kernels: a block keeps at most ", mostColumns,
                      " columns of C^T in registers at full speed, got dqk = ", problem.dqk)};
  return {false, say("one kernel: C^T stays in registers, since dqk = ", problem.dqk,
                     " is at most ", mostColumns)};
}

//===----------------------------------------------------------------------===//
// Limits
//===----------------------------------------------------------------------===//

int64_t xlstm::sharedBytes(const StatesSchedule &s, mlir::StringRef kernel) {
  auto tile = [](int64_t rows, int64_t columns) { return rows * roundUp(columns, 64) * 2; };
  int64_t barriers = 1024;
  // A tile that goes out is turned in shared memory, 64 of its columns at a time.
  auto turned = [&](int64_t rows) { return 64 * (rows + 8) * 2; };
  int64_t vectors = 4 * (4 * s.chunk + 16 * s.rows + 16 * s.depth);
  if (kernel == "gates")
    return s.stages * tile(s.chunk, s.depth) + vectors + barriers;
  if (kernel == "states")
    return s.stages * (tile(s.tokens, s.dqkSlice) + tile(s.tokens, s.dvSlice)) + turned(s.dvSlice) +
           barriers;
  if (kernel == "scores")
    return s.stages * (tile(s.rows, s.depth) + tile(s.chunk, s.depth)) + vectors + barriers;
  if (kernel == "output")
    return s.stages * (tile(s.rows, s.depth) + tile(s.depth, s.columns)) + vectors + barriers;
  return barriers;
}

Reason xlstm::isSupportedByStates(const ChunkwiseProblem &problem, const Device &device) {
  if (problem.form != "chunkwise")
    return say("several kernels are the chunkwise form, got form = ", problem.form);
  return isSupported(problem, device);
}

/// What a GPU needs beside what all devices need.
static Reason checkGPU(const StatesSchedule &s, const Device &device) {
  if (s.warps != 4 && s.warps != 8)
    return say("num_warps must be 4 or 8 on a GPU, got ", s.warps);
  for (auto [key, value] : {std::pair<const char *, int64_t>{"dv_slice", s.dvSlice},
                            {"rows", s.rows},
                            {"dqk_slice", s.dqkSlice},
                            {"columns", s.columns},
                            {"chunk", s.chunk}})
    if (value % 16 || value > 256)
      return say(key, " must be a multiple of 16 up to 256 on a GPU, got ", value);
  if (s.tokens % 16 || s.tokens > 64 || s.depth != 64)
    return say("tokens must be a multiple of 16 up to 64 and depth 64 on a GPU, got ", s.tokens,
               " and ", s.depth);
  if (s.matrixUnit == "wgmma" && device.matrixUnit != "wgmma")
    return say(device.name, " has no wgmma");
  if (s.copy == "tma" && device.copy != "tma")
    return say(device.name, " has no tensor memory accelerator");
  if (s.stages < 1 || s.stages > 4 || (s.copy == "elementwise" && s.stages != 1))
    return say("stages must be 1 to 4, and 1 for elementwise copies, got ", s.stages);
  // A register for each element of a tile that a thread has; ptxas spills above these limits.
  int64_t limit = s.copy == "elementwise" ? 64 : 128;
  for (auto [name, tileRows, tileColumns] :
       {std::tuple<const char *, int64_t, int64_t>{"dv_slice * dqk_slice", s.dvSlice, s.dqkSlice},
        {"rows * chunk", s.rows, s.chunk},
        {"rows * columns", s.rows, s.columns}}) {
    auto [along, across] = s.warpGrid(tileRows);
    if (tileRows % (16 * along) || across * along != s.warps || tileColumns % (16 * across))
      return say(name, " = ", tileRows, " * ", tileColumns, " do not divide among ", s.warps,
                 " warps, 16 rows and 16 columns at a time");
    if (s.matrixUnit == "wgmma" && (along % 4 || (across > 1 && tileColumns % (64 * across))))
      return say("wgmma needs 64 rows for each warpgroup, and panels of 64 columns where it shares "
                 "them, got ",
                 name, " = ", tileRows, " * ", tileColumns);
    int64_t registers = tileRows * tileColumns / (32 * s.warps);
    if (registers > limit)
      return say(name, " / threads = ", tileRows, " * ", tileColumns, " / ", 32 * s.warps, " = ",
                 registers, " registers for sums, more than ", limit);
  }
  for (const char *kernel : StatesSchedule::kernels())
    if (int64_t bytes = sharedBytes(s, kernel); bytes > device.sharedBytes)
      return say(bytes, " bytes of shared memory for the kernel of ", kernel, ", more than ",
                 device.sharedBytes, " of ", device.name);
  return {};
}

Reason xlstm::check(const ChunkwiseProblem &, const StatesSchedule &s, const Device &device) {
  constexpr int64_t most = 4096; // what follows does not overflow
  Reason reason;
  eachInteger(s, [&](const char *key, int64_t value) {
    bool onlyGPU = key == mlir::StringRef("num_warps") || key == mlir::StringRef("stages");
    if (reason.empty() && !onlyGPU &&
        (value < 1 || (value > most && key != mlir::StringRef("save_every"))))
      reason = say(key, " must be 1 to ", most, ", got ", value);
  });
  if (!reason.empty())
    return reason;
  if (s.saveEvery % s.chunk || s.saveEvery > (1 << 24))
    return say("save_every must be a multiple of chunk = ", s.chunk, " up to ", 1 << 24, ", got ",
               s.saveEvery);
  if (s.chunk % s.tokens || s.chunk % s.rows || s.rows % std::min(s.depth, s.rows) ||
      s.chunk % std::min(s.depth, s.chunk))
    return say("chunk must be a multiple of tokens, rows and depth, and rows one of depth, got "
               "chunk = ",
               s.chunk, ", tokens = ", s.tokens, ", rows = ", s.rows, ", depth = ", s.depth);
  if (device.isGPU)
    return checkGPU(s, device);
  if (s.warps || s.stages || !s.matrixUnit.empty() || !s.copy.empty())
    return "num_warps, stages, matrix_unit and copy are parameters of a GPU";
  return {};
}

//===----------------------------------------------------------------------===//
// Decisions
//===----------------------------------------------------------------------===//

std::vector<StatesSchedule> xlstm::enumerateStates(const ChunkwiseProblem &problem,
                                                   const Device &device, bool anyAlignment) {
  std::vector<StatesSchedule> list;
  StatesSchedule s;
  s.target = device.name;
  s.carrySlice = std::min<int64_t>(256, roundUp(problem.dqk, 32));
  if (!device.isGPU) {
    s.chunk = s.saveEvery = 64;
    s.rows = 64;
    s.dvSlice = std::min<int64_t>(problem.dv, 128);
    s.dqkSlice = std::min<int64_t>(problem.dqk, 256);
    s.columns = s.dvSlice;
    if (check(problem, s, device).empty())
      list.push_back(s);
    return list;
  }
  s.warps = 8;
  s.matrixUnit = device.matrixUnit;
  s.copy = anyAlignment ? "elementwise" : device.copy;
  s.dvSlice = s.rows = 128;
  // Stages hide the latency of copies, large tiles read their operands less often, long chunks write
  // fewer states: in this order.
  std::vector<StatesSchedule> oneStage;
  for (int64_t chunk : {256, 128})
    for (int64_t wide : {256, 128})
      for (int64_t stages : {4, 3, 2, 1}) {
        s.chunk = s.saveEvery = chunk;
        s.dqkSlice = std::min(wide, roundUp(problem.dqk, 64));
        s.columns = std::min(wide, roundUp(problem.dv, 64));
        s.stages = stages;
        if (check(problem, s, device).empty())
          (stages > 1 ? list : oneStage).push_back(s);
      }
  list.insert(list.end(), oneStage.begin(), oneStage.end());
  return list;
}

static Reason put(StatesSchedule &s, const std::string &key, const std::string &value) {
  auto oneOf = [&](std::string &field, std::vector<std::string> values) {
    field = value;
    return llvm::is_contained(values, value)
               ? Reason()
               : say("schedule parameter '", key, "' expects ", llvm::join(values, " or "),
                     ", got '", value, "'");
  };
  if (key == "matrix_unit")
    return oneOf(s.matrixUnit, {"mma_sync", "wgmma"});
  if (key == "copy")
    return oneOf(s.copy, {"tma", "cp_async", "elementwise"});
  Reason reason = say("unknown schedule parameter '", key, "', expected kernels, ",
                      llvm::join(StatesSchedule::parameters(), ", "));
  eachInteger(s, [&](const char *name, int64_t &field) {
    if (key == name)
      reason = putInteger(key, value, field);
  });
  return reason;
}

std::optional<StatesSchedule>
xlstm::decideStates(const ChunkwiseProblem &problem, const Device &device,
                    const std::map<std::string, std::string> &overrides, Reason &reason,
                    bool anyAlignment) {
  reason = isSupportedByStates(problem, device);
  if (!reason.empty())
    return std::nullopt;
  std::vector<StatesSchedule> all = enumerateStates(problem, device, anyAlignment);
  if (all.empty()) {
    reason = say("no schedule of several kernels fits ", device.name, " for dqk = ", problem.dqk,
                 ", dv = ", problem.dv);
    return std::nullopt;
  }
  StatesSchedule chosen = all.front();
  for (auto &[key, value] : overrides)
    if (reason = put(chosen, key, value); !reason.empty())
      return std::nullopt;
  if (!overrides.count("save_every")) // each state that is in memory anyway
    chosen.saveEvery = chosen.chunk;
  if (anyAlignment) { // other copies would need aligned rows
    chosen.copy = all.front().copy;
    chosen.stages = all.front().stages;
  }
  reason = check(problem, chosen, device);
  if (!reason.empty())
    return std::nullopt;
  return chosen;
}
