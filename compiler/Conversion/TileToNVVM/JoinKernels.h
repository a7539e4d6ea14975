// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_COMPILER_CONVERSION_TILETONVVM_JOINKERNELS_H
#define XLSTM_COMPILER_CONVERSION_TILETONVVM_JOINKERNELS_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace xlstm {

/// A lowered kernel, and the number of blocks that it is launched with.
struct KernelPart {
  mlir::gpu::GPUModuleOp code; // with one function
  int64_t blocks;
};

/// A kernel that does the work of all `parts` in one launch, with the blocks of the first before
/// those of the second, and their arguments likewise. The parts must not depend on each other: their
/// blocks run side by side. It stands behind the last part, in a module `name`_module; null after an
/// error if their blocks have different threads, or one belongs to a cluster.
mlir::gpu::GPUModuleOp joinKernels(mlir::ArrayRef<KernelPart> parts, mlir::StringRef name);

} // namespace xlstm

#endif
