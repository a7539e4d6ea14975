// SPDX-License-Identifier: Apache-2.0
#include "runtime/src/safetensors/Parameters.h"

#include "runtime/src/support/Convert.h"
#include "runtime/src/support/Failure.h"

#include <cstring>

namespace xlstm::safetensors {
namespace {

/// Whether every number of one floating-point type is one of another.
bool holds(DType wide, DType narrow) {
  if (wide == narrow || wide == XLSTM_F64)
    return true;
  return wide == XLSTM_F32 && narrow != XLSTM_F64;
}

} // namespace

std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text;
  for (int64_t extent : shape)
    text += cat(text.empty() ? "" : ", ", extent);
  return cat("[", text, "]");
}

Parameter readParameter(const Checkpoint::Entry &entry, const ParameterType &type,
                        const std::string &model) {
  const TensorView &tensor = *entry.tensor;
  auto expected = [&](const std::string &wanted, const std::string &got) {
    fail(XLSTM_ERROR_INVALID_INPUT, entry.file->source(), ": ", type.name, ": expected ", wanted,
         " as ", model, " says, got ", got);
  };
  if (tensor.shape != type.shape)
    expected(shapeText(type.shape), shapeText(tensor.shape));
  if (tensor.dtype != type.dtype && !(isFloat(tensor.dtype) && isFloat(type.dtype)))
    expected(dtypeName(type.dtype), dtypeName(tensor.dtype));
  Parameter result;
  result.data = tensor.data;
  result.rounded = !holds(type.dtype, tensor.dtype);
  size_t size = dtypeSize(tensor.dtype), count = tensor.bytes / size;
  bool aligned = reinterpret_cast<uintptr_t>(tensor.data) % size == 0;
  if (tensor.dtype == type.dtype && aligned)
    return result;
  result.memory.reset(new char[count * dtypeSize(type.dtype) + 1]);
  if (tensor.dtype == type.dtype)
    std::memcpy(result.memory.get(), tensor.data, tensor.bytes);
  else
    convertFloats(tensor.dtype, tensor.data, type.dtype, result.memory.get(), count);
  result.data = result.memory.get();
  return result;
}

Parameter findParameter(const Checkpoint &checkpoint, const ParameterType &type,
                        const std::string &model) {
  Checkpoint::Entry entry = checkpoint.find(type.name);
  if (!entry.tensor)
    fail(XLSTM_ERROR_INVALID_INPUT, checkpoint.source(), ": expected a tensor named '", type.name,
         "' of ", shapeText(type.shape), " as ", model, " says, got none");
  return readParameter(entry, type, model);
}

} // namespace xlstm::safetensors
