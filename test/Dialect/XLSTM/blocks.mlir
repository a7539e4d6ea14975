// SPDX-License-Identifier: Apache-2.0
// Residual blocks are read, printed, read again, and the same through the generic form.
// RUN: xlstm-opt %s | FileCheck %s
// RUN: xlstm-opt %s | xlstm-opt | FileCheck %s
// RUN: xlstm-opt %s --mlir-print-op-generic | xlstm-opt | FileCheck %s

// CHECK-LABEL: func.func @mlstm
func.func @mlstm(%x: tensor<?x?x6xf32>, %norm: tensor<6xbf16>, %up: tensor<16x6xf32>, %conv: tensor<8x1x4xf32>, %vec: tensor<8xf32>,
                 %q: tensor<2x4x4xf32>, %gate: tensor<2x24xf32>, %h: tensor<2xf32>, %down: tensor<6x8xf32>,
                 %conv0: tensor<?x3x8xf32>, %c0: tensor<?x2x4x4xf32>, %n0: tensor<?x2x4xf32>, %m0: tensor<?x2xf32>) -> tensor<?x?x6xf32> {
  // CHECK: xlstm.mlstm_block %arg0 norm(%arg1) proj_up(%arg2) conv(%arg3, %arg4) qkv(%arg5, %arg5, %arg5) gates(%arg6, %arg7, %arg6, %arg7)
  // CHECK-SAME: outnorm(%arg4) skip(%arg4) proj_down(%arg8) conv0(%arg9) c0(%arg10) n0(%arg11) m0(%arg12) {heads = 2 : i64, norm_eps = 1.250000e-01 : f64, scale_on = #xlstm.scale_on<k>}
  %y, %cv, %c, %n, %m = xlstm.mlstm_block %x norm(%norm) proj_up(%up) conv(%conv, %vec) qkv(%q, %q, %q) gates(%gate, %h, %gate, %h)
      outnorm(%vec) skip(%vec) proj_down(%down) conv0(%conv0) c0(%c0) n0(%n0) m0(%m0)
      {heads = 2 : i64, norm_eps = 0.125 : f64, scale_on = #xlstm.scale_on<k>}
      : (tensor<?x?x6xf32>, tensor<6xbf16>, tensor<16x6xf32>, tensor<8x1x4xf32>, tensor<8xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>,
         tensor<2x4x4xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8xf32>, tensor<6x8xf32>,
         tensor<?x3x8xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>)
      -> tensor<?x?x6xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>
  return %y : tensor<?x?x6xf32>
}

// CHECK-LABEL: func.func @slstm
func.func @slstm(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %conv: tensor<6x1x4xf32>, %gate: tensor<2x3x3xf32>,
                 %r: tensor<4x2x3x3xf32>, %b: tensor<4x2x3xf32>, %h0: tensor<?x2x3xf32>) -> tensor<?x?x6xf32> {
  // CHECK: xlstm.slstm_block %arg0 norm(%arg1) conv(%arg2, %arg1) gates(%arg3, %arg3, %arg3, %arg3) recurrent(%arg4) bias(%arg5) group_norm(%arg1)
  // CHECK-SAME: states(%arg6) {heads = 2 : i64, norm_eps = 1.250000e-01 : f64, state_names = ["h"]}
  %y, %cv, %h = xlstm.slstm_block %x norm(%norm) conv(%conv, %norm) gates(%gate, %gate, %gate, %gate) recurrent(%r) bias(%b)
      group_norm(%norm) states(%h0) {heads = 2 : i64, norm_eps = 0.125 : f64, state_names = ["h"]} cell {
  ^bb0(%r0: f32, %r1: f32, %r2: f32, %r3: f32, %w0: f32, %w1: f32, %w2: f32, %w3: f32, %b0: f32, %b1: f32, %b2: f32, %b3: f32, %old: f32):
    %0 = arith.addf %w0, %r0 : f32
    xlstm.yield outputs(%0 : f32) states(%0 : f32)
  }
      : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<6x1x4xf32>, tensor<6xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>,
         tensor<2x3x3xf32>, tensor<4x2x3x3xf32>, tensor<4x2x3xf32>, tensor<6xf32>, tensor<?x2x3xf32>)
      -> tensor<?x?x6xf32> conv(tensor<?x3x6xf32>) states(tensor<?x2x3xf32>)
  return %y : tensor<?x?x6xf32>
}

// CHECK-LABEL: func.func @large
func.func @large(%x: tensor<?x?x8xbf16>, %vec: tensor<8xbf16>, %key: tensor<4x8xbf16>, %value: tensor<8x8xbf16>, %gate: tensor<2x8xbf16>,
                 %h: tensor<2xf32>, %all: tensor<24x8xbf16>, %both: tensor<4x8xbf16>, %hh: tensor<4xf32>) -> tensor<?x?x8xbf16> {
  // CHECK: xlstm.xlstm_large_block %arg0 norm(%arg1) qkvo(%arg2, %arg2, %arg3, %arg3) gates(%arg4, %arg4) gate_biases(%arg5, %arg5) head_norm(%arg1) out_proj(%arg3)
  // CHECK-SAME: {gate_soft_cap = 1.500000e+01 : f64, heads = 2 : i64, norm_eps = 1.250000e-01 : f64}
  %y, %c, %n, %m = xlstm.xlstm_large_block %x norm(%vec) qkvo(%key, %key, %value, %value) gates(%gate, %gate) gate_biases(%h, %h)
      head_norm(%vec) out_proj(%value) {heads = 2 : i64, norm_eps = 0.125 : f64, gate_soft_cap = 15.0 : f64}
      : (tensor<?x?x8xbf16>, tensor<8xbf16>, tensor<4x8xbf16>, tensor<4x8xbf16>, tensor<8x8xbf16>, tensor<8x8xbf16>, tensor<2x8xbf16>,
         tensor<2x8xbf16>, tensor<2xf32>, tensor<2xf32>, tensor<8xbf16>, tensor<8x8xbf16>)
      -> tensor<?x?x8xbf16>, tensor<?x2x2x4xf32>, tensor<?x2x2xf32>, tensor<?x2xf32>
  // CHECK: xlstm.xlstm_large_block {{.*}} norm(%arg1, %arg1) qkvo(%arg6) qkvo_biases(%{{.*}}) gates(%arg7) gate_biases(%arg8) head_norm(%arg1, %arg1) out_proj(%arg3, %arg1)
  %b = arith.constant dense<0.0> : tensor<24xf32>
  %z, %c1, %n1, %m1 = xlstm.xlstm_large_block %y norm(%vec, %vec) qkvo(%all) qkvo_biases(%b) gates(%both) gate_biases(%hh)
      head_norm(%vec, %vec) out_proj(%value, %vec) {heads = 2 : i64, norm_eps = 0.125 : f64}
      : (tensor<?x?x8xbf16>, tensor<8xbf16>, tensor<8xbf16>, tensor<24x8xbf16>, tensor<24xf32>, tensor<4x8xbf16>, tensor<4xf32>,
         tensor<8xbf16>, tensor<8xbf16>, tensor<8x8xbf16>, tensor<8xbf16>)
      -> tensor<?x?x8xbf16>, tensor<?x2x2x4xf32>, tensor<?x2x2xf32>, tensor<?x2xf32>
  return %z : tensor<?x?x8xbf16>
}

// CHECK-LABEL: func.func @ffn
func.func @ffn(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %up: tensor<16x6xf32>, %down: tensor<6x8xf32>, %b: tensor<16xf32>) -> tensor<?x?x6xf32> {
  // CHECK: xlstm.ffn_block %arg0 norm(layer %arg1) up(%arg2) down(%arg3) {activation = #xlstm.activation<gelu>, norm_eps = 1.250000e-01 : f64, residual_weight}
  %y = xlstm.ffn_block %x norm(layer %norm) up(%up) down(%down)
      {norm_eps = 0.125, residual_weight, activation = #xlstm.activation<gelu>}
      : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<16x6xf32>, tensor<6x8xf32>) -> tensor<?x?x6xf32>
  // CHECK: xlstm.ffn_block %0 norm(rms %arg1, %arg1) up(%arg2) up_biases(%arg4) down(%arg3, %arg1) {activation = #xlstm.activation<silu>
  %z = xlstm.ffn_block %y norm(rms %norm, %norm) up(%up) up_biases(%b) down(%down, %norm)
      {norm_eps = 0.125, activation = #xlstm.activation<silu>}
      : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<16x6xf32>, tensor<16xf32>, tensor<6x8xf32>, tensor<6xf32>) -> tensor<?x?x6xf32>
  return %z : tensor<?x?x6xf32>
}
