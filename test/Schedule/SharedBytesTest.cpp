// SPDX-License-Identifier: Apache-2.0
// sharedBytes, which decides whether a schedule fits, against what the emitted kernel allocates.
#include "compiler/Conversion/TileToNVVM/Passes.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "dialect/tile/Transforms/Passes.h"
#include "dialect/xlstm/IR/XLSTM.h"
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

constexpr int64_t slack = 4096; // of the estimate, bytes

class SharedBytes : public ::testing::Test {
protected:
  SharedBytes() {
    DialectRegistry registry;
    registry.insert<tile::TileDialect, mlir::xlstm::XLSTMDialect, func::FuncDialect,
                    LLVM::LLVMDialect, NVVM::NVVMDialect, gpu::GPUDialect, math::MathDialect,
                    scf::SCFDialect, arith::ArithDialect, memref::MemRefDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// Shared memory of the kernel for one head, from the attribute of the emitted function; -1 if it
  /// is not emitted.
  int64_t emitted(const ChunkwiseProblem &problem, const ChunkwiseSchedule &schedule) {
    OpBuilder builder(&context);
    Location loc = builder.getUnknownLoc();
    OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
    builder.setInsertionPointToEnd(module->getBody());
    int64_t any = ShapedType::kDynamic;
    auto qk = RankedTensorType::get({any, any, problem.heads, problem.dqk}, builder.getBF16Type());
    auto v = RankedTensorType::get({any, any, problem.heads, problem.dv}, builder.getBF16Type());
    auto gate = RankedTensorType::get({any, any, problem.heads}, builder.getF32Type());
    auto function = builder.create<func::FuncOp>(
        loc, "f", builder.getFunctionType({qk, qk, v, gate, gate}, {}));
    Block *body = function.addEntryBlock();
    builder.setInsertionPointToStart(body);
    mlir::xlstm::MLSTMOperands operands;
    operands.q = body->getArgument(0), operands.k = body->getArgument(1),
    operands.v = body->getArgument(2);
    operands.i = body->getArgument(3), operands.f = body->getArgument(4);
    auto cell = builder.create<mlir::xlstm::MLSTMOp>(loc, operands);
    builder.create<func::ReturnOp>(loc, cell.getResults());
    builder.setInsertionPoint(function);
    buildMLSTMChunkwise(builder, "kernel", cell, schedule, [](Value) { return "tensor"; });
    function.erase();
    PassManager manager(&context);
    manager.addPass(tile::createSplitRoles());
    manager.addPass(createConvertTileToNVVM());
    if (failed(manager.run(*module)))
      return -1;
    int64_t bytes = -1;
    module->walk([&](LLVM::LLVMFuncOp kernel) {
      bytes = kernel->getAttrOfType<IntegerAttr>("tile.shared_bytes").getInt();
    });
    return bytes;
  }

  void expectBound(const ChunkwiseProblem &problem, const ChunkwiseSchedule &schedule) {
    SCOPED_TRACE(schedule.target + " " + schedule.matrixUnit + " " + schedule.copy + " dqk " +
                 std::to_string(problem.dqk) + " dv " + std::to_string(problem.dv) + " chunk " +
                 std::to_string(schedule.chunk) + " warps " + std::to_string(schedule.warpsM) +
                 " x " + std::to_string(schedule.warpsN) + " stages " +
                 std::to_string(schedule.stages) + (schedule.roles ? " roles" : ""));
    int64_t bytes = emitted(problem, schedule), bound = sharedBytes(problem, schedule);
    ASSERT_GT(bytes, 0);
    EXPECT_LE(bytes, bound);
    EXPECT_LE(bound, bytes + slack);
  }

  MLIRContext context;
};

TEST_F(SharedBytes, boundsWhatTheKernelTakes) {
  Reason reason;
  for (const char *name : {"sm_80", "sm_90a"})
    for (int64_t dqk : {1, 5, 16, 48, 64, 96, 128, 256, 512})
      for (int64_t dv : {1, 5, 16, 48, 64, 96, 128, 256, 512})
        for (bool anyAlignment : {false, true}) {
          ChunkwiseProblem problem{1, dqk, dv, 16};
          auto schedule = decide(problem, *findDevice(name), {}, reason, anyAlignment);
          ASSERT_TRUE(schedule) << reason;
          expectBound(problem, *schedule);
        }
}

// Those that a tuner may choose, too.
TEST_F(SharedBytes, boundsEveryEnumeratedSchedule) {
  for (const char *name : {"sm_80", "sm_90a"})
    for (int64_t dqk : {48, 256, 512})
      for (const ChunkwiseSchedule &schedule :
           enumerate(ChunkwiseProblem{1, dqk, 64, 16}, *findDevice(name)))
        expectBound({1, dqk, 64, 16}, schedule);
}

} // namespace
} // namespace xlstm
