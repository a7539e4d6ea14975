// SPDX-License-Identifier: Apache-2.0
// Elementwise functions of a product's result become the product's epilogue.
#include "dialect/xlstm/Transforms/LinearFusion.h"
#include "dialect/xlstm/Transforms/Passes.h"

#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace mlir::xlstm {
#define GEN_PASS_DEF_FUSELINEAR
#include "dialect/xlstm/Transforms/Passes.h.inc"

namespace {

ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

/// Why `map` cannot be the end of `linear`; empty if it can.
std::string whyNotInto(LinearOp linear, MapOp map) {
  ArrayRef<int64_t> shape = map.getShapeType().getShape();
  if (shapeOf(linear.getOutputs()[0]) != shape)
    return "the map's results have another shape than the product";
  for (auto [number, input] : llvm::enumerate(map.getInputs())) {
    ArrayRef<int64_t> extents = shapeOf(input);
    if (extents != shape && extents != shape.take_back())
      return "input " + std::to_string(number) +
             " is neither of the product's shape nor a value for each of its columns";
  }
  for (Value output : linear.getOutputs())
    for (Operation *user : output.getUsers())
      if (user != map)
        return "the product's result has another user";
  return {};
}

struct FuseLinearPass : impl::FuseLinearBase<FuseLinearPass> {
  using FuseLinearBase::FuseLinearBase;

  /// The products that `map` ends: the last one that can be, and those of the same x beside it.
  SmallVector<LinearOp> findProducts(MapOp map) {
    llvm::SmallSetVector<Operation *, 4> producers;
    for (Value input : map.getInputs())
      if (auto linear = input.getDefiningOp<LinearOp>())
        producers.insert(linear);
    SmallVector<LinearOp> found;
    for (Operation *producer : producers) {
      auto linear = cast<LinearOp>(producer);
      std::string reason = whyNotInto(linear, map);
      if (reason.empty()) {
        found.push_back(linear);
        continue;
      }
      map.emitRemark() << "stays a kernel of its own beside a product: " << reason;
    }
    if (found.size() < 2)
      return found;
    // The value that is there last comes out of a product; those of other products are read.
    llvm::stable_sort(found, [](LinearOp a, LinearOp b) { return b->isBeforeInBlock(a); });
    SmallVector<LinearOp> same;
    size_t weights = 0;
    for (LinearOp linear : found) {
      bool joins = same.empty() ||
                   (linear.getX() == found[0].getX() &&
                    linear.getTransposed() == found[0].getTransposed() && !linear.hasPrologue() &&
                    !found[0].hasPrologue() && !linear.getNorm() && !found[0].getNorm());
      size_t sum = weights + linear.getWeights().size();
      if (joins && (same.empty() || sum <= maxWeights)) {
        same.push_back(linear);
        weights = sum;
        continue;
      }
      linear.emitRemark() << "is not part of the product that ends in the same map: "
                          << (joins ? "expected at most " + std::to_string(maxWeights) +
                                          " weights, got " + std::to_string(sum)
                                    : std::string("its x, norm or prologue is another"));
    }
    std::reverse(same.begin(), same.end()); // as they are written
    return same;
  }

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    // In program order: what a map was fused into may be what the next map reads.
    SmallVector<MapOp> maps;
    getOperation().walk([&](MapOp map) { maps.push_back(map); });
    for (MapOp map : maps) {
      SmallVector<LinearOp> linears = findProducts(map);
      if (linears.empty())
        continue;
      rewriter.setInsertionPoint(map);
      LinearOp fused = fuseLinears(rewriter, linears, map);
      rewriter.replaceOp(map, fused.getOutputs());
      for (LinearOp linear : linears)
        rewriter.eraseOp(linear);
      ++numMaps;
    }
  }
};

} // namespace
} // namespace mlir::xlstm
