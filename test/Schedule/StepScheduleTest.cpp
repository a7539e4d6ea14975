// SPDX-License-Identifier: Apache-2.0
// What the schedules of the step kernel may be, over every head size that the project promises.
#include "compiler/Schedule/StepSchedule.h"
#include "mlir/IR/MLIRContext.h"
#include <gtest/gtest.h>

using namespace xlstm;

namespace {

const std::vector<int64_t> sizes = {1, 5, 7, 16, 36, 64, 96, 128, 256, 512, 1000, 1024};

/// Calls f(problem, device, anyAlignment) for every pair of head sizes on every device.
template <typename F> void forAll(F f) {
  for (const std::string &name : deviceNames())
    for (int64_t dqk : sizes)
      for (int64_t dv : sizes)
        for (int64_t stateBits : {16, 32})
          for (bool anyAlignment : {false, true}) {
            StepProblem problem{3, dqk, dv, 16, stateBits};
            SCOPED_TRACE(name + " " + std::to_string(dqk) + " x " + std::to_string(dv) + " of " +
                         std::to_string(stateBits) + " bits" +
                         (anyAlignment ? ", any alignment" : ""));
            f(problem, *findDevice(name), anyAlignment);
          }
}

StepProblem layer7b() { return {8, 256, 512, 16, 32}; }

TEST(StepSchedule, everyShapeHasOne) {
  forAll([](const StepProblem &problem, const Device &device, bool anyAlignment) {
    EXPECT_FALSE(enumerate(problem, device, anyAlignment).empty());
  });
}

// The invariants, said anew, not through check().
TEST(StepSchedule, enumeratedOnesFitTheDevice) {
  forAll([](const StepProblem &problem, const Device &device, bool anyAlignment) {
    for (const StepSchedule &s : enumerate(problem, device, anyAlignment)) {
      EXPECT_EQ(check(problem, s, device), "");
      EXPECT_EQ(s.target, device.name);
      EXPECT_GE(s.dqkTile, problem.dqk);
      EXPECT_LE(s.parts, std::max<int64_t>(1, device.clusterBlocks));
      EXPECT_LE(s.parts, s.numSlices(problem.dv));
      EXPECT_GE(s.turns(problem.dv) * s.parts * s.slice, problem.dv);
      if (!device.isGPU)
        continue;
      EXPECT_EQ(s.rowGroups() * s.columnGroups(), s.threads);
      EXPECT_EQ(s.columnGroups() * s.vector, s.slice);
      EXPECT_EQ(s.dqkTile % s.rowGroups(), 0);
      EXPECT_LE(s.dqkTile * s.slice * s.stages / s.threads, 64); // of 255 registers
      EXPECT_LE(s.resident * s.threads * (s.dqkTile * s.slice * s.stages / s.threads + 30), 65536);
      if (anyAlignment)
        EXPECT_EQ(s.vector, 1);
      else
        EXPECT_EQ(problem.dv % s.vector, 0);
    }
  });
}

TEST(StepSchedule, attributeRoundTrip) {
  mlir::MLIRContext context;
  forAll([&](const StepProblem &problem, const Device &device, bool anyAlignment) {
    StepSchedule s = enumerate(problem, device, anyAlignment).front();
    mlir::DictionaryAttr attribute = s.toAttribute(&context);
    EXPECT_EQ(StepSchedule::fromAttribute(attribute).toAttribute(&context), attribute);
  });
}

TEST(StepSchedule, vectorsAre16Bytes) {
  EXPECT_EQ(fullVector({1, 8, 512, 16, 32}), 4);
  EXPECT_EQ(fullVector({1, 8, 512, 16, 16}), 8);
  EXPECT_EQ(fullVector({1, 8, 36, 16, 32}), 4);
  EXPECT_EQ(fullVector({1, 8, 36, 16, 16}), 1);
  EXPECT_EQ(fullVector({1, 8, 5, 16, 32}), 1);
}

TEST(StepSchedule, overrides) {
  Reason reason;
  Device device = *findDevice("sm_90a");
  auto chosen = decide(layer7b(), device, {{"step_slice", "128"}, {"step_threads", "256"}}, reason);
  EXPECT_FALSE(chosen);
  EXPECT_NE(reason.find("= 128 registers for the state"), std::string::npos) << reason;
  chosen = decide(layer7b(), device,
                  {{"step_parts", "4"}, {"step_slice", "32"}, {"step_threads", "256"}}, reason);
  ASSERT_TRUE(chosen) << reason;
  EXPECT_EQ(chosen->parts, 4);
  EXPECT_EQ(chosen->slice, 32);
  EXPECT_EQ(chosen->threads, 256);
  EXPECT_EQ(chosen->dqkTile, 256);
}

TEST(StepSchedule, violatedInequalities) {
  Device sm90 = *findDevice("sm_90a"), sm80 = *findDevice("sm_80"), cpu = *findDevice("cpu");
  StepSchedule good = enumerate(layer7b(), sm90).front();
  auto expect = [&](const Device &device, auto change, const std::string &message) {
    StepSchedule s = good;
    change(s);
    EXPECT_EQ(check(layer7b(), s, device), message);
  };
  expect(sm90, [](StepSchedule &s) { s.slice = 0; }, "step_slice must be 1 to 16777216, got 0");
  expect(
      sm90, [](StepSchedule &s) { s.dqkTile = 255; }, "dqk = 256 is more than a block's 255 rows");
  expect(
      cpu, [](StepSchedule &) {},
      "step_parts, step_threads, step_stages and step_resident are parameters of a GPU");
  expect(
      sm80, [](StepSchedule &) {},
      "step_parts must be 1 to 1, the blocks that sm_80 holds together, got 8");
  expect(
      sm90, [](StepSchedule &s) { s.parts = 17; },
      "step_parts must be 1 to 16, the blocks that sm_90a holds together, got 17");
  expect(
      sm90, [](StepSchedule &s) { s.threads = 48; },
      "step_threads must be a power of two from 32 to 1024, got 48");
  expect(
      sm90, [](StepSchedule &s) { s.vector = 2; },
      "vectors of 2 columns do not divide rows of dv = 512");
  expect(
      sm90, [](StepSchedule &s) { s.slice = 48; },
      "step_slice must be 4 times a power of two up to 512 threads, got 48");
  expect(
      sm90, [](StepSchedule &s) { s.threads = 32, s.slice = 128; },
      "step_threads must be at least twice the 32 vectors of a row, got 32");
  expect(
      sm90, [](StepSchedule &s) { s.dqkTile = 257; },
      "dqk_tile must be a multiple of the 32 rows of all threads, got 257");
  expect(sm90, [](StepSchedule &s) { s.stages = 3; }, "step_stages must be 1 or 2, got 3");
  expect(
      sm90, [](StepSchedule &s) { s.resident = 5; },
      "step_resident must be 1 to 4 for 512 threads, got 5");
  expect(
      sm90, [](StepSchedule &s) { s.stages = 2; },
      "dqk_tile * step_slice / threads * step_stages = 256 * 64 / 512 * 2 = 64 registers for "
      "the state, more than 34");
  expect(
      sm90, [](StepSchedule &s) { s.overlaps = 2; },
      "step_overlaps must be 0 or 1 on sm_90a, got 2");
  expect(
      sm80, [](StepSchedule &s) { s.parts = 1, s.overlaps = 1; },
      "step_overlaps must be 0 on sm_80, got 1");
  EXPECT_EQ(isSupported({1, 8, 8, 64, 64}, sm90),
            "the GPU kernel of a step takes bf16, f16 and f32 inputs, got 64-bit inputs");
  Reason reason;
  EXPECT_FALSE(decide(layer7b(), sm90, {{"step_rows", "1"}}, reason));
  EXPECT_EQ(reason, "unknown schedule parameter 'step_rows', expected step_slice, step_parts, "
                    "step_threads, step_stages, step_resident or step_overlaps");
}

} // namespace
