// SPDX-License-Identifier: Apache-2.0
// What the schedules of the mLSTM forward pass by several kernels may be, over every head size that
// the project promises, and what the emitted kernels take.
#include "compiler/Schedule/StatesSchedule.h"
#include "compiler/Conversion/TileToNVVM/Passes.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Schedule/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "mlir/Pass/PassManager.h"
#include <gtest/gtest.h>

using namespace mlir;

namespace xlstm {
namespace {

const std::vector<int64_t> sizes = {1, 5, 16, 48, 64, 96, 128, 256, 300, 384, 512, 768, 1000, 1024};

template <typename F> void forAll(F f) {
  for (const std::string &name : deviceNames())
    for (int64_t dqk : sizes)
      for (int64_t dv : sizes)
        for (bool anyAlignment : {false, true}) {
          SCOPED_TRACE(name + " " + std::to_string(dqk) + " x " + std::to_string(dv) +
                       (anyAlignment ? ", any alignment" : ""));
          f(ChunkwiseProblem{3, dqk, dv, 16}, *findDevice(name), anyAlignment);
        }
}

TEST(StatesSchedule, everyShapeHasOneThatPassesCheck) {
  forAll([](const ChunkwiseProblem &problem, const Device &device, bool anyAlignment) {
    std::vector<StatesSchedule> all = enumerateStates(problem, device, anyAlignment);
    ASSERT_FALSE(all.empty());
    for (const StatesSchedule &s : all) {
      EXPECT_EQ(check(problem, s, device), "");
      if (!device.isGPU)
        continue;
      // Said anew, not through check().
      EXPECT_EQ(s.copy == "elementwise", anyAlignment);
      for (int64_t columns : {s.dqkSlice, s.chunk, s.columns})
        EXPECT_LE(128 * columns, 65536) << "sums are larger than the register file";
      for (const char *kernel : StatesSchedule::kernels())
        EXPECT_LE(sharedBytes(s, kernel), device.sharedBytes) << kernel;
    }
  });
}

TEST(StatesSchedule, attributeRoundTrip) {
  MLIRContext context;
  forAll([&](const ChunkwiseProblem &problem, const Device &device, bool anyAlignment) {
    for (const StatesSchedule &s : enumerateStates(problem, device, anyAlignment)) {
      DictionaryAttr attribute = s.toAttribute(&context);
      EXPECT_TRUE(StatesSchedule::is(attribute));
      EXPECT_EQ(StatesSchedule::fromAttribute(attribute).toAttribute(&context), attribute);
    }
  });
}

//===----------------------------------------------------------------------===//
// One kernel or several
//===----------------------------------------------------------------------===//

bool several(int64_t dqk, const char *device, bool saves = false,
             std::map<std::string, std::string> overrides = {}, const char *form = "chunkwise") {
  Reason wrong;
  KernelsChoice choice =
      chooseKernels({4, dqk, 512, 16, form}, *findDevice(device), saves, overrides, wrong);
  EXPECT_EQ(wrong, "");
  return choice.several;
}

TEST(StatesSchedule, choice) {
  for (const char *gpu : {"sm_80", "sm_90a"}) {
    EXPECT_FALSE(several(256, gpu));
    EXPECT_TRUE(several(257, gpu));
    EXPECT_TRUE(several(64, gpu, /*saves=*/true));
    EXPECT_TRUE(several(64, gpu, false, {{"kernels", "several"}}));
    EXPECT_FALSE(several(512, gpu, false, {{"kernels", "one"}}));
    EXPECT_FALSE(several(512, gpu, false, {{"roles", "0"}}));
    EXPECT_TRUE(several(64, gpu, false, {{"columns", "64"}}));
    EXPECT_FALSE(several(64, gpu, false, {{"chunk", "64"}, {"save_every", "512"}}));
    EXPECT_FALSE(several(512, gpu, false, {}, "step"));
  }
  EXPECT_FALSE(several(1024, "cpu"));
  EXPECT_FALSE(several(1024, "cpu", /*saves=*/true));
  EXPECT_TRUE(several(64, "cpu", false, {{"kernels", "several"}}));
  EXPECT_FALSE(several(64, "cpu", false, {{"kernels", "several"}}, "recurrent"));
}

//===----------------------------------------------------------------------===//
// Every inequality, from a schedule that passes, by one change
//===----------------------------------------------------------------------===//

struct Violation {
  const char *device;
  std::function<void(StatesSchedule &)> change;
  const char *reason;
};

const Violation violations[] = {
    {"cpu", [](auto &s) { s.columns = 0; }, "columns must be 1 to 4096, got 0"},
    {"cpu", [](auto &s) { s.carrySlice = 4097; }, "carry_slice must be 1 to 4096, got 4097"},
    {"sm_80", [](auto &s) { s.saveEvery = 192; },
     "save_every must be a multiple of chunk = 128 up to 16777216, got 192"},
    {"sm_80", [](auto &s) { s.saveEvery = 1 << 25; },
     "save_every must be a multiple of chunk = 128 up to 16777216, got 33554432"},
    {"sm_80", [](auto &s) { s.tokens = 48; },
     "chunk must be a multiple of tokens, rows and depth, and rows one of depth, got chunk = 128, "
     "tokens = 48, rows = 128, depth = 64"},
    {"cpu", [](auto &s) { s.warps = 4; },
     "num_warps, stages, matrix_unit and copy are parameters of a GPU"},
    {"sm_80", [](auto &s) { s.warps = 6; }, "num_warps must be 4 or 8 on a GPU, got 6"},
    {"sm_80", [](auto &s) { s.columns = 24; },
     "columns must be a multiple of 16 up to 256 on a GPU, got 24"},
    {"sm_90a", [](auto &s) { s.dqkSlice = 272; },
     "dqk_slice must be a multiple of 16 up to 256 on a GPU, got 272"},
    {"sm_80", [](auto &s) { s.depth = 32; },
     "tokens must be a multiple of 16 up to 64 and depth 64 on a GPU, got 64 and 32"},
    {"sm_80", [](auto &s) { s.matrixUnit = "wgmma"; }, "sm_80 has no wgmma"},
    {"sm_80", [](auto &s) { s.copy = "tma"; }, "sm_80 has no tensor memory accelerator"},
    {"sm_80", [](auto &s) { s.stages = 5; },
     "stages must be 1 to 4, and 1 for elementwise copies, got 5"},
    {"sm_80", [](auto &s) { s.dvSlice = 48; },
     "dv_slice * dqk_slice = 48 * 128 do not divide among 8 warps, 16 rows and 16 columns at a "
     "time"},
    {"sm_90a", [](auto &s) { s.dvSlice = 32; },
     "wgmma needs 64 rows for each warpgroup, and panels of 64 columns where it shares them, got "
     "dv_slice * dqk_slice = 32 * 128"},
    {"sm_80", [](auto &s) { s.columns = 256, s.copy = "elementwise", s.stages = 1; },
     "rows * columns / threads = 128 * 256 / 256 = 128 registers for sums, more than 64"},
    {"sm_90a", [](auto &s) { s.dvSlice = 256, s.dqkSlice = 256; },
     "dv_slice * dqk_slice / threads = 256 * 256 / 256 = 256 registers for sums, more than 128"},
};

TEST(StatesSchedule, everyInequality) {
  ChunkwiseProblem problem{3, 512, 512, 16};
  for (const Violation &violation : violations) {
    SCOPED_TRACE(violation.reason);
    Device device = *findDevice(violation.device);
    StatesSchedule s;
    s.target = device.name;
    s.chunk = s.saveEvery = s.dvSlice = s.dqkSlice = s.rows = s.columns = 128;
    if (device.isGPU) {
      s.warps = 8, s.stages = 2;
      s.matrixUnit = device.matrixUnit, s.copy = device.copy;
    }
    ASSERT_EQ(check(problem, s, device), "");
    violation.change(s);
    EXPECT_EQ(check(problem, s, device), violation.reason);
  }
}

TEST(StatesSchedule, overridesAreTakenOrRefused) {
  ChunkwiseProblem problem{3, 512, 512, 16};
  Device device = *findDevice("sm_90a");
  Reason reason;
  auto s = decideStates(problem, device,
                        {{"chunk", "128"}, {"save_every", "512"}, {"columns", "128"}}, reason);
  ASSERT_TRUE(s) << reason;
  EXPECT_EQ(s->chunk, 128);
  EXPECT_EQ(s->saveEvery, 512);
  EXPECT_EQ(s->columns, 128);
  s = decideStates(problem, device, {{"chunk", "128"}}, reason);
  ASSERT_TRUE(s) << reason;
  EXPECT_EQ(s->saveEvery, 128);
  EXPECT_FALSE(decideStates(problem, device, {{"stages", "many"}}, reason));
  EXPECT_EQ(reason, "schedule parameter 'stages' expects an integer, got 'many'");
  EXPECT_FALSE(decideStates(problem, device, {{"copy", "pigeon"}}, reason));
  EXPECT_EQ(reason,
            "schedule parameter 'copy' expects tma or cp_async or elementwise, got 'pigeon'");
  EXPECT_FALSE(decideStates({3, 512, 512, 32}, device, {}, reason));
  EXPECT_EQ(reason, "the GPU kernel takes bf16 and f16 inputs, got 32-bit inputs");
  EXPECT_FALSE(decideStates({3, 512, 512, 16, "parallel"}, device, {}, reason));
  EXPECT_EQ(reason, "several kernels are the chunkwise form, got form = parallel");
}

//===----------------------------------------------------------------------===//
// Shared memory, against what the emitted kernels allocate
//===----------------------------------------------------------------------===//

TEST(StatesSchedule, sharedBytesBoundsWhatTheKernelsTake) {
  DialectRegistry registry;
  registry.insert<tile::TileDialect, mlir::xlstm::XLSTMDialect, func::FuncDialect,
                  LLVM::LLVMDialect, NVVM::NVVMDialect, gpu::GPUDialect, math::MathDialect,
                  scf::SCFDialect, arith::ArithDialect, memref::MemRefDialect>();
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  OpBuilder builder(&context);
  Location loc = builder.getUnknownLoc();
  int64_t any = ShapedType::kDynamic;
  Type bf16 = builder.getBF16Type();
  for (const char *target : {"sm_80", "sm_90a"})
    for (int64_t dqk : {5, 512, 1000})
      for (int64_t dv : {48, 1024})
        for (bool anyAlignment : {false, true})
          for (const StatesSchedule &schedule :
               enumerateStates({2, dqk, dv, 16}, *findDevice(target), anyAlignment)) {
            OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
            builder.setInsertionPointToEnd(module->getBody());
            auto qk = RankedTensorType::get({any, any, 2, dqk}, bf16),
                 v = RankedTensorType::get({any, any, 2, dv}, bf16),
                 gate = RankedTensorType::get({any, any, 2}, builder.getF32Type());
            auto function = builder.create<func::FuncOp>(
                loc, "f", builder.getFunctionType({qk, qk, v, gate, gate}, {v}));
            Block *body = function.addEntryBlock();
            builder.setInsertionPointToStart(body);
            mlir::xlstm::MLSTMOperands operands;
            operands.q = body->getArgument(0), operands.k = body->getArgument(1),
            operands.v = body->getArgument(2);
            operands.i = body->getArgument(3), operands.f = body->getArgument(4);
            auto cell = builder.create<mlir::xlstm::MLSTMOp>(loc, operands);
            cell->setAttr(scheduleAttrName, schedule.toAttribute(&context));
            builder.create<func::ReturnOp>(loc, cell.getH());
            PassManager manager(&context);
            manager.addPass(createConvertXLSTMToTile());
            manager.addPass(createConvertTileToNVVM());
            ASSERT_TRUE(succeeded(manager.run(*module)));
            for (StringRef kernel : StatesSchedule::kernels())
              module->walk([&](LLVM::LLVMFuncOp emitted) {
                if (!emitted.getName().ends_with(kernel))
                  return;
                SCOPED_TRACE(std::string(target) + " " + std::to_string(dqk) + " x " +
                             std::to_string(dv) + " stages " + std::to_string(schedule.stages) +
                             " " + kernel.str());
                int64_t bytes = emitted->getAttrOfType<IntegerAttr>("tile.shared_bytes").getInt();
                EXPECT_LE(bytes, sharedBytes(schedule, kernel));
              });
          }
}

} // namespace
} // namespace xlstm
