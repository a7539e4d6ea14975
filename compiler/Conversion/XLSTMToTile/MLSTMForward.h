// SPDX-License-Identifier: Apache-2.0
// What the forward forms of the mLSTM cell share: the kernel's tensors, and the state of one block.
#ifndef XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_MLSTMFORWARD_H
#define XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_MLSTMFORWARD_H

#include "compiler/Conversion/XLSTMToTile/MLSTMProgram.h"
#include "compiler/Conversion/XLSTMToTile/MLSTMSegments.h"

namespace xlstm {

class MLSTMForward : protected MLSTMProgram {
public:
  MLSTMForward(mlir::OpBuilder &builder, mlir::xlstm::MLSTMOp op,
               const ChunkwiseSchedule &schedule);

protected:
  /// Makes the op's operands and results tensors of the kernel.
  void declareTensors();
  /// Creates the kernel with the grid (sequence, segment if there are any, head, slice of dv, `more`
  /// if not 0).
  void createKernel(mlir::StringRef name, TensorNames names, int64_t more = 0);
  /// Of segments: the state of segment `segment` in a buffer of states, and its tokens.
  struct SegmentTensors {
    Value C, n, m;
  };
  SegmentTensors declareStates(const SegmentStates &states);
  void loadSegmentState(const SegmentTensors &states);
  void storeSegmentState(const SegmentTensors &states, Value sum);
  void cutSequence();
  /// The sequence, head and slice of a persistent block's piece of work.
  void takeWork(Value item);
  bool hasLastState(); ///< whether any of the last states is a tensor

  /// The initial state; m is -big without one: nothing has been summed.
  void loadState();
  /// C or n without what a chunk adds, and v times w, transposed.
  Value decayed(Value tile, const Gates &gates);
  Value weightedValues(Value v, const Gates &gates);
  /// The state after a chunk of keys [L, dqk], from decayed(C) and weightedValues(v).
  struct Addends {
    Value decayedC, weightedV;
  };
  void advance(Value k, const Addends &addends, const Gates &gates);
  void storeState();
  /// The state as values that loops carry: C, m, and n and M where the cell has them.
  llvm::SmallVector<Value> state();
  void setState(ValueRange values);

  Value matmul(Value lhs, Value rhs, Value accumulator) {
    return onUnit(lhs, rhs, accumulator, true);
  }
  Value matmulScores(Value lhs, Value rhs, Value accumulator) {
    return onUnit(lhs, rhs, accumulator, false);
  }
  Value matvecScores(Value matrix, Value vector, Value accumulator);
  /// `tile` as an operand of the matrix unit.
  Value asOperand(Value tile);

  mlir::xlstm::MLSTMOp op;
  Type operand;                   // what the matrix unit multiplies
  int64_t dqk, dv;                // of the tiles
  Value number, head, slice, dv0; // sequence, head, slice of dv and its first column
  enum class Part { Whole, Adds, Outputs };
  Part part = Part::Whole;     // which of the kernels of a sequence in segments this is
  SegmentTensors adds, starts; // the one that this kernel has
  Value segment, numSegments;  // null for whole sequences
  bool persistent() const { return part == Part::Whole && schedule.persistent; }
  Sequence sequence;
  Value C, n; // the state: C^T [dv, dqk], n [dqk]
  Value m, M; // what C and n are relative to, and the cell's m; scalars of type gate

private:
  void setRole(Value product, const char *role);
  Value onUnit(Value lhs, Value rhs, Value accumulator, bool ofState);
};

} // namespace xlstm

#endif
