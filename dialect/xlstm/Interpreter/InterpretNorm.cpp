// SPDX-License-Identifier: Apache-2.0
// Norms of rows and of each head by itself, and their gradients.
#include "dialect/xlstm/Interpreter/Frame.h"
#include "dialect/xlstm/Interpreter/Normalized.h"
#include "dialect/xlstm/Interpreter/ScanProgram.h"

using namespace mlir;
using namespace mlir::xlstm;

namespace {

/// Calls body(first element, first element of weights) for each row of `d` elements; the weights
/// are those of `heads` rows.
template <typename Body>
void forEachRow(const TensorValue &x, int64_t heads, int64_t d, Body body) {
  for (int64_t row = 0; row * d < x.size(); ++row)
    body(row * d, row % heads * d);
}

/// The norm of rows, of which `heads` together have the weight, [heads, d].
template <typename Op> LogicalResult runNorm(Op op, Frame &frame, int64_t heads, int64_t d) {
  FailureOr<const TensorValue *> x = frame.require(op, "x", op.getX());
  if (failed(x))
    return failure();
  const TensorValue *weight = frame.find(op.getWeight());
  std::vector<double> result((*x)->data.size());
  forEachRow(**x, heads, d, [&](int64_t first, int64_t unit) {
    Normalized normalized(op.getKind(), op.getEps().convertToDouble(),
                          ArrayRef<double>((*x)->data).slice(first, d));
    for (int64_t n = 0; n < d; ++n)
      result[first + n] = normalized.values[n] * (weight ? weight->data[unit + n] : 1);
  });
  frame.set(op.getResult(), (*x)->shape, std::move(result));
  return success();
}

template <typename Op>
LogicalResult runNormBackward(Op op, Frame &frame, int64_t heads, int64_t d,
                              std::vector<int64_t> weightShape) {
  FailureOr<const TensorValue *> x = frame.require(op, "x", op.getX());
  if (failed(x))
    return failure();
  FailureOr<const TensorValue *> dyValue = frame.require(op, "dy", op.getDy());
  if (failed(dyValue) || failed(frame.get(op, "dy", op.getDy(), (*x)->shape)))
    return failure();
  const TensorValue *weight = frame.find(op.getWeight());
  const std::vector<double> &dy = (*dyValue)->data;
  std::vector<double> dx((*x)->data.size()), dweight(heads * d, 0.0);
  forEachRow(**x, heads, d, [&](int64_t first, int64_t unit) {
    Normalized normalized(op.getKind(), op.getEps().convertToDouble(),
                          ArrayRef<double>((*x)->data).slice(first, d));
    std::vector<double> g(d), gx(d);
    for (int64_t n = 0; n < d; ++n) {
      g[n] = dy[first + n] * (weight ? weight->data[unit + n] : 1);
      gx[n] = g[n] * normalized.values[n];
      dweight[unit + n] += dy[first + n] * normalized.values[n];
    }
    double center = op.getKind() == NormKind::Layer ? mean(g) : 0, along = mean(gx);
    for (int64_t n = 0; n < d; ++n)
      dx[first + n] = (g[n] - center - normalized.values[n] * along) / normalized.sd;
  });
  frame.set(op.getDx(), (*x)->shape, std::move(dx));
  if (op.getDweight())
    frame.set(op.getDweight(), std::move(weightShape), std::move(dweight));
  return success();
}

} // namespace

LogicalResult mlir::xlstm::run(NormOp op, Frame &frame) {
  return runNorm(op, frame, 1, cast<RankedTensorType>(op.getX().getType()).getShape().back());
}

LogicalResult mlir::xlstm::run(NormBackwardOp op, Frame &frame) {
  int64_t d = cast<RankedTensorType>(op.getX().getType()).getShape().back();
  return runNormBackward(op, frame, 1, d, {d});
}

LogicalResult mlir::xlstm::run(MultiheadNormOp op, Frame &frame) {
  auto type = op.getX().getType();
  int64_t d = type.getDimSize(3);
  if (failed(runNorm(op, frame, type.getDimSize(2), d)))
    return failure();
  if (!op.hasEpilogue())
    return success();
  TensorValue normalized = *frame.find(op.getResult());
  std::vector<const TensorValue *> elems;
  for (auto [number, value] : llvm::enumerate(op.getElems())) {
    std::string name = "elems " + std::to_string(number);
    if (failed(frame.require(op, name, value)))
      return failure();
    FailureOr<const TensorValue *> tensor = frame.get(op, name, value, normalized.shape);
    if (failed(tensor))
      return failure();
    elems.push_back(*tensor);
  }
  ScanProgram program(op.getEpilogue().front());
  std::vector<double> registers(program.registers() * d);
  for (int64_t first = 0; first < normalized.size(); first += d) {
    double *next = std::copy_n(normalized.data.data() + first, d, registers.data());
    for (const TensorValue *tensor : elems)
      next = std::copy_n(tensor->data.data() + first, d, next);
    program.loadConstants(registers.data(), d);
    program.run(registers.data(), d, frame.rounding);
    std::copy_n(registers.data() + program.outputs()[0] * d, d, normalized.data.data() + first);
  }
  frame.set(op.getResult(), normalized.shape, std::move(normalized.data));
  return success();
}

LogicalResult mlir::xlstm::run(MultiheadNormBackwardOp op, Frame &frame) {
  int64_t heads = op.getX().getType().getDimSize(2), d = op.getX().getType().getDimSize(3);
  return runNormBackward(op, frame, heads, d, {heads, d});
}
