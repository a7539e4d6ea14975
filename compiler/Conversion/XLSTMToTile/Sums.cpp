// SPDX-License-Identifier: Apache-2.0
// xlstm.outer_sum and xlstm.time_sum as tile programs: a block owns rows of a result and reads all
// tokens in order, some at a time.
//
//   outer_sum   sum += x^T y      x [tokens, rows], y [tokens, d] one token earlier
//   time_sum    sum += 1^T x      x [tokens, units]
//
// Each sequence has a sum of its own, which is added to that of the sequences before: the error of
// a sum then grows with the tokens of one sequence and with their number, not with their product.
#include "compiler/Conversion/XLSTMToTile/Cell.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Schedule/Passes.h"
#include "compiler/Schedule/SumSchedule.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {
namespace {

using mlir::xlstm::OuterSumOp;
using mlir::xlstm::TimeSumOp;

class SumProgram : protected CellProgram {
protected:
  SumProgram(OpBuilder &builder, Location loc, Type accumulation, int64_t heads, int64_t d,
             const SumSchedule &schedule)
      : CellProgram(builder, loc, accumulation, heads, d, schedule.rows), schedule(schedule) {}

  /// Sums over all tokens: `addTokens` adds those from t on to a sum, `tokens` of them at most.
  Value sumAll(TileType type, Value sequences, llvm::function_ref<Sequence(Value)> sequence,
               llvm::function_ref<Value(const Sequence &, Value, Value)> addTokens) {
    auto total =
        loop(index(0), sequences, index(1), splat(type, 0), [&](Value s, ValueRange total) {
          Sequence tokens = sequence(s);
          auto sum = loop(tokens.begin, tokens.end, index(schedule.tokens), splat(type, 0),
                          [&](Value t, ValueRange sum) -> SmallVector<Value> {
                            return {addTokens(tokens, t, sum[0])};
                          });
          return SmallVector<Value>{addTiles(total[0], sum[0])};
        });
    return total[0];
  }
  Value addTiles(Value x, Value y) {
    return map(cast<TileType>(x.getType()), {x, y}, [&](ValueRange e) { return add(e[0], e[1]); });
  }

  const SumSchedule &schedule;
};

class OuterSumProgram : SumProgram {
public:
  OuterSumProgram(OpBuilder &builder, OuterSumOp op, const SumSchedule &schedule)
      : SumProgram(builder, op.getLoc(), op.getX().getType().getElementType(), op.getHeads(),
                   op.getHeadSize(), schedule),
        op(op) {}
  KernelOp build(StringRef name, TensorNames names);

private:
  Value channel();
  Value loadY(const Sequence &tokens, Value t, Value s);

  OuterSumOp op;
};

/// The channel of x that belongs to the block's matrix.
Value OuterSumProgram::channel() {
  Value matrix = kernel.getGridIndex(0), channel = index(op.getChannels()[0]);
  for (auto [p, k] : llvm::enumerate(op.getChannels().drop_front()))
    channel = select(equal(matrix, index(p + 1)), index(k), channel);
  return channel;
}

/// y of the tokens before t, t + 1, ..: [tokens, d], or with d = 1 [tokens, heads].
Value OuterSumProgram::loadY(const Sequence &tokens, Value t, Value s) {
  Value zero = index(0), before = sub(t, index(1));
  int64_t columns = alongHeads() ? units : d, axis = alongHeads() ? 2 : 3;
  TileType type = mat(schedule.tokens, columns, accumulation);
  // The element before the last token is the last one that is read.
  Value y = load(op.getY(), {tokens.batch, before, head, zero}, {1, axis}, type, 0,
                 sub(tokens.end, index(1)));
  SmallVector<Value> rows, cols;
  if (op.getReset())
    rows.push_back(load(op.getReset(), {tokens.batch, t}, {1}, vec(schedule.tokens, accumulation)));
  if (op.getY0())
    cols.push_back(load(op.getY0(), {s, head, zero}, {axis - 1}, vec(columns, accumulation)));
  // Before token 0 there is nothing to read; packed sequences have neighbours.
  if (rows.empty() && cols.empty() && !op.getCuSeqlens())
    return y;
  Value isBegin = equal(t, tokens.begin);
  return mapMatrix(type, y, rows, cols, [&](ValueRange e) {
    Value none = constant(accumulation, 0);
    Value isFirst = both(isBegin, equal(e[0], index(0)));
    Value value = select(isFirst, cols.empty() ? none : e.back(), e[2]);
    if (rows.empty())
      return value;
    Value kept = b.create<arith::CmpFOp>(loc, arith::CmpFPredicate::OEQ, e[3], none);
    return select(kept, value, none);
  });
}

KernelOp OuterSumProgram::build(StringRef name, TensorNames names) {
  declare(op.getX(), 2);
  declare(op.getY(), 2);
  declare(op.getY0(), 1);
  declare(op.getCuSeqlens(), 1);
  declare(op.getReset(), 2, /*unitStride=*/false);
  declare(op.getResult(), 0);
  int64_t matrices = op.getChannels().size();
  createKernel(name, {{matrices}, {headBlocks()}, {unitBlocks()}}, names);
  kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
  enterBlock(kernel.getGridIndex(1), kernel.getGridIndex(2));

  Value zero = index(0), k = channel(), sequences = extent(op.getX(), 0);
  if (op.getCuSeqlens()) {
    Value packed = sub(extent(op.getCuSeqlens(), 0), index(1));
    sequences = select(less(packed, zero), sequences, packed);
  }
  Value s; // the sequence at hand
  auto sequence = [&](Value number) {
    s = number;
    return this->sequence(number, op.getX(), op.getCuSeqlens());
  };
  TileType sum = alongHeads() ? vec(units, accumulation) : mat(units, d, accumulation);
  Value total = sumAll(sum, sequences, sequence, [&](const Sequence &tokens, Value t, Value sum) {
    SmallVector<Value> leading = {tokens.batch, t, k};
    TileType type = mat(schedule.tokens, units, accumulation);
    Value x = load(op.getX(), at(leading), {1, unitAxis(leading)}, type, 0, tokens.end);
    Value y = loadY(tokens, t, s);
    if (!alongHeads())
      return matmul(transpose(x), y, sum);
    Value products = map(type, {x, y}, [&](ValueRange e) { return mul(e[0], e[1]); });
    return addTiles(sum, reduce(Combiner::add, transpose(products)));
  });
  if (alongHeads())
    store(total, op.getResult(), {kernel.getGridIndex(0), head, zero, zero}, {1});
  else
    store(total, op.getResult(), {kernel.getGridIndex(0), head, unit, zero}, {2, 3});
  return kernel;
}

class TimeSumProgram : SumProgram {
public:
  TimeSumProgram(OpBuilder &builder, TimeSumOp op, const SumSchedule &schedule)
      : SumProgram(builder, op.getLoc(), op.getX().getType().getElementType(),
                   op.getX().getType().getShape().take_back(2)[0],
                   op.getX().getType().getShape().back(), schedule),
        op(op) {}

  KernelOp build(StringRef name, TensorNames names) {
    bool hasChannels = op.getX().getType().getRank() == 5;
    declare(op.getX(), 2);
    declare(op.getResult(), 0);
    createKernel(
        name,
        {{hasChannels ? op.getX().getType().getDimSize(2) : 1}, {headBlocks()}, {unitBlocks()}},
        names);
    kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
    enterBlock(kernel.getGridIndex(1), kernel.getGridIndex(2));
    SmallVector<Value> channel;
    if (hasChannels)
      channel.push_back(kernel.getGridIndex(0));
    auto sequence = [&](Value s) { return this->sequence(s, op.getX(), {}); };
    Value total = sumAll(vec(units, accumulation), extent(op.getX(), 0), sequence,
                         [&](const Sequence &tokens, Value t, Value sum) {
                           SmallVector<Value> leading = {tokens.batch, t};
                           leading.append(channel);
                           Value x = load(op.getX(), at(leading), {1, unitAxis(leading)},
                                          mat(schedule.tokens, units, accumulation));
                           return addTiles(sum, reduce(Combiner::add, transpose(x)));
                         });
    store(total, op.getResult(), at(channel), {unitAxis(channel)});
    return kernel;
  }

private:
  TimeSumOp op;
};

SumSchedule scheduleOf(Operation *op) {
  return SumSchedule::fromAttribute(op->getAttrOfType<DictionaryAttr>(scheduleAttrName));
}

} // namespace

KernelOp buildOuterSum(OpBuilder &builder, StringRef name, OuterSumOp op, TensorNames names) {
  SumSchedule schedule = scheduleOf(op);
  return OuterSumProgram(builder, op, schedule).build(name, names);
}

KernelOp buildTimeSum(OpBuilder &builder, StringRef name, TimeSumOp op, TensorNames names) {
  SumSchedule schedule = scheduleOf(op);
  return TimeSumProgram(builder, op, schedule).build(name, names);
}

} // namespace xlstm
