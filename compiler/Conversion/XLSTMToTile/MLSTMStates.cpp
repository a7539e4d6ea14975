// SPDX-License-Identifier: Apache-2.0
// The states at the chunks' starts: the kernels gates, carry and states of MLSTMKernels.h.
#include "compiler/Conversion/XLSTMToTile/MLSTMKernels.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {
namespace {

/// One block: one chunk of one head.
class GatesKernel : private ChunkKernel {
public:
  using ChunkKernel::ChunkKernel;
  KernelOp build(StringRef name, TensorNames names);
};

KernelOp GatesKernel::build(StringRef name, TensorNames names) {
  OpBuilder::InsertionGuard guard(b);
  declare(operands.k, 2);
  declare(operands.i, 2, /*unitStride=*/false);
  declare(operands.f, 2, /*unitStride=*/false);
  tensors.b = use(buffers.b);
  tensors.e = use(buffers.e);
  tensors.highest = use(buffers.highest);
  tensors.lasts = use(buffers.lasts);
  tensors.u = use(buffers.u);
  createKernel(name, "gates", {sequences(), {op.getHeads()}, chunks()}, names);
  Value chunk = kernel.getGridIndex(2), t0 = mul(chunk, index(L)), zero = index(0);
  LocalGates gates = localGates(loadGate(operands.i, tokens, t0, head, -big),
                                loadGate(operands.f, tokens, t0, head, big), Value());
  for (auto [tile, to] : {std::pair<Value, Value>{gates.b, tensors.b},
                          {gates.e, tensors.e},
                          {gates.highest, tensors.highest}})
    store(tile, to, {number, head, t0}, {2});
  Value row = stateRow(number, tokens, chunk), last = extract(gates.highest, L - 1);
  storeScalar(gates.sum, tensors.lasts, {row, head, zero});
  storeScalar(last, tensors.lasts, {row, head, index(1)});
  if (!options.hasNormalizer())
    return kernel;
  Value w = updateWeights(gates.e, last);
  loop(zero, index(dqk), index(states.depth), {}, [&](Value column, ValueRange) {
    Value k = staged(operands.k, {number, t0, head, column}, {1, 3}, L, states.depth);
    Value u = matvec(transpose(k), w, splat(vec(states.depth, accumulation), 0));
    store(u, tensors.u, {row, head, column}, {2});
    return SmallVector<Value>();
  });
  return kernel;
}

/// One block: a slice of n of one head; the first slice also has what is not of n.
class CarryKernel : private ChunkKernel {
public:
  using ChunkKernel::ChunkKernel;
  KernelOp build(StringRef name, TensorNames names);

private:
  SmallVector<Value> step(Value row, ValueRange carried);
  void save(Value sinceBegin, Value row, ValueRange carried);
  void storeLast(ValueRange carried);

  bool hasN() { return options.hasNormalizer(); }
  TileType sliceType() { return vec(states.carrySlice, accumulation); }
  Value slice, column; // of n
};

/// Carried: m, then M where the cell has it, then n.
SmallVector<Value> CarryKernel::step(Value row, ValueRange carried) {
  Value m = carried[0], sum = loadSum(row), highest = loadHighest(row);
  Value reference = max(m, highest);
  SmallVector<Value> next = {add(sum, reference)};
  if (options.hasStabilizer())
    next.push_back(add(sum, max(carried[1], highest)));
  if (hasN()) {
    Value decay = expDifference(m, reference), gain = expDifference(highest, reference);
    Value u = load(tensors.u, {row, head, column}, {2}, sliceType());
    next.push_back(map(sliceType(), {carried.back(), u},
                       [&](ValueRange x) { return add(mul(x[0], decay), mul(x[1], gain)); }));
  }
  return next;
}

void CarryKernel::save(Value sinceBegin, Value row, ValueRange carried) {
  Value zero = index(0), m = carried[0];
  Value M = options.hasStabilizer() ? carried[1] : constant(gate, 0);
  if (hasN())
    store(carried.back(), tensors.n, {row, head, column}, {2});
  auto storeExponents = [&](Value to, Value toRow) {
    ifThen(equal(slice, zero), [&] {
      storeScalar(m, to, {toRow, head, zero});
      storeScalar(M, to, {toRow, head, index(1)});
    });
  };
  storeExponents(tensors.m, row);
  if (!has(op.getNStates()) && !has(op.getMStates()))
    return;
  ifThen(isSaved(sinceBegin), [&] {
    Value saved = savedRow(sinceBegin);
    store(hasN() ? carried.back() : splat(sliceType(), 0), op.getNStates(), {saved, head, column},
          {2});
    storeExponents(op.getMStates(), saved);
  });
}

void CarryKernel::storeLast(ValueRange carried) {
  Value m = carried[0], M = options.hasStabilizer() ? carried[1] : constant(gate, 0);
  // Outside, states are relative to the cell's m as it is stored.
  Value stored = convert(M, accumulation), factor = expDifference(m, convert(stored, gate));
  if (has(op.getNLast()))
    store(map(sliceType(), carried.back(), [&](ValueRange x) { return mul(x[0], factor); }),
          op.getNLast(), {number, head, column}, {2});
  ifThen(equal(slice, index(0)), [&] {
    storeScalar(factor, tensors.toCell, {number, head});
    storeScalar(stored, op.getMLast(), {number, head});
  });
}

KernelOp CarryKernel::build(StringRef name, TensorNames names) {
  OpBuilder::InsertionGuard guard(b);
  declare(operands.k, 2);
  declare(operands.n0, 1);
  declare(operands.m0, 1, /*unitStride=*/false);
  if (!options.hasStabilizer())
    declare(operands.c0, 1); // whose extent says whether there is an initial state
  tensors.lasts = use(buffers.lasts);
  tensors.u = use(buffers.u);
  tensors.n = use(buffers.n);
  tensors.m = use(buffers.m);
  tensors.toCell = use(buffers.toCell);
  declare(op.getNLast(), 1);
  declare(op.getMLast(), 1, /*unitStride=*/false);
  declare(op.getNStates(), 1);
  declare(op.getMStates(), 1);
  // Without saved n, the op's tensor of it is zero throughout.
  int64_t numSlices = hasN() || isDeclared(op.getNStates()) ? slices(dqk, states.carrySlice) : 1;
  createKernel(name, "carry", {sequences(), {op.getHeads()}, {numSlices}}, names);
  slice = kernel.getGridIndex(2);
  column = mul(slice, index(states.carrySlice));
  Value zero = index(0), zeroM = constant(gate, 0);
  Value M = options.hasStabilizer() ? loadScalar(operands.m0, {number, head}, gate) : zeroM;
  Value given = less(zero, extent(options.hasStabilizer() ? operands.m0 : operands.c0, 0));
  SmallVector<Value> initial = {select(given, M, constant(gate, -big))};
  if (options.hasStabilizer())
    initial.push_back(M);
  if (hasN())
    initial.push_back(load(operands.n0, {number, head, column}, {2}, sliceType()));
  storeLast(loop(zero, tokens.all, index(L), initial, [&](Value t0, ValueRange carried) {
    Value row = stateRow(number, tokens, b.create<arith::DivUIOp>(loc, t0, index(L)));
    save(t0, row, carried);
    return step(row, carried);
  }));
  return kernel;
}

/// One block: C^T [slice of dv, slice of dqk] of one head. w is relative to mu_L of the whole
/// chunk, so that C^T is multiplied by a factor at a chunk's start only.
class StatesKernel : private ChunkKernel {
public:
  using ChunkKernel::ChunkKernel;
  KernelOp build(StringRef name, TensorNames names);

private:
  /// What a step needs of the gates.
  struct Weights {
    Value m, highest, e; // loaded
    Value w, factor;     // of its tokens, and of C where a chunk begins
  };
  Weights loadWeights(Value t0);
  void compute(Weights &weights);
  SmallVector<Value> step(Value t0, ValueRange carried);

  Value row0, column0; // of the block's C^T: first column of dv, and of dqk
};

StatesKernel::Weights StatesKernel::loadWeights(Value t0) {
  Weights weights;
  Value row = stateRow(number, tokens, b.create<arith::DivUIOp>(loc, t0, index(L)));
  weights.m = loadM(row);
  weights.highest = loadHighest(row);
  weights.e = load(tensors.e, {number, head, t0}, {2}, vec(states.tokens, gate), -big);
  return weights;
}

void StatesKernel::compute(Weights &weights) {
  Value reference = max(weights.m, weights.highest);
  weights.w = updateWeights(weights.e, reference);
  weights.factor = expDifference(weights.m, reference);
}

/// Carried: C^T, and w and the factor of this step, whose latency the step before has hidden.
SmallVector<Value> StatesKernel::step(Value t0, ValueRange carried) {
  int64_t N = states.tokens;
  Value C = carried[0], w = carried[1], factor = carried[2];
  Value k = staged(operands.k, {number, t0, head, column0}, {1, 3}, N, states.dqkSlice);
  Value v = staged(operands.v, {number, t0, head, row0}, {1, 3}, N, states.dvSlice);
  Weights next = loadWeights(add(t0, index(N)));
  Value begins = equal(b.create<arith::RemUIOp>(loc, t0, index(L)), index(0));
  ifThen(begins, [&] {
    Value row = stateRow(number, tokens, b.create<arith::DivUIOp>(loc, t0, index(L)));
    store(C, tensors.C, {row, head, column0, row0}, {3, 2});
    if (has(op.getCStates()))
      ifThen(isSaved(t0),
             [&] { store(C, op.getCStates(), {savedRow(t0), head, column0, row0}, {3, 2}); });
  });
  // The factor is 1 but at a chunk's start, so that a GPU need not multiply.
  Value orOne = select(begins, factor, constant(accumulation, 1));
  Value decayed =
      map(cast<TileType>(C.getType()), C, [&](ValueRange x) { return mul(x[0], orOne); });
  Value weighted = mapMatrix(mat(states.dvSlice, N, operand), transpose(v), {}, w,
                             [&](ValueRange x) { return mul(convert(x[2], accumulation), x[3]); });
  C = product(weighted, k, decayed);
  compute(next);
  return {C, next.w, next.factor};
}

KernelOp StatesKernel::build(StringRef name, TensorNames names) {
  OpBuilder::InsertionGuard guard(b);
  declare(operands.k, 2);
  declare(operands.v, 2);
  declare(operands.c0, 1);
  tensors.e = use(buffers.e);
  tensors.lasts = use(buffers.lasts);
  tensors.m = use(buffers.m);
  tensors.toCell = use(buffers.toCell);
  tensors.C = use(buffers.C);
  declare(op.getCLast(), 1);
  declare(op.getCStates(), 1);
  // The slices of dqk that share a slice of v are neighbours.
  createKernel(
      name, "states",
      {sequences(), {op.getHeads()}, {slices(dv, states.dvSlice)}, {slices(dqk, states.dqkSlice)}},
      names);
  row0 = mul(kernel.getGridIndex(2), index(states.dvSlice));
  column0 = mul(kernel.getGridIndex(3), index(states.dqkSlice));
  TileType type = mat(states.dvSlice, states.dqkSlice, accumulation);
  Value initial = load(operands.c0, {number, head, column0, row0}, {3, 2}, type);
  Weights first = loadWeights(index(0));
  compute(first);
  Value C = loop(index(0), tokens.all, index(states.tokens), {initial, first.w, first.factor},
                 [&](Value t0, ValueRange carried) { return step(t0, carried); })[0];
  if (has(op.getCLast())) {
    Value factor = loadScalar(tensors.toCell, {number, head}, accumulation);
    store(map(type, C, [&](ValueRange x) { return mul(x[0], factor); }), op.getCLast(),
          {number, head, column0, row0}, {3, 2});
  }
  return kernel;
}

} // namespace

KernelOp buildGates(OpBuilder &builder, StringRef name, mlir::xlstm::MLSTMOp op,
                    const StatesSchedule &schedule, const ChunkBuffers &buffers,
                    TensorNames names) {
  return GatesKernel(builder, op, schedule, buffers).build(name, names);
}

KernelOp buildCarry(OpBuilder &builder, StringRef name, mlir::xlstm::MLSTMOp op,
                    const StatesSchedule &schedule, const ChunkBuffers &buffers,
                    TensorNames names) {
  return CarryKernel(builder, op, schedule, buffers).build(name, names);
}

KernelOp buildStates(OpBuilder &builder, StringRef name, mlir::xlstm::MLSTMOp op,
                     const StatesSchedule &schedule, const ChunkBuffers &buffers,
                     TensorNames names) {
  return StatesKernel(builder, op, schedule, buffers).build(name, names);
}

} // namespace xlstm
