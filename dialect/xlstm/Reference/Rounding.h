// SPDX-License-Identifier: Apache-2.0
// What becomes of a result in less precision than float64.
#ifndef XLSTM_DIALECT_XLSTM_REFERENCE_ROUNDING_H
#define XLSTM_DIALECT_XLSTM_REFERENCE_ROUNDING_H

#include "dialect/xlstm/Reference/Element.h"

namespace xlstm::reference {

/// Rounds numbers to a type, to nearest even or at random: up or down with a chance in proportion
/// to how near either is. How far rounded results are from exact ones is what a formula loses in
/// that type at best; several seeds show how that scatters. The chance depends on the seed and the
/// number alone, so neither threads nor the order of a computation matter.
struct Rounding {
  enum Mode { None, Nearest, Random } mode = None;
  uint64_t seed = 0;

  explicit operator bool() const { return mode != None; }
  double operator()(ElementType type, double value) const;
  void operator()(ElementType type, double *values, int64_t count) const;
};

} // namespace xlstm::reference

#endif // XLSTM_DIALECT_XLSTM_REFERENCE_ROUNDING_H
