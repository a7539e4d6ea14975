// SPDX-License-Identifier: Apache-2.0
// RUN: xlstm-opt %s --canonicalize | FileCheck %s

// Initial states that are all zero are those of a cell without any.
// CHECK-LABEL: func.func @zero_states
func.func @zero_states(%q: tensor<2x?x1x4xf32>, %g: tensor<2x?x1xf32>) -> tensor<2x?x1x4xf32> {
  // CHECK-NOT: arith.constant
  // CHECK: xlstm.mlstm %arg0, %arg0, %arg0 gates(%arg1, %arg1) : tensor
  %c0 = arith.constant dense<0.0> : tensor<2x1x4x4xf32>
  %n0 = arith.constant dense<-0.0> : tensor<2x1x4xf32>
  %m0 = arith.constant dense<0.0> : tensor<2x1xf32>
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) state(%c0, %n0, %m0) : tensor<2x?x1x4xf32>, tensor<2x?x1x4xf32>
  return %h : tensor<2x?x1x4xf32>
}

// CHECK-LABEL: func.func @zero_state_of_sigmoid
func.func @zero_state_of_sigmoid(%q: tensor<2x?x1x4xf32>, %g: tensor<2x?x1xf32>) -> tensor<2x?x1x4xf32> {
  // CHECK: gates(%arg1, %arg1) {input_gate = sigmoid, normalize = false} : tensor
  %c0 = arith.constant dense<0.0> : tensor<2x1x4x4xf32>
  %h, %c = xlstm.mlstm %q, %q, %q gates(%g, %g) state(%c0) {input_gate = sigmoid, normalize = false}
      : tensor<2x?x1x4xf32>, tensor<2x?x1x4xf32>
  return %h : tensor<2x?x1x4xf32>
}

// m = 1 is not what an absent m is, although C and n are zero: m decides how much eps weighs, and m_last.
// CHECK-LABEL: func.func @m_is_not_zero
func.func @m_is_not_zero(%q: tensor<2x?x1x4xf32>, %g: tensor<2x?x1xf32>) -> tensor<2x?x1x4xf32> {
  // CHECK: state(
  %c0 = arith.constant dense<0.0> : tensor<2x1x4x4xf32>
  %n0 = arith.constant dense<0.0> : tensor<2x1x4xf32>
  %m0 = arith.constant dense<1.0> : tensor<2x1xf32>
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) state(%c0, %n0, %m0) : tensor<2x?x1x4xf32>, tensor<2x?x1x4xf32>
  return %h : tensor<2x?x1x4xf32>
}

// CHECK-LABEL: func.func @unknown_state
func.func @unknown_state(%q: tensor<2x?x1x4xf32>, %g: tensor<2x?x1xf32>, %c0: tensor<2x1x4x4xf32>)
    -> tensor<2x?x1x4xf32> {
  // CHECK: state(%arg2, %
  %n0 = arith.constant dense<0.0> : tensor<2x1x4xf32>
  %m0 = arith.constant dense<0.0> : tensor<2x1xf32>
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) state(%c0, %n0, %m0) : tensor<2x?x1x4xf32>, tensor<2x?x1x4xf32>
  return %h : tensor<2x?x1x4xf32>
}

// A reset that is never true resets nothing. The operands around it keep their places.
// CHECK-LABEL: func.func @no_reset
func.func @no_reset(%q: tensor<1x3x1x4xf32>, %g: tensor<1x3x1xf32>, %s: tensor<3xi32>) -> tensor<1x3x1x4xf32> {
  // CHECK-NOT: arith.constant
  // CHECK: gates(%arg1, %arg1) cu_seqlens(%arg2 : tensor<3xi32>) : tensor
  %r = arith.constant dense<false> : tensor<1x3xi1>
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) cu_seqlens(%s : tensor<3xi32>) reset(%r : tensor<1x3xi1>)
      : tensor<1x3x1x4xf32>, tensor<1x3x1x4xf32>
  return %h : tensor<1x3x1x4xf32>
}

// CHECK-LABEL: func.func @some_reset
func.func @some_reset(%q: tensor<1x3x1x4xf32>, %g: tensor<1x3x1xf32>) -> tensor<1x3x1x4xf32> {
  // CHECK: reset(
  %r = arith.constant dense<[[0, 1, 0]]> : tensor<1x3xi8>
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) reset(%r : tensor<1x3xi8>)
      : tensor<1x3x1x4xf32>, tensor<1x3x1x4xf32>
  return %h : tensor<1x3x1x4xf32>
}

// The op is pure: without uses it goes.
// CHECK-LABEL: func.func @unused
func.func @unused(%q: tensor<1x3x1x4xf32>, %g: tensor<1x3x1xf32>) {
  // CHECK-NEXT: return
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) : tensor<1x3x1x4xf32>, tensor<1x3x1x4xf32>
  return
}

// States that nothing reads are not saved.
// CHECK-LABEL: func.func @unused_saved_states
func.func @unused_saved_states(%q: tensor<?x3x1x4xf32>, %g: tensor<?x3x1xf32>) -> (tensor<?x3x1x4xf32>, tensor<2x1xf32>) {
  // CHECK: %h, %c, %n, %m = xlstm.mlstm %arg0, %arg0, %arg0 gates(%arg1, %arg1) {eps = 0.000000e+00, form = chunkwise, my.note = 3 : i64} : (
  // CHECK-SAME: tensor<2x1xf32>)
  // CHECK-NEXT: return %h, %m
  %h, %c, %n, %m, %0:3 = xlstm.mlstm %q, %q, %q gates(%g, %g) {form = chunkwise, save_states, eps = 0.0, my.note = 3}
      : (tensor<?x3x1x4xf32>, tensor<?x3x1x4xf32>, tensor<?x3x1x4xf32>, tensor<?x3x1xf32>, tensor<?x3x1xf32>)
      -> (tensor<?x3x1x4xf32>, tensor<?x1x4x4xf32>, tensor<?x1x4xf32>, tensor<2x1xf32>,
          tensor<?x1x4x4xf32>, tensor<?x1x4xf32>, tensor<?x1x2xf64>)
  return %h, %m : tensor<?x3x1x4xf32>, tensor<2x1xf32>
}

// CHECK-LABEL: func.func @used_saved_state
func.func @used_saved_state(%q: tensor<?x3x1x4xf32>, %g: tensor<?x3x1xf32>) -> tensor<?x1x2xf64> {
  // CHECK: save_states
  %h, %c, %n, %m, %0:3 = xlstm.mlstm %q, %q, %q gates(%g, %g) {save_states} : tensor<?x3x1x4xf32>, tensor<?x3x1x4xf32>
  return %0#2 : tensor<?x1x2xf64>
}

// Initial values that are zero, one by one, and a reset that is never true.
// CHECK-LABEL: func.func @zeros_of_scan
func.func @zeros_of_scan(%x: tensor<2x3x1x4xf32>, %h0: tensor<2x1x4xf32>) -> (tensor<2x3x1x4xf32>, tensor<2x1x4xf32>) {
  // CHECK-NOT: arith.constant
  // CHECK: xlstm.scan sequences(%arg0 : tensor<2x3x1x4xf32>) previous(%arg0 : tensor<2x3x1x4xf32>) states(none, %arg1 : tensor<2x1x4xf32>) {
  %zero = arith.constant dense<0.0> : tensor<2x1x4xf32>
  %never = arith.constant dense<0> : tensor<2x3xi8>
  %y, %h, %c = xlstm.scan sequences(%x : tensor<2x3x1x4xf32>) previous(%x from %zero : tensor<2x3x1x4xf32>, tensor<2x1x4xf32>)
      states(%zero, %h0 : tensor<2x1x4xf32>, tensor<2x1x4xf32>) reset(%never : tensor<2x3xi8>) {
  ^bb0(%xt: f32, %xp: f32, %ht: f32, %ct: f32):
    %0 = arith.addf %xt, %xp : f32
    xlstm.yield outputs(%ct : f32) states(%0, %ht : f32, f32)
  } -> outputs(tensor<2x3x1x4xf32>) states(tensor<2x1x4xf32>, tensor<2x1x4xf32>)
  // CHECK: xlstm.scan {{.*}} previous(%arg0 : tensor<2x3x1x4xf32>) {
  %z, %k = xlstm.scan sequences(%y : tensor<2x3x1x4xf32>) previous(%x from %zero : tensor<2x3x1x4xf32>, tensor<2x1x4xf32>)
      states(%zero : tensor<2x1x4xf32>) {
  ^bb0(%xt: f32, %xp: f32, %ht: f32):
    %0 = arith.addf %xt, %xp : f32
    xlstm.yield outputs(%ht : f32) states(%0 : f32)
  } -> outputs(tensor<2x3x1x4xf32>) states(tensor<2x1x4xf32>)
  return %z, %k : tensor<2x3x1x4xf32>, tensor<2x1x4xf32>
}

// A step without sequences keeps an initial state: it says how large the batch is.
// CHECK-LABEL: func.func @step_from_zero
func.func @step_from_zero(%r: tensor<1x1x4x4xf32>) -> tensor<2x1x4xf32> {
  // CHECK: states(%{{.*}} : tensor<2x1x4xf32>)
  %zero = arith.constant dense<0.0> : tensor<2x1x4xf32>
  %h = xlstm.scan step recurrent(%r : tensor<1x1x4x4xf32>) states(%zero : tensor<2x1x4xf32>) {
  ^bb0(%p: f32, %ht: f32):
    xlstm.yield states(%p : f32)
  } -> states(tensor<2x1x4xf32>)
  return %h : tensor<2x1x4xf32>
}

// What the region does not read, and outputs that nothing uses. One sequence stays: it has the batch and the tokens.
// CHECK-LABEL: func.func @unused_tensors_of_scan
func.func @unused_tensors_of_scan(%x: tensor<?x?x2x1x4xf32>, %y: tensor<?x?x1x4xf32>, %b: tensor<2x1x4xf32>,
                                  %a: tensor<1x4xf32>, %r: tensor<1x1x4x4xf32>) -> tensor<?x?x2x1x4xf32> {
  // CHECK: %out, %h_last = xlstm.scan reverse state_names ["h"] sequences(%arg0 : tensor<?x?x2x1x4xf32>) constants(%arg3 : tensor<1x4xf32>) attributes {my.note = 3 : i64} {
  // CHECK-NEXT: ^bb0(%x: f32, %x_0: f32, %constant: f32, %h: f32):
  // CHECK-NEXT: xlstm.yield outputs(%constant, %h : f32, f32) states(%h : f32)
  // CHECK-NEXT: } -> outputs(tensor<?x?x2x1x4xf32>) states(tensor<?x1x4xf32>)
  // CHECK-NEXT: return %out
  %0, %1, %h = xlstm.scan reverse recurrent_grad_clip 1.0 state_names ["h"]
      sequences(%x, %y : tensor<?x?x2x1x4xf32>, tensor<?x?x1x4xf32>) previous(%y : tensor<?x?x1x4xf32>)
      constants(%b, %a : tensor<2x1x4xf32>, tensor<1x4xf32>) recurrent(%r : tensor<1x1x4x4xf32>)
      attributes {my.note = 3} {
  ^bb0(%p: f32, %x0: f32, %x1: f32, %yt: f32, %yp: f32, %b0: f32, %b1: f32, %at: f32, %ht: f32):
    %s = xlstm.sigmoid %b1 : f32
    xlstm.yield outputs(%s, %at, %ht : f32, f32, f32) states(%ht : f32)
  } -> outputs(tensor<?x?x1x4xf32>, tensor<?x?x2x1x4xf32>) states(tensor<?x1x4xf32>)
  return %1 : tensor<?x?x2x1x4xf32>
}

// CHECK-LABEL: func.func @unused_scan
func.func @unused_scan(%x: tensor<?x?x1x4xf32>) {
  // CHECK-NEXT: return
  %0 = xlstm.scan sequences(%x : tensor<?x?x1x4xf32>) {
  ^bb0(%xt: f32):
    xlstm.yield outputs(%xt : f32)
  } -> outputs(tensor<?x?x1x4xf32>)
  return
}

// CHECK-LABEL: func.func @stopped_twice
func.func @stopped_twice(%x: f32) -> f32 {
  // CHECK-NEXT: %[[ONCE:.*]] = xlstm.stop_gradient %arg0
  // CHECK-NEXT: return %[[ONCE]]
  %0 = xlstm.stop_gradient %x : f32
  %1 = xlstm.stop_gradient %0 : f32
  return %1 : f32
}

// A result that is a copy of an input is that input; what is left is gone.
// CHECK-LABEL: func.func @map_of_copies
func.func @map_of_copies(%x: tensor<?x?x4xf32>, %y: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // CHECK: %[[SUM:.*]] = xlstm.map %arg0, %arg1
  // CHECK-NOT: xlstm.map
  // CHECK: return %[[SUM]]
  %sum = xlstm.map %x, %y : tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32> {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.addf %0, %1 : f32
    xlstm.yield outputs(%2 : f32)
  }
  %copies:2 = xlstm.map %x, %sum : tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>, tensor<?x?x4xf32> {
  ^bb0(%0: f32, %1: f32):
    xlstm.yield outputs(%1, %1 : f32, f32)
  }
  return %copies#1 : tensor<?x?x4xf32>
}

// Unused results and inputs go, also those that only an unused result read; one of two equal results is the other.
// CHECK-LABEL: func.func @map_without_use
func.func @map_without_use(%x: tensor<?x?x4xf32>, %y: tensor<?x?x4xf32>, %b: tensor<4xf32>) -> tensor<?x?x4xf32> {
  // CHECK: %[[M:.*]] = xlstm.map %arg0 : tensor<?x?x4xf32> -> tensor<?x?x4xf32> {
  // CHECK-NEXT: ^bb0(%[[X:.*]]: f32):
  // CHECK-NEXT: arith.mulf %[[X]], %[[X]]
  // CHECK-NEXT: xlstm.yield
  // CHECK: xlstm.map %[[M]] :
  %m:3 = xlstm.map %x, %y, %b : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<4xf32>
      -> tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32> {
  ^bb0(%0: f32, %1: f32, %2: f32):
    %3 = arith.mulf %0, %0 : f32
    %4 = arith.addf %1, %2 : f32
    xlstm.yield outputs(%3, %4, %3 : f32, f32, f32)
  }
  %p = xlstm.map %m#0, %m#2 : tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32> {
  ^bb0(%0: f32, %1: f32):
    %2 = arith.addf %0, %0 : f32
    xlstm.yield outputs(%2 : f32)
  }
  return %p : tensor<?x?x4xf32>
}

// An input of all axes stays, which gives the extents; a copy into another type stays too, and one of an argument that the function
// returns.
// CHECK-LABEL: func.func @map_that_stays
func.func @map_that_stays(%x: tensor<?x?x4xf32>, %b: tensor<4xf32>) -> (tensor<?x?x4xf32>, tensor<?x?x4xbf16>, tensor<?x?x4xf32>) {
  // CHECK: xlstm.map %arg0, %arg1
  // CHECK: xlstm.map %arg0 :
  // CHECK: xlstm.map %arg0 :
  %0 = xlstm.map %x, %b : tensor<?x?x4xf32>, tensor<4xf32> -> tensor<?x?x4xf32> {
  ^bb0(%1: f32, %2: f32):
    xlstm.yield outputs(%2 : f32)
  }
  %3 = xlstm.map %x : tensor<?x?x4xf32> -> tensor<?x?x4xbf16> {
  ^bb0(%1: f32):
    xlstm.yield outputs(%1 : f32)
  }
  %4 = xlstm.map %x : tensor<?x?x4xf32> -> tensor<?x?x4xf32> {
  ^bb0(%1: f32):
    xlstm.yield outputs(%1 : f32)
  }
  return %0, %3, %4 : tensor<?x?x4xf32>, tensor<?x?x4xbf16>, tensor<?x?x4xf32>
}

// A product whose results are copies is gone; one weight of two that is not read goes with what it needs.
// CHECK-LABEL: func.func @linear_of_copies
func.func @linear_of_copies(%x: tensor<?x?x4xf32>, %w: tensor<4x4xf32>, %v: tensor<4x4xf32>, %e: tensor<?x?x4xf32>, %c: tensor<4xf32>)
    -> tensor<?x?x4xf32> {
  // CHECK-NEXT: %[[Y:.*]] = xlstm.linear transposed %arg0 weights(%arg2 : tensor<4x4xf32>) elems(%arg3 : tensor<?x?x4xf32>) epilogue
  // CHECK-NEXT: ^bb0(%[[SUM:.*]]: f32, %[[E:.*]]: f32):
  // CHECK-NEXT: arith.addf %[[SUM]], %[[E]]
  // CHECK-NOT: xlstm.linear
  // CHECK: return %[[Y]]
  %y:2 = xlstm.linear transposed %x weights(%w, %v : tensor<4x4xf32>, tensor<4x4xf32>) elems(%e : tensor<?x?x4xf32>)
      cols(%c : tensor<4xf32>) epilogue {
  ^bb0(%0: f32, %1: f32, %2: f32, %3: f32):
    %4 = arith.addf %0, %3 : f32
    %5 = arith.addf %1, %2 : f32
    xlstm.yield outputs(%4, %5 : f32, f32)
  } : tensor<?x?x4xf32> -> tensor<?x?x4xf32>, tensor<?x?x4xf32>
  %z = xlstm.linear %x weights(%w : tensor<4x4xf32>) elems(%y#1 : tensor<?x?x4xf32>) epilogue {
  ^bb0(%0: f32, %1: f32):
    xlstm.yield outputs(%1 : f32)
  } : tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  return %z : tensor<?x?x4xf32>
}
