// SPDX-License-Identifier: Apache-2.0
// xlstm.map and xlstm.linear without what has no effect: results that are copies of an operand,
// results that have no use, tensors that the region does not read. Derivatives are full of them.
#include "dialect/xlstm/IR/XLSTM.h"

#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/BitVector.h"

using namespace mlir;
using namespace mlir::xlstm;

static bool isReturned(Value value) {
  return llvm::any_of(value.getUsers(),
                      [](Operation *user) { return user->hasTrait<OpTrait::IsTerminator>(); });
}

/// Whether all uses of a result may be uses of `other`. A function that returns its argument, or one
/// value twice, has no memory of its own for that result.
static bool canStandFor(Value other, Value result) {
  return other.getType() == result.getType() &&
         (!isReturned(result) || (isa<OpResult>(other) && !isReturned(other)));
}

/// Uses of results whose value is that of an operand of the same type, or of a result before it,
/// become uses of that. `operandOf` gives the tensor that an argument of the region stands for, or
/// null.
static bool forwardCopies(PatternRewriter &rewriter, ResultRange results, YieldOp yield,
                          function_ref<Value(BlockArgument)> operandOf) {
  bool changed = false;
  for (auto [number, result] : llvm::enumerate(results)) {
    if (result.use_empty())
      continue;
    Value value = yield.getOutputs()[number], same;
    if (auto argument = dyn_cast<BlockArgument>(value))
      same = operandOf(argument);
    if (same && !canStandFor(same, result))
      same = nullptr;
    for (size_t before = 0; before < number && !same; ++before)
      if (yield.getOutputs()[before] == value && canStandFor(results[before], result))
        same = results[before];
    if (!same)
      continue;
    rewriter.replaceAllUsesWith(result, same);
    changed = true;
  }
  return changed;
}

/// The results that are used, of all results at least one, and what is yielded for them.
static void findUsed(ResultRange results, YieldOp yield, SmallVector<Value> &used,
                     SmallVector<Value> &yielded) {
  for (auto [number, result] : llvm::enumerate(results)) {
    bool isLast = used.empty() && number + 1 == results.size();
    if (result.use_empty() && !isLast)
      continue;
    used.push_back(result);
    yielded.push_back(yield.getOutputs()[number]);
  }
}

/// Makes `yield` give these values alone, and erases what is then unused.
static void slimYield(PatternRewriter &rewriter, YieldOp yield, ValueRange values) {
  rewriter.modifyOpInPlace(yield, [&] { yield.getOutputsMutable().assign(values); });
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*yield->getBlock())))
    if (&op != yield && isOpTriviallyDead(&op))
      rewriter.eraseOp(&op);
}

static void replaceResults(PatternRewriter &rewriter, Operation *op, ValueRange used,
                           Operation *slim) {
  slim->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  for (auto [from, to] : llvm::zip(used, slim->getResults()))
    rewriter.replaceAllUsesWith(from, to);
  rewriter.eraseOp(op);
}

LogicalResult MapOp::canonicalize(MapOp op, PatternRewriter &rewriter) {
  if (llvm::all_of(op.getOutputs(), [](Value output) { return output.use_empty(); }))
    return failure(); // it goes as a whole
  bool changed =
      forwardCopies(rewriter, op.getOutputs(), op.getYield(), [&](BlockArgument argument) {
        return op.getInputs()[argument.getArgNumber()];
      });
  if (llvm::all_of(op.getOutputs(), [](Value output) { return output.use_empty(); }))
    return success();
  SmallVector<Value> used, yielded;
  findUsed(op.getOutputs(), op.getYield(), used, yielded);
  if (used.size() != op.getOutputs().size())
    slimYield(rewriter, op.getYield(), yielded);
  // One input of the results' shape stays: it gives their extents.
  SmallVector<Value> inputs;
  llvm::BitVector unread(op.getInputs().size());
  Block &block = op.getBlock();
  bool hasFull = false;
  for (auto [number, input] : llvm::enumerate(op.getInputs()))
    hasFull |= op.isFull(number) && !block.getArgument(number).use_empty();
  for (auto [number, input] : llvm::enumerate(op.getInputs())) {
    bool keeps = !block.getArgument(number).use_empty() || (!hasFull && op.isFull(number));
    hasFull |= keeps && op.isFull(number);
    keeps ? inputs.push_back(input) : (void)unread.set(number);
  }
  if (unread.none() && used.size() == op.getOutputs().size())
    return success(changed);
  auto slim = rewriter.create<MapOp>(
      op.getLoc(), ValueRange(used).getTypes(), inputs,
      [&](OpBuilder &, Location, ValueRange arguments) {
        return SmallVector<Value>(used.size(), arguments[0]); // until the region is moved here
      });
  rewriter.modifyOpInPlace(op, [&] { block.eraseArguments(unread); });
  rewriter.eraseBlock(&slim.getBlock());
  rewriter.inlineRegionBefore(op.getBody(), slim.getBody(), slim.getBody().end());
  replaceResults(rewriter, op, used, slim);
  return success();
}

LogicalResult LinearOp::canonicalize(LinearOp op, PatternRewriter &rewriter) {
  auto areUnused = [&] {
    return llvm::all_of(op.getOutputs(), [](Value output) { return output.use_empty(); });
  };
  if (!op.hasEpilogue() || areUnused())
    return failure();
  Block &block = op.getEpilogue().front();
  auto yield = cast<YieldOp>(block.getTerminator());
  LinearOperands operands = op.getLinearOperands();
  size_t weights = operands.weights.size();
  bool changed =
      forwardCopies(rewriter, op.getOutputs(), yield, [&](BlockArgument argument) -> Value {
        size_t number = argument.getArgNumber();
        if (number < weights || number >= weights + operands.elems.size())
          return nullptr; // a sum, or the same for a row or a column
        return operands.elems[number - weights];
      });
  if (areUnused())
    return success();
  SmallVector<Value> used, yielded;
  findUsed(op.getOutputs(), yield, used, yielded);
  if (used.size() != op.getOutputs().size())
    slimYield(rewriter, yield, yielded);
  llvm::BitVector unread(block.getNumArguments());
  unsigned next = 0;
  auto dropUnread = [&](SmallVector<Value> &values) {
    SmallVector<Value> kept;
    for (Value value : values) {
      if (block.getArgument(next).use_empty())
        unread.set(next);
      else
        kept.push_back(value);
      ++next;
    }
    values = kept;
  };
  // A product stays one, also where nothing reads its sums.
  bool readsSums = llvm::any_of(block.getArguments().take_front(weights),
                                [](BlockArgument sum) { return !sum.use_empty(); });
  if (readsSums)
    dropUnread(operands.weights);
  else
    next = weights;
  dropUnread(operands.elems);
  dropUnread(operands.rows);
  dropUnread(operands.cols);
  if (unread.none() && used.size() == op.getOutputs().size())
    return success(changed);
  rewriter.modifyOpInPlace(op, [&] { block.eraseArguments(unread); });
  Region prologue, epilogue;
  prologue.takeBody(op.getPrologue());
  epilogue.takeBody(op.getEpilogue());
  auto slim = rewriter.create<LinearOp>(op.getLoc(), operands, ValueRange(used).getTypes(),
                                        std::move(prologue), std::move(epilogue));
  slim.setTransposed(op.getTransposed());
  replaceResults(rewriter, op, used, slim);
  return success();
}
