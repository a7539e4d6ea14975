// SPDX-License-Identifier: Apache-2.0
// The schedules that sm_90a gets: the decision only, whatever machine this runs on.
// RUN: xlstm-opt %s --xlstm-select-schedule=target=sm_90a | FileCheck %s
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a elementwise-copy=true" | FileCheck %s --check-prefix=ANY
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=roles=0" | FileCheck %s --check-prefix=WITHOUT
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a segments=true" | FileCheck %s --check-prefix=SEGMENTS
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=kernels=one" | FileCheck %s --check-prefix=ONE
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=kernels=one elementwise-copy=true" | FileCheck %s --check-prefix=ONEANY

// The layer of xLSTM-7B: one warpgroup pair holds C^T [128, 256], q, k and v are read one chunk ahead.
// CHECK-LABEL: func.func @layer_7b
// CHECK: xlstm.schedule = {chunk = 64 : i64, copy = "tma", dqk_tile = 256 : i64, dv_slice = 128 : i64, lane_arrivals, matrix_unit = "wgmma", ring_stages = 2 : i64, roles = {gates = array<i64: 12, 1, 24>, load = array<i64: 13, 1, 24>, score = array<i64: 8, 4, 72>, state = array<i64: 0, 8, 208>}, stages = 2 : i64, target = "sm_90a", warps = array<i64: 8, 1>}
// WITHOUT-LABEL: func.func @layer_7b
// WITHOUT: xlstm.schedule = {chunk = 64 : i64, copy = "tma", dqk_tile = 256 : i64, dv_slice = 128 : i64, matrix_unit = "wgmma", stages = 2 : i64, target = "sm_90a", warps = array<i64: 8, 1>}
// As many segments as bring the blocks up to the number of multiprocessors, of 512 tokens at least.
// SEGMENTS-LABEL: func.func @layer_7b
// SEGMENTS: segments = array<i64: 132, 512>
// ANY-LABEL: func.func @layer_7b
// ANY: xlstm.schedule = {chunk = 64 : i64, copy = "elementwise", dqk_tile = 256 : i64, dv_slice = 64 : i64, matrix_unit = "wgmma", stages = 1 : i64, target = "sm_90a", warps = array<i64: 4, 2>}
func.func @layer_7b(%q: tensor<?x?x8x256xbf16>, %v: tensor<?x?x8x512xbf16>, %g: tensor<?x?x8xf32>) -> tensor<?x?x8x512xbf16> {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %v gates(%g, %g) : tensor<?x?x8x256xbf16>, tensor<?x?x8x512xbf16>
  return %h : tensor<?x?x8x512xbf16>
}

// CHECK-LABEL: func.func @odd
// CHECK: dqk_tile = 16 : i64, dv_slice = 128 : i64, matrix_unit = "wgmma"
// ANY-LABEL: func.func @odd
// ANY: copy = "elementwise", dqk_tile = 16 : i64
func.func @odd(%q: tensor<?x?x3x5xf16>, %g: tensor<?x?x3xf32>) -> tensor<?x?x3x5xf16> {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) : tensor<?x?x3x5xf16>, tensor<?x?x3x5xf16>
  return %h : tensor<?x?x3x5xf16>
}

// dqk = 512: by several kernels. By one, two groups of warps share the state; without TMA, wgmma's operands leave no room for
// it: mma.sync.
// CHECK-LABEL: func.func @deep
// CHECK: xlstm.schedule = {carry_slice = 256 : i64, chunk = 256 : i64, columns = 256 : i64, copy = "tma", depth = 64 : i64, dqk_slice = 256 : i64, dv_slice = 128 : i64, kernels = ["gates", "carry", "states", "scores", "output"], matrix_unit = "wgmma", num_warps = 8 : i64, rows = 128 : i64, save_every = 256 : i64, stages = 4 : i64, target = "sm_90a", tokens = 64 : i64}
// ANY-LABEL: func.func @deep
// ANY: xlstm.schedule = {carry_slice = 256 : i64, chunk = 128 : i64, columns = 128 : i64, copy = "elementwise", depth = 64 : i64, dqk_slice = 128 : i64, dv_slice = 128 : i64, kernels = ["gates", "carry", "states", "scores", "output"], matrix_unit = "wgmma", num_warps = 8 : i64, rows = 128 : i64, save_every = 128 : i64, stages = 1 : i64, target = "sm_90a", tokens = 64 : i64}
// ONE-LABEL: func.func @deep
// ONE: chunk = 64 : i64, copy = "tma", dqk_tile = 512 : i64, dv_slice = 64 : i64, matrix_unit = "wgmma", stages = 1 : i64, target = "sm_90a", warps = array<i64: 4, 2>
// ONEANY-LABEL: func.func @deep
// ONEANY: chunk = 32 : i64, copy = "elementwise", dqk_tile = 512 : i64, dv_slice = 32 : i64, matrix_unit = "mma_sync", stages = 1 : i64, target = "sm_90a", warps = array<i64: 2, 4>
func.func @deep(%q: tensor<?x?x2x512xbf16>, %g: tensor<?x?x2xf32>) -> tensor<?x?x2x512xbf16> {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) {scale_on = k} : tensor<?x?x2x512xbf16>, tensor<?x?x2x512xbf16>
  return %h : tensor<?x?x2x512xbf16>
}

// Every cell of a module gets its own decision.
// CHECK-LABEL: func.func @two
// CHECK: dqk_tile = 64 : i64
// CHECK: dqk_tile = 256 : i64
func.func @two(%a: tensor<?x?x2x64xbf16>, %b: tensor<?x?x2x256xbf16>, %g: tensor<?x?x2xf32>) {
  %0:4 = xlstm.mlstm %a, %a, %a gates(%g, %g) : tensor<?x?x2x64xbf16>, tensor<?x?x2x64xbf16>
  %1:4 = xlstm.mlstm %b, %b, %b gates(%g, %g) : tensor<?x?x2x256xbf16>, tensor<?x?x2x256xbf16>
  return
}
