// SPDX-License-Identifier: Apache-2.0
// Constraints of the norms and of their gradients.
#include "dialect/xlstm/IR/Constraints.h"

#include "mlir/IR/TypeUtilities.h"
#include <cmath>

using namespace mlir;
using namespace mlir::xlstm;
using namespace mlir::xlstm::detail;

// The constraints labelled norm_.. are those that multihead_norm_.. label likewise.
template <typename Op>
static LogicalResult verifyNorm(Op op, RankedTensorType weight, StringRef layout) {
  // multihead_norm_c2, norm_c2
  if (failed(expectType(op, {"weight", op.getWeight()}, weight, layout)))
    return failure();
  // multihead_norm_c3, norm_c3
  double eps = op.getEps().convertToDouble();
  if (!std::isfinite(eps) || eps < 0)
    return op.emitOpError() << "expected eps to be finite and not negative, got " << eps;
  return success();
}

template <typename Op> static LogicalResult verifyDweight(Op op, StringRef layout) {
  if (bool(op.getDweight()) != bool(op.getWeight()))
    return op.emitOpError() << "expected a result dweight exactly with a weight, got "
                            << (op.getDweight() ? "one" : "none");
  return op.getWeight()
             ? expectType(op, {"dweight", op.getDweight()}, op.getWeight().getType(), layout)
             : success();
}

/// `weight` is the type of its elements, if not that of accumulation.
template <typename Op> static LogicalResult verifyRowNorm(Op op, Type weight = {}) {
  auto x = op.getX().getType();
  int64_t d = x.getShape().back();
  // norm_c1
  if (failed(expectStatic(op, "D", d)))
    return failure();
  if (!weight)
    weight = getAccumulationTypeFor(x.getElementType());
  return verifyNorm(op, RankedTensorType::get({d}, weight), "[D]");
}

/// norm_c4, multihead_norm_c7
template <typename Op> static LogicalResult verifyResult(Op op, StringRef layout) {
  auto x = op.getX().getType(), result = op.getResult().getType();
  if (failed(expectType(op, {"the result", op.getResult()},
                        RankedTensorType::get(x.getShape(), result.getElementType()), layout)))
    return failure();
  if (result.getElementType().isF64() != x.getElementType().isF64())
    return op.emitOpError() << "expected all tensors to be f64, or none, got x of "
                            << x.getElementType() << " and a result of " << result.getElementType();
  return success();
}

/// The type of the weight's elements if they have 16 bits, which are exact in an accumulation type of
/// f32; null for others.
template <typename Op> static Type narrowWeightOf(Op op) {
  Type weight = op.getWeight() ? getElementTypeOrSelf(op.getWeight()) : Type();
  bool isNarrow = weight && weight.getIntOrFloatBitWidth() == 16 &&
                  !op.getX().getType().getElementType().isF64();
  return isNarrow ? weight : Type();
}

LogicalResult NormOp::verify() {
  // norm_c2
  if (failed(verifyRowNorm(*this, narrowWeightOf(*this))))
    return failure();
  // norm_c4
  return verifyResult(*this, "[.., D]");
}

LogicalResult NormBackwardOp::verify() {
  // norm_backward_c1
  if (failed(verifyRowNorm(*this)))
    return failure();
  // norm_backward_c2
  return verifyDweight(*this, "[D]");
}

/// `weight` as in verifyRowNorm.
template <typename Op> static LogicalResult verifyHeadNorm(Op op, Type weight = {}) {
  auto x = op.getX().getType();
  int64_t heads = x.getDimSize(2), d = x.getDimSize(3);
  // multihead_norm_c1
  if (failed(expectStatic(op, "H", heads)) || failed(expectStatic(op, "D", d)))
    return failure();
  if (!weight)
    weight = getAccumulationTypeFor(x.getElementType());
  return verifyNorm(op, RankedTensorType::get({heads, d}, weight), "[H, D]");
}

void MultiheadNormOp::build(OpBuilder &builder, OperationState &state, Type type, NormKind kind,
                            Value x, Value weight, const APFloat &eps, ValueRange elems) {
  auto &properties = state.getOrAddProperties<Properties>();
  properties.kind = NormKindAttr::get(builder.getContext(), kind);
  properties.eps = builder.getF64FloatAttr(eps.convertToDouble());
  properties.operandSegmentSizes = {1, weight ? 1 : 0, int32_t(elems.size())};
  state.addOperands(x);
  if (weight)
    state.addOperands(weight);
  state.addOperands(elems);
  state.addRegion();
  state.addTypes(type);
}

void MultiheadNormOp::getAsmBlockArgumentNames(Region &region,
                                               function_ref<void(Value, StringRef)> setName) {
  for (BlockArgument argument : region.getArguments())
    setName(argument, argument.getArgNumber() ? "elem" : "norm");
}

LogicalResult MultiheadNormOp::verify() {
  if (failed(verifyHeadNorm(*this, narrowWeightOf(*this))) ||
      failed(verifyResult(*this, "[B, T, H, D]")))
    return failure();
  // multihead_norm_c4
  if (!getElems().empty() && !hasEpilogue())
    return emitOpError("expected an epilogue with elems, got none");
  auto x = getX().getType();
  for (auto [number, value] : llvm::enumerate(getElems())) {
    std::string name = "elems " + std::to_string(number);
    auto type = cast<RankedTensorType>(value.getType());
    if (failed(expectType(*this, {name, value},
                          RankedTensorType::get(x.getShape(), type.getElementType()),
                          "[B, T, H, D]")))
      return failure();
    if (type.getElementType().isF64() != x.getElementType().isF64())
      return emitOpError() << "expected all tensors to be f64, or none, got x of "
                           << x.getElementType() << " and " << name << " of "
                           << type.getElementType();
  }
  return success();
}

LogicalResult MultiheadNormOp::verifyRegions() {
  // multihead_norm_c5, multihead_norm_c6
  return expectScalarBody(*this, getEpilogue(), "an epilogue",
                          getAccumulationTypeFor(getX().getType().getElementType()),
                          1 + getElems().size(), 1);
}

LogicalResult MultiheadNormBackwardOp::verify() {
  // multihead_norm_backward_c1
  if (failed(verifyHeadNorm(*this)))
    return failure();
  // multihead_norm_backward_c2
  return verifyDweight(*this, "[H, D]");
}
