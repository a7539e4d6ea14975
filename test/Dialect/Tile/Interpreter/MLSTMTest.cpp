// SPDX-License-Identifier: Apache-2.0
// The mLSTM kernel taken apart into roles, in many orders, against the reference in float64.
#include "test/Dialect/Tile/Interpreter/Kernels.h"

#include <gtest/gtest.h>

using namespace xlstm::test;
using namespace xlstm::reference;

namespace {

const char *outputs[] = {"h", "c_last", "n_last", "m_last"};

/// Runs a kernel in some orders: no finding, the reference's numbers, the same bits each time.
void expectGood(const Cell &cell, int64_t batch, int64_t time, bool givesState, int orders,
                int64_t segments = 0) {
  SCOPED_TRACE(cell.source() + "B " + std::to_string(batch) + ", T " + std::to_string(time));
  auto kernel = cell.kernel(batch, time, givesState, /*seed=*/time + 1, segments);
  std::map<std::string, std::vector<uint8_t>> bits;
  for (int seed = 0; seed < orders; ++seed) {
    for (const char *name : outputs)
      if (kernel->has(name)) {
        auto &bytes = kernel->tensor(name).bytes;
        std::fill(bytes.begin(), bytes.end(), 0xFF); // NaN
      }
    auto finding = kernel->run(seed);
    ASSERT_FALSE(finding) << "seed " << seed << ": " << finding->text;
    if (seed == 0)
      EXPECT_EQ(cell.compare(*kernel, batch, time), "");
    for (const char *name : outputs)
      if (kernel->has(name)) {
        const auto &bytes = kernel->tensor(name).bytes;
        auto first = bits.try_emplace(name, bytes).first;
        EXPECT_TRUE(first->second == bytes) << name << " with seed " << seed;
      }
  }
}

MLSTMOptions onK() {
  MLSTMOptions options;
  options.scaleOn = ScaleOn::K;
  options.denominator = Denominator::MaxWithEps;
  options.eps = 0.03125;
  return options;
}

TEST(MLSTM, ManyOrders) {
  for (MLSTMOptions options : {MLSTMOptions(), sigmoid(false)}) {
    Cell cell;
    cell.dv = 64;
    cell.options = options;
    expectGood(cell, 1, 330, true, 40);
  }
}

TEST(MLSTM, Options) {
  for (MLSTMOptions options : {MLSTMOptions(), onK(), sigmoid(true), sigmoid(false)})
    for (const char *type : {"bf16", "f16"})
      for (bool state : {true, false}) {
        Cell cell;
        cell.heads = 2;
        cell.options = options;
        cell.type = type;
        cell.state = state;
        expectGood(cell, 1, 150, state, 2);
      }
}

TEST(MLSTM, Lengths) {
  for (MLSTMOptions options : {MLSTMOptions(), sigmoid(false)}) {
    Cell cell;
    cell.options = options;
    for (int64_t time : {0, 1, 63, 64, 65, 128, 200})
      for (bool givesState : {true, false})
        expectGood(cell, 2, time, givesState, 2);
  }
}

TEST(MLSTM, HeadSizes) {
  struct Sizes {
    int64_t dqk, dv;
  };
  for (Sizes sizes : {Sizes{1, 1}, {5, 7}, {16, 48}, {64, 96}, {96, 64}, {128, 256}, {256, 128}})
    for (MLSTMOptions options : {MLSTMOptions(), sigmoid(false)}) {
      Cell cell;
      cell.dqk = sizes.dqk, cell.dv = sizes.dv;
      cell.options = options;
      cell.type = sizes.dqk % 3 ? "bf16" : "f16";
      expectGood(cell, 1, 100, true, 2);
    }
}

// One stage for each ring: nothing is read ahead, and nothing waits for ever.
TEST(MLSTM, Stages) {
  for (const char *set : {" set=stages=1 set=ring_stages=1", " set=stages=1", " set=ring_stages=1",
                          " set=stages=4 set=ring_stages=4"}) {
    Cell cell;
    cell.dv = 64;
    cell.set = set;
    expectGood(cell, 1, 290, true, 8);
  }
}

// Three kernels: what each segment adds to the state, the states before segments, the outputs.
TEST(MLSTM, Segments) {
  for (MLSTMOptions options : {MLSTMOptions(), sigmoid(false)}) {
    Cell cell;
    cell.dv = 64;
    cell.options = options;
    for (int64_t time : {1, 300, 400})
      expectGood(cell, 1, time, time != 300, 3, /*segments=*/3);
  }
}

// What the roles compute is, bit for bit, what the loop computes from which they come.
TEST(MLSTM, RolesAndTheirLoop) {
  for (MLSTMOptions options : {MLSTMOptions(), sigmoid(true), sigmoid(false)}) {
    Cell cell;
    cell.options = options;
    auto roles = cell.kernel(1, 200, true, 7);
    cell.roles = false;
    auto loop = cell.kernel(1, 200, true, 7);
    for (Kernel *kernel : {roles.get(), loop.get()}) {
      auto finding = kernel->run(3);
      ASSERT_FALSE(finding) << finding->text;
    }
    EXPECT_EQ(cell.compare(*loop, 1, 200), "");
    for (const char *name : outputs)
      if (loop->has(name))
        EXPECT_TRUE(roles->tensor(name).bytes == loop->tensor(name).bytes) << name;
  }
}

} // namespace
