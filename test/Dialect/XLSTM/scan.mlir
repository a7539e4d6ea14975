// SPDX-License-Identifier: Apache-2.0
// Every form of xlstm.scan is read, printed, read again, and the same through the generic form.
// RUN: xlstm-opt %s | FileCheck %s
// RUN: xlstm-opt %s | xlstm-opt | FileCheck %s
// RUN: xlstm-opt %s --mlir-print-op-generic | xlstm-opt | FileCheck %s
// RUN: xlstm-opt %s --emit-bytecode | xlstm-opt | FileCheck %s

// All roles in their order, with a K axis and without, and the types that they may have.
// CHECK-LABEL: func.func @roles
func.func @roles(%wx: tensor<?x?x2x4x16xbf16>, %x: tensor<?x?x4x16xf32>, %k0: tensor<?x2x4x16xf32>,
                 %b: tensor<3x4x16xf32>, %a: tensor<4x16xf32>, %r: tensor<2x4x16x16xbf16>, %h0: tensor<?x4x16xf32>)
    -> (tensor<?x?x4x16xbf16>, tensor<?x?x2x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>) {
  // CHECK: %out, %out_0, %last, %last_1 = xlstm.scan
  // CHECK-SAME: sequences(%arg0, %arg1 : tensor<?x?x2x4x16xbf16>, tensor<?x?x4x16xf32>)
  // CHECK-SAME: previous(%arg1, %arg0 from %arg2 : tensor<?x?x4x16xf32>, tensor<?x?x2x4x16xbf16>, tensor<?x2x4x16xf32>)
  // CHECK-SAME: constants(%arg3, %arg4 : tensor<3x4x16xf32>, tensor<4x16xf32>)
  // CHECK-SAME: recurrent(%arg5 : tensor<2x4x16x16xbf16>)
  // CHECK-SAME: states(%arg6, none : tensor<?x4x16xf32>) {
  // CHECK-NEXT: ^bb0(%product: f32, %product_2: f32, %x: f32, %x_3: f32, %x_4: f32, %previous: f32, %previous_5: f32, %previous_6: f32, %constant: f32, %constant_7: f32, %constant_8: f32, %constant_9: f32, %state: f32, %state_10: f32):
  %y, %z, %h, %c = xlstm.scan sequences(%wx, %x : tensor<?x?x2x4x16xbf16>, tensor<?x?x4x16xf32>)
      previous(%x, %wx from %k0 : tensor<?x?x4x16xf32>, tensor<?x?x2x4x16xbf16>, tensor<?x2x4x16xf32>)
      constants(%b, %a : tensor<3x4x16xf32>, tensor<4x16xf32>) recurrent(%r : tensor<2x4x16x16xbf16>)
      states(%h0, none : tensor<?x4x16xf32>) {
  ^bb0(%p0: f32, %p1: f32, %w0: f32, %w1: f32, %xt: f32, %xp: f32, %wp0: f32, %wp1: f32, %b0: f32, %b1: f32, %b2: f32,
       %at: f32, %ht: f32, %ct: f32):
    // CHECK: xlstm.yield outputs(%{{.*}}, %{{.*}}, %{{.*}} : f32, f32, f32) states(%{{.*}}, %{{.*}} : f32, f32)
    // CHECK-NEXT: } -> outputs(tensor<?x?x4x16xbf16>, tensor<?x?x2x4x16xf32>) states(tensor<?x4x16xf32>, tensor<?x4x16xf32>)
    %0 = arith.addf %p0, %b0 : f32
    xlstm.yield outputs(%0, %p1, %xt : f32, f32, f32) states(%xp, %at : f32, f32)
  } -> outputs(tensor<?x?x4x16xbf16>, tensor<?x?x2x4x16xf32>) states(tensor<?x4x16xf32>, tensor<?x4x16xf32>)
  return %y, %z, %h, %c : tensor<?x?x4x16xbf16>, tensor<?x?x2x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>
}

// Options are printed in one order, whichever they are written in.
// CHECK-LABEL: func.func @options
func.func @options(%x: tensor<1x?x2x4xf64>, %r: tensor<2x2x4x4xf64>, %s: tensor<?xi32>, %reset: tensor<1x?xi1>)
    -> tensor<?x2x4xf64> {
  // CHECK: %h_last, %c_last = xlstm.scan reverse transposed recurrent_grad_clip 5.000000e-01 recurrent_grad_cut state_names ["h", "c"]
  // CHECK-SAME: cu_seqlens(%arg2 : tensor<?xi32>) reset(%arg3 : tensor<1x?xi1>) attributes {my.note = 3 : i64} {
  // CHECK-NEXT: ^bb0(%product: f64, %x: f64, %h: f64, %c: f64):
  %h, %c = xlstm.scan state_names ["h", "c"] recurrent_grad_cut transposed recurrent_grad_clip 0.5 reverse
      sequences(%x : tensor<1x?x2x4xf64>) recurrent(%r : tensor<2x2x4x4xf64>) cu_seqlens(%s : tensor<?xi32>)
      reset(%reset : tensor<1x?xi1>) attributes {my.note = 3} {
  ^bb0(%p: f64, %xt: f64, %ht: f64, %ct: f64):
    xlstm.yield states(%p, %xt : f64, f64)
  } -> states(tensor<?x2x4xf64>, tensor<?x2x4xf64>)
  return %h : tensor<?x2x4xf64>
}

// A map: no states.
// CHECK-LABEL: func.func @functions
func.func @functions(%x: tensor<?x?x2x1x4xf16>) -> tensor<?x?x1x4xf16> {
  // CHECK: %out = xlstm.scan sequences(%arg0 : tensor<?x?x2x1x4xf16>) {
  %y = xlstm.scan sequences(%x : tensor<?x?x2x1x4xf16>) {
  ^bb0(%a: f32, %b: f32):
    // CHECK: xlstm.sigmoid %x : f32
    // CHECK: xlstm.log_sigmoid %x_0 : f32
    // CHECK: xlstm.stop_gradient %{{.*}} : f32
    %0 = xlstm.sigmoid %a : f32
    %1 = xlstm.log_sigmoid %b : f32
    %2 = xlstm.stop_gradient %1 : f32
    %3 = arith.subf %0, %2 : f32
    %4 = arith.mulf %3, %a : f32
    %5 = arith.divf %4, %b : f32
    %6 = arith.negf %5 : f32
    %7 = arith.maximumf %6, %a : f32
    %8 = arith.minimumf %7, %a : f32
    %9 = arith.maxnumf %8, %a : f32
    %10 = arith.minnumf %9, %a : f32
    %11 = arith.cmpf olt, %10, %a : f32
    %12 = arith.select %11, %10, %a : f32
    %13 = math.exp %12 : f32
    %14 = math.log %13 : f32
    %15 = math.tanh %14 : f32
    %16 = math.absf %15 : f32
    xlstm.yield outputs(%16 : f32)
  } -> outputs(tensor<?x?x1x4xf16>)
  return %y : tensor<?x?x1x4xf16>
}

// CHECK-LABEL: func.func @step
func.func @step(%x: tensor<?x2x1x4xf32>, %r: tensor<1x1x4x4xf32>, %h0: tensor<?x1x4xf32>)
    -> (tensor<?x1x4xf32>, tensor<?x1x4xf32>) {
  // CHECK: xlstm.scan step sequences(%arg0 : tensor<?x2x1x4xf32>) recurrent(%arg1 : tensor<1x1x4x4xf32>) states(%arg2 : tensor<?x1x4xf32>) {
  %y, %h = xlstm.scan step sequences(%x : tensor<?x2x1x4xf32>) recurrent(%r : tensor<1x1x4x4xf32>)
      states(%h0 : tensor<?x1x4xf32>) {
  ^bb0(%p: f32, %a: f32, %b: f32, %ht: f32):
    xlstm.yield outputs(%p : f32) states(%a : f32)
  } -> outputs(tensor<?x1x4xf32>) states(tensor<?x1x4xf32>)
  // CHECK: xlstm.scan transposed step recurrent(%arg1 : tensor<1x1x4x4xf32>) states(%last : tensor<?x1x4xf32>) {
  %d = xlstm.scan step transposed recurrent(%r : tensor<1x1x4x4xf32>) states(%h : tensor<?x1x4xf32>) {
  ^bb0(%p: f32, %ht: f32):
    xlstm.yield states(%p : f32)
  } -> states(tensor<?x1x4xf32>)
  return %y, %d : tensor<?x1x4xf32>, tensor<?x1x4xf32>
}
