// SPDX-License-Identifier: Apache-2.0
// A language model of a package on the CPU, through the C API: its parameters by name, the loss and
// its gradients on a batch, and text, token after token.
//
// A batch falls into pieces of some sequences, whose gradients are computed one piece by one thread:
// a step waits for other threads twice, not after each of some hundred kernels, and what a thread
// works on is small enough for its caches. The sums over pieces have one order whatever the threads.
#ifndef XLSTM_EXAMPLES_TRAIN_LM_MODEL_H
#define XLSTM_EXAMPLES_TRAIN_LM_MODEL_H

#include "examples/train_lm/Team.h"
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
  /// Draws the parameters. A piece has `pieceRows` sequences, the last one what is left. Throws
  /// Failure for a package that is no such model.
  Model(const Device &device, const std::string &path, int64_t batch, int64_t length,
        int64_t pieceRows, std::mt19937 &random);

  std::vector<Parameter> parameters;
  int64_t vocabulary() const { return logitCount; }
  /// [batch, length] each, written by the caller before lossAndGradients() or loss().
  int32_t *tokens() { return tokenTensor.integers(); }
  int32_t *targets() { return targetTensor.integers(); }

  float lossAndGradients();
  float loss();
  /// The threads that a step is shared by.
  Team &team() { return *threads; }
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
  /// Sequences of a batch, and what has come of them.
  struct Piece {
    int64_t rows;
    xlstm_tensor tokens, targets;
    Tensor loss;
    std::vector<Tensor> gradients; // of the parameters
  };
  /// What a thread runs pieces with.
  struct Worker {
    explicit Worker(int32_t threads)
        : device(XLSTM_CPU, 0, xlstm_device_options{threads}), stream(device) {}
    Device device;
    Stream stream;
    std::vector<Pass> passes; // of the pieces
    Buffer workspace;         // of any of them
  };
  using Named = std::map<std::string, const xlstm_tensor *>;

  void readParameters(std::mt19937 &random);
  void makePieces(int64_t batch, int64_t length, int64_t pieceRows);
  void makeWorkers();
  /// Arguments by their names; optional ones that `given` lacks stay away.
  Pass bind(const std::string &name, const Named &given, const Device &on);
  Named parametersByName() const;

  const Device &device;
  Package package;
  std::string path;
  Stream stream;
  int64_t logitCount = 0;
  Tensor tokenTensor, targetTensor, lossTensor;
  Pass lossPass;
  std::vector<Piece> pieces;
  std::vector<std::unique_ptr<Worker>> workers; // of the threads
  std::unique_ptr<Team> threads;
};

} // namespace xlstm::example
#endif
