// SPDX-License-Identifier: Apache-2.0
// The first place where two tensors differ.
#ifndef XLSTM_TOOLS_XLSTM_DIFF_DIFFERENCE_H
#define XLSTM_TOOLS_XLSTM_DIFF_DIFFERENCE_H

#include "tools/common/NumericsReport.h"
#include "tools/xlstm-diff/Options.h"

namespace xlstm::tools {

/// An element, the first in the order of time that shows a difference.
struct Difference {
  int64_t step = -1;            ///< time step, -1 for a tensor without a time axis
  double stepError = 0;         ///< relative L2 of the step, or of everything
  std::string row;              ///< of the first row over the bound, as "b=0 t=17 h=1"
  double rowError = 0;          ///< its relative L2 error
  std::string element;          ///< in that row, as "b=0 t=17 h=1 d=5"
  double first = 0, second = 0; ///< its values
};

/// Where `a` leaves `b`: the first step whose relative L2 error is over the bound (without a time
/// axis: everything), there the first row that is, or else the one with the largest error, and in
/// it the element that differs most. A bound of 0 asks for equal bits: the first element in the
/// order of time that has others. Throws Failure if shapes, or with bits types, differ.
std::optional<Difference> firstDifference(const HostTensor &a, const HostTensor &b, double bound);

/// What is said of a tensor or a state: `subject` is its name, `after` the step that a state is
/// looked at after, or -1.
void printDifference(const std::string &subject, int64_t after, const Difference &difference,
                     bool json);

/// Narrowest floating-point type of the tensors.
DType narrowestType(const std::vector<HostTensor> &a, const std::vector<HostTensor> &b);

/// Compares options.first with options.second, and prints. True if nothing differs. Throws Failure.
bool compareFiles(const DiffOptions &options);

} // namespace xlstm::tools
#endif
