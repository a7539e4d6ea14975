// SPDX-License-Identifier: Apache-2.0
#include "compiler/Schedule/GemmSchedule.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <array>

using namespace xlstm;

static constexpr int64_t mostRows = 1024, mostColumns = 4096, mostDepth = 4096;

static constexpr int64_t mostRowsTogether = 8; // single tokens

std::vector<int64_t> GemmSchedule::widths() const {
  std::vector<int64_t> list;
  for (int64_t width = rows; width >= (perRow ? 4 : 8); width /= 2)
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
  bool onCPU = false;
};
constexpr Parameter integers[] = {{"rows", &GemmSchedule::rows, true},
                                  {"columns", &GemmSchedule::columns, true},
                                  {"depth", &GemmSchedule::depth, true},
                                  {"warps_m", &GemmSchedule::warpsM},
                                  {"warps_n", &GemmSchedule::warpsN},
                                  {"stages", &GemmSchedule::stages},
                                  {"group", &GemmSchedule::group},
                                  {"blocks", &GemmSchedule::blocks},
                                  {"copied_rows", &GemmSchedule::copiedRows},
                                  {"roles", &GemmSchedule::roles},
                                  {"multiply_registers", &GemmSchedule::multiplyRegisters},
                                  {"load_registers", &GemmSchedule::loadRegisters},
                                  {"resident", &GemmSchedule::resident},
                                  {"keeps_places", &GemmSchedule::keepsPlaces},
                                  {"overlaps", &GemmSchedule::overlaps},
                                  {"joins", &GemmSchedule::joins}};
} // namespace

mlir::DictionaryAttr GemmSchedule::toAttribute(mlir::MLIRContext *context) const {
  mlir::Builder builder(context);
  mlir::NamedAttrList list;
  list.append("target", builder.getStringAttr(target));
  auto put = [&](const char *key, int64_t value) {
    list.append(key, builder.getI64IntegerAttr(value));
  };
  put("rows", rows);
  put("columns", columns);
  put("depth", depth);
  if (perRow)
    list.append("per_row", builder.getUnitAttr());
  if (!warpsM)
    return list.getDictionary(context);
  list.append("warps", builder.getDenseI64ArrayAttr({warpsM, warpsN}));
  put("stages", stages);
  put("group", group);
  put("blocks", blocks);
  if (copiedRows)
    put("copied_rows", copiedRows);
  if (resident > 1)
    put("resident", resident);
  list.append("matrix_unit", builder.getStringAttr(matrixUnit));
  list.append("copy", builder.getStringAttr(copy));
  list.append("deferred", builder.getUnitAttr());
  if (copy != "elementwise")
    list.append("aligned", builder.getUnitAttr());
  if (overlaps)
    list.append("overlaps", builder.getUnitAttr());
  if (joins)
    list.append("joins", builder.getUnitAttr());
  if (keepsPlaces)
    list.append("keeps_places", builder.getUnitAttr());
  if (roles) {
    mlir::NamedAttrList places;
    if (overlaps)
      places.append("weights",
                    builder.getDenseI64ArrayAttr({warpsM * warpsN + 1, 1, loadRegisters}));
    places.append("load", builder.getDenseI64ArrayAttr({warpsM * warpsN, 1, loadRegisters}));
    places.append("multiply",
                  builder.getDenseI64ArrayAttr({0, warpsM * warpsN, multiplyRegisters}));
    list.append("roles", places.getDictionary(context));
  }
  return list.getDictionary(context);
}

GemmSchedule GemmSchedule::fromAttribute(mlir::DictionaryAttr attribute) {
  GemmSchedule schedule;
  auto string = [&](const char *key, std::string &value) {
    if (auto text = attribute.getAs<mlir::StringAttr>(key))
      value = text.getValue().str();
  };
  string("target", schedule.target);
  string("matrix_unit", schedule.matrixUnit);
  string("copy", schedule.copy);
  for (const Parameter &parameter : integers)
    if (auto value = attribute.getAs<mlir::IntegerAttr>(parameter.key))
      schedule.*parameter.member = value.getInt();
  if (auto warps = attribute.getAs<mlir::DenseI64ArrayAttr>("warps"))
    schedule.warpsM = warps[0], schedule.warpsN = warps[1];
  schedule.overlaps = attribute.contains("overlaps");
  schedule.joins = attribute.contains("joins");
  schedule.keepsPlaces = attribute.contains("keeps_places");
  if (auto places = attribute.getAs<mlir::DictionaryAttr>("roles")) {
    schedule.roles = 1;
    schedule.loadRegisters = places.getAs<mlir::DenseI64ArrayAttr>("load")[2];
    schedule.multiplyRegisters = places.getAs<mlir::DenseI64ArrayAttr>("multiply")[2];
  }
  schedule.perRow = attribute.contains("per_row");
  return schedule;
}

std::vector<std::string> GemmSchedule::parameters() {
  std::vector<std::string> keys;
  for (const Parameter &parameter : integers)
    keys.push_back(std::string("gemm_") + parameter.key);
  keys.push_back("gemm_norms"); // of chooseNorms
  return keys;
}

int64_t GemmSchedule::sharedBytes(int64_t weights) const {
  int64_t stage = 2 * depth * (rows + weights * columns);
  // Each warpgroup has two panels of 64 x 64 that go out.
  return stages * stage + (roles ? warpsM * warpsN / 4 * 2 * 64 * 64 * 2 : 0);
}

Reason xlstm::isSupported(const GemmProblem &problem, const Device &device) {
  if (!device.isGPU)
    return {};
  if (problem.inputBits != 16)
    return say("x must be of 16 bits, got ", problem.inputBits);
  if (problem.weights > 4)
    return say("at most 4 weights fit a block's registers, got ", problem.weights);
  if (problem.transposed)
    return say("weights in by out have kernels for the CPU only, got ", device.name);
  if (problem.hasPrologue)
    return say("prologues have kernels for the CPU only, got ", device.name);
  if (problem.hasNorm)
    return say("norms in products have kernels for the CPU only, got ", device.name);
  return {};
}

NormsChoice xlstm::chooseNorms(const Device &device,
                               const std::map<std::string, std::string> &overrides, Reason &wrong) {
  NormsChoice choice;
  // Each block of columns computes the norm again; a kernel of its own took as long or less in every
  // model that was measured (tools/xlstm-bench/NOTES.md).
  choice.reason = device.isGPU
                      ? say("norms in products have kernels for the CPU only, got ", device.name)
                      : say("it takes no less time in products (--set gemm_norms=N: in up to N)");
  auto set = overrides.find("gemm_norms");
  if (set == overrides.end())
    return choice;
  wrong = putInteger(set->first, set->second, choice.mostProducts);
  if (wrong.empty() && choice.mostProducts < 0)
    wrong = say("gemm_norms must be at least 0, got ", choice.mostProducts);
  if (wrong.empty() && device.isGPU && choice.mostProducts)
    wrong = choice.reason;
  if (choice.mostProducts)
    choice.reason.clear();
  return choice;
}

/// What a GPU can run of a schedule.
static Reason checkGPU(const GemmProblem &problem, const GemmSchedule &s, const Device &device) {
  if (s.warpsM < 1 || s.warpsN < 1 || s.rows % (16 * s.warpsM) ||
      s.columns % ((s.roles ? 8 : 16) * s.warpsN))
    return say("rows must be a multiple of 16 gemm_warps_m and columns one of 16 gemm_warps_n (8 "
               "with roles), got ",
               s.rows, " x ", s.columns, " on ", s.warpsM, " x ", s.warpsN, " warps");
  if (s.depth % 64)
    return say("gemm_depth must be a multiple of 64, got ", s.depth);
  if (s.stages < 2)
    return say("gemm_stages must be at least 2, got ", s.stages);
  if (s.group < 1 || s.blocks < 1)
    return say("gemm_group and gemm_blocks must be at least 1, got ", s.group, " and ", s.blocks);
  if (s.roles && (s.matrixUnit != "wgmma" || s.copy != "tma"))
    return say("gemm_roles needs wgmma and tma, got ", s.matrixUnit, " and ", s.copy);
  if (s.overlaps != 0 && (s.overlaps != 1 || !device.overlapsLaunches || !s.roles))
    return say("gemm_overlaps must be 0, or with roles 1 where the device has it, got ", s.overlaps,
               " on ", device.name);
  if (s.overlaps && !problem.constantWeights)
    return say("gemm_overlaps needs weights that no launch of the run writes");
  if (s.joins != 0 && (s.joins != 1 || !s.overlaps || !problem.follows))
    return say(
        "gemm_joins must be 0, or 1 for a product that overlaps and follows one of the same x, "
        "got ",
        s.joins);
  if (s.copiedRows && (!s.roles || s.copiedRows % 8 || s.copiedRows > s.rows || !problem.mostRows ||
                       problem.mostRows > s.copiedRows))
    return say(
        "gemm_copied_rows needs roles, and is a multiple of 8, at most gemm_rows and at least "
        "the most rows that there are, got ",
        s.copiedRows, " of ", s.rows, ", most ", problem.mostRows);
  if (s.roles && (s.warpsN != 1 || s.rows != 16 * s.warpsM || s.warpsM % 4))
    return say("with roles a warpgroup has 64 rows and all columns, got ", s.rows, " x ", s.columns,
               " on ", s.warpsM, " x ", s.warpsN, " warps");
  if (s.columns > 256 || s.rows > 256)
    return say("a copied box has at most 256 rows, got ", s.rows, " of x and ", s.columns);
  int64_t threads = 32 * s.warpsM * s.warpsN + (s.roles ? 128 : 0);
  if (threads > device.threadsPerBlock)
    return say(threads, " threads exceed ", device.threadsPerBlock);
  int64_t sums = problem.weights * s.rows * s.columns / (32 * s.warpsM * s.warpsN);
  int64_t available = s.roles ? s.multiplyRegisters : device.registersPerThread;
  if (s.resident < 1 || s.resident > 4)
    return say("gemm_resident must be 1 to 4, got ", s.resident);
  if (s.keepsPlaces != 0 && s.keepsPlaces != 1)
    return say("gemm_keeps_places must be 0 or 1, got ", s.keepsPlaces);
  if (sums + 40 > available)
    return say("sums take ", sums, " registers of a thread and the rest 40, got ", available);
  if (s.roles && s.multiplyRegisters * s.warpsM * 32 + s.loadRegisters * 128 > 65536 / s.resident)
    return say("registers of all roles must be at most ", 65536 / s.resident, ", got ",
               s.multiplyRegisters * s.warpsM * 32 + s.loadRegisters * 128);
  constexpr int64_t barriers = 1024;
  if (s.sharedBytes(problem.weights) + barriers > device.sharedBytes)
    return say("shared memory of ", s.sharedBytes(problem.weights) + barriers, " bytes exceeds ",
               device.sharedBytes);
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
  // Their sums are in registers together.
  if (s.perRow && (device.isGPU || s.rows > mostRowsTogether))
    return say("gemm_rows must be 1 to ", mostRowsTogether,
               " on a CPU where rows are single tokens, got ", s.rows);
  return device.isGPU ? checkGPU(problem, s, device) : Reason();
}

std::vector<int64_t> xlstm::rowClasses(const Device &device) {
  return device.matrixUnit == "wgmma" ? std::vector<int64_t>{8, 16, 32, 64, 512}
                                      : std::vector<int64_t>();
}

/// Tiles that the busiest block computes.
static int64_t waves(const GemmProblem &problem, const GemmSchedule &s) {
  int64_t tiles =
      ((problem.mostRows + s.rows - 1) / s.rows) * ((problem.n + s.columns - 1) / s.columns);
  return (tiles + s.blocks - 1) / s.blocks;
}

/// Up to 64 rows: one warpgroup; what counts is that all blocks read equally much of the weights.
static void enumerateFewRows(const GemmProblem &problem, const Device &device,
                             std::vector<GemmSchedule> &list) {
  GemmSchedule s;
  s.target = device.name;
  s.copy = device.copy;
  s.matrixUnit = "wgmma";
  s.roles = 1;
  s.rows = 64, s.depth = 128, s.warpsM = 4, s.warpsN = 1, s.group = 1;
  if (problem.mostRows < 64)
    s.copiedRows = (problem.mostRows + 7) / 8 * 8;
  // A block beside those of the launches before and after: registers for two. The stages are a power
  // of two and their places are kept, because one warpgroup's chain of iterations is what a product
  // of few columns takes.
  s.resident = 2, s.multiplyRegisters = s.loadRegisters = 128;
  s.keepsPlaces = 1;
  // Fewer barriers for a byte, measured: 2.9 TB/s of weights with 256, 2.5 with 64. With 64 rows x is
  // half of what is copied or more, and more stages of 128 are faster.
  s.overlaps = problem.constantWeights && device.overlapsLaunches;
  if (s.overlaps && problem.k >= 1024 && problem.mostRows < 64)
    s.depth = 256;
  // Products of one launch share the multiprocessors by what they read.
  s.joins = s.overlaps && problem.follows;
  int64_t most = device.multiprocessors;
  if (s.overlaps && problem.columnsTogether)
    most = std::max<int64_t>(1, most * problem.n * problem.weights / problem.columnsTogether);
  for (s.columns = 128 / std::max<int64_t>(1, problem.weights / 2); s.columns >= 16;
       s.columns -= 8) {
    int64_t tiles = (problem.n + s.columns - 1) / s.columns;
    s.blocks = std::min(most, tiles);
    for (s.stages = 8; s.stages >= 2; s.stages /= 2)
      if (check(problem, s, device).empty()) {
        list.push_back(s);
        break;
      }
  }
  // x is read again for each tile: of two equal ones, the wider.
  llvm::stable_sort(list, [&](const GemmSchedule &x, const GemmSchedule &y) {
    return waves(problem, x) * (x.columns + 4) < waves(problem, y) * (y.columns + 4);
  });
}

static std::vector<GemmSchedule> enumerateGPU(const GemmProblem &problem, const Device &device,
                                              bool anyAlignment) {
  std::vector<GemmSchedule> list;
  bool roles = device.matrixUnit == "wgmma" && !anyAlignment;
  if (roles && problem.mostRows && problem.mostRows <= 64)
    enumerateFewRows(problem, device, list);
  for (int64_t columns : {256, 128, 64}) {
    if (columns == 256 &&
        !roles) // a thread's registers hold 64 sums, not 128, beside both operands
      continue;
    for (int64_t stages : {5, 4, 3, 2}) {
      GemmSchedule s;
      s.target = device.name;
      s.copy = anyAlignment ? "elementwise" : device.copy;
      s.matrixUnit = roles ? "wgmma" : "mma_sync";
      s.roles = roles;
      s.rows = 128, s.depth = 64, s.stages = stages;
      s.columns = columns / (problem.weights > 2 ? 4 : problem.weights);
      s.warpsM = roles ? 8 : 4, s.warpsN = roles ? 1 : 2;
      // 16 x 128 rows beside 8 x 256 columns are read once by the blocks of one wave.
      s.group = 16, s.blocks = device.multiprocessors;
      if (check(problem, s, device).empty())
        list.push_back(s);
    }
  }
  // A narrow tile multiplies more slowly: its operands are read more often.
  auto cost = [&](const GemmSchedule &s) {
    return waves(problem, s) * (s.columns * problem.weights + 32);
  };
  if (problem.mostRows > 64)
    llvm::stable_sort(list, [&](const auto &x, const auto &y) { return cost(x) < cost(y); });
  return list;
}

std::vector<GemmSchedule> xlstm::enumerate(const GemmProblem &problem, const Device &device,
                                           bool anyAlignment) {
  if (device.isGPU)
    return enumerateGPU(problem, device, anyAlignment);
  // The weights' tile is turned around before it is multiplied, which more rows pay for; it, x and
  // the sums share the second-level cache.
  std::vector<GemmSchedule> list;
  int64_t bytes = problem.inputBits == 64 ? 8 : 4; // of an element in the scratch buffer
  // Sums over all tokens have no blocks along time: smaller tiles are enough for more threads.
  auto rowsOfTiles =
      problem.sums ? std::array<int64_t, 3>{64, 128, 256} : std::array<int64_t, 3>{128, 64, 256};
  if (problem.oneToken)
    rowsOfTiles.fill(mostRowsTogether);
  for (int64_t rows : rowsOfTiles)
    for (int64_t columns : {128, 64, 32})
      for (int64_t depth : {256, 128}) {
        GemmSchedule s;
        s.target = device.name;
        s.perRow = problem.oneToken;
        s.rows = problem.mostRows ? std::min(rows, (problem.mostRows + 15) / 16 * 16) : rows;
        // Equal parts: the last one is hardly wider than what is there.
        int64_t parts = (problem.n + columns - 1) / columns;
        s.columns = ((problem.n + parts - 1) / parts + 15) / 16 * 16;
        s.depth = std::min(depth, problem.k);
        int64_t tiles = problem.weights * s.columns * (2 * s.depth + rows) + rows * s.depth;
        if (tiles * bytes <= device.l2Bytes && check(problem, s, device).empty())
          list.push_back(s);
      }
  if (list.empty()) { // many weights
    GemmSchedule s;
    s.target = device.name;
    s.perRow = problem.oneToken;
    s.rows = problem.oneToken ? mostRowsTogether : 32;
    s.columns = 16, s.depth = std::min<int64_t>(128, problem.k);
    if (check(problem, s, device).empty())
      list.push_back(s);
  }
  return list;
}

std::optional<GemmSchedule> xlstm::decide(const GemmProblem &problem, const Device &device,
                                          const std::map<std::string, std::string> &overrides,
                                          Reason &reason, bool anyAlignment) {
  reason = isSupported(problem, device);
  if (!reason.empty())
    return std::nullopt;
  GemmSchedule chosen = enumerate(problem, device, anyAlignment).front();
  for (const auto &[name, value] : overrides) {
    const std::string &key = name;
    if (key == "gemm_norms")
      continue;
    auto parameter = std::find_if(std::begin(integers), std::end(integers), [&](const auto &p) {
      return key == std::string("gemm_") + p.key;
    });
    // The kernel for any alignment has its own way to copy.
    if (anyAlignment && (key == "gemm_stages" || key == "gemm_roles"))
      continue;
    if (parameter != std::end(integers) && !parameter->onCPU && !device.isGPU) {
      reason = say("schedule parameter '", key, "' is for GPUs, got ", device.name);
      return std::nullopt;
    }
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
  if (chosen.perRow) // what is asked of a model is asked of its other functions' products too
    chosen.rows = std::min(chosen.rows, mostRowsTogether);
  // Without the overlap each product has a launch of its own.
  if (!overrides.count("gemm_joins"))
    chosen.joins = chosen.joins && chosen.overlaps;
  reason = check(problem, chosen, device);
  if (!reason.empty())
    return std::nullopt;
  return chosen;
}
