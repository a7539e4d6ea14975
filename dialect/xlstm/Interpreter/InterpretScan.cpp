// SPDX-License-Identifier: Apache-2.0
// xlstm.scan. Each head of each sequence runs by itself, on any thread, so
// results do not depend on the number of threads.
#include "dialect/xlstm/Interpreter/Frame.h"
#include "dialect/xlstm/Interpreter/ScanProgram.h"
#include "mlir/IR/Threading.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::xlstm;

namespace {

/// Rows of D units: [B, T, K, H, D] for `tokens`, [S, K, H, D] for `entries`, K = 1 where there is
/// no such axis. Null data: zeros.
struct Rows {
  const double *data = nullptr;
  int64_t channels = 1;
};

/// What all heads of a scan share.
struct ScanRun {
  explicit ScanRun(ScanOp op)
      : op(op), heads(op.getHeads()), units(op.getHeadSize()), program(op.getStepBlock()) {}

  ScanOp op;
  int64_t heads, units;
  ScanProgram program;
  Tokens tokens;
  std::vector<Rows> sequences, previous, previousInitials, constants, initialStates;
  const double *recurrent = nullptr; // [P, H, D, D]
  int64_t matrices = 0;              // P
  const Rounding *rounding = nullptr;
  // Results.
  std::vector<std::vector<double>> outputs, lastStates;
  std::vector<int64_t> outputChannels;
  // Probed states: for each probed step, for each state, [S, H, D].
  ArrayRef<int64_t> steps;
  std::vector<std::vector<std::vector<double>>> probed;
};

/// One head of one sequence.
class HeadRun {
public:
  HeadRun(ScanRun &run, const Sequence &sequence, int64_t head)
      : run(run), sequence(sequence), head(head), units(run.units),
        file(run.program.registers() * units, 0.0), next(run.program.states().size() * units),
        stateRegister(run.op.getStepBlock().getNumArguments() - run.op.getNumStates()) {
    transposeMatrices();
  }

  void execute() {
    bool reverse = run.op.getReverse();
    start();
    for (int64_t n = 0; n < sequence.end - sequence.begin; ++n) {
      int64_t t = reverse ? sequence.end - 1 - n : sequence.begin + n;
      bool isReset = run.tokens.isReset(sequence.batch, t);
      if (isReset && !reverse)
        clearStates();
      step(t, isReset);
      if (isReset && reverse)
        clearStates();
      probe(t);
    }
    finish();
  }

private:
  double *registerAt(int64_t number) { return file.data() + number * units; }
  double *state(int64_t number) { return registerAt(stateRegister + number); }

  /// Row `channel` of a token in [B, T, K, H, D].
  int64_t tokenRow(int64_t t, int64_t channel, int64_t channels) const {
    return ((((sequence.batch * run.tokens.time + t) * channels) + channel) * run.heads + head) *
           units;
  }
  /// Row `channel` of entry `entry` in [.., K, H, D].
  int64_t entryRow(int64_t entry, int64_t channel, int64_t channels) const {
    return ((entry * channels + channel) * run.heads + head) * units;
  }
  void copy(const double *row, double *place) {
    row ? std::copy_n(row, units, place) : std::fill_n(place, units, 0.0);
  }

  void transposeMatrices();
  void start();
  void step(int64_t t, bool isReset);
  void multiply();
  void readPrevious(int64_t t, bool isReset, double *place);
  void clearStates() { std::fill_n(state(0), run.op.getNumStates() * units, 0.0); }
  void probe(int64_t t);
  void finish();

  ScanRun &run;
  Sequence sequence;
  int64_t head, units;
  std::vector<double> file;     // [registers, D]
  std::vector<double> next;     // new states, [states, D]
  std::vector<double> matrices; // [P, D, D], so that a product is a sum of rows
  int64_t stateRegister;        // the first of those of the states
};

/// The matrices of this head; a plain product needs their columns one after the other.
void HeadRun::transposeMatrices() {
  matrices.resize(run.matrices * units * units);
  for (int64_t p = 0; p < run.matrices; ++p) {
    const double *r = run.recurrent + (p * run.heads + head) * units * units; // [o, i]
    double *place = matrices.data() + p * units * units;
    for (int64_t o = 0; o < units; ++o)
      for (int64_t i = 0; i < units; ++i)
        place[run.op.getTransposed() ? o * units + i : i * units + o] = r[o * units + i];
  }
}

/// What does not change from step to step, and the states before the first.
void HeadRun::start() {
  run.program.loadConstants(file.data(), units);
  double *place = state(0);
  for (const Rows &constant : llvm::reverse(run.constants))
    for (int64_t k = constant.channels; k-- > 0;)
      copy(constant.data + entryRow(0, k, constant.channels), place -= units);
  for (auto [number, initial] : llvm::enumerate(run.initialStates))
    copy(initial.data ? initial.data + entryRow(sequence.state, 0, 1) : nullptr, state(number));
}

/// The products with the states before the step, to the first registers.
void HeadRun::multiply() {
  if (!run.recurrent)
    return;
  bool transposed = run.op.getTransposed();
  std::fill_n(registerAt(0), run.op.getProducts() * units, 0.0);
  for (int64_t p = 0; p < run.matrices; ++p) {
    double *product = registerAt(transposed ? 0 : p);
    const double *factors = state(transposed ? p : 0);
    const double *row = matrices.data() + p * units * units;
    for (int64_t n = 0; n < units; ++n, row += units)
      for (int64_t d = 0; d < units; ++d)
        product[d] += row[d] * factors[n];
  }
  for (int64_t p = 0; p < run.op.getProducts(); ++p)
    (*run.rounding)(run.program.type(p), registerAt(p), units);
}

void HeadRun::readPrevious(int64_t t, bool isReset, double *place) {
  for (auto [rows, initial] : llvm::zip(run.previous, run.previousInitials))
    for (int64_t k = 0; k < rows.channels; ++k, place += units) {
      const double *row = nullptr;
      if (!isReset && t > sequence.begin)
        row = rows.data + tokenRow(t - 1, k, rows.channels);
      else if (!isReset && initial.data)
        row = initial.data + entryRow(sequence.state, k, rows.channels);
      copy(row, place);
    }
}

void HeadRun::step(int64_t t, bool isReset) {
  multiply();
  double *place = registerAt(run.op.getProducts());
  for (const Rows &rows : run.sequences)
    for (int64_t k = 0; k < rows.channels; ++k, place += units)
      copy(rows.data + tokenRow(t, k, rows.channels), place);
  readPrevious(t, isReset, place);
  run.program.run(file.data(), units, *run.rounding);
  const int64_t *value = run.program.outputs().data();
  for (auto [output, channels] : llvm::zip(run.outputs, run.outputChannels))
    for (int64_t k = 0; k < channels; ++k)
      copy(registerAt(*value++), output.data() + tokenRow(t, k, channels));
  // A new state may be an old one, so none is overwritten before all are read.
  for (auto [number, source] : llvm::enumerate(run.program.states()))
    copy(registerAt(source), next.data() + number * units);
  std::copy(next.begin(), next.end(), state(0));
}

void HeadRun::probe(int64_t t) {
  for (auto [index, wanted] : llvm::enumerate(run.steps))
    if (wanted == t)
      for (int64_t n = 0; n < run.op.getNumStates(); ++n)
        copy(state(n), run.probed[index][n].data() + entryRow(sequence.state, 0, 1));
}

void HeadRun::finish() {
  for (auto [number, last] : llvm::enumerate(run.lastStates))
    copy(state(number), last.data() + entryRow(sequence.state, 0, 1));
}

/// Reads a tensor [leading.., (K,) H, D] into `list`. It may be absent, unless it is `required`.
LogicalResult readRows(ScanOp op, const Frame &frame, const Twine &name, Value operand,
                       ArrayRef<int64_t> leading, bool required, std::vector<Rows> &list) {
  Rows rows;
  const TensorValue *value = frame.find(operand);
  if (!value && required)
    return frame.require(op, name.str(), operand);
  if (value) {
    SmallVector<int64_t> shape(leading);
    if (value->shape.size() == leading.size() + 3)
      shape.push_back(rows.channels = value->shape[leading.size()]);
    shape.append({op.getHeads(), op.getHeadSize()});
    if (failed(frame.get(op, name.str(), operand, shape)))
      return failure();
    rows.data = value->data.data();
  }
  list.push_back(rows);
  return success();
}

LogicalResult readOperands(ScanOp op, const Frame &frame, ScanRun &run) {
  bool step = op.getStep();
  // scan_c1: there is one of these.
  Value first = op.getSequences().empty() ? op.getInitialStates()[0] : op.getSequences()[0];
  FailureOr<const TensorValue *> like = frame.require(op, "the first tensor", first);
  if (failed(like))
    return failure();
  FailureOr<Tokens> tokens = readTokens(frame, op, (*like)->shape[0], step ? 1 : (*like)->shape[1],
                                        op.getCuSeqlens(), op.getReset());
  if (failed(tokens))
    return failure();
  run.tokens = std::move(*tokens);
  SmallVector<int64_t, 2> extents{run.tokens.batch, run.tokens.time};
  if (step)
    extents.pop_back();
  int64_t entries = run.tokens.states();
  for (auto [number, value] : llvm::enumerate(op.getSequences()))
    if (failed(
            readRows(op, frame, "sequence " + Twine(number), value, extents, true, run.sequences)))
      return failure();
  for (auto [number, value] : llvm::enumerate(op.getPrevious()))
    if (failed(
            readRows(op, frame, "previous " + Twine(number), value, extents, true, run.previous)) ||
        failed(readRows(op, frame, "the initial value of previous " + Twine(number),
                        op.getPreviousInitial(number), entries, false, run.previousInitials)))
      return failure();
  for (auto [number, value] : llvm::enumerate(op.getConstants()))
    if (failed(readRows(op, frame, "constant " + Twine(number), value, {}, true, run.constants)))
      return failure();
  for (int64_t number = 0; number < op.getNumStates(); ++number)
    if (failed(readRows(op, frame, "initial state " + Twine(number), op.getInitialState(number),
                        entries, false, run.initialStates)))
      return failure();
  if (op.getRecurrent()) {
    FailureOr<const TensorValue *> r = frame.require(op, "r", op.getRecurrent());
    if (failed(r))
      return failure();
    run.recurrent = (*r)->data.data();
    run.matrices = (*r)->shape[0];
  }
  return success();
}

void reportStates(const ScanRun &run, const Frame &frame) {
  for (auto [index, step] : llvm::enumerate(run.steps)) {
    // The sequences that have this token: all batch entries, or one of those that are packed.
    std::vector<int64_t> entries;
    for (const Sequence &sequence : run.tokens.sequences)
      if (step >= sequence.begin && step < sequence.end)
        entries.push_back(sequence.state);
    if (entries.empty())
      continue;
    int64_t size = run.heads * run.units;
    for (auto [number, values] : llvm::enumerate(run.probed[index])) {
      TensorValue value{{int64_t(entries.size()), run.heads, run.units}, {}};
      for (int64_t entry : entries)
        value.data.insert(value.data.end(), values.begin() + entry * size,
                          values.begin() + (entry + 1) * size);
      frame.probes.report({run.op, ScanOp(run.op).getStateName(number), step, value});
    }
  }
}

} // namespace

LogicalResult mlir::xlstm::run(ScanOp op, Frame &frame) {
  ScanRun run(op);
  run.rounding = &frame.rounding;
  if (failed(readOperands(op, frame, run)))
    return failure();
  std::vector<std::vector<int64_t>> shapes;
  for (auto [number, output] : llvm::enumerate(op.getOutputs())) {
    std::vector<int64_t> shape(cast<RankedTensorType>(output.getType()).getShape());
    shape[0] = run.tokens.batch;
    if (!op.getStep())
      shape[1] = run.tokens.time;
    run.outputChannels.push_back(op.getOutputChannels(number));
    run.outputs.emplace_back(run.tokens.batch * run.tokens.time * run.outputChannels.back() *
                             run.heads * run.units);
    shapes.push_back(shape);
  }
  std::vector<double> state(run.tokens.states() * run.heads * run.units);
  run.lastStates.assign(op.getNumStates(), state);
  if (!op.getReverse()) {
    run.steps = frame.probes.steps;
    run.probed.assign(run.steps.size(), run.lastStates);
  }
  parallelFor(op.getContext(), 0, run.tokens.states() * run.heads, [&](size_t n) {
    HeadRun(run, run.tokens.sequences[n / run.heads], n % run.heads).execute();
  });
  for (auto [output, shape, data] : llvm::zip(op.getOutputs(), shapes, run.outputs))
    frame.set(output, shape, std::move(data));
  reportStates(run, frame);
  for (auto [last, data] : llvm::zip(op.getLastStates(), run.lastStates))
    frame.set(last, {run.tokens.states(), run.heads, run.units}, std::move(data));
  return success();
}
