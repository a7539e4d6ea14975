// SPDX-License-Identifier: Apache-2.0
// Layers of blocks as tile programs: maps, norms, embedding, causal convolution.
#include "compiler/Conversion/XLSTMToTile/NormRows.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

//===----------------------------------------------------------------------===//
// LayerProgram
//===----------------------------------------------------------------------===//

LayerProgram::LayerProgram(OpBuilder &builder, Operation *op, Type accumulation)
    : ProgramBuilder(builder, op->getLoc(), accumulation),
      schedule(LayerSchedule::fromAttribute(op->getAttrOfType<DictionaryAttr>(scheduleAttrName))) {}

Type LayerProgram::accumulationOf(Value value) {
  Type element = getElementTypeOrSelf(value);
  return element.isF64() ? element : Float32Type::get(element.getContext());
}

void LayerProgram::declareTensor(Value value, bool unitStride) {
  if (!value)
    return;
  ArrayRef<int64_t> shape = typeOf(value).getShape();
  unsigned runTime = 0;
  for (auto [axis, extent] : llvm::enumerate(shape))
    if (ShapedType::isDynamic(extent))
      runTime = axis + 1;
  declare(value, runTime, unitStride);
}

SmallVector<ProgramBuilder::Extent> LayerProgram::gridOver(Value value) {
  ArrayRef<int64_t> shape = typeOf(value).getShape();
  rank = shape.size();
  rowAxis = rowAxisOf(rank);
  SmallVector<Extent> grid;
  for (auto [index, extent] : llvm::enumerate(shape)) {
    int64_t axis = index, divisor = 1;
    if (axis == rowAxis)
      divisor = schedule.rows;
    if (axis == rank - 1)
      divisor = schedule.columns;
    if (ShapedType::isDynamic(extent))
      grid.push_back({ShapedType::kDynamic, value, axis, divisor});
    else
      grid.push_back({(extent + divisor - 1) / divisor});
  }
  return grid;
}

void LayerProgram::createKernelOver(Value value, StringRef name, TensorNames names, Value batch) {
  SmallVector<Extent> grid = gridOver(value);
  if (batch)
    grid[0].of = batch;
  createKernel(name, grid, names);
  kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
  for (int64_t axis = 0; axis < rank; ++axis) {
    Value position = kernel.getGridIndex(axis);
    if (axis == rowAxis)
      position = mul(position, index(schedule.rows));
    if (axis == rank - 1)
      position = mul(position, index(schedule.columns));
    offset.push_back(position);
  }
}

namespace {

//===----------------------------------------------------------------------===//
// Maps
//===----------------------------------------------------------------------===//

class MapProgram : LayerProgram {
public:
  MapProgram(OpBuilder &builder, mlir::xlstm::MapOp op)
      : LayerProgram(builder, op, op.getAccumulationType()), op(op) {}

  KernelOp build(StringRef name, TensorNames names) {
    for (Value input : op.getInputs())
      declareTensor(input);
    for (Value output : op.getOutputs())
      declareTensor(output);
    // A full input has the run-time extents, also where no result is used.
    Value full;
    for (auto [number, input] : llvm::enumerate(op.getInputs()))
      if (op.isFull(number) && !full)
        full = input;
    createKernelOver(full, name, names);
    SmallVector<Value> elems, cols;
    SmallVector<bool> isColumn;
    for (Value input : op.getInputs()) {
      int64_t missing = rank - typeOf(input).getRank();
      SmallVector<Value> from(ArrayRef(offset).drop_front(missing));
      isColumn.push_back(rowAxis >= 0 && rowAxis < missing);
      if (isColumn.back())
        cols.push_back(
            load(input, from, {rank - 1 - missing}, vec(schedule.columns, accumulation)));
      else
        elems.push_back(load(input, from, tileAxes(missing), tileType()));
    }
    auto yielded = op.getYield().getOutputs();
    SmallVector<Value> results =
        mapMatrices(tileType(), yielded.size(), elems, {}, cols, [&](ValueRange args) {
          args = args.drop_front(rowAxis < 0 ? 1 : 2);
          ValueRange elemArgs = args.take_front(elems.size()),
                     colArgs = args.drop_front(elems.size());
          SmallVector<Value> arguments;
          for (bool column : isColumn) {
            ValueRange &from = column ? colArgs : elemArgs;
            arguments.push_back(from.front());
            from = from.drop_front();
          }
          return evaluate(op.getBlock(), arguments, yielded);
        });
    for (auto [result, output] : llvm::zip(results, op.getOutputs()))
      store(result, output, offset, tileAxes());
    return kernel;
  }

private:
  mlir::xlstm::MapOp op;
};

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

/// Of rows, or of the rows of each head.
template <typename Op> class NormProgram : NormRows {
public:
  NormProgram(OpBuilder &builder, Op op) : NormRows(builder, op), op(op) {}

  KernelOp build(StringRef name, TensorNames names) {
    declareTensor(x);
    declareTensor(weight);
    for (Value elem : elems())
      declareTensor(elem);
    declareTensor(op.getResult());
    createKernelOver(x, name, names);
    SmallVector<Value> factors;
    if (schedule.readsEarly) {
      factors.push_back(loadWeight());
      b.create<WaitLaunchesOp>(loc);
    }
    auto [rows, scale] = loadRows(offset);
    SmallVector<Value> matrices{rows};
    for (Value elem : elems())
      matrices.push_back(load(elem, offset, tileAxes(), tileType()));
    if (weight && factors.empty())
      factors.push_back(loadWeight());
    Value y = mapMatrix(rowsType(), matrices, scale, factors, [&](ValueRange e) {
      e = e.drop_front(2); // positions
      Value norm = mul(e[0], e[matrices.size()]);
      if (weight)
        norm = mul(norm, e.back());
      SmallVector<Value> arguments{norm};
      llvm::append_range(arguments, e.slice(1, matrices.size() - 1));
      return epilogue(arguments);
    });
    store(y, op.getResult(), offset, tileAxes());
    return kernel;
  }

private:
  ValueRange elems() {
    if constexpr (std::is_same_v<Op, mlir::xlstm::MultiheadNormOp>)
      return op.getElems();
    return {};
  }
  /// Of the norm's result and what is beside it.
  Value epilogue(ArrayRef<Value> arguments) {
    if constexpr (std::is_same_v<Op, mlir::xlstm::MultiheadNormOp>)
      if (op.hasEpilogue()) {
        Block &block = op.getEpilogue().front();
        auto yield = cast<mlir::xlstm::YieldOp>(block.getTerminator());
        return evaluate(block, arguments, yield.getOutputs())[0];
      }
    return arguments[0];
  }

  Op op;
};

//===----------------------------------------------------------------------===//
// Embedding
//===----------------------------------------------------------------------===//

/// A block copies the row of one token, `columns` at a time.
class EmbeddingProgram : LayerProgram {
public:
  EmbeddingProgram(OpBuilder &builder, mlir::xlstm::EmbeddingOp op)
      : LayerProgram(builder, op, accumulationOf(op.getTable())), op(op) {}

  KernelOp build(StringRef name, TensorNames names) {
    declareTensor(op.getTable());
    declareTensor(op.getTokens(), /*unitStride=*/false);
    declareTensor(op.getResult());
    schedule.rows = 1;
    createKernelOver(op.getResult(), name, names);
    Value token = loadScalar(op.getTokens(), ArrayRef(offset).drop_back(), b.getIndexType(), -1);
    TileType type = vec(schedule.columns, accumulation);
    Value row = load(op.getTable(), {token, offset.back()}, {1}, type);
    store(row, op.getResult(), offset, {rank - 1});
    return kernel;
  }

private:
  mlir::xlstm::EmbeddingOp op;
};

//===----------------------------------------------------------------------===//
// Causal convolution
//===----------------------------------------------------------------------===//

/// The inputs from time t on, [rows, columns]: before the first token those of the state. A load
/// outside of a tensor gives zeros, so the sum of both is the one that is there.
class ConvProgram : LayerProgram {
public:
  ConvProgram(OpBuilder &builder, mlir::xlstm::CausalConv1dOp op)
      : LayerProgram(builder, op, accumulationOf(op.getX())), op(op),
        before(op.getKernelSize() - 1) {}

  KernelOp build(StringRef name, TensorNames names) {
    declareTensor(op.getX());
    declareTensor(op.getWeight());
    declareTensor(op.getBias());
    declareTensor(op.getState());
    declareTensor(op.getY());
    createKernelOver(op.getX(), name, names);
    TileType columns = vec(schedule.columns, accumulation);
    Value channel = offset[2], none = splat(columns, 0);
    Value bias = op.getBias() ? load(op.getBias(), {channel}, {0}, columns) : none;
    Value sum = mapMatrix(tileType(), {}, {}, bias, [](ValueRange e) { return e[2]; });
    for (int64_t j = 0; j <= before; ++j) {
      Value weight = load(op.getWeight(), {channel, index(j)}, {0}, columns);
      SmallVector<Value> elems = inputs(sub(offset[1], index(before - j)), schedule.rows);
      elems.insert(elems.begin(), sum);
      sum = mapMatrix(tileType(), elems, {}, weight, [&](ValueRange e) {
        Value x = elems.size() > 2 ? add(e[3], e[4]) : e[3];
        Value taken = add(e[2], mul(e.back(), x));
        return j == before ? epilogue(taken) : taken;
      });
    }
    store(sum, op.getY(), offset, tileAxes());
    return kernel;
  }

  /// A kernel of its own: it runs where there are no tokens too.
  KernelOp buildState(StringRef name, TensorNames names) {
    declareTensor(op.getX());
    declareTensor(op.getState());
    declareTensor(op.getStateLast());
    // A block has all rows, first to last, so that it may write them over those that it reads.
    int64_t together = schedule.threads ? 1 : before;
    schedule.rows = before;
    createKernelOver(op.getStateLast(), name, names, op.getX());
    schedule.rows = together;
    kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
    for (int64_t row = 0; row < before; row += together) {
      Value from = sub(extent(op.getX(), 1), index(before - row));
      SmallVector<Value> elems = inputs(from, together);
      Value last = elems[0];
      if (elems.size() > 1)
        last = map(tileType(), elems, [&](ValueRange e) { return add(e[0], e[1]); });
      store(last, op.getStateLast(), at(1, index(row)), tileAxes());
    }
    return kernel;
  }

private:
  Value epilogue(Value sum) {
    if (!op.hasEpilogue())
      return sum;
    Block &block = op.getEpilogue().front();
    auto yield = cast<mlir::xlstm::YieldOp>(block.getTerminator());
    return evaluate(block, sum, yield.getOutputs())[0];
  }
  SmallVector<Value> inputs(Value t, int64_t rows) {
    TileType type = mat(rows, schedule.columns, accumulation);
    SmallVector<Value> elems{load(op.getX(), at(1, t), {1, 2}, type)};
    if (op.getState())
      elems.push_back(load(op.getState(), at(1, add(t, index(before))), {1, 2}, type));
    return elems;
  }

  mlir::xlstm::CausalConv1dOp op;
  int64_t before; // K - 1
};

} // namespace

KernelOp buildMap(OpBuilder &builder, StringRef name, mlir::xlstm::MapOp op, TensorNames names) {
  return MapProgram(builder, op).build(name, names);
}
KernelOp buildNorm(OpBuilder &builder, StringRef name, mlir::xlstm::NormOp op, TensorNames names) {
  return NormProgram<mlir::xlstm::NormOp>(builder, op).build(name, names);
}
KernelOp buildNorm(OpBuilder &builder, StringRef name, mlir::xlstm::MultiheadNormOp op,
                   TensorNames names) {
  return NormProgram<mlir::xlstm::MultiheadNormOp>(builder, op).build(name, names);
}
KernelOp buildEmbedding(OpBuilder &builder, StringRef name, mlir::xlstm::EmbeddingOp op,
                        TensorNames names) {
  return EmbeddingProgram(builder, op).build(name, names);
}
KernelOp buildCausalConv1d(OpBuilder &builder, StringRef name, mlir::xlstm::CausalConv1dOp op,
                           TensorNames names) {
  KernelOp conv = ConvProgram(builder, op).build(name, names);
  // The state's kernel comes last: it may write where the initial state is.
  if (op.getStateLast().use_empty() || op.getKernelSize() == 1)
    return conv;
  builder.setInsertionPointAfter(conv);
  return ConvProgram(builder, op).buildState((name + "_state").str(), names);
}

} // namespace xlstm
