// SPDX-License-Identifier: Apache-2.0
// Runs a case by the xlstm-run beside this program.
#ifndef XLSTM_TOOLS_XLSTM_CHECK_RUN_H
#define XLSTM_TOOLS_XLSTM_CHECK_RUN_H

#include "tools/common/Process.h"
#include "tools/xlstm-check/Inputs.h"

namespace xlstm::tools {

/// The cell's step as if it were `forward`: with a T axis for what a token has.
Cell asSequence(const Cell &step);

/// Runs the case once, a step token by token; the file `output` appears only if that succeeds.
/// Throws Failure(ENVIRONMENT) if the environment lacks something, Failure(INVALID_INPUT) if
/// xlstm-run fails.
void runPackage(const Case &testCase, const CheckOptions &options, const TemporaryFolder &folder,
                const std::string &inputs, const std::string &output);

} // namespace xlstm::tools
#endif
