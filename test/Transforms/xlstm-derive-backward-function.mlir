// RUN: xlstm-opt %s --xlstm-derive-backward=function=cell | FileCheck %s

// Tensors without a name stay without one; what is not asked for stays as it is.

// CHECK: func.func @cell(
// CHECK: func.func @cell_backward(%{{.*}}: tensor<?x?x1x8xf32>, %[[DH:.*]]: tensor<?x?x1x8xf32>) -> (tensor<?x?x1x8xf32>, tensor<?x?x1x8xf32>) {
// CHECK: func.func @forward(
// CHECK-NOT: func.func
func.func @cell(%x: tensor<?x?x1x8xf32>) -> tensor<?x?x1x8xf32> {
  %h = xlstm.scan sequences(%x : tensor<?x?x1x8xf32>) {
  ^bb0(%0: f32):
    %1 = xlstm.log_sigmoid %0 : f32
    xlstm.yield outputs(%1 : f32)
  } -> outputs(tensor<?x?x1x8xf32>)
  return %h : tensor<?x?x1x8xf32>
}
func.func @forward(%x: tensor<?x?x1x8xf32>) -> tensor<?x?x1x8xf32> {
  return %x : tensor<?x?x1x8xf32>
}
