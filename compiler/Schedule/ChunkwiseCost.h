// SPDX-License-Identifier: Apache-2.0
// What a schedule of the chunkwise mLSTM kernel is expected to take, and what bounds it. Each bound
// is the time that one resource needs for one chunk of a block, in cycles of a multiprocessor; the
// largest is taken. Blocks beyond the number of multiprocessors wait for the next wave.
//
//   memory   bytes of q, k, v, gates and h once, at the memory's rate; slices share q and k
//   L2       the same bytes for every slice, at the rate of the second-level cache
//   matrix   multiply-adds of S, C^T Q^T, V^T P^T, the state and n
//   shared   what products read of it (64 bytes a cycle for the right operand), fills and P
//   chain    the longest role: what follows one after the other, whatever the rates are
//
// The chain's constants are measured, on an H100 (tools/xlstm-bench/NOTES.md says where).
#ifndef XLSTM_COMPILER_SCHEDULE_CHUNKWISECOST_H
#define XLSTM_COMPILER_SCHEDULE_CHUNKWISECOST_H

#include "compiler/Schedule/ChunkwiseSchedule.h"

namespace xlstm {

struct ChunkwiseCost {
  double memory = 0, l2 = 0, matrix = 0, shared = 0, chain = 0; // cycles a chunk
  double ms = 0;                                                // of all sequences
  double cycles() const { return std::max({memory, l2, matrix, shared, chain}); }
  /// The name of the largest.
  const char *bound() const;
  /// "0.72 ms for B = 8, T = 8192: the chain bounds it, 4650 cycles a chunk (memory 3580, …)".
  std::string str(int64_t batch, int64_t tokens) const;
};

/// Of whole sequences on a GPU with rates; `batch` and `tokens` are B and T.
ChunkwiseCost costOf(const ChunkwiseProblem &problem, const ChunkwiseSchedule &schedule,
                     const Device &device, int64_t batch, int64_t tokens);

} // namespace xlstm

#endif
