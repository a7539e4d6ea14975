// SPDX-License-Identifier: Apache-2.0
// xlstm.outer_sum and xlstm.time_sum are read, printed, read again, and the same through the generic form.
// RUN: xlstm-opt %s | FileCheck %s
// RUN: xlstm-opt %s | xlstm-opt | FileCheck %s
// RUN: xlstm-opt %s --mlir-print-op-generic | xlstm-opt | FileCheck %s

// CHECK-LABEL: func.func @outer_sum
func.func @outer_sum(%x: tensor<?x?x4x2x16xf32>, %y: tensor<?x?x2x16xbf16>, %y0: tensor<?x2x16xf32>, %s: tensor<?xi32>,
                     %r: tensor<?x?xi8>) -> (tensor<1x2x16x16xf32>, tensor<3x2x16x16xbf16>) {
  // CHECK: xlstm.outer_sum %arg0 [3] previous(%arg1) : tensor<?x?x4x2x16xf32>, tensor<?x?x2x16xbf16> -> tensor<1x2x16x16xf32>{{$}}
  %0 = xlstm.outer_sum %x [3] previous(%y) : tensor<?x?x4x2x16xf32>, tensor<?x?x2x16xbf16> -> tensor<1x2x16x16xf32>
  // CHECK: xlstm.outer_sum %arg0 [0, 1, 1] previous(%arg1 from %arg2) cu_seqlens(%arg3 : tensor<?xi32>) reset(%arg4 : tensor<?x?xi8>) {my.note = 3 : i64} : tensor<?x?x4x2x16xf32>, tensor<?x?x2x16xbf16>, tensor<?x2x16xf32> -> tensor<3x2x16x16xbf16>{{$}}
  %1 = xlstm.outer_sum %x [0, 1, 1] previous(%y from %y0) cu_seqlens(%s : tensor<?xi32>) reset(%r : tensor<?x?xi8>) {my.note = 3}
      : tensor<?x?x4x2x16xf32>, tensor<?x?x2x16xbf16>, tensor<?x2x16xf32> -> tensor<3x2x16x16xbf16>
  return %0, %1 : tensor<1x2x16x16xf32>, tensor<3x2x16x16xbf16>
}

// CHECK-LABEL: func.func @time_sum
func.func @time_sum(%x: tensor<?x?x4x2x16xf32>, %y: tensor<?x?x2x16xf64>) -> (tensor<4x2x16xf32>, tensor<2x16xf64>) {
  // CHECK: xlstm.time_sum %arg0 : tensor<?x?x4x2x16xf32> -> tensor<4x2x16xf32>{{$}}
  %0 = xlstm.time_sum %x : tensor<?x?x4x2x16xf32> -> tensor<4x2x16xf32>
  // CHECK: xlstm.time_sum %arg1 : tensor<?x?x2x16xf64> -> tensor<2x16xf64>{{$}}
  %1 = xlstm.time_sum %y : tensor<?x?x2x16xf64> -> tensor<2x16xf64>
  return %0, %1 : tensor<4x2x16xf32>, tensor<2x16xf64>
}
