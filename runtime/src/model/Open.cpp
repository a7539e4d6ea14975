// SPDX-License-Identifier: Apache-2.0
// Opening a model: options, parameters, and the memory that all of it takes.
#include "runtime/src/model/Model.h"
#include "runtime/src/support/Convert.h"
#include "runtime/src/support/Failure.h"

#include <cstdio>
#include <set>

namespace xlstm {
namespace {

constexpr int32_t kDefaultBatch = 64;
constexpr int64_t kDefaultPrefillTokens = 8192;

std::string textOf(const char *text) { return text ? text : ""; }

/// "1.25" GiB.
std::string inGiB(size_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", static_cast<double>(bytes) / (1 << 30));
  return text;
}

int64_t countOf(const std::vector<int64_t> &shape) {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

/// 1, 2, 4, … and `last`.
std::vector<int64_t> powersUpTo(int64_t last) {
  std::vector<int64_t> result;
  for (int64_t k = 1; k < last; k *= 2)
    result.push_back(k);
  result.push_back(last);
  return result;
}

} // namespace

Model::Model(const std::string &path, std::shared_ptr<Device> given,
             const xlstm_model_options &options)
    : container(std::make_shared<package::Container>(package::Container::open(path))),
      device(std::move(given)), stream(device),
      prefillFunction(container, "prefill", device, textOf(options.target)),
      stepFunction(container, "step", device, textOf(options.target)) {
  setOptions(options);
  checkFunctions();
  readParameters(textOf(options.weights));
  reserve();
}

Model::~Model() {
  try {
    device->synchronize(stream.get()); // before its memory goes
  } catch (const Failure &) {
    // The device is gone, and its work with it.
  }
}

void Model::setOptions(const xlstm_model_options &options) {
  auto atLeastZero = [](const char *name, int64_t value) {
    if (value < 0 || value > INT32_MAX)
      fail(XLSTM_ERROR_INVALID_ARGUMENT, name, ": expected 0 to ", INT32_MAX, ", got ", value);
  };
  atLeastZero("slots", options.slots);
  atLeastZero("batch", options.batch);
  atLeastZero("prefill_tokens", options.prefill_tokens);
  description.slots = options.slots ? options.slots : 1;
  description.batch = options.batch ? options.batch : std::min(description.slots, kDefaultBatch);
  if (description.batch > description.slots)
    fail(XLSTM_ERROR_INVALID_ARGUMENT, "batch: expected at most the number of slots, ",
         description.slots, ", got ", description.batch);
  description.prefill_tokens =
      options.prefill_tokens ? options.prefill_tokens : kDefaultPrefillTokens;
  description.name = container->manifest().name.c_str();
  description.vocab_size = stepFunction.vocabSize();
  description.dtype = stepFunction.logitsType();
  description.states = static_cast<int32_t>(stepFunction.states().size());
  for (const StateType &state : stepFunction.states())
    description.state_bytes += static_cast<int64_t>(state.rowBytes);
}

/// `prefill` and `step` of one model.
void Model::checkFunctions() const {
  auto differ = [&](const std::string &what) {
    fail(XLSTM_ERROR_INVALID_INPUT, container->source(),
         ": expected prefill and step of one model, got another ", what);
  };
  if (prefillFunction.vocabSize() != stepFunction.vocabSize() ||
      prefillFunction.logitsType() != stepFunction.logitsType())
    differ("logits");
  const std::vector<StateType> &a = prefillFunction.states(), &b = stepFunction.states();
  for (size_t k = 0; k < std::max(a.size(), b.size()); ++k)
    if (k >= a.size() || k >= b.size() || a[k].name != b[k].name || a[k].dtype != b[k].dtype ||
        a[k].shape != b[k].shape)
      differ((k < a.size() ? a : b)[k].name);
}

void Model::readParameters(const std::string &weights) {
  weightsPath = weights.empty() ? container->manifest().weights : weights;
  description.weights = weightsPath.c_str();
  std::set<std::string> known;
  for (const ModelFunction *function : {&prefillFunction, &stepFunction})
    for (const safetensors::ParameterType &type : function->parameters()) {
      if (weightsPath.empty())
        fail(XLSTM_ERROR_INVALID_INPUT, container->source(),
             ": expected a package that names its checkpoint, or the option weights, got neither");
      if (!checkpoint)
        checkpoint = safetensors::Checkpoint::open(weightsPath);
      if (!known.insert(type.name).second)
        continue;
      parameters.emplace_back(type, findParameter(*checkpoint, type, container->source()));
      description.parameters += countOf(type.shape);
    }
}

size_t Model::weightBytes() const {
  size_t bytes = 0;
  for (const auto &[type, parameter] : parameters)
    if (device->info().kind != XLSTM_CPU || parameter.memory)
      bytes += roundedUp(static_cast<size_t>(countOf(type.shape)) * dtypeSize(type.dtype));
  return bytes;
}

/// The largest workspace of the runs that there can be, from plans for their extremes; where
/// implementations are for ranges of extents, for one of each.
size_t Model::workspaceSize() {
  size_t bytes = 0;
  ModelRun run;
  run.out.resize(stepFunction.states().size());
  auto plan = [&](ModelFunction &function, int64_t batch, int64_t length, bool begins) {
    run.batch = batch;
    run.length = length;
    run.in.assign(begins ? 0 : run.out.size(), nullptr);
    bytes = std::max(bytes, function.workspaceSize(run));
  };
  int64_t most = description.prefill_tokens;
  for (int64_t batch : powersUpTo(description.batch)) {
    if (stepFunction.hasChoice() || batch == description.batch)
      plan(stepFunction, batch, 1, false);
    if (batch > most || (!prefillFunction.hasChoice() && batch != 1 && batch != description.batch))
      continue;
    for (int64_t length : powersUpTo(most / batch))
      if (prefillFunction.hasChoice() || length == most / batch)
        for (bool begins : {true, false})
          plan(prefillFunction, batch, length, begins);
  }
  return bytes;
}

void Model::reserve() {
  const std::vector<StateType> &types = stepFunction.states();
  int64_t rows = description.batch;
  // A prefill reads staged states and writes slots; a step writes where it reads, or `results`.
  stepsInSlots = stepFunction.takesSlots();
  for (const StateType &type : types)
    stepsInSlots &= type.inPlace;
  for (const StateType &type : types)
    hasResult.push_back(!type.inPlace || type.rowBytes % kRowAlignment != 0);
  slots = States(types, description.slots);
  staged = States(types, rows);
  results = States(types, rows, hasResult);
  size_t tokenBytes = roundedUp(
      static_cast<size_t>(std::max<int64_t>(rows, description.prefill_tokens)) * sizeof(int32_t));
  size_t slotBytes = roundedUp(static_cast<size_t>(rows) * sizeof(int32_t));
  size_t logitBytes =
      roundedUp(static_cast<size_t>(rows * description.vocab_size) * dtypeSize(description.dtype));
  size_t runBytes = staged.bytes() + results.bytes() + tokenBytes + slotBytes + logitBytes;

  if (device->info().kind == XLSTM_CPU)
    placeParameters(); // where they are mapped
  size_t workspaceBytes = workspaceSize();
  size_t preparedBytes = prefillFunction.preparedSize() + stepFunction.preparedSize();
  description.weight_bytes = static_cast<int64_t>(weightBytes());
  description.prepared_bytes = static_cast<int64_t>(preparedBytes);
  description.slot_bytes = static_cast<int64_t>(slots.bytes());
  description.workspace_bytes = static_cast<int64_t>(workspaceBytes + runBytes);
  size_t need = weightBytes() + preparedBytes + slots.bytes() + runBytes + workspaceBytes;
  if (size_t have = device->freeMemory(); need > have)
    fail(XLSTM_ERROR_OUT_OF_MEMORY, container->source(), ": ", device->info().name, ": expected ",
         inGiB(need), " GiB of free memory, got ", inGiB(have), " GiB: weights ",
         inGiB(weightBytes() + preparedBytes), ", states of ", description.slots, " slots ",
         inGiB(slots.bytes()), ", runs of up to ", rows, " sequences and ",
         description.prefill_tokens, " tokens ", inGiB(runBytes + workspaceBytes));

  stateMemory = DeviceMemory(device, slots.bytes() + runBytes);
  char *at = stateMemory.data();
  slots.setMemory(at);
  staged.setMemory(at += slots.bytes());
  results.setMemory(at += staged.bytes());
  deviceTokens = at += results.bytes();
  deviceSlots = at + tokenBytes;
  deviceLogits = deviceSlots + slotBytes;
  hostTokens = HostMemory(device, tokenBytes);
  hostSlots = HostMemory(device, slotBytes);
  hostLogits = HostMemory(device, logitBytes);
  workspace = DeviceMemory(device, workspaceBytes);
  preparedMemory = DeviceMemory(device, preparedBytes);
  if (device->info().kind != XLSTM_CPU)
    placeParameters();
  size_t first = prefillFunction.preparedSize();
  prefillFunction.prepare(preparedMemory.data(), stream.get());
  stepFunction.prepare(preparedMemory.data() + first, stream.get());
  if (device->wantsProducts())
    chooseProducts();
  lengths.assign(static_cast<size_t>(description.slots), 0);
  device->fill(stateMemory.data(), 0, slots.bytes(), stream.get()); // all slots are empty
  device->synchronize(stream.get());
}

/// Of runs of 1, 2, 4 .. rows: those between take what the next one above takes.
void Model::chooseProducts() {
  ModelRun run;
  run.out.resize(stepFunction.states().size());
  run.batch = 1;
  for (int64_t length : powersUpTo(description.prefill_tokens)) {
    run.length = length;
    prefillFunction.chooseProducts(run, stream.get());
  }
  run.in.resize(run.out.size());
  run.length = 1;
  for (int64_t batch : powersUpTo(description.batch)) {
    run.batch = batch;
    stepFunction.chooseProducts(run, stream.get());
  }
  productReport = prefillFunction.productReport() + stepFunction.productReport();
}

/// Parameters where the device reads them: on a CPU where they are, on a GPU in one allocation.
void Model::placeParameters() {
  std::map<std::string, const void *> addresses;
  bool isCpu = device->info().kind == XLSTM_CPU;
  if (!isCpu)
    weightMemory = DeviceMemory(device, weightBytes());
  char *at = weightMemory.data();
  for (const auto &[type, parameter] : parameters) {
    size_t bytes = static_cast<size_t>(countOf(type.shape)) * dtypeSize(type.dtype);
    addresses[type.name] = isCpu ? parameter.data : at;
    if (isCpu)
      continue;
    device->upload(at, parameter.data, bytes, stream.get());
    at += roundedUp(bytes);
  }
  prefillFunction.setParameters(addresses);
  stepFunction.setParameters(addresses);
  if (isCpu)
    return;
  device->synchronize(stream.get());
  for (auto &entry : parameters) // the device has them
    entry.second = {};
  checkpoint.reset();
}

} // namespace xlstm
