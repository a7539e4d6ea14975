// SPDX-License-Identifier: Apache-2.0
// The schedules that xlstm.linear gets on a CPU, and overrides of them.
// RUN: xlstm-opt %s --xlstm-select-schedule=target=cpu | FileCheck %s
// RUN: xlstm-opt %s --xlstm-select-schedule="set=gemm_rows=8,gemm_depth=64" | FileCheck %s --check-prefix=SET

// CHECK-LABEL: func.func @large
// CHECK: xlstm.schedule = {columns = 128 : i64, depth = 256 : i64, rows = 128 : i64, target = "cpu"}
// SET: xlstm.schedule = {columns = 128 : i64, depth = 64 : i64, rows = 8 : i64, target = "cpu"}
func.func @large(%x: tensor<?x?x4096xbf16>, %w: tensor<8192x4096xbf16>) -> tensor<?x?x8192xbf16> {
  %y = xlstm.linear %x weights(%w : tensor<8192x4096xbf16>) : tensor<?x?x4096xbf16> -> tensor<?x?x8192xbf16>
  return %y : tensor<?x?x8192xbf16>
}

// Two weights, f64: what a block holds fits into the second-level cache.
// CHECK-LABEL: func.func @pair
// CHECK: xlstm.schedule = {columns = 128 : i64, depth = 128 : i64, rows = 128 : i64, target = "cpu"}
func.func @pair(%x: tensor<?x1000xf64>, %w: tensor<500x1000xf64>) -> (tensor<?x500xf64>, tensor<?x500xf64>) {
  %y:2 = xlstm.linear %x weights(%w, %w : tensor<500x1000xf64>, tensor<500x1000xf64>) : tensor<?x1000xf64> -> tensor<?x500xf64>, tensor<?x500xf64>
  return %y#0, %y#1 : tensor<?x500xf64>, tensor<?x500xf64>
}

// No wider than it must be.
// CHECK-LABEL: func.func @small
// CHECK: xlstm.schedule = {columns = 32 : i64, depth = 12 : i64, rows = 128 : i64, target = "cpu"}
func.func @small(%x: tensor<?x12xf32>, %w: tensor<20x12xf32>) -> tensor<?x20xf32> {
  %y = xlstm.linear %x weights(%w : tensor<20x12xf32>) : tensor<?x12xf32> -> tensor<?x20xf32>
  return %y : tensor<?x20xf32>
}

// The one token of each sequence, in a step: rows side by side, each as if alone.
// CHECK-LABEL: func.func @tokens
// CHECK: xlstm.schedule = {columns = 128 : i64, depth = 256 : i64, per_row, rows = 8 : i64, target = "cpu"}
func.func @tokens(%x: tensor<?x1x4096xbf16>, %w: tensor<8192x4096xbf16>) -> tensor<?x1x8192xbf16> {
  %y = xlstm.linear %x weights(%w : tensor<8192x4096xbf16>) : tensor<?x1x4096xbf16> -> tensor<?x1x8192xbf16>
  return %y : tensor<?x1x8192xbf16>
}
