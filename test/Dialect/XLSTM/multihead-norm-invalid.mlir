// SPDX-License-Identifier: Apache-2.0
// One case for every message of xlstm.multihead_norm and of its gradient.
// RUN: xlstm-opt %s -split-input-file -verify-diagnostics

// multihead_norm_c1
func.func @units(%x: tensor<?x?x4x?xf32>) {
  // expected-error @below {{'xlstm.multihead_norm' op expected D to be static and at least 1, got a dynamic extent}}
  %0 = xlstm.multihead_norm layer %x eps 0.0 : tensor<?x?x4x?xf32>
  return
}

// -----

// multihead_norm_c2
func.func @weight(%x: tensor<?x?x4x8xbf16>, %w: tensor<8x4xf32>) {
  // expected-error @below {{'xlstm.multihead_norm' op expected weight to be [H, D] = [4, 8]xf32, got [8, 4]xf32}}
  %0 = xlstm.multihead_norm layer %x weight(%w : tensor<8x4xf32>) eps 0.0 : tensor<?x?x4x8xbf16>
  return
}

// -----

// multihead_norm_c2: of 16 bits only where sums are f32
func.func @narrow_weight(%x: tensor<?x?x4x8xf64>, %w: tensor<4x8xbf16>) {
  // expected-error @below {{'xlstm.multihead_norm' op expected weight to be [H, D] = [4, 8]xf64, got [4, 8]xbf16}}
  %0 = xlstm.multihead_norm layer %x weight(%w : tensor<4x8xbf16>) eps 0.0 : tensor<?x?x4x8xf64>
  return
}

// -----

// multihead_norm_c3
func.func @eps(%x: tensor<?x?x4x8xf32>) {
  // expected-error @below {{'xlstm.multihead_norm' op expected eps to be finite and not negative, got -1.000000e+00}}
  %0 = xlstm.multihead_norm rms %x eps -1.0 : tensor<?x?x4x8xf32>
  return
}

// -----

// multihead_norm_c4
func.func @no_epilogue(%x: tensor<?x?x4x8xf32>) {
  // expected-error @below {{'xlstm.multihead_norm' op expected an epilogue with elems, got none}}
  %0 = xlstm.multihead_norm rms %x elems(%x : tensor<?x?x4x8xf32>) eps 0.0 : tensor<?x?x4x8xf32>
  return
}

// -----

// multihead_norm_c4
func.func @shape_of_elems(%x: tensor<?x?x4x8xf32>, %e: tensor<?x?x8x4xf32>) {
  // expected-error @below {{'xlstm.multihead_norm' op expected elems 0 to be [B, T, H, D] = [?, ?, 4, 8]xf32, got [?, ?, 8, 4]xf32}}
  %0 = xlstm.multihead_norm rms %x elems(%e : tensor<?x?x8x4xf32>) eps 0.0 epilogue {
  ^bb0(%norm: f32, %elem: f32):
    xlstm.yield outputs(%elem : f32)
  } : tensor<?x?x4x8xf32>
  return
}

// -----

// multihead_norm_c4
func.func @type_of_elems(%x: tensor<?x?x4x8xf32>, %e: tensor<?x?x4x8xf64>) {
  // expected-error @below {{'xlstm.multihead_norm' op expected all tensors to be f64, or none, got x of 'f32' and elems 0 of 'f64'}}
  %0 = xlstm.multihead_norm rms %x elems(%e : tensor<?x?x4x8xf64>) eps 0.0 epilogue {
  ^bb0(%norm: f32, %elem: f32):
    xlstm.yield outputs(%elem : f32)
  } : tensor<?x?x4x8xf32>
  return
}

// -----

// multihead_norm_c5
func.func @arguments(%x: tensor<?x?x4x8xf32>) {
  // expected-error @below {{'xlstm.multihead_norm' op expected an epilogue of 1 arguments, got 2}}
  %0 = xlstm.multihead_norm rms %x eps 0.0 epilogue {
  ^bb0(%norm: f32, %elem: f32):
    xlstm.yield outputs(%elem : f32)
  } : tensor<?x?x4x8xf32>
  return
}

// -----

// multihead_norm_c6
func.func @body(%x: tensor<?x?x4x8xf32>) {
  %0 = xlstm.multihead_norm rms %x eps 0.0 epilogue {
  ^bb0(%norm: f32):
    // expected-error @below {{'arith.bitcast' op is not a scalar function that xlstm.multihead_norm knows}}
    %1 = arith.bitcast %norm : f32 to i32
    xlstm.yield outputs(%norm : f32)
  } : tensor<?x?x4x8xf32>
  return
}

// -----

// multihead_norm_backward_c1
func.func @backward_eps(%x: tensor<?x?x4x8xf32>) {
  // expected-error @below {{'xlstm.multihead_norm_backward' op expected eps to be finite and not negative, got -1.000000e+00}}
  %0 = xlstm.multihead_norm_backward rms %x, %x eps -1.0 : tensor<?x?x4x8xf32>
  return
}

// -----

// multihead_norm_backward_c2
func.func @no_gradient_of_weight(%x: tensor<?x?x4x8xf32>, %w: tensor<4x8xf32>) {
  // expected-error @below {{'xlstm.multihead_norm_backward' op expected a result dweight exactly with a weight, got none}}
  %0 = xlstm.multihead_norm_backward rms %x, %x weight(%w : tensor<4x8xf32>) eps 0.0 : tensor<?x?x4x8xf32>
  return
}

// -----

// multihead_norm_backward_c2
func.func @type_of_gradient_of_weight(%x: tensor<?x?x4x8xf32>, %w: tensor<4x8xf32>) {
  // expected-error @below {{'xlstm.multihead_norm_backward' op expected dweight to be [H, D] = [4, 8]xf32, got [8, 4]xf32}}
  %0, %1 = xlstm.multihead_norm_backward rms %x, %x weight(%w : tensor<4x8xf32>) eps 0.0 : tensor<?x?x4x8xf32>, tensor<8x4xf32>
  return
}

// -----

// The parser's own message.
func.func @kind(%x: tensor<?x?x4x8xf32>) {
  // expected-error @below {{expected a norm, layer or rms, got batch}}
  %0 = xlstm.multihead_norm batch %x eps 0.0 : tensor<?x?x4x8xf32>
  return
}

// -----

// multihead_norm_c7
func.func @result_shape(%x: tensor<?x?x4x8xf32>) {
  // expected-error @below {{'xlstm.multihead_norm' op expected the result to be [B, T, H, D] = [?, ?, 4, 8]xbf16, got [?, ?, 8, 4]xbf16}}
  %0 = xlstm.multihead_norm rms %x eps 0.0 : tensor<?x?x4x8xf32> -> tensor<?x?x8x4xbf16>
  return
}

// -----

// multihead_norm_c7
func.func @result_type(%x: tensor<?x?x4x8xf64>) {
  // expected-error @below {{'xlstm.multihead_norm' op expected all tensors to be f64, or none, got x of 'f64' and a result of 'f32'}}
  %0 = xlstm.multihead_norm rms %x eps 0.0 : tensor<?x?x4x8xf64> -> tensor<?x?x4x8xf32>
  return
}
