// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-check/Sensitivity.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace xlstm::tools {
namespace {

constexpr double kChange = 1e-6; // far above the rounding of float64, far below what is not linear
constexpr int kTrials = 4;
constexpr int64_t kColumns = 8;

/// The tensor with each element changed by +-kChange of itself.
std::vector<double> change(reference::TensorView tensor, int64_t count, std::mt19937_64 &random) {
  std::vector<double> values(static_cast<size_t>(count));
  if (count)
    tensor.read(0, count, values.data());
  uint64_t bits = 0;
  for (int64_t k = 0; k < count; ++k) {
    if (k % 64 == 0)
      bits = random();
    values[k] *= bits >> k % 64 & 1 ? 1 + kChange : 1 - kChange;
  }
  return values;
}

} // namespace

std::vector<double> rowSensitivity(const reference::MLSTMProblem &problem,
                                   const reference::MLSTMPart &part) {
  reference::MLSTMPart few = part;
  few.columns = std::min(part.columns, kColumns);
  int64_t rows = problem.batch * problem.time * problem.heads, count = rows * problem.dqk;
  std::vector<double> exact = reference::mlstmRecurrent(problem, few).h;
  std::vector<double> result(static_cast<size_t>(rows));
  std::mt19937_64 random(1);
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> q = change(problem.q, count, random), k = change(problem.k, count, random);
    reference::MLSTMProblem changed = problem;
    changed.q = q;
    changed.k = k;
    std::vector<double> moved = reference::mlstmRecurrent(changed, few).h;
    for (int64_t row = 0; row < rows; ++row) {
      double distance = 0, norm = 0;
      for (int64_t c = row * few.columns; c < (row + 1) * few.columns; ++c) {
        distance = std::hypot(distance, moved[c] - exact[c]);
        norm = std::hypot(norm, exact[c]);
      }
      if (norm > 0)
        result[row] = std::max(result[row], distance / norm / kChange);
    }
  }
  return result;
}

double rowWeight(double sensitivity) {
  double excess = std::max(1.0, sensitivity / kSensitive);
  return 1 / (excess * excess);
}

} // namespace xlstm::tools
