// SPDX-License-Identifier: Apache-2.0
// Command line of xlstm-interpret.
#ifndef XLSTM_TOOLS_XLSTM_INTERPRET_OPTIONS_H
#define XLSTM_TOOLS_XLSTM_INTERPRET_OPTIONS_H

#include "tools/common/Arguments.h"
#include "tools/common/Probes.h"

#include <string>
#include <vector>

namespace xlstm::tools {

extern const char kInterpretUsage[];

struct InterpretOptions {
  std::string model, function = "forward";
  std::vector<std::string> inputs,
      outputs;         ///< files, as many of one as of the other
  std::string weights; ///< a checkpoint; empty: the model's folder, if it holds one
  std::vector<Probe> probes;
  std::string round; ///< nearest or random: the results of every op to the types that the IR gives
  int64_t seed = 0;  ///< of random rounding
  bool declaredTypes = false; ///< write outputs in the types that the function declares
};

/// Throws UsageError.
InterpretOptions parseInterpretOptions(Arguments &arguments);

} // namespace xlstm::tools
#endif
