// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_COMPILER_CONVERSION_TILETOVECTOR_PASSES
#define XLSTM_COMPILER_CONVERSION_TILETOVECTOR_PASSES

include "mlir/Pass/PassBase.td"

def ConvertTileToVector : Pass<"convert-tile-to-vector", "::mlir::ModuleOp"> {
  let summary = "gives each tile.kernel loops and vectors: a function that runs a range of its blocks";
  let description = [{
    A kernel becomes `llvm.func @name(args, begin, end, scratch)`: it runs the blocks begin .. end-1 of the linear grid.
    `args` points to the kernel's arguments (8 bytes each, the order of KernelArguments.h), `scratch` to memory of one thread,
    64-byte aligned; the attribute `tile.scratch_bytes` says how much.

    Tiles live in scratch buffers of f32 or f64. Which direction of a matrix is contiguous follows from where it comes from:
    a load keeps the tensor's order, a transpose exchanges it at no cost, a product takes that of its operands, so that the
    inner loop always runs along contiguous memory; a right operand in the wrong order is packed. An operand that nothing
    uses later gives its buffer to the result, so loop-carried state is updated in place.

    See test/Conversion/TileToVector/convert-tile-to-vector.mlir for IR before and after.
  }];
  let options = [
    Option<"vectorWidth", "vector-width", "int64_t", "16", "elements of a vector: 8 for AVX2, 16 for AVX-512">,
    Option<"registers", "vector-registers", "int64_t", "32", "vector registers of the processor: 16 for AVX2, 32 for AVX-512">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

#endif
