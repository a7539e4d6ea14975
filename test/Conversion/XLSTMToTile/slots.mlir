// SPDX-License-Identifier: Apache-2.0
// States whose rows `slots` name: a kernel loads the row of its entry of the batch once, and is over the batch, not over the rows.
// RUN: xlstm-opt %s --split-input-file --xlstm-select-schedule=target=cpu --convert-xlstm-to-tile | FileCheck %s

// CHECK-LABEL: tile.kernel @step(
// CHECK-SAME: %[[SLOTS:[^:]*]]: memref<?xi32, strided<[1]>>
// CHECK-SAME: grid(%[[B:[^ :]*]]: dim(0, 0)
// CHECK-COUNT-1: %[[SLOT:[^ ]*]] = tile.load_scalar %[[SLOTS]][%[[B]]]
// CHECK: %[[ROW:[^ ]*]] = arith.select %{{.*}}, %[[SLOT]], %[[B]]
// CHECK-NOT: tile.load_scalar %[[SLOTS]]
// CHECK: tile.load %{{.*}}[%[[ROW]], {{.*}}] axes [2, 3]
// CHECK-NOT: tile.load_scalar %[[SLOTS]]
// CHECK: tile.store %{{.*}}, %{{.*}}[%[[ROW]], {{.*}}] axes [2, 3]
// CHECK: tile.store %{{.*}}, %{{.*}}[%[[B]], {{.*}}] axes [1, 2]
func.func @step(%q: tensor<?x2x4xf32> {xlstm.name = "q", xlstm.dims = ["B"]}, %v: tensor<?x2x8xf32> {xlstm.name = "v", xlstm.dims = ["B"]},
                %g: tensor<?x2xf32> {xlstm.name = "g", xlstm.dims = ["B"]}, %c: tensor<?x2x4x8xf32> {xlstm.name = "c", xlstm.dims = ["R"], xlstm.optional},
                %slots: tensor<?xi32> {xlstm.name = "slots", xlstm.dims = ["B"], xlstm.optional})
    -> (tensor<?x2x8xf32> {xlstm.name = "h", xlstm.dims = ["B"]}, tensor<?x2x4x8xf32> {xlstm.name = "c", xlstm.dims = ["R"]}) {
  %h, %c_last = xlstm.mlstm %q, %q, %v gates(%g, %g) state(%c) {form = step, input_gate = sigmoid, normalize = false} : tensor<?x2x4xf32>, tensor<?x2x8xf32>
  return %h, %c_last : tensor<?x2x8xf32>, tensor<?x2x4x8xf32>
}

// -----

// The kernel of the last rows is over the batch, which x has.
// CHECK-LABEL: tile.kernel @conv(
// CHECK-LABEL: tile.kernel @conv_state(
// CHECK-SAME: names ["x", "slots", "s", "s.next"]
// CHECK-SAME: grid(%[[B:[^ :]*]]: dim(0, 0)
// CHECK: %[[ROW:[^ ]*]] = arith.select
// CHECK: tile.load %{{.*}}[%[[B]],
// CHECK: tile.load %{{.*}}[%[[ROW]],
// CHECK: tile.store %{{.*}}, %{{.*}}[%[[ROW]],
func.func @conv(%x: tensor<?x1x8xf32> {xlstm.name = "x", xlstm.dims = ["B"]}, %w: tensor<8x4xf32> {xlstm.name = "w"},
                %s: tensor<?x3x8xf32> {xlstm.name = "s", xlstm.dims = ["R"], xlstm.optional}, %slots: tensor<?xi32> {xlstm.name = "slots", xlstm.dims = ["B"], xlstm.optional})
    -> (tensor<?x1x8xf32> {xlstm.name = "y", xlstm.dims = ["B"]}, tensor<?x3x8xf32> {xlstm.name = "s", xlstm.dims = ["R"]}) {
  %y, %last = xlstm.causal_conv1d %x, %w state(%s : tensor<?x3x8xf32>) : tensor<?x1x8xf32>, tensor<8x4xf32> -> tensor<?x3x8xf32>
  return %y, %last : tensor<?x1x8xf32>, tensor<?x3x8xf32>
}
