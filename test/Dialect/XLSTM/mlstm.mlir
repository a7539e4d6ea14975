// SPDX-License-Identifier: Apache-2.0
// Every form of xlstm.mlstm is read, printed, read again, and the same through the generic form.
// RUN: xlstm-opt %s | FileCheck %s
// RUN: xlstm-opt %s | xlstm-opt | FileCheck %s
// RUN: xlstm-opt %s --mlir-print-op-generic | xlstm-opt | FileCheck %s
// RUN: xlstm-opt %s --mlir-print-op-generic | FileCheck %s --check-prefix=GENERIC
// RUN: xlstm-opt %s --emit-bytecode | xlstm-opt | FileCheck %s

// CHECK-LABEL: func.func @exp
// CHECK-SAME: %[[Q:.*]]: tensor<?x?x8x256xbf16>, %[[K:.*]]: tensor<?x?x8x256xbf16>, %[[V:.*]]: tensor<?x?x8x512xbf16>, %[[I:.*]]: tensor<?x?x8xf32>, %[[F:.*]]: tensor<?x?x8xf32>)
// GENERIC-LABEL: sym_name = "exp"
func.func @exp(%q: tensor<?x?x8x256xbf16>, %k: tensor<?x?x8x256xbf16>, %v: tensor<?x?x8x512xbf16>,
               %i: tensor<?x?x8xf32>, %f: tensor<?x?x8xf32>)
    -> (tensor<?x?x8x512xbf16>, tensor<?x8x256x512xf32>, tensor<?x8x256xf32>, tensor<?x8xf32>) {
  // CHECK: %h, %c, %n, %m = xlstm.mlstm %[[Q]], %[[K]], %[[V]] gates(%[[I]], %[[F]]) : tensor<?x?x8x256xbf16>, tensor<?x?x8x512xbf16>{{$}}
  // GENERIC: "xlstm.mlstm"
  // GENERIC-SAME: denominator = #xlstm.denominator<max_plus_eps>
  // GENERIC-SAME: eps = {{9.9+5E-7|1.0+e-06}} : f64
  // GENERIC-SAME: input_gate = #xlstm.input_gate<exp>
  // GENERIC-SAME: normalize = true
  // GENERIC-SAME: normalizer_grad = #xlstm.normalizer_grad<exact>
  // GENERIC-SAME: operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 0, 0, 0, 0>
  // GENERIC-SAME: resultSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>
  // GENERIC-SAME: scale_on = #xlstm.scale_on<q>
  %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) : tensor<?x?x8x256xbf16>, tensor<?x?x8x512xbf16>
  return %h, %c, %n, %m
      : tensor<?x?x8x512xbf16>, tensor<?x8x256x512xf32>, tensor<?x8x256xf32>, tensor<?x8xf32>
}

// CHECK-LABEL: func.func @state
func.func @state(%q: tensor<2x16x4x8xf16>, %k: tensor<2x16x4x8xf16>, %v: tensor<2x16x4x5xf16>,
                 %i: tensor<2x16x4xf32>, %f: tensor<2x16x4xf32>,
                 %c0: tensor<2x4x8x5xf32>, %n0: tensor<2x4x8xf32>, %m0: tensor<2x4xf32>) -> tensor<2x16x4x5xf16> {
  // CHECK: xlstm.mlstm %{{.*}} gates(%arg3, %arg4) state(%arg5, %arg6, %arg7) : tensor<2x16x4x8xf16>, tensor<2x16x4x5xf16>{{$}}
  %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) state(%c0, %n0, %m0)
      : tensor<2x16x4x8xf16>, tensor<2x16x4x5xf16>
  return %h : tensor<2x16x4x5xf16>
}

// Every option that is not its default, and a discardable attribute.
// CHECK-LABEL: func.func @options
func.func @options(%q: tensor<?x?x1x1xf64>, %k: tensor<?x?x1x1xf64>, %v: tensor<?x?x1x1xf64>,
                   %i: tensor<?x?x1xf64>, %f: tensor<?x?x1xf64>) -> tensor<?x?x1x1xf64> {
  // CHECK: %h, %c = xlstm.mlstm
  // CHECK-SAME: {input_gate = sigmoid, normalize = false, eps = 1.250000e-01, scale_on = k, denominator = max_with_eps, normalizer_grad = dropped, flag, my.note = 3 : i64}
  // CHECK-SAME: : tensor<?x?x1x1xf64>, tensor<?x?x1x1xf64>{{$}}
  %h, %c = xlstm.mlstm %q, %k, %v gates(%i, %f)
      {flag, my.note = 3, scale_on = k, eps = 0.125, denominator = max_with_eps, normalizer_grad = dropped,
       normalize = false, input_gate = sigmoid} : tensor<?x?x1x1xf64>, tensor<?x?x1x1xf64>
  return %h : tensor<?x?x1x1xf64>
}

// The defaults may be written; they are not printed.
// CHECK-LABEL: func.func @defaults
func.func @defaults(%q: tensor<?x?x1x1xf32>, %g: tensor<?x?x1xf32>) -> tensor<?x?x1x1xf32> {
  // CHECK: gates(%arg1, %arg1) : tensor
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g)
      {input_gate = exp, normalize = true, eps = 1.0e-6, scale_on = q, denominator = max_plus_eps,
       normalizer_grad = exact} : tensor<?x?x1x1xf32>, tensor<?x?x1x1xf32>
  return %h : tensor<?x?x1x1xf32>
}

// CHECK-LABEL: func.func @sigmoid_states
func.func @sigmoid_states(%q: tensor<?x?x2x4xf32>, %v: tensor<?x?x2x3xf32>, %g: tensor<?x?x2xf32>,
                          %c0: tensor<?x2x4x3xf32>, %n0: tensor<?x2x4xf32>)
    -> (tensor<?x2x4x3xf32>, tensor<?x2x4xf32>, tensor<?x2x4x3xf32>) {
  // CHECK: %h, %c, %n = xlstm.mlstm {{.*}} state(%arg3, %arg4) {input_gate = sigmoid} : tensor<?x?x2x4xf32>, tensor<?x?x2x3xf32>{{$}}
  %h, %c, %n = xlstm.mlstm %q, %q, %v gates(%g, %g) state(%c0, %n0) {input_gate = sigmoid}
      : tensor<?x?x2x4xf32>, tensor<?x?x2x3xf32>
  // CHECK: xlstm.mlstm {{.*}} state(%arg3) {input_gate = sigmoid, normalize = false} : tensor<?x?x2x4xf32>, tensor<?x?x2x3xf32>{{$}}
  %h2, %c2 = xlstm.mlstm %q, %q, %v gates(%g, %g) state(%c0) {input_gate = sigmoid, normalize = false}
      : tensor<?x?x2x4xf32>, tensor<?x?x2x3xf32>
  return %c, %n, %c2 : tensor<?x2x4x3xf32>, tensor<?x2x4xf32>, tensor<?x2x4x3xf32>
}

// The number of states is that of the sequences: 4 + 1 starts.
// CHECK-LABEL: func.func @packed
func.func @packed(%q: tensor<1x?x2x4xf32>, %g: tensor<1x?x2xf32>, %starts: tensor<5xi32>, %c0: tensor<4x2x4x4xf32>,
                  %n0: tensor<4x2x4xf32>, %m0: tensor<4x2xf32>, %reset: tensor<1x?xi1>) -> tensor<4x2x4x4xf32> {
  // CHECK: state(%arg3, %arg4, %arg5) cu_seqlens(%arg2 : tensor<5xi32>) reset(%arg6 : tensor<1x?xi1>) : tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>{{$}}
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) state(%c0, %n0, %m0) cu_seqlens(%starts : tensor<5xi32>)
      reset(%reset : tensor<1x?xi1>) : tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>
  return %c : tensor<4x2x4x4xf32>
}

// CHECK-LABEL: func.func @reset_types
func.func @reset_types(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>, %a: tensor<?x?xi8>, %b: tensor<?x?xui8>) {
  // CHECK: reset(%arg2 : tensor<?x?xi8>)
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) reset(%a : tensor<?x?xi8>) : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  // CHECK: reset(%arg3 : tensor<?x?xui8>)
  %1:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) reset(%b : tensor<?x?xui8>) : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}

// Types that do not follow from those of q and v are written out: here k, a gate and a result are more static.
// CHECK-LABEL: func.func @refined
func.func @refined(%q: tensor<?x?x2x4xf32>, %k: tensor<2x?x2x4xf32>, %g: tensor<?x9x2xf32>) -> tensor<2x9x2x4xf32> {
  // CHECK: gates(%arg2, %arg2) : (tensor<?x?x2x4xf32>, tensor<2x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x9x2xf32>, tensor<?x9x2xf32>) -> (tensor<2x9x2x4xf32>, tensor<2x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>)
  %h, %c, %n, %m = xlstm.mlstm %q, %k, %q gates(%g, %g)
      : (tensor<?x?x2x4xf32>, tensor<2x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x9x2xf32>, tensor<?x9x2xf32>)
      -> (tensor<2x9x2x4xf32>, tensor<2x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>)
  return %h : tensor<2x9x2x4xf32>
}

// The attributes stand alone too.
// CHECK-LABEL: func.func private @attributes
// CHECK-SAME: a = #xlstm.input_gate<sigmoid>, b = #xlstm.scale_on<k>, c = #xlstm.denominator<max_with_eps>, d = #xlstm.normalizer_grad<dropped>, e = #xlstm.form<chunkwise>
func.func private @attributes() attributes {
  a = #xlstm.input_gate<sigmoid>, b = #xlstm.scale_on<k>, c = #xlstm.denominator<max_with_eps>,
  d = #xlstm.normalizer_grad<dropped>, e = #xlstm.form<chunkwise>}

// Left out of the generic form, an option has its default.
// CHECK-LABEL: func.func @generic
func.func @generic(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // CHECK: xlstm.mlstm %arg0, %arg0, %arg0 gates(%arg1, %arg1) : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>{{$}}
  %0:4 = "xlstm.mlstm"(%q, %q, %q, %g, %g) <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 0, 0, 0, 0>,
      resultSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>}>
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>)
  return
}

// CHECK-LABEL: func.func @forms
func.func @forms(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // CHECK: gates(%arg1, %arg1) {form = recurrent} : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>{{$}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) {form = recurrent} : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  // CHECK: {eps = 0.000000e+00, form = chunkwise} :
  %1:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) {form = chunkwise, eps = 0.0} : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  // CHECK: {form = parallel} :
  %2:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) {form = parallel} : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}

// What a step keeps of C may be rounded: the types of all tensors are then given.
// CHECK-LABEL: func.func @step_bf16_state
func.func @step_bf16_state(%q: tensor<?x2x4xf16>, %g: tensor<?x2xf32>, %c0: tensor<?x2x4x4xbf16>, %n0: tensor<?x2x4xf32>,
                           %m0: tensor<?x2xf32>) -> tensor<?x2x4x4xbf16> {
  // CHECK: xlstm.mlstm {{.*}} {form = step} : (tensor<?x2x4xf16>, {{.*}}tensor<?x2x4x4xbf16>{{.*}}) -> (tensor<?x2x4xf16>, tensor<?x2x4x4xbf16>, tensor<?x2x4xf32>, tensor<?x2xf32>)
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) state(%c0, %n0, %m0) {form = step}
      : (tensor<?x2x4xf16>, tensor<?x2x4xf16>, tensor<?x2x4xf16>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2x4x4xbf16>,
         tensor<?x2x4xf32>, tensor<?x2xf32>) -> (tensor<?x2x4xf16>, tensor<?x2x4x4xbf16>, tensor<?x2x4xf32>, tensor<?x2xf32>)
  return %c : tensor<?x2x4x4xbf16>
}

// One token: no tensor has a T axis.
// CHECK-LABEL: func.func @step
func.func @step(%q: tensor<?x2x4xbf16>, %v: tensor<?x2x3xbf16>, %g: tensor<?x2xf32>, %c0: tensor<?x2x4x3xf32>,
                %n0: tensor<?x2x4xf32>, %m0: tensor<?x2xf32>)
    -> (tensor<?x2x3xbf16>, tensor<?x2x4x3xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>) {
  // CHECK: %h, %c, %n, %m = xlstm.mlstm {{.*}} state(%arg3, %arg4, %arg5) {form = step} : tensor<?x2x4xbf16>, tensor<?x2x3xbf16>{{$}}
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %v gates(%g, %g) state(%c0, %n0, %m0) {form = step}
      : tensor<?x2x4xbf16>, tensor<?x2x3xbf16>
  return %h, %c, %n, %m : tensor<?x2x3xbf16>, tensor<?x2x4x3xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>
}

// CHECK-LABEL: func.func @saved
func.func @saved(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>)
    -> (tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2x2xf64>) {
  // CHECK: %h, %c, %c_states, %n_states, %m_states = xlstm.mlstm {{.*}} {input_gate = sigmoid, normalize = false, save_states} : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>{{$}}
  %h, %c, %cs, %ns, %ms = xlstm.mlstm %q, %q, %q gates(%g, %g) {save_states, normalize = false, input_gate = sigmoid}
      : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return %cs, %ns, %ms : tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2x2xf64>
}

// CHECK-LABEL: func.func @h_in_f32
func.func @h_in_f32(%q: tensor<?x?x2x4xbf16>, %g: tensor<?x?x2xf32>) -> tensor<?x?x2x4xf32> {
  // CHECK: xlstm.mlstm %arg0, %arg0, %arg0 gates(%arg1, %arg1) : (tensor<?x?x2x4xbf16>, {{.*}}) -> (tensor<?x?x2x4xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>)
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g)
      : (tensor<?x?x2x4xbf16>, tensor<?x?x2x4xbf16>, tensor<?x?x2x4xbf16>, tensor<?x?x2xf32>, tensor<?x?x2xf32>)
      -> (tensor<?x?x2x4xf32>, tensor<?x2x4x4xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>)
  return %0#0 : tensor<?x?x2x4xf32>
}
