// SPDX-License-Identifier: Apache-2.0
// Groups of blocks that run at the same time: the example of tile.group_arrive; and of tile.wait_launches.
// RUN: xlstm-opt %s | xlstm-opt | FileCheck %s

// CHECK-LABEL: tile.kernel @norm
// CHECK-SAME: grid(%[[PART:[^ :]*]]: 4)
// CHECK: tile.matvec
// CHECK: tile.group_arrive
// CHECK: scf.if
// CHECK-NEXT: tile.group_wait
// CHECK: tile.store
tile.kernel @norm(%x: memref<1x64xf32, strided<[?, 1]>>, %y: memref<4xf32, strided<[1]>>) names ["x", "y"] grid(%part: 4) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %none = tile.splat %zero : f32 -> !tile.tile<1xf32>
  %row = tile.load %x[%c0, %c0] axes [0, 1] : memref<1x64xf32, strided<[?, 1]>> -> !tile.tile<1x64xf32>
  %vector = tile.load %x[%c0, %c0] axes [1] : memref<1x64xf32, strided<[?, 1]>> -> !tile.tile<64xf32>
  %dot = tile.matvec %row, %vector, %none : !tile.tile<1x64xf32>, !tile.tile<64xf32>, !tile.tile<1xf32> -> !tile.tile<1xf32>
  %square = tile.extract %dot[0] : !tile.tile<1xf32> -> f32
  tile.group_arrive
  tile.store_scalar %square, %y[%part] : f32, memref<4xf32, strided<[1]>>
  %first = arith.cmpi eq, %part, %c0 : index
  scf.if %first {
    tile.group_wait
    %scaled = tile.map elems(%vector : !tile.tile<64xf32>) -> !tile.tile<64xf32> {
    ^bb0(%i: index, %e: f32):
      %s = arith.divf %e, %square : f32
      tile.yield %s : f32
    }
    tile.store %scaled, %x[%c0, %c0] axes [1] : !tile.tile<64xf32>, memref<1x64xf32, strided<[?, 1]>>
  }
}

// CHECK-LABEL: tile.kernel @scale
// CHECK: tile.load
// CHECK-NEXT: tile.wait_launches
// CHECK-NEXT: tile.load
tile.kernel @scale(%x: memref<?x64xf32, strided<[?, 1]>>, %w: memref<64xf32, strided<[1]>>) names ["x", "w"] grid(%row: dim(0, 0))
    attributes {schedule = {overlaps, spread = array<i64: 1, 32, 1>, target = "sm_90a", threads = 32 : i64}} {
  %c0 = arith.constant 0 : index
  %factors = tile.load %w[%c0] axes [0] : memref<64xf32, strided<[1]>> -> !tile.tile<64xf32>
  tile.wait_launches
  %scaled = tile.load %x[%row, %c0] axes [1] : memref<?x64xf32, strided<[?, 1]>> -> !tile.tile<64xf32>
  tile.return
}
