// SPDX-License-Identifier: Apache-2.0
/// \file
/// The expressions of a cell as a whole: one for each new state, and named ones (`let`) that they
/// share.
#ifndef XLSTM_COMPILER_IMPORT_FORMULAS_H
#define XLSTM_COMPILER_IMPORT_FORMULAS_H

#include "compiler/Import/Expression.h"

namespace xlstm::description {

/// The new value of one state.
struct StateUpdate {
  size_t state = 0; ///< index in CellDescription::states
  std::unique_ptr<Expression> value;
};

/// All expressions of a cell.
struct Formulas {
  std::vector<std::unique_ptr<Expression>> lets; ///< those of CellDescription::let
  std::vector<StateUpdate> updates;              ///< in the order of evaluation
};

/// Parses all expressions of a custom cell and checks the cell as a whole: names, every state
/// updated once, every gate and every let used. Paths are relative to the cell: `update.h`.
Result<Formulas, Problem> parseFormulas(const CellDescription &cell);

} // namespace xlstm::description

#endif // XLSTM_COMPILER_IMPORT_FORMULAS_H
