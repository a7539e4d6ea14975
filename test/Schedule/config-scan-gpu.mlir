// SPDX-License-Identifier: Apache-2.0
// The schedules that recurrent cells get on GPUs.
// RUN: xlstm-opt %s --xlstm-select-schedule=target=sm_90a | FileCheck %s
// RUN: xlstm-opt %s --xlstm-select-schedule=target=sm_80 | FileCheck %s --check-prefix=SM80

// The four matrices of a head fit: groups of 8 lanes with 8 elements each have a row of 64.
// CHECK-LABEL: func.func @small
// CHECK: xlstm.schedule = {batch = 1 : i64, heads = 1 : i64, matrices = "shared", overlaps, precise, products = array<i64: 8, 8>, spread = array<i64: 1, 256, 1>, target = "sm_90a", threads = 256 : i64}
// SM80-LABEL: func.func @small
// SM80: xlstm.schedule = {batch = 1 : i64, heads = 1 : i64, matrices = "shared", precise, products = array<i64: 8, 8>, spread = array<i64: 1, 256, 1>, target = "sm_80", threads = 256 : i64}
func.func @small(%x: tensor<?x?x4x64xbf16>, %r: tensor<4x4x64x64xbf16>) -> tensor<?x?x4x64xbf16> {
  %y, %last = xlstm.scan sequences(%x : tensor<?x?x4x64xbf16>) recurrent(%r : tensor<4x4x64x64xbf16>) {
  ^bb0(%p: f32, %q: f32, %u: f32, %v: f32, %xt: f32, %h: f32):
    %next = arith.addf %p, %xt : f32
    xlstm.yield outputs(%next : f32) states(%next : f32)
  } -> outputs(tensor<?x?x4x64xbf16>) states(tensor<?x4x64xf32>)
  return %y : tensor<?x?x4x64xbf16>
}

// In f32 224 rows of 896 bytes are 201 KB, which an H100's block has and an A100's has not.
// CHECK-LABEL: func.func @large
// CHECK: matrices = "shared", overlaps, precise, products = array<i64: 32, 4>, spread = array<i64: 1, 512, 1>
// SM80-LABEL: func.func @large
// SM80: matrices = "memory", precise, products = array<i64: 32, 1>, spread = array<i64: 1, 512, 1>
func.func @large(%x: tensor<?x?x4x224xf32>, %r: tensor<1x4x224x224xf32>) -> tensor<?x?x4x224xf32> {
  %y, %last = xlstm.scan sequences(%x : tensor<?x?x4x224xf32>) recurrent(%r : tensor<1x4x224x224xf32>) {
  ^bb0(%p: f32, %xt: f32, %h: f32):
    %next = arith.addf %p, %xt : f32
    xlstm.yield outputs(%next : f32) states(%next : f32)
  } -> outputs(tensor<?x?x4x224xf32>) states(tensor<?x4x224xf32>)
  return %y : tensor<?x?x4x224xf32>
}

// One token reads the matrices once.
// CHECK-LABEL: func.func @step
// CHECK: matrices = "memory", overlaps, precise, products = array<i64: 32, 1>, spread = array<i64: 1, 256, 1>
func.func @step(%x: tensor<?x4x64xbf16>, %r: tensor<1x4x64x64xbf16>) -> tensor<?x4x64xbf16> {
  %y, %last = xlstm.scan step sequences(%x : tensor<?x4x64xbf16>) recurrent(%r : tensor<1x4x64x64xbf16>) {
  ^bb0(%p: f32, %xt: f32, %h: f32):
    %next = arith.addf %p, %xt : f32
    xlstm.yield outputs(%next : f32) states(%next : f32)
  } -> outputs(tensor<?x4x64xbf16>) states(tensor<?x4x64xf32>)
  return %y : tensor<?x4x64xbf16>
}

// Units of one: a block takes 128 heads, and nothing is a matrix product.
// CHECK-LABEL: func.func @diagonal
// CHECK: xlstm.schedule = {batch = 1 : i64, heads = 128 : i64, overlaps, precise, spread = array<i64: 1, 128, 1>, target = "sm_90a", threads = 128 : i64}
func.func @diagonal(%x: tensor<?x?x300x1xf32>, %r: tensor<1x300x1x1xf32>) -> tensor<?x?x300x1xf32> {
  %y, %last = xlstm.scan sequences(%x : tensor<?x?x300x1xf32>) recurrent(%r : tensor<1x300x1x1xf32>) {
  ^bb0(%p: f32, %xt: f32, %h: f32):
    %next = arith.addf %p, %xt : f32
    xlstm.yield outputs(%next : f32) states(%next : f32)
  } -> outputs(tensor<?x?x300x1xf32>) states(tensor<?x300x1xf32>)
  return %y : tensor<?x?x300x1xf32>
}
