// SPDX-License-Identifier: Apache-2.0
// Products of the same x become one of several weights and results.
#include "dialect/xlstm/Transforms/LinearFusion.h"
#include "dialect/xlstm/Transforms/Passes.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace mlir::xlstm {
#define GEN_PASS_DEF_MERGELINEARS
#include "dialect/xlstm/Transforms/Passes.h.inc"

namespace {

/// Why `second` cannot be computed with `first`, which stands before it; empty if it can.
std::string whyNotWith(LinearOp first, LinearOp second, size_t maxWeights) {
  if (first.hasPrologue() || second.hasPrologue() ||
      first.getTransposed() != second.getTransposed())
    return "one of them has a prologue or transposed weights";
  if (first.getNorm() || second.getNorm())
    return "one of them has a norm";
  if (first.getOutputFeatures() != second.getOutputFeatures())
    return "they have " + std::to_string(first.getOutputFeatures()) + " and " +
           std::to_string(second.getOutputFeatures()) + " columns";
  size_t weights = first.getWeights().size() + second.getWeights().size();
  if (weights > maxWeights)
    return "expected at most " + std::to_string(maxWeights) + " weights, got " +
           std::to_string(weights);
  for (Value operand : second->getOperands())
    if (Operation *producer = operand.getDefiningOp();
        producer && !producer->isBeforeInBlock(first))
      return "it reads what is computed in between";
  return {};
}

struct MergeLinearsPass : impl::MergeLinearsBase<MergeLinearsPass> {
  using MergeLinearsBase::MergeLinearsBase;

  /// Merges `linear` into one of `known`, products in program order.
  void visit(IRRewriter &rewriter, SmallVector<LinearOp> &known, LinearOp linear) {
    std::string reason;
    for (LinearOp &first : known) {
      if (first.getX() != linear.getX())
        continue;
      reason = whyNotWith(first, linear, maxWeights);
      if (!reason.empty())
        continue;
      rewriter.setInsertionPoint(first);
      LinearOp merged = fuseLinears(rewriter, {first, linear});
      size_t count = first.getOutputs().size();
      rewriter.replaceOp(linear, merged.getOutputs().drop_front(count));
      rewriter.replaceOp(first, merged.getOutputs().take_front(count));
      first = merged;
      ++numProducts;
      return;
    }
    if (!reason.empty())
      linear.emitRemark() << "is not merged with the last product of the same x: " << reason;
    known.push_back(linear);
  }

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<LinearOp> linears, known;
    getOperation().walk([&](LinearOp linear) { linears.push_back(linear); });
    for (LinearOp linear : linears)
      visit(rewriter, known, linear);
  }
};

} // namespace
} // namespace mlir::xlstm
