// SPDX-License-Identifier: Apache-2.0
// Ops that move elements as tile programs: copies of tiles.
#include "compiler/Conversion/XLSTMToTile/LayerProgram.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {
namespace {

/// Between a whole and its parts along the last axis. The grid goes over the whole's rows; a block
/// copies all parts of its rows, `columns` at a time.
class PartsProgram : LayerProgram {
public:
  PartsProgram(OpBuilder &builder, Operation *op, Value whole, ValueRange parts, bool joins)
      : LayerProgram(builder, op, accumulationOf(whole)), whole(whole), parts(parts), joins(joins) {
  }

  KernelOp build(StringRef name, TensorNames names) {
    declareTensor(whole);
    for (Value part : parts)
      declareTensor(part);
    SmallVector<Extent> grid = gridOver(joins ? parts[0] : whole);
    grid.back() = {1};
    createKernel(name, grid, names);
    kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
    for (int64_t axis = 0; axis < rank; ++axis) {
      Value position = kernel.getGridIndex(axis);
      offset.push_back(axis == rowAxis ? mul(position, index(schedule.rows)) : position);
    }
    int64_t first = 0;
    for (Value part : parts) {
      int64_t width = typeOf(part).getShape().back(), piece = std::min(width, schedule.columns);
      while (schedule.threads && width % piece) // threads do not write in the order of the parts
        --piece;
      loop(index(0), index(width), index(piece), {}, [&](Value column, ValueRange) {
        SmallVector<Value> inWhole = at(rank - 1, add(column, index(first))),
                           inPart = at(rank - 1, column);
        TileType type =
            rowAxis < 0 ? vec(piece, accumulation) : mat(schedule.rows, piece, accumulation);
        // What a last piece reaches beyond its part is written again by the next part.
        if (joins)
          store(load(part, inPart, tileAxes(), type), whole, inWhole, tileAxes());
        else
          store(load(whole, inWhole, tileAxes(), type), part, inPart, tileAxes());
        return SmallVector<Value>{};
      });
      first += width;
    }
    return kernel;
  }

private:
  Value whole;
  ValueRange parts;
  bool joins;
};

/// A block copies a tile of the result's last two axes.
class PermuteProgram : LayerProgram {
public:
  PermuteProgram(OpBuilder &builder, mlir::xlstm::PermuteOp op)
      : LayerProgram(builder, op, accumulationOf(op.getX())), op(op) {}

  KernelOp build(StringRef name, TensorNames names) {
    declareTensor(op.getX(), /*unitStride=*/false);
    declareTensor(op.getResult());
    ArrayRef<int64_t> order = op.getOrder();
    int64_t axes = order.size();
    // One row of the result at a time.
    SmallVector<Extent> grid;
    for (int64_t axis = 0; axis < axes; ++axis) {
      int64_t extent = typeOf(op.getResult()).getDimSize(axis);
      int64_t divisor = axis + 1 == axes ? schedule.columns : 1;
      if (ShapedType::isDynamic(extent))
        grid.push_back({ShapedType::kDynamic, op.getX(), order[axis], divisor});
      else
        grid.push_back({(extent + divisor - 1) / divisor});
    }
    createKernel(name, grid, names);
    kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
    SmallVector<Value> to, from(axes);
    for (int64_t axis = 0; axis < axes; ++axis) {
      Value position = kernel.getGridIndex(axis);
      if (axis + 1 == axes)
        position = mul(position, index(schedule.columns));
      to.push_back(position);
      from[order[axis]] = position;
    }
    Value row = load(op.getX(), from, order.back(), vec(schedule.columns, accumulation));
    store(row, op.getResult(), to, axes - 1);
    return kernel;
  }

private:
  mlir::xlstm::PermuteOp op;
};

/// A block copies a piece of the last token of one sequence.
class LastTokenProgram : LayerProgram {
public:
  LastTokenProgram(OpBuilder &builder, mlir::xlstm::LastTokenOp op)
      : LayerProgram(builder, op, accumulationOf(op.getX())), op(op) {}

  KernelOp build(StringRef name, TensorNames names) {
    declareTensor(op.getX());
    declareTensor(op.getResult());
    schedule.rows = 1;
    createKernelOver(op.getResult(), name, names);
    SmallVector<Value> from(offset);
    from.insert(from.begin() + 1, sub(extent(op.getX(), 1), index(1)));
    Value row = load(op.getX(), from, rank, vec(schedule.columns, accumulation));
    store(row, op.getResult(), offset, rank - 1);
    return kernel;
  }

private:
  mlir::xlstm::LastTokenOp op;
};

} // namespace

KernelOp buildSplit(OpBuilder &builder, StringRef name, mlir::xlstm::SplitOp op,
                    TensorNames names) {
  return PartsProgram(builder, op, op.getX(), op.getParts(), /*joins=*/false).build(name, names);
}
KernelOp buildConcat(OpBuilder &builder, StringRef name, mlir::xlstm::ConcatOp op,
                     TensorNames names) {
  return PartsProgram(builder, op, op.getResult(), op.getParts(), /*joins=*/true)
      .build(name, names);
}
KernelOp buildPermute(OpBuilder &builder, StringRef name, mlir::xlstm::PermuteOp op,
                      TensorNames names) {
  return PermuteProgram(builder, op).build(name, names);
}
KernelOp buildLastToken(OpBuilder &builder, StringRef name, mlir::xlstm::LastTokenOp op,
                        TensorNames names) {
  return LastTokenProgram(builder, op).build(name, names);
}

} // namespace xlstm
