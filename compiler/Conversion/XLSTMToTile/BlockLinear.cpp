// SPDX-License-Identifier: Apache-2.0
// Products with block-diagonal matrices [N, O, I], and their weights' gradients, as tile programs
// for CPUs; those for GPUs are in BlockLinearToken.cpp.
//
// Blocks narrower than a vector are taken several at a time, as one matrix that is zero outside of
// them: so loads and sums are of whole vectors, and what they compute in vain costs less than the
// elements one by one. Values that are not finite then spread to the other blocks of a group.
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Conversion/XLSTMToTile/RowSums.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {
namespace {

class BlockDiagonalProgram : protected RowSumProgram {
protected:
  BlockDiagonalProgram(OpBuilder &builder, Operation *op, Value x, ArrayRef<int64_t> shape)
      : RowSumProgram(builder, op, accumulationOf(x)), blocks(shape[0]), O(shape[1]), I(shape[2]),
        group(std::max<int64_t>(1, schedule.blocks)) {}

  /// Declares the weight or its gradient: of groups as a matrix [N O, I].
  void declareBlocks(Value weight) {
    group > 1 ? declare(weight, /*runTimeAxes=*/1, /*unitStride=*/true, /*merged=*/2)
              : declare(weight, 0);
  }

  /// The largest part of at most 128 that divides an axis of a block: what lies beyond the axis
  /// belongs to its neighbour.
  static int64_t pieceOf(int64_t extent) {
    int64_t piece = std::min<int64_t>(extent, 128);
    while (extent % piece)
      --piece;
    return piece;
  }

  /// [I, group I]: unit matrices side by side.
  Value repeated() {
    TileType type = mat(I, group * I, accumulation);
    return mapMatrix(type, splat(type, 0), {}, {}, [&](ValueRange e) {
      Value unit = b.create<arith::RemUIOp>(loc, e[1], index(I));
      return select(equal(unit, e[0]), constant(accumulation, 1), e[2]);
    });
  }
  /// [group O, group I] with zeros outside of the blocks.
  Value diagonal(Value x) {
    return mapMatrix(mat(group * O, group * I, accumulation), x, {}, {}, [&](ValueRange e) {
      Value row = b.create<arith::DivUIOp>(loc, e[0], index(O)),
            column = b.create<arith::DivUIOp>(loc, e[1], index(I));
      return select(equal(row, column), e[2], constant(accumulation, 0));
    });
  }

  int64_t blocks, O, I, group;
};

//===----------------------------------------------------------------------===//
// Product
//===----------------------------------------------------------------------===//

/// A block has some tokens of some of the diagonal's blocks.
class BlockLinearProgram : BlockDiagonalProgram {
public:
  BlockLinearProgram(OpBuilder &builder, mlir::xlstm::BlockLinearOp op)
      : BlockDiagonalProgram(builder, op, op.getX(), op.getWeight().getType().getShape()), op(op),
        outputs(op.getTransposed() ? I : O), inputs(op.getTransposed() ? O : I) {}

  KernelOp build(StringRef name, TensorNames names) {
    declareTensor(op.getX());
    declareBlocks(op.getWeight());
    declareTensor(op.getY());
    // The grid's last dimension goes over some of the diagonal's blocks instead of columns.
    int64_t ofBlock = std::max(group, schedule.columns / outputs / group * group);
    SmallVector<Extent> grid = gridOver(op.getX());
    grid.back() = {(blocks + ofBlock - 1) / ofBlock};
    createKernel(name, grid, names);
    kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
    for (int64_t axis = 0; axis < rank; ++axis) {
      Value position = kernel.getGridIndex(axis);
      offset.push_back(axis == rowAxis ? mul(position, index(schedule.rows)) : position);
    }
    Value first = mul(offset.back(), index(ofBlock));
    Value end = min(add(first, index(ofBlock)), index(blocks));
    Value units = group > 1 ? repeated() : Value();
    loop(first, end, index(group), {}, [&](Value n, ValueRange) {
      group > 1 ? multiplyGroup(n, units) : multiplyBlock(n);
      return Values{};
    });
    return kernel;
  }

private:
  Value loadX(Value from, int64_t extent) {
    TileType type =
        rowAxis < 0 ? vec(extent, accumulation) : mat(schedule.rows, extent, accumulation);
    return load(op.getX(), at(rank - 1, from), tileAxes(), type);
  }
  void storeY(Value y, Value to) { store(y, op.getY(), at(rank - 1, to), tileAxes()); }

  void multiplyGroup(Value n, Value units) {
    TileType wide = mat(group * O, group * I, accumulation),
             y = mat(schedule.rows, group * outputs, accumulation);
    Value part =
        load(op.getWeight(), {mul(n, index(O)), index(0)}, {0, 1}, mat(group * O, I, accumulation));
    Value matrix = diagonal(matmul(part, units, splat(wide, 0)));
    if (!op.getTransposed())
      matrix = transpose(matrix);
    storeY(matmul(loadX(mul(n, index(inputs)), group * inputs), matrix, splat(y, 0)),
           mul(n, index(outputs)));
  }

  void multiplyBlock(Value n) {
    int64_t width = pieceOf(outputs), depth = pieceOf(inputs);
    loop(index(0), index(outputs), index(width), {}, [&](Value o, ValueRange) {
      storeY(product(n, o, width, depth), add(mul(n, index(outputs)), o));
      return Values{};
    });
  }

  /// [rows, width]: outputs o .. of block n.
  Value product(Value n, Value o, int64_t width, int64_t depth) {
    TileType type = mat(schedule.rows, width, accumulation);
    return loop(index(0), index(inputs), index(depth), splat(type, 0),
                [&](Value i, ValueRange sum) -> Values {
                  Value x = loadX(add(mul(n, index(inputs)), i), depth);
                  // [depth, width]
                  Value w = op.getTransposed() ? load(op.getWeight(), {n, i, o}, {1, 2},
                                                      mat(depth, width, accumulation))
                                               : transpose(load(op.getWeight(), {n, o, i}, {1, 2},
                                                                mat(width, depth, accumulation)));
                  return {matmul(x, w, sum[0])};
                })[0];
  }

  mlir::xlstm::BlockLinearOp op;
  int64_t outputs, inputs; // of a block: units of y and of x
};

//===----------------------------------------------------------------------===//
// Gradient of the weight
//===----------------------------------------------------------------------===//

/// A block of threads has a piece of one of the diagonal's blocks, or some groups of them, and reads
/// all tokens.
class BlockWeightProgram : BlockDiagonalProgram {
public:
  BlockWeightProgram(OpBuilder &builder, mlir::xlstm::BlockLinearWeightOp op)
      : BlockDiagonalProgram(builder, op, op.getX(),
                             cast<RankedTensorType>(op.getResult().getType()).getShape()),
        op(op), axes(typeOf(op.getX()).getRank()) {}

  KernelOp build(StringRef name, TensorNames names) {
    declareTensor(op.getX());
    declareTensor(op.getDy());
    declareBlocks(op.getResult());
    group > 1 ? buildGroups(name, names) : buildPieces(name, names);
    return kernel;
  }

private:
  void createGrid(StringRef name, ArrayRef<Extent> grid, TensorNames names) {
    createKernel(name, grid, names);
    kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
  }
  Value rowsOf(Value tensor, ArrayRef<Value> from, Value unit, int64_t extent) {
    Values place(from);
    place.back() = unit;
    return load(tensor, place, {axes - 2, axes - 1}, mat(schedule.rows, extent, accumulation));
  }

  /// As many groups as have `columns` inputs: their rows are next to each other in memory.
  void buildGroups(StringRef name, TensorNames names) {
    int64_t groups = std::max<int64_t>(1, schedule.columns / (group * I)), part = groups * group;
    createGrid(name, {{(blocks + part - 1) / part}}, names);
    Value first = mul(kernel.getGridIndex(0), index(part));
    auto block = [&](int64_t g) { return add(first, index(g * group)); };
    Values place(axes);
    place.back() = index(0); // not a row's
    SmallVector<TileType> types(groups, mat(group * O, group * I, accumulation));
    Values sums =
        sumRows(op.getX(), place, axes - 2, types, [&](ArrayRef<Value> from, ValueRange sums) {
          Values next;
          for (int64_t g = 0; g < groups; ++g) {
            Value x = rowsOf(op.getX(), from, mul(block(g), index(I)), group * I),
                  dy = rowsOf(op.getDy(), from, mul(block(g), index(O)), group * O);
            next.push_back(matmul(transpose(dy), x, sums[g]));
          }
          return next;
        });
    Value units = transpose(repeated());
    for (int64_t g = 0; g < groups; ++g) {
      Value part = matmul(diagonal(sums[g]), units, splat(mat(group * O, I, accumulation), 0));
      store(part, op.getResult(), {mul(block(g), index(O)), index(0)}, {0, 1});
    }
  }

  void buildPieces(StringRef name, TensorNames names) {
    int64_t outputs = pieceOf(O), inputs = pieceOf(I);
    createGrid(name, {{blocks}, {O / outputs}, {I / inputs}}, names);
    Value n = kernel.getGridIndex(0), o = mul(kernel.getGridIndex(1), index(outputs)),
          i = mul(kernel.getGridIndex(2), index(inputs));
    Values place(axes);
    place.back() = add(mul(n, index(I)), i);
    Value inDy = add(mul(n, index(O)), o);
    Value sum = sumRows(op.getX(), place, axes - 2, mat(outputs, inputs, accumulation),
                        [&](ArrayRef<Value> from, ValueRange sums) {
                          Value x = rowsOf(op.getX(), from, from.back(), inputs),
                                dy = rowsOf(op.getDy(), from, inDy, outputs);
                          return Values{matmul(transpose(dy), x, sums[0])};
                        })[0];
    store(sum, op.getResult(), {n, o, i}, {1, 2});
  }

  mlir::xlstm::BlockLinearWeightOp op;
  int64_t axes; // of x
};

} // namespace

KernelOp buildBlockLinear(OpBuilder &builder, StringRef name, mlir::xlstm::BlockLinearOp op,
                          TensorNames names) {
  return BlockLinearProgram(builder, op).build(name, names);
}
KernelOp buildBlockLinearWeight(OpBuilder &builder, StringRef name,
                                mlir::xlstm::BlockLinearWeightOp op, TensorNames names) {
  return BlockWeightProgram(builder, op).build(name, names);
}

} // namespace xlstm
