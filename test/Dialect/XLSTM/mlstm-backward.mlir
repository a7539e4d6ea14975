// SPDX-License-Identifier: Apache-2.0
// Every form of xlstm.mlstm_backward is read, printed, read again, and the same through the generic form.
// RUN: xlstm-opt %s | FileCheck %s
// RUN: xlstm-opt %s | xlstm-opt | FileCheck %s
// RUN: xlstm-opt %s --mlir-print-op-generic | xlstm-opt | FileCheck %s
// RUN: xlstm-opt %s --emit-bytecode | xlstm-opt | FileCheck %s

// CHECK-LABEL: func.func @plain
func.func @plain(%q: tensor<?x?x8x256xbf16>, %v: tensor<?x?x8x512xbf16>, %g: tensor<?x?x8xf32>)
    -> (tensor<?x?x8x256xbf16>, tensor<?x?x8x512xbf16>, tensor<?x?x8xf32>) {
  // CHECK: %dq, %dk, %dv, %di, %df = xlstm.mlstm_backward %arg0, %arg0, %arg1 gates(%arg2, %arg2) grad(%arg1) : tensor<?x?x8x256xbf16>, tensor<?x?x8x512xbf16>{{$}}
  %dq, %dk, %dv, %di, %df = xlstm.mlstm_backward %q, %q, %v gates(%g, %g) grad(%v)
      : tensor<?x?x8x256xbf16>, tensor<?x?x8x512xbf16>
  return %dq, %dv, %di : tensor<?x?x8x256xbf16>, tensor<?x?x8x512xbf16>, tensor<?x?x8xf32>
}

// Everything optional at once. m0 has no gradient.
// CHECK-LABEL: func.func @everything
func.func @everything(%q: tensor<1x?x2x4xf32>, %v: tensor<1x?x2x3xf32>, %g: tensor<1x?x2xf32>, %c: tensor<?x2x4x3xf32>,
                      %n: tensor<?x2x4xf32>, %m: tensor<?x2xf32>, %s: tensor<?xi32>, %r: tensor<1x?xui8>,
                      %ms: tensor<?x2x2xf64>) -> (tensor<?x2x4x3xf32>, tensor<?x2x4xf32>) {
  // CHECK: %dq, %dk, %dv, %di, %df, %dc0, %dn0 = xlstm.mlstm_backward %arg0, %arg0, %arg1 gates(%arg2, %arg2) state(%arg3, %arg4, %arg5)
  // CHECK-SAME: cu_seqlens(%arg6 : tensor<?xi32>) reset(%arg7 : tensor<1x?xui8>) grad(%arg1)
  // CHECK-SAME: dc_last(%arg3 : tensor<?x2x4x3xf32>) dn_last(%arg4 : tensor<?x2x4xf32>)
  // CHECK-SAME: saved(%arg3, %arg4, %arg8 : tensor<?x2x4x3xf32>, tensor<?x2x4xf32>, tensor<?x2x2xf64>)
  // CHECK-SAME: {eps = 0.000000e+00, scale_on = k, normalizer_grad = dropped, my.note = 3 : i64} : tensor<1x?x2x4xf32>, tensor<1x?x2x3xf32>{{$}}
  %dq, %dk, %dv, %di, %df, %dc0, %dn0 = xlstm.mlstm_backward %q, %q, %v gates(%g, %g) state(%c, %n, %m)
      cu_seqlens(%s : tensor<?xi32>) reset(%r : tensor<1x?xui8>) grad(%v) dc_last(%c : tensor<?x2x4x3xf32>)
      dn_last(%n : tensor<?x2x4xf32>) saved(%c, %n, %ms : tensor<?x2x4x3xf32>, tensor<?x2x4xf32>, tensor<?x2x2xf64>)
      {my.note = 3, scale_on = k, normalizer_grad = dropped, eps = 0.0} : tensor<1x?x2x4xf32>, tensor<1x?x2x3xf32>
  return %dc0, %dn0 : tensor<?x2x4x3xf32>, tensor<?x2x4xf32>
}

// The cell without n; one of the gradients of last states by itself.
// CHECK-LABEL: func.func @sigmoid
func.func @sigmoid(%q: tensor<?x?x2x4xf64>, %g: tensor<?x?x2xf64>, %c: tensor<?x2x4x4xf64>) -> tensor<?x2x4x4xf64> {
  // CHECK: %dq, %dk, %dv, %di, %df, %dc0 = xlstm.mlstm_backward {{.*}} state(%arg2) grad(%arg0) dc_last(%arg2 : tensor<?x2x4x4xf64>) {input_gate = sigmoid, normalize = false} : tensor<?x?x2x4xf64>, tensor<?x?x2x4xf64>{{$}}
  %dq, %dk, %dv, %di, %df, %dc0 = xlstm.mlstm_backward %q, %q, %q gates(%g, %g) state(%c) grad(%q)
      dc_last(%c : tensor<?x2x4x4xf64>) {input_gate = sigmoid, normalize = false} : tensor<?x?x2x4xf64>, tensor<?x?x2x4xf64>
  return %dc0 : tensor<?x2x4x4xf64>
}

// CHECK-LABEL: func.func @refined
func.func @refined(%q: tensor<?x?x2x4xf32>, %g: tensor<?x9x2xf32>, %dh: tensor<2x?x2x4xf32>) -> tensor<2x9x2x4xf32> {
  // CHECK: grad(%arg2) : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x9x2xf32>, tensor<?x9x2xf32>, tensor<2x?x2x4xf32>) -> (tensor<2x9x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x9x2xf32>, tensor<?x9x2xf32>)
  %dq, %dk, %dv, %di, %df = xlstm.mlstm_backward %q, %q, %q gates(%g, %g) grad(%dh)
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x9x2xf32>, tensor<?x9x2xf32>, tensor<2x?x2x4xf32>)
      -> (tensor<2x9x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x9x2xf32>, tensor<?x9x2xf32>)
  return %dq : tensor<2x9x2x4xf32>
}
