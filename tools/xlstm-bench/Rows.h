// SPDX-License-Identifier: Apache-2.0
// What xlstm-bench prints.
#ifndef XLSTM_TOOLS_XLSTM_BENCH_ROWS_H
#define XLSTM_TOOLS_XLSTM_BENCH_ROWS_H

#include "tools/xlstm-bench/Measure.h"

namespace xlstm::tools {

/// Prints suites and cases (--list).
void listSuites(bool json);

/// Prepares and times every case of the options, prints rows as they come, writes options.output.
/// Throws Failure if a case failed, after timing all, and RuntimeError if there is no device.
void runSuites(const BenchOptions &options);

} // namespace xlstm::tools
#endif
