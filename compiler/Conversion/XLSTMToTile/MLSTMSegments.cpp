// SPDX-License-Identifier: Apache-2.0
#include "compiler/Conversion/XLSTMToTile/MLSTMSegments.h"
#include "compiler/Conversion/XLSTMToTile/MLSTMChunkwise.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {
namespace {

/// The states before segments. A block has a piece of C^T and walks over the segments; the first
/// piece also has n and m.
class StartsProgram : private MLSTMForward {
public:
  using MLSTMForward::MLSTMForward;
  KernelOp build(StringRef name, const Segments &segments, TensorNames names);

private:
  static constexpr int64_t rows = 64, columns = 32; // of dv and dqk in a piece
  void loadInitial();
  void storeStart(Value g);
  void fold(Value g);

  Value piece, row0, column0;
};

void StartsProgram::loadInitial() {
  Value zero = index(0), zeroM = constant(gate, 0);
  C = load(operands.c0, {number, head, column0, row0}, {3, 2}, mat(rows, columns, accumulation));
  n = options.hasNormalizer() ? load(operands.n0, {number, head, zero}, {2}, vec(dqk, accumulation))
                              : Value();
  M = options.hasStabilizer() ? loadScalar(operands.m0, {number, head}, gate) : zeroM;
  m = select(less(zero, extent(operands.c0, 0)), M, constant(gate, -big));
}

void StartsProgram::storeStart(Value g) {
  Value zero = index(0);
  store(C, starts.C, {number, g, head, row0, column0}, {3, 4});
  ifThen(equal(piece, zero), [&] {
    if (options.hasNormalizer())
      store(n, starts.n, {number, g, head, zero}, {3});
    storeScalar(m, starts.m, {number, g, head, zero});
    storeScalar(M, starts.m, {number, g, head, index(1)});
  });
}

void StartsProgram::fold(Value g) {
  auto scalarOf = [&](int64_t i) { return loadScalar(adds.m, {number, g, head, index(i)}, gate); };
  Value sum = scalarOf(2), before = add(m, sum), added = scalarOf(0);
  Value next = max(before, added);
  Value decay = expDifference(before, next), weight = expDifference(added, next);
  auto folded = [&](Value old, Value more) {
    return map(cast<TileType>(old.getType()), {old, more},
               [&](ValueRange x) { return add(mul(x[0], decay), mul(x[1], weight)); });
  };
  C = folded(
      C, load(adds.C, {number, g, head, row0, column0}, {3, 4}, mat(rows, columns, accumulation)));
  if (options.hasNormalizer())
    n = folded(n, load(adds.n, {number, g, head, index(0)}, {3}, vec(dqk, accumulation)));
  if (options.hasStabilizer())
    M = max(add(M, sum), scalarOf(1));
  m = next;
}

KernelOp StartsProgram::build(StringRef name, const Segments &segments, TensorNames names) {
  OpBuilder::InsertionGuard guard(b);
  adds = declareStates(segments.adds);
  starts = declareStates(segments.starts);
  declare(operands.c0, 1);
  declare(operands.n0, 1);
  declare(operands.m0, 1, /*unitStride=*/false);
  dqk = op.getDqk();
  int64_t across = (dqk + columns - 1) / columns, pieces = (op.getDv() + rows - 1) / rows * across;
  ProgramBuilder::createKernel(name, {{ShapedType::kDynamic, adds.C, 0}, {op.getHeads()}, {pieces}},
                               names);
  kernel.setScheduleAttr(schedule.startsAttribute(b.getContext()));
  number = kernel.getGridIndex(0), head = kernel.getGridIndex(1), piece = kernel.getGridIndex(2);
  row0 = mul(b.create<arith::DivUIOp>(loc, piece, index(across)), index(rows));
  column0 = mul(b.create<arith::RemUIOp>(loc, piece, index(across)), index(columns));
  loadInitial();
  Value last = sub(extent(adds.C, 1), index(1));
  setState(loop(index(0), last, index(1), state(), [&](Value g, ValueRange carried) {
    setState(carried);
    storeStart(g);
    fold(g);
    return state();
  }));
  storeStart(last);
  return kernel;
}

} // namespace

KernelOp buildMLSTMSegments(OpBuilder &builder, StringRef name, mlir::xlstm::MLSTMOp op,
                            const ChunkwiseSchedule &schedule, TensorNames names,
                            Workspace &workspace) {
  Type state = op.getAccumulationType();
  Type reference = schedule.warpsM ? Type(builder.getF32Type()) : Type(builder.getF64Type());
  constexpr int64_t any = ShapedType::kDynamic;
  std::string sequences = op.getCuSeqlens() ? "S" : "B";
  std::string segments =
      workspace.addParts("T", schedule.segmentTokens, sequences,
                         op.getHeads() * schedule.numSlices(op.getDv()), schedule.segmentBlocks);
  auto buffer = [&](ArrayRef<int64_t> shape, Type type) {
    return workspace.addBuffer(RankedTensorType::get(shape, type), {sequences, segments});
  };
  auto states = [&]() -> SegmentStates {
    int64_t heads = op.getHeads(), dqk = op.getDqk(), dv = op.getDv();
    return {buffer({any, any, heads, dv, dqk}, state), buffer({any, any, heads, dqk}, state),
            buffer({any, any, heads, 3}, reference)};
  };
  Segments all = {states(), states()};
  ChunkwiseProgram(builder, op, schedule.ofAdds())
      .buildAdds((name + "_adds").str(), all.adds, names);
  StartsProgram(builder, op, schedule).build((name + "_starts").str(), all, names);
  return ChunkwiseProgram(builder, op, schedule).buildOutputs(name, all.starts, names);
}

} // namespace xlstm
