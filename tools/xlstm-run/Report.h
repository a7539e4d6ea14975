// SPDX-License-Identifier: Apache-2.0
// What xlstm-run prints, as text or as one JSON object per line.
#ifndef XLSTM_TOOLS_XLSTM_RUN_REPORT_H
#define XLSTM_TOOLS_XLSTM_RUN_REPORT_H

#include "runtime/include/xlstm/runtime.h"
#include "tools/common/NumericsReport.h"
#include "tools/xlstm-run/Options.h"

#include <map>
#include <string>
#include <vector>

namespace xlstm::tools {

struct RunReport {
  std::string function;
  xlstm_device_info device;
  xlstm_implementation_info implementation;
  std::map<std::string, int64_t> dims; ///< run-time dimensions
  std::vector<float> times;            ///< sorted milliseconds, empty without --bench
  std::vector<std::pair<const char *, double>>
      loadTimes;      ///< steps and milliseconds since the start
  std::string output; ///< file, "" if none
  std::vector<std::pair<std::string, const xlstm_tensor *>> outputs;
};

void printReport(const RunReport &report, bool json);

/// Prints comparisons, and the first step of each probed state that is over its bound.
void printReports(const std::vector<TensorReport> &reports, bool json);

/// Prints the functions of a package. Throws RuntimeError.
void listPackage(const RunOptions &options);

} // namespace xlstm::tools
#endif
