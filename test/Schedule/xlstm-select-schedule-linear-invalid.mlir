// SPDX-License-Identifier: Apache-2.0
// Schedules of xlstm.linear that cannot be.
// RUN: not xlstm-opt %s --xlstm-select-schedule=set=gemm_rows=0 2>&1 | FileCheck %s --check-prefix=ROWS
// RUN: not xlstm-opt %s --xlstm-select-schedule=set=gemm_columns=5000 2>&1 | FileCheck %s --check-prefix=COLUMNS
// RUN: not xlstm-opt %s --xlstm-select-schedule=set=gemm_depth=-1 2>&1 | FileCheck %s --check-prefix=DEPTH
// RUN: not xlstm-opt %s --xlstm-select-schedule=set=gemm_depth=many 2>&1 | FileCheck %s --check-prefix=NUMBER
// RUN: not xlstm-opt %s --xlstm-select-schedule=set=size=1 2>&1 | FileCheck %s --check-prefix=KEY
// RUN: not xlstm-opt %s --xlstm-select-schedule=set=gemm_stages=2 2>&1 | FileCheck %s --check-prefix=ONLY
// RUN: not xlstm-opt %s --xlstm-select-schedule=target=sm_80 2>&1 | FileCheck %s --check-prefix=TYPE

// ROWS: cannot be scheduled for cpu: gemm_rows must be 1 to 1024, got 0
// COLUMNS: cannot be scheduled for cpu: gemm_columns must be 1 to 4096, got 5000
// DEPTH: cannot be scheduled for cpu: gemm_depth must be 1 to 4096, got -1
// NUMBER: schedule parameter 'gemm_depth' expects an integer, got 'many'
// KEY: unknown schedule parameter 'size', expected one of gemm_rows gemm_columns gemm_depth gemm_warps_m
// ONLY: schedule parameter 'gemm_stages' is for GPUs, got cpu
// TYPE: cannot be scheduled for sm_80: x must be of 16 bits, got 32
func.func @linear(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) -> tensor<?x4xf32> {
  %y = xlstm.linear %x weights(%w : tensor<4x8xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
