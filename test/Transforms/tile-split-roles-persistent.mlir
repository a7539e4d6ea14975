// SPDX-License-Identifier: Apache-2.0
// A persistent block's work is a loop around: each role has both, and the inner one's bounds are those of all work.
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=persistent=132" --convert-xlstm-to-tile --tile-split-roles | FileCheck %s
// CHECK-LABEL: tile.kernel @g
// CHECK-SAME: grid(%[[BLOCK:[^ :]*]]: 132)
// CHECK: tile.role "state"
// CHECK: %[[T:.*]] = memref.dim
// CHECK: scf.for %[[ITEM:[^ ]*]] = %[[BLOCK]] to
// CHECK: scf.for {{.*}} to %[[T]] step
// CHECK: tile.role "score"
// CHECK: scf.for {{.*}} = %[[BLOCK]] to
// CHECK: tile.role "gates"
// CHECK: scf.for {{.*}} = %[[BLOCK]] to
// CHECK: tile.role "load"
// CHECK: scf.for {{.*}} = %[[BLOCK]] to
// CHECK: tile.fetch
module {
  func.func @g(%arg0: tensor<?x?x3x64xbf16> {xlstm.name = "q"}, %arg1: tensor<?x?x3x64xbf16> {xlstm.name = "k"}, %arg2: tensor<?x?x3x128xbf16> {xlstm.name = "v"}, %arg3: tensor<?x?x3xf32> {xlstm.name = "i"}) -> (tensor<?x?x3x128xbf16> {xlstm.name = "h"}) {
    %h, %c, %n, %m = xlstm.mlstm %arg0, %arg1, %arg2 gates(%arg3, %arg3) : tensor<?x?x3x64xbf16>, tensor<?x?x3x128xbf16>
    return %h : tensor<?x?x3x128xbf16>
  }
}
