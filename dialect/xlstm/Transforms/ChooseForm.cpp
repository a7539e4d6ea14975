// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/Analysis/Recurrence.h"
#include "dialect/xlstm/Transforms/Passes.h"

using namespace mlir;

namespace mlir::xlstm {
#define GEN_PASS_DEF_CHOOSEFORM
#include "dialect/xlstm/Transforms/Passes.h.inc"

namespace {

std::optional<MLSTMForm> getForm(MLSTMOp op) { return op.getForm(); }
std::optional<MLSTMForm> getForm(ScanOp op) {
  auto form = op->getAttrOfType<StringAttr>(formAttrName);
  return form ? symbolizeMLSTMForm(form.getValue()) : std::nullopt;
}
void setForm(MLSTMOp op, MLSTMForm form) { op.setForm(form); }
void setForm(ScanOp op, MLSTMForm form) {
  op->setAttr(formAttrName, StringAttr::get(op.getContext(), stringifyMLSTMForm(form)));
}

/// The best form that code is generated in: chunkwise is the fastest over many tokens.
MLSTMForm getDefaultForm(ArrayRef<FormVerdict> verdicts) {
  for (MLSTMForm form : {MLSTMForm::Chunkwise, MLSTMForm::Recurrent})
    if (verdicts[int(form)].isGenerated)
      return form;
  return MLSTMForm::Step;
}

/// For `form` = none, decides; else checks it.
template <typename Op> LogicalResult choose(Op op, std::optional<MLSTMForm> form) {
  SmallVector<FormVerdict> verdicts = analyzeForms(op);
  bool given = form.has_value();
  if (!given)
    form = getDefaultForm(verdicts);
  const FormVerdict &verdict = verdicts[int(*form)];
  if (!verdict.isLegal())
    return op.emitOpError() << "cannot be computed in the form " << stringifyMLSTMForm(*form)
                            << ": " << verdict.reason;
  if (!verdict.isGenerated)
    return op.emitOpError() << "could be computed in the form " << stringifyMLSTMForm(*form)
                            << ", but no code is generated in it: expected recurrent or step";
  setForm(op, *form);
  InFlightDiagnostic remark =
      op.emitRemark() << "form " << stringifyMLSTMForm(*form)
                      << (given ? ": asked for" : ": the fastest that code is generated in");
  for (const FormVerdict &other : verdicts)
    if (other.form != MLSTMForm::Step && other.form != *form) {
      remark << "; " << stringifyMLSTMForm(other.form) << ": ";
      if (!other.isLegal())
        remark << "not legal, " << other.reason;
      else
        remark << (other.isGenerated ? "legal" : "legal, but no code is generated in it");
    }
  return success();
}

struct ChooseFormPass : impl::ChooseFormBase<ChooseFormPass> {
  using ChooseFormBase::ChooseFormBase;

  void runOnOperation() override {
    std::optional<MLSTMForm> wanted = symbolizeMLSTMForm(form);
    if (!wanted && form != "auto") {
      getOperation().emitError() << "expected form to be auto, recurrent, chunkwise, parallel or "
                                    "step, got "
                                 << form;
      return signalPassFailure();
    }
    auto visit = [&](auto op) {
      // Also a form that is there already has to be legal.
      std::optional<MLSTMForm> present = getForm(op);
      return failed(choose(op, present ? present : wanted)) ? WalkResult::interrupt()
                                                            : WalkResult::advance();
    };
    WalkResult result = getOperation().walk([&](Operation *op) {
      if (auto mlstm = dyn_cast<MLSTMOp>(op))
        return visit(mlstm);
      if (auto scan = dyn_cast<ScanOp>(op))
        return visit(scan);
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
} // namespace mlir::xlstm
