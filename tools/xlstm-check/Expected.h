// SPDX-License-Identifier: Apache-2.0
// What the outputs of a case should be, in float64.
#ifndef XLSTM_TOOLS_XLSTM_CHECK_EXPECTED_H
#define XLSTM_TOOLS_XLSTM_CHECK_EXPECTED_H

#include "tools/xlstm-check/Inputs.h"

#include <map>

namespace xlstm::tools {

/// Columns [first, first + columns) of the last axis of an output.
struct Expected {
  std::vector<double> values;
  int64_t first = 0, columns = 0;
};
using ExpectedOutputs = std::map<std::string, Expected>;

/// A case of an mlstm for the reference; the views point into `inputs`. Throws Failure if the
/// reference does not accept it.
struct MLSTMReference {
  MLSTMReference(const Case &testCase, const std::vector<HostTensor> &inputs,
                 const CheckOptions &options, unsigned threads);

  reference::MLSTMProblem problem;
  reference::MLSTMOutputGradients gradients;
  reference::MLSTMPart part;
  reference::NormalizerGrad normalizerGrad;
  const Cell &cell;

  /// The outputs for the case's q and k.
  ExpectedOutputs run() const { return run(problem, part); }
  /// The same for other ones and other columns of v.
  ExpectedOutputs run(const reference::MLSTMProblem &problem,
                      const reference::MLSTMPart &part) const;
};

/// The outputs of a case of another cell, from the xlstm-interpret beside this program. `inputs` is
/// a file; `folder` takes others. Throws Failure.
ExpectedOutputs interpretedOutputs(const Case &testCase, const CheckOptions &options,
                                   const std::string &inputs, const std::string &folder);

} // namespace xlstm::tools
#endif
