// SPDX-License-Identifier: Apache-2.0
// The schedules that a CPU gets: a slice's state stays in half of a 1 MB cache. There are no warps, stages or copies.
// RUN: xlstm-opt %s --xlstm-select-schedule=target=cpu | FileCheck %s
// RUN: xlstm-opt %s --xlstm-select-schedule | FileCheck %s

// 256 x 512 x 4 bytes are that half.
// CHECK-LABEL: func.func @layer_7b
// CHECK: {xlstm.schedule = {chunk = 64 : i64, dqk_tile = 256 : i64, dv_slice = 512 : i64, target = "cpu"}}
func.func @layer_7b(%q: tensor<?x?x8x256xbf16>, %v: tensor<?x?x8x512xbf16>, %g: tensor<?x?x8xf32>) -> tensor<?x?x8x512xbf16> {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %v gates(%g, %g) : tensor<?x?x8x256xbf16>, tensor<?x?x8x512xbf16>
  return %h : tensor<?x?x8x512xbf16>
}

// Twice as much is two slices.
// CHECK-LABEL: func.func @deep
// CHECK: {xlstm.schedule = {chunk = 64 : i64, dqk_tile = 512 : i64, dv_slice = 256 : i64, target = "cpu"}}
func.func @deep(%q: tensor<?x?x2x512xf32>, %g: tensor<?x?x2xf32>) -> tensor<?x?x2x512xf32> {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) : tensor<?x?x2x512xf32>, tensor<?x?x2x512xf32>
  return %h : tensor<?x?x2x512xf32>
}

// No head size is rounded up, and every type is taken.
// CHECK-LABEL: func.func @odd
// CHECK: {xlstm.schedule = {chunk = 64 : i64, dqk_tile = 1 : i64, dv_slice = 5 : i64, target = "cpu"}}
func.func @odd(%q: tensor<?x?x3x1xf64>, %v: tensor<?x?x3x5xf64>, %g: tensor<?x?x3xf64>) -> tensor<?x?x3x5xf64> {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %v gates(%g, %g) : tensor<?x?x3x1xf64>, tensor<?x?x3x5xf64>
  return %h : tensor<?x?x3x5xf64>
}
