// SPDX-License-Identifier: Apache-2.0
#include "examples/generate/Decoder.h"

namespace xlstm::example {

static constexpr int32_t kSlot = 0;

Decoder::Decoder(const Device &device, const std::string &path, const std::string &weights) {
  xlstm_model_options options{};
  options.weights = weights.empty() ? nullptr : weights.c_str();
  xlstm_model *opened = nullptr;
  check(xlstm_model_open(path.c_str(), device.get(), &options, &opened));
  model.reset(opened);
  check(xlstm_model_get_info(model.get(), &info));
  logits.resize(static_cast<size_t>(info.vocab_size));
}

const std::vector<float> &Decoder::read(const std::vector<int32_t> &tokens) {
  int64_t length = static_cast<int64_t>(tokens.size());
  check(xlstm_model_prefill(model.get(), tokens.data(), &length, &kSlot, 1, logits.data()));
  return logits;
}

const std::vector<float> &Decoder::read(int32_t token) {
  check(xlstm_model_step(model.get(), &token, &kSlot, 1, logits.data()));
  return logits;
}

} // namespace xlstm::example
