// SPDX-License-Identifier: Apache-2.0
// RUN: xlstm-opt %s -split-input-file --tile-split-roles -verify-diagnostics

// expected-error @below {{expected one loop to split into roles}}
tile.kernel @no_loop(%x: memref<?xf32, strided<[?]>>) names ["x"] grid(%b: 1) attributes {schedule = {roles = {}}} {
}

// -----

tile.kernel @nested(%x: memref<?xf32, strided<[?]>>) names ["x"] grid(%b: 1) attributes {schedule = {roles = {}}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %c1 step %c1 {
    // expected-error @below {{expected one loop, not nested, in a kernel that is split into roles}}
    scf.for %j = %c0 to %c1 step %c1 {
    }
  }
}

// -----

// expected-error @below {{expected the role "gates" to compute what it carries, got "score"}}
tile.kernel @carried(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) attributes {schedule = {roles = {}}} {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant 0.0 : f32
  %start = tile.splat %zero : f32 -> !tile.tile<64xf32>
  %sum = scf.for %i = %c0 to %c64 step %c64 iter_args(%s = %start) -> (!tile.tile<64xf32>) {
    %t = tile.load %x[%i, %c0] axes [0, 1] {stages = 2} : memref<?x64xbf16, strided<[?, 1]>> -> !tile.tile<64x64xbf16>
    %u = tile.transpose %t : !tile.tile<64x64xbf16> -> !tile.tile<64x64xbf16>
    %z = tile.splat %zero : f32 -> !tile.tile<64x64xf32>
    %p = tile.matmul %t, %u, %z {role = "score"} : !tile.tile<64x64xbf16>, !tile.tile<64x64xbf16>, !tile.tile<64x64xf32> -> !tile.tile<64x64xf32>
    %r = tile.reduce <add> %p : !tile.tile<64x64xf32> -> !tile.tile<64xf32>
    scf.yield %r : !tile.tile<64xf32>
  }
}
