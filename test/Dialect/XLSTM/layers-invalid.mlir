// SPDX-License-Identifier: Apache-2.0
// One case for every message of the layers.
// RUN: xlstm-opt %s -split-input-file -verify-diagnostics

// embedding_c1
func.func @embedding_vocabulary(%table: tensor<?x8xf32>, %tokens: tensor<?xi32>) {
  // expected-error @below {{'xlstm.embedding' op expected V to be static and at least 1, got a dynamic extent}}
  %0 = xlstm.embedding %table[%tokens] : tensor<?x8xf32>, tensor<?xi32> -> tensor<?x8xf32>
  return
}

// -----

// embedding_c2
func.func @embedding_result(%table: tensor<5x8xf32>, %tokens: tensor<?x?xi32>) {
  // expected-error @below {{'xlstm.embedding' op expected the result to be [.., D] = [?, ?, 8]xf32, got [?, ?, 8]xbf16}}
  %0 = xlstm.embedding %table[%tokens] : tensor<5x8xf32>, tensor<?x?xi32> -> tensor<?x?x8xbf16>
  return
}

// -----

// causal_conv1d_c1
func.func @conv_kernel(%x: tensor<?x?x8xf32>, %w: tensor<8x?xf32>) {
  // expected-error @below {{'xlstm.causal_conv1d' op expected K to be static and at least 1, got a dynamic extent}}
  %0, %1 = xlstm.causal_conv1d %x, %w : tensor<?x?x8xf32>, tensor<8x?xf32> -> tensor<?x3x8xf32>
  return
}

// -----

// causal_conv1d_c2
func.func @conv_channels(%x: tensor<?x?x8xf32>, %w: tensor<4x4xf32>) {
  // expected-error @below {{'xlstm.causal_conv1d' op expected x with the 4 channels of the weight, got [?, ?, 8]xf32}}
  %0, %1 = xlstm.causal_conv1d %x, %w : tensor<?x?x8xf32>, tensor<4x4xf32> -> tensor<?x3x4xf32>
  return
}

// -----

// causal_conv1d_c2
func.func @conv_bias(%x: tensor<?x?x8xf32>, %w: tensor<8x4xf32>, %b: tensor<4xf32>) {
  // expected-error @below {{'xlstm.causal_conv1d' op expected bias to be [C] = [8]xf32, got [4]xf32}}
  %0, %1 = xlstm.causal_conv1d %x, %w bias(%b : tensor<4xf32>) : tensor<?x?x8xf32>, tensor<8x4xf32> -> tensor<?x3x8xf32>
  return
}

// -----

// causal_conv1d_c3
func.func @conv_state(%x: tensor<?x?x8xf32>, %w: tensor<8x4xf32>, %s: tensor<?x4x8xf32>) {
  // expected-error @below {{'xlstm.causal_conv1d' op expected state to be [B, K - 1, C] = [?, 3, 8]xf32, got [?, 4, 8]xf32}}
  %0, %1 = xlstm.causal_conv1d %x, %w state(%s : tensor<?x4x8xf32>) : tensor<?x?x8xf32>, tensor<8x4xf32> -> tensor<?x3x8xf32>
  return
}

// -----

// causal_conv1d_c3
func.func @conv_state_last(%x: tensor<?x?x8xf32>, %w: tensor<8x4xf32>, %s: tensor<?x3x8xbf16>) {
  // expected-error @below {{'xlstm.causal_conv1d' op expected the last state to be [B, K - 1, C] = [?, 3, 8]xbf16, got [?, 3, 8]xf32}}
  %0, %1 = xlstm.causal_conv1d %x, %w state(%s : tensor<?x3x8xbf16>) : tensor<?x?x8xf32>, tensor<8x4xf32> -> tensor<?x3x8xf32>
  return
}

// -----

// causal_conv1d_c4
func.func @conv_width_of_state(%x: tensor<?x?x8xf32>, %w: tensor<8x4xf32>) {
  // expected-error @below {{'xlstm.causal_conv1d' op expected all tensors to be f64, or none, got x of 'f32' and the last state of 'f64'}}
  %0, %1 = xlstm.causal_conv1d %x, %w : tensor<?x?x8xf32>, tensor<8x4xf32> -> tensor<?x3x8xf64>
  return
}

// -----

// causal_conv1d_c3
func.func @conv_result(%x: tensor<?x?x8xbf16>, %w: tensor<8x4xf32>) {
  // expected-error @below {{'xlstm.causal_conv1d' op expected y to be [B, T, C] = [?, ?, 8]xf32, got [?, ?, 4]xf32}}
  %0, %1 = xlstm.causal_conv1d %x, %w : tensor<?x?x8xbf16>, tensor<8x4xf32> -> tensor<?x?x4xf32>, tensor<?x3x8xbf16>
  return
}

// -----

// causal_conv1d_c4
func.func @conv_result_width(%x: tensor<?x?x8xf32>, %w: tensor<8x4xf32>) {
  // expected-error @below {{'xlstm.causal_conv1d' op expected all tensors to be f64, or none, got x of 'f32' and y of 'f64'}}
  %0, %1 = xlstm.causal_conv1d %x, %w : tensor<?x?x8xf32>, tensor<8x4xf32> -> tensor<?x?x8xf64>, tensor<?x3x8xf32>
  return
}

// -----

// causal_conv1d_c5
func.func @conv_epilogue_arguments(%x: tensor<?x?x8xf32>, %w: tensor<8x4xf32>) {
  // expected-error @below {{'xlstm.causal_conv1d' op expected an epilogue of 1 arguments, got 2}}
  %0, %1 = xlstm.causal_conv1d %x, %w epilogue {
  ^bb0(%a: f32, %b: f32):
    xlstm.yield outputs(%b : f32)
  } : tensor<?x?x8xf32>, tensor<8x4xf32> -> tensor<?x3x8xf32>
  return
}

// -----

// causal_conv1d_c5
func.func @conv_epilogue_type(%x: tensor<?x?x8xbf16>, %w: tensor<8x4xf32>) {
  // expected-error @below {{'xlstm.causal_conv1d' op expected argument 0 of an epilogue to have the accumulation type 'f32', got 'f64'}}
  %0, %1 = xlstm.causal_conv1d %x, %w epilogue {
  ^bb0(%a: f64):
    xlstm.yield outputs(%a : f64)
  } : tensor<?x?x8xbf16>, tensor<8x4xf32> -> tensor<?x3x8xbf16>
  return
}

// -----

// causal_conv1d_c5
func.func @conv_epilogue_yield(%x: tensor<?x?x8xf32>, %w: tensor<8x4xf32>) {
  %0, %1 = xlstm.causal_conv1d %x, %w epilogue {
  ^bb0(%a: f32):
    // expected-error @below {{'xlstm.yield' op expected 1 outputs and no states, got 2 and 0}}
    xlstm.yield outputs(%a, %a : f32, f32)
  } : tensor<?x?x8xf32>, tensor<8x4xf32> -> tensor<?x3x8xf32>
  return
}

// -----

// causal_conv1d_c5
func.func @conv_epilogue_body(%x: tensor<?x?x8xf32>, %w: tensor<8x4xf32>) {
  %0, %1 = xlstm.causal_conv1d %x, %w epilogue {
  ^bb0(%a: f32):
    // expected-error @below {{'math.sin' op is not a scalar function that xlstm.causal_conv1d knows}}
    %2 = math.sin %a : f32
    xlstm.yield outputs(%2 : f32)
  } : tensor<?x?x8xf32>, tensor<8x4xf32> -> tensor<?x3x8xf32>
  return
}

// -----

// causal_conv1d_c4
func.func @conv_width(%x: tensor<?x?x8xf32>, %w: tensor<8x4xf64>) {
  // expected-error @below {{'xlstm.causal_conv1d' op expected all tensors to be f64, or none, got x of 'f32' and weight of 'f64'}}
  %0, %1 = xlstm.causal_conv1d %x, %w : tensor<?x?x8xf32>, tensor<8x4xf64> -> tensor<?x3x8xf32>
  return
}

// -----

// block_linear_c1
func.func @block_linear_blocks(%x: tensor<?x8xf32>, %w: tensor<?x4x4xf32>) {
  // expected-error @below {{'xlstm.block_linear' op expected N to be static and at least 1, got a dynamic extent}}
  %0 = xlstm.block_linear %x, %w : tensor<?x8xf32>, tensor<?x4x4xf32> -> tensor<?x8xf32>
  return
}

// -----

// block_linear_c2
func.func @block_linear_x(%x: tensor<?x8xf32>, %w: tensor<2x4x3xf32>) {
  // expected-error @below {{'xlstm.block_linear' op expected x with a last axis of 6, got [?, 8]xf32}}
  %0 = xlstm.block_linear %x, %w : tensor<?x8xf32>, tensor<2x4x3xf32> -> tensor<?x8xf32>
  return
}

// -----

// block_linear_c2
func.func @block_linear_y(%x: tensor<?x8xf32>, %w: tensor<2x4x3xf32>) {
  // expected-error @below {{'xlstm.block_linear' op expected y to be [.., N I] = [?, 6]xf32, got [?, 8]xf32}}
  %0 = xlstm.block_linear transposed %x, %w : tensor<?x8xf32>, tensor<2x4x3xf32> -> tensor<?x8xf32>
  return
}

// -----

// block_linear_c3
func.func @block_linear_width(%x: tensor<?x8xf32>, %w: tensor<2x4x4xf64>) {
  // expected-error @below {{'xlstm.block_linear' op expected all tensors to be f64, or none, got x of 'f32' and weight of 'f64'}}
  %0 = xlstm.block_linear %x, %w : tensor<?x8xf32>, tensor<2x4x4xf64> -> tensor<?x8xf32>
  return
}

// -----

// cross_entropy_c1
func.func @cross_entropy_classes(%x: tensor<?x?x?xf32>, %t: tensor<?x?xi32>) {
  // expected-error @below {{'xlstm.cross_entropy' op expected V to be static and at least 1, got a dynamic extent}}
  %0 = xlstm.cross_entropy %x, %t : tensor<?x?x?xf32>, tensor<?x?xi32> -> tensor<1xf32>
  return
}

// -----

// cross_entropy_c2
func.func @cross_entropy_targets(%x: tensor<2x?x8xf32>, %t: tensor<3x?xi32>) {
  // expected-error @below {{'xlstm.cross_entropy' op expected targets to be [B, T] = [2, ?]xi32, got [3, ?]xi32}}
  %0 = xlstm.cross_entropy %x, %t : tensor<2x?x8xf32>, tensor<3x?xi32> -> tensor<1xf32>
  return
}

// -----

// cross_entropy_c3
func.func @cross_entropy_loss(%x: tensor<?x?x8xbf16>, %t: tensor<?x?xi32>) {
  // expected-error @below {{'xlstm.cross_entropy' op expected the loss to be [1] = [1]xf32, got [2]xf32}}
  %0 = xlstm.cross_entropy %x, %t : tensor<?x?x8xbf16>, tensor<?x?xi32> -> tensor<2xf32>
  return
}
