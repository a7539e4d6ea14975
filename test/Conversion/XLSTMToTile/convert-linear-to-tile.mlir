// SPDX-License-Identifier: Apache-2.0
// xlstm.linear before, tile programs after.
// RUN: xlstm-opt %s --xlstm-select-schedule=set=gemm_rows=8,gemm_columns=16,gemm_depth=16 --convert-xlstm-to-tile | FileCheck %s

// A block takes eight rows of one batch entry and 16 columns; it has a program for more rows than one, and one for one row.
// CHECK-LABEL: tile.kernel @gated(
// CHECK-SAME: names ["x", "gate", "up", "s", "b", "y"]
// CHECK-SAME: grid(%[[B:[^ :]*]]: dim(0, 0), %[[T:[^ :]*]]: dim(0, 1) ceildiv 8, %[[N:[^ :]*]]: 2)
// CHECK: %[[ROW:.*]] = arith.muli %[[T]], %
// CHECK: %[[COLUMN:.*]] = arith.muli %[[N]], %
// CHECK: scf.if
// CHECK: %[[SUMS:.*]]:2 = scf.for %[[K:.*]] = {{.*}} iter_args(%[[SUM0:[^ ]*]] = {{.*}}, %[[SUM1:[^ ]*]] =
// CHECK: %[[X:.*]] = tile.load {{.*}}[%[[B]], %[[ROW]], %[[K]]] axes [1, 2] : {{.*}} -> <8x16xf32>
// CHECK-NEXT: %[[W0:.*]] = tile.load {{.*}}[%[[COLUMN]], %[[K]]] axes [0, 1] : {{.*}} -> <16x16xf32>
// CHECK-NEXT: %[[W1:.*]] = tile.load {{.*}}[%[[COLUMN]], %[[K]]] axes [0, 1] : {{.*}} -> <16x16xf32>
// CHECK-NEXT: %[[T0:.*]] = tile.transpose %[[W0]]
// CHECK-NEXT: %[[NEXT0:.*]] = tile.matmul %[[X]], %[[T0]], %[[SUM0]]
// CHECK-NEXT: %[[T1:.*]] = tile.transpose %[[W1]]
// CHECK-NEXT: %[[NEXT1:.*]] = tile.matmul %[[X]], %[[T1]], %[[SUM1]]
// CHECK-NEXT: scf.yield %[[NEXT0]], %[[NEXT1]]
// CHECK: %[[S:.*]] = tile.load {{.*}}[%[[B]], %[[ROW]]] axes [1] : {{.*}} -> <8xf32>
// CHECK-NEXT: %[[BIAS:.*]] = tile.load {{.*}}[%[[COLUMN]]] axes [0] : {{.*}} -> <16xf32>
// CHECK-NEXT: %[[Y:.*]] = tile.map elems(%[[SUMS]]#0, %[[SUMS]]#1 : {{.*}}) rows(%[[S]] : {{.*}}) cols(%[[BIAS]] : {{.*}}) -> !tile.tile<8x16xf32>
// CHECK: tile.store %[[Y]], {{.*}}[%[[B]], %[[ROW]], %[[COLUMN]]] axes [1, 2] : <8x16xf32>, memref<?x?x20xbf16
// One row: matrices of weights times a vector; its value of `rows` is a scalar.
// CHECK: scf.if
// CHECK: scf.for
// CHECK-COUNT-2: tile.matvec {{.*}} : <16x16xf32>, <16xf32>, <16xf32> -> <16xf32>
// CHECK: %[[ONE:.*]] = tile.load_scalar {{.*}}[%[[B]], %[[ROW]]]
// CHECK: tile.map elems({{.*}} : !tile.tile<16xf32>, !tile.tile<16xf32>, !tile.tile<16xf32>) -> !tile.tile<16xf32>
// CHECK: arith.mulf %{{.*}}, %[[ONE]]
func.func @gated(%x: tensor<?x?x40xbf16> {xlstm.name = "x"}, %gate: tensor<20x40xbf16> {xlstm.name = "gate"}, %up: tensor<20x40xbf16> {xlstm.name = "up"},
    %s: tensor<?x?xf32> {xlstm.name = "s"}, %b: tensor<20xf32> {xlstm.name = "b"}) -> (tensor<?x?x20xbf16> {xlstm.name = "y"}) {
  %y = xlstm.linear %x weights(%gate, %up : tensor<20x40xbf16>, tensor<20x40xbf16>) rows(%s : tensor<?x?xf32>) cols(%b : tensor<20xf32>) epilogue {
  ^bb0(%g: f32, %u: f32, %r: f32, %c: f32):
    %0 = arith.mulf %g, %u : f32
    %1 = arith.mulf %0, %r : f32
    %2 = arith.addf %1, %c : f32
    xlstm.yield outputs(%2 : f32)
  } : tensor<?x?x40xbf16> -> tensor<?x?x20xbf16>
  return %y : tensor<?x?x20xbf16>
}

// The prologue is zero beyond K, whatever it is of zeros, and x' is rounded to the type of x.
// CHECK-LABEL: tile.kernel @exponential(
// CHECK: tile.map elems(%{{.*}} : !tile.tile<8x16xf32>) -> !tile.tile<8x16xf32>
// CHECK: math.exp
// CHECK: arith.cmpi slt
// CHECK: arith.select
// CHECK-NEXT: arith.truncf {{.*}} to bf16
// CHECK-NEXT: arith.extf
func.func @exponential(%x: tensor<?x40xbf16>, %w: tensor<20x40xbf16>) -> tensor<?x20xf32> {
  %y = xlstm.linear %x weights(%w : tensor<20x40xbf16>) prologue {
  ^bb0(%v: f32):
    %0 = math.exp %v : f32
    xlstm.yield outputs(%0 : f32)
  } : tensor<?x40xbf16> -> tensor<?x20xf32>
  return %y : tensor<?x20xf32>
}
