// SPDX-License-Identifier: Apache-2.0
// One case: generate, run twice, compare.
#ifndef XLSTM_TOOLS_XLSTM_CHECK_CHECK_H
#define XLSTM_TOOLS_XLSTM_CHECK_CHECK_H

#include "dialect/xlstm/Reference/Compare.h"
#include "tools/xlstm-check/Inputs.h"

namespace xlstm::tools {

struct CaseResult {
  bool passed = false;
  std::string reason; ///< why it failed, one line
  std::vector<std::pair<std::string, reference::Comparison>> outputs; ///< by name
};

/// Largest relative L2 error that passes, by the type of q, k and v.
double tolerance(DType dtype);

/// Runs a case. Throws Failure(ENVIRONMENT) if xlstm-run says that the environment lacks something; other
/// failures are in the result. `threads` bounds the reference (0: all CPUs).
CaseResult runCase(const Case &testCase, const CheckOptions &options, unsigned threads);

} // namespace xlstm::tools
#endif
