// SPDX-License-Identifier: Apache-2.0
// All cases of a command line: several at a time, reported in order.
#ifndef XLSTM_TOOLS_XLSTM_CHECK_SUITE_H
#define XLSTM_TOOLS_XLSTM_CHECK_SUITE_H

#include "tools/xlstm-check/Options.h"

namespace xlstm::tools {

/// Runs every case, prints a line for each and "N passed, N failed". True if all passed. Throws
/// Failure if a package cannot be read, has no cell that can be checked, or the environment lacks
/// something.
bool runSuite(const CheckOptions &options);

} // namespace xlstm::tools
#endif
