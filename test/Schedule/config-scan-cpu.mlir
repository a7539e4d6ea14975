// SPDX-License-Identifier: Apache-2.0
// The schedules that recurrent cells and their sums get on a CPU, and overrides of them.
// RUN: xlstm-opt %s --xlstm-select-schedule=target=cpu | FileCheck %s
// RUN: xlstm-opt %s --xlstm-select-schedule="set=batch=2,sum_tokens=32" | FileCheck %s --check-prefix=SET

// Eight rows, of one head.
// CHECK-LABEL: func.func @small
// CHECK: xlstm.scan
// CHECK-SAME: xlstm.schedule = {batch = 8 : i64, heads = 1 : i64, target = "cpu"}
// SET-LABEL: func.func @small
// SET: xlstm.schedule = {batch = 2 : i64, heads = 1 : i64, target = "cpu"}
func.func @small(%x: tensor<?x?x4x64xf32>, %r: tensor<1x4x64x64xf32>) -> tensor<?x?x4x64xf32> {
  %y, %last = xlstm.scan sequences(%x : tensor<?x?x4x64xf32>) recurrent(%r : tensor<1x4x64x64xf32>) {
  ^bb0(%p: f32, %xt: f32, %h: f32):
    %next = arith.addf %p, %xt : f32
    xlstm.yield outputs(%next : f32) states(%next : f32)
  } -> outputs(tensor<?x?x4x64xf32>) states(tensor<?x4x64xf32>)
  return %y : tensor<?x?x4x64xf32>
}

// Units of one: a block takes several heads.
// CHECK-LABEL: func.func @diagonal
// CHECK: xlstm.schedule = {batch = 8 : i64, heads = 64 : i64, target = "cpu"}
func.func @diagonal(%x: tensor<?x?x100x1xf32>, %r: tensor<1x100x1x1xf32>) -> tensor<?x?x100x1xf32> {
  %y, %last = xlstm.scan sequences(%x : tensor<?x?x100x1xf32>) recurrent(%r : tensor<1x100x1x1xf32>) {
  ^bb0(%p: f32, %xt: f32, %h: f32):
    %next = arith.addf %p, %xt : f32
    xlstm.yield outputs(%next : f32) states(%next : f32)
  } -> outputs(tensor<?x?x100x1xf32>) states(tensor<?x100x1xf32>)
  return %y : tensor<?x?x100x1xf32>
}

// Packed sequences end in padding, so fewer tokens are read at a time.
// CHECK-LABEL: func.func @sums
// CHECK: xlstm.outer_sum {{.*}}xlstm.schedule = {rows = 64 : i64, target = "cpu", tokens = 64 : i64}
// CHECK: xlstm.outer_sum {{.*}}xlstm.schedule = {rows = 64 : i64, target = "cpu", tokens = 16 : i64}
// CHECK: xlstm.time_sum {{.*}}xlstm.schedule = {rows = 64 : i64, target = "cpu", tokens = 64 : i64}
// SET-LABEL: func.func @sums
// SET-COUNT-3: tokens = 32 : i64
func.func @sums(%x: tensor<1x?x2x4x100xf32>, %y: tensor<1x?x4x100xf32>, %s: tensor<?xi32>)
    -> (tensor<1x4x100x100xf32>, tensor<1x4x100x100xf32>, tensor<2x4x100xf32>) {
  %0 = xlstm.outer_sum %x [1] previous(%y) : tensor<1x?x2x4x100xf32>, tensor<1x?x4x100xf32> -> tensor<1x4x100x100xf32>
  %1 = xlstm.outer_sum %x [1] previous(%y) cu_seqlens(%s : tensor<?xi32>)
      : tensor<1x?x2x4x100xf32>, tensor<1x?x4x100xf32> -> tensor<1x4x100x100xf32>
  %2 = xlstm.time_sum %x : tensor<1x?x2x4x100xf32> -> tensor<2x4x100xf32>
  return %0, %1, %2 : tensor<1x4x100x100xf32>, tensor<1x4x100x100xf32>, tensor<2x4x100xf32>
}
