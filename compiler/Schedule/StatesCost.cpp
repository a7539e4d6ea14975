// SPDX-License-Identifier: Apache-2.0
#include "compiler/Schedule/StatesCost.h"
#include <cmath>

using namespace xlstm;

const char *KernelCost::bound() const {
  return ms() == chain ? "the chain of its steps" : ms() == memory ? "memory" : "the matrix unit";
}

double StatesCost::ms() const {
  double sum = 0;
  for (const KernelCost &kernel : kernels)
    sum += kernel.ms();
  return sum;
}

std::string StatesCost::str(int64_t batch, int64_t tokens) const {
  auto rounded = [](double ms) { return double(std::llround(ms * 1000)) / 1000; };
  std::string text = say(rounded(ms()), " ms for B = ", batch, ", T = ", tokens, ":");
  for (const KernelCost &kernel : kernels)
    text += say(&kernel == &kernels.front() ? " " : ", ", kernel.kernel, " ", rounded(kernel.ms()),
                " (", kernel.bound(), ")");
  return text;
}

StatesCost xlstm::costOf(const ChunkwiseProblem &problem, const StatesSchedule &s,
                         const Device &device, int64_t batch, int64_t tokens) {
  double element = problem.inputBits / 8.0, K = problem.dqk, V = problem.dv, L = s.chunk;
  double sequences = double(batch) * problem.heads, all = sequences * tokens;
  double chunks = std::ceil(tokens / L), state = sequences * chunks * K * V * element;
  double depth = s.depth, rows = s.rows, rowBlocks = std::ceil(L / rows);
  auto count = [](double extent, double slice) { return std::ceil(extent / slice); };
  auto kernel = [&](const char *name, double bytes, double macs, double blocks,
                    double cyclesOfBlock) {
    double waves = std::ceil(blocks / device.multiprocessors);
    KernelCost cost;
    cost.kernel = name;
    cost.memory = bytes / (device.memoryGBps * 1e6);
    cost.matrix = macs / (device.macsPerCycle * device.multiprocessors) / (device.clockGHz * 1e6);
    cost.chain = waves * cyclesOfBlock / (device.clockGHz * 1e6);
    return cost;
  };
  StatesCost cost;
  double keys = problem.normalizes ? all * K * element : 0; // for K^T w
  cost.kernels.push_back(kernel("gates", keys + all * 20, 0, 0, 0));
  cost.kernels.push_back(kernel("carry", 0, 0, 1, chunks * 1370));
  // A step waits for its weighted values and multiplies: 2,100 cycles beside the product.
  double step = double(s.dvSlice) * s.dqkSlice * s.tokens / device.macsPerCycle;
  cost.kernels.push_back(kernel("states", all * (K + V) * element + state, all * K * V,
                                sequences * count(V, s.dvSlice) * count(K, s.dqkSlice),
                                std::ceil(double(tokens) / s.tokens) * (2100 + step)));
  // P of all keys, a step of the products, and then weights, sums and the way out.
  cost.kernels.push_back(kernel("scores", all * (2 * K + L) * element, all * K * L,
                                sequences * chunks * rowBlocks,
                                17400 + count(K, depth) * 2490 * rows * L / (128 * 256)));
  double steps = count(K, depth) + (rowBlocks + 1) / 2 * rows / depth; // of keys: up to the row
  cost.kernels.push_back(kernel("output", all * (K + 2 * V + L) * element + state,
                                all * V * (K + (L + rows) / 2),
                                sequences * chunks * rowBlocks * count(V, s.columns),
                                9270 + steps * 1740 * rows * s.columns / (128 * 256)));
  return cost;
}
