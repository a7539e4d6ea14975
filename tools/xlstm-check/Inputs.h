// SPDX-License-Identifier: Apache-2.0
// Inputs of a case: the same bits on every machine, so nothing large has to be carried.
#ifndef XLSTM_TOOLS_XLSTM_CHECK_INPUTS_H
#define XLSTM_TOOLS_XLSTM_CHECK_INPUTS_H

#include "tools/common/HostTensor.h"
#include "tools/xlstm-check/Cell.h"
#include "tools/xlstm-check/Options.h"

namespace xlstm::tools {

/// One case: a cell, a length and a distribution of the gates.
struct Case {
  const Cell *cell = nullptr;
  int64_t batch = 0, time = 0;
  Gates gates = Gates::Bench;
  Resets resets = Resets::None;
  bool states = false;
  std::vector<int32_t> starts; ///< cu_seqlens; empty: sequences are not packed

  /// Number of sequences, which have a state each.
  int64_t sequences() const {
    return starts.empty() ? batch : static_cast<int64_t>(starts.size()) - 1;
  }
};

/// Boundaries of packed sequences of 0, 1, 7, 64, 65, 0, 30 steps and so on, `time` in all.
std::vector<int32_t> packedStarts(int64_t time);

/// Shape of a tensor of the function with the case's dimensions filled in, and which those are.
/// Throws Failure(UNSUPPORTED) for another run-time dimension.
std::vector<int64_t> shapeOf(const package::Tensor &tensor, const Case &testCase);
std::vector<std::string> axesOf(const package::Tensor &tensor);

/// The case's input tensors. Pre-activations of gates follow the case's distribution; recurrent
/// weights are uniform in 0.8 / sqrt(D) [-1, 1], so that no state explodes, biases normal(0,
/// 1/100); the state n of a cell with recurrent weights is at least 1/2, since it is a sum of
/// positive numbers; all others are normal(0, 1). Optional inputs are there as the case says.
/// Throws Failure if the function lacks an input that the case asks for.
std::vector<HostTensor> makeInputs(const Case &testCase, int64_t seed);

/// The tensor of that name or nullptr.
const HostTensor *findTensor(const std::vector<HostTensor> &tensors, const std::string &name);

} // namespace xlstm::tools
#endif
