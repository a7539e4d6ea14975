// SPDX-License-Identifier: Apache-2.0
// xlstm.linear, a row after the other. Rows do not influence each other, and a sum is in the order
// of k, so results do not depend on the number of threads.
#include "dialect/xlstm/Interpreter/Frame.h"
#include "dialect/xlstm/Interpreter/Normalized.h"
#include "dialect/xlstm/Interpreter/ScanProgram.h"
#include "mlir/IR/Threading.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::xlstm;

namespace {

/// A region and the tensors that it reads beside x or the sums.
struct Body {
  std::optional<ScanProgram> program; // none: what goes in comes out
  std::vector<const TensorValue *> elems, rows, cols;
  Rounding rounding;

  /// Puts the arguments from register `first` on in place, and computes the others.
  void run(std::vector<double> &file, int64_t first, int64_t row, int64_t extent) const {
    double *next = file.data() + first * extent;
    for (const TensorValue *tensor : elems)
      next = std::copy_n(tensor->data.data() + row * extent, extent, next);
    for (const TensorValue *tensor : rows)
      next = std::fill_n(next, extent, tensor->data[row]);
    for (const TensorValue *tensor : cols)
      next = std::copy_n(tensor->data.data(), extent, next);
    program->loadConstants(file.data(), extent);
    program->run(file.data(), extent, rounding);
  }
};

} // namespace

/// Adds tensors that all have one shape.
static LogicalResult require(LinearOp op, const Frame &frame, StringRef name, ValueRange values,
                             ArrayRef<int64_t> shape, std::vector<const TensorValue *> &list) {
  for (auto [number, value] : llvm::enumerate(values)) {
    std::string text = (name + " " + Twine(number)).str();
    if (failed(frame.require(op, text, value)))
      return failure();
    FailureOr<const TensorValue *> tensor = frame.get(op, text, value, shape);
    if (failed(tensor))
      return failure();
    list.push_back(*tensor);
  }
  return success();
}

LogicalResult mlir::xlstm::run(LinearOp op, Frame &frame) {
  FailureOr<const TensorValue *> x = frame.require(op, "x", op.getX());
  if (failed(x))
    return failure();
  int64_t k = op.getInputFeatures(), n = op.getOutputFeatures();
  std::vector<int64_t> inputs = (*x)->shape, leading(inputs.begin(), inputs.end() - 1),
                       outputs = leading;
  outputs.push_back(n);
  std::vector<int64_t> weightShape = {n, k};
  if (op.getTransposed())
    std::swap(weightShape[0], weightShape[1]);
  Body prologue, epilogue;
  prologue.rounding = epilogue.rounding = frame.rounding;
  std::vector<const TensorValue *> weights;
  if (failed(require(op, frame, "x_elems", op.getXElems(), inputs, prologue.elems)) ||
      failed(require(op, frame, "x_rows", op.getXRows(), leading, prologue.rows)) ||
      failed(require(op, frame, "x_cols", op.getXCols(), k, prologue.cols)) ||
      failed(require(op, frame, "weight", op.getWeights(), weightShape, weights)) ||
      failed(require(op, frame, "elems", op.getElems(), outputs, epilogue.elems)) ||
      failed(require(op, frame, "rows", op.getRows(), leading, epilogue.rows)) ||
      failed(require(op, frame, "cols", op.getCols(), n, epilogue.cols)))
    return failure();
  if (op.hasPrologue())
    prologue.program.emplace(op.getPrologue().front());
  if (op.hasEpilogue())
    epilogue.program.emplace(op.getEpilogue().front());

  int64_t rows = (*x)->size() / k;
  std::vector<std::vector<double>> results(op.getNumResults(), std::vector<double>(rows * n));
  auto computeRow = [&](size_t row) {
    std::vector<double> file((prologue.program ? prologue.program->registers() : 1) * k);
    ArrayRef<double> values = ArrayRef<double>((*x)->data).slice(row * k, k);
    if (std::optional<RowNorm> norm = op.getLinearOperands().norm)
      llvm::copy(Normalized(norm->kind, norm->eps, values).values, file.begin());
    else
      llvm::copy(values, file.begin());
    const double *input = file.data();
    if (prologue.program) {
      prologue.run(file, 1, row, k);
      input = file.data() + prologue.program->outputs()[0] * k;
    }
    std::vector<double> sums((epilogue.program ? epilogue.program->registers() : weights.size()) *
                             n);
    double *sum = sums.data();
    for (const TensorValue *weight : weights)
      for (int64_t column = 0; column < n; ++column, ++sum)
        for (int64_t i = 0; i < k; ++i)
          *sum += input[i] * weight->data[op.getTransposed() ? i * n + column : column * k + i];
    if (epilogue.program)
      epilogue.run(sums, weights.size(), row, n);
    for (auto [number, result] : llvm::enumerate(results)) {
      int64_t place = epilogue.program ? epilogue.program->outputs()[number] : number;
      std::copy_n(sums.data() + place * n, n, result.data() + row * n);
    }
  };
  parallelFor(op.getContext(), 0, rows, computeRow);
  for (auto [result, data] : llvm::zip(op.getOutputs(), results))
    frame.set(result, outputs, std::move(data));
  return success();
}

LogicalResult mlir::xlstm::run(WeightGradOp op, Frame &frame) {
  FailureOr<const TensorValue *> x = frame.require(op, "x", op.getX()),
                                 y = frame.require(op, "y", op.getY());
  if (failed(x) || failed(y))
    return failure();
  int64_t k = (*x)->shape.back(), n = (*y)->shape.back();
  std::vector<int64_t> shape = (*x)->shape;
  shape.back() = n;
  if (failed(frame.get(op, "y", op.getY(), shape)))
    return failure();
  int64_t rows = (*x)->size() / k;
  std::vector<double> result(n * k, 0.0);
  parallelFor(op.getContext(), 0, n, [&](size_t column) {
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t i = 0; i < k; ++i)
        result[column * k + i] += (*y)->data[row * n + column] * (*x)->data[row * k + i];
  });
  frame.set(op.getResult(), {n, k}, std::move(result));
  return success();
}
