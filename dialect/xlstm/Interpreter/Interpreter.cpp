// SPDX-License-Identifier: Apache-2.0
// The walk over a function. What the ops compute is in the Interpret*.cpp of their topic.
#include "dialect/xlstm/Interpreter/Interpreter.h"

#include "dialect/xlstm/IR/FunctionAttrs.h"
#include "dialect/xlstm/Interpreter/Frame.h"
#include "dialect/xlstm/Interpreter/Slots.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::xlstm;

/// Checks the inputs against the argument types and makes them the values of the arguments.
static LogicalResult bindArguments(func::FuncOp function,
                                   const std::vector<std::optional<TensorValue>> &inputs,
                                   FailureOr<Slots> &slots, Frame &frame) {
  if (!function.getBody().hasOneBlock())
    return function.emitOpError() << "expected a function of one block, got "
                                  << function.getBody().getBlocks().size();
  if (inputs.size() != function.getNumArguments())
    return function.emitOpError() << "expected " << function.getNumArguments() << " inputs, got "
                                  << inputs.size();
  for (auto [number, input] : llvm::enumerate(inputs)) {
    if (!input) {
      if (!function.getArgAttr(number, optionalAttrName))
        return function.emitOpError()
               << "expected input " << number << ", which is not optional, got none";
      continue;
    }
    auto type = dyn_cast<RankedTensorType>(function.getArgument(number).getType());
    if (!type)
      return function.emitOpError()
             << "expected argument " << number << " to be a ranked tensor, got "
             << function.getArgument(number).getType();
    if (failed(verifyCompatibleShape(type.getShape(), input->shape)) ||
        llvm::any_of(input->shape, [](int64_t extent) { return extent < 0; }))
      return function.emitOpError()
             << "expected input " << number << " of shape " << describeShape(type.getShape())
             << ", got " << describeShape(input->shape);
    if (input->size() != int64_t(input->data.size()))
      return function.emitOpError() << "expected input " << number << " to have " << input->size()
                                    << " elements, got " << input->data.size();
  }
  slots = Slots::read(function, inputs);
  if (failed(slots))
    return failure();
  for (auto [number, input] : llvm::enumerate(inputs))
    if (input) {
      TensorValue value = slots->gather(number, *input);
      frame.set(function.getArgument(number), value.shape, std::move(value.data));
    }
  return success();
}

FailureOr<std::vector<TensorValue>>
mlir::xlstm::interpret(func::FuncOp function, const std::vector<std::optional<TensorValue>> &inputs,
                       const Probes &probes, const Rounding &rounding) {
  Frame frame(probes, rounding);
  FailureOr<Slots> slots = failure();
  if (failed(bindArguments(function, inputs, slots, frame)))
    return failure();
  for (Operation &op : function.front()) {
    if (auto ret = dyn_cast<func::ReturnOp>(op)) {
      std::vector<TensorValue> outputs;
      for (auto [number, value] : llvm::enumerate(ret.getOperands())) {
        FailureOr<const TensorValue *> output =
            frame.require(ret, "result " + std::to_string(number), value);
        if (failed(output))
          return failure();
        outputs.push_back(slots->scatter(number, **output, inputs));
      }
      return outputs;
    }
    LogicalResult done =
        TypeSwitch<Operation *, LogicalResult>(&op)
            .Case<arith::ConstantOp, BlockLinearOp, BlockLinearWeightOp, CausalConv1dBackwardOp,
                  CrossEntropyBackwardOp, EmbeddingBackwardOp, LeadingSumOp, CausalConv1dOp,
                  ConcatOp, CrossEntropyOp, EmbeddingOp, LastTokenOp, LinearOp, WeightGradOp, MapOp,
                  MLSTMOp, MLSTMBackwardOp, MultiheadNormOp, MultiheadNormBackwardOp, NormOp,
                  NormBackwardOp, OuterSumOp, PermuteOp, ReshapeOp, ScanOp, SplitOp, TimeSumOp>(
                [&](auto known) { return run(known, frame); })
            .Default([](Operation *other) {
              return other->emitOpError("expected an op of the xlstm dialect or func.return: the "
                                        "interpreter runs no other");
            });
    if (failed(done))
      return failure();
  }
  return function.emitOpError("expected func.return at its end");
}
