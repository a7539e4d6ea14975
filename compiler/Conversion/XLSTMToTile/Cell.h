// SPDX-License-Identifier: Apache-2.0
// What the programs of recurrent cells share: tiles whose columns are units of one head, of tensors
// whose last axes are heads and units.
//
// With D = 1 the columns are those of neighbouring heads instead, so that vectors are full.
#ifndef XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_CELL_H
#define XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_CELL_H

#include "compiler/Conversion/XLSTMToTile/Program.h"

namespace xlstm {

class CellProgram : protected ProgramBuilder {
protected:
  /// `units`: columns of a tile.
  CellProgram(mlir::OpBuilder &builder, mlir::Location loc, Type accumulation, int64_t heads,
              int64_t d, int64_t units)
      : ProgramBuilder(builder, loc, accumulation), heads(heads), d(d), units(units) {}

  bool alongHeads() const { return d == 1; }
  /// Extents of the grid: blocks along heads, and along the units of a head.
  int64_t headBlocks() const { return alongHeads() ? (heads + units - 1) / units : heads; }
  int64_t unitBlocks() const { return alongHeads() ? 1 : (d + units - 1) / units; }
  void enterBlock(Value headBlock, Value unitBlock) {
    head = alongHeads() ? mul(headBlock, index(units)) : headBlock;
    unit = alongHeads() ? index(0) : mul(unitBlock, index(units));
  }
  /// The block's first element in a tensor [leading.., H, D], and the axis of a tile's columns.
  llvm::SmallVector<Value> at(ValueRange leading) {
    llvm::SmallVector<Value> offsets(leading);
    offsets.append({head, unit});
    return offsets;
  }
  int64_t unitAxis(ValueRange leading) const { return leading.size() + !alongHeads(); }

  int64_t heads, d, units;
  Value head, unit;
};

} // namespace xlstm

#endif
