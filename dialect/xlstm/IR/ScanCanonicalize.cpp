// SPDX-License-Identifier: Apache-2.0
// xlstm.scan without what has no effect: operands that say what their absence says, elements that
// the region does not read, outputs that have no use.
#include "dialect/xlstm/IR/Constraints.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::xlstm;
using namespace mlir::xlstm::detail;

/// Removes initial values that are all zero, and a reset that is never true.
static bool dropZeros(ScanOp op, ScanOperands &operands) {
  bool changed = false;
  auto drop = [&](Value &value) {
    if (!value || !isZeroConstant(value))
      return;
    value = nullptr;
    changed = true;
  };
  drop(operands.reset);
  for (ScanPrevious &previous : operands.previous)
    drop(previous.initial);
  // Without sequences, initial states give the extent of batch.
  if (!operands.sequences.empty())
    for (Value &state : operands.initialStates)
      drop(state);
  return changed;
}

static bool isUnused(ArrayRef<BlockArgument> arguments) {
  return llvm::all_of(arguments, [](BlockArgument argument) { return argument.use_empty(); });
}

/// Removes tensors of which the region reads nothing; marks their arguments in `unused`. One
/// sequence stays: it gives the extents of batch and time.
static bool dropUnread(ScanOp op, ScanOperands &operands, llvm::BitVector &unused) {
  auto drop = [&](auto &list, size_t kept, auto getArguments) {
    // From the end, so that the numbers of those before stay.
    for (size_t i = list.size(); i-- > 0;) {
      MutableArrayRef<BlockArgument> arguments = getArguments(i);
      if (list.size() <= kept || !isUnused(arguments))
        continue;
      list.erase(list.begin() + i);
      for (BlockArgument argument : arguments)
        unused.set(argument.getArgNumber());
    }
  };
  drop(operands.sequences, 1, [&](size_t i) { return op.getSequenceArgs(i); });
  drop(operands.previous, 0, [&](size_t i) { return op.getPreviousArgs(i); });
  drop(operands.constants, 0, [&](size_t i) { return op.getConstantArgs(i); });
  if (operands.recurrent && isUnused(op.getProductArgs())) {
    operands.recurrent = nullptr;
    for (BlockArgument argument : op.getProductArgs())
      unused.set(argument.getArgNumber());
  }
  return unused.any();
}

LogicalResult ScanOp::canonicalize(ScanOp op, PatternRewriter &rewriter) {
  ScanOperands operands = op.getScanOperands();
  ScanOptions options = op.getOptions();
  llvm::BitVector unused(op.getStepBlock().getNumArguments());
  bool changed = dropZeros(op, operands);
  changed |= dropUnread(op, operands, unused);
  if (!operands.recurrent) {
    // These are about products.
    options.transposed = options.recurrentGradCut = false;
    options.recurrentGradClip = std::nullopt;
  }
  SmallVector<Value> outputs, yielded;
  for (auto [number, output] : llvm::enumerate(op.getOutputs())) {
    bool isLastResult = outputs.empty() && op.getNumStates() == 0 &&
                        number + 1 == op.getOutputs().size(); // scan_c1
    if (output.use_empty() && !isLastResult) {
      changed = true;
      continue;
    }
    outputs.push_back(output);
    llvm::append_range(yielded, op.getOutputValues(number));
  }
  if (!changed)
    return rewriter.notifyMatchFailure(op, "every operand and every output has an effect");

  auto slim = rewriter.create<ScanOp>(op.getLoc(), operands, options,
                                      ValueRange(outputs).getTypes(), op.getNumStates());
  slim->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  rewriter.modifyOpInPlace(op, [&] {
    op.getYield().getOutputsMutable().assign(yielded);
    op.getStepBlock().eraseArguments(unused);
  });
  rewriter.eraseBlock(&slim.getStepBlock());
  rewriter.inlineRegionBefore(op.getBody(), slim.getBody(), slim.getBody().end());
  for (auto [from, to] : llvm::zip(outputs, slim.getOutputs()))
    rewriter.replaceAllUsesWith(from, to);
  for (auto [from, to] : llvm::zip(op.getLastStates(), slim.getLastStates())) {
    to.setType(from.getType());
    rewriter.replaceAllUsesWith(from, to);
  }
  rewriter.eraseOp(op);
  return success();
}

/// Once is enough.
OpFoldResult StopGradientOp::fold(FoldAdaptor) {
  return getX().getDefiningOp<StopGradientOp>() ? getX() : OpFoldResult();
}
