// SPDX-License-Identifier: Apache-2.0
// Schedules of the layers of blocks that are no products: maps, norms, convolutions, block-diagonal
// projections, and ops that move elements.
//
// A block has a tile of tokens by units, [rows, columns]: rows run along time, columns along the last
// axis. A norm's tile has whole rows. On a GPU a block has one row, across its threads. Of a
// block-diagonal projection that is a row of outputs of one of the diagonal's blocks, or, where they
// are many and small, the same output of neighbouring blocks of the diagonal (`along_blocks`).
#ifndef XLSTM_COMPILER_SCHEDULE_LAYERSCHEDULE_H
#define XLSTM_COMPILER_SCHEDULE_LAYERSCHEDULE_H

#include "compiler/Schedule/Device.h"
#include "compiler/Schedule/Reason.h"
#include "mlir/IR/BuiltinAttributes.h"
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace xlstm {

/// What a schedule depends on.
struct LayerProblem {
  int64_t rows = -1;      // tokens along time; negative: a run-time value
  int64_t columns = 0;    // units of the last axis
  bool wholeRows = false; // a block needs all columns
  bool copies = false;    // a block goes through all columns, some at a time
  int64_t diagonal = 0;   // of a block-diagonal matrix: the wider side of its blocks
  bool sums = false;      // a block of threads sums over all rows
  int64_t blocks = 0;     // of a block-diagonal projection; its columns are those of all of them
  bool constantWeight = false; // it has one, which nothing that a run launches writes
};

struct LayerSchedule {
  std::string target;            // name of the device
  int64_t rows = 0, columns = 0; // of a block's tile; the last ones may reach beyond
  int64_t blocks = 0;            // of a block-diagonal matrix that are multiplied as one matrix
  int64_t threads = 0;           // GPU: of a block, which has one row
  bool alongBlocks = false;      // GPU: columns go along the blocks of the diagonal
  bool overlaps = false;         // GPU: it is launched while the launch before it ends
  bool readsEarly = false;       // GPU: and reads its weight before it waits for that

  mlir::DictionaryAttr toAttribute(mlir::MLIRContext *context) const;
  static LayerSchedule fromAttribute(mlir::DictionaryAttr attribute);
  /// The keys that `--set` takes: layer_rows, layer_columns, layer_blocks, layer_threads.
  static std::vector<std::string> parameters();
};

/// Whether the family takes the problem on the device at all; the reason if it does not.
Reason isSupported(const LayerProblem &problem, const Device &device);
/// Whether a schedule can run; the first violated inequality if it cannot.
Reason check(const LayerProblem &problem, const LayerSchedule &schedule, const Device &device);
/// Every schedule of the family that `check` accepts, best expected first.
std::vector<LayerSchedule> enumerate(const LayerProblem &problem, const Device &device);
/// The first of `enumerate`, with `overrides` ("layer_rows" -> "16") put in; the reason in `reason`
/// if there is none.
std::optional<LayerSchedule> decide(const LayerProblem &problem, const Device &device,
                                    const std::map<std::string, std::string> &overrides,
                                    Reason &reason);

} // namespace xlstm

#endif
