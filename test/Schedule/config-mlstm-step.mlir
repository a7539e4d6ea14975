// SPDX-License-Identifier: Apache-2.0
// The schedules that one step of an mLSTM gets.
// RUN: xlstm-opt %s --xlstm-select-schedule=target=sm_90a | FileCheck %s
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a elementwise-copy=true" | FileCheck %s --check-prefix=ANY
// RUN: xlstm-opt %s --xlstm-select-schedule=target=sm_80 | FileCheck %s --check-prefix=SM80
// RUN: xlstm-opt %s --xlstm-select-schedule=target=cpu | FileCheck %s --check-prefix=CPU
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=cpu set=step_slice=48" | FileCheck %s --check-prefix=SET

// The layer of xLSTM-7B: eight blocks of a cluster share a head, one slice of 64 columns each; a thread has 8 rows of 4 columns.
// Without clusters a block walks the whole head, and reads a slice ahead.
// CHECK-LABEL: func.func @layer_7b
// CHECK: xlstm.schedule = {dqk_tile = 256 : i64, overlaps = true, parts = 8 : i64, resident = 2 : i64, slice = 64 : i64, spread = array<i64: 32, 16, 4>, stages = 1 : i64, target = "sm_90a", threads = 512 : i64}
// ANY-LABEL: func.func @layer_7b
// ANY: xlstm.schedule = {dqk_tile = 256 : i64, overlaps = true, parts = 8 : i64, resident = 1 : i64, slice = 64 : i64, spread = array<i64: 8, 64, 1>, stages = 1 : i64, target = "sm_90a", threads = 512 : i64}
// SM80-LABEL: func.func @layer_7b
// SM80: xlstm.schedule = {dqk_tile = 256 : i64, parts = 1 : i64, resident = 1 : i64, slice = 64 : i64, spread = array<i64: 32, 16, 4>, stages = 2 : i64, target = "sm_80", threads = 512 : i64}
// A slice of 32 columns fits half of the first-level cache of a CPU.
// CPU-LABEL: func.func @layer_7b
// CPU: xlstm.schedule = {dqk_tile = 256 : i64, slice = 32 : i64, target = "cpu"}
// SET-LABEL: func.func @layer_7b
// SET: xlstm.schedule = {dqk_tile = 256 : i64, slice = 48 : i64, target = "cpu"}
func.func @layer_7b(%q: tensor<?x8x256xbf16>, %v: tensor<?x8x512xbf16>, %g: tensor<?x8xf32>) -> tensor<?x8x512xbf16> {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %v gates(%g, %g) {form = step} : tensor<?x8x256xbf16>, tensor<?x8x512xbf16>
  return %h : tensor<?x8x512xbf16>
}

// Small heads: a block each. dqk is rounded up to the rows of all threads.
// CHECK-LABEL: func.func @small
// CHECK: parts = 1 : i64
// CPU-LABEL: func.func @small
// CPU: {dqk_tile = 5 : i64, slice = 36 : i64, target = "cpu"}
func.func @small(%q: tensor<?x2x5xf32>, %v: tensor<?x2x36xf32>, %g: tensor<?x2xf32>) -> tensor<?x2x36xf32> {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %v gates(%g, %g) {form = step} : tensor<?x2x5xf32>, tensor<?x2x36xf32>
  return %h : tensor<?x2x36xf32>
}

// A C of bf16: eight columns are 16 bytes.
// CHECK-LABEL: func.func @bf16_state
// CHECK: spread = array<i64: {{[0-9]+}}, {{[0-9]+}}, 8>
func.func @bf16_state(%q: tensor<?x2x64xbf16>, %g: tensor<?x2xf32>, %c0: tensor<?x2x64x64xbf16>, %n0: tensor<?x2x64xf32>, %m0: tensor<?x2xf32>) -> tensor<?x2x64xbf16> {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) state(%c0, %n0, %m0) {form = step}
      : (tensor<?x2x64xbf16>, tensor<?x2x64xbf16>, tensor<?x2x64xbf16>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2x64x64xbf16>, tensor<?x2x64xf32>, tensor<?x2xf32>)
      -> (tensor<?x2x64xbf16>, tensor<?x2x64x64xbf16>, tensor<?x2x64xf32>, tensor<?x2xf32>)
  return %h : tensor<?x2x64xbf16>
}
