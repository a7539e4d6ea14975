// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_PASSES
#define XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_PASSES

include "mlir/Pass/PassBase.td"

def ConvertXLSTMToTile : Pass<"convert-xlstm-to-tile", "::mlir::ModuleOp"> {
  let summary = "turns the ops of xlstm functions into kernels over tiles";
  let description = [{
    Each op of a function becomes a `tile.kernel`: one loop nest over tiles. A single op's kernel has the function's name,
    several are called forward_backward_0, forward_backward_1 ...; they run in this order. The op's attribute
    `xlstm.schedule` decides chunk, slices and, for a GPU, stages and warps; it is copied to the kernel. An `xlstm.mlstm` whose
    schedule has `kernels` becomes several, called forward_gates, forward_carry, forward_states, forward_scores and
    forward_output: compiler/Conversion/XLSTMToTile/MLSTMKernels.h says what each computes.

    A kernel's tensors are the op's operands and results by their names in tensor files, which stand in the attribute
    `xlstm.name` of the function's arguments and results: q k v i f c0 n0 m0 h c_last n_last m_last. An optional one is
    always an argument; the caller gives it extent 0 where it is absent. A value that goes from one op to another is a
    tensor of the workspace: the module's attribute `tile.workspace` has its name, type and run-time extents.

    See test/Conversion/XLSTMToTile/convert-xlstm-to-tile.mlir for IR before and after.
  }];
  let dependentDialects = ["::mlir::tile::TileDialect", "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect", "::mlir::memref::MemRefDialect"];
}

#endif
