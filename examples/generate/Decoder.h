// SPDX-License-Identifier: Apache-2.0
// A language model of a package through the C API of models: reads a prompt, then token after
// token, and gives the logits of what follows.
#ifndef XLSTM_EXAMPLES_GENERATE_DECODER_H
#define XLSTM_EXAMPLES_GENERATE_DECODER_H

#include "runtime/include/xlstm/model.h"
#include "runtime/include/xlstm/runtime.hpp"

#include <string>
#include <vector>

namespace xlstm::example {

/// One sequence.
class Decoder {
public:
  /// Opens the package with the checkpoint `weights`, or, if that is empty, the one that the package
  /// names. Throws RuntimeError.
  Decoder(const Device &device, const std::string &path, const std::string &weights);

  int64_t vocabulary() const { return info.vocab_size; }
  std::string weights() const { return info.weights; }

  /// Reads tokens, at least one. Logits of the token that follows [vocabulary].
  const std::vector<float> &read(const std::vector<int32_t> &tokens);
  const std::vector<float> &read(int32_t token);

private:
  Handle<xlstm_model, xlstm_model_close> model;
  xlstm_model_info info;
  std::vector<float> logits;
};

} // namespace xlstm::example
#endif
