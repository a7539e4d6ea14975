// SPDX-License-Identifier: Apache-2.0
// Gradients of the layers.
#include "dialect/xlstm/Interpreter/Frame.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::xlstm;

/// Constants of tensors begin the gradient of a loss.
LogicalResult mlir::xlstm::run(arith::ConstantOp op, Frame &frame) {
  auto values = dyn_cast<DenseFPElementsAttr>(op.getValue());
  if (!values)
    return op.emitOpError("expected a constant tensor of floats");
  std::vector<double> data;
  for (const APFloat &value : values.getValues<APFloat>())
    data.push_back(value.convertToDouble());
  frame.set(op.getResult(), values.getType().getShape().vec(), std::move(data));
  return success();
}

LogicalResult mlir::xlstm::run(LeadingSumOp op, Frame &frame) {
  FailureOr<const TensorValue *> x = frame.require(op, "x", op.getX());
  if (failed(x))
    return failure();
  std::vector<int64_t> shape(cast<RankedTensorType>(op.getResult().getType()).getShape());
  std::vector<double> result(TensorValue{shape, {}}.size(), 0.0);
  for (auto [index, value] : llvm::enumerate((*x)->data))
    result[index % result.size()] += value;
  frame.set(op.getResult(), shape, std::move(result));
  return success();
}

LogicalResult mlir::xlstm::run(BlockLinearWeightOp op, Frame &frame) {
  FailureOr<const TensorValue *> x = frame.require(op, "x", op.getX()),
                                 dy = frame.require(op, "dy", op.getDy());
  if (failed(x) || failed(dy))
    return failure();
  ArrayRef<int64_t> extents = op.getResult().getType().getShape();
  int64_t blocks = extents[0], outputs = extents[1], inputs = extents[2];
  int64_t rows = (*x)->size() / (blocks * inputs);
  std::vector<double> result(blocks * outputs * inputs, 0.0);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t n = 0; n < blocks; ++n)
      for (int64_t o = 0; o < outputs; ++o)
        for (int64_t i = 0; i < inputs; ++i)
          result[(n * outputs + o) * inputs + i] += (*dy)->data[(row * blocks + n) * outputs + o] *
                                                    (*x)->data[(row * blocks + n) * inputs + i];
  frame.set(op.getResult(), extents.vec(), std::move(result));
  return success();
}

LogicalResult mlir::xlstm::run(CausalConv1dBackwardOp op, Frame &frame) {
  FailureOr<const TensorValue *> x = frame.require(op, "x", op.getX()),
                                 weight = frame.require(op, "the weight", op.getWeight());
  if (failed(x) || failed(weight))
    return failure();
  FailureOr<const TensorValue *> dy = frame.require(op, "dy", op.getDy());
  if (failed(dy) || failed(frame.get(op, "dy", op.getDy(), (*x)->shape)))
    return failure();
  int64_t batch = (*x)->shape[0], time = (*x)->shape[1], channels = (*x)->shape[2],
          kernel = (*weight)->shape[1];
  std::vector<double> dx((*x)->data.size(), 0.0), dweight(channels * kernel, 0.0);
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t t = 0; t < time; ++t)
      for (int64_t j = 0; j < kernel; ++j) {
        int64_t from = t - (kernel - 1) + j; // the input that weight j meets at t
        if (from < 0)
          continue;
        for (int64_t c = 0; c < channels; ++c) {
          double gradient = (*dy)->data[(b * time + t) * channels + c];
          int64_t input = (b * time + from) * channels + c;
          dx[input] += (*weight)->data[c * kernel + j] * gradient;
          dweight[c * kernel + j] += (*x)->data[input] * gradient;
        }
      }
  frame.set(op.getDx(), (*x)->shape, std::move(dx));
  frame.set(op.getDweight(), {channels, kernel}, std::move(dweight));
  return success();
}

LogicalResult mlir::xlstm::run(EmbeddingBackwardOp op, Frame &frame) {
  FailureOr<const TensorValue *> tokens = frame.require(op, "tokens", op.getTokens()),
                                 dx = frame.require(op, "dx", op.getDx());
  if (failed(tokens) || failed(dx))
    return failure();
  ArrayRef<int64_t> extents = op.getResult().getType().getShape();
  std::vector<double> result(extents[0] * extents[1], 0.0);
  for (auto [position, token] : llvm::enumerate((*tokens)->data)) {
    if (token < 0 || token >= extents[0])
      return op.emitOpError() << "expected tokens of at least 0 and less than " << extents[0]
                              << ", got " << int64_t(token);
    for (int64_t d = 0; d < extents[1]; ++d)
      result[int64_t(token) * extents[1] + d] += (*dx)->data[position * extents[1] + d];
  }
  frame.set(op.getResult(), extents.vec(), std::move(result));
  return success();
}

LogicalResult mlir::xlstm::run(CrossEntropyBackwardOp op, Frame &frame) {
  FailureOr<const TensorValue *> logits = frame.require(op, "logits", op.getLogits()),
                                 targets = frame.require(op, "targets", op.getTargets()),
                                 dloss = frame.require(op, "dloss", op.getDloss());
  if (failed(logits) || failed(targets) || failed(dloss))
    return failure();
  int64_t size = (*logits)->shape[2];
  int64_t counted = llvm::count_if((*targets)->data, [](double target) { return target >= 0; });
  std::vector<double> result((*logits)->data.size(), 0.0);
  for (auto [token, target] : llvm::enumerate((*targets)->data)) {
    if (target < 0)
      continue;
    ArrayRef<double> row = ArrayRef((*logits)->data).slice(token * size, size);
    double largest = *llvm::max_element(row), total = 0;
    for (double logit : row)
      total += std::exp(logit - largest);
    for (int64_t v = 0; v < size; ++v)
      result[token * size + v] = (*dloss)->data[0] / counted *
                                 (std::exp(row[v] - largest) / total - (v == int64_t(target)));
  }
  frame.set(op.getDlogits(), (*logits)->shape, std::move(result));
  return success();
}
