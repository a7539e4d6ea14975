// SPDX-License-Identifier: Apache-2.0
// Command line of xlstm-check.
#ifndef XLSTM_TOOLS_XLSTM_CHECK_OPTIONS_H
#define XLSTM_TOOLS_XLSTM_CHECK_OPTIONS_H

#include "tools/common/Arguments.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace xlstm::tools {

extern const char kCheckUsage[];

/// What the gates are drawn from. N is the standard normal distribution, U the uniform one.
enum class Gates {
  Bench,  ///< i ~ N, f ~ N + 4: the usual distribution of kernel benchmarks
  Wild,   ///< i, f ~ U[-100, 100]
  Low,    ///< f = -100, i ~ N: everything is forgotten at every step
  High,   ///< i = 30 or -30 at random, f ~ N + 4
  Init7B, ///< i ~ 0.1 N - 10, f ~ 0.5 N + 4.5: a freshly initialised xLSTM-7B layer
};

const char *gatesName(Gates gates);

/// Where the state is reset.
enum class Resets {
  None, ///< nowhere, and the input is not given
  Some, ///< at the first step and at an eighth of the others
  Each, ///< batch entry b at step b, and B is T + 1: every position, and none
};

struct CheckOptions {
  std::vector<std::string> packages;
  std::string device = "cpu";
  std::string target; ///< "": the runtime chooses
  std::string model;  ///< what xlstm-interpret runs; "": the cell that the package describes
  std::vector<int64_t> times = {0, 1, 2, 63, 64, 65, 1000};
  int64_t batch = 2;
  std::vector<Gates> gates = {Gates::Bench};
  std::vector<std::string> functions; ///< empty: all that can be checked
  Resets resets = Resets::None;
  int64_t seed = 1;
  int64_t columns = 0;         ///< of v that the reference computes and compares; 0: all
  int64_t jobs = 1;            ///< cases at a time
  int64_t threads = 0;         ///< of xlstm-run on a CPU; 0: its default
  std::optional<double> bound; ///< of the relative L2 error; else the tolerance of the type
  std::string keep;            ///< folder for the tensors of failed cases; "": they are not kept
  bool states = false, packed = false, strided = false, inPlace = false, json = false;
  int64_t steps =
      0; ///< tokens that `step` runs one after the other; 0: one, beside other functions
  std::vector<std::string> under; ///< command and options that run xlstm-run
};

/// Throws UsageError.
CheckOptions parseCheckOptions(Arguments &arguments);

} // namespace xlstm::tools
#endif
