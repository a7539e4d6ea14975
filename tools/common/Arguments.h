// SPDX-License-Identifier: Apache-2.0
// Command lines of the tools that do without LLVM, and what their main() functions share.
#ifndef XLSTM_TOOLS_COMMON_ARGUMENTS_H
#define XLSTM_TOOLS_COMMON_ARGUMENTS_H

#include "runtime/include/xlstm/runtime.h"

#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace xlstm::tools {

/// A command line that the tool cannot follow: exit code 2.
class UsageError : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// A command line from which options are taken one by one: `--name value`, `--name=value`,
/// `--name`. What is left over are operands; a leftover that begins with '-' is an unknown option.
class Arguments {
public:
  Arguments(int argc, const char *const *argv) : rest(argv + 1, argv + argc) {}

  /// True if the option was given, once or more often.
  bool flag(const std::string &name);
  /// The option's value. Throws UsageError if it is given twice or without a value.
  std::optional<std::string> value(const std::string &name);
  /// Every value of an option that may be given several times, in order.
  std::vector<std::string> values(const std::string &name);
  /// The same as a number in [min, max], `fallback` if it is not given.
  int64_t number(const std::string &name, int64_t min, int64_t max, int64_t fallback);
  /// The same as a positive real number, such as 1e-5.
  std::optional<double> real(const std::string &name);
  /// What is left. Throws UsageError for an unknown option, with the nearest known one.
  std::vector<std::string> operands();

private:
  std::vector<std::string> rest;
  std::vector<std::string> known;
};

/// A run of name=value pairs separated by commas ("B=8,T=128"). Throws UsageError.
std::vector<std::pair<std::string, int64_t>> parseDims(const std::string &option,
                                                       const std::string &text);

/// The device that `--device` names: "cpu", "cuda" or "cuda:N". Throws UsageError.
std::pair<xlstm_device_kind, int> parseDevice(const std::string &text);

/// Parts of a comma-separated list.
std::vector<std::string> splitList(const std::string &text);

/// A number in three digits: "1.2e-05".
std::string shortNumber(double value);

/// Runs a tool: answers --help and --version, calls `body`, turns exceptions into one line
/// "<tool>: error: …" on stderr and an exit code (0 ok, 1 bad input, 2 usage, 3 environment lacks
/// something).
int runTool(const char *tool, const char *usage, int argc, char **argv,
            const std::function<void(Arguments &)> &body);

/// Shows progress on stderr, when that is a terminal, for work of over two seconds.
class Progress {
public:
  explicit Progress(std::string label);
  ~Progress();
  void update(size_t done, size_t total);

private:
  std::string label;
  std::chrono::steady_clock::time_point start;
  bool terminal, shown = false;
};

} // namespace xlstm::tools
#endif
