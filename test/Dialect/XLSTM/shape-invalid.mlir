// SPDX-License-Identifier: Apache-2.0
// One case for every message of the ops that move elements.
// RUN: xlstm-opt %s -split-input-file -verify-diagnostics

// reshape_c1
func.func @reshape_element(%x: tensor<?x8xf32>) {
  // expected-error @below {{'xlstm.reshape' op expected a result of 'f32', got 'bf16'}}
  %0 = xlstm.reshape %x : tensor<?x8xf32> -> tensor<?x2x4xbf16>
  return
}

// -----

// reshape_c2
func.func @reshape_size(%x: tensor<?x8xf32>) {
  // expected-error @below {{'xlstm.reshape' op expected a result with 1 dynamic extents and static ones whose product is 8, got [?, 2, 3]xf32}}
  %0 = xlstm.reshape %x : tensor<?x8xf32> -> tensor<?x2x3xf32>
  return
}

// -----

// split_c1
func.func @split_none(%x: tensor<?x8xf32>) {
  // expected-error @below {{'xlstm.split' op expected at least one part}}
  "xlstm.split"(%x) : (tensor<?x8xf32>) -> ()
  return
}

// -----

// split_c1
func.func @split_axes(%x: tensor<?x8xf32>) {
  // expected-error @below {{'xlstm.split' op expected part 0 with the axes of x, [?, 8]xf32, got [8]xf32}}
  %0 = xlstm.split %x : tensor<?x8xf32> -> tensor<8xf32>
  return
}

// -----

// split_c1
func.func @split_type(%x: tensor<4x8xf32>) {
  // expected-error @below {{'xlstm.split' op expected part 1 to be [.., D_j] = [4, 4]xf32, got [3, 4]xf32}}
  %0, %1 = xlstm.split %x : tensor<4x8xf32> -> tensor<4x4xf32>, tensor<3x4xf32>
  return
}

// -----

// split_c2
func.func @split_dynamic(%x: tensor<4x?xf32>) {
  // expected-error @below {{'xlstm.split' op expected the last axis of x to be static and at least 1, got a dynamic extent}}
  %0 = xlstm.split %x : tensor<4x?xf32> -> tensor<4x4xf32>
  return
}

// -----

// split_c2
func.func @split_dynamic_part(%x: tensor<4x8xf32>) {
  // expected-error @below {{'xlstm.split' op expected the last axis of part 0 to be static and at least 1, got a dynamic extent}}
  %0 = xlstm.split %x : tensor<4x8xf32> -> tensor<4x?xf32>
  return
}

// -----

// split_c2
func.func @split_sum(%x: tensor<4x8xf32>) {
  // expected-error @below {{'xlstm.split' op expected parts of 8 elements together, got 7}}
  %0, %1 = xlstm.split %x : tensor<4x8xf32> -> tensor<4x4xf32>, tensor<4x3xf32>
  return
}

// -----

// concat_c1
func.func @concat_axes(%x: tensor<8xf32>) {
  // expected-error @below {{'xlstm.concat' op expected part 0 with the axes of the result, [?, 8]xf32, got [8]xf32}}
  %0 = xlstm.concat %x : tensor<8xf32> -> tensor<?x8xf32>
  return
}

// -----

// concat_c2
func.func @concat_sum(%x: tensor<?x8xf32>) {
  // expected-error @below {{'xlstm.concat' op expected parts of 15 elements together, got 16}}
  %0 = xlstm.concat %x, %x : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x15xf32>
  return
}

// -----

// permute_c1
func.func @permute_order(%x: tensor<2x3xf32>) {
  // expected-error @below {{'xlstm.permute' op expected an order of the 2 axes of x, got [1, 1]}}
  %0 = xlstm.permute %x [1, 1] : tensor<2x3xf32> -> tensor<3x3xf32>
  return
}

// -----

// permute_c2
func.func @permute_result(%x: tensor<2x3xf32>) {
  // expected-error @below {{'xlstm.permute' op expected the result to be x in that order = [3, 2]xf32, got [2, 3]xf32}}
  %0 = xlstm.permute %x [1, 0] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}
