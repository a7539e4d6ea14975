// SPDX-License-Identifier: Apache-2.0
// What xlstm-bench times: suites are tables of cases.
#ifndef XLSTM_TOOLS_XLSTM_BENCH_SUITES_H
#define XLSTM_TOOLS_XLSTM_BENCH_SUITES_H

#include "runtime/include/xlstm/runtime.h"

#include <cstdint>
#include <string>
#include <vector>

namespace xlstm::tools {

/// An mLSTM cell. The sigmoid gate is timed without normaliser, as the published kernels have it.
struct Model {
  const char *dtype; ///< of q, k, v, h; gates are f32
  int64_t heads, dqk, dv;
  const char *gate; ///< input gate: exp or sigmoid

  /// Package and model name: "mlstm_bf16_8x256x512_exp".
  std::string name() const;
  /// The model description as native JSON.
  std::string description() const;
  /// Whether kernels of this element type exist for GPUs: they have bf16 and f16.
  bool runsOnGpu() const;
  /// Useful work of the forward pass, per token and head, with chunks of 64 of which the diagonal
  /// block counts whole: 4 dqk dv for reading and updating the state, 2 * 64 (dqk + dv) for the
  /// scores and their product with the values.
  double flops() const;
  /// Bytes that the forward pass must move, per token and head: q, k, v, h once, and two f32 gates.
  double bytes() const;
};

struct Case {
  Model model;
  int64_t batch, length;

  std::string name() const; ///< "bf16 8x256x512 exp B=8 T=8192"
};

struct Suite {
  const char *name, *summary;
  std::vector<Case> cases;
};

const std::vector<Suite> &suites();

/// Throws UsageError with the nearest name.
const Suite &findSuite(const std::string &name);

/// The models of suites, each once, in order of first use.
std::vector<Model> modelsOf(const std::vector<const Suite *> &chosen);

} // namespace xlstm::tools
#endif
