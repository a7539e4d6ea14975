// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_DIALECT_TILE_DIALECT
#define XLSTM_DIALECT_TILE_DIALECT

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/BuiltinTypeInterfaces.td"

def Tile_Dialect : Dialect {
  let name = "tile";
  let cppNamespace = "::mlir::tile";
  let summary = "one kernel = a grid and one block's program over tiles";
  let description = [{
    A `tile.kernel` is what a GPU calls a kernel and a CPU calls the body of a parallel loop: a grid of independent blocks,
    and the program of one block. The program is a plain loop nest (`scf`) over *tiles*, small dense arrays that are SSA
    values. Scalar arithmetic is `arith` and `math`; global tensors are strided memrefs that are kernel arguments.

    ```
       global tensors ── tile.load ──►  tiles  ── matmul, matvec, map, reduce, scan ──►  tiles  ── tile.store ──► global tensors
    ```

    The dialect says nothing about threads, registers or shared memory. The CPU lowering (`--convert-tile-to-vector`) reads
    the loop as it stands and keeps tiles in a scratch buffer; the GPU lowering (`--convert-tile-to-nvvm`) keeps them in
    registers as matrix fragments or in shared memory. What a schedule has decided stands on the ops as attributes
    (`stages` on a load, `warps` on a matrix product), and lowerings obey it.

    Out of range: a load reads its `pad` value, a store writes nothing. A tensor that the caller did not give has extent 0
    in every dynamic axis, so loads from it give the pad value and stores to it do nothing: optional inputs and outputs
    need no branches.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

def Tile_TileType : TypeDef<Tile_Dialect, "Tile", [ShapedTypeInterface]> {
  let mnemonic = "tile";
  let summary = "a dense array of one or two static dimensions that one block holds";
  let description = [{
    `!tile.tile<64x256xbf16>` is a matrix of 64 rows and 256 columns, `!tile.tile<64xf32>` a vector. Element types are
    f64, f32, f16, bf16. Constraint `tile_t1`: rank 1 or 2, every extent at least 1.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$elementType);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    bool hasRank() const { return true; }
    TileType cloneWith(std::optional<ArrayRef<int64_t>> shape, Type elementType) const {
      return get(getContext(), shape.value_or(getShape()), elementType);
    }
    /// The tile type with rows and columns exchanged (rank 2).
    TileType getTransposed() const { return get(getContext(), {getShape()[1], getShape()[0]}, getElementType()); }
    TileType withElementType(Type type) const { return get(getContext(), getShape(), type); }
  }];
}

def Tile_Combiner : I32EnumAttr<"Combiner", "how a reduction or a scan combines two values",
    [I32EnumAttrCase<"add", 0>, I32EnumAttrCase<"max", 1>]> {
  let cppNamespace = "::mlir::tile";
  let genSpecializedAttr = 0;
}
def Tile_CombinerAttr : EnumAttr<Tile_Dialect, Tile_Combiner, "combiner"> {
  let assemblyFormat = "`<` $value `>`";
}

#endif
