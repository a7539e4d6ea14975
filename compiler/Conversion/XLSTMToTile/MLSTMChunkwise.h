// SPDX-License-Identifier: Apache-2.0
// The chunkwise kernel, and the two of its kind that a sequence in segments takes. MLSTM.cpp has the
// page that explains it, MLSTMSegments.h that of segments.
#ifndef XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_MLSTMCHUNKWISE_H
#define XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_MLSTMCHUNKWISE_H

#include "compiler/Conversion/XLSTMToTile/MLSTMForward.h"

namespace xlstm {

class ChunkwiseProgram : private MLSTMForward {
public:
  using MLSTMForward::MLSTMForward;
  /// Whole sequences.
  mlir::tile::KernelOp build(mlir::StringRef name, TensorNames names);
  /// Segments: what each adds to the state, and the outputs from the states before them.
  mlir::tile::KernelOp buildAdds(mlir::StringRef name, const SegmentStates &states,
                                 TensorNames names);
  mlir::tile::KernelOp buildOutputs(mlir::StringRef name, const SegmentStates &states,
                                    TensorNames names);

private:
  Value loadStaged(Value from, Value t0, Value column, int64_t columns);
  void walk();
  void chunkStep(Value t0);
  void saveState(Value t0);
};

} // namespace xlstm

#endif
