// SPDX-License-Identifier: Apache-2.0
// No buffer between kernels is called what an argument or a result of one of the functions is called.
// RUN: xlstm-opt %s --xlstm-select-schedule --convert-xlstm-to-tile | FileCheck %s

// CHECK: module attributes {tile.workspace = [
// CHECK-SAME: name = "w1", type = tensor<?x8xf32>
// CHECK-SAME: name = "w3", of = "w0", type = tensor<8x8xf32>
// CHECK-SAME: name = "w5", type = tensor<?x8xf32>
// CHECK-LABEL: tile.kernel @first_0(
// CHECK-SAME: names ["x", "w0", "w1"]
// CHECK-LABEL: tile.kernel @first_1(
// CHECK-SAME: names ["w1", "w2"]
func.func @first(%x: tensor<?x8xf32> {xlstm.name = "x"}, %w: tensor<8x8xf32> {xlstm.name = "w0"})
    -> (tensor<?x8xf32> {xlstm.name = "w2"}) {
  %0 = xlstm.linear %x weights(%w : tensor<8x8xf32>) : tensor<?x8xf32> -> tensor<?x8xf32>
  %1 = xlstm.norm rms %0 eps 0.0 : tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}
// CHECK-LABEL: tile.kernel @second_0(
// CHECK-SAME: names ["x", "w3", "w5"]
// CHECK-LABEL: tile.kernel @second_1(
// CHECK-SAME: names ["w5", "w4"]
func.func @second(%x: tensor<?x8xf32> {xlstm.name = "x"}, %w: tensor<64xf32> {xlstm.name = "w0"})
    -> (tensor<?x8xf32> {xlstm.name = "w4"}) {
  %m = xlstm.reshape %w : tensor<64xf32> -> tensor<8x8xf32>
  %0 = xlstm.linear %x weights(%m : tensor<8x8xf32>) : tensor<?x8xf32> -> tensor<?x8xf32>
  %1 = xlstm.norm rms %0 eps 0.0 : tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}
