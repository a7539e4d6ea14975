// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_COMPILER_CONVERSION_TILETONVVM_PASSES
#define XLSTM_COMPILER_CONVERSION_TILETONVVM_PASSES

include "mlir/Pass/PassBase.td"

def ConvertTileToNVVM : Pass<"convert-tile-to-nvvm", "::mlir::ModuleOp"> {
  let summary = "gives each tile.kernel threads, registers and shared memory: a gpu.module with one llvm.func";
  let description = [{
    Obeys the kernel's `schedule` (threads, matrix unit, copy) and the attributes `stages` of loads and `warps` of matrix
    products. Every tile takes one of four forms:

    | form | where | which tiles |
    |---|---|---|
    | shared | shared memory, rows of 128 bytes, swizzled | loads with `stages` |
    | fragment | registers: the matrix unit's accumulator layout, which is also its left operand's | results of products, maps of them |
    | lanes | registers: lane l of every warp holds elements l*R .. l*R+R-1 | vectors |
    | splat | one scalar | `tile.splat` |

    The function's attributes say what the plan needs: `tile.threads`, `tile.shared_bytes`, `tile.tensor_maps`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::NVVM::NVVMDialect", "::mlir::scf::SCFDialect"];
}

#endif
