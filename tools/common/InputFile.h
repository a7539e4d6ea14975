// SPDX-License-Identifier: Apache-2.0
// The inputs of a function in a tensor file.
#ifndef XLSTM_TOOLS_COMMON_INPUTFILE_H
#define XLSTM_TOOLS_COMMON_INPUTFILE_H

#include "runtime/src/safetensors/Checkpoint.h"
#include "tools/common/HostTensor.h"

#include <optional>

namespace xlstm::tools {

/// An argument as a function declares it.
struct DeclaredTensor {
  std::string name;
  DType dtype = XLSTM_F32;
  std::vector<int64_t> shape;    ///< negative where a run-time dimension gives the extent
  std::vector<std::string> axes; ///< as HostTensor has them
  bool optional = false;
};

/// By declared argument; absent ones are empty.
using HostInputs = std::vector<std::optional<HostTensor>>;

/// The tensors of the file by name, in the declared types: exact conversions happen silently,
/// rounding ones with a note of `tool` on standard error; another note says what is no input of
/// `function`. Throws Failure for a tensor that is missing or has another rank, extent or kind of
/// type, or that would change the result if it were ignored. What the file lacks and may not be
/// absent is looked up among
/// the weights, if they are given, whose shapes the `configuration` of that name has to agree with.
HostInputs readInputs(const safetensors::File &file, const std::vector<DeclaredTensor> &declared,
                      const char *tool, const std::string &function,
                      const safetensors::Checkpoint *weights = nullptr,
                      const std::string &configuration = "");

} // namespace xlstm::tools
#endif
