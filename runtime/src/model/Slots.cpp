// SPDX-License-Identifier: Apache-2.0
// What one does with a slot: empty it, copy it, keep it in a file.
#include "runtime/src/model/Model.h"

#include "runtime/src/support/Failure.h"

#include <charconv>

namespace xlstm {
namespace {

constexpr const char *kModelKey = "model", *kLengthKey = "tokens";

std::vector<int64_t> withBatch(const StateType &state) {
  std::vector<int64_t> shape{1};
  shape.insert(shape.end(), state.shape.begin(), state.shape.end());
  return shape;
}

std::string describe(DType dtype, const std::vector<int64_t> &shape) {
  return cat(dtypeName(dtype), " ", safetensors::shapeText(shape));
}

/// An entry of a file's metadata.
std::string metadata(const safetensors::File &file, const char *key) {
  auto entry = file.metadata().find(key);
  if (entry == file.metadata().end())
    fail(XLSTM_ERROR_INVALID_INPUT, file.source(), ": __metadata__: expected ", key,
         " as in a saved slot, got none");
  return entry->second;
}

int64_t lengthOf(const safetensors::File &file) {
  std::string text = metadata(file, kLengthKey);
  int64_t length = -1;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc() || end != text.data() + text.size() || length < 0)
    fail(XLSTM_ERROR_INVALID_INPUT, file.source(), ": __metadata__: ", kLengthKey,
         ": expected a number of tokens, got '", oneLine(text), "'");
  return length;
}

} // namespace

int64_t Model::length(int32_t slot) const {
  checkSlot(slot, "slot");
  return lengths[slot];
}

void Model::reset(int32_t slot) {
  checkSlot(slot, "slot");
  for (size_t k = 0; k < stepFunction.states().size(); ++k)
    device->fill(slots.row(k, slot), 0, stepFunction.states()[k].rowBytes, stream.get());
  lengths[slot] = 0;
}

void Model::copy(int32_t from, int32_t to) {
  checkSlot(from, "from");
  checkSlot(to, "to");
  if (from == to)
    return;
  for (size_t k = 0; k < stepFunction.states().size(); ++k)
    device->copy(slots.row(k, to), slots.row(k, from), stepFunction.states()[k].rowBytes,
                 stream.get());
  lengths[to] = lengths[from];
}

void Model::save(int32_t slot, const std::string &path) {
  checkSlot(slot, "slot");
  std::vector<char> bytes(static_cast<size_t>(description.state_bytes));
  std::vector<safetensors::TensorView> tensors;
  char *at = bytes.data();
  for (size_t k = 0; k < stepFunction.states().size(); ++k) {
    const StateType &state = stepFunction.states()[k];
    device->download(at, slots.row(k, slot), state.rowBytes, stream.get());
    tensors.push_back({state.name, state.dtype, withBatch(state), 0, 0, at});
    at += state.rowBytes;
  }
  device->synchronize(stream.get());
  safetensors::write(path, tensors,
                     {{kModelKey, description.name}, {kLengthKey, cat(lengths[slot])}});
}

void Model::load(int32_t slot, const std::string &path) {
  checkSlot(slot, "slot");
  safetensors::File file = safetensors::File::open(path);
  if (std::string name = metadata(file, kModelKey); name != description.name)
    fail(XLSTM_ERROR_INVALID_INPUT, path, ": __metadata__: ", kModelKey, ": expected ",
         description.name, ", got ", oneLine(name));
  int64_t length = lengthOf(file);
  std::vector<const safetensors::TensorView *> found;
  for (const StateType &state : stepFunction.states()) {
    const safetensors::TensorView *tensor = file.find(state.name);
    std::string expected = describe(state.dtype, withBatch(state));
    if (!tensor)
      fail(XLSTM_ERROR_INVALID_INPUT, path, ": ", state.name, ": expected ", expected,
           ", got none");
    if (tensor->dtype != state.dtype || tensor->shape != withBatch(state))
      fail(XLSTM_ERROR_INVALID_INPUT, path, ": ", state.name, ": expected ", expected, ", got ",
           describe(tensor->dtype, tensor->shape));
    found.push_back(tensor);
  }
  for (const safetensors::TensorView &tensor : file.tensors())
    if (std::find(found.begin(), found.end(), &tensor) == found.end())
      fail(XLSTM_ERROR_INVALID_INPUT, path, ": ", oneLine(tensor.name), ": the model ",
           description.name, " has no such state");
  for (size_t k = 0; k < found.size(); ++k)
    device->upload(slots.row(k, slot), found[k]->data, found[k]->bytes, stream.get());
  device->synchronize(stream.get());
  lengths[slot] = length;
}

} // namespace xlstm
