// SPDX-License-Identifier: Apache-2.0
// Constraints of the layers of blocks and models.
#include "dialect/xlstm/IR/Constraints.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::xlstm;
using namespace mlir::xlstm::detail;

/// All tensors are f64, or none is. `x` gives the type that the others are compared with.
static LogicalResult expectOneWidth(Operation *op, Value x, ArrayRef<Named> others) {
  Type element = getElementTypeOrSelf(x);
  for (const Named &other : others)
    if (other.value && getElementTypeOrSelf(other.value).isF64() != element.isF64())
      return op->emitOpError() << "expected all tensors to be f64, or none, got x of " << element
                               << " and " << other.name << " of "
                               << getElementTypeOrSelf(other.value);
  return success();
}

LogicalResult EmbeddingOp::verify() {
  auto table = getTable().getType();
  auto tokens = cast<RankedTensorType>(getTokens().getType());
  // embedding_c1
  if (failed(expectStatic(*this, "V", table.getDimSize(0))) ||
      failed(expectStatic(*this, "D", table.getDimSize(1))))
    return failure();
  // embedding_c2
  SmallVector<int64_t> shape(tokens.getShape());
  shape.push_back(table.getDimSize(1));
  Type element = getElementTypeOrSelf(getResult());
  if (!element.isF32() || table.getElementType().isF64())
    element = table.getElementType();
  return expectType(*this, {"the result", getResult()}, RankedTensorType::get(shape, element),
                    "[.., D]");
}

void CausalConv1dOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getY(), "conv");
  setName(getStateLast(), "conv_last");
}

void CausalConv1dOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  for (BlockArgument argument : region.getArguments())
    setName(argument, "sum");
}

LogicalResult CausalConv1dOp::verify() {
  auto x = getX().getType();
  int64_t channels = getChannels(), kernel = getKernelSize();
  // causal_conv1d_c1
  if (failed(expectStatic(*this, "C", channels)) || failed(expectStatic(*this, "K", kernel)))
    return failure();
  auto like = [&](ArrayRef<int64_t> shape, Value value) {
    return RankedTensorType::get(shape, value ? getElementTypeOrSelf(value) : x.getElementType());
  };
  // causal_conv1d_c2
  if (x.getDimSize(2) != channels)
    return emitOpError() << "expected x with the " << channels << " channels of the weight, got "
                         << describe(x);
  if (failed(expectType(*this, {"bias", getBias()}, like(channels, getBias()), "[C]")))
    return failure();
  // causal_conv1d_c3
  if (failed(expectType(*this, {"y", getY()}, like(x.getShape(), getY()), "[B, T, C]")))
    return failure();
  auto state =
      RankedTensorType::get({x.getDimSize(0), kernel - 1, channels},
                            getElementTypeOrSelf(getState() ? getState() : getStateLast()));
  if (failed(expectType(*this, {"state", getState()}, state, "[B, K - 1, C]")) ||
      failed(expectType(*this, {"the last state", getStateLast()}, state, "[B, K - 1, C]")))
    return failure();
  // causal_conv1d_c4
  return expectOneWidth(*this, getX(),
                        {{"weight", getWeight()},
                         {"bias", getBias()},
                         {"y", getY()},
                         {"the last state", getStateLast()}});
}

LogicalResult CausalConv1dOp::verifyRegions() {
  // causal_conv1d_c5
  return expectScalarBody(*this, getEpilogue(), "an epilogue",
                          getAccumulationTypeFor(getX().getType().getElementType()), 1, 1);
}

LogicalResult BlockLinearOp::verify() {
  auto x = cast<RankedTensorType>(getX().getType()), y = cast<RankedTensorType>(getY().getType());
  auto weight = getWeight().getType();
  // block_linear_c1
  for (auto [axis, name] : llvm::enumerate(ArrayRef<StringRef>{"N", "O", "I"}))
    if (failed(expectStatic(*this, name, weight.getDimSize(axis))))
      return failure();
  int64_t inputs = weight.getDimSize(0) * weight.getDimSize(2),
          outputs = weight.getDimSize(0) * weight.getDimSize(1);
  if (getTransposed())
    std::swap(inputs, outputs);
  // block_linear_c2
  if (x.getShape().back() != inputs)
    return emitOpError() << "expected x with a last axis of " << inputs << ", got " << describe(x);
  // block_linear_c2, block_linear_c3
  SmallVector<int64_t> shape(x.getShape());
  shape.back() = outputs;
  if (failed(expectType(*this, {"y", getY()}, RankedTensorType::get(shape, y.getElementType()),
                        getTransposed() ? "[.., N I]" : "[.., N O]")))
    return failure();
  // block_linear_c3
  return expectOneWidth(*this, getX(), {{"weight", getWeight()}, {"y", getY()}});
}

LogicalResult CrossEntropyOp::verify() {
  auto logits = getLogits().getType();
  // cross_entropy_c1
  if (failed(expectStatic(*this, "V", logits.getDimSize(2))))
    return failure();
  // cross_entropy_c2
  if (failed(expectType(*this, {"targets", getTargets()},
                        RankedTensorType::get(logits.getShape().drop_back(),
                                              getTargets().getType().getElementType()),
                        "[B, T]")))
    return failure();
  // cross_entropy_c3
  return expectType(*this, {"the loss", getLoss()},
                    RankedTensorType::get({1}, getAccumulationTypeFor(logits.getElementType())),
                    "[1]");
}

//===----------------------------------------------------------------------===//
// Gradients
//===----------------------------------------------------------------------===//

static RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

LogicalResult LeadingSumOp::verify() {
  RankedTensorType x = tensorType(getX()), result = tensorType(getResult());
  // leading_sum_c1
  int64_t axes = result.getRank();
  if (axes > x.getRank() || x.getShape().take_back(axes) != result.getShape() ||
      result.getElementType() != x.getElementType() || !result.hasStaticShape())
    return emitOpError() << "expected a result with the last axes of " << describe(x)
                         << ", static, and its element type, got " << describe(result);
  return success();
}

LogicalResult BlockLinearWeightOp::verify() {
  RankedTensorType x = tensorType(getX()), dy = tensorType(getDy());
  auto result = getResult().getType();
  // block_linear_weight_c1
  for (auto [axis, name] : llvm::enumerate(ArrayRef<StringRef>{"N", "O", "I"}))
    if (failed(expectStatic(*this, name, result.getDimSize(axis))))
      return failure();
  // block_linear_weight_c2
  SmallVector<int64_t> shape(x.getShape());
  shape.back() = result.getDimSize(0) * result.getDimSize(2);
  if (failed(expectType(*this, {"x", getX()}, RankedTensorType::get(shape, x.getElementType()),
                        "[.., N I]")))
    return failure();
  shape.back() = result.getDimSize(0) * result.getDimSize(1);
  if (failed(expectType(*this, {"dy", getDy()}, RankedTensorType::get(shape, dy.getElementType()),
                        "[.., N O]")))
    return failure();
  // block_linear_weight_c3
  return expectOneWidth(*this, getX(), {{"dy", getDy()}, {"the result", getResult()}});
}

LogicalResult CausalConv1dBackwardOp::verify() {
  auto weight = getWeight().getType(), x = getX().getType();
  // causal_conv1d_backward_c1
  if (failed(expectStatic(*this, "C", weight.getDimSize(0))) ||
      failed(expectStatic(*this, "K", weight.getDimSize(1))))
    return failure();
  if (x.getDimSize(2) != weight.getDimSize(0))
    return emitOpError() << "expected x with the " << weight.getDimSize(0)
                         << " channels of the weight, got " << describe(x);
  // causal_conv1d_backward_c2
  return expectType(
      *this, {"dweight", getDweight()},
      RankedTensorType::get(weight.getShape(), getAccumulationTypeFor(x.getElementType())),
      "[C, K]");
}

LogicalResult EmbeddingBackwardOp::verify() {
  RankedTensorType tokens = tensorType(getTokens()), dx = tensorType(getDx());
  auto result = getResult().getType();
  // embedding_backward_c1
  if (failed(expectStatic(*this, "V", result.getDimSize(0))) ||
      failed(expectStatic(*this, "D", result.getDimSize(1))))
    return failure();
  if (result.getElementType() != getAccumulationTypeFor(dx.getElementType()))
    return emitOpError() << "expected a result of the accumulation type "
                         << getAccumulationTypeFor(dx.getElementType()) << ", got "
                         << result.getElementType();
  // embedding_backward_c2
  SmallVector<int64_t> shape(tokens.getShape());
  shape.push_back(result.getDimSize(1));
  return expectType(*this, {"dx", getDx()}, RankedTensorType::get(shape, dx.getElementType()),
                    "[.., D]");
}

LogicalResult CrossEntropyBackwardOp::verify() {
  auto logits = getLogits().getType();
  // cross_entropy_backward_c1
  if (failed(expectStatic(*this, "V", logits.getDimSize(2))) ||
      failed(expectType(*this, {"targets", getTargets()},
                        RankedTensorType::get(logits.getShape().drop_back(),
                                              getTargets().getType().getElementType()),
                        "[B, T]")))
    return failure();
  // cross_entropy_backward_c2
  return expectType(*this, {"dloss", getDloss()},
                    RankedTensorType::get({1}, getAccumulationTypeFor(logits.getElementType())),
                    "[1]");
}
