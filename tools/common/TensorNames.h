// SPDX-License-Identifier: Apache-2.0
// What the names of tensors say: h, c_last, dwx, c@5. The table of names is in the documentation of
// the tensor files; here are the rules behind it.
#ifndef XLSTM_TOOLS_COMMON_TENSORNAMES_H
#define XLSTM_TOOLS_COMMON_TENSORNAMES_H

#include "tools/common/HostTensor.h"

namespace xlstm::tools {

/// Whether an output is a gradient: d and the name of an input, or grad. and that of a parameter.
bool isGradient(const std::string &output);

/// The largest relative L2 error that passes: 1e-5 (f32), 2e-3 (f16), 5e-3 (bf16); for gradients
/// 1e-4, 5e-3, 1e-2; f64 is held to 1e-12 and 1e-11. `dtype` is the narrowest type of the function:
/// states in f32 of a bf16 cell inherit the rounding of its inputs.
double tolerance(DType dtype, bool gradient);

/// Where batch and time stand in a tensor, and what its other axes are called.
struct TensorAxes {
  int batch = -1, time = -1;       ///< axes, or -1
  std::vector<std::string> labels; ///< of every axis

  /// "b=0 t=17 h=1 d=5" for the element of that number, or "b=0 t=17 h=1" for the row that it is
  /// in.
  std::string position(const std::vector<int64_t> &shape, int64_t element) const;
  std::string rowPosition(const std::vector<int64_t> &shape, int64_t element) const;
};

/// From the tensor's axes if they are known, else from its name and rank.
TensorAxes axesOf(const HostTensor &tensor);

/// The state and the step of a probe's name: "c@5" is {"c", 5}; {"", -1} for another name.
std::pair<std::string, int64_t> splitProbe(const std::string &name);

} // namespace xlstm::tools
#endif
