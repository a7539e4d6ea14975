// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_PASSES
#define XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_PASSES

include "mlir/Pass/PassBase.td"

def ConvertXLSTMToTile : Pass<"convert-xlstm-to-tile", "::mlir::ModuleOp"> {
  let summary = "turns each function of one xlstm cell into a tile.kernel";
  let description = [{
    A function whose body is one `xlstm.mlstm` of its arguments, its results returned, becomes a `tile.kernel` of the same
    name: the chunkwise form (arXiv 2503.14376, section 3) as one loop nest over tiles. The op's attribute
    `xlstm.schedule` decides chunk, slice and, for a GPU, stages and warps; it is copied to the kernel. The kernel's
    tensors are the op's operands and results by their names in tensor files: q k v i f c0 n0 m0 h c_last n_last m_last.
    An optional one is always an argument; the caller gives it extent 0 where it is absent.

    See test/Conversion/XLSTMToTile/convert-xlstm-to-tile.mlir for IR before and after.
  }];
  let dependentDialects = ["::mlir::tile::TileDialect", "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect", "::mlir::memref::MemRefDialect"];
}

#endif
