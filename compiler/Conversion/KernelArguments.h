// SPDX-License-Identifier: Apache-2.0
// The order of a kernel's arguments: the contract between the lowerings of tile.kernel and the plan
// that the runtime follows.
#ifndef XLSTM_COMPILER_CONVERSION_KERNELARGUMENTS_H
#define XLSTM_COMPILER_CONVERSION_KERNELARGUMENTS_H

#include "dialect/tile/IR/Tile.h"

namespace xlstm {

/// One argument: a tensor's address, the extent of an axis, or its stride in elements. All are 8
/// bytes.
struct KernelArgument {
  enum Kind { Pointer, Dim, Stride } kind;
  unsigned tensor; // number of the tensor argument of the kernel
  int64_t axis;    // of Dim and Stride
};

/// For each tensor in order: its address, then its dynamic extents in the order of the axes, then
/// its dynamic strides.
inline mlir::SmallVector<KernelArgument> kernelArguments(mlir::tile::KernelOp kernel) {
  mlir::SmallVector<KernelArgument> arguments;
  for (unsigned tensor = 0; tensor < kernel.getNumTensors(); ++tensor) {
    auto type = mlir::cast<mlir::MemRefType>(kernel.getTensor(tensor).getType());
    mlir::SmallVector<int64_t> strides;
    int64_t offset;
    (void)mlir::getStridesAndOffset(type, strides, offset); // the kernel's verifier has made sure
    arguments.push_back({KernelArgument::Pointer, tensor, 0});
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      if (type.isDynamicDim(axis))
        arguments.push_back({KernelArgument::Dim, tensor, axis});
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      if (mlir::ShapedType::isDynamic(strides[axis]))
        arguments.push_back({KernelArgument::Stride, tensor, axis});
  }
  return arguments;
}

} // namespace xlstm

#endif
