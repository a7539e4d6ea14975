// SPDX-License-Identifier: Apache-2.0
#include "compiler/Import/IR/Step.h"

#include "compiler/Import/IR/Function.h"
#include "dialect/xlstm/IR/FunctionAttrs.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using mlir::xlstm::MLSTMOp;
using mlir::xlstm::ScanOp;

namespace xlstm {

/// The function's only op besides its return, if a step can be made of it.
static Operation *onlyCell(func::FuncOp forward) {
  if (forward.isExternal() || !forward.getBody().hasOneBlock())
    return nullptr;
  Block &block = forward.getBody().front();
  if (!llvm::hasNItems(block, 2))
    return nullptr;
  Operation *cell = &block.front();
  if (auto op = dyn_cast<MLSTMOp>(cell); op && (op.isStep() || op.getSaveStates()))
    return nullptr;
  if (auto op = dyn_cast<ScanOp>(cell);
      op && (op.getStep() || op.getReverse() || !op.getPrevious().empty()))
    return nullptr;
  bool usesArguments = llvm::all_of(cell->getOperands(), llvm::IsaPred<BlockArgument>);
  bool givesResults = llvm::all_of(block.getTerminator()->getOperands(),
                                   [&](Value value) { return value.getDefiningOp() == cell; });
  return isa<MLSTMOp, ScanOp>(cell) && usesArguments && givesResults ? cell : nullptr;
}

/// The tensor of one token. `batch` is the extent of the batch.
static FunctionTensor ofOneToken(FunctionTensor tensor, ArrayRef<StringRef> axes, int64_t batch) {
  if (axes.empty())
    return tensor;
  SmallVector<int64_t> shape(tensor.type.getShape());
  if (axes.size() == 2) // [B, T, …]
    shape.erase(shape.begin() + 1);
  shape[0] = batch;
  tensor.type = RankedTensorType::get(shape, tensor.type.getElementType());
  tensor.dims.clear();
  if (ShapedType::isDynamic(batch))
    tensor.dims.push_back("B");
  return tensor;
}

static Operation *buildStep(OpBuilder &builder, MLSTMOp op, const IRMapping &map) {
  mlir::xlstm::MLSTMOperands x = op.getMLSTMOperands();
  for (Value *value : {&x.q, &x.k, &x.v, &x.i, &x.f, &x.c0, &x.n0, &x.m0})
    *value = *value ? map.lookup(*value) : Value();
  x.cuSeqlens = x.reset = {};
  return builder.create<MLSTMOp>(op.getLoc(), x, op.getOptions(), mlir::xlstm::MLSTMForm::Step);
}

static Operation *buildStep(OpBuilder &builder, ScanOp op, IRMapping map,
                            ArrayRef<Type> outputTypes) {
  mlir::xlstm::ScanOperands x = op.getScanOperands();
  for (SmallVector<Value> *values : {&x.sequences, &x.constants, &x.initialStates})
    for (Value &value : *values)
      value = value ? map.lookup(value) : Value();
  x.recurrent = x.recurrent ? map.lookup(x.recurrent) : Value();
  x.cuSeqlens = x.reset = {};
  mlir::xlstm::ScanOptions options = op.getOptions();
  options.step = true;
  auto step = builder.create<ScanOp>(op.getLoc(), x, options, outputTypes, op.getNumStates());
  map.map(op.getStepBlock().getArguments(), step.getStepBlock().getArguments());
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(&step.getStepBlock());
  for (Operation &inner : op.getStepBlock())
    builder.clone(inner, map);
  return step;
}

func::FuncOp deriveStep(func::FuncOp forward) {
  Operation *cell = onlyCell(forward);
  if (!cell)
    return {};
  Value cuSeqlens, reset, tokens;
  if (auto op = dyn_cast<MLSTMOp>(cell))
    cuSeqlens = op.getCuSeqlens(), reset = op.getReset(), tokens = op.getQ();
  else
    cuSeqlens = cast<ScanOp>(cell).getCuSeqlens(), reset = cast<ScanOp>(cell).getReset(),
    tokens = cast<ScanOp>(cell).getSequences().front();
  int64_t batch = cast<RankedTensorType>(tokens.getType()).getDimSize(0);

  SmallVector<Role> roles = getRoles(cell);
  auto axesOf = [&](Value value) -> ArrayRef<StringRef> {
    const Role *role = llvm::find_if(roles, [&](const Role &role) { return role.value == value; });
    return role == roles.end() ? ArrayRef<StringRef>() : ArrayRef<StringRef>(role->axes);
  };
  SmallVector<FunctionTensor> arguments, results;
  SmallVector<Value> kept;
  for (BlockArgument argument : forward.getArguments())
    if (argument != cuSeqlens && argument != reset) {
      kept.push_back(argument);
      arguments.push_back(
          ofOneToken(getArgument(forward, argument.getArgNumber()), axesOf(argument), batch));
    }
  Operation *exit = forward.getBody().front().getTerminator();
  for (OpOperand &operand : exit->getOpOperands())
    results.push_back(
        ofOneToken(getResult(forward, operand.getOperandNumber()), axesOf(operand.get()), batch));

  OpBuilder builder(forward.getContext());
  builder.setInsertionPointAfter(forward);
  auto attributes = forward->getAttrOfType<DictionaryAttr>(mlir::xlstm::cellAttrName);
  // C may be kept in another type between steps than from one sequence to the next.
  if (auto op = dyn_cast<MLSTMOp>(cell)) {
    auto dtype = attributes ? attributes.getAs<StringAttr>("state_dtype") : StringAttr();
    auto keep = [&](FunctionTensor &tensor, Value value, Value C) {
      if (dtype && dtype != "f32" && value == C)
        tensor.type = tensor.type.clone(dtype == "bf16" ? Type(builder.getBF16Type())
                                                        : Type(builder.getF16Type()));
    };
    for (auto [tensor, value] : llvm::zip(arguments, kept))
      keep(tensor, value, op.getC0());
    for (auto [tensor, operand] : llvm::zip(results, exit->getOperands()))
      keep(tensor, operand, op.getCLast());
  }
  return buildFunction(
      builder, forward.getLoc(), "step", attributes, arguments, results, [&](ValueRange values) {
        IRMapping map;
        map.map(ValueRange(kept), values);
        Operation *step;
        if (auto op = dyn_cast<MLSTMOp>(cell)) {
          step = buildStep(builder, op, map);
        } else {
          auto scan = cast<ScanOp>(cell);
          SmallVector<Type> outputTypes;
          for (Value output : scan.getOutputs())
            outputTypes.push_back(
                ofOneToken({"", cast<RankedTensorType>(output.getType()), {}}, {"B", "T"}, batch)
                    .type);
          step = buildStep(builder, scan, map, outputTypes);
        }
        map.map(cell->getResults(), step->getResults());
        SmallVector<Value> returned;
        for (Value value : exit->getOperands())
          returned.push_back(map.lookup(value));
        return returned;
      });
}

} // namespace xlstm
