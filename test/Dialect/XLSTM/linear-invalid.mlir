// SPDX-License-Identifier: Apache-2.0
// One case for every message of xlstm.linear and xlstm.weight_grad.
// RUN: xlstm-opt %s -split-input-file -verify-diagnostics

// linear_c1
func.func @leading(%x: tensor<8xf32>, %w: tensor<4x8xf32>) {
  // expected-error @below {{'xlstm.linear' op expected x to be [.., K] with a leading axis, got [8]xf32}}
  %0 = xlstm.linear %x weights(%w : tensor<4x8xf32>) : tensor<8xf32> -> tensor<4xf32>
  return
}

// -----

// linear_c1
func.func @dynamic_k(%x: tensor<?x?xf32>, %w: tensor<4x?xf32>) {
  // expected-error @below {{'xlstm.linear' op expected K to be static and at least 1, got a dynamic extent}}
  %0 = xlstm.linear %x weights(%w : tensor<4x?xf32>) : tensor<?x?xf32> -> tensor<?x4xf32>
  return
}

// -----

// linear_c1
func.func @empty_n(%x: tensor<?x8xf32>, %w: tensor<0x8xf32>) {
  // expected-error @below {{'xlstm.linear' op expected N to be static and at least 1, got 0}}
  %0 = xlstm.linear %x weights(%w : tensor<0x8xf32>) : tensor<?x8xf32> -> tensor<?x0xf32>
  return
}

// -----

// linear_c2
func.func @no_weight(%x: tensor<?x8xf32>) {
  // expected-error @below {{'xlstm.linear' op expected at least one weight}}
  %0 = "xlstm.linear"(%x) <{operandSegmentSizes = array<i32: 1, 0, 0, 0, 0, 0, 0, 0>}> ({}, {}) : (tensor<?x8xf32>) -> tensor<?x4xf32>
  return
}

// -----

// linear_c2
func.func @weight_shape(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>, %v: tensor<5x8xf32>) {
  // expected-error @below {{'xlstm.linear' op expected weight 1 to be [N, K] = [4, 8]xf32, got [5, 8]xf32}}
  %0:2 = xlstm.linear %x weights(%w, %v : tensor<4x8xf32>, tensor<5x8xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>, tensor<?x4xf32>
  return
}

// -----

// linear_c2
func.func @weight_type(%x: tensor<?x8xbf16>, %w: tensor<4x8xf32>) {
  // expected-error @below {{'xlstm.linear' op expected weight 0 to be [N, K] = [4, 8]xbf16, got [4, 8]xf32}}
  %0 = xlstm.linear %x weights(%w : tensor<4x8xf32>) : tensor<?x8xbf16> -> tensor<?x4xf32>
  return
}

// -----

// linear_c3
func.func @x_elems(%x: tensor<?x3x8xf32>, %w: tensor<4x8xf32>, %e: tensor<?x3x4xf32>) {
  // expected-error @below {{'xlstm.linear' op expected x_elems 0 to be [.., K] = [?, 3, 8]xf32, got [?, 3, 4]xf32}}
  %0 = xlstm.linear %x x_elems(%e : tensor<?x3x4xf32>) weights(%w : tensor<4x8xf32>) prologue {
  ^bb0(%a: f32, %b: f32):
    xlstm.yield outputs(%a : f32)
  } : tensor<?x3x8xf32> -> tensor<?x3x4xf32>
  return
}

// -----

// linear_c3
func.func @x_rows(%x: tensor<?x3x8xf32>, %w: tensor<4x8xf32>, %e: tensor<?x2xf32>) {
  // expected-error @below {{'xlstm.linear' op expected x_rows 0 to be [..] = [?, 3]xf32, got [?, 2]xf32}}
  %0 = xlstm.linear %x x_rows(%e : tensor<?x2xf32>) weights(%w : tensor<4x8xf32>) prologue {
  ^bb0(%a: f32, %b: f32):
    xlstm.yield outputs(%a : f32)
  } : tensor<?x3x8xf32> -> tensor<?x3x4xf32>
  return
}

// -----

// linear_c3
func.func @x_cols(%x: tensor<?x3x8xf32>, %w: tensor<4x8xf32>, %e: tensor<4xf32>) {
  // expected-error @below {{'xlstm.linear' op expected x_cols 0 to be [K] = [8]xf32, got [4]xf32}}
  %0 = xlstm.linear %x x_cols(%e : tensor<4xf32>) weights(%w : tensor<4x8xf32>) prologue {
  ^bb0(%a: f32, %b: f32):
    xlstm.yield outputs(%a : f32)
  } : tensor<?x3x8xf32> -> tensor<?x3x4xf32>
  return
}

// -----

// linear_c3
func.func @elems(%x: tensor<?x3x8xf32>, %w: tensor<4x8xf32>, %e: tensor<?x4xf32>) {
  // expected-error @below {{'xlstm.linear' op expected elems 0 to be [.., N] = [?, 3, 4]xf32, got [?, 4]xf32}}
  %0 = xlstm.linear %x weights(%w : tensor<4x8xf32>) elems(%e : tensor<?x4xf32>) epilogue {
  ^bb0(%a: f32, %b: f32):
    xlstm.yield outputs(%a : f32)
  } : tensor<?x3x8xf32> -> tensor<?x3x4xf32>
  return
}

// -----

// linear_c3
func.func @rows(%x: tensor<?x3x8xf32>, %w: tensor<4x8xf32>, %e: tensor<?xf32>) {
  // expected-error @below {{'xlstm.linear' op expected rows 0 to be [..] = [?, 3]xf32, got [?]xf32}}
  %0 = xlstm.linear %x weights(%w : tensor<4x8xf32>) rows(%e : tensor<?xf32>) epilogue {
  ^bb0(%a: f32, %b: f32):
    xlstm.yield outputs(%a : f32)
  } : tensor<?x3x8xf32> -> tensor<?x3x4xf32>
  return
}

// -----

// linear_c3
func.func @cols(%x: tensor<?x3x8xf32>, %w: tensor<4x8xf32>, %e: tensor<8xf32>) {
  // expected-error @below {{'xlstm.linear' op expected cols 0 to be [N] = [4]xf32, got [8]xf32}}
  %0 = xlstm.linear %x weights(%w : tensor<4x8xf32>) cols(%e : tensor<8xf32>) epilogue {
  ^bb0(%a: f32, %b: f32):
    xlstm.yield outputs(%a : f32)
  } : tensor<?x3x8xf32> -> tensor<?x3x4xf32>
  return
}

// -----

// linear_c4
func.func @no_result(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) {
  // expected-error @below {{'xlstm.linear' op expected at least one result}}
  "xlstm.linear"(%x, %w) <{operandSegmentSizes = array<i32: 1, 0, 0, 0, 1, 0, 0, 0>}> ({}, {}) : (tensor<?x8xf32>, tensor<4x8xf32>) -> ()
  return
}

// -----

// linear_c4
func.func @result(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) {
  // expected-error @below {{'xlstm.linear' op expected result 0 to be [.., N] = [?, 4]xf32, got [?, 5]xf32}}
  %0 = xlstm.linear %x weights(%w : tensor<4x8xf32>) : tensor<?x8xf32> -> tensor<?x5xf32>
  return
}

// -----

// linear_c5
func.func @double(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) {
  // expected-error @below {{'xlstm.linear' op expected all tensors to be f64, or none, got x of 'f32' and result 0 of 'f64'}}
  %0 = xlstm.linear %x weights(%w : tensor<4x8xf32>) : tensor<?x8xf32> -> tensor<?x4xf64>
  return
}

// -----

// linear_c6
func.func @no_prologue(%x: tensor<?x3x8xf32>, %w: tensor<4x8xf32>, %e: tensor<8xf32>) {
  // expected-error @below {{'xlstm.linear' op expected a prologue with x_cols, got none}}
  %0 = xlstm.linear %x x_cols(%e : tensor<8xf32>) weights(%w : tensor<4x8xf32>) : tensor<?x3x8xf32> -> tensor<?x3x4xf32>
  return
}

// -----

// linear_c6
func.func @no_epilogue(%x: tensor<?x3x8xf32>, %w: tensor<4x8xf32>, %e: tensor<4xf32>) {
  // expected-error @below {{'xlstm.linear' op expected an epilogue with cols, got none}}
  %0 = xlstm.linear %x weights(%w : tensor<4x8xf32>) cols(%e : tensor<4xf32>) : tensor<?x3x8xf32> -> tensor<?x3x4xf32>
  return
}

// -----

// linear_c6
func.func @results(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) {
  // expected-error @below {{'xlstm.linear' op expected a result for each of 1 weights without an epilogue, got 2}}
  %0:2 = xlstm.linear %x weights(%w : tensor<4x8xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>, tensor<?x4xf32>
  return
}

// -----

// linear_c7
func.func @prologue_arguments(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) {
  // expected-error @below {{'xlstm.linear' op expected a prologue of 1 arguments, got 2}}
  %0 = xlstm.linear %x weights(%w : tensor<4x8xf32>) prologue {
  ^bb0(%a: f32, %b: f32):
    xlstm.yield outputs(%a : f32)
  } : tensor<?x8xf32> -> tensor<?x4xf32>
  return
}

// -----

// linear_c7
func.func @epilogue_arguments(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) {
  // expected-error @below {{'xlstm.linear' op expected an epilogue of 1 arguments, got 2}}
  %0 = xlstm.linear %x weights(%w : tensor<4x8xf32>) epilogue {
  ^bb0(%a: f32, %b: f32):
    xlstm.yield outputs(%a : f32)
  } : tensor<?x8xf32> -> tensor<?x4xf32>
  return
}

// -----

// linear_c7
func.func @argument_type(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) {
  // expected-error @below {{'xlstm.linear' op expected argument 0 of an epilogue to have the accumulation type 'f32', got 'f64'}}
  %0 = xlstm.linear %x weights(%w : tensor<4x8xf32>) epilogue {
  ^bb0(%a: f64):
    xlstm.yield outputs(%a : f64)
  } : tensor<?x8xf32> -> tensor<?x4xf32>
  return
}

// -----

// linear_c7
func.func @yields(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) {
  %0 = xlstm.linear %x weights(%w : tensor<4x8xf32>) epilogue {
  ^bb0(%a: f32):
    // expected-error @below {{'xlstm.yield' op expected 1 outputs and no states, got 1 and 1}}
    xlstm.yield outputs(%a : f32) states(%a : f32)
  } : tensor<?x8xf32> -> tensor<?x4xf32>
  return
}

// -----

// linear_c7
func.func @yielded_type(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) {
  %0 = xlstm.linear %x weights(%w : tensor<4x8xf32>) epilogue {
  ^bb0(%a: f32):
    %b = arith.constant 0.0 : f64
    // expected-error @below {{'xlstm.yield' op expected values of the accumulation type 'f32', got 'f64'}}
    xlstm.yield outputs(%b : f64)
  } : tensor<?x8xf32> -> tensor<?x4xf32>
  return
}

// -----

// linear_c8
func.func @unknown(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) {
  %0 = xlstm.linear %x weights(%w : tensor<4x8xf32>) epilogue {
  ^bb0(%a: f32):
    // expected-error @below {{'math.sin' op is not a scalar function that xlstm.linear knows}}
    %b = math.sin %a : f32
    xlstm.yield outputs(%b : f32)
  } : tensor<?x8xf32> -> tensor<?x4xf32>
  return
}

// -----

// linear_c2
func.func @in_by_out(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) {
  // expected-error @below {{'xlstm.linear' op expected weight 0 to be [K, N] = [8, 8]xf32, got [4, 8]xf32}}
  %0 = xlstm.linear transposed %x weights(%w : tensor<4x8xf32>) : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

// weight_grad_c1
func.func @leading_of_x(%y: tensor<4xf32>, %x: tensor<8xf32>) {
  // expected-error @below {{'xlstm.weight_grad' op expected x to be [.., K] with a leading axis, got [8]xf32}}
  %0 = xlstm.weight_grad %y, %x : tensor<4xf32>, tensor<8xf32> -> tensor<4x8xf32>
  return
}

// -----

// weight_grad_c1
func.func @dynamic_n(%y: tensor<?x?xf32>, %x: tensor<?x8xf32>) {
  // expected-error @below {{'xlstm.weight_grad' op expected N to be static and at least 1, got a dynamic extent}}
  %0 = xlstm.weight_grad %y, %x : tensor<?x?xf32>, tensor<?x8xf32> -> tensor<4x8xf32>
  return
}

// -----

// weight_grad_c1
func.func @dynamic_of_k(%y: tensor<?x4xf32>, %x: tensor<?x?xf32>) {
  // expected-error @below {{'xlstm.weight_grad' op expected K to be static and at least 1, got a dynamic extent}}
  %0 = xlstm.weight_grad %y, %x : tensor<?x4xf32>, tensor<?x?xf32> -> tensor<4x8xf32>
  return
}

// -----

// weight_grad_c1
func.func @other_rows(%y: tensor<?x3x4xf32>, %x: tensor<?x2x8xf32>) {
  // expected-error @below {{'xlstm.weight_grad' op expected y to be [.., N] = [?, 2, 4]xf32, got [?, 3, 4]xf32}}
  %0 = xlstm.weight_grad %y, %x : tensor<?x3x4xf32>, tensor<?x2x8xf32> -> tensor<4x8xf32>
  return
}

// -----

// weight_grad_c2
func.func @type_of_y(%y: tensor<?x4xf32>, %x: tensor<?x8xbf16>) {
  // expected-error @below {{'xlstm.weight_grad' op expected y to be [.., N] = [?, 4]xbf16, got [?, 4]xf32}}
  %0 = xlstm.weight_grad %y, %x : tensor<?x4xf32>, tensor<?x8xbf16> -> tensor<4x8xf32>
  return
}

// -----

// weight_grad_c2
func.func @shape_of_result(%y: tensor<?x4xf32>, %x: tensor<?x8xf32>) {
  // expected-error @below {{'xlstm.weight_grad' op expected the result to be [N, K] = [4, 8]xf32, got [8, 4]xf32}}
  %0 = xlstm.weight_grad %y, %x : tensor<?x4xf32>, tensor<?x8xf32> -> tensor<8x4xf32>
  return
}

// -----

// weight_grad_c2
func.func @type_of_result(%y: tensor<?x4xf32>, %x: tensor<?x8xf32>) {
  // expected-error @below {{'xlstm.weight_grad' op expected all tensors to be f64, or none, got x of 'f32' and a result of 'f64'}}
  %0 = xlstm.weight_grad %y, %x : tensor<?x4xf32>, tensor<?x8xf32> -> tensor<4x8xf64>
  return
}

// -----

// linear_c9
func.func @norm_eps(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) {
  // expected-error @below {{'xlstm.linear' op expected eps of the norm to be finite and not negative, got -1}}
  %y = xlstm.linear %x norm(rms eps -1.0) weights(%w : tensor<4x8xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>
  return
}

// -----

// linear_c9
func.func @norm_alone(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) {
  // expected-error @below {{'xlstm.linear' op expected norm and norm_eps together, got norm_eps alone}}
  %y = "xlstm.linear"(%x, %w) <{norm_eps = 1.0, operandSegmentSizes = array<i32: 1, 0, 0, 0, 1, 0, 0, 0>}> ({}, {}) : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
  return
}
