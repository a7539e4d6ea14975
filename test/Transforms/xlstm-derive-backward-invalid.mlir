// RUN: xlstm-opt %s --xlstm-derive-backward --split-input-file --verify-diagnostics
// RUN: not xlstm-opt %s --xlstm-derive-backward=function=nobody --split-input-file 2>&1 | FileCheck %s
// CHECK: error: expected a function nobody, got none

// expected-error@+1 {{expected no function forward_backward yet}}
func.func @forward(%x: tensor<?x?x1x8xf32>) -> tensor<?x?x1x8xf32> {
  return %x : tensor<?x?x1x8xf32>
}
func.func @forward_backward() { return }

// -----

func.func @forward(%x: tensor<?x?x1x8xf32>) -> tensor<?x?x1x8xf32> {
  // expected-error@+1 {{expected a scan without reverse, transposed, step and previous: only such scans can be differentiated}}
  %h = xlstm.scan reverse sequences(%x : tensor<?x?x1x8xf32>) {
  ^bb0(%0: f32):
    xlstm.yield outputs(%0 : f32)
  } -> outputs(tensor<?x?x1x8xf32>)
  return %h : tensor<?x?x1x8xf32>
}

// -----

func.func @forward(%x: tensor<?x?x1x8xf32>) -> tensor<?x?x1x8xf32> {
  // expected-error@+1 {{expected xlstm.linear, xlstm.mlstm, xlstm.scan or xlstm.multihead_norm: other ops have no derivative}}
  %h = arith.negf %x : tensor<?x?x1x8xf32>
  return %h : tensor<?x?x1x8xf32>
}

// -----

func.func @forward(%q: tensor<?x2x4xf32>, %k: tensor<?x2x4xf32>, %v: tensor<?x2x8xf32>,
                   %i: tensor<?x2xf32>, %f: tensor<?x2xf32>) -> tensor<?x2x8xf32> {
  // expected-error@+1 {{expected an op over tokens, got one with form = step}}
  %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) {form = step} : tensor<?x2x4xf32>, tensor<?x2x8xf32>
  return %h : tensor<?x2x8xf32>
}

// -----

func.func @forward(%q: tensor<?x?x2x4xf32>, %k: tensor<?x?x2x4xf32>, %v: tensor<?x?x2x8xf32>,
                   %i: tensor<?x?x2xf32>, %f: tensor<?x?x2xf32>) -> tensor<?x2x4x8xf32> {
  // expected-error@+1 {{expected h to have a gradient: it reaches no result of the function}}
  %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) : tensor<?x?x2x4xf32>, tensor<?x?x2x8xf32>
  return %c : tensor<?x2x4x8xf32>
}

// -----

func.func @forward(%x: tensor<?x?x8xf32>, %w: tensor<8x4xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{'xlstm.causal_conv1d' op has an epilogue, which has no derivative: fuse after deriving}}
  %y, %last = xlstm.causal_conv1d %x, %w epilogue {
  ^bb0(%sum: f32):
    %0 = math.tanh %sum : f32
    xlstm.yield outputs(%0 : f32)
  } : tensor<?x?x8xf32>, tensor<8x4xf32> -> tensor<?x3x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

func.func @forward(%x: tensor<?x?x8xf32>, %w: tensor<4x8xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{'xlstm.linear' op has a norm, which has no derivative there: fuse after deriving}}
  %y = xlstm.linear %x norm(rms eps 0.0) weights(%w : tensor<4x8xf32>) : tensor<?x?x8xf32> -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}
