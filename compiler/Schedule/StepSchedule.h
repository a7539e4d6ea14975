// SPDX-License-Identifier: Apache-2.0
// Schedules of one token of the mLSTM cell, the step form: how the blocks divide the state, which is
// read once and written once.
//
// A group of `parts` blocks owns one (batch, head). Each block updates every parts-th slice of C,
// dqk x `slice`; all of them hold the whole of n, because the denominator needs it, and the first
// one stores it.
//
//            dv ->    slice   slice   slice   slice          block: threads = rows x (slice / vector)
//        dqk       [ part 0 | part 1 | part 0 | part 1 ]     a thread: dqk_tile / rows rows of
//         |        [        |        |        |        ]               `vector` columns, 16 bytes
//
// The state may be updated in place: other blocks read n and m, so the first one may store them
// only when all have read. Where a device can hold a group together (a cluster) it waits for that;
// where it cannot, a block owns the whole head: parts is 1.
//
// How fast a step is depends on how many bytes are on the way from memory: `stages` of 2 reads a
// slice while the one before it is computed.
#ifndef XLSTM_COMPILER_SCHEDULE_STEPSCHEDULE_H
#define XLSTM_COMPILER_SCHEDULE_STEPSCHEDULE_H

#include "compiler/Schedule/Device.h"
#include "compiler/Schedule/Reason.h"
#include "mlir/IR/BuiltinAttributes.h"
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace xlstm {

/// What a schedule depends on. B is a run-time value of every kernel.
struct StepProblem {
  int64_t heads = 0, dqk = 0, dv = 0;
  int64_t inputBits = 0, stateBits = 0; // of q, k, v and of C
  bool sigmoid = false;                 // the input gate with a normaliser: a few registers more
};

struct StepSchedule {
  std::string target;  // name of the device
  int64_t slice = 0;   // columns of dv; the last slice may reach beyond dv
  int64_t dqkTile = 0; // dqk rounded up to the rows of all threads
  int64_t parts = 1;   // blocks of one head
  // GPU only:
  int64_t threads = 0;  // of a block
  int64_t vector = 1;   // columns that a thread reads at once; more than 1 needs aligned rows
  int64_t stages = 1;   // slices of a block that are in registers
  int64_t overlaps = 0; // 1: is launched while the kernel before it ends
  int64_t resident = 1; // blocks that a multiprocessor holds

  int64_t columnGroups() const { return slice / vector; }
  int64_t rowGroups() const { return threads / columnGroups(); }
  int64_t numSlices(int64_t dv) const { return (dv + slice - 1) / slice; }
  /// Slices of the block that has the most.
  int64_t turns(int64_t dv) const { return (numSlices(dv) + parts - 1) / parts; }
  mlir::DictionaryAttr toAttribute(mlir::MLIRContext *context) const;
  static StepSchedule fromAttribute(mlir::DictionaryAttr attribute);
  /// The keys that `--set` takes.
  static std::vector<std::string> parameters();
};

/// Columns of a 16-byte vector of C, 1 where dv is no multiple of that.
int64_t fullVector(const StepProblem &problem);
/// Whether the family takes the problem on the device at all; the reason if it does not.
Reason isSupported(const StepProblem &problem, const Device &device);
/// Whether a schedule can run; the first violated inequality if it cannot.
Reason check(const StepProblem &problem, const StepSchedule &schedule, const Device &device);
/// Every schedule of the family that `check` accepts, best expected first. `anyAlignment` asks for
/// accesses that take tensors of any alignment and stride. Schedules with `overlaps`, and with more
/// parts than clusters have everywhere, are still asked for by name, so a search leaves them out.
std::vector<StepSchedule> enumerate(const StepProblem &problem, const Device &device,
                                    bool anyAlignment = false);
/// The first of `enumerate`, with `overrides` ("step_parts" -> "4") put in; the reason in `reason`
/// if there is none.
std::optional<StepSchedule> decide(const StepProblem &problem, const Device &device,
                                   const std::map<std::string, std::string> &overrides,
                                   Reason &reason, bool anyAlignment = false);

} // namespace xlstm

#endif
