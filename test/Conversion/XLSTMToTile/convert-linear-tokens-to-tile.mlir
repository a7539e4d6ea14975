// SPDX-License-Identifier: Apache-2.0
// Products of the one token of each sequence: batch and time are one axis; a tile of the weight is loaded once for all rows of a
// block, each of which is a product of a matrix and a vector, as where it is alone.
// RUN: xlstm-opt %s --xlstm-select-schedule=set=gemm_columns=16,gemm_depth=16 --convert-xlstm-to-tile | FileCheck %s

// CHECK-LABEL: tile.kernel @tokens(
// CHECK-SAME: %[[X:[^:]*]]: memref<?x40xf32, strided<[?, 1]>>
// CHECK-SAME: grid(%[[B:[^ :]*]]: dim(0, 0) ceildiv 8, %{{[^ :]*}}: 2)
// CHECK-SAME: merged_axes = array<i64: 2, 1, 2>
// CHECK: scf.if
// CHECK: scf.for
// CHECK-COUNT-8: tile.load %[[X]][{{.*}}] axes [1] : {{.*}} -> <16xf32>
// CHECK: tile.load {{.*}} -> <16x16xf32>
// CHECK-COUNT-8: tile.matvec
// CHECK-NOT: tile.matvec
// CHECK: scf.yield
// CHECK-COUNT-8: tile.store
// CHECK: scf.if
// CHECK-COUNT-4: tile.matvec
// CHECK-NOT: tile.matvec
// CHECK: scf.if
// CHECK: tile.matvec
// CHECK-NOT: tile.matvec
func.func @tokens(%x: tensor<?x1x40xf32> {xlstm.name = "x"}, %w: tensor<20x40xf32> {xlstm.name = "w"}) -> (tensor<?x1x20xf32> {xlstm.name = "y"}) {
  %y = xlstm.linear %x weights(%w : tensor<20x40xf32>) : tensor<?x1x40xf32> -> tensor<?x1x20xf32>
  return %y : tensor<?x1x20xf32>
}
