// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/Transforms/SavePlan.h"

#include "dialect/xlstm/Analysis/Names.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::xlstm;

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

namespace {

/// Names values of a step for people: `wx[2]`, `(r h)[0]`, `gate[1]`, `new c`,
/// `sigmoid(gate[1])`, else `mul #12`.
class ValueNames {
public:
  explicit ValueNames(ScanOp scan) {
    for (BlockArgument product : scan.getProductArgs())
      names[product] = "(" + getTensorName(scan.getRecurrent(), "r") + " " + getStateName(scan, 0) +
                       ")[" + std::to_string(product.getArgNumber()) + "]";
    for (auto [i, sequence] : llvm::enumerate(scan.getSequences()))
      nameElements(scan.getSequenceArgs(i),
                   getTensorName(sequence, "sequence " + std::to_string(i)));
    for (auto [i, constant] : llvm::enumerate(scan.getConstants()))
      nameElements(scan.getConstantArgs(i),
                   getTensorName(constant, "constant " + std::to_string(i)));
    for (BlockArgument state : scan.getStateArgs())
      names[state] =
          getStateName(scan, state.getArgNumber() - scan.getStateArgs()[0].getArgNumber());
    for (auto [state, value] : llvm::enumerate(scan.getNewStates()))
      names.try_emplace(value, "new " + getStateName(scan, state));
    if (!scan.getConstants().empty())
      for (auto [k, constant] : llvm::enumerate(scan.getConstantArgs(0)))
        gates[constant] = k;
    int64_t number = 0;
    for (Operation &op : scan.getStepBlock()) {
      for (Value result : op.getResults())
        if (!names.count(result))
          names[result] = nameResult(op, number);
      ++number;
    }
  }

  StringRef operator[](Value value) const { return names.find(value)->second; }

private:
  void nameElements(ArrayRef<BlockArgument> elements, const std::string &name) {
    for (auto [k, element] : llvm::enumerate(elements))
      names[element] = elements.size() == 1 ? name : name + "[" + std::to_string(k) + "]";
  }

  std::string nameResult(Operation &op, int64_t number) const {
    // A raw gate, a sum of inputs: by its constant, of which each gate has one.
    if (isa<arith::AddFOp>(op))
      if (auto constant = dyn_cast<BlockArgument>(op.getOperand(1)))
        if (auto gate = gates.find(constant); gate != gates.end())
          return "gate[" + std::to_string(gate->second) + "]";
    StringRef function = op.getName().stripDialect();
    function.consume_back("f");
    if (op.getNumOperands() == 1)
      if (StringRef operand = names.find(op.getOperand(0))->second; operand.size() < 32)
        return (function + "(" + operand + ")").str();
    return function.str() + " #" + std::to_string(number);
  }

  llvm::DenseMap<Value, unsigned> gates; // elements of the first constant by number
  llvm::DenseMap<Value, std::string> names;
};

} // namespace

//===----------------------------------------------------------------------===//
// The plan
//===----------------------------------------------------------------------===//

llvm::SmallMapVector<Value, Value, 4> mlir::xlstm::getStoredValues(ScanOp scan) {
  llvm::SmallMapVector<Value, Value, 4> stored;
  for (auto [i, output] : llvm::enumerate(scan.getOutputs())) {
    auto type = cast<RankedTensorType>(output.getType());
    if (type.getRank() == 4 && type.getElementType() == scan.getAccumulationType())
      stored.insert({scan.getOutputValues(i)[0], output});
  }
  if (scan.getRecurrent())
    stored.insert({scan.getNewStates()[0], Value()});
  return stored;
}

namespace {

using ValueSet = llvm::SmallSetVector<Value, 32>;

/// How many additions an op counts for.
int64_t getWork(Operation *op) {
  if (isa<arith::ConstantOp, StopGradientOp>(op))
    return 0;
  if (isa<arith::DivFOp>(op))
    return 4;
  if (isa<math::ExpOp, math::LogOp, math::TanhOp, SigmoidOp>(op))
    return 12;
  return isa<LogSigmoidOp>(op) ? 24 : 1;
}

class Planner {
public:
  Planner(ScanOp scan, ArrayRef<Value> needed)
      : scan(scan), needed(needed), storedValues(getStoredValues(scan)) {
    for (unsigned i = 0; i < scan.getSequences().size(); ++i)
      for (Value element : scan.getSequenceArgs(i))
        elementBytes[element] = getBytes(getElementTypeOrSelf(scan.getSequences()[i]));
  }

  SavePlan run();

private:
  /// What is read from memory, with what that costs.
  struct Choice {
    ValueSet read; // saved and stored values that the gradient reads, products or their gates too
    int64_t cost;
  };

  static int64_t getBytes(Type type) { return type.getIntOrFloatBitWidth() / 8; }
  bool isStored(Value value) const { return storedValues.contains(value); }

  /// `values` and all that computing them takes, down to block arguments and to what is read.
  ValueSet getClosure(ArrayRef<Value> values, const ValueSet &read) const;
  Value getRawGate(Value product, const ValueSet &closure);
  /// Completes `read` by products that are needed in addition.
  Choice evaluate(ValueSet read);
  DictionaryAttr describe(const SavePlan &plan, const ValueSet &read);

  ScanOp scan;
  ArrayRef<Value> needed;
  llvm::SmallMapVector<Value, Value, 4> storedValues;
  llvm::DenseMap<Value, int64_t> elementBytes; // of elements of sequences
};

ValueSet Planner::getClosure(ArrayRef<Value> values, const ValueSet &read) const {
  ValueSet closure;
  SmallVector<Value> open(values);
  while (!open.empty()) {
    Value value = open.pop_back_val();
    if (!closure.insert(value) || read.contains(value))
      continue;
    if (Operation *op = value.getDefiningOp())
      open.append(op->operand_begin(), op->operand_end());
  }
  return closure;
}

/// The sum with inputs and constants through which alone a product is read, or the product.
Value Planner::getRawGate(Value product, const ValueSet &closure) {
  auto isFixed = [&](Value value) { // an element of a sequence or a constant
    auto argument = dyn_cast<BlockArgument>(value);
    return argument && !llvm::is_contained(scan.getProductArgs(), argument) &&
           !llvm::is_contained(scan.getStateArgs(), argument);
  };
  Value gate = product;
  while (!llvm::is_contained(needed, gate)) {
    Operation *reader = nullptr;
    for (Operation *user : gate.getUsers())
      if (user->getNumResults() == 1 && closure.contains(user->getResult(0)) && user != reader) {
        if (reader)
          return gate;
        reader = user;
      }
    auto sum = dyn_cast_or_null<arith::AddFOp>(reader);
    if (!sum || !isFixed(sum.getLhs() == gate ? sum.getRhs() : sum.getLhs()))
      return gate;
    gate = sum;
  }
  return gate;
}

Planner::Choice Planner::evaluate(ValueSet read) {
  ValueSet closure = getClosure(needed, read);
  for (BlockArgument product : scan.getProductArgs())
    if (closure.contains(product))
      read.insert(getRawGate(product, closure));
  closure = getClosure(needed, read);
  // What another choice has made unnecessary.
  read.remove_if([&](Value value) { return !closure.contains(value); });

  int64_t bytes = 0, work = 0, size = getBytes(scan.getAccumulationType());
  for (Value value : closure)
    if (read.contains(value))
      bytes += isStored(value) ? size : 2 * size;
    else if (Operation *op = value.getDefiningOp())
      work += getWork(op);
    else
      bytes += elementBytes.lookup(value);
  for (auto [state, argument] : llvm::enumerate(scan.getStateArgs()))
    if (closure.contains(argument))
      bytes += isStored(scan.getNewStates()[state]) ? size : 2 * size;
  return {std::move(read), kOperationsPerByte * bytes + work};
}

DictionaryAttr Planner::describe(const SavePlan &plan, const ValueSet &read) {
  ValueNames names(scan);
  std::string size =
      std::to_string(getBytes(scan.getAccumulationType())) + " bytes a unit and token";
  NamedAttrList description;
  Builder builder(scan.getContext());
  auto add = [&](StringRef name, const std::string &text) {
    description.set(name, builder.getStringAttr(text));
  };
  for (unsigned state : plan.oldStates)
    add(getStateName(scan, state),
        isStored(scan.getNewStates()[state]) ? "saved: an output" : "saved: " + size);
  for (Value value : plan.stored)
    add(names[value], "saved: an output");
  for (Value value : plan.values)
    add(names[value], "saved: " + size);
  for (Value value : needed) {
    int64_t operations = 0;
    for (Value part : getClosure(value, read))
      if (Operation *op = read.contains(part) ? nullptr : part.getDefiningOp())
        operations += getWork(op) > 0;
    if (operations > 0)
      add(names[value], "recomputed: " + std::to_string(operations) +
                            (operations == 1 ? " operation" : " operations") +
                            " from saved values");
  }
  return description.getDictionary(scan.getContext());
}

SavePlan Planner::run() {
  Choice best = evaluate({});
  for (Operation &op : scan.getStepBlock().without_terminator()) {
    Value value = op.getResult(0);
    if (!isa<FloatType>(value.getType()) || best.read.contains(value))
      continue;
    ValueSet with = best.read;
    with.insert(value);
    if (Choice choice = evaluate(with); choice.cost < best.cost)
      best = choice;
  }
  SavePlan plan;
  for (Value value : best.read)
    (isStored(value) ? plan.stored : plan.values).push_back(value);
  ValueSet closure = getClosure(needed, best.read);
  for (auto [state, argument] : llvm::enumerate(scan.getStateArgs()))
    if (closure.contains(argument))
      plan.oldStates.push_back(state);
  plan.description = describe(plan, best.read);
  return plan;
}

} // namespace

SavePlan mlir::xlstm::planSaves(ScanOp scan, ArrayRef<Value> needed) {
  return Planner(scan, needed).run();
}

SmallVector<std::string> mlir::xlstm::listSaves(Operation *root) {
  SmallVector<std::string> lines;
  root->walk([&](Operation *op) {
    if (auto saves = op->getAttrOfType<DictionaryAttr>(saveAttrName))
      for (NamedAttribute save : saves)
        lines.push_back((op->getName().getStringRef() + ": " + save.getName().getValue() + ": " +
                         cast<StringAttr>(save.getValue()).getValue())
                            .str());
  });
  return lines;
}
