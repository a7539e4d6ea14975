// SPDX-License-Identifier: Apache-2.0
// The loop of the mLSTM cell, taken apart into roles.
// RUN: xlstm-opt %s -split-input-file "--xlstm-select-schedule=target=sm_90a set=roles=1" --convert-xlstm-to-tile --tile-split-roles | FileCheck %s

// CHECK-LABEL: tile.kernel @f
// One ring for each load; one for what the gates' role computes, one for the scores and the denominator's inverse.
// CHECK-DAG: %[[Q:.*]] = tile.ring : <2 : !tile.tile<64x64xbf16>>
// CHECK-DAG: %[[G:.*]] = tile.ring : <2 : {{.*}}f32
// CHECK-DAG: %[[P:.*]] = tile.ring : <2 : !tile.tile<64x64xbf16>, !tile.tile<64xf32>>
// CHECK: tile.role "state" warps[0, 8] registers 120 {
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}) -> (!tile.tile<128x64xf32>)
// CHECK: tile.get
// CHECK: tile.matmul
// CHECK: tile.release
// What does not need the scores comes before they are waited for.
// CHECK: tile.get %[[P]]
// CHECK: tile.matmul
// CHECK: tile.matmul
// CHECK: tile.release %[[P]]
// CHECK: tile.store
// CHECK: tile.role "score" warps[8, 4] registers 128 {
// CHECK: scf.for
// CHECK: tile.matmul
// CHECK-NEXT: arith.constant
// CHECK-NEXT: tile.splat
// CHECK-NEXT: tile.matvec
// CHECK: tile.reduce <add>
// CHECK: tile.put {{.*}} into %[[P]]
// CHECK: tile.matvec
// CHECK: tile.role "gates" warps[12, 1] registers 40 {
// CHECK: scf.for {{.*}} -> (f32, f32)
// CHECK: tile.scan <add>
// CHECK: tile.put {{.*}} into %[[G]]
// CHECK-NOT: tile.matmul
// CHECK: tile.role "load" warps[13, 1] registers 40 {
// CHECK: scf.for
// CHECK-COUNT-3: tile.fetch
// CHECK-NOT: tile.load
func.func @f(%q: tensor<?x?x3x64xbf16> {xlstm.name = "q"}, %k: tensor<?x?x3x64xbf16> {xlstm.name = "k"}, %v: tensor<?x?x3x128xbf16> {xlstm.name = "v"},
             %g: tensor<?x?x3xf32> {xlstm.name = "g"}) -> (tensor<?x?x3x128xbf16> {xlstm.name = "h"}) {
  %h, %c1, %n1, %m1 = xlstm.mlstm %q, %k, %v gates(%g, %g) : tensor<?x?x3x64xbf16>, tensor<?x?x3x128xbf16>
  return %h : tensor<?x?x3x128xbf16>
}
