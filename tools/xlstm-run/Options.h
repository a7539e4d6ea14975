// SPDX-License-Identifier: Apache-2.0
// Command line of xlstm-run.
#ifndef XLSTM_TOOLS_XLSTM_RUN_OPTIONS_H
#define XLSTM_TOOLS_XLSTM_RUN_OPTIONS_H

#include "runtime/include/xlstm/runtime.h"
#include "tools/common/Arguments.h"
#include "tools/common/Probes.h"

#include <optional>
#include <string>
#include <vector>

namespace xlstm::tools {

extern const char kRunUsage[];

/// How tensors lie in memory.
struct Layout {
  bool transposed = false, inPlace = false;
};

struct RunOptions {
  std::string package;
  std::string function; ///< "": the only one of the package
  std::string inputs;   ///< safetensors file, "" with `random`
  std::string weights;  ///< a checkpoint, "" without
  std::string output;   ///< safetensors file, "" to write none
  xlstm_device_kind device = XLSTM_CPU;
  int deviceIndex = 0;
  bool bench = false, json = false, list = false, poison = false, timeLoad = false;
  bool prepare = true; ///< compute what depends on parameters alone once
  Layout layout;
  int64_t iterations = 20;
  int threads = 0;
  std::string target;
  std::vector<std::string> only; ///< outputs to bind; empty: all
  bool random = false;
  std::vector<std::pair<std::string, int64_t>> dims; ///< of random inputs
  int64_t seed = 0;
  std::vector<Probe> probes;
  std::string compare;         ///< safetensors file to compare with, "" without
  std::optional<double> bound; ///< of the relative L2 error; else the tolerance of the type
};

/// Throws UsageError.
RunOptions parseRunOptions(Arguments &arguments);

} // namespace xlstm::tools
#endif
