// SPDX-License-Identifier: Apache-2.0
#include "compiler/Conversion/XLSTMToTile/MLSTMProgram.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>

using namespace mlir;
using namespace mlir::tile;
using mlir::xlstm::InputGate;

namespace xlstm {

MLSTMProgram::MLSTMProgram(OpBuilder &builder, Location loc,
                           const mlir::xlstm::MLSTMOperands &operands,
                           const mlir::xlstm::MLSTMOptions &options,
                           const ChunkwiseSchedule &schedule)
    : ProgramBuilder(builder, loc, getElementTypeOrSelf(operands.i.getType())), operands(operands),
      options(options), schedule(schedule), onGPU(schedule.warpsM > 0), L(schedule.chunk),
      s(1.0 / std::sqrt(cast<RankedTensorType>(operands.q.getType()).getShape().back())) {
  // Running sums of log f reach thousands; on a CPU f64 keeps their differences exact at no cost
  // worth naming.
  gate = onGPU ? Type(b.getF32Type()) : Type(b.getF64Type());
}

//===----------------------------------------------------------------------===//
// One chunk
//===----------------------------------------------------------------------===//

MLSTMProgram::LocalGates MLSTMProgram::localGates(Value i, Value f, Value reset) {
  TileType gates = cast<TileType>(i.getType()).withElementType(gate);
  bool exponential = options.inputGate == InputGate::Exp;
  Value drop, halfDrop, zero;
  if (reset) {
    drop = constant(gate, resetDrop);
    halfDrop = constant(gate, resetDrop / 2);
    zero = constant(gate, 0);
  }
  auto isReset = [&](Value x) {
    return b.create<arith::CmpFOp>(loc, arith::CmpFPredicate::ONE, x, zero);
  };
  Value logF = map(gates, f, [&](ValueRange x) { return logSigmoid(x[0]); });
  Value dropped = logF;
  if (reset)
    dropped = map(gates, {logF, reset},
                  [&](ValueRange x) { return select(isReset(x[1]), sub(x[0], drop), x[0]); });
  LocalGates result;
  result.b = scan(Combiner::add, dropped);
  result.sum = extract(result.b, gates.getShape()[0] - 1);
  result.e = map(gates, {i, result.b}, [&](ValueRange x) {
    return sub(convert(exponential ? x[0] : logSigmoid(x[0]), gate), x[1]);
  });
  // Running maxima: of e, and at a reset of the state's exponent, `below` lower.
  auto highest = [&](Value below) {
    if (!reset)
      return scan(Combiner::max, result.e);
    return scan(Combiner::max, map(gates, {result.e, logF, result.b, reset}, [&](ValueRange x) {
                  return select(isReset(x[3]), max(x[0], sub(sub(x[1], x[2]), below)), x[0]);
                }));
  };
  result.highest = highest(halfDrop);
  if (exponential)
    result.highestOfCell = reset ? highest(zero) : result.highest;
  return result;
}

Value MLSTMProgram::atLeast(Value tile, Value reference) {
  return map(cast<TileType>(tile.getType()), tile,
             [&](ValueRange x) { return max(x[0], reference); });
}

Value MLSTMProgram::cellReference(const LocalGates &local, Value M) {
  if (local.highestOfCell)
    return atLeast(local.highestOfCell, M);
  return map(cast<TileType>(local.b.getType()), local.b, [&](ValueRange x) { return neg(x[0]); });
}

Value MLSTMProgram::stateWeights(Value mu, Value m) {
  Value scale = constant(accumulation, scaleQ());
  return map(cast<TileType>(mu.getType()).withElementType(accumulation), mu,
             [&](ValueRange x) { return mul(expDifference(m, x[0]), scale); });
}

Value MLSTMProgram::updateWeights(Value e, Value reference) {
  Value scale = constant(accumulation, scaleK());
  return map(cast<TileType>(e.getType()).withElementType(accumulation), e,
             [&](ValueRange x) { return mul(expDifference(x[0], reference), scale); });
}

MLSTMProgram::Gates MLSTMProgram::chunkGates(Value i, Value f, Value reset, Value m, Value M) {
  LocalGates local = localGates(i, f, reset);
  Gates result;
  result.b = local.b;
  result.sum = local.sum;
  result.e = local.e;
  result.mu = atLeast(local.highest, m);
  Value muLast = extract(result.mu, L - 1);
  result.o = cellReference(local, M);
  result.r = stateWeights(result.mu, m);
  Value reference = muLast;
  if (mayLag()) // the state then seldom changes by a factor
    reference = select(b.create<arith::CmpFOp>(loc, arith::CmpFPredicate::OLE, sub(muLast, m),
                                               constant(gate, mostLag)),
                       m, muLast);
  result.w = updateWeights(result.e, reference);
  result.decay = expDifference(m, reference);
  result.nextm = add(local.sum, reference);
  result.nextM = local.highestOfCell ? add(local.sum, extract(result.o, L - 1)) : M;
  return result;
}

/// exp is of min(.,0): above the diagonal the difference may be anything.
Value MLSTMProgram::weight(Value e, Value mu) {
  Value difference = min(convert(sub(e, mu), accumulation), constant(accumulation, 0));
  return mul(constant(accumulation, s), exp(difference));
}

Value MLSTMProgram::weights(const Gates &gates) {
  return mapMatrix(mat(L, L, accumulation), {}, gates.mu, gates.e, [&](ValueRange x) {
    return select(b.create<arith::CmpIOp>(loc, arith::CmpIPredicate::sle, x[1], x[0]),
                  weight(x[3], x[2]), constant(accumulation, 0));
  });
}

Value MLSTMProgram::weighted(Value scores, const Gates &gates) {
  if (schedule.roles) {
    // What a row or a column needs is made once, beside the products: W_ij = 2^(e2_j - mu2_i).
    TileType exponents = vec(L, accumulation);
    Value log2e = constant(accumulation, M_LOG2E), log2s = constant(accumulation, std::log2(s));
    Value e2 = map(exponents, gates.e, [&](ValueRange x) { return mul(x[0], log2e); });
    Value mu2 =
        map(exponents, gates.mu, [&](ValueRange x) { return sub(mul(x[0], log2e), log2s); });
    return mapMatrix(mat(L, L, accumulation), scores, mu2, e2, [&](ValueRange x) {
      Value weight = b.create<math::Exp2Op>(loc, sub(x[4], x[3]));
      return select(b.create<arith::CmpIOp>(loc, arith::CmpIPredicate::sle, x[1], x[0]),
                    mul(x[2], weight), constant(accumulation, 0));
    });
  }
  return weighted(scores, gates, Value());
}

Value MLSTMProgram::weighted(Value scores, const Gates &gates, Value first) {
  auto type = cast<TileType>(scores.getType());
  return mapMatrix(type, scores, gates.mu, gates.e, [&](ValueRange x) {
    Value row = first ? add(x[0], first) : x[0];
    return select(b.create<arith::CmpIOp>(loc, arith::CmpIPredicate::sle, x[1], row),
                  mul(x[2], weight(x[4], x[3])), constant(accumulation, 0));
  });
}

MLSTMProgram::Floor MLSTMProgram::floorOf(Value b_, Value mu, Value o) {
  Value floor = exp(convert(neg(add(b_, mu)), accumulation));
  Value eps = mul(constant(accumulation, options.eps), expDifference(o, mu));
  if (options.denominator == mlir::xlstm::Denominator::MaxWithEps)
    return {add(floor, eps), Value()};
  return {floor, eps};
}

MLSTMProgram::Denominator MLSTMProgram::denominator(Value z, function_ref<Floor()> floorOfRow) {
  Value magnitude = b.create<math::AbsFOp>(loc, z);
  Floor floor = floorOfRow();
  Value largest = max(magnitude, floor.floor);
  bool withEps = options.denominator == mlir::xlstm::Denominator::MaxWithEps;
  return {withEps ? largest : add(largest, floor.eps),
          b.create<arith::CmpFOp>(loc, arith::CmpFPredicate::OGT, magnitude, floor.floor)};
}

MLSTMProgram::Denominator MLSTMProgram::denominator(Value z, Value b, Value mu, Value o) {
  return denominator(z, [&] { return floorOf(b, mu, o); });
}

Value MLSTMProgram::inverseDenominator(const Gates &gates, Value z) {
  TileType type = cast<TileType>(gates.mu.getType()).withElementType(accumulation);
  if (!options.hasNormalizer())
    return map(type, {gates.b, gates.mu},
               [&](ValueRange x) { return exp(convert(add(x[0], x[1]), accumulation)); });
  auto inverse = [&](const Denominator &denominator) {
    return b.create<arith::DivFOp>(loc, constant(accumulation, 1), denominator.value);
  };
  if (!schedule.roles)
    return map(type, {z, gates.b, gates.mu, gates.o},
               [&](ValueRange x) { return inverse(denominator(x[0], x[1], x[2], x[3])); });
  // What does not depend on z is made beside the products.
  auto part = [&](Value Floor::*member) {
    return map(type, {gates.b, gates.mu, gates.o},
               [&](ValueRange x) { return floorOf(x[0], x[1], x[2]).*member; });
  };
  if (options.denominator == mlir::xlstm::Denominator::MaxWithEps)
    return map(type, {z, part(&Floor::floor)}, [&](ValueRange x) {
      return inverse(denominator(x[0], [&] { return Floor{x[1], Value()}; }));
    });
  return map(type, {z, part(&Floor::floor), part(&Floor::eps)}, [&](ValueRange x) {
    return inverse(denominator(x[0], [&] { return Floor{x[1], x[2]}; }));
  });
}

//===----------------------------------------------------------------------===//
// Sequences
//===----------------------------------------------------------------------===//

Value MLSTMProgram::stateRow(Value number, const Sequence &sequence, Value chunk) {
  Value length = index(L);
  Value first = mul(number, b.create<arith::DivUIOp>(loc, add(sequence.all, index(L - 1)), length));
  if (has(operands.cuSeqlens)) {
    // Each sequence before this one has at most one chunk that is not whole.
    Value packed = add(b.create<arith::DivUIOp>(loc, sequence.begin, length), number);
    first = select(less(index(0), extent(operands.cuSeqlens, 0)), packed, first);
  }
  return add(first, chunk);
}

Value MLSTMProgram::loadTokens(Value from, const Sequence &sequence, Value t0, Value head,
                               Value column, int64_t columns, Type type) {
  return load(from, {sequence.batch, t0, head, column}, {1, 3}, mat(L, columns, type), 0,
              limit(sequence));
}

Value MLSTMProgram::loadGate(Value from, const Sequence &sequence, Value t0, Value head,
                             double pad) {
  return load(from, {sequence.batch, t0, head}, {1}, vec(L, accumulation), pad, limit(sequence));
}

Value MLSTMProgram::loadReset(const Sequence &sequence, Value t0) {
  if (!has(operands.reset))
    return Value();
  return load(operands.reset, {sequence.batch, t0}, {1}, vec(L, gate), 0, limit(sequence));
}

} // namespace xlstm
