// RUN: xlstm-opt %s --xlstm-derive-backward -canonicalize -cse --split-input-file 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t

// The example of the pass's documentation. tanh(new) is an output, so nothing has to be saved, and
// the gradient of the state runs back in time.

// CHECK-LABEL: func.func @forward(
func.func @forward(%wx: tensor<?x?x4x16xf32> {xlstm.name = "wx"})
    -> (tensor<?x?x4x16xf32> {xlstm.name = "h"}) {
  %h, %h_last = xlstm.scan sequences(%wx : tensor<?x?x4x16xf32>) {
  ^bb0(%x: f32, %old: f32):
    %new = arith.addf %old, %x : f32
    %y = math.tanh %new : f32
    xlstm.yield outputs(%y : f32) states(%new : f32)
  } -> outputs(tensor<?x?x4x16xf32>) states(tensor<?x4x16xf32>)
  return %h : tensor<?x?x4x16xf32>
}
// CHECK-LABEL: func.func @forward_backward(
// CHECK-SAME:      %[[WX:.*]]: tensor<?x?x4x16xf32> {xlstm.name = "wx"}, %[[DH:.*]]: tensor<?x?x4x16xf32> {xlstm.name = "dh"})
// CHECK-SAME:      -> (tensor<?x?x4x16xf32> {xlstm.name = "h"}, tensor<?x?x4x16xf32> {xlstm.name = "dwx"})
// CHECK:         %[[H:.*]], %{{.*}} = xlstm.scan sequences(%[[WX]] : {{.*}}) attributes {xlstm.save = {"tanh(new state 0)" = "saved: an output"}} {
// CHECK:         %[[DWX:.*]], %{{.*}} = xlstm.scan reverse sequences(%[[DH]], %[[H]] :
// CHECK-NEXT:    ^bb0(%[[DY:.*]]: f32, %[[Y:.*]]: f32, %[[D:.*]]: f32):
// CHECK-NEXT:      %[[ONE:.*]] = arith.constant 1.000000e+00
// CHECK-NEXT:      %[[YY:.*]] = arith.mulf %[[Y]], %[[Y]]
// CHECK-NEXT:      %[[SLOPE:.*]] = arith.subf %[[ONE]], %[[YY]]
// CHECK-NEXT:      %[[DNEW:.*]] = arith.mulf %[[DY]], %[[SLOPE]]
// CHECK-NEXT:      %[[SUM:.*]] = arith.addf %[[D]], %[[DNEW]]
// CHECK-NEXT:      xlstm.yield outputs(%[[SUM]] : f32) states(%[[SUM]] : f32)
// CHECK-NEXT:    } -> outputs(tensor<?x?x4x16xf32>) states(tensor<?x4x16xf32>)
// CHECK-NEXT:    return %[[H]], %[[DWX]]

// -----

// A cell with recurrent matrices, two states, packed sequences and resets, in bf16: h and the gates'
// gradients exist in both types. The gate without a product is cheaper to compute from wx again than
// to save. The gradient of R h enters at the step before, clipped; dh0 takes one more step.

// CHECK-LABEL: func.func @forward_backward(
// CHECK-SAME:      %[[WX:[a-z0-9]+]]: tensor<?x?x2x1x8xbf16> {xlstm.name = "wx"}
// CHECK-SAME:      %[[R:[a-z0-9]+]]: tensor<1x1x8x8xbf16> {xlstm.name = "r"}
// CHECK-SAME:      %[[B:[a-z0-9]+]]: tensor<2x1x8xf32> {xlstm.name = "b"}
// CHECK-SAME:      %[[H0:[a-z0-9]+]]: tensor<?x1x8xf32> {xlstm.dims = ["S"], xlstm.name = "h0", xlstm.optional}
// CHECK-SAME:      %[[C0:[a-z0-9]+]]: tensor<?x1x8xf32>
// CHECK-SAME:      %[[STARTS:[a-z0-9]+]]: tensor<?xi32>, %[[RESET:[a-z0-9]+]]: tensor<?x?xui8>
// CHECK-SAME:      %[[DH:[a-z0-9]+]]: tensor<?x?x1x8xbf16> {xlstm.name = "dh"}
// CHECK-SAME:      %[[DH_LAST:[a-z0-9]+]]: tensor<?x1x8xf32> {xlstm.name = "dh_last", xlstm.optional}
// CHECK-SAME:      %[[DC_LAST:[a-z0-9]+]]: tensor<?x1x8xf32> {xlstm.name = "dc_last", xlstm.optional}
// CHECK-SAME:      {xlstm.name = "dwx"}
// CHECK-SAME:      {xlstm.name = "dr"}
// CHECK-SAME:      {xlstm.name = "db"}
// CHECK-SAME:      {xlstm.dims = ["S"], xlstm.name = "dh0", xlstm.optional}
// CHECK-SAME:      {xlstm.name = "dc0", xlstm.optional}
// CHECK:         %[[OUT:[^,]*]], %[[GATES:[^,]*]], %[[CS:[^,]*]], %[[HS:[^,]*]], %{{.*}}, %{{.*}} = xlstm.scan recurrent_grad_clip 5.000000e-01 sequences(%[[WX]]
// CHECK-SAME:        xlstm.save = {c = "saved: 4 bytes a unit and token", "new h" = "recomputed: 5 operations from saved values", "sigmoid(gate[0])" = "recomputed: 2 operations from saved values", "tanh(gate[1])" = "saved: 4 bytes a unit and token"}
// CHECK:           %[[Z:.*]] = math.tanh
// CHECK:           %[[C:.*]] = arith.addf
// CHECK:           %[[H:.*]] = math.tanh %[[C]]
// CHECK:           xlstm.yield outputs(%[[H]], %[[Z]], %[[C]], %[[H]] : {{.*}}) states(%[[H]], %[[C]]
// CHECK:         outputs(tensor<?x?x1x8xbf16>, tensor<?x?x1x1x8xf32>, tensor<?x?x1x8xf32>, tensor<?x?x1x8xf32>)
// CHECK:         %[[DWX:[^,]*]], %[[DGATES:[^,]*]], %[[LAST_GATE:[^,]*]], %[[LAST_H:[^,]*]], %[[LAST_C:.*]] = xlstm.scan reverse transposed
// CHECK-SAME:        sequences(%[[DH]], %[[GATES]], %[[WX]] :
// CHECK-SAME:        previous(%[[CS]] from %[[C0]] :
// CHECK-SAME:        recurrent(%[[R]] :
// CHECK-SAME:        states({{none|zero}}, %[[DH_LAST]], %[[DC_LAST]] :
// CHECK-SAME:        cu_seqlens(%[[STARTS]] : tensor<?xi32>) reset(%[[RESET]] : tensor<?x?xui8>)
// CHECK-NEXT:    ^bb0(%[[PRODUCT:[a-z0-9_]+]]: f32,
// CHECK:           %[[BELOW:.*]] = arith.minimumf %[[PRODUCT]],
// CHECK:           %[[CLIPPED:.*]] = arith.maximumf %[[BELOW]],
// CHECK:           arith.addf %{{.*}}, %[[CLIPPED]]
// CHECK:           xlstm.yield outputs(%[[DF:.*]], %[[DZ:.*]], %[[DF]], %[[DZ]] : f32, f32, f32, f32) states(%[[DZ]], %{{.*}}, %{{.*}} :
// CHECK:         outputs(tensor<?x?x2x1x8xbf16>, tensor<?x?x2x1x8xf32>)
// CHECK:         %[[DB:.*]] = xlstm.time_sum %[[DGATES]] : tensor<?x?x2x1x8xf32> -> tensor<2x1x8xf32>
// CHECK:         %[[DR:.*]] = xlstm.outer_sum %[[DGATES]] [1] previous(%[[HS]] from %[[H0]]) cu_seqlens(%[[STARTS]] : tensor<?xi32>) reset(%[[RESET]] : tensor<?x?xui8>)
// CHECK-SAME:        -> tensor<1x1x8x8xbf16>
// CHECK:         %[[DH0:[^,]*]], %{{.*}} = xlstm.scan transposed step sequences(%[[LAST_H]] : tensor<?x1x8xf32>) recurrent(%[[R]] : {{.*}}) states(%[[LAST_GATE]] :
// CHECK:         return %[[OUT]], %{{.*}}, %{{.*}}, %[[DWX]], %[[DR]], %[[DB]], %[[DH0]], %[[LAST_C]]
func.func @forward(%wx: tensor<?x?x2x1x8xbf16> {xlstm.name = "wx"},
                   %r: tensor<1x1x8x8xbf16> {xlstm.name = "r"},
                   %b: tensor<2x1x8xf32> {xlstm.name = "b"},
                   %h0: tensor<?x1x8xf32> {xlstm.name = "h0", xlstm.optional, xlstm.dims = ["S"]},
                   %c0: tensor<?x1x8xf32> {xlstm.name = "c0", xlstm.optional},
                   %starts: tensor<?xi32>, %reset: tensor<?x?xui8>)
    -> (tensor<?x?x1x8xbf16> {xlstm.name = "h"}, tensor<?x1x8xf32> {xlstm.name = "h_last"},
        tensor<?x1x8xf32> {xlstm.name = "c_last"}) {
  %h, %h_last, %c_last = xlstm.scan recurrent_grad_clip 0.5
      sequences(%wx : tensor<?x?x2x1x8xbf16>) constants(%b : tensor<2x1x8xf32>)
      recurrent(%r : tensor<1x1x8x8xbf16>) states(%h0, %c0 : tensor<?x1x8xf32>, tensor<?x1x8xf32>)
      cu_seqlens(%starts : tensor<?xi32>) reset(%reset : tensor<?x?xui8>) {
  ^bb0(%rz: f32, %wf: f32, %wz: f32, %bf: f32, %bz: f32, %oldh: f32, %oldc: f32):
    %0 = arith.addf %wf, %bf : f32
    %f = xlstm.sigmoid %0 : f32
    %1 = arith.addf %rz, %wz : f32
    %2 = arith.addf %1, %bz : f32
    %z = math.tanh %2 : f32
    %3 = arith.mulf %f, %oldc : f32
    %c = arith.addf %3, %z : f32
    %hn = math.tanh %c : f32
    xlstm.yield outputs(%hn : f32) states(%hn, %c : f32, f32)
  } -> outputs(tensor<?x?x1x8xbf16>) states(tensor<?x1x8xf32>, tensor<?x1x8xf32>)
  return %h, %h_last, %c_last : tensor<?x?x1x8xbf16>, tensor<?x1x8xf32>, tensor<?x1x8xf32>
}

// -----

// A stabiliser has no gradient: no dm_last comes in, no dm0 goes out, and the reverse scan has one
// state less.

// CHECK-LABEL: func.func @forward_backward(
// CHECK-NOT:     dm_last
// CHECK:         xlstm.scan reverse
// CHECK:         } -> outputs(tensor<?x?x2x1x8xf32>) states(tensor<?x1x8xf32>)
func.func @forward(%wx: tensor<?x?x2x1x8xf32> {xlstm.name = "wx"},
                   %c0: tensor<?x1x8xf32> {xlstm.name = "c0"},
                   %m0: tensor<?x1x8xf32> {xlstm.name = "m0"})
    -> (tensor<?x?x1x8xf32> {xlstm.name = "h"}, tensor<?x1x8xf32> {xlstm.name = "c_last"},
        tensor<?x1x8xf32> {xlstm.name = "m_last"}) {
  %h, %c_last, %m_last = xlstm.scan state_names ["c", "m"] sequences(%wx : tensor<?x?x2x1x8xf32>)
      states(%c0, %m0 : tensor<?x1x8xf32>, tensor<?x1x8xf32>) {
  ^bb0(%i: f32, %z: f32, %c: f32, %m: f32):
    %0 = arith.maximumf %i, %m : f32
    %new_m = xlstm.stop_gradient %0 : f32
    %old_m = xlstm.stop_gradient %m : f32
    %1 = arith.subf %old_m, %new_m : f32
    %forget = math.exp %1 : f32
    %2 = arith.subf %i, %new_m : f32
    %input = math.exp %2 : f32
    %3 = arith.mulf %forget, %c : f32
    %4 = arith.mulf %input, %z : f32
    %new_c = arith.addf %3, %4 : f32
    xlstm.yield outputs(%new_c : f32) states(%new_c, %new_m : f32, f32)
  } -> outputs(tensor<?x?x1x8xf32>) states(tensor<?x1x8xf32>, tensor<?x1x8xf32>)
  return %h, %c_last, %m_last : tensor<?x?x1x8xf32>, tensor<?x1x8xf32>, tensor<?x1x8xf32>
}

// -----

// mLSTM: the states are saved once per chunk. h is a result, so the gradient through the normaliser
// counts.

// REMARK: remark: normalizer_grad stays exact: h is used by func.return
// CHECK-LABEL: func.func @forward_backward(
// CHECK-SAME:      {xlstm.name = "dh"}, %[[DC_LAST:.*]]: tensor<?x2x4x8xf32> {xlstm.name = "dc_last", xlstm.optional}, %[[DN_LAST:.*]]: tensor<?x2x4xf32> {xlstm.name = "dn_last", xlstm.optional})
// CHECK-NOT:     dm
// CHECK:         %{{.*}}, %[[CS:c_states.*]], %[[NS:n_states.*]], %[[MS:m_states.*]] = xlstm.mlstm {{.*}}save_states
// CHECK-SAME:        xlstm.save = {c = "saved: at the start of each chunk"
// CHECK:         %[[DQ:.*]], %[[DK:.*]], %[[DV:.*]], %[[DI:.*]], %[[DF:.*]], %[[DC0:.*]], %[[DN0:.*]] = xlstm.mlstm_backward
// CHECK-SAME:        dc_last(%[[DC_LAST]]
// CHECK-SAME:        dn_last(%[[DN_LAST]]
// CHECK-SAME:        saved(%[[CS]], %[[NS]], %[[MS]]
// CHECK:         return %{{.*}}, %[[DQ]], %[[DK]], %[[DV]], %[[DI]], %[[DF]], %[[DC0]], %[[DN0]] :
func.func @forward(%q: tensor<?x?x2x4xbf16>, %k: tensor<?x?x2x4xbf16>, %v: tensor<?x?x2x8xbf16>,
                   %i: tensor<?x?x2xf32>, %f: tensor<?x?x2xf32>, %c0: tensor<?x2x4x8xf32>,
                   %n0: tensor<?x2x4xf32>, %m0: tensor<?x2xf32>)
    -> (tensor<?x?x2x8xbf16> {xlstm.name = "h"}, tensor<?x2x4x8xf32> {xlstm.name = "c_last"},
        tensor<?x2x4xf32> {xlstm.name = "n_last"}, tensor<?x2xf32> {xlstm.name = "m_last"}) {
  %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) state(%c0, %n0, %m0)
      : tensor<?x?x2x4xbf16>, tensor<?x?x2x8xbf16>
  return %h, %c, %n, %m
      : tensor<?x?x2x8xbf16>, tensor<?x2x4x8xf32>, tensor<?x2x4xf32>, tensor<?x2xf32>
}

// -----

// Behind a norm with eps = 0 the gradient through the normaliser vanishes.

// REMARK: remark: normalizer_grad is dropped: each use of h is an xlstm.multihead_norm with eps = 0, which does not see a factor of h
// CHECK-LABEL: func.func @forward_backward(
// CHECK-SAME:      {xlstm.name = "dw"})
// CHECK:         %[[H:[^,]*]], {{.*}} = xlstm.mlstm {{.*}}normalizer_grad = dropped
// CHECK:         xlstm.multihead_norm rms
// CHECK:         %[[DX:.*]], %[[DW:.*]] = xlstm.multihead_norm_backward rms %[[H]], %{{.*}} weight
// CHECK:         xlstm.mlstm_backward {{.*}} grad(%[[DX]]) {{.*}}normalizer_grad = dropped
func.func @forward(%q: tensor<?x?x2x4xf32>, %k: tensor<?x?x2x4xf32>, %v: tensor<?x?x2x8xf32>,
                   %i: tensor<?x?x2xf32>, %f: tensor<?x?x2xf32>,
                   %w: tensor<2x8xf32> {xlstm.name = "w"}) -> tensor<?x?x2x8xf32> {
  %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) : tensor<?x?x2x4xf32>, tensor<?x?x2x8xf32>
  %y = xlstm.multihead_norm rms %h weight(%w : tensor<2x8xf32>) eps 0.0 : tensor<?x?x2x8xf32>
  return %y : tensor<?x?x2x8xf32>
}

// -----

// REMARK: remark: normalizer_grad stays exact: h is used by an xlstm.multihead_norm with eps > 0
func.func @forward(%q: tensor<?x?x2x4xf32>, %k: tensor<?x?x2x4xf32>, %v: tensor<?x?x2x8xf32>,
                   %i: tensor<?x?x2xf32>, %f: tensor<?x?x2xf32>) -> tensor<?x?x2x8xf32> {
  %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) : tensor<?x?x2x4xf32>, tensor<?x?x2x8xf32>
  %y = xlstm.multihead_norm layer %h eps 1.0e-5 : tensor<?x?x2x8xf32>
  return %y : tensor<?x?x2x8xf32>
}
