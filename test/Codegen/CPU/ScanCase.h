// SPDX-License-Identifier: Apache-2.0
// xlstm.scan against a plain loop in f64: cells as the text of a region and, written a second time
// by hand, as a C++ function.
#ifndef XLSTM_TEST_CODEGEN_CPU_SCANCASE_H
#define XLSTM_TEST_CODEGEN_CPU_SCANCASE_H

#include "test/Codegen/CPU/Cells.h"
#include <functional>
#include <optional>

namespace xlstm::test {

/// A pointwise step. Its region's arguments are %p<i> (products), %w<i> (elements of wx), %v<i>
/// (previous), %b<i> (constants), %s<i> (states), of type $t.
struct StepFunction {
  int64_t wx, matrices, previous, constants, states, outputs; // how many scalars of each
  std::string region;
  struct Scalars {
    std::vector<double> p, w, v, b, s;
  };
  struct Result {
    std::vector<double> outputs, states;
  };
  std::function<Result(const Scalars &)> step;
};

extern const StepFunction slstm, lstm, gru, elman, custom, lstmBackward;

/// The options of an op, which fix its kernel.
struct ScanConfig {
  const StepFunction *cell;
  int64_t H, D;
  DType type = DType::F32; // of wx, previous, r, outputs
  bool initial = true, reset = false, packed = false;
  bool reverse = false, transposed = false, step = false;

  DType accumulation() const { return type == DType::F64 ? DType::F64 : DType::F32; }
  std::string source() const; ///< a function @scan
  /// What Cells calls the tensor of a role.
  std::string nameOf(const std::string &role) const;
};

/// The tensors of one call. Numbers of sequences: B, or with `starts` as many as it says, and B
/// = 1.
struct ScanCall {
  ScanCall(const ScanConfig &config, int64_t B, int64_t T,
           std::optional<std::vector<int64_t>> starts, std::mt19937_64 &random);
  int64_t sequences() const { return starts ? int64_t(starts->size()) - 1 : B; }
  void run(Cells &cells);
  double seconds(Cells &cells, int rounds); ///< on two threads
  /// Relative L2 errors of outputs and last states against the plain loop, the largest of them.
  double error() const;
  /// Whether every element of the results is finite.
  bool isFinite() const;

  const ScanConfig config;
  int64_t B, T;
  std::optional<std::vector<int64_t>> starts;
  std::map<std::string, Array>
      tensors; // by role: wx previous previous0 b r s0 s1 .. cu reset out last0 ..

private:
  std::map<std::string, Array *> arrays();
};

/// Bits of two calls' results: element (b, t, ..) of `x` and (c, u, ..) of `y`.
bool sameBits(const ScanCall &x, const ScanCall &y);

} // namespace xlstm::test

#endif
