// SPDX-License-Identifier: Apache-2.0
// The gradient of a loss with respect to the parameters, and what keeps a function from having one. Values are checked in
// test/Models/gradients.test.
// RUN: xlstm-opt %s --xlstm-derive-backward=function=loss --canonicalize --cse -split-input-file -verify-diagnostics | FileCheck %s

// The table is read twice: as the embedding and as the head.
// CHECK-LABEL: func.func @loss_grad(
// CHECK-SAME: %[[TOKENS:.*]]: tensor<?x?xi32>, %[[TARGETS:.*]]: tensor<?x?xi32>, %[[TABLE:.*]]: tensor<9x6xf32> {xlstm.name = "e", xlstm.parameter}, %[[B:.*]]: tensor<6xf32>
// CHECK-SAME: -> (tensor<1xf32>, tensor<9x6xf32> {xlstm.name = "grad.e"}, tensor<6xf32> {xlstm.name = "grad.b"})
// CHECK: %[[ONE:.*]] = arith.constant dense<1.000000e+00> : tensor<1xf32>
// CHECK: %[[X:.*]] = xlstm.embedding
// CHECK: %[[Y:.*]] = xlstm.map %[[X]], %[[B]]
// CHECK: %[[DL:.*]] = xlstm.cross_entropy_backward %{{.*}}, %[[TARGETS]], %[[ONE]]
// CHECK: xlstm.weight_grad
// CHECK: %[[DY:.*]] = xlstm.linear {{.*}}%[[DL]]
// CHECK: %[[DX:.*]]:2 = xlstm.map %[[X]], %[[B]], %[[DY]]
// CHECK: %[[DB:.*]] = xlstm.leading_sum %[[DX]]#1 : tensor<?x?x6xf32> -> tensor<6xf32>
// CHECK: %[[DE:.*]] = xlstm.embedding_backward %[[TOKENS]], %[[DX]]#0
// CHECK: %[[SUM:.*]] = xlstm.map
// CHECK: return %{{.*}}, %[[SUM]], %[[DB]]
func.func @loss(%tokens: tensor<?x?xi32>, %targets: tensor<?x?xi32>, %e: tensor<9x6xf32> {xlstm.name = "e", xlstm.parameter},
                %b: tensor<6xf32> {xlstm.name = "b", xlstm.parameter}) -> tensor<1xf32> {
  %x = xlstm.embedding %e[%tokens] : tensor<9x6xf32>, tensor<?x?xi32> -> tensor<?x?x6xf32>
  %y = xlstm.map %x, %b : tensor<?x?x6xf32>, tensor<6xf32> -> tensor<?x?x6xf32> {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.mulf %0, %1 : f32
    xlstm.yield outputs(%2 : f32)
  }
  %l = xlstm.linear %y weights(%e : tensor<9x6xf32>) : tensor<?x?x6xf32> -> tensor<?x?x9xf32>
  %loss = xlstm.cross_entropy %l, %targets : tensor<?x?x9xf32>, tensor<?x?xi32> -> tensor<1xf32>
  return %loss : tensor<1xf32>
}

// -----

// expected-error @below {{expected a function of parameters to give one number, the loss}}
func.func @loss(%w: tensor<6xf32> {xlstm.parameter}) -> tensor<6xf32> {
  return %w : tensor<6xf32>
}

// -----

func.func @loss(%w: tensor<2x3x3xf32> {xlstm.parameter}, %x: tensor<?x?x6xf32>, %t: tensor<?x?xi32>) -> tensor<1xf32> {
  // expected-error @below {{expected a projection that is not transposed: others have no derivative}}
  %y = xlstm.block_linear transposed %x, %w : tensor<?x?x6xf32>, tensor<2x3x3xf32> -> tensor<?x?x6xf32>
  %loss = xlstm.cross_entropy %y, %t : tensor<?x?x6xf32>, tensor<?x?xi32> -> tensor<1xf32>
  return %loss : tensor<1xf32>
}

// -----

func.func @loss(%w: tensor<6x4xf32> {xlstm.parameter}, %x: tensor<?x?x6xf32>, %s: tensor<?x3x6xf32>, %t: tensor<?x?xi32>) -> tensor<1xf32> {
  // expected-error @below {{expected a convolution from no state, and no gradient of its last one}}
  %y, %last = xlstm.causal_conv1d %x, %w state(%s : tensor<?x3x6xf32>) : tensor<?x?x6xf32>, tensor<6x4xf32> -> tensor<?x3x6xf32>
  %loss = xlstm.cross_entropy %y, %t : tensor<?x?x6xf32>, tensor<?x?xi32> -> tensor<1xf32>
  return %loss : tensor<1xf32>
}
