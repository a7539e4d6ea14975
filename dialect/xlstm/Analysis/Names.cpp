// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/Analysis/Names.h"

#include "dialect/xlstm/IR/FunctionAttrs.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace mlir::xlstm;

static Attribute getNameAttribute(Value tensor) {
  if (auto argument = dyn_cast<BlockArgument>(tensor)) {
    auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
    return function ? function.getArgAttr(argument.getArgNumber(), nameAttrName) : Attribute();
  }
  for (OpOperand &use : tensor.getUses())
    if (isa<func::ReturnOp>(use.getOwner()))
      return use.getOwner()->getParentOfType<func::FuncOp>().getResultAttr(use.getOperandNumber(),
                                                                           nameAttrName);
  return {};
}

std::string mlir::xlstm::getTensorName(Value tensor, StringRef otherwise) {
  auto name = dyn_cast_or_null<StringAttr>(getNameAttribute(tensor));
  return name ? name.str() : otherwise.str();
}

std::string mlir::xlstm::getStateName(ScanOp scan, unsigned state) {
  if (scan.getStateNames())
    return scan.getStateName(state);
  std::string last = getTensorName(scan.getLastStates()[state], "");
  if (StringRef name = last; name.consume_back("_last") && !name.empty())
    return name.str();
  if (Value initial = scan.getInitialState(state)) {
    std::string first = getTensorName(initial, "");
    if (StringRef name = first; name.consume_back("0") && !name.empty())
      return name.str();
  }
  return "state " + std::to_string(state);
}
