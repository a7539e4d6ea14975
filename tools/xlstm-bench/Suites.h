// SPDX-License-Identifier: Apache-2.0
// What xlstm-bench times: suites are tables of cases.
#ifndef XLSTM_TOOLS_XLSTM_BENCH_SUITES_H
#define XLSTM_TOOLS_XLSTM_BENCH_SUITES_H

#include "runtime/include/xlstm/runtime.h"

#include <cstdint>
#include <string>
#include <vector>

namespace xlstm::tools {

/// A cell. The sigmoid gate of an mLSTM is timed without normaliser, as the published kernels have
/// it.
struct Model {
  const char *kind;  ///< mlstm, or a recurrent cell: slstm, lstm, gru
  const char *dtype; ///< of q, k, v, h, wx, r; gates of an mLSTM and states are f32
  int64_t heads, dqk, dv;
  const char *gate; ///< input gate of an mLSTM: exp or sigmoid

  /// A recurrent cell with heads of size d.
  static Model recurrent(const char *kind, const char *dtype, int64_t heads, int64_t d) {
    return {kind, dtype, heads, d, d, ""};
  }
  bool isMLSTM() const;
  /// Gates of a recurrent cell that have a part in wx.
  int64_t inputGates() const;
  /// "bf16 8x256x512 exp", "f32 4x64"; with '_' in place of spaces in the name of a package.
  std::string text() const;
  /// Name of the model: "mlstm_bf16_8x256x512_exp", "slstm_f32_4x64".
  std::string name() const;
  /// The model description as native JSON.
  std::string description() const;
};

/// One function of a cell at one size. A step has no T: length is 1.
struct Case {
  Model model;
  const char *function; ///< forward, forward_backward or step
  int64_t batch, length;

  std::string name() const;    ///< "mlstm forward bf16 8x256x512 exp B=8 T=8192"
  std::string package() const; ///< the model's name and the function, that alone for forward
  bool isStep() const;
  int64_t tokens() const { return batch * length; }
  /// Whether kernels exist for GPUs: they do for mLSTM, forward in bf16 and f16, step also in f32.
  bool runsOnGpu() const;
  /// Useful work per token and head, counted as kBenchUsage says.
  double flops() const;
  /// Bytes that must be moved, per token and head.
  double bytes() const;
};

struct Suite {
  const char *name, *summary;
  std::vector<Case> cases;
};

const std::vector<Suite> &suites();

/// Throws UsageError with the nearest name.
const Suite &findSuite(const std::string &name);

/// The first case of each package of the suites, in order.
std::vector<Case> packagesOf(const std::vector<const Suite *> &chosen);

} // namespace xlstm::tools
#endif
