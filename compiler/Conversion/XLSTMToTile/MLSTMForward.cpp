// SPDX-License-Identifier: Apache-2.0
#include "compiler/Conversion/XLSTMToTile/MLSTMForward.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

MLSTMForward::MLSTMForward(OpBuilder &builder, mlir::xlstm::MLSTMOp op,
                           const ChunkwiseSchedule &schedule)
    : MLSTMProgram(builder, op.getLoc(), op.getMLSTMOperands(), op.getOptions(), schedule), op(op),
      dqk(schedule.dqkTile), dv(schedule.dvSlice) {
  // 16-bit operands on a GPU, the accumulation type on a CPU.
  operand = onGPU ? op.getInputType() : accumulation;
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

void MLSTMForward::declareTensors() {
  unsigned tokens = op.isStep() ? 1 : 2; // axes of run-time extent: B and T
  bool outputs = part != Part::Adds;
  if (outputs)
    declare(operands.q, tokens);
  for (Value value : {operands.k, operands.v})
    declare(value, tokens);
  for (Value value : {operands.i, operands.f})
    declare(value, tokens, /*unitStride=*/false);
  if (part == Part::Whole) {
    declare(operands.c0, 1);
    declare(operands.n0, 1);
    declare(operands.m0, 1, /*unitStride=*/false);
  }
  declare(operands.cuSeqlens, 1, /*unitStride=*/false);
  declare(operands.reset, 2, /*unitStride=*/false);
  if (outputs) {
    declare(op.getH(), tokens);
    declare(op.getCLast(), 1);
    declare(op.getNLast(), 1);
    declare(op.getMLast(), 1, /*unitStride=*/false);
    declare(op.getCStates(), 1);
    declare(op.getNStates(), 1);
    declare(op.getMStates(), 1);
  }
}

void MLSTMForward::createKernel(StringRef name, TensorNames names, int64_t more) {
  declareTensors();
  bool outputs = part != Part::Adds;
  // Blocks: (sequence, head, slice of dv); the slices of a head are neighbours, so they share q and
  // k in the cache. A tensor of states has one row for each sequence.
  Value rows = operands.q;
  if (part != Part::Whole)
    rows = outputs ? starts.C : adds.C;
  else if (operands.cuSeqlens)
    rows = op.getCLast().use_empty() ? operands.c0 : op.getCLast();
  SmallVector<Extent> grid = {{ShapedType::kDynamic, rows, 0}};
  if (part != Part::Whole)
    grid.push_back({ShapedType::kDynamic, rows, 1});
  grid.push_back({op.getHeads()});
  grid.push_back({schedule.numSlices(op.getDv())});
  if (more)
    grid.push_back({more});
  if (persistent())
    grid = {{schedule.persistent}};
  ProgramBuilder::createKernel(name, grid, names);
  kernel.setScheduleAttr(
      (part == Part::Whole ? schedule : schedule.ofSegments()).toAttribute(b.getContext()));
  if (persistent())
    return;
  unsigned next = 0;
  number = kernel.getGridIndex(next++);
  if (part != Part::Whole)
    segment = kernel.getGridIndex(next++);
  head = kernel.getGridIndex(next++);
  slice = kernel.getGridIndex(next++);
  dv0 = mul(slice, index(dv));
  sequence =
      this->ProgramBuilder::sequence(number, outputs ? operands.q : operands.k, operands.cuSeqlens);
  if (segment)
    cutSequence();
}

void MLSTMForward::takeWork(Value item) {
  Value slices = index(schedule.numSlices(op.getDv())), heads = index(op.getHeads());
  slice = b.create<arith::RemUIOp>(loc, item, slices);
  Value rest = b.create<arith::DivUIOp>(loc, item, slices);
  head = b.create<arith::RemUIOp>(loc, rest, heads);
  number = b.create<arith::DivUIOp>(loc, rest, heads);
  dv0 = mul(slice, index(dv));
  sequence = this->ProgramBuilder::sequence(number, operands.q, nullptr);
}

//===----------------------------------------------------------------------===//
// Segments
//===----------------------------------------------------------------------===//

MLSTMForward::SegmentTensors MLSTMForward::declareStates(const SegmentStates &states) {
  return {declareBuffer(states.C, 2), declareBuffer(states.n, 2), declareBuffer(states.m, 2)};
}

/// The tokens of the segment. What the last one adds is not needed, so it has none in that kernel.
void MLSTMForward::cutSequence() {
  numSegments = extent(part == Part::Adds ? adds.C : starts.C, 1);
  Value cut = mul(numSegments, index(L)); // one chunk of each segment
  Value tokens = sub(sequence.end, sequence.begin);
  Value chunks = b.create<arith::DivUIOp>(loc, add(tokens, sub(cut, index(1))), cut);
  Value length = mul(chunks, index(L));
  sequence.begin = min(add(sequence.begin, mul(segment, length)), sequence.end);
  sequence.end = min(add(sequence.begin, length), sequence.end);
  if (part == Part::Adds)
    sequence.end = select(equal(add(segment, index(1)), numSegments), sequence.begin, sequence.end);
}

void MLSTMForward::loadSegmentState(const SegmentTensors &states) {
  Value zero = index(0);
  C = load(states.C, {number, segment, head, dv0, zero}, {3, 4}, mat(dv, dqk, accumulation));
  n = options.hasNormalizer()
          ? load(states.n, {number, segment, head, zero}, {3}, vec(dqk, accumulation))
          : Value();
  m = loadScalar(states.m, {number, segment, head, zero}, gate);
  M = options.hasStabilizer() ? loadScalar(states.m, {number, segment, head, index(1)}, gate)
                              : constant(gate, 0);
}

void MLSTMForward::storeSegmentState(const SegmentTensors &states, Value sum) {
  Value zero = index(0);
  store(C, states.C, {number, segment, head, dv0, zero}, {3, 4});
  ifThen(equal(slice, zero), [&] {
    if (options.hasNormalizer())
      store(n, states.n, {number, segment, head, zero}, {3});
    storeScalar(m, states.m, {number, segment, head, zero});
    storeScalar(M, states.m, {number, segment, head, index(1)});
    storeScalar(sum, states.m, {number, segment, head, index(2)});
  });
}

bool MLSTMForward::hasLastState() {
  return has(op.getCLast()) || has(op.getNLast()) || has(op.getMLast());
}

//===----------------------------------------------------------------------===//
// State
//===----------------------------------------------------------------------===//

void MLSTMForward::loadState() {
  Value zero = index(0);
  // C^T [dv, dqk] of c0 [S, H, dqk, dv]
  C = load(operands.c0, {number, head, zero, dv0}, {3, 2}, mat(dv, dqk, accumulation));
  n = options.hasNormalizer() ? load(operands.n0, {number, head, zero}, {2}, vec(dqk, accumulation))
                              : Value();
  // A state that is given is relative to m0, that of a sigmoid cell to 0.
  Value zeroM = constant(gate, 0);
  M = options.hasStabilizer() ? loadScalar(operands.m0, {number, head}, gate) : zeroM;
  Value given = less(zero, extent(operands.c0, 0));
  m = select(given, M, constant(gate, -big));
}

Value MLSTMForward::decayed(Value tile, const Gates &gates) {
  return map(cast<TileType>(tile.getType()), tile,
             [&](ValueRange x) { return mul(x[0], gates.decay); });
}

Value MLSTMForward::weightedValues(Value v, const Gates &gates) {
  return mapMatrix(mat(dv, L, operand), transpose(v), {}, gates.w,
                   [&](ValueRange x) { return mul(convert(x[2], accumulation), x[3]); });
}

void MLSTMForward::advance(Value k, const Addends &addends, const Gates &gates) {
  C = matmul(addends.weightedV, k, addends.decayedC);
  if (options.hasNormalizer())
    n = matvecScores(transpose(k), gates.w, decayed(n, gates));
  m = gates.nextm;
  M = gates.nextM;
}

void MLSTMForward::storeState() {
  Value zero = index(0);
  // A segment that is not the last one has none: it stores outside of the tensor, which is nothing.
  Value row = number;
  if (segment)
    row = select(equal(add(segment, index(1)), numSegments), number, extent(starts.C, 0));
  // Outside, states are relative to the cell's m as it is stored.
  Value stored = convert(M, accumulation);
  Value toCell = expDifference(m, convert(stored, gate));
  auto scaled = [&](Value state) {
    return m == M ? state : map(cast<TileType>(state.getType()), state, [&](ValueRange x) {
      return mul(x[0], toCell);
    });
  };
  if (has(op.getCLast()))
    store(scaled(C), op.getCLast(), {row, head, zero, dv0}, {3, 2});
  if (!has(op.getNLast()) && !has(op.getMLast()))
    return;
  // Every slice has the same n and m; the first one stores them.
  ifThen(equal(slice, zero), [&] {
    if (has(op.getNLast()))
      store(scaled(n), op.getNLast(), {row, head, zero}, {2});
    storeScalar(stored, op.getMLast(), {row, head});
  });
}

SmallVector<Value> MLSTMForward::state() {
  SmallVector<Value> values = {C, m};
  if (options.hasNormalizer())
    values.push_back(n);
  if (options.hasStabilizer())
    values.push_back(M);
  return values;
}

void MLSTMForward::setState(ValueRange values) {
  C = values[0];
  m = values[1];
  if (options.hasNormalizer())
    n = values[2];
  if (options.hasStabilizer())
    M = values.back();
}

//===----------------------------------------------------------------------===//
// The matrix unit
//===----------------------------------------------------------------------===//

Value MLSTMForward::onUnit(Value lhs, Value rhs, Value accumulator, bool ofState) {
  Value result = ProgramBuilder::matmul(lhs, rhs, accumulator);
  if (!onGPU)
    return result;
  auto [scoreWarpsM, scoreWarpsN] = schedule.scoreWarps();
  result.getDefiningOp<MatmulOp>().setWarpsAttr(
      ofState ? b.getDenseI64ArrayAttr({schedule.warpsM, schedule.warpsN})
              : b.getDenseI64ArrayAttr({scoreWarpsM, scoreWarpsN}));
  setRole(result, ofState ? "state" : "score");
  return result;
}

Value MLSTMForward::matvecScores(Value matrix, Value vector, Value accumulator) {
  Value result = matvec(matrix, vector, accumulator);
  setRole(result, "score");
  return result;
}

void MLSTMForward::setRole(Value product, const char *role) {
  if (schedule.roles)
    product.getDefiningOp()->setAttr("role", b.getStringAttr(role));
}

Value MLSTMForward::asOperand(Value tile) {
  auto type = cast<TileType>(tile.getType());
  if (type.getElementType() == operand)
    return tile;
  return map(type.withElementType(operand), tile, [](ValueRange x) { return x[0]; });
}

} // namespace xlstm
