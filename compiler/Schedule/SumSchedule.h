// SPDX-License-Identifier: Apache-2.0
// Schedules of xlstm.outer_sum and xlstm.time_sum: what one block sums, and how many tokens it
// reads at a time.
//
// A block owns rows of one head's result (outer_sum: rows [rows, d] of a matrix; time_sum: `rows`
// units) and goes through all tokens of all sequences in order, `tokens` at a time. So each element
// is summed by one block in one order, whatever the number of threads: first within a sequence,
// then over sequences. With d = 1 a block's rows run along heads.
#ifndef XLSTM_COMPILER_SCHEDULE_SUMSCHEDULE_H
#define XLSTM_COMPILER_SCHEDULE_SUMSCHEDULE_H

#include "compiler/Schedule/Device.h"
#include "compiler/Schedule/Reason.h"
#include "mlir/IR/BuiltinAttributes.h"
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace xlstm {

/// What a schedule depends on. B and T are run-time values of every kernel.
struct SumProblem {
  int64_t heads = 0, d = 0;
  bool isPacked = false; // sequences may be packed
};

struct SumSchedule {
  std::string target;  // name of the device
  int64_t rows = 0;    // rows of the result that a block owns; the last block's may reach beyond
  int64_t tokens = 64; // read at a time; a sequence's last tokens are padded to so many

  mlir::DictionaryAttr toAttribute(mlir::MLIRContext *context) const;
  static SumSchedule fromAttribute(mlir::DictionaryAttr attribute);
  /// The keys that `--set` takes: sum_rows, sum_tokens.
  static std::vector<std::string> parameters();
};

/// Whether the family takes the problem on the device at all; the reason if it does not.
Reason isSupported(const SumProblem &problem, const Device &device);
/// Whether a schedule can run; the first violated inequality if it cannot.
Reason check(const SumProblem &problem, const SumSchedule &schedule, const Device &device);
/// Every schedule of the family that `check` accepts, best expected first.
std::vector<SumSchedule> enumerate(const SumProblem &problem, const Device &device);
/// The first of `enumerate`, with `overrides` ("sum_tokens" -> "32") put in; the reason in `reason`
/// if there is none.
std::optional<SumSchedule> decide(const SumProblem &problem, const Device &device,
                                  const std::map<std::string, std::string> &overrides,
                                  Reason &reason);

} // namespace xlstm

#endif
