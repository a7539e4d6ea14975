// SPDX-License-Identifier: Apache-2.0
// The backward kernel of the mLSTM cell on random problems, compared with the reference in float64.
#ifndef XLSTM_TEST_CODEGEN_CPU_MLSTMGRADIENTS_H
#define XLSTM_TEST_CODEGEN_CPU_MLSTMGRADIENTS_H

#include "dialect/xlstm/Reference/MLSTMBackward.h"
#include "test/Codegen/CPU/Program.h"
#include "test/Numerics/reference/Problem.h"

namespace xlstm::test {

/// What kernels are compiled for.
struct GradientCell {
  DType type = DType::F32;
  int64_t heads = 2, dqk = 16, dv = 16, chunk = 64;
  reference::MLSTMOptions options;
  reference::NormalizerGrad normalizerGrad = reference::NormalizerGrad::Exact;

  DType accumulation() const { return type == DType::F64 ? DType::F64 : DType::F32; }
};

/// The backward kernel and, if asked for, the forward kernel that saves states; tensors are found
/// by name.
class GradientKernels {
public:
  GradientKernels(const GradientCell &cell, const std::string &isa = bestISA(),
                  bool withForward = false);
  void run(const std::string &kernel, std::map<std::string, Array> &arrays, int64_t sequences);
  /// Seconds of a kernel on two threads.
  double seconds(const std::string &kernel, std::map<std::string, Array> &arrays,
                 int64_t sequences);
  const GradientCell cell;

private:
  std::string source(bool withForward);
  std::vector<Array *> arguments(const std::string &kernel, std::map<std::string, Array> &arrays);
  std::map<std::string, std::vector<std::string>> names; // of each kernel's tensors
  std::unique_ptr<Program> program;
};

/// A problem, its arrays, and what comes out.
class GradientCase {
public:
  GradientCase(const GradientCell &cell, int64_t batch, int64_t time, double gates = 3);
  void addLastGradients();
  /// Rounds the inputs to the kernel's types and makes the arrays, with gaps if `padded`.
  void prepare(bool padded = false);
  /// States at the chunks' starts, computed step by step; without this they are all zero.
  void saveStates();
  void run(GradientKernels &kernels, const std::string &kernel = "backward") {
    kernels.run(kernel, arrays, problem.view().states());
  }
  /// Compares all gradients; `tolerance` bounds the relative L2 error.
  void check(double tolerance);
  std::vector<uint64_t> bits() const; ///< of all gradients

  GradientCell cell;
  reference::Problem problem;
  std::vector<double> dh, dcLast, dnLast;
  std::map<std::string, Array> arrays;

private:
  void add(const std::string &name, DType type, Array::Index shape,
           std::vector<double> *values = nullptr);
  void saveSequence(int64_t s, int64_t batch, int64_t begin, int64_t end);
  int64_t firstRow(int64_t s, int64_t begin) const; ///< of a sequence's saved states

  bool padded = false;
};

constexpr double toleranceOf(DType type) {
  return type == DType::F64 ? 1e-9 : type == DType::F32 ? 1e-4 : type == DType::BF16 ? 1e-2 : 5e-3;
}

} // namespace xlstm::test

#endif
