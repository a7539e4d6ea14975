// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/IR/Constraints.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::xlstm;

int64_t mlir::xlstm::detail::getStateExtent(int64_t batch, RankedTensorType cuSeqlens) {
  if (!cuSeqlens)
    return batch;
  // An extent of 0 is rejected by the verifiers, which may come later than this.
  return cuSeqlens.isDynamicDim(0) ? ShapedType::kDynamic
                                   : std::max<int64_t>(cuSeqlens.getDimSize(0) - 1, 0);
}

Type mlir::xlstm::detail::getAccumulationTypeFor(Type input) {
  return input.isF64() ? input : Float32Type::get(input.getContext());
}

std::string mlir::xlstm::detail::describe(RankedTensorType type) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "[";
  llvm::interleaveComma(type.getShape(), os, [&](int64_t extent) {
    ShapedType::isDynamic(extent) ? os << "?" : os << extent;
  });
  os << "]x" << type.getElementType();
  return text;
}

LogicalResult mlir::xlstm::detail::expectType(Operation *op, Named tensor,
                                              RankedTensorType expected, StringRef layout) {
  if (!tensor.value)
    return success();
  auto type = cast<RankedTensorType>(tensor.value.getType());
  if (type.getElementType() == expected.getElementType() &&
      succeeded(verifyCompatibleShape(type, expected)))
    return success();
  return op->emitOpError() << "expected " << tensor.name << " to be " << layout << " = "
                           << describe(expected) << ", got " << describe(type);
}

LogicalResult mlir::xlstm::detail::expectStatic(Operation *op, StringRef name, int64_t extent) {
  if (extent >= 1)
    return success();
  InFlightDiagnostic error = op->emitOpError()
                             << "expected " << name << " to be static and at least 1, got ";
  return ShapedType::isDynamic(extent) ? error << "a dynamic extent" : error << extent;
}

LogicalResult mlir::xlstm::detail::expectSequences(Operation *op, Value cuSeqlens, int64_t batch) {
  if (!cuSeqlens)
    return success();
  if (cast<RankedTensorType>(cuSeqlens.getType()).getDimSize(0) == 0)
    return op->emitOpError("expected cu_seqlens to be [N + 1] with N >= 0, got an extent of 0");
  if (!ShapedType::isDynamic(batch) && batch != 1)
    return op->emitOpError() << "expected B to be 1 with cu_seqlens, got " << batch;
  return success();
}

LogicalResult mlir::xlstm::detail::expectReset(Operation *op, Value reset, int64_t batch,
                                               int64_t time) {
  if (!reset)
    return success();
  return expectType(op, {"reset", reset},
                    RankedTensorType::get({batch, time}, getElementTypeOrSelf(reset)), "[B, T]");
}

LogicalResult mlir::xlstm::detail::expectScalarBody(Operation *op, Region &region, StringRef name,
                                                    Type type, size_t arguments, size_t yields) {
  if (region.empty())
    return success();
  if (region.getNumArguments() != arguments)
    return op->emitOpError() << "expected " << name << " of " << arguments << " arguments, got "
                             << region.getNumArguments();
  for (BlockArgument argument : region.getArguments())
    if (argument.getType() != type)
      return op->emitOpError() << "expected argument " << argument.getArgNumber() << " of " << name
                               << " to have the accumulation type " << type << ", got "
                               << argument.getType();
  for (Operation &inner : region.front())
    if (!ScanOp::isAllowedInBody(&inner))
      return inner.emitOpError("is not a scalar function that ") << op->getName() << " knows";
  auto yield = cast<YieldOp>(region.front().getTerminator()); // the only one that is allowed
  if (yield.getOutputs().size() != yields || !yield.getStates().empty())
    return yield.emitOpError() << "expected " << yields << " outputs and no states, got "
                               << yield.getOutputs().size() << " and " << yield.getStates().size();
  for (Type yielded : yield.getOperandTypes())
    if (yielded != type)
      return yield.emitOpError() << "expected values of the accumulation type " << type << ", got "
                                 << yielded;
  return success();
}

bool mlir::xlstm::detail::areCompatible(TypeRange a, TypeRange b) {
  return a.size() == b.size() && llvm::all_of(llvm::zip(a, b), [](auto pair) {
           auto [x, y] = pair;
           return getElementTypeOrSelf(x) == getElementTypeOrSelf(y) &&
                  succeeded(verifyCompatibleShape(x, y));
         });
}

bool mlir::xlstm::detail::isZeroConstant(Value value) {
  DenseElementsAttr constant;
  if (!matchPattern(value, m_Constant(&constant)) || !constant.isSplat())
    return false;
  if (isa<FloatType>(constant.getElementType()))
    return constant.getSplatValue<APFloat>().isZero();
  return constant.getSplatValue<APInt>().isZero();
}
