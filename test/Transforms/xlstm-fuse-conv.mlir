// SPDX-License-Identifier: Apache-2.0
// RUN: xlstm-opt %s --xlstm-fuse-conv -split-input-file -verify-diagnostics | FileCheck %s

// SiLU behind a convolution from a state, whose last one stays what it is.
// CHECK-LABEL: func.func @silu
// CHECK: %conv, %conv_last = xlstm.causal_conv1d %arg0, %arg1 bias(%arg2 : tensor<8xf32>) state(%arg3 : tensor<?x3x8xbf16>) {my.note} epilogue {
// CHECK-NEXT: ^bb0(%sum: f32):
// CHECK-NEXT:   %[[S:.*]] = xlstm.sigmoid %sum : f32
// CHECK-NEXT:   %[[P:.*]] = arith.mulf %sum, %[[S]] : f32
// CHECK-NEXT:   xlstm.yield outputs(%[[P]] : f32)
// CHECK-NEXT: } : tensor<?x?x8xbf16>, tensor<8x4xbf16> -> tensor<?x3x8xbf16>
// CHECK-NEXT: return %conv, %conv_last
func.func @silu(%x: tensor<?x?x8xbf16>, %w: tensor<8x4xbf16>, %b: tensor<8xf32>, %s: tensor<?x3x8xbf16>)
    -> (tensor<?x?x8xbf16>, tensor<?x3x8xbf16>) {
  %c, %last = xlstm.causal_conv1d %x, %w bias(%b : tensor<8xf32>) state(%s : tensor<?x3x8xbf16>) {my.note} : tensor<?x?x8xbf16>, tensor<8x4xbf16> -> tensor<?x3x8xbf16>
  %y = xlstm.map %c : tensor<?x?x8xbf16> -> tensor<?x?x8xbf16> {
  ^bb0(%0: f32):
    %1 = xlstm.sigmoid %0 : f32
    %2 = arith.mulf %0, %1 : f32
    xlstm.yield outputs(%2 : f32)
  }
  return %y, %last : tensor<?x?x8xbf16>, tensor<?x3x8xbf16>
}

// -----

// A map that reads the result twice, and gives another type.
// CHECK-LABEL: func.func @square
// CHECK: epilogue {
// CHECK-NEXT: ^bb0(%sum: f32):
// CHECK-NEXT:   arith.mulf %sum, %sum : f32
// CHECK: } : tensor<?x?x8xbf16>, tensor<8x4xbf16> -> tensor<?x?x8xf32>, tensor<?x3x8xbf16>
// CHECK-NOT: xlstm.map
func.func @square(%x: tensor<?x?x8xbf16>, %w: tensor<8x4xbf16>) -> tensor<?x?x8xf32> {
  %c, %last = xlstm.causal_conv1d %x, %w : tensor<?x?x8xbf16>, tensor<8x4xbf16> -> tensor<?x3x8xbf16>
  %y = xlstm.map %c, %c : tensor<?x?x8xbf16>, tensor<?x?x8xbf16> -> tensor<?x?x8xf32> {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.mulf %0, %1 : f32
    xlstm.yield outputs(%2 : f32)
  }
  return %y : tensor<?x?x8xf32>
}

// -----

// CHECK-LABEL: func.func @other_user
// CHECK: xlstm.map
func.func @other_user(%x: tensor<?x?x8xf32>, %w: tensor<8x4xf32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xf32>) {
  %c, %last = xlstm.causal_conv1d %x, %w : tensor<?x?x8xf32>, tensor<8x4xf32> -> tensor<?x3x8xf32>
  // expected-remark @below {{stays a kernel of its own behind a convolution: the convolution's result has another user}}
  %y = xlstm.map %c : tensor<?x?x8xf32> -> tensor<?x?x8xf32> {
  ^bb0(%0: f32):
    %1 = arith.negf %0 : f32
    xlstm.yield outputs(%1 : f32)
  }
  return %c, %y : tensor<?x?x8xf32>, tensor<?x?x8xf32>
}

// -----

// CHECK-LABEL: func.func @other_input
// CHECK: xlstm.map
func.func @other_input(%x: tensor<?x?x8xf32>, %w: tensor<8x4xf32>) -> tensor<?x?x8xf32> {
  %c, %last = xlstm.causal_conv1d %x, %w : tensor<?x?x8xf32>, tensor<8x4xf32> -> tensor<?x3x8xf32>
  // expected-remark @below {{stays a kernel of its own behind a convolution: input 1 is not the convolution's result}}
  %y = xlstm.map %c, %x : tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<?x?x8xf32> {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.addf %0, %1 : f32
    xlstm.yield outputs(%2 : f32)
  }
  return %y : tensor<?x?x8xf32>
}

// -----

// CHECK-LABEL: func.func @results
// CHECK: xlstm.map
func.func @results(%x: tensor<?x?x8xf32>, %w: tensor<8x4xf32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xf32>) {
  %c, %last = xlstm.causal_conv1d %x, %w : tensor<?x?x8xf32>, tensor<8x4xf32> -> tensor<?x3x8xf32>
  // expected-remark @below {{stays a kernel of its own behind a convolution: expected one result, got 2}}
  %y:2 = xlstm.map %c : tensor<?x?x8xf32> -> tensor<?x?x8xf32>, tensor<?x?x8xf32> {
  ^bb0(%0: f32):
    %1 = arith.negf %0 : f32
    xlstm.yield outputs(%0, %1 : f32, f32)
  }
  return %y#0, %y#1 : tensor<?x?x8xf32>, tensor<?x?x8xf32>
}

// -----

// Two maps one after the other: the first becomes the epilogue. A map of the last state is none of a result.
// CHECK-LABEL: func.func @two
// CHECK: epilogue
// CHECK-COUNT-2: xlstm.map
func.func @two(%x: tensor<?x?x8xf32>, %w: tensor<8x4xf32>) -> (tensor<?x?x8xf32>, tensor<?x3x8xf32>) {
  %c, %last = xlstm.causal_conv1d %x, %w : tensor<?x?x8xf32>, tensor<8x4xf32> -> tensor<?x3x8xf32>
  %y = xlstm.map %c : tensor<?x?x8xf32> -> tensor<?x?x8xf32> {
  ^bb0(%0: f32):
    %1 = arith.negf %0 : f32
    xlstm.yield outputs(%1 : f32)
  }
  // expected-remark @below {{stays a kernel of its own behind a convolution: the convolution has an epilogue already}}
  %z = xlstm.map %y : tensor<?x?x8xf32> -> tensor<?x?x8xf32> {
  ^bb0(%0: f32):
    %1 = arith.negf %0 : f32
    xlstm.yield outputs(%1 : f32)
  }
  %l = xlstm.map %last : tensor<?x3x8xf32> -> tensor<?x3x8xf32> {
  ^bb0(%0: f32):
    %1 = arith.negf %0 : f32
    xlstm.yield outputs(%1 : f32)
  }
  return %z, %l : tensor<?x?x8xf32>, tensor<?x3x8xf32>
}
