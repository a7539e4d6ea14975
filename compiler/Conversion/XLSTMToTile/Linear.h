// SPDX-License-Identifier: Apache-2.0
// xlstm.linear as a tile program: what its kernels for CPUs and GPUs share.
#ifndef XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_LINEAR_H
#define XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_LINEAR_H

#include "compiler/Conversion/XLSTMToTile/Program.h"
#include "compiler/Schedule/GemmSchedule.h"
#include "dialect/xlstm/IR/XLSTM.h"

namespace xlstm {

class LinearProgram : protected ProgramBuilder {
public:
  LinearProgram(mlir::OpBuilder &builder, mlir::xlstm::LinearOp op, const GemmSchedule &schedule)
      : ProgramBuilder(builder, op.getLoc(), op.getAccumulationType()), op(op),
        operands(op.getLinearOperands()), schedule(schedule),
        merged(schedule.warpsM || schedule.perRow ? op.getLeadingRank() : 1),
        leadingRank(op.getLeadingRank() - merged + 1) {}
  /// A block of the grid for each tile (CPUs).
  mlir::tile::KernelOp build(mlir::StringRef name, TensorNames names);
  /// Blocks that each go through many tiles (GPUs).
  mlir::tile::KernelOp buildPersistent(mlir::StringRef name, TensorNames names);

private:
  /// The tensors that a region reads beside its first arguments.
  struct Sources {
    mlir::ArrayRef<Value> elems, rows, cols;
  };
  /// Of the rows of a tile, vectors: their means (null for an RMS norm), and 1 / sd.
  struct Moments {
    Value mean, scale;
  };
  void declareTensors();
  mlir::DictionaryAttr productAttribute();
  llvm::SmallVector<Value> apply(mlir::Region &region, TileType type, ValueRange first,
                                 const Sources &sources, Value column, int64_t columns,
                                 Value columnEnd, Type rounded, const Moments *moments = nullptr);
  void finish(TileType type, llvm::SmallVector<Value> sums);

  // Linear.cpp: CPUs.
  llvm::SmallVector<Extent> grid();
  void enterBlock();
  void run(int64_t rows);
  void runPerRow(int64_t rows);
  Moments findMoments(int64_t rows);
  Value meanOfRows(int64_t rows, llvm::function_ref<Value(Value)> summand, Value mean);
  Value loadInput(int64_t rows, Value k, const Moments *moments = nullptr);
  Value loadWeight(Value weight, Value k);

  // LinearPersistent.cpp: GPUs.
  void eachTile(llvm::function_ref<void()> body);
  void enterTile(Value number, Value rowTiles);
  void copyAhead(mlir::ArrayRef<Value> rings, bool ofX, bool ofWeights);
  void multiplyTiles(mlir::ArrayRef<Value> rings);
  void multiplyAlone();
  llvm::SmallVector<Value> product(Value x, mlir::ArrayRef<Value> weights, ValueRange sums);
  Value divide(Value x, Value y), remainder(Value x, Value y); ///< of index

  /// A tile of `rows` x `columns`; of one row a vector of its columns.
  TileType tileOf(int64_t rows, int64_t columns, Type type) {
    return rows == 1 ? vec(columns, type) : mat(rows, columns, type);
  }
  llvm::SmallVector<int64_t> axesOf(TileType type) const {
    if (type.getShape().size() == 1)
      return {leadingRank};
    return {leadingRank - 1, leadingRank};
  }
  llvm::SmallVector<Value> at(Value column) {
    llvm::SmallVector<Value> offsets(leading);
    offsets.push_back(column);
    return offsets;
  }

  mlir::xlstm::LinearOp op;
  mlir::xlstm::LinearOperands operands;
  const GemmSchedule &schedule;
  int64_t merged, leadingRank;      // leading axes that are one; those of the kernel's tensors
  llvm::SmallVector<Value> leading; // of the tile's first row
  Value column;                     // its first column
};

} // namespace xlstm

#endif
