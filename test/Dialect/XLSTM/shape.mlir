// SPDX-License-Identifier: Apache-2.0
// The ops that move elements are read, printed, read again, and the same through the generic form; reshapes fold.
// RUN: xlstm-opt %s | FileCheck %s
// RUN: xlstm-opt %s | xlstm-opt | FileCheck %s
// RUN: xlstm-opt %s --mlir-print-op-generic | xlstm-opt | FileCheck %s
// RUN: xlstm-opt %s --canonicalize | FileCheck %s --check-prefix=FOLD

// CHECK-LABEL: func.func @all
func.func @all(%x: tensor<?x?x6xf32>, %r: tensor<4x16x3x16xbf16>) -> (tensor<?x?x3x2xf32>, tensor<3x4x16x16xbf16>) {
  // CHECK: %0:2 = xlstm.split %arg0 : tensor<?x?x6xf32> -> tensor<?x?x4xf32>, tensor<?x?x2xf32>
  %a, %b = xlstm.split %x : tensor<?x?x6xf32> -> tensor<?x?x4xf32>, tensor<?x?x2xf32>
  // CHECK: %1 = xlstm.concat %0#1, %0#0 : tensor<?x?x2xf32>, tensor<?x?x4xf32> -> tensor<?x?x6xf32>
  %c = xlstm.concat %b, %a : tensor<?x?x2xf32>, tensor<?x?x4xf32> -> tensor<?x?x6xf32>
  // CHECK: %2 = xlstm.reshape %1 : tensor<?x?x6xf32> -> tensor<?x?x3x2xf32>
  %d = xlstm.reshape %c : tensor<?x?x6xf32> -> tensor<?x?x3x2xf32>
  // CHECK: %3 = xlstm.permute %arg1 [2, 0, 3, 1] : tensor<4x16x3x16xbf16> -> tensor<3x4x16x16xbf16>
  %e = xlstm.permute %r [2, 0, 3, 1] : tensor<4x16x3x16xbf16> -> tensor<3x4x16x16xbf16>
  return %d, %e : tensor<?x?x3x2xf32>, tensor<3x4x16x16xbf16>
}

// FOLD-LABEL: func.func @fold
func.func @fold(%x: tensor<?x?x6xf32>) -> (tensor<?x?x6xf32>, tensor<?x?x2x3xf32>) {
  // FOLD: %0 = xlstm.reshape %arg0 : tensor<?x?x6xf32> -> tensor<?x?x2x3xf32>
  // FOLD: return %arg0, %0
  %0 = xlstm.reshape %x : tensor<?x?x6xf32> -> tensor<?x?x3x2xf32>
  %1 = xlstm.reshape %0 : tensor<?x?x3x2xf32> -> tensor<?x?x6xf32>
  %2 = xlstm.reshape %0 : tensor<?x?x3x2xf32> -> tensor<?x?x2x3xf32>
  return %1, %2 : tensor<?x?x6xf32>, tensor<?x?x2x3xf32>
}
