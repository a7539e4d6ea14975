// SPDX-License-Identifier: Apache-2.0
// A language model of a package on the CPU, through the C API: its parameters by name, the loss and
// its gradients on a batch, and text, token after token.
#ifndef XLSTM_EXAMPLES_TRAIN_LM_MODEL_H
#define XLSTM_EXAMPLES_TRAIN_LM_MODEL_H

#include "runtime/include/xlstm/runtime.hpp"

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace xlstm::example {

/// A compact tensor in the device's memory, zero at first.
struct Tensor {
  Tensor(const Device &device, xlstm_dtype dtype, const std::vector<int64_t> &shape);
  float *floats() const { return static_cast<float *>(buffer.data()); }
  int32_t *integers() const { return static_cast<int32_t *>(buffer.data()); }
  size_t size() const { return count; }

  std::vector<int64_t> shape;
  xlstm_tensor view; ///< what the runtime is given

private:
  size_t count = 1;
  Buffer buffer;
};

struct Parameter {
  std::string name;
  Tensor value, gradient;
};

/// A model whose package has loss, loss_grad, prefill and step, all in f32.
class Model {
public:
  /// Draws the parameters. Throws Failure for a package that is no such model.
  Model(const Device &device, const std::string &path, int64_t batch, int64_t length,
        std::mt19937 &random);

  std::vector<Parameter> parameters;
  int64_t vocabulary() const { return logitCount; }
  /// [batch, length] each, written by the caller before lossAndGradients() or loss().
  int32_t *tokens() { return tokenTensor.integers(); }
  int32_t *targets() { return targetTensor.integers(); }

  float lossAndGradients() { return run(gradientPass); }
  float loss() { return run(lossPass); }
  /// Goes on from `prompt` by `count` tokens drawn from the model's distribution at `temperature`.
  std::string sample(const std::string &prompt, int64_t count, float temperature,
                     std::mt19937 &random);
  /// A folder that xlstm-compile reads: config.json, a copy of `config`, and model.safetensors.
  void save(const std::string &folder, const std::string &config) const;

private:
  /// A bound function and its arguments.
  struct Pass {
    std::unique_ptr<Function> function;
    Function::Tensors inputs, outputs;
    Buffer workspace;
  };
  using Named = std::map<std::string, const xlstm_tensor *>;

  void readParameters(std::mt19937 &random);
  /// Arguments by their names; optional ones that `given` lacks stay away.
  Pass bind(const std::string &name, const Named &given);
  float run(Pass &pass);

  const Device &device;
  Package package;
  std::string path;
  Stream stream;
  int64_t logitCount = 0;
  Tensor tokenTensor, targetTensor, lossTensor;
  Pass lossPass, gradientPass;
};

} // namespace xlstm::example
#endif
