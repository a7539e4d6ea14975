// SPDX-License-Identifier: Apache-2.0
#include "compiler/Conversion/TileToVector/BlockEmitter.h"
#include "compiler/Conversion/TileToVector/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace xlstm {
#define GEN_PASS_DEF_CONVERTTILETOVECTOR
#include "compiler/Conversion/TileToVector/Passes.h.inc"

namespace {
struct ConvertTileToVectorPass : impl::ConvertTileToVectorBase<ConvertTileToVectorPass> {
  using ConvertTileToVectorBase::ConvertTileToVectorBase;

  void runOnOperation() override {
    for (tile::KernelOp kernel :
         llvm::make_early_inc_range(getOperation().getOps<tile::KernelOp>())) {
      std::string name = kernel.getSymName().str();
      kernel.setSymName(name + "_tiles");
      ImplicitLocOpBuilder builder(kernel.getLoc(), kernel);
      FailureOr<LLVM::LLVMFuncOp> function =
          BlockEmitter(kernel, builder, vectorWidth, registers).emit();
      if (failed(function))
        return signalPassFailure();
      function->setSymName(name);
      kernel.erase();
    }
    // exp, log1p, tanh of f32 vectors as polynomials: no calls into libm, one element at a time.
    RewritePatternSet patterns(&getContext());
    populateMathPolynomialApproximationPatterns(
        patterns, MathPolynomialApproximationOptions{/*enableAvx2=*/false});
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
} // namespace xlstm
