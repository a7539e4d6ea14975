// SPDX-License-Identifier: Apache-2.0
// The first step after which a state of one program differs from that of another.
#ifndef XLSTM_TOOLS_XLSTM_DIFF_BISECT_H
#define XLSTM_TOOLS_XLSTM_DIFF_BISECT_H

#include "tools/xlstm-diff/Options.h"

namespace xlstm::tools {

/// Runs both programs on the whole inputs, then, for each state that differs at the end or where
/// the output h begins to differ, on prefixes, halving the range. Prints what it finds. True if no
/// state and no output differs. Throws Failure.
bool bisect(const DiffOptions &options);

} // namespace xlstm::tools
#endif
