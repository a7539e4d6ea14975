// SPDX-License-Identifier: Apache-2.0
// The layers are read, printed, read again, and the same through the generic form.
// RUN: xlstm-opt %s | FileCheck %s
// RUN: xlstm-opt %s | xlstm-opt | FileCheck %s
// RUN: xlstm-opt %s --mlir-print-op-generic | xlstm-opt | FileCheck %s

// CHECK-LABEL: func.func @embedding
func.func @embedding(%table: tensor<50x8xbf16>, %tokens: tensor<?x?xi32>) -> tensor<?x?x8xbf16> {
  // CHECK: xlstm.embedding %arg0[%arg1] : tensor<50x8xbf16>, tensor<?x?xi32> -> tensor<?x?x8xbf16>
  %0 = xlstm.embedding %table[%tokens] : tensor<50x8xbf16>, tensor<?x?xi32> -> tensor<?x?x8xbf16>
  return %0 : tensor<?x?x8xbf16>
}

// CHECK-LABEL: func.func @conv
func.func @conv(%x: tensor<?x?x8xf32>, %w: tensor<8x4xbf16>, %b: tensor<8xf16>, %s: tensor<?x3x8xf32>)
    -> (tensor<?x?x8xf32>, tensor<?x3x8xf32>) {
  // CHECK: %conv, %conv_last = xlstm.causal_conv1d %arg0, %arg1 bias(%arg2 : tensor<8xf16>) state(%arg3 : tensor<?x3x8xf32>) : tensor<?x?x8xf32>, tensor<8x4xbf16> -> tensor<?x3x8xf32>
  %0, %1 = xlstm.causal_conv1d %x, %w bias(%b : tensor<8xf16>) state(%s : tensor<?x3x8xf32>)
      : tensor<?x?x8xf32>, tensor<8x4xbf16> -> tensor<?x3x8xf32>
  // CHECK: xlstm.causal_conv1d %conv, %arg1 {my.note} : tensor<?x?x8xf32>, tensor<8x4xbf16> -> tensor<?x3x8xf32>
  %2, %3 = xlstm.causal_conv1d %0, %w {my.note} : tensor<?x?x8xf32>, tensor<8x4xbf16> -> tensor<?x3x8xf32>
  return %2, %3 : tensor<?x?x8xf32>, tensor<?x3x8xf32>
}

// CHECK-LABEL: func.func @conv_epilogue
func.func @conv_epilogue(%x: tensor<?x?x8xbf16>, %w: tensor<8x4xbf16>) -> tensor<?x?x8xf32> {
  // CHECK: xlstm.causal_conv1d %arg0, %arg1 {my.note} epilogue {
  // CHECK-NEXT: ^bb0(%sum: f32):
  // CHECK: } : tensor<?x?x8xbf16>, tensor<8x4xbf16> -> tensor<?x?x8xf32>, tensor<?x3x8xbf16>
  %0, %1 = xlstm.causal_conv1d %x, %w {my.note} epilogue {
  ^bb0(%sum: f32):
    %2 = math.tanh %sum : f32
    xlstm.yield outputs(%2 : f32)
  } : tensor<?x?x8xbf16>, tensor<8x4xbf16> -> tensor<?x?x8xf32>, tensor<?x3x8xbf16>
  return %0 : tensor<?x?x8xf32>
}

// CHECK-LABEL: func.func @block_linear
func.func @block_linear(%x: tensor<?x?x8xf32>, %w: tensor<2x3x4xf32>) -> tensor<?x?x8xf32> {
  // CHECK: xlstm.block_linear %arg0, %arg1 : tensor<?x?x8xf32>, tensor<2x3x4xf32> -> tensor<?x?x6xbf16>
  %0 = xlstm.block_linear %x, %w : tensor<?x?x8xf32>, tensor<2x3x4xf32> -> tensor<?x?x6xbf16>
  // CHECK: xlstm.block_linear transposed %0, %arg1 : tensor<?x?x6xbf16>, tensor<2x3x4xf32> -> tensor<?x?x8xf32>
  %1 = xlstm.block_linear transposed %0, %w : tensor<?x?x6xbf16>, tensor<2x3x4xf32> -> tensor<?x?x8xf32>
  return %1 : tensor<?x?x8xf32>
}

// CHECK-LABEL: func.func @cross_entropy
func.func @cross_entropy(%x: tensor<?x?x8xbf16>, %t: tensor<?x?xi32>) -> tensor<1xf32> {
  // CHECK: xlstm.cross_entropy %arg0, %arg1 : tensor<?x?x8xbf16>, tensor<?x?xi32> -> tensor<1xf32>
  %0 = xlstm.cross_entropy %x, %t : tensor<?x?x8xbf16>, tensor<?x?xi32> -> tensor<1xf32>
  return %0 : tensor<1xf32>
}

// Activations of a model whose parameters and states are of 16 bits.
// CHECK-LABEL: func.func @wide_activations
func.func @wide_activations(%table: tensor<5x8xbf16>, %tokens: tensor<?x?xi32>, %w: tensor<8x4xbf16>, %s: tensor<?x3x8xbf16>)
    -> (tensor<?x?x8xf32>, tensor<?x3x8xbf16>) {
  // CHECK: xlstm.embedding %arg0[%arg1] : tensor<5x8xbf16>, tensor<?x?xi32> -> tensor<?x?x8xf32>
  %x = xlstm.embedding %table[%tokens] : tensor<5x8xbf16>, tensor<?x?xi32> -> tensor<?x?x8xf32>
  // CHECK: xlstm.causal_conv1d {{.*}} state(%arg3 : tensor<?x3x8xbf16>) : tensor<?x?x8xf32>, tensor<8x4xbf16> -> tensor<?x3x8xbf16>
  %y, %last = xlstm.causal_conv1d %x, %w state(%s : tensor<?x3x8xbf16>) : tensor<?x?x8xf32>, tensor<8x4xbf16> -> tensor<?x3x8xbf16>
  return %y, %last : tensor<?x?x8xf32>, tensor<?x3x8xbf16>
}
