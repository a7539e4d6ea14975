// SPDX-License-Identifier: Apache-2.0
// xlstm.multihead_norm and its gradient are read, printed, read again, and the same through the generic form.
// RUN: xlstm-opt %s | FileCheck %s
// RUN: xlstm-opt %s | xlstm-opt | FileCheck %s
// RUN: xlstm-opt %s --mlir-print-op-generic | xlstm-opt | FileCheck %s

// CHECK-LABEL: func.func @norm
func.func @norm(%x: tensor<?x?x4x64xbf16>, %w: tensor<4x64xf32>) -> tensor<?x?x4x64xbf16> {
  // CHECK: xlstm.multihead_norm layer %arg0 weight(%arg1 : tensor<4x64xf32>) eps 1.250000e-01 : tensor<?x?x4x64xbf16>{{$}}
  %0 = xlstm.multihead_norm layer %x weight(%w : tensor<4x64xf32>) eps 0.125 : tensor<?x?x4x64xbf16>
  // CHECK: xlstm.multihead_norm rms %0 eps 0.000000e+00 {my.note = 3 : i64} : tensor<?x?x4x64xbf16>{{$}}
  %1 = xlstm.multihead_norm rms %0 eps 0.0 {my.note = 3} : tensor<?x?x4x64xbf16>
  return %1 : tensor<?x?x4x64xbf16>
}

// CHECK-LABEL: func.func @gated
func.func @gated(%x: tensor<?x?x4x64xbf16>, %o: tensor<?x?x4x64xf32>) -> tensor<?x?x4x64xbf16> {
  // CHECK: xlstm.multihead_norm layer %arg0 elems(%arg1 : tensor<?x?x4x64xf32>) eps 1.250000e-01 {my.note = 3 : i64} epilogue {
  // CHECK-NEXT: ^bb0(%norm: f32, %elem: f32):
  %0 = xlstm.multihead_norm layer %x elems(%o : tensor<?x?x4x64xf32>) eps 0.125 {my.note = 3} epilogue {
  ^bb0(%n: f32, %e: f32):
    %p = arith.mulf %n, %e : f32
    xlstm.yield outputs(%p : f32)
  // CHECK: } : tensor<?x?x4x64xbf16>
  } : tensor<?x?x4x64xbf16>
  return %0 : tensor<?x?x4x64xbf16>
}

// CHECK-LABEL: func.func @backward
func.func @backward(%x: tensor<?x?x4x64xf64>, %w: tensor<4x64xf64>) -> (tensor<?x?x4x64xf64>, tensor<4x64xf64>) {
  // CHECK: %dx = xlstm.multihead_norm_backward rms %arg0, %arg0 eps 1.250000e-01 : tensor<?x?x4x64xf64>{{$}}
  %0 = xlstm.multihead_norm_backward rms %x, %x eps 0.125 : tensor<?x?x4x64xf64>
  // CHECK: %dx_0, %dweight = xlstm.multihead_norm_backward layer %arg0, %dx weight(%arg1 : tensor<4x64xf64>) eps 1.250000e-01 : tensor<?x?x4x64xf64>, tensor<4x64xf64>{{$}}
  %1, %2 = xlstm.multihead_norm_backward layer %x, %0 weight(%w : tensor<4x64xf64>) eps 0.125 : tensor<?x?x4x64xf64>, tensor<4x64xf64>
  return %1, %2 : tensor<?x?x4x64xf64>, tensor<4x64xf64>
}

// CHECK-LABEL: func.func @other_type
func.func @other_type(%x: tensor<?x?x2x8xf32>) -> tensor<?x?x2x8xf16> {
  // CHECK: xlstm.multihead_norm rms %arg0 eps 1.250000e-01 : tensor<?x?x2x8xf32> -> tensor<?x?x2x8xf16>{{$}}
  %0 = xlstm.multihead_norm rms %x eps 0.125 : tensor<?x?x2x8xf32> -> tensor<?x?x2x8xf16>
  return %0 : tensor<?x?x2x8xf16>
}
