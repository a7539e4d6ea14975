// SPDX-License-Identifier: Apache-2.0
// The schedules that sm_80 gets: the decision only, whatever machine this runs on.
// RUN: xlstm-opt %s --xlstm-select-schedule=target=sm_80 | FileCheck %s
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_80 elementwise-copy=true" | FileCheck %s --check-prefix=ANY
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_80 set=kernels=one" | FileCheck %s --check-prefix=ONE
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_80 set=kernels=one elementwise-copy=true" | FileCheck %s --check-prefix=ONEANY

// The layer of xLSTM-7B: a state of 128 registers fits beside cp.async but not beside copies element by element.
// CHECK-LABEL: func.func @layer_7b
// CHECK: xlstm.schedule = {chunk = 32 : i64, copy = "cp_async", dqk_tile = 256 : i64, dv_slice = 128 : i64, matrix_unit = "mma_sync", stages = 2 : i64, target = "sm_80", warps = array<i64: 8, 1>}
// ANY-LABEL: func.func @layer_7b
// ANY: xlstm.schedule = {chunk = 32 : i64, copy = "elementwise", dqk_tile = 256 : i64, dv_slice = 64 : i64, matrix_unit = "mma_sync", stages = 1 : i64, target = "sm_80", warps = array<i64: 4, 2>}
func.func @layer_7b(%q: tensor<?x?x8x256xbf16>, %v: tensor<?x?x8x512xbf16>, %g: tensor<?x?x8xf32>) -> tensor<?x?x8x512xbf16> {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %v gates(%g, %g) : tensor<?x?x8x256xbf16>, tensor<?x?x8x512xbf16>
  return %h : tensor<?x?x8x512xbf16>
}

// Head sizes that no matrix unit takes are rounded up: 16 a warp along dqk.
// CHECK-LABEL: func.func @odd
// CHECK: dqk_tile = 32 : i64, dv_slice = 64 : i64
// CHECK-SAME: warps = array<i64: 4, 2>
// ANY-LABEL: func.func @odd
// ANY: copy = "elementwise", dqk_tile = 32 : i64
// ANY-SAME: stages = 1 : i64
func.func @odd(%q: tensor<?x?x3x5xf16>, %g: tensor<?x?x3xf32>) -> tensor<?x?x3x5xf16> {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) : tensor<?x?x3x5xf16>, tensor<?x?x3x5xf16>
  return %h : tensor<?x?x3x5xf16>
}

// dqk = 512: by several kernels. By one, four warps along dqk share the state, and there is one buffer in 99 KB of shared memory.
// CHECK-LABEL: func.func @deep
// CHECK: xlstm.schedule = {carry_slice = 256 : i64, chunk = 128 : i64, columns = 128 : i64, copy = "cp_async", depth = 64 : i64, dqk_slice = 128 : i64, dv_slice = 128 : i64, kernels = ["gates", "carry", "states", "scores", "output"], matrix_unit = "mma_sync", num_warps = 8 : i64, rows = 128 : i64, save_every = 128 : i64, stages = 2 : i64, target = "sm_80", tokens = 64 : i64}
// ANY-LABEL: func.func @deep
// ANY: xlstm.schedule = {carry_slice = 256 : i64, chunk = 128 : i64, columns = 128 : i64, copy = "elementwise", depth = 64 : i64, dqk_slice = 128 : i64, dv_slice = 128 : i64, kernels = ["gates", "carry", "states", "scores", "output"], matrix_unit = "mma_sync", num_warps = 8 : i64, rows = 128 : i64, save_every = 128 : i64, stages = 1 : i64, target = "sm_80", tokens = 64 : i64}
// ONE-LABEL: func.func @deep
// ONE: chunk = 32 : i64, copy = "cp_async", dqk_tile = 512 : i64, dv_slice = 32 : i64, matrix_unit = "mma_sync", stages = 1 : i64, target = "sm_80", warps = array<i64: 2, 4>
// ONEANY-LABEL: func.func @deep
// ONEANY: warps = array<i64: 2, 4>
func.func @deep(%q: tensor<?x?x2x512xbf16>, %g: tensor<?x?x2xf32>) -> tensor<?x?x2x512xbf16> {
  %h, %c = xlstm.mlstm %q, %q, %q gates(%g, %g) {input_gate = sigmoid, normalize = false} : tensor<?x?x2x512xbf16>, tensor<?x?x2x512xbf16>
  return %h : tensor<?x?x2x512xbf16>
}

// A decision that is there is kept.
// CHECK-LABEL: func.func @decided
// CHECK: {xlstm.schedule = {chunk = 16 : i64, target = "mine"}}
func.func @decided(%q: tensor<?x?x2x64xbf16>, %g: tensor<?x?x2xf32>) -> tensor<?x?x2x64xbf16> {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) {xlstm.schedule = {chunk = 16 : i64, target = "mine"}} : tensor<?x?x2x64xbf16>, tensor<?x?x2x64xbf16>
  return %h : tensor<?x?x2x64xbf16>
}
