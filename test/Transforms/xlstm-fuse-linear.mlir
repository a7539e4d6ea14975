// SPDX-License-Identifier: Apache-2.0
// Maps become epilogues of products. Values are checked in test/Models, where every compiled model is fused.
// RUN: xlstm-opt %s --xlstm-fuse-linear -split-input-file -verify-diagnostics | FileCheck %s
// RUN: xlstm-opt %s --xlstm-fuse-linear=max-weights=1 -split-input-file 2>%t | FileCheck %s --check-prefix=ONE
// RUN: FileCheck %s --check-prefix=REMARK < %t

// Two products with biases meet in a gate, and a third takes the residual.
// CHECK-LABEL: func.func @feed_forward
// CHECK-NOT: xlstm.map
// CHECK: %[[Y:.*]] = xlstm.linear %arg0 weights(%arg1, %arg2 : tensor<16x8xbf16>, tensor<16x8xbf16>) cols(%arg4, %arg5 : tensor<16xf32>, tensor<16xf32>) epilogue {
// CHECK: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32, %[[CA:.*]]: f32, %[[CB:.*]]: f32):
// CHECK: %[[G:.*]] = arith.addf %[[A]], %[[CA]]
// CHECK: %[[U:.*]] = arith.addf %[[B]], %[[CB]]
// CHECK: %[[S:.*]] = xlstm.sigmoid %[[G]]
// CHECK: %[[P:.*]] = arith.mulf %[[S]], %[[U]]
// CHECK: xlstm.yield outputs(%[[P]] : f32)
// CHECK: xlstm.linear %[[Y]] weights(%arg3 : tensor<8x16xbf16>) elems(%arg6 : tensor<?x?x8xf32>) epilogue {
// CHECK: ^bb0(%[[ACC:.*]]: f32, %[[R:.*]]: f32):
// CHECK: arith.addf %[[R]], %[[ACC]]
// CHECK-NOT: xlstm.map
// CHECK: return
// ONE-LABEL: func.func @feed_forward
// ONE: xlstm.linear %arg0 weights(%arg1 : tensor<16x8xbf16>)
// ONE: xlstm.linear %arg0 weights(%arg2 : tensor<16x8xbf16>) elems(
func.func @feed_forward(%x: tensor<?x?x8xbf16>, %gate: tensor<16x8xbf16>, %up: tensor<16x8xbf16>, %down: tensor<8x16xbf16>, %bg: tensor<16xf32>,
                        %bu: tensor<16xf32>, %r: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %g = xlstm.linear %x weights(%gate : tensor<16x8xbf16>) cols(%bg : tensor<16xf32>) epilogue {
  ^bb0(%acc: f32, %col: f32):
    %0 = arith.addf %acc, %col : f32
    xlstm.yield outputs(%0 : f32)
  } : tensor<?x?x8xbf16> -> tensor<?x?x16xbf16>
  %u = xlstm.linear %x weights(%up : tensor<16x8xbf16>) cols(%bu : tensor<16xf32>) epilogue {
  ^bb0(%acc: f32, %col: f32):
    %0 = arith.addf %acc, %col : f32
    xlstm.yield outputs(%0 : f32)
  } : tensor<?x?x8xbf16> -> tensor<?x?x16xbf16>
  %y = xlstm.map %g, %u : tensor<?x?x16xbf16>, tensor<?x?x16xbf16> -> tensor<?x?x16xbf16> {
  ^bb0(%a: f32, %b: f32):
    %0 = xlstm.sigmoid %a : f32
    %1 = arith.mulf %0, %b : f32
    xlstm.yield outputs(%1 : f32)
  }
  %d = xlstm.linear %y weights(%down : tensor<8x16xbf16>) : tensor<?x?x16xbf16> -> tensor<?x?x8xbf16>
  %z = xlstm.map %r, %d : tensor<?x?x8xf32>, tensor<?x?x8xbf16> -> tensor<?x?x8xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    xlstm.yield outputs(%0 : f32)
  }
  return %z : tensor<?x?x8xf32>
}

// -----

// A chain of maps, one of them with a value for each column, goes into one epilogue; the prologue stays.
// CHECK-LABEL: func.func @chain
// CHECK: xlstm.linear %arg0 x_rows(%arg1 : tensor<?xf32>) weights(%arg2 : tensor<16x8xf32>) cols(%arg3 : tensor<16xf32>) prologue {
// CHECK: arith.mulf
// CHECK: epilogue {
// CHECK: %[[T:.*]] = math.tanh
// CHECK: %[[V:.*]] = arith.addf %[[T]]
// CHECK: xlstm.yield outputs(%[[V]], %[[T]] : f32, f32)
// CHECK-NOT: xlstm.map
// CHECK: return
func.func @chain(%x: tensor<?x8xf32>, %rows: tensor<?xf32>, %w: tensor<16x8xf32>, %b: tensor<16xf32>) -> (tensor<?x16xf32>, tensor<?x16xf32>) {
  %y = xlstm.linear %x x_rows(%rows : tensor<?xf32>) weights(%w : tensor<16x8xf32>) prologue {
  ^bb0(%e: f32, %r: f32):
    %0 = arith.mulf %e, %r : f32
    xlstm.yield outputs(%0 : f32)
  } : tensor<?x8xf32> -> tensor<?x16xf32>
  %t = xlstm.map %y : tensor<?x16xf32> -> tensor<?x16xf32> {
  ^bb0(%a: f32):
    %0 = math.tanh %a : f32
    xlstm.yield outputs(%0 : f32)
  }
  %u:2 = xlstm.map %t, %b : tensor<?x16xf32>, tensor<16xf32> -> tensor<?x16xf32>, tensor<?x16xf32> {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.addf %a, %c : f32
    xlstm.yield outputs(%0, %a : f32, f32)
  }
  return %u#0, %u#1 : tensor<?x16xf32>, tensor<?x16xf32>
}

// -----

// Products of different x: the last one takes the map and reads the other's result.
// CHECK-LABEL: func.func @different_x
// CHECK: %[[A:.*]] = xlstm.linear %arg0 weights(%arg2
// CHECK: xlstm.linear %arg1 weights(%arg2 : tensor<16x8xf32>) elems(%[[A]] : tensor<?x16xf32>) epilogue
func.func @different_x(%x: tensor<?x8xf32>, %z: tensor<?x8xf32>, %w: tensor<16x8xf32>) -> tensor<?x16xf32> {
  // expected-remark @+1 {{is not part of the product that ends in the same map: its x, norm or prologue is another}}
  %a = xlstm.linear %x weights(%w : tensor<16x8xf32>) : tensor<?x8xf32> -> tensor<?x16xf32>
  %b = xlstm.linear %z weights(%w : tensor<16x8xf32>) : tensor<?x8xf32> -> tensor<?x16xf32>
  %y = xlstm.map %a, %b : tensor<?x16xf32>, tensor<?x16xf32> -> tensor<?x16xf32> {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.mulf %0, %1 : f32
    xlstm.yield outputs(%2 : f32)
  }
  return %y : tensor<?x16xf32>
}

// -----

// CHECK-LABEL: func.func @several_weights
// REMARK: is not part of the product that ends in the same map: expected at most 1 weights, got 2
func.func @several_weights(%x: tensor<?x8xf32>, %w: tensor<16x8xf32>, %v: tensor<16x8xf32>) -> tensor<?x16xf32> {
  %a = xlstm.linear %x weights(%w : tensor<16x8xf32>) : tensor<?x8xf32> -> tensor<?x16xf32>
  %b = xlstm.linear %x weights(%v : tensor<16x8xf32>) : tensor<?x8xf32> -> tensor<?x16xf32>
  // CHECK: xlstm.linear %arg0 weights(%arg1, %arg2
  %y = xlstm.map %a, %b : tensor<?x16xf32>, tensor<?x16xf32> -> tensor<?x16xf32> {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.mulf %0, %1 : f32
    xlstm.yield outputs(%2 : f32)
  }
  return %y : tensor<?x16xf32>
}

// -----

// CHECK-LABEL: func.func @another_user
// CHECK: xlstm.linear {{.*}} -> tensor<?x16xf32>
// CHECK: xlstm.map
func.func @another_user(%x: tensor<?x8xf32>, %w: tensor<16x8xf32>) -> (tensor<?x16xf32>, tensor<?x16xf32>) {
  %a = xlstm.linear %x weights(%w : tensor<16x8xf32>) : tensor<?x8xf32> -> tensor<?x16xf32>
  // expected-remark @+1 {{stays a kernel of its own beside a product: the product's result has another user}}
  %y = xlstm.map %a : tensor<?x16xf32> -> tensor<?x16xf32> {
  ^bb0(%0: f32):
    %1 = math.tanh %0 : f32
    xlstm.yield outputs(%1 : f32)
  }
  return %a, %y : tensor<?x16xf32>, tensor<?x16xf32>
}

// -----

// CHECK-LABEL: func.func @another_shape
// CHECK: xlstm.map
func.func @another_shape(%x: tensor<?x2x8xf32>, %w: tensor<16x8xf32>, %b: tensor<2x16xf32>) -> tensor<?x2x16xf32> {
  %a = xlstm.linear %x weights(%w : tensor<16x8xf32>) : tensor<?x2x8xf32> -> tensor<?x2x16xf32>
  // expected-remark @+1 {{input 1 is neither of the product's shape nor a value for each of its columns}}
  %y = xlstm.map %a, %b : tensor<?x2x16xf32>, tensor<2x16xf32> -> tensor<?x2x16xf32> {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.addf %0, %1 : f32
    xlstm.yield outputs(%2 : f32)
  }
  return %y : tensor<?x2x16xf32>
}

// -----

// A product of one row that is known, in a map of any number.
// CHECK-LABEL: func.func @other_results
// CHECK: xlstm.map
func.func @other_results(%x: tensor<1x8xf32>, %w: tensor<16x8xf32>, %b: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %a = xlstm.linear %x weights(%w : tensor<16x8xf32>) : tensor<1x8xf32> -> tensor<1x16xf32>
  // expected-remark @+1 {{the map's results have another shape than the product}}
  %y = xlstm.map %a, %b : tensor<1x16xf32>, tensor<?x16xf32> -> tensor<?x16xf32> {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.addf %0, %1 : f32
    xlstm.yield outputs(%2 : f32)
  }
  return %y : tensor<?x16xf32>
}
