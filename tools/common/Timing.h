// SPDX-License-Identifier: Apache-2.0
// How a function is timed, the same in every tool: warm-up, a flushed L2 cache on a GPU, the
// median.
#ifndef XLSTM_TOOLS_COMMON_TIMING_H
#define XLSTM_TOOLS_COMMON_TIMING_H

#include "runtime/include/xlstm/runtime.hpp"

#include <functional>
#include <limits>
#include <vector>

namespace xlstm::tools {

struct TimingOptions {
  int64_t iterations = 20;     ///< timed samples
  int64_t leastIterations = 5; ///< taken even when `seconds` have passed
  double seconds = std::numeric_limits<double>::infinity(); ///< no further sample after this long
  /// Put many launches between two time stamps when one takes under 100 us, where the gap between
  /// an event and a kernel would count. The L2 cache then stays warm on a GPU too.
  bool batchShort = false;
  int64_t graphLaunches = 0; ///< over 0: a sample on a GPU is a CUDA graph of so many launches
  std::function<void(size_t done, size_t total)> progress; ///< may be empty
};

struct Timing {
  std::vector<float> times;      ///< milliseconds of one launch, sorted
  int64_t launchesPerSample = 1; ///< over 1: each time is a mean of so many
  bool graph = false;            ///< whether a sample is the replay of a CUDA graph
  bool flushed = false;          ///< whether the L2 cache was flushed before each sample
};

/// Times what `enqueue` puts on `stream`. Warm-up: at least 3 runs, on a GPU at least 50 ms, in
/// which the clock rises. A sample is device time between two events on a GPU, and a monotonic
/// clock on a CPU. Before each one 256 MB are written on a GPU, which is over the L2 cache of any;
/// not before a CUDA graph, whose launches are to have tensors of their own.
Timing timeRuns(const Device &device, const Stream &stream, const std::function<void()> &enqueue,
                const TimingOptions &options);

/// Median of sorted numbers, at least one.
double median(const std::vector<float> &sorted);

} // namespace xlstm::tools
#endif
