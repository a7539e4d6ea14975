// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/Interpreter/Slots.h"

#include "dialect/xlstm/IR/FunctionAttrs.h"

#include <algorithm>
#include <set>

using namespace mlir;
using namespace mlir::xlstm;

/// The argument of a state that has this name, -1: none.
static int findState(func::FuncOp function, StringAttr name) {
  for (BlockArgument argument : function.getArguments())
    if (function.getArgAttr(argument.getArgNumber(), nameAttrName) == name && getSlots(argument))
      return static_cast<int>(argument.getArgNumber());
  return -1;
}

FailureOr<Slots> Slots::read(func::FuncOp function, const Inputs &inputs) {
  Slots result;
  const TensorValue *slots = nullptr;
  int64_t extent = -1;
  for (auto [number, input] : llvm::enumerate(inputs)) {
    Value named = getSlots(function.getArgument(number));
    result.isState.push_back(bool(named));
    if (!named)
      continue;
    const auto &given = inputs[cast<BlockArgument>(named).getArgNumber()];
    if (!given)
      return result;
    slots = &*given;
    if (!input)
      return function.emitOpError() << "expected input " << number << ", a state, with slots, "
                                    << "got none";
    if (extent >= 0 && input->shape[0] != extent)
      return function.emitOpError() << "expected input " << number << " to have R = " << extent
                                    << " rows as the states before it, got " << input->shape[0];
    extent = input->shape[0];
  }
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    result.stateOfResult.push_back(
        findState(function, function.getResultAttrOfType<StringAttr>(i, nameAttrName)));
  std::set<double> taken;
  for (auto [b, slot] : llvm::enumerate(slots ? slots->data : std::vector<double>())) {
    if (slot < 0 || slot >= extent)
      return function.emitOpError()
             << "slots: element " << b << ": expected at least 0 and less than R = " << extent
             << ", got " << int64_t(slot);
    if (!taken.insert(slot).second)
      return function.emitOpError() << "slots: element " << b << ": expected each row once, got "
                                    << int64_t(slot) << " again";
    result.rows.push_back(int64_t(slot));
  }
  return result;
}

/// Elements of a row.
static int64_t rowSize(const TensorValue &value) {
  return value.shape[0] ? value.size() / value.shape[0] : 0;
}

TensorValue Slots::gather(unsigned argument, const TensorValue &input) const {
  if (rows.empty() || !isState[argument])
    return input;
  TensorValue result{input.shape, {}};
  result.shape[0] = static_cast<int64_t>(rows.size());
  for (int64_t row : rows) {
    auto first = input.data.begin() + row * rowSize(input);
    result.data.insert(result.data.end(), first, first + rowSize(input));
  }
  return result;
}

TensorValue Slots::scatter(unsigned result, const TensorValue &value, const Inputs &inputs) const {
  if (rows.empty() || stateOfResult[result] < 0)
    return value;
  TensorValue all = *inputs[stateOfResult[result]];
  for (auto [b, row] : llvm::enumerate(rows))
    std::copy_n(value.data.begin() + b * rowSize(value), rowSize(value),
                all.data.begin() + row * rowSize(all));
  return all;
}
