// SPDX-License-Identifier: Apache-2.0
// The ops of the role level are read, printed, read again, and the same through the generic form and bytecode.
// RUN: xlstm-opt %s | FileCheck %s
// RUN: xlstm-opt %s | xlstm-opt | FileCheck %s
// RUN: xlstm-opt %s --mlir-print-op-generic | xlstm-opt | FileCheck %s
// RUN: xlstm-opt %s --emit-bytecode | xlstm-opt | FileCheck %s

// Two roles: one copies tiles, the other sums their rows and hands the sums and the last of them to a third.
// CHECK-LABEL: tile.kernel @sums
tile.kernel @sums(%x: memref<?x64xbf16, strided<[?, 1]>>, %y: memref<?xf32, strided<[?]>>) names ["x", "y"] grid(%b: 1) {
  // CHECK: %[[TILES:.*]] = tile.ring : <2 : !tile.tile<64x64xbf16>>
  %tiles = tile.ring : !tile.ring<2 : !tile.tile<64x64xbf16>>
  // CHECK: %[[SUMS:.*]] = tile.ring : <4 : !tile.tile<64xf32>, f32>
  %sums = tile.ring : !tile.ring<4 : !tile.tile<64xf32>, f32>
  // CHECK: tile.role "sum" warps[0, 4] registers 208 {
  tile.role "sum" warps [0, 4] registers 208 {
    %c0 = arith.constant 0 : index
    %c64 = arith.constant 64 : index
    %c256 = arith.constant 256 : index
    scf.for %i = %c0 to %c256 step %c64 {
      // CHECK: %[[T:.*]] = tile.get %[[TILES]] : <2 : !tile.tile<64x64xbf16>> -> !tile.tile<64x64xbf16>
      %t = tile.get %tiles : !tile.ring<2 : !tile.tile<64x64xbf16>> -> !tile.tile<64x64xbf16>
      %f = tile.map elems(%t : !tile.tile<64x64xbf16>) -> !tile.tile<64x64xf32> {
      ^bb0(%r: index, %c: index, %e: bf16):
        %w = arith.extf %e : bf16 to f32
        tile.yield %w : f32
      }
      // CHECK: tile.release %[[TILES]] : <2 : !tile.tile<64x64xbf16>>
      tile.release %tiles : !tile.ring<2 : !tile.tile<64x64xbf16>>
      %s = tile.reduce <add> %f : !tile.tile<64x64xf32> -> !tile.tile<64xf32>
      %last = tile.extract %s[63] : !tile.tile<64xf32> -> f32
      // CHECK: tile.put %{{.*}}, %{{.*}} into %[[SUMS]] : !tile.tile<64xf32>, f32 into <4 : !tile.tile<64xf32>, f32>
      tile.put %s, %last into %sums : !tile.tile<64xf32>, f32 into !tile.ring<4 : !tile.tile<64xf32>, f32>
    }
  }
  // CHECK: tile.role "write" warps[4, 1] registers 24 {
  tile.role "write" warps [4, 1] registers 24 {
    %c0 = arith.constant 0 : index
    %c64 = arith.constant 64 : index
    %c256 = arith.constant 256 : index
    scf.for %i = %c0 to %c256 step %c64 {
      // CHECK: %{{.*}}:2 = tile.get %[[SUMS]] : <4 : !tile.tile<64xf32>, f32> -> !tile.tile<64xf32>, f32
      %s:2 = tile.get %sums : !tile.ring<4 : !tile.tile<64xf32>, f32> -> !tile.tile<64xf32>, f32
      tile.store %s#0, %y[%i] axes [0] : !tile.tile<64xf32>, memref<?xf32, strided<[?]>>
      tile.release %sums : !tile.ring<4 : !tile.tile<64xf32>, f32>
    }
  }
  // CHECK: tile.role "load" warps[5, 1] registers 24 {
  tile.role "load" warps [5, 1] registers 24 {
    %c0 = arith.constant 0 : index
    %c64 = arith.constant 64 : index
    %c256 = arith.constant 256 : index
    scf.for %i = %c0 to %c256 step %c64 {
      // CHECK: tile.fetch %arg0[%{{.*}}, %{{.*}}] axes [0, 1] into %[[TILES]] : memref<?x64xbf16, strided<[?, 1]>>, <2 : !tile.tile<64x64xbf16>>
      tile.fetch %x[%i, %c0] axes [0, 1] into %tiles : memref<?x64xbf16, strided<[?, 1]>>, !tile.ring<2 : !tile.tile<64x64xbf16>>
    }
  }
}
