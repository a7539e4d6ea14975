// SPDX-License-Identifier: Apache-2.0
// Recurrent cells before, tile programs after.
// RUN: xlstm-opt %s --xlstm-select-schedule=set=batch=2 --convert-xlstm-to-tile | FileCheck %s

// The sLSTM cell: matrices and bias once, then one product for each gate and one map of all states for each token. A block has
// programs for two rows and for one.
// CHECK-LABEL: tile.kernel @slstm(
// CHECK-SAME: names ["wx", "b", "r", "h0", "c0", "n0", "m0", "reset", "h", "h_last", "c_last", "n_last", "m_last"]
// CHECK-SAME: grid(%[[TILE:[^ :]*]]: dim(0, 0) ceildiv 2, %[[HEAD:[^ :]*]]: 3)
// CHECK-SAME: schedule = {batch = 2 : i64, heads = 1 : i64, target = "cpu"}
// CHECK-COUNT-4: tile.load {{.*}} axes [2] : {{.*}} -> <16xf32>
// CHECK-COUNT-4: tile.load {{.*}} axes [3, 2] : {{.*}} -> <16x16xf32>
// CHECK: scf.if
// CHECK-COUNT-4: tile.load {{.*}} axes [0, 2] : {{.*}} -> <2x16xf32>
// CHECK: %[[LAST:.*]]:4 = scf.for %[[T:[^ ]*]] = {{.*}} iter_args(%[[H:[^ ]*]] = {{.*}}, %[[C:[^ ]*]] = {{.*}}, %[[N:[^ ]*]] = {{.*}}, %[[M:[^ ]*]] =
// States are forgotten first, in the rows where reset says so.
// CHECK: %[[RESET:.*]] = tile.load {{.*}}%[[T]]] axes [0] : memref<?x?xi8{{.*}} -> <2xf32>
// CHECK: %[[OLD:.*]]:4 = tile.map elems(%[[H]], %[[C]], %[[N]], %[[M]] : {{.*}}) rows(%[[RESET]] : !tile.tile<2xf32>)
// CHECK: %[[ZERO:.*]] = tile.splat
// CHECK-NEXT: %[[P0:.*]] = tile.matmul %[[OLD]]#0, %{{.*}}, %[[ZERO]]
// CHECK-NEXT: %[[P1:.*]] = tile.matmul %[[OLD]]#0, %{{.*}}, %[[ZERO]]
// CHECK-NEXT: %[[P2:.*]] = tile.matmul %[[OLD]]#0, %{{.*}}, %[[ZERO]]
// CHECK-NEXT: %[[P3:.*]] = tile.matmul %[[OLD]]#0, %{{.*}}, %[[ZERO]]
// CHECK-COUNT-4: tile.load {{.*}} axes [0, 4] : memref<?x?x4x3x16xbf16{{.*}} -> <2x16xf32>
// h is yielded twice and computed once.
// CHECK: %[[NEW:.*]]:4 = tile.map elems(%[[P0]], %[[P1]], %[[P2]], %[[P3]], %{{.*}}, %[[OLD]]#0, %[[OLD]]#1, %[[OLD]]#2, %[[OLD]]#3 : {{.*}}) cols({{.*}}) -> {{.*}} {
// log_sigmoid and sigmoid do not overflow.
// CHECK: math.absf
// CHECK: math.log1p
// CHECK: math.absf
// CHECK: tile.yield {{.*}} : f32, f32, f32, f32
// CHECK: tile.store %[[NEW]]#0, %{{.*}} axes [0, 3] : <2x16xf32>, memref<?x?x3x16xbf16
// CHECK: scf.yield %[[NEW]]#0, %[[NEW]]#1, %[[NEW]]#2, %[[NEW]]#3
// CHECK: tile.store %[[LAST]]#0, {{.*}} axes [0, 2]
// CHECK: tile.store %[[LAST]]#3, {{.*}} axes [0, 2]
// CHECK: scf.if
// CHECK: tile.matmul {{.*}} : <1x16xf32>, <16x16xf32>, <1x16xf32> -> <1x16xf32>
func.func @slstm(%wx: tensor<?x?x4x3x16xbf16> {xlstm.name = "wx"}, %b: tensor<4x3x16xf32> {xlstm.name = "b"},
    %r: tensor<4x3x16x16xbf16> {xlstm.name = "r"}, %h0: tensor<?x3x16xf32> {xlstm.name = "h0"}, %c0: tensor<?x3x16xf32> {xlstm.name = "c0"},
    %n0: tensor<?x3x16xf32> {xlstm.name = "n0"}, %m0: tensor<?x3x16xf32> {xlstm.name = "m0"}, %reset: tensor<?x?xi8> {xlstm.name = "reset"})
    -> (tensor<?x?x3x16xbf16> {xlstm.name = "h"}, tensor<?x3x16xf32> {xlstm.name = "h_last"}, tensor<?x3x16xf32> {xlstm.name = "c_last"},
        tensor<?x3x16xf32> {xlstm.name = "n_last"}, tensor<?x3x16xf32> {xlstm.name = "m_last"}) {
  %h, %hl, %cl, %nl, %ml = xlstm.scan sequences(%wx : tensor<?x?x4x3x16xbf16>) constants(%b : tensor<4x3x16xf32>)
      recurrent(%r : tensor<4x3x16x16xbf16>)
      states(%h0, %c0, %n0, %m0 : tensor<?x3x16xf32>, tensor<?x3x16xf32>, tensor<?x3x16xf32>, tensor<?x3x16xf32>) reset(%reset : tensor<?x?xi8>) {
  ^bb0(%p0: f32, %p1: f32, %p2: f32, %p3: f32, %w0: f32, %w1: f32, %w2: f32, %w3: f32, %b0: f32, %b1: f32, %b2: f32, %b3: f32,
      %s0: f32, %s1: f32, %s2: f32, %s3: f32):
    %i0 = arith.addf %w0, %p0 : f32
    %i = arith.addf %i0, %b0 : f32
    %f0 = arith.addf %w1, %p1 : f32
    %f = arith.addf %f0, %b1 : f32
    %z0 = arith.addf %w2, %p2 : f32
    %z = arith.addf %z0, %b2 : f32
    %o0 = arith.addf %w3, %p3 : f32
    %o = arith.addf %o0, %b3 : f32
    %lf = xlstm.log_sigmoid %f : f32
    %lfm = arith.addf %lf, %s3 : f32
    %m0_ = arith.maximumf %i, %lfm : f32
    %m = xlstm.stop_gradient %m0_ : f32
    %di = arith.subf %i, %m : f32
    %ei = math.exp %di : f32
    %df = arith.subf %lfm, %m : f32
    %ef = math.exp %df : f32
    %tz = math.tanh %z : f32
    %fc = arith.mulf %ef, %s1 : f32
    %iz = arith.mulf %ei, %tz : f32
    %c = arith.addf %fc, %iz : f32
    %fn = arith.mulf %ef, %s2 : f32
    %n = arith.addf %fn, %ei : f32
    %so = xlstm.sigmoid %o : f32
    %q = arith.divf %c, %n : f32
    %hn = arith.mulf %so, %q : f32
    xlstm.yield outputs(%hn : f32) states(%hn, %c, %n, %m : f32, f32, f32, f32)
  } -> outputs(tensor<?x?x3x16xbf16>) states(tensor<?x3x16xf32>, tensor<?x3x16xf32>, tensor<?x3x16xf32>, tensor<?x3x16xf32>)
  return %h, %hl, %cl, %nl, %ml : tensor<?x?x3x16xbf16>, tensor<?x3x16xf32>, tensor<?x3x16xf32>, tensor<?x3x16xf32>, tensor<?x3x16xf32>
}

// Packed sequences are walked one by one, from their last token here; the transposed product is one term for each matrix; what was
// at t - 1 comes from before the sequence at its first token.
// CHECK-LABEL: tile.kernel @backward(
// CHECK-COUNT-2: tile.load {{.*}} axes [2, 3] : {{.*}} -> <16x16xf32>
// CHECK: scf.for %[[S:[^ ]*]] =
// CHECK: tile.load_scalar {{.*}}[%[[S]]]
// CHECK: scf.for
// CHECK: %[[TOKEN:.*]] = arith.subi
// CHECK: tile.matmul
// CHECK-NEXT: tile.matmul
// CHECK: %[[BEFORE:.*]] = arith.subi %[[TOKEN]]
// CHECK: %[[FIRST:.*]] = arith.cmpi eq, %[[TOKEN]]
// CHECK: tile.load {{.*}}%[[BEFORE]], {{.*}} axes [0, 3]
// CHECK: arith.select %[[FIRST]]
func.func @backward(%x: tensor<1x?x2x16xf32>, %y: tensor<1x?x2x16xf32>, %y0: tensor<?x2x16xf32>, %r: tensor<2x2x16x16xf32>, %cu: tensor<?xi32>)
    -> (tensor<1x?x2x16xf32>, tensor<?x2x16xf32>, tensor<?x2x16xf32>) {
  %z, %a, %b = xlstm.scan reverse transposed sequences(%x : tensor<1x?x2x16xf32>)
      previous(%y from %y0 : tensor<1x?x2x16xf32>, tensor<?x2x16xf32>) recurrent(%r : tensor<2x2x16x16xf32>) cu_seqlens(%cu : tensor<?xi32>) {
  ^bb0(%p: f32, %xt: f32, %before: f32, %s0: f32, %s1: f32):
    %0 = arith.addf %p, %xt : f32
    %1 = arith.mulf %0, %before : f32
    xlstm.yield outputs(%0 : f32) states(%1, %s0 : f32, f32)
  } -> outputs(tensor<1x?x2x16xf32>) states(tensor<?x2x16xf32>, tensor<?x2x16xf32>)
  return %z, %a, %b : tensor<1x?x2x16xf32>, tensor<?x2x16xf32>, tensor<?x2x16xf32>
}

// CHECK-LABEL: tile.kernel @outer(
// CHECK-SAME: grid(%{{.*}}: 1, %{{.*}}: 2, %{{.*}}: 1)
// CHECK: scf.for
// CHECK: scf.for
// CHECK: %[[X:.*]] = tile.load {{.*}} axes [1, 4] {{.*}} -> <64x16xf32>
// CHECK: %[[Y:.*]] = tile.load {{.*}} axes [1, 3] {{.*}} -> <64x16xf32>
// CHECK: %[[XT:.*]] = tile.transpose %[[X]]
// CHECK: tile.matmul %[[XT]], %[[Y]]
func.func @outer(%x: tensor<?x?x3x2x16xf32>, %y: tensor<?x?x2x16xf32>) -> tensor<1x2x16x16xf32> {
  %sum = xlstm.outer_sum %x [2] previous(%y) : tensor<?x?x3x2x16xf32>, tensor<?x?x2x16xf32> -> tensor<1x2x16x16xf32>
  return %sum : tensor<1x2x16x16xf32>
}

// CHECK-LABEL: tile.kernel @time(
// CHECK-SAME: grid(%{{.*}}: 3, %{{.*}}: 2, %{{.*}}: 1)
// CHECK: %[[X:.*]] = tile.load {{.*}} axes [1, 4] : {{.*}} -> <64x16xf32>
// CHECK: %[[XT:.*]] = tile.transpose %[[X]]
// CHECK: tile.reduce <add> %[[XT]]
func.func @time(%x: tensor<?x?x3x2x16xf32>) -> tensor<3x2x16xf32> {
  %sum = xlstm.time_sum %x : tensor<?x?x3x2x16xf32> -> tensor<3x2x16xf32>
  return %sum : tensor<3x2x16xf32>
}
