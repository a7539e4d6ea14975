// SPDX-License-Identifier: Apache-2.0
// Command line of xlstm-diff.
#ifndef XLSTM_TOOLS_XLSTM_DIFF_OPTIONS_H
#define XLSTM_TOOLS_XLSTM_DIFF_OPTIONS_H

#include "tools/common/Arguments.h"

#include <optional>
#include <string>
#include <vector>

namespace xlstm::tools {

extern const char kDiffUsage[];

struct DiffOptions {
  std::string first, second; ///< tensor files, or with `bisect` programs
  bool bits = false, json = false, bisect = false;
  std::optional<double> bound; ///< of the relative L2 error; else the tolerance of the type
  // With `bisect`:
  std::string inputs, function = "forward";
  std::vector<std::string> states; ///< empty: all
};

/// Throws UsageError.
DiffOptions parseDiffOptions(Arguments &arguments);

} // namespace xlstm::tools
#endif
