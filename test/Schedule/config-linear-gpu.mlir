// SPDX-License-Identifier: Apache-2.0
// The schedules that xlstm.linear gets on GPUs, whatever machine this runs on.
// RUN: xlstm-opt %s --xlstm-select-schedule=target=sm_90a | FileCheck %s
// RUN: xlstm-opt %s --xlstm-select-schedule=target=sm_80 | FileCheck %s --check-prefix=SM80
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a elementwise-copy=true" | FileCheck %s --check-prefix=ANY
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a most-rows=8" | FileCheck %s --check-prefix=FEW
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a most-rows=512" | FileCheck %s --check-prefix=SOME

// One weight: 128 x 256 sums of two warpgroups, four stages.
// CHECK-LABEL: func.func @one
// CHECK: xlstm.schedule = {aligned, blocks = 132 : i64, columns = 256 : i64, copy = "tma", deferred, depth = 64 : i64, group = 16 : i64, matrix_unit = "wgmma", roles = {load = array<i64: 8, 1, 40>, multiply = array<i64: 0, 8, 232>}, rows = 128 : i64, stages = 4 : i64, target = "sm_90a", warps = array<i64: 8, 1>}
// SM80-LABEL: func.func @one
// SM80: xlstm.schedule = {aligned, blocks = 108 : i64, columns = 128 : i64, copy = "cp_async", deferred, depth = 64 : i64, group = 16 : i64, matrix_unit = "mma_sync", rows = 128 : i64, stages = 3 : i64, target = "sm_80", warps = array<i64: 4, 2>}
// Few rows: 8192 columns are 128 tiles of 64, one for nearly each multiprocessor. 512 rows: 4 x 32 tiles of 128 x 256.
// FEW-LABEL: func.func @one
// FEW: columns = 64 : i64, copied_rows = 8 : i64, copy = "tma", deferred, depth = 128 : i64, group = 1 : i64, keeps_places, matrix_unit = "wgmma", resident = 2 : i64, roles = {load = array<i64: 4, 1, 128>, multiply = array<i64: 0, 4, 128>}, rows = 64 : i64, stages = 4 : i64
// SOME-LABEL: func.func @one
// SOME: columns = 256 : i64
// ANY-LABEL: func.func @one
// ANY: copy = "elementwise", deferred, depth = 64 : i64, group = 16 : i64, matrix_unit = "mma_sync", rows = 128 : i64, stages = 5 : i64
func.func @one(%x: tensor<?x?x4096xbf16>, %w: tensor<8192x4096xbf16>) -> tensor<?x?x8192xbf16> {
  %y = xlstm.linear %x weights(%w : tensor<8192x4096xbf16>) : tensor<?x?x4096xbf16> -> tensor<?x?x8192xbf16>
  return %y : tensor<?x?x8192xbf16>
}

// Two weights share the columns, as do four.
// CHECK-LABEL: func.func @two
// CHECK: columns = 128 : i64
// SM80-LABEL: func.func @two
// SM80: columns = 64 : i64
func.func @two(%x: tensor<?x64xf16>, %w: tensor<96x64xf16>) -> (tensor<?x96xf32>, tensor<?x96xf32>) {
  %y:2 = xlstm.linear %x weights(%w, %w : tensor<96x64xf16>, tensor<96x64xf16>) : tensor<?x64xf16> -> tensor<?x96xf32>, tensor<?x96xf32>
  return %y#0, %y#1 : tensor<?x96xf32>, tensor<?x96xf32>
}

// CHECK-LABEL: func.func @four
// CHECK: columns = 64 : i64
// SM80-LABEL: func.func @four
// SM80: columns = 32 : i64
func.func @four(%x: tensor<?x64xf16>, %w: tensor<96x64xf16>) -> (tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>) {
  %y:4 = xlstm.linear %x weights(%w, %w, %w, %w : tensor<96x64xf16>, tensor<96x64xf16>, tensor<96x64xf16>, tensor<96x64xf16>)
      : tensor<?x64xf16> -> tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>
  return %y#0, %y#1, %y#2, %y#3 : tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>
}
