// SPDX-License-Identifier: Apache-2.0
// What only the CPU has: packed sequences, resets, saved states, and the other forms of mLSTM.
// RUN: xlstm-opt %s --xlstm-select-schedule=target=cpu --convert-xlstm-to-tile | FileCheck %s

// Packed sequences: the blocks are the rows of a state tensor; a sequence's tokens are read from cu_seqlens, and what is behind
// its last one is outside. A reset takes 2^14 off log f, and stands in the running maxima with the state that it finds.
// CHECK-LABEL: tile.kernel @packed(
// CHECK-SAME: names ["q", "g", "starts", "reset", "h", "c_last"] grid(%[[S:[^ :]*]]: dim(5, 0), %[[HEAD:[^ :]*]]: 3, %{{.*}}: 1)
// CHECK: %[[BEGIN:[^ ]*]] = tile.load_scalar %arg2[%[[S]]] : memref<?xi32, strided<[?]>> -> index
// CHECK: %[[NEXT:[^ ]*]] = arith.addi %[[S]], %
// CHECK: %[[LAST:[^ ]*]] = tile.load_scalar %arg2[%[[NEXT]]] : memref<?xi32, strided<[?]>> -> index
// CHECK: %[[ROW:[^ ]*]] = arith.select %[[ISPACKED:[^ ]*]], %{{.*}}, %[[S]] : index
// CHECK: %[[END:[^ ]*]] = arith.select %[[ISPACKED]], %[[LAST]], %{{.*}} : index
// CHECK: scf.for %[[T0:[^ ]*]] = %[[BEGIN]] to %[[END]] step
// CHECK-COUNT-3: axes [1, 3] below %[[END]] :
// CHECK-COUNT-2: axes [1] below %[[END]] pad
// CHECK: %[[RESET:[^ ]*]] = tile.load %arg3[%[[ROW]], %[[T0]]] axes [1] below %[[END]] : memref<?x?xi8, strided<[?, ?]>> -> <64xf64>
// CHECK: arith.constant 1.638400e+04 : f64
// CHECK: arith.constant 8.192000e+03 : f64
// CHECK: tile.scan <add>
// CHECK: tile.map elems({{.*}}, %[[RESET]] :
// CHECK: tile.scan <max>
// CHECK: tile.map elems({{.*}}, %[[RESET]] :
// CHECK: tile.scan <max>
// CHECK: tile.store {{.*}} axes [1, 3] below %[[END]]
func.func @packed(%q: tensor<1x?x3x16xbf16> {xlstm.name = "q"}, %g: tensor<1x?x3xf32> {xlstm.name = "g"}, %starts: tensor<?xi32> {xlstm.name = "starts"},
                  %reset: tensor<1x?xi1> {xlstm.name = "reset"}) -> (tensor<1x?x3x16xbf16> {xlstm.name = "h"}, tensor<?x3x16x16xf32> {xlstm.name = "c_last"}) {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) cu_seqlens(%starts : tensor<?xi32>) reset(%reset : tensor<1x?xi1>) : tensor<1x?x3x16xbf16>, tensor<1x?x3x16xbf16>
  return %h, %c : tensor<1x?x3x16xbf16>, tensor<?x3x16x16xf32>
}

// The state is saved at the start of every chunk, relative to m, with m and M beside it; n is zero for a cell that has none.
// CHECK-LABEL: tile.kernel @save(
// CHECK-SAME: names ["q", "g", "h", "c_states", "n_states", "m_states"]
// CHECK: scf.for %[[T0:[^ ]*]] = %{{.*}} iter_args(%[[C:[^ ]*]] = %{{[^,]*}}, %[[M:[^ ]*]] = %{{[^,)]*}}) ->
// CHECK: arith.muli
// CHECK: %[[ROW:[^ ]*]] = arith.addi
// CHECK: tile.store %[[C]], %arg3[%[[ROW]], {{.*}} axes [3, 2]
// CHECK: %[[ZERO:[^ ]*]] = tile.splat
// CHECK: tile.store %[[ZERO]], %arg4[%[[ROW]],
// CHECK: tile.store_scalar %[[M]], %arg5[%[[ROW]],
// CHECK: tile.store_scalar %{{.*}}, %arg5[%[[ROW]],
// CHECK: tile.matmul
func.func @save(%q: tensor<?x?x3x16xf32> {xlstm.name = "q"}, %g: tensor<?x?x3xf32> {xlstm.name = "g"})
    -> (tensor<?x?x3x16xf32> {xlstm.name = "h"}, tensor<?x3x16x16xf32> {xlstm.name = "c_states"}, tensor<?x3x16xf32> {xlstm.name = "n_states"}, tensor<?x3x2xf64> {xlstm.name = "m_states"}) {
  %r:5 = xlstm.mlstm %q, %q, %q gates(%g, %g) {input_gate = sigmoid, normalize = false, save_states} : tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return %r#0, %r#2, %r#3, %r#4 : tensor<?x?x3x16xf32>, tensor<?x3x16x16xf32>, tensor<?x3x16xf32>, tensor<?x3x2xf64>
}

// One token, in slices of C [256, 32] that fit the first-level cache. See mlstm-step.mlir.
// CHECK-LABEL: tile.kernel @step(
// CHECK-SAME: grid(%{{.*}}: dim(0, 0), %{{.*}}: 3, %{{.*}}: 1)
// CHECK: scf.for %{{.*}} step %c32
// CHECK: %[[C:[^ ]*]] = tile.map elems(%{{.*}} : !tile.tile<256x32xf32>) rows(%{{.*}}) cols(%{{.*}}) -> !tile.tile<256x32xf32>
// CHECK: tile.matmul %{{.*}}, %[[C]], %{{.*}} -> <1x32xf32>
func.func @step(%q: tensor<?x3x256xf32> {xlstm.name = "q"}, %v: tensor<?x3x64xf32> {xlstm.name = "v"}, %g: tensor<?x3xf32> {xlstm.name = "g"}) -> (tensor<?x3x64xf32> {xlstm.name = "h"}) {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %v gates(%g, %g) {form = step} : tensor<?x3x256xf32>, tensor<?x3x64xf32>
  return %h : tensor<?x3x64xf32>
}

// CHECK-LABEL: tile.kernel @recurrent(
// CHECK: scf.for {{.*}} step %c1
// CHECK: tile.matmul {{.*}} -> <1x16xf32>
func.func @recurrent(%q: tensor<?x?x3x16xf32> {xlstm.name = "q"}, %g: tensor<?x?x3xf32> {xlstm.name = "g"}) -> (tensor<?x?x3x16xf32> {xlstm.name = "h"}) {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) {form = recurrent} : tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return %h : tensor<?x?x3x16xf32>
}

// Eight blocks share a head's queries; a ninth computes the last state, if it has a use.
// CHECK-LABEL: tile.kernel @parallel(
// CHECK-SAME: grid(%{{.*}}: dim(0, 0), %{{.*}}: 3, %{{.*}}: 1, %[[PART:[^ :]*]]: 9)
// CHECK: %[[ISQUERY:[^ ]*]] = arith.cmpi slt, %[[PART]], %
// CHECK: scf.if %[[ISQUERY]]
// CHECK: scf.for %{{.*}} = %[[PART]] to %{{.*}} step %c8
// CHECK: scf.for
// CHECK: tile.store {{.*}} axes [1, 3]
// CHECK: %[[ISLAST:[^ ]*]] = arith.cmpi eq, %[[PART]], %
// CHECK: scf.if %[[ISLAST]]
// CHECK: tile.store {{.*}} axes [3, 2]
// CHECK-LABEL: tile.kernel @parallel_without_state(
// CHECK-SAME: %{{.*}}: 8)
func.func @parallel(%q: tensor<?x?x3x16xf32> {xlstm.name = "q"}, %g: tensor<?x?x3xf32> {xlstm.name = "g"}) -> (tensor<?x?x3x16xf32> {xlstm.name = "h"}, tensor<?x3x16x16xf32> {xlstm.name = "c_last"}) {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) {form = parallel} : tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return %h, %c : tensor<?x?x3x16xf32>, tensor<?x3x16x16xf32>
}
func.func @parallel_without_state(%q: tensor<?x?x3x16xf32> {xlstm.name = "q"}, %g: tensor<?x?x3xf32> {xlstm.name = "g"}) -> (tensor<?x?x3x16xf32> {xlstm.name = "h"}) {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) {form = parallel} : tensor<?x?x3x16xf32>, tensor<?x?x3x16xf32>
  return %h : tensor<?x?x3x16xf32>
}
