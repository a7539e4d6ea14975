// SPDX-License-Identifier: Apache-2.0
// The state of a causal convolution on a GPU: one block reads row 1 of the old state before it writes row 1 of the new one, which may be its place.
// RUN: xlstm-opt %s --xlstm-select-schedule=target=sm_90a --convert-xlstm-to-tile | FileCheck %s

// CHECK-LABEL: tile.kernel @conv_state(
// CHECK-SAME: names ["x", "state", "state.next"] grid(%[[B:.*]]: dim(0, 0), %{{.*}}: 1, %[[D:.*]]: 1)
// CHECK: tile.load %arg0
// CHECK: tile.load %arg1
// CHECK: %[[R0:.*]] = arith.constant 0 : index
// CHECK: tile.store %{{.*}}, %arg2[%[[B]], %[[R0]], %{{.*}}] axes [1, 2] : <1x40xf32>
// CHECK: tile.load %arg1
// CHECK: %[[R1:.*]] = arith.constant 1 : index
// CHECK: tile.store %{{.*}}, %arg2[%[[B]], %[[R1]], %{{.*}}]
// CHECK: tile.load %arg1
// CHECK: tile.store
// CHECK-NOT: tile.
func.func @conv(%x: tensor<?x?x40xf32> {xlstm.name = "x"}, %w: tensor<40x4xf32> {xlstm.name = "w"}, %s: tensor<?x3x40xf32> {xlstm.name = "state", xlstm.optional})
    -> (tensor<?x?x40xf32> {xlstm.name = "y"}, tensor<?x3x40xf32> {xlstm.name = "state"}) {
  %y, %last = xlstm.causal_conv1d %x, %w state(%s : tensor<?x3x40xf32>) : tensor<?x?x40xf32>, tensor<40x4xf32> -> tensor<?x3x40xf32>
  return %y, %last : tensor<?x?x40xf32>, tensor<?x3x40xf32>
}
