// SPDX-License-Identifier: Apache-2.0
// How far results are from others, where, and since when.
#ifndef XLSTM_TOOLS_COMMON_NUMERICSREPORT_H
#define XLSTM_TOOLS_COMMON_NUMERICSREPORT_H

#include "dialect/xlstm/Reference/Compare.h"
#include "tools/common/TensorNames.h"

#include <nlohmann/json.hpp>
#include <optional>

namespace xlstm::tools {

/// The relative L2 error of the steps [first, last].
struct GrowthRow {
  int64_t first, last;
  double relativeL2;
};

/// A tensor beside what it should be.
struct TensorReport {
  std::string name;
  DType dtype = XLSTM_F32; ///< of the actual tensor, whose units ULPs are
  reference::Comparison comparison;
  std::string worstRow;             ///< where it is, as "b=0 t=17 h=1"
  double ulpMedian = 0, ulpMax = 0; ///< |actual - expected| in units in the last place of expected
  std::string ulpMaxAt;             ///< as "b=0 t=17 h=1 d=5"
  double bound = 0;                 ///< of the relative L2 error
  int64_t steps = 0;                ///< length of the time axis, 0 without one
  int64_t firstOver = -1;           ///< first time step whose error is over the bound, or -1
  double firstOverError = 0;        ///< relative L2 error of that step
  std::vector<GrowthRow> growth;    ///< over steps 0, 1, 2-3, 4-7, …; empty without a time axis

  bool passed() const { return comparison.relativeL2 <= bound; }
};

/// Compares an actual tensor with the expected one. Throws Failure, which begins with the name, if
/// their shapes differ.
TensorReport compareTensors(const HostTensor &actual, const HostTensor &expected, double bound);

/// One to three lines.
void printTensorReport(const TensorReport &report);
nlohmann::ordered_json toJson(const TensorReport &report);
/// A number in JSON, null for NaN and infinities.
nlohmann::ordered_json finiteJson(double value);
/// One object on a line of standard output.
void printJsonLine(const nlohmann::ordered_json &json);

/// Of probes c@5, c@9, …: the first step after which a state is over the bound, for each state that
/// has one. `reports` in any order.
std::vector<std::pair<std::string, int64_t>>
firstProbesOver(const std::vector<TensorReport> &reports);

} // namespace xlstm::tools
#endif
