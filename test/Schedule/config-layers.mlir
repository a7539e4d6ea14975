// SPDX-License-Identifier: Apache-2.0
// The schedules that layers of blocks get, and overrides of them.
// RUN: xlstm-opt %s --xlstm-select-schedule=target=cpu | FileCheck %s
// RUN: not xlstm-opt %s --xlstm-select-schedule="set=layer_rows=4,layer_columns=16" 2>&1 | FileCheck %s --check-prefix=SET
// RUN: xlstm-opt %s --xlstm-select-schedule="set=layer_rows=8" | FileCheck %s --check-prefix=EIGHT
// RUN: xlstm-opt %s --xlstm-select-schedule=target=sm_90a | FileCheck %s --check-prefix=GPU
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=layer_rows=2" 2>&1 | FileCheck %s --check-prefix=TWO
// RUN: not xlstm-opt %s "--xlstm-select-schedule=set=layer_threads=64" 2>&1 | FileCheck %s --check-prefix=THREADS
// RUN: not xlstm-opt %s --xlstm-select-schedule="set=layer_rows=0" 2>&1 | FileCheck %s --check-prefix=ROWS
// RUN: xlstm-opt %s --xlstm-select-schedule="set=layer_blocks=2" | FileCheck %s --check-prefix=BLOCKS
// RUN: not xlstm-opt %s --xlstm-select-schedule="set=layer_blocks=64" 2>&1 | FileCheck %s --check-prefix=WIDE
// WIDE: error: cannot be scheduled for cpu: layer_blocks is for block-diagonal matrices on CPUs, of at most 128 units together, got 64 blocks of 4

// GPU: xlstm.map {{.*}} {xlstm.schedule = {columns = 1024 : i64, overlaps, rows = 1 : i64, spread = array<i64: 1, 256, 1>, target = "sm_90a", threads = 256 : i64}}
// TWO: error: cannot be scheduled for sm_90a: on a GPU layer_rows must be 1, layer_threads a multiple of 32 up to 1024, and layer_columns at most 64 for each, got 2, 256 and 1024
// THREADS: error: cannot be scheduled for cpu: layer_threads is for GPUs, got cpu
// SET: error: cannot be scheduled for cpu: layer_columns must be the 4096 units of a row, got 16
// ROWS: error: cannot be scheduled for cpu: layer_rows must be 1 to 4096, got 0

// EIGHT: xlstm.map {{.*}} {xlstm.schedule = {columns = 512 : i64, rows = 8 : i64, target = "cpu"}}
// CHECK-LABEL: func.func @map
// CHECK: xlstm.map {{.*}} {xlstm.schedule = {columns = 512 : i64, rows = 4 : i64, target = "cpu"}}
func.func @map(%x: tensor<?x?x4096xf32>) -> tensor<?x?x4096xf32> {
  %y = xlstm.map %x : tensor<?x?x4096xf32> -> tensor<?x?x4096xf32> {
  ^bb0(%0: f32):
    xlstm.yield outputs(%0 : f32)
  }
  return %y : tensor<?x?x4096xf32>
}



// One token needs one row.
// CHECK-LABEL: func.func @one_token
// CHECK: xlstm.block_linear {{.*}} {xlstm.schedule = {columns = 64 : i64, rows = 1 : i64, target = "cpu"}}
// On a GPU many small blocks lie across the threads, or the outputs of one that is large.
// GPU: xlstm.block_linear {{.*}} {xlstm.schedule = {along_blocks, columns = 16 : i64, overlaps, rows = 1 : i64, spread = array<i64: 1, 32, 1>, target = "sm_90a", threads = 32 : i64}}
// GPU: xlstm.block_linear {{.*}} {xlstm.schedule = {columns = 48 : i64, overlaps, rows = 1 : i64, spread = array<i64: 1, 64, 1>, target = "sm_90a", threads = 64 : i64}}
func.func @one_token(%x: tensor<?x1x64xf32>, %w: tensor<16x4x4xf32>) -> tensor<?x1x64xf32> {
  %y = xlstm.block_linear %x, %w : tensor<?x1x64xf32>, tensor<16x4x4xf32> -> tensor<?x1x64xf32>
  return %y : tensor<?x1x64xf32>
}

func.func @heads(%x: tensor<?x1x64xf32>, %w: tensor<4x48x16xf32>) -> tensor<?x1x192xf32> {
  %y = xlstm.block_linear %x, %w : tensor<?x1x64xf32>, tensor<4x48x16xf32> -> tensor<?x1x192xf32>
  return %y : tensor<?x1x192xf32>
}



// A norm has whole rows.
// CHECK-LABEL: func.func @norm
// CHECK: xlstm.norm rms {{.*}} {xlstm.schedule = {columns = 4096 : i64, rows = 1 : i64, target = "cpu"}}
func.func @norm(%x: tensor<?x?x4096xf32>) -> tensor<?x?x4096xf32> {
  %y = xlstm.norm rms %x eps 1.0e-6 : tensor<?x?x4096xf32>
  return %y : tensor<?x?x4096xf32>
}



// Blocks narrower than a vector are taken several at a time; a sum over all tokens has narrow tiles, for more threads.
// CHECK-LABEL: func.func @groups
// CHECK: xlstm.block_linear {{.*}} {xlstm.schedule = {blocks = 4 : i64, columns = 64 : i64, rows = 64 : i64, target = "cpu"}}
// CHECK: xlstm.block_linear_weight {{.*}} {xlstm.schedule = {blocks = 4 : i64, columns = 64 : i64, rows = 64 : i64, target = "cpu"}}
// BLOCKS-LABEL: func.func @groups
// BLOCKS: xlstm.block_linear {{.*}} {xlstm.schedule = {blocks = 2 : i64, columns = 64 : i64
func.func @groups(%x: tensor<?x?x64xf32>, %w: tensor<16x4x4xf32>) -> (tensor<?x?x64xf32>, tensor<16x4x4xf32>) {
  %y = xlstm.block_linear %x, %w : tensor<?x?x64xf32>, tensor<16x4x4xf32> -> tensor<?x?x64xf32>
  %d = xlstm.block_linear_weight %x, %y : tensor<?x?x64xf32>, tensor<?x?x64xf32> -> tensor<16x4x4xf32>
  return %y, %d : tensor<?x?x64xf32>, tensor<16x4x4xf32>
}
