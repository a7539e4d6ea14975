// SPDX-License-Identifier: Apache-2.0
// RUN: xlstm-opt %s --xlstm-widen-activations -split-input-file -verify-diagnostics | FileCheck %s --check-prefixes=CHECK,UNITS
// RUN: xlstm-opt %s --xlstm-widen-activations=operands=true -split-input-file | FileCheck %s --check-prefixes=CHECK,ALL

// A block and what follows it: the stream, from the embedding on, is f32; products' operands stay, or not.
// CHECK-LABEL: func.func @block
// expected-remark @below {{block: 2 activations are f32; of 16 bits stay 3 products' operands}}
func.func @block(%tokens: tensor<?x?xi32>, %table: tensor<5x8xbf16>, %up: tensor<16x8xbf16>, %down: tensor<8x16xbf16>)
    -> tensor<?x?x16xf32> {
  // CHECK: %[[X:.*]] = xlstm.embedding %arg1[%arg0] : tensor<5x8xbf16>, tensor<?x?xi32> -> tensor<?x?x8xf32>
  %x = xlstm.embedding %table[%tokens] : tensor<5x8xbf16>, tensor<?x?xi32> -> tensor<?x?x8xbf16>
  // UNITS: %[[U:.*]] = xlstm.norm rms %[[X]] eps 1.250000e-01 : tensor<?x?x8xf32> -> tensor<?x?x8xbf16>
  // ALL: %[[U:.*]] = xlstm.norm rms %[[X]] eps 1.250000e-01 : tensor<?x?x8xf32>{{$}}
  %u = xlstm.norm rms %x eps 0.125 : tensor<?x?x8xbf16>
  // UNITS: %[[A:.*]] = xlstm.linear %[[U]] {{.*}} : tensor<?x?x8xbf16> -> tensor<?x?x16xbf16>
  // ALL: %[[A:.*]] = xlstm.linear %[[U]] weights(%arg2 : tensor<16x8xbf16>) : tensor<?x?x8xf32> -> tensor<?x?x16xf32>
  %a = xlstm.linear %u weights(%up : tensor<16x8xbf16>) : tensor<?x?x8xbf16> -> tensor<?x?x16xbf16>
  // UNITS: %[[Y:.*]] = xlstm.linear %[[A]] {{.*}} elems(%[[X]] : tensor<?x?x8xf32>)
  // UNITS: : tensor<?x?x16xbf16> -> tensor<?x?x8xf32>
  // ALL: : tensor<?x?x16xf32> -> tensor<?x?x8xf32>
  %y = xlstm.linear %a weights(%down : tensor<8x16xbf16>) elems(%x : tensor<?x?x8xbf16>) epilogue {
  ^bb0(%acc: f32, %r: f32):
    %sum = arith.addf %acc, %r : f32
    xlstm.yield outputs(%sum : f32)
  } : tensor<?x?x16xbf16> -> tensor<?x?x8xbf16>
  // UNITS: xlstm.norm rms {{.*}} : tensor<?x?x8xf32> -> tensor<?x?x8xbf16>
  %z = xlstm.norm rms %y eps 0.125 : tensor<?x?x8xbf16>
  %logits = xlstm.linear %z weights(%up : tensor<16x8xbf16>) : tensor<?x?x8xbf16> -> tensor<?x?x16xf32>
  return %logits : tensor<?x?x16xf32>
}

// -----

// States keep the function's type; what stands between two states of a convolution does not.
// CHECK-LABEL: func.func @convolution
// expected-remark @below {{convolution: 4 activations are f32; of 16 bits stay 2 results}}
func.func @convolution(%x: tensor<?x?x8xf16>, %w: tensor<8x4xf16>, %s: tensor<?x3x8xf16>, %q: tensor<2x4x4xf16>)
    -> (tensor<?x?x8xf16>, tensor<?x3x8xf16>) {
  // CHECK: xlstm.norm layer %arg0 {{.*}} : tensor<?x?x8xf16> -> tensor<?x?x8xf32>
  %u = xlstm.norm layer %x eps 0.125 : tensor<?x?x8xf16>
  // CHECK: xlstm.causal_conv1d {{.*}} state(%arg2 : tensor<?x3x8xf16>) : tensor<?x?x8xf32>, tensor<8x4xf16> -> tensor<?x3x8xf16>
  %c, %last = xlstm.causal_conv1d %u, %w state(%s : tensor<?x3x8xf16>) : tensor<?x?x8xf16>, tensor<8x4xf16> -> tensor<?x3x8xf16>
  // CHECK: xlstm.map {{.*}} : tensor<?x?x8xf32> -> tensor<?x?x8xf32>
  %a = xlstm.map %c : tensor<?x?x8xf16> -> tensor<?x?x8xf16> {
  ^bb0(%0: f32):
    %1 = xlstm.sigmoid %0 : f32
    %2 = arith.mulf %0, %1 : f32
    xlstm.yield outputs(%2 : f32)
  }
  // CHECK: xlstm.block_linear {{.*}} : tensor<?x?x8xf32>, tensor<2x4x4xf16> -> tensor<?x?x8xf32>
  %y = xlstm.block_linear %a, %q : tensor<?x?x8xf16>, tensor<2x4x4xf16> -> tensor<?x?x8xf16>
  // CHECK: xlstm.map {{.*}} : tensor<?x?x8xf16>, tensor<?x?x8xf32> -> tensor<?x?x8xf16>
  %z = xlstm.map %x, %y : tensor<?x?x8xf16>, tensor<?x?x8xf16> -> tensor<?x?x8xf16> {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.addf %0, %1 : f32
    xlstm.yield outputs(%2 : f32)
  }
  return %z, %last : tensor<?x?x8xf16>, tensor<?x3x8xf16>
}

// -----

// q, k and v have one type: that of the product that reads k. h has its own.
// CHECK-LABEL: func.func @cell
// expected-remark @below {{cell: 1 activations are f32; of 16 bits stay 1 products' operands}}
func.func @cell(%a: tensor<?x8xbf16>, %w: tensor<2x4x4xbf16>, %g: tensor<2x8xbf16>,
                %c: tensor<?x2x4x4xf32>, %n: tensor<?x2x4xf32>, %m: tensor<?x2xf32>) -> tensor<?x2x4xf32> {
  // UNITS: xlstm.block_linear {{.*}} -> tensor<?x8xbf16>
  // ALL: xlstm.block_linear {{.*}} -> tensor<?x8xf32>
  %k = xlstm.block_linear %a, %w : tensor<?x8xbf16>, tensor<2x4x4xbf16> -> tensor<?x8xbf16>
  %i = xlstm.linear %k weights(%g : tensor<2x8xbf16>) : tensor<?x8xbf16> -> tensor<?x2xf32>
  %heads = xlstm.reshape %k : tensor<?x8xbf16> -> tensor<?x2x4xbf16>
  // UNITS: xlstm.mlstm {{.*}} -> (tensor<?x2x4xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>)
  // ALL: xlstm.mlstm {{.*}} : tensor<?x2x4xf32>, tensor<?x2x4xf32>
  %h:4 = xlstm.mlstm %heads, %heads, %heads gates(%i, %i) state(%c, %n, %m) {form = step} : tensor<?x2x4xbf16>, tensor<?x2x4xbf16>
  %y = xlstm.map %h#0 : tensor<?x2x4xbf16> -> tensor<?x2x4xf32> {
  ^bb0(%0: f32):
    xlstm.yield outputs(%0 : f32)
  }
  return %y : tensor<?x2x4xf32>
}

// -----

// Nothing to widen: no remark.
// CHECK-LABEL: func.func @exact
func.func @exact(%x: tensor<?x8xf64>) -> tensor<?x8xf64> {
  // CHECK: xlstm.norm rms %arg0 eps 1.250000e-01 : tensor<?x8xf64>{{$}}
  %y = xlstm.norm rms %x eps 0.125 : tensor<?x8xf64>
  return %y : tensor<?x8xf64>
}

// -----

// What a gradient reads keeps its type.
// CHECK-LABEL: func.func @trained
func.func @trained(%x: tensor<?x8xbf16>, %w: tensor<4x8xbf16>) -> tensor<4x8xf32> {
  // CHECK: xlstm.norm rms {{.*}} : tensor<?x8xbf16>{{$}}
  %u = xlstm.norm rms %x eps 0.125 : tensor<?x8xbf16>
  %y = xlstm.linear %u weights(%w : tensor<4x8xbf16>) : tensor<?x8xbf16> -> tensor<?x4xbf16>
  // CHECK: xlstm.weight_grad {{.*}} : tensor<?x4xbf16>, tensor<?x8xbf16> -> tensor<4x8xf32>
  %dw = xlstm.weight_grad %y, %u : tensor<?x4xbf16>, tensor<?x8xbf16> -> tensor<4x8xf32>
  return %dw : tensor<4x8xf32>
}
