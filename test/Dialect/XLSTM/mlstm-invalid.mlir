// SPDX-License-Identifier: Apache-2.0
// One case for every message of xlstm.mlstm; the label is that of the constraint in its description.
// RUN: xlstm-opt %s -split-input-file -verify-diagnostics

// mlstm_c1
func.func @element_type_of_k(%q: tensor<?x?x2x4xf32>, %k: tensor<?x?x2x4xbf16>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected k to have the element type of q, 'f32', got 'bf16'}}
  %0:4 = xlstm.mlstm %q, %k, %q gates(%g, %g)
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xbf16>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>)
  return
}

// -----

// mlstm_c1
func.func @element_type_of_v(%q: tensor<?x?x2x4xf32>, %v: tensor<?x?x2x4xf16>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected v to have the element type of q, 'f32', got 'f16'}}
  %0:4 = xlstm.mlstm %q, %q, %v gates(%g, %g) : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf16>
  return
}

// -----

// mlstm_c1: what ODS says about the types that an operand may have at all
func.func @integer_q(%q: tensor<?x?x2x4xi32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op operand #0 must be 3D/4D tensor of 16-bit float or bfloat16 type or 32-bit float or 64-bit float values}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) : tensor<?x?x2x4xi32>, tensor<?x?x2x4xi32>
  return
}

// -----

// mlstm_c2
func.func @heads_of_k(%q: tensor<?x?x2x4xf32>, %k: tensor<?x?x3x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected k to be [B, T, H, dqk] = [?, ?, 2, 4]xf32, got [?, ?, 3, 4]xf32}}
  %0:4 = xlstm.mlstm %q, %k, %q gates(%g, %g)
      : (tensor<?x?x2x4xf32>, tensor<?x?x3x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>)
  return
}

// -----

// mlstm_c2
func.func @time_of_v(%q: tensor<?x7x2x4xf32>, %v: tensor<?x8x2x4xf32>, %g: tensor<?x7x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected v to be [B, T, H, dv] = [?, 7, 2, 4]xf32, got [?, 8, 2, 4]xf32}}
  %0:4 = xlstm.mlstm %q, %q, %v gates(%g, %g) : tensor<?x7x2x4xf32>, tensor<?x8x2x4xf32>
  return
}

// -----

// mlstm_c3
func.func @dynamic_heads(%q: tensor<?x?x?x4xf32>, %g: tensor<?x?x?xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected H to be static and at least 1, got a dynamic extent}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) : tensor<?x?x?x4xf32>, tensor<?x?x?x4xf32>
  return
}

// -----

// mlstm_c3
func.func @no_dqk(%q: tensor<?x?x2x0xf32>, %v: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected dqk to be static and at least 1, got 0}}
  %0:4 = xlstm.mlstm %q, %q, %v gates(%g, %g) : tensor<?x?x2x0xf32>, tensor<?x?x2x4xf32>
  return
}

// -----

// mlstm_c3
func.func @dynamic_dv(%q: tensor<?x?x2x4xf32>, %v: tensor<?x?x2x?xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected dv to be static and at least 1, got a dynamic extent}}
  %0:4 = xlstm.mlstm %q, %q, %v gates(%g, %g) : tensor<?x?x2x4xf32>, tensor<?x?x2x?xf32>
  return
}

// -----

// mlstm_c4: gates of bf16 inputs are f32, and f64 gates are for f64 inputs only
func.func @type_of_i(%q: tensor<?x?x2x4xbf16>, %i: tensor<?x?x2xf64>, %f: tensor<?x?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected i to be [B, T, H] = [?, ?, 2]xf32, got [?, ?, 2]xf64}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%i, %f)
      : (tensor<?x?x2x4xbf16>, tensor<?x?x2x4xbf16>, tensor<?x?x2x4xbf16>, tensor<?x?x2xf64>, tensor<?x?x2xf32>)
      -> (tensor<?x?x2x4xbf16>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>)
  return
}

// -----

// mlstm_c4
func.func @batch_of_f(%q: tensor<3x?x2x4xf64>, %i: tensor<3x?x2xf64>, %f: tensor<2x?x2xf64>) {
  // expected-error @below {{'xlstm.mlstm' op expected f to be [B, T, H] = [3, ?, 2]xf64, got [2, ?, 2]xf64}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%i, %f)
      : (tensor<3x?x2x4xf64>, tensor<3x?x2x4xf64>, tensor<3x?x2x4xf64>, tensor<3x?x2xf64>, tensor<2x?x2xf64>)
      -> (tensor<3x?x2x4xf64>, tensor<3x2x4x4xf64>, tensor<3x2x4xf64>, tensor<3x2xf64>)
  return
}

// -----

// mlstm_c5
func.func @exp_not_normalized(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected input_gate = sigmoid with normalize = false, got exp}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) {normalize = false} : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}

// -----

// mlstm_c6
func.func @missing_m0(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>, %c0: tensor<?x2x4x4xf32>, %n0: tensor<?x2x4xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected the initial state m0 for this input_gate and normalize, got none}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) state(%c0, %n0) : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}

// -----

// mlstm_c6
func.func @m0_of_sigmoid(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>, %c0: tensor<?x2x4x4xf32>,
                         %n0: tensor<?x2x4xf32>, %m0: tensor<?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected no initial state m0 for this input_gate and normalize, got one}}
  %0:3 = xlstm.mlstm %q, %q, %q gates(%g, %g) state(%c0, %n0, %m0) {input_gate = sigmoid}
      : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}

// -----

// mlstm_c6: the generic form can leave out c0 alone
func.func @missing_c0(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>, %n0: tensor<?x2x4xf32>, %m0: tensor<?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected the initial state c0 for this input_gate and normalize, got none}}
  %0:4 = "xlstm.mlstm"(%q, %q, %q, %g, %g, %n0, %m0) <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 1, 1, 0, 0>,
      resultSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>}>
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>,
         tensor<?x2x4xf32>, tensor<?x2xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>)
  return
}

// -----

// mlstm_c7
func.func @type_of_c0(%q: tensor<?x?x2x4xbf16>, %g: tensor<?x?x2xf32>, %c0: tensor<?x2x4x5xf32>,
                      %n0: tensor<?x2x4xf32>, %m0: tensor<?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected c0 to be [B, H, dqk, dv] = [?, 2, 4, 4]xf32, got [?, 2, 4, 5]xf32}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) state(%c0, %n0, %m0)
      : (tensor<?x?x2x4xbf16>, tensor<?x?x2x4xbf16>, tensor<?x?x2x4xbf16>, tensor<?x?x2xf32>, tensor<?x?x2xf32>,
         tensor<?x2x4x5xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>)
      -> (tensor<?x?x2x4xbf16>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>)
  return
}

// -----

// mlstm_c7
func.func @type_of_n0(%q: tensor<3x?x2x4xf32>, %g: tensor<3x?x2xf32>, %c0: tensor<3x2x4x4xf32>,
                      %n0: tensor<2x2x4xf32>, %m0: tensor<3x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected n0 to be [B, H, dqk] = [3, 2, 4]xf32, got [2, 2, 4]xf32}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) state(%c0, %n0, %m0)
      : (tensor<3x?x2x4xf32>, tensor<3x?x2x4xf32>, tensor<3x?x2x4xf32>, tensor<3x?x2xf32>, tensor<3x?x2xf32>,
         tensor<3x2x4x4xf32>, tensor<2x2x4xf32>, tensor<3x2xf32>)
      -> (tensor<3x?x2x4xf32>, tensor<3x2x4x4xf32>, tensor<3x2x4xf32>, tensor<3x2xf32>)
  return
}

// -----

// mlstm_c7: the last C is kept as the first
func.func @bf16_c0(%q: tensor<3x?x2x4xf32>, %g: tensor<3x?x2xf32>, %c0: tensor<3x2x4x4xbf16>,
                   %n0: tensor<3x2x4xf32>, %m0: tensor<3x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected c_last to be [B, H, dqk, dv] = [3, 2, 4, 4]xbf16, got [3, 2, 4, 4]xf32}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) state(%c0, %n0, %m0)
      : (tensor<3x?x2x4xf32>, tensor<3x?x2x4xf32>, tensor<3x?x2x4xf32>, tensor<3x?x2xf32>, tensor<3x?x2xf32>,
         tensor<3x2x4x4xbf16>, tensor<3x2x4xf32>, tensor<3x2xf32>)
      -> (tensor<3x?x2x4xf32>, tensor<3x2x4x4xf32>, tensor<3x2x4xf32>, tensor<3x2xf32>)
  return
}

// -----

// mlstm_c7: as a step keeps it, too
func.func @bf16_c_last(%q: tensor<3x2x4xf32>, %g: tensor<3x2xf32>, %c0: tensor<3x2x4x4xf32>,
                       %n0: tensor<3x2x4xf32>, %m0: tensor<3x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected c_last to be [B, H, dqk, dv] = [3, 2, 4, 4]xf32, got [3, 2, 4, 4]xbf16}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) state(%c0, %n0, %m0) {form = step}
      : (tensor<3x2x4xf32>, tensor<3x2x4xf32>, tensor<3x2x4xf32>, tensor<3x2xf32>, tensor<3x2xf32>,
         tensor<3x2x4x4xf32>, tensor<3x2x4xf32>, tensor<3x2xf32>)
      -> (tensor<3x2x4xf32>, tensor<3x2x4x4xbf16>, tensor<3x2x4xf32>, tensor<3x2xf32>)
  return
}

// -----

// mlstm_c7: with cu_seqlens the states count sequences, 3 here
func.func @type_of_m0(%q: tensor<1x?x2x4xf32>, %g: tensor<1x?x2xf32>, %c0: tensor<3x2x4x4xf32>,
                      %n0: tensor<3x2x4xf32>, %m0: tensor<1x2xf32>, %s: tensor<4xi32>) {
  // expected-error @below {{'xlstm.mlstm' op expected m0 to be [N, H] = [3, 2]xf32, got [1, 2]xf32}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) state(%c0, %n0, %m0) cu_seqlens(%s : tensor<4xi32>)
      : (tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>, tensor<1x?x2xf32>, tensor<1x?x2xf32>,
         tensor<3x2x4x4xf32>, tensor<3x2x4xf32>, tensor<1x2xf32>)
      -> (tensor<1x?x2x4xf32>, tensor<3x2x4x4xf32>, tensor<3x2x4xf32>, tensor<3x2xf32>)
  return
}

// -----

// mlstm_c8
func.func @no_starts(%q: tensor<1x?x2x4xf32>, %g: tensor<1x?x2xf32>, %s: tensor<0xi32>) {
  // expected-error @below {{'xlstm.mlstm' op expected cu_seqlens to be [N + 1] with N >= 0, got an extent of 0}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) cu_seqlens(%s : tensor<0xi32>) : tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>
  return
}

// -----

// mlstm_c8
func.func @packed_rows(%q: tensor<2x?x2x4xf32>, %g: tensor<2x?x2xf32>, %s: tensor<?xi32>) {
  // expected-error @below {{'xlstm.mlstm' op expected B to be 1 with cu_seqlens, got 2}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) cu_seqlens(%s : tensor<?xi32>) : tensor<2x?x2x4xf32>, tensor<2x?x2x4xf32>
  return
}

// -----

// mlstm_c8: what ODS says
func.func @long_starts(%q: tensor<1x?x2x4xf32>, %g: tensor<1x?x2xf32>, %s: tensor<?xi64>) {
  // expected-error @below {{'xlstm.mlstm' op operand #5 must be 1D tensor of 32-bit signless integer values}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) cu_seqlens(%s : tensor<?xi64>) : tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>
  return
}

// -----

// mlstm_c9
func.func @time_of_reset(%q: tensor<?x9x2x4xf32>, %g: tensor<?x9x2xf32>, %r: tensor<?x8xi1>) {
  // expected-error @below {{'xlstm.mlstm' op expected reset to be [B, T] = [?, 9]xi1, got [?, 8]xi1}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) reset(%r : tensor<?x8xi1>) : tensor<?x9x2x4xf32>, tensor<?x9x2x4xf32>
  return
}

// -----

// mlstm_c10
func.func @negative_eps(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected eps to be finite and not negative, got -1.0}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) {eps = -1.0} : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}

// -----

// mlstm_c11
func.func @type_of_h(%q: tensor<?x?x2x4xbf16>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected h to be [B, T, H, dv] = [?, ?, 2, 4]xbf16, got [?, ?, 2, 4]xf16}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g)
      : (tensor<?x?x2x4xbf16>, tensor<?x?x2x4xbf16>, tensor<?x?x2x4xbf16>, tensor<?x?x2xf32>, tensor<?x?x2xf32>)
      -> (tensor<?x?x2x4xf16>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>)
  return
}

// -----

// mlstm_c11
func.func @type_of_c_last(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected c_last to be [B, H, dqk, dv] = [?, 2, 4, 4]xf32, got [?, 2, 4, 3]xf32}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g)
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x2x4x3xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>)
  return
}

// -----

// mlstm_c11
func.func @type_of_n_last(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected n_last to be [B, H, dqk] = [?, 2, 4]xf32, got [?, 2, 4]xf64}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g)
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf64>, tensor<?x2xf32>)
  return
}

// -----

// mlstm_c11
func.func @type_of_m_last(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected m_last to be [B, H] = [?, 2]xf32, got [?, 4]xf32}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g)
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x4xf32>)
  return
}

// -----

// mlstm_c11
func.func @missing_n_last(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected a result n_last for this input_gate and normalize, got none}}
  %0:3 = "xlstm.mlstm"(%q, %q, %q, %g, %g) <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 0, 0, 0, 0>,
      resultSegmentSizes = array<i32: 1, 1, 0, 1, 0, 0, 0>}>
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x2x4x4xf32>, tensor<?x2xf32>)
  return
}

// -----

// mlstm_c11
func.func @m_last_of_sigmoid(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected no result m_last for this input_gate and normalize, got one}}
  %0:4 = "xlstm.mlstm"(%q, %q, %q, %g, %g) <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 0, 0, 0, 0>,
      resultSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>, input_gate = #xlstm.input_gate<sigmoid>}>
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>)
  return
}

// -----

// mlstm_c12
func.func @step_with_time(%q: tensor<?x2x4xf32>, %k: tensor<?x?x2x4xf32>, %g: tensor<?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected k of rank 3, without a T axis, with form = step, got rank 4}}
  %0:4 = xlstm.mlstm %q, %k, %q gates(%g, %g) {form = step}
      : (tensor<?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>, tensor<?x2xf32>)
      -> (tensor<?x2x4xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>)
  return
}

// -----

// mlstm_c12
func.func @gates_without_time(%q: tensor<?x?x2x4xf32>, %g: tensor<?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected i of rank 3, with a T axis, without form = step, got rank 2}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g)
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x2xf32>, tensor<?x2xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>)
  return
}

// -----

// mlstm_c12
func.func @step_with_reset(%q: tensor<?x2x4xf32>, %g: tensor<?x2xf32>, %r: tensor<?x?xi1>) {
  // expected-error @below {{'xlstm.mlstm' op expected no reset with form = step, got one}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) reset(%r : tensor<?x?xi1>) {form = step}
      : tensor<?x2x4xf32>, tensor<?x2x4xf32>
  return
}

// -----

// mlstm_c12
func.func @step_with_sequences(%q: tensor<?x2x4xf32>, %g: tensor<?x2xf32>, %s: tensor<?xi32>) {
  // expected-error @below {{'xlstm.mlstm' op expected no cu_seqlens with form = step, got one}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) cu_seqlens(%s : tensor<?xi32>) {form = step}
      : tensor<?x2x4xf32>, tensor<?x2x4xf32>
  return
}

// -----

// mlstm_c12
func.func @step_with_saved_states(%q: tensor<?x2x4xf32>, %g: tensor<?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected no save_states with form = step, got one}}
  %0:7 = xlstm.mlstm %q, %q, %q gates(%g, %g) {form = step, save_states} : tensor<?x2x4xf32>, tensor<?x2x4xf32>
  return
}

// -----

// mlstm_c13
func.func @type_of_saved_states(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected m_states to be [R, H, 2] = [?, 2, 2]xf64, got [?, 2, 1]xf64}}
  %0:7 = xlstm.mlstm %q, %q, %q gates(%g, %g) {save_states}
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>,
          tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2x1xf64>)
  return
}

// -----

// mlstm_c13
func.func @missing_saved_states(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm' op expected the saved state c_states, got none}}
  %0:4 = "xlstm.mlstm"(%q, %q, %q, %g, %g) <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 0, 0, 0, 0>,
      resultSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>, save_states}>
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>)
  return
}

// -----

// The parser's own messages.
func.func @unknown_case(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{expected input_gate to be one of exp, sigmoid, got relu}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) {input_gate = relu} : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}

// -----

func.func @twice(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{option eps is given twice}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) {eps = 0.0, eps = 1.0} : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}

// -----

func.func @no_value(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{expected a value for option scale_on}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) {scale_on} : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}

// -----

func.func @no_state(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{expected state(c0), state(c0, n0) or state(c0, n0, m0), got 0 operands}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) state() : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}

// -----

func.func @rank_of_q(%q: tensor<?x?x4xf32>, %v: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{expected the types of q and v to be ranked tensors of rank 4}}
  %0:4 = xlstm.mlstm %q, %q, %v gates(%g, %g) : tensor<?x?x4xf32>, tensor<?x?x2x4xf32>
  return
}

// -----

func.func @rank_of_q_of_step(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{expected the types of q and v to be ranked tensors of rank 3 with form = step}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) {form = step} : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}

// -----

func.func @starts_of_two(%q: tensor<1x?x2x4xf32>, %g: tensor<1x?x2xf32>, %s: tensor<?xi32>) {
  // expected-error @below {{expected 1 operands of cu_seqlens, got 2}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) cu_seqlens(%s, %s : tensor<?xi32>, tensor<?xi32>) : tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>
  return
}

// -----

func.func @rank_of_starts(%q: tensor<1x?x2x4xf32>, %g: tensor<1x?x2xf32>, %s: tensor<1x?xi32>) {
  // expected-error @below {{expected the type of cu_seqlens to be a ranked tensor of rank 1}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) cu_seqlens(%s : tensor<1x?xi32>) : tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>
  return
}

// -----

func.func @result_count(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  %0:2 = xlstm.mlstm %q, %q, %q gates(%g, %g)
      // expected-error @below {{expected 4 result types for this input_gate and normalize, got 2}}
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x2x4x4xf32>)
  return
}
