// SPDX-License-Identifier: Apache-2.0
// xlstm.linear is read, printed, read again, and the same through the generic form.
// RUN: xlstm-opt %s | FileCheck %s
// RUN: xlstm-opt %s | xlstm-opt | FileCheck %s
// RUN: xlstm-opt %s --mlir-print-op-generic | xlstm-opt | FileCheck %s

// CHECK-LABEL: func.func @plain
func.func @plain(%x: tensor<?x?x8xbf16>, %w: tensor<4x8xbf16>) -> tensor<?x?x4xf32> {
  // CHECK: xlstm.linear %arg0 weights(%arg1 : tensor<4x8xbf16>) : tensor<?x?x8xbf16> -> tensor<?x?x4xf32>{{$}}
  %y = xlstm.linear %x weights(%w : tensor<4x8xbf16>) : tensor<?x?x8xbf16> -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// CHECK-LABEL: func.func @two_results
func.func @two_results(%x: tensor<3x8xf64>, %w: tensor<4x8xf64>) -> (tensor<3x4xf64>, tensor<3x4xf64>) {
  // CHECK: xlstm.linear %arg0 weights(%arg1, %arg1 : tensor<4x8xf64>, tensor<4x8xf64>) attributes {my.note = 3 : i64} : tensor<3x8xf64> -> tensor<3x4xf64>, tensor<3x4xf64>{{$}}
  %y:2 = xlstm.linear %x weights(%w, %w : tensor<4x8xf64>, tensor<4x8xf64>) attributes {my.note = 3} : tensor<3x8xf64> -> tensor<3x4xf64>, tensor<3x4xf64>
  return %y#0, %y#1 : tensor<3x4xf64>, tensor<3x4xf64>
}

// CHECK-LABEL: func.func @everything
func.func @everything(%x: tensor<?x?x8xbf16>, %o: tensor<?x?x8xf32>, %rstd: tensor<?x?xf32>, %g: tensor<8xbf16>, %w: tensor<4x8xbf16>,
                      %r: tensor<?x?x4xf32>, %s: tensor<?x?xf32>, %b: tensor<4xbf16>) -> tensor<?x?x4xbf16> {
  // CHECK: xlstm.linear %arg0 x_elems(%arg1 : tensor<?x?x8xf32>) x_rows(%arg2 : tensor<?x?xf32>) x_cols(%arg3 : tensor<8xbf16>)
  // CHECK-SAME: weights(%arg4, %arg4 : tensor<4x8xbf16>, tensor<4x8xbf16>)
  // CHECK-SAME: elems(%arg5 : tensor<?x?x4xf32>) rows(%arg6 : tensor<?x?xf32>) cols(%arg7 : tensor<4xbf16>) prologue {
  %y = xlstm.linear %x x_elems(%o : tensor<?x?x8xf32>) x_rows(%rstd : tensor<?x?xf32>) x_cols(%g : tensor<8xbf16>)
      weights(%w, %w : tensor<4x8xbf16>, tensor<4x8xbf16>)
      elems(%r : tensor<?x?x4xf32>) rows(%s : tensor<?x?xf32>) cols(%b : tensor<4xbf16>) prologue {
  // CHECK: ^bb0(%x: f32, %elem: f32, %row: f32, %col: f32):
  ^bb0(%a: f32, %ot: f32, %rt: f32, %gt: f32):
    %0 = arith.mulf %a, %rt : f32
    %1 = arith.mulf %0, %gt : f32
    %2 = xlstm.sigmoid %ot : f32
    %3 = arith.mulf %1, %2 : f32
    // CHECK: xlstm.yield outputs(%{{.*}} : f32)
    xlstm.yield outputs(%3 : f32)
  // CHECK: } epilogue {
  } epilogue {
  // CHECK: ^bb0(%acc: f32, %acc_0: f32, %elem: f32, %row: f32, %col: f32):
  ^bb0(%a: f32, %c: f32, %e: f32, %q: f32, %d: f32):
    %0 = arith.mulf %a, %c : f32
    %1 = arith.addf %0, %e : f32
    %2 = arith.mulf %1, %q : f32
    %3 = arith.addf %2, %d : f32
    xlstm.yield outputs(%3 : f32)
  // CHECK: } : tensor<?x?x8xbf16> -> tensor<?x?x4xbf16>
  } : tensor<?x?x8xbf16> -> tensor<?x?x4xbf16>
  return %y : tensor<?x?x4xbf16>
}

// CHECK-LABEL: func.func @in_by_out
func.func @in_by_out(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>) -> tensor<?x4xf32> {
  // CHECK: xlstm.linear transposed %arg0 weights(%arg1 : tensor<8x4xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>{{$}}
  %y = xlstm.linear transposed %x weights(%w : tensor<8x4xf32>) : tensor<?x8xf32> -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @weight_grad
func.func @weight_grad(%dy: tensor<?x?x4xbf16>, %x: tensor<?x?x8xbf16>) -> tensor<4x8xf32> {
  // CHECK: xlstm.weight_grad %arg0, %arg1 : tensor<?x?x4xbf16>, tensor<?x?x8xbf16> -> tensor<4x8xf32>{{$}}
  %dw = xlstm.weight_grad %dy, %x : tensor<?x?x4xbf16>, tensor<?x?x8xbf16> -> tensor<4x8xf32>
  return %dw : tensor<4x8xf32>
}

// CHECK-LABEL: func.func @stored_weights
func.func @stored_weights(%x: tensor<?x8xf32>, %w: tensor<4x8xbf16>) -> tensor<?x4xf32> {
  // CHECK: xlstm.linear %arg0 weights(%arg1 : tensor<4x8xbf16>) : tensor<?x8xf32> -> tensor<?x4xf32>
  %0 = xlstm.linear %x weights(%w : tensor<4x8xbf16>) : tensor<?x8xf32> -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @norm
func.func @norm(%x: tensor<?x?x8xbf16>, %g: tensor<8xf32>, %w: tensor<4x8xbf16>) -> tensor<?x?x4xf32> {
  // CHECK: xlstm.linear %arg0 norm(layer eps 1.250000e-01) x_cols(%arg1 : tensor<8xf32>) weights(%arg2 : tensor<4x8xbf16>) prologue {
  %y = xlstm.linear %x norm(layer eps 0.125) x_cols(%g : tensor<8xf32>) weights(%w : tensor<4x8xbf16>) prologue {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    xlstm.yield outputs(%0 : f32)
  } : tensor<?x?x8xbf16> -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}
