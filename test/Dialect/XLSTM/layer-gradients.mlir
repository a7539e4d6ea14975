// SPDX-License-Identifier: Apache-2.0
// Gradients of layers are read, printed, read again, and the same through the generic form.
// RUN: xlstm-opt %s | FileCheck %s
// RUN: xlstm-opt %s | xlstm-opt | FileCheck %s
// RUN: xlstm-opt %s --mlir-print-op-generic | xlstm-opt | FileCheck %s

// CHECK-LABEL: func.func @all
func.func @all(%x: tensor<?x?x6xbf16>, %dy: tensor<?x?x6xbf16>, %s: tensor<?x?x6xf32>, %w: tensor<6x4xf32>, %t: tensor<?x?xi32>, %l: tensor<1xf32>) {
  // CHECK: xlstm.leading_sum %arg2 : tensor<?x?x6xf32> -> tensor<6xf32>
  %0 = xlstm.leading_sum %s : tensor<?x?x6xf32> -> tensor<6xf32>
  // CHECK: xlstm.block_linear_weight %arg0, %arg1 {my.note} : tensor<?x?x6xbf16>, tensor<?x?x6xbf16> -> tensor<2x3x3xf32>
  %1 = xlstm.block_linear_weight %x, %dy {my.note} : tensor<?x?x6xbf16>, tensor<?x?x6xbf16> -> tensor<2x3x3xf32>
  // CHECK: xlstm.causal_conv1d_backward %arg0, %arg3, %arg1 : tensor<?x?x6xbf16>, tensor<6x4xf32> -> tensor<6x4xf32>
  %2, %3 = xlstm.causal_conv1d_backward %x, %w, %dy : tensor<?x?x6xbf16>, tensor<6x4xf32> -> tensor<6x4xf32>
  // CHECK: xlstm.embedding_backward %arg4, %arg1 : tensor<?x?xi32>, tensor<?x?x6xbf16> -> tensor<9x6xf32>
  %4 = xlstm.embedding_backward %t, %dy : tensor<?x?xi32>, tensor<?x?x6xbf16> -> tensor<9x6xf32>
  // CHECK: xlstm.cross_entropy_backward %arg0, %arg4, %arg5 : tensor<?x?x6xbf16>, tensor<?x?xi32>, tensor<1xf32>
  %5 = xlstm.cross_entropy_backward %x, %t, %l : tensor<?x?x6xbf16>, tensor<?x?xi32>, tensor<1xf32>
  return
}
