// SPDX-License-Identifier: Apache-2.0
// The cost model: figures worked out by hand, and times that were measured on an H100.
#include "compiler/Schedule/ChunkwiseCost.h"
#include <gtest/gtest.h>

using namespace xlstm;

namespace {

const Device hopper = *findDevice("sm_90a");

ChunkwiseCost costWith(ChunkwiseProblem problem, int64_t batch, int64_t tokens,
                       const std::map<std::string, std::string> &overrides = {}) {
  Reason reason;
  auto schedule = decide(problem, hopper, overrides, reason);
  EXPECT_TRUE(schedule) << reason;
  return costOf(problem, *schedule, hopper, batch, tokens);
}

// The layer of xLSTM-7B with 256 blocks: 132 of them at a time.
TEST(ChunkwiseCost, countsByHand) {
  ChunkwiseCost cost = costWith({8, 256, 512, 16}, 8, 8192);
  // q and k are shared by four slices: 64 * (1024 / 4 + 2 * 128 * 2 + 2) bytes a chunk and block.
  EXPECT_NEAR(cost.memory, 64 * (256 + 512 + 2) / (2870 / 1.7 / 132), 1e-6);
  EXPECT_NEAR(cost.l2, 64 * (1024 + 512 + 8) / (4700 / 1.7 / 132), 1e-6);
  // S 64 * 64 * 256, C^T Q^T and the state 128 * 64 * 256 each, V^T P^T 128 * 64 * 64, n twice 8.
  double macs = 64. * 64 * 256 + 2. * 128 * 64 * 256 + 128. * 64 * 64 + 8. * 64 * 256 * 2;
  EXPECT_NEAR(cost.matrix, macs / 2048, 1e-6);
  EXPECT_GT(cost.shared, cost.matrix / 2);
  EXPECT_LT(cost.shared, 2 * cost.matrix);
  // The cache and the longest role, the scores', take about the same.
  EXPECT_STREQ(cost.bound(), "the L2 cache");
  EXPECT_NEAR(cost.chain, cost.l2, 0.05 * cost.l2);
}

// Medians of tools/xlstm-bench/results/h100-80gb-hbm3-mlstm-2026-11-22.jsonl (without roles) and of
// NOTES.md (with roles): within a fifth.
TEST(ChunkwiseCost, nearWhatWasMeasured) {
  struct Row {
    ChunkwiseProblem problem;
    int64_t batch, tokens;
    const char *roles;
    double ms;
  };
  ChunkwiseProblem layer{8, 256, 512, 16}, bare = layer;
  bare.normalizes = false;
  for (const Row &row : {Row{layer, 8, 8192, "1", 0.725}, Row{layer, 128, 512, "1", 0.752},
                         Row{bare, 8, 8192, "1", 0.664}, Row{layer, 8, 8192, "0", 1.44},
                         Row{bare, 8, 8192, "0", 1.10}, Row{layer, 2, 32768, "0", 2.83}}) {
    double ms = costWith(row.problem, row.batch, row.tokens, {{"roles", row.roles}}).ms;
    EXPECT_GT(ms, row.ms / 1.2) << row.batch << " x " << row.tokens << " roles " << row.roles;
    EXPECT_LT(ms, row.ms * 1.2) << row.batch << " x " << row.tokens << " roles " << row.roles;
  }
}

TEST(ChunkwiseCost, growsWithWorkAndFallsWithRates) {
  ChunkwiseProblem problem{8, 256, 512, 16};
  double ms = costWith(problem, 8, 8192).ms;
  EXPECT_GT(costWith(problem, 16, 8192).ms, 1.9 * ms);
  EXPECT_GT(costWith(problem, 8, 16384).ms, 1.9 * ms);
  // Half of the sequences leave half of the multiprocessors idle.
  EXPECT_NEAR(costWith(problem, 2, 8192).ms, costWith(problem, 4, 8192).ms, 0.2 * ms);
  Reason reason;
  auto schedule = decide(problem, hopper, {}, reason);
  Device slow = hopper;
  slow.memoryGBps /= 10;
  ChunkwiseCost bound = costOf(problem, *schedule, slow, 8, 8192);
  EXPECT_STREQ(bound.bound(), "memory");
  EXPECT_GT(bound.ms, 2 * ms);
}

} // namespace
