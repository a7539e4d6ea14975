// SPDX-License-Identifier: Apache-2.0
// One case for every message of the tile dialect; the label is that of the constraint in the description.
// RUN: xlstm-opt %s -split-input-file -verify-diagnostics

// tile_t1: no extent
// expected-error @below {{expected one or two extents of at least 1, got none}}
func.func private @rank_0(!tile.tile<f32>)

// -----

// tile_t1: three extents
// expected-error @below {{expected one or two extents of at least 1, got 2x2x2}}
func.func private @rank_3(!tile.tile<2x2x2xf32>)

// -----

// tile_t1: an extent of 0
// expected-error @below {{expected one or two extents of at least 1, got 4x0}}
func.func private @empty(!tile.tile<4x0xf32>)

// -----

// tile_t1: extents are static
// expected-error @below {{expected static shape}}
func.func private @dynamic(!tile.tile<?xf32>)

// -----

// tile_t1: element type
// expected-error @below {{expected an element type of f64, f32, f16 or bf16, got 'i32'}}
func.func private @integers(!tile.tile<4xi32>)

// -----

// tile_t1: syntax of the type
// expected-error @below {{expected '<'}}
func.func private @no_brackets(!tile.tile)

// -----

// The syntax of a kernel: name, tensors, names, grid, extents, region.
// expected-error @below {{expected valid '@'-identifier for symbol name}}
tile.kernel () names [] grid() {}

// -----

// expected-error @below {{expected 'names'}}
tile.kernel @no_names(%x: memref<?xf32>) grid(%i: 1) {}

// -----

// expected-error @below {{invalid kind of attribute specified}}
tile.kernel @names_are_a_list(%x: memref<?xf32>) names "x" grid(%i: 1) {}

// -----

// expected-error @below {{expected 'grid'}}
tile.kernel @no_grid(%x: memref<?xf32>) names ["x"] {}

// -----

// expected-error @below {{expected ':'}}
tile.kernel @no_extent(%x: memref<?xf32>) names ["x"] grid(%i) {}

// -----

// expected-error @below {{expected integer value}}
tile.kernel @extent_is_a_number(%x: memref<?xf32>) names ["x"] grid(%i: all) {}

// -----

// expected-error @below {{expected ','}}
tile.kernel @extent_has_an_axis(%x: memref<?xf32>) names ["x"] grid(%i: dim(0)) {}

// -----

// expected-error @below {{expected '{' to begin a region}}
tile.kernel @no_body(%x: memref<?xf32>) names ["x"] grid(%i: 1)

// -----

// kernel_c1: a type that is no memref
// expected-error @below {{'tile.kernel' op expected argument 0 to be a memref with a strided layout and offset 0, got 'tensor<4xf32>'}}
tile.kernel @tensor_argument(%x: tensor<4xf32>) names ["x"] grid(%i: 1) {}

// -----

// kernel_c1: a layout that has no strides
// expected-error @below {{'tile.kernel' op expected argument 1 to be a memref with a strided layout and offset 0, got 'memref<4x4xf32, affine_map<(d0, d1) -> (d0 floordiv 2, d1)>>'}}
tile.kernel @layout(%x: memref<4xf32>, %y: memref<4x4xf32, affine_map<(d0, d1) -> (d0 floordiv 2, d1)>>) names ["x", "y"] grid(%i: 1) {}

// -----

// kernel_c1: an offset
// expected-error @below {{'tile.kernel' op expected argument 0 to be a memref with a strided layout and offset 0, got 'memref<4xf32, strided<[1], offset: 3>>'}}
tile.kernel @offset(%x: memref<4xf32, strided<[1], offset: 3>>) names ["x"] grid(%i: 1) {}

// -----

// kernel_c1: an offset that is known at run time
// expected-error @below {{'tile.kernel' op expected argument 0 to be a memref with a strided layout and offset 0}}
tile.kernel @dynamic_offset(%x: memref<4xf32, strided<[1], offset: ?>>) names ["x"] grid(%i: 1) {}

// -----

// kernel_c2: more tensors than names
// expected-error @below {{'tile.kernel' op expected 1 named tensors and 1 grid indices, got 3 arguments}}
tile.kernel @names(%x: memref<4xf32>, %y: memref<4xf32>) names ["x"] grid(%i: 1) {}

// -----

// kernel_c2: names are strings
// expected-error @below {{'tile.kernel' op attribute 'arg_names' failed to satisfy constraint: string array attribute}}
tile.kernel @names_are_strings(%x: memref<4xf32>) names [1] grid(%i: 1) {}

// -----

// kernel_c3: a grid dimension without an index
// expected-error @below {{'tile.kernel' op expected 1 named tensors and 2 grid indices, got 2 arguments}}
"tile.kernel"() <{sym_name = "indices", arg_names = ["x"], grid_sizes = array<i64: 1, 1>, grid_dims = array<i64: -1, -1, -1, -1>}> ({
^bb0(%x: memref<4xf32>, %i: index):
  tile.return
}) : () -> ()

// -----

// kernel_c3: an index of another type
// expected-error @below {{'tile.kernel' op expected grid index 0 to have type index, got 'i32'}}
"tile.kernel"() <{sym_name = "index_type", arg_names = [], grid_sizes = array<i64: 1>, grid_dims = array<i64: -1, -1>}> ({
^bb0(%i: i32):
  tile.return
}) : () -> ()

// -----

// kernel_c4: the two lists of the grid
// expected-error @below {{'tile.kernel' op expected two entries of grid_dims per grid dimension, got 3}}
"tile.kernel"() <{sym_name = "grid_dims", arg_names = [], grid_sizes = array<i64: 1>, grid_dims = array<i64: -1, -1, 0>}> ({
^bb0(%i: index):
  tile.return
}) : () -> ()

// -----

// kernel_c4: what an extent is divided by
// expected-error @below {{'tile.kernel' op expected the divisor of grid extent 0 to be at least 1, got 0}}
tile.kernel @divisor(%x: memref<?xf32, strided<[1]>>) names ["x"] grid(%i: dim(0, 0) ceildiv 0) {}

// -----

// kernel_c4: one divisor for each extent
// expected-error @below {{'tile.kernel' op expected one entry of grid_divisors per grid dimension, got 2}}
"tile.kernel"() <{sym_name = "divisors", arg_names = [], grid_sizes = array<i64: 1>, grid_dims = array<i64: -1, -1>, grid_divisors = array<i64: 1, 1>}> ({
^bb0(%i: index):
  "tile.return"() : () -> ()
}) : () -> ()

// -----

// kernel_c5: a number for each tensor
// expected-error @below {{'tile.kernel' op expected one number of merged axes per tensor, got 2 for 1}}
tile.kernel @merged(%x: memref<4xf32>) names ["x"] grid(%i: 4) attributes {merged_axes = array<i64: 1, 2>} {}

// -----

// kernel_c5: a number of at least 1
// expected-error @below {{'tile.kernel' op expected at least 1 merged axis of tensor 0, got 0}}
tile.kernel @no_axes(%x: memref<4xf32>) names ["x"] grid(%i: 4) attributes {merged_axes = array<i64: 0>} {}

// -----

// kernel_c4: a constant extent
// expected-error @below {{'tile.kernel' op expected grid extent 1 to be at least 1, got 0}}
tile.kernel @no_blocks(%x: memref<4xf32>) names ["x"] grid(%i: 4, %j: 0) {}

// -----

// kernel_c4: no such tensor
// expected-error @below {{'tile.kernel' op expected grid extent 0 to name an axis of a tensor, got dim(1, 0)}}
tile.kernel @no_such_tensor(%x: memref<4xf32>) names ["x"] grid(%i: dim(1, 0)) {}

// -----

// kernel_c4: no such axis
// expected-error @below {{'tile.kernel' op expected grid extent 0 to name an axis of a tensor, got dim(0, 1)}}
tile.kernel @no_such_axis(%x: memref<4xf32>) names ["x"] grid(%i: dim(0, 1)) {}

// -----

// A kernel is isolated, and tile.return ends nothing else.
func.func @return_elsewhere() {
  // expected-error @below {{'tile.return' op expects parent op 'tile.kernel'}}
  tile.return
}

// -----

// load_c1
tile.kernel @load_offsets(%x: memref<4x4xf32>) names ["x"] grid(%i: 1) {
  // expected-error @below {{'tile.load' op expected 2 offsets, one per tensor axis, got 1}}
  %t = tile.load %x[%i] axes [1] : memref<4x4xf32> -> !tile.tile<4xf32>
}

// -----

// load_c1
tile.kernel @store_offsets(%x: memref<4x4xf32>) names ["x"] grid(%i: 1) {
  %t = tile.load %x[%i, %i] axes [1] : memref<4x4xf32> -> !tile.tile<4xf32>
  // expected-error @below {{'tile.store' op expected 2 offsets, one per tensor axis, got 3}}
  tile.store %t, %x[%i, %i, %i] axes [1] : !tile.tile<4xf32>, memref<4x4xf32>
}

// -----

// load_c1
tile.kernel @load_scalar_offsets(%x: memref<4x4xf32>) names ["x"] grid(%i: 1) {
  // expected-error @below {{'tile.load_scalar' op expected 2 offsets, one per tensor axis, got 0}}
  %t = tile.load_scalar %x[] : memref<4x4xf32> -> f32
}

// -----

// load_c1
tile.kernel @store_scalar_offsets(%x: memref<4xf32>) names ["x"] grid(%i: 1) {
  %t = tile.load_scalar %x[%i] : memref<4xf32> -> f32
  // expected-error @below {{'tile.store_scalar' op expected 1 offsets, one per tensor axis, got 2}}
  tile.store_scalar %t, %x[%i, %i] : f32, memref<4xf32>
}

// -----

// load_scalar_c1
tile.kernel @load_scalar_integer(%x: memref<4xi32>) names ["x"] grid(%i: 1) {
  // expected-error @below {{'tile.load_scalar' op expected an integer from a tensor of 'i32', got 'f32'}}
  %t = tile.load_scalar %x[%i] : memref<4xi32> -> f32
}

// -----

// load_scalar_c1
tile.kernel @load_scalar_float(%x: memref<4xf32>) names ["x"] grid(%i: 1) {
  // expected-error @below {{'tile.load_scalar' op expected a float from a tensor of 'f32', got 'index'}}
  %t = tile.load_scalar %x[%i] : memref<4xf32> -> index
}

// -----

// load_c2: one axis per tile dimension
tile.kernel @number_of_axes(%x: memref<4x4xf32>) names ["x"] grid(%i: 1) {
  // expected-error @below {{'tile.load' op expected 2 axes, one per tile dimension, got 1}}
  %t = tile.load %x[%i, %i] axes [1] : memref<4x4xf32> -> !tile.tile<4x4xf32>
}

// -----

// load_c2: in range
tile.kernel @axis_too_large(%x: memref<4x4xf32>) names ["x"] grid(%i: 1) {
  // expected-error @below {{'tile.load' op expected axes between 0 and 1, got 2}}
  %t = tile.load %x[%i, %i] axes [2] : memref<4x4xf32> -> !tile.tile<4xf32>
}

// -----

// load_c2: in range
tile.kernel @axis_negative(%x: memref<4x4xf32>) names ["x"] grid(%i: 1) {
  %t = tile.load %x[%i, %i] axes [0] : memref<4x4xf32> -> !tile.tile<4xf32>
  // expected-error @below {{'tile.store' op expected axes between 0 and 1, got -1}}
  tile.store %t, %x[%i, %i] axes [-1] : !tile.tile<4xf32>, memref<4x4xf32>
}

// -----

// load_c2: distinct
tile.kernel @one_axis_twice(%x: memref<4x4xf32>) names ["x"] grid(%i: 1) {
  // expected-error @below {{'tile.load' op expected distinct axes, got 1 twice}}
  %t = tile.load %x[%i, %i] axes [1, 1] : memref<4x4xf32> -> !tile.tile<4x4xf32>
}

// -----

// What a schedule may set on a load.
tile.kernel @no_stages(%x: memref<4x4xf32>) names ["x"] grid(%i: 1) {
  // expected-error @below {{'tile.load' op expected at least 1 stage, got 0}}
  %t = tile.load %x[%i, %i] axes [0, 1] {stages = 0 : i64} : memref<4x4xf32> -> !tile.tile<4x4xf32>
}

// -----

func.func @splat_type(%x: f64) {
  // expected-error @below {{'tile.splat' op expected a scalar of the tile's element type, got 'f64'}}
  %t = tile.splat %x : f64 -> !tile.tile<4xf32>
  return
}

// -----

func.func @transpose_type(%x: !tile.tile<4x8xf32>) {
  // expected-error @below {{'tile.transpose' op expected result type '!tile.tile<8x4xf32>', got '!tile.tile<4x8xf32>'}}
  %t = tile.transpose %x : !tile.tile<4x8xf32> -> !tile.tile<4x8xf32>
  return
}

// -----

func.func @transpose_vector(%x: !tile.tile<4xf32>) {
  // expected-error @below {{'tile.transpose' op operand #0 must be matrix tile, but got '!tile.tile<4xf32>'}}
  %t = tile.transpose %x : !tile.tile<4xf32> -> !tile.tile<4x1xf32>
  return
}

// -----

// matmul_c1: depth
func.func @matmul_depth(%a: !tile.tile<4x8xf32>, %b: !tile.tile<6x2xf32>, %c: !tile.tile<4x2xf32>) {
  // expected-error @below {{'tile.matmul' op expected shapes MxK, KxN and MxN, got '!tile.tile<4x8xf32>', '!tile.tile<6x2xf32>' and '!tile.tile<4x2xf32>'}}
  %t = tile.matmul %a, %b, %c : !tile.tile<4x8xf32>, !tile.tile<6x2xf32>, !tile.tile<4x2xf32> -> !tile.tile<4x2xf32>
  return
}

// -----

// matmul_c1: rows
func.func @matmul_rows(%a: !tile.tile<4x8xf32>, %b: !tile.tile<8x2xf32>, %c: !tile.tile<5x2xf32>) {
  // expected-error @below {{'tile.matmul' op expected shapes MxK, KxN and MxN}}
  %t = tile.matmul %a, %b, %c : !tile.tile<4x8xf32>, !tile.tile<8x2xf32>, !tile.tile<5x2xf32> -> !tile.tile<5x2xf32>
  return
}

// -----

// matmul_c1: columns
func.func @matmul_columns(%a: !tile.tile<4x8xf32>, %b: !tile.tile<8x2xf32>, %c: !tile.tile<4x3xf32>) {
  // expected-error @below {{'tile.matmul' op expected shapes MxK, KxN and MxN}}
  %t = tile.matmul %a, %b, %c : !tile.tile<4x8xf32>, !tile.tile<8x2xf32>, !tile.tile<4x3xf32> -> !tile.tile<4x3xf32>
  return
}

// -----

// matmul_c2
func.func @matmul_accumulator(%a: !tile.tile<4x8xf16>, %b: !tile.tile<8x2xf16>, %c: !tile.tile<4x2xf16>) {
  // expected-error @below {{'tile.matmul' op expected the accumulator to have the result's type '!tile.tile<4x2xf32>', got '!tile.tile<4x2xf16>'}}
  %t = tile.matmul %a, %b, %c : !tile.tile<4x8xf16>, !tile.tile<8x2xf16>, !tile.tile<4x2xf16> -> !tile.tile<4x2xf32>
  return
}

// -----

// matmul_c3
func.func @matmul_operands(%a: !tile.tile<4x8xf16>, %b: !tile.tile<8x2xbf16>, %c: !tile.tile<4x2xf32>) {
  // expected-error @below {{'tile.matmul' op expected one element type for lhs and rhs, got 'f16' and 'bf16'}}
  %t = tile.matmul %a, %b, %c : !tile.tile<4x8xf16>, !tile.tile<8x2xbf16>, !tile.tile<4x2xf32> -> !tile.tile<4x2xf32>
  return
}

// -----

// What a schedule may set on a product: two numbers
func.func @matmul_warps(%a: !tile.tile<4x4xf16>, %c: !tile.tile<4x4xf32>) {
  // expected-error @below {{'tile.matmul' op expected two positive numbers of warps}}
  %t = tile.matmul %a, %a, %c {warps = array<i64: 4>} : !tile.tile<4x4xf16>, !tile.tile<4x4xf16>, !tile.tile<4x4xf32> -> !tile.tile<4x4xf32>
  return
}

// -----

// What a schedule may set on a product: positive
func.func @matmul_no_warps(%a: !tile.tile<4x4xf16>, %c: !tile.tile<4x4xf32>) {
  // expected-error @below {{'tile.matmul' op expected two positive numbers of warps}}
  %t = tile.matmul %a, %a, %c {warps = array<i64: 4, 0>} : !tile.tile<4x4xf16>, !tile.tile<4x4xf16>, !tile.tile<4x4xf32> -> !tile.tile<4x4xf32>
  return
}

// -----

// matvec_c1: depth
func.func @matvec_depth(%a: !tile.tile<4x8xf32>, %x: !tile.tile<4xf32>, %y: !tile.tile<4xf32>) {
  // expected-error @below {{'tile.matvec' op expected shapes MxK, K and M, got '!tile.tile<4x8xf32>', '!tile.tile<4xf32>' and '!tile.tile<4xf32>'}}
  %t = tile.matvec %a, %x, %y : !tile.tile<4x8xf32>, !tile.tile<4xf32>, !tile.tile<4xf32> -> !tile.tile<4xf32>
  return
}

// -----

// matvec_c1: rows
func.func @matvec_rows(%a: !tile.tile<4x8xf32>, %x: !tile.tile<8xf32>) {
  // expected-error @below {{'tile.matvec' op expected shapes MxK, K and M, got '!tile.tile<4x8xf32>', '!tile.tile<8xf32>' and '!tile.tile<8xf32>'}}
  %t = tile.matvec %a, %x, %x : !tile.tile<4x8xf32>, !tile.tile<8xf32>, !tile.tile<8xf32> -> !tile.tile<8xf32>
  return
}

// -----

// matvec_c2
func.func @matvec_accumulator(%a: !tile.tile<4x8xf32>, %x: !tile.tile<8xf32>, %y: !tile.tile<4xf64>) {
  // expected-error @below {{'tile.matvec' op expected the accumulator to have the result's type '!tile.tile<4xf32>', got '!tile.tile<4xf64>'}}
  %t = tile.matvec %a, %x, %y : !tile.tile<4x8xf32>, !tile.tile<8xf32>, !tile.tile<4xf64> -> !tile.tile<4xf32>
  return
}

// -----

// map_c1
func.func @map_elems(%x: !tile.tile<4x8xf32>) {
  // expected-error @below {{'tile.map' op expected elems of the result's shape '!tile.tile<8x4xf32>', got '!tile.tile<4x8xf32>'}}
  %t = tile.map elems(%x : !tile.tile<4x8xf32>) -> !tile.tile<8x4xf32> {
  ^bb0(%i: index, %j: index, %e: f32):
    tile.yield %e : f32
  }
  return
}

// -----

// map_c2: a vector has no rows
func.func @map_rows_of_vector(%x: !tile.tile<4xf32>) {
  // expected-error @below {{'tile.map' op expected no rows and cols for a vector result}}
  %t = tile.map rows(%x : !tile.tile<4xf32>) -> !tile.tile<4xf32> {
  ^bb0(%i: index, %e: f32):
    tile.yield %e : f32
  }
  return
}

// -----

// map_c2: a vector has no columns
func.func @map_cols_of_vector(%x: !tile.tile<4xf32>) {
  // expected-error @below {{'tile.map' op expected no rows and cols for a vector result}}
  %t = tile.map cols(%x : !tile.tile<4xf32>) -> !tile.tile<4xf32> {
  ^bb0(%i: index, %e: f32):
    tile.yield %e : f32
  }
  return
}

// -----

// map_c2: one element per row
func.func @map_rows(%x: !tile.tile<8xf32>) {
  // expected-error @below {{'tile.map' op expected rows with 4 elements, got '!tile.tile<8xf32>'}}
  %t = tile.map rows(%x : !tile.tile<8xf32>) -> !tile.tile<4x8xf32> {
  ^bb0(%i: index, %j: index, %e: f32):
    tile.yield %e : f32
  }
  return
}

// -----

// map_c2: one element per column
func.func @map_cols(%x: !tile.tile<4xf32>) {
  // expected-error @below {{'tile.map' op expected cols with 8 elements, got '!tile.tile<4xf32>'}}
  %t = tile.map cols(%x : !tile.tile<4xf32>) -> !tile.tile<4x8xf32> {
  ^bb0(%i: index, %j: index, %e: f32):
    tile.yield %e : f32
  }
  return
}

// -----

// map_c3
func.func @map_arguments(%x: !tile.tile<4x8xbf16>) {
  // expected-error @below {{'tile.map' op expected region arguments ('index', 'index', 'bf16'), got ('index', 'bf16')}}
  %t = tile.map elems(%x : !tile.tile<4x8xbf16>) -> !tile.tile<4x8xbf16> {
  ^bb0(%i: index, %e: bf16):
    tile.yield %e : bf16
  }
  return
}

// -----

// map_c4
func.func @map_yield(%x: !tile.tile<4x8xbf16>) {
  // expected-error @below {{'tile.map' op expected the region to yield one 'f32'}}
  %t = tile.map elems(%x : !tile.tile<4x8xbf16>) -> !tile.tile<4x8xf32> {
  ^bb0(%i: index, %j: index, %e: bf16):
    tile.yield %e : bf16
  }
  return
}

// -----

// map_c4: the terminator that the parser adds where there is none yields nothing
func.func @map_without_yield() {
  // expected-error @below {{'tile.map' op expected the region to yield one 'f32'}}
  %t = tile.map -> !tile.tile<4xf32> {
  ^bb0(%i: index):
  }
  return
}

// -----

// map_c4: one value for each result
func.func @map_yields(%x: !tile.tile<4xf32>) {
  // expected-error @below {{'tile.map' op expected the region to yield ('f32', 'f32')}}
  %t, %u = tile.map elems(%x : !tile.tile<4xf32>) -> !tile.tile<4xf32>, !tile.tile<4xf32> {
  ^bb0(%i: index, %e: f32):
    tile.yield %e : f32
  }
  return
}

// -----

// map_c5: results of one shape
func.func @map_shapes(%x: !tile.tile<4xf32>) {
  // expected-error @below {{'tile.map' op expected results of one shape, got '!tile.tile<4xf32>' and '!tile.tile<8xf32>'}}
  %t, %u = tile.map elems(%x : !tile.tile<4xf32>) -> !tile.tile<4xf32>, !tile.tile<8xf32> {
  ^bb0(%i: index, %e: f32):
    tile.yield %e, %e : f32, f32
  }
  return
}

// -----

// map_c5: at least one result
func.func @map_without_result() {
  // expected-error @below {{'tile.map' op expected at least one result}}
  "tile.map"() <{operandSegmentSizes = array<i32: 0, 0, 0>}> ({
  ^bb0(%i: index):
    "tile.yield"() : () -> ()
  }) : () -> ()
  return
}

// -----

func.func @yield_elsewhere(%x: f32) {
  // expected-error @below {{'tile.yield' op expects parent op 'tile.map'}}
  tile.yield %x : f32
}

// -----

// reduce_c1: one element per row
func.func @reduce_rows(%x: !tile.tile<4x8xf32>) {
  // expected-error @below {{'tile.reduce' op expected one element of 'f32' per row, got '!tile.tile<8xf32>'}}
  %t = tile.reduce <add> %x : !tile.tile<4x8xf32> -> !tile.tile<8xf32>
  return
}

// -----

// reduce_c1: the source's type
func.func @reduce_type(%x: !tile.tile<4x8xf16>) {
  // expected-error @below {{'tile.reduce' op expected one element of 'f16' per row, got '!tile.tile<4xf32>'}}
  %t = tile.reduce <max> %x : !tile.tile<4x8xf16> -> !tile.tile<4xf32>
  return
}

// -----

func.func @unknown_combiner(%x: !tile.tile<4x8xf16>) {
  // expected-error @below {{expected ::mlir::tile::Combiner to be one of: add, max}}
  // expected-error @below {{failed to parse Tile_CombinerAttr parameter 'value' which is to be a `::mlir::tile::Combiner`}}
  %t = tile.reduce <min> %x : !tile.tile<4x8xf16> -> !tile.tile<4xf16>
  return
}

// -----

// scan_c1
func.func @scan_axis(%x: !tile.tile<4x8xf32>) {
  // expected-error @below {{'tile.scan' op expected an axis from 0 to 1, got 2}}
  %t = tile.scan <add> %x {axis = 2 : i64} : !tile.tile<4x8xf32>
  return
}

// -----

// extract_c1: beyond the end
func.func @extract_beyond(%x: !tile.tile<4xf32>) {
  // expected-error @below {{'tile.extract' op expected a position between 0 and 3, got 4}}
  %t = tile.extract %x[4] : !tile.tile<4xf32> -> f32
  return
}

// -----

// extract_c1: before the begin
func.func @extract_before(%x: !tile.tile<4xf32>) {
  // expected-error @below {{'tile.extract' op expected a position between 0 and 3, got -1}}
  %t = tile.extract %x[-1] : !tile.tile<4xf32> -> f32
  return
}

// -----

// extract_c1: the tile's element type
func.func @extract_type(%x: !tile.tile<4xf32>) {
  // expected-error @below {{'tile.extract' op expected result type 'f32', got 'bf16'}}
  %t = tile.extract %x[0] : !tile.tile<4xf32> -> bf16
  return
}
