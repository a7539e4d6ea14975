// SPDX-License-Identifier: Apache-2.0
// The norm of each head by itself, and its gradient.
#include "dialect/xlstm/Interpreter/Frame.h"
#include "llvm/ADT/ArrayRef.h"
#include <cmath>

using namespace mlir;
using namespace mlir::xlstm;

namespace {

double mean(ArrayRef<double> values) {
  double sum = 0;
  for (double value : values)
    sum += value;
  return sum / values.size();
}

/// One token of one head: x^ = (x - mean) / sd, or x / sd for RMS norm.
struct Normalized {
  std::vector<double> values; // x^, [D]
  double sd;

  Normalized(NormKind kind, double eps, ArrayRef<double> x) : values(x.begin(), x.end()) {
    double center = kind == NormKind::Layer ? mean(x) : 0, squares = 0;
    for (double &value : values) {
      value -= center;
      squares += value * value;
    }
    sd = std::sqrt(squares / x.size() + eps);
    for (double &value : values)
      value /= sd;
  }
};

/// Calls body(first element, first element of weights) for each token and head.
template <typename Body> void forEachRow(const TensorValue &x, Body body) {
  int64_t heads = x.shape[2], d = x.shape[3];
  for (int64_t row = 0; row * d < x.size(); ++row)
    body(row * d, row % heads * d);
}

} // namespace

LogicalResult mlir::xlstm::run(MultiheadNormOp op, Frame &frame) {
  FailureOr<const TensorValue *> x = frame.require(op, "x", op.getX());
  if (failed(x))
    return failure();
  const TensorValue *weight = frame.find(op.getWeight());
  int64_t d = (*x)->shape[3];
  std::vector<double> result((*x)->data.size());
  forEachRow(**x, [&](int64_t first, int64_t unit) {
    Normalized normalized(op.getKind(), op.getEps().convertToDouble(),
                          ArrayRef<double>((*x)->data).slice(first, d));
    for (int64_t n = 0; n < d; ++n)
      result[first + n] = normalized.values[n] * (weight ? weight->data[unit + n] : 1);
  });
  frame.set(op.getResult(), (*x)->shape, std::move(result));
  return success();
}

LogicalResult mlir::xlstm::run(MultiheadNormBackwardOp op, Frame &frame) {
  FailureOr<const TensorValue *> x = frame.require(op, "x", op.getX());
  if (failed(x))
    return failure();
  FailureOr<const TensorValue *> dyValue = frame.require(op, "dy", op.getDy());
  if (failed(dyValue) || failed(frame.get(op, "dy", op.getDy(), (*x)->shape)))
    return failure();
  const TensorValue *weight = frame.find(op.getWeight());
  int64_t heads = (*x)->shape[2], d = (*x)->shape[3];
  const std::vector<double> &dy = (*dyValue)->data;
  std::vector<double> dx((*x)->data.size()), dweight(heads * d, 0.0);
  forEachRow(**x, [&](int64_t first, int64_t unit) {
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
    frame.set(op.getDweight(), {heads, d}, std::move(dweight));
  return success();
}
