// RUN: xlstm-opt %s --xlstm-choose-form --split-input-file --verify-diagnostics | FileCheck %s

// The gates of an mLSTM cell do not read its states: all forms are legal.

// CHECK-LABEL: func.func @mlstm(
// CHECK: xlstm.mlstm {{.*}} {form = chunkwise}
func.func @mlstm(%q: tensor<?x?x2x4xf32>, %k: tensor<?x?x2x4xf32>, %v: tensor<?x?x2x8xf32>,
                 %i: tensor<?x?x2xf32>, %f: tensor<?x?x2xf32>) -> tensor<?x?x2x8xf32> {
  // expected-remark@+1 {{form chunkwise: the fastest that code is generated in; recurrent: legal; parallel: legal}}
  %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) : tensor<?x?x2x4xf32>, tensor<?x?x2x8xf32>
  return %h : tensor<?x?x2x8xf32>
}

// CHECK-LABEL: func.func @mlstm_chosen(
// CHECK: xlstm.mlstm {{.*}} {form = parallel}
func.func @mlstm_chosen(%q: tensor<?x?x2x4xf32>, %k: tensor<?x?x2x4xf32>, %v: tensor<?x?x2x8xf32>,
                        %i: tensor<?x?x2xf32>, %f: tensor<?x?x2xf32>) -> tensor<?x?x2x8xf32> {
  // expected-remark@+1 {{form parallel: asked for; recurrent: legal; chunkwise: legal}}
  %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) {form = parallel} : tensor<?x?x2x4xf32>, tensor<?x?x2x8xf32>
  return %h : tensor<?x?x2x8xf32>
}

// CHECK-LABEL: func.func @mlstm_step(
// CHECK: xlstm.mlstm {{.*}} {form = step}
func.func @mlstm_step(%q: tensor<?x2x4xf32>, %k: tensor<?x2x4xf32>, %v: tensor<?x2x8xf32>,
                      %i: tensor<?x2xf32>, %f: tensor<?x2xf32>) -> tensor<?x2x8xf32> {
  // expected-remark@+1 {{form step: asked for; recurrent: not legal, the op is one token}}
  %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) {form = step} : tensor<?x2x4xf32>, tensor<?x2x8xf32>
  return %h : tensor<?x2x8xf32>
}

// -----

// Through R the gates depend on h.

// CHECK-LABEL: func.func @elman(
// CHECK: xlstm.form = "recurrent"
func.func @elman(%wx: tensor<?x?x1x2x8xf32>, %r: tensor<1x2x8x8xf32> {xlstm.name = "r"})
    -> (tensor<?x?x2x8xf32>, tensor<?x2x8xf32> {xlstm.name = "h_last"}) {
  // expected-remark@+1 {{form recurrent: the fastest that code is generated in; chunkwise: not legal, the state h depends on h through R (argument r); parallel: not legal}}
  %h, %last = xlstm.scan sequences(%wx : tensor<?x?x1x2x8xf32>) recurrent(%r : tensor<1x2x8x8xf32>) {
  ^bb0(%rz: f32, %wz: f32, %old: f32):
    %0 = arith.addf %rz, %wz : f32
    %new = math.tanh %0 : f32
    xlstm.yield outputs(%new : f32) states(%new : f32)
  } -> outputs(tensor<?x?x2x8xf32>) states(tensor<?x2x8xf32>)
  return %h, %last : tensor<?x?x2x8xf32>, tensor<?x2x8xf32>
}

// -----

// Without R, a function of the state that is not affine forbids it as well; one of the output does not.

func.func @not_affine(%x: tensor<?x?x2x8xf32>) -> tensor<?x?x2x8xf32> {
  // expected-remark@+1 {{chunkwise: not legal, the update of the state c is not affine in the state c: math.tanh}}
  %h, %last = xlstm.scan state_names ["c"] sequences(%x : tensor<?x?x2x8xf32>) {
  ^bb0(%xt: f32, %c: f32):
    %0 = math.tanh %c : f32
    %new = arith.addf %0, %xt : f32
    xlstm.yield outputs(%new : f32) states(%new : f32)
  } -> outputs(tensor<?x?x2x8xf32>) states(tensor<?x2x8xf32>)
  return %h : tensor<?x?x2x8xf32>
}

func.func @product_of_states(%x: tensor<?x?x2x8xf32>) -> tensor<?x?x2x8xf32> {
  // expected-remark@+1 {{chunkwise: not legal, the update of the state n is not affine in the state c: arith.mulf}}
  %h, %last, %last_n = xlstm.scan state_names ["c", "n"] sequences(%x : tensor<?x?x2x8xf32>) {
  ^bb0(%xt: f32, %c: f32, %n: f32):
    %new_c = arith.addf %c, %xt : f32
    %new_n = arith.mulf %c, %n : f32
    xlstm.yield outputs(%new_n : f32) states(%new_c, %new_n : f32, f32)
  } -> outputs(tensor<?x?x2x8xf32>) states(tensor<?x2x8xf32>, tensor<?x2x8xf32>)
  return %h : tensor<?x?x2x8xf32>
}

func.func @selected_by_state(%x: tensor<?x?x2x8xf32>) -> tensor<?x?x2x8xf32> {
  // expected-remark@+1 {{not affine in the state c: arith.cmpf}}
  %h, %last = xlstm.scan state_names ["c"] sequences(%x : tensor<?x?x2x8xf32>) {
  ^bb0(%xt: f32, %c: f32):
    %over = arith.cmpf ogt, %c, %xt : f32
    %new = arith.select %over, %xt, %c : f32
    xlstm.yield outputs(%new : f32) states(%new : f32)
  } -> outputs(tensor<?x?x2x8xf32>) states(tensor<?x2x8xf32>)
  return %h : tensor<?x?x2x8xf32>
}

// CHECK-LABEL: func.func @affine(
// CHECK: xlstm.form = "recurrent"
func.func @affine(%x: tensor<?x?x2x2x8xf32>) -> tensor<?x?x2x8xf32> {
  // expected-remark@+1 {{form recurrent: the fastest that code is generated in; chunkwise: legal, but no code is generated in it; parallel: legal, but no code is generated in it}}
  %h, %last, %last_n = xlstm.scan state_names ["c", "n"] sequences(%x : tensor<?x?x2x2x8xf32>) {
  ^bb0(%f: f32, %z: f32, %c: f32, %n: f32):
    %gate = xlstm.sigmoid %f : f32
    %0 = arith.mulf %c, %gate : f32
    %new_c = arith.addf %0, %z : f32
    %1 = arith.subf %new_c, %n : f32
    %forgets = arith.cmpf olt, %f, %z : f32
    %2 = arith.select %forgets, %z, %1 : f32
    %new_n = arith.divf %2, %gate : f32
    %y = math.tanh %new_n : f32
    xlstm.yield outputs(%y : f32) states(%new_c, %new_n : f32, f32)
  } -> outputs(tensor<?x?x2x8xf32>) states(tensor<?x2x8xf32>, tensor<?x2x8xf32>)
  return %h : tensor<?x?x2x8xf32>
}
