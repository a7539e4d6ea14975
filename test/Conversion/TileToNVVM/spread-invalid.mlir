// SPDX-License-Identifier: Apache-2.0
// What a kernel without a matrix unit cannot have: one case for every message.
// RUN: xlstm-opt %s --convert-tile-to-nvvm -split-input-file -verify-diagnostics

tile.kernel @wide(%x: memref<?x64xf32, strided<[?, 1]>>) names ["x"] grid(%g: 1) attributes {schedule = {target = "sm_90a", threads = 32 : i64, spread = array<i64: 2, 16, 1>}} {
  %c0 = arith.constant 0 : index
  // expected-error @below {{expected f32, and of a matrix a multiple of 2 rows and 16 columns, as the schedule spreads it, got '!tile.tile<4x8xf32>'}}
  %t = tile.load %x[%c0, %c0] axes [0, 1] : memref<?x64xf32, strided<[?, 1]>> -> !tile.tile<4x8xf32>
}

// -----

tile.kernel @extract(%x: memref<?x64xf32, strided<[?, 1]>>) names ["x"] grid(%g: 1) attributes {schedule = {target = "sm_90a", threads = 32 : i64, spread = array<i64: 2, 16, 1>}} {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0, %c0] axes [1] : memref<?x64xf32, strided<[?, 1]>> -> !tile.tile<64xf32>
  // expected-error @below {{expected the result of a product of two vectors}}
  %e = tile.extract %t[0] : !tile.tile<64xf32> -> f32
}

// -----

tile.kernel @scan(%x: memref<?x64xf32, strided<[?, 1]>>) names ["x"] grid(%g: 1) attributes {schedule = {target = "sm_90a", threads = 32 : i64, spread = array<i64: 2, 16, 1>}} {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0, %c0] axes [1] : memref<?x64xf32, strided<[?, 1]>> -> !tile.tile<64xf32>
  // expected-error @below {{has no lowering to NVVM in a kernel without a matrix unit}}
  %s = tile.scan <add> %t : !tile.tile<64xf32>
}

// -----

tile.kernel @store(%x: memref<?x64xf32, strided<[?, 1]>>) names ["x"] grid(%g: 1) attributes {schedule = {target = "sm_90a", threads = 32 : i64, spread = array<i64: 2, 16, 1>}} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %t = tile.splat %zero : f32 -> !tile.tile<4x16xf32>
  // expected-error @below {{expected a loaded matrix or a map of one}}
  tile.store %t, %x[%c0, %c0] axes [0, 1] : !tile.tile<4x16xf32>, memref<?x64xf32, strided<[?, 1]>>
}

// -----

tile.kernel @results(%x: memref<?x64xf32, strided<[?, 1]>>) names ["x"] grid(%g: 1) attributes {schedule = {target = "sm_90a", threads = 32 : i64, spread = array<i64: 2, 16, 1>}} {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0, %c0] axes [0, 1] : memref<?x64xf32, strided<[?, 1]>> -> !tile.tile<4x16xf32>
  // expected-error @below {{with 2 results has no lowering to NVVM}}
  %a, %b = tile.map elems(%t : !tile.tile<4x16xf32>) -> !tile.tile<4x16xf32>, !tile.tile<4x16xf32> {
  ^bb0(%i: index, %j: index, %e: f32):
    tile.yield %e, %e : f32, f32
  }
}

// -----

tile.kernel @product(%x: memref<?x64xf32, strided<[?, 1]>>) names ["x"] grid(%g: 1) attributes {schedule = {target = "sm_90a", threads = 32 : i64, spread = array<i64: 2, 16, 1>}} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %m = tile.load %x[%c0, %c0] axes [0, 1] : memref<?x64xf32, strided<[?, 1]>> -> !tile.tile<4x16xf32>
  %l = tile.splat %zero : f32 -> !tile.tile<4x16xf32>
  %r = tile.splat %zero : f32 -> !tile.tile<16x16xf32>
  // expected-error @below {{expected a row times a matrix that is loaded or a map of one}}
  %p = tile.matmul %m, %r, %l : !tile.tile<4x16xf32>, !tile.tile<16x16xf32>, !tile.tile<4x16xf32> -> !tile.tile<4x16xf32>
}

// -----

tile.kernel @dot(%x: memref<?x64xf32, strided<[?, 1]>>) names ["x"] grid(%g: 1) attributes {schedule = {target = "sm_90a", threads = 32 : i64, spread = array<i64: 2, 16, 1>}} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %m = tile.load %x[%c0, %c0] axes [0, 1] : memref<?x64xf32, strided<[?, 1]>> -> !tile.tile<4x16xf32>
  %v = tile.load %x[%c0, %c0] axes [1] : memref<?x64xf32, strided<[?, 1]>> -> !tile.tile<16xf32>
  %n = tile.splat %zero : f32 -> !tile.tile<4xf32>
  // expected-error @below {{expected a row times a vector, added to a splat}}
  %p = tile.matvec %m, %v, %n : !tile.tile<4x16xf32>, !tile.tile<16xf32>, !tile.tile<4xf32> -> !tile.tile<4xf32>
}

// -----

tile.kernel @reduced_matrix(%x: memref<?x64xf32, strided<[?, 1]>>) names ["x"] grid(%g: 1) attributes {schedule = {target = "sm_90a", threads = 32 : i64, spread = array<i64: 2, 16, 1>}} {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0, %c0] axes [0, 1] : memref<?x64xf32, strided<[?, 1]>> -> !tile.tile<4x16xf32>
  // expected-error @below {{expected one row in a kernel that spreads it over threads}}
  %s = tile.reduce <add> %t : !tile.tile<4x16xf32> -> !tile.tile<4xf32>
}

// -----

tile.kernel @kept(%x: memref<?x64xf32, strided<[?, 1]>>) names ["x"] grid(%g: 1) attributes {schedule = {target = "sm_90a", threads = 32 : i64, spread = array<i64: 1, 32, 1>, products = array<i64: 16, 4>, matrices = "shared"}} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %row = tile.load %x[%c0, %c0] axes [0, 1] : memref<?x64xf32, strided<[?, 1]>> -> !tile.tile<1x64xf32>
  %none = tile.splat %zero : f32 -> !tile.tile<1x64xf32>
  %m = tile.splat %zero : f32 -> !tile.tile<64x64xf32>
  // expected-error @below {{expected a row times a loaded matrix}}
  %p = tile.matmul %row, %m, %none : !tile.tile<1x64xf32>, !tile.tile<64x64xf32>, !tile.tile<1x64xf32> -> !tile.tile<1x64xf32>
}
