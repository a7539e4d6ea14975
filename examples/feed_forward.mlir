// SPDX-License-Identifier: Apache-2.0
// A feed-forward layer with gate (SwiGLU) and its residual, as two products with what stands around
// them: y = r + (SiLU(x Wg^T) * (x Wu^T)) Wd^T.
//
//   build/bin/xlstm-compile examples/feed_forward.mlir -o feed_forward.xlpkg --target cpu --function forward,forward_backward
func.func @forward(
    %x: tensor<?x?x24xf32> {xlstm.name = "x", xlstm.dims = ["B", "T"]},
    %r: tensor<?x?x24xf32> {xlstm.name = "r", xlstm.dims = ["B", "T"]},
    %gate: tensor<40x24xf32> {xlstm.name = "gate"},
    %up: tensor<40x24xf32> {xlstm.name = "up"},
    %down: tensor<24x40xf32> {xlstm.name = "down"})
    -> (tensor<?x?x24xf32> {xlstm.name = "y", xlstm.dims = ["B", "T"]}) {
  %inner = xlstm.linear %x weights(%gate, %up : tensor<40x24xf32>, tensor<40x24xf32>) epilogue {
  ^bb0(%g: f32, %u: f32):
    %s = xlstm.sigmoid %g : f32
    %silu = arith.mulf %g, %s : f32
    %product = arith.mulf %silu, %u : f32
    xlstm.yield outputs(%product : f32)
  } : tensor<?x?x24xf32> -> tensor<?x?x40xf32>
  %y = xlstm.linear %inner weights(%down : tensor<24x40xf32>) elems(%r : tensor<?x?x24xf32>) epilogue {
  ^bb0(%acc: f32, %residual: f32):
    %sum = arith.addf %acc, %residual : f32
    xlstm.yield outputs(%sum : f32)
  } : tensor<?x?x40xf32> -> tensor<?x?x24xf32>
  return %y : tensor<?x?x24xf32>
}
