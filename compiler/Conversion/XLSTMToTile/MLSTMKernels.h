// SPDX-License-Identifier: Apache-2.0
// The mLSTM forward pass by several kernels: what goes from one to another through memory, and what
// their programs share. StatesSchedule.h has the picture.
//
// With the exponents of MLSTMProgram.h for chunks of L tokens, and E_i = max_{j<=i} e_j, which is
// mu_i without the state before the chunk:
//
//   gates    b, e, E; their last ones as scalars; u = sum_j w'_j k_j, with w' relative to E_L
//   carry    mu_L = max(m, E_L);  n' = exp(m - mu_L) n + exp(E_L - mu_L) u;  m' = b_L + mu_L
//   states   C' = exp(m - mu_L) C + sum_j w_j k_j v_j^T
//   scores   P_ij = S_ij W_ij;  z_i = sum_j P_ij + r_i q_i.n;  1 / denominator
//   output   h_i = (r_i C^T q_i + sum_j P_ij v_j) / denominator_i
//
// Only carry and states go from chunk to chunk; nothing that they carry is relative to more than
// the chunk's start.
#ifndef XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_MLSTMKERNELS_H
#define XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_MLSTMKERNELS_H

#include "compiler/Conversion/XLSTMToTile/MLSTMProgram.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Schedule/StatesSchedule.h"

namespace xlstm {

/// What goes from one kernel to another: its buffers, and in one kernel the tensors of those that it
/// uses. R: a row for each chunk of each sequence.
template <typename Tensor> struct ChunkState {
  Tensor b, e, highest; // [B, H, T]
  Tensor lasts;         // b_L and E_L, [R, H, 2]
  Tensor u;             // [R, H, dqk], with a normaliser
  Tensor C, n, m;       // at chunks' starts: [R, H, dqk, dv], [R, H, dqk], m and M [R, H, 2]
  Tensor toCell;        // exp(m - M) after the last token, [B, H]
  Tensor P;             // [B, T, H, L]
  Tensor weights;       // r, then 1 / denominator, [2, B, H, T]
};
using ChunkBuffers = ChunkState<KernelBuffer>;

class ChunkKernel : protected MLSTMProgram {
public:
  ChunkKernel(mlir::OpBuilder &builder, mlir::xlstm::MLSTMOp op, const StatesSchedule &schedule,
              const ChunkBuffers &buffers);

protected:
  /// Declares a buffer as a tensor of the kernel; null if there is no such buffer.
  Value use(const KernelBuffer &buffer) { return buffer.type ? declareBuffer(buffer, 0) : Value(); }
  /// Creates the kernel `name`_`part` of the tensors that have been declared.
  void createKernel(mlir::StringRef name, const char *part, mlir::ArrayRef<Extent> grid,
                    TensorNames names);
  /// Grid dimensions: sequences, and chunks of a sequence.
  Extent sequences() { return {mlir::ShapedType::kDynamic, overTokens(), 0}; }
  Extent chunks() { return {mlir::ShapedType::kDynamic, overTokens(), 1, L}; }
  Value overTokens() { return isDeclared(operands.q) ? operands.q : operands.k; }
  static int64_t slices(int64_t extent, int64_t slice) { return (extent + slice - 1) / slice; }

  /// A load that a GPU reads ahead in the loop around it.
  Value staged(Value from, mlir::ArrayRef<Value> offsets, mlir::ArrayRef<int64_t> axes,
               int64_t rows, int64_t columns);
  /// accumulator + lhs * rhs on all warps of the block.
  Value product(Value lhs, Value rhs, Value accumulator);
  /// `tile` as an operand of the matrix unit.
  Value asOperand(Value tile);
  /// The state's exponents before a chunk, of type gate, from its row of ChunkState::m.
  Value loadM(Value row) { return loadScalar(tensors.m, {row, head, index(0)}, gate); }
  Value loadCellM(Value row);
  /// E_L and b_L of a chunk.
  Value loadHighest(Value row) { return loadScalar(tensors.lasts, {row, head, index(1)}, gate); }
  Value loadSum(Value row) { return loadScalar(tensors.lasts, {row, head, index(0)}, gate); }
  /// Row of the op's own saved states where token t0 of the sequence begins, and whether one does.
  Value savedRow(Value sinceBegin);
  Value isSaved(Value sinceBegin);

  mlir::xlstm::MLSTMOp op;
  StatesSchedule states;
  const ChunkBuffers &buffers;
  ChunkState<Value> tensors; // null where the kernel does not use them
  Type operand;              // what the matrix unit multiplies
  int64_t dqk, dv;
  Value number, head; // sequence and head
  Sequence tokens;
};

mlir::tile::KernelOp buildGates(mlir::OpBuilder &builder, mlir::StringRef name,
                                mlir::xlstm::MLSTMOp op, const StatesSchedule &schedule,
                                const ChunkBuffers &buffers, TensorNames names);
mlir::tile::KernelOp buildCarry(mlir::OpBuilder &builder, mlir::StringRef name,
                                mlir::xlstm::MLSTMOp op, const StatesSchedule &schedule,
                                const ChunkBuffers &buffers, TensorNames names);
mlir::tile::KernelOp buildStates(mlir::OpBuilder &builder, mlir::StringRef name,
                                 mlir::xlstm::MLSTMOp op, const StatesSchedule &schedule,
                                 const ChunkBuffers &buffers, TensorNames names);
mlir::tile::KernelOp buildScores(mlir::OpBuilder &builder, mlir::StringRef name,
                                 mlir::xlstm::MLSTMOp op, const StatesSchedule &schedule,
                                 const ChunkBuffers &buffers, TensorNames names);
mlir::tile::KernelOp buildOutput(mlir::OpBuilder &builder, mlir::StringRef name,
                                 mlir::xlstm::MLSTMOp op, const StatesSchedule &schedule,
                                 const ChunkBuffers &buffers, TensorNames names);

} // namespace xlstm

#endif
