// SPDX-License-Identifier: Apache-2.0
// An elementwise function of a causal convolution's result becomes the convolution's epilogue.
#include "dialect/xlstm/Transforms/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace mlir::xlstm {
#define GEN_PASS_DEF_FUSECONV
#include "dialect/xlstm/Transforms/Passes.h.inc"

namespace {

/// The convolution whose result an input of a map is.
CausalConv1dOp convOf(Value input) {
  auto conv = input.getDefiningOp<CausalConv1dOp>();
  return conv && input == conv.getY() ? conv : CausalConv1dOp();
}

/// Why `map`, which reads the result of `conv`, cannot be its end; empty if it can.
std::string whyNotInto(CausalConv1dOp conv, MapOp map) {
  if (conv.hasEpilogue())
    return "the convolution has an epilogue already";
  if (map.getOutputs().size() != 1)
    return "expected one result, got " + std::to_string(map.getOutputs().size());
  for (auto [number, input] : llvm::enumerate(map.getInputs()))
    if (input != conv.getY())
      return "input " + std::to_string(number) + " is not the convolution's result";
  if (!llvm::all_of(conv.getY().getUsers(), [&](Operation *user) { return user == map; }))
    return "the convolution's result has another user";
  return {};
}

struct FuseConvPass : impl::FuseConvBase<FuseConvPass> {
  using FuseConvBase::FuseConvBase;

  void fuse(IRRewriter &rewriter, CausalConv1dOp conv, MapOp map) {
    rewriter.setInsertionPoint(conv);
    Location loc = map.getLoc();
    auto fused = rewriter.create<CausalConv1dOp>(
        conv.getLoc(), TypeRange{map.getOutputs()[0].getType(), conv.getStateLast().getType()},
        conv.getX(), conv.getWeight(), conv.getBias(), conv.getState());
    fused->setDiscardableAttrs(conv->getDiscardableAttrDictionary());
    Block &body = map.getBody().front();
    Region &region = fused.getEpilogue();
    Block *block = rewriter.createBlock(&region, region.end(), body.getArgument(0).getType(), loc);
    IRMapping mapping;
    for (BlockArgument argument : body.getArguments())
      mapping.map(argument, block->getArgument(0));
    for (Operation &op : body)
      rewriter.clone(op, mapping);
    rewriter.replaceOp(map, fused.getY());
    rewriter.replaceAllUsesWith(conv.getStateLast(), fused.getStateLast());
    rewriter.eraseOp(conv);
    ++numMaps;
  }

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<MapOp> maps;
    getOperation().walk([&](MapOp map) { maps.push_back(map); });
    for (MapOp map : maps)
      for (Value input : map.getInputs()) {
        CausalConv1dOp conv = convOf(input);
        if (!conv)
          continue;
        std::string reason = whyNotInto(conv, map);
        if (reason.empty())
          fuse(rewriter, conv, map);
        else
          map.emitRemark() << "stays a kernel of its own behind a convolution: " << reason;
        break;
      }
  }
};

} // namespace
} // namespace mlir::xlstm
