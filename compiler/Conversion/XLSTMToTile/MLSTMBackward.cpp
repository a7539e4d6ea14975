// SPDX-License-Identifier: Apache-2.0
// Gradients of the mLSTM cell as a tile program: the reverse of the chunkwise form of MLSTM.cpp, of
// which it takes the chunks, the exponents and the states at the chunks' starts.
//
// With the quantities of the forward pass relative to the chunk's start (b, e, mu, r, w, S, P, z
// and the states C, n, m before the chunk; r and w carry the scale of q and k), W_ij = s exp(e_j -
// mu_i) for j <= i so that P = S W elementwise, den_i the denominator, and dC, dn the gradients of
// the state after the chunk, relative to its m:
//
//   u_i     = dh_i / den_i                  dP_ij = u_i . v_j
//   x_i     = C u_i                         y_j   = dC v_j + dn
//   delta_i = -sign(z_i) / den_i (sum_j P_ij dP_ij + r_i q_i . x_i)
//   dS_ij   = W_ij (dP_ij + delta_i)
//   dq_i    = sum_j dS_ij k_j + r_i (x_i + delta_i n)
//   dk_j    = sum_i dS_ij q_i + w_j y_j
//   dv_j    = sum_i P_ij u_i  + w_j dC^T k_j
//   dC'     = exp(m - mu_L) dC + sum_i r_i q_i u_i^T
//   dn'     = exp(m - mu_L) dn + sum_i r_i delta_i q_i
//
// delta_i is the gradient of z_i: 0 where |z_i| is not over its floor, without a normaliser, and
// with normalizer_grad = dropped.
//
// The gates' gradients are sums over pairs (i, j) of G_ij = S_ij dS_ij, the derivative of the loss
// with respect to the exponent of P_ij, and over the exponents of r_i, w_j and of the carried
// state:
//
//   A_i   = r_i q_i . (x_i + delta_i n)
//   B_j   = w_j k_j . y_j
//   g     = exp(m - mu_L) (C . dC + n . dn)
//   di_j  = sum_i G_ij + B_j
//   dlf_t = sum_{j<t<=i} G_ij + sum_{i>=t} A_i + sum_{j<t} B_j + g
//
// which needs no sum over later chunks: what they add is in dC. Every sum has only the terms that
// belong to it. The shorter difference of sums over q.dq and k.dk loses the gradient of a forget
// gate that is nearly closed, which is as small as the gate, in the rounding errors of the rest.
// m is a constant: the cell's gradients do not pass through it.
//
// At the end of a sequence dC is exp(m - M) times the gradient of the last state, which the cell
// keeps relative to its own M; at its start dC is the gradient of the initial state, whose m is the
// cell's. One block walks one head of one sequence from the last chunk to the first.
#include "compiler/Conversion/XLSTMToTile/MLSTMProgram.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Schedule/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {
namespace {

class BackwardProgram : private MLSTMProgram {
public:
  BackwardProgram(OpBuilder &builder, mlir::xlstm::MLSTMBackwardOp op,
                  const ChunkwiseSchedule &schedule)
      : MLSTMProgram(builder, op.getLoc(), op.getMLSTMOperands(), op.getOptions(), schedule),
        op(op), dqk(op.getDqk()), dv(op.getDv()) {}
  KernelOp build(StringRef name, TensorNames names);

private:
  /// A chunk's first token, its row in the saved states, and its gates.
  struct Chunk {
    Value t0, row, i, f; // i, f: [L]
    Gates gates;
  };
  void declareTensors();
  Chunk loadChunk(Value chunkNumber);
  void loadLastGradients(Value lastChunk);
  void stepBack(const Chunk &chunk);
  Value normalizerGradient(const Gates &gates, Value z, Value projected);
  void storeGateGradients(const Chunk &chunk, Value G, Value A, Value B, Value carried);

  Value loadInput(Value from, const Chunk &chunk, int64_t columns) {
    return loadTokens(from, sequence, chunk.t0, head, index(0), columns, accumulation);
  }
  void storeGradient(Value tile, Value to, const Chunk &chunk) {
    store(tile, to, {sequence.batch, chunk.t0, head, index(0)}, {1, 3}, limit(sequence));
  }
  Value zeros(int64_t rows, int64_t columns) { return splat(mat(rows, columns, accumulation), 0); }
  Value multiply(Value x, Value y) {
    return map(cast<TileType>(x.getType()), {x, y}, [&](ValueRange z) { return mul(z[0], z[1]); });
  }
  Value scaled(Value x, Value factor) {
    return map(cast<TileType>(x.getType()), x, [&](ValueRange z) { return mul(z[0], factor); });
  }
  Value scaledRows(Value x, Value factors) {
    return mapMatrix(cast<TileType>(x.getType()), x, factors, {},
                     [&](ValueRange z) { return mul(z[2], z[3]); });
  }
  Value sumRows(Value x) { return reduce(Combiner::add, x); }
  Value sum(Value vector) {
    return extract(scan(Combiner::add, vector), cast<TileType>(vector.getType()).getShape()[0] - 1);
  }

  mlir::xlstm::MLSTMBackwardOp op;
  int64_t dqk, dv;
  Value number, head; // of the sequence, of the head
  Sequence sequence;
  Value dC, dn; // [dqk, dv], [dqk], of the state behind the chunk, relative to its m
};

void BackwardProgram::declareTensors() {
  for (Value value :
       {op.getQ(), op.getK(), op.getV(), op.getDh(), op.getDQ(), op.getDK(), op.getDV()})
    declare(value, 2);
  for (Value value : {op.getI(), op.getF(), op.getDI(), op.getDF(), op.getReset()})
    declare(value, 2, /*unitStride=*/false);
  declare(op.getCuSeqlens(), 1, /*unitStride=*/false);
  for (Value value :
       {op.getDcLast(), op.getDnLast(), op.getCStates(), op.getMStates(), op.getDC0(), op.getDN0()})
    declare(value, 1);
  if (options.hasNormalizer()) // else nobody has written it
    declare(op.getNStates(), 1);
}

BackwardProgram::Chunk BackwardProgram::loadChunk(Value chunkNumber) {
  Chunk chunk;
  chunk.t0 = add(sequence.begin, mul(chunkNumber, index(L)));
  chunk.row = stateRow(number, sequence, chunkNumber);
  chunk.i = loadGate(op.getI(), sequence, chunk.t0, head, -big);
  chunk.f = loadGate(op.getF(), sequence, chunk.t0, head, big);
  auto reference = [&](int64_t which) {
    return loadScalar(op.getMStates(), {chunk.row, head, index(which)}, gate);
  };
  chunk.gates =
      chunkGates(chunk.i, chunk.f, loadReset(sequence, chunk.t0), reference(0), reference(1));
  return chunk;
}

/// The gradients of the last states, which the cell keeps relative to its own m as it is stored.
/// A sequence without tokens hands them on as they are.
void BackwardProgram::loadLastGradients(Value lastChunk) {
  Value zero = index(0);
  Gates gates = loadChunk(lastChunk).gates;
  Value stored = convert(convert(gates.nextM, accumulation), gate);
  Value toInternal = select(less(sequence.begin, sequence.end), expDifference(gates.nextm, stored),
                            constant(accumulation, 1));
  dC = scaled(load(op.getDcLast(), {number, head, zero, zero}, {2, 3}, mat(dqk, dv, accumulation)),
              toInternal);
  dn = scaled(load(op.getDnLast(), {number, head, zero}, {2}, vec(dqk, accumulation)), toInternal);
}

/// The gradient of z; `projected` is u . num.
Value BackwardProgram::normalizerGradient(const Gates &gates, Value z, Value projected) {
  TileType type = vec(L, accumulation);
  if (!options.hasNormalizer() || options.normalizerGrad == mlir::xlstm::NormalizerGrad::Dropped)
    return splat(type, 0);
  return map(type, {z, gates.b, gates.mu, gates.o, projected}, [&](ValueRange x) {
    Denominator den = denominator(x[0], x[1], x[2], x[3]);
    Value ratio = b.create<arith::DivFOp>(loc, x[4], den.value), zero = constant(accumulation, 0);
    Value isNegative = b.create<arith::CmpFOp>(loc, arith::CmpFPredicate::OLT, x[0], zero);
    return select(den.aboveFloor, select(isNegative, ratio, neg(ratio)), zero);
  });
}

/// One chunk: stores its gradients and moves dC and dn to its start.
void BackwardProgram::stepBack(const Chunk &chunk) {
  const Gates &gates = chunk.gates;
  TileType tokens = vec(L, accumulation), keys = mat(L, dqk, accumulation);
  Value zero = index(0);
  Value q = loadInput(op.getQ(), chunk, dqk), k = loadInput(op.getK(), chunk, dqk),
        v = loadInput(op.getV(), chunk, dv), dh = loadInput(op.getDh(), chunk, dv);
  Value C =
      load(op.getCStates(), {chunk.row, head, zero, zero}, {2, 3}, mat(dqk, dv, accumulation));
  Value n = load(op.getNStates(), {chunk.row, head, zero}, {2}, vec(dqk, accumulation));

  // The forward pass up to the denominator.
  Value S = matmul(q, transpose(k), zeros(L, L)), W = weights(gates), P = multiply(S, W);
  Value qn = matvec(q, n, splat(tokens, 0));
  auto withState = [&](Value ofScores, Value ofState) { // x + r y
    return map(tokens, {ofScores, gates.r, ofState},
               [&](ValueRange x) { return add(x[0], mul(x[1], x[2])); });
  };
  Value z = withState(sumRows(P), qn);
  Value u = scaledRows(dh, inverseDenominator(gates, z));

  // Gradients of normaliser and scores.
  Value x = matmul(u, transpose(C), zeros(L, dqk)), qx = sumRows(multiply(q, x));
  Value dP = matmul(u, transpose(v), zeros(L, L));
  Value delta = normalizerGradient(gates, z, withState(sumRows(multiply(P, dP)), qx));
  Value dS = mapMatrix(mat(L, L, accumulation), {W, dP}, delta, {},
                       [&](ValueRange x) { return mul(x[2], add(x[3], x[4])); });
  Value G = multiply(S, dS);

  // Queries, keys and values: the state's part, onto which that of the scores is added.
  Value fromState = mapMatrix(keys, x, {gates.r, delta}, n,
                              [&](ValueRange x) { return mul(x[3], add(x[2], mul(x[4], x[5]))); });
  storeGradient(matmul(dS, k, fromState), op.getDQ(), chunk);
  Value y = mapMatrix(keys, matmul(v, transpose(dC), zeros(L, dqk)), {}, dn,
                      [&](ValueRange x) { return add(x[2], x[3]); });
  Value ky = sumRows(multiply(k, y));
  storeGradient(matmul(transpose(dS), q, scaledRows(y, gates.w)), op.getDK(), chunk);
  Value intoState = scaledRows(matmul(k, dC, zeros(L, dv)), gates.w);
  storeGradient(matmul(transpose(P), u, intoState), op.getDV(), chunk);

  Value A = map(tokens, {gates.r, qx, qn, delta},
                [&](ValueRange x) { return mul(x[0], add(x[1], mul(x[2], x[3]))); });
  Value carried = mul(gates.decay, add(sum(sumRows(multiply(C, dC))), sum(multiply(n, dn))));
  storeGateGradients(chunk, G, A, multiply(gates.w, ky), carried);

  dC = matmul(transpose(q), scaledRows(u, gates.r), scaled(dC, gates.decay));
  dn = matvec(transpose(q), multiply(gates.r, delta), scaled(dn, gates.decay));
}

void BackwardProgram::storeGateGradients(const Chunk &chunk, Value G, Value A, Value B,
                                         Value carried) {
  TileType tokens = vec(L, accumulation);
  // sigmoid(-x), the derivative of logsigmoid, which keeps its digits where it is small.
  auto slope = [&](Value x) {
    Value one = constant(accumulation, 1);
    return b.create<arith::DivFOp>(loc, one, add(one, exp(x)));
  };
  auto storeGate = [&](Value tile, Value to) {
    store(tile, to, {sequence.batch, chunk.t0, head}, {1}, limit(sequence));
  };
  bool exponential = options.inputGate == mlir::xlstm::InputGate::Exp;
  storeGate(map(tokens, {sumRows(transpose(G)), B, chunk.i},
                [&](ValueRange x) {
                  Value gradient = add(x[0], x[1]);
                  return exponential ? gradient : mul(gradient, slope(x[2]));
                }),
            op.getDI());

  // Row t of `below` is sum_{i>=t} G_ij.
  Value below = scan(Combiner::add, G, /*reverse=*/true);
  Value across = mapMatrix(cast<TileType>(G.getType()), below, {}, {}, [&](ValueRange x) {
    return select(less(x[1], x[0]), x[2], constant(accumulation, 0));
  });
  Value since = scan(Combiner::add, A, /*reverse=*/true),
        before = scan(Combiner::add, B, /*reverse=*/false, /*exclusive=*/true);
  storeGate(
      map(tokens, {sumRows(across), since, before, chunk.f},
          [&](ValueRange x) { return mul(add(add(x[0], x[1]), add(x[2], carried)), slope(x[3])); }),
      op.getDF());
}

KernelOp BackwardProgram::build(StringRef name, TensorNames names) {
  OpBuilder::InsertionGuard guard(b);
  declareTensors();
  // A tensor that has a row for each sequence.
  Value rows = op.getQ();
  if (op.getCuSeqlens()) {
    rows = isDeclared(op.getDC0()) ? op.getDC0() : op.getDcLast() ? op.getDcLast() : op.getC0();
    declare(rows, 1);
  }
  createKernel(name, {{ShapedType::kDynamic, rows, 0}, {op.getHeads()}}, names);
  kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
  number = kernel.getGridIndex(0);
  head = kernel.getGridIndex(1);
  sequence = this->MLSTMProgram::sequence(number, op.getQ(), op.getCuSeqlens());

  Value zero = index(0), one = index(1);
  Value chunks =
      b.create<arith::DivUIOp>(loc, add(sub(sequence.end, sequence.begin), index(L - 1)), index(L));
  loadLastGradients(max(sub(chunks, one), zero));
  SmallVector<Value> gradients =
      loop(zero, chunks, one, {dC, dn}, [&](Value done, ValueRange carried) {
        dC = carried[0];
        dn = carried[1];
        stepBack(loadChunk(sub(sub(chunks, one), done)));
        return SmallVector<Value>{dC, dn};
      });
  store(gradients[0], op.getDC0(), {number, head, zero, zero}, {2, 3});
  store(gradients[1], op.getDN0(), {number, head, zero}, {2});
  return kernel;
}

} // namespace

FailureOr<KernelOp> buildMLSTMBackward(OpBuilder &builder, StringRef name,
                                       mlir::xlstm::MLSTMBackwardOp op, TensorNames names) {
  if (!op.getCStates())
    return op.emitError() << "expected the saved states of the forward pass";
  if (op.getCuSeqlens() && !op.getC0() && !op.getDcLast())
    return op.emitError() << "with cu_seqlens expected c0 or dc_last, which have a row for each "
                             "sequence";
  auto schedule =
      ChunkwiseSchedule::fromAttribute(op->getAttrOfType<DictionaryAttr>(scheduleAttrName));
  if (schedule.warpsM)
    return op.emitError() << "has no kernel for a GPU";
  return BackwardProgram(builder, op, schedule).build(name, names);
}

} // namespace xlstm
