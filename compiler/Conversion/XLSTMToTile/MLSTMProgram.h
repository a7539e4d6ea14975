// SPDX-License-Identifier: Apache-2.0
// What the programs of the mLSTM cell share: the exponents of one chunk of tokens, the denominator,
// and where sequences and their chunks are.
//
// For a chunk of L tokens, x the exponent of the input gate (i for the exponential gate,
// logsigmoid(i) for the sigmoid gate), m the reference of the state before it (the state is kept
// divided by exp(m)), every exponent is relative to the chunk's start:
//
//   b_j  = lf_1 + .. + lf_j             e_j = x_j - b_j                  lf = logsigmoid(f)
//   mu_i = max(m, max_{j<=i} e_j)       so that b_i + mu_i is the largest exponent that row i sums
//   W_ij = s exp(e_j - mu_i) for j <= i, else 0                          weights of scores
//   r_i  = exp(m - mu_i)                weight of the state before, with the scale of q
//   w_j  = exp(e_j - mu_L)              weight in the state after, with the scale of k
//   decay = exp(m - mu_L)               next m = b_L + mu_L
//
// Where operands have the exponents of f32 (bf16) and a schedule has roles, m may lag behind: mu_L
// is then replaced by m in w, decay and next m until it is mostLag above it, so that decay is
// mostly 1.
//
// Both gates use this m, so that the largest weight is 1 and 16-bit operands keep their digits. The
// cell's own reference, against which eps, the floor of the denominator and the states outside are
// defined, is another: M_i, with M = max over the exponents and the initial m, which is 0 when no
// state is given (exponential gate), or M = 0 (sigmoid gate); o_i is such that M_i = b_i + o_i.
//
// A reset before token t is a forget gate of exp(-K) more, with K so large that this is 0 in every
// type: what is before the token then vanishes from all weights by itself. In the running maxima
// the token stands with the state that it finds, which is zero: with exponent lf_t for M, whose m
// is 0 there, and K / 2 lower for mu, so that a token without weight still cuts off the past.
//
// Tokens beyond the end are padded with f = +big (lf = 0) and i = -big (weight 0).
#ifndef XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_MLSTMPROGRAM_H
#define XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_MLSTMPROGRAM_H

#include "compiler/Conversion/XLSTMToTile/Program.h"
#include "compiler/Schedule/ChunkwiseSchedule.h"
#include "dialect/xlstm/IR/XLSTM.h"

namespace xlstm {

class MLSTMProgram : protected ProgramBuilder {
protected:
  MLSTMProgram(mlir::OpBuilder &builder, mlir::Location loc,
               const mlir::xlstm::MLSTMOperands &operands, const mlir::xlstm::MLSTMOptions &options,
               const ChunkwiseSchedule &schedule);

  static constexpr double big = 1e30;        // exp(-big) is 0 in every type, big - big is no NaN
  static constexpr double mostLag = 24;      // exp(mostLag) * any sum of operands is a f32
  static constexpr double resetDrop = 16384; // K; a power of two, so that sums stay exact

  /// What a chunk's gates are by themselves, without the state before it: vectors of L tokens.
  struct LocalGates {
    Value b, e;
    Value sum;     ///< b_L
    Value highest; ///< running maxima of e; at a reset also of the state's exponent, K/2 lower
    Value highestOfCell; ///< the same for M, with that exponent as it is; null for the sigmoid gate
  };
  /// From tiles of i and f and of reset (null: none).
  LocalGates localGates(Value i, Value f, Value reset);
  /// max(x, reference) of each element.
  Value atLeast(Value tile, Value reference);
  /// o_i, from M before the chunk.
  Value cellReference(const LocalGates &local, Value M);
  /// r_i, from mu_i and m before the chunk.
  Value stateWeights(Value mu, Value m);
  /// w_j relative to `reference`.
  Value updateWeights(Value e, Value reference);

  /// Vectors of L tokens, of type gate but r and w; scalars of type gate but decay.
  struct Gates {
    Value b, e, mu, o, r, w;
    Value decay, nextm, nextM;
    Value sum; ///< of log f
  };
  /// Of one chunk, from tiles of i and f and of reset (null: none), and m and M before it.
  Gates chunkGates(Value i, Value f, Value reset, Value m, Value M);
  /// W_ij for values of e_j and mu_i.
  Value weight(Value e, Value mu);
  Value weights(const Gates &gates); ///< W, [L, L]
  /// P = S W elementwise, [L, L], without a tile for W.
  Value weighted(Value scores, const Gates &gates);
  /// The same of some rows of a chunk, from row `first` on.
  Value weighted(Value scores, const Gates &gates, Value first);

  /// What the denominator of a row is at least, and what is added to it.
  struct Floor {
    Value floor, eps;
  };
  Floor floorOf(Value b, Value mu, Value o);
  struct Denominator {
    Value value;
    Value aboveFloor; ///< whether z counts, so that it has a gradient
  };
  /// Of a row, from z relative to b + mu; the result is relative to it too.
  Denominator denominator(Value z, Value b, Value mu, Value o);
  Denominator denominator(Value z, llvm::function_ref<Floor()> floorOfRow);
  /// What numerators are multiplied with, [L]: without a normaliser exp(b + mu).
  Value inverseDenominator(const Gates &gates, Value z);

  /// Row of the saved states at the start of chunk number `chunk` of sequence s.
  Value stateRow(Value s, const Sequence &sequence, Value chunk);

  /// Loads of `columns` elements of each of L tokens from t0 on, [L, columns], and of gates, [L].
  Value loadTokens(Value from, const Sequence &sequence, Value t0, Value head, Value column,
                   int64_t columns, Type type);
  Value loadGate(Value from, const Sequence &sequence, Value t0, Value head, double pad);
  Value loadReset(const Sequence &sequence, Value t0); ///< null without the operand
  /// Where a sequence ends, if that may be before the tensor's end; else null.
  Value limit(const Sequence &sequence) { return has(operands.cuSeqlens) ? sequence.end : Value(); }

  mlir::xlstm::MLSTMOperands operands;
  mlir::xlstm::MLSTMOptions options;
  ChunkwiseSchedule schedule;
  bool onGPU;
  Type gate;
  int64_t L;
  double s; // dqk^-1/2

private:
  bool mayLag() {
    return schedule.roles && mlir::getElementTypeOrSelf(operands.q.getType()).isBF16();
  }
  double scaleQ() { return options.scaleOn == mlir::xlstm::ScaleOn::Q ? s : 1.0; }
  double scaleK() { return options.scaleOn == mlir::xlstm::ScaleOn::K ? s : 1.0; }
};

} // namespace xlstm

#endif
