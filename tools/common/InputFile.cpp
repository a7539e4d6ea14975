// SPDX-License-Identifier: Apache-2.0
#include "tools/common/InputFile.h"

#include "runtime/src/safetensors/Parameters.h"
#include "runtime/src/support/Failure.h"

#include <algorithm>
#include <cstdio>

namespace xlstm::tools {
namespace {

void checkShape(const safetensors::File &file, const safetensors::TensorView &view,
                const DeclaredTensor &wanted) {
  if (view.shape.size() != wanted.shape.size())
    fail(XLSTM_ERROR_INVALID_INPUT, file.source(), ": ", wanted.name, ": expected ",
         wanted.shape.size(), " axes, got ", view.shape.size());
  for (size_t axis = 0; axis < wanted.shape.size(); ++axis)
    if (wanted.shape[axis] >= 0 && wanted.shape[axis] != view.shape[axis])
      fail(XLSTM_ERROR_INVALID_INPUT, file.source(), ": ", wanted.name, ": axis ", axis,
           ": expected ", wanted.shape[axis], ", got ", view.shape[axis]);
}

void note(std::string &rounded, const DeclaredTensor &wanted, DType from) {
  rounded += cat(rounded.empty() ? "" : ", ", wanted.name, " from ", dtypeName(from), " to ",
                 dtypeName(wanted.dtype));
}

/// The tensor in its declared type; `rounded` collects what was rounded.
HostTensor readInput(const safetensors::File &file, const safetensors::TensorView &view,
                     const DeclaredTensor &wanted, std::string &rounded) {
  checkShape(file, view, wanted);
  HostTensor tensor = fromFile(file, view);
  if (view.dtype != wanted.dtype) {
    if (!isFloat(view.dtype) || !isFloat(wanted.dtype))
      fail(XLSTM_ERROR_INVALID_INPUT, file.source(), ": ", wanted.name, ": expected ",
           dtypeName(wanted.dtype), ", got ", dtypeName(view.dtype));
    if (!isWidening(view.dtype, wanted.dtype))
      note(rounded, wanted, view.dtype);
    tensor = convert(tensor, wanted.dtype);
  }
  tensor.axes = wanted.axes;
  return tensor;
}

/// The same for a parameter of a checkpoint.
HostTensor readWeight(const safetensors::Checkpoint::Entry &entry, const DeclaredTensor &wanted,
                      const std::string &configuration, std::string &rounded) {
  safetensors::Parameter parameter =
      readParameter(entry, {wanted.name, wanted.dtype, wanted.shape}, configuration);
  if (parameter.rounded)
    note(rounded, wanted, entry.tensor->dtype);
  HostTensor tensor;
  tensor.name = wanted.name;
  tensor.dtype = wanted.dtype;
  tensor.shape = wanted.shape;
  tensor.data = parameter.data;
  tensor.memory = parameter.memory;
  tensor.axes = wanted.axes;
  return tensor;
}

} // namespace

HostInputs readInputs(const safetensors::File &file, const std::vector<DeclaredTensor> &declared,
                      const char *tool, const std::string &function,
                      const safetensors::Checkpoint *weights, const std::string &configuration) {
  HostInputs inputs;
  std::string rounded;
  for (const DeclaredTensor &wanted : declared) {
    const safetensors::TensorView *view = file.find(wanted.name);
    safetensors::Checkpoint::Entry weight{nullptr, nullptr};
    if (!view && weights && !wanted.optional)
      weight = weights->find(wanted.name);
    if (!view && !weight.tensor && !wanted.optional)
      fail(XLSTM_ERROR_INVALID_INPUT, file.source(), ": expected a tensor named '", wanted.name,
           "'", weights ? " here or in " + weights->source() : "", ", got none");
    inputs.emplace_back();
    if (view)
      inputs.back() = readInput(file, *view, wanted, rounded);
    else if (weight.tensor)
      inputs.back() = readWeight(weight, wanted, configuration, rounded);
  }
  if (!rounded.empty())
    std::fprintf(stderr, "%s: note: %s: rounded %s\n", tool, file.source().c_str(),
                 rounded.c_str());
  for (const safetensors::TensorView &tensor : file.tensors()) {
    if (std::any_of(declared.begin(), declared.end(),
                    [&](const DeclaredTensor &wanted) { return wanted.name == tensor.name; }))
      continue;
    // These say where sequences begin: without them the result would be another one.
    if (tensor.name == "cu_seqlens" || tensor.name == "reset")
      fail(XLSTM_ERROR_INVALID_INPUT, file.source(), ": ", tensor.name, ": ", function,
           " does not take it; run the sequences one by one");
    std::fprintf(stderr, "%s: note: %s: '%s' is no input of %s and is ignored\n", tool,
                 file.source().c_str(), oneLine(tensor.name).c_str(), function.c_str());
  }
  return inputs;
}

} // namespace xlstm::tools
