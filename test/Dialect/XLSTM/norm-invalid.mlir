// SPDX-License-Identifier: Apache-2.0
// One case for every message of xlstm.norm and of its gradient.
// RUN: xlstm-opt %s -split-input-file -verify-diagnostics

// norm_c1
func.func @width(%x: tensor<?x?xf32>) {
  // expected-error @below {{'xlstm.norm' op expected D to be static and at least 1, got a dynamic extent}}
  %0 = xlstm.norm layer %x eps 0.0 : tensor<?x?xf32>
  return
}

// -----

// norm_c2
func.func @weight(%x: tensor<?x?x8xbf16>, %w: tensor<8xf64>) {
  // expected-error @below {{'xlstm.norm' op expected weight to be [D] = [8]xf32, got [8]xf64}}
  %0 = xlstm.norm layer %x weight(%w : tensor<8xf64>) eps 0.0 : tensor<?x?x8xbf16>
  return
}

// -----

// norm_c2: of 16 bits only where sums are f32
func.func @narrow_weight(%x: tensor<?x?x8xf64>, %w: tensor<8xbf16>) {
  // expected-error @below {{'xlstm.norm' op expected weight to be [D] = [8]xf64, got [8]xbf16}}
  %0 = xlstm.norm layer %x weight(%w : tensor<8xbf16>) eps 0.0 : tensor<?x?x8xf64>
  return
}

// -----

// norm_c2
func.func @extent_of_narrow_weight(%x: tensor<?x?x8xbf16>, %w: tensor<9xbf16>) {
  // expected-error @below {{'xlstm.norm' op expected weight to be [D] = [8]xbf16, got [9]xbf16}}
  %0 = xlstm.norm layer %x weight(%w : tensor<9xbf16>) eps 0.0 : tensor<?x?x8xbf16>
  return
}

// -----

// norm_c3
func.func @eps(%x: tensor<?x?x8xf32>) {
  // expected-error @below {{'xlstm.norm' op expected eps to be finite and not negative, got -1.000000e+00}}
  %0 = xlstm.norm rms %x eps -1.0 : tensor<?x?x8xf32>
  return
}

// -----

// norm_backward_c1
func.func @backward_width(%x: tensor<?x?xf32>) {
  // expected-error @below {{'xlstm.norm_backward' op expected D to be static and at least 1, got a dynamic extent}}
  %0 = xlstm.norm_backward rms %x, %x eps 0.0 : tensor<?x?xf32>
  return
}

// -----

// norm_backward_c2
func.func @no_gradient_of_weight(%x: tensor<?x8xf32>, %w: tensor<8xf32>) {
  // expected-error @below {{'xlstm.norm_backward' op expected a result dweight exactly with a weight, got none}}
  %0 = xlstm.norm_backward rms %x, %x weight(%w : tensor<8xf32>) eps 0.0 : tensor<?x8xf32>
  return
}

// -----

// norm_backward_c2
func.func @type_of_gradient_of_weight(%x: tensor<?x8xf32>, %w: tensor<8xf32>) {
  // expected-error @below {{'xlstm.norm_backward' op expected dweight to be [D] = [8]xf32, got [4]xf32}}
  %0, %1 = xlstm.norm_backward rms %x, %x weight(%w : tensor<8xf32>) eps 0.0 : tensor<?x8xf32>, tensor<4xf32>
  return
}

// -----

// norm_c4
func.func @result_shape(%x: tensor<?x8xf32>) {
  // expected-error @below {{'xlstm.norm' op expected the result to be [.., D] = [?, 8]xbf16, got [?, 4]xbf16}}
  %0 = xlstm.norm rms %x eps 0.0 : tensor<?x8xf32> -> tensor<?x4xbf16>
  return
}

// -----

// norm_c4
func.func @result_type(%x: tensor<?x8xf32>) {
  // expected-error @below {{'xlstm.norm' op expected all tensors to be f64, or none, got x of 'f32' and a result of 'f64'}}
  %0 = xlstm.norm rms %x eps 0.0 : tensor<?x8xf32> -> tensor<?x8xf64>
  return
}
