// SPDX-License-Identifier: Apache-2.0
// Blocks become the ops of their formulas; one token takes the cells' step form. Values are checked in test/Models.
// RUN: xlstm-opt %s --xlstm-expand-blocks -split-input-file | FileCheck %s

// CHECK-LABEL: func.func @large
func.func @large(%x: tensor<?x?x8xbf16>, %vec: tensor<8xbf16>, %all: tensor<24x8xbf16>, %both: tensor<4x8xbf16>, %hh: tensor<4xf32>,
                 %out: tensor<8x8xbf16>) -> tensor<?x?x8xbf16> {
  // CHECK: %[[W:.*]] = xlstm.map %arg1 : tensor<8xbf16> -> tensor<8xf32>
  // CHECK: %[[U:.*]] = xlstm.norm rms %arg0 weight(%[[W]] : tensor<8xf32>) eps 1.250000e-01
  // The gates come first, and all products before the cell.
  // CHECK: %[[GATES:.*]] = xlstm.linear %[[U]] weights(%arg3 : tensor<4x8xbf16>) cols(%arg4 : tensor<4xf32>) epilogue
  // CHECK: -> tensor<?x?x4xf32>
  // CHECK: %[[G:.*]]:2 = xlstm.split %[[GATES]]
  // CHECK: %[[I:.*]] = xlstm.map %[[G]]#0
  // CHECK: math.tanh
  // CHECK: %[[F:.*]] = xlstm.map %[[G]]#1
  // CHECK: %[[ALL:.*]] = xlstm.linear %[[U]] weights(%arg2 : tensor<24x8xbf16>) : tensor<?x?x8xbf16> -> tensor<?x?x24xbf16>
  // CHECK: %[[P:.*]]:4 = xlstm.split %[[ALL]]
  // CHECK: %[[Q:.*]] = xlstm.reshape %[[P]]#0 : tensor<?x?x4xbf16> -> tensor<?x?x2x2xbf16>
  // CHECK: xlstm.mlstm %[[Q]], %{{.*}}, %{{.*}} gates(%[[I]], %[[F]]) : tensor<?x?x2x2xbf16>, tensor<?x?x2x4xbf16>
  // CHECK: xlstm.multihead_norm layer
  // CHECK: xlstm.map %{{.*}}, %[[P]]#3
  // CHECK: xlstm.sigmoid
  // CHECK: xlstm.linear
  // CHECK: xlstm.map %arg0
  // CHECK-NOT: xlstm_large_block
  %y, %c, %n, %m = xlstm.xlstm_large_block %x norm(%vec) qkvo(%all) gates(%both) gate_biases(%hh) head_norm(%vec) out_proj(%out)
      {heads = 2 : i64, norm_eps = 0.125 : f64, gate_soft_cap = 15.0 : f64}
      : (tensor<?x?x8xbf16>, tensor<8xbf16>, tensor<24x8xbf16>, tensor<4x8xbf16>, tensor<4xf32>, tensor<8xbf16>, tensor<8x8xbf16>)
      -> tensor<?x?x8xbf16>, tensor<?x2x2x4xf32>, tensor<?x2x2xf32>, tensor<?x2xf32>
  return %y : tensor<?x?x8xbf16>
}

// -----

// CHECK-LABEL: func.func @mlstm_of_one_token
func.func @mlstm_of_one_token(%x: tensor<?x1x6xf32>, %norm: tensor<6xf32>, %up: tensor<16x6xf32>, %conv: tensor<8x1x4xf32>, %vec: tensor<8xf32>,
                 %q: tensor<2x4x4xf32>, %gate: tensor<2x24xf32>, %h: tensor<2xf32>, %down: tensor<6x8xf32>, %conv0: tensor<?x3x8xf32>,
                 %c0: tensor<?x2x4x4xf32>, %n0: tensor<?x2x4xf32>, %m0: tensor<?x2xf32>) -> (tensor<?x1x6xf32>, tensor<?x3x8xf32>) {
  // CHECK: xlstm.map %arg1
  // CHECK: arith.addf %cst
  // CHECK: xlstm.norm layer %arg0
  // CHECK: %[[UZ:.*]]:2 = xlstm.split
  // CHECK: %[[K:.*]] = xlstm.reshape %arg3 : tensor<8x1x4xf32> -> tensor<8x4xf32>
  // CHECK: %conv, %[[LAST:.*]] = xlstm.causal_conv1d %[[UZ]]#0, %[[K]] bias(%arg4 : tensor<8xf32>) state(%arg9 : tensor<?x3x8xf32>)
  // CHECK: xlstm.block_linear
  // CHECK: xlstm.concat
  // CHECK: xlstm.reshape {{.*}} : tensor<?x1x2x4xf32> -> tensor<?x2x4xf32>
  // CHECK: xlstm.mlstm {{.*}} state(%arg10, %arg11, %arg12) {scale_on = k, form = step} : tensor<?x2x4xf32>, tensor<?x2x4xf32>
  // CHECK: xlstm.reshape {{.*}} : tensor<?x2x4xf32> -> tensor<?x1x2x4xf32>
  // CHECK: return %{{.*}}, %[[LAST]]
  %y, %cv, %c, %n, %m = xlstm.mlstm_block %x norm(%norm) proj_up(%up) conv(%conv, %vec) qkv(%q, %q, %q) gates(%gate, %h, %gate, %h)
      outnorm(%vec) skip(%vec) proj_down(%down) conv0(%conv0) c0(%c0) n0(%n0) m0(%m0)
      {heads = 2 : i64, norm_eps = 0.125 : f64, scale_on = #xlstm.scale_on<k>}
      : (tensor<?x1x6xf32>, tensor<6xf32>, tensor<16x6xf32>, tensor<8x1x4xf32>, tensor<8xf32>, tensor<2x4x4xf32>, tensor<2x4x4xf32>,
         tensor<2x4x4xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<2x24xf32>, tensor<2xf32>, tensor<8xf32>, tensor<8xf32>, tensor<6x8xf32>,
         tensor<?x3x8xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>)
      -> tensor<?x1x6xf32>, tensor<?x3x8xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>
  return %y, %cv : tensor<?x1x6xf32>, tensor<?x3x8xf32>
}

// -----

// CHECK-LABEL: func.func @slstm
func.func @slstm(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %gate: tensor<2x3x3xf32>,
                 %r: tensor<4x2x3x3xf32>, %b: tensor<4x2x3xf32>, %h0: tensor<?x2x3xf32>) -> tensor<?x?x6xf32> {
  // Without a convolution all gates read the norm's result.
  // CHECK: %[[U:.*]] = xlstm.norm layer
  // CHECK-COUNT-4: xlstm.block_linear %[[U]], %arg2
  // CHECK: xlstm.concat
  // CHECK: %[[WX:.*]] = xlstm.reshape {{.*}} -> tensor<?x?x4x2x3xf32>
  // CHECK: xlstm.scan recurrent_grad_clip {{.*}} recurrent_grad_cut state_names ["h"] sequences(%[[WX]]
  // CHECK-SAME: states(%arg5 : tensor<?x2x3xf32>) {
  // CHECK: xlstm.multihead_norm layer %out eps 1.250000e-01 : tensor<?x?x2x3xf32>
  %y, %h = xlstm.slstm_block %x norm(%norm) gates(%gate, %gate, %gate, %gate) recurrent(%r) bias(%b) states(%h0)
      {heads = 2 : i64, norm_eps = 0.125 : f64, state_names = ["h"], recurrent_grad_clip = 2.0, recurrent_grad_cut} cell {
  ^bb0(%r0: f32, %r1: f32, %r2: f32, %r3: f32, %w0: f32, %w1: f32, %w2: f32, %w3: f32, %b0: f32, %b1: f32, %b2: f32, %b3: f32, %old: f32):
    %0 = arith.addf %w0, %r0 : f32
    xlstm.yield outputs(%0 : f32) states(%0 : f32)
  } : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>, tensor<2x3x3xf32>,
         tensor<2x3x3xf32>, tensor<4x2x3x3xf32>, tensor<4x2x3xf32>, tensor<?x2x3xf32>)
      -> tensor<?x?x6xf32> states(tensor<?x2x3xf32>)
  return %y : tensor<?x?x6xf32>
}

// -----

// CHECK-LABEL: func.func @ffn
func.func @ffn(%x: tensor<?x?x6xf32>, %norm: tensor<6xf32>, %up: tensor<16x6xf32>, %down: tensor<6x8xf32>, %b: tensor<16xf32>) -> tensor<?x?x6xf32> {
  // CHECK: %[[U:.*]] = xlstm.norm layer %arg0
  // CHECK: %[[BIASED:.*]] = xlstm.map %[[U]], %arg1
  // CHECK: xlstm.linear %[[BIASED]] weights(%arg2 : tensor<16x6xf32>) cols(%arg4 : tensor<16xf32>)
  // CHECK: xlstm.split
  // CHECK: math.erf
  // CHECK: xlstm.linear {{.*}} weights(%arg3 : tensor<6x8xf32>) cols(%arg1 : tensor<6xf32>)
  %z = xlstm.ffn_block %x norm(layer %norm, %norm) up(%up) up_biases(%b) down(%down, %norm)
      {norm_eps = 0.125, activation = #xlstm.activation<gelu>}
      : (tensor<?x?x6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<16x6xf32>, tensor<16xf32>, tensor<6x8xf32>, tensor<6xf32>) -> tensor<?x?x6xf32>
  return %z : tensor<?x?x6xf32>
}
