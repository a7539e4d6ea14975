// SPDX-License-Identifier: Apache-2.0
// The recurrent form of the mLSTM forward pass as a tile program, token by token.
//
// A block holds C [dqk, dv slice] in the first-level cache from the first token to the last.
#include "compiler/Conversion/XLSTMToTile/MLSTMToken.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {
namespace {

class RecurrentProgram : private TokenProgram {
public:
  using TokenProgram::TokenProgram;
  KernelOp build(StringRef name, TensorNames names);

private:
  void tokenStep(Value t);
};

/// One token: stores h and replaces C [dqk, dv], n, m by the state after it.
void RecurrentProgram::tokenStep(Value t) {
  Value zero = index(0);
  SmallVector<Value> at = {sequence.batch, t, head, zero};
  SmallVector<Value> atSlice = {sequence.batch, t, head, dv0};
  Value isReset;
  if (has(operands.reset))
    isReset = less(zero, loadScalar(operands.reset, {sequence.batch, t}, b.getIndexType()));
  Token token = loadToken(at, isReset, m);
  C = nextC(C, token, load(operands.v, atSlice, {3}, vec(dv, accumulation)));
  n = nextN(n, token);
  store(hidden(C, token, inverseOf(n, token)), op.getH(), atSlice, {2, 3});
  m = token.m;
  if (options.hasStabilizer())
    M = token.m;
}

KernelOp RecurrentProgram::build(StringRef name, TensorNames names) {
  OpBuilder::InsertionGuard guard(b);
  createKernel(name, names);
  loadState();
  // The cell's m, 0 without a state, and C as the outer product of k and v makes it.
  m = M;
  C = transpose(C);
  setState(loop(sequence.begin, sequence.end, index(1), state(), [&](Value t, ValueRange carried) {
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
