// SPDX-License-Identifier: Apache-2.0
// Schedules of xlstm.linear that a GPU cannot run: the inequality that does not hold, with its numbers.
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=gemm_rows=120" 2>&1 | FileCheck %s --check-prefix=WARPS
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=gemm_depth=32" 2>&1 | FileCheck %s --check-prefix=DEPTH
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=gemm_stages=1" 2>&1 | FileCheck %s --check-prefix=STAGES
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=gemm_stages=5" 2>&1 | FileCheck %s --check-prefix=SHARED
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=gemm_group=0" 2>&1 | FileCheck %s --check-prefix=GROUP
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_80 set=gemm_roles=1" 2>&1 | FileCheck %s --check-prefix=ROLES
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=gemm_rows=256" 2>&1 | FileCheck %s --check-prefix=ROWS
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=gemm_columns=512" 2>&1 | FileCheck %s --check-prefix=BOX
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=gemm_multiply_registers=160" 2>&1 | FileCheck %s --check-prefix=REGISTERS
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=gemm_load_registers=96" 2>&1 | FileCheck %s --check-prefix=ALL
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_80 set=gemm_warps_m=8,gemm_warps_n=8" 2>&1 | FileCheck %s --check-prefix=THREADS
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=gemm_resident=5" 2>&1 | FileCheck %s --check-prefix=RESIDENT
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=gemm_keeps_places=2" 2>&1 | FileCheck %s --check-prefix=PLACES
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=gemm_overlaps=1" 2>&1 | FileCheck %s --check-prefix=CONSTANT
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_80 set=gemm_overlaps=1" 2>&1 | FileCheck %s --check-prefix=OVERLAPS
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=gemm_joins=1" 2>&1 | FileCheck %s --check-prefix=JOINS

// WARPS: rows must be a multiple of 16 gemm_warps_m and columns one of 16 gemm_warps_n (8 with roles), got 120 x 256 on 8 x 1 warps
// DEPTH: gemm_depth must be a multiple of 64, got 32
// STAGES: gemm_stages must be at least 2, got 1
// SHARED: shared memory of 279552 bytes exceeds 232448
// GROUP: gemm_group and gemm_blocks must be at least 1, got 0 and 132
// ROLES: gemm_roles needs wgmma and tma, got mma_sync and cp_async
// ROWS: with roles a warpgroup has 64 rows and all columns, got 256 x 256 on 8 x 1 warps
// BOX: a copied box has at most 256 rows, got 128 of x and 512
// REGISTERS: sums take 128 registers of a thread and the rest 40, got 160
// ALL: registers of all roles must be at most 65536, got 71680
// RESIDENT: gemm_resident must be 1 to 4, got 5
// PLACES: gemm_keeps_places must be 0 or 1, got 2
// CONSTANT: gemm_overlaps needs weights that no launch of the run writes
// OVERLAPS: gemm_overlaps must be 0, or with roles 1 where the device has it, got 1 on sm_80
// JOINS: gemm_joins must be 0, or 1 for a product that overlaps and follows one of the same x, got 1
// THREADS: 2048 threads exceed 1024
func.func @linear(%x: tensor<?x64xbf16>, %w: tensor<96x64xbf16>) -> tensor<?x96xf32> {
  %y = xlstm.linear %x weights(%w : tensor<96x64xbf16>) : tensor<?x64xbf16> -> tensor<?x96xf32>
  return %y : tensor<?x96xf32>
}
