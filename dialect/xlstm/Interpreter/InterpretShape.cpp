// SPDX-License-Identifier: Apache-2.0
// Ops that move elements without computing anything.
#include "dialect/xlstm/Interpreter/Frame.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::xlstm;

static int64_t lastExtent(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape().back();
}

LogicalResult mlir::xlstm::run(ReshapeOp op, Frame &frame) {
  FailureOr<const TensorValue *> x = frame.require(op, "x", op.getX());
  if (failed(x))
    return failure();
  // The dynamic extents, in their order.
  std::vector<int64_t> dynamic;
  for (auto [extent, declared] :
       llvm::zip((*x)->shape, cast<RankedTensorType>(op.getX().getType()).getShape()))
    if (ShapedType::isDynamic(declared))
      dynamic.push_back(extent);
  std::vector<int64_t> shape(cast<RankedTensorType>(op.getResult().getType()).getShape());
  auto next = dynamic.begin();
  for (int64_t &extent : shape)
    if (ShapedType::isDynamic(extent))
      extent = *next++;
  frame.set(op.getResult(), shape, (*x)->data);
  return success();
}

LogicalResult mlir::xlstm::run(SplitOp op, Frame &frame) {
  FailureOr<const TensorValue *> x = frame.require(op, "x", op.getX());
  if (failed(x))
    return failure();
  int64_t width = lastExtent(op.getX()), rows = (*x)->size() / width, first = 0;
  for (Value part : op.getParts()) {
    int64_t columns = lastExtent(part);
    std::vector<double> data;
    data.reserve(rows * columns);
    for (int64_t row = 0; row < rows; ++row) {
      auto begin = (*x)->data.begin() + row * width + first;
      data.insert(data.end(), begin, begin + columns);
    }
    std::vector<int64_t> shape = (*x)->shape;
    shape.back() = columns;
    frame.set(part, shape, std::move(data));
    first += columns;
  }
  return success();
}

LogicalResult mlir::xlstm::run(ConcatOp op, Frame &frame) {
  int64_t width = lastExtent(op.getResult()), first = 0;
  std::vector<int64_t> shape;
  std::vector<double> data;
  for (auto [number, operand] : llvm::enumerate(op.getParts())) {
    std::string name = "part " + std::to_string(number);
    FailureOr<const TensorValue *> part = frame.require(op, name, operand);
    if (failed(part))
      return failure();
    if (number == 0) {
      shape = (*part)->shape;
      shape.back() = width;
      data.resize(TensorValue{shape, {}}.size());
    }
    int64_t columns = lastExtent(operand), rows = data.size() / width;
    std::vector<int64_t> expected = shape;
    expected.back() = columns;
    if (failed(frame.get(op, name, operand, expected)))
      return failure();
    for (int64_t row = 0; row < rows; ++row)
      std::copy_n((*part)->data.begin() + row * columns, columns,
                  data.begin() + row * width + first);
    first += columns;
  }
  frame.set(op.getResult(), shape, std::move(data));
  return success();
}

LogicalResult mlir::xlstm::run(PermuteOp op, Frame &frame) {
  FailureOr<const TensorValue *> x = frame.require(op, "x", op.getX());
  if (failed(x))
    return failure();
  ArrayRef<int64_t> order = op.getOrder();
  int64_t rank = order.size();
  std::vector<int64_t> stride(rank, 1), shape, step; // of the axes of x; of those of the result
  for (int64_t axis = rank - 1; axis-- > 0;)
    stride[axis] = stride[axis + 1] * (*x)->shape[axis + 1];
  for (int64_t axis : order) {
    shape.push_back((*x)->shape[axis]);
    step.push_back(stride[axis]);
  }
  std::vector<double> data((*x)->data.size());
  for (int64_t e = 0; e < int64_t(data.size()); ++e) {
    int64_t rest = e, source = 0;
    for (int64_t axis = rank; axis-- > 0; rest /= shape[axis])
      source += rest % shape[axis] * step[axis];
    data[e] = (*x)->data[source];
  }
  frame.set(op.getResult(), shape, std::move(data));
  return success();
}

LogicalResult mlir::xlstm::run(LastTokenOp op, Frame &frame) {
  FailureOr<const TensorValue *> x = frame.require(op, "x", op.getX());
  if (failed(x))
    return failure();
  int64_t batch = (*x)->shape[0], time = (*x)->shape[1];
  if (time == 0)
    return op.emitOpError("expected at least one token, got none");
  int64_t size = batch == 0 ? 0 : (*x)->size() / (batch * time);
  std::vector<double> data;
  for (int64_t b = 0; b < batch; ++b) {
    auto row = (*x)->data.begin() + (b * time + time - 1) * size;
    data.insert(data.end(), row, row + size);
  }
  std::vector<int64_t> shape = (*x)->shape;
  shape.erase(shape.begin() + 1);
  frame.set(op.getResult(), shape, std::move(data));
  return success();
}
