// SPDX-License-Identifier: Apache-2.0
// Sums over tokens, in the order of the tokens.
#include "dialect/xlstm/Interpreter/Frame.h"
#include "mlir/IR/Threading.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::xlstm;

LogicalResult mlir::xlstm::run(OuterSumOp op, Frame &frame) {
  FailureOr<const TensorValue *> xValue = frame.require(op, "x", op.getX());
  if (failed(xValue))
    return failure();
  const std::vector<int64_t> &shape = (*xValue)->shape; // [B, T, K, H, D]
  int64_t batch = shape[0], time = shape[1], channels = shape[2], heads = shape[3], d = shape[4];
  FailureOr<const TensorValue *> yValue = frame.require(op, "y", op.getY());
  if (failed(yValue) || failed(frame.get(op, "y", op.getY(), {batch, time, heads, d})))
    return failure();
  FailureOr<Tokens> tokens = readTokens(frame, op, batch, time, op.getCuSeqlens(), op.getReset());
  if (failed(tokens))
    return failure();
  FailureOr<const TensorValue *> y0 = frame.get(op, "y0", op.getY0(), {tokens->states(), heads, d});
  if (failed(y0))
    return failure();

  int64_t sums = op.getChannels().size();
  std::vector<double> result(sums * heads * d * d, 0.0);
  auto sumOfHead = [&](int64_t p, int64_t head) {
    double *sum = result.data() + (p * heads + head) * d * d; // [o, i]
    for (const Sequence &sequence : tokens->sequences)
      for (int64_t t = sequence.begin; t < sequence.end; ++t) {
        int64_t token = sequence.batch * time + t;
        const double *y = nullptr; // of the token before
        if (t > sequence.begin)
          y = (*yValue)->data.data() + ((token - 1) * heads + head) * d;
        else if (*y0)
          y = (*y0)->data.data() + (sequence.state * heads + head) * d;
        if (!y || tokens->isReset(sequence.batch, t))
          continue;
        const double *x =
            (*xValue)->data.data() + ((token * channels + op.getChannels()[p]) * heads + head) * d;
        for (int64_t o = 0; o < d; ++o)
          for (int64_t i = 0; i < d; ++i)
            sum[o * d + i] += x[o] * y[i];
      }
  };
  parallelFor(op.getContext(), 0, sums * heads, [&](size_t n) { sumOfHead(n / heads, n % heads); });
  frame.set(op.getResult(), {sums, heads, d, d}, std::move(result));
  return success();
}

LogicalResult mlir::xlstm::run(TimeSumOp op, Frame &frame) {
  FailureOr<const TensorValue *> x = frame.require(op, "x", op.getX());
  if (failed(x))
    return failure();
  std::vector<int64_t> shape((*x)->shape.begin() + 2, (*x)->shape.end());
  std::vector<double> result(TensorValue{shape, {}}.size(), 0.0);
  for (auto [index, value] : llvm::enumerate((*x)->data))
    result[index % result.size()] += value;
  frame.set(op.getResult(), shape, std::move(result));
  return success();
}
