// SPDX-License-Identifier: Apache-2.0
// One case for every message of xlstm.outer_sum and xlstm.time_sum.
// RUN: xlstm-opt %s -split-input-file -verify-diagnostics

// outer_sum_c1
func.func @channels(%x: tensor<?x?x?x2x4xf32>, %y: tensor<?x?x2x4xf32>) {
  // expected-error @below {{'xlstm.outer_sum' op expected K to be static and at least 1, got a dynamic extent}}
  %0 = xlstm.outer_sum %x [0] previous(%y) : tensor<?x?x?x2x4xf32>, tensor<?x?x2x4xf32> -> tensor<1x2x4x4xf32>
  return
}

// -----

// outer_sum_c1
func.func @heads(%x: tensor<?x?x3x2x4xf32>, %y: tensor<?x?x3x4xf32>) {
  // expected-error @below {{'xlstm.outer_sum' op expected x to be [B, T, K, H, D] = [?, ?, 3, 3, 4]xf32, got [?, ?, 3, 2, 4]xf32}}
  %0 = xlstm.outer_sum %x [0] previous(%y) : tensor<?x?x3x2x4xf32>, tensor<?x?x3x4xf32> -> tensor<1x2x4x4xf32>
  return
}

// -----

// outer_sum_c2
func.func @no_channel(%x: tensor<?x?x3x2x4xf32>, %y: tensor<?x?x2x4xf32>) {
  // expected-error @below {{'xlstm.outer_sum' op expected at least one channel}}
  %0 = xlstm.outer_sum %x [] previous(%y) : tensor<?x?x3x2x4xf32>, tensor<?x?x2x4xf32> -> tensor<0x2x4x4xf32>
  return
}

// -----

// outer_sum_c2
func.func @unknown_channel(%x: tensor<?x?x3x2x4xf32>, %y: tensor<?x?x2x4xf32>) {
  // expected-error @below {{'xlstm.outer_sum' op expected channels of at least 0 and less than K = 3, got 3}}
  %0 = xlstm.outer_sum %x [0, 3] previous(%y) : tensor<?x?x3x2x4xf32>, tensor<?x?x2x4xf32> -> tensor<2x2x4x4xf32>
  return
}

// -----

// outer_sum_c3
func.func @initial(%x: tensor<1x?x3x2x4xf32>, %y: tensor<1x?x2x4xbf16>, %y0: tensor<5x2x4xf32>, %s: tensor<5xi32>) {
  // expected-error @below {{'xlstm.outer_sum' op expected y0 to be [N, H, D] = [4, 2, 4]xf32, got [5, 2, 4]xf32}}
  %0 = xlstm.outer_sum %x [0] previous(%y from %y0) cu_seqlens(%s : tensor<5xi32>)
      : tensor<1x?x3x2x4xf32>, tensor<1x?x2x4xbf16>, tensor<5x2x4xf32> -> tensor<1x2x4x4xbf16>
  return
}

// -----

// outer_sum_c4
func.func @batch(%x: tensor<2x?x3x2x4xf32>, %y: tensor<2x?x2x4xf32>, %s: tensor<5xi32>) {
  // expected-error @below {{'xlstm.outer_sum' op expected B to be 1 with cu_seqlens, got 2}}
  %0 = xlstm.outer_sum %x [0] previous(%y) cu_seqlens(%s : tensor<5xi32>)
      : tensor<2x?x3x2x4xf32>, tensor<2x?x2x4xf32> -> tensor<1x2x4x4xf32>
  return
}

// -----

// outer_sum_c4
func.func @reset(%x: tensor<2x?x3x2x4xf32>, %y: tensor<2x?x2x4xf32>, %r: tensor<3x?xi1>) {
  // expected-error @below {{'xlstm.outer_sum' op expected reset to be [B, T] = [2, ?]xi1, got [3, ?]xi1}}
  %0 = xlstm.outer_sum %x [0] previous(%y) reset(%r : tensor<3x?xi1>)
      : tensor<2x?x3x2x4xf32>, tensor<2x?x2x4xf32> -> tensor<1x2x4x4xf32>
  return
}

// -----

// outer_sum_c5
func.func @result(%x: tensor<?x?x3x2x4xf32>, %y: tensor<?x?x2x4xf32>) {
  // expected-error @below {{'xlstm.outer_sum' op expected the result to be [P, H, D, D] = [2, 2, 4, 4]xf32, got [1, 2, 4, 4]xf32}}
  %0 = xlstm.outer_sum %x [0, 1] previous(%y) : tensor<?x?x3x2x4xf32>, tensor<?x?x2x4xf32> -> tensor<1x2x4x4xf32>
  return
}

// -----

// time_sum_c1
func.func @dynamic(%x: tensor<?x?x?x4xf32>) {
  // expected-error @below {{'xlstm.time_sum' op expected H to be static and at least 1, got a dynamic extent}}
  %0 = xlstm.time_sum %x : tensor<?x?x?x4xf32> -> tensor<?x4xf32>
  return
}

// -----

// time_sum_c1
func.func @extents(%x: tensor<?x?x3x2x4xf32>) {
  // expected-error @below {{'xlstm.time_sum' op expected the result to be [K, H, D] = [3, 2, 4]xf32, got [2, 2, 4]xf32}}
  %0 = xlstm.time_sum %x : tensor<?x?x3x2x4xf32> -> tensor<2x2x4xf32>
  return
}

// -----

// time_sum_c2
func.func @type(%x: tensor<?x?x2x4xf32>) {
  // expected-error @below {{'xlstm.time_sum' op expected the result to be [H, D] = [2, 4]xf32, got [2, 4]xf64}}
  %0 = xlstm.time_sum %x : tensor<?x?x2x4xf32> -> tensor<2x4xf64>
  return
}
