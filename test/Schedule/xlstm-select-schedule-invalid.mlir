// SPDX-License-Identifier: Apache-2.0
// Cells that no schedule of a GPU takes.
// RUN: xlstm-opt %s --xlstm-select-schedule=target=sm_80 -split-input-file -verify-diagnostics

func.func @f32(%q: tensor<?x?x3x64xf32>, %g: tensor<?x?x3xf32>) {
  // expected-error @below {{cannot be scheduled for sm_80: the GPU kernel takes bf16 and f16 inputs, got 32-bit inputs}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) : tensor<?x?x3x64xf32>, tensor<?x?x3x64xf32>
  return
}

// -----

func.func @f64(%q: tensor<?x?x3x64xf64>, %g: tensor<?x?x3xf64>) {
  // expected-error @below {{the GPU kernel takes bf16 and f16 inputs, got 64-bit inputs}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) : tensor<?x?x3x64xf64>, tensor<?x?x3x64xf64>
  return
}

// -----

func.func @too_deep(%q: tensor<?x?x3x1024xbf16>, %g: tensor<?x?x3xf32>) {
  // expected-error @below {{no schedule of the chunkwise kernel fits sm_80 for dqk = 1024, dv = 1024: the smallest needs dv_slice * dqk_tile / threads = 32 * 1024 / 256 = 128 registers for the state, more than 64}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) : tensor<?x?x3x1024xbf16>, tensor<?x?x3x1024xbf16>
  return
}
