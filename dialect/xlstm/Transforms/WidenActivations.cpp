// SPDX-License-Identifier: Apache-2.0
// Activations of a 16-bit model that nothing needs in 16 bits become f32.
//
// Values that an op ties to one element type are a class; a class is widened if none of its values
// is pinned: given from outside, returned, or read where 16 bits are needed.
#include "dialect/xlstm/Transforms/Passes.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace mlir::xlstm {
#define GEN_PASS_DEF_WIDENACTIVATIONS
#include "dialect/xlstm/Transforms/Passes.h.inc"

namespace {

bool isNarrow(Value value) {
  Type element = getElementTypeOrSelf(value);
  return element.isBF16() || element.isF16();
}

class Widening {
public:
  explicit Widening(bool operands) : operands(operands) {}

  void visit(Operation *op) {
    llvm::TypeSwitch<Operation *>(op)
        .Case<MapOp, NormOp, MultiheadNormOp, EmbeddingOp, BlockLinearOp>([](auto) {})
        .Case<ReshapeOp, SplitOp, ConcatOp, PermuteOp, LastTokenOp>(
            [&](Operation *shape) { tie(shape->getOperands(), shape->getResults()); })
        .Case<CausalConv1dOp>([&](CausalConv1dOp conv) {
          if (conv.getState())
            tie(conv.getState(), conv.getStateLast());
        })
        .Case<LinearOp>([&](LinearOp linear) {
          if (operands)
            return;
          pin(linear.getX(), "products' operands");
          pin(linear.getWeights(), "products' operands");
        })
        .Case<MLSTMOp>([&](MLSTMOp cell) {
          tie({cell.getQ(), cell.getK(), cell.getV()}, {}); // h may have a type of its own
          if (!operands && !cell.isStep())
            pin({cell.getQ(), cell.getK(), cell.getV()}, "cells' operands");
          if (cell.getSaveStates())
            pin(cell.getQ(), "saved for gradients");
          pin(cell->getResults().drop_front(), "states");
          if (cell.getC0())
            pin(cell.getC0(), "states");
        })
        .Case<ScanOp>([&](ScanOp scan) {
          pin(scan.getPrevious(), "saved for gradients");
          pin(scan.getLastStates(), "states");
        })
        .Default([&](Operation *other) {
          bool returns = other->hasTrait<OpTrait::IsTerminator>();
          pin(other->getOperands(), returns ? "results" : "other ops' tensors");
          pin(other->getResults(), "other ops' tensors");
        });
  }

  void pin(ValueRange values, StringRef reason) {
    for (Value value : values)
      if (isNarrow(value)) {
        classes.insert(value);
        pinned.try_emplace(value, reason);
      }
  }

  /// Gives the classes without a pinned value f32. Returns how many values that were.
  int64_t apply(func::FuncOp function) {
    llvm::SmallPtrSet<const void *, 16> keeps;
    for (auto &[value, reason] : pinned)
      keeps.insert(classes.getLeaderValue(value).getAsOpaquePointer());
    int64_t widened = 0;
    function.walk([&](Operation *op) {
      for (Value result : op->getResults()) {
        if (!isa<RankedTensorType>(result.getType()) || !isNarrow(result))
          continue;
        auto leader = classes.findLeader(result);
        if (leader != classes.member_end() && keeps.contains(leader->getAsOpaquePointer()))
          continue;
        auto type = cast<RankedTensorType>(result.getType());
        result.setType(type.clone(Float32Type::get(op->getContext())));
        ++widened;
      }
    });
    return widened;
  }

  /// "5 products' operands, 1 results": the reasons, each with the number of its values.
  std::string reasons() const {
    llvm::MapVector<StringRef, int64_t> counts;
    for (auto &[value, reason] : pinned)
      if (!isa<BlockArgument>(value))
        ++counts[reason];
    std::string text;
    for (auto &[reason, count] : counts)
      text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + reason.str();
    return text;
  }

private:
  void tie(ValueRange some, ValueRange others) {
    Value first;
    for (ValueRange values : {some, others})
      for (Value value : values) {
        if (!isNarrow(value))
          continue;
        classes.insert(value);
        if (first)
          classes.unionSets(first, value);
        first = value;
      }
  }

  struct Order {
    bool operator()(Value a, Value b) const {
      return a.getAsOpaquePointer() < b.getAsOpaquePointer();
    }
  };
  bool operands;
  llvm::EquivalenceClasses<Value, Order> classes;
  llvm::MapVector<Value, StringRef> pinned; // why
};

struct WidenActivationsPass : impl::WidenActivationsBase<WidenActivationsPass> {
  using WidenActivationsBase::WidenActivationsBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal())
      return;
    Widening widening(operands);
    widening.pin(function.getArguments(), "arguments");
    for (Operation &op : function.getBody().getOps())
      widening.visit(&op);
    int64_t widened = widening.apply(function);
    numValues += widened;
    std::string reasons = widening.reasons();
    if (widened)
      function.emitRemark() << function.getName() << ": " << widened
                            << " activations are f32; of 16 bits stay "
                            << (reasons.empty() ? "none" : reasons);
  }
};

} // namespace
} // namespace mlir::xlstm
