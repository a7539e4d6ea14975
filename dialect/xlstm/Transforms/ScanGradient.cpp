// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/Transforms/ScanGradient.h"

#include "dialect/xlstm/Transforms/RegionGradient.h"
#include "dialect/xlstm/Transforms/SavePlan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::xlstm;

bool mlir::xlstm::hasGradient(ScanOp scan, unsigned state) {
  if (!scan.getNewStates()[state].getDefiningOp<StopGradientOp>())
    return true;
  auto reached = getDifferentiableUses(scan.getStepBlock(), scan.getStateArgs()[state]);
  return llvm::any_of(scan.getYield()->getOperands(),
                      [&](Value value) { return reached.contains(value); });
}

namespace {

/// Values that a scan yields as one tensor.
struct Stack {
  SmallVector<Value> values; // K of them; null: zero
  bool hasChannels;          // [B, T, K, H, D], or [B, T, H, D] with one value
  Type element;

  bool operator==(const Stack &other) const {
    return values == other.values && hasChannels == other.hasChannels && element == other.element;
  }
};

/// Where a tensor of the reverse scan comes from: its number among the outputs.
using OutputNumber = unsigned;

class ScanDifferentiator {
public:
  ScanDifferentiator(OpBuilder &builder, ScanOp scan, ArrayRef<Value> outputGradients,
                     ArrayRef<Value> lastGradients)
      : b(builder), loc(scan.getLoc()), scan(scan), type(scan.getAccumulationType()),
        outputGradients(outputGradients), lastGradients(lastGradients) {
    for (int64_t s = 0; s < scan.getNumStates(); ++s)
      if (hasGradient(scan, s))
        states.push_back(s);
  }
  ScanGradients run() {
    differentiateRegion();
    save();
    buildReverseScan();
    return collect();
  }

private:
  void differentiateRegion();
  SmallVector<Value> getNeeded();
  void save();
  void buildReverseScan();
  ScanGradients collect();

  OutputNumber addOutput(ArrayRef<Value> values, bool hasChannels, Type element);
  Value getReadBefore(unsigned state);
  Value recompute(Value value, OpBuilder &body, IRMapping &map);
  Value clipProduct(Value product, OpBuilder &body);
  Value addProductToInitial(Value gradient);

  /// Whether the product R^T dgates reaches the gradient of h.
  bool hasProduct() { return scan.getRecurrent() && !scan.getRecurrentGradCut(); }

  OpBuilder &b;
  Location loc;
  ScanOp scan;
  Type type; // of scalars
  ArrayRef<Value> outputGradients, lastGradients;
  SmallVector<unsigned> states; // those that have a gradient

  // The gradient of one step. Its arguments are the gradients of outputs that have one, then of the
  // new `states`; it refers to values of the scan's block.
  OwningOpRef<ModuleOp> holder = ModuleOp::create(loc);
  Block &gradient = *holder->getBody();
  SmallVector<Value> products, oldStates;               // gradients of these, null: zero
  SmallVector<SmallVector<Value>> sequences, constants; // the same, by operand

  SavePlan plan;
  Value savedValues;                               // [B, T, K, H, D]
  llvm::SmallDenseMap<Value, Value> storedTensors; // [B, T, H, D]; outputs of one value

  ScanOp reverse;
  SmallVector<Stack> outputs; // of the reverse scan
  SmallVector<OutputNumber> sequenceOutputs, constantOutputs;
  OutputNumber productOutput = 0;
  SmallVector<int64_t> productChannels;
};

//===----------------------------------------------------------------------===//
// The gradient of one step
//===----------------------------------------------------------------------===//

void ScanDifferentiator::differentiateRegion() {
  SmallVector<GradientSeed> seeds;
  for (auto [i, tensor] : llvm::enumerate(outputGradients))
    if (tensor)
      for (Value value : scan.getOutputValues(i))
        seeds.push_back({value, gradient.addArgument(type, loc)});
  for (unsigned state : states)
    seeds.push_back({scan.getNewStates()[state], gradient.addArgument(type, loc)});

  SmallVector<Value> inputs(scan.getProductArgs());
  for (unsigned i = 0; i < scan.getSequences().size(); ++i)
    llvm::append_range(inputs, scan.getSequenceArgs(i));
  for (unsigned i = 0; i < scan.getConstants().size(); ++i)
    llvm::append_range(inputs, scan.getConstantArgs(i));
  for (unsigned state : states)
    inputs.push_back(scan.getStateArgs()[state]);

  OpBuilder inner = OpBuilder::atBlockEnd(&gradient);
  SmallVector<Value> results = differentiate(inner, scan.getStepBlock(), seeds, inputs);
  llvm::SmallDenseSet<Value> live(results.begin(), results.end());
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(gradient)))
    if (op.use_empty() && !live.contains(op.getResult(0)))
      op.erase();

  ArrayRef<Value> rest = results;
  auto take = [&](size_t count) {
    SmallVector<Value> taken(rest.take_front(count));
    rest = rest.drop_front(count);
    return taken;
  };
  products = take(scan.getProductArgs().size());
  for (unsigned i = 0; i < scan.getSequences().size(); ++i)
    sequences.push_back(take(scan.getSequenceChannels(i)));
  for (unsigned i = 0; i < scan.getConstants().size(); ++i)
    constants.push_back(take(scan.getConstantChannels(i)));
  oldStates = take(states.size());
}

/// The values of the scan's block that the gradient reads.
SmallVector<Value> ScanDifferentiator::getNeeded() {
  llvm::SetVector<Value> needed;
  for (Operation &op : gradient)
    for (Value operand : op.getOperands())
      if (operand.getParentBlock() == &scan.getStepBlock())
        needed.insert(operand);
  return needed.takeVector();
}

//===----------------------------------------------------------------------===//
// What the forward scan stores
//===----------------------------------------------------------------------===//

/// Replaces the scan by one with more outputs: the saved values as one tensor, each state that is
/// read before the step as one of its own, unless it is an output already.
void ScanDifferentiator::save() {
  plan = planSaves(scan, getNeeded());
  SmallVector<Type> types(scan.getOutputs().getTypes());
  SmallVector<Value> values; // of the new outputs
  auto like = cast<RankedTensorType>(scan.getSequences()[0].getType());
  int64_t valuesOutput = -1;
  if (!plan.values.empty()) {
    valuesOutput = types.size();
    types.push_back(getScanSequenceType(like, plan.values.size(), type, /*step=*/false));
    llvm::append_range(values, plan.values);
  }
  llvm::SmallMapVector<Value, unsigned, 4> stored; // the number of an output
  for (auto [value, output] : getStoredValues(scan))
    if (output)
      stored.insert({value, cast<OpResult>(output).getResultNumber()});
  auto store = [&](Value value) {
    if (!stored.insert({value, types.size()}).second)
      return;
    types.push_back(getScanSequenceType(like, 0, type, /*step=*/false));
    values.push_back(value);
  };
  for (unsigned state : plan.oldStates)
    store(scan.getNewStates()[state]);
  if (scan.getRecurrent())
    store(scan.getNewStates()[0]); // for dr

  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(scan);
  auto storing =
      b.create<ScanOp>(loc, scan.getScanOperands(), scan.getOptions(), types, scan.getNumStates());
  storing->setDiscardableAttrs(scan->getDiscardableAttrDictionary());
  storing->setAttr(saveAttrName, plan.description);
  // The gradient refers to values of the region, so it moves as it is.
  storing.getBody().takeBody(scan.getBody());
  storing.getYield().getOutputsMutable().append(values);
  for (auto [i, output] : llvm::enumerate(scan.getOutputs()))
    output.replaceAllUsesWith(storing.getOutputs()[i]);
  for (auto [i, last] : llvm::enumerate(scan.getLastStates()))
    last.replaceAllUsesWith(storing.getLastStates()[i]);
  scan.erase();
  scan = storing;
  if (valuesOutput >= 0)
    savedValues = scan.getOutputs()[valuesOutput];
  for (auto [value, output] : stored)
    storedTensors[value] = scan.getOutputs()[output];
}

//===----------------------------------------------------------------------===//
// The reverse scan
//===----------------------------------------------------------------------===//

/// The number of the output that stacks `values`; the same values twice are one output.
OutputNumber ScanDifferentiator::addOutput(ArrayRef<Value> values, bool hasChannels, Type element) {
  Stack stack{SmallVector<Value>(values), hasChannels, element};
  auto found = llvm::find(outputs, stack);
  if (found == outputs.end()) {
    outputs.push_back(stack);
    return outputs.size() - 1;
  }
  return found - outputs.begin();
}

/// A value of the step of the forward scan, in the body of the reverse scan.
Value ScanDifferentiator::recompute(Value value, OpBuilder &body, IRMapping &map) {
  if (Value known = map.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    recompute(operand, body, map);
  body.clone(*op, map);
  return map.lookup(value);
}

Value ScanDifferentiator::clipProduct(Value product, OpBuilder &body) {
  std::optional<APFloat> clip = scan.getRecurrentGradClip();
  if (!clip)
    return product;
  auto constant = [&](double bound) -> Value {
    return body.create<arith::ConstantOp>(loc, body.getFloatAttr(type, bound));
  };
  double bound = clip->convertToDouble();
  Value below = body.create<arith::MinimumFOp>(loc, product, constant(bound));
  return body.create<arith::MaximumFOp>(loc, below, constant(-bound));
}

void ScanDifferentiator::buildReverseScan() {
  // What it yields at each token.
  for (auto [i, sequence] : llvm::enumerate(scan.getSequences())) {
    auto tensor = cast<RankedTensorType>(sequence.getType());
    sequenceOutputs.push_back(
        addOutput(sequences[i], tensor.getRank() == 5, tensor.getElementType()));
  }
  for (auto [i, constant] : llvm::enumerate(scan.getConstants()))
    constantOutputs.push_back(
        addOutput(constants[i], cast<RankedTensorType>(constant.getType()).getRank() == 3, type));
  if (scan.getRecurrent()) {
    // The gradients of the products are channels of an output, most often of that for b.
    auto holdsAll = [&](const Stack &stack) {
      return stack.hasChannels && stack.element == type && llvm::all_of(products, [&](Value value) {
               return llvm::is_contained(stack.values, value);
             });
    };
    auto found = llvm::find_if(outputs, holdsAll);
    productOutput =
        found != outputs.end() ? found - outputs.begin() : addOutput(products, true, type);
    for (Value value : products)
      productChannels.push_back(llvm::find(outputs[productOutput].values, value) -
                                outputs[productOutput].values.begin());
  }

  // What it reads.
  ScanOperands operands;
  SmallVector<Value> needed = getNeeded();
  llvm::SetVector<Value> leaves; // arguments of the forward step that are not saved
  SmallVector<Value> open = needed;
  while (!open.empty()) {
    Value value = open.pop_back_val();
    if (llvm::is_contained(plan.values, value) || llvm::is_contained(plan.stored, value) ||
        leaves.contains(value))
      continue;
    if (Operation *op = value.getDefiningOp())
      open.append(op->operand_begin(), op->operand_end());
    else
      leaves.insert(value);
  }
  auto isRead = [&](ArrayRef<BlockArgument> elements) {
    return llvm::any_of(elements, [&](Value element) { return leaves.contains(element); });
  };
  for (Value tensor : outputGradients)
    if (tensor)
      operands.sequences.push_back(tensor);
  if (savedValues)
    operands.sequences.push_back(savedValues);
  SmallVector<Value> arguments(plan.values); // of the forward step, in the order of the reverse one
  for (Value value : plan.stored) {
    operands.sequences.push_back(storedTensors[value]);
    arguments.push_back(value);
  }
  for (auto [i, sequence] : llvm::enumerate(scan.getSequences()))
    if (isRead(scan.getSequenceArgs(i))) {
      operands.sequences.push_back(sequence);
      llvm::append_range(arguments, scan.getSequenceArgs(i));
    }
  for (unsigned state : plan.oldStates) {
    operands.previous.push_back(
        {storedTensors[scan.getNewStates()[state]], scan.getInitialState(state)});
    arguments.push_back(scan.getStateArgs()[state]);
  }
  for (auto [i, constant] : llvm::enumerate(scan.getConstants()))
    if (isRead(scan.getConstantArgs(i))) {
      operands.constants.push_back(constant);
      llvm::append_range(arguments, scan.getConstantArgs(i));
    }
  unsigned carried = hasProduct() ? products.size() : 0; // states before those of the cell
  operands.initialStates.assign(carried, Value());
  for (unsigned state : states)
    operands.initialStates.push_back(lastGradients[state]);
  if (hasProduct())
    operands.recurrent = scan.getRecurrent();
  operands.cuSeqlens = scan.getCuSeqlens();
  operands.reset = scan.getReset();

  ScanOptions options;
  options.reverse = true;
  options.transposed = hasProduct();
  auto like = cast<RankedTensorType>(scan.getSequences()[0].getType());
  SmallVector<Type> types;
  for (const Stack &stack : outputs)
    types.push_back(getScanSequenceType(like, stack.hasChannels ? stack.values.size() : 0,
                                        stack.element, /*step=*/false));
  reverse = b.create<ScanOp>(loc, operands, options, types, carried + states.size());

  // Its region: the arguments in their order, then the forward step's values, then the gradient.
  Block &block = reverse.getStepBlock();
  OpBuilder body = OpBuilder::atBlockEnd(&block);
  IRMapping map;
  auto blockArguments = block.getArguments().drop_front(hasProduct() ? 1 : 0);
  unsigned seedsOfOutputs = gradient.getNumArguments() - states.size();
  for (unsigned i = 0; i < seedsOfOutputs; ++i)
    map.map(gradient.getArgument(i), blockArguments[i]);
  for (auto [i, value] : llvm::enumerate(arguments))
    map.map(value, blockArguments[seedsOfOutputs + i]);
  for (auto [i, state] : llvm::enumerate(states)) {
    Value incoming = reverse.getStateArgs()[carried + i];
    if (state == 0 && hasProduct())
      incoming =
          body.create<arith::AddFOp>(loc, incoming, clipProduct(reverse.getProductArgs()[0], body));
    map.map(gradient.getArgument(seedsOfOutputs + i), incoming);
  }
  for (Value value : needed)
    recompute(value, body, map);
  for (Operation &op : gradient)
    body.clone(op, map);
  Value zero;
  auto mapped = [&](Value value) {
    if (value)
      return map.lookup(value);
    if (!zero)
      zero = body.create<arith::ConstantOp>(loc, body.getFloatAttr(type, 0));
    return zero;
  };
  SmallVector<Value> outputValues, newStates;
  for (const Stack &stack : outputs)
    for (Value value : stack.values)
      outputValues.push_back(mapped(value));
  if (hasProduct())
    for (Value value : products)
      newStates.push_back(mapped(value));
  for (Value value : oldStates)
    newStates.push_back(mapped(value));
  body.create<YieldOp>(loc, outputValues, newStates);
}

//===----------------------------------------------------------------------===//
// The gradients of the operands
//===----------------------------------------------------------------------===//

/// dh0: the gradient of h that the reverse scan ends with does not have the product of the first
/// token's dgates in it yet. One more step, of states only, adds it.
Value ScanDifferentiator::addProductToInitial(Value dh) {
  ScanOperands operands;
  operands.sequences.push_back(dh);
  operands.recurrent = scan.getRecurrent();
  llvm::append_range(operands.initialStates, reverse.getLastStates().take_front(products.size()));
  ScanOptions options;
  options.transposed = options.step = true;
  auto step = b.create<ScanOp>(loc, operands, options, TypeRange(dh.getType()), products.size());
  OpBuilder body = OpBuilder::atBlockEnd(&step.getStepBlock());
  Value sum = body.create<arith::AddFOp>(loc, step.getSequenceArgs(0)[0],
                                         clipProduct(step.getProductArgs()[0], body));
  body.create<YieldOp>(loc, ValueRange(sum), SmallVector<Value>(step.getStateArgs()));
  return step.getOutputs()[0];
}

ScanGradients ScanDifferentiator::collect() {
  ScanGradients result;
  for (OutputNumber number : sequenceOutputs)
    result.sequences.push_back(reverse.getOutputs()[number]);
  for (auto [number, constant] : llvm::zip(constantOutputs, scan.getConstants()))
    result.constants.push_back(
        b.create<TimeSumOp>(loc, constant.getType(), reverse.getOutputs()[number]));
  if (scan.getRecurrent())
    result.recurrent = b.create<OuterSumOp>(
        loc, scan.getRecurrent().getType(), reverse.getOutputs()[productOutput],
        storedTensors[scan.getNewStates()[0]], scan.getInitialState(0), scan.getCuSeqlens(),
        scan.getReset(), productChannels);
  result.initialStates.assign(scan.getNumStates(), Value());
  for (auto [i, state] : llvm::enumerate(states)) {
    if (!scan.getInitialState(state))
      continue;
    Value last = reverse.getLastStates()[(hasProduct() ? products.size() : 0) + i];
    result.initialStates[state] = state == 0 && hasProduct() ? addProductToInitial(last) : last;
  }
  return result;
}

} // namespace

FailureOr<ScanGradients> mlir::xlstm::differentiate(OpBuilder &builder, ScanOp scan,
                                                    ArrayRef<Value> outputs,
                                                    ArrayRef<Value> lastStates) {
  if (scan.getReverse() || scan.getTransposed() || scan.getStep() || !scan.getPrevious().empty())
    return scan.emitOpError("expected a scan without reverse, transposed, step and previous: only "
                            "such scans can be differentiated");
  return ScanDifferentiator(builder, scan, outputs, lastStates).run();
}
