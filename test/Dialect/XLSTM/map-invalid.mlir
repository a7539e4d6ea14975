// SPDX-License-Identifier: Apache-2.0
// One case for every message of xlstm.map.
// RUN: xlstm-opt %s -split-input-file -verify-diagnostics

// map_c1
func.func @no_result(%x: tensor<?x8xf32>) {
  // expected-error @below {{'xlstm.map' op expected at least one result}}
  "xlstm.map"(%x) ({
  ^bb0(%0: f32):
    xlstm.yield
  }) : (tensor<?x8xf32>) -> ()
  return
}

// -----

// map_c1
func.func @shapes(%x: tensor<?x8xf32>) {
  // expected-error @below {{'xlstm.map' op expected results of one shape, got [?, 8]xf32 and [?, 4]xf32}}
  %0, %1 = xlstm.map %x : tensor<?x8xf32> -> tensor<?x8xf32>, tensor<?x4xf32> {
  ^bb0(%2: f32):
    xlstm.yield outputs(%2, %2 : f32, f32)
  }
  return
}

// -----

// map_c1
func.func @no_full_input(%x: tensor<8xf32>) {
  // expected-error @below {{'xlstm.map' op expected an input with all axes of [?, 8]xf32, got none}}
  %0 = xlstm.map %x : tensor<8xf32> -> tensor<?x8xf32> {
  ^bb0(%2: f32):
    xlstm.yield outputs(%2 : f32)
  }
  return
}

// -----

// map_c2
func.func @axes(%x: tensor<?x8xf32>, %b: tensor<4xf32>) {
  // expected-error @below {{'xlstm.map' op expected input 1 to have the last axes of [?, 8]xf32, got [4]xf32}}
  %0 = xlstm.map %x, %b : tensor<?x8xf32>, tensor<4xf32> -> tensor<?x8xf32> {
  ^bb0(%2: f32, %3: f32):
    xlstm.yield outputs(%2 : f32)
  }
  return
}

// -----

// map_c3
func.func @widths(%x: tensor<?x8xf32>) {
  // expected-error @below {{'xlstm.map' op expected all tensors to be f64, or none, got 'f64' and 'f32'}}
  %0 = xlstm.map %x : tensor<?x8xf32> -> tensor<?x8xf64> {
  ^bb0(%2: f64):
    xlstm.yield outputs(%2 : f64)
  }
  return
}

// -----

// map_c3
func.func @arguments(%x: tensor<?x8xf32>) {
  // expected-error @below {{'xlstm.map' op expected a region with an argument for each of 1 inputs, got 2}}
  %0 = xlstm.map %x : tensor<?x8xf32> -> tensor<?x8xf32> {
  ^bb0(%2: f32, %3: f32):
    xlstm.yield outputs(%2 : f32)
  }
  return
}

// -----

// map_c3
func.func @argument_type(%x: tensor<?x8xbf16>) {
  // expected-error @below {{'xlstm.map' op expected arguments of the accumulation type 'f32', got 'f64'}}
  %0 = xlstm.map %x : tensor<?x8xbf16> -> tensor<?x8xbf16> {
  ^bb0(%2: f64):
    xlstm.yield outputs(%2 : f64)
  }
  return
}

// -----

// map_c4
func.func @outputs(%x: tensor<?x8xf32>) {
  %0 = xlstm.map %x : tensor<?x8xf32> -> tensor<?x8xf32> {
  ^bb0(%2: f32):
    // expected-error @below {{'xlstm.yield' op expected 1 outputs and no states, got 1 and 1}}
    xlstm.yield outputs(%2 : f32) states(%2 : f32)
  }
  return
}

// -----

// map_c4
func.func @output_type(%x: tensor<?x8xf32>) {
  %0 = xlstm.map %x : tensor<?x8xf32> -> tensor<?x8xf32> {
  ^bb0(%2: f32):
    %3 = arith.constant 0.0 : f64
    // expected-error @below {{'xlstm.yield' op expected values of the accumulation type 'f32', got 'f64'}}
    xlstm.yield outputs(%3 : f64)
  }
  return
}

// -----

// map_c5
func.func @ops(%x: tensor<?x8xf32>) {
  %0 = xlstm.map %x : tensor<?x8xf32> -> tensor<?x8xf32> {
  ^bb0(%2: f32):
    // expected-error @below {{'math.sin' op is not a scalar function that xlstm.map knows}}
    %3 = math.sin %2 : f32
    xlstm.yield outputs(%3 : f32)
  }
  return
}
