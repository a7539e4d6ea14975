// SPDX-License-Identifier: Apache-2.0
// One run of xlstm-run: package, device, tensors, results.
#ifndef XLSTM_TOOLS_XLSTM_RUN_SESSION_H
#define XLSTM_TOOLS_XLSTM_RUN_SESSION_H

#include "tools/common/NumericsReport.h"
#include "tools/xlstm-run/Binding.h"
#include "tools/xlstm-run/Options.h"

#include <chrono>

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
  /// Runs prefixes of the inputs, for options.probes.
  void runProbes();
  /// Writes options.output unless that is empty.
  void writeOutputs();
  /// Prints what was done.
  void report();
  /// Compares outputs and probes with options.compare and prints that. Throws Failure if one is
  /// over its bound.
  void compare();

private:
  HostInputs loadInputs();
  const std::vector<HostTensor> &results(); // outputs and probes, downloaded once
  void runPrefix(int64_t step, const std::vector<std::string> &states);
  DType narrowestType() const;
  void mark(const char *step) { loadTimes.emplace_back(step, sinceStart.milliseconds()); }

  const RunOptions &options;
  const Stopwatch &sinceStart;
  std::vector<std::pair<const char *, double>> loadTimes; // milliseconds since the start
  Package package;
  Device device;
  Stream stream;
  std::string functionName;
  Function function;
  BoundFunction bound;
  std::optional<safetensors::File> file; // of the inputs
  std::optional<safetensors::Checkpoint> weights;
  HostInputs inputs; // kept for probes only
  std::optional<Binding> binding;
  std::vector<float> times; // milliseconds, sorted
  std::vector<HostTensor> probed, downloaded;
};

} // namespace xlstm::tools
#endif
