// SPDX-License-Identifier: Apache-2.0
// RUN: xlstm-opt %s --xlstm-distribute-linears -split-input-file 2>/dev/null | FileCheck %s
// RUN: xlstm-opt %s --xlstm-distribute-linears -split-input-file 2>&1 >/dev/null | FileCheck %s --check-prefix=STAYS
// RUN: xlstm-opt %s --xlstm-distribute-linears=function=other -split-input-file | FileCheck %s --check-prefix=OTHER
// OTHER-LABEL: func.func @loss
// OTHER: xlstm.concat
// OTHER-NOT: xlstm.split %arg3

// Three parts: the sums go from one product to the next; the last has the epilogue, with what it read before.
// CHECK-LABEL: func.func @loss(
// CHECK-NOT: xlstm.concat
// CHECK: %[[W:.*]]:3 = xlstm.split %arg3 : tensor<2x9xf32> -> tensor<2x4xf32>, tensor<2x3xf32>, tensor<2x2xf32>
// CHECK: %[[A:.*]] = xlstm.linear %arg0 weights(%[[W]]#0 : tensor<2x4xf32>) : tensor<?x?x4xf32> -> tensor<?x?x2xf32>
// CHECK: %[[B:.*]] = xlstm.linear %arg1 weights(%[[W]]#1 : tensor<2x3xf32>) elems(%[[A]] : tensor<?x?x2xf32>) epilogue {
// CHECK-NEXT: ^bb0(%[[SUM:.*]]: f32, %[[BEFORE:.*]]: f32):
// CHECK-NEXT: arith.addf %[[SUM]], %[[BEFORE]]
// CHECK: %[[Y:.*]] = xlstm.linear %arg2 weights(%[[W]]#2 : tensor<2x2xf32>) elems(%arg5, %[[B]] : tensor<?x?x2xf32>, tensor<?x?x2xf32>) cols(%arg4 : tensor<2xf32>) epilogue {
// CHECK-NEXT: ^bb0(%[[LAST:.*]]: f32, %[[E:.*]]: f32, %[[REST:.*]]: f32, %[[BIAS:.*]]: f32):
// CHECK-NEXT: %[[ALL:.*]] = arith.addf %[[REST]], %[[LAST]]
// CHECK-NEXT: %[[BIASED:.*]] = arith.addf %[[ALL]], %[[BIAS]]
// CHECK-NEXT: %[[GATED:.*]] = arith.mulf %[[BIASED]], %[[E]]
// CHECK-NEXT: xlstm.yield outputs(%[[GATED]] : f32)
// CHECK: return %[[Y]]
func.func @loss(%a: tensor<?x?x4xf32>, %b: tensor<?x?x3xf32>, %c: tensor<?x?x2xf32>, %w: tensor<2x9xf32>, %bias: tensor<2xf32>,
                %e: tensor<?x?x2xf32>) -> tensor<?x?x2xf32> {
  %x = xlstm.concat %a, %b, %c : tensor<?x?x4xf32>, tensor<?x?x3xf32>, tensor<?x?x2xf32> -> tensor<?x?x9xf32>
  %y = xlstm.linear %x weights(%w : tensor<2x9xf32>) elems(%e : tensor<?x?x2xf32>) cols(%bias : tensor<2xf32>) epilogue {
  ^bb0(%sum: f32, %0: f32, %1: f32):
    %2 = arith.addf %sum, %1 : f32
    %3 = arith.mulf %2, %0 : f32
    xlstm.yield outputs(%3 : f32)
  } : tensor<?x?x9xf32> -> tensor<?x?x2xf32>
  return %y : tensor<?x?x2xf32>
}

// -----

// Of bf16, sums of parts are f32. A concat with another user stays.
// CHECK-LABEL: func.func @loss(
// CHECK: %[[X:.*]] = xlstm.concat
// CHECK: xlstm.linear %arg0 {{.*}} -> tensor<?x?x2xf32>
// CHECK: } : tensor<?x?x4xbf16> -> tensor<?x?x2xbf16>
// CHECK: return %{{.*}}, %[[X]]
func.func @loss(%a: tensor<?x?x4xbf16>, %w: tensor<2x8xbf16>) -> (tensor<?x?x2xbf16>, tensor<?x?x8xbf16>) {
  %x = xlstm.concat %a, %a : tensor<?x?x4xbf16>, tensor<?x?x4xbf16> -> tensor<?x?x8xbf16>
  %y = xlstm.linear %x weights(%w : tensor<2x8xbf16>) : tensor<?x?x8xbf16> -> tensor<?x?x2xbf16>
  return %y, %x : tensor<?x?x2xbf16>, tensor<?x?x8xbf16>
}

// -----

// Results that are cut are those of rows of the weight.
// CHECK-LABEL: func.func @loss(
// CHECK: %[[FLAT:.*]] = xlstm.reshape %arg1 : tensor<6x4xf32> -> tensor<24xf32>
// CHECK: %[[W:.*]]:2 = xlstm.split %[[FLAT]] : tensor<24xf32> -> tensor<16xf32>, tensor<8xf32>
// CHECK: %[[WA:.*]] = xlstm.reshape %[[W]]#0 : tensor<16xf32> -> tensor<4x4xf32>
// CHECK: %[[A:.*]] = xlstm.linear %arg0 weights(%[[WA]] : tensor<4x4xf32>) : tensor<?x?x4xf32> -> tensor<?x?x4xf32>
// CHECK: %[[WB:.*]] = xlstm.reshape %[[W]]#1 : tensor<8xf32> -> tensor<2x4xf32>
// CHECK: %[[B:.*]] = xlstm.linear %arg0 weights(%[[WB]] : tensor<2x4xf32>) : tensor<?x?x4xf32> -> tensor<?x?x2xf32>
// CHECK-NOT: xlstm.split
// CHECK: return %[[A]], %[[B]]
func.func @loss(%x: tensor<?x?x4xf32>, %w: tensor<6x4xf32>) -> (tensor<?x?x4xf32>, tensor<?x?x2xf32>) {
  %y = xlstm.linear %x weights(%w : tensor<6x4xf32>) : tensor<?x?x4xf32> -> tensor<?x?x6xf32>
  %a, %b = xlstm.split %y : tensor<?x?x6xf32> -> tensor<?x?x4xf32>, tensor<?x?x2xf32>
  return %a, %b : tensor<?x?x4xf32>, tensor<?x?x2xf32>
}

// -----

// What stays, and why.
// STAYS: remark: is not distributed: what is cut is the result of an epilogue
// STAYS: remark: is not distributed: what is cut has another user
// STAYS: remark: is not distributed: it has a prologue or a transposed weight
// STAYS: remark: is not distributed: expected one weight, got 2
// CHECK-LABEL: func.func @loss(
// CHECK: xlstm.split
// CHECK: xlstm.split
// CHECK: xlstm.concat
func.func @loss(%x: tensor<?x?x4xf32>, %w: tensor<4x4xf32>, %bias: tensor<4xf32>, %v: tensor<8x4xf32>, %u: tensor<4x8xf32>)
    -> (tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>) {
  %y = xlstm.linear %x weights(%w : tensor<4x4xf32>) cols(%bias : tensor<4xf32>) epilogue {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.addf %0, %1 : f32
    xlstm.yield outputs(%2 : f32)
  } : tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  %a, %b = xlstm.split %y : tensor<?x?x4xf32> -> tensor<?x?x2xf32>, tensor<?x?x2xf32>
  %z = xlstm.linear %x weights(%w : tensor<4x4xf32>) : tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  %c, %d = xlstm.split %z : tensor<?x?x4xf32> -> tensor<?x?x2xf32>, tensor<?x?x2xf32>
  %j = xlstm.concat %z, %z : tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x8xf32>
  %s = xlstm.linear transposed %j weights(%v : tensor<8x4xf32>) : tensor<?x?x8xf32> -> tensor<?x?x4xf32>
  %t:2 = xlstm.linear %j weights(%u, %u : tensor<4x8xf32>, tensor<4x8xf32>) : tensor<?x?x8xf32> -> tensor<?x?x4xf32>, tensor<?x?x4xf32>
  return %a, %c, %s, %t#0, %t#1 : tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>
}
