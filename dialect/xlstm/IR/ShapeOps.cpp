// SPDX-License-Identifier: Apache-2.0
// Ops that move elements without computing anything: constraints and folding.
#include "dialect/xlstm/IR/Constraints.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::xlstm;
using namespace mlir::xlstm::detail;

static RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

//===----------------------------------------------------------------------===//
// xlstm.reshape
//===----------------------------------------------------------------------===//

LogicalResult ReshapeOp::verify() {
  RankedTensorType x = tensorType(getX()), result = tensorType(getResult());
  // reshape_c1
  if (x.getElementType() != result.getElementType())
    return emitOpError() << "expected a result of " << x.getElementType() << ", got "
                         << result.getElementType();
  // reshape_c2
  auto staticSize = [](RankedTensorType type) {
    int64_t size = 1;
    for (int64_t extent : type.getShape())
      size *= ShapedType::isDynamic(extent) ? 1 : extent;
    return size;
  };
  if (x.getNumDynamicDims() != result.getNumDynamicDims() || staticSize(x) != staticSize(result))
    return emitOpError() << "expected a result with " << x.getNumDynamicDims()
                         << " dynamic extents and static ones whose product is " << staticSize(x)
                         << ", got " << describe(result);
  return success();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  // A reshape of a reshape is one; one to the type that was there before is none.
  if (auto inner = getX().getDefiningOp<ReshapeOp>()) {
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return getX().getType() == getResult().getType() ? OpFoldResult(getX()) : OpFoldResult();
}

//===----------------------------------------------------------------------===//
// xlstm.split and xlstm.concat
//===----------------------------------------------------------------------===//

/// split_c1, split_c2, concat_c1, concat_c2. `name` is that of the whole in messages.
static LogicalResult verifyParts(Operation *op, StringRef name, Value whole, ValueRange parts) {
  RankedTensorType type = tensorType(whole);
  if (parts.empty())
    return op->emitOpError("expected at least one part");
  int64_t sum = 0;
  if (failed(expectStatic(op, "the last axis of " + name.str(), type.getShape().back())))
    return failure();
  for (auto [number, part] : llvm::enumerate(parts)) {
    RankedTensorType partType = tensorType(part);
    std::string partName = "part " + std::to_string(number);
    if (partType.getRank() != type.getRank())
      return op->emitOpError() << "expected " << partName << " with the axes of " << name << ", "
                               << describe(type) << ", got " << describe(partType);
    if (failed(expectStatic(op, "the last axis of " + partName, partType.getShape().back())))
      return failure();
    SmallVector<int64_t> shape(type.getShape());
    shape.back() = partType.getShape().back();
    if (failed(expectType(op, {partName, part}, RankedTensorType::get(shape, type.getElementType()),
                          "[.., D_j]")))
      return failure();
    sum += shape.back();
  }
  if (sum != type.getShape().back())
    return op->emitOpError() << "expected parts of " << type.getShape().back()
                             << " elements together, got " << sum;
  return success();
}

LogicalResult SplitOp::verify() { return verifyParts(*this, "x", getX(), getParts()); }

LogicalResult ConcatOp::verify() {
  return verifyParts(*this, "the result", getResult(), getParts());
}

//===----------------------------------------------------------------------===//
// xlstm.permute
//===----------------------------------------------------------------------===//

LogicalResult PermuteOp::verify() {
  RankedTensorType x = tensorType(getX());
  // permute_c1
  SmallVector<int64_t> sorted(getOrder());
  llvm::sort(sorted);
  if (!llvm::equal(sorted, llvm::seq<int64_t>(0, x.getRank()))) {
    InFlightDiagnostic error = emitOpError()
                               << "expected an order of the " << x.getRank() << " axes of x, got [";
    llvm::interleaveComma(getOrder(), error);
    return error << "]";
  }
  // permute_c2
  SmallVector<int64_t> shape;
  for (int64_t axis : getOrder())
    shape.push_back(x.getDimSize(axis));
  return expectType(*this, {"the result", getResult()},
                    RankedTensorType::get(shape, x.getElementType()), "x in that order");
}

//===----------------------------------------------------------------------===//
// xlstm.last_token
//===----------------------------------------------------------------------===//

LogicalResult LastTokenOp::verify() {
  RankedTensorType x = tensorType(getX());
  // last_token_c1
  SmallVector<int64_t> shape(x.getShape());
  shape.erase(shape.begin() + 1);
  return expectType(*this, {"the result", getResult()},
                    RankedTensorType::get(shape, x.getElementType()), "[B, ..]");
}
