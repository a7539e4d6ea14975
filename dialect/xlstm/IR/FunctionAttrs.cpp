// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/IR/FunctionAttrs.h"

using namespace mlir;

/// Whether the first extent of a function's tensor has this name.
static bool beginsWith(ArrayAttr dims, StringRef dim) {
  return dims && !dims.empty() && dims[0] == StringAttr::get(dims.getContext(), dim);
}

static Value findSlots(func::FuncOp function) {
  for (BlockArgument argument : function.getArguments()) {
    auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), xlstm::nameAttrName);
    if (name && name == "slots")
      return argument;
  }
  return Value();
}

Value mlir::xlstm::getSlots(Value state) {
  if (auto argument = dyn_cast<BlockArgument>(state)) {
    auto function = dyn_cast_if_present<func::FuncOp>(argument.getOwner()->getParentOp());
    bool isInSlots =
        function &&
        beginsWith(function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(), dimsAttrName),
                   "R");
    return isInSlots ? findSlots(function) : Value();
  }
  for (OpOperand &use : state.getUses())
    if (auto exit = dyn_cast<func::ReturnOp>(use.getOwner())) {
      auto function = exit->getParentOfType<func::FuncOp>();
      if (beginsWith(function.getResultAttrOfType<ArrayAttr>(use.getOperandNumber(), dimsAttrName),
                     "R"))
        return findSlots(function);
    }
  return Value();
}
