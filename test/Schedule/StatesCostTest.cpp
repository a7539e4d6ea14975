// SPDX-License-Identifier: Apache-2.0
// The cost model of several kernels: figures worked out by hand, and times that were measured.
#include "compiler/Schedule/StatesCost.h"
#include <gtest/gtest.h>

using namespace xlstm;

namespace {

const Device hopper = *findDevice("sm_90a");

StatesCost costWith(const ChunkwiseProblem &problem, int64_t batch, int64_t tokens) {
  Reason reason;
  auto schedule = decideStates(problem, hopper, {}, reason);
  EXPECT_TRUE(schedule) << reason;
  return costOf(problem, *schedule, hopper, batch, tokens);
}

// 131,072 token-heads of 1024 x 1024 in 32 chunks of 16 heads.
TEST(StatesCost, countsByHand) {
  StatesCost cost = costWith({4, 1024, 1024, 16}, 4, 8192);
  ASSERT_EQ(cost.kernels.size(), 5u);
  double all = 4. * 8192 * 4, state = 16. * 32 * 1024 * 1024 * 2, rate = 2870e6, cycles = 1.7e6;
  const KernelCost &states = cost.kernels[2], &output = cost.kernels[4];
  EXPECT_NEAR(states.memory, (all * 2048 * 2 + state) / rate, 1e-9);
  EXPECT_NEAR(states.matrix, all * 1024 * 1024 / (2048 * 132) / cycles, 1e-9);
  // 512 blocks are four waves of 128 steps.
  EXPECT_NEAR(states.chain, 4 * 128 * (2100 + 1024) / cycles, 1e-9);
  EXPECT_STREQ(states.bound(), "the chain of its steps");
  EXPECT_NEAR(output.memory, (all * (1024 + 2048 + 256) * 2 + state) / rate, 1e-9);
  EXPECT_NEAR(output.matrix, all * 1024 * (1024 + 192) / (2048 * 132) / cycles, 1e-9);
  double sum = 0;
  for (const KernelCost &kernel : cost.kernels)
    sum += kernel.ms();
  EXPECT_DOUBLE_EQ(cost.ms(), sum);
  EXPECT_NE(cost.str(4, 8192).find(" ms for B = 4, T = 8192: gates 0.0"), std::string::npos)
      << cost.str(4, 8192);
}

// Medians of tools/xlstm-bench/results/h100-80gb-hbm3-large-peers-2026-11-28.json: within a fifth.
TEST(StatesCost, nearWhatWasMeasured) {
  struct Row {
    ChunkwiseProblem problem;
    bool normalizes;
    double ms;
  };
  for (Row row : {Row{{8, 512, 512, 16}, true, 1.48}, Row{{4, 512, 1024, 16}, true, 1.22},
                  Row{{4, 1024, 1024, 16}, true, 2.07}, Row{{8, 512, 512, 16}, false, 1.33},
                  Row{{4, 512, 1024, 16}, false, 1.14}, Row{{4, 1024, 1024, 16}, false, 1.95}}) {
    row.problem.normalizes = row.normalizes;
    double ms = costWith(row.problem, 4, 8192).ms();
    EXPECT_NEAR(ms, row.ms, row.ms / 5) << row.problem.dqk << " x " << row.problem.dv;
  }
}

} // namespace
