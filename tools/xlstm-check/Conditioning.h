// SPDX-License-Identifier: Apache-2.0
// Where the denominator of the mLSTM cell cancels.
//
// h = numerator / max(|z|, e^-m), and z is a sum with terms of both signs. Where it nearly cancels,
// h and the gradients that pass it are large and any arithmetic loses digits there, so a few rows
// can decide the relative L2 error of everything. Such rows show in the reference itself: they move
// far when q and k move a little.
//
// A gradient is the sum of two terms, that through the numerator and that through the denominator.
// Where h follows one key alone it does not change with q or with that key's length, and the two
// terms cancel: what is left of them, about eps, is smaller than the rounding of either.
#ifndef XLSTM_TOOLS_XLSTM_CHECK_CONDITIONING_H
#define XLSTM_TOOLS_XLSTM_CHECK_CONDITIONING_H

#include "tools/xlstm-check/Check.h"
#include "tools/xlstm-check/Expected.h"

namespace xlstm::tools {

/// What a case of an mlstm with a normaliser is worth, output by output and row by row; computed
/// when it is first asked for.
class Conditioning {
public:
  explicit Conditioning(const MLSTMReference &reference) : reference(reference) {}

  /// Fills what is said of h or a gradient over the tolerance `limit` beside its plain comparison.
  void refine(const std::vector<double> &actual, const std::vector<double> &expected,
              int64_t columns, double floor, double limit, OutputResult &output);

private:
  using Rows = std::map<std::string, std::vector<double>>; // by output

  /// How far each row moves in float64, relative to its norm, per relative change of the elements
  /// of q and k; the largest of several changes with random signs. Rows without cancellation give
  /// about 1. Uses a few columns of h.
  const Rows &sensitivity();
  /// The norm of the larger of the two terms of each row of a gradient; empty where there is one.
  const Rows &terms();

  void weigh(std::vector<double> actual, std::vector<double> expected, int64_t columns,
             double floor, OutputResult &output);
  void compareWithTerms(const std::vector<double> &actual, const std::vector<double> &expected,
                        int64_t columns, double limit, OutputResult &output);

  const MLSTMReference &reference;
  std::optional<Rows> rowSensitivity, rowTerms;
};

} // namespace xlstm::tools
#endif
