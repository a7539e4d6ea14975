// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_DIALECT_TILE_OPS
#define XLSTM_DIALECT_TILE_OPS

include "dialect/tile/IR/TileDialect.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"

class Tile_Op<string mnemonic, list<Trait> traits = []> : Op<Tile_Dialect, mnemonic, traits>;

def Tile_Tile1 : Type<And<[Tile_TileType.predicate, CPred<"::llvm::cast<::mlir::tile::TileType>($_self).getShape().size() == 1">]>, "vector tile", "::mlir::tile::TileType">;
def Tile_Tile2 : Type<And<[Tile_TileType.predicate, CPred<"::llvm::cast<::mlir::tile::TileType>($_self).getShape().size() == 2">]>, "matrix tile", "::mlir::tile::TileType">;

def Tile_KernelOp : Tile_Op<"kernel", [IsolatedFromAbove, Symbol, AutomaticAllocationScope, SingleBlockImplicitTerminator<"::mlir::tile::ReturnOp">]> {
  let summary = "a grid of independent blocks and the program of one block";
  let description = [{
    Arguments are global tensors (strided memrefs, each with the name that the plan binds), then one index per grid
    dimension. A grid extent is a constant, or `dim(a, x)`, the run-time extent of axis `x` of tensor argument `a`, or
    `dim(a, x) ceildiv n`, that extent divided by the constant n and rounded up.
    The last grid dimension varies fastest in the linear block number. No two blocks write the same element.

    `merged_axes` has a number for each tensor: so many first axes of the tensor that the plan binds are axis 0 of the
    argument, which has their product as its extent; 1 where it is absent.

    Constraints: `kernel_c1` every tensor argument is a memref with a strided layout or the identity;
    `kernel_c2` there is one name per tensor argument; `kernel_c3` one index argument per grid dimension;
    `kernel_c4` a dynamic grid extent names an existing axis, and its divisor is at least 1; `kernel_c5` there is one number of
    merged axes for each tensor, at least 1.

    ```mlir
    tile.kernel @scale(%x: memref<?x64xf32, strided<[?, 1]>>, %y: memref<?x64xf32, strided<[?, 1]>>) names ["x", "y"] grid(%b: dim(0, 0)) {
      %c0 = arith.constant 0 : index
      %t = tile.load %x[%b, %c0] axes [1] : memref<?x64xf32, strided<[?, 1]>> -> !tile.tile<64xf32>
      tile.store %t, %y[%b, %c0] axes [1] : !tile.tile<64xf32>, memref<?x64xf32, strided<[?, 1]>>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrArrayAttr:$arg_names, DenseI64ArrayAttr:$grid_sizes, DenseI64ArrayAttr:$grid_dims,
                       OptionalAttr<DenseI64ArrayAttr>:$grid_divisors, OptionalAttr<DenseI64ArrayAttr>:$merged_axes,
                       OptionalAttr<DictionaryAttr>:$schedule);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "StringRef":$name, "ArrayRef<std::pair<std::string, MemRefType>>":$tensors,
      "ArrayRef<int64_t>":$gridSizes, "ArrayRef<std::pair<int64_t, int64_t>>":$gridDims,
      CArg<"ArrayRef<int64_t>", "{}">:$gridDivisors)>];
  let extraClassDeclaration = [{
    unsigned getNumTensors() { return getArgNames().size(); }
    unsigned getNumGridDims() { return getGridSizes().size(); }
    BlockArgument getTensor(unsigned i) { return getBody().getArgument(i); }
    BlockArgument getGridIndex(unsigned i) { return getBody().getArgument(getNumTensors() + i); }
    StringRef getTensorName(unsigned i) { return cast<StringAttr>(getArgNames()[i]).getValue(); }
    /// The tensor argument and axis that give grid dimension i, or {-1, -1} when its extent is the constant getGridSizes()[i].
    std::pair<int64_t, int64_t> getGridDim(unsigned i) { return {getGridDims()[2 * i], getGridDims()[2 * i + 1]}; }
    /// How many first axes of the tensor that the plan binds are axis 0 of tensor argument i.
    int64_t getMerged(unsigned i) { return getMergedAxes() ? (*getMergedAxes())[i] : 1; }
    /// What the run-time extent of grid dimension i is divided by, rounded up.
    int64_t getGridDivisor(unsigned i) { return getGridDivisors() ? (*getGridDivisors())[i] : 1; }
  }];
}

def Tile_ReturnOp : Tile_Op<"return", [Terminator, HasParent<"KernelOp">]> {
  let summary = "ends a block's program";
  let assemblyFormat = "attr-dict";
}

def Tile_LoadOp : Tile_Op<"load", [AttrSizedOperandSegments, MemoryEffects<[MemRead]>]> {
  let summary = "reads a tile of a global tensor";
  let description = [{
    `tile[x0, x1] = tensor[offsets + x0 along axes[0], x1 along axes[1]]`, or `pad` where that is outside of the tensor.
    The element is converted to the tile's element type. `axes` gives, for each tile dimension, the tensor axis that it
    runs along: `axes [3, 1]` reads a transposed tile. With `below n`, elements whose offset along axes[0] is not below n
    are outside too: a sequence's end among packed sequences. `stages`, set by a schedule, keeps the tile in shared memory on a
    GPU, with that many buffers, read ahead of its use.

    Constraints: `load_c1` one offset per tensor axis; `load_c2` one axis per tile dimension, distinct, in range.
  }];
  let arguments = (ins Arg<AnyMemRef, "the global tensor", [MemRead]>:$tensor, Variadic<Index>:$offsets, Optional<Index>:$limit,
                       DenseI64ArrayAttr:$axes, DefaultValuedAttr<F64Attr, "0.0">:$pad, OptionalAttr<I64Attr>:$stages);
  let results = (outs Tile_TileType:$tile);
  let assemblyFormat = "$tensor `[` $offsets `]` `axes` $axes (`below` $limit^)? (`pad` $pad^)? attr-dict `:` type($tensor) `->` type($tile)";
  let hasVerifier = 1;
}

def Tile_LoadScalarOp : Tile_Op<"load_scalar", [MemoryEffects<[MemRead]>]> {
  let summary = "reads one element of a global tensor, or the pad value where it is outside";
  let description = [{
    Converted to the result type: a float from floats; index or an integer from integers, of which those of less than 32 bits
    have no sign. Constraints `load_c1`: one offset per tensor axis; `load_scalar_c1`: element and result are both floats or
    both integers.
  }];
  let arguments = (ins Arg<AnyMemRef, "the global tensor", [MemRead]>:$tensor, Variadic<Index>:$offsets, DefaultValuedAttr<F64Attr, "0.0">:$pad);
  let results = (outs AnyTypeOf<[AnyFloat, I32, I64, Index]>:$value);
  let assemblyFormat = "$tensor `[` $offsets `]` (`pad` $pad^)? attr-dict `:` type($tensor) `->` type($value)";
  let hasVerifier = 1;
}

def Tile_StoreOp : Tile_Op<"store", [AttrSizedOperandSegments, MemoryEffects<[MemWrite]>]> {
  let summary = "writes a tile to a global tensor";
  let description = [{
    The reverse of `tile.load`; elements outside of the tensor are not written; the element is converted to the tensor's type.
    Constraints as of `tile.load`.
  }];
  let arguments = (ins Tile_TileType:$tile, Arg<AnyMemRef, "the global tensor", [MemWrite]>:$tensor, Variadic<Index>:$offsets,
                       Optional<Index>:$limit, DenseI64ArrayAttr:$axes);
  let assemblyFormat = "$tile `,` $tensor `[` $offsets `]` `axes` $axes (`below` $limit^)? attr-dict `:` type($tile) `,` type($tensor)";
  let hasVerifier = 1;
}

def Tile_StoreScalarOp : Tile_Op<"store_scalar", [MemoryEffects<[MemWrite]>]> {
  let summary = "writes one element of a global tensor; nothing where it is outside";
  let arguments = (ins AnyFloat:$value, Arg<AnyMemRef, "the global tensor", [MemWrite]>:$tensor, Variadic<Index>:$offsets);
  let assemblyFormat = "$value `,` $tensor `[` $offsets `]` attr-dict `:` type($value) `,` type($tensor)";
  let hasVerifier = 1;
}

def Tile_SplatOp : Tile_Op<"splat", [Pure]> {
  let summary = "a tile whose every element is one scalar";
  let arguments = (ins AnyFloat:$value);
  let results = (outs Tile_TileType:$tile);
  let assemblyFormat = "$value attr-dict `:` type($value) `->` type($tile)";
  let hasVerifier = 1;
}

def Tile_TransposeOp : Tile_Op<"transpose", [Pure]> {
  let summary = "exchanges rows and columns; a view, no data moves";
  let arguments = (ins Tile_Tile2:$source);
  let results = (outs Tile_Tile2:$tile);
  let assemblyFormat = "$source attr-dict `:` type($source) `->` type($tile)";
  let hasVerifier = 1;
}

def Tile_MatmulOp : Tile_Op<"matmul", [Pure]> {
  let summary = "accumulator + lhs * rhs";
  let description = [{
    `result[m, n] = accumulator[m, n] + sum_k lhs[m, k] * rhs[k, n]`, products and sums in the accumulator's type.
    `warps = [wm, wn]`, set by a schedule, divides the result among a GPU block's warps: wm along rows, wn along columns.
    Constraints: `matmul_c1` shapes agree; `matmul_c2` accumulator and result have one type; `matmul_c3` lhs and rhs have one element type.
  }];
  let arguments = (ins Tile_Tile2:$lhs, Tile_Tile2:$rhs, Tile_Tile2:$accumulator, OptionalAttr<DenseI64ArrayAttr>:$warps);
  let results = (outs Tile_Tile2:$result);
  let assemblyFormat = "$lhs `,` $rhs `,` $accumulator attr-dict `:` type($lhs) `,` type($rhs) `,` type($accumulator) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_MatvecOp : Tile_Op<"matvec", [Pure]> {
  let summary = "accumulator + matrix * vector";
  let description = [{
    `result[m] = accumulator[m] + sum_k matrix[m, k] * vector[k]` in the accumulator's type.
    Constraints: `matvec_c1` shapes agree; `matvec_c2` accumulator and result have one type.
  }];
  let arguments = (ins Tile_Tile2:$matrix, Tile_Tile1:$vector, Tile_Tile1:$accumulator);
  let results = (outs Tile_Tile1:$result);
  let assemblyFormat = "$matrix `,` $vector `,` $accumulator attr-dict `:` type($matrix) `,` type($vector) `,` type($accumulator) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_MapOp : Tile_Op<"map", [AttrSizedOperandSegments, RecursiveMemoryEffects, SingleBlockImplicitTerminator<"::mlir::tile::YieldOp">]> {
  let summary = "computes every element of tiles from elements, row vectors' and column vectors' values";
  let description = [{
    The region is the scalar program of one element of every result; the results have one shape. Its arguments are the element's indices (one per tile dimension), then
    the element of each of `elems` at that place, of each of `rows` at the row index, of each of `cols` at the column index.
    Scalars of the surrounding program may be used directly.

    ```mlir
    %p = tile.map elems(%s : !tile.tile<64x64xf32>) rows(%mu : !tile.tile<64xf32>) -> !tile.tile<64x64xf32> {
    ^bb0(%i: index, %j: index, %x: f32, %m: f32):
      %y = arith.subf %x, %m : f32
      tile.yield %y : f32
    }
    ```
    Several results share what the region computes once:

    ```mlir
    %s, %c = tile.map elems(%x : !tile.tile<64xf32>) -> !tile.tile<64xf32>, !tile.tile<64xf32> {
    ^bb0(%i: index, %a: f32):
      %y = math.sin %a : f32
      %z = math.cos %a : f32
      tile.yield %y, %z : f32, f32
    }
    ```
    Constraints: `map_c1` elems have the results' shape; `map_c2` rows and cols need matrix results and have their number of
    rows, columns; `map_c3` the region's arguments match; `map_c4` the yielded types are the results' element types;
    `map_c5` there is a result, and all have one shape.
  }];
  let arguments = (ins Variadic<Tile_TileType>:$elems, Variadic<Tile_Tile1>:$rows, Variadic<Tile_Tile1>:$cols);
  let results = (outs Variadic<Tile_TileType>:$tiles);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    (`elems` `(` $elems^ `:` type($elems) `)`)? (`rows` `(` $rows^ `:` type($rows) `)`)? (`cols` `(` $cols^ `:` type($cols) `)`)?
    attr-dict `->` type($tiles) $body
  }];
  let hasVerifier = 1;
  let builders = [
    OpBuilder<(ins "TileType":$result, "ValueRange":$elems, "ValueRange":$rows, "ValueRange":$cols,
      "function_ref<Value(OpBuilder &, Location, ValueRange)>":$body)>,
    OpBuilder<(ins "TypeRange":$results, "ValueRange":$elems, "ValueRange":$rows, "ValueRange":$cols,
      "function_ref<SmallVector<Value>(OpBuilder &, Location, ValueRange)>":$body)>
  ];
  let extraClassDeclaration = [{
    /// The first result: the only one of most maps.
    OpResult getTile() { return (*this)->getResult(0); }
  }];
}

def Tile_YieldOp : Tile_Op<"yield", [Pure, Terminator, HasParent<"MapOp">]> {
  let summary = "gives the elements that a `tile.map` computes, one for each result";
  let arguments = (ins Variadic<AnyFloat>:$values);
  let assemblyFormat = "$values attr-dict `:` type($values)";
  let builders = [OpBuilder<(ins), [{ /* filled by the parser of the implicit terminator; never valid as it is */ }]>];
}

def Tile_ReduceOp : Tile_Op<"reduce", [Pure]> {
  let summary = "combines each row of a matrix tile to one value";
  let description = "`result[m] = combine over n of source[m, n]`. Constraint `reduce_c1`: result has one element per row and the source's element type.";
  let arguments = (ins Tile_CombinerAttr:$combiner, Tile_Tile2:$source);
  let results = (outs Tile_Tile1:$tile);
  let assemblyFormat = "$combiner $source attr-dict `:` type($source) `->` type($tile)";
  let hasVerifier = 1;
}

def Tile_ScanOp : Tile_Op<"scan", [Pure, SameOperandsAndResultType]> {
  let summary = "prefix combinations along an axis";
  let description = [{
    `result[i] = combine over j <= i of source[j]`, i and j along `axis`. With `reverse`, over j >= i. With `exclusive`, i itself is left
    out: the first result is 0 (add) or -inf (max), and no sum is found by subtracting from a larger one.
    A GPU takes vectors with neither. Constraint `scan_c1`: the axis is one of the tile.
  }];
  let arguments = (ins Tile_CombinerAttr:$combiner, Tile_TileType:$source, DefaultValuedAttr<I64Attr, "0">:$axis, UnitAttr:$reverse,
                       UnitAttr:$exclusive);
  let results = (outs Tile_TileType:$tile);
  let assemblyFormat = "$combiner $source attr-dict `:` type($source)";
  let hasVerifier = 1;
}

def Tile_ExtractOp : Tile_Op<"extract", [Pure]> {
  let summary = "one element of a vector tile";
  let description = "Constraint `extract_c1`: the position is inside of the tile and the result has its element type.";
  let arguments = (ins Tile_Tile1:$source, I64Attr:$position);
  let results = (outs AnyFloat:$value);
  let assemblyFormat = "$source `[` $position `]` attr-dict `:` type($source) `->` type($value)";
  let hasVerifier = 1;
}

include "dialect/tile/IR/GroupOps.td"
include "dialect/tile/IR/RoleOps.td"

#endif
