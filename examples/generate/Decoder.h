// SPDX-License-Identifier: Apache-2.0
// A language model of a package on the CPU, through the C API of models: reads a prompt, then token
// after token, and gives the logits of what follows.
#ifndef XLSTM_EXAMPLES_GENERATE_DECODER_H
#define XLSTM_EXAMPLES_GENERATE_DECODER_H

#include "runtime/include/xlstm/runtime.hpp"
#include "xlstm/model.h"

#include <string>
#include <vector>

namespace xlstm::example {

/// One sequence: slot 0 of a model.
class Decoder {
public:
  /// Opens the package with the checkpoint `weights`, or, if that is empty, the one that the package
  /// names. Throws RuntimeError.
  Decoder(const Device &device, const std::string &path, const std::string &weights);

  int64_t vocabulary() const { return info.vocab_size; }
  /// The checkpoint that was mapped.
  std::string weights() const { return info.weights; }

  /// Reads a prompt as the beginning of a new sequence. Logits of the token after it [vocabulary].
  const std::vector<float> &prefill(const std::vector<int32_t> &prompt);
  /// Reads one token more.
  const std::vector<float> &step(int32_t token);

private:
  Handle<xlstm_model, xlstm_model_close> model;
  xlstm_model_info info;
  std::vector<float> logits;
};

} // namespace xlstm::example
#endif
