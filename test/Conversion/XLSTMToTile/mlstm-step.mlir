// SPDX-License-Identifier: Apache-2.0
// One step as a tile program: on a GPU the parts of a head run together and the first one writes n and m when all have read
// them; a block with several slices reads one ahead. On a CPU a block has the head to itself.
// RUN: xlstm-opt %s --xlstm-select-schedule=target=sm_90a --convert-xlstm-to-tile | FileCheck %s
// RUN: xlstm-opt %s --xlstm-select-schedule=target=sm_80 --convert-xlstm-to-tile | FileCheck %s --check-prefix=SM80
// RUN: xlstm-opt %s --xlstm-select-schedule=target=cpu --convert-xlstm-to-tile | FileCheck %s --check-prefix=CPU

// CHECK-LABEL: tile.kernel @step(
// CHECK-SAME: grid(%[[B:[^ :]*]]: dim(0, 0), %[[H:[^ :]*]]: 8, %[[PART:[^ :]*]]: 8)
// CHECK: %[[FIRST:[^ ]*]] = arith.muli %[[PART]], %c64
// CHECK: %[[OLD:[^ ]*]] = tile.load %arg{{[0-9]+}}[%[[B]], %[[H]], %{{[^,]*}}, %[[FIRST]]] axes [2, 3]
// CHECK: %[[V:[^ ]*]] = tile.load %arg{{[0-9]+}}[%[[B]], %[[H]], %[[FIRST]]] axes [2]
// CHECK: tile.matvec
// CHECK: tile.group_arrive
// CHECK-NOT: scf.for
// CHECK: %[[NEW:[^ ]*]] = tile.map elems(%[[OLD]] : !tile.tile<256x64xf32>) rows({{.*}}) cols(%[[V]] :
// CHECK: tile.store %[[NEW]]
// CHECK: tile.matmul %{{.*}}, %[[NEW]]
// CHECK: scf.if
// CHECK-NEXT: tile.group_wait
// CHECK: tile.store
// CHECK: tile.store_scalar

// SM80-LABEL: tile.kernel @step(
// SM80-SAME: 8, %{{[^ :]*}}: 1)
// SM80: %[[AHEAD:[^ ]*]] = tile.load %{{.*}} axes [2, 3]
// SM80-NOT: tile.group
// SM80: scf.for %[[COLUMN:[^ ]*]] = %{{.*}} iter_args(%[[C:[^ ]*]] = %[[AHEAD]])
// SM80: %[[NEXT:[^ ]*]] = tile.load %{{.*}} axes [2, 3]
// SM80: tile.map elems(%[[C]] :
// SM80: scf.yield %[[NEXT]]
// SM80-NOT: scf.if

// CPU-LABEL: tile.kernel @step(
// CPU-SAME: 8, %{{[^ :]*}}: 1)
// CPU: tile.matvec
// CPU: scf.for
// CPU: tile.load %{{.*}} axes [2, 3]
// CPU: tile.store
// CPU: tile.matmul
// CPU: tile.store_scalar
func.func @step(%q: tensor<?x8x256xbf16> {xlstm.name = "q"}, %v: tensor<?x8x512xbf16> {xlstm.name = "v"}, %g: tensor<?x8xf32> {xlstm.name = "g"},
                %c0: tensor<?x8x256x512xf32> {xlstm.name = "c0"}, %n0: tensor<?x8x256xf32> {xlstm.name = "n0"}, %m0: tensor<?x8xf32> {xlstm.name = "m0"})
    -> (tensor<?x8x512xbf16> {xlstm.name = "h"}, tensor<?x8x256x512xf32> {xlstm.name = "c_last"}, tensor<?x8x256xf32> {xlstm.name = "n_last"}, tensor<?x8xf32> {xlstm.name = "m_last"}) {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %v gates(%g, %g) state(%c0, %n0, %m0) {form = step} : tensor<?x8x256xbf16>, tensor<?x8x512xbf16>
  return %h, %c, %n, %m : tensor<?x8x512xbf16>, tensor<?x8x256x512xf32>, tensor<?x8x256xf32>, tensor<?x8xf32>
}

// C alone: nothing that several blocks read is written, so none waits.
// CHECK-LABEL: tile.kernel @bare(
// CHECK-NOT: tile.group
// CHECK-NOT: tile.matvec
// CHECK: tile.store {{.*}}: <1x64xf32>
func.func @bare(%q: tensor<?x8x256xbf16> {xlstm.name = "q"}, %v: tensor<?x8x512xbf16> {xlstm.name = "v"}, %g: tensor<?x8xf32> {xlstm.name = "g"},
                %c0: tensor<?x8x256x512xf32> {xlstm.name = "c0"}) -> (tensor<?x8x512xbf16> {xlstm.name = "h"}, tensor<?x8x256x512xf32> {xlstm.name = "c_last"}) {
  %h, %c = xlstm.mlstm %q, %q, %v gates(%g, %g) state(%c0) {form = step, input_gate = sigmoid, normalize = false} : tensor<?x8x256xbf16>, tensor<?x8x512xbf16>
  return %h, %c : tensor<?x8x512xbf16>, tensor<?x8x256x512xf32>
}
