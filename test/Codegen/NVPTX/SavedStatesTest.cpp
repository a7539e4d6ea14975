// SPDX-License-Identifier: Apache-2.0
// The forward pass that saves states for the backward pass, which no package has on a GPU yet: what
// ptxas says of its kernels.
#include "compiler/Conversion/TileToNVVM/Passes.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Schedule/Device.h"
#include "compiler/Schedule/Passes.h"
#include "compiler/Target/NVPTX/NVPTX.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include <gtest/gtest.h>

using namespace mlir;

namespace xlstm {
namespace {

constexpr const char *source = R"(
func.func @forward(%q: tensor<?x?x2xQKxbf16>, %k: tensor<?x?x2xQKxbf16>, %v: tensor<?x?x2xVxbf16>,
    %i: tensor<?x?x2xf32>, %f: tensor<?x?x2xf32>)
    -> (tensor<?x?x2xVxbf16>, tensor<?x2xQKxVxf32>, tensor<?x2xQKxf32>, tensor<?x2x2xf64>) {
  %h, %c, %n, %m, %cs, %ns, %ms = xlstm.mlstm %q, %k, %v gates(%i, %f) {save_states}
      : tensor<?x?x2xQKxbf16>, tensor<?x?x2xVxbf16>
  return %h, %cs, %ns, %ms
      : tensor<?x?x2xVxbf16>, tensor<?x2xQKxVxf32>, tensor<?x2xQKxf32>, tensor<?x2x2xf64>
}
)";

std::string replaced(std::string text, const std::string &from, int64_t to) {
  for (size_t at; (at = text.find(from)) != std::string::npos;)
    text.replace(at, from.size(), std::to_string(to));
  return text;
}

TEST(SavedStates, ptxasFindsNoSpillAndNoSerialisedProduct) {
  std::optional<std::string> ptxas = findPTXAS();
  if (!ptxas)
    GTEST_SKIP() << "ptxas was not found";
  DialectRegistry registry;
  registry.insert<tile::TileDialect, mlir::xlstm::XLSTMDialect, func::FuncDialect,
                  LLVM::LLVMDialect, NVVM::NVVMDialect, gpu::GPUDialect, math::MathDialect,
                  scf::SCFDialect, arith::ArithDialect, memref::MemRefDialect>();
  registerBuiltinDialectTranslation(registry);
  registerGPUDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
  for (const char *target : {"sm_80", "sm_90a"})
    for (auto [dqk, dv] : {std::pair<int64_t, int64_t>{256, 512}, {1024, 1024}})
      for (bool elementwise : {false, true}) {
        if (elementwise && dqk == 1024) // its tiles are those of 256 x 512
          continue;
        SCOPED_TRACE(std::string(target) + " " + std::to_string(dqk) + "x" + std::to_string(dv) +
                     (elementwise ? " elementwise" : ""));
        MLIRContext context(registry);
        context.loadAllAvailableDialects();
        auto module =
            parseSourceString<ModuleOp>(replaced(replaced(source, "QK", dqk), "V", dv), &context);
        ASSERT_TRUE(module);
        SelectScheduleOptions select;
        select.target = target;
        select.elementwise = elementwise;
        std::vector<std::string> overrides = {"save_every=512"};
        select.set = overrides;
        PassManager manager(&context);
        manager.addPass(createSelectSchedule(select));
        manager.addPass(createConvertXLSTMToTile());
        manager.addPass(createConvertTileToNVVM());
        buildNVVMToLLVMPipeline(manager);
        ASSERT_TRUE(succeeded(manager.run(*module)));
        int kernels = 0;
        for (gpu::GPUModuleOp code : module->getOps<gpu::GPUModuleOp>()) {
          llvm::Expected<std::string> ptx = emitPTX(code, target, findDevice(target)->ptxFeatures);
          ASSERT_TRUE(bool(ptx)) << llvm::toString(ptx.takeError());
          llvm::Expected<PTXASReport> report = assemble(*ptxas, *ptx, target);
          ASSERT_TRUE(bool(report)) << llvm::toString(report.takeError());
          EXPECT_EQ(report->spillStoreBytes + report->spillLoadBytes, 0)
              << code.getName().str() << ", " << report->registers << " registers";
          EXPECT_TRUE(report->warnings.empty()) << report->warnings.front();
          ++kernels;
        }
        EXPECT_EQ(kernels, 5);
      }
}

} // namespace
} // namespace xlstm
