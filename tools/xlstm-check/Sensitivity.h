// SPDX-License-Identifier: Apache-2.0
// Where the denominator of the cell cancels.
//
// h = numerator / max(|z|, e^-m), and z is a sum with terms of both signs. Where it nearly cancels,
// h is large and any arithmetic loses digits there, so a few rows can decide the relative L2 error
// of everything. Such rows show in the reference itself: h moves far when q and k move a little.
#ifndef XLSTM_TOOLS_XLSTM_CHECK_SENSITIVITY_H
#define XLSTM_TOOLS_XLSTM_CHECK_SENSITIVITY_H

#include "dialect/xlstm/Reference/MLSTM.h"

#include <vector>

namespace xlstm::tools {

/// For each row of h [B, T, H] in float64: how far it moves, relative to its norm, per relative
/// change of the elements of q and k; the largest of several changes with random signs. Rows
/// without cancellation give about 1. Uses a few of the part's columns.
std::vector<double> rowSensitivity(const reference::MLSTMProblem &problem,
                                   const reference::MLSTMPart &part);

/// Sensitivity from which on a row counts less.
constexpr double kSensitive = 2;

/// The factor for a row: 1 up to kSensitive, then falling with the square, since both the size and
/// the relative error of a row grow with its sensitivity.
double rowWeight(double sensitivity);

} // namespace xlstm::tools
#endif
