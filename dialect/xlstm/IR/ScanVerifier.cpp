// SPDX-License-Identifier: Apache-2.0
// The constraints of xlstm.scan.
#include "dialect/xlstm/IR/Constraints.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::xlstm;
using namespace mlir::xlstm::detail;

namespace {

/// Collects what the tensors of a scan agree on, and says where they do not.
class ScanVerifier {
public:
  explicit ScanVerifier(ScanOp op) : op(op) {}

  LogicalResult verify() {
    return success(succeeded(verifyPresence()) && succeeded(verifyOptions()) &&
                   succeeded(verifySequences()) && succeeded(verifyPerSequence()) &&
                   succeeded(verifyShared()));
  }

private:
  LogicalResult verifyPresence();
  LogicalResult verifyOptions();
  LogicalResult verifySequences();
  LogicalResult verifyPerSequence();
  LogicalResult verifyShared();
  LogicalResult expectTokens(std::string name, Value value);
  LogicalResult expectElement(StringRef name, Value value);

  ScanOp op;
  int64_t batch = ShapedType::kDynamic, time = ShapedType::kDynamic; // as far as they are known
};

LogicalResult ScanVerifier::verifyPresence() {
  // scan_c1
  if (op.getSequences().empty() && !(op.getStep() && !op.getInitialStates().empty()))
    return op.emitOpError(
        "expected at least one sequence, or with step an initial state: they give "
        "the extents B and T");
  if (op->getNumResults() == 0)
    return op.emitOpError("expected at least one output or state");
  // scan_c3
  ArrayRef<bool> hasInitial = op.getPreviousHasInitial();
  if (hasInitial.size() != op.getPrevious().size() ||
      llvm::count(hasInitial, true) != int64_t(op.getPreviousInitials().size()))
    return op.emitOpError() << "expected previous_has_initial to have an entry for each of "
                            << op.getPrevious().size() << " previous tensors and to be true for "
                            << op.getPreviousInitials().size() << " initial values, got "
                            << hasInitial.size() << " entries of which "
                            << llvm::count(hasInitial, true) << " are true";
  // scan_c6
  hasInitial = op.getStatesHaveInitial();
  if ((!hasInitial.empty() && int64_t(hasInitial.size()) != op.getNumStates()) ||
      llvm::count(hasInitial, true) != int64_t(op.getInitialStates().size()))
    return op.emitOpError() << "expected an initial value or none for each of " << op.getNumStates()
                            << " states, got " << hasInitial.size() << " entries and "
                            << op.getInitialStates().size() << " values";
  if (std::optional<ArrayAttr> names = op.getStateNames())
    if (int64_t(names->size()) != op.getNumStates())
      return op.emitOpError() << "expected names of all " << op.getNumStates() << " states, got "
                              << names->size();
  return success();
}

LogicalResult ScanVerifier::verifyOptions() {
  // scan_c12
  if (op.getStep())
    for (auto [name, given] : {std::pair<StringRef, bool>{"reverse", op.getReverse()},
                               {"previous", !op.getPrevious().empty()},
                               {"cu_seqlens", bool(op.getCuSeqlens())},
                               {"reset", bool(op.getReset())}})
      if (given)
        return op.emitOpError() << "expected no " << name << " with step, got one";
  // scan_c13
  std::optional<APFloat> clip = op.getRecurrentGradClip();
  if (clip && !(clip->isFinite() && *clip > APFloat(0.0)))
    return op.emitOpError() << "expected recurrent_grad_clip to be finite and positive, got "
                            << clip->convertToDouble();
  if ((clip || op.getRecurrentGradCut()) && !op.getRecurrent())
    return op.emitOpError() << "expected r with "
                            << (clip ? "recurrent_grad_clip" : "recurrent_grad_cut")
                            << ", got none";
  return success();
}

/// A tensor [B, T, (K,) H, D], without T with step.
LogicalResult ScanVerifier::expectTokens(std::string name, Value value) {
  // scan_c2
  auto type = cast<RankedTensorType>(value.getType());
  int64_t rank = op.getStep() ? 3 : 4;
  if (type.getRank() != rank && type.getRank() != rank + 1)
    return op.emitOpError() << "expected " << name << " to be "
                            << (op.getStep() ? "[B, K, H, D] or [B, H, D] with step"
                                             : "[B, T, K, H, D] or [B, T, H, D]")
                            << ", got " << describe(type);
  bool hasChannels = type.getRank() == rank + 1;
  if (hasChannels &&
      failed(expectStatic(op, ("K of " + Twine(name)).str(), type.getDimSize(rank - 2))))
    return failure();
  SmallVector<int64_t> shape{batch};
  if (!op.getStep())
    shape.push_back(time);
  if (hasChannels)
    shape.push_back(type.getDimSize(rank - 2));
  shape.append({op.getHeads(), op.getHeadSize()});
  std::string layout = op.getStep() ? "[B, " : "[B, T, ";
  layout += hasChannels ? "K, H, D]" : "H, D]";
  if (failed(expectType(op, {name, value}, RankedTensorType::get(shape, type.getElementType()),
                        layout)))
    return failure();
  batch = mergeExtents(batch, type.getDimSize(0));
  if (!op.getStep())
    time = mergeExtents(time, type.getDimSize(1));
  // scan_c7
  if (type.getElementType().isF64() != op.getAccumulationType().isF64())
    return op.emitOpError() << "expected all tensors to be f64, or none, got " << name << " of "
                            << type.getElementType() << " with an accumulation type "
                            << op.getAccumulationType();
  return success();
}

LogicalResult ScanVerifier::verifySequences() {
  // scan_c2
  if (failed(expectStatic(op, "H", op.getHeads())) ||
      failed(expectStatic(op, "D", op.getHeadSize())))
    return failure();
  for (auto [number, value] : llvm::enumerate(op.getSequences()))
    if (failed(expectTokens("sequence " + std::to_string(number), value)))
      return failure();
  for (auto [number, value] : llvm::enumerate(op.getPrevious()))
    if (failed(expectTokens("previous " + std::to_string(number), value)))
      return failure();
  for (auto [number, value] : llvm::enumerate(op.getOutputs()))
    if (failed(expectTokens("output " + std::to_string(number), value)))
      return failure();
  // scan_c11
  return success(succeeded(expectSequences(op, op.getCuSeqlens(), batch)) &&
                 succeeded(expectReset(op, op.getReset(), batch, time)));
}

/// Tensors with an entry for each sequence: initial values and states.
LogicalResult ScanVerifier::verifyPerSequence() {
  Type accumulation = op.getAccumulationType();
  auto cuSeqlens = op.getCuSeqlens() ? op.getCuSeqlens().getType() : RankedTensorType();
  std::string sequences = op.getCuSeqlens() ? "[N, " : "[B, ";
  SmallVector<int64_t> shape{getStateExtent(batch, cuSeqlens), op.getHeads(), op.getHeadSize()};
  // scan_c3
  for (auto [number, value] : llvm::enumerate(op.getPrevious())) {
    Value initial = op.getPreviousInitial(number);
    SmallVector<int64_t> expected = shape;
    bool hasChannels = cast<RankedTensorType>(value.getType()).getRank() == 5;
    if (hasChannels)
      expected.insert(expected.begin() + 1, op.getPreviousChannels(number));
    if (failed(expectType(op, {"the initial value of previous " + std::to_string(number), initial},
                          RankedTensorType::get(expected, accumulation),
                          sequences + (hasChannels ? "K, H, D]" : "H, D]"))))
      return failure();
  }
  // scan_c6
  auto state = RankedTensorType::get(shape, accumulation);
  for (int64_t number = 0; number < op.getNumStates(); ++number)
    if (failed(expectType(op,
                          {"initial state " + std::to_string(number), op.getInitialState(number)},
                          state, sequences + "H, D]")))
      return failure();
  for (auto [number, value] : llvm::enumerate(op.getLastStates()))
    if (failed(expectType(op, {"last state " + std::to_string(number), value}, state,
                          sequences + "H, D]")))
      return failure();
  return success();
}

/// Tensors that all sequences share: constants and matrices.
LogicalResult ScanVerifier::verifyShared() {
  Type accumulation = op.getAccumulationType();
  int64_t heads = op.getHeads(), d = op.getHeadSize();
  // scan_c4
  for (auto [number, value] : llvm::enumerate(op.getConstants())) {
    auto type = cast<RankedTensorType>(value.getType());
    std::string name = "constant " + std::to_string(number);
    SmallVector<int64_t> shape{heads, d};
    bool hasChannels = type.getRank() == 3;
    if (hasChannels) {
      shape.insert(shape.begin(), type.getDimSize(0));
      if (failed(expectStatic(op, "K of " + name, type.getDimSize(0))))
        return failure();
    }
    if (failed(expectType(op, {name, value}, RankedTensorType::get(shape, accumulation),
                          hasChannels ? "[K, H, D]" : "[H, D]")))
      return failure();
  }
  if (!op.getRecurrent())
    return op.getTransposed() ? op.emitOpError("expected r with transposed, got none") : success();
  // scan_c5
  auto r = op.getRecurrent().getType();
  if (failed(expectStatic(op, "P of r", r.getDimSize(0))) ||
      failed(expectType(op, {"r", op.getRecurrent()},
                        RankedTensorType::get({r.getDimSize(0), heads, d, d}, r.getElementType()),
                        "[P, H, D, D]")))
    return failure();
  int64_t needed = op.getTransposed() ? r.getDimSize(0) : 1;
  if (op.getNumStates() < needed)
    return op.emitOpError() << "expected at least " << needed << " states for r to multiply, got "
                            << op.getNumStates();
  // scan_c7
  if (r.getElementType().isF64() != accumulation.isF64())
    return op.emitOpError() << "expected all tensors to be f64, or none, got r of "
                            << r.getElementType() << " with an accumulation type " << accumulation;
  return success();
}

} // namespace

LogicalResult ScanOp::verify() { return ScanVerifier(*this).verify(); }

bool ScanOp::isAllowedInBody(Operation *op) {
  return isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp, arith::NegFOp,
             arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp, arith::MinNumFOp,
             arith::CmpFOp, arith::SelectOp, arith::ConstantOp, math::ExpOp, math::LogOp,
             math::TanhOp, math::ErfOp, math::AbsFOp, SigmoidOp, LogSigmoidOp, StopGradientOp,
             YieldOp>(op);
}

LogicalResult ScanOp::verifyRegions() {
  Type accumulation = getAccumulationType();
  Block &block = getStepBlock();
  // scan_c8
  int64_t others = getNumStates();
  for (unsigned i = 0; i < getSequences().size(); ++i)
    others += getSequenceChannels(i);
  for (unsigned i = 0; i < getPrevious().size(); ++i)
    others += getPreviousChannels(i);
  for (unsigned i = 0; i < getConstants().size(); ++i)
    others += getConstantChannels(i);
  int64_t got = block.getNumArguments();
  if (got != getProducts() + others) {
    // Without transposed, a wrong number of matrices is the likely reason.
    if (getRecurrent() && !getTransposed() && got > others)
      return emitOpError() << "expected r of " << got - others
                           << " products, as many as the region takes besides " << others
                           << " elements and states, got " << getProducts();
    return emitOpError() << "expected a region of " << getProducts() + others << " arguments ("
                         << getProducts() << " products, " << others - getNumStates()
                         << " elements, " << getNumStates() << " states), got " << got;
  }
  for (BlockArgument argument : block.getArguments())
    // scan_c7
    if (argument.getType() != accumulation)
      return emitOpError() << "expected argument " << argument.getArgNumber()
                           << " of the region to have the accumulation type " << accumulation
                           << ", got " << argument.getType();
  // scan_c10
  for (Operation &op : block)
    if (!isAllowedInBody(&op))
      return op.emitOpError("is not a scalar function that xlstm.scan knows");
  // scan_c9
  YieldOp yield = getYield(); // the only terminator that is allowed
  int64_t outputs = 0;
  for (unsigned i = 0; i < getOutputs().size(); ++i)
    outputs += getOutputChannels(i);
  if (int64_t(yield.getOutputs().size()) != outputs ||
      int64_t(yield.getStates().size()) != getNumStates())
    return yield.emitOpError() << "expected " << outputs << " outputs and " << getNumStates()
                               << " states, got " << yield.getOutputs().size() << " and "
                               << yield.getStates().size();
  for (Type type : yield.getOperandTypes())
    if (type != accumulation)
      return yield.emitOpError() << "expected values of the accumulation type " << accumulation
                                 << ", got " << type;
  return success();
}
