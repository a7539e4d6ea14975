// SPDX-License-Identifier: Apache-2.0
// f64 inputs are computed in f64; head sizes that fill no slice, and the grid that follows from dv and dv_slice.
// RUN: xlstm-opt %s --convert-xlstm-to-tile | FileCheck %s

// CHECK-LABEL: tile.kernel @f64(
// CHECK-SAME: memref<?x?x3x5xf64, strided<[?, ?, ?, 1]>>
// CHECK-SAME: grid(%{{.*}}: dim(0, 0), %{{.*}}: 3, %{{.*}}: 2)
// CHECK-NOT: f32
// A slice of 4 columns twice; the tile of q and k has the 6 columns of dqk_tile, the last one is padding.
// CHECK: scf.for {{.*}} step %c3
// CHECK: tile.load {{.*}} -> <3x6xf64>
// CHECK: tile.load {{.*}} -> <3x6xf64>
// CHECK: tile.load {{.*}} -> <3x4xf64>
// The scale is that of dqk = 5, not of its tile.
// CHECK-LABEL: tile.kernel @scale(
// CHECK: arith.constant 0.44721359549995{{[0-9]+}} : f64
func.func @f64(%q: tensor<?x?x3x5xf64> {xlstm.name = "q"}, %v: tensor<?x?x3x7xf64> {xlstm.name = "v"}, %g: tensor<?x?x3xf64> {xlstm.name = "g"}) -> (tensor<?x?x3x7xf64> {xlstm.name = "h"}) {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %v gates(%g, %g) {xlstm.schedule = {target = "cpu", chunk = 3 : i64, dv_slice = 4 : i64, dqk_tile = 6 : i64}}
      : tensor<?x?x3x5xf64>, tensor<?x?x3x7xf64>
  return %h : tensor<?x?x3x7xf64>
}
func.func @scale(%q: tensor<?x?x3x5xf64> {xlstm.name = "q"}, %v: tensor<?x?x3x7xf64> {xlstm.name = "v"}, %g: tensor<?x?x3xf64> {xlstm.name = "g"}) -> (tensor<?x?x3x7xf64> {xlstm.name = "h"}) {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %v gates(%g, %g) {xlstm.schedule = {target = "cpu", chunk = 3 : i64, dv_slice = 4 : i64, dqk_tile = 6 : i64}}
      : tensor<?x?x3x5xf64>, tensor<?x?x3x7xf64>
  return %h : tensor<?x?x3x7xf64>
}
