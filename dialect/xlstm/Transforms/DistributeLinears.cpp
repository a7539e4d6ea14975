// SPDX-License-Identifier: Apache-2.0
// Products of joined or cut activations become products of the parts: their weights are joined or
// cut instead, which are smaller.
#include "dialect/xlstm/Transforms/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace mlir::xlstm {
#define GEN_PASS_DEF_DISTRIBUTELINEARS
#include "dialect/xlstm/Transforms/Passes.h.inc"

namespace {

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Why a product's weight is not distributed; empty if it can be.
std::string whyNot(LinearOp linear) {
  if (linear.getWeights().size() != 1)
    return "expected one weight, got " + std::to_string(linear.getWeights().size());
  if (linear.hasPrologue() || linear.getTransposed())
    return "it has a prologue or a transposed weight";
  if (linear.getNorm())
    return "it has a norm";
  return {};
}

class Distribution {
public:
  Distribution(OpBuilder &builder, LinearOp linear)
      : b(builder), loc(linear.getLoc()), linear(linear), weight(linear.getWeights()[0]) {}

  /// x W^T = sum over the parts p of x of p W_p^T, each added to the sum of those before it.
  SmallVector<Value> ofInput(ConcatOp concat) {
    SmallVector<Type> types;
    for (Value part : concat.getParts())
      types.push_back(
          typeOf(weight).clone({linear.getOutputFeatures(), typeOf(part).getShape().back()}));
    auto weights = b.create<SplitOp>(loc, types, weight);
    Type accumulation = linear.getAccumulationType();
    auto partial = typeOf(linear.getOutputs()[0]).clone(accumulation);
    Value sum;
    for (auto [number, part] : llvm::enumerate(concat.getParts().drop_back())) {
      LinearOperands operands;
      operands.x = part, operands.weights = {weights.getParts()[number]};
      if (!sum) {
        sum = b.create<LinearOp>(loc, operands, TypeRange(partial)).getOutputs()[0];
        continue;
      }
      operands.elems = {sum};
      auto add = [&](OpBuilder &inner, Location, ValueRange e) {
        return SmallVector<Value>{inner.create<arith::AddFOp>(loc, e[0], e[1])};
      };
      sum = b.create<LinearOp>(loc, operands, TypeRange(partial), LinearBody(add)).getOutputs()[0];
    }
    return last(concat.getParts().back(), weights.getParts().back(), sum);
  }

  /// The columns of y are those of the weight's rows.
  SmallVector<Value> ofOutput(SplitOp split) {
    int64_t inputs = linear.getInputFeatures();
    Type element = typeOf(weight).getElementType();
    SmallVector<Type> types;
    for (Value part : split.getParts())
      types.push_back(RankedTensorType::get({typeOf(part).getShape().back() * inputs}, element));
    // Rows of a matrix are one after the other in memory.
    Value flat = b.create<ReshapeOp>(
        loc, RankedTensorType::get({typeOf(weight).getNumElements()}, element), weight);
    auto weights = b.create<SplitOp>(loc, types, flat);
    SmallVector<Value> outputs;
    for (auto [part, rows] : llvm::zip(split.getParts(), weights.getParts())) {
      LinearOperands operands;
      operands.x = linear.getX();
      operands.weights = {b.create<ReshapeOp>(
          loc, RankedTensorType::get({typeOf(part).getShape().back(), inputs}, element), rows)};
      outputs.push_back(
          b.create<LinearOp>(loc, operands, TypeRange(part.getType())).getOutputs()[0]);
    }
    return outputs;
  }

private:
  /// The last part's product: its epilogue is that of the whole, of its sum and `before`.
  SmallVector<Value> last(Value part, Value rows, Value before) {
    LinearOperands operands = linear.getLinearOperands();
    operands.x = part, operands.weights = {rows};
    size_t elems = operands.elems.size();
    auto body = [&](OpBuilder &inner, Location, ValueRange e) {
      Value sum = inner.create<arith::AddFOp>(loc, e[elems + 1], e[0]);
      if (!linear.hasEpilogue())
        return SmallVector<Value>{sum};
      Block &block = linear.getEpilogue().front();
      IRMapping mapping;
      SmallVector<Value> arguments{sum};
      llvm::append_range(arguments, e.slice(1, elems));
      llvm::append_range(arguments, e.drop_front(elems + 2));
      mapping.map(block.getArguments(), arguments);
      for (Operation &op : block.without_terminator())
        inner.clone(op, mapping);
      SmallVector<Value> yielded;
      for (Value value : cast<YieldOp>(block.getTerminator()).getOutputs())
        yielded.push_back(mapping.lookupOrDefault(value));
      return yielded;
    };
    operands.elems.push_back(before);
    auto product = b.create<LinearOp>(loc, operands, linear.getResultTypes(), LinearBody(body));
    return SmallVector<Value>(product.getOutputs());
  }

  OpBuilder &b;
  Location loc;
  LinearOp linear;
  Value weight;
};

struct DistributeLinearsPass : impl::DistributeLinearsBase<DistributeLinearsPass> {
  using DistributeLinearsBase::DistributeLinearsBase;

  /// Says why not, if there is a reason.
  bool agrees(LinearOp linear, const std::string &reason) {
    if (!reason.empty())
      linear.emitRemark() << "is not distributed: " << reason;
    return reason.empty();
  }

  void runOnOperation() override {
    func::FuncOp target = getOperation().lookupSymbol<func::FuncOp>(function);
    if (!target)
      return;
    IRRewriter rewriter(&getContext());
    SmallVector<SplitOp> splits;
    SmallVector<LinearOp> linears;
    target.walk([&](SplitOp split) { splits.push_back(split); });
    for (SplitOp split : splits) {
      auto linear = split.getX().getDefiningOp<LinearOp>();
      if (!linear)
        continue;
      std::string reason = whyNot(linear);
      if (reason.empty() && linear.hasEpilogue())
        reason = "what is cut is the result of an epilogue";
      if (reason.empty() && !split.getX().hasOneUse())
        reason = "what is cut has another user";
      if (!agrees(linear, reason))
        continue;
      rewriter.setInsertionPoint(linear);
      rewriter.replaceOp(split, Distribution(rewriter, linear).ofOutput(split));
      rewriter.eraseOp(linear);
      ++numProducts;
    }
    target.walk([&](LinearOp linear) { linears.push_back(linear); });
    for (LinearOp linear : linears) {
      auto concat = linear.getX().getDefiningOp<ConcatOp>();
      if (!concat || concat.getParts().size() < 2 || !agrees(linear, whyNot(linear)))
        continue;
      rewriter.setInsertionPoint(linear);
      rewriter.replaceOp(linear, Distribution(rewriter, linear).ofInput(concat));
      if (concat->use_empty())
        rewriter.eraseOp(concat);
      ++numProducts;
    }
  }
};

} // namespace
} // namespace mlir::xlstm
