// SPDX-License-Identifier: Apache-2.0
// Block-diagonal projections for a GPU: along the diagonal's blocks, and along the outputs of one.
// RUN: xlstm-opt %s --xlstm-select-schedule=target=sm_90a --convert-xlstm-to-tile -split-input-file | FileCheck %s

// Both tensors have an axis of blocks in views of their memory, also where that is a view itself.
// CHECK: module attributes {tile.workspace = [
// CHECK-SAME: name = "w0", of = "x", type = tensor<?x?x64xbf16>
// CHECK-SAME: name = "w1", of = "x", type = tensor<?x?x32x2xbf16>
// CHECK-SAME: name = "w2", of = "y", type = tensor<?x?x32x2xbf16>
// CHECK-LABEL: tile.kernel @small(
// CHECK-SAME: names ["w1", "w", "w2"] grid(%[[B:.*]]: dim(0, 0), %[[T:.*]]: dim(0, 1), %{{.*}}: 1)
// Each input of 32 blocks is read once.
// CHECK-COUNT-2: tile.load %arg0[%[[B]], %[[T]], %{{.*}}] axes [2] : {{.*}} -> <32xf32>
// CHECK-NOT: tile.load %arg0
// CHECK: tile.load %arg1[%{{.*}}, %{{.*}}, %{{.*}}] axes [0] : {{.*}} -> <32xf32>
// CHECK: tile.map
// CHECK: tile.store %{{.*}}, %arg2[%[[B]], %[[T]], %{{.*}}] axes [2]
// CHECK: tile.store
// CHECK-NOT: tile.store
func.func @small(%x: tensor<?x?x1x64xbf16> {xlstm.name = "x"}, %w: tensor<32x2x2xbf16> {xlstm.name = "w"}) -> (tensor<?x?x64xbf16> {xlstm.name = "y"}) {
  %r = xlstm.reshape %x : tensor<?x?x1x64xbf16> -> tensor<?x?x64xbf16>
  %y = xlstm.block_linear %r, %w : tensor<?x?x64xbf16>, tensor<32x2x2xbf16> -> tensor<?x?x64xbf16>
  return %y : tensor<?x?x64xbf16>
}

// -----

// CHECK-LABEL: tile.kernel @large(
// CHECK-SAME: names ["w0", "w", "w1"] grid(%[[B:.*]]: dim(0, 0), %[[N:.*]]: 2, %[[O:.*]]: 1)
// CHECK: scf.for
// CHECK-COUNT-8: tile.load_scalar %arg0[%[[B]], %[[N]], %{{.*}}]
// CHECK-NOT: tile.load_scalar
// CHECK: tile.store %{{.*}}, %arg2[%[[B]], %[[N]], %{{.*}}] axes [2]
func.func @large(%x: tensor<?x80xbf16> {xlstm.name = "x"}, %w: tensor<2x24x40xbf16> {xlstm.name = "w"}) -> (tensor<?x48xbf16> {xlstm.name = "y"}) {
  %y = xlstm.block_linear %x, %w : tensor<?x80xbf16>, tensor<2x24x40xbf16> -> tensor<?x48xbf16>
  return %y : tensor<?x48xbf16>
}
