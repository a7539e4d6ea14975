// SPDX-License-Identifier: Apache-2.0
// What the programs of layers share: a block's tile of a tensor [B, T, .., D], rows along time and
// columns along the last axis.
//
// Of a tensor of two axes rows run along the first, of a vector there are none. Axes in between
// are dimensions of the grid.
#ifndef XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_LAYERPROGRAM_H
#define XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_LAYERPROGRAM_H

#include "compiler/Conversion/XLSTMToTile/Program.h"
#include "compiler/Schedule/LayerSchedule.h"
#include "compiler/Schedule/Passes.h"

namespace xlstm {

/// The axis of a tensor that rows of a tile run along; -1: none.
inline int64_t rowAxisOf(int64_t rank) { return rank >= 3 ? 1 : rank - 2; }

class LayerProgram : protected ProgramBuilder {
protected:
  /// The op has a schedule that `check` accepts.
  LayerProgram(mlir::OpBuilder &builder, mlir::Operation *op, Type accumulation);

  static mlir::RankedTensorType typeOf(Value value) {
    return mlir::cast<mlir::RankedTensorType>(value.getType());
  }
  /// The type in which the elements of a tensor are handled: f64, or f32.
  static Type accumulationOf(Value value);
  /// Declares a tensor whose leading axes, up to the last dynamic one, have run-time extents.
  void declareTensor(Value value, bool unitStride = true);
  /// The grid over tiles of a declared tensor.
  llvm::SmallVector<Extent> gridOver(Value value);
  /// Creates the kernel with that grid; `offset` are then those of the block's tile. `batch` is a
  /// tensor whose first extent is that of the batch, where that of `value` may be another in memory.
  void createKernelOver(Value value, mlir::StringRef name, TensorNames names,
                        Value batch = nullptr);

  /// The tile's type: of tensors with rows a matrix, else a vector.
  TileType tileType() {
    return rowAxis < 0 ? vec(schedule.columns, accumulation)
                       : mat(schedule.rows, schedule.columns, accumulation);
  }
  /// The axes of a tensor with so many axes less that the tile runs along.
  llvm::SmallVector<int64_t> tileAxes(int64_t missing = 0) const {
    if (rowAxis < 0)
      return {rank - 1 - missing};
    return {rowAxis - missing, rank - 1 - missing};
  }
  /// offset with another position along an axis.
  llvm::SmallVector<Value> at(int64_t axis, Value position) {
    llvm::SmallVector<Value> result(offset);
    result[axis] = position;
    return result;
  }

  LayerSchedule schedule;
  int64_t rank = 0, rowAxis = -1; // of the tensor that the grid goes over
  llvm::SmallVector<Value> offset;
};

} // namespace xlstm

#endif
