// SPDX-License-Identifier: Apache-2.0
// One case: generate, run twice, compare.
#ifndef XLSTM_TOOLS_XLSTM_CHECK_CHECK_H
#define XLSTM_TOOLS_XLSTM_CHECK_CHECK_H

#include "dialect/xlstm/Reference/Compare.h"
#include "tools/xlstm-check/Inputs.h"

namespace xlstm::tools {

/// An output's distance from the reference.
struct OutputResult {
  std::string name;
  reference::Comparison comparison;
  /// Relative L2 with rows weighted by rowWeight(), where the plain one is over the tolerance; else
  /// negative.
  double weighted = -1;
  int64_t cancelling = 0; ///< rows of weight below 1, likewise
  /// Of a gradient whose median row is over the tolerance: the median with row errors relative to
  /// the terms that cancel in a row and to its sensitivity (mlstm), or relative to a thousandth of
  /// the root mean square of the rows where they are smaller (other cells); else negative.
  double conditionedMedian = -1;
  /// The error of everything relative to the terms, where the gradient as a whole is less than a
  /// tenth of them; else negative.
  double errorOfTerms = -1;
};

struct CaseResult {
  bool passed = false;
  std::string reason; ///< why it failed, one line
  std::vector<OutputResult> outputs;
};

/// Runs a case. Throws Failure(ENVIRONMENT) if xlstm-run says that the environment lacks something;
/// other failures are in the result. `threads` bounds the reference (0: all CPUs).
CaseResult runCase(const Case &testCase, const CheckOptions &options, unsigned threads);

} // namespace xlstm::tools
#endif
