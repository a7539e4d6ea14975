// SPDX-License-Identifier: Apache-2.0
// What the mLSTM forward pass by several kernels is expected to take, and what bounds each kernel:
//
//   memory   bytes that it reads and writes once, at the memory's rate
//   matrix   multiply-adds of its products
//   chain    what follows one after the other in a block, for each wave of blocks
//
// The chain's constants are measured, on an H100 (tools/xlstm-bench/NOTES.md), with TMA and wgmma;
// how fast the second-level cache gives operands is in them.
#ifndef XLSTM_COMPILER_SCHEDULE_STATESCOST_H
#define XLSTM_COMPILER_SCHEDULE_STATESCOST_H

#include "compiler/Schedule/StatesSchedule.h"

namespace xlstm {

struct KernelCost {
  const char *kernel = "";
  double memory = 0, matrix = 0, chain = 0; // ms
  double ms() const { return std::max({memory, matrix, chain}); }
  /// The name of the largest.
  const char *bound() const;
};

struct StatesCost {
  std::vector<KernelCost> kernels; // in the order in which they run
  double ms() const;
  /// "2.061 ms for B = 4, T = 8192: gates 0.094 (memory), …".
  std::string str(int64_t batch, int64_t tokens) const;
};

/// Of a schedule with TMA and wgmma on a GPU with rates; `batch` and `tokens` are B and T.
StatesCost costOf(const ChunkwiseProblem &problem, const StatesSchedule &schedule,
                  const Device &device, int64_t batch, int64_t tokens);

} // namespace xlstm

#endif
