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

  /// The sums of one entry of the first axis, in `parts`: [B, D], or of heads [B, H, D]. A block has
  /// them of all units, or of one head.
  KernelOp buildParts(StringRef name, TensorNames names, const KernelBuffer &buffer) {
    declareTensor(x);
    declareTensor(op.getDy());
    Value parts = declareBuffer(buffer, 1);
    rank = typeOf(x).getRank();
    rowAxis = rowAxisOf(rank);
    bool ofHeads = buffer.type.getRank() == 3;
    SmallVector<Extent> grid{{ShapedType::kDynamic, x, 0}};
    if (ofHeads)
      grid.push_back({buffer.type.getDimSize(1)});
    createKernel(name, grid, names);
    kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
    Values place(rank), to{kernel.getGridIndex(0)};
    place[0] = to[0];
    if (ofHeads)
      to.push_back(place[rank - 2] = kernel.getGridIndex(1));
    to.push_back(place.back() = index(0));
    store(sumOfProducts(place), parts, to, {buffer.type.getRank() - 1});
    return kernel;
  }

  /// The sum of the parts.
  KernelOp buildSum(StringRef name, TensorNames names, const KernelBuffer &buffer) {
    Value parts = declareBuffer(buffer, 1);
    declareTensor(op.getDweight());
    bool ofHeads = createWeightKernel(name, names);
    Values place(buffer.type.getRank()), to{index(0)};
    place.back() = index(0);
    if (ofHeads)
      to.insert(to.begin(), place[1] = kernel.getGridIndex(0));
    TileType type = vec(schedule.columns, accumulation);
    Value sum =
        loop(index(0), extent(parts, 0), index(1), splat(type, 0), [&](Value i, ValueRange sum) {
          place[0] = i;
          return Values{addTiles(sum[0], load(parts, place, {int64_t(place.size()) - 1}, type))};
        })[0];
    store(sum, op.getDweight(), to, {ofHeads});
    return kernel;
  }

  /// All of it in one kernel: rows without a leading axis.
  KernelOp buildWeight(StringRef name, TensorNames names) {
    declareTensor(x);
    declareTensor(op.getDy());
    declareTensor(op.getDweight());
    rank = typeOf(x).getRank();
    rowAxis = rowAxisOf(rank);
    bool ofHeads = createWeightKernel(name, names);
    Values place(rank), to{index(0)};
    place.back() = index(0);
    if (ofHeads)
      to.insert(to.begin(), place[rank - 2] = kernel.getGridIndex(0));
    store(sumOfProducts(place), op.getDweight(), to, {ofHeads});
    return kernel;
  }

private:
  /// A block has the weight of all units, or that of one head; whether it is of heads.
  bool createWeightKernel(StringRef name, TensorNames names) {
    ArrayRef<int64_t> shape = typeOf(op.getDweight()).getShape();
    bool ofHeads = shape.size() == 2;
    createKernel(name, {{ofHeads ? shape[0] : 1}}, names);
    kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
    return ofHeads;
  }
  /// sum of dy x^ over the positions along the axes where `place` is null.
  Value sumOfProducts(Values place) {
    Value rows = extent(x, rowAxis);
    return sumRows(x, place, rowAxis, vec(schedule.columns, accumulation),
                   [&](ArrayRef<Value> from, ValueRange sums) {
                     Value xn = normalized(from).x;
                     Value dy = load(op.getDy(), from, tileAxes(), tileType());
                     // Rows beyond the last have no x^ where eps is 0.
                     Value products = mapMatrix(tileType(), {dy, xn}, {}, {}, [&](ValueRange e) {
                       return select(less(add(from[rowAxis], e[0]), rows), mul(e[2], e[3]),
                                     constant(accumulation, 0));
                     });
                     return Values{addTiles(sums[0], sumColumns(products))};
                   })[0];
  }
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

/// Entries of the first axis are summed side by side where there are several axes of rows.
template <typename Op>
KernelOp buildBothOfNorm(OpBuilder &builder, StringRef name, TensorNames names, Op op,
                         Workspace &workspace) {
  using Program = NormGradientProgram<Op>;
  RankedTensorType type = op.getX().getType();
  bool isUsed = op.getDweight() && !op.getDweight().use_empty();
  if (!isUsed || rowAxisOf(type.getRank()) == 0 || !type.isDynamicDim(0))
    return buildBoth<Program>(builder, name, names, op, op.getDweight());
  auto weight = cast<RankedTensorType>(op.getDweight().getType());
  SmallVector<int64_t> shape{ShapedType::kDynamic};
  llvm::append_range(shape, weight.getShape());
  Type element = weight.getElementType().isF64() ? builder.getF64Type() : builder.getF32Type();
  KernelBuffer parts = workspace.addBuffer(RankedTensorType::get(shape, element), {"B"});
  if (!op.getDx().use_empty())
    builder.setInsertionPointAfter(Program(builder, op).build(name, names));
  builder.setInsertionPointAfter(
      Program(builder, op).buildParts((name + "_parts").str(), names, parts));
  return Program(builder, op).buildSum((name + "_weight").str(), names, parts);
}

} // namespace

KernelOp buildNormBackward(OpBuilder &builder, StringRef name, mlir::xlstm::NormBackwardOp op,
                           TensorNames names, Workspace &workspace) {
  return buildBothOfNorm(builder, name, names, op, workspace);
}
KernelOp buildNormBackward(OpBuilder &builder, StringRef name,
                           mlir::xlstm::MultiheadNormBackwardOp op, TensorNames names,
                           Workspace &workspace) {
  return buildBothOfNorm(builder, name, names, op, workspace);
}
KernelOp buildCausalConv1dBackward(OpBuilder &builder, StringRef name,
                                   mlir::xlstm::CausalConv1dBackwardOp op, TensorNames names) {
  return buildBoth<ConvGradientProgram>(builder, name, names, op, op.getDweight());
}
KernelOp buildLeadingSum(OpBuilder &builder, StringRef name, mlir::xlstm::LeadingSumOp op,
                         TensorNames names) {
  return LeadingSumProgram(builder, op).build(name, names);
}

} // namespace xlstm
