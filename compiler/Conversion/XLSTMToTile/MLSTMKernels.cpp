// SPDX-License-Identifier: Apache-2.0
#include "compiler/Conversion/XLSTMToTile/MLSTMKernels.h"
#include "compiler/Schedule/Passes.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

static ChunkBuffers makeBuffers(mlir::xlstm::MLSTMOp op, const StatesSchedule &schedule,
                                Workspace &workspace) {
  Builder b(op.getContext());
  Type accumulation = op.getAccumulationType(), input = op.getInputType();
  bool onGPU = schedule.warps > 0;
  Type gate = onGPU ? Type(b.getF32Type()) : Type(b.getF64Type());
  // What products read again is in their operands' type; a CPU multiplies in the accumulation type.
  Type operand = onGPU ? input : accumulation;
  int64_t H = op.getHeads(), any = ShapedType::kDynamic;
  auto dim = [&](StringRef name) { return b.getArrayAttr(b.getArrayAttr(b.getStringAttr(name))); };
  Attribute chunks = b.getArrayAttr({b.getStringAttr("T"), b.getI64IntegerAttr(schedule.chunk)});
  Attribute rows = b.getArrayAttr(b.getArrayAttr({b.getStringAttr("B"), chunks}));
  Attribute B = dim("B"), T = dim("T");
  auto tensor = [&](ArrayRef<int64_t> shape, Type element,
                    ArrayRef<Attribute> extents) -> KernelBuffer {
    auto type = RankedTensorType::get(shape, element);
    return {workspace.add(type, b.getArrayAttr(extents)), type};
  };
  ChunkBuffers t;
  t.b = tensor({any, H, any}, gate, {B, T});
  t.e = tensor({any, H, any}, gate, {B, T});
  t.highest = tensor({any, H, any}, gate, {B, T});
  t.lasts = tensor({any, H, 2}, gate, rows);
  t.C = tensor({any, H, op.getDqk(), op.getDv()}, operand, rows);
  t.m = tensor({any, H, 2}, gate, rows);
  t.toCell = tensor({any, H}, accumulation, B);
  t.P = tensor({any, any, H, schedule.chunk}, operand, {B, T});
  t.weights = tensor({2, any, H, any}, accumulation, {B, T});
  if (op.hasNormalizer()) {
    t.u = tensor({any, H, op.getDqk()}, accumulation, rows);
    t.n = tensor({any, H, op.getDqk()}, accumulation, rows);
  }
  return t;
}

ChunkKernel::ChunkKernel(OpBuilder &builder, mlir::xlstm::MLSTMOp op,
                         const StatesSchedule &schedule, const ChunkBuffers &buffers)
    : MLSTMProgram(builder, op.getLoc(), op.getMLSTMOperands(), op.getOptions(), schedule.chunks()),
      op(op), states(schedule), buffers(buffers),
      operand(schedule.warps ? op.getInputType() : accumulation), dqk(op.getDqk()), dv(op.getDv()) {
}

void ChunkKernel::createKernel(StringRef name, const char *part, ArrayRef<Extent> grid,
                               TensorNames names) {
  ProgramBuilder::createKernel((name + "_" + part).str(), grid, names);
  kernel.setScheduleAttr(states.ofKernel(part, b.getContext()));
  number = kernel.getGridIndex(0);
  head = kernel.getGridIndex(1);
  tokens = sequence(number, overTokens(), Value());
}

Value ChunkKernel::staged(Value from, ArrayRef<Value> offsets, ArrayRef<int64_t> axes, int64_t rows,
                          int64_t columns) {
  Value result = load(from, offsets, axes, mat(rows, columns, operand));
  if (onGPU)
    result.getDefiningOp<LoadOp>().setStagesAttr(b.getI64IntegerAttr(states.stages));
  return result;
}

Value ChunkKernel::product(Value lhs, Value rhs, Value accumulator) {
  Value result = matmul(lhs, rhs, accumulator);
  if (onGPU) {
    auto [along, across] = states.warpGrid(cast<TileType>(result.getType()).getShape()[0]);
    result.getDefiningOp<MatmulOp>().setWarpsAttr(b.getDenseI64ArrayAttr({along, across}));
  }
  return result;
}

Value ChunkKernel::asOperand(Value tile) {
  auto type = cast<TileType>(tile.getType());
  if (type.getElementType() == operand)
    return tile;
  return map(type.withElementType(operand), tile, [](ValueRange x) { return x[0]; });
}

Value ChunkKernel::loadCellM(Value row) {
  if (!options.hasStabilizer())
    return constant(gate, 0);
  return loadScalar(tensors.m, {row, head, index(1)}, gate);
}

Value ChunkKernel::isSaved(Value sinceBegin) {
  Value rest = b.create<arith::RemUIOp>(loc, sinceBegin, index(states.saveEvery));
  return equal(rest, index(0));
}

Value ChunkKernel::savedRow(Value sinceBegin) {
  Value every = index(states.saveEvery);
  Value perSequence =
      b.create<arith::DivUIOp>(loc, add(tokens.all, index(states.saveEvery - 1)), every);
  return add(mul(number, perSequence), b.create<arith::DivUIOp>(loc, sinceBegin, every));
}

FailureOr<KernelOp> buildMLSTMKernels(OpBuilder &builder, StringRef name, mlir::xlstm::MLSTMOp op,
                                      TensorNames names, Workspace &workspace) {
  auto schedule =
      StatesSchedule::fromAttribute(op->getAttrOfType<DictionaryAttr>(scheduleAttrName));
  using mlir::xlstm::MLSTMForm;
  if (op.getForm().value_or(MLSTMForm::Chunkwise) != MLSTMForm::Chunkwise || op.getCuSeqlens() ||
      op.getReset())
    return op.emitError() << "several kernels are the chunkwise form without cu_seqlens and reset";
  ChunkBuffers buffers = makeBuffers(op, schedule, workspace);
  buildGates(builder, name, op, schedule, buffers, names);
  buildCarry(builder, name, op, schedule, buffers, names);
  KernelOp last = buildStates(builder, name, op, schedule, buffers, names);
  if (op.getH().use_empty()) // only states are asked for
    return last;
  buildScores(builder, name, op, schedule, buffers, names);
  return buildOutput(builder, name, op, schedule, buffers, names);
}

} // namespace xlstm
