// RUN: xlstm-opt %s --xlstm-choose-form=form=chunkwise --split-input-file --verify-diagnostics
// RUN: not xlstm-opt %s --xlstm-choose-form=form=fast --split-input-file 2>&1 | FileCheck %s
// CHECK: error: expected form to be auto, recurrent, chunkwise, parallel or step, got fast

func.func @elman(%wx: tensor<?x?x1x2x8xf32>, %r: tensor<1x2x8x8xf32> {xlstm.name = "r"}) -> tensor<?x?x2x8xf32> {
  // expected-error@+1 {{cannot be computed in the form chunkwise: the state h depends on h through R (argument r)}}
  %h, %last = xlstm.scan state_names ["h"] sequences(%wx : tensor<?x?x1x2x8xf32>) recurrent(%r : tensor<1x2x8x8xf32>) {
  ^bb0(%rz: f32, %wz: f32, %old: f32):
    %0 = arith.addf %rz, %wz : f32
    %new = math.tanh %0 : f32
    xlstm.yield outputs(%new : f32) states(%new : f32)
  } -> outputs(tensor<?x?x2x8xf32>) states(tensor<?x2x8xf32>)
  return %h : tensor<?x?x2x8xf32>
}

// -----

func.func @sum(%x: tensor<?x?x2x8xf32>) -> tensor<?x?x2x8xf32> {
  // expected-error@+1 {{could be computed in the form chunkwise, but no code is generated in it: expected recurrent or step}}
  %h, %last = xlstm.scan sequences(%x : tensor<?x?x2x8xf32>) {
  ^bb0(%xt: f32, %old: f32):
    %new = arith.addf %old, %xt : f32
    xlstm.yield outputs(%new : f32) states(%new : f32)
  } -> outputs(tensor<?x?x2x8xf32>) states(tensor<?x2x8xf32>)
  return %h : tensor<?x?x2x8xf32>
}

// -----

func.func @step(%q: tensor<?x2x4xf32>, %k: tensor<?x2x4xf32>, %v: tensor<?x2x8xf32>,
                %i: tensor<?x2xf32>, %f: tensor<?x2xf32>) -> tensor<?x2x8xf32> {
  // expected-remark@+1 {{form step: asked for}}
  %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) {form = step} : tensor<?x2x4xf32>, tensor<?x2x8xf32>
  return %h : tensor<?x2x8xf32>
}

// -----

func.func @tokens(%x: tensor<?x?x2x8xf32>) -> tensor<?x?x2x8xf32> {
  // expected-error@+1 {{cannot be computed in the form step: the op has an axis of tokens}}
  %h, %last = xlstm.scan sequences(%x : tensor<?x?x2x8xf32>) attributes {xlstm.form = "step"} {
  ^bb0(%xt: f32, %old: f32):
    %new = arith.addf %old, %xt : f32
    xlstm.yield outputs(%new : f32) states(%new : f32)
  } -> outputs(tensor<?x?x2x8xf32>) states(tensor<?x2x8xf32>)
  return %h : tensor<?x?x2x8xf32>
}
