// SPDX-License-Identifier: Apache-2.0
// One row of a norm, in float64.
#ifndef XLSTM_DIALECT_XLSTM_INTERPRETER_NORMALIZED_H
#define XLSTM_DIALECT_XLSTM_INTERPRETER_NORMALIZED_H

#include "dialect/xlstm/IR/XLSTM.h"
#include <cmath>

namespace mlir::xlstm {

inline double mean(ArrayRef<double> values) {
  double sum = 0;
  for (double value : values)
    sum += value;
  return sum / values.size();
}

/// One token of one head: x^ = (x - mean) / sd, or x / sd for RMS norm.
struct Normalized {
  std::vector<double> values; // x^, [D]
  double sd;

  Normalized(NormKind kind, double eps, ArrayRef<double> x) : values(x.begin(), x.end()) {
    double center = kind == NormKind::Layer ? mean(x) : 0, squares = 0;
    for (double &value : values) {
      value -= center;
      squares += value * value;
    }
    sd = std::sqrt(squares / x.size() + eps);
    for (double &value : values)
      value /= sd;
  }
};

} // namespace mlir::xlstm

#endif // XLSTM_DIALECT_XLSTM_INTERPRETER_NORMALIZED_H
