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
