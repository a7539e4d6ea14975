// SPDX-License-Identifier: Apache-2.0
// Sums over the rows of a tensor, for gradients of what all rows share.
//
// Each entry of an outer axis has a sum of its own, which is added to that of those before: the error
// then grows with the rows of one entry and with their number, not with their product.
#ifndef XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_ROWSUMS_H
#define XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_ROWSUMS_H

#include "compiler/Conversion/XLSTMToTile/LayerProgram.h"

namespace xlstm {

class RowSumProgram : protected LayerProgram {
protected:
  using LayerProgram::LayerProgram;
  using Values = llvm::SmallVector<Value>;

  /// Over all positions of x along the axes where `at` is null, schedule.rows at a time along axis
  /// `rows`, which is the innermost. `addRows` gets the first position and the sums so far.
  Values sumRows(Value x, Values at, int64_t rows, mlir::ArrayRef<TileType> types,
                 llvm::function_ref<Values(mlir::ArrayRef<Value>, ValueRange)> addRows) {
    int64_t axis = rows;
    for (int64_t i = at.size(); i-- > 0;)
      if (!at[i] && i != rows)
        axis = i;
    Values zeros;
    for (TileType type : types)
      zeros.push_back(splat(type, 0));
    return loop(index(0), extent(x, axis), index(axis == rows ? schedule.rows : 1), zeros,
                [&](Value i, ValueRange sums) {
                  Values inner(at);
                  inner[axis] = i;
                  if (axis == rows)
                    return addRows(inner, sums);
                  Values next;
                  for (auto [sum, part] : llvm::zip(sums, sumRows(x, inner, rows, types, addRows)))
                    next.push_back(addTiles(sum, part));
                  return next;
                });
  }
  Value addTiles(Value x, Value y) {
    return map(mlir::cast<TileType>(x.getType()), {x, y},
               [&](ValueRange e) { return add(e[0], e[1]); });
  }
  /// The sum of a tile's rows.
  Value sumColumns(Value tile) { return reduce(mlir::tile::Combiner::add, transpose(tile)); }
};

} // namespace xlstm

#endif
