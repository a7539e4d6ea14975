// SPDX-License-Identifier: Apache-2.0
// One case for every message of the gradients of layers.
// RUN: xlstm-opt %s -split-input-file -verify-diagnostics

// leading_sum_c1
func.func @sum(%x: tensor<?x?x6xf32>) {
  // expected-error @below {{'xlstm.leading_sum' op expected a result with the last axes of [?, ?, 6]xf32, static, and its element type, got [5]xf32}}
  %0 = xlstm.leading_sum %x : tensor<?x?x6xf32> -> tensor<5xf32>
  return
}

// -----

// block_linear_weight_c1
func.func @weight_static(%x: tensor<?x?x6xf32>) {
  // expected-error @below {{'xlstm.block_linear_weight' op expected N to be static and at least 1, got a dynamic extent}}
  %0 = xlstm.block_linear_weight %x, %x : tensor<?x?x6xf32>, tensor<?x?x6xf32> -> tensor<?x3x3xf32>
  return
}

// -----

// block_linear_weight_c2
func.func @weight_x(%x: tensor<?x?x6xf32>) {
  // expected-error @below {{'xlstm.block_linear_weight' op expected x to be [.., N I] = [?, ?, 8]xf32, got [?, ?, 6]xf32}}
  %0 = xlstm.block_linear_weight %x, %x : tensor<?x?x6xf32>, tensor<?x?x6xf32> -> tensor<2x3x4xf32>
  return
}

// -----

// block_linear_weight_c2
func.func @weight_dy(%x: tensor<?x?x6xf32>) {
  // expected-error @below {{'xlstm.block_linear_weight' op expected dy to be [.., N O] = [?, ?, 8]xf32, got [?, ?, 6]xf32}}
  %0 = xlstm.block_linear_weight %x, %x : tensor<?x?x6xf32>, tensor<?x?x6xf32> -> tensor<2x4x3xf32>
  return
}

// -----

// block_linear_weight_c3
func.func @weight_width(%x: tensor<?x?x6xf32>) {
  // expected-error @below {{'xlstm.block_linear_weight' op expected all tensors to be f64, or none, got x of 'f32' and the result of 'f64'}}
  %0 = xlstm.block_linear_weight %x, %x : tensor<?x?x6xf32>, tensor<?x?x6xf32> -> tensor<2x3x3xf64>
  return
}

// -----

// causal_conv1d_backward_c1
func.func @conv_kernel(%x: tensor<?x?x6xf32>, %w: tensor<6x?xf32>) {
  // expected-error @below {{'xlstm.causal_conv1d_backward' op expected K to be static and at least 1, got a dynamic extent}}
  %0, %1 = xlstm.causal_conv1d_backward %x, %w, %x : tensor<?x?x6xf32>, tensor<6x?xf32> -> tensor<6x4xf32>
  return
}

// -----

// causal_conv1d_backward_c1
func.func @conv_channels(%x: tensor<?x?x6xf32>, %w: tensor<4x4xf32>) {
  // expected-error @below {{'xlstm.causal_conv1d_backward' op expected x with the 4 channels of the weight, got [?, ?, 6]xf32}}
  %0, %1 = xlstm.causal_conv1d_backward %x, %w, %x : tensor<?x?x6xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
  return
}

// -----

// causal_conv1d_backward_c2
func.func @conv_weight(%x: tensor<?x?x6xf32>, %w: tensor<6x4xf32>) {
  // expected-error @below {{'xlstm.causal_conv1d_backward' op expected dweight to be [C, K] = [6, 4]xf32, got [6, 3]xf32}}
  %0, %1 = xlstm.causal_conv1d_backward %x, %w, %x : tensor<?x?x6xf32>, tensor<6x4xf32> -> tensor<6x3xf32>
  return
}

// -----

// embedding_backward_c1
func.func @embedding_static(%t: tensor<?xi32>, %x: tensor<?x6xf32>) {
  // expected-error @below {{'xlstm.embedding_backward' op expected V to be static and at least 1, got a dynamic extent}}
  %0 = xlstm.embedding_backward %t, %x : tensor<?xi32>, tensor<?x6xf32> -> tensor<?x6xf32>
  return
}

// -----

// embedding_backward_c1
func.func @embedding_type(%t: tensor<?xi32>, %x: tensor<?x6xbf16>) {
  // expected-error @below {{'xlstm.embedding_backward' op expected a result of the accumulation type 'f32', got 'f64'}}
  %0 = xlstm.embedding_backward %t, %x : tensor<?xi32>, tensor<?x6xbf16> -> tensor<9x6xf64>
  return
}

// -----

// embedding_backward_c2
func.func @embedding_rows(%t: tensor<?xi32>, %x: tensor<?x6xf32>) {
  // expected-error @below {{'xlstm.embedding_backward' op expected dx to be [.., D] = [?, 5]xf32, got [?, 6]xf32}}
  %0 = xlstm.embedding_backward %t, %x : tensor<?xi32>, tensor<?x6xf32> -> tensor<9x5xf32>
  return
}

// -----

// cross_entropy_backward_c1
func.func @loss_classes(%x: tensor<?x?x?xf32>, %t: tensor<?x?xi32>, %l: tensor<1xf32>) {
  // expected-error @below {{'xlstm.cross_entropy_backward' op expected V to be static and at least 1, got a dynamic extent}}
  %0 = xlstm.cross_entropy_backward %x, %t, %l : tensor<?x?x?xf32>, tensor<?x?xi32>, tensor<1xf32>
  return
}

// -----

// cross_entropy_backward_c1
func.func @loss_targets(%x: tensor<2x?x6xf32>, %t: tensor<3x?xi32>, %l: tensor<1xf32>) {
  // expected-error @below {{'xlstm.cross_entropy_backward' op expected targets to be [B, T] = [2, ?]xi32, got [3, ?]xi32}}
  %0 = xlstm.cross_entropy_backward %x, %t, %l : tensor<2x?x6xf32>, tensor<3x?xi32>, tensor<1xf32>
  return
}

// -----

// cross_entropy_backward_c2
func.func @loss_gradient(%x: tensor<?x?x6xbf16>, %t: tensor<?x?xi32>, %l: tensor<2xf32>) {
  // expected-error @below {{'xlstm.cross_entropy_backward' op expected dloss to be [1] = [1]xf32, got [2]xf32}}
  %0 = xlstm.cross_entropy_backward %x, %t, %l : tensor<?x?x6xbf16>, tensor<?x?xi32>, tensor<2xf32>
  return
}
