// SPDX-License-Identifier: Apache-2.0
// xlstm.scan: construction, roles of the region's arguments. Its syntax is in ScanSyntax.cpp, its
// constraints are in ScanVerifier.cpp.
#include "dialect/xlstm/IR/Constraints.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::xlstm;
using namespace mlir::xlstm::detail;

//===----------------------------------------------------------------------===//
// Extents and roles
//===----------------------------------------------------------------------===//

RankedTensorType mlir::xlstm::getScanSequenceType(RankedTensorType like, int64_t channels,
                                                  Type element, bool step) {
  ArrayRef<int64_t> shape = like.getShape();
  SmallVector<int64_t> extents(shape.take_front(step ? 1 : 2));
  if (channels)
    extents.push_back(channels);
  llvm::append_range(extents, shape.take_back(2));
  return RankedTensorType::get(extents, element);
}

/// K of [..., K, H, D], where `base` axes stand before H and D if there is no K; 1 without.
static int64_t channelsOf(Type type, int64_t base) {
  auto tensor = cast<RankedTensorType>(type);
  return tensor.getRank() == base + 3 ? tensor.getDimSize(base) : 1;
}

int64_t ScanOp::getChannels(Type type) { return channelsOf(type, getStep() ? 1 : 2); }

int64_t ScanOp::getConstantChannels(unsigned i) {
  return channelsOf(getConstants()[i].getType(), 0);
}

/// [H, D] of any result: all tensors of tokens and all states have them last.
static ArrayRef<int64_t> unitsOf(ScanOp op) {
  return cast<RankedTensorType>(op->getResult(0).getType()).getShape().take_back(2);
}

int64_t ScanOp::getHeads() { return unitsOf(*this).front(); }

int64_t ScanOp::getHeadSize() { return unitsOf(*this).back(); }

static Type accumulationOf(TypeRange tensors, MLIRContext *context) {
  for (Type type : tensors)
    if (getElementTypeOrSelf(type).isF64())
      return getElementTypeOrSelf(type);
  return Float32Type::get(context);
}

Type ScanOp::getAccumulationType() { return accumulationOf(getResultTypes(), getContext()); }

std::string ScanOp::getStateName(unsigned i) {
  if (std::optional<ArrayAttr> names = getStateNames())
    return cast<StringAttr>((*names)[i]).str();
  return "state" + std::to_string(i);
}

/// The number of products of matrices `recurrent`, which may be null.
static int64_t productsOf(Value recurrent, bool transposed) {
  if (!recurrent)
    return 0;
  return transposed ? 1 : cast<RankedTensorType>(recurrent.getType()).getDimSize(0);
}

int64_t ScanOp::getProducts() { return productsOf(getRecurrent(), getTransposed()); }

/// Entry i of optional values of which only those that are there are stored.
static Value getPresent(ValueRange present, ArrayRef<bool> has, unsigned i) {
  return has[i] ? present[llvm::count(has.take_front(i), true)] : Value();
}

Value ScanOp::getPreviousInitial(unsigned i) {
  return getPresent(getPreviousInitials(), getPreviousHasInitial(), i);
}

Value ScanOp::getInitialState(unsigned i) {
  ArrayRef<bool> has = getStatesHaveInitial();
  return has.empty() ? Value() : getPresent(getInitialStates(), has, i);
}

ScanOptions ScanOp::getOptions() {
  ScanOptions options;
  options.reverse = getReverse();
  options.transposed = getTransposed();
  options.step = getStep();
  options.recurrentGradCut = getRecurrentGradCut();
  if (std::optional<APFloat> clip = getRecurrentGradClip())
    options.recurrentGradClip = clip->convertToDouble();
  if (std::optional<ArrayAttr> names = getStateNames())
    for (StringAttr name : names->getAsRange<StringAttr>())
      options.stateNames.push_back(name.str());
  return options;
}

ScanOperands ScanOp::getScanOperands() {
  ScanOperands operands;
  operands.sequences.assign(getSequences().begin(), getSequences().end());
  for (auto [number, sequence] : llvm::enumerate(getPrevious()))
    operands.previous.push_back({sequence, getPreviousInitial(number)});
  operands.constants.assign(getConstants().begin(), getConstants().end());
  operands.recurrent = getRecurrent();
  for (unsigned state = 0; state < getStatesHaveInitial().size(); ++state)
    operands.initialStates.push_back(getInitialState(state));
  operands.cuSeqlens = getCuSeqlens();
  operands.reset = getReset();
  return operands;
}

MutableArrayRef<BlockArgument> ScanOp::getArgs(int64_t first, int64_t count) {
  return getStepBlock().getArguments().slice(first, count);
}

MutableArrayRef<BlockArgument> ScanOp::getProductArgs() { return getArgs(0, getProducts()); }

MutableArrayRef<BlockArgument> ScanOp::getSequenceArgs(unsigned i) {
  int64_t first = getProducts();
  for (unsigned before = 0; before < i; ++before)
    first += getSequenceChannels(before);
  return getArgs(first, getSequenceChannels(i));
}

MutableArrayRef<BlockArgument> ScanOp::getPreviousArgs(unsigned i) {
  int64_t first = getProducts();
  for (unsigned sequence = 0; sequence < getSequences().size(); ++sequence)
    first += getSequenceChannels(sequence);
  for (unsigned before = 0; before < i; ++before)
    first += getPreviousChannels(before);
  return getArgs(first, getPreviousChannels(i));
}

MutableArrayRef<BlockArgument> ScanOp::getConstantArgs(unsigned i) {
  // Counted from the end: states, then the constants from i on.
  int64_t after = getNumStates();
  for (unsigned constant = i; constant < getConstants().size(); ++constant)
    after += getConstantChannels(constant);
  return getArgs(getStepBlock().getNumArguments() - after, getConstantChannels(i));
}

MutableArrayRef<BlockArgument> ScanOp::getStateArgs() {
  return getArgs(getStepBlock().getNumArguments() - getNumStates(), getNumStates());
}

YieldOp ScanOp::getYield() { return cast<YieldOp>(getStepBlock().getTerminator()); }

OperandRange ScanOp::getOutputValues(unsigned i) {
  int64_t first = 0;
  for (unsigned before = 0; before < i; ++before)
    first += getOutputChannels(before);
  return getYield().getOutputs().slice(first, getOutputChannels(i));
}

OperandRange ScanOp::getNewStates() { return getYield().getStates(); }

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

void ScanOp::build(OpBuilder &builder, OperationState &state, const ScanOperands &operands,
                   ScanOptions options, TypeRange outputs, int64_t states) {
  MLIRContext *context = state.getContext();
  Properties &properties = state.getOrAddProperties<Properties>();
  SmallVector<bool> hasInitial;
  SmallVector<Value> previous, initials;
  for (const ScanPrevious &entry : operands.previous) {
    previous.push_back(entry.sequence);
    hasInitial.push_back(bool(entry.initial));
    if (entry.initial)
      initials.push_back(entry.initial);
  }
  SmallVector<bool> stateHasInitial;
  SmallVector<Value> initialStates;
  for (Value initial : operands.initialStates) {
    stateHasInitial.push_back(bool(initial));
    if (initial)
      initialStates.push_back(initial);
  }
  if (initialStates.empty())
    stateHasInitial.clear();
  SmallVector<int32_t, 8> segments;
  auto add = [&](ValueRange values) {
    state.addOperands(values);
    segments.push_back(values.size());
  };
  auto addOptional = [&](Value value) { add(value ? ValueRange(value) : ValueRange()); };
  add(operands.sequences);
  add(previous);
  add(initials);
  add(operands.constants);
  addOptional(operands.recurrent);
  add(initialStates);
  addOptional(operands.cuSeqlens);
  addOptional(operands.reset);
  llvm::copy(segments, properties.operandSegmentSizes.begin());
  properties.resultSegmentSizes = {int32_t(outputs.size()), int32_t(states)};
  properties.previous_has_initial = DenseBoolArrayAttr::get(context, hasInitial);
  properties.states_have_initial = DenseBoolArrayAttr::get(context, stateHasInitial);
  if (!options.stateNames.empty())
    properties.state_names = builder.getStrArrayAttr(
        SmallVector<StringRef>(options.stateNames.begin(), options.stateNames.end()));
  if (options.recurrentGradClip)
    properties.recurrent_grad_clip = builder.getF64FloatAttr(*options.recurrentGradClip);
  UnitAttr unit = UnitAttr::get(context);
  if (options.recurrentGradCut)
    properties.recurrent_grad_cut = unit;
  if (options.reverse)
    properties.reverse = unit;
  if (options.transposed)
    properties.transposed = unit;
  if (options.step)
    properties.step = unit;

  // A tensor that has the extents of batch and units.
  Value tokens = operands.sequences.empty() ? initialStates.front() : operands.sequences.front();
  auto like = cast<RankedTensorType>(tokens.getType());
  Type accumulation = accumulationOf(ValueRange(state.operands).getTypes(), context);
  auto cuSeqlens = operands.cuSeqlens ? cast<RankedTensorType>(operands.cuSeqlens.getType())
                                      : RankedTensorType();
  SmallVector<int64_t> stateShape{getStateExtent(like.getDimSize(0), cuSeqlens)};
  llvm::append_range(stateShape, like.getShape().take_back(2));
  state.addTypes(outputs);
  state.addTypes(SmallVector<Type>(states, RankedTensorType::get(stateShape, accumulation)));

  int64_t base = options.step ? 1 : 2;
  int64_t arguments = productsOf(operands.recurrent, options.transposed) + states;
  for (Value value : operands.sequences)
    arguments += channelsOf(value.getType(), base);
  for (Value value : previous)
    arguments += channelsOf(value.getType(), base);
  for (Value value : operands.constants)
    arguments += channelsOf(value.getType(), 0);
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(state.addRegion(), {}, SmallVector<Type>(arguments, accumulation),
                      SmallVector<Location>(arguments, state.location));
}
