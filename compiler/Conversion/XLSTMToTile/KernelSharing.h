// SPDX-License-Identifier: Apache-2.0
// Kernels that differ in nothing but the names of their tensors: one serves all, so that the code of
// a model does not grow with its blocks.
#ifndef XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_KERNELSHARING_H
#define XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_KERNELSHARING_H

#include "dialect/tile/IR/Tile.h"
#include "llvm/ADT/StringMap.h"

namespace xlstm {

class KernelSharing {
public:
  /// Takes a kernel that stands in a module as the next launch. Erases it if one like it was taken
  /// before.
  void add(mlir::tile::KernelOp kernel);
  /// Writes the launches as an attribute of the module (launchesAttrName) if a kernel serves
  /// several.
  void writeTo(mlir::Operation *module);

private:
  llvm::StringMap<mlir::StringAttr> kernels; // the name, by the text without names
  llvm::SmallVector<mlir::Attribute> launches;
};

} // namespace xlstm

#endif
