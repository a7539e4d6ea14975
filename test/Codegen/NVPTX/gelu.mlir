// SPDX-License-Identifier: Apache-2.0
// erf on a GPU, which has no instruction for it: two polynomials and 2^x, in a map and behind a product.
// REQUIRES: ptxas
// RUN: rm -rf %t && mkdir %t
// RUN: xlstm-compile %s -o %t/m.xlpkg --target sm_90a,sm_80 --function forward --report --dump-dir %t/d > %t/report
// RUN: FileCheck %s --check-prefix=REPORT --implicit-check-not="{{[1-9][0-9]*}} bytes spilled" --input-file %t/report
// RUN: FileCheck %s --input-file %t/d/forward.sm_90a.elementwise.forward_0.ptx
// RUN: FileCheck %s --check-prefix=PRODUCT --input-file %t/d/forward.sm_80.cp_async.forward_1.ptx

// REPORT: sm_90a {{.*}} 0 bytes spilled
// REPORT: sm_80 {{.*}} 0 bytes spilled

// The coefficients 1.128379166 and -1.626045887, then one of both by the magnitude.
// CHECK: 0f3F906EBA
// CHECK: 0fBFD02246
// CHECK: ex2.approx
// CHECK: neg.f32
// CHECK: selp.f32
// PRODUCT: mma.sync
// PRODUCT: 0f3F906EBA
// PRODUCT: 0fBFD02246
func.func @forward(%x: tensor<?x?x64xbf16> {xlstm.name = "x", xlstm.dims = ["B", "T"]},
    %w: tensor<64x64xbf16> {xlstm.name = "w"}) -> (tensor<?x?x64xbf16> {xlstm.name = "y", xlstm.dims = ["B", "T"]}) {
  %g = xlstm.map %x : tensor<?x?x64xbf16> -> tensor<?x?x64xbf16> {
  ^bb0(%a: f32):
    %e = math.erf %a : f32
    xlstm.yield outputs(%e : f32)
  }
  %y = xlstm.linear %g weights(%w : tensor<64x64xbf16>) epilogue {
  ^bb0(%a: f32):
    %e = math.erf %a : f32
    xlstm.yield outputs(%e : f32)
  } : tensor<?x?x64xbf16> -> tensor<?x?x64xbf16>
  return %y : tensor<?x?x64xbf16>
}
