// SPDX-License-Identifier: Apache-2.0
// One case for every message of xlstm.mlstm_backward. What it shares with xlstm.mlstm is tested in
// mlstm-invalid.mlir.
// RUN: xlstm-opt %s -split-input-file -verify-diagnostics

// mlstm_backward_c1
func.func @cell(%q: tensor<?x?x2x4xf32>, %k: tensor<?x?x3x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm_backward' op expected k to be [B, T, H, dqk] = [?, ?, 2, 4]xf32, got [?, ?, 3, 4]xf32}}
  %0:5 = xlstm.mlstm_backward %q, %k, %q gates(%g, %g) grad(%q)
      : (tensor<?x?x2x4xf32>, tensor<?x?x3x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x2x4xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x?x3x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>)
  return
}

// -----

// mlstm_backward_c2
func.func @dh(%q: tensor<?x?x2x4xf32>, %v: tensor<?x?x2x3xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm_backward' op expected dh to be [B, T, H, dv] = [?, ?, 2, 3]xf32, got [?, ?, 2, 4]xf32}}
  %0:5 = xlstm.mlstm_backward %q, %q, %v gates(%g, %g) grad(%q)
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x3xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x2x4xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x3xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>)
  return
}

// -----

// mlstm_backward_c3
func.func @dc_last(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>, %dc: tensor<?x2x4x3xf32>) {
  // expected-error @below {{'xlstm.mlstm_backward' op expected dc_last to be [B, H, dqk, dv] = [?, 2, 4, 4]xf32, got [?, 2, 4, 3]xf32}}
  %0:5 = xlstm.mlstm_backward %q, %q, %q gates(%g, %g) grad(%q) dc_last(%dc : tensor<?x2x4x3xf32>) : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}

// -----

// mlstm_backward_c3
func.func @dn_last(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>, %dn: tensor<?x2x3xf32>) {
  // expected-error @below {{'xlstm.mlstm_backward' op expected dn_last to be [B, H, dqk] = [?, 2, 4]xf32, got [?, 2, 3]xf32}}
  %0:5 = xlstm.mlstm_backward %q, %q, %q gates(%g, %g) grad(%q) dn_last(%dn : tensor<?x2x3xf32>) : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}

// -----

// mlstm_backward_c3
func.func @dn_last_without_n(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>, %dn: tensor<?x2x4xf32>) {
  // expected-error @below {{'xlstm.mlstm_backward' op expected no dn_last for this input_gate and normalize, got one}}
  %0:5 = xlstm.mlstm_backward %q, %q, %q gates(%g, %g) grad(%q) dn_last(%dn : tensor<?x2x4xf32>)
      {input_gate = sigmoid, normalize = false} : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}

// -----

// mlstm_backward_c4
func.func @saved(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>, %c: tensor<?x2x4x4xf32>, %n: tensor<?x2x3xf32>, %m: tensor<?x2x2xf64>) {
  // expected-error @below {{'xlstm.mlstm_backward' op expected n_states to be [R, H, dqk] = [?, 2, 4]xf32, got [?, 2, 3]xf32}}
  %0:5 = xlstm.mlstm_backward %q, %q, %q gates(%g, %g) grad(%q)
      saved(%c, %n, %m : tensor<?x2x4x4xf32>, tensor<?x2x3xf32>, tensor<?x2x2xf64>) : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}

// -----

// mlstm_backward_c4
func.func @saved_in_part(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>, %c: tensor<?x2x4x4xf32>) {
  // expected-error @below {{'xlstm.mlstm_backward' op expected the saved state n_states, got none}}
  %0:5 = "xlstm.mlstm_backward"(%q, %q, %q, %g, %g, %q, %c) <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0>,
      resultSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 0>}>
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x2x4xf32>, tensor<?x2x4x4xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>)
  return
}

// -----

// mlstm_backward_c5
func.func @dv(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{'xlstm.mlstm_backward' op expected dv to be [B, T, H, dv] = [?, ?, 2, 4]xf32, got [?, ?, 2, 5]xf32}}
  %0:5 = xlstm.mlstm_backward %q, %q, %q gates(%g, %g) grad(%q)
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x2x4xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x5xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>)
  return
}

// -----

// mlstm_backward_c1: gradients are those of a C that nothing has rounded
func.func @kept(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>, %c: tensor<?x2x4x4xbf16>) {
  // expected-error @below {{'xlstm.mlstm_backward' op operand #5 must be 4D tensor of 32-bit float or 64-bit float values, but got 'tensor<?x2x4x4xbf16>'}}
  %0:6 = xlstm.mlstm_backward %q, %q, %q gates(%g, %g) state(%c) grad(%q) {input_gate = sigmoid, normalize = false}
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x2x4x4xbf16>, tensor<?x?x2x4xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x2x4x4xbf16>)
  return
}

// -----

// mlstm_backward_c6
func.func @dc0(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>, %c: tensor<?x2x4x4xf32>) {
  // expected-error @below {{'xlstm.mlstm_backward' op expected a result dc0 exactly with c0, got none}}
  %0:5 = "xlstm.mlstm_backward"(%q, %q, %q, %g, %g, %c, %q) <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0>,
      resultSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 0>, input_gate = #xlstm.input_gate<sigmoid>, normalize = false}>
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x2x4x4xf32>, tensor<?x?x2x4xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>)
  return
}

// -----

// mlstm_backward_c6
func.func @type_of_dc0(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>, %c: tensor<?x2x4x4xf32>) {
  // expected-error @below {{'xlstm.mlstm_backward' op expected dc0 to be [B, H, dqk, dv] = [?, 2, 4, 4]xf32, got [?, 2, 4, 5]xf32}}
  %0:6 = xlstm.mlstm_backward %q, %q, %q gates(%g, %g) state(%c) grad(%q) {input_gate = sigmoid, normalize = false}
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x2x4x4xf32>, tensor<?x?x2x4xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x2x4x5xf32>)
  return
}

// -----

// The parser's own messages.
func.func @result_count(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  %0:2 = xlstm.mlstm_backward %q, %q, %q gates(%g, %g) grad(%q)
      // expected-error @below {{expected 5 result types, those of the gradients of q, k, v, i, f, c0 and n0, got 2}}
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x2x4xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>)
  return
}

// -----

func.func @saved_count(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>, %c: tensor<?x2x4x4xf32>) {
  // expected-error @below {{expected 3 operands of saved, got 1}}
  %0:5 = xlstm.mlstm_backward %q, %q, %q gates(%g, %g) grad(%q) saved(%c : tensor<?x2x4x4xf32>) : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}
