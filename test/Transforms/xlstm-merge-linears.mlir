// SPDX-License-Identifier: Apache-2.0
// Products of the same x become one. Values are checked in test/Models, where every compiled model is merged.
// RUN: xlstm-opt %s --xlstm-merge-linears -split-input-file -verify-diagnostics | FileCheck %s

// The third has other columns than the first two, the fourth is one weight too many.
// CHECK-LABEL: func.func @plain
// CHECK: %[[QK:.*]]:2 = xlstm.linear %arg0 weights(%arg1, %arg2 : tensor<4x8xf32>, tensor<4x8xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>, tensor<?x4xf32>
// CHECK: %[[V:.*]] = xlstm.linear %arg0 weights(%arg3 : tensor<6x8xf32>)
// CHECK: %[[R:.*]] = xlstm.linear %arg0 weights(%arg1 : tensor<4x8xf32>)
// CHECK: return %[[QK]]#0, %[[QK]]#1, %[[V]], %[[R]]
func.func @plain(%x: tensor<?x8xf32>, %q: tensor<4x8xf32>, %k: tensor<4x8xf32>, %v: tensor<6x8xf32>)
    -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x6xf32>, tensor<?x4xf32>) {
  %a = xlstm.linear %x weights(%q : tensor<4x8xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>
  // expected-remark @+1 {{is not merged with the last product of the same x: they have 4 and 6 columns}}
  %b = xlstm.linear %x weights(%v : tensor<6x8xf32>) : tensor<?x8xf32> -> tensor<?x6xf32>
  %c = xlstm.linear %x weights(%k : tensor<4x8xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>
  // expected-remark @+1 {{is not merged with the last product of the same x: they have 6 and 4 columns}}
  %d = xlstm.linear %x weights(%q : tensor<4x8xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>
  return %a, %c, %b, %d : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x6xf32>, tensor<?x4xf32>
}

// -----

// Epilogues stand one after the other; a product without one yields its sums.
// CHECK-LABEL: func.func @epilogues
// CHECK: %[[G:.*]]:2 = xlstm.linear %arg0 weights(%arg1, %arg1 : tensor<4x8xf32>, tensor<4x8xf32>) cols(%arg2 : tensor<4xf32>) epilogue {
// CHECK: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32, %[[C:.*]]: f32):
// CHECK: %[[S:.*]] = arith.addf %[[B]], %[[C]]
// CHECK: xlstm.yield outputs(%[[A]], %[[S]] : f32, f32)
// CHECK: return %[[G]]#0, %[[G]]#1
func.func @epilogues(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>, %b: tensor<4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %i = xlstm.linear %x weights(%w : tensor<4x8xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>
  %f = xlstm.linear %x weights(%w : tensor<4x8xf32>) cols(%b : tensor<4xf32>) epilogue {
  ^bb0(%acc: f32, %col: f32):
    %0 = arith.addf %acc, %col : f32
    xlstm.yield outputs(%0 : f32)
  } : tensor<?x8xf32> -> tensor<?x4xf32>
  return %i, %f : tensor<?x4xf32>, tensor<?x4xf32>
}

// -----

// An output gate that waits for the cell; a prologue.
// CHECK-LABEL: func.func @apart
// CHECK-COUNT-3: xlstm.linear
func.func @apart(%x: tensor<?x8xf32>, %w: tensor<8x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
  %v = xlstm.linear %x weights(%w : tensor<8x8xf32>) : tensor<?x8xf32> -> tensor<?x8xf32>
  %h = xlstm.map %v : tensor<?x8xf32> -> tensor<?x8xf32> {
  ^bb0(%a: f32):
    %0 = math.tanh %a : f32
    xlstm.yield outputs(%0 : f32)
  }
  // expected-remark @+1 {{is not merged with the last product of the same x: it reads what is computed in between}}
  %o = xlstm.linear %x weights(%w : tensor<8x8xf32>) elems(%h : tensor<?x8xf32>) epilogue {
  ^bb0(%acc: f32, %e: f32):
    %0 = arith.mulf %acc, %e : f32
    xlstm.yield outputs(%0 : f32)
  } : tensor<?x8xf32> -> tensor<?x8xf32>
  // expected-remark @+1 {{is not merged with the last product of the same x: one of them has a prologue or transposed weights}}
  %p = xlstm.linear %x weights(%w : tensor<8x8xf32>) prologue {
  ^bb0(%e: f32):
    %0 = math.tanh %e : f32
    xlstm.yield outputs(%0 : f32)
  } : tensor<?x8xf32> -> tensor<?x8xf32>
  return %v, %o, %p : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// CHECK-LABEL: func.func @three_weights
func.func @three_weights(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) {
  // CHECK: xlstm.linear %arg0 weights(%arg1, %arg1
  // CHECK: xlstm.linear %arg0 weights(%arg1 : tensor<4x8xf32>)
  %a = xlstm.linear %x weights(%w : tensor<4x8xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>
  %b = xlstm.linear %x weights(%w : tensor<4x8xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>
  // expected-remark @+1 {{is not merged with the last product of the same x: expected at most 2 weights, got 3}}
  %c = xlstm.linear %x weights(%w : tensor<4x8xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>
  return %a, %b, %c : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
}

// -----

// CHECK-LABEL: func.func @norm
func.func @norm(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  // CHECK-COUNT-2: xlstm.linear
  %a = xlstm.linear %x weights(%w : tensor<4x8xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>
  // expected-remark @+1 {{is not merged with the last product of the same x: one of them has a norm}}
  %b = xlstm.linear %x norm(rms eps 0.0) weights(%w : tensor<4x8xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>
  return %a, %b : tensor<?x4xf32>, tensor<?x4xf32>
}
