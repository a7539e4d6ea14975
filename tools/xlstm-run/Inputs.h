// SPDX-License-Identifier: Apache-2.0
// Input tensors of a function on the host: from a file, or random ones.
#ifndef XLSTM_TOOLS_XLSTM_RUN_INPUTS_H
#define XLSTM_TOOLS_XLSTM_RUN_INPUTS_H

#include "runtime/include/xlstm/runtime.hpp"
#include "tools/common/InputFile.h"
#include "tools/xlstm-run/Options.h"

namespace xlstm::tools {

/// The run-time dimensions of an argument by axis, "" for a fixed extent. "N + 1" is no dimension.
std::vector<std::string> axesOf(const xlstm_argument_info &info);

/// The inputs of function `index` of the package, as readInputs() does it. `weights` may be null.
HostInputs inputsFromFile(const Package &package, int32_t index, const safetensors::File &file,
                          const safetensors::Checkpoint *weights);

/// Random tensors of the dimensions and the seed of the options; optional inputs stay absent.
/// Throws UsageError if the dimensions do not fit.
HostInputs randomInputs(const Package &package, int32_t index, const RunOptions &options);

} // namespace xlstm::tools
#endif
