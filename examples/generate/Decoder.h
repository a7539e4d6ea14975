// SPDX-License-Identifier: Apache-2.0
// A language model of a package on the CPU, through the C API: reads a prompt, then token after
// token, and gives the logits of what follows.
#ifndef XLSTM_EXAMPLES_GENERATE_DECODER_H
#define XLSTM_EXAMPLES_GENERATE_DECODER_H

#include "runtime/include/xlstm/runtime.hpp"
#include "runtime/src/safetensors/Checkpoint.h"
#include "tools/common/HostTensor.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace xlstm::example {

/// One sequence and its states.
class Decoder {
public:
  /// Opens the package, which has the functions prefill and step, and maps its weights: the
  /// checkpoint `weights`, or, if that is empty, the one that the package names. Throws Failure or
  /// RuntimeError.
  Decoder(const Device &device, const std::string &path, const std::string &weights);

  int64_t vocabulary() const { return logitCount; }
  /// The checkpoint that was mapped.
  const std::string &weights() const { return checkpoint->source(); }

  /// Reads a prompt as the beginning of a new sequence. Logits of the token after it [vocabulary].
  const std::vector<float> &prefill(const std::vector<int32_t> &prompt);
  /// Reads one token more.
  const std::vector<float> &step(int32_t token);

private:
  /// A tensor that a run reads or writes.
  struct Tensor {
    xlstm_tensor view;
    Buffer buffer; ///< empty where the tensor lies in the mapped checkpoint
  };
  /// A bound function and its arguments.
  struct Pass {
    std::optional<Function> function;
    Function::Tensors inputs, outputs;
    Buffer prepared, workspace;
  };

  Tensor make(xlstm_dtype dtype, const std::vector<int64_t> &shape);
  void readParameters(int32_t function);
  /// `from`: the set of states to read, -1 for none; `to`: the one to write.
  Pass bind(const char *name, Tensor &tokens, int from, int to);
  const std::vector<float> &run(Pass &pass);

  const Device &device;
  std::string path;
  Package package;
  Stream stream;
  std::optional<safetensors::Checkpoint> checkpoint;
  std::vector<tools::HostTensor> converted; // parameters of another type than the checkpoint's
  std::map<std::string, Tensor> parameters;
  std::map<std::string, Tensor> states[2]; // a step reads one set and writes the other
  Tensor token;
  std::optional<Tensor> logits;
  int64_t logitCount = 0;
  Pass steps[2];
  int current = 0; // the set that was written last
  std::vector<float> scores;
};

} // namespace xlstm::example
#endif
