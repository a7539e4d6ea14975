// SPDX-License-Identifier: Apache-2.0
#include "runtime/src/Plan.h"

#include "runtime/src/support/Failure.h"

#include <algorithm>

namespace xlstm {
namespace {

template <typename... Parts> [[noreturn]] void invalid(const Parts &...parts) {
  fail(XLSTM_ERROR_INVALID_INPUT, parts...);
}

std::string deviceText(xlstm_device_kind kind, int32_t index) {
  return kind == XLSTM_CPU    ? "cpu"
         : kind == XLSTM_CUDA ? cat("cuda:", index)
                              : cat("device kind ", int(kind));
}

} // namespace

FunctionPlan::FunctionPlan(const package::Function &function) : source(function) {
  for (const package::Tensor &tensor : function.inputs)
    tensors.push_back(&tensor);
  for (const package::Tensor &tensor : function.outputs)
    tensors.push_back(&tensor);
  for (const package::Tensor *tensor : tensors)
    for (const package::Factor &extent : tensor->shape)
      if (!extent.dim.empty() &&
          std::find(dimNames.begin(), dimNames.end(), extent.dim) == dimNames.end())
        dimNames.push_back(extent.dim);
  dimRequired.resize(dimNames.size());
  for (const package::Tensor *tensor : tensors) {
    shapes.push_back(compile(tensor->shape));
    for (const PlanFactor &extent : shapes.back())
      if (extent.dim >= 0 && !tensor->optional)
        dimRequired[extent.dim] = 1;
  }
  for (const package::DerivedDim &derived : function.derivedDims) {
    if (findDim(derived.name) < 0)
      dimNames.push_back(derived.name);
    std::vector<int> &dims = derivedDims.emplace_back();
    dims.push_back(findDim(derived.name));
    for (const std::string &source : derived.sources)
      dims.push_back(findDim(source));
    if (derived.parts)
      dims.push_back(findDim(derived.parts->of));
    for (const std::string &factor : derived.factors)
      dims.push_back(findDim(factor));
    unless.push_back(findTensor(derived.unless));
    partBlocks.push_back(derived.parts ? compile(derived.parts->blocks) : PlanProduct());
  }
  dimRequired.resize(dimNames.size(), 1);
}

int FunctionPlan::findDim(const std::string &name) const {
  auto found = std::find(dimNames.begin(), dimNames.end(), name);
  return found == dimNames.end() ? -1 : static_cast<int>(found - dimNames.begin());
}

int FunctionPlan::findTensor(const std::string &name) const {
  for (size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i]->name == name)
      return static_cast<int>(i);
  return -1;
}

PlanProduct FunctionPlan::compile(const package::Product &product) const {
  PlanProduct out;
  for (const package::Factor &factor : product)
    out.push_back(
        {factor.value, factor.dim.empty() ? -1 : findDim(factor.dim), factor.ceilDiv, factor.add});
  return out;
}

PlanSum FunctionPlan::compile(const package::Sum &sum) const {
  PlanSum out;
  for (const package::Product &product : sum)
    out.push_back(compile(product));
  return out;
}

Dimensions FunctionPlan::makeDimensions() const {
  Dimensions dims;
  dims.values.resize(dimNames.size());
  return dims;
}

void FunctionPlan::check(int index, const xlstm_tensor &given,
                         const xlstm_device_info &device) const {
  const package::Tensor &declared = *tensors[index];
  const std::string &name = declared.name;
  if (given.dtype != declared.dtype)
    invalid(name, ": expected ", dtypeName(declared.dtype), ", got ", dtypeName(given.dtype));
  if (given.rank != static_cast<int>(declared.shape.size()))
    invalid(name, ": expected ", declared.shape.size(), " axes, got ", given.rank);
  if (given.device_kind != device.kind || given.device_index != device.index)
    invalid(name, ": expected a tensor on ", deviceText(device.kind, device.index), ", got one on ",
            deviceText(given.device_kind, given.device_index));
  bool isOutput = index >= inputCount();
  int64_t size = static_cast<int64_t>(dtypeSize(given.dtype));
  std::optional<int64_t> span = size; // bytes from the first to the last element
  for (int axis = 0; axis < given.rank; ++axis) {
    int64_t extent = given.shape[axis], stride = given.strides[axis];
    if (extent < 0)
      invalid(name, ": axis ", axis, ": expected an extent of at least 0, got ", extent);
    if (stride < 0 || (isOutput && stride == 0 && extent > 1))
      invalid(name, ": axis ", axis, ": expected a stride of at least ", isOutput ? 1 : 0, ", got ",
              stride);
    auto reach = extent > 1 ? multiply(extent - 1, stride) : std::optional<int64_t>(0);
    reach = reach ? multiply(*reach, size) : reach;
    span = span && reach ? add(*span, *reach) : std::nullopt;
  }
  if (isEmpty(given))
    return;
  if (!span)
    invalid(name,
            ": expected a tensor that fits in memory, got extents and strides over 2^63 bytes");
  if (!given.data)
    invalid(name, ": expected an address, got NULL for a tensor that is not empty");
}

void FunctionPlan::bind(int index, int axis, int64_t extent, Dimensions &dims) const {
  const PlanFactor &declared = shapes[index][axis];
  const std::string &name = tensors[index]->name;
  if (declared.dim < 0) {
    if (extent != declared.value)
      invalid(name, ": axis ", axis, ": expected ", declared.value, ", got ", extent);
    return;
  }
  if (extent < declared.add)
    invalid(name, ": axis ", axis, ": expected at least ", declared.add, ", got ", extent);
  extent -= declared.add;
  Dimensions::Value &value = dims.values[declared.dim];
  if (value.extent < 0) {
    value = {extent, index, axis};
  } else if (value.extent != extent) {
    invalid(name, ": axis ", axis, ": expected ", dimNames[declared.dim], " = ", value.extent,
            " as in axis ", value.axis, " of ", tensors[value.tensor]->name, ", got ", extent);
  }
}

void FunctionPlan::derive(TensorList given, Dimensions &dims) const {
  for (size_t number = 0; number < derivedDims.size(); ++number) {
    const std::vector<int> &derived = derivedDims[number];
    if (source.derivedDims[number].parts) {
      deriveParts(number, dims);
      continue;
    }
    Dimensions::Value &target = dims.values[derived[0]];
    if (!source.derivedDims[number].factors.empty()) {
      PlanProduct product;
      for (size_t i = 1; i < derived.size(); ++i)
        product.push_back({0, derived[i], 1, 0});
      target.extent = evaluate(product, dims, source.derivedDims[number].name.c_str());
      continue;
    }
    if (unless[number] >= 0 && given[unless[number]])
      continue;
    bool isGiven = false;
    for (size_t i = 1; i < derived.size(); ++i) {
      const Dimensions::Value &value = dims.values[derived[i]];
      if (value.extent < 0)
        continue;
      const std::string &name = dimNames[derived[i]];
      if (isGiven && value.extent != 1)
        invalid(tensors[value.tensor]->name, ": axis ", value.axis, ": expected ", name,
                " = 1 because ", dimNames[derived[0]], " follows from ",
                tensors[target.tensor]->name, ", got ", value.extent);
      if (!isGiven && target.extent >= 0 && target.extent != value.extent)
        invalid(tensors[target.tensor]->name, ": axis ", target.axis, ": expected ", name, " = ",
                value.extent, " as in ", tensors[value.tensor]->name, ", got ", target.extent);
      if (!isGiven)
        target = value;
      isGiven = true;
    }
  }
}

void FunctionPlan::deriveParts(size_t number, Dimensions &dims) const {
  const package::Parts &parts = *source.derivedDims[number].parts;
  int64_t blocks = std::max<int64_t>(1, evaluate(partBlocks[number], dims, "parts"));
  int64_t whole = std::max<int64_t>(0, dims.values[derivedDims[number][1]].extent);
  int64_t most = whole / parts.least + (whole % parts.least != 0);
  dims.values[derivedDims[number][0]].extent =
      std::max<int64_t>(1, std::min(parts.mostBlocks / blocks, most));
}

/// An output that begins where its input does must be that tensor.
void FunctionPlan::checkInPlace(TensorList given) const {
  for (int i = inputCount(); i < tensorCount(); ++i) {
    int source = tensors[i]->inPlace.empty() ? -1 : findTensor(tensors[i]->inPlace);
    if (source < 0 || !given[i] || !given[source] || given[i]->data != given[source]->data ||
        isEmpty(*given[i]))
      continue;
    for (int axis = 0; axis < given[i]->rank; ++axis)
      if (given[i]->shape[axis] > 1 && given[i]->strides[axis] != given[source]->strides[axis])
        invalid(tensors[i]->name, ": axis ", axis, ": expected a stride of ",
                given[source]->strides[axis], " as in ", tensors[source]->name,
                ", whose memory it is, got ", given[i]->strides[axis]);
  }
}

void FunctionPlan::resolve(TensorList given, int count, const xlstm_device_info &device,
                           Dimensions &dims) const {
  for (Dimensions::Value &value : dims.values)
    value = {};
  for (int i = 0; i < count; ++i) {
    if (!given[i]) {
      if (!tensors[i]->optional)
        invalid(tensors[i]->name, ": expected a tensor for this required ",
                i < inputCount() ? "input" : "output", ", got none");
      continue;
    }
    check(i, *given[i], device);
    if (!tensors[i]->with.empty() && !given[findTensor(tensors[i]->with)])
      invalid(tensors[i]->name, ": expected none, because ", tensors[i]->with, " is not given");
    for (int axis = 0; axis < given[i]->rank; ++axis)
      bind(i, axis, given[i]->shape[axis], dims);
  }
  derive(given, dims);
  if (count == tensorCount())
    checkInPlace(given);
}

int64_t FunctionPlan::evaluate(const PlanProduct &product, const Dimensions &dims,
                               const char *what) const {
  std::optional<int64_t> result = 1;
  bool zero = false;
  for (const PlanFactor &factor : product) {
    int64_t value = factor.value;
    if (factor.dim >= 0) {
      int64_t extent = dims.values[factor.dim].extent;
      if (extent < 0 && dimRequired[factor.dim])
        invalid(what, ": the dimension ", dimNames[factor.dim],
                " does not follow from the given tensors");
      value =
          extent < 0 ? 0 : extent / factor.ceilDiv + (extent % factor.ceilDiv != 0) + factor.add;
    }
    zero |= value == 0;
    result = result ? multiply(*result, value) : result;
  }
  if (zero)
    return 0;
  if (!result || *result > kMaxProduct)
    fail(XLSTM_ERROR_UNSUPPORTED, what, ": exceeds 2^62 for these tensors");
  return *result;
}

int64_t FunctionPlan::evaluate(const PlanSum &sum, const Dimensions &dims, const char *what) const {
  int64_t result = 0;
  for (const PlanProduct &product : sum) {
    result += evaluate(product, dims, what); // both at most 2^62
    if (result > kMaxProduct)
      fail(XLSTM_ERROR_UNSUPPORTED, what, ": exceeds 2^62 for these tensors");
  }
  return result;
}

void FunctionPlan::checkBoundaries(TensorList given, const Dimensions &dims) const {
  int index = findTensor("cu_seqlens"), time = findDim("T");
  if (index < 0 || time < 0 || !given[index] || given[index]->dtype != XLSTM_I32)
    return;
  const xlstm_tensor &starts = *given[index];
  auto at = [&](int64_t i) {
    return static_cast<const int32_t *>(starts.data)[i * starts.strides[0]];
  };
  int64_t last = starts.shape[0] - 1, tokens = dims.values[time].extent;
  if (at(0) != 0)
    invalid("cu_seqlens: element 0: expected 0, got ", at(0));
  for (int64_t i = 1; i <= last; ++i)
    if (at(i) < at(i - 1))
      invalid("cu_seqlens: element ", i, ": expected at least ", at(i - 1),
              " as in the one before, got ", at(i));
  if (at(last) != tokens)
    invalid("cu_seqlens: element ", last, ": expected T = ", tokens, ", got ", at(last));
}

void FunctionPlan::checkSlots(TensorList given, const Dimensions &dims) const {
  int index = findTensor("slots"), rows = findDim("R");
  if (index < 0 || rows < 0 || !given[index] || given[index]->dtype != XLSTM_I32)
    return;
  const xlstm_tensor &slots = *given[index];
  int64_t most = dims.values[rows].extent;
  for (int64_t b = 0; b < slots.shape[0]; ++b) {
    int32_t slot = static_cast<const int32_t *>(slots.data)[b * slots.strides[0]];
    if (slot < 0 || slot >= most)
      invalid("slots: element ", b, ": expected at least 0 and less than R = ", most, ", got ",
              slot);
  }
}

void FunctionPlan::shape(int tensor, const Dimensions &dims, int64_t *out) const {
  for (size_t axis = 0; axis < shapes[tensor].size(); ++axis) {
    const PlanFactor &factor = shapes[tensor][axis];
    out[axis] = factor.dim < 0 ? factor.value : dims.values[factor.dim].extent;
    if (out[axis] < 0)
      invalid(tensors[tensor]->name, ": the dimension ", dimNames[factor.dim],
              " does not follow from the inputs");
    out[axis] += factor.add;
  }
}

} // namespace xlstm
