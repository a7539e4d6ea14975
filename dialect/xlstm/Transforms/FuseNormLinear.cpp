// SPDX-License-Identifier: Apache-2.0
// A norm becomes part of the products that read its result.
#include "dialect/xlstm/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace mlir::xlstm {
#define GEN_PASS_DEF_FUSENORMLINEAR
#include "dialect/xlstm/Transforms/Passes.h.inc"

namespace {

/// Whether the result of a norm is the x of a product, and nothing else of it.
bool isInput(LinearOp linear, Value result) {
  return linear && linear.getX() == result && llvm::count(linear->getOperands(), result) == 1;
}

struct FuseNormLinearPass : impl::FuseNormLinearBase<FuseNormLinearPass> {
  using FuseNormLinearBase::FuseNormLinearBase;

  /// Why `norm`, which some product reads, cannot be part of the products; empty if it can.
  std::string whyNot(NormOp norm) {
    if (!unsupported.empty())
      return unsupported;
    if (norm.getX().getType() != norm.getResult().getType())
      return "its result has another type than its x";
    unsigned products = 0;
    for (Operation *user : norm.getResult().getUsers()) {
      auto linear = dyn_cast<LinearOp>(user);
      if (!isInput(linear, norm.getResult()))
        return "its result has another user";
      if (linear.hasPrologue() || linear.getNorm())
        return "a product has a prologue or a norm already";
      ++products;
    }
    if (products > maxProducts)
      return "expected at most " + std::to_string(maxProducts) + " products, got " +
             std::to_string(products);
    return {};
  }

  void fuse(IRRewriter &rewriter, NormOp norm, LinearOp linear) {
    LinearOperands operands = linear.getLinearOperands();
    operands.x = norm.getX();
    operands.norm = {norm.getKind(), norm.getEps().convertToDouble()};
    Region prologue, epilogue;
    if (norm.getWeight()) {
      operands.xCols = {norm.getWeight()};
      OpBuilder::InsertionGuard guard(rewriter);
      Type type = linear.getAccumulationType();
      Location loc = norm.getLoc();
      Block *block = rewriter.createBlock(&prologue, {}, {type, type}, {loc, loc});
      Value scaled =
          rewriter.create<arith::MulFOp>(loc, block->getArgument(0), block->getArgument(1));
      rewriter.create<YieldOp>(loc, scaled, ValueRange());
    }
    epilogue.takeBody(linear.getEpilogue());
    rewriter.setInsertionPoint(linear);
    auto fused = rewriter.create<LinearOp>(linear.getLoc(), operands, linear.getResultTypes(),
                                           std::move(prologue), std::move(epilogue));
    fused.setTransposed(linear.getTransposed());
    fused->setDiscardableAttrs(linear->getDiscardableAttrDictionary());
    rewriter.replaceOp(linear, fused.getOutputs());
  }

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<NormOp> norms;
    getOperation().walk([&](NormOp norm) { norms.push_back(norm); });
    for (NormOp norm : norms) {
      SmallVector<LinearOp> linears; // a product once, however often it reads the result
      for (Operation *user : norm.getResult().getUsers())
        if (auto linear = dyn_cast<LinearOp>(user); linear && !llvm::is_contained(linears, linear))
          linears.push_back(linear);
      if (linears.empty())
        continue;
      if (std::string reason = whyNot(norm); !reason.empty()) {
        norm.emitRemark() << "stays a kernel of its own before a product: " << reason;
        continue;
      }
      for (LinearOp linear : linears)
        fuse(rewriter, norm, linear);
      rewriter.eraseOp(norm);
      ++numNorms;
    }
  }
};

} // namespace
} // namespace mlir::xlstm
