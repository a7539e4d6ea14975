// SPDX-License-Identifier: Apache-2.0
// Reverse mode over the ops of a function: each op hands the gradients of its results on to its
// operands. The gradient of a scan is in ScanGradient.cpp.
#include "dialect/xlstm/IR/FunctionAttrs.h"
#include "dialect/xlstm/Transforms/LayerGradients.h"
#include "dialect/xlstm/Transforms/LinearGradient.h"
#include "dialect/xlstm/Transforms/Passes.h"
#include "dialect/xlstm/Transforms/SavePlan.h"
#include "dialect/xlstm/Transforms/ScanGradient.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace mlir::xlstm {
#define GEN_PASS_DEF_DERIVEBACKWARD
#include "dialect/xlstm/Transforms/Passes.h.inc"

namespace {

/// Whether the loss has a gradient with respect to a result of an op.
bool hasGradient(OpResult result) {
  if (!isa<FloatType>(getElementTypeOrSelf(result)))
    return false;
  if (auto mlstm = dyn_cast<MLSTMOp>(result.getOwner()))
    return result != mlstm.getMLast();
  if (auto scan = dyn_cast<ScanOp>(result.getOwner())) {
    auto state = llvm::find(scan.getLastStates(), result);
    return state == scan.getLastStates().end() ||
           hasGradient(scan, std::distance(scan.getLastStates().begin(), state));
  }
  return true;
}

/// Whether a result is a state after the last token: many losses do not depend on it.
bool isLastState(OpResult result) {
  if (auto mlstm = dyn_cast<MLSTMOp>(result.getOwner()))
    return result != mlstm.getH();
  auto scan = dyn_cast<ScanOp>(result.getOwner());
  return scan && llvm::is_contained(scan.getLastStates(), result);
}

/// Differentiates a function in place: adds arguments for the gradients of its results, and returns
/// those of its arguments too.
class FunctionDifferentiator {
public:
  explicit FunctionDifferentiator(func::FuncOp function)
      : function(function), ret(cast<func::ReturnOp>(function.front().getTerminator())),
        b(OpBuilder(ret)), arguments(function.getNumArguments()) {}

  LogicalResult run();

private:
  LogicalResult addGradientArguments();
  void addGradientResults();
  LogicalResult visit(MLSTMOp op);
  LogicalResult visit(ScanOp op);
  LogicalResult visit(MultiheadNormOp op);
  LogicalResult visit(LinearOp op);
  LogicalResult visitLayer(Operation *op);
  void chooseNormalizerGrad(MLSTMOp op);

  /// Hands a gradient (null: none) to a value (null: absent).
  LogicalResult add(Operation *from, Value value, Value gradient);
  Value get(Value value) { return value ? gradients.lookup(value) : Value(); }

  /// The name of an argument or result of the function; empty when it has none.
  StringRef getName(DictionaryAttr attributes) {
    auto name = attributes ? attributes.getAs<StringAttr>(nameAttrName) : StringAttr();
    return name ? name.getValue() : StringRef();
  }
  /// Attributes of the gradient of a tensor that has the given ones.
  DictionaryAttr getGradientAttributes(DictionaryAttr attributes, bool optional);

  func::FuncOp function;
  func::ReturnOp ret;
  OpBuilder b;
  unsigned arguments;   // of the original function
  bool isModel = false; // the gradient of a loss with respect to parameters
  llvm::DenseMap<Value, Value> gradients;
};

LogicalResult FunctionDifferentiator::run() {
  if (failed(addGradientArguments()))
    return failure();
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.front()))) {
    // The ops of gradients stand behind those that they are derived from.
    if (llvm::none_of(op.getResults(), [&](Value result) { return get(result); }))
      continue;
    LogicalResult done = llvm::TypeSwitch<Operation *, LogicalResult>(&op)
                             .Case<LinearOp, MLSTMOp, ScanOp, MultiheadNormOp>(
                                 [&](auto cell) { return visit(cell); })
                             .Default([&](Operation *other) { return visitLayer(other); });
    if (failed(done))
      return failure();
  }
  addGradientResults();
  return success();
}

LogicalResult FunctionDifferentiator::add(Operation *from, Value value, Value gradient) {
  if (!value || !gradient)
    return success();
  auto [entry, isFirst] = gradients.try_emplace(value, gradient);
  if (isFirst)
    return success();
  // Another use: the gradients add up.
  auto sum = [](OpBuilder &inner, Location loc, ValueRange e) {
    return SmallVector<Value>{inner.create<arith::AddFOp>(loc, e[0], e[1])};
  };
  entry->second = b.create<MapOp>(from->getLoc(), TypeRange(gradient.getType()),
                                  ValueRange{entry->second, gradient}, sum)
                      .getResult(0);
  return success();
}

//===----------------------------------------------------------------------===//
// Arguments and results
//===----------------------------------------------------------------------===//

DictionaryAttr FunctionDifferentiator::getGradientAttributes(DictionaryAttr attributes,
                                                             bool optional) {
  NamedAttrList list(attributes);
  if (StringRef name = getName(attributes); !name.empty())
    list.set(nameAttrName, b.getStringAttr(Twine(isModel ? "grad." : "d") + name));
  list.erase(parameterAttrName);
  list.erase(optionalAttrName);
  if (optional)
    list.set(optionalAttrName, b.getUnitAttr());
  return list.getDictionary(b.getContext());
}

LogicalResult FunctionDifferentiator::addGradientArguments() {
  for (unsigned i = 0; i < arguments; ++i)
    isModel |= bool(function.getArgAttr(i, parameterAttrName));
  if (isModel) {
    // The only result is the loss.
    auto type = dyn_cast<RankedTensorType>(ret.getOperandTypes().front());
    if (ret.getNumOperands() != 1 || !type || !type.hasStaticShape() || type.getNumElements() != 1)
      return function.emitError("expected a function of parameters to give one number, the loss");
    Value one = b.create<arith::ConstantOp>(
        ret.getLoc(), DenseElementsAttr::get(type, b.getFloatAttr(type.getElementType(), 1)));
    return add(ret, ret.getOperand(0), one);
  }
  for (auto [i, value] : llvm::enumerate(ret.getOperands())) {
    auto result = dyn_cast<OpResult>(value);
    if (!result || !hasGradient(result))
      continue;
    unsigned number = function.getNumArguments();
    function.insertArgument(
        number, value.getType(),
        getGradientAttributes(function.getResultAttrDict(i), isLastState(result)), value.getLoc());
    if (failed(add(ret, value, function.getArgument(number))))
      return failure();
  }
  return success();
}

void FunctionDifferentiator::addGradientResults() {
  for (unsigned i = 0; i < arguments; ++i) {
    Value gradient = get(function.getArgument(i));
    DictionaryAttr attributes = function.getArgAttrDict(i);
    if (!gradient || (isModel && !function.getArgAttr(i, parameterAttrName)))
      continue;
    bool optional = attributes && attributes.contains(optionalAttrName);
    function.insertResult(function.getNumResults(), gradient.getType(),
                          getGradientAttributes(attributes, optional));
    ret.getOperandsMutable().append(gradient);
  }
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

/// Why the gradient through the normaliser of an op does not vanish; empty if it does.
static std::string whyNormalizerCounts(MLSTMOp op) {
  for (Operation *user : op.getH().getUsers()) {
    if (isa<MultiheadNormBackwardOp>(user)) // the gradient of a norm, written before
      continue;
    auto norm = dyn_cast<MultiheadNormOp>(user);
    if (!norm)
      return "h is used by " + user->getName().getStringRef().str();
    if (!norm.getEps().isZero())
      return "h is used by an xlstm.multihead_norm with eps > 0";
  }
  return "";
}

void FunctionDifferentiator::chooseNormalizerGrad(MLSTMOp op) {
  if (!op.hasNormalizer())
    return;
  if (std::string reason = whyNormalizerCounts(op); !reason.empty()) {
    op.emitRemark() << "normalizer_grad stays " << stringifyNormalizerGrad(op.getNormalizerGrad())
                    << ": " << reason;
    return;
  }
  op.setNormalizerGrad(NormalizerGrad::Dropped);
  op.emitRemark(
      "normalizer_grad is dropped: each use of h is an xlstm.multihead_norm with eps = 0, "
      "which does not see a factor of h");
}

LogicalResult FunctionDifferentiator::visit(MLSTMOp op) {
  if (op.isStep())
    return op.emitOpError("expected an op over tokens, got one with form = step");
  if (!get(op.getH()))
    return op.emitOpError("expected h to have a gradient: it reaches no result of the function");
  chooseNormalizerGrad(op);
  // The forward op with its states saved.
  OpBuilder forward(op);
  auto saving = forward.create<MLSTMOp>(op.getLoc(), op.getMLSTMOperands(), op.getOptions(),
                                        op.getForm(), /*saveStates=*/true);
  saving->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  NamedAttrList saves;
  Attribute perChunk = b.getStringAttr("saved: at the start of each chunk");
  saves.set("c", perChunk);
  if (op.hasNormalizer())
    saves.set("n", perChunk);
  if (op.hasStabilizer())
    saves.set("m", perChunk);
  saves.set("h, scores and denominators",
            b.getStringAttr("recomputed: from q, k, v and gates of a chunk and its first state"));
  saving->setAttr(saveAttrName, saves.getDictionary(b.getContext()));

  MLSTMBackwardOperands operands;
  static_cast<MLSTMOperands &>(operands) = op.getMLSTMOperands();
  operands.dh = get(op.getH());
  operands.dcLast = get(op.getCLast());
  operands.dnLast = get(op.getNLast());
  operands.cStates = saving.getCStates();
  operands.nStates = saving.getNStates();
  operands.mStates = saving.getMStates();
  auto backward = b.create<MLSTMBackwardOp>(op.getLoc(), operands, op.getOptions());
  for (auto [value, gradient] : {std::pair<Value, Value>{op.getQ(), backward.getDQ()},
                                 {op.getK(), backward.getDK()},
                                 {op.getV(), backward.getDV()},
                                 {op.getI(), backward.getDI()},
                                 {op.getF(), backward.getDF()},
                                 {op.getC0(), backward.getDC0()},
                                 {op.getN0(), backward.getDN0()}})
    if (failed(add(op, value, gradient)))
      return failure();
  for (auto [result, saved] : llvm::zip(op.getResults(), saving.getResults()))
    result.replaceAllUsesWith(saved);
  op.erase();
  return success();
}

LogicalResult FunctionDifferentiator::visit(ScanOp op) {
  auto collect = [&](ValueRange values) {
    return llvm::map_to_vector(values, [&](Value value) { return get(value); });
  };
  ScanOperands operands = op.getScanOperands();
  FailureOr<ScanGradients> result =
      differentiate(b, op, collect(op.getOutputs()), collect(op.getLastStates()));
  if (failed(result))
    return failure();
  SmallVector<std::pair<Value, Value>> pairs{{operands.recurrent, result->recurrent}};
  auto collectPairs = [&](ArrayRef<Value> values, ArrayRef<Value> gradients) {
    for (auto [value, gradient] : llvm::zip(values, gradients))
      pairs.push_back({value, gradient});
  };
  collectPairs(operands.sequences, result->sequences);
  collectPairs(operands.constants, result->constants);
  collectPairs(operands.initialStates, result->initialStates);
  for (auto [value, gradient] : pairs)
    if (failed(add(ret, value, gradient)))
      return failure();
  return success();
}

LogicalResult FunctionDifferentiator::visit(MultiheadNormOp op) {
  if (op.hasEpilogue())
    return op.emitOpError("has an epilogue, which has no derivative: fuse after deriving");
  auto backward = b.create<MultiheadNormBackwardOp>(
      op.getLoc(), op.getX().getType(), op.getWeight() ? op.getWeight().getType() : Type(),
      op.getKind(), op.getX(), get(op.getResult()), op.getWeight(), op.getEps());
  if (failed(add(op, op.getX(), backward.getDx())))
    return failure();
  return add(op, op.getWeight(), backward.getDweight());
}

LogicalResult FunctionDifferentiator::visit(LinearOp op) {
  if (op.getNorm())
    return op.emitOpError("has a norm, which has no derivative there: fuse after deriving");
  SmallVector<Value> outputs =
      llvm::map_to_vector(op.getOutputs(), [&](Value value) { return get(value); });
  FailureOr<LinearGradients> result = differentiate(b, op, outputs);
  if (failed(result))
    return failure();
  LinearOperands operands = op.getLinearOperands();
  SmallVector<std::pair<Value, Value>> pairs{{operands.x, result->x}};
  auto collect = [&](ArrayRef<Value> values, ArrayRef<Value> gradients) {
    for (auto [value, gradient] : llvm::zip(values, gradients))
      pairs.push_back({value, gradient});
  };
  collect(operands.xElems, result->xElems);
  collect(operands.xCols, result->xCols);
  collect(operands.weights, result->weights);
  collect(operands.elems, result->elems);
  collect(operands.cols, result->cols);
  for (auto [value, gradient] : pairs)
    if (failed(add(op, value, gradient)))
      return failure();
  return success();
}

LogicalResult FunctionDifferentiator::visitLayer(Operation *op) {
  if (!isLayer(op))
    return op->emitOpError("expected xlstm.linear, xlstm.mlstm, xlstm.scan or "
                           "xlstm.multihead_norm: "
                           "other ops have no derivative");
  SmallVector<Value> results;
  for (Value result : op->getResults())
    results.push_back(get(result));
  FailureOr<SmallVector<OperandGradient>> found = differentiateLayer(b, op, results);
  if (failed(found))
    return failure();
  for (auto [operand, gradient] : *found)
    if (failed(add(op, operand, gradient)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

struct DeriveBackwardPass : impl::DeriveBackwardBase<DeriveBackwardPass> {
  using DeriveBackwardBase::DeriveBackwardBase;

  void runOnOperation() override {
    auto forward = getOperation().lookupSymbol<func::FuncOp>(function);
    if (!forward) {
      getOperation().emitError() << "expected a function " << function << ", got none";
      return signalPassFailure();
    }
    bool isLoss = function == "loss";
    std::string name = isLoss ? "loss_grad" : function + "_backward";
    if (getOperation().lookupSymbol(name)) {
      forward.emitError() << "expected no function " << name << " yet";
      return signalPassFailure();
    }
    if (!forward.getBody().hasOneBlock()) {
      forward.emitError("expected a function of one block");
      return signalPassFailure();
    }
    func::FuncOp backward = forward.clone();
    backward.setName(name);
    OpBuilder(forward->getBlock(), std::next(forward->getIterator())).insert(backward);
    if (failed(FunctionDifferentiator(backward).run())) {
      backward.erase();
      signalPassFailure();
    }
  }
};

} // namespace
} // namespace mlir::xlstm
