// SPDX-License-Identifier: Apache-2.0
// Gradients of the mLSTM cell that have no kernel.
// RUN: xlstm-opt %s --convert-xlstm-to-tile -split-input-file -verify-diagnostics

func.func @not_saved(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) -> tensor<?x?x2x4xf32> {
  // expected-error @below {{expected the saved states of the forward pass}}
  %dq, %dk, %dv, %di, %df = xlstm.mlstm_backward %q, %q, %q gates(%g, %g) grad(%q)
      {xlstm.schedule = {chunk = 64}} : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return %dq : tensor<?x?x2x4xf32>
}

// -----

func.func @number_of_sequences(
    %q: tensor<1x?x2x4xf32>, %g: tensor<1x?x2xf32>, %starts: tensor<?xi32>,
    %c: tensor<?x2x4x4xf32>, %n: tensor<?x2x4xf32>, %m: tensor<?x2x2xf64>) -> tensor<1x?x2x4xf32> {
  // expected-error @below {{with cu_seqlens expected c0 or dc_last, which have a row for each sequence}}
  %dq, %dk, %dv, %di, %df = xlstm.mlstm_backward %q, %q, %q gates(%g, %g)
      cu_seqlens(%starts : tensor<?xi32>) grad(%q)
      saved(%c, %n, %m : tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2x2xf64>)
      {xlstm.schedule = {chunk = 64}} : tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>
  return %dq : tensor<1x?x2x4xf32>
}

// -----

func.func @gpu(
    %q: tensor<?x?x2x64xbf16>, %g: tensor<?x?x2xf32>,
    %c: tensor<?x2x64x64xf32>, %n: tensor<?x2x64xf32>, %m: tensor<?x2x2xf64>) -> tensor<?x?x2x64xbf16> {
  // expected-error @below {{has no kernel for a GPU}}
  %dq, %dk, %dv, %di, %df = xlstm.mlstm_backward %q, %q, %q gates(%g, %g) grad(%q)
      saved(%c, %n, %m : tensor<?x2x64x64xf32>, tensor<?x2x64xf32>, tensor<?x2x2xf64>)
      {xlstm.schedule = {chunk = 64, warps = array<i64: 4, 1>}} : tensor<?x?x2x64xbf16>, tensor<?x?x2x64xbf16>
  return %dq : tensor<?x?x2x64xbf16>
}
