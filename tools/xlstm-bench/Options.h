// SPDX-License-Identifier: Apache-2.0
// Command line of xlstm-bench.
#ifndef XLSTM_TOOLS_XLSTM_BENCH_OPTIONS_H
#define XLSTM_TOOLS_XLSTM_BENCH_OPTIONS_H

#include "tools/common/Arguments.h"
#include "tools/xlstm-bench/Suites.h"

namespace xlstm::tools {

extern const char kBenchUsage[];

struct BenchOptions {
  std::vector<const Suite *> suites;
  std::string filter; ///< only the case of this name, else cases whose name contains it
  xlstm_device_kind device = XLSTM_CPU;
  int deviceIndex = 0, threads = 0;
  std::vector<std::string> targets; ///< empty: the best one of the package
  std::string packages;             ///< folder, "" for none
  std::string compiler;             ///< program, "": the sibling xlstm-compile
  std::string output;               ///< file for the rows as JSON, "" for none
  std::string packagesFor;          ///< folder to write packages to instead of timing, "" to time
  int64_t iterations = 0;           ///< 0: up to 20 in at most 3 s
  bool json = false, list = false;
};

/// Throws UsageError.
BenchOptions parseBenchOptions(Arguments &arguments);

} // namespace xlstm::tools
#endif
