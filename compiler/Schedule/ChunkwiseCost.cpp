// SPDX-License-Identifier: Apache-2.0
#include "compiler/Schedule/ChunkwiseCost.h"
#include <cmath>

using namespace xlstm;

const char *ChunkwiseCost::bound() const {
  const std::pair<double, const char *> bounds[] = {{chain, "the chain of its steps"},
                                                    {memory, "memory"},
                                                    {l2, "the L2 cache"},
                                                    {shared, "shared memory"},
                                                    {matrix, "the matrix unit"}};
  return std::max_element(std::begin(bounds), std::end(bounds),
                          [](auto &a, auto &b) { return a.first < b.first; })
      ->second;
}

std::string ChunkwiseCost::str(int64_t batch, int64_t tokens) const {
  auto whole = [](double x) { return int64_t(std::llround(x)); };
  return say(whole(ms * 1000) / 1000.0, " ms for B = ", batch, ", T = ", tokens, ": bounded by ",
             bound(), ", ", whole(cycles()), " cycles a chunk (chain ", whole(chain), ", memory ",
             whole(memory), ", L2 ", whole(l2), ", shared memory ", whole(shared), ", matrix unit ",
             whole(matrix), ")");
}

/// Cycles that follow one after the other in a chunk. Measured for 256 x 128 and chunk 64 with
/// profiles of each role, and taken to grow with dqk where products do.
static double chainOf(const ChunkwiseProblem &problem, const ChunkwiseSchedule &s) {
  double depth = s.dqkTile / 256.0;
  if (s.roles) {
    // The scores: S; P with its store and waits; n + K^T w. The state: C^T Q^T, V^T P^T, the state.
    double score = 800 * depth + 2750 + (problem.normalizes ? 200 + 900 * depth : 0);
    double state = 1000 + 3250 * depth;
    return std::max(score, state);
  }
  // All warps take all steps together: 9,600 cycles, of which the two products with n are 2,100.
  double steps = 3000 + 4500 * depth * std::max(1.0, s.dvSlice / 128.0) * 8 / (s.warpsM * s.warpsN);
  double unit = s.matrixUnit == "wgmma" ? 1.0 : 1.5;
  return (steps + (problem.normalizes ? 600 + 1500 * depth : 0)) * unit *
         (s.stages > 1 ? 1.0 : 1.4) * std::max(0.5, s.chunk / 64.0);
}

ChunkwiseCost xlstm::costOf(const ChunkwiseProblem &problem, const ChunkwiseSchedule &s,
                            const Device &device, int64_t batch, int64_t tokens) {
  ChunkwiseCost cost;
  double L = s.chunk, K = s.dqkTile, V = s.dvSlice, slices = s.numSlices(problem.dv);
  double bytes = problem.inputBits / 8.0;
  double blocks = std::max(1.0, batch * problem.heads * slices);
  double active = std::min<double>(blocks, device.multiprocessors);
  // One block's share of a rate of the whole device, in bytes a cycle.
  auto share = [&](double gbps) { return gbps / device.clockGHz / active; };
  double columns = double(problem.dv) / slices;
  cost.memory = L * (2 * problem.dqk * bytes / slices + 2 * columns * bytes + 8 / slices) /
                share(device.memoryGBps);
  cost.l2 = L * (2 * problem.dqk * bytes + 2 * columns * bytes + 8) / share(device.l2GBps);
  double n = problem.normalizes ? 8 * L * K * 2 : 0; // eight columns of which one is used, twice
  cost.matrix = (L * L * K + 2 * L * K * V + L * L * V + n) / device.macsPerCycle;
  // Right operands once for each 64 rows; S reads its left one too; fills, P and h.
  double rights = (L / 64) * L * K + 2 * (V / 64) * L * K + (V / 64) * L * L;
  cost.shared =
      2 * (rights + L * K + 2 * L * K + L * V + 2 * L * L + 2 * L * V) / device.sharedPerCycle;
  cost.chain = chainOf(problem, s);
  double chunks = std::ceil(tokens / L), waves = std::ceil(blocks / device.multiprocessors);
  constexpr double fill = 7700; // a block's start and end, measured at T = 512
  cost.ms = waves * (chunks * cost.cycles() + fill) / (device.clockGHz * 1e6);
  return cost;
}
