// SPDX-License-Identifier: Apache-2.0
// One case for every message of xlstm.scan; the label is that of the constraint in its description.
// RUN: xlstm-opt %s -split-input-file -verify-diagnostics

// scan_c1
func.func @no_sequence(%x: tensor<?x?x2x4xf32>, %h0: tensor<?x2x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected at least one sequence, or with step an initial state: they give the extents B and T}}
  %0 = xlstm.scan  {
  ^bb0(%h: f32):
    xlstm.yield states(%h : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c1
func.func @no_result(%x: tensor<?x?x2x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected at least one output or state}}
  "xlstm.scan"(%x) <{operandSegmentSizes = array<i32: 1, 0, 0, 0, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 0, 0>}> ({
  ^bb0(%a: f32):
    xlstm.yield
  }) : (tensor<?x?x2x4xf32>) -> ()
  return
}

// -----

// scan_c2
func.func @rank_of_sequence(%x: tensor<?x?x2x4xf32>, %h0: tensor<?x2x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected sequence 0 to be [B, T, K, H, D] or [B, T, H, D], got [?, 2, 4]xf32}}
  %0 = xlstm.scan sequences(%h0 : tensor<?x2x4xf32>) {
  ^bb0(%a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c2
func.func @rank_of_step(%x: tensor<?x?x3x2x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected sequence 0 to be [B, K, H, D] or [B, H, D] with step, got [?, ?, 3, 2, 4]xf32}}
  %0 = xlstm.scan step sequences(%x : tensor<?x?x3x2x4xf32>) {
  ^bb0(%a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c2
func.func @dynamic_heads(%x: tensor<?x?x?x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected H to be static and at least 1, got a dynamic extent}}
  %0 = xlstm.scan sequences(%x : tensor<?x?x?x4xf32>) {
  ^bb0(%a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x?x4xf32>)
  return
}

// -----

// scan_c2
func.func @dynamic_channels(%x: tensor<?x?x?x2x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected K of sequence 0 to be static and at least 1, got a dynamic extent}}
  %0 = xlstm.scan sequences(%x : tensor<?x?x?x2x4xf32>) {
  ^bb0(%a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c2
func.func @units_of_sequence(%x: tensor<?x7x2x4xf32>, %y: tensor<?x7x2x5xf32>) {
  // expected-error @below {{'xlstm.scan' op expected sequence 1 to be [B, T, H, D] = [?, 7, 2, 4]xf32, got [?, 7, 2, 5]xf32}}
  %0 = xlstm.scan sequences(%x, %y : tensor<?x7x2x4xf32>, tensor<?x7x2x5xf32>) {
  ^bb0(%a: f32, %b: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c2
func.func @time_of_previous(%x: tensor<?x7x2x4xf32>, %y: tensor<?x8x3x2x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected previous 0 to be [B, T, K, H, D] = [?, 7, 3, 2, 4]xf32, got [?, 8, 3, 2, 4]xf32}}
  %0 = xlstm.scan sequences(%x : tensor<?x7x2x4xf32>) previous(%y : tensor<?x8x3x2x4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %d: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c2
func.func @batch_of_output(%x: tensor<3x?x2x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected output 0 to be [B, T, H, D] = [3, ?, 2, 4]xf32, got [2, ?, 2, 4]xf32}}
  %0 = xlstm.scan sequences(%x : tensor<3x?x2x4xf32>) {
  ^bb0(%a: f32):
    xlstm.yield outputs(%a : f32)
  } -> outputs(tensor<2x?x2x4xf32>)
  return
}

// -----

// scan_c3
func.func @initial_of_previous(%x: tensor<?x?x2x4xf32>, %y: tensor<?x2x5xf32>) {
  // expected-error @below {{'xlstm.scan' op expected the initial value of previous 0 to be [B, H, D] = [?, 2, 4]xf32, got [?, 2, 5]xf32}}
  %0 = xlstm.scan sequences(%x : tensor<?x?x2x4xf32>) previous(%x from %y : tensor<?x?x2x4xf32>, tensor<?x2x5xf32>) {
  ^bb0(%a: f32, %b: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c3
func.func @channels_of_initial(%x: tensor<?x?x3x2x4xf32>, %h0: tensor<?x2x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected the initial value of previous 0 to be [B, K, H, D] = [?, 3, 2, 4]xf32, got [?, 2, 4]xf32}}
  %0 = xlstm.scan sequences(%x : tensor<?x?x3x2x4xf32>) previous(%x from %h0 : tensor<?x?x3x2x4xf32>, tensor<?x2x4xf32>) {
  ^bb0(%a: f32, %a1: f32, %a2: f32, %b: f32, %b1: f32, %b2: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c3
func.func @previous_has_initial(%x: tensor<?x?x2x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected previous_has_initial to have an entry for each of 1 previous tensors and to be true for 0 initial values, got 1 entries of which 1 are true}}
  %0 = "xlstm.scan"(%x, %x) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 0, 1>,
      previous_has_initial = array<i1: true>}> ({
  ^bb0(%a: f32, %b: f32, %h: f32):
    xlstm.yield states(%a : f32)
  }) : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>) -> tensor<?x2x4xf32>
  return
}

// -----

// scan_c4
func.func @units_of_constant(%x: tensor<?x?x2x4xf32>, %b: tensor<3x2x5xf32>) {
  // expected-error @below {{'xlstm.scan' op expected constant 0 to be [K, H, D] = [3, 2, 4]xf32, got [3, 2, 5]xf32}}
  %0 = xlstm.scan sequences(%x : tensor<?x?x2x4xf32>) constants(%b : tensor<3x2x5xf32>) {
  ^bb0(%a: f32, %b0: f32, %b1: f32, %b2: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c4
func.func @channels_of_constant(%x: tensor<?x?x2x4xf32>, %b: tensor<0x2x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected K of constant 0 to be static and at least 1, got 0}}
  %0 = xlstm.scan sequences(%x : tensor<?x?x2x4xf32>) constants(%b : tensor<0x2x4xf32>) {
  ^bb0(%a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c5
func.func @square_matrices(%x: tensor<?x?x2x4xf32>, %r: tensor<1x2x4x5xf32>) {
  // expected-error @below {{'xlstm.scan' op expected r to be [P, H, D, D] = [1, 2, 4, 4]xf32, got [1, 2, 4, 5]xf32}}
  %0 = xlstm.scan sequences(%x : tensor<?x?x2x4xf32>) recurrent(%r : tensor<1x2x4x5xf32>) {
  ^bb0(%p: f32, %a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c5
func.func @number_of_matrices(%x: tensor<?x?x2x4xf32>, %r: tensor<?x2x4x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected P of r to be static and at least 1, got a dynamic extent}}
  %0 = xlstm.scan sequences(%x : tensor<?x?x2x4xf32>) recurrent(%r : tensor<?x2x4x4xf32>) {
  ^bb0(%p: f32, %a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c5
func.func @nothing_to_multiply(%x: tensor<?x?x2x4xf32>, %r: tensor<2x2x4x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected at least 2 states for r to multiply, got 1}}
  %0 = xlstm.scan transposed sequences(%x : tensor<?x?x2x4xf32>) recurrent(%r : tensor<2x2x4x4xf32>) {
  ^bb0(%p: f32, %a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c5
func.func @transposed_nothing(%x: tensor<?x?x2x4xf32>, %h0: tensor<?x2x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected r with transposed, got none}}
  %0 = xlstm.scan transposed sequences(%x : tensor<?x?x2x4xf32>) {
  ^bb0(%a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c6
func.func @number_of_states(%x: tensor<?x?x2x4xf32>, %h0: tensor<?x2x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected an initial value or none for each of 1 states, got 2 entries and 1 values}}
  %0 = xlstm.scan sequences(%x : tensor<?x?x2x4xf32>) states(%h0, none : tensor<?x2x4xf32>) {
  ^bb0(%a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c6
func.func @units_of_state(%x: tensor<?x?x2x4xf32>, %h0: tensor<?x2x5xf32>) {
  // expected-error @below {{'xlstm.scan' op expected initial state 0 to be [B, H, D] = [?, 2, 4]xf32, got [?, 2, 5]xf32}}
  %0 = xlstm.scan sequences(%x : tensor<?x?x2x4xf32>) states(%h0 : tensor<?x2x5xf32>) {
  ^bb0(%a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c6
func.func @sequences_of_state(%x: tensor<1x?x2x4xf32>, %h0: tensor<2x2x4xf32>, %s: tensor<4xi32>) {
  // expected-error @below {{'xlstm.scan' op expected initial state 0 to be [N, H, D] = [3, 2, 4]xf32, got [2, 2, 4]xf32}}
  %0 = xlstm.scan sequences(%x : tensor<1x?x2x4xf32>) states(%h0 : tensor<2x2x4xf32>) cu_seqlens(%s : tensor<4xi32>) {
  ^bb0(%a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<3x2x4xf32>)
  return
}

// -----

// scan_c6
func.func @units_of_last_state(%x: tensor<?x?x2x4xf32>, %h0: tensor<?x2x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected last state 1 to be [B, H, D] = [?, 2, 4]xf32, got [?, 2, 5]xf32}}
  %0:2 = xlstm.scan sequences(%x : tensor<?x?x2x4xf32>) {
  ^bb0(%a: f32, %h: f32, %c: f32):
    xlstm.yield states(%a, %a : f32, f32)
  } -> states(tensor<?x2x4xf32>, tensor<?x2x5xf32>)
  return
}

// -----

// scan_c6
func.func @names_of_states(%x: tensor<?x?x2x4xf32>, %h0: tensor<?x2x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected names of all 1 states, got 2}}
  %0 = xlstm.scan state_names ["h", "c"] sequences(%x : tensor<?x?x2x4xf32>) {
  ^bb0(%a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c7
func.func @mixed_types(%x: tensor<?x?x2x4xf64>) {
  // expected-error @below {{'xlstm.scan' op expected all tensors to be f64, or none, got sequence 0 of 'f64' with an accumulation type 'f32'}}
  %0 = xlstm.scan sequences(%x : tensor<?x?x2x4xf64>) {
  ^bb0(%a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c7
func.func @type_of_matrices(%x: tensor<?x?x2x4xf32>, %r: tensor<1x2x4x4xf64>) {
  // expected-error @below {{'xlstm.scan' op expected all tensors to be f64, or none, got r of 'f64' with an accumulation type 'f32'}}
  %0 = xlstm.scan sequences(%x : tensor<?x?x2x4xf32>) recurrent(%r : tensor<1x2x4x4xf64>) {
  ^bb0(%p: f32, %a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c7
func.func @type_of_constant(%x: tensor<?x?x2x4xf32>, %b: tensor<2x4xf64>) {
  // expected-error @below {{'xlstm.scan' op expected constant 0 to be [H, D] = [2, 4]xf32, got [2, 4]xf64}}
  %0 = xlstm.scan sequences(%x : tensor<?x?x2x4xf32>) constants(%b : tensor<2x4xf64>) {
  ^bb0(%a: f32, %b0: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c7
func.func @type_of_argument(%x: tensor<?x?x2x4xf32>, %h0: tensor<?x2x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected argument 1 of the region to have the accumulation type 'f32', got 'f64'}}
  %0 = xlstm.scan sequences(%x : tensor<?x?x2x4xf32>) {
  ^bb0(%a: f32, %h: f64):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c8: a gate that the matrices do not have
func.func @missing_gate(%x: tensor<?x?x4x2x4xf32>, %r: tensor<3x2x4x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected r of 4 products, as many as the region takes besides 5 elements and states, got 3}}
  %0 = xlstm.scan sequences(%x : tensor<?x?x4x2x4xf32>) recurrent(%r : tensor<3x2x4x4xf32>) {
  ^bb0(%pi: f32, %pf: f32, %pz: f32, %po: f32, %i: f32, %f: f32, %z: f32, %o: f32, %h: f32):
    xlstm.yield states(%i : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c8
func.func @missing_argument(%x: tensor<?x?x2x4xf32>, %h0: tensor<?x2x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected a region of 2 arguments (0 products, 1 elements, 1 states), got 1}}
  %0 = xlstm.scan sequences(%x : tensor<?x?x2x4xf32>) {
  ^bb0(%a: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c9
func.func @number_of_outputs(%x: tensor<?x?x2x4xf32>) {
  %0 = xlstm.scan sequences(%x : tensor<?x?x2x4xf32>) {
  ^bb0(%a: f32):
    // expected-error @below {{'xlstm.yield' op expected 3 outputs and 0 states, got 1 and 0}}
    xlstm.yield outputs(%a : f32)
  } -> outputs(tensor<?x?x3x2x4xf32>)
  return
}

// -----

// scan_c9
func.func @type_of_output(%x: tensor<?x?x2x4xf32>) {
  %0 = xlstm.scan sequences(%x : tensor<?x?x2x4xf32>) {
  ^bb0(%a: f32):
    %one = arith.constant 1.0 : f64
    // expected-error @below {{'xlstm.yield' op expected values of the accumulation type 'f32', got 'f64'}}
    xlstm.yield outputs(%one : f64)
  } -> outputs(tensor<?x?x2x4xf32>)
  return
}

// -----

// scan_c10
func.func @unknown_function(%x: tensor<?x?x2x4xf32>) {
  %0 = xlstm.scan sequences(%x : tensor<?x?x2x4xf32>) {
  ^bb0(%a: f32):
    // expected-error @below {{'math.cos' op is not a scalar function that xlstm.scan knows}}
    %b = math.cos %a : f32
    xlstm.yield outputs(%b : f32)
  } -> outputs(tensor<?x?x2x4xf32>)
  return
}

// -----

// scan_c11
func.func @packed_batch(%x: tensor<2x?x2x4xf32>, %s: tensor<?xi32>) {
  // expected-error @below {{'xlstm.scan' op expected B to be 1 with cu_seqlens, got 2}}
  %0 = xlstm.scan sequences(%x : tensor<2x?x2x4xf32>) cu_seqlens(%s : tensor<?xi32>) {
  ^bb0(%a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c11
func.func @no_starts(%x: tensor<?x?x2x4xf32>, %s: tensor<0xi32>) {
  // expected-error @below {{'xlstm.scan' op expected cu_seqlens to be [N + 1] with N >= 0, got an extent of 0}}
  %0 = xlstm.scan sequences(%x : tensor<?x?x2x4xf32>) cu_seqlens(%s : tensor<0xi32>) {
  ^bb0(%a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c11
func.func @time_of_reset(%x: tensor<?x7x2x4xf32>, %r: tensor<?x8xi1>) {
  // expected-error @below {{'xlstm.scan' op expected reset to be [B, T] = [?, 7]xi1, got [?, 8]xi1}}
  %0 = xlstm.scan sequences(%x : tensor<?x7x2x4xf32>) reset(%r : tensor<?x8xi1>) {
  ^bb0(%a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c12
func.func @reverse_step(%x: tensor<?x2x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected no reverse with step, got one}}
  %0 = xlstm.scan reverse step sequences(%x : tensor<?x2x4xf32>) {
  ^bb0(%a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c12
func.func @previous_of_step(%x: tensor<?x2x4xf32>, %y: tensor<?x?x2x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected no previous with step, got one}}
  %0 = xlstm.scan step sequences(%x : tensor<?x2x4xf32>) previous(%y : tensor<?x?x2x4xf32>) {
  ^bb0(%a: f32, %b: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c12
func.func @starts_of_step(%x: tensor<?x2x4xf32>, %s: tensor<?xi32>) {
  // expected-error @below {{'xlstm.scan' op expected no cu_seqlens with step, got one}}
  %0 = xlstm.scan step sequences(%x : tensor<?x2x4xf32>) cu_seqlens(%s : tensor<?xi32>) {
  ^bb0(%a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c12
func.func @reset_of_step(%x: tensor<?x2x4xf32>, %r: tensor<?x?xi1>) {
  // expected-error @below {{'xlstm.scan' op expected no reset with step, got one}}
  %0 = xlstm.scan step sequences(%x : tensor<?x2x4xf32>) reset(%r : tensor<?x?xi1>) {
  ^bb0(%a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c13
func.func @negative_clip(%x: tensor<?x?x2x4xf32>, %h0: tensor<?x2x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected recurrent_grad_clip to be finite and positive, got -1.000000e+00}}
  %0 = xlstm.scan recurrent_grad_clip -1.0 sequences(%x : tensor<?x?x2x4xf32>) {
  ^bb0(%a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c13
func.func @clip_of_nothing(%x: tensor<?x?x2x4xf32>, %h0: tensor<?x2x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected r with recurrent_grad_clip, got none}}
  %0 = xlstm.scan recurrent_grad_clip 1.0 sequences(%x : tensor<?x?x2x4xf32>) {
  ^bb0(%a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// scan_c13
func.func @cut_of_nothing(%x: tensor<?x?x2x4xf32>, %h0: tensor<?x2x4xf32>) {
  // expected-error @below {{'xlstm.scan' op expected r with recurrent_grad_cut, got none}}
  %0 = xlstm.scan recurrent_grad_cut sequences(%x : tensor<?x?x2x4xf32>) {
  ^bb0(%a: f32, %h: f32):
    xlstm.yield states(%a : f32)
  } -> states(tensor<?x2x4xf32>)
  return
}

// -----

// The terminator has no other place.
func.func @lost_yield() {
  // expected-error @below {{'xlstm.yield' op expects parent op to be one of 'xlstm.causal_conv1d, xlstm.linear, xlstm.map, xlstm.multihead_norm, xlstm.scan, xlstm.slstm_block'}}
  xlstm.yield
}
