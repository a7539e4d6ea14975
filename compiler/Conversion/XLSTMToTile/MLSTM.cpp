// SPDX-License-Identifier: Apache-2.0
// The chunkwise form of the mLSTM forward pass as a tile program.
//
// Tiled Flash Linear Attention (arXiv 2503.14376, sections 3.2 and B) with the exponents of
// MLSTMProgram.h. For a chunk of L tokens, with C [dqk, dv], n [dqk], m the state before it:
//
//   S    = Q K^T                        P_ij = S_ij W_ij
//   z_i  = sum_j P_ij + r_i q_i.n
//   C'   = decay C + sum_j w_j k_j v_j^T,  n' likewise,  m' = b_L + mu_L
//   h_i = (r_i C^T q_i + sum_j P_ij v_j) / (max(|z_i|, exp(-b_i - mu_i)) + eps exp(o_i - mu_i))
//   h_i = (..) exp(b_i + mu_i)          without a normaliser
//
// The program holds C^T [dv slice, dqk]: a matrix unit's accumulator is then the left operand of
// the next product, and the state never leaves the registers.
//
// Chunks are counted from the start of their sequence, so that a packed sequence gives the bits
// that it gives alone. What a backward kernel starts from are the states at the chunks' starts, as
// they are here: relative to m, not to the cell's M.
#include "compiler/Conversion/XLSTMToTile/MLSTMChunkwise.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Schedule/Passes.h"
#include "compiler/Schedule/StatesSchedule.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {
/// A load that a GPU reads ahead.
Value ChunkwiseProgram::loadStaged(Value from, Value t0, Value column, int64_t columns) {
  Value result = loadTokens(from, sequence, t0, head, column, columns, operand);
  if (onGPU)
    result.getDefiningOp<LoadOp>().setStagesAttr(b.getI64IntegerAttr(schedule.stages));
  return result;
}

/// One chunk: stores h and moves C, n, m one chunk on.
void ChunkwiseProgram::chunkStep(Value t0) {
  Value zero = index(0);
  Value q = loadStaged(operands.q, t0, zero, dqk);
  Value k = loadStaged(operands.k, t0, zero, dqk);
  Value v = loadStaged(operands.v, t0, dv0, dv);
  Value gateI = loadGate(operands.i, sequence, t0, head, -big);
  Value gateF = loadGate(operands.f, sequence, t0, head, big);
  Gates gates = chunkGates(gateI, gateF, loadReset(sequence, t0), m, M);

  TileType weights = vec(L, accumulation);
  Value S = matmulScores(q, transpose(k), splat(mat(L, L, accumulation), 0));
  Value P = weighted(S, gates);

  // The reciprocal of the denominator, before the numerator: the scores are then needed in 16 bits
  // only.
  Value z;
  if (options.hasNormalizer()) {
    Value inner = reduce(Combiner::add, P);
    Value outer = matvecScores(q, n, splat(weights, 0));
    z = map(weights, {inner, outer, gates.r},
            [&](ValueRange x) { return add(x[0], mul(x[1], x[2])); });
  }
  Value inverse = inverseDenominator(gates, z);

  // Numerator, transposed: num^T [dv, L] = C^T q^T r + v^T P^T.
  Value operandC = asOperand(C), operandP = asOperand(P);
  TileType numeratorType = mat(dv, L, accumulation);
  auto scaledColumns = [&](Value tile, Value factors) {
    return mapMatrix(numeratorType, tile, {}, factors,
                     [&](ValueRange x) { return mul(x[2], x[3]); });
  };
  Value numerator = scaledColumns(matmul(operandC, transpose(q), splat(numeratorType, 0)), gates.r);
  auto storeH = [&] {
    Value h = scaledColumns(numerator, inverse);
    if (onGPU)
      store(h, op.getH(), {sequence.batch, t0, head, dv0}, {3, 1});
    else
      store(transpose(h), op.getH(), {sequence.batch, t0, head, dv0}, {1, 3}, limit(sequence));
  };
  if (schedule.roles) {
    // What does not need the scores first; h leaves during the product of the state.
    Addends addends = {decayed(C, gates), weightedValues(v, gates)};
    numerator = matmul(transpose(v), transpose(operandP), numerator);
    advance(k, addends, gates);
    storeH();
    return;
  }
  numerator = matmul(transpose(v), transpose(operandP), numerator);
  storeH();
  Value weightedV = weightedValues(v, gates);
  advance(k, {decayed(C, gates), weightedV}, gates);
}

void ChunkwiseProgram::saveState(Value t0) {
  if (!op.getSaveStates())
    return;
  Value zero = index(0);
  Value chunk = b.create<arith::DivUIOp>(loc, sub(t0, sequence.begin), index(L));
  Value row = stateRow(number, sequence, chunk);
  store(C, op.getCStates(), {row, head, zero, dv0}, {3, 2});
  ifThen(equal(slice, zero), [&] {
    store(options.hasNormalizer() ? n : splat(vec(dqk, accumulation), 0), op.getNStates(),
          {row, head, zero}, {2});
    storeScalar(m, op.getMStates(), {row, head, zero});
    storeScalar(M, op.getMStates(), {row, head, index(1)});
  });
}

/// A sequence, or a segment of one, of one head and slice.
void ChunkwiseProgram::walk() {
  if (segment)
    loadSegmentState(starts);
  else
    loadState();
  setState(loop(sequence.begin, sequence.end, index(L), state(), [&](Value t0, ValueRange carried) {
    setState(carried);
    saveState(t0);
    chunkStep(t0);
    return state();
  }));
  if (hasLastState())
    storeState();
}

KernelOp ChunkwiseProgram::build(StringRef name, TensorNames names) {
  OpBuilder::InsertionGuard guard(b);
  createKernel(name, names);
  if (!persistent()) {
    walk();
    return kernel;
  }
  // A block for each multiprocessor, which takes one piece of work after the other: what the next one
  // needs is loaded while this one ends.
  Value all = mul(extent(operands.q, 0), index(op.getHeads() * schedule.numSlices(op.getDv())));
  loop(kernel.getGridIndex(0), all, index(schedule.persistent), {}, [&](Value item, ValueRange) {
    takeWork(item);
    walk();
    return SmallVector<Value>();
  });
  return kernel;
}

KernelOp ChunkwiseProgram::buildOutputs(StringRef name, const SegmentStates &states,
                                        TensorNames names) {
  part = Part::Outputs;
  starts = declareStates(states);
  return build(name, names);
}

/// What a segment adds: the loop without scores, from zero.
KernelOp ChunkwiseProgram::buildAdds(StringRef name, const SegmentStates &states,
                                     TensorNames names) {
  OpBuilder::InsertionGuard guard(b);
  part = Part::Adds;
  adds = declareStates(states);
  createKernel(name, names);
  C = splat(mat(dv, dqk, accumulation), 0);
  n = options.hasNormalizer() ? splat(vec(dqk, accumulation), 0) : Value();
  m = constant(gate, -big);
  M = constant(gate, options.hasStabilizer() ? -big : 0);
  // Gates are loaded a chunk ahead: their latency would be most of a chunk's time.
  auto loadGates = [&](Value t0) -> SmallVector<Value> {
    return {loadGate(operands.i, sequence, t0, head, -big),
            loadGate(operands.f, sequence, t0, head, big)};
  };
  SmallVector<Value> initial = state();
  size_t first = initial.size();
  initial.append(loadGates(sequence.begin));
  initial.push_back(constant(gate, 0)); // the sum of log f
  SmallVector<Value> last =
      loop(sequence.begin, sequence.end, index(L), initial, [&](Value t0, ValueRange carried) {
        setState(carried.take_front(first));
        Value k = loadStaged(operands.k, t0, index(0), dqk);
        Value v = loadStaged(operands.v, t0, dv0, dv);
        Gates gates = chunkGates(carried[first], carried[first + 1], loadReset(sequence, t0), m, M);
        SmallVector<Value> nextGates = loadGates(add(t0, index(L)));
        Addends addends = {decayed(C, gates), weightedValues(v, gates)};
        advance(k, addends, gates);
        SmallVector<Value> next = state();
        next.append(nextGates);
        next.push_back(add(carried.back(), gates.sum));
        return next;
      });
  setState(ValueRange(last).take_front(first));
  storeSegmentState(adds, last.back());
  return kernel;
}

KernelOp buildMLSTMChunkwise(OpBuilder &builder, StringRef name, mlir::xlstm::MLSTMOp op,
                             const ChunkwiseSchedule &schedule, TensorNames names) {
  return ChunkwiseProgram(builder, op, schedule).build(name, names);
}

FailureOr<KernelOp> buildMLSTM(OpBuilder &builder, StringRef name, mlir::xlstm::MLSTMOp op,
                               TensorNames names, Workspace &workspace) {
  using mlir::xlstm::MLSTMForm;
  auto attribute = op->getAttrOfType<DictionaryAttr>(scheduleAttrName);
  if (!attribute)
    return op.emitError() << "expected the attribute " << scheduleAttrName
                          << "; run --xlstm-select-schedule first";
  if (StatesSchedule::is(attribute))
    return buildMLSTMKernels(builder, name, op, names, workspace);
  if (op.isStep()) {
    StepSchedule step = StepSchedule::fromAttribute(attribute);
    if (step.slice < 1 || step.dqkTile < op.getDqk())
      return op.emitError() << "expected a schedule with slice of at least 1 and dqk_tile of at "
                               "least dqk = "
                            << op.getDqk();
    return buildMLSTMStep(builder, name, op, step, names);
  }
  ChunkwiseSchedule schedule = ChunkwiseSchedule::fromAttribute(attribute);
  if (schedule.chunk < 1 || schedule.dvSlice < 1 || schedule.dqkTile < op.getDqk())
    return op.emitError()
           << "expected a schedule with chunk and dv_slice of at least 1 and dqk_tile "
              "of at least dqk = "
           << op.getDqk();
  MLSTMForm form = op.getForm().value_or(MLSTMForm::Chunkwise);
  if (schedule.warpsM &&
      (form != MLSTMForm::Chunkwise || op.getCuSeqlens() || op.getReset() || op.getSaveStates()))
    return op.emitError() << "the GPU kernel is the chunkwise form without cu_seqlens, reset and "
                             "save_states; run sequences one by one, or on the CPU";
  if (op.getCuSeqlens() && op.getCLast().use_empty() && !op.getC0())
    return op.emitError() << "expected initial states or a use of the last ones beside cu_seqlens: "
                             "they say how many sequences there are";
  if (op.getSaveStates() && form != MLSTMForm::Chunkwise)
    return op.emitError() << "save_states is of the chunkwise form, got form = "
                          << stringifyMLSTMForm(form);
  if (schedule.segmentBlocks) {
    if (form != MLSTMForm::Chunkwise || op.getSaveStates())
      return op.emitError() << "segments are of the chunkwise form without save_states";
    return buildMLSTMSegments(builder, name, op, schedule, names, workspace);
  }
  switch (form) {
  case MLSTMForm::Chunkwise:
    return buildMLSTMChunkwise(builder, name, op, schedule, names);
  case MLSTMForm::Parallel:
    return buildMLSTMParallel(builder, name, op, schedule, names);
  case MLSTMForm::Step:
    break; // above
  case MLSTMForm::Recurrent:
    return buildMLSTMRecurrent(builder, name, op, schedule, names);
  }
  llvm_unreachable("all forms are handled");
}

} // namespace xlstm
