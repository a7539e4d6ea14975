// SPDX-License-Identifier: Apache-2.0
// RUN: xlstm-opt %s --xlstm-fuse-norm-linear=max-products=2 -split-input-file -verify-diagnostics | FileCheck %s
// RUN: xlstm-opt %s --xlstm-fuse-norm-linear="unsupported=because" -split-input-file 2>&1 | FileCheck %s --check-prefix=NONE

// NONE: remark: stays a kernel of its own before a product: because
// Two products, one of them with an epilogue of its own.
// CHECK-LABEL: func.func @two
// CHECK-NOT: xlstm.norm
// CHECK: xlstm.linear %arg0 norm(rms eps 1.250000e-01) x_cols(%arg1 : tensor<8xf32>) weights(%arg2 : tensor<4x8xbf16>) attributes {my.note} prologue {
// CHECK-NEXT: ^bb0(%x: f32, %col: f32):
// CHECK-NEXT:   %[[P:.*]] = arith.mulf %x, %col : f32
// CHECK-NEXT:   xlstm.yield outputs(%[[P]] : f32)
// CHECK-NEXT: } : tensor<?x?x8xbf16> -> tensor<?x?x4xbf16>
// CHECK: xlstm.linear %arg0 norm(rms eps 1.250000e-01) x_cols(%arg1 : tensor<8xf32>) weights(%arg2 : tensor<4x8xbf16>) elems(%{{.*}} : tensor<?x?x4xbf16>) prologue {
// CHECK: } epilogue {
// CHECK-NEXT: ^bb0(%acc: f32, %elem: f32):
// CHECK: } : tensor<?x?x8xbf16> -> tensor<?x?x4xf32>
// NONE-LABEL: func.func @two
// NONE: xlstm.norm
func.func @two(%x: tensor<?x?x8xbf16>, %g: tensor<8xf32>, %w: tensor<4x8xbf16>) -> tensor<?x?x4xf32> {
  %n = xlstm.norm rms %x weight(%g : tensor<8xf32>) eps 0.125 : tensor<?x?x8xbf16>
  %a = xlstm.linear %n weights(%w : tensor<4x8xbf16>) attributes {my.note} : tensor<?x?x8xbf16> -> tensor<?x?x4xbf16>
  %y = xlstm.linear %n weights(%w : tensor<4x8xbf16>) elems(%a : tensor<?x?x4xbf16>) epilogue {
  ^bb0(%acc: f32, %e: f32):
    %0 = arith.addf %acc, %e : f32
    xlstm.yield outputs(%0 : f32)
  } : tensor<?x?x8xbf16> -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

// Without a weight there is no prologue.
// CHECK-LABEL: func.func @layer
// CHECK: xlstm.linear transposed %arg0 norm(layer eps 0.000000e+00) weights(%arg1 : tensor<8x4xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>
func.func @layer(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>) -> tensor<?x4xf32> {
  %n = xlstm.norm layer %x eps 0.0 : tensor<?x8xf32>
  %y = xlstm.linear transposed %n weights(%w : tensor<8x4xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// CHECK-LABEL: func.func @other_user
// CHECK: xlstm.norm
func.func @other_user(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) -> (tensor<?x8xf32>, tensor<?x4xf32>) {
  // expected-remark @below {{stays a kernel of its own before a product: its result has another user}}
  %n = xlstm.norm rms %x eps 0.0 : tensor<?x8xf32>
  %y = xlstm.linear %n weights(%w : tensor<4x8xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>
  return %n, %y : tensor<?x8xf32>, tensor<?x4xf32>
}

// -----

// The residual of a product is the same norm.
// CHECK-LABEL: func.func @residual
// CHECK: xlstm.norm
func.func @residual(%x: tensor<?x8xf32>, %w: tensor<8x8xf32>) -> tensor<?x8xf32> {
  // expected-remark @below {{stays a kernel of its own before a product: its result has another user}}
  %n = xlstm.norm rms %x eps 0.0 : tensor<?x8xf32>
  %y = xlstm.linear %n weights(%w : tensor<8x8xf32>) elems(%n : tensor<?x8xf32>) epilogue {
  ^bb0(%acc: f32, %e: f32):
    %0 = arith.addf %acc, %e : f32
    xlstm.yield outputs(%0 : f32)
  } : tensor<?x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// CHECK-LABEL: func.func @prologue
// CHECK: xlstm.norm
func.func @prologue(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) -> tensor<?x4xf32> {
  // expected-remark @below {{stays a kernel of its own before a product: a product has a prologue or a norm already}}
  %n = xlstm.norm rms %x eps 0.0 : tensor<?x8xf32>
  %y = xlstm.linear %n weights(%w : tensor<4x8xf32>) prologue {
  ^bb0(%e: f32):
    %0 = math.tanh %e : f32
    xlstm.yield outputs(%0 : f32)
  } : tensor<?x8xf32> -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// CHECK-LABEL: func.func @three
// CHECK: xlstm.norm
func.func @three(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) {
  // expected-remark @below {{stays a kernel of its own before a product: expected at most 2 products, got 3}}
  %n = xlstm.norm rms %x eps 0.0 : tensor<?x8xf32>
  %a = xlstm.linear %n weights(%w : tensor<4x8xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>
  %b = xlstm.linear %n weights(%w : tensor<4x8xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>
  %c = xlstm.linear %n weights(%w : tensor<4x8xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>
  return %a, %b, %c : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
}

// -----

// A norm that no product reads is none of this pass.
// CHECK-LABEL: func.func @alone
// CHECK: xlstm.norm
func.func @alone(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %n = xlstm.norm rms %x eps 0.0 : tensor<?x8xf32>
  return %n : tensor<?x8xf32>
}
