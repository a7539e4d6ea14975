// SPDX-License-Identifier: Apache-2.0
// xlstm.scan as a tile program: one block walks a tile of sequences of one head through time.
//
//   R_p [d, d] of the head, constants, initial states and first values of `previous`: loaded once
//   for t:   states [rows, d]              zeroed in the rows where reset[t]
//            product_p = h R_p^T           [rows, d], for all p together
//            outputs, states = region(..)  one map over the units; every value is computed once
//            outputs to their tensors
//
// The transposed product is kept as P terms, which the map adds in their order. With `reverse` t
// goes from the last token to the first, and the states are zeroed after the step instead.
//
// Rows are sequences of a batch, all with the same tokens, or one packed sequence. A block's
// program is written for some numbers of rows, and the narrowest that holds its sequences is run
// (see ScanSchedule.h). An element depends on nothing but its own row, by the same operations in
// each of them, so packing sequences or changing the batch changes no bit.
#include "compiler/Conversion/XLSTMToTile/Cell.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Schedule/Passes.h"
#include "compiler/Schedule/ScanSchedule.h"
#include "llvm/ADT/SetVector.h"
#include <functional>

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {
namespace {

using mlir::xlstm::ScanOp;

class ScanProgram : CellProgram {
public:
  ScanProgram(OpBuilder &builder, ScanOp op, const ScanSchedule &schedule)
      : CellProgram(builder, op.getLoc(), op.getAccumulationType(), op.getHeads(), op.getHeadSize(),
                    op.getHeadSize() == 1 ? schedule.heads : op.getHeadSize()),
        op(op), operands(op.getScanOperands()), schedule(schedule) {}
  KernelOp build(StringRef name, TensorNames names);

private:
  /// The operands of the map that runs the region, and how an argument of the region follows from
  /// their elements.
  struct Elements {
    ValueRange elems, rows, cols;
  };
  using Argument = std::function<Value(const Elements &)>;
  struct Step {
    SmallVector<Value> elems, rows, cols;
    SmallVector<Argument> arguments;

    Argument elem(Value tile) {
      return [i = append(elems, tile)](const Elements &e) { return e.elems[i]; };
    }
    Argument row(Value tile) {
      return [i = append(rows, tile)](const Elements &e) { return e.rows[i]; };
    }
    Argument col(Value tile) {
      return [i = append(cols, tile)](const Elements &e) { return e.cols[i]; };
    }

  private:
    static size_t append(SmallVector<Value> &list, Value tile) {
      list.push_back(tile);
      return list.size() - 1;
    }
  };
  /// What one walk has: its rows, their first row in tensors of tokens and of states, its tokens.
  struct Walk {
    int64_t rows;
    Value batch, sequence, begin, end;
    SmallVector<Value> firstValues; // of the channels of `previous`; null: zero
  };

  void declareTensors();
  Extent sequencesExtent();
  void loadShared();
  void runBlock();
  void walk(Walk walk);
  SmallVector<Value> step(const Walk &walk, Value t, SmallVector<Value> states);
  void addProducts(Step &step, ArrayRef<Value> states);
  void addPrevious(Step &step, const Walk &walk, Value t, Argument isReset);
  SmallVector<Value> zeroed(ArrayRef<Value> states, Value reset);

  /// 1, or K of a tensor that has that axis after `leading` others.
  static int64_t channels(Value tensor, int64_t leading) {
    auto type = cast<ShapedType>(tensor.getType());
    return type.getRank() == leading + 3 ? type.getDimSize(leading) : 1;
  }
  /// `leading`, followed by channel k in a tensor that has that axis.
  SmallVector<Value> channel(Value tensor, ArrayRef<Value> leading, int64_t k) {
    SmallVector<Value> result(leading);
    if (cast<ShapedType>(tensor.getType()).getRank() == int64_t(leading.size()) + 3)
      result.push_back(index(k));
    return result;
  }
  /// Where token t of a walk stands in a tensor of tokens.
  SmallVector<Value> token(const Walk &walk, Value t) {
    return op.getStep() ? SmallVector<Value>{walk.batch} : SmallVector<Value>{walk.batch, t};
  }
  TileType tileOf(const Walk &walk) { return mat(walk.rows, units, accumulation); }
  Value loadRows(const Walk &walk, Value from, ArrayRef<Value> leading) {
    return load(from, at(leading), {0, unitAxis(leading)}, tileOf(walk));
  }
  void storeRows(Value tile, Value to, ArrayRef<Value> leading) {
    store(tile, to, at(leading), {0, unitAxis(leading)});
  }

  ScanOp op;
  mlir::xlstm::ScanOperands operands;
  const ScanSchedule &schedule;
  SmallVector<Value> matrices;  // of the head: R_p^T, or R_p if transposed; with D = 1 vectors
  SmallVector<Value> constants; // vectors of units
};

//===----------------------------------------------------------------------===//
// Kernel
//===----------------------------------------------------------------------===//

void ScanProgram::declareTensors() {
  unsigned runTimeAxes = op.getStep() ? 1 : 2;
  for (Value sequence : operands.sequences)
    declare(sequence, runTimeAxes);
  for (auto &[sequence, initial] : operands.previous) {
    declare(sequence, runTimeAxes);
    declare(initial, 1);
  }
  for (Value constant : operands.constants)
    declare(constant, 0);
  declare(operands.recurrent, 0);
  for (Value state : operands.initialStates)
    declare(state, 1);
  declare(operands.cuSeqlens, 1);
  declare(operands.reset, 2, /*unitStride=*/false);
  for (Value output : op.getOutputs())
    declare(output, runTimeAxes);
  for (Value state : op.getLastStates())
    declare(state, 1);
}

/// S, from a tensor that has it; without packed sequences that is B.
ProgramBuilder::Extent ScanProgram::sequencesExtent() {
  Value of = operands.sequences.front();
  if (operands.cuSeqlens) {
    of = operands.cuSeqlens; // N + 1 blocks, of which the last finds no tokens
    SmallVector<Value> states(operands.initialStates);
    llvm::append_range(states, op.getLastStates());
    for (Value state : states)
      if (isDeclared(state))
        of = state;
  }
  return {ShapedType::kDynamic, of, 0, schedule.batch};
}

KernelOp ScanProgram::build(StringRef name, TensorNames names) {
  declareTensors();
  createKernel(name, {sequencesExtent(), {headBlocks()}}, names);
  kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
  enterBlock(kernel.getGridIndex(1), index(0));
  loadShared();
  runBlock();
  return kernel;
}

/// What all sequences share.
void ScanProgram::loadShared() {
  for (Value constant : operands.constants)
    for (int64_t k = 0; k < channels(constant, 0); ++k) {
      SmallVector<Value> leading = channel(constant, {}, k);
      constants.push_back(
          load(constant, at(leading), {unitAxis(leading)}, vec(units, accumulation)));
    }
  if (!operands.recurrent)
    return;
  int64_t count = cast<ShapedType>(operands.recurrent.getType()).getDimSize(0);
  for (int64_t p = 0; p < count; ++p) {
    SmallVector<Value> offsets = {index(p), head, index(0), index(0)};
    if (alongHeads())
      matrices.push_back(load(operands.recurrent, offsets, {1}, vec(units, accumulation)));
    else if (op.getTransposed()) // [o, i]
      matrices.push_back(load(operands.recurrent, offsets, {2, 3}, mat(d, d, accumulation)));
    else // [i, o]
      matrices.push_back(load(operands.recurrent, offsets, {3, 2}, mat(d, d, accumulation)));
  }
}

/// Walks the block's sequences: the rows of a batch together, packed sequences and rows whose states
/// are in slots one by one.
void ScanProgram::runBlock() {
  Value zero = index(0), one = index(1), tokens = operands.sequences.front();
  Value first = mul(kernel.getGridIndex(0), index(schedule.batch));
  Value end = op.getStep() ? one : extent(tokens, 1);
  Value count = sub(extent(tokens, 0), first); // rows of the batch from here on
  Value packed;                                // the number of packed sequences, -1 if they are not
  if (operands.cuSeqlens)
    packed = sub(extent(operands.cuSeqlens, 0), one);
  std::vector<int64_t> widths = schedule.widths();
  // Rows of states in slots are no neighbours; a program for one row finds its own.
  Value areScattered;
  if (hasSlots() && widths.size() > 1)
    areScattered = areSlotsGiven();
  for (auto [i, rows] : llvm::enumerate(widths)) {
    bool isLast = i + 1 == widths.size();
    if (isLast && (packed || areScattered))
      break;
    Value fits = less(isLast ? zero : index(widths[i + 1]), count);
    if (i > 0)
      fits = both(fits, less(count, index(rows + 1)));
    if (packed)
      fits = both(fits, less(packed, zero));
    if (areScattered)
      fits = both(fits, equal(extentOfSlots(), zero));
    ifThen(fits, [&, rows = rows] { walk({rows, first, first, zero, end, {}}); });
  }
  if (!packed && !areScattered)
    return;
  // One row, of a batch, in slots or packed.
  Value alone = select(equal(count, one), add(first, one), first);
  auto upTo = [&](Value all) { return min(add(first, index(schedule.batch)), all); };
  Value last = packed ? select(less(packed, zero), alone, upTo(packed))
                      : select(areScattered, upTo(extent(tokens, 0)), alone);
  loop(first, last, one, {}, [&](Value s, ValueRange) -> SmallVector<Value> {
    Sequence sequence = this->sequence(s, tokens, operands.cuSeqlens);
    walk({1, sequence.batch, s, sequence.begin, sequence.end, {}});
    return {};
  });
}

/// All steps of some sequences, from their initial to their last states.
void ScanProgram::walk(Walk walk) {
  SmallVector<Value> states;
  for (unsigned i = 0; i < op.getNumStates(); ++i) {
    Value initial = i < operands.initialStates.size() ? operands.initialStates[i] : Value();
    states.push_back(loadRows(walk, initial, {walk.sequence}));
  }
  for (auto &[sequence, initial] : operands.previous)
    for (int64_t k = 0; k < channels(sequence, 2); ++k)
      walk.firstValues.push_back(
          initial ? loadRows(walk, initial, channel(initial, {walk.sequence}, k)) : Value());
  if (op.getStep()) {
    states = step(walk, walk.begin, states);
  } else {
    Value mirror = op.getReverse() ? sub(add(walk.begin, walk.end), index(1)) : Value();
    states = loop(walk.begin, walk.end, index(1), states, [&](Value t, ValueRange carried) {
      return step(walk, mirror ? sub(mirror, t) : t, SmallVector<Value>(carried));
    });
  }
  for (auto [state, to] : llvm::zip(states, op.getLastStates()))
    storeRows(state, to, {walk.sequence});
}

//===----------------------------------------------------------------------===//
// One step
//===----------------------------------------------------------------------===//

/// Stores the outputs of token t and gives the states after it.
SmallVector<Value> ScanProgram::step(const Walk &walk, Value t, SmallVector<Value> states) {
  Value reset;
  if (operands.reset)
    reset = load(operands.reset, {walk.batch, t}, {0}, vec(walk.rows, accumulation));
  if (reset && !op.getReverse())
    states = zeroed(states, reset);

  Step step;
  addProducts(step, states);
  for (Value sequence : operands.sequences)
    for (int64_t k = 0; k < channels(sequence, token(walk, t).size()); ++k)
      step.arguments.push_back(
          step.elem(loadRows(walk, sequence, channel(sequence, token(walk, t), k))));
  addPrevious(step, walk, t, reset && !operands.previous.empty() ? step.row(reset) : Argument());
  for (Value constant : constants)
    step.arguments.push_back(step.col(constant));
  for (Value state : states)
    step.arguments.push_back(step.elem(state));

  // Each value that the region yields is one result of the map, however often it is yielded.
  llvm::SmallSetVector<Value, 8> yielded;
  for (Value value : op.getYield()->getOperands())
    yielded.insert(value);
  SmallVector<Value> results = mapMatrices(
      tileOf(walk), yielded.size(), step.elems, step.rows, step.cols, [&](ValueRange args) {
        args = args.drop_front(2); // row and column
        Elements elements{args.take_front(step.elems.size()),
                          args.slice(step.elems.size(), step.rows.size()),
                          args.take_back(step.cols.size())};
        SmallVector<Value> arguments;
        for (const Argument &argument : step.arguments)
          arguments.push_back(argument(elements));
        return evaluate(op.getStepBlock(), arguments, yielded.getArrayRef());
      });
  llvm::DenseMap<Value, Value> tiles;
  for (auto [value, tile] : llvm::zip(yielded, results))
    tiles[value] = tile;

  for (auto [i, output] : llvm::enumerate(op.getOutputs()))
    for (auto [k, value] : llvm::enumerate(op.getOutputValues(i)))
      storeRows(tiles.lookup(value), output, channel(output, token(walk, t), k));
  SmallVector<Value> next;
  for (Value value : op.getNewStates())
    next.push_back(tiles.lookup(value));
  return reset && op.getReverse() ? zeroed(next, reset) : next;
}

/// The products of the region's first arguments.
void ScanProgram::addProducts(Step &step, ArrayRef<Value> states) {
  if (matrices.empty())
    return;
  // Terms of the products: of matrix p, with state 0, or with state p where they are all added.
  SmallVector<Argument> terms;
  Value zeros;
  if (!alongHeads())
    zeros = splat(cast<TileType>(states[0].getType()), 0);
  for (auto [p, matrix] : llvm::enumerate(matrices)) {
    Value state = states[op.getTransposed() ? p : 0];
    if (!alongHeads()) {
      terms.push_back(step.elem(matmul(state, matrix, zeros)));
      continue;
    }
    terms.push_back([this, r = step.col(matrix), s = step.elem(state)](const Elements &e) {
      return mul(r(e), s(e));
    });
  }
  if (!op.getTransposed()) {
    step.arguments.append(terms);
    return;
  }
  step.arguments.push_back([this, terms](const Elements &e) {
    Value sum = terms[0](e);
    for (const Argument &term : ArrayRef(terms).drop_front())
      sum = add(sum, term(e));
    return sum;
  });
}

/// Values of token t - 1: at the first token of a sequence those before it, and zero at a reset.
void ScanProgram::addPrevious(Step &step, const Walk &walk, Value t, Argument isReset) {
  if (operands.previous.empty())
    return;
  Value before = sub(t, index(1)), isFirst = equal(t, walk.begin);
  auto firstValue = walk.firstValues.begin();
  for (auto &[sequence, initial] : operands.previous)
    for (int64_t k = 0; k < channels(sequence, 2); ++k) {
      Argument value =
          step.elem(loadRows(walk, sequence, channel(sequence, token(walk, before), k)));
      Value first = *firstValue++;
      Argument atFirst = first ? step.elem(first) : Argument();
      step.arguments.push_back([=](const Elements &e) {
        Value zero = constant(accumulation, 0), result = value(e);
        // Before token 0 there is nothing to read; packed sequences have neighbours.
        if (atFirst || operands.cuSeqlens)
          result = select(isFirst, atFirst ? atFirst(e) : zero, result);
        if (!isReset)
          return result;
        Value kept = b.create<arith::CmpFOp>(loc, arith::CmpFPredicate::OEQ, isReset(e), zero);
        return select(kept, result, zero);
      });
    }
}

/// The states, zero in rows where `reset` is not.
SmallVector<Value> ScanProgram::zeroed(ArrayRef<Value> states, Value reset) {
  if (states.empty())
    return {};
  return mapMatrices(
      cast<TileType>(states[0].getType()), states.size(), states, reset, {}, [&](ValueRange args) {
        Value zero = constant(accumulation, 0);
        Value kept = b.create<arith::CmpFOp>(loc, arith::CmpFPredicate::OEQ, args.back(), zero);
        SmallVector<Value> results;
        for (Value state : args.slice(2, states.size()))
          results.push_back(select(kept, state, zero));
        return results;
      });
}

} // namespace

KernelOp buildScan(OpBuilder &builder, StringRef name, ScanOp op, TensorNames names) {
  auto schedule = ScanSchedule::fromAttribute(op->getAttrOfType<DictionaryAttr>(scheduleAttrName));
  return ScanProgram(builder, op, schedule).build(name, names);
}

} // namespace xlstm
