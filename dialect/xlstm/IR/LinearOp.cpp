// SPDX-License-Identifier: Apache-2.0
// xlstm.linear: construction and constraints.
#include "dialect/xlstm/IR/Constraints.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::xlstm;
using namespace mlir::xlstm::detail;

static RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

Type LinearOp::getAccumulationType() {
  return getAccumulationTypeFor(getElementTypeOrSelf(getX()));
}

LinearOperands LinearOp::getLinearOperands() {
  LinearOperands operands;
  operands.x = getX();
  operands.xElems.assign(getXElems().begin(), getXElems().end());
  operands.xRows.assign(getXRows().begin(), getXRows().end());
  operands.xCols.assign(getXCols().begin(), getXCols().end());
  operands.weights.assign(getWeights().begin(), getWeights().end());
  operands.elems.assign(getElems().begin(), getElems().end());
  operands.rows.assign(getRows().begin(), getRows().end());
  operands.cols.assign(getCols().begin(), getCols().end());
  if (getNorm())
    operands.norm = {*getNorm(), getNormEps()->convertToDouble()};
  return operands;
}

void LinearOp::getAsmBlockArgumentNames(Region &region,
                                        function_ref<void(Value, StringRef)> setName) {
  unsigned next = 0;
  auto name = [&](size_t count, StringRef text) {
    for (size_t n = 0; n < count && next < region.getNumArguments(); ++n)
      setName(region.getArgument(next++), text);
  };
  bool isPrologue = &region == &getPrologue();
  isPrologue ? name(1, "x") : name(getWeights().size(), "acc");
  name((isPrologue ? getXElems() : getElems()).size(), "elem");
  name((isPrologue ? getXRows() : getRows()).size(), "row");
  name((isPrologue ? getXCols() : getCols()).size(), "col");
}

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

/// Everything but the regions.
static void addOperands(OpBuilder &builder, OperationState &state, const LinearOperands &operands,
                        TypeRange outputs) {
  auto &properties = state.getOrAddProperties<LinearOp::Properties>();
  if (operands.norm) {
    properties.norm = NormKindAttr::get(builder.getContext(), operands.norm->kind);
    properties.norm_eps = builder.getF64FloatAttr(operands.norm->eps);
  }
  auto &segments = properties.operandSegmentSizes;
  size_t next = 0;
  for (ValueRange values :
       {ValueRange(operands.x), ValueRange(operands.xElems), ValueRange(operands.xRows),
        ValueRange(operands.xCols), ValueRange(operands.weights), ValueRange(operands.elems),
        ValueRange(operands.rows), ValueRange(operands.cols)}) {
    state.addOperands(values);
    segments[next++] = values.size();
  }
  state.addTypes(outputs);
}

static void addRegion(OpBuilder &builder, OperationState &state, size_t arguments, Type type,
                      LinearBody body) {
  Region *region = state.addRegion();
  if (!body)
    return;
  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(region, {}, SmallVector<Type>(arguments, type),
                                     SmallVector<Location>(arguments, state.location));
  SmallVector<Value> values = body(builder, state.location, block->getArguments());
  builder.create<YieldOp>(state.location, values, ValueRange());
}

void LinearOp::build(OpBuilder &builder, OperationState &state, const LinearOperands &operands,
                     TypeRange outputs, LinearBody epilogue, LinearBody prologue) {
  addOperands(builder, state, operands, outputs);
  Type accumulation = getAccumulationTypeFor(getElementTypeOrSelf(operands.x));
  addRegion(builder, state,
            1 + operands.xElems.size() + operands.xRows.size() + operands.xCols.size(),
            accumulation, prologue);
  addRegion(builder, state,
            operands.weights.size() + operands.elems.size() + operands.rows.size() +
                operands.cols.size(),
            accumulation, epilogue);
}

void LinearOp::build(OpBuilder &builder, OperationState &state, const LinearOperands &operands,
                     TypeRange outputs, Region &&prologue, Region &&epilogue) {
  addOperands(builder, state, operands, outputs);
  state.addRegion()->takeBody(prologue);
  state.addRegion()->takeBody(epilogue);
}

//===----------------------------------------------------------------------===//
// Constraints
//===----------------------------------------------------------------------===//

namespace {

/// One list of tensors: its name in messages, and the shape that all of them have.
struct List {
  StringRef name;
  ValueRange values;
  ArrayRef<int64_t> shape;
  StringRef layout;
};

} // namespace

LogicalResult LinearOp::verify() {
  // linear_c1
  RankedTensorType x = tensorType(getX());
  if (x.getRank() < 2)
    return emitOpError() << "expected x to be [.., K] with a leading axis, got " << describe(x);
  // linear_c2
  if (getWeights().empty())
    return emitOpError("expected at least one weight");
  // linear_c4
  if (getOutputs().empty())
    return emitOpError("expected at least one result");
  int64_t k = x.getShape().back(), n = tensorType(getWeights()[0]).getDimSize(getTransposed());
  // linear_c1
  if (failed(expectStatic(*this, "K", k)) || failed(expectStatic(*this, "N", n)))
    return failure();
  // linear_c2
  SmallVector<int64_t> weightShape = {n, k};
  if (getTransposed())
    std::swap(weightShape[0], weightShape[1]);
  for (auto [number, weight] : llvm::enumerate(getWeights())) {
    Type element = getElementTypeOrSelf(weight);
    bool isStored = x.getElementType().isF32() && (element.isBF16() || element.isF16());
    if (failed(
            expectType(*this, {"weight " + std::to_string(number), weight},
                       RankedTensorType::get(weightShape, isStored ? element : x.getElementType()),
                       getTransposed() ? "[K, N]" : "[N, K]")))
      return failure();
  }
  // linear_c3, linear_c4
  SmallVector<int64_t> leading(x.getShape().drop_back()), inputs(x.getShape()), outputs(leading);
  outputs.push_back(n);
  const List lists[] = {{"x_elems", getXElems(), inputs, "[.., K]"},
                        {"x_rows", getXRows(), leading, "[..]"},
                        {"x_cols", getXCols(), k, "[K]"},
                        {"elems", getElems(), outputs, "[.., N]"},
                        {"rows", getRows(), leading, "[..]"},
                        {"cols", getCols(), n, "[N]"},
                        {"result", getOutputs(), outputs, "[.., N]"}};
  for (const List &list : lists)
    for (auto [number, value] : llvm::enumerate(list.values)) {
      RankedTensorType type = tensorType(value);
      std::string name = (list.name + " " + Twine(number)).str();
      if (failed(expectType(*this, {name, value},
                            RankedTensorType::get(list.shape, type.getElementType()), list.layout)))
        return failure();
      // linear_c5
      if (type.getElementType().isF64() != x.getElementType().isF64())
        return emitOpError() << "expected all tensors to be f64, or none, got x of "
                             << x.getElementType() << " and " << name << " of "
                             << type.getElementType();
    }
  // linear_c6
  for (const List &list : ArrayRef(lists).drop_back()) {
    bool isPrologue = list.name.starts_with("x_");
    if (!list.values.empty() && !(isPrologue ? hasPrologue() : hasEpilogue()))
      return emitOpError() << "expected " << (isPrologue ? "a prologue" : "an epilogue") << " with "
                           << list.name << ", got none";
  }
  if (!hasEpilogue() && getOutputs().size() != getWeights().size())
    return emitOpError() << "expected a result for each of " << getWeights().size()
                         << " weights without an epilogue, got " << getOutputs().size();
  // linear_c9
  if (getNorm().has_value() != getNormEps().has_value())
    return emitOpError() << "expected norm and norm_eps together, got "
                         << (getNorm() ? "norm" : "norm_eps") << " alone";
  double eps = getNormEps() ? getNormEps()->convertToDouble() : 0;
  if (!std::isfinite(eps) || eps < 0)
    return emitOpError() << "expected eps of the norm to be finite and not negative, got " << eps;
  return success();
}

// linear_c7, linear_c8
LogicalResult LinearOp::verifyRegions() {
  if (failed(expectScalarBody(*this, getPrologue(), "a prologue", getAccumulationType(),
                              1 + getXElems().size() + getXRows().size() + getXCols().size(), 1)))
    return failure();
  return expectScalarBody(*this, getEpilogue(), "an epilogue", getAccumulationType(),
                          getWeights().size() + getElems().size() + getRows().size() +
                              getCols().size(),
                          getOutputs().size());
}

LogicalResult WeightGradOp::verify() {
  RankedTensorType y = tensorType(getY()), x = tensorType(getX()), result = tensorType(getResult());
  // weight_grad_c1
  if (x.getRank() < 2)
    return emitOpError() << "expected x to be [.., K] with a leading axis, got " << describe(x);
  int64_t n = y.getRank() ? y.getShape().back() : 1, k = x.getShape().back();
  if (failed(expectStatic(*this, "N", n)) || failed(expectStatic(*this, "K", k)))
    return failure();
  SmallVector<int64_t> shape(x.getShape());
  shape.back() = n;
  // weight_grad_c1, weight_grad_c2
  if (failed(expectType(*this, {"y", getY()}, RankedTensorType::get(shape, x.getElementType()),
                        "[.., N]")))
    return failure();
  // weight_grad_c2
  if (failed(expectType(*this, {"the result", getResult()},
                        RankedTensorType::get({n, k}, result.getElementType()), "[N, K]")))
    return failure();
  if (result.getElementType().isF64() != x.getElementType().isF64())
    return emitOpError() << "expected all tensors to be f64, or none, got x of "
                         << x.getElementType() << " and a result of " << result.getElementType();
  return success();
}
