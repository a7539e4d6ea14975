// SPDX-License-Identifier: Apache-2.0
// The gradients of the mLSTM cell become a second kernel, which walks the chunks of the first one
// backward from the states that it has saved.
// RUN: xlstm-opt %s --xlstm-select-schedule='target=cpu' --convert-xlstm-to-tile | FileCheck %s

func.func @forward_backward(
    %q: tensor<?x?x2x16xf32> {xlstm.name = "q"}, %k: tensor<?x?x2x16xf32> {xlstm.name = "k"},
    %v: tensor<?x?x2x24xf32> {xlstm.name = "v"}, %i: tensor<?x?x2xf32> {xlstm.name = "i"},
    %f: tensor<?x?x2xf32> {xlstm.name = "f"}, %dh: tensor<?x?x2x24xf32> {xlstm.name = "dh"})
    -> (tensor<?x?x2x24xf32> {xlstm.name = "h"}, tensor<?x?x2x16xf32> {xlstm.name = "dq"},
        tensor<?x?x2xf32> {xlstm.name = "df"}) attributes {xlstm.dims = ["B", "T"]} {
  %h, %c, %n, %m, %cs, %ns, %ms = xlstm.mlstm %q, %k, %v gates(%i, %f) {save_states}
      : tensor<?x?x2x16xf32>, tensor<?x?x2x24xf32>
  %dq, %dk, %dv, %di, %df = xlstm.mlstm_backward %q, %k, %v gates(%i, %f) grad(%dh)
      saved(%cs, %ns, %ms : tensor<?x2x16x24xf32>, tensor<?x2x16xf32>, tensor<?x2x2xf64>)
      : tensor<?x?x2x16xf32>, tensor<?x?x2x24xf32>
  return %h, %dq, %df : tensor<?x?x2x24xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2xf32>
}

// CHECK-LABEL: tile.kernel @forward_backward_0(
// CHECK: scf.for
// CHECK: tile.store {{.*}} : <24x16xf32>, memref<?x2x16x24xf32

// CHECK-LABEL: tile.kernel @forward_backward_1(
// CHECK-SAME: names [
// CHECK-SAME: "dh"
// CHECK: scf.for {{.*}} -> (!tile.tile<16x24xf32>, !tile.tile<16xf32>)
// The state before the chunk, scores, and their gradients.
// CHECK: %[[C:.*]] = tile.load {{.*}} -> <16x24xf32>
// CHECK: tile.matmul {{.*}} -> <64x64xf32>
// CHECK: %[[CT:.*]] = tile.transpose %[[C]]
// CHECK: tile.matmul %{{.*}}, %[[CT]], {{.*}} -> <64x16xf32>
// CHECK: tile.matmul {{.*}} -> <64x64xf32>
// dq and df are stored; a sum over pairs of tokens has its own terms only.
// CHECK: tile.store {{.*}} : <64x16xf32>
// CHECK: tile.scan <add> %{{.*}} {reverse} : <64x64xf32>
// CHECK: tile.scan <add> %{{.*}} {exclusive} : <64xf32>
// CHECK: tile.store {{.*}} : <64xf32>
// The gradient of the state before the chunk.
// CHECK: %[[DC:.*]] = tile.matmul {{.*}} -> <16x24xf32>
// CHECK: scf.yield %[[DC]], %{{.*}} : !tile.tile<16x24xf32>, !tile.tile<16xf32>
