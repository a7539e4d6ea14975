// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/Interpreter/Interpreter.h"

#include "dialect/xlstm/IR/XLSTM.h"
#include "dialect/xlstm/Reference/MLSTM.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::xlstm;
namespace reference = ::xlstm::reference;

int64_t TensorValue::size() const {
  int64_t size = 1;
  for (int64_t extent : shape)
    size *= extent;
  return size;
}

namespace {

/// "[2, ?, 8]" for messages.
std::string describe(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "[";
  llvm::interleaveComma(
      shape, os, [&](int64_t extent) { ShapedType::isDynamic(extent) ? os << "?" : os << extent; });
  os << "]";
  return text;
}

class Interpreter {
public:
  explicit Interpreter(func::FuncOp function) : function(function) {}

  FailureOr<std::vector<TensorValue>> run(const std::vector<TensorValue> &inputs) {
    if (failed(bindArguments(inputs)))
      return failure();
    for (Operation &op : function.front()) {
      if (auto ret = dyn_cast<func::ReturnOp>(op)) {
        std::vector<TensorValue> outputs;
        for (Value value : ret.getOperands())
          outputs.push_back(values.at(value));
        return outputs;
      }
      LogicalResult done =
          TypeSwitch<Operation *, LogicalResult>(&op)
              .Case<MLSTMOp>([&](MLSTMOp mlstm) { return runMLSTM(mlstm); })
              .Default([](Operation *other) {
                return other->emitOpError("expected an op of the xlstm dialect or func.return: the "
                                          "interpreter runs no other");
              });
      if (failed(done))
        return failure();
    }
    return function.emitOpError("expected func.return at its end");
  }

private:
  LogicalResult bindArguments(const std::vector<TensorValue> &inputs) {
    if (!function.getBody().hasOneBlock())
      return function.emitOpError()
             << "expected a function of one block, got " << function.getBody().getBlocks().size();
    if (inputs.size() != function.getNumArguments())
      return function.emitOpError()
             << "expected " << function.getNumArguments() << " inputs, got " << inputs.size();
    for (auto [number, input] : llvm::enumerate(inputs)) {
      Value argument = function.getArgument(number);
      auto type = dyn_cast<RankedTensorType>(argument.getType());
      if (!type)
        return function.emitOpError() << "expected argument " << number
                                      << " to be a ranked tensor, got " << argument.getType();
      if (failed(verifyCompatibleShape(type.getShape(), input.shape)) ||
          llvm::any_of(input.shape, [](int64_t extent) { return extent < 0; }))
        return function.emitOpError()
               << "expected input " << number << " of shape " << describe(type.getShape())
               << ", got " << describe(input.shape);
      if (input.size() != int64_t(input.data.size()))
        return function.emitOpError() << "expected input " << number << " to have " << input.size()
                                      << " elements, got " << input.data.size();
      values[argument] = input;
    }
    return success();
  }

  /// The value of an operand, checked against the shape that the other operands give it; null when
  /// it is absent.
  FailureOr<const TensorValue *> get(Operation *op, StringRef name, Value operand,
                                     ArrayRef<int64_t> shape) {
    if (!operand)
      return static_cast<const TensorValue *>(nullptr);
    const TensorValue &value = values.at(operand);
    if (ArrayRef<int64_t>(value.shape) != shape)
      return op->emitOpError() << "expected " << name << " of shape " << describe(shape) << ", got "
                               << describe(value.shape);
    return &value;
  }

  LogicalResult runMLSTM(MLSTMOp op);

  func::FuncOp function;
  // Every SSA value that has been computed. Pointers into it last until the next result is stored.
  llvm::DenseMap<Value, TensorValue> values;
};

LogicalResult Interpreter::runMLSTM(MLSTMOp op) {
  const std::vector<int64_t> q = values.at(op.getQ()).shape; // [B, T, H, dqk]
  reference::MLSTMProblem p;
  p.batch = q[0];
  p.time = q[1];
  p.heads = op.getHeads();
  p.dqk = op.getDqk();
  p.dv = op.getDv();
  p.options.inputGate = op.getInputGate() == InputGate::Exp ? reference::InputGate::Exp
                                                            : reference::InputGate::Sigmoid;
  p.options.normalize = op.getNormalize();
  p.options.eps = op.getEps().convertToDouble();
  p.options.scaleOn = op.getScaleOn() == ScaleOn::Q ? reference::ScaleOn::Q : reference::ScaleOn::K;
  p.options.denominator = op.getDenominator() == Denominator::MaxPlusEps
                              ? reference::Denominator::MaxPlusEps
                              : reference::Denominator::MaxWithEps;
  std::vector<int32_t> cuSeqlens;
  if (op.getCuSeqlens()) {
    const TensorValue &starts = values.at(op.getCuSeqlens());
    if (starts.data.empty())
      return op.emitOpError("expected cu_seqlens to have at least one element, got none");
    cuSeqlens.assign(starts.data.begin(), starts.data.end());
    p.cuSeqlens = cuSeqlens.data();
    p.sequences = int64_t(cuSeqlens.size()) - 1;
  }
  int64_t states = p.states();

  struct {
    StringRef name;
    Value operand;
    std::vector<int64_t> shape;
    reference::TensorView *view;
  } tensors[] = {{"k", op.getK(), q, &p.k},
                 {"v", op.getV(), {p.batch, p.time, p.heads, p.dv}, &p.v},
                 {"i", op.getI(), {p.batch, p.time, p.heads}, &p.i},
                 {"f", op.getF(), {p.batch, p.time, p.heads}, &p.f},
                 {"c0", op.getC0(), {states, p.heads, p.dqk, p.dv}, &p.c0},
                 {"n0", op.getN0(), {states, p.heads, p.dqk}, &p.n0},
                 {"m0", op.getM0(), {states, p.heads}, &p.m0}};
  p.q = values.at(op.getQ()).data;
  for (auto &tensor : tensors) {
    FailureOr<const TensorValue *> value = get(op, tensor.name, tensor.operand, tensor.shape);
    if (failed(value))
      return failure();
    if (*value)
      *tensor.view = (*value)->data;
  }
  std::vector<uint8_t> reset;
  FailureOr<const TensorValue *> resetValue = get(op, "reset", op.getReset(), {p.batch, p.time});
  if (failed(resetValue))
    return failure();
  if (*resetValue) {
    for (double value : (*resetValue)->data)
      reset.push_back(value != 0);
    p.reset = reset.data();
  }
  if (std::string error = reference::check(p); !error.empty())
    return op.emitOpError(error);

  reference::MLSTMResult result = reference::mlstmRecurrent(p);
  values[op.getH()] = {{p.batch, p.time, p.heads, p.dv}, std::move(result.h)};
  values[op.getCLast()] = {{states, p.heads, p.dqk, p.dv}, std::move(result.cLast)};
  if (op.getNLast())
    values[op.getNLast()] = {{states, p.heads, p.dqk}, std::move(result.nLast)};
  if (op.getMLast())
    values[op.getMLast()] = {{states, p.heads}, std::move(result.mLast)};
  return success();
}

} // namespace

FailureOr<std::vector<TensorValue>> mlir::xlstm::interpret(func::FuncOp function,
                                                           const std::vector<TensorValue> &inputs) {
  return Interpreter(function).run(inputs);
}
