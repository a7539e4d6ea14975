// SPDX-License-Identifier: Apache-2.0
// Functions and cells that have no kernel.
// RUN: xlstm-opt %s --convert-xlstm-to-tile -split-input-file -verify-diagnostics

func.func @no_schedule(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{expected the attribute xlstm.schedule; run --xlstm-select-schedule first}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}

// -----

func.func @empty_schedule(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{expected a schedule with chunk and dv_slice of at least 1 and dqk_tile of at least dqk = 4}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) {xlstm.schedule = {}} : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}

// -----

func.func @reset_on_a_gpu(%q: tensor<?x?x2x16xbf16>, %g: tensor<?x?x2xf32>, %reset: tensor<?x?xi8>) {
  // expected-error @below {{the GPU kernel is the chunkwise form without cu_seqlens, reset and save_states; run sequences one by one, or on the CPU}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) reset(%reset : tensor<?x?xi8>)
      {xlstm.schedule = {target = "sm_80", chunk = 64 : i64, dv_slice = 16 : i64, dqk_tile = 64 : i64, warps = array<i64: 1, 1>}}
      : tensor<?x?x2x16xbf16>, tensor<?x?x2x16xbf16>
  return
}

// -----

func.func @parallel_on_a_gpu(%q: tensor<?x?x2x16xbf16>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{the GPU kernel is the chunkwise form without}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g)
      {form = parallel, xlstm.schedule = {target = "sm_80", chunk = 64 : i64, dv_slice = 16 : i64, dqk_tile = 64 : i64, warps = array<i64: 1, 1>}}
      : tensor<?x?x2x16xbf16>, tensor<?x?x2x16xbf16>
  return
}

// -----

func.func @packed_without_states(%q: tensor<1x?x2x4xf32>, %g: tensor<1x?x2xf32>, %starts: tensor<?xi32>) -> tensor<1x?x2x4xf32> {
  // expected-error @below {{expected initial states or a use of the last ones beside cu_seqlens: they say how many sequences there are}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) cu_seqlens(%starts : tensor<?xi32>)
      {xlstm.schedule = {target = "cpu", chunk = 64 : i64, dv_slice = 4 : i64, dqk_tile = 4 : i64}} : tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>
  return %0#0 : tensor<1x?x2x4xf32>
}

// -----

func.func @save_states_of_the_parallel_form(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{save_states is of the chunkwise form, got form = parallel}}
  %0:7 = xlstm.mlstm %q, %q, %q gates(%g, %g)
      {form = parallel, save_states, xlstm.schedule = {target = "cpu", chunk = 64 : i64, dv_slice = 4 : i64, dqk_tile = 4 : i64}} : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}

// -----

func.func @other_op(%q: tensor<?x?x2x4xf32>) -> tensor<?x?x2x4xf32> {
  // expected-error @below {{has no kernel}}
  %1 = arith.negf %q : tensor<?x?x2x4xf32>
  return %1 : tensor<?x?x2x4xf32>
}

// -----

// expected-error @below {{to be a value of its own}}
func.func @returns_argument(%q: tensor<?x?x2x4xf32>) -> tensor<?x?x2x4xf32> {
  return %q : tensor<?x?x2x4xf32>
}

// -----

func.func @several_kernels_with_resets(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>, %reset: tensor<?x?xi8>) -> tensor<?x?x2x4xf32> {
  // expected-error @below {{several kernels are the chunkwise form without cu_seqlens and reset}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) reset(%reset : tensor<?x?xi8>)
      {xlstm.schedule = {kernels = ["gates"], target = "cpu", chunk = 64 : i64}} : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return %0#0 : tensor<?x?x2x4xf32>
}

// -----

func.func @norm_of_a_vector(%x: tensor<16xf32>, %w: tensor<16xf32>) -> tensor<16xf32> {
  // expected-error @below {{has a kernel for rows, got a vector}}
  %dx, %dw = xlstm.norm_backward rms %x, %x weight(%w : tensor<16xf32>) eps 1.0e-5
      {xlstm.schedule = {target = "cpu", rows = 1 : i64, columns = 16 : i64}} : tensor<16xf32>, tensor<16xf32>
  return %dx : tensor<16xf32>
}

// -----

func.func @constant(%x: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @below {{has a kernel for vectors of one number, got 'tensor<2xf32>'}}
  %c = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  return %c : tensor<2xf32>
}
