// SPDX-License-Identifier: Apache-2.0
// One run of xlstm-run: package, device, tensors, results.
#ifndef XLSTM_TOOLS_XLSTM_RUN_SESSION_H
#define XLSTM_TOOLS_XLSTM_RUN_SESSION_H

#include "tools/xlstm-run/Options.h"
#include "tools/xlstm-run/Tensors.h"

#include <chrono>
#include <map>

namespace xlstm::tools {

/// Milliseconds since its construction.
class Stopwatch {
public:
  double milliseconds() const {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
        .count();
  }

private:
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
};

/// Opens, binds and loads tensors when constructed. Throws Failure and RuntimeError.
class Session {
public:
  Session(const RunOptions &options, const Stopwatch &sinceStart);
  /// Runs the function once and waits.
  void run();
  /// Times it: warm-up, then options.iterations runs.
  void bench();
  /// Writes options.output unless that is empty.
  void writeOutputs();
  /// Prints what was done.
  void report();

private:
  void loadInputs();
  void makeOutputs();
  void addInput(const xlstm_argument_info &info, const std::vector<int64_t> &shape,
                const void *host);
  void enqueue();
  void mark(const char *step) { loadTimes.emplace_back(step, sinceStart.milliseconds()); }
  std::map<std::string, int64_t> dimensions() const;

  const RunOptions &options;
  const Stopwatch &sinceStart;
  std::vector<std::pair<const char *, double>> loadTimes; // milliseconds since the start
  Package package;
  Device device;
  Stream stream;
  std::string functionName;
  Function function;
  int32_t index;
  std::vector<std::unique_ptr<DeviceTensor>> inputs,
      outputs; // by declared argument, null if absent
  Function::Tensors inputPointers, outputPointers;
  Buffer workspace;
  std::vector<float> times; // milliseconds, sorted
};

} // namespace xlstm::tools
#endif
