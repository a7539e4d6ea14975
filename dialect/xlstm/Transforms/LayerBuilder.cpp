// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/Transforms/LayerBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::xlstm;

static RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

/// The type with another last axis and another element type.
static RankedTensorType withLast(RankedTensorType type, int64_t extent, Type element) {
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = extent;
  return RankedTensorType::get(shape, element);
}

LayerBuilder::LayerBuilder(OpBuilder &builder, Location loc, RankedTensorType stream)
    : b(builder), loc(loc), input(stream.getElementType()),
      accumulation(input.isF64() ? input : builder.getF32Type()), step(stream.getDimSize(1) == 1) {}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

Value LayerBuilder::map(ValueRange inputs, Body body, Type element) {
  // The shape is that of the first input with the most axes.
  auto full = *llvm::max_element(
      inputs, [](Value x, Value y) { return tensorType(x).getRank() < tensorType(y).getRank(); });
  auto type = RankedTensorType::get(tensorType(full).getShape(), element ? element : input);
  auto op = b.create<MapOp>(
      loc, TypeRange(type), inputs, [&](OpBuilder &inner, Location, ValueRange arguments) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
        return SmallVector<Value>{body(*this, arguments)};
      });
  return op.getOutputs()[0];
}

Value LayerBuilder::residual(Value x, Value y) {
  return map({x, y}, [](LayerBuilder &l, ValueRange e) { return l.add(e[0], e[1]); });
}

Value LayerBuilder::addBias(Value x, Value bias) {
  if (!bias)
    return x;
  return map({x, bias}, [](LayerBuilder &l, ValueRange e) { return l.add(e[0], e[1]); });
}

Value LayerBuilder::factor(Value weight, bool residualWeight) {
  if (!weight || (!residualWeight && getElementTypeOrSelf(weight) == accumulation))
    return weight;
  return map(
      weight,
      [&](LayerBuilder &l, ValueRange e) {
        return residualWeight ? l.add(l.constant(1), e[0]) : e[0];
      },
      accumulation);
}

Value LayerBuilder::norm(NormKind kind, Value x, Value weight, bool residualWeight, Value bias,
                         const APFloat &eps) {
  Value scaled = b.create<NormOp>(loc, x.getType(), kind, x, factor(weight, residualWeight), eps);
  return addBias(scaled, bias);
}

Value LayerBuilder::headNorm(Value x, Value weight, bool residualWeight, Value bias,
                             const APFloat &eps) {
  RankedTensorType type = tensorType(x);
  Value perHead = factor(weight, residualWeight);
  if (perHead)
    perHead = reshape(perHead, {type.getDimSize(2), type.getDimSize(3)});
  Value result = b.create<MultiheadNormOp>(loc, type, NormKind::Layer, x, perHead, eps);
  return addBias(joinHeads(result), bias);
}

Value LayerBuilder::product(Value x, Value weight, Value bias, Type element) {
  LinearOperands operands;
  operands.x = x;
  operands.weights = {weight};
  Type type = withLast(tensorType(x), tensorType(weight).getDimSize(0), element);
  if (!bias)
    return b.create<LinearOp>(loc, operands, TypeRange(type)).getOutputs()[0];
  operands.cols = {bias};
  auto addColumn = [](OpBuilder &inner, Location at, ValueRange e) {
    return SmallVector<Value>{inner.create<arith::AddFOp>(at, e[0], e[1])};
  };
  return b.create<LinearOp>(loc, operands, TypeRange(type), addColumn).getOutputs()[0];
}

Value LayerBuilder::linear(Value x, Value weight, Value bias) {
  return product(x, weight, bias, input);
}

Value LayerBuilder::gate(Value x, Value weight, Value bias) {
  return product(x, weight, bias, accumulation);
}

Value LayerBuilder::blockLinear(Value x, Value weight, Value bias) {
  RankedTensorType matrices = tensorType(weight);
  Type type = withLast(tensorType(x), matrices.getDimSize(0) * matrices.getDimSize(1), input);
  Value y = b.create<BlockLinearOp>(loc, type, x, weight, /*transposed=*/false);
  return addBias(y, bias);
}

SmallVector<Value> LayerBuilder::split(Value x, ArrayRef<int64_t> widths) {
  SmallVector<Type> types;
  for (int64_t width : widths)
    types.push_back(withLast(tensorType(x), width, getElementTypeOrSelf(x)));
  return SmallVector<Value>(b.create<SplitOp>(loc, types, x).getParts());
}

Value LayerBuilder::concat(ValueRange parts) {
  int64_t width = 0;
  for (Value part : parts)
    width += tensorType(part).getShape().back();
  Type type = withLast(tensorType(parts[0]), width, getElementTypeOrSelf(parts[0]));
  return b.create<ConcatOp>(loc, type, parts);
}

Value LayerBuilder::reshape(Value x, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, getElementTypeOrSelf(x));
  return type == x.getType() ? x : b.create<ReshapeOp>(loc, type, x).getResult();
}

Value LayerBuilder::splitHeads(Value x, int64_t heads) {
  SmallVector<int64_t> shape(tensorType(x).getShape());
  shape.back() /= heads;
  shape.insert(shape.end() - 1, heads);
  return reshape(x, shape);
}

Value LayerBuilder::joinHeads(Value x) {
  SmallVector<int64_t> shape(tensorType(x).getShape());
  int64_t units = shape.pop_back_val();
  shape.back() *= units;
  return reshape(x, shape);
}

LayerBuilder::Cell LayerBuilder::mlstm(MLSTMOperands operands, const MLSTMOptions &options) {
  auto withoutTime = [&](Value x) {
    SmallVector<int64_t> shape(tensorType(x).getShape());
    shape.erase(shape.begin() + 1);
    return reshape(x, shape);
  };
  ArrayRef<int64_t> withTime = tensorType(operands.v).getShape();
  if (step)
    for (Value *x : {&operands.q, &operands.k, &operands.v, &operands.i, &operands.f})
      *x = withoutTime(*x);
  auto op = b.create<MLSTMOp>(loc, operands, options,
                              step ? std::optional(MLSTMForm::Step) : std::nullopt);
  Cell cell{step ? reshape(op.getH(), withTime) : op.getH(), {op.getCLast()}};
  if (op.getNLast())
    cell.states.push_back(op.getNLast());
  if (op.getMLast())
    cell.states.push_back(op.getMLast());
  return cell;
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

Value LayerBuilder::constant(double value) {
  return b.create<arith::ConstantOp>(loc, b.getFloatAttr(accumulation, value));
}
Value LayerBuilder::add(Value x, Value y) { return b.create<arith::AddFOp>(loc, x, y); }
Value LayerBuilder::mul(Value x, Value y) { return b.create<arith::MulFOp>(loc, x, y); }
Value LayerBuilder::sigmoid(Value x) { return b.create<SigmoidOp>(loc, x.getType(), x); }
Value LayerBuilder::silu(Value x) { return mul(x, sigmoid(x)); }
Value LayerBuilder::cap(Value x, double bound) {
  Value scaled = b.create<arith::DivFOp>(loc, x, constant(bound));
  return mul(constant(bound), b.create<math::TanhOp>(loc, scaled));
}

Value LayerBuilder::activate(Activation activation, Value x) {
  auto positive = [&] { return b.create<arith::MaximumFOp>(loc, x, constant(0)).getResult(); };
  switch (activation) {
  case Activation::GELU: {
    // x Phi(x) = x (1 + erf(x / sqrt 2)) / 2
    Value erf = b.create<math::ErfOp>(loc, mul(x, constant(0.70710678118654752)));
    return mul(mul(constant(0.5), x), add(constant(1), erf));
  }
  case Activation::ReLU:
    return positive();
  case Activation::SquaredReLU: {
    Value part = positive();
    return mul(part, part);
  }
  case Activation::Sigmoid:
    return sigmoid(x);
  case Activation::SiLU:
    return silu(x);
  case Activation::SELU: {
    // lambda (max(x, 0) + alpha (exp(min(x, 0)) - 1))
    constexpr double alpha = 1.6732632423543772, lambda = 1.0507009873554805;
    Value negative = b.create<arith::MinimumFOp>(loc, x, constant(0));
    Value rise = add(b.create<math::ExpOp>(loc, negative), constant(-1));
    return mul(constant(lambda), add(positive(), mul(constant(alpha), rise)));
  }
  }
  llvm_unreachable("every activation is listed above");
}
