// SPDX-License-Identifier: Apache-2.0
// What a GPU lacks is found before anything is compiled, also in the region of a product.
// RUN: not xlstm-compile %s -o %t.xlpkg --target sm_90a --function forward 2>&1 | FileCheck %s

// CHECK: error: {{.*}}gelu-on-gpu.mlir: forward runs on CPUs only: math.erf (GELU) has no GPU kernel; add cpu to the targets, or leave forward out of the functions
func.func @forward(%x: tensor<?x?x64xbf16> {xlstm.name = "x", xlstm.dims = ["B", "T"]},
    %w: tensor<64x64xbf16> {xlstm.name = "w"}) -> (tensor<?x?x64xbf16> {xlstm.name = "y", xlstm.dims = ["B", "T"]}) {
  %y = xlstm.linear %x weights(%w : tensor<64x64xbf16>) epilogue {
  ^bb0(%a: f32):
    %e = math.erf %a : f32
    xlstm.yield outputs(%e : f32)
  } : tensor<?x?x64xbf16> -> tensor<?x?x64xbf16>
  return %y : tensor<?x?x64xbf16>
}
