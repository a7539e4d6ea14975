// SPDX-License-Identifier: Apache-2.0
// Layers of blocks before, tile programs after.
// RUN: xlstm-opt %s --xlstm-select-schedule=set=layer_rows=8 --convert-xlstm-to-tile -split-input-file | FileCheck %s

// Two reshapes are one memory: no kernel, and a view of the argument and of what is between the kernels.
// CHECK: module attributes {tile.workspace = [
// CHECK-SAME: {extents = {{.*}}, name = "w0", of = "w", type = tensor<6x4xf32>}
// CHECK-SAME: {extents = {{.*}}, name = "w1", type = tensor<?x?x6xf32>}
// CHECK-SAME: {extents = {{.*}}, name = "w2", of = "w1", type = tensor<?x?x2x3xf32>}
// The state's part of an input is what the load of x has left out.
// CHECK-LABEL: tile.kernel @views_0(
// CHECK-SAME: names ["x", "w0", "state", "w1"] grid({{.*}}: dim(0, 0), {{.*}}: dim(0, 1) ceildiv 8, {{.*}}: 1)
// CHECK-COUNT-4: tile.load %arg2{{.*}} axes [1, 2] : {{.*}} -> <8x6xf32>
// CHECK-LABEL: tile.kernel @views_0_state(
// CHECK-SAME: names ["x", "state", "state.next"] grid({{.*}}: dim(0, 0), {{.*}}: 1, {{.*}}: 1)
// CHECK-LABEL: tile.kernel @views_1(
// CHECK-SAME: names ["w2", "y"] grid({{.*}}: dim(0, 0), {{.*}}: dim(0, 1) ceildiv 8, {{.*}}: 2, {{.*}}: 1)
// CHECK: tile.load {{.*}} axes [1, 3] : {{.*}} -> <8x3xf32>
// CHECK-COUNT-2: tile.reduce <add>
// CHECK: math.sqrt
func.func @views(%x: tensor<?x?x6xf32> {xlstm.name = "x"}, %w: tensor<6x1x4xf32> {xlstm.name = "w"},
                 %s: tensor<?x3x6xf32> {xlstm.name = "state", xlstm.optional})
    -> (tensor<?x?x2x3xf32> {xlstm.name = "y"}, tensor<?x3x6xf32> {xlstm.name = "state"}) {
  %m = xlstm.reshape %w : tensor<6x1x4xf32> -> tensor<6x4xf32>
  %c, %last = xlstm.causal_conv1d %x, %m state(%s : tensor<?x3x6xf32>) : tensor<?x?x6xf32>, tensor<6x4xf32> -> tensor<?x3x6xf32>
  %h = xlstm.reshape %c : tensor<?x?x6xf32> -> tensor<?x?x2x3xf32>
  %y = xlstm.multihead_norm layer %h eps 0.0 : tensor<?x?x2x3xf32>
  return %y, %last : tensor<?x?x2x3xf32>, tensor<?x3x6xf32>
}

// -----

// A kernel serves every op like the one that it was made for.
// CHECK: module attributes {tile.launches = [{kernel = "shared_0", names = ["a", "w0"]}, {kernel = "shared_0", names = ["w0", "w1"]}, {kernel = "shared_2", names = ["w1", "w0", "y"]}]
// CHECK: tile.kernel @shared_0(
// CHECK-NOT: tile.kernel @shared_1(
// CHECK: tile.kernel @shared_2(
// CHECK-SAME: names ["w1", "w0", "y"]
func.func @shared(%a: tensor<?x?x6xf32> {xlstm.name = "a"}) -> (tensor<?x?x6xf32> {xlstm.name = "y"}) {
  %b = xlstm.norm rms %a eps 0.0 : tensor<?x?x6xf32>
  %c = xlstm.norm rms %b eps 0.0 : tensor<?x?x6xf32>
  %d = xlstm.map %c, %b : tensor<?x?x6xf32>, tensor<?x?x6xf32> -> tensor<?x?x6xf32> {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.addf %0, %1 : f32
    xlstm.yield outputs(%2 : f32)
  }
  return %d : tensor<?x?x6xf32>
}

// -----

// CHECK-LABEL: tile.kernel @tokens_0(
// CHECK: %[[T:.*]] = tile.load_scalar {{.*}} pad -1.000000e+00 : memref<?x?xi32{{.*}} -> index
// CHECK: tile.load %arg0[%[[T]], {{.*}}] axes [1]
// CHECK-LABEL: tile.kernel @tokens_1(
// CHECK: tile.map elems({{.*}}) cols({{.*}})
// CHECK: math.erf
// CHECK-LABEL: tile.kernel @tokens_2(
// CHECK: scf.for
// CHECK: tile.matmul
// CHECK-LABEL: tile.kernel @tokens_3(
// CHECK-COUNT-2: scf.for
// CHECK-LABEL: tile.kernel @tokens_4(
// CHECK-COUNT-2: scf.for
// CHECK-LABEL: tile.kernel @tokens_5(
// CHECK: memref.dim
func.func @tokens(%table: tensor<9x6xf32> {xlstm.name = "table"}, %tokens: tensor<?x?xi32> {xlstm.name = "tokens"}, %b: tensor<6xf32> {xlstm.name = "b"},
                  %w: tensor<2x3x3xf32> {xlstm.name = "w"}) -> (tensor<?x6xf32> {xlstm.name = "y"}) {
  %x = xlstm.embedding %table[%tokens] : tensor<9x6xf32>, tensor<?x?xi32> -> tensor<?x?x6xf32>
  %g = xlstm.map %x, %b : tensor<?x?x6xf32>, tensor<6xf32> -> tensor<?x?x6xf32> {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.addf %0, %1 : f32
    %3 = math.erf %2 : f32
    xlstm.yield outputs(%3 : f32)
  }
  %p = xlstm.block_linear %g, %w : tensor<?x?x6xf32>, tensor<2x3x3xf32> -> tensor<?x?x6xf32>
  %l, %r = xlstm.split %p : tensor<?x?x6xf32> -> tensor<?x?x2xf32>, tensor<?x?x4xf32>
  %c = xlstm.concat %r, %l : tensor<?x?x4xf32>, tensor<?x?x2xf32> -> tensor<?x?x6xf32>
  %y = xlstm.last_token %c : tensor<?x?x6xf32> -> tensor<?x6xf32>
  return %y : tensor<?x6xf32>
}

// -----

// The gradient of a norm's weight: sums of each entry of the first axis, then theirs.
// CHECK: module attributes {tile.workspace = [{{.*}}name = "[[PARTS:w[0-9]+]]", type = tensor<?x8xf32>}
// CHECK-LABEL: tile.kernel @norm_gradient(
// CHECK-LABEL: tile.kernel @norm_gradient_parts(
// CHECK-SAME: names ["x", "dy", "[[PARTS]]"] grid({{.*}}: dim(0, 0))
// CHECK-LABEL: tile.kernel @norm_gradient_weight(
// CHECK-SAME: names ["[[PARTS]]", "dw"] grid({{.*}}: 1)
func.func @norm_gradient(%x: tensor<?x?x8xf32> {xlstm.name = "x"}, %dy: tensor<?x?x8xf32> {xlstm.name = "dy"}, %w: tensor<8xf32> {xlstm.name = "w"})
    -> (tensor<?x?x8xf32> {xlstm.name = "dx"}, tensor<8xf32> {xlstm.name = "dw"}) {
  %dx, %dw = xlstm.norm_backward rms %x, %dy weight(%w : tensor<8xf32>) eps 1.0e-6 : tensor<?x?x8xf32>, tensor<8xf32>
  return %dx, %dw : tensor<?x?x8xf32>, tensor<8xf32>
}

// -----

// Four blocks of 4 units at a time: their matrix is zero outside of them.
// CHECK-LABEL: tile.kernel @groups(
// CHECK-SAME: memref<?x4xf32, strided<[?, 1]>>
// CHECK-SAME: blocks = 4 : i64
// CHECK: scf.for {{.*}} step %c4
// CHECK: arith.divui
// CHECK: arith.select
// CHECK: tile.matmul {{.*}} : <8x16xf32>, <16x16xf32>, <8x16xf32> -> <8x16xf32>
func.func @groups(%x: tensor<?x?x64xf32> {xlstm.name = "x"}, %w: tensor<16x4x4xf32> {xlstm.name = "w"}) -> (tensor<?x?x64xf32> {xlstm.name = "y"}) {
  %y = xlstm.block_linear %x, %w : tensor<?x?x64xf32>, tensor<16x4x4xf32> -> tensor<?x?x64xf32>
  return %y : tensor<?x?x64xf32>
}
