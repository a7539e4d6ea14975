// SPDX-License-Identifier: Apache-2.0
// Two results of one panel each go out through two buffers; the first waits for both of the tile before.
// REQUIRES: ptxas
// RUN: rm -rf %t && xlstm-compile %s -o %t.xlpkg --target sm_90a --dump-dir %t
// RUN: FileCheck %s --input-file %t/forward.sm_90a.tma.rows64.ptx

// CHECK: cp.async.bulk.wait_group.read 0;
// CHECK: stmatrix
// CHECK: cp.async.bulk.tensor.2d.global.shared::cta
// CHECK: cp.async.bulk.wait_group.read 1;
// CHECK: stmatrix
// CHECK: cp.async.bulk.tensor.2d.global.shared::cta
func.func @forward(%x: tensor<?x?x128xbf16> {xlstm.name = "x", xlstm.dims = ["B", "T"]},
    %v: tensor<8192x128xbf16> {xlstm.name = "v", xlstm.parameter},
    %w: tensor<8192x128xbf16> {xlstm.name = "w", xlstm.parameter})
    -> (tensor<?x?x8192xbf16> {xlstm.name = "y", xlstm.dims = ["B", "T"]},
        tensor<?x?x8192xbf16> {xlstm.name = "z", xlstm.dims = ["B", "T"]}) {
  %y:2 = xlstm.linear %x weights(%v, %w : tensor<8192x128xbf16>, tensor<8192x128xbf16>)
      : tensor<?x?x128xbf16> -> tensor<?x?x8192xbf16>, tensor<?x?x8192xbf16>
  return %y#0, %y#1 : tensor<?x?x8192xbf16>, tensor<?x?x8192xbf16>
}
