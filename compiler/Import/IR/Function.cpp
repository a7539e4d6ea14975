// SPDX-License-Identifier: Apache-2.0
#include "compiler/Import/IR/Function.h"

#include "dialect/xlstm/IR/FunctionAttrs.h"
#include "dialect/xlstm/IR/XLSTM.h"

using namespace mlir;

namespace xlstm {

static DictionaryAttr attributesOf(MLIRContext *context, const FunctionTensor &tensor) {
  Builder builder(context);
  NamedAttrList attributes;
  if (!tensor.name.empty())
    attributes.set(mlir::xlstm::nameAttrName, builder.getStringAttr(tensor.name));
  if (!tensor.dims.empty()) {
    SmallVector<StringRef> dims(tensor.dims.begin(), tensor.dims.end());
    attributes.set(mlir::xlstm::dimsAttrName, builder.getStrArrayAttr(dims));
  }
  if (tensor.isOptional)
    attributes.set(mlir::xlstm::optionalAttrName, builder.getUnitAttr());
  if (tensor.isParameter)
    attributes.set(mlir::xlstm::parameterAttrName, builder.getUnitAttr());
  return attributes.getDictionary(context);
}

static FunctionTensor tensorOf(Type type, DictionaryAttr attributes) {
  FunctionTensor tensor;
  tensor.type = dyn_cast<RankedTensorType>(type);
  if (!attributes)
    return tensor;
  if (auto name = attributes.getAs<StringAttr>(mlir::xlstm::nameAttrName))
    tensor.name = name.str();
  if (auto dims = attributes.getAs<ArrayAttr>(mlir::xlstm::dimsAttrName))
    for (Attribute dim : dims)
      if (auto text = dyn_cast<StringAttr>(dim))
        tensor.dims.push_back(text.str());
  tensor.isOptional = attributes.contains(mlir::xlstm::optionalAttrName);
  tensor.isParameter = attributes.contains(mlir::xlstm::parameterAttrName);
  return tensor;
}

FunctionTensor getArgument(func::FuncOp function, unsigned index) {
  return tensorOf(function.getArgumentTypes()[index], function.getArgAttrDict(index));
}

FunctionTensor getResult(func::FuncOp function, unsigned index) {
  return tensorOf(function.getResultTypes()[index], function.getResultAttrDict(index));
}

void setArgument(func::FuncOp function, unsigned index, const FunctionTensor &tensor) {
  function.setArgAttrs(index, attributesOf(function.getContext(), tensor));
}

void setResult(func::FuncOp function, unsigned index, const FunctionTensor &tensor) {
  function.setResultAttrs(index, attributesOf(function.getContext(), tensor));
}

func::FuncOp buildFunction(OpBuilder &builder, Location loc, StringRef name, DictionaryAttr cell,
                           ArrayRef<FunctionTensor> arguments, ArrayRef<FunctionTensor> results,
                           function_ref<SmallVector<Value>(ValueRange)> body) {
  SmallVector<Type> argumentTypes, resultTypes;
  for (const FunctionTensor &tensor : arguments)
    argumentTypes.push_back(tensor.type);
  for (const FunctionTensor &tensor : results)
    resultTypes.push_back(tensor.type);
  auto function =
      builder.create<func::FuncOp>(loc, name, builder.getFunctionType(argumentTypes, resultTypes));
  if (cell)
    function->setAttr(mlir::xlstm::cellAttrName, cell);
  for (auto [i, tensor] : llvm::enumerate(arguments))
    setArgument(function, i, tensor);
  for (auto [i, tensor] : llvm::enumerate(results))
    setResult(function, i, tensor);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(function.addEntryBlock());
  SmallVector<Value> values = body(function.getArguments());
  builder.create<func::ReturnOp>(loc, values);
  return function;
}

static SmallVector<Role> rolesOf(mlir::xlstm::MLSTMOp op) {
  SmallVector<StringRef, 2> tokens = {"B", "T"}, states = {"S"};
  return {{op.getQ(), "q", tokens},
          {op.getK(), "k", tokens},
          {op.getV(), "v", tokens},
          {op.getI(), "i", tokens},
          {op.getF(), "f", tokens},
          {op.getC0(), "c0", states, true},
          {op.getN0(), "n0", states, true},
          {op.getM0(), "m0", states, true},
          {op.getCuSeqlens(), "cu_seqlens", {"N+1"}, true},
          {op.getReset(), "reset", tokens, true},
          {op.getH(), "h", tokens},
          {op.getCLast(), "c_last", states, true},
          {op.getNLast(), "n_last", states, true},
          {op.getMLast(), "m_last", states, true}};
}

static SmallVector<Role> rolesOf(mlir::xlstm::ScanOp op) {
  SmallVector<StringRef, 2> tokens = {"B", "T"}, states = {"S"};
  SmallVector<Role> roles;
  auto add = [&](ValueRange values, StringRef name, ArrayRef<StringRef> axes) {
    // Several tensors of one role have no name of their own.
    for (Value value : values)
      roles.push_back(
          {value, values.size() == 1 ? name.str() : "", SmallVector<StringRef, 2>(axes)});
  };
  add(op.getSequences(), "wx", tokens);
  if (op.getRecurrent())
    add(op.getRecurrent(), "r", {});
  add(op.getConstants(), "b", {});
  add(op.getOutputs(), "h", tokens);
  for (int64_t i = 0; i < op.getNumStates(); ++i) {
    // Without names only the state that r multiplies has one.
    std::string name;
    if (op.getStateNames())
      name = op.getStateName(i);
    else if (i == 0 && op.getRecurrent())
      name = "h";
    roles.push_back({op.getInitialState(i), name.empty() ? "" : name + "0", states, true});
    roles.push_back({op.getLastStates()[i], name.empty() ? "" : name + "_last", states, true});
  }
  roles.push_back({op.getCuSeqlens(), "cu_seqlens", {"N+1"}, true});
  roles.push_back({op.getReset(), "reset", tokens, true});
  return roles;
}

SmallVector<Role> getRoles(Operation *cell) {
  SmallVector<Role> roles;
  bool isStep = false;
  if (auto op = dyn_cast<mlir::xlstm::MLSTMOp>(cell)) {
    roles = rolesOf(op);
    isStep = op.isStep();
  } else if (auto op = dyn_cast<mlir::xlstm::ScanOp>(cell)) {
    roles = rolesOf(op);
    isStep = op.getStep();
  }
  llvm::erase_if(roles, [](const Role &role) { return !role.value; });
  if (isStep) // no T axis, and one state for each entry of the batch
    for (Role &role : roles)
      if (!role.axes.empty())
        role.axes = {"B"};
  return roles;
}

} // namespace xlstm
