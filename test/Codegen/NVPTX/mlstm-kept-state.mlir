// SPDX-License-Identifier: Apache-2.0
// The initial and the last C of whole sequences in 16 bits: no spills where it is stored, two elements rounded together.
// REQUIRES: ptxas
// RUN: xlstm-compile %s -o %t.xlpkg --target sm_90a --function forward --report | FileCheck %s --implicit-check-not="{{[1-9][0-9]*}} bytes spilled"
// CHECK: forward {{.*}}sm_90a {{.*}}tma {{.*}} 0 bytes spilled
func.func @forward(%q: tensor<?x?x8x256xbf16> {xlstm.name = "q", xlstm.dims = ["B", "T"]}, %k: tensor<?x?x8x256xbf16> {xlstm.name = "k", xlstm.dims = ["B", "T"]}, %v: tensor<?x?x8x512xbf16> {xlstm.name = "v", xlstm.dims = ["B", "T"]}, %i: tensor<?x?x8xf32> {xlstm.name = "i", xlstm.dims = ["B", "T"]}, %f: tensor<?x?x8xf32> {xlstm.name = "f", xlstm.dims = ["B", "T"]}, %c0: tensor<?x8x256x512xbf16> {xlstm.name = "c0", xlstm.dims = ["B"], xlstm.optional}, %n0: tensor<?x8x256xf32> {xlstm.name = "n0", xlstm.dims = ["B"], xlstm.optional}, %m0: tensor<?x8xf32> {xlstm.name = "m0", xlstm.dims = ["B"], xlstm.optional})
    -> (tensor<?x?x8x512xbf16> {xlstm.name = "h", xlstm.dims = ["B", "T"]}, tensor<?x8x256x512xbf16> {xlstm.name = "c_last", xlstm.dims = ["B"]}, tensor<?x8x256xf32> {xlstm.name = "n_last", xlstm.dims = ["B"]}, tensor<?x8xf32> {xlstm.name = "m_last", xlstm.dims = ["B"]}) {
  %r:4 = xlstm.mlstm %q, %k, %v gates(%i, %f) state(%c0, %n0, %m0)
      : (tensor<?x?x8x256xbf16>, tensor<?x?x8x256xbf16>, tensor<?x?x8x512xbf16>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x8x256x512xbf16>, tensor<?x8x256xf32>, tensor<?x8xf32>) -> (tensor<?x?x8x512xbf16>, tensor<?x8x256x512xbf16>, tensor<?x8x256xf32>, tensor<?x8xf32>)
  return %r#0, %r#1, %r#2, %r#3 : tensor<?x?x8x512xbf16>, tensor<?x8x256x512xbf16>, tensor<?x8x256xf32>, tensor<?x8xf32>
}
