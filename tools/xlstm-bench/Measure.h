// SPDX-License-Identifier: Apache-2.0
// Timing one case.
#ifndef XLSTM_TOOLS_XLSTM_BENCH_MEASURE_H
#define XLSTM_TOOLS_XLSTM_BENCH_MEASURE_H

#include "tools/common/Timing.h"
#include "tools/xlstm-bench/Options.h"

#include <map>
#include <optional>

namespace xlstm::tools {

/// One result: a time, or the reason why there is none.
struct Row {
  const Suite *suite;
  Case benchCase;
  xlstm_device_info device;
  std::string date;             ///< UTC, "2026-01-31T12:00:00Z"
  std::string target, isa;      ///< of the implementation that ran
  std::string schedule;         ///< JSON text, "" without a time
  std::string packageVersion;   ///< version of the compiler that wrote the package
  std::optional<Timing> timing; ///< absent if it failed
  std::string error;            ///< one line
};

/// A device and the memory of inputs, which cases of the same size share: element k of an input
/// depends on its name and k only (modulo 2^24, so that large ones are soon made), so the bytes are
/// the same.
class Bench {
public:
  /// Opens the device. Throws RuntimeError.
  explicit Bench(const BenchOptions &options);
  /// Times a case of a package; `target` as in xlstm_bind_options, "" for the best one. Failures
  /// are in the row, and the status of the first one is kept.
  Row measure(const Suite &suite, const Case &benchCase, const std::string &package,
              const std::string &target);
  /// A row for a case whose package cannot be had.
  Row failed(const Suite &suite, const Case &benchCase, const std::string &target,
             xlstm_status status, const std::string &message);

  xlstm_device_info deviceInfo() const { return device.info(); }
  xlstm_status firstStatus() const { return status; }
  const std::string &firstMessage() const { return message; }

private:
  struct Input {
    Buffer buffer;
    bool used = false; ///< by the case at hand
  };

  /// The tensors of one launch.
  struct Tensors {
    std::vector<xlstm_tensor> storage;
    std::vector<Buffer> memory;
    Function::Tensors inputs, outputs;
  };
  /// With `inPlace`, inputs that outputs may be written over have memory of their own and are.
  void fill(Tensors &tensors, const Package &package, int32_t function, const Case &benchCase,
            bool inPlace);
  void run(Row &row, const std::string &package, const std::string &target);
  /// Random values of an input, in host memory and on the device.
  const std::vector<char> &drawn(const xlstm_argument_info &info, int64_t count);
  Buffer makeInput(const xlstm_argument_info &info, int64_t count);
  Input &keptInput(const xlstm_argument_info &info, const Case &benchCase);

  const BenchOptions &options;
  Device device;
  Stream stream;
  std::map<std::string, std::vector<char>> host; // by name, type and number of elements
  std::map<std::string, Input> inputs;           // by name, type and number of elements
  xlstm_status status = XLSTM_OK;
  std::string message;
};

} // namespace xlstm::tools
#endif
