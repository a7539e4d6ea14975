// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/Reference/Compare.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

using namespace xlstm::reference;

void Norm::add(double value) {
  double magnitude = std::fabs(value);
  if (magnitude == 0)
    return;
  if (magnitude > scale) {
    sum = 1 + sum * (scale / magnitude) * (scale / magnitude);
    scale = magnitude;
  } else {
    sum += (magnitude / scale) * (magnitude / scale);
  }
}

double Norm::get() const { return scale * std::sqrt(sum); }

double xlstm::reference::relativeError(const Norm &difference, const Norm &expected) {
  if (difference.get() == 0)
    return 0;
  return expected.get() == 0 ? std::numeric_limits<double>::infinity()
                             : difference.get() / expected.get();
}

Comparison xlstm::reference::compare(TensorView actual, TensorView expected, int64_t rows,
                                     int64_t columns, double floor) {
  Comparison result;
  if (rows <= 0 || columns <= 0)
    return result;
  result.rows = rows;
  std::vector<double> a(columns), e(columns), rowErrors(rows);
  Norm allDifference, allExpected;
  for (int64_t row = 0; row < rows; ++row) {
    actual.read(row * columns, columns, a.data());
    expected.read(row * columns, columns, e.data());
    Norm difference, norm;
    bool finite = true;
    for (int64_t c = 0; c < columns; ++c) {
      if (!std::isfinite(a[c]) || !std::isfinite(e[c])) {
        finite = false;
        ++result.nonFinite;
        continue;
      }
      if (std::fabs(a[c]) < floor && std::fabs(e[c]) < floor)
        continue;
      difference.add(a[c] - e[c]);
      norm.add(e[c]);
      allDifference.add(a[c] - e[c]);
      allExpected.add(e[c]);
    }
    rowErrors[row] =
        finite ? relativeError(difference, norm) : std::numeric_limits<double>::infinity();
    if (result.worstRowIndex < 0 || rowErrors[row] > result.worstRow) {
      result.worstRow = rowErrors[row];
      result.worstRowIndex = row;
    }
  }
  result.relativeL2 = result.nonFinite ? std::numeric_limits<double>::infinity()
                                       : relativeError(allDifference, allExpected);
  std::nth_element(rowErrors.begin(), rowErrors.begin() + rows / 2, rowErrors.end());
  result.medianRow = rowErrors[rows / 2];
  return result;
}

std::string Comparison::str() const {
  char text[200];
  std::snprintf(
      text, sizeof text,
      "relative L2 %.2e, rows: median %.2e, worst %.2e (row %lld of %lld), not finite: %lld",
      relativeL2, medianRow, worstRow, (long long)worstRowIndex, (long long)rows,
      (long long)nonFinite);
  return text;
}
