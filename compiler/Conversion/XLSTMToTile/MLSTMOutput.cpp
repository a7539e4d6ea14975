// SPDX-License-Identifier: Apache-2.0
// h from the states at the chunks' starts: the kernels scores and output of MLSTMKernels.h. A block
// has `rows` tokens of a chunk, from `first` on.
#include "compiler/Conversion/XLSTMToTile/MLSTMKernels.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {
namespace {

class RowsKernel : protected ChunkKernel {
public:
  using ChunkKernel::ChunkKernel;

protected:
  /// Rows of a block from the grid's dimensions 2 and 3.
  void enterRows();
  /// r (0) or 1 / denominator (1) of the block's rows.
  SmallVector<Value> placeOf(int64_t weight) { return {index(weight), number, head, t0}; }

  Value chunk, first, begin, t0, row; // chunk's first token and the block's, the chunk's state
};

void RowsKernel::enterRows() {
  chunk = kernel.getGridIndex(2);
  first = mul(kernel.getGridIndex(3), index(states.rows));
  begin = mul(chunk, index(L));
  t0 = add(begin, first);
  row = stateRow(number, tokens, chunk);
}

class ScoresKernel : private RowsKernel {
public:
  using RowsKernel::RowsKernel;
  KernelOp build(StringRef name, TensorNames names);

private:
  /// Q K^T of the rows and all keys of the chunk, and q.n.
  SmallVector<Value> products();
  Value loadVector(Value from, Value at, int64_t extent, double pad) {
    return load(from, {number, head, at}, {2}, vec(extent, gate), pad);
  }
};

SmallVector<Value> ScoresKernel::products() {
  SmallVector<Value> sums = {splat(mat(states.rows, L, accumulation), 0)};
  if (options.hasNormalizer())
    sums.push_back(splat(vec(states.rows, accumulation), 0));
  return loop(index(0), index(dqk), index(states.depth), sums, [&](Value column, ValueRange sum) {
    Value q = staged(operands.q, {number, t0, head, column}, {1, 3}, states.rows, states.depth);
    Value k = staged(operands.k, {number, begin, head, column}, {1, 3}, L, states.depth);
    SmallVector<Value> next = {product(q, transpose(k), sum[0])};
    if (options.hasNormalizer()) {
      Value n = load(tensors.n, {row, head, column}, {2}, vec(states.depth, accumulation));
      next.push_back(matvec(q, n, sum[1]));
    }
    return next;
  });
}

KernelOp ScoresKernel::build(StringRef name, TensorNames names) {
  OpBuilder::InsertionGuard guard(b);
  declare(operands.q, 2);
  declare(operands.k, 2);
  tensors.b = use(buffers.b);
  tensors.e = use(buffers.e);
  tensors.highest = use(buffers.highest);
  tensors.m = use(buffers.m);
  tensors.n = use(buffers.n);
  tensors.P = use(buffers.P);
  tensors.weights = use(buffers.weights);
  createKernel(name, "scores", {sequences(), {op.getHeads()}, chunks(), {slices(L, states.rows)}},
               names);
  enterRows();
  SmallVector<Value> sums = products();
  Value m = loadM(row), M = loadCellM(row);
  LocalGates rows;
  rows.b = loadVector(tensors.b, t0, states.rows, 0);
  rows.highest = loadVector(tensors.highest, t0, states.rows, 0);
  if (options.hasStabilizer())
    rows.highestOfCell = rows.highest;
  Gates gates;
  gates.b = rows.b;
  gates.mu = atLeast(rows.highest, m);
  gates.o = cellReference(rows, M);
  gates.r = stateWeights(gates.mu, m);
  gates.e = loadVector(tensors.e, begin, L, -big);
  Value P = weighted(sums[0], gates, first), z;
  if (options.hasNormalizer()) {
    Value inner = reduce(Combiner::add, P);
    z = map(vec(states.rows, accumulation), {inner, sums[1], gates.r},
            [&](ValueRange x) { return add(x[0], mul(x[1], x[2])); });
  }
  store(asOperand(P), tensors.P, {number, t0, head, index(0)}, {1, 3});
  store(gates.r, tensors.weights, placeOf(0), {3});
  store(inverseDenominator(gates, z), tensors.weights, placeOf(1), {3});
  return kernel;
}

class OutputKernel : private RowsKernel {
public:
  using RowsKernel::RowsKernel;
  KernelOp build(StringRef name, TensorNames names);
};

KernelOp OutputKernel::build(StringRef name, TensorNames names) {
  OpBuilder::InsertionGuard guard(b);
  declare(operands.q, 2);
  declare(operands.v, 2);
  tensors.C = use(buffers.C);
  tensors.P = use(buffers.P);
  tensors.weights = use(buffers.weights);
  declare(op.getH(), 2);
  // Blocks of one chunk are neighbours: they share the state, q, v and P in the cache.
  createKernel(name, "output",
               {sequences(),
                {op.getHeads()},
                chunks(),
                {slices(L, states.rows)},
                {slices(dv, states.columns)}},
               names);
  enterRows();
  Value dv0 = mul(kernel.getGridIndex(4), index(states.columns)), zero = index(0);
  TileType type = mat(states.rows, states.columns, accumulation);
  auto scaled = [&](Value tile, int64_t weight) {
    Value factors = load(tensors.weights, placeOf(weight), {3}, vec(states.rows, accumulation));
    return mapMatrix(type, tile, factors, {}, [&](ValueRange x) { return mul(x[2], x[3]); });
  };
  Value depth = index(states.depth);
  Value fromState =
      loop(zero, index(dqk), depth, splat(type, 0), [&](Value column, ValueRange sum) {
        Value q = staged(operands.q, {number, t0, head, column}, {1, 3}, states.rows, states.depth);
        Value C = staged(tensors.C, {row, head, column, dv0}, {2, 3}, states.depth, states.columns);
        return SmallVector<Value>{product(q, C, sum[0])};
      })[0];
  // Keys up to the block's last row.
  Value end = add(first, index(states.rows));
  Value h = loop(zero, end, depth, scaled(fromState, 0), [&](Value key, ValueRange sum) {
    Value P = staged(tensors.P, {number, t0, head, key}, {1, 3}, states.rows, states.depth);
    Value v = staged(operands.v, {number, add(begin, key), head, dv0}, {1, 3}, states.depth,
                     states.columns);
    return SmallVector<Value>{product(P, v, sum[0])};
  })[0];
  store(scaled(h, 1), op.getH(), {number, t0, head, dv0}, {1, 3});
  return kernel;
}

} // namespace

KernelOp buildScores(OpBuilder &builder, StringRef name, mlir::xlstm::MLSTMOp op,
                     const StatesSchedule &schedule, const ChunkBuffers &buffers,
                     TensorNames names) {
  return ScoresKernel(builder, op, schedule, buffers).build(name, names);
}

KernelOp buildOutput(OpBuilder &builder, StringRef name, mlir::xlstm::MLSTMOp op,
                     const StatesSchedule &schedule, const ChunkBuffers &buffers,
                     TensorNames names) {
  return OutputKernel(builder, op, schedule, buffers).build(name, names);
}

} // namespace xlstm
