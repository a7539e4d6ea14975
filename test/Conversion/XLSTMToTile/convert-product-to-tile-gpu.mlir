// SPDX-License-Identifier: Apache-2.0
// Kernels for GPUs that are products and nothing else say so, by the places of their tensors: another library may compute them.
// RUN: xlstm-opt %s --xlstm-select-schedule=target=sm_90a --convert-xlstm-to-tile | FileCheck %s
// RUN: xlstm-opt %s --xlstm-select-schedule=target=cpu --convert-xlstm-to-tile | FileCheck %s --check-prefix=CPU
// CPU-NOT: tile.product

// CHECK-LABEL: tile.kernel @two(
// CHECK-SAME: names ["x", "q", "k", "y", "z"]
// CHECK-SAME: tile.product = {results = array<i64: 3, 4>, weights = array<i64: 1, 2>, x = 0 : i64}
func.func @two(%x: tensor<?x?x256xbf16> {xlstm.name = "x"}, %q: tensor<128x256xbf16> {xlstm.name = "q"}, %k: tensor<128x256xbf16> {xlstm.name = "k"})
    -> (tensor<?x?x128xbf16> {xlstm.name = "y"}, tensor<?x?x128xbf16> {xlstm.name = "z"}) {
  %y, %z = xlstm.linear %x weights(%q, %k : tensor<128x256xbf16>, tensor<128x256xbf16>) : tensor<?x?x256xbf16> -> tensor<?x?x128xbf16>, tensor<?x?x128xbf16>
  return %y, %z : tensor<?x?x128xbf16>, tensor<?x?x128xbf16>
}

// CHECK-LABEL: tile.kernel @residual(
// CHECK-SAME: names ["x", "w", "r", "y"]
// CHECK-SAME: tile.product = {residual = 2 : i64, results = array<i64: 3>, weights = array<i64: 1>, x = 0 : i64}
func.func @residual(%x: tensor<?x256xbf16> {xlstm.name = "x"}, %w: tensor<128x256xbf16> {xlstm.name = "w"}, %r: tensor<?x128xf32> {xlstm.name = "r"})
    -> (tensor<?x128xf32> {xlstm.name = "y"}) {
  %y = xlstm.linear %x weights(%w : tensor<128x256xbf16>) elems(%r : tensor<?x128xf32>) epilogue {
  ^bb0(%a: f32, %e: f32):
    %0 = arith.addf %e, %a : f32
    xlstm.yield outputs(%0 : f32)
  } : tensor<?x256xbf16> -> tensor<?x128xf32>
  return %y : tensor<?x128xf32>
}

// CHECK-LABEL: tile.kernel @bias(
// CHECK-SAME: tile.product = {bias = 2 : i64, results = array<i64: 3>, weights = array<i64: 1>, x = 0 : i64}
func.func @bias(%x: tensor<?x256xbf16> {xlstm.name = "x"}, %w: tensor<128x256xbf16> {xlstm.name = "w"}, %b: tensor<128xbf16> {xlstm.name = "b"})
    -> (tensor<?x128xbf16> {xlstm.name = "y"}) {
  %y = xlstm.linear %x weights(%w : tensor<128x256xbf16>) cols(%b : tensor<128xbf16>) epilogue {
  ^bb0(%a: f32, %e: f32):
    %0 = arith.addf %a, %e : f32
    xlstm.yield outputs(%0 : f32)
  } : tensor<?x256xbf16> -> tensor<?x128xbf16>
  return %y : tensor<?x128xbf16>
}

// A residual of another type than the result; more than a sum; twice the residual.
// CHECK-LABEL: tile.kernel @mixed(
// CHECK-NOT: tile.product
func.func @mixed(%x: tensor<?x256xbf16> {xlstm.name = "x"}, %w: tensor<128x256xbf16> {xlstm.name = "w"}, %r: tensor<?x128xbf16> {xlstm.name = "r"})
    -> (tensor<?x128xf32> {xlstm.name = "y"}) {
  %y = xlstm.linear %x weights(%w : tensor<128x256xbf16>) elems(%r : tensor<?x128xbf16>) epilogue {
  ^bb0(%a: f32, %e: f32):
    %0 = arith.addf %a, %e : f32
    xlstm.yield outputs(%0 : f32)
  } : tensor<?x256xbf16> -> tensor<?x128xf32>
  return %y : tensor<?x128xf32>
}
func.func @tanh(%x: tensor<?x256xbf16> {xlstm.name = "x"}, %w: tensor<128x256xbf16> {xlstm.name = "w"})
    -> (tensor<?x128xbf16> {xlstm.name = "y"}) {
  %y = xlstm.linear %x weights(%w : tensor<128x256xbf16>) epilogue {
  ^bb0(%a: f32):
    %0 = math.tanh %a : f32
    xlstm.yield outputs(%0 : f32)
  } : tensor<?x256xbf16> -> tensor<?x128xbf16>
  return %y : tensor<?x128xbf16>
}
func.func @twice(%x: tensor<?x256xbf16> {xlstm.name = "x"}, %w: tensor<128x256xbf16> {xlstm.name = "w"}, %r: tensor<?x128xbf16> {xlstm.name = "r"})
    -> (tensor<?x128xbf16> {xlstm.name = "y"}) {
  %y = xlstm.linear %x weights(%w : tensor<128x256xbf16>) elems(%r : tensor<?x128xbf16>) epilogue {
  ^bb0(%a: f32, %e: f32):
    %0 = arith.addf %e, %e : f32
    xlstm.yield outputs(%0 : f32)
  } : tensor<?x256xbf16> -> tensor<?x128xbf16>
  return %y : tensor<?x128xbf16>
}
