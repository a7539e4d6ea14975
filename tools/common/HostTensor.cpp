// SPDX-License-Identifier: Apache-2.0
#include "tools/common/HostTensor.h"

#include "runtime/src/support/Failure.h"
#include "tools/common/Arguments.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace xlstm::tools {
namespace {

/// A binary floating-point format: digits of the significand, and the exponents of its smallest and
/// largest normal numbers.
struct Format {
  int digits, minExponent, maxExponent;
};

Format formatOf(DType dtype) {
  switch (dtype) {
  case XLSTM_F64:
    return {53, -1022, 1023};
  case XLSTM_F32:
    return {24, -126, 127};
  case XLSTM_BF16:
    return {8, -126, 127};
  default:
    return {11, -14, 15};
  }
}

template <typename Integer> void readIntegers(const void *data, std::vector<double> &result) {
  auto *elements = static_cast<const Integer *>(data);
  for (size_t k = 0; k < result.size(); ++k)
    result[k] = static_cast<double>(elements[k]);
}

template <typename T> void writeAs(const std::vector<double> &numbers, char *to) {
  for (size_t k = 0; k < numbers.size(); ++k) {
    T element = static_cast<T>(numbers[k]);
    std::memcpy(to + k * sizeof element, &element, sizeof element);
  }
}

void writeNumbers(const std::vector<double> &numbers, DType dtype, char *to) {
  switch (dtype) {
  case XLSTM_F64:
    return writeAs<double>(numbers, to);
  case XLSTM_F32:
    return writeAs<float>(numbers, to);
  case XLSTM_I64:
    return writeAs<int64_t>(numbers, to);
  case XLSTM_I32:
    return writeAs<int32_t>(numbers, to);
  case XLSTM_U8:
    return writeAs<uint8_t>(numbers, to);
  default: // 16 bits
    break;
  }
  convertFloats(XLSTM_F64, numbers.data(), dtype, to, numbers.size());
}

} // namespace

int64_t HostTensor::count() const {
  int64_t product = 1;
  for (int64_t extent : shape)
    product *= extent;
  return product;
}

std::vector<double> HostTensor::numbers() const {
  std::vector<double> result(static_cast<size_t>(count()));
  if (dtype == XLSTM_I64)
    readIntegers<int64_t>(data, result);
  else if (dtype == XLSTM_I32)
    readIntegers<int32_t>(data, result);
  else if (dtype == XLSTM_U8)
    readIntegers<uint8_t>(data, result);
  else if (!result.empty())
    reference::TensorView(data, elementType(dtype)).read(0, count(), result.data());
  return result;
}

HostTensor makeHostTensor(std::string name, DType dtype, std::vector<int64_t> shape) {
  HostTensor tensor;
  tensor.name = std::move(name);
  tensor.dtype = dtype;
  tensor.shape = std::move(shape);
  tensor.memory.reset(new char[tensor.bytes() + 1]);
  tensor.data = tensor.memory.get();
  return tensor;
}

HostTensor fromNumbers(std::string name, DType dtype, std::vector<int64_t> shape,
                       const std::vector<double> &numbers) {
  HostTensor tensor = makeHostTensor(std::move(name), dtype, std::move(shape));
  writeNumbers(numbers, dtype, writable(tensor));
  return tensor;
}

HostTensor convert(const HostTensor &tensor, DType dtype) {
  HostTensor result = fromNumbers(tensor.name, dtype, tensor.shape, tensor.numbers());
  result.axes = tensor.axes;
  return result;
}

HostTensor slice(const HostTensor &tensor, int axis, int64_t first, int64_t count) {
  std::vector<int64_t> shape = tensor.shape;
  shape[axis] = count;
  HostTensor result = makeHostTensor(tensor.name, tensor.dtype, shape);
  result.axes = tensor.axes;
  size_t row = dtypeSize(tensor.dtype), blocks = 1; // bytes of one index of the axis
  for (size_t k = axis + 1; k < shape.size(); ++k)
    row *= static_cast<size_t>(shape[k]);
  for (int k = 0; k < axis; ++k)
    blocks *= static_cast<size_t>(shape[k]);
  const char *from = static_cast<const char *>(tensor.data) + row * first;
  for (size_t block = 0; block < blocks; ++block)
    std::memcpy(writable(result) + block * row * count, from + block * row * tensor.shape[axis],
                row * count);
  return result;
}

bool isWidening(DType from, DType to) {
  Format a = formatOf(from), b = formatOf(to);
  return a.digits <= b.digits && a.minExponent >= b.minExponent && a.maxExponent <= b.maxExponent;
}

DType narrower(DType a, DType b) { return formatOf(a).digits < formatOf(b).digits ? a : b; }

double unitInLastPlace(double value, DType dtype) {
  Format format = formatOf(dtype);
  int exponent = value == 0 ? format.minExponent : std::ilogb(value);
  exponent = std::min(std::max(exponent, format.minExponent), format.maxExponent);
  return std::ldexp(1.0, exponent - format.digits + 1);
}

double roundTo(double value, DType dtype) {
  if (dtype == XLSTM_F64 || !std::isfinite(value))
    return value;
  double unit = unitInLastPlace(value, dtype);
  double rounded = std::nearbyint(value / unit) * unit; // exact but for the rounding asked for
  double limit = std::ldexp(1.0, formatOf(dtype).maxExponent + 1);
  return std::fabs(rounded) < limit ? rounded
                                    : std::copysign(std::numeric_limits<double>::infinity(), value);
}

reference::ElementType elementType(DType dtype) {
  switch (dtype) {
  case XLSTM_F64:
    return reference::ElementType::F64;
  case XLSTM_F32:
    return reference::ElementType::F32;
  case XLSTM_BF16:
    return reference::ElementType::BF16;
  case XLSTM_F16:
    return reference::ElementType::F16;
  default:
    fail(XLSTM_ERROR_UNSUPPORTED, "expected a floating-point tensor, got ", dtypeName(dtype));
  }
}

HostTensor fromFile(const safetensors::File &file, const safetensors::TensorView &view) {
  HostTensor tensor;
  tensor.name = view.name;
  tensor.dtype = view.dtype;
  tensor.shape = view.shape;
  tensor.data = view.data;
  if (reinterpret_cast<uintptr_t>(view.data) % dtypeSize(view.dtype)) {
    tensor = makeHostTensor(view.name, view.dtype, view.shape);
    std::memcpy(writable(tensor), view.data, tensor.bytes());
  }
  auto axes = file.metadata().find("axes." + view.name);
  if (axes == file.metadata().end())
    return tensor;
  for (std::string &axis : splitList(axes->second))
    tensor.axes.push_back(std::move(axis));
  if (tensor.axes.size() != tensor.shape.size()) // another program's metadata
    tensor.axes.clear();
  return tensor;
}

std::vector<HostTensor> allTensors(const safetensors::File &file) {
  std::vector<HostTensor> result;
  for (const safetensors::TensorView &view : file.tensors())
    result.push_back(fromFile(file, view));
  return result;
}

void writeTensors(const std::string &path, const std::vector<HostTensor> &tensors) {
  std::vector<safetensors::TensorView> list;
  std::map<std::string, std::string> metadata;
  for (const HostTensor &tensor : tensors) {
    safetensors::TensorView view;
    view.name = tensor.name;
    view.dtype = tensor.dtype;
    view.shape = tensor.shape;
    view.data = tensor.data;
    list.push_back(std::move(view));
    std::string axes;
    for (const std::string &axis : tensor.axes)
      axes += (&axis == tensor.axes.data() ? "" : ",") + axis;
    if (!tensor.axes.empty())
      metadata["axes." + tensor.name] = axes;
  }
  safetensors::write(path, list, metadata);
}

} // namespace xlstm::tools
