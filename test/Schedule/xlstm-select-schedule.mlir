// SPDX-License-Identifier: Apache-2.0
// Overrides, and one line for every reason that there is no schedule.
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=chunk=32,matrix_unit=mma_sync,copy=cp_async,stages=3,dv_slice=64,warps_m=4,dqk_tile=80" | FileCheck %s --check-prefix=SET
// SET: xlstm.schedule = {chunk = 32 : i64, copy = "cp_async", dqk_tile = 80 : i64, dv_slice = 64 : i64, matrix_unit = "mma_sync", stages = 3 : i64, target = "sm_90a", warps = array<i64: 4, 1>}
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=cpu set=chunk=17,dv_slice=16,dqk_tile=70" | FileCheck %s --check-prefix=SETCPU
// SETCPU: xlstm.schedule = {chunk = 17 : i64, dqk_tile = 70 : i64, dv_slice = 16 : i64, target = "cpu"}

// A kernel for any alignment keeps its copy and its one buffer: those overrides are for the kernel beside it.
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a elementwise-copy=true set=copy=tma,stages=2,chunk=32,matrix_unit=mma_sync" | FileCheck %s --check-prefix=ANY
// ANY: chunk = 32 : i64, copy = "elementwise"
// ANY-SAME: stages = 1 : i64

// RUN: not xlstm-opt %s --xlstm-select-schedule=target=sm_70 2>&1 | FileCheck %s --check-prefix=TARGET
// TARGET: error: unknown target 'sm_70', expected one of sm_90a, sm_80, cpu

// DEFINE: %{try} = not xlstm-opt %s -o %t
// DEFINE: %{check} = 2>&1 | FileCheck %s --check-prefix

// What can be set, and to what.
// RUN: %{try} "--xlstm-select-schedule=target=sm_80 set=chunks=32" %{check}=KEY
// KEY: error: cannot be scheduled for sm_80: unknown schedule parameter 'chunks', expected chunk, dv_slice, dqk_tile, warps_m, warps_n, stages, matrix_unit, copy, roles, ring_stages, state_registers, score_registers, load_registers, segment_blocks, segment_tokens, lane_arrivals or persistent
// RUN: %{try} "--xlstm-select-schedule=target=sm_80 set=chunk=many" %{check}=INTEGER
// INTEGER: error: cannot be scheduled for sm_80: schedule parameter 'chunk' expects an integer, got 'many'
// RUN: %{try} "--xlstm-select-schedule=target=sm_80 set=chunk=32x" %{check}=TRAILING
// TRAILING: schedule parameter 'chunk' expects an integer, got '32x'
// RUN: %{try} "--xlstm-select-schedule=target=sm_80 set=chunk" %{check}=EMPTY
// EMPTY: schedule parameter 'chunk' expects an integer, got ''
// RUN: %{try} "--xlstm-select-schedule=target=sm_80 set=matrix_unit=dp4a" %{check}=UNIT
// UNIT: schedule parameter 'matrix_unit' expects mma_sync or wgmma, got 'dp4a'
// RUN: %{try} "--xlstm-select-schedule=target=sm_80 elementwise-copy=true set=copy=memcpy" %{check}=COPY
// COPY: schedule parameter 'copy' expects tma, cp_async or elementwise, got 'memcpy'

// Every inequality, with its numbers.
// RUN: %{try} "--xlstm-select-schedule=target=cpu set=warps_m=4" %{check}=CPU
// CPU: error: cannot be scheduled for cpu: warps_m, warps_n, stages, matrix_unit and copy are parameters of a GPU
// RUN: %{try} "--xlstm-select-schedule=target=cpu set=chunk=0" %{check}=CHUNK
// CHUNK: chunk must be 1 to 4096, got 0
// RUN: %{try} "--xlstm-select-schedule=target=cpu set=dv_slice=0" %{check}=SLICE
// SLICE: dv_slice must be 1 to 16777216, got 0
// RUN: %{try} "--xlstm-select-schedule=target=cpu set=dqk_tile=69" %{check}=TILE
// TILE: dqk_tile must be at least dqk = 70 and at most 16777216, got 69
// RUN: %{try} "--xlstm-select-schedule=target=sm_80 set=dqk_tile=9223372036854775807" %{check}=HUGE
// HUGE: dqk_tile must be at least dqk = 70 and at most 16777216, got 9223372036854775807
// RUN: %{try} "--xlstm-select-schedule=target=sm_80 set=warps_m=0" %{check}=WARPS
// WARPS: warps_m and warps_n must be 1 to 32, got 0 and
// RUN: %{try} "--xlstm-select-schedule=target=sm_80 set=chunk=48" %{check}=GPUCHUNK
// GPUCHUNK: chunk must be 16, 32 or 64 on a GPU, got 48
// RUN: %{try} "--xlstm-select-schedule=target=sm_80 set=warps_m=32,warps_n=2" %{check}=THREADS
// THREADS: a block has at most 1024 threads, got 2048
// RUN: %{try} "--xlstm-select-schedule=target=sm_80 set=dv_slice=40,warps_m=4,warps_n=1" %{check}=DIVIDE
// DIVIDE: dv_slice must be a multiple of 16 * 4 and dqk_tile of 16 * 1, got 40 and
// RUN: %{try} "--xlstm-select-schedule=target=sm_80 set=chunk=16,warps_m=2,warps_n=4,dv_slice=32,dqk_tile=128" %{check}=EIGHTS
// EIGHTS: chunk must be a multiple of 8 * 4, got 16
// RUN: %{try} "--xlstm-select-schedule=target=sm_90a set=roles=0,warps_m=12,warps_n=1,dv_slice=192" %{check}=SCORES
// SCORES: scores of 64 x 64 do not divide among 12 warps
// RUN: %{try} "--xlstm-select-schedule=target=sm_90a set=roles=0,matrix_unit=wgmma,chunk=32" %{check}=WGMMA
// WGMMA: wgmma needs a multiple of 4 warps along dv and a chunk of 64, got 8 and 32
// RUN: %{try} "--xlstm-select-schedule=target=sm_80 set=matrix_unit=wgmma,chunk=64,warps_m=4,warps_n=1,dv_slice=64" %{check}=NOWGMMA
// NOWGMMA: sm_80 has no wgmma
// RUN: %{try} "--xlstm-select-schedule=target=sm_80 set=copy=tma" %{check}=NOTMA
// NOTMA: sm_80 has no tensor memory accelerator
// RUN: %{try} "--xlstm-select-schedule=target=sm_80 set=stages=5" %{check}=STAGES
// STAGES: stages must be 1 to 4, and 1 for elementwise copies, got 5
// RUN: %{try} "--xlstm-select-schedule=target=sm_90a set=roles=0,dv_slice=512" %{check}=REGISTERS
// REGISTERS: dv_slice * dqk_tile / threads = 512 * 80 / 256 = 160 registers for the state, more than 128
// RUN: %{try} "--xlstm-select-schedule=target=sm_90a set=matrix_unit=wgmma,roles=0,warps_m=4,warps_n=2,dv_slice=64,dqk_tile=96" %{check}=PANELS
// PANELS: wgmma needs dqk_tile to be a multiple of 64 * 2, got 96
// RUN: %{try} "--xlstm-select-schedule=target=sm_80 set=chunk=64,stages=4,warps_m=8,warps_n=1,dv_slice=128,dqk_tile=80" %{check}=SHARED
// SHARED: bytes of shared memory, more than 101376 of sm_80

func.func @cell(%q: tensor<?x?x3x70xbf16>, %g: tensor<?x?x3xf32>) -> tensor<?x?x3x70xbf16> {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) : tensor<?x?x3x70xbf16>, tensor<?x?x3x70xbf16>
  return %h : tensor<?x?x3x70xbf16>
}
