// SPDX-License-Identifier: Apache-2.0
// The forward pass by several kernels: what each reads, computes and hands on.
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a" --convert-xlstm-to-tile | FileCheck %s

// CHECK: module attributes {tile.workspace = [
// b, e and their maxima; their last ones; C at chunks' starts; m and M; exp(m - M) at the end; P; r and 1 / denominator; u; n
// CHECK-SAME: {extents = {{\[\[\[}}"B"]], {{\[\[}}"T"]]], name = "w0", type = tensor<?x4x?xf32>}
// CHECK-SAME: {extents = {{\[\[\[}}"B", ["T", 256]]]], name = "w3", type = tensor<?x4x2xf32>}
// CHECK-SAME: {extents = {{\[\[\[}}"B", ["T", 256]]]], name = "w4", type = tensor<?x4x512x1024xbf16>}
// CHECK-SAME: {extents = {{\[\[\[}}"B"]], {{\[\[}}"T"]]], name = "w7", type = tensor<?x?x4x256xbf16>}

// CHECK: tile.kernel @forward_gates(
// CHECK-SAME: names ["k", "i", "f", "w0", "w1", "w2", "w3", "w9"]
// CHECK-SAME: grid(%[[B:[^ :]*]]: dim(0, 0), %[[H:[^ :]*]]: 4, %{{[^ :]*}}: dim(0, 1) ceildiv 256)
// CHECK: tile.scan <add>
// CHECK: tile.scan <max>
// CHECK: scf.for
// CHECK: %[[K:[^ ]*]] = tile.load {{.*}} {stages = 4 : i64} : {{.*}} -> <256x64xbf16>
// CHECK: tile.matvec

// CHECK: tile.kernel @forward_carry(
// CHECK-SAME: names ["k", "n0", "m0", "w3", "w9", "w10", "w5", "w6", "n_last", "m_last"]
// CHECK-SAME: grid({{.*}}: dim(0, 0), {{.*}}: 4, {{.*}}: 2)
// CHECK: scf.for
// CHECK: arith.maxnumf
// CHECK: math.exp
// CHECK: tile.store

// CHECK: tile.kernel @forward_states(
// CHECK-SAME: names ["k", "v", "c0", "w1", "w3", "w5", "w6", "w4", "c_last"]
// CHECK-SAME: grid({{.*}}: dim(0, 0), {{.*}}: 4, {{.*}}: 8, {{.*}}: 2)
// CHECK: scf.for
// CHECK: %[[BEGINS:[^ ]*]] = arith.cmpi eq
// CHECK: scf.if %[[BEGINS]] {
// CHECK: tile.store {{.*}} axes [3, 2] : <128x256xf32>, memref<?x4x512x1024xbf16
// A chunk's first step multiplies the state, the others do not.
// CHECK: %[[FACTOR:[^ ]*]] = arith.select %[[BEGINS]], %{{.*}}, %{{.*}} : f32
// CHECK: arith.mulf %{{.*}}, %[[FACTOR]] : f32
// CHECK: tile.matmul {{.*}} {warps = array<i64: 8, 1>} : <128x64xbf16>, <64x256xbf16>, <128x256xf32> -> <128x256xf32>

// CHECK: tile.kernel @forward_scores(
// CHECK-SAME: names ["q", "k", "w0", "w1", "w2", "w5", "w10", "w7", "w8"]
// CHECK-SAME: grid({{.*}}: dim(0, 0), {{.*}}: 4, {{.*}}: dim(0, 1) ceildiv 256, {{.*}}: 2)
// CHECK: tile.matmul {{.*}} : <128x64xbf16>, <64x256xbf16>, <128x256xf32> -> <128x256xf32>
// CHECK: tile.matvec
// CHECK: tile.reduce <add>

// CHECK: tile.kernel @forward_output(
// CHECK-SAME: names ["q", "v", "w4", "w7", "w8", "h"]
// CHECK-SAME: grid({{.*}}: dim(0, 0), {{.*}}: 4, {{.*}}: dim(0, 1) ceildiv 256, {{.*}}: 2, {{.*}}: 4)
// CHECK: scf.for
// CHECK: tile.matmul {{.*}} : <128x64xbf16>, <64x256xbf16>, <128x256xf32> -> <128x256xf32>
// CHECK: scf.for
// CHECK: tile.matmul {{.*}} : <128x64xbf16>, <64x256xbf16>, <128x256xf32> -> <128x256xf32>
// CHECK: tile.store {{.*}} axes [1, 3] : <128x256xf32>, memref<?x?x4x1024xbf16
func.func @forward(%q: tensor<?x?x4x512xbf16> {xlstm.name = "q"}, %k: tensor<?x?x4x512xbf16> {xlstm.name = "k"},
    %v: tensor<?x?x4x1024xbf16> {xlstm.name = "v"}, %i: tensor<?x?x4xf32> {xlstm.name = "i"}, %f: tensor<?x?x4xf32> {xlstm.name = "f"},
    %c0: tensor<?x4x512x1024xf32> {xlstm.name = "c0"}, %n0: tensor<?x4x512xf32> {xlstm.name = "n0"}, %m0: tensor<?x4xf32> {xlstm.name = "m0"})
    -> (tensor<?x?x4x1024xbf16>, tensor<?x4x512x1024xf32>, tensor<?x4x512xf32>, tensor<?x4xf32>) {
  %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) state(%c0, %n0, %m0) : tensor<?x?x4x512xbf16>, tensor<?x?x4x1024xbf16>
  return %h, %c, %n, %m : tensor<?x?x4x1024xbf16>, tensor<?x4x512x1024xf32>, tensor<?x4x512xf32>, tensor<?x4xf32>
}
