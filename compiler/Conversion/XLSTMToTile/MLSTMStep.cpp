// SPDX-License-Identifier: Apache-2.0
// The step form of the mLSTM cell as a tile program: one token, which reads the state once and
// writes it once.
//
//   block (b, h, part):  C of its first slice is on its way
//                        i, f, q, k, n, m  ->  k i', n', z, the denominator
//                        for each of its slices:  C' = f' C + k v^T -> memory    h = q^T C' / den
//                        part 0, when all parts have read n and m:  n', m' -> memory
//
// The last states may be the memory of the initial ones: a block reads what it owns of C before it
// writes it, and waits for the others before it writes what they read.
#include "compiler/Conversion/XLSTMToTile/MLSTMToken.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {
namespace {

/// What the programs of the cell ask of a schedule: sizes of tiles, and whether it is for a GPU.
ChunkwiseSchedule tilesOf(const StepSchedule &step) {
  ChunkwiseSchedule schedule;
  schedule.target = step.target;
  schedule.chunk = 1;
  schedule.dvSlice = step.slice;
  schedule.dqkTile = step.dqkTile;
  schedule.warpsM = step.threads / 32;
  schedule.warpsN = step.threads ? 1 : 0;
  return schedule;
}

class StepProgram : private TokenProgram {
public:
  StepProgram(OpBuilder &builder, mlir::xlstm::MLSTMOp op, const StepSchedule &schedule)
      : TokenProgram(builder, op, tilesOf(schedule)), step(schedule) {}
  KernelOp build(StringRef name, TensorNames names);

private:
  void createKernel(StringRef name, TensorNames names);
  Value loadC(Value column); ///< [dqk, dv], columns from `column` on
  Value loadV(Value column) {
    return load(operands.v, {number, head, column}, {2}, vec(dv, accumulation));
  }
  bool storesVectors() { return has(op.getNLast()) || has(op.getMLast()); }
  void storeStateOf(const Token &token);

  StepSchedule step;
  Value partIndex; // among the blocks of a head
};

void StepProgram::createKernel(StringRef name, TensorNames names) {
  declareTensors();
  ProgramBuilder::createKernel(
      name, {{ShapedType::kDynamic, operands.q, 0}, {op.getHeads()}, {step.parts}}, names);
  kernel.setScheduleAttr(step.toAttribute(b.getContext()));
  number = kernel.getGridIndex(0);
  head = kernel.getGridIndex(1);
  partIndex = kernel.getGridIndex(2);
}

Value StepProgram::loadC(Value column) {
  return load(operands.c0, {number, head, index(0), column}, {2, 3}, mat(dqk, dv, accumulation));
}

/// n and m after the token, by the first of the parts.
void StepProgram::storeStateOf(const Token &token) {
  if (!storesVectors())
    return;
  auto storeBoth = [&] {
    if (step.parts > 1)
      b.create<GroupWaitOp>(loc);
    if (has(op.getNLast()))
      store(n, op.getNLast(), {number, head, index(0)}, {2});
    storeScalar(convert(token.m, accumulation), op.getMLast(), {number, head});
  };
  if (step.parts > 1)
    ifThen(equal(partIndex, index(0)), storeBoth);
  else
    storeBoth();
}

KernelOp StepProgram::build(StringRef name, TensorNames names) {
  OpBuilder::InsertionGuard guard(b);
  createKernel(name, names);
  Value zero = index(0), first = mul(partIndex, index(dv)), stride = index(step.parts * dv);
  int64_t turns = step.turns(op.getDv());
  bool readsAhead = step.threads > 0;
  Value ahead, aheadV;
  if (readsAhead) {
    ahead = loadC(first);
    aheadV = turns == 1 ? loadV(first) : Value();
  }
  if (options.hasNormalizer())
    n = load(operands.n0, {number, head, zero}, {2}, vec(dqk, accumulation));
  Value before =
      options.hasStabilizer() ? loadScalar(operands.m0, {number, head}, gate) : constant(gate, 0);
  Token token = loadToken({number, head, zero}, Value(), before);
  n = nextN(n, token);
  Value inverse = inverseOf(n, token);
  if (step.parts > 1 && storesVectors())
    b.create<GroupArriveOp>(loc);

  auto update = [&](Value column, Value C, Value v) {
    C = nextC(C, token, v);
    store(C, op.getCLast(), {number, head, zero, column}, {2, 3});
    store(hidden(C, token, inverse), op.getH(), {number, head, column}, {1, 2});
  };
  Value end = index(op.getDv());
  if (readsAhead && turns == 1)
    update(first, ahead, aheadV);
  else if (readsAhead && step.stages > 1)
    loop(first, end, stride, ahead, [&](Value column, ValueRange carried) {
      Value next = loadC(add(column, stride));
      update(column, carried[0], loadV(column));
      return SmallVector<Value>{next};
    });
  else
    loop(first, end, stride, {}, [&](Value column, ValueRange) {
      update(column, loadC(column), loadV(column));
      return SmallVector<Value>{};
    });
  storeStateOf(token);
  return kernel;
}

} // namespace

KernelOp buildMLSTMStep(OpBuilder &builder, StringRef name, mlir::xlstm::MLSTMOp op,
                        const StepSchedule &schedule, TensorNames names) {
  return StepProgram(builder, op, schedule).build(name, names);
}

} // namespace xlstm
