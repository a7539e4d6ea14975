// SPDX-License-Identifier: Apache-2.0
// RUN: xlstm-opt %s --xlstm-fuse-norm -split-input-file -verify-diagnostics | FileCheck %s

// The output gate of a block: the norm's result and the gate have the heads' units in one axis.
// CHECK-LABEL: func.func @output_gate
// CHECK: %[[HEADS:.*]] = xlstm.reshape %arg2 : tensor<?x?x32xbf16> -> tensor<?x?x4x8xbf16>
// CHECK: %[[Y:.*]] = xlstm.multihead_norm layer %arg0 weight(%arg1 : tensor<4x8xf32>) elems(%[[HEADS]] : tensor<?x?x4x8xbf16>) eps 1.250000e-01 epilogue {
// CHECK-NEXT: ^bb0(%norm: f32, %elem: f32):
// CHECK-NEXT:   %[[S:.*]] = xlstm.sigmoid %elem : f32
// CHECK-NEXT:   %[[P:.*]] = arith.mulf %norm, %[[S]] : f32
// CHECK-NEXT:   xlstm.yield outputs(%[[P]] : f32)
// CHECK-NEXT: } : tensor<?x?x4x8xbf16>
// CHECK: xlstm.reshape %[[Y]] : tensor<?x?x4x8xbf16> -> tensor<?x?x32xbf16>
// CHECK-NOT: xlstm.map
func.func @output_gate(%h: tensor<?x?x4x8xbf16>, %w: tensor<4x8xf32>, %o: tensor<?x?x32xbf16>) -> tensor<?x?x32xbf16> {
  %n = xlstm.multihead_norm layer %h weight(%w : tensor<4x8xf32>) eps 0.125 : tensor<?x?x4x8xbf16>
  %joined = xlstm.reshape %n : tensor<?x?x4x8xbf16> -> tensor<?x?x32xbf16>
  %y = xlstm.map %joined, %o : tensor<?x?x32xbf16>, tensor<?x?x32xbf16> -> tensor<?x?x32xbf16> {
  ^bb0(%0: f32, %1: f32):
    %2 = xlstm.sigmoid %1 : f32
    %3 = arith.mulf %0, %2 : f32
    xlstm.yield outputs(%3 : f32)
  }
  return %y : tensor<?x?x32xbf16>
}

// -----

// CHECK-LABEL: func.func @other_user
// CHECK: xlstm.map
func.func @other_user(%h: tensor<?x?x4x8xf32>) -> (tensor<?x?x4x8xf32>, tensor<?x?x4x8xf32>) {
  %n = xlstm.multihead_norm layer %h eps 0.125 : tensor<?x?x4x8xf32>
  // expected-remark @below {{stays a kernel of its own behind a head norm: the norm's result has another user}}
  %y = xlstm.map %n : tensor<?x?x4x8xf32> -> tensor<?x?x4x8xf32> {
  ^bb0(%0: f32):
    %1 = arith.mulf %0, %0 : f32
    xlstm.yield outputs(%1 : f32)
  }
  return %n, %y : tensor<?x?x4x8xf32>, tensor<?x?x4x8xf32>
}

// -----

// CHECK-LABEL: func.func @columns
// CHECK: xlstm.map
func.func @columns(%h: tensor<?x?x4x8xf32>, %bias: tensor<8xf32>) -> tensor<?x?x4x8xf32> {
  %n = xlstm.multihead_norm layer %h eps 0.125 : tensor<?x?x4x8xf32>
  // expected-remark @below {{stays a kernel of its own behind a head norm: input 1 is not of the result's shape}}
  %y = xlstm.map %n, %bias : tensor<?x?x4x8xf32>, tensor<8xf32> -> tensor<?x?x4x8xf32> {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.addf %0, %1 : f32
    xlstm.yield outputs(%2 : f32)
  }
  return %y : tensor<?x?x4x8xf32>
}

// -----

// CHECK-LABEL: func.func @type
// CHECK: xlstm.map
func.func @type(%h: tensor<?x?x4x8xbf16>) -> tensor<?x?x4x8xf32> {
  %n = xlstm.multihead_norm layer %h eps 0.125 : tensor<?x?x4x8xbf16>
  // expected-remark @below {{stays a kernel of its own behind a head norm: its result has another type than the norm's}}
  %y = xlstm.map %n : tensor<?x?x4x8xbf16> -> tensor<?x?x4x8xf32> {
  ^bb0(%0: f32):
    xlstm.yield outputs(%0 : f32)
  }
  return %y : tensor<?x?x4x8xf32>
}

// -----

// Two maps one after the other: the first becomes the epilogue.
// CHECK-LABEL: func.func @two
// CHECK: epilogue
// CHECK: xlstm.map
func.func @two(%h: tensor<?x?x4x8xf32>) -> tensor<?x?x4x8xf32> {
  %n = xlstm.multihead_norm rms %h eps 0.125 : tensor<?x?x4x8xf32>
  %y = xlstm.map %n : tensor<?x?x4x8xf32> -> tensor<?x?x4x8xf32> {
  ^bb0(%0: f32):
    %1 = arith.negf %0 : f32
    xlstm.yield outputs(%1 : f32)
  }
  // expected-remark @below {{stays a kernel of its own behind a head norm: the norm has an epilogue already}}
  %z = xlstm.map %y : tensor<?x?x4x8xf32> -> tensor<?x?x4x8xf32> {
  ^bb0(%0: f32):
    %1 = arith.negf %0 : f32
    xlstm.yield outputs(%1 : f32)
  }
  return %z : tensor<?x?x4x8xf32>
}

// -----

// A weight that is only widened is read as it is stored.
// CHECK-LABEL: func.func @weight
// CHECK-NOT: xlstm.map
// CHECK: xlstm.norm rms %arg0 weight(%arg1 : tensor<8xbf16>)
func.func @weight(%x: tensor<?x?x8xbf16>, %w: tensor<8xbf16>) -> tensor<?x?x8xbf16> {
  %wide = xlstm.map %w : tensor<8xbf16> -> tensor<8xf32> {
  ^bb0(%0: f32):
    xlstm.yield outputs(%0 : f32)
  }
  %y = xlstm.norm rms %x weight(%wide : tensor<8xf32>) eps 0.125 : tensor<?x?x8xbf16>
  return %y : tensor<?x?x8xbf16>
}

// -----

// One that something is added to is not.
// CHECK-LABEL: func.func @residual_weight
// CHECK: %[[FACTOR:.*]] = xlstm.map %arg1
// CHECK: xlstm.norm rms %arg0 weight(%[[FACTOR]] : tensor<8xf32>)
func.func @residual_weight(%x: tensor<?x?x8xbf16>, %w: tensor<8xbf16>) -> tensor<?x?x8xbf16> {
  %factor = xlstm.map %w : tensor<8xbf16> -> tensor<8xf32> {
  ^bb0(%0: f32):
    %one = arith.constant 1.0 : f32
    %1 = arith.addf %one, %0 : f32
    xlstm.yield outputs(%1 : f32)
  }
  %y = xlstm.norm rms %x weight(%factor : tensor<8xf32>) eps 0.125 : tensor<?x?x8xbf16>
  return %y : tensor<?x?x8xbf16>
}

// -----

// Nor does another shape matter.
// CHECK-LABEL: func.func @weight_of_heads
// CHECK-NOT: xlstm.map
// CHECK: %[[HEADS:.*]] = xlstm.reshape %arg1 : tensor<32xbf16> -> tensor<4x8xbf16>
// CHECK: xlstm.multihead_norm layer %arg0 weight(%[[HEADS]] : tensor<4x8xbf16>)
func.func @weight_of_heads(%h: tensor<?x?x4x8xbf16>, %w: tensor<32xbf16>) -> tensor<?x?x4x8xbf16> {
  %wide = xlstm.map %w : tensor<32xbf16> -> tensor<32xf32> {
  ^bb0(%0: f32):
    xlstm.yield outputs(%0 : f32)
  }
  %heads = xlstm.reshape %wide : tensor<32xf32> -> tensor<4x8xf32>
  %y = xlstm.multihead_norm layer %h weight(%heads : tensor<4x8xf32>) eps 0.125 : tensor<?x?x4x8xbf16>
  return %y : tensor<?x?x4x8xbf16>
}
