// SPDX-License-Identifier: Apache-2.0
// Layers of blocks and models: embedding, causal convolution, block-diagonal projection,
// cross-entropy.
#include "dialect/xlstm/Interpreter/Frame.h"
#include "dialect/xlstm/Interpreter/ScanProgram.h"
#include "mlir/IR/Threading.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::xlstm;

LogicalResult mlir::xlstm::run(EmbeddingOp op, Frame &frame) {
  FailureOr<const TensorValue *> table = frame.require(op, "the table", op.getTable()),
                                 tokens = frame.require(op, "tokens", op.getTokens());
  if (failed(table) || failed(tokens))
    return failure();
  int64_t rows = (*table)->shape[0], d = (*table)->shape[1];
  std::vector<double> result;
  result.reserve((*tokens)->data.size() * d);
  for (double token : (*tokens)->data) {
    if (token < 0 || token >= rows)
      return op.emitOpError() << "expected tokens of at least 0 and less than " << rows << ", got "
                              << int64_t(token);
    auto row = (*table)->data.begin() + int64_t(token) * d;
    result.insert(result.end(), row, row + d);
  }
  std::vector<int64_t> shape = (*tokens)->shape;
  shape.push_back(d);
  frame.set(op.getResult(), shape, std::move(result));
  return success();
}

LogicalResult mlir::xlstm::run(CausalConv1dOp op, Frame &frame) {
  FailureOr<const TensorValue *> x = frame.require(op, "x", op.getX()),
                                 weight = frame.require(op, "the weight", op.getWeight());
  if (failed(x) || failed(weight))
    return failure();
  int64_t batch = (*x)->shape[0], time = (*x)->shape[1], channels = op.getChannels(),
          kernel = op.getKernelSize(), before = kernel - 1;
  FailureOr<const TensorValue *> bias = frame.get(op, "the bias", op.getBias(), channels),
                                 state = frame.get(op, "the state", op.getState(),
                                                   {batch, before, channels});
  if (failed(bias) || failed(state))
    return failure();
  // Inputs by time, from K - 1 tokens before the first one on.
  auto input = [&](int64_t b, int64_t t, int64_t c) {
    if (t >= 0)
      return (*x)->data[(b * time + t) * channels + c];
    return *state ? (*state)->data[(b * before + before + t) * channels + c] : 0.0;
  };
  std::vector<double> y((*x)->data.size()), last(batch * before * channels);
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t t = 0; t < time; ++t)
      for (int64_t c = 0; c < channels; ++c) {
        double sum = *bias ? (*bias)->data[c] : 0;
        for (int64_t j = 0; j < kernel; ++j)
          sum += (*weight)->data[c * kernel + j] * input(b, t - before + j, c);
        y[(b * time + t) * channels + c] = sum;
      }
    for (int64_t s = 0; s < before; ++s)
      for (int64_t c = 0; c < channels; ++c)
        last[(b * before + s) * channels + c] = input(b, time - before + s, c);
  }
  if (op.hasEpilogue()) {
    ScanProgram program(op.getEpilogue().front());
    std::vector<double> registers(program.registers() * channels);
    program.loadConstants(registers.data(), channels);
    for (auto token = y.begin(); token != y.end(); token += channels) {
      std::copy_n(token, channels, registers.begin());
      program.run(registers.data(), channels, frame.rounding);
      std::copy_n(registers.begin() + program.outputs()[0] * channels, channels, token);
    }
  }
  frame.set(op.getY(), (*x)->shape, std::move(y));
  frame.set(op.getStateLast(), {batch, before, channels}, std::move(last));
  return success();
}

LogicalResult mlir::xlstm::run(BlockLinearOp op, Frame &frame) {
  FailureOr<const TensorValue *> x = frame.require(op, "x", op.getX()),
                                 weight = frame.require(op, "the weight", op.getWeight());
  if (failed(x) || failed(weight))
    return failure();
  const std::vector<int64_t> &extents = (*weight)->shape; // [N, O, I]
  int64_t blocks = extents[0], outputs = extents[1], inputs = extents[2];
  // Steps in the weight from one output to the next, and from one input to the next.
  int64_t outputStep = inputs, inputStep = 1;
  if (op.getTransposed()) {
    std::swap(inputs, outputs);
    std::swap(inputStep, outputStep);
  }
  int64_t rows = (*x)->size() / (blocks * inputs);
  std::vector<double> y(rows * blocks * outputs);
  parallelFor(op.getContext(), 0, rows, [&](size_t row) {
    for (int64_t n = 0; n < blocks; ++n) {
      const double *in = (*x)->data.data() + (row * blocks + n) * inputs;
      const double *matrix = (*weight)->data.data() + n * inputs * outputs;
      for (int64_t o = 0; o < outputs; ++o) {
        double sum = 0;
        for (int64_t i = 0; i < inputs; ++i)
          sum += matrix[o * outputStep + i * inputStep] * in[i];
        y[(row * blocks + n) * outputs + o] = sum;
      }
    }
  });
  std::vector<int64_t> shape = (*x)->shape;
  shape.back() = blocks * outputs;
  frame.set(op.getY(), shape, std::move(y));
  return success();
}

LogicalResult mlir::xlstm::run(CrossEntropyOp op, Frame &frame) {
  FailureOr<const TensorValue *> logits = frame.require(op, "logits", op.getLogits()),
                                 targets = frame.require(op, "targets", op.getTargets());
  if (failed(logits) || failed(targets) ||
      failed(frame.get(op, "targets", op.getTargets(), ArrayRef((*logits)->shape).drop_back())))
    return failure();
  int64_t size = (*logits)->shape[2], counted = 0;
  double sum = 0;
  for (auto [token, target] : llvm::enumerate((*targets)->data)) {
    if (target < 0)
      continue;
    if (target >= size)
      return op.emitOpError() << "expected targets less than " << size << ", got "
                              << int64_t(target);
    ArrayRef<double> row = ArrayRef((*logits)->data).slice(token * size, size);
    double largest = *llvm::max_element(row), total = 0;
    for (double logit : row)
      total += std::exp(logit - largest);
    sum += largest + std::log(total) - row[int64_t(target)];
    ++counted;
  }
  frame.set(op.getLoss(), {1}, {counted ? sum / counted : 0.0});
  return success();
}
