// SPDX-License-Identifier: Apache-2.0
// RUN: xlstm-opt %s --canonicalize | FileCheck %s

// Initial states that are all zero are those of a cell without any.
// CHECK-LABEL: func.func @zero_states
func.func @zero_states(%q: tensor<2x?x1x4xf32>, %g: tensor<2x?x1xf32>) -> tensor<2x?x1x4xf32> {
  // CHECK-NOT: arith.constant
  // CHECK: xlstm.mlstm %arg0, %arg0, %arg0 gates(%arg1, %arg1) : tensor
  %c0 = arith.constant dense<0.0> : tensor<2x1x4x4xf32>
  %n0 = arith.constant dense<-0.0> : tensor<2x1x4xf32>
  %m0 = arith.constant dense<0.0> : tensor<2x1xf32>
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) state(%c0, %n0, %m0) : tensor<2x?x1x4xf32>, tensor<2x?x1x4xf32>
  return %h : tensor<2x?x1x4xf32>
}

// CHECK-LABEL: func.func @zero_state_of_sigmoid
func.func @zero_state_of_sigmoid(%q: tensor<2x?x1x4xf32>, %g: tensor<2x?x1xf32>) -> tensor<2x?x1x4xf32> {
  // CHECK: gates(%arg1, %arg1) {input_gate = sigmoid, normalize = false} : tensor
  %c0 = arith.constant dense<0.0> : tensor<2x1x4x4xf32>
  %h, %c = xlstm.mlstm %q, %q, %q gates(%g, %g) state(%c0) {input_gate = sigmoid, normalize = false}
      : tensor<2x?x1x4xf32>, tensor<2x?x1x4xf32>
  return %h : tensor<2x?x1x4xf32>
}

// m = 1 is not what an absent m is, although C and n are zero: m decides how much eps weighs, and m_last.
// CHECK-LABEL: func.func @m_is_not_zero
func.func @m_is_not_zero(%q: tensor<2x?x1x4xf32>, %g: tensor<2x?x1xf32>) -> tensor<2x?x1x4xf32> {
  // CHECK: state(
  %c0 = arith.constant dense<0.0> : tensor<2x1x4x4xf32>
  %n0 = arith.constant dense<0.0> : tensor<2x1x4xf32>
  %m0 = arith.constant dense<1.0> : tensor<2x1xf32>
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) state(%c0, %n0, %m0) : tensor<2x?x1x4xf32>, tensor<2x?x1x4xf32>
  return %h : tensor<2x?x1x4xf32>
}

// CHECK-LABEL: func.func @unknown_state
func.func @unknown_state(%q: tensor<2x?x1x4xf32>, %g: tensor<2x?x1xf32>, %c0: tensor<2x1x4x4xf32>)
    -> tensor<2x?x1x4xf32> {
  // CHECK: state(%arg2, %
  %n0 = arith.constant dense<0.0> : tensor<2x1x4xf32>
  %m0 = arith.constant dense<0.0> : tensor<2x1xf32>
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) state(%c0, %n0, %m0) : tensor<2x?x1x4xf32>, tensor<2x?x1x4xf32>
  return %h : tensor<2x?x1x4xf32>
}

// A reset that is never true resets nothing. The operands around it keep their places.
// CHECK-LABEL: func.func @no_reset
func.func @no_reset(%q: tensor<1x3x1x4xf32>, %g: tensor<1x3x1xf32>, %s: tensor<3xi32>) -> tensor<1x3x1x4xf32> {
  // CHECK-NOT: arith.constant
  // CHECK: gates(%arg1, %arg1) cu_seqlens(%arg2 : tensor<3xi32>) : tensor
  %r = arith.constant dense<false> : tensor<1x3xi1>
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) cu_seqlens(%s : tensor<3xi32>) reset(%r : tensor<1x3xi1>)
      : tensor<1x3x1x4xf32>, tensor<1x3x1x4xf32>
  return %h : tensor<1x3x1x4xf32>
}

// CHECK-LABEL: func.func @some_reset
func.func @some_reset(%q: tensor<1x3x1x4xf32>, %g: tensor<1x3x1xf32>) -> tensor<1x3x1x4xf32> {
  // CHECK: reset(
  %r = arith.constant dense<[[0, 1, 0]]> : tensor<1x3xi8>
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) reset(%r : tensor<1x3xi8>)
      : tensor<1x3x1x4xf32>, tensor<1x3x1x4xf32>
  return %h : tensor<1x3x1x4xf32>
}

// The op is pure: without uses it goes.
// CHECK-LABEL: func.func @unused
func.func @unused(%q: tensor<1x3x1x4xf32>, %g: tensor<1x3x1xf32>) {
  // CHECK-NEXT: return
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) : tensor<1x3x1x4xf32>, tensor<1x3x1x4xf32>
  return
}
