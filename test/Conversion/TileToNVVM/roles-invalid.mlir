// SPDX-License-Identifier: Apache-2.0
// RUN: xlstm-opt %s -split-input-file --convert-tile-to-nvvm -verify-diagnostics

// expected-error @below {{expected the roles of its schedule; run --tile-split-roles first}}
tile.kernel @not_split(%x: memref<?xf32, strided<[?]>>) names ["x"] grid(%b: 1)
    attributes {schedule = {target = "sm_90a", warps = array<i64: 8, 1>, roles = {}}} {
}

// -----

// Rows of a product are divided among the warps; an element of them is in one warp.
!a = !tile.ring<2 : !tile.tile<64x64xbf16>>
!m = !tile.tile<64x64xf32>
tile.kernel @divided(%x: memref<?x64xbf16, strided<[?, 1]>>, %y: memref<1xf32>) names ["x", "y"] grid(%b: 1)
    attributes {schedule = {target = "sm_90a", matrix_unit = "wgmma", copy = "tma", warps = array<i64: 4, 1>, roles = {multiply = array<i64: 0, 4, 208>, load = array<i64: 4, 1, 24>}}} {
  %r = tile.ring : !a
  tile.role "multiply" warps [0, 4] registers 208 {
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0.0 : f32
    %t = tile.get %r : !a -> !tile.tile<64x64xbf16>
    %z = tile.splat %zero : f32 -> !m
    %p = tile.matmul %t, %t, %z {warps = array<i64: 4, 1>} : !tile.tile<64x64xbf16>, !tile.tile<64x64xbf16>, !m -> !m
    tile.release %r : !a
    %s = tile.reduce <add> %p : !m -> !tile.tile<64xf32>
    // expected-error @below {{expected vectors that each warp has whole, got one that is divided among the warps}}
    %last = tile.extract %s[63] : !tile.tile<64xf32> -> f32
    tile.store_scalar %last, %y[%c0] : f32, memref<1xf32>
  }
  tile.role "load" warps [4, 1] registers 24 {
    %c0 = arith.constant 0 : index
    tile.fetch %x[%c0, %c0] axes [0, 1] into %r : memref<?x64xbf16, strided<[?, 1]>>, !a
  }
}

// -----

// So is one in a map along columns.
!a = !tile.ring<2 : !tile.tile<64x64xbf16>>
!m = !tile.tile<64x64xf32>
tile.kernel @columns(%x: memref<?x64xbf16, strided<[?, 1]>>, %y: memref<?x64xf32, strided<[?, 1]>>) names ["x", "y"] grid(%b: 1)
    attributes {schedule = {target = "sm_90a", matrix_unit = "wgmma", copy = "tma", warps = array<i64: 4, 1>, roles = {multiply = array<i64: 0, 4, 208>, load = array<i64: 4, 1, 24>}}} {
  %r = tile.ring : !a
  tile.role "multiply" warps [0, 4] registers 208 {
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0.0 : f32
    %t = tile.get %r : !a -> !tile.tile<64x64xbf16>
    %z = tile.splat %zero : f32 -> !m
    %p = tile.matmul %t, %t, %z {warps = array<i64: 4, 1>} : !tile.tile<64x64xbf16>, !tile.tile<64x64xbf16>, !m -> !m
    tile.release %r : !a
    %s = tile.reduce <add> %p : !m -> !tile.tile<64xf32>
    // expected-error @below {{expected vectors that each warp has whole, got one that is divided among the warps}}
    %q = tile.map elems(%p : !m) cols(%s : !tile.tile<64xf32>) -> !m {
    ^bb0(%i: index, %j: index, %e: f32, %c: f32):
      %d = arith.divf %e, %c : f32
      tile.yield %d : f32
    }
    tile.store %q, %y[%c0, %c0] axes [0, 1] : !m, memref<?x64xf32, strided<[?, 1]>>
  }
  tile.role "load" warps [4, 1] registers 24 {
    %c0 = arith.constant 0 : index
    tile.fetch %x[%c0, %c0] axes [0, 1] into %r : memref<?x64xbf16, strided<[?, 1]>>, !a
  }
}
