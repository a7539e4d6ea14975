// SPDX-License-Identifier: Apache-2.0
// The gradient of xlstm.linear. That its values are right is tested in LinearBackwardTest.cpp.
// RUN: xlstm-opt %s --xlstm-derive-backward -split-input-file -verify-diagnostics | FileCheck %s

// The derivative of SiLU makes the sums anew; those of both weights leave one product.
// CHECK-LABEL: func.func @forward_backward(
// CHECK: %[[Y:.*]] = xlstm.linear %[[X:.*]] weights(%[[W:.*]], %[[V:.*]] :
// CHECK: %[[DACC:.*]]:2 = xlstm.linear %[[X]] weights(%[[W]], %[[V]] : {{.*}}) elems(%[[DY:.*]] :
// CHECK: %[[DW:.*]] = xlstm.weight_grad %[[DACC]]#0, %[[X]]
// CHECK: %[[PART:.*]] = xlstm.linear transposed %[[DACC]]#0 weights(%[[W]] : {{.*}}) : {{.*}} -> tensor<?x?x8xf32>
// CHECK: %[[DV:.*]] = xlstm.weight_grad %[[DACC]]#1, %[[X]]
// CHECK: %[[DX:.*]] = xlstm.linear transposed %[[DACC]]#1 weights(%[[V]] : {{.*}}) elems(%[[PART]] : {{.*}} epilogue {
// CHECK: } : tensor<?x?x4xbf16> -> tensor<?x?x8xbf16>
// CHECK: return %[[Y]], %[[DX]], %[[DW]], %[[DV]]
func.func @forward(%x: tensor<?x?x8xbf16> {xlstm.name = "x", xlstm.dims = ["B", "T"]}, %w: tensor<4x8xbf16> {xlstm.name = "w"},
    %v: tensor<4x8xbf16> {xlstm.name = "v"}) -> (tensor<?x?x4xbf16> {xlstm.name = "y", xlstm.dims = ["B", "T"]}) {
  %y = xlstm.linear %x weights(%w, %v : tensor<4x8xbf16>, tensor<4x8xbf16>) epilogue {
  ^bb0(%g: f32, %u: f32):
    %0 = xlstm.sigmoid %g : f32
    %1 = arith.mulf %g, %0 : f32
    %2 = arith.mulf %1, %u : f32
    xlstm.yield outputs(%2 : f32)
  } : tensor<?x?x8xbf16> -> tensor<?x?x4xbf16>
  return %y : tensor<?x?x4xbf16>
}

// -----

func.func @forward(%x: tensor<?x8xf32> {xlstm.name = "x", xlstm.dims = ["B"]}, %w: tensor<4x8xf32> {xlstm.name = "w"},
    %s: tensor<?xf32> {xlstm.name = "s", xlstm.dims = ["B"]}) -> (tensor<?x4xf32> {xlstm.name = "y", xlstm.dims = ["B"]}) {
  // expected-error @below {{'xlstm.linear' op expected no x_rows and no rows: they have no derivative}}
  %y = xlstm.linear %x weights(%w : tensor<4x8xf32>) rows(%s : tensor<?xf32>) epilogue {
  ^bb0(%a: f32, %r: f32):
    %0 = arith.mulf %a, %r : f32
    xlstm.yield outputs(%0 : f32)
  } : tensor<?x8xf32> -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

func.func @forward(%x: tensor<2x?x?x8xf32> {xlstm.name = "x", xlstm.dims = ["B", "T"]}, %w: tensor<4x8xf32> {xlstm.name = "w"},
    %c: tensor<4xf32> {xlstm.name = "c"}) -> (tensor<2x?x?x4xf32> {xlstm.name = "y", xlstm.dims = ["B", "T"]}) {
  // expected-error @below {{'xlstm.linear' op expected at most two leading axes with x_cols or cols in a function that is differentiated, got 3}}
  %y = xlstm.linear %x weights(%w : tensor<4x8xf32>) cols(%c : tensor<4xf32>) epilogue {
  ^bb0(%a: f32, %r: f32):
    %0 = arith.addf %a, %r : f32
    xlstm.yield outputs(%0 : f32)
  } : tensor<2x?x?x8xf32> -> tensor<2x?x?x4xf32>
  return %y : tensor<2x?x?x4xf32>
}
