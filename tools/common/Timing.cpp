// SPDX-License-Identifier: Apache-2.0
#include "tools/common/Timing.h"

#include "tools/common/Graph.h"

#include <algorithm>
#include <chrono>
#include <optional>

namespace xlstm::tools {
namespace {

constexpr size_t kFlushBytes = size_t(256) << 20;
constexpr int kWarmUpRuns = 3;
constexpr double kWarmUpSeconds = 0.05;
constexpr float kShortMilliseconds = 0.1f;
constexpr int64_t kShortLaunches = 20;

double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

} // namespace

Timing timeRuns(const Device &device, const Stream &stream, const std::function<void()> &enqueue,
                const TimingOptions &options) {
  bool isGpu = device.info().kind == XLSTM_CUDA;
  Event begin(device), end(device);
  auto sample = [&](int64_t launches) {
    begin.record(stream);
    for (int64_t i = 0; i < launches; ++i)
      enqueue();
    end.record(stream);
    return begin.millisecondsUntil(end) / static_cast<float>(launches);
  };
  auto start = std::chrono::steady_clock::now();
  float estimate = 0;
  for (int i = 0; i < kWarmUpRuns || (isGpu && secondsSince(start) < kWarmUpSeconds); ++i)
    estimate = sample(1);

  Timing result;
  std::optional<Graph> graph;
  auto timeOnce = [&] {
    if (!graph)
      return sample(result.launchesPerSample);
    begin.record(stream);
    graph->launch();
    end.record(stream);
    return begin.millisecondsUntil(end) / static_cast<float>(result.launchesPerSample);
  };
  if (isGpu && options.graphLaunches) {
    result.launchesPerSample = options.graphLaunches;
    result.graph = true;
    graph.emplace(device, stream, [&] {
      for (int64_t i = 0; i < options.graphLaunches; ++i)
        enqueue();
    });
    timeOnce(); // the first launch of a graph also uploads it
  } else if (options.batchShort && estimate < kShortMilliseconds)
    result.launchesPerSample = kShortLaunches;
  result.flushed = isGpu && result.launchesPerSample == 1;
  Buffer flush;
  if (result.flushed)
    flush = Buffer(device, kFlushBytes);
  start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < options.iterations; ++i) {
    if (i >= options.leastIterations && secondsSince(start) > options.seconds)
      break;
    if (result.flushed)
      check(xlstm_device_fill(device.get(), flush.data(), static_cast<uint8_t>(i), flush.size(),
                              stream.get()));
    result.times.push_back(timeOnce());
    if (options.progress)
      options.progress(static_cast<size_t>(i + 1), static_cast<size_t>(options.iterations));
  }
  std::sort(result.times.begin(), result.times.end());
  return result;
}

double median(const std::vector<float> &sorted) {
  size_t half = sorted.size() / 2;
  return sorted.size() % 2 ? sorted[half] : 0.5 * (sorted[half - 1] + sorted[half]);
}

} // namespace xlstm::tools
