// SPDX-License-Identifier: Apache-2.0
// xlstm.map is read, printed, read again, and the same through the generic form.
// RUN: xlstm-opt %s | FileCheck %s
// RUN: xlstm-opt %s | xlstm-opt | FileCheck %s
// RUN: xlstm-opt %s --mlir-print-op-generic | xlstm-opt | FileCheck %s

// CHECK-LABEL: func.func @gelu
func.func @gelu(%x: tensor<?x?x64xbf16>, %b: tensor<64xf32>) -> tensor<?x?x64xf16> {
  // CHECK: %0 = xlstm.map %arg0, %arg1 : tensor<?x?x64xbf16>, tensor<64xf32> -> tensor<?x?x64xf16> {
  // CHECK-NEXT: ^bb0(%arg2: f32, %arg3: f32):
  // CHECK: math.erf
  // CHECK: xlstm.yield outputs({{.*}} : f32)
  %y = xlstm.map %x, %b : tensor<?x?x64xbf16>, tensor<64xf32> -> tensor<?x?x64xf16> {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.addf %0, %1 : f32
    %3 = math.erf %2 : f32
    %4 = arith.mulf %2, %3 : f32
    xlstm.yield outputs(%4 : f32)
  }
  return %y : tensor<?x?x64xf16>
}

// CHECK-LABEL: func.func @two_results
func.func @two_results(%x: tensor<8x64xf64>) -> (tensor<8x64xf64>, tensor<8x64xf64>) {
  // CHECK: %0:2 = xlstm.map %arg0 {my.note} : tensor<8x64xf64> -> tensor<8x64xf64>, tensor<8x64xf64> {
  %y, %z = xlstm.map %x {my.note} : tensor<8x64xf64> -> tensor<8x64xf64>, tensor<8x64xf64> {
  ^bb0(%0: f64):
    %1 = arith.negf %0 : f64
    xlstm.yield outputs(%1, %0 : f64, f64)
  }
  return %y, %z : tensor<8x64xf64>, tensor<8x64xf64>
}
