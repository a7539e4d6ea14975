// SPDX-License-Identifier: Apache-2.0
// What xlstm.norm, xlstm.multihead_norm and their gradients compute of rows.
#ifndef XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_NORMROWS_H
#define XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_NORMROWS_H

#include "compiler/Conversion/XLSTMToTile/RowSums.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace xlstm {

/// A tile has whole rows, or the rows of one head.
class NormRows : protected RowSumProgram {
protected:
  /// Of any of those ops: they have x, weight, kind and eps.
  template <typename Op>
  NormRows(mlir::OpBuilder &builder, Op op)
      : RowSumProgram(builder, op, accumulationOf(op.getX())), x(op.getX()), weight(op.getWeight()),
        isLayer(op.getKind() == mlir::xlstm::NormKind::Layer), eps(op.getEps().convertToDouble()) {}

  /// A vector is a matrix of one row: its rows run along no axis.
  TileType rowsType() {
    return mat(rowAxis < 0 ? 1 : schedule.rows, schedule.columns, accumulation);
  }

  /// x of the tile there, for a layer norm less its rows' means, and 1 / sd of the rows.
  struct Rows {
    Value x, scale;
  };
  Rows loadRows(mlir::ArrayRef<Value> from) {
    TileType type = rowsType();
    Value rows = load(x, from, tileAxes(), tileType());
    if (isLayer)
      rows = mapMatrix(type, rows, mean(rows), {}, [&](ValueRange e) { return sub(e[2], e[3]); });
    Value squares = mapMatrix(type, rows, {}, {}, [&](ValueRange e) { return mul(e[2], e[2]); });
    Value scale = map(vec(type.getShape()[0], accumulation), mean(squares), [&](ValueRange e) {
      Value sd = b.create<mlir::math::SqrtOp>(loc, add(e[0], constant(accumulation, eps)));
      return b.create<mlir::arith::DivFOp>(loc, constant(accumulation, 1), sd).getResult();
    });
    return {rows, scale};
  }
  /// [D], or of [H, D] the row of the block's head.
  Value loadWeight() {
    bool ofHeads = typeOf(weight).getRank() == 2;
    Values from{index(0)};
    if (ofHeads)
      from.insert(from.begin(), offset[rank - 2]);
    return load(weight, from, {ofHeads}, vec(schedule.columns, accumulation));
  }
  Value mean(Value x) {
    Value sum = reduce(mlir::tile::Combiner::add, x);
    return map(mlir::cast<TileType>(sum.getType()), sum, [&](ValueRange e) {
      return mul(e[0], constant(accumulation, 1.0 / schedule.columns));
    });
  }

  Value x, weight; // of the op; no weight is 1
  bool isLayer;
  double eps;
};

} // namespace xlstm

#endif
