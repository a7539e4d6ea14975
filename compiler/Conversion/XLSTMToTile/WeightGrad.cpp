// SPDX-License-Identifier: Apache-2.0
// xlstm.weight_grad as a tile program: a block owns a tile of the result and reads all rows in
// order, some at a time.
//
//   for rows in steps of depth:   sum += y^T x      y [depth, rows of the tile], x [depth, columns]
//
// Each entry of the outer leading axes has a sum of its own, which is added to that of those before:
// the error then grows with the rows of one entry and with their number, not with their product.
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Schedule/GemmSchedule.h"
#include "compiler/Schedule/Passes.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {
namespace {

class WeightGradProgram : ProgramBuilder {
public:
  WeightGradProgram(OpBuilder &builder, mlir::xlstm::WeightGradOp op, const GemmSchedule &schedule)
      : ProgramBuilder(builder, op.getLoc(),
                       getElementTypeOrSelf(op.getX()).isF64() ? Type(builder.getF64Type())
                                                               : Type(builder.getF32Type())),
        op(op), schedule(schedule),
        leadingRank(cast<ShapedType>(op.getX().getType()).getRank() - 1) {}

  KernelOp build(StringRef name, TensorNames names) {
    declare(op.getY(), leadingRank);
    declare(op.getX(), leadingRank);
    declare(op.getResult(), 0);
    auto shape = op.getResult().getType().getShape();
    createKernel(name,
                 {{(shape[0] + schedule.rows - 1) / schedule.rows},
                  {(shape[1] + schedule.columns - 1) / schedule.columns}},
                 names);
    kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
    row = mul(kernel.getGridIndex(0), index(schedule.rows));
    column = mul(kernel.getGridIndex(1), index(schedule.columns));
    store(sumOver({}), op.getResult(), {row, column}, {0, 1});
    return kernel;
  }

private:
  /// The sum over all rows whose first leading indices are these.
  Value sumOver(SmallVector<Value> leading) {
    TileType type = mat(schedule.rows, schedule.columns, accumulation);
    int64_t axis = leading.size();
    bool isLast = axis + 1 == leadingRank;
    return loop(index(0), extent(op.getX(), axis), index(isLast ? schedule.depth : 1),
                splat(type, 0), [&](Value i, ValueRange sum) -> SmallVector<Value> {
                  SmallVector<Value> inner(leading);
                  inner.push_back(i);
                  if (isLast)
                    return {addRows(inner, sum[0])};
                  return {map(type, {sum[0], sumOver(inner)},
                              [&](ValueRange e) { return add(e[0], e[1]); })};
                })[0];
  }
  Value addRows(ArrayRef<Value> leading, Value sum) {
    auto tile = [&](Value from, Value first, int64_t columns) {
      SmallVector<Value> offsets(leading);
      offsets.push_back(first);
      return load(from, offsets, {leadingRank - 1, leadingRank},
                  mat(schedule.depth, columns, accumulation));
    };
    Value y = tile(op.getY(), row, schedule.rows), x = tile(op.getX(), column, schedule.columns);
    return matmul(transpose(y), x, sum);
  }

  mlir::xlstm::WeightGradOp op;
  const GemmSchedule &schedule;
  int64_t leadingRank;
  Value row, column; // the block's first
};

} // namespace

KernelOp buildWeightGrad(OpBuilder &builder, StringRef name, mlir::xlstm::WeightGradOp op,
                         TensorNames names) {
  auto schedule = GemmSchedule::fromAttribute(op->getAttrOfType<DictionaryAttr>(scheduleAttrName));
  return WeightGradProgram(builder, op, schedule).build(name, names);
}

} // namespace xlstm
