// SPDX-License-Identifier: Apache-2.0
// The functions of cells that a package holds, as far as there is a float64 reference for them.
#ifndef XLSTM_TOOLS_XLSTM_CHECK_CELL_H
#define XLSTM_TOOLS_XLSTM_CHECK_CELL_H

#include "dialect/xlstm/Reference/MLSTMBackward.h"
#include "runtime/src/package/Manifest.h"

#include <string>
#include <vector>

namespace xlstm::tools {

/// The function `forward`, `forward_backward` or `step` of a cell.
struct Cell {
  std::string package; ///< path
  package::Function function;
  DType dtype = XLSTM_F32; ///< of h
  std::string kind;        ///< "mlstm", "slstm", …, "custom", "mlir"
  std::string size;        ///< "8x256x512": heads and head sizes

  bool bySteps = false; ///< a sequence that `step` runs, token by token

  // Of an mlstm:
  int64_t heads = 0, dqk = 0, dv = 0;
  reference::MLSTMOptions options;
  reference::NormalizerGrad normalizerGrad = reference::NormalizerGrad::Exact;

  // Of others:
  std::vector<std::string> inputGates; ///< those of wx, in order; empty if that is not known
  std::string description;             ///< the model, as JSON; "" if the cell is a region

  bool isMLSTM() const { return kind == "mlstm"; }
  /// Whether the function runs over time: every one but `step`.
  bool hasTime() const { return function.name != "step"; }
  /// Whether it takes gradients and returns others.
  bool isBackward() const { return function.name == "forward_backward"; }
  const package::Tensor *input(const std::string &name) const;

  /// "layer_7b.xlpkg forward bf16 8x256x512"; by steps "layer_7b.xlpkg steps bf16 8x256x512".
  std::string str() const;
};

/// The cells of a package, those of the named functions if there are names. A function of another
/// kind is left out and named in `skipped`, and one whose cell is a region, unless a model is given
/// for the reference. Throws Failure if the package cannot be read or says
/// something about a cell that is not understood.
std::vector<Cell> readCells(const std::string &path, const std::vector<std::string> &functions,
                            bool modelGiven, std::vector<std::string> &skipped);

} // namespace xlstm::tools
#endif
