// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/Interpreter/Frame.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::xlstm;

int64_t TensorValue::size() const {
  int64_t size = 1;
  for (int64_t extent : shape)
    size *= extent;
  return size;
}

std::string mlir::xlstm::describeShape(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "[";
  llvm::interleaveComma(
      shape, os, [&](int64_t extent) { ShapedType::isDynamic(extent) ? os << "?" : os << extent; });
  os << "]";
  return text;
}

::xlstm::reference::ElementType mlir::xlstm::roundedType(Type type) {
  using ::xlstm::reference::ElementType;
  Type element = getElementTypeOrSelf(type);
  return element.isF32()    ? ElementType::F32
         : element.isBF16() ? ElementType::BF16
         : element.isF16()  ? ElementType::F16
                            : ElementType::F64;
}

const TensorValue *Frame::find(Value operand) const {
  auto entry = operand ? values.find(operand) : values.end();
  return entry == values.end() ? nullptr : entry->second.get();
}

FailureOr<const TensorValue *> Frame::get(Operation *op, StringRef name, Value operand,
                                          ArrayRef<int64_t> shape) const {
  const TensorValue *value = find(operand);
  if (value && ArrayRef<int64_t>(value->shape) != shape)
    return op->emitOpError() << "expected " << name << " of shape " << describeShape(shape)
                             << ", got " << describeShape(value->shape);
  return value;
}

FailureOr<const TensorValue *> Frame::require(Operation *op, StringRef name, Value operand) const {
  const TensorValue *value = find(operand);
  if (!value)
    return op->emitOpError() << "expected " << name << ", got an argument that is not given";
  return value;
}

void Frame::set(Value result, std::vector<int64_t> shape, std::vector<double> data) {
  rounding(roundedType(result.getType()), data.data(), data.size());
  values[result] = std::make_unique<TensorValue>(TensorValue{std::move(shape), std::move(data)});
}

FailureOr<Tokens> mlir::xlstm::readTokens(const Frame &frame, Operation *op, int64_t batch,
                                          int64_t time, Value cuSeqlens, Value reset) {
  Tokens tokens{batch, time, {}, {}, {}};
  FailureOr<const TensorValue *> resetValue = frame.get(op, "reset", reset, {batch, time});
  if (failed(resetValue))
    return failure();
  if (*resetValue)
    for (double value : (*resetValue)->data)
      tokens.reset.push_back(value != 0);

  const TensorValue *starts = frame.find(cuSeqlens);
  if (!starts) {
    for (int64_t b = 0; b < batch; ++b)
      tokens.sequences.push_back({b, 0, time, b});
    return tokens;
  }
  if (batch != 1)
    return op->emitOpError() << "expected B to be 1 with cu_seqlens, got " << batch;
  if (starts->data.empty())
    return op->emitOpError("expected cu_seqlens to have at least one element, got none");
  tokens.starts.assign(starts->data.begin(), starts->data.end());
  if (tokens.starts.front() != 0)
    return op->emitOpError() << "expected cu_seqlens[0] to be 0, got " << tokens.starts.front();
  for (size_t s = 1; s < tokens.starts.size(); ++s) {
    int32_t begin = tokens.starts[s - 1], end = tokens.starts[s];
    if (end < begin)
      return op->emitOpError() << "expected cu_seqlens not to decrease, got " << end << " after "
                               << begin;
    tokens.sequences.push_back({0, begin, end, int64_t(s) - 1});
  }
  if (tokens.starts.back() != time)
    return op->emitOpError() << "expected the last cu_seqlens to be T = " << time << ", got "
                             << tokens.starts.back();
  return tokens;
}
