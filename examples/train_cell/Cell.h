// SPDX-License-Identifier: Apache-2.0
// A recurrent cell of a package on the CPU, through the C API: its tensors by name, its forward
// pass, and its gradients.
#ifndef XLSTM_EXAMPLES_TRAIN_CELL_CELL_H
#define XLSTM_EXAMPLES_TRAIN_CELL_CELL_H

#include "runtime/include/xlstm/runtime.hpp"

#include <map>
#include <string>
#include <vector>

namespace xlstm::example {

/// A compact f32 tensor in the device's memory.
struct Tensor {
  Tensor(const Device &device, const std::vector<int64_t> &shape);
  float *data() const { return static_cast<float *>(buffer.data()); }
  size_t size() const { return count; }

  std::vector<int64_t> shape;
  xlstm_tensor view; ///< what the runtime is given

private:
  size_t count;
  Buffer buffer;
};

/// What the cell reads: `value` is written by the caller, `gradient` by Cell::gradients().
struct Input {
  std::string name;
  Tensor value, gradient;
};

/// A cell whose package has the functions forward and forward_backward, at a fixed B and T. What
/// it reads is told apart by its axes alone: [B, T, …] is a sequence, one without B and T is a
/// parameter. Optional inputs (initial states, reset, cu_seqlens) stay away.
class Cell {
public:
  /// Throws RuntimeError, or Failure for a package that cannot be trained.
  Cell(const Device &device, const std::string &path, int64_t batch, int64_t length);

  std::vector<Input> sequences;  ///< wx, …: [B, T, …]
  std::vector<Input> parameters; ///< r, b, …: the same for all tokens
  /// Names of the gates in the order of b's first axis, as far as the package says them.
  std::vector<std::string> gates;

  /// h [B, T, …] after forward().
  const Tensor &h() const { return *output; }
  /// Gradient of the loss by h, written by the caller before gradients().
  Tensor &outputGradient() { return *outputGradientTensor; }

  void forward() { run(forwardPass); }
  /// Writes the gradients of all sequences and parameters.
  void gradients() { run(backwardPass); }

private:
  /// A bound function and its arguments.
  struct Pass {
    std::unique_ptr<Function> function;
    Function::Tensors inputs, outputs;
    Buffer workspace;
  };

  Pass bind(const std::string &name);
  void readInputs(int64_t batch, int64_t length);
  void readGates();
  std::vector<int64_t> shapeOf(const xlstm_argument_info &info, const std::string &function) const;
  void run(Pass &pass) { pass.function->run(pass.inputs, pass.outputs, pass.workspace, stream); }

  const Device &device;
  Package package;
  std::string path;
  std::map<std::string, int64_t> dims;
  Stream stream;
  std::unique_ptr<Tensor> output, outputGradientTensor;
  Pass forwardPass, backwardPass;
};

} // namespace xlstm::example
#endif
