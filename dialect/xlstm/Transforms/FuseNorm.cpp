// SPDX-License-Identifier: Apache-2.0
// An elementwise function of a head norm's result becomes the norm's epilogue, and weights of norms are
// read as they are stored.
#include "dialect/xlstm/Transforms/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace mlir::xlstm {
#define GEN_PASS_DEF_FUSENORM
#include "dialect/xlstm/Transforms/Passes.h.inc"

namespace {

/// The norm whose result an input of a map is, or has in another shape.
MultiheadNormOp normOf(Value input) {
  while (auto reshape = input.getDefiningOp<ReshapeOp>())
    input = reshape.getX();
  return input.getDefiningOp<MultiheadNormOp>();
}

/// Why `map`, which reads the result of `norm`, cannot be its end; empty if it can.
std::string whyNotInto(MultiheadNormOp norm, MapOp map) {
  if (norm.hasEpilogue())
    return "the norm has an epilogue already";
  if (map.getOutputs().size() != 1)
    return "expected one result, got " + std::to_string(map.getOutputs().size());
  auto type = cast<RankedTensorType>(map.getOutputs()[0].getType());
  if (type.getElementType() != norm.getResult().getType().getElementType())
    return "its result has another type than the norm's";
  for (auto [number, input] : llvm::enumerate(map.getInputs())) {
    if (cast<RankedTensorType>(input.getType()).getShape() != type.getShape())
      return "input " + std::to_string(number) + " is not of the result's shape";
    if (normOf(input) != norm)
      continue;
    Value read = input;
    for (Value value = read;; value = value.getDefiningOp()->getOperand(0)) {
      if (!llvm::all_of(value.getUsers(), [&](Operation *user) {
            return user == map || (isa<ReshapeOp>(user) && value != read);
          }))
        return "the norm's result has another user";
      if (value == norm.getResult())
        break;
    }
  }
  return {};
}

/// What a map that only widens 16-bit numbers reads; null if `weight` is something else.
Value widenedBy(Value weight) {
  auto map = weight ? weight.getDefiningOp<MapOp>() : MapOp();
  if (!map || map.getInputs().size() != 1 || map.getOutputs().size() != 1)
    return {};
  Block &body = map.getBody().front();
  if (!llvm::hasSingleElement(body) ||
      body.getTerminator()->getOperands() != ValueRange(body.getArguments()))
    return {};
  Value narrow = map.getInputs()[0];
  return getElementTypeOrSelf(narrow).getIntOrFloatBitWidth() == 16 ? narrow : Value();
}

struct FuseNormPass : impl::FuseNormBase<FuseNormPass> {
  using FuseNormBase::FuseNormBase;

  void fuse(IRRewriter &rewriter, MultiheadNormOp norm, MapOp map) {
    rewriter.setInsertionPoint(map);
    Location loc = map.getLoc();
    RankedTensorType type = norm.getX().getType();
    SmallVector<Value> elems;
    for (Value input : map.getInputs()) {
      if (normOf(input) == norm)
        continue;
      auto elemType = cast<RankedTensorType>(input.getType());
      auto heads = RankedTensorType::get(type.getShape(), elemType.getElementType());
      elems.push_back(elemType == heads ? input : rewriter.create<ReshapeOp>(loc, heads, input));
    }
    auto fused = rewriter.create<MultiheadNormOp>(loc, type, norm.getKind(), norm.getX(),
                                                  norm.getWeight(), norm.getEps(), elems);
    Block &body = map.getBody().front();
    Region &region = fused.getEpilogue();
    SmallVector<Type> types(1 + elems.size(), body.getArgument(0).getType());
    Block *block = rewriter.createBlock(&region, region.end(), types,
                                        SmallVector<Location>(types.size(), loc));
    IRMapping mapping;
    unsigned next = 1;
    for (auto [input, argument] : llvm::zip(map.getInputs(), body.getArguments()))
      mapping.map(argument, block->getArgument(normOf(input) == norm ? 0 : next++));
    for (Operation &op : body)
      rewriter.clone(op, mapping);
    rewriter.setInsertionPointAfter(fused);
    Value result = fused.getResult();
    Type resultType = map.getOutputs()[0].getType();
    if (resultType != type)
      result = rewriter.create<ReshapeOp>(loc, resultType, result);
    SmallVector<Value> inputs(map.getInputs());
    rewriter.replaceOp(map, result);
    for (Value input : inputs) // the norm, and what gave its result another shape
      while (normOf(input) == norm && input.use_empty()) {
        Operation *producer = input.getDefiningOp();
        bool last = producer == norm;
        input = producer->getOperand(0);
        rewriter.eraseOp(producer);
        if (last)
          break;
      }
    ++numMaps;
  }

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<MapOp> maps;
    getOperation().walk([&](MapOp map) { maps.push_back(map); });
    for (MapOp map : maps)
      for (Value input : map.getInputs()) {
        MultiheadNormOp norm = normOf(input);
        if (!norm)
          continue;
        std::string reason = whyNotInto(norm, map);
        if (reason.empty())
          fuse(rewriter, norm, map);
        else
          map.emitRemark() << "stays a kernel of its own behind a head norm: " << reason;
        break;
      }
    getOperation().walk([&](Operation *op) {
      if (auto norm = dyn_cast<NormOp>(op))
        narrowWeight(rewriter, norm);
      if (auto norm = dyn_cast<MultiheadNormOp>(op))
        narrowWeight(rewriter, norm);
    });
  }

  /// A weight that is only widened, also one that then gets the heads' shape, is read as it is stored.
  template <typename Norm> void narrowWeight(IRRewriter &rewriter, Norm norm) {
    auto reshape =
        norm.getWeight() ? norm.getWeight().template getDefiningOp<ReshapeOp>() : ReshapeOp();
    Value widened = reshape ? reshape.getX() : norm.getWeight(), narrow = widenedBy(widened);
    if (!narrow)
      return;
    if (reshape) {
      rewriter.setInsertionPoint(norm);
      Type type = reshape.getResult().getType().clone(getElementTypeOrSelf(narrow));
      narrow = rewriter.create<ReshapeOp>(norm.getLoc(), type, narrow);
    }
    norm.getWeightMutable().assign(narrow);
    if (reshape && reshape->use_empty())
      rewriter.eraseOp(reshape);
    if (widened.use_empty())
      rewriter.eraseOp(widened.getDefiningOp());
    ++numWeights;
  }
};

} // namespace
} // namespace mlir::xlstm
