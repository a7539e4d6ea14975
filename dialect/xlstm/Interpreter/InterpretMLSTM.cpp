// SPDX-License-Identifier: Apache-2.0
// The mLSTM cell and its gradients: reads operands into a problem of the reference, which computes.
#include "dialect/xlstm/Interpreter/Frame.h"
#include "dialect/xlstm/Reference/MLSTMBackward.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::xlstm;
namespace reference = ::xlstm::reference;

namespace {

/// A problem and what its views point to, apart from the values of the frame.
struct Problem {
  reference::MLSTMProblem p;
  Tokens tokens;
  std::vector<double> zeroC, zeroN, zeroM; // initial states that are absent while others are given
};

reference::MLSTMOptions convert(const MLSTMOptions &options) {
  reference::MLSTMOptions result;
  result.inputGate = options.inputGate == InputGate::Exp ? reference::InputGate::Exp
                                                         : reference::InputGate::Sigmoid;
  result.normalize = options.normalize;
  result.eps = options.eps;
  result.scaleOn = options.scaleOn == ScaleOn::Q ? reference::ScaleOn::Q : reference::ScaleOn::K;
  result.denominator = options.denominator == Denominator::MaxPlusEps
                           ? reference::Denominator::MaxPlusEps
                           : reference::Denominator::MaxWithEps;
  return result;
}

/// Reads an operand that other operands give a shape.
LogicalResult readView(const Frame &frame, Operation *op, StringRef name, Value operand,
                       ArrayRef<int64_t> shape, reference::TensorView &view) {
  FailureOr<const TensorValue *> value = frame.get(op, name, operand, shape);
  if (failed(value))
    return failure();
  if (*value)
    view = (*value)->data;
  return success();
}

/// Where some initial states are given, those that are not are zero.
void completeStates(Problem &problem) {
  reference::MLSTMProblem &p = problem.p;
  if (!p.c0 && !p.n0 && !p.m0)
    return;
  auto complete = [](reference::TensorView &view, std::vector<double> &zero, int64_t size) {
    if (view)
      return;
    zero.assign(size, 0.0);
    view = zero;
  };
  int64_t entries = p.states() * p.heads;
  complete(p.c0, problem.zeroC, entries * p.dqk * p.dv);
  if (p.options.hasNormalizer())
    complete(p.n0, problem.zeroN, entries * p.dqk);
  if (p.options.hasStabilizer())
    complete(p.m0, problem.zeroM, entries);
}

/// Reads all operands of the cell. The step form is a problem of one token.
LogicalResult readProblem(const Frame &frame, Operation *op, const MLSTMOperands &operands,
                          const MLSTMOptions &options, bool step, Problem &problem) {
  reference::MLSTMProblem &p = problem.p;
  FailureOr<const TensorValue *> q = frame.require(op, "q", operands.q),
                                 v = frame.require(op, "v", operands.v);
  if (failed(q) || failed(v))
    return failure();
  p.batch = (*q)->shape[0];
  p.time = step ? 1 : (*q)->shape[1];
  p.heads = (*q)->shape[step ? 1 : 2];
  p.dqk = (*q)->shape.back();
  p.dv = (*v)->shape.back();
  p.options = convert(options);
  // Of a cell in f64 everything is f64.
  if (roundedType(operands.q.getType()) != reference::ElementType::F64)
    p.rounding = frame.rounding;
  FailureOr<Tokens> tokens =
      readTokens(frame, op, p.batch, p.time, operands.cuSeqlens, operands.reset);
  if (failed(tokens))
    return failure();
  problem.tokens = std::move(*tokens);
  if (!problem.tokens.starts.empty()) {
    p.cuSeqlens = problem.tokens.starts.data();
    p.sequences = problem.tokens.states();
  }
  if (!problem.tokens.reset.empty())
    p.reset = problem.tokens.reset.data();

  int64_t states = p.states();
  SmallVector<int64_t> gate{p.batch, p.time, p.heads};
  if (step)
    gate.erase(gate.begin() + 1);
  auto withUnits = [&](int64_t units) {
    SmallVector<int64_t> shape(gate);
    shape.push_back(units);
    return shape;
  };
  if (failed(readView(frame, op, "q", operands.q, withUnits(p.dqk), p.q)) ||
      failed(readView(frame, op, "k", operands.k, withUnits(p.dqk), p.k)) ||
      failed(readView(frame, op, "v", operands.v, withUnits(p.dv), p.v)) ||
      failed(readView(frame, op, "i", operands.i, gate, p.i)) ||
      failed(readView(frame, op, "f", operands.f, gate, p.f)) ||
      failed(readView(frame, op, "c0", operands.c0, {states, p.heads, p.dqk, p.dv}, p.c0)) ||
      failed(readView(frame, op, "n0", operands.n0, {states, p.heads, p.dqk}, p.n0)) ||
      failed(readView(frame, op, "m0", operands.m0, {states, p.heads}, p.m0)))
    return failure();
  completeStates(problem);
  if (std::string error = reference::check(p); !error.empty())
    return op->emitOpError(error);
  return success();
}

/// A view that begins `offset` elements later; all values of a frame are float64.
reference::TensorView advance(const reference::TensorView &view, int64_t offset) {
  if (!view)
    return view;
  return {static_cast<const double *>(view.data) + offset, view.type};
}

/// The cell of one sequence up to, and with, token `last`.
reference::MLSTMResult runUntil(const Problem &problem, const Sequence &sequence, int64_t last) {
  const reference::MLSTMProblem &p = problem.p;
  reference::MLSTMProblem part = p;
  int64_t token = (sequence.batch * p.time + sequence.begin) * p.heads, // in [B, T, H]
      entry = sequence.state * p.heads;                                 // in [S, H]
  part.batch = 1;
  part.time = last + 1 - sequence.begin;
  part.cuSeqlens = nullptr;
  part.q = advance(p.q, token * p.dqk);
  part.k = advance(p.k, token * p.dqk);
  part.v = advance(p.v, token * p.dv);
  part.i = advance(p.i, token);
  part.f = advance(p.f, token);
  part.c0 = advance(p.c0, entry * p.dqk * p.dv);
  part.n0 = advance(p.n0, entry * p.dqk);
  part.m0 = advance(p.m0, entry);
  if (p.reset)
    part.reset = p.reset + sequence.batch * p.time + sequence.begin;
  return reference::mlstmRecurrent(part);
}

/// Reports h, C, n and m after the probed steps.
void reportStates(MLSTMOp op, const Problem &problem, const Frame &frame) {
  const reference::MLSTMProblem &p = problem.p;
  for (int64_t step : frame.probes.steps) {
    TensorValue h{{0, p.heads, p.dv}, {}}, c{{0, p.heads, p.dqk, p.dv}, {}},
        n{{0, p.heads, p.dqk}, {}}, m{{0, p.heads}, {}};
    auto add = [](TensorValue &value, ArrayRef<double> entry) {
      ++value.shape[0];
      value.data.insert(value.data.end(), entry.begin(), entry.end());
    };
    for (const Sequence &sequence : problem.tokens.sequences) {
      if (step < sequence.begin || step >= sequence.end)
        continue;
      reference::MLSTMResult result = runUntil(problem, sequence, step);
      add(h, ArrayRef<double>(result.h).take_back(p.heads * p.dv));
      add(c, result.cLast);
      add(n, result.nLast);
      add(m, result.mLast);
    }
    if (h.shape[0] == 0)
      continue;
    frame.probes.report({op, "h", step, h});
    frame.probes.report({op, "c", step, c});
    if (p.options.hasNormalizer())
      frame.probes.report({op, "n", step, n});
    if (p.options.hasStabilizer())
      frame.probes.report({op, "m", step, m});
  }
}

} // namespace

LogicalResult mlir::xlstm::run(MLSTMOp op, Frame &frame) {
  Problem problem;
  reference::MLSTMProblem &p = problem.p;
  if (failed(readProblem(frame, op, op.getMLSTMOperands(), op.getOptions(), op.isStep(), problem)))
    return failure();
  reference::MLSTMResult result = reference::mlstmRecurrent(p);
  std::vector<int64_t> tokens{p.batch, p.time, p.heads, p.dv};
  if (op.isStep())
    tokens.erase(tokens.begin() + 1);
  int64_t states = p.states();
  frame.set(op.getH(), tokens, std::move(result.h));
  frame.set(op.getCLast(), {states, p.heads, p.dqk, p.dv}, std::move(result.cLast));
  if (op.getNLast())
    frame.set(op.getNLast(), {states, p.heads, p.dqk}, std::move(result.nLast));
  if (op.getMLast())
    frame.set(op.getMLast(), {states, p.heads}, std::move(result.mLast));
  if (op.getSaveStates()) {
    frame.set(op.getCStates(), {0, p.heads, p.dqk, p.dv}, {});
    frame.set(op.getNStates(), {0, p.heads, p.dqk}, {});
    frame.set(op.getMStates(), {0, p.heads, 2}, {});
  }
  reportStates(op, problem, frame);
  return success();
}

LogicalResult mlir::xlstm::run(MLSTMBackwardOp op, Frame &frame) {
  Problem problem;
  reference::MLSTMProblem &p = problem.p;
  MLSTMOptions options = op.getOptions();
  if (failed(readProblem(frame, op, op.getMLSTMOperands(), options, /*step=*/false, problem)))
    return failure();
  int64_t states = p.states();
  SmallVector<int64_t> c{states, p.heads, p.dqk, p.dv}, n{states, p.heads, p.dqk};
  reference::MLSTMOutputGradients outputs;
  if (failed(readView(frame, op, "dh", op.getDh(), {p.batch, p.time, p.heads, p.dv}, outputs.dh)) ||
      failed(readView(frame, op, "dc_last", op.getDcLast(), c, outputs.dcLast)) ||
      failed(readView(frame, op, "dn_last", op.getDnLast(), n, outputs.dnLast)))
    return failure();
  reference::MLSTMInputGradients result = reference::mlstmBackward(
      p, outputs,
      options.normalizerGrad == NormalizerGrad::Exact ? reference::NormalizerGrad::Exact
                                                      : reference::NormalizerGrad::Dropped);
  frame.set(op.getDQ(), {p.batch, p.time, p.heads, p.dqk}, std::move(result.dq));
  frame.set(op.getDK(), {p.batch, p.time, p.heads, p.dqk}, std::move(result.dk));
  frame.set(op.getDV(), {p.batch, p.time, p.heads, p.dv}, std::move(result.dv));
  frame.set(op.getDI(), {p.batch, p.time, p.heads}, std::move(result.di));
  frame.set(op.getDF(), {p.batch, p.time, p.heads}, std::move(result.df));
  if (op.getDC0())
    frame.set(op.getDC0(), {c.begin(), c.end()}, std::move(result.dc0));
  if (op.getDN0())
    frame.set(op.getDN0(), {n.begin(), n.end()}, std::move(result.dn0));
  return success();
}
