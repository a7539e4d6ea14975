// SPDX-License-Identifier: Apache-2.0
// xlstm.map: construction and constraints.
#include "dialect/xlstm/IR/Constraints.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::xlstm;
using namespace mlir::xlstm::detail;

static RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

Type MapOp::getAccumulationType() {
  return getAccumulationTypeFor(getShapeType().getElementType());
}

YieldOp MapOp::getYield() { return cast<YieldOp>(getBlock().getTerminator()); }

void MapOp::build(OpBuilder &builder, OperationState &state, TypeRange results, ValueRange inputs,
                  function_ref<SmallVector<Value>(OpBuilder &, Location, ValueRange)> body) {
  state.addOperands(inputs);
  state.addTypes(results);
  Region *region = state.addRegion();
  Type accumulation = getAccumulationTypeFor(getElementTypeOrSelf(results.front()));
  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(region, {}, SmallVector<Type>(inputs.size(), accumulation),
                                     SmallVector<Location>(inputs.size(), state.location));
  SmallVector<Value> values = body(builder, state.location, block->getArguments());
  builder.create<YieldOp>(state.location, values, ValueRange());
}

LogicalResult MapOp::verify() {
  // map_c1
  if (getOutputs().empty())
    return emitOpError("expected at least one result");
  RankedTensorType shape = getShapeType();
  for (auto [number, result] : llvm::enumerate(getOutputs()))
    if (failed(verifyCompatibleShape(result.getType(), shape)))
      return emitOpError() << "expected results of one shape, got " << describe(shape) << " and "
                           << describe(tensorType(result));
  bool hasFull = false;
  for (auto [number, input] : llvm::enumerate(getInputs())) {
    RankedTensorType type = tensorType(input);
    hasFull |= type.getRank() == shape.getRank();
    // map_c2
    if (type.getRank() > shape.getRank() ||
        failed(verifyCompatibleShape(type.getShape(), shape.getShape().take_back(type.getRank()))))
      return emitOpError() << "expected input " << number << " to have the last axes of "
                           << describe(shape) << ", got " << describe(type);
  }
  // map_c1
  if (!hasFull)
    return emitOpError() << "expected an input with all axes of " << describe(shape)
                         << ", got none";
  // map_c3
  bool isF64 = shape.getElementType().isF64();
  SmallVector<Type> types(getOperandTypes());
  llvm::append_range(types, getResultTypes());
  for (Type type : types)
    if (getElementTypeOrSelf(type).isF64() != isF64)
      return emitOpError() << "expected all tensors to be f64, or none, got "
                           << shape.getElementType() << " and " << getElementTypeOrSelf(type);
  return success();
}

LogicalResult MapOp::verifyRegions() {
  Type accumulation = getAccumulationType();
  // map_c3
  if (getBlock().getNumArguments() != getInputs().size())
    return emitOpError() << "expected a region with an argument for each of " << getInputs().size()
                         << " inputs, got " << getBlock().getNumArguments();
  for (Type type : getBlock().getArgumentTypes())
    if (type != accumulation)
      return emitOpError() << "expected arguments of the accumulation type " << accumulation
                           << ", got " << type;
  // map_c5
  for (Operation &op : getBlock())
    if (!ScanOp::isAllowedInBody(&op))
      return op.emitOpError("is not a scalar function that xlstm.map knows");
  // map_c4
  YieldOp yield = getYield();
  if (yield.getOutputs().size() != getOutputs().size() || !yield.getStates().empty())
    return yield.emitOpError() << "expected " << getOutputs().size() << " outputs and no states, "
                               << "got " << yield.getOutputs().size() << " and "
                               << yield.getStates().size();
  for (Type type : yield.getOperandTypes())
    if (type != accumulation)
      return yield.emitOpError() << "expected values of the accumulation type " << accumulation
                                 << ", got " << type;
  return success();
}
