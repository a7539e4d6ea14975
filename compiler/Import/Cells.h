// SPDX-License-Identifier: Apache-2.0
/// \file
/// The recurrent cells as their users would write them. Every recurrent cell, built in or custom,
/// is one set of expressions: the compiler derives its forward, backward and step functions from
/// that, and knows nothing about the cell besides.
///
/// With wx [B, T, Gw, H, D], r [Gr, H, D, D], b [G, H, D], each gate is before its activation
///
///   raw_g = wx_g (if g is an input gate) + R_g h_{t-1} (if it is a recurrent gate) + b_g
///
/// | cell  | states     | gates      | source                                                   |
/// |-------|------------|------------|----------------------------------------------------------|
/// | slstm | h, c, n, m | i, f, z, o | xLSTM (arXiv 2405.04517), equations 8 to 18              |
/// | lstm  | h, c       | i, f, z, o | FlashRNN (arXiv 2412.07752), with z for the cell's input |
/// | gru   | h          | g, r, z, n | FlashRNN: g is recurrent only, n has no recurrent part   |
/// | elman | h          | z          | FlashRNN                                                 |
#ifndef XLSTM_COMPILER_IMPORT_CELLS_H
#define XLSTM_COMPILER_IMPORT_CELLS_H

#include "compiler/Import/Description.h"

namespace xlstm::description {

/// A recurrent cell with its states, gates and expressions: those of the table for a built-in kind,
/// its own for a custom one. `inputGates` and `recurrentGates` are set and in the order of `gates`.
/// Everything else stays. The cell is valid and no mlstm.
CellDescription spelledOut(CellDescription cell);

} // namespace xlstm::description

#endif // XLSTM_COMPILER_IMPORT_CELLS_H
