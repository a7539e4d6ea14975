// SPDX-License-Identifier: Apache-2.0
// The cells that a package holds, as far as there is a float64 reference for them.
#ifndef XLSTM_TOOLS_XLSTM_CHECK_CELL_H
#define XLSTM_TOOLS_XLSTM_CHECK_CELL_H

#include "dialect/xlstm/Reference/MLSTM.h"
#include "runtime/src/package/Manifest.h"

#include <string>
#include <vector>

namespace xlstm::tools {

/// An mlstm `forward` function of a package.
struct Cell {
  std::string package; ///< path
  package::Function function;
  DType dtype = XLSTM_F32; ///< of q, k, v and h
  int64_t heads = 0, dqk = 0, dv = 0;
  reference::MLSTMOptions options;

  /// "layer_7b.xlpkg forward bf16 8x256x512".
  std::string str() const;
};

/// The cells of a package. A function of another kind is left out and named in `skipped`. Throws
/// Failure if the package cannot be read or says something about a cell that is not understood.
std::vector<Cell> readCells(const std::string &path, std::vector<std::string> &skipped);

/// The reference's name for an element type. Throws Failure(UNSUPPORTED) for integers.
reference::ElementType elementType(DType dtype);

} // namespace xlstm::tools
#endif
