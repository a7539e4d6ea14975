// SPDX-License-Identifier: Apache-2.0
// One case for every message of the residual blocks.
// RUN: xlstm-opt %s -split-input-file -verify-diagnostics

// mlstm_block_c1
func.func @mlstm_width(%x: tensor<?x?x?xf32>, %norm: tensor<6xf32>, %up: tensor<16x6xf32>, %conv: tensor<8x1x4xf32>, %vec: tensor<8xf32>, %q: tensor<2x4x4xf32>, %gate: tensor<2x24xf32>, %h: tensor<2xf32>, %down: tensor<6x8xf32>, %conv0: tensor<?x3x8xf32>, %c0: tensor<?x2x4x4xf32>) {
  // expected-error @below {{'xlstm.mlstm_block' op expected D to be static and at least 1, got a dynamic extent}}
  %y, %cv, %c, %n, %m = xlstm.mlstm_block %x norm(%norm) proj_up(%up) conv(%conv, %vec) qkv(%q, %q, %q) gates(%gate, %h, %gate, %h)
      outnorm(%vec) skip(%vec) proj_down(%down) conv0(%conv0) c0(%c0) {heads = 2 : i64, norm_eps = 0.125 : f64}
      : (tensor<?x?x?xf32>, tensor<6xf32>, tensor<16x6xf32>, tensor<8x1x4xf32>, tensor<8xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8xf32>, tensor<6x8xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>)
      -> tensor<?x?x?xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>
  return
}

// -----

// mlstm_block_c1
func.func @mlstm_heads(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %up: tensor<16x6xf32>, %conv: tensor<8x1x4xf32>, %vec: tensor<8xf32>, %q: tensor<2x4x4xf32>, %gate: tensor<2x24xf32>, %h: tensor<2xf32>, %down: tensor<6x8xf32>, %conv0: tensor<?x3x8xf32>, %c0: tensor<?x2x4x4xf32>) {
  // expected-error @below {{'xlstm.mlstm_block' op expected E to be a multiple of heads = 3, got 8}}
  %y, %cv, %c, %n, %m = xlstm.mlstm_block %x norm(%norm) proj_up(%up) conv(%conv, %vec) qkv(%q, %q, %q) gates(%gate, %h, %gate, %h)
      outnorm(%vec) skip(%vec) proj_down(%down) conv0(%conv0) c0(%c0) {heads = 3 : i64, norm_eps = 0.125 : f64}
      : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<16x6xf32>, tensor<8x1x4xf32>, tensor<8xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8xf32>, tensor<6x8xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>)
      -> tensor<?x?x6xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>
  return
}

// -----

// mlstm_block_c2
func.func @mlstm_shape(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %up: tensor<16x7xf32>, %conv: tensor<8x1x4xf32>, %vec: tensor<8xf32>, %q: tensor<2x4x4xf32>, %gate: tensor<2x24xf32>, %h: tensor<2xf32>, %down: tensor<6x8xf32>, %conv0: tensor<?x3x8xf32>, %c0: tensor<?x2x4x4xf32>) {
  // expected-error @below {{'xlstm.mlstm_block' op expected proj_up to be [2 E, D] = [16, 6]xf32, got [16, 7]xf32}}
  %y, %cv, %c, %n, %m = xlstm.mlstm_block %x norm(%norm) proj_up(%up) conv(%conv, %vec) qkv(%q, %q, %q) gates(%gate, %h, %gate, %h)
      outnorm(%vec) skip(%vec) proj_down(%down) conv0(%conv0) c0(%c0) {heads = 2 : i64, norm_eps = 0.125 : f64}
      : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<16x7xf32>, tensor<8x1x4xf32>, tensor<8xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8xf32>, tensor<6x8xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>)
      -> tensor<?x?x6xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>
  return
}

// -----

// mlstm_block_c2
func.func @mlstm_element(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %up: tensor<16x6xf32>, %conv: tensor<8x1x4xf32>, %vec: tensor<8xf32>, %q: tensor<2x4x4xbf16>, %gate: tensor<2x24xf32>, %h: tensor<2xf32>, %down: tensor<6x8xf32>, %conv0: tensor<?x3x8xf32>, %c0: tensor<?x2x4x4xf32>) {
  // expected-error @below {{'xlstm.mlstm_block' op expected q to be [E/S, S, S] = [2, 4, 4]xf32, got [2, 4, 4]xbf16}}
  %y, %cv, %c, %n, %m = xlstm.mlstm_block %x norm(%norm) proj_up(%up) conv(%conv, %vec) qkv(%q, %q, %q) gates(%gate, %h, %gate, %h)
      outnorm(%vec) skip(%vec) proj_down(%down) conv0(%conv0) c0(%c0) {heads = 2 : i64, norm_eps = 0.125 : f64}
      : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<16x6xf32>, tensor<8x1x4xf32>, tensor<8xf32>, tensor<2x4x4xbf16>, tensor<2x4x4xbf16>, tensor<2x4x4xbf16>, tensor<2x24xf32>, tensor<2xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8xf32>, tensor<6x8xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>)
      -> tensor<?x?x6xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>
  return
}

// -----

// mlstm_block_c3
func.func @mlstm_f64(%x: tensor<?x?x6xf32>, %norm: tensor<6xf64>, %up: tensor<16x6xf32>, %conv: tensor<8x1x4xf32>, %vec: tensor<8xf32>, %q: tensor<2x4x4xf32>, %gate: tensor<2x24xf32>, %h: tensor<2xf32>, %down: tensor<6x8xf32>, %conv0: tensor<?x3x8xf32>, %c0: tensor<?x2x4x4xf32>) {
  // expected-error @below {{'xlstm.mlstm_block' op expected all tensors to be f64, or none, got x of 'f32' and norm of 'f64'}}
  %y, %cv, %c, %n, %m = xlstm.mlstm_block %x norm(%norm) proj_up(%up) conv(%conv, %vec) qkv(%q, %q, %q) gates(%gate, %h, %gate, %h)
      outnorm(%vec) skip(%vec) proj_down(%down) conv0(%conv0) c0(%c0) {heads = 2 : i64, norm_eps = 0.125 : f64}
      : (tensor<?x?x6xf32>, tensor<6xf64>, tensor<16x6xf32>, tensor<8x1x4xf32>, tensor<8xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8xf32>, tensor<6x8xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>)
      -> tensor<?x?x6xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>
  return
}

// -----

// mlstm_block_c4
func.func @mlstm_biases(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %up: tensor<16x6xf32>, %conv: tensor<8x1x4xf32>, %vec: tensor<8xf32>, %q: tensor<2x4x4xf32>, %gate: tensor<2x24xf32>, %h: tensor<2xf32>, %down: tensor<6x8xf32>, %conv0: tensor<?x3x8xf32>, %c0: tensor<?x2x4x4xf32>, %upb: tensor<16xf32>) {
  // expected-error @below {{'xlstm.mlstm_block' op expected all of proj_up_bias, q_bias, k_bias, v_bias, proj_down_bias, or none, got no q_bias}}
  %y, %cv, %c, %n, %m = xlstm.mlstm_block %x norm(%norm) proj_up(%up, %upb) conv(%conv, %vec) qkv(%q, %q, %q) gates(%gate, %h, %gate, %h)
      outnorm(%vec) skip(%vec) proj_down(%down) conv0(%conv0) c0(%c0) {heads = 2 : i64, norm_eps = 0.125 : f64}
      : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<16x6xf32>, tensor<16xf32>, tensor<8x1x4xf32>, tensor<8xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8xf32>, tensor<6x8xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>)
      -> tensor<?x?x6xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>
  return
}

// -----

// mlstm_block_c5
func.func @mlstm_conv_state(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %up: tensor<16x6xf32>, %conv: tensor<8x1x4xf32>, %vec: tensor<8xf32>, %q: tensor<2x4x4xf32>, %gate: tensor<2x24xf32>, %h: tensor<2xf32>, %down: tensor<6x8xf32>, %conv0: tensor<?x4x8xf32>, %c0: tensor<?x2x4x4xf32>) {
  // expected-error @below {{'xlstm.mlstm_block' op expected conv0 to be [B, K - 1, E] = [?, 3, 8]xf32, got [?, 4, 8]xf32}}
  %y, %cv, %c, %n, %m = xlstm.mlstm_block %x norm(%norm) proj_up(%up) conv(%conv, %vec) qkv(%q, %q, %q) gates(%gate, %h, %gate, %h)
      outnorm(%vec) skip(%vec) proj_down(%down) conv0(%conv0) c0(%c0) {heads = 2 : i64, norm_eps = 0.125 : f64}
      : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<16x6xf32>, tensor<8x1x4xf32>, tensor<8xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8xf32>, tensor<6x8xf32>, tensor<?x4x8xf32>, tensor<?x2x4x4xf32>)
      -> tensor<?x?x6xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>
  return
}

// -----

// mlstm_block_c5
func.func @mlstm_state(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %up: tensor<16x6xf32>, %conv: tensor<8x1x4xf32>, %vec: tensor<8xf32>, %q: tensor<2x4x4xf32>, %gate: tensor<2x24xf32>, %h: tensor<2xf32>, %down: tensor<6x8xf32>, %conv0: tensor<?x3x8xf32>, %c0: tensor<?x2x4x5xf32>) {
  // expected-error @below {{'xlstm.mlstm_block' op expected c0 to be [B, H, dqk, dv] = [?, 2, 4, 4]xf32, got [?, 2, 4, 5]xf32}}
  %y, %cv, %c, %n, %m = xlstm.mlstm_block %x norm(%norm) proj_up(%up) conv(%conv, %vec) qkv(%q, %q, %q) gates(%gate, %h, %gate, %h)
      outnorm(%vec) skip(%vec) proj_down(%down) conv0(%conv0) c0(%c0) {heads = 2 : i64, norm_eps = 0.125 : f64}
      : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<16x6xf32>, tensor<8x1x4xf32>, tensor<8xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8xf32>, tensor<6x8xf32>, tensor<?x3x8xf32>, tensor<?x2x4x5xf32>)
      -> tensor<?x?x6xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>
  return
}

// -----

// mlstm_block_c5: the last c is kept as the first
func.func @mlstm_kept(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %up: tensor<16x6xf32>, %conv: tensor<8x1x4xf32>, %vec: tensor<8xf32>, %q: tensor<2x4x4xf32>, %gate: tensor<2x24xf32>, %h: tensor<2xf32>, %down: tensor<6x8xf32>, %conv0: tensor<?x3x8xf32>, %c0: tensor<?x2x4x4xbf16>) {
  // expected-error @below {{'xlstm.mlstm_block' op expected the last c to be [B, H, dqk, dv] = [?, 2, 4, 4]xbf16, got [?, 2, 4, 4]xf32}}
  %y, %cv, %c, %n, %m = xlstm.mlstm_block %x norm(%norm) proj_up(%up) conv(%conv, %vec) qkv(%q, %q, %q) gates(%gate, %h, %gate, %h)
      outnorm(%vec) skip(%vec) proj_down(%down) conv0(%conv0) c0(%c0) {heads = 2 : i64, norm_eps = 0.125 : f64}
      : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<16x6xf32>, tensor<8x1x4xf32>, tensor<8xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8xf32>, tensor<6x8xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xbf16>)
      -> tensor<?x?x6xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>
  return
}

// -----

// mlstm_block_c5
func.func @mlstm_last_states(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %up: tensor<16x6xf32>, %conv: tensor<8x1x4xf32>, %vec: tensor<8xf32>, %q: tensor<2x4x4xf32>, %gate: tensor<2x24xf32>, %h: tensor<2xf32>, %down: tensor<6x8xf32>, %conv0: tensor<?x3x8xf32>, %c0: tensor<?x2x4x4xf32>) {
  // expected-error @below {{'xlstm.mlstm_block' op expected the last states c, n, m of the cell, got no n and no m}}
  %y, %cv, %c = xlstm.mlstm_block %x norm(%norm) proj_up(%up) conv(%conv, %vec) qkv(%q, %q, %q) gates(%gate, %h, %gate, %h)
      outnorm(%vec) skip(%vec) proj_down(%down) conv0(%conv0) c0(%c0) {heads = 2 : i64, norm_eps = 0.125 : f64}
      : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<16x6xf32>, tensor<8x1x4xf32>, tensor<8xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8xf32>, tensor<6x8xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>)
      -> tensor<?x?x6xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>
  return
}

// -----

// mlstm_block_c6
func.func @mlstm_no_heads(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %up: tensor<16x6xf32>, %conv: tensor<8x1x4xf32>, %vec: tensor<8xf32>, %q: tensor<2x4x4xf32>, %gate: tensor<2x24xf32>, %h: tensor<2xf32>, %down: tensor<6x8xf32>, %conv0: tensor<?x3x8xf32>, %c0: tensor<?x2x4x4xf32>) {
  // expected-error @below {{'xlstm.mlstm_block' op expected heads of at least 1, got 0}}
  %y, %cv, %c, %n, %m = xlstm.mlstm_block %x norm(%norm) proj_up(%up) conv(%conv, %vec) qkv(%q, %q, %q) gates(%gate, %h, %gate, %h)
      outnorm(%vec) skip(%vec) proj_down(%down) conv0(%conv0) c0(%c0) {heads = 0 : i64, norm_eps = 0.125 : f64}
      : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<16x6xf32>, tensor<8x1x4xf32>, tensor<8xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8xf32>, tensor<6x8xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>)
      -> tensor<?x?x6xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>
  return
}

// -----

// mlstm_block_c6
func.func @mlstm_eps(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %up: tensor<16x6xf32>, %conv: tensor<8x1x4xf32>, %vec: tensor<8xf32>, %q: tensor<2x4x4xf32>, %gate: tensor<2x24xf32>, %h: tensor<2xf32>, %down: tensor<6x8xf32>, %conv0: tensor<?x3x8xf32>, %c0: tensor<?x2x4x4xf32>) {
  // expected-error @below {{'xlstm.mlstm_block' op expected norm_eps to be finite and not negative, got -1.000000e+00}}
  %y, %cv, %c, %n, %m = xlstm.mlstm_block %x norm(%norm) proj_up(%up) conv(%conv, %vec) qkv(%q, %q, %q) gates(%gate, %h, %gate, %h)
      outnorm(%vec) skip(%vec) proj_down(%down) conv0(%conv0) c0(%c0) {heads = 2 : i64, norm_eps = -1.0 : f64}
      : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<16x6xf32>, tensor<8x1x4xf32>, tensor<8xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8xf32>, tensor<6x8xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>)
      -> tensor<?x?x6xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>
  return
}

// -----

// slstm_block_c1
func.func @slstm_heads(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %gate: tensor<2x3x3xf32>, %r: tensor<4x2x3x3xf32>, %b: tensor<4x2x3xf32>, %h0: tensor<?x2x3xf32>) {
  // expected-error @below {{'xlstm.slstm_block' op expected D to be a multiple of heads = 4, got 6}}
  %y, %h = xlstm.slstm_block %x norm(%norm) gates(%gate, %gate, %gate, %gate) recurrent(%r) bias(%b) states(%h0)
      {heads = 4 : i64, norm_eps = 0.125 : f64, state_names = ["h"]} cell {
  ^bb0(%r0: f32, %r1: f32, %r2: f32, %r3: f32, %w0: f32, %w1: f32, %w2: f32, %w3: f32, %b0: f32, %b1: f32, %b2: f32, %b3: f32, %old: f32):
    xlstm.yield outputs(%w0 : f32) states(%w0 : f32)
  } : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<4x2x3x3xf32>, tensor<4x2x3xf32>, tensor<?x2x3xf32>)
      -> tensor<?x?x6xf32> states(tensor<?x2x3xf32>)
  return
}

// -----

// slstm_block_c2
func.func @slstm_shape(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %gate: tensor<2x3x3xf32>, %r: tensor<3x2x3x3xf32>, %b: tensor<4x2x3xf32>, %h0: tensor<?x2x3xf32>) {
  // expected-error @below {{'xlstm.slstm_block' op expected recurrent to be [4, H, D/H, D/H] = [4, 2, 3, 3]xf32, got [3, 2, 3, 3]xf32}}
  %y, %h = xlstm.slstm_block %x norm(%norm) gates(%gate, %gate, %gate, %gate) recurrent(%r) bias(%b) states(%h0)
      {heads = 2 : i64, norm_eps = 0.125 : f64, state_names = ["h"]} cell {
  ^bb0(%r0: f32, %r1: f32, %r2: f32, %r3: f32, %w0: f32, %w1: f32, %w2: f32, %w3: f32, %b0: f32, %b1: f32, %b2: f32, %b3: f32, %old: f32):
    xlstm.yield outputs(%w0 : f32) states(%w0 : f32)
  } : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<3x2x3x3xf32>, tensor<4x2x3xf32>, tensor<?x2x3xf32>)
      -> tensor<?x?x6xf32> states(tensor<?x2x3xf32>)
  return
}

// -----

// slstm_block_c3
func.func @slstm_bias(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %gate: tensor<2x3x3xf32>, %r: tensor<4x2x3x3xf32>, %b: tensor<4x2x3xf64>, %h0: tensor<?x2x3xf32>) {
  // expected-error @below {{'xlstm.slstm_block' op expected bias to be [4, H, D/H] = [4, 2, 3]xf32, got [4, 2, 3]xf64}}
  %y, %h = xlstm.slstm_block %x norm(%norm) gates(%gate, %gate, %gate, %gate) recurrent(%r) bias(%b) states(%h0)
      {heads = 2 : i64, norm_eps = 0.125 : f64, state_names = ["h"]} cell {
  ^bb0(%r0: f32, %r1: f32, %r2: f32, %r3: f32, %w0: f32, %w1: f32, %w2: f32, %w3: f32, %b0: f32, %b1: f32, %b2: f32, %b3: f32, %old: f32):
    xlstm.yield outputs(%w0 : f32) states(%w0 : f32)
  } : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<4x2x3x3xf32>, tensor<4x2x3xf64>, tensor<?x2x3xf32>)
      -> tensor<?x?x6xf32> states(tensor<?x2x3xf32>)
  return
}

// -----

// slstm_block_c4
func.func @slstm_conv(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %gate: tensor<2x3x3xf32>, %r: tensor<4x2x3x3xf32>, %b: tensor<4x2x3xf32>, %h0: tensor<?x2x3xf32>, %conv0: tensor<?x3x6xf32>) {
  // expected-error @below {{'xlstm.slstm_block' op expected conv, its bias and its last state together, or none of them and no conv0}}
  %y, %h = xlstm.slstm_block %x norm(%norm) gates(%gate, %gate, %gate, %gate) recurrent(%r) bias(%b) conv0(%conv0) states(%h0)
      {heads = 2 : i64, norm_eps = 0.125 : f64, state_names = ["h"]} cell {
  ^bb0(%r0: f32, %r1: f32, %r2: f32, %r3: f32, %w0: f32, %w1: f32, %w2: f32, %w3: f32, %b0: f32, %b1: f32, %b2: f32, %b3: f32, %old: f32):
    xlstm.yield outputs(%w0 : f32) states(%w0 : f32)
  } : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<4x2x3x3xf32>, tensor<4x2x3xf32>, tensor<?x3x6xf32>, tensor<?x2x3xf32>)
      -> tensor<?x?x6xf32> states(tensor<?x2x3xf32>)
  return
}

// -----

// slstm_block_c5
func.func @slstm_states(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %gate: tensor<2x3x3xf32>, %r: tensor<4x2x3x3xf32>, %b: tensor<4x2x3xf32>, %h0: tensor<?x2x3xf32>) {
  // expected-error @below {{'xlstm.slstm_block' op expected as many names as last states, and as many initial states or none, got 1, 1 and 2}}
  %y, %h = xlstm.slstm_block %x norm(%norm) gates(%gate, %gate, %gate, %gate) recurrent(%r) bias(%b) states(%h0, %h0)
      {heads = 2 : i64, norm_eps = 0.125 : f64, state_names = ["h"]} cell {
  ^bb0(%r0: f32, %r1: f32, %r2: f32, %r3: f32, %w0: f32, %w1: f32, %w2: f32, %w3: f32, %b0: f32, %b1: f32, %b2: f32, %b3: f32, %old: f32):
    xlstm.yield outputs(%w0 : f32) states(%w0 : f32)
  } : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<4x2x3x3xf32>, tensor<4x2x3xf32>, tensor<?x2x3xf32>, tensor<?x2x3xf32>)
      -> tensor<?x?x6xf32> states(tensor<?x2x3xf32>)
  return
}

// -----

// slstm_block_c5
func.func @slstm_state(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %gate: tensor<2x3x3xf32>, %r: tensor<4x2x3x3xf32>, %b: tensor<4x2x3xf32>, %h0: tensor<?x2x4xf32>) {
  // expected-error @below {{'xlstm.slstm_block' op expected a state to be [B, H, D/H] = [?, 2, 3]xf32, got [?, 2, 4]xf32}}
  %y, %h = xlstm.slstm_block %x norm(%norm) gates(%gate, %gate, %gate, %gate) recurrent(%r) bias(%b) states(%h0)
      {heads = 2 : i64, norm_eps = 0.125 : f64, state_names = ["h"]} cell {
  ^bb0(%r0: f32, %r1: f32, %r2: f32, %r3: f32, %w0: f32, %w1: f32, %w2: f32, %w3: f32, %b0: f32, %b1: f32, %b2: f32, %b3: f32, %old: f32):
    xlstm.yield outputs(%w0 : f32) states(%w0 : f32)
  } : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<4x2x3x3xf32>, tensor<4x2x3xf32>, tensor<?x2x4xf32>)
      -> tensor<?x?x6xf32> states(tensor<?x2x3xf32>)
  return
}

// -----

// slstm_block_c6
func.func @slstm_eps(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %gate: tensor<2x3x3xf32>, %r: tensor<4x2x3x3xf32>, %b: tensor<4x2x3xf32>, %h0: tensor<?x2x3xf32>) {
  // expected-error @below {{'xlstm.slstm_block' op expected norm_eps to be finite and not negative, got -1.000000e+00}}
  %y, %h = xlstm.slstm_block %x norm(%norm) gates(%gate, %gate, %gate, %gate) recurrent(%r) bias(%b) states(%h0)
      {heads = 2 : i64, norm_eps = -1.0 : f64, state_names = ["h"]} cell {
  ^bb0(%r0: f32, %r1: f32, %r2: f32, %r3: f32, %w0: f32, %w1: f32, %w2: f32, %w3: f32, %b0: f32, %b1: f32, %b2: f32, %b3: f32, %old: f32):
    xlstm.yield outputs(%w0 : f32) states(%w0 : f32)
  } : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<4x2x3x3xf32>, tensor<4x2x3xf32>, tensor<?x2x3xf32>)
      -> tensor<?x?x6xf32> states(tensor<?x2x3xf32>)
  return
}

// -----

// xlstm_large_block_c1
func.func @large_heads(%x: tensor<?x?x8xf32>, %vec: tensor<8xf32>, %key: tensor<4x8xf32>, %value: tensor<8x8xf32>, %gate: tensor<2x8xf32>, %h: tensor<2xf32>) {
  // expected-error @below {{'xlstm.xlstm_large_block' op expected the width of v to be a multiple of heads = 3, got 8}}
  %r:4 = xlstm.xlstm_large_block %x norm(%vec) qkvo(%key, %key, %value, %value) gates(%gate, %gate)
      gate_biases(%h, %h) head_norm(%vec) out_proj(%value) {heads = 3 : i64, norm_eps = 0.125 : f64}
      : (tensor<?x?x8xf32>, tensor<8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8x8xf32>)
      -> tensor<?x?x8xf32>, tensor<?x2x2x4xf32>, tensor<?x2x2xf32>, tensor<?x2xf32>
  return
}

// -----

// xlstm_large_block_c1
func.func @large_keys(%x: tensor<?x?x8xf32>, %vec: tensor<8xf32>, %key: tensor<5x8xf32>, %value: tensor<8x8xf32>, %gate: tensor<2x8xf32>, %h: tensor<2xf32>) {
  // expected-error @below {{'xlstm.xlstm_large_block' op expected q and k of a width that is a multiple of heads = 2, got 5}}
  %r:4 = xlstm.xlstm_large_block %x norm(%vec) qkvo(%key, %key, %value, %value) gates(%gate, %gate)
      gate_biases(%h, %h) head_norm(%vec) out_proj(%value) {heads = 2 : i64, norm_eps = 0.125 : f64}
      : (tensor<?x?x8xf32>, tensor<8xf32>, tensor<5x8xf32>, tensor<5x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8x8xf32>)
      -> tensor<?x?x8xf32>, tensor<?x2x2x4xf32>, tensor<?x2x2xf32>, tensor<?x2xf32>
  return
}

// -----

// xlstm_large_block_c2
func.func @large_projections(%x: tensor<?x?x8xf32>, %vec: tensor<8xf32>, %key: tensor<4x8xf32>, %value: tensor<8x8xf32>, %gate: tensor<2x8xf32>, %h: tensor<2xf32>) {
  // expected-error @below {{'xlstm.xlstm_large_block' op expected four projections and two gates, or one of each, got 3 and 2}}
  %r:4 = xlstm.xlstm_large_block %x norm(%vec) qkvo(%key, %key, %value) gates(%gate, %gate)
      gate_biases(%h, %h) head_norm(%vec) out_proj(%value) {heads = 2 : i64, norm_eps = 0.125 : f64}
      : (tensor<?x?x8xf32>, tensor<8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8x8xf32>)
      -> tensor<?x?x8xf32>, tensor<?x2x2x4xf32>, tensor<?x2x2xf32>, tensor<?x2xf32>
  return
}

// -----

// xlstm_large_block_c2
func.func @large_shape(%x: tensor<?x?x8xf32>, %vec: tensor<8xf32>, %key: tensor<4x8xf32>, %value: tensor<8x8xbf16>, %gate: tensor<2x8xf32>, %h: tensor<2xf32>) {
  // expected-error @below {{'xlstm.xlstm_large_block' op expected v to be [rows, D] = [8, 8]xf32, got [8, 8]xbf16}}
  %r:4 = xlstm.xlstm_large_block %x norm(%vec) qkvo(%key, %key, %value, %value) gates(%gate, %gate)
      gate_biases(%h, %h) head_norm(%vec) out_proj(%value) {heads = 2 : i64, norm_eps = 0.125 : f64}
      : (tensor<?x?x8xf32>, tensor<8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x8xbf16>, tensor<8x8xbf16>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8x8xbf16>)
      -> tensor<?x?x8xf32>, tensor<?x2x2x4xf32>, tensor<?x2x2xf32>, tensor<?x2xf32>
  return
}

// -----

// xlstm_large_block_c2
func.func @large_gate(%x: tensor<?x?x8xf32>, %vec: tensor<8xf32>, %key: tensor<4x8xf32>, %value: tensor<8x8xf32>, %gate: tensor<3x8xf32>, %h: tensor<2xf32>) {
  // expected-error @below {{'xlstm.xlstm_large_block' op expected a gate to be [rows, D] = [2, 8]xf32, got [3, 8]xf32}}
  %r:4 = xlstm.xlstm_large_block %x norm(%vec) qkvo(%key, %key, %value, %value) gates(%gate, %gate)
      gate_biases(%h, %h) head_norm(%vec) out_proj(%value) {heads = 2 : i64, norm_eps = 0.125 : f64}
      : (tensor<?x?x8xf32>, tensor<8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<3x8xf32>, tensor<3x8xf32>, tensor<2xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8x8xf32>)
      -> tensor<?x?x8xf32>, tensor<?x2x2x4xf32>, tensor<?x2x2xf32>, tensor<?x2xf32>
  return
}

// -----

// xlstm_large_block_c3
func.func @large_f64(%x: tensor<?x?x8xf32>, %vec: tensor<8xf32>, %key: tensor<4x8xf32>, %value: tensor<8x8xf32>, %gate: tensor<2x8xf32>, %h: tensor<2xf64>) {
  // expected-error @below {{'xlstm.xlstm_large_block' op expected all tensors to be f64, or none, got x of 'f32' and the bias of a gate of 'f64'}}
  %r:4 = xlstm.xlstm_large_block %x norm(%vec) qkvo(%key, %key, %value, %value) gates(%gate, %gate)
      gate_biases(%h, %h) head_norm(%vec) out_proj(%value) {heads = 2 : i64, norm_eps = 0.125 : f64}
      : (tensor<?x?x8xf32>, tensor<8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2xf64>, tensor<2xf64>, tensor<8xf32>, tensor<8x8xf32>)
      -> tensor<?x?x8xf32>, tensor<?x2x2x4xf32>, tensor<?x2x2xf32>, tensor<?x2xf32>
  return
}

// -----

// xlstm_large_block_c4
func.func @large_biases(%x: tensor<?x?x8xf32>, %vec: tensor<8xf32>, %key: tensor<4x8xf32>, %value: tensor<8x8xf32>, %gate: tensor<2x8xf32>, %h: tensor<2xf32>) {
  // expected-error @below {{'xlstm.xlstm_large_block' op expected all of norm_bias, head_norm_bias, out_proj_bias, qkvo_biases, qkvo_biases, qkvo_biases, qkvo_biases, or none, got no head_norm_bias}}
  %r:4 = xlstm.xlstm_large_block %x norm(%vec, %vec) qkvo(%key, %key, %value, %value) gates(%gate, %gate)
      gate_biases(%h, %h) head_norm(%vec) out_proj(%value) {heads = 2 : i64, norm_eps = 0.125 : f64}
      : (tensor<?x?x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8x8xf32>)
      -> tensor<?x?x8xf32>, tensor<?x2x2x4xf32>, tensor<?x2x2xf32>, tensor<?x2xf32>
  return
}

// -----

// xlstm_large_block_c4
func.func @large_gate_biases(%x: tensor<?x?x8xf32>, %vec: tensor<8xf32>, %key: tensor<4x8xf32>, %value: tensor<8x8xf32>, %gate: tensor<2x8xf32>, %h: tensor<2xf32>) {
  // expected-error @below {{'xlstm.xlstm_large_block' op expected a bias for each of 2 gates and at most 4 of projections, got 1 and 0}}
  %r:4 = xlstm.xlstm_large_block %x norm(%vec) qkvo(%key, %key, %value, %value) gates(%gate, %gate)
      gate_biases(%h) head_norm(%vec) out_proj(%value) {heads = 2 : i64, norm_eps = 0.125 : f64}
      : (tensor<?x?x8xf32>, tensor<8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8x8xf32>)
      -> tensor<?x?x8xf32>, tensor<?x2x2x4xf32>, tensor<?x2x2xf32>, tensor<?x2xf32>
  return
}

// -----

// xlstm_large_block_c5
func.func @large_states(%x: tensor<?x?x8xf32>, %vec: tensor<8xf32>, %key: tensor<4x8xf32>, %value: tensor<8x8xf32>, %gate: tensor<2x8xf32>, %h: tensor<2xf32>) {
  // expected-error @below {{'xlstm.xlstm_large_block' op expected the last states c, n, m of the cell, got an n and no m}}
  %r:3 = xlstm.xlstm_large_block %x norm(%vec) qkvo(%key, %key, %value, %value) gates(%gate, %gate)
      gate_biases(%h, %h) head_norm(%vec) out_proj(%value) {heads = 2 : i64, norm_eps = 0.125 : f64}
      : (tensor<?x?x8xf32>, tensor<8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8x8xf32>)
      -> tensor<?x?x8xf32>, tensor<?x2x2x4xf32>, tensor<?x2x2xf32>
  return
}

// -----

// xlstm_large_block_c6
func.func @large_eps(%x: tensor<?x?x8xf32>, %vec: tensor<8xf32>, %key: tensor<4x8xf32>, %value: tensor<8x8xf32>, %gate: tensor<2x8xf32>, %h: tensor<2xf32>) {
  // expected-error @below {{'xlstm.xlstm_large_block' op expected norm_eps to be finite and not negative, got -1.000000e+00}}
  %r:4 = xlstm.xlstm_large_block %x norm(%vec) qkvo(%key, %key, %value, %value) gates(%gate, %gate)
      gate_biases(%h, %h) head_norm(%vec) out_proj(%value) {heads = 2 : i64, norm_eps = -1.0 : f64}
      : (tensor<?x?x8xf32>, tensor<8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8x8xf32>)
      -> tensor<?x?x8xf32>, tensor<?x2x2x4xf32>, tensor<?x2x2xf32>, tensor<?x2xf32>
  return
}

// -----

// xlstm_large_block_c6
func.func @large_cap(%x: tensor<?x?x8xf32>, %vec: tensor<8xf32>, %key: tensor<4x8xf32>, %value: tensor<8x8xf32>, %gate: tensor<2x8xf32>, %h: tensor<2xf32>) {
  // expected-error @below {{'xlstm.xlstm_large_block' op expected gate_soft_cap to be finite and positive, got 0.000000e+00}}
  %r:4 = xlstm.xlstm_large_block %x norm(%vec) qkvo(%key, %key, %value, %value) gates(%gate, %gate)
      gate_biases(%h, %h) head_norm(%vec) out_proj(%value) {heads = 2 : i64, norm_eps = 0.125 : f64, gate_soft_cap = 0.0 : f64}
      : (tensor<?x?x8xf32>, tensor<8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8x8xf32>)
      -> tensor<?x?x8xf32>, tensor<?x2x2x4xf32>, tensor<?x2x2xf32>, tensor<?x2xf32>
  return
}

// -----

// ffn_block_c1
func.func @ffn_inner(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %up: tensor<16x6xf32>, %down: tensor<6x?xf32>, %b: tensor<16xf32>) {
  // expected-error @below {{'xlstm.ffn_block' op expected F to be static and at least 1, got a dynamic extent}}
  %y = xlstm.ffn_block %x norm(rms %norm) up(%up) down(%down)
      {norm_eps = 0.125, activation = #xlstm.activation<silu>}
      : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<16x6xf32>, tensor<6x?xf32>) -> tensor<?x?x6xf32>
  return
}

// -----

// ffn_block_c2
func.func @ffn_projections(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %up: tensor<16x6xf32>, %down: tensor<6x8xf32>, %b: tensor<16xf32>) {
  // expected-error @below {{'xlstm.ffn_block' op expected one or two up projections, got 3}}
  %y = xlstm.ffn_block %x norm(rms %norm) up(%up, %up, %up) down(%down)
      {norm_eps = 0.125, activation = #xlstm.activation<silu>}
      : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<16x6xf32>, tensor<16x6xf32>, tensor<16x6xf32>, tensor<6x8xf32>) -> tensor<?x?x6xf32>
  return
}

// -----

// ffn_block_c2
func.func @ffn_shape(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %up: tensor<16x6xf32>, %down: tensor<6x8xf32>, %b: tensor<16xf32>) {
  // expected-error @below {{'xlstm.ffn_block' op expected up to be [rows, D] = [8, 6]xf32, got [16, 6]xf32}}
  %y = xlstm.ffn_block %x norm(rms %norm) up(%up, %up) down(%down)
      {norm_eps = 0.125, activation = #xlstm.activation<silu>}
      : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<16x6xf32>, tensor<16x6xf32>, tensor<6x8xf32>) -> tensor<?x?x6xf32>
  return
}

// -----

// ffn_block_c3
func.func @ffn_f64(%x: tensor<?x?x6xf32>, %norm: tensor<6xf64>, %up: tensor<16x6xf32>, %down: tensor<6x8xf32>, %b: tensor<16xf32>) {
  // expected-error @below {{'xlstm.ffn_block' op expected all tensors to be f64, or none, got x of 'f32' and norm of 'f64'}}
  %y = xlstm.ffn_block %x norm(rms %norm) up(%up) down(%down)
      {norm_eps = 0.125, activation = #xlstm.activation<silu>}
      : (tensor<?x?x6xf32>, tensor<6xf64>, tensor<16x6xf32>, tensor<6x8xf32>) -> tensor<?x?x6xf32>
  return
}

// -----

// ffn_block_c4
func.func @ffn_biases(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %up: tensor<16x6xf32>, %down: tensor<6x8xf32>, %b: tensor<16xf32>) {
  // expected-error @below {{'xlstm.ffn_block' op expected all of down_bias, up_biases, or none, got no down_bias}}
  %y = xlstm.ffn_block %x norm(rms %norm) up(%up) up_biases(%b) down(%down)
      {norm_eps = 0.125, activation = #xlstm.activation<silu>}
      : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<16x6xf32>, tensor<16xf32>, tensor<6x8xf32>) -> tensor<?x?x6xf32>
  return
}

// -----

// ffn_block_c4
func.func @ffn_norm_bias(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %up: tensor<16x6xf32>, %down: tensor<6x8xf32>, %b: tensor<16xf32>) {
  // expected-error @below {{'xlstm.ffn_block' op expected norm_bias only with biases of the projections}}
  %y = xlstm.ffn_block %x norm(rms %norm, %norm) up(%up) down(%down)
      {norm_eps = 0.125, activation = #xlstm.activation<silu>}
      : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<16x6xf32>, tensor<6x8xf32>) -> tensor<?x?x6xf32>
  return
}

// -----

// ffn_block_c5
func.func @ffn_eps(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %up: tensor<16x6xf32>, %down: tensor<6x8xf32>, %b: tensor<16xf32>) {
  // expected-error @below {{'xlstm.ffn_block' op expected norm_eps to be finite and not negative, got -1.000000e+00}}
  %y = xlstm.ffn_block %x norm(rms %norm) up(%up) down(%down)
      {norm_eps = -1.0, activation = #xlstm.activation<silu>}
      : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<16x6xf32>, tensor<6x8xf32>) -> tensor<?x?x6xf32>
  return
}
