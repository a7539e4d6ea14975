// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/Analysis/Recurrence.h"

#include "dialect/xlstm/Analysis/Names.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::xlstm;

namespace {

/// How a value depends on the states before the step.
struct Dependence {
  enum Kind { Independent, Affine, Other } kind = Independent;
  Operation *culprit = nullptr; // of Other: the op that made it so
  unsigned state = 0;           // of Affine and Other: a state that it depends on
  Value product;                // a product with recurrent matrices that it depends on

  /// What depends on both and is affine in them, as a sum is.
  static Dependence join(Dependence a, Dependence b) {
    Dependence result = a.kind >= b.kind ? a : b;
    result.product = a.product ? a.product : b.product;
    return result;
  }
  /// What depends on this in any way.
  Dependence through(Operation *op) const {
    Dependence result = *this;
    if (kind == Affine) {
      result.kind = Other;
      result.culprit = op;
    }
    return result;
  }
};

class RegionAnalysis {
public:
  explicit RegionAnalysis(ScanOp scan) {
    for (BlockArgument product : scan.getProductArgs())
      values[product].product = product;
    for (auto [state, argument] : llvm::enumerate(scan.getStateArgs())) {
      values[argument].kind = Dependence::Affine;
      values[argument].state = state;
    }
    for (Operation &op : scan.getStepBlock().without_terminator())
      values[op.getResult(0)] = visit(op);
  }

  Dependence get(Value value) const { return values.lookup(value); }

private:
  Dependence visit(Operation &op) const {
    auto operand = [&](unsigned i) { return get(op.getOperand(i)); };
    Dependence all;
    for (Value value : op.getOperands())
      all = Dependence::join(all, get(value));
    return llvm::TypeSwitch<Operation *, Dependence>(&op)
        .Case<arith::AddFOp, arith::SubFOp, arith::NegFOp, StopGradientOp>(
            [&](auto) { return all; })
        .Case([&](arith::MulFOp) {
          bool bothDepend = operand(0).kind != Dependence::Independent &&
                            operand(1).kind != Dependence::Independent;
          return bothDepend ? all.through(&op) : all;
        })
        .Case<arith::DivFOp>([&](auto) {
          return operand(1).kind == Dependence::Independent ? all : all.through(&op);
        })
        .Case<arith::SelectOp>([&](auto) {
          return operand(0).kind == Dependence::Independent ? all : all.through(&op);
        })
        .Default([&](Operation *other) { return all.through(other); });
  }

  llvm::DenseMap<Value, Dependence> values;
};

/// Why the steps of a scan cannot be composed; empty if they can.
std::string whyNotParallel(ScanOp scan) {
  RegionAnalysis analysis(scan);
  for (auto [state, value] : llvm::enumerate(scan.getNewStates())) {
    Dependence dependence = analysis.get(value);
    if (dependence.product)
      return "the state " + getStateName(scan, state) + " depends on " + getStateName(scan, 0) +
             " through R (argument " + getTensorName(scan.getRecurrent(), "r") + ")";
    if (dependence.kind == Dependence::Other)
      return "the update of the state " + getStateName(scan, state) +
             " is not affine in the state " + getStateName(scan, dependence.state) + ": " +
             dependence.culprit->getName().getStringRef().str();
  }
  return "";
}

SmallVector<FormVerdict> collect(bool isStep, const std::string &notParallel) {
  std::string overTokens = isStep ? "the op is one token" : "";
  std::string parallel = isStep ? overTokens : notParallel;
  return {{MLSTMForm::Recurrent, overTokens},
          {MLSTMForm::Chunkwise, parallel},
          {MLSTMForm::Parallel, parallel},
          {MLSTMForm::Step, isStep ? "" : "the op has an axis of tokens"}};
}

} // namespace

SmallVector<FormVerdict> mlir::xlstm::analyzeForms(MLSTMOp op) {
  // C_t = f' C_{t-1} + i' k v^T with gates that no state but m enters, and m cancels out of h.
  SmallVector<FormVerdict> verdicts = collect(op.isStep(), "");
  for (FormVerdict &verdict : verdicts)
    verdict.isGenerated = verdict.isLegal();
  return verdicts;
}

SmallVector<FormVerdict> mlir::xlstm::analyzeForms(ScanOp op) {
  SmallVector<FormVerdict> verdicts = collect(op.getStep(), whyNotParallel(op));
  for (FormVerdict &verdict : verdicts)
    verdict.isGenerated = verdict.isLegal() &&
                          (verdict.form == MLSTMForm::Recurrent || verdict.form == MLSTMForm::Step);
  return verdicts;
}
