// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/Transforms/LinearGradient.h"

#include "dialect/xlstm/Transforms/RegionGradient.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::xlstm;

namespace {

class LinearDifferentiator {
public:
  LinearDifferentiator(OpBuilder &builder, LinearOp op, ArrayRef<Value> outputGradients)
      : b(builder), loc(op.getLoc()), op(op), operands(op.getLinearOperands()),
        outputGradients(outputGradients), accumulation(op.getAccumulationType()) {}

  LinearGradients run() {
    differentiateEpilogue();
    differentiateProducts();
    if (inputGradient && op.hasPrologue())
      differentiatePrologue();
    else
      gradients.x = inputGradient;
    return gradients;
  }

private:
  void differentiateEpilogue();
  void differentiateProducts();
  void differentiatePrologue();
  Value input();
  Value convert(Value tensor, Type element);
  Value sumOverRows(Value tensor, Type element);
  RankedTensorType like(Value tensor, Type element) {
    return cast<RankedTensorType>(tensor.getType()).clone(element);
  }

  OpBuilder &b;
  Location loc;
  LinearOp op;
  LinearOperands operands;
  ArrayRef<Value> outputGradients;
  Type accumulation;
  LinearGradients gradients;
  SmallVector<Value> sumGradients; // of acc_w, [.., N] in the type of x; null: zero
  Value inputGradient;             // of x', [.., K]
};

/// Makes `block` compute, behind what it does, gradients of `wanted` from `seeds`, and yield those
/// that are not zero; `isThere` says which.
void appendDerivative(Block &block, ArrayRef<GradientSeed> seeds, ValueRange wanted,
                      SmallVector<bool> &isThere) {
  Operation *yield = block.getTerminator();
  OpBuilder inner(yield);
  SmallVector<Value> yielded;
  for (Value gradient : differentiate(inner, block, seeds, wanted)) {
    isThere.push_back(bool(gradient));
    if (gradient)
      yielded.push_back(gradient);
  }
  inner.create<YieldOp>(yield->getLoc(), yielded, ValueRange());
  yield->erase();
}

/// The ops of a block again, with these arguments; what it yields.
SmallVector<Value> cloneOps(OpBuilder &b, Block &block, ValueRange arguments) {
  IRMapping map;
  map.map(block.getArguments(), arguments);
  for (Operation &op : block.without_terminator())
    b.clone(op, map);
  return llvm::map_to_vector(cast<YieldOp>(block.getTerminator()).getOutputs(),
                             [&](Value value) { return map.lookupOrDefault(value); });
}

/// The elements of a tensor in another type.
Value LinearDifferentiator::convert(Value tensor, Type element) {
  if (getElementTypeOrSelf(tensor) == element)
    return tensor;
  return b
      .create<MapOp>(loc, TypeRange(like(tensor, element)), ValueRange(tensor),
                     [](OpBuilder &, Location, ValueRange x) { return SmallVector<Value>(x); })
      .getResult(0);
}

/// sum over all rows of a tensor [.., N] of the accumulation type.
Value LinearDifferentiator::sumOverRows(Value tensor, Type element) {
  auto type = cast<RankedTensorType>(tensor.getType());
  int64_t n = type.getShape().back();
  // [B, T, 1, N]: of one leading axis T is 1, of more all but two are units.
  SmallVector<int64_t> shape(type.getShape().drop_back());
  while (shape.size() < 2)
    shape.push_back(1);
  shape.append({1, n});
  if (shape.size() > 4) // time_sum has one axis more
    return {};
  Value rows = b.create<ReshapeOp>(loc, RankedTensorType::get(shape, accumulation), tensor);
  Value sum = b.create<TimeSumOp>(loc, RankedTensorType::get({1, n}, accumulation), rows);
  return convert(b.create<ReshapeOp>(loc, RankedTensorType::get({n}, accumulation), sum), element);
}

void LinearDifferentiator::differentiateEpilogue() {
  Type element = getElementTypeOrSelf(op.getX());
  sumGradients.assign(operands.weights.size(), {});
  gradients.elems.assign(operands.elems.size(), {});
  gradients.cols.assign(operands.cols.size(), {});
  if (!op.hasEpilogue()) {
    for (auto [w, gradient] : llvm::enumerate(outputGradients))
      if (gradient)
        sumGradients[w] = convert(gradient, element);
    return;
  }
  // The region with the gradients of its results as elements more, behind those that it has.
  Region region;
  IRMapping map;
  op.getEpilogue().cloneInto(&region, map);
  Block &block = region.front();
  size_t weights = operands.weights.size(), elems = operands.elems.size(),
         rows = operands.rows.size();
  LinearOperands derived = operands;
  SmallVector<GradientSeed> seeds;
  auto yielded = cast<YieldOp>(block.getTerminator()).getOutputs();
  for (auto [result, gradient] : llvm::enumerate(outputGradients))
    if (gradient) {
      seeds.push_back({yielded[result],
                       block.insertArgument(weights + elems + seeds.size(), accumulation, loc)});
      derived.elems.push_back(gradient);
    }
  SmallVector<Value> wanted(block.getArguments().take_front(weights + elems));
  size_t firstColumn = weights + elems + seeds.size() + rows;
  llvm::append_range(wanted, block.getArguments().drop_front(firstColumn));
  SmallVector<bool> isThere;
  appendDerivative(block, seeds, wanted, isThere);
  SmallVector<Type> types;
  for (auto [i, there] : llvm::enumerate(isThere)) {
    if (!there)
      continue;
    Type type = i < weights           ? element
                : i < weights + elems ? getElementTypeOrSelf(operands.elems[i - weights])
                                      : accumulation;
    types.push_back(like(op.getOutputs()[0], type));
  }
  if (types.empty())
    return;
  auto linear = b.create<LinearOp>(loc, derived, types, Region(), std::move(region));
  if (op.hasPrologue()) {
    IRMapping unused;
    op.getPrologue().cloneInto(&linear.getPrologue(), unused);
  }
  if (op.getTransposed())
    linear.setTransposed(true);
  size_t next = 0;
  for (auto [i, there] : llvm::enumerate(isThere)) {
    if (!there)
      continue;
    Value value = linear.getOutputs()[next++];
    if (i < weights)
      sumGradients[i] = value;
    else if (i < weights + elems)
      gradients.elems[i - weights] = value;
    else
      gradients.cols[i - weights - elems] =
          sumOverRows(value, getElementTypeOrSelf(operands.cols[i - weights - elems]));
  }
}

/// x'.
Value LinearDifferentiator::input() {
  if (!op.hasPrologue())
    return op.getX();
  SmallVector<Value> inputs = {op.getX()};
  llvm::append_range(inputs, operands.xElems);
  llvm::append_range(inputs, operands.xCols);
  auto body = [&](OpBuilder &inner, Location, ValueRange arguments) {
    return cloneOps(inner, op.getPrologue().front(), arguments);
  };
  return b.create<MapOp>(loc, TypeRange(op.getX().getType()), inputs, body).getResult(0);
}

void LinearDifferentiator::differentiateProducts() {
  Type element = getElementTypeOrSelf(op.getX());
  gradients.weights.assign(operands.weights.size(), {});
  Value x;
  int64_t count = llvm::count_if(sumGradients, [](Value value) { return bool(value); });
  for (auto [w, gradient] : llvm::enumerate(sumGradients)) {
    if (!gradient)
      continue;
    if (!x)
      x = input();
    Value rows = gradient, columns = x;
    if (op.getTransposed())
      std::swap(rows, columns);
    gradients.weights[w] =
        b.create<WeightGradOp>(loc, operands.weights[w].getType(), rows, columns);
    LinearOperands product;
    product.x = gradient;
    product.weights = {operands.weights[w]};
    if (inputGradient)
      product.elems = {inputGradient};
    // What several products add up to is rounded once.
    auto type = like(op.getX(), --count ? accumulation : element);
    auto add = [&](OpBuilder &inner, Location, ValueRange e) {
      return SmallVector<Value>{inner.create<arith::AddFOp>(loc, e[0], e[1])};
    };
    auto linear = inputGradient ? b.create<LinearOp>(loc, product, TypeRange(type), LinearBody(add))
                                : b.create<LinearOp>(loc, product, TypeRange(type));
    linear.setTransposed(!op.getTransposed());
    inputGradient = linear.getOutputs()[0];
  }
}

void LinearDifferentiator::differentiatePrologue() {
  SmallVector<Value> inputs = {op.getX()};
  llvm::append_range(inputs, operands.xElems);
  llvm::append_range(inputs, operands.xCols);
  size_t full = 1 + operands.xElems.size(); // inputs of all elements; the others are columns
  gradients.xElems.assign(operands.xElems.size(), {});
  gradients.xCols.assign(operands.xCols.size(), {});
  Region region;
  IRMapping map;
  op.getPrologue().cloneInto(&region, map);
  Block &block = region.front();
  GradientSeed seed = {cast<YieldOp>(block.getTerminator()).getOutputs()[0],
                       block.addArgument(accumulation, loc)};
  SmallVector<bool> isThere;
  appendDerivative(block, seed, ValueRange(block.getArguments().drop_back()), isThere);
  SmallVector<Type> types;
  for (auto [i, there] : llvm::enumerate(isThere))
    if (there)
      types.push_back(like(op.getX(), i < full ? getElementTypeOrSelf(inputs[i]) : accumulation));
  if (types.empty())
    return;
  inputs.push_back(inputGradient);
  auto gradient = b.create<MapOp>(loc, TypeRange(types), inputs,
                                  [&](OpBuilder &inner, Location, ValueRange arguments) {
                                    return cloneOps(inner, block, arguments);
                                  });
  size_t next = 0;
  for (auto [i, there] : llvm::enumerate(isThere)) {
    if (!there)
      continue;
    Value value = gradient.getResult(next++);
    if (i == 0)
      gradients.x = value;
    else if (i < full)
      gradients.xElems[i - 1] = value;
    else
      gradients.xCols[i - full] = sumOverRows(value, getElementTypeOrSelf(inputs[i]));
  }
}

} // namespace

FailureOr<LinearGradients> mlir::xlstm::differentiate(OpBuilder &builder, LinearOp op,
                                                      ArrayRef<Value> outputGradients) {
  if (!op.getXRows().empty() || !op.getRows().empty())
    return op.emitOpError("expected no x_rows and no rows: they have no derivative");
  if (op.getLeadingRank() > 2 && (!op.getXCols().empty() || !op.getCols().empty()))
    return op.emitOpError()
           << "expected at most two leading axes with x_cols or cols in a function "
              "that is differentiated, got "
           << op.getLeadingRank();
  return LinearDifferentiator(builder, op, outputGradients).run();
}
