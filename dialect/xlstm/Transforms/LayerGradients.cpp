// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/Transforms/LayerGradients.h"

#include "dialect/xlstm/Transforms/RegionGradient.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::xlstm;

static RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

namespace {

class Layer {
public:
  Layer(OpBuilder &builder, Operation *op, ArrayRef<Value> results)
      : b(builder), loc(op->getLoc()), results(results) {}

  void visit(MapOp op);
  LogicalResult visit(BlockLinearOp op);
  LogicalResult visit(CausalConv1dOp op);
  void visit(NormOp op);
  void visit(EmbeddingOp op);
  void visit(CrossEntropyOp op);
  void visit(ReshapeOp op) { give(op.getX(), reshape(results[0], op.getX().getType())); }
  void visit(SplitOp op);
  void visit(ConcatOp op);
  void visit(PermuteOp op);

  SmallVector<OperandGradient> gradients;

private:
  /// Hands a gradient to an operand, in its element type.
  void give(Value operand, Value gradient) {
    gradients.push_back({operand, convert(gradient, getElementTypeOrSelf(operand))});
  }
  Value convert(Value x, Type element);
  Value reshape(Value x, Type type) { return b.create<ReshapeOp>(loc, type, x); }
  Value zerosLike(Value x);
  Type accumulationOf(Value x) {
    return getElementTypeOrSelf(x).isF64() ? Type(b.getF64Type()) : Type(b.getF32Type());
  }
  /// Gradients of `inputs` (full tensors and trailing axes) of a pointwise function, the block with
  /// an argument for each, from those of its outputs (null: zero). Null: none.
  SmallVector<Value> differentiateBlock(Block &block, ValueRange inputs, ArrayRef<Value> outputs);
  /// Of x and the weight of a product.
  void giveProduct(Value x, Value weight, Value dy);

  OpBuilder &b;
  Location loc;
  ArrayRef<Value> results;
};

Value Layer::convert(Value x, Type element) {
  RankedTensorType type = tensorType(x);
  if (type.getElementType() == element)
    return x;
  auto same = [](OpBuilder &, Location, ValueRange e) { return SmallVector<Value>{e[0]}; };
  return b.create<MapOp>(loc, TypeRange(RankedTensorType::get(type.getShape(), element)), x, same)
      .getOutputs()[0];
}

Value Layer::zerosLike(Value x) {
  auto zero = [](OpBuilder &inner, Location at, ValueRange e) {
    return SmallVector<Value>{
        inner.create<arith::ConstantOp>(at, inner.getZeroAttr(e[0].getType()))};
  };
  return b.create<MapOp>(loc, TypeRange(x.getType()), x, zero).getOutputs()[0];
}

SmallVector<Value> Layer::differentiateBlock(Block &block, ValueRange inputs,
                                             ArrayRef<Value> outputs) {
  SmallVector<Value> operands(inputs), given;
  SmallVector<size_t> numbers; // of the outputs with a gradient
  for (auto [number, output] : llvm::enumerate(outputs))
    if (output) {
      operands.push_back(output);
      numbers.push_back(number);
    }
  auto yield = cast<YieldOp>(block.getTerminator());
  // Which inputs have a gradient is known once it is written; the results follow from that.
  SmallVector<size_t> reached;
  auto write = [&](OpBuilder &inner, Location, ValueRange e) {
    IRMapping map;
    map.map(block.getArguments(), e.take_front(inputs.size()));
    for (Operation &op : block.without_terminator())
      inner.clone(op, map);
    SmallVector<GradientSeed> seeds;
    for (auto [number, gradient] : llvm::zip(numbers, e.drop_front(inputs.size())))
      seeds.push_back({yield.getOutputs()[number], gradient});
    SmallVector<Value> found, values = differentiate(inner, block, seeds, block.getArguments());
    // The derivative refers to the block; here its values are those of the copy.
    for (Operation &op : *inner.getInsertionBlock())
      for (OpOperand &operand : op.getOpOperands())
        operand.set(map.lookupOrDefault(operand.get()));
    reached.clear();
    for (auto [number, value] : llvm::enumerate(values))
      if (value) {
        reached.push_back(number);
        found.push_back(map.lookupOrDefault(value));
      }
    return found;
  };
  // All results have the full shape; what is the same along leading axes is summed then.
  RankedTensorType shape = tensorType(operands[inputs.size()]);
  SmallVector<Value> gradients(inputs.size());
  Type accumulation = accumulationOf(operands[inputs.size()]);
  auto full = RankedTensorType::get(shape.getShape(), accumulation);
  OpBuilder::InsertionGuard guard(b);
  OperationState state(loc, MapOp::getOperationName());
  MapOp::build(b, state, SmallVector<Type>{full}, operands, write);
  if (reached.empty()) {
    return gradients;
  }
  state.types.assign(reached.size(), full);
  auto map = cast<MapOp>(b.create(state));
  for (auto [number, gradient] : llvm::zip(reached, map.getOutputs())) {
    RankedTensorType type = tensorType(inputs[number]);
    gradients[number] = gradient;
    if (type.getRank() < shape.getRank())
      gradients[number] = b.create<LeadingSumOp>(
          loc, RankedTensorType::get(type.getShape(), accumulation), gradient);
  }
  return gradients;
}

void Layer::visit(MapOp op) {
  SmallVector<Value> found = differentiateBlock(op.getBlock(), op.getInputs(), results);
  for (auto [input, gradient] : llvm::zip(op.getInputs(), found))
    if (gradient)
      give(input, gradient);
}

void Layer::giveProduct(Value x, Value weight, Value dy) {
  give(x, b.create<BlockLinearOp>(loc, x.getType(), dy, weight, /*transposed=*/true));
  auto type = RankedTensorType::get(tensorType(weight).getShape(), accumulationOf(x));
  give(weight, b.create<BlockLinearWeightOp>(loc, type, x, dy));
}

LogicalResult Layer::visit(BlockLinearOp op) {
  if (op.getTransposed())
    return op.emitOpError("expected a projection that is not transposed: others have no "
                          "derivative");
  giveProduct(op.getX(), op.getWeight(), results[0]);
  return success();
}

LogicalResult Layer::visit(CausalConv1dOp op) {
  if (op.hasEpilogue())
    return op.emitOpError("has an epilogue, which has no derivative: fuse after deriving");
  if (op.getState() || results[1] || !results[0])
    return op.emitOpError("expected a convolution from no state, and no gradient of its last one");
  Type accumulation = accumulationOf(op.getX());
  auto weightType = RankedTensorType::get(op.getWeight().getType().getShape(), accumulation);
  auto backward = b.create<CausalConv1dBackwardOp>(loc, TypeRange{op.getX().getType(), weightType},
                                                   op.getX(), op.getWeight(), results[0]);
  give(op.getX(), backward.getDx());
  give(op.getWeight(), backward.getDweight());
  if (op.getBias())
    give(op.getBias(),
         b.create<LeadingSumOp>(
             loc, RankedTensorType::get(op.getBias().getType().getShape(), accumulation),
             convert(results[0], accumulation)));
  return success();
}

void Layer::visit(NormOp op) {
  auto backward = b.create<NormBackwardOp>(
      loc, op.getX().getType(), op.getWeight() ? op.getWeight().getType() : Type(), op.getKind(),
      op.getX(), results[0], op.getWeight(), op.getEps());
  give(op.getX(), backward.getDx());
  if (op.getWeight())
    give(op.getWeight(), backward.getDweight());
}

void Layer::visit(EmbeddingOp op) {
  auto type =
      RankedTensorType::get(op.getTable().getType().getShape(), accumulationOf(op.getTable()));
  give(op.getTable(), b.create<EmbeddingBackwardOp>(loc, type, op.getTokens(), results[0]));
}

void Layer::visit(CrossEntropyOp op) {
  give(op.getLogits(),
       b.create<CrossEntropyBackwardOp>(loc, op.getLogits().getType(), op.getLogits(),
                                        op.getTargets(), results[0]));
}

void Layer::visit(SplitOp op) {
  SmallVector<Value> parts;
  for (auto [part, gradient] : llvm::zip(op.getParts(), results))
    parts.push_back(gradient ? gradient : zerosLike(part));
  give(op.getX(), b.create<ConcatOp>(loc, op.getX().getType(), parts));
}

void Layer::visit(ConcatOp op) {
  auto split = b.create<SplitOp>(loc, op.getParts().getTypes(), results[0]);
  for (auto [part, gradient] : llvm::zip(op.getParts(), split.getParts()))
    give(part, gradient);
}

void Layer::visit(PermuteOp op) {
  SmallVector<int64_t> inverse(op.getOrder().size());
  for (auto [to, from] : llvm::enumerate(op.getOrder()))
    inverse[from] = to;
  give(op.getX(), b.create<PermuteOp>(loc, op.getX().getType(), results[0], inverse));
}

} // namespace

bool mlir::xlstm::isLayer(Operation *op) {
  return isa<MapOp, BlockLinearOp, CausalConv1dOp, NormOp, EmbeddingOp, CrossEntropyOp, ReshapeOp,
             SplitOp, ConcatOp, PermuteOp>(op);
}

FailureOr<SmallVector<OperandGradient>>
mlir::xlstm::differentiateLayer(OpBuilder &builder, Operation *op, ArrayRef<Value> results) {
  Layer layer(builder, op, results);
  LogicalResult done =
      llvm::TypeSwitch<Operation *, LogicalResult>(op)
          .Case<BlockLinearOp, CausalConv1dOp>([&](auto o) { return layer.visit(o); })
          .Case<MapOp, NormOp, EmbeddingOp, CrossEntropyOp, ReshapeOp, SplitOp, ConcatOp,
                PermuteOp>([&](auto o) {
            layer.visit(o);
            return success();
          });
  if (failed(done))
    return failure();
  return layer.gradients;
}
