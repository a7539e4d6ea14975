// SPDX-License-Identifier: Apache-2.0
// Gradients of layers as tile programs. What belongs to an activation is computed tile by tile;
// what belongs to a parameter has a kernel of its own, whose blocks own parts of the parameter and
// read all rows.
#include "compiler/Conversion/XLSTMToTile/NormRows.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {
namespace {

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

/// Of rows, or of the rows of each head. x^ is computed again from x in both kernels.
template <typename Op> class NormGradientProgram : NormRows {
public:
  NormGradientProgram(OpBuilder &builder, Op op) : NormRows(builder, op), op(op) {}

  KernelOp build(StringRef name, TensorNames names) {
    declareTensor(x);
    declareTensor(op.getDy());
    declareTensor(weight);
    declareTensor(op.getDx());
    createKernelOver(x, name, names);
    auto [xn, scale] = normalized(offset);
    Value g = load(op.getDy(), offset, tileAxes(), tileType());
    if (weight)
      g = mapMatrix(tileType(), g, {}, loadWeight(), [&](ValueRange e) { return mul(e[2], e[3]); });
    Value products = map(tileType(), {g, xn}, [&](ValueRange e) { return mul(e[0], e[1]); });
    SmallVector<Value> rows{scale, mean(products)};
    if (isLayer)
      rows.push_back(mean(g));
    Value dx = mapMatrix(tileType(), {g, xn}, rows, {}, [&](ValueRange e) {
      Value rest = sub(e[2], mul(e[3], e[5]));
      return mul(isLayer ? sub(rest, e[6]) : rest, e[4]);
    });
    store(dx, op.getDx(), offset, tileAxes());
    return kernel;
  }

  /// A block has the weight of all units, or those of one head.
  KernelOp buildWeight(StringRef name, TensorNames names) {
    declareTensor(x);
    declareTensor(op.getDy());
    declareTensor(op.getDweight());
    rank = typeOf(x).getRank();
    rowAxis = rowAxisOf(rank);
    ArrayRef<int64_t> shape = typeOf(op.getDweight()).getShape();
    bool ofHeads = shape.size() == 2;
    createKernel(name, {{ofHeads ? shape[0] : 1}}, names);
    kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
    Values at(rank), to{index(0)};
    at.back() = index(0);
    if (ofHeads) {
      at[rank - 2] = kernel.getGridIndex(0);
      to.insert(to.begin(), kernel.getGridIndex(0));
    }
    Value rows = extent(x, rowAxis);
    TileType type = vec(schedule.columns, accumulation);
    auto addRows = [&](ArrayRef<Value> from, ValueRange sums) {
      Value xn = normalized(from).x;
      Value dy = load(op.getDy(), from, tileAxes(), tileType());
      // Rows beyond the last have no x^ where eps is 0.
      Value products = mapMatrix(tileType(), {dy, xn}, {}, {}, [&](ValueRange e) {
        return select(less(add(from[rowAxis], e[0]), rows), mul(e[2], e[3]),
                      constant(accumulation, 0));
      });
      return Values{addTiles(sums[0], sumColumns(products))};
    };
    Values sum = sumRows(x, at, rowAxis, type, addRows);
    store(sum[0], op.getDweight(), to, {ofHeads});
    return kernel;
  }

private:
  /// x^ of the tile there, and 1 / sd of its rows.
  Rows normalized(ArrayRef<Value> from) {
    auto [rows, scale] = loadRows(from);
    return {mapMatrix(tileType(), rows, scale, {}, [&](ValueRange e) { return mul(e[2], e[3]); }),
            scale};
  }

  Op op;
};

//===----------------------------------------------------------------------===//
// Causal convolution
//===----------------------------------------------------------------------===//

class ConvGradientProgram : RowSumProgram {
public:
  ConvGradientProgram(OpBuilder &builder, mlir::xlstm::CausalConv1dBackwardOp op)
      : RowSumProgram(builder, op, accumulationOf(op.getX())), op(op),
        taps(typeOf(op.getWeight()).getDimSize(1)) {}

  /// The convolution backwards in time.
  KernelOp build(StringRef name, TensorNames names) {
    declareTensor(op.getDy());
    declareTensor(op.getWeight());
    declareTensor(op.getDx());
    createKernelOver(op.getDy(), name, names);
    Value sum = splat(tileType(), 0);
    for (int64_t j = 0; j < taps; ++j) {
      Value weight =
          load(op.getWeight(), {offset[2], index(j)}, {0}, vec(schedule.columns, accumulation));
      Value dy = load(op.getDy(), at(1, add(offset[1], index(taps - 1 - j))), {1, 2}, tileType());
      sum = mapMatrix(tileType(), {sum, dy}, {}, weight,
                      [&](ValueRange e) { return add(e[2], mul(e[4], e[3])); });
    }
    store(sum, op.getDx(), offset, tileAxes());
    return kernel;
  }

  /// A block has all taps of some channels.
  KernelOp buildWeight(StringRef name, TensorNames names) {
    declareTensor(op.getX());
    declareTensor(op.getDy());
    declareTensor(op.getDweight());
    int64_t channels = typeOf(op.getDweight()).getDimSize(0);
    createKernel(name, {{(channels + schedule.columns - 1) / schedule.columns}}, names);
    kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
    Value channel = mul(kernel.getGridIndex(0), index(schedule.columns));
    TileType tile = mat(schedule.rows, schedule.columns, accumulation);
    SmallVector<TileType> types(taps, vec(schedule.columns, accumulation));
    Values sums = sumRows(op.getX(), {Value(), Value(), channel}, 1, types,
                          [&](ArrayRef<Value> from, ValueRange sums) {
                            Value dy = load(op.getDy(), from, {1, 2}, tile);
                            Values next;
                            for (int64_t j = 0; j < taps; ++j) {
                              Values before(from);
                              before[1] = sub(from[1], index(taps - 1 - j));
                              Value x = load(op.getX(), before, {1, 2}, tile);
                              Value products =
                                  map(tile, {dy, x}, [&](ValueRange e) { return mul(e[0], e[1]); });
                              next.push_back(addTiles(sums[j], sumColumns(products)));
                            }
                            return next;
                          });
    for (int64_t j = 0; j < taps; ++j)
      store(sums[j], op.getDweight(), {channel, index(j)}, {0});
    return kernel;
  }

private:
  mlir::xlstm::CausalConv1dBackwardOp op;
  int64_t taps;
};

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// A block has a row of the result, `columns` at a time.
class LeadingSumProgram : RowSumProgram {
public:
  LeadingSumProgram(OpBuilder &builder, mlir::xlstm::LeadingSumOp op)
      : RowSumProgram(builder, op, accumulationOf(op.getX())), op(op) {}

  KernelOp build(StringRef name, TensorNames names) {
    declareTensor(op.getX());
    declareTensor(op.getResult());
    ArrayRef<int64_t> shape = typeOf(op.getResult()).getShape();
    SmallVector<Extent> grid;
    for (int64_t extent : shape)
      grid.push_back({extent});
    grid.back() = {(shape.back() + schedule.columns - 1) / schedule.columns};
    createKernel(name, grid, names);
    kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
    Values to;
    for (size_t axis = 0; axis < shape.size(); ++axis)
      to.push_back(kernel.getGridIndex(axis));
    to.back() = mul(to.back(), index(schedule.columns));
    int64_t axes = typeOf(op.getX()).getRank(), leading = axes - shape.size();
    TileType type = vec(schedule.columns, accumulation);
    Value sum;
    if (leading == 0) {
      sum = load(op.getX(), to, {axes - 1}, type);
    } else {
      Values from(leading);
      llvm::append_range(from, to);
      sum = sumRows(op.getX(), from, leading - 1, type, [&](ArrayRef<Value> from, ValueRange sums) {
        Value x = load(op.getX(), from, {leading - 1, axes - 1},
                       mat(schedule.rows, schedule.columns, accumulation));
        return Values{addTiles(sums[0], sumColumns(x))};
      })[0];
    }
    store(sum, op.getResult(), to, {int64_t(shape.size()) - 1});
    return kernel;
  }

private:
  mlir::xlstm::LeadingSumOp op;
};

/// A block has a piece of the matrix of one of the diagonal's blocks. Pieces divide it: what lies
/// beyond belongs to its neighbour.
class BlockWeightProgram : RowSumProgram {
public:
  BlockWeightProgram(OpBuilder &builder, mlir::xlstm::BlockLinearWeightOp op)
      : RowSumProgram(builder, op, accumulationOf(op.getX())), op(op) {}

  KernelOp build(StringRef name, TensorNames names) {
    declareTensor(op.getX());
    declareTensor(op.getDy());
    declareTensor(op.getResult());
    ArrayRef<int64_t> shape = typeOf(op.getResult()).getShape();
    int64_t outputs = pieceOf(shape[1]), inputs = pieceOf(shape[2]);
    createKernel(name, {{shape[0]}, {shape[1] / outputs}, {shape[2] / inputs}}, names);
    kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
    Value n = kernel.getGridIndex(0), o = mul(kernel.getGridIndex(1), index(outputs)),
          i = mul(kernel.getGridIndex(2), index(inputs));
    int64_t axes = typeOf(op.getX()).getRank();
    Values at(axes);
    at.back() = add(mul(n, index(shape[2])), i);
    Value inDy = add(mul(n, index(shape[1])), o);
    Value sum = sumRows(op.getX(), at, axes - 2, mat(outputs, inputs, accumulation),
                        [&](ArrayRef<Value> from, ValueRange sums) {
                          Values fromDy(from);
                          fromDy.back() = inDy;
                          Value x = load(op.getX(), from, {axes - 2, axes - 1},
                                         mat(schedule.rows, inputs, accumulation));
                          Value dy = load(op.getDy(), fromDy, {axes - 2, axes - 1},
                                          mat(schedule.rows, outputs, accumulation));
                          return Values{matmul(transpose(dy), x, sums[0])};
                        })[0];
    store(sum, op.getResult(), {n, o, i}, {1, 2});
    return kernel;
  }

private:
  static int64_t pieceOf(int64_t extent) {
    int64_t piece = std::min<int64_t>(extent, 128);
    while (extent % piece)
      --piece;
    return piece;
  }

  mlir::xlstm::BlockLinearWeightOp op;
};

/// The kernels for the gradients that something uses, that of the parameter last.
template <typename Program, typename Op>
KernelOp buildBoth(OpBuilder &builder, StringRef name, TensorNames names, Op op, Value parameter) {
  KernelOp kernel;
  if (!op.getDx().use_empty()) {
    kernel = Program(builder, op).build(name, names);
    builder.setInsertionPointAfter(kernel);
  }
  if (parameter && !parameter.use_empty())
    kernel = Program(builder, op).buildWeight((name + "_weight").str(), names);
  return kernel;
}

} // namespace

KernelOp buildNormBackward(OpBuilder &builder, StringRef name, mlir::xlstm::NormBackwardOp op,
                           TensorNames names) {
  using Program = NormGradientProgram<mlir::xlstm::NormBackwardOp>;
  return buildBoth<Program>(builder, name, names, op, op.getDweight());
}
KernelOp buildNormBackward(OpBuilder &builder, StringRef name,
                           mlir::xlstm::MultiheadNormBackwardOp op, TensorNames names) {
  using Program = NormGradientProgram<mlir::xlstm::MultiheadNormBackwardOp>;
  return buildBoth<Program>(builder, name, names, op, op.getDweight());
}
KernelOp buildCausalConv1dBackward(OpBuilder &builder, StringRef name,
                                   mlir::xlstm::CausalConv1dBackwardOp op, TensorNames names) {
  return buildBoth<ConvGradientProgram>(builder, name, names, op, op.getDweight());
}
KernelOp buildLeadingSum(OpBuilder &builder, StringRef name, mlir::xlstm::LeadingSumOp op,
                         TensorNames names) {
  return LeadingSumProgram(builder, op).build(name, names);
}
KernelOp buildBlockLinearWeight(OpBuilder &builder, StringRef name,
                                mlir::xlstm::BlockLinearWeightOp op, TensorNames names) {
  return BlockWeightProgram(builder, op).build(name, names);
}

} // namespace xlstm
