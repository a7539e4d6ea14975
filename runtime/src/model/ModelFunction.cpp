// SPDX-License-Identifier: Apache-2.0
#include "runtime/src/model/ModelFunction.h"

#include "runtime/src/support/Convert.h"
#include "runtime/src/support/Failure.h"

namespace xlstm {
namespace {

constexpr const char *kStatePrefix = "state.";

/// Memory that a plan is made for before there is any: aligned as all memory is.
void *const kSomewhere = reinterpret_cast<void *>(uintptr_t(1) << 20);

std::vector<int64_t> fixedExtents(const package::Tensor &tensor, size_t first) {
  std::vector<int64_t> extents;
  for (size_t axis = first; axis < tensor.shape.size(); ++axis)
    extents.push_back(tensor.shape[axis].dim.empty() ? tensor.shape[axis].value : -1);
  return extents;
}

bool isFixed(const std::vector<int64_t> &extents) {
  return std::find(extents.begin(), extents.end(), -1) == extents.end();
}

} // namespace

ModelFunction::ModelFunction(std::shared_ptr<const package::Container> container,
                             const std::string &name, std::shared_ptr<Device> device,
                             const std::string &target)
    : bound(std::make_shared<const BoundFunction>(std::move(container), name, std::move(device),
                                                  target)),
      probe(bound) {
  readArguments();
}

void ModelFunction::unexpected(const std::string &what) const {
  fail(XLSTM_ERROR_INVALID_INPUT, bound->package().source(), ": ", bound->plan().function().name,
       ": expected a function of a model, ", what);
}

void ModelFunction::readArguments() {
  const FunctionPlan &plan = bound->plan();
  const xlstm_device_info &device = bound->device().info();
  std::map<std::string, int> outputs;
  for (int i = 0; i < plan.tensorCount(); ++i) {
    const package::Tensor &tensor = plan.tensor(i);
    xlstm_tensor described = {};
    described.dtype = tensor.dtype;
    described.rank = static_cast<int32_t>(tensor.shape.size());
    described.device_kind = device.kind;
    described.device_index = device.index;
    described.data = kSomewhere;
    tensors.push_back(described);
    if (i >= plan.inputCount())
      outputs[tensor.outside()] = i;
  }
  if (!outputs.count("logits"))
    unexpected("got no output logits");
  logits = outputs["logits"];
  std::vector<int64_t> row = fixedExtents(plan.tensor(logits), 1);
  if (row.size() != 1 || !isFixed(row) || !isFloat(plan.tensor(logits).dtype))
    unexpected("got other logits than [B, vocabulary]");
  vocab = row[0];
  logitsDType = plan.tensor(logits).dtype;

  for (int i = 0; i < plan.inputCount(); ++i) {
    const package::Tensor &tensor = plan.tensor(i);
    std::vector<int64_t> extents = fixedExtents(tensor, 0);
    if (tensor.name == "tokens" && tensor.dtype == XLSTM_I32) {
      tokens = i;
    } else if (tensor.name == "slots" && tensor.dtype == XLSTM_I32 && tensor.optional) {
      slots = i;
    } else if (tensor.name.rfind(kStatePrefix, 0) == 0) {
      std::vector<int64_t> rowShape = fixedExtents(tensor, 1);
      auto output = outputs.find(tensor.name);
      if (extents.empty() || !isFixed(rowShape) || !tensor.optional || output == outputs.end())
        unexpected(cat("got a state ", tensor.name,
                       " that it does not return or that has no row for each sequence"));
      size_t bytes = dtypeSize(tensor.dtype);
      for (int64_t extent : rowShape)
        bytes *= static_cast<size_t>(extent);
      stateTypes.push_back({tensor.name, tensor.dtype, rowShape, bytes,
                            plan.tensor(output->second).inPlace == tensor.name});
      stateTensors.push_back({i, output->second});
    } else if (!tensor.optional && isFixed(extents)) {
      parameterTypes.push_back({tensor.name, tensor.dtype, extents});
      parameterTensors.push_back(i);
    } else {
      unexpected(cat("got an input ", tensor.name,
                     " that is neither tokens, slots, a state nor a parameter"));
    }
  }
  if (tokens < 0)
    unexpected("got no input tokens of i32");
}

void ModelFunction::setParameters(const std::map<std::string, const void *> &addresses) {
  for (size_t k = 0; k < parameterTypes.size(); ++k)
    tensors[parameterTensors[k]].data = const_cast<void *>(addresses.at(parameterTypes[k].name));
}

void ModelFunction::setTensors(const ModelRun &run) {
  const FunctionPlan &plan = bound->plan();
  auto place = [&](int index, void *data) {
    xlstm_tensor &tensor = tensors[index];
    tensor.data = data ? data : kSomewhere;
    given[index] = &tensor;
  };
  given.assign(tensors.size(), nullptr);
  place(tokens, run.tokens);
  place(logits, run.logits);
  if (run.slots)
    place(slots, run.slots);
  for (size_t k = 0; k < stateTensors.size(); ++k) {
    if (!run.in.empty())
      place(stateTensors[k].input, run.in[k]);
    place(stateTensors[k].output, run.out[k]);
  }
  for (int index : parameterTensors)
    given[index] = &tensors[index];
  for (int i = 0; i < plan.tensorCount(); ++i) {
    const package::Tensor &declared = plan.tensor(i);
    xlstm_tensor &tensor = tensors[i];
    int64_t stride = 1;
    for (int axis = tensor.rank - 1; axis >= 0; --axis) {
      const package::Factor &extent = declared.shape[axis];
      tensor.shape[axis] = extent.dim.empty()  ? extent.value
                           : extent.dim == "B" ? run.batch
                           : extent.dim == "R" ? (run.slots ? run.rows : run.batch)
                                               : run.length;
      tensor.strides[axis] = stride;
      stride *= std::max<int64_t>(tensor.shape[axis], 1);
    }
  }
}

ModelFunction::Variant &ModelFunction::choose(const ModelRun &run) {
  setTensors(run);
  const xlstm_tensor *const *outputs = given.data() + bound->plan().inputCount();
  probe.workspaceSize(given.data(), outputs);
  auto [entry, isNew] = variants.try_emplace(probe.implementation(), bound);
  if (isNew)
    entry->second.sample = run;
  return entry->second;
}

size_t ModelFunction::workspaceSize(const ModelRun &run) {
  Variant &variant = choose(run);
  return variant.context.workspaceSize(given.data(), given.data() + bound->plan().inputCount());
}

void ModelFunction::run(const ModelRun &run, const DeviceMemory &workspace, void *stream) {
  Variant &variant = choose(run);
  variant.context.run(given.data(), given.data() + bound->plan().inputCount(), workspace.data(),
                      workspace.size(), stream);
}

size_t ModelFunction::preparedSize() {
  size_t bytes = 0;
  for (auto &[implementation, variant] : variants) {
    setTensors(variant.sample);
    bytes += roundedUp(
        variant.context.preparedSize(given.data(), given.data() + bound->plan().inputCount()));
  }
  return bytes;
}

void ModelFunction::prepare(char *memory, void *stream) {
  for (auto &[implementation, variant] : variants) {
    setTensors(variant.sample);
    const xlstm_tensor *const *outputs = given.data() + bound->plan().inputCount();
    size_t bytes = variant.context.preparedSize(given.data(), outputs);
    if (!bytes)
      continue;
    variant.context.makePrepared(given.data(), outputs, memory, bytes, stream);
    memory += roundedUp(bytes);
  }
}

void ModelFunction::chooseProducts(const ModelRun &run, void *stream) {
  Variant &variant = choose(run);
  variant.context.chooseProducts(given.data(), given.data() + bound->plan().inputCount(), stream);
}

std::string ModelFunction::productReport() const {
  std::string report;
  for (const auto &[implementation, variant] : variants)
    report += variant.context.productReport();
  return report;
}

} // namespace xlstm
