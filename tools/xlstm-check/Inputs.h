// SPDX-License-Identifier: Apache-2.0
// Inputs of a case: the same bits on every machine, so nothing large has to be carried.
#ifndef XLSTM_TOOLS_XLSTM_CHECK_INPUTS_H
#define XLSTM_TOOLS_XLSTM_CHECK_INPUTS_H

#include "tools/xlstm-check/Cell.h"
#include "tools/xlstm-check/Options.h"

#include <map>

namespace xlstm::tools {

/// One case: a cell, a length and a distribution of the gates.
struct Case {
  const Cell *cell = nullptr;
  int64_t batch = 0, time = 0;
  Gates gates = Gates::Bench;
};

/// Shape of a tensor of the function with the case's B and T filled in. Throws Failure(UNSUPPORTED)
/// for another run-time dimension.
std::vector<int64_t> shapeOf(const package::Tensor &tensor, const Case &testCase);

/// Input tensors with their memory. q, k, v and initial states are normal(0, 1) in their type.
class Inputs {
public:
  /// Optional inputs are given if they are states and `states` is set.
  Inputs(const Case &testCase, int64_t seed, bool states);
  /// Writes them as safetensors. Throws Failure.
  void write(const std::string &path) const;
  /// The same for the reference; points into this object.
  reference::MLSTMProblem problem() const;

private:
  struct Values {
    DType dtype;
    std::vector<int64_t> shape;
    std::vector<char> data;
  };
  void fillGate(Values &gate, const std::string &name, int64_t seed);
  reference::TensorView view(const char *name) const;

  Case testCase;
  std::map<std::string, Values> values;
};

} // namespace xlstm::tools
#endif
