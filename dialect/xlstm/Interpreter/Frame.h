// SPDX-License-Identifier: Apache-2.0
// A function while it runs, and the ops of the dialect that it can run. Private to the interpreter.
#ifndef XLSTM_DIALECT_XLSTM_INTERPRETER_FRAME_H
#define XLSTM_DIALECT_XLSTM_INTERPRETER_FRAME_H

#include "dialect/xlstm/IR/XLSTM.h"
#include "dialect/xlstm/Interpreter/Interpreter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/DenseMap.h"
#include <memory>

namespace mlir::xlstm {

/// "[2, ?, 8]" for messages.
std::string describeShape(ArrayRef<int64_t> shape);

/// What numbers of a type are rounded to; those that are no floating-point numbers stay as they
/// are, as float64.
::xlstm::reference::ElementType roundedType(Type type);

/// The values that have been computed.
class Frame {
public:
  Frame(const Probes &probes, const Rounding &rounding) : probes(probes), rounding(rounding) {}

  /// The value of an operand; null where the operand, or the argument that it is, is absent. The
  /// pointer lasts as long as the frame.
  const TensorValue *find(Value operand) const;
  /// The same, checked against the shape that other operands give it.
  FailureOr<const TensorValue *> get(Operation *op, StringRef name, Value operand,
                                     ArrayRef<int64_t> shape) const;
  /// An operand that may not be absent.
  FailureOr<const TensorValue *> require(Operation *op, StringRef name, Value operand) const;
  /// Rounds the data as the run was asked to.
  void set(Value result, std::vector<int64_t> shape, std::vector<double> data);

  const Probes &probes;
  const Rounding &rounding;

private:
  llvm::DenseMap<Value, std::unique_ptr<TensorValue>> values;
};

/// Tokens [begin, end) of a batch entry that follow each other, and their entry in tensors of
/// states.
struct Sequence {
  int64_t batch, begin, end, state;
};

/// All tokens of an op.
struct Tokens {
  int64_t batch = 0, time = 0;
  std::vector<int32_t> starts; // cu_seqlens; empty without
  std::vector<uint8_t> reset;  // [B, T]; empty without
  std::vector<Sequence> sequences;

  int64_t states() const { return sequences.size(); }
  bool isReset(int64_t b, int64_t t) const { return !reset.empty() && reset[b * time + t]; }
};

/// Reads and checks cu_seqlens and reset, which may be null.
FailureOr<Tokens> readTokens(const Frame &frame, Operation *op, int64_t batch, int64_t time,
                             Value cuSeqlens, Value reset);

LogicalResult run(arith::ConstantOp op, Frame &frame);
LogicalResult run(BlockLinearOp op, Frame &frame);
LogicalResult run(BlockLinearWeightOp op, Frame &frame);
LogicalResult run(CausalConv1dBackwardOp op, Frame &frame);
LogicalResult run(CrossEntropyBackwardOp op, Frame &frame);
LogicalResult run(EmbeddingBackwardOp op, Frame &frame);
LogicalResult run(LeadingSumOp op, Frame &frame);
LogicalResult run(CausalConv1dOp op, Frame &frame);
LogicalResult run(ConcatOp op, Frame &frame);
LogicalResult run(CrossEntropyOp op, Frame &frame);
LogicalResult run(EmbeddingOp op, Frame &frame);
LogicalResult run(LastTokenOp op, Frame &frame);
LogicalResult run(LinearOp op, Frame &frame);
LogicalResult run(WeightGradOp op, Frame &frame);
LogicalResult run(MapOp op, Frame &frame);
LogicalResult run(MLSTMOp op, Frame &frame);
LogicalResult run(MLSTMBackwardOp op, Frame &frame);
LogicalResult run(ScanOp op, Frame &frame);
LogicalResult run(OuterSumOp op, Frame &frame);
LogicalResult run(TimeSumOp op, Frame &frame);
LogicalResult run(MultiheadNormOp op, Frame &frame);
LogicalResult run(MultiheadNormBackwardOp op, Frame &frame);
LogicalResult run(NormOp op, Frame &frame);
LogicalResult run(NormBackwardOp op, Frame &frame);
LogicalResult run(PermuteOp op, Frame &frame);
LogicalResult run(ReshapeOp op, Frame &frame);
LogicalResult run(SplitOp op, Frame &frame);

} // namespace mlir::xlstm

#endif // XLSTM_DIALECT_XLSTM_INTERPRETER_FRAME_H
