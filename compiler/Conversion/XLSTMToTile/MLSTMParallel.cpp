// SPDX-License-Identifier: Apache-2.0
// The parallel form of the mLSTM forward pass as a tile program: every row of scores at once, in
// the manner of attention with a running maximum (arXiv 2503.14376, section 2.2).
//
// A block of L queries walks over the blocks of keys from its own, the diagonal, back to the start
// of the sequence. With the exponents of MLSTMProgram.h relative to the start of the block of
// queries, the keys of a block before it have e_j + A, where A is the sum of lf' over all tokens
// from that block's start to the queries. Per block of keys, all of which every query sees:
//
//   mu'  = max(mu, A + max_j e_j)       P_ij = s S_ij exp(e_j + A - mu'_i)
//   num' = exp(mu - mu') num + P V      z' = exp(mu - mu') z + sum_j P_ij
//
// and at the end the initial state C, n, m as one more key with exponent A + m. The states after
// the last token are the chunkwise form's, in blocks of their own.
//
// With resets mu is at least -K/2 - b, so that what is before a reset has no weight, even for
// tokens that have nothing but such keys.
#include "compiler/Conversion/XLSTMToTile/MLSTMForward.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {
namespace {

// Blocks of queries of one head that run side by side: block p takes those with number p modulo
// this, so that the work, which grows with the number, is shared evenly.
constexpr int64_t queryBlocks = 8;

class ParallelProgram : private MLSTMForward {
public:
  using MLSTMForward::MLSTMForward;
  KernelOp build(StringRef name, TensorNames names);

private:
  struct Rows {                // of one block of queries, relative to its start
    Value numerator, z, mu, o; // [L, dv], and vectors [L]
    Value A;
  };
  SmallVector<Value> carried(const Rows &rows);
  Rows rowsOf(ValueRange values);
  Gates gatesAt(Value t0);
  void queries(Value t0, Value number);
  Value scores(Value q, Value t0);
  void addKeys(Rows &rows, Value P, Value t0);
  void earlierKeys(Rows &rows, Value q, Value t0);
  void initialState(Rows &rows, Value q);
  void rescale(Rows &rows, Value mu);
};

SmallVector<Value> ParallelProgram::carried(const Rows &rows) {
  return {rows.numerator, rows.z, rows.mu, rows.o, rows.A};
}

ParallelProgram::Rows ParallelProgram::rowsOf(ValueRange x) {
  return {x[0], x[1], x[2], x[3], x[4]};
}

/// The exponents of the chunk at t0 by itself, without a state before it.
MLSTMProgram::Gates ParallelProgram::gatesAt(Value t0) {
  Value lowest = constant(gate, -big);
  return chunkGates(loadGate(operands.i, sequence, t0, head, -big),
                    loadGate(operands.f, sequence, t0, head, big), loadReset(sequence, t0), lowest,
                    lowest);
}

Value ParallelProgram::scores(Value q, Value t0) {
  Value k = loadTokens(operands.k, sequence, t0, head, index(0), dqk, accumulation);
  return matmul(q, transpose(k), splat(mat(L, L, accumulation), 0));
}

void ParallelProgram::addKeys(Rows &rows, Value P, Value t0) {
  Value v = loadTokens(operands.v, sequence, t0, head, dv0, dv, accumulation);
  rows.numerator = matmul(P, v, rows.numerator);
  rows.z = map(vec(L, accumulation), {rows.z, reduce(Combiner::add, P)},
               [&](ValueRange x) { return add(x[0], x[1]); });
}

/// Makes numerator and z relative to `mu`.
void ParallelProgram::rescale(Rows &rows, Value mu) {
  Value factors = map(vec(L, accumulation), {rows.mu, mu},
                      [&](ValueRange x) { return expDifference(x[0], x[1]); });
  rows.numerator = mapMatrix(mat(L, dv, accumulation), rows.numerator, factors, {},
                             [&](ValueRange x) { return mul(x[2], x[3]); });
  rows.z =
      map(vec(L, accumulation), {rows.z, factors}, [&](ValueRange x) { return mul(x[0], x[1]); });
  rows.mu = mu;
}

/// A block of keys at t0 before the block of queries.
void ParallelProgram::earlierKeys(Rows &rows, Value q, Value t0) {
  TileType gates = vec(L, gate);
  Gates keys = gatesAt(t0);
  rows.A = add(rows.A, extract(keys.b, L - 1));
  auto atLeast = [&](Value tile, Value highest) {
    return map(gates, tile, [&](ValueRange x) { return max(x[0], add(highest, rows.A)); });
  };
  rescale(rows, atLeast(rows.mu, extract(keys.mu, L - 1)));
  if (options.inputGate == mlir::xlstm::InputGate::Exp)
    rows.o = atLeast(rows.o, extract(keys.o, L - 1));
  Value P = mapMatrix(mat(L, L, accumulation), scores(q, t0), rows.mu, keys.e,
                      [&](ValueRange x) { return mul(x[2], weight(add(x[4], rows.A), x[3])); });
  addKeys(rows, P, t0);
}

void ParallelProgram::initialState(Rows &rows, Value q) {
  TileType gates = vec(L, gate);
  auto atLeast = [&](Value tile, Value m) {
    return map(gates, tile, [&](ValueRange x) { return max(x[0], add(m, rows.A)); });
  };
  if (options.inputGate == mlir::xlstm::InputGate::Exp)
    rows.o = atLeast(rows.o, M);
  if (!has(operands.c0))
    return;
  rescale(rows, atLeast(rows.mu, m));
  double scale = options.scaleOn == mlir::xlstm::ScaleOn::Q ? s : 1.0;
  Value weights = map(vec(L, accumulation), rows.mu, [&](ValueRange x) {
    return mul(expDifference(add(m, rows.A), x[0]), constant(accumulation, scale));
  });
  Value weightedQ = mapMatrix(mat(L, dqk, accumulation), q, weights, {},
                              [&](ValueRange x) { return mul(x[2], x[3]); });
  rows.numerator = matmul(weightedQ, transpose(C), rows.numerator);
  if (options.hasNormalizer())
    rows.z = matvec(weightedQ, n, rows.z);
}

/// The block of queries number `number`, at t0: stores h.
void ParallelProgram::queries(Value t0, Value number) {
  Value q = loadTokens(operands.q, sequence, t0, head, index(0), dqk, accumulation);
  Gates diagonal = gatesAt(t0);
  if (has(operands.reset))
    diagonal.mu = map(vec(L, gate), {diagonal.mu, diagonal.b}, [&](ValueRange x) {
      return max(x[0], sub(constant(gate, -resetDrop / 2), x[1]));
    });
  Rows rows = {splat(mat(L, dv, accumulation), 0), splat(vec(L, accumulation), 0), diagonal.mu,
               diagonal.o, constant(gate, 0)};
  addKeys(rows, weighted(scores(q, t0), diagonal), t0);
  Value one = index(1);
  rows = rowsOf(loop(index(0), number, one, carried(rows), [&](Value i, ValueRange values) {
    Rows next = rowsOf(values);
    Value before = mul(add(i, one), index(L));
    earlierKeys(next, q, sub(t0, before));
    return carried(next);
  }));
  initialState(rows, q);
  diagonal.mu = rows.mu;
  diagonal.o = rows.o;
  Value h =
      mapMatrix(mat(L, dv, accumulation), rows.numerator, inverseDenominator(diagonal, rows.z), {},
                [&](ValueRange x) { return mul(x[2], x[3]); });
  store(h, op.getH(), {sequence.batch, t0, head, dv0}, {1, 3}, limit(sequence));
}

KernelOp ParallelProgram::build(StringRef name, TensorNames names) {
  OpBuilder::InsertionGuard guard(b);
  bool last = !op.getCLast().use_empty() || (op.getNLast() && !op.getNLast().use_empty()) ||
              (op.getMLast() && !op.getMLast().use_empty());
  createKernel(name, names, queryBlocks + last);
  Value part = kernel.getGridIndex(3), length = index(L);
  loadState();
  ifThen(less(part, index(queryBlocks)), [&] {
    Value tokens = sub(sequence.end, sequence.begin);
    Value count = b.create<arith::DivUIOp>(loc, add(tokens, index(L - 1)), length);
    loop(part, count, index(queryBlocks), {}, [&](Value i, ValueRange) {
      queries(add(sequence.begin, mul(i, length)), i);
      return SmallVector<Value>();
    });
  });
  if (!last)
    return kernel;
  ifThen(equal(part, index(queryBlocks)), [&] {
    setState(loop(sequence.begin, sequence.end, length, state(), [&](Value t0, ValueRange values) {
      setState(values);
      Gates gates =
          chunkGates(loadGate(operands.i, sequence, t0, head, -big),
                     loadGate(operands.f, sequence, t0, head, big), loadReset(sequence, t0), m, M);
      Value k = loadTokens(operands.k, sequence, t0, head, index(0), dqk, accumulation);
      Value v = loadTokens(operands.v, sequence, t0, head, dv0, dv, accumulation);
      Value weightedV = weightedValues(v, gates);
      advance(k, {decayed(C, gates), weightedV}, gates);
      return state();
    }));
    storeState();
  });
  return kernel;
}

} // namespace

KernelOp buildMLSTMParallel(OpBuilder &builder, StringRef name, mlir::xlstm::MLSTMOp op,
                            const ChunkwiseSchedule &schedule, TensorNames names) {
  return ParallelProgram(builder, op, schedule).build(name, names);
}

} // namespace xlstm
