// SPDX-License-Identifier: Apache-2.0
// The recurrent form of the mLSTM forward pass as a tile program, and its body alone, one token:
// the step form.
//
// As the cell is defined (xLSTM, arXiv 2405.04517, equations 19 to 27), with s on q or on k:
//
//   m' = max(lf + m, i)    f' = exp(lf + m - m')    i' = exp(i - m')       lf = logsigmoid(f)
//   C' = f' C + i' k v^T   n' = f' n + i' k         z = q.n'
//   h  = (q^T C') / (max(|z|, exp(-m')) + eps)
//
// and for the sigmoid gate f' = sigmoid(f), i' = sigmoid(i), without m. A block holds C [dqk, dv
// slice] in the first-level cache: C is read from memory and written to it once per step.
#include "compiler/Conversion/XLSTMToTile/MLSTMForward.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {
namespace {

class RecurrentProgram : private MLSTMForward {
public:
  using MLSTMForward::MLSTMForward;
  KernelOp build(StringRef name, TensorNames names);

private:
  /// Where the vectors of one token are: their offsets, and the axis along them. The axis before
  /// it is that of heads.
  SmallVector<Value> place(Value t, Value column);
  void tokenStep(Value t);
};

SmallVector<Value> RecurrentProgram::place(Value t, Value column) {
  if (op.isStep())
    return {number, head, column};
  return {sequence.batch, t, head, column};
}

/// One token: stores h and replaces C [dqk, dv], n, m by the state after it.
void RecurrentProgram::tokenStep(Value t) {
  Value zero = index(0), zeroGate = constant(gate, 0);
  SmallVector<Value> at = place(t, zero), atSlice = place(t, dv0);
  SmallVector<Value> gateAt(at.begin(), at.end() - 1);
  int64_t axis = at.size() - 1;
  bool exponential = options.inputGate == mlir::xlstm::InputGate::Exp;

  // Gates. What the state is relative to is rounded as it is stored, so that nothing is lost there.
  Value i = loadScalar(operands.i, gateAt, accumulation),
        logF = convert(logSigmoid(loadScalar(operands.f, gateAt, accumulation)), gate);
  Value from = m, isReset;
  if (has(operands.reset)) {
    Value flag = loadScalar(operands.reset, {sequence.batch, t}, b.getIndexType());
    isReset = less(zero, flag);
    from = select(isReset, zeroGate, m);
  }
  Value exponentF = add(logF, from), exponentI = convert(exponential ? i : logSigmoid(i), gate);
  Value next = zeroGate;
  if (exponential)
    next = convert(convert(max(exponentF, exponentI), accumulation), gate);
  Value weightF = expDifference(exponentF, next), weightI = expDifference(exponentI, next);
  if (isReset)
    weightF = select(isReset, constant(accumulation, 0), weightF);

  // The state, and its product with q.
  Value q = load(operands.q, at, {axis - 1, axis}, mat(1, dqk, accumulation));
  Value k = load(operands.k, at, {axis}, vec(dqk, accumulation));
  Value v = load(operands.v, atSlice, {axis}, vec(dv, accumulation));
  bool onQ = options.scaleOn == mlir::xlstm::ScaleOn::Q;
  Value scale = constant(accumulation, s), weightK = onQ ? weightI : mul(weightI, scale);
  k = map(vec(dqk, accumulation), k, [&](ValueRange x) { return mul(x[0], weightK); });
  C = mapMatrix(mat(dqk, dv, accumulation), C, k, v,
                [&](ValueRange x) { return add(mul(x[2], weightF), mul(x[3], x[4])); });
  Value numerator = matmul(q, C, splat(mat(1, dv, accumulation), 0));
  Value inverse = constant(accumulation, 1);
  if (options.hasNormalizer()) {
    n = map(vec(dqk, accumulation), {n, k},
            [&](ValueRange x) { return add(mul(x[0], weightF), x[1]); });
    Value z = extract(matvec(q, n, splat(vec(1, accumulation), 0)), 0);
    Value denominator = this->denominator(onQ ? mul(z, scale) : z, next, zeroGate, zeroGate).value;
    inverse = b.create<arith::DivFOp>(loc, inverse, denominator);
  }
  if (onQ)
    inverse = mul(inverse, scale);
  Value h =
      map(mat(1, dv, accumulation), numerator, [&](ValueRange x) { return mul(x[0], inverse); });
  store(h, op.getH(), atSlice, {axis - 1, axis});
  m = next;
  if (exponential)
    M = next;
}

KernelOp RecurrentProgram::build(StringRef name, TensorNames names) {
  OpBuilder::InsertionGuard guard(b);
  createKernel(name, names);
  loadState();
  // The cell's m, 0 without a state, and C as the outer product of k and v makes it.
  m = M;
  C = transpose(C);
  if (op.isStep())
    tokenStep(Value());
  else
    setState(
        loop(sequence.begin, sequence.end, index(1), state(), [&](Value t, ValueRange carried) {
          setState(carried);
          tokenStep(t);
          return state();
        }));
  C = transpose(C);
  if (hasLastState())
    storeState();
  return kernel;
}

} // namespace

KernelOp buildMLSTMRecurrent(OpBuilder &builder, StringRef name, mlir::xlstm::MLSTMOp op,
                             const ChunkwiseSchedule &schedule, TensorNames names) {
  return RecurrentProgram(builder, op, schedule).build(name, names);
}

} // namespace xlstm
