// SPDX-License-Identifier: Apache-2.0
// Equal layers share a kernel on GPUs too: one piece of code, launched with the tensors of each.
// REQUIRES: ptxas
// RUN: xlstm-compile %s -o %t.xlpkg --target sm_90a,sm_80 --report | FileCheck %s
// RUN: xlstm-run %t.xlpkg --list | FileCheck %s --check-prefix=LIST

// CHECK-COUNT-1: forward_0 {{.*}}sm_90a  tma.rows8 
// CHECK-NOT: forward_1
// LIST: for    sm_90a{{.*}}, 3 launches
// LIST: for    sm_80{{.*}}, 3 launches
func.func @forward(%x: tensor<?x?x64xbf16> {xlstm.name = "x", xlstm.dims = ["B", "T"]},
    %v: tensor<64x64xbf16> {xlstm.name = "v", xlstm.parameter},
    %w: tensor<64x64xbf16> {xlstm.name = "w", xlstm.parameter},
    %u: tensor<64x64xbf16> {xlstm.name = "u", xlstm.parameter})
    -> (tensor<?x?x64xbf16> {xlstm.name = "y", xlstm.dims = ["B", "T"]}) {
  %a = xlstm.linear %x weights(%v : tensor<64x64xbf16>) : tensor<?x?x64xbf16> -> tensor<?x?x64xbf16>
  %b = xlstm.linear %a weights(%w : tensor<64x64xbf16>) : tensor<?x?x64xbf16> -> tensor<?x?x64xbf16>
  %y = xlstm.linear %b weights(%u : tensor<64x64xbf16>) : tensor<?x?x64xbf16> -> tensor<?x?x64xbf16>
  return %y : tensor<?x?x64xbf16>
}
