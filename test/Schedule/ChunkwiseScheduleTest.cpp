// SPDX-License-Identifier: Apache-2.0
// What the schedules of the chunkwise kernel may be, over every head size that the project
// promises.
#include "compiler/Schedule/ChunkwiseSchedule.h"
#include "mlir/IR/MLIRContext.h"
#include <gtest/gtest.h>

using namespace xlstm;

namespace {

const std::vector<int64_t> sizes = {1, 5, 16, 48, 64, 96, 128, 256, 512};

/// Calls f(problem, device, anyAlignment) for every pair of head sizes on every device.
template <typename F> void forAll(F f) {
  for (const std::string &name : deviceNames())
    for (int64_t dqk : sizes)
      for (int64_t dv : sizes)
        for (bool anyAlignment : {false, true}) {
          ChunkwiseProblem problem{3, dqk, dv, 16};
          SCOPED_TRACE(name + " " + std::to_string(dqk) + " x " + std::to_string(dv) +
                       (anyAlignment ? ", any alignment" : ""));
          f(problem, *findDevice(name), anyAlignment);
        }
}

bool same(const ChunkwiseSchedule &a, const ChunkwiseSchedule &b) {
  return a.target == b.target && a.chunk == b.chunk && a.dvSlice == b.dvSlice &&
         a.dqkTile == b.dqkTile && a.warpsM == b.warpsM && a.warpsN == b.warpsN &&
         a.stages == b.stages && a.matrixUnit == b.matrixUnit && a.copy == b.copy &&
         a.roles == b.roles && a.segmentBlocks == b.segmentBlocks &&
         a.segmentTokens == b.segmentTokens;
}

TEST(ChunkwiseSchedule, everyShapeHasOne) {
  forAll([](const ChunkwiseProblem &problem, const Device &device, bool anyAlignment) {
    EXPECT_FALSE(enumerate(problem, device, anyAlignment).empty());
  });
}

TEST(ChunkwiseSchedule, enumeratedOnesPassCheck) {
  forAll([](const ChunkwiseProblem &problem, const Device &device, bool anyAlignment) {
    for (const ChunkwiseSchedule &s : enumerate(problem, device, anyAlignment))
      EXPECT_EQ(check(problem, s, device), "");
  });
}

// The invariants, said anew, not through check().
TEST(ChunkwiseSchedule, enumeratedOnesFitTheDevice) {
  forAll([](const ChunkwiseProblem &problem, const Device &device, bool anyAlignment) {
    for (const ChunkwiseSchedule &s : enumerate(problem, device, anyAlignment)) {
      EXPECT_EQ(s.target, device.name);
      EXPECT_GE(s.dqkTile, problem.dqk);
      EXPECT_GE(s.dvSlice * s.numSlices(problem.dv), problem.dv);
      EXPECT_LT(s.dvSlice * (s.numSlices(problem.dv) - 1), problem.dv)
          << "a slice has nothing to do";
      if (!device.isGPU) {
        EXPECT_EQ(s.numThreads(), 0);
        EXPECT_LE(4 * s.dvSlice * s.dqkTile, device.l2Bytes / 2 + 4 * 16 * s.dqkTile);
        continue;
      }
      EXPECT_LE(s.numThreads(), device.threadsPerBlock);
      EXPECT_LE(s.numThreads() * (s.dvSlice * s.dqkTile / s.numThreads()), 65536)
          << "the state is larger than the register file";
      EXPECT_LE(sharedBytes(problem, s), device.sharedBytes);
      EXPECT_EQ(s.copy == "elementwise", anyAlignment);
      if (anyAlignment)
        EXPECT_EQ(s.stages, 1);
      if (device.name == "sm_80") {
        EXPECT_EQ(s.matrixUnit, "mma_sync");
        EXPECT_NE(s.copy, "tma");
      }
      auto [m, n] = s.scoreWarps();
      EXPECT_EQ(s.chunk % (16 * m), 0);
      EXPECT_EQ(s.chunk % (8 * n), 0);
      EXPECT_EQ(m * n, s.roles ? 4 : s.warpsM * s.warpsN);
    }
  });
}

TEST(ChunkwiseSchedule, decideTakesTheFirst) {
  forAll([](const ChunkwiseProblem &problem, const Device &device, bool anyAlignment) {
    Reason reason = "?";
    std::optional<ChunkwiseSchedule> decided = decide(problem, device, {}, reason, anyAlignment);
    ASSERT_TRUE(decided);
    EXPECT_EQ(reason, "");
    EXPECT_TRUE(same(*decided, enumerate(problem, device, anyAlignment).front()));
  });
}

TEST(ChunkwiseSchedule, attributeRoundTrip) {
  mlir::MLIRContext context;
  forAll([&](const ChunkwiseProblem &problem, const Device &device, bool anyAlignment) {
    for (const ChunkwiseSchedule &s : enumerate(problem, device, anyAlignment))
      EXPECT_TRUE(same(s, ChunkwiseSchedule::fromAttribute(s.toAttribute(&context))));
  });
}

TEST(ChunkwiseSchedule, attributeOfACPUNamesNoThreads) {
  mlir::MLIRContext context;
  Reason reason;
  auto schedule = decide({8, 256, 512, 32}, *findDevice("cpu"), {}, reason);
  ASSERT_TRUE(schedule);
  mlir::DictionaryAttr attribute = schedule->toAttribute(&context);
  for (const char *name : {"warps", "stages", "matrix_unit", "copy"})
    EXPECT_FALSE(attribute.contains(name)) << name;
}

TEST(ChunkwiseSchedule, isSupported) {
  for (const char *gpu : {"sm_80", "sm_90a"}) {
    EXPECT_EQ(isSupported({3, 64, 64, 16}, *findDevice(gpu)), "");
    EXPECT_EQ(isSupported({3, 64, 64, 32}, *findDevice(gpu)),
              "the GPU kernel takes bf16 and f16 inputs, got 32-bit inputs");
    EXPECT_EQ(isSupported({3, 64, 64, 64}, *findDevice(gpu)),
              "the GPU kernel takes bf16 and f16 inputs, got 64-bit inputs");
    EXPECT_EQ(isSupported({3, 64, 64, 16, "step"}, *findDevice(gpu)),
              "the GPU kernel is chunkwise, got form = step");
  }
  for (int64_t bits : {16, 32, 64})
    EXPECT_EQ(isSupported({3, 64, 64, bits}, *findDevice("cpu")), "");
}

//===----------------------------------------------------------------------===//
// Every inequality, from a schedule that passes, by one change
//===----------------------------------------------------------------------===//

struct Violation {
  const char *device;
  std::function<void(ChunkwiseSchedule &)> change;
  const char *reason;
};

const Violation violations[] = {
    {"sm_80", [](auto &s) { s.chunk = 0; }, "chunk must be 1 to 4096, got 0"},
    {"cpu", [](auto &s) { s.chunk = 4097; }, "chunk must be 1 to 4096, got 4097"},
    {"sm_80", [](auto &s) { s.dvSlice = 0; }, "dv_slice must be 1 to 16777216, got 0"},
    {"cpu", [](auto &s) { s.dvSlice = INT64_MAX; },
     "dv_slice must be 1 to 16777216, got 9223372036854775807"},
    {"cpu", [](auto &s) { s.dqkTile = 63; },
     "dqk_tile must be at least dqk = 64 and at most 16777216, got 63"},
    {"sm_90a", [](auto &s) { s.dqkTile = INT64_MAX; },
     "dqk_tile must be at least dqk = 64 and at most 16777216, got 9223372036854775807"},
    {"cpu", [](auto &s) { s.warpsM = 1; },
     "warps_m, warps_n, stages, matrix_unit and copy are parameters of a GPU"},
    {"cpu", [](auto &s) { s.copy = "tma"; },
     "warps_m, warps_n, stages, matrix_unit and copy are parameters of a GPU"},
    {"sm_80", [](auto &s) { s.warpsM = 0; }, "warps_m and warps_n must be 1 to 32, got 0 and 1"},
    {"sm_80", [](auto &s) { s.warpsN = -1; }, "warps_m and warps_n must be 1 to 32, got 4 and -1"},
    {"sm_80", [](auto &s) { s.warpsM = 33; }, "warps_m and warps_n must be 1 to 32, got 33 and 1"},
    {"sm_80", [](auto &s) { s.chunk = 24; }, "chunk must be 16, 32 or 64 on a GPU, got 24"},
    {"sm_80", [](auto &s) { s.chunk = 128; }, "chunk must be 16, 32 or 64 on a GPU, got 128"},
    {"sm_80", [](auto &s) { s.warpsM = 32, s.warpsN = 2; },
     "a block has at most 1024 threads, got 2048"},
    {"sm_80", [](auto &s) { s.dvSlice = 72; },
     "dv_slice must be a multiple of 16 * 4 and dqk_tile of 16 * 1, got 72 and 64"},
    {"sm_80", [](auto &s) { s.dqkTile = 72; },
     "dv_slice must be a multiple of 16 * 4 and dqk_tile of 16 * 1, got 64 and 72"},
    {"sm_80", [](auto &s) { s.chunk = 16, s.warpsN = 4; },
     "chunk must be a multiple of 8 * 4, got 16"},
    {"sm_80", [](auto &s) { s.warpsM = 12, s.dvSlice = 192; },
     "scores of 64 x 64 do not divide among 12 warps"}, // 4 x 3
    {"sm_80", [](auto &s) { s.warpsM = 3, s.dvSlice = 48; },
     "scores of 64 x 64 do not divide among 3 warps"}, // 3 x 1
    {"sm_80", [](auto &s) { s.warpsM = 10, s.dvSlice = 160; },
     "scores of 64 x 64 do not divide among 10 warps"}, // 4 x 2 of 10
    {"sm_90a", [](auto &s) { s.matrixUnit = "wgmma", s.chunk = 32; },
     "wgmma needs a multiple of 4 warps along dv and a chunk of 64, got 4 and 32"},
    {"sm_90a", [](auto &s) { s.matrixUnit = "wgmma", s.warpsM = 2, s.warpsN = 2; },
     "wgmma needs a multiple of 4 warps along dv and a chunk of 64, got 2 and 64"},
    {"sm_80", [](auto &s) { s.matrixUnit = "wgmma"; }, "sm_80 has no wgmma"},
    {"sm_80", [](auto &s) { s.copy = "tma"; }, "sm_80 has no tensor memory accelerator"},
    {"sm_80", [](auto &s) { s.stages = 0; },
     "stages must be 1 to 4, and 1 for elementwise copies, got 0"},
    {"sm_80", [](auto &s) { s.stages = 5; },
     "stages must be 1 to 4, and 1 for elementwise copies, got 5"},
    {"sm_80", [](auto &s) { s.copy = "elementwise", s.stages = 2; },
     "stages must be 1 to 4, and 1 for elementwise copies, got 2"},
    {"sm_80", [](auto &s) { s.dvSlice = 320; },
     "dv_slice * dqk_tile / threads = 320 * 64 / 128 = 160 registers for the state, more than 128"},
    {"sm_80", [](auto &s) { s.copy = "elementwise", s.dvSlice = 192; },
     "dv_slice * dqk_tile / threads = 192 * 64 / 128 = 96 registers for the state, more than 64"},
    {"sm_80", [](auto &s) { s.warpsM = 2, s.warpsN = 2, s.dvSlice = 192; },
     "dv_slice * dqk_tile / threads = 192 * 64 / 128 = 96 registers for the state, more than 64"},
    {"sm_90a", [](auto &s) { s.matrixUnit = "wgmma", s.warpsN = 2, s.dqkTile = 96; },
     "wgmma needs dqk_tile to be a multiple of 64 * 2, got 96"},
};

TEST(ChunkwiseSchedule, everyInequality) {
  ChunkwiseProblem problem{3, 64, 64, 16};
  for (const Violation &violation : violations) {
    SCOPED_TRACE(violation.reason);
    Device device = *findDevice(violation.device);
    ChunkwiseSchedule s;
    s.target = device.name;
    s.chunk = s.dvSlice = s.dqkTile = 64;
    if (device.isGPU) {
      s.warpsM = 4, s.warpsN = 1, s.stages = 1;
      s.matrixUnit = "mma_sync", s.copy = "cp_async";
    }
    ASSERT_EQ(check(problem, s, device), "");
    violation.change(s);
    EXPECT_EQ(check(problem, s, device), violation.reason);
  }
}

TEST(ChunkwiseSchedule, sharedMemoryInequality) {
  ChunkwiseProblem problem{3, 64, 64, 16};
  Device device = *findDevice("sm_80");
  ChunkwiseSchedule s;
  s.chunk = s.dvSlice = s.dqkTile = 64;
  s.warpsM = 4, s.warpsN = 1, s.stages = 4;
  s.matrixUnit = "mma_sync", s.copy = "cp_async";
  // Four buffers of three tiles of 64 x 64 16-bit elements are 98304 bytes alone; P takes 8192
  // more.
  EXPECT_GT(sharedBytes(problem, s), 98304 + 8192);
  EXPECT_EQ(check(problem, s, device), std::to_string(sharedBytes(problem, s)) +
                                           " bytes of shared memory, more than 101376 of sm_80");
  EXPECT_EQ(check(problem, s, *findDevice("sm_90a")), "");
}

//===----------------------------------------------------------------------===//
// decide with overrides
//===----------------------------------------------------------------------===//

std::string reasonFor(const std::map<std::string, std::string> &overrides,
                      const char *device = "sm_80", bool anyAlignment = false) {
  Reason reason;
  EXPECT_FALSE(decide({3, 64, 64, 16}, *findDevice(device), overrides, reason, anyAlignment));
  return reason;
}

TEST(ChunkwiseSchedule, overridesAreTaken) {
  Reason reason;
  auto s = decide({3, 64, 64, 16}, *findDevice("sm_90a"),
                  {{"chunk", "32"},
                   {"dv_slice", "64"},
                   {"dqk_tile", "64"},
                   {"warps_m", "2"},
                   {"warps_n", "2"},
                   {"stages", "1"},
                   {"matrix_unit", "mma_sync"},
                   {"copy", "cp_async"}},
                  reason);
  ASSERT_TRUE(s) << reason;
  ChunkwiseSchedule expected;
  expected.target = "sm_90a";
  expected.chunk = 32, expected.dvSlice = 64, expected.dqkTile = 64, expected.warpsM = 2,
  expected.warpsN = 2, expected.stages = 1;
  expected.matrixUnit = "mma_sync", expected.copy = "cp_async";
  EXPECT_TRUE(same(*s, expected));
}

TEST(ChunkwiseSchedule, badOverrides) {
  EXPECT_EQ(reasonFor({{"tile", "32"}}),
            "unknown schedule parameter 'tile', expected chunk, dv_slice, dqk_tile, warps_m, "
            "warps_n, stages, matrix_unit, copy, roles, ring_stages, state_registers, "
            "score_registers, load_registers, segment_blocks, segment_tokens, lane_arrivals or "
            "persistent");
  for (const char *value : {"", "x", "32.5", "32 ", "0x20"})
    EXPECT_EQ(reasonFor({{"chunk", value}}),
              "schedule parameter 'chunk' expects an integer, got '" + std::string(value) + "'");
  EXPECT_EQ(reasonFor({{"copy", "TMA"}}),
            "schedule parameter 'copy' expects tma, cp_async or elementwise, got 'TMA'");
  EXPECT_EQ(reasonFor({{"matrix_unit", ""}}),
            "schedule parameter 'matrix_unit' expects mma_sync or wgmma, got ''");
  EXPECT_EQ(reasonFor({{"chunk", "99999999999999999999"}}),
            "chunk must be 1 to 4096, got 9223372036854775807");
}

TEST(ChunkwiseSchedule, rolesUnlessAnOverrideForbidsThem) {
  Device device = *findDevice("sm_90a");
  Reason reason;
  auto rolesWith = [&](int64_t dqk, const std::map<std::string, std::string> &overrides) {
    auto s = decide({8, dqk, 512, 16}, device, overrides, reason);
    EXPECT_TRUE(s) << reason;
    return s && s->roles;
  };
  EXPECT_TRUE(rolesWith(256, {}));
  EXPECT_TRUE(rolesWith(100, {}));
  EXPECT_FALSE(rolesWith(512, {})); // the state of a slice would not fit
  EXPECT_FALSE(rolesWith(256, {{"roles", "0"}}));
  EXPECT_FALSE(rolesWith(256, {{"copy", "cp_async"}}));
  EXPECT_FALSE(decide({8, 512, 512, 16}, device, {{"roles", "1"}}, reason));
  EXPECT_FALSE(decide({8, 256, 512, 16}, *findDevice("sm_80"), {{"roles", "1"}}, reason));
  EXPECT_FALSE(decide({8, 256, 512, 16}, device, {{"roles", "0"}, {"persistent", "132"}}, reason));
  EXPECT_EQ(reason, "persistent blocks need roles, got persistent = 132");
  EXPECT_FALSE(decide({8, 256, 512, 32}, *findDevice("cpu"), {{"persistent", "132"}}, reason));
  EXPECT_EQ(reason, "persistent blocks need roles, got persistent = 132");
  auto s = decide({8, 256, 512, 16}, device, {{"persistent", "132"}}, reason);
  ASSERT_TRUE(s) << reason;
  EXPECT_EQ(s->persistent, 132);
  s = decide({8, 256, 512, 16}, device, {{"persistent", "132"}}, reason, /*anyAlignment=*/true);
  ASSERT_TRUE(s) << reason;
  EXPECT_EQ(s->persistent, 0);
}

TEST(ChunkwiseSchedule, segments) {
  Device device = *findDevice("sm_90a");
  Reason reason;
  auto wants = [&](int64_t heads, int64_t dqk, int64_t dv, const Device &on) {
    ChunkwiseProblem problem{heads, dqk, dv, 16};
    auto s = decide(problem, on, {}, reason);
    EXPECT_TRUE(s) << reason;
    return s && wantsSegments(problem, *s, on);
  };
  EXPECT_TRUE(wants(8, 256, 512, device));   // 32 blocks for each sequence
  EXPECT_TRUE(wants(16, 256, 512, device));  // 64
  EXPECT_FALSE(wants(32, 256, 512, device)); // 128 of 132
  EXPECT_FALSE(wants(8, 256, 512, *findDevice("cpu")));
  auto s = decide({8, 256, 512, 16}, device,
                  {{"segment_blocks", "132"}, {"segment_tokens", "1024"}}, reason);
  ASSERT_TRUE(s) << reason;
  EXPECT_EQ(s->segmentBlocks, 132);
  EXPECT_EQ(s->segmentTokens, 1024);
  EXPECT_FALSE(decide({8, 256, 512, 16}, device, {{"segment_tokens", "0"}}, reason));
  EXPECT_EQ(reason, "segment_blocks must be at least 0 and segment_tokens at least 1, got 0 and 0");
}

// Else a kernel that the runtime picks for unaligned tensors would copy 16 bytes at a time.
TEST(ChunkwiseSchedule, anyAlignmentKeepsItsCopy) {
  Reason reason;
  auto s = decide({3, 64, 64, 16}, *findDevice("sm_90a"), {{"copy", "tma"}, {"stages", "2"}},
                  reason, /*anyAlignment=*/true);
  ASSERT_TRUE(s) << reason;
  EXPECT_EQ(s->copy, "elementwise");
  EXPECT_EQ(s->stages, 1);
}

TEST(ChunkwiseSchedule, nothingFits) {
  Reason reason;
  EXPECT_FALSE(decide({3, 4096, 64, 16}, *findDevice("sm_80"), {}, reason));
  EXPECT_EQ(
      reason,
      "no schedule of the chunkwise kernel fits sm_80 for dqk = 4096, dv = 64: the smallest needs "
      "dv_slice * dqk_tile / threads = 32 * 4096 / 256 = 512 registers for the state, more than "
      "64");
}

TEST(ChunkwiseSchedule, slicesOfACPU) {
  Reason reason;
  for (auto [dqk, dv, slice] : std::vector<std::tuple<int64_t, int64_t, int64_t>>{
           {256, 512, 512}, {256, 513, 272}, {512, 512, 256}, {1 << 20, 64, 16}}) {
    auto s = decide({1, dqk, dv, 32}, *findDevice("cpu"), {}, reason);
    ASSERT_TRUE(s) << reason;
    EXPECT_EQ(s->dvSlice, slice) << dqk << " x " << dv;
    EXPECT_EQ(s->dqkTile, dqk);
  }
}

// Token by token a slice of C stays in the first-level cache; the parallel form carries no state.
TEST(ChunkwiseSchedule, formsOnACPU) {
  Reason reason;
  for (auto [form, dqk, dv, chunk, slice] :
       std::vector<std::tuple<std::string, int64_t, int64_t, int64_t, int64_t>>{
           {"step", 256, 512, 1, 32},
           {"step", 64, 64, 1, 64},
           {"recurrent", 1 << 20, 64, 1, 16},
           {"chunkwise", 512, 512, 64, 256},
           {"parallel", 512, 512, 64, 512}}) {
    auto s = decide({1, dqk, dv, 32, form}, *findDevice("cpu"), {}, reason);
    ASSERT_TRUE(s) << reason;
    EXPECT_EQ(s->chunk, chunk) << form;
    EXPECT_EQ(s->dvSlice, slice) << form;
  }
}

} // namespace
