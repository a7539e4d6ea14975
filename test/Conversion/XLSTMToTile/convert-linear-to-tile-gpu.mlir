// SPDX-License-Identifier: Apache-2.0
// xlstm.linear before, tile programs for GPUs after.
// RUN: xlstm-opt %s --xlstm-select-schedule=target=sm_90a --convert-xlstm-to-tile --tile-split-roles | FileCheck %s
// RUN: xlstm-opt %s --xlstm-select-schedule=target=sm_80 --convert-xlstm-to-tile --tile-split-roles | FileCheck %s --check-prefix=SM80

// Leading axes are one. Two roles go through the same tiles; --tile-split-roles leaves them alone.
// CHECK-LABEL: tile.kernel @gated(
// CHECK-SAME: memref<?x4096xbf16, strided<[?, 1]>>{{.*}}memref<?xf32, strided<[?]>>
// CHECK-SAME: names ["x", "gate", "up", "s", "y"] grid(%[[BLOCK:[^ :]*]]: 132)
// CHECK-SAME: merged_axes = array<i64: 2, 1, 1, 2, 2>
// CHECK-COUNT-3: tile.ring : <4 : !tile.tile<128x64xbf16>>
// CHECK: tile.role "multiply" warps[0, 8] registers 232 {
// CHECK: scf.for %[[NUMBER:.*]] = %[[BLOCK]] to
// CHECK: %[[SUMS:.*]]:2 = scf.for
// CHECK-COUNT-3: tile.get
// CHECK: tile.matmul {{.*}} {warps = array<i64: 8, 1>} : <128x64xbf16>, <64x128xbf16>, <128x128xf32>
// CHECK: tile.matmul
// CHECK-COUNT-3: tile.release
// CHECK: %[[S:.*]] = tile.load {{.*}} axes [0] {{.*}} -> <128xf32>
// CHECK: %[[Y:.*]] = tile.map elems(%[[SUMS]]#0, %[[SUMS]]#1 : {{.*}}) rows(%[[S]] : !tile.tile<128xf32>)
// CHECK: tile.store %[[Y]], {{.*}} axes [0, 1] : <128x128xf32>, memref<?x10944xbf16
// CHECK: tile.role "load" warps[8, 1] registers 40 {
// CHECK: scf.for %{{.*}} = %[[BLOCK]] to
// CHECK: scf.for
// CHECK-COUNT-3: tile.fetch
// CHECK-NOT: tile.store

// Without roles, all warps copy ahead of the products.
// SM80-LABEL: tile.kernel @gated(
// SM80: scf.for
// SM80: scf.for
// SM80-COUNT-3: tile.load {{.*}} {stages = 3 : i64}
// SM80-COUNT-2: tile.matmul {{.*}} {warps = array<i64: 4, 2>}
// SM80: tile.store
func.func @gated(%x: tensor<?x?x4096xbf16> {xlstm.name = "x"}, %gate: tensor<10944x4096xbf16> {xlstm.name = "gate"},
    %up: tensor<10944x4096xbf16> {xlstm.name = "up"}, %s: tensor<?x?xf32> {xlstm.name = "s"}) -> (tensor<?x?x10944xbf16> {xlstm.name = "y"}) {
  %y = xlstm.linear %x weights(%gate, %up : tensor<10944x4096xbf16>, tensor<10944x4096xbf16>) rows(%s : tensor<?x?xf32>) epilogue {
  ^bb0(%g: f32, %u: f32, %r: f32):
    %0 = arith.mulf %g, %u : f32
    %1 = arith.mulf %0, %r : f32
    xlstm.yield outputs(%1 : f32)
  } : tensor<?x?x4096xbf16> -> tensor<?x?x10944xbf16>
  return %y : tensor<?x?x10944xbf16>
}
