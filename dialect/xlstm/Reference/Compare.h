// SPDX-License-Identifier: Apache-2.0
// How far a result is from the reference. Every numeric test of the project uses this measure.
#ifndef XLSTM_DIALECT_XLSTM_REFERENCE_COMPARE_H
#define XLSTM_DIALECT_XLSTM_REFERENCE_COMPARE_H

#include "dialect/xlstm/Reference/Element.h"
#include <string>

namespace xlstm::reference {

/// Euclidean norm of numbers of any magnitude: scaled, so that squares neither overflow nor vanish.
class Norm {
public:
  void add(double value);
  double get() const;

private:
  double scale = 0, sum = 0;
};

/// The relative L2 error of differences: 0 when there are none, infinite when only `expected` is
/// zero.
double relativeError(const Norm &difference, const Norm &expected);

/// With a the actual and e the expected values, over everything and row by row:
///   relative L2 = ||a - e|| / ||e||,  0 when both are zero, infinite when only e is, or when a
///   value is not finite.
struct Comparison {
  double relativeL2 = 0;
  double worstRow = 0, medianRow = 0; // relative L2 of single rows
  int64_t worstRowIndex = -1;         // -1 when there are no rows
  int64_t nonFinite = 0; // NaN or Inf in the actual values; one in the expected values counts too
  int64_t rows = 0;

  /// One line for test output.
  std::string str() const;
};

/// Compares [rows, columns]. Elements whose actual and expected magnitude are both below `floor`
/// are taken as zero: give smallestNormal() of the output type, below which hardware may flush. No
/// rows or no columns compare equal.
Comparison compare(TensorView actual, TensorView expected, int64_t rows, int64_t columns,
                   double floor);

} // namespace xlstm::reference

#endif // XLSTM_DIALECT_XLSTM_REFERENCE_COMPARE_H
