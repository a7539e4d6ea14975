// SPDX-License-Identifier: Apache-2.0
// Few rows and weights that are parameters: a warp of its own copies the weights, and does so while the launch before runs.
// REQUIRES: ptxas
// RUN: rm -rf %t && xlstm-compile %s -o %t.xlpkg --target sm_90a --dump-dir %t --report | FileCheck %s --check-prefix=REPORT
// RUN: FileCheck %s --check-prefix=TILE --input-file %t/forward.sm_90a.tma.rows8.3-tile.mlir
// RUN: FileCheck %s --check-prefix=PTX --input-file %t/forward.sm_90a.tma.rows8.forward_1.ptx
// RUN: FileCheck %s --check-prefix=ORDERED --input-file %t/forward.sm_90a.tma.rows512.forward_1.ptx
// RUN: xlstm-opt %t/forward.sm_90a.tma.rows8.3-tile.mlir "--tile-interpret=extents=5,1 orders=10 seed=1" 2>&1 | FileCheck %s --check-prefix=ORDERS

// REPORT: rows8 {{.*}} 0 bytes spilled
// REPORT-NEXT: "overlaps":null,"resident":2,"roles"

// TILE: tile.role "multiply" warps[0, 4] registers 128 {
// TILE: tile.role "load" warps[4, 1] registers 128 {
// TILE-COUNT-1: tile.fetch
// TILE: tile.role "weights" warps[5, 1] registers 128 early {
// TILE-COUNT-1: tile.fetch

// The products and the copies of x wait, the copies of weights do not.
// PTX: griddepcontrol.launch_dependents
// PTX: griddepcontrol.wait
// PTX: wgmma
// PTX: griddepcontrol.wait
// PTX: cp.async.bulk.tensor
// PTX-NOT: griddepcontrol

// ORDERED-NOT: griddepcontrol

// ORDERS: remark: orders run: 10; no race, no deadlock, equal bits
// ORDERS: remark: orders run: 10; no race, no deadlock, equal bits
func.func @forward(%x: tensor<?x?x192xbf16> {xlstm.name = "x", xlstm.dims = ["B", "T"]},
    %w: tensor<72x192xbf16> {xlstm.name = "w", xlstm.parameter},
    %g: tensor<200x72xbf16> {xlstm.name = "g", xlstm.parameter},
    %u: tensor<200x72xbf16> {xlstm.name = "u", xlstm.parameter})
    -> (tensor<?x?x200xbf16> {xlstm.name = "y", xlstm.dims = ["B", "T"]}) {
  %a = xlstm.linear %x weights(%w : tensor<72x192xbf16>) : tensor<?x?x192xbf16> -> tensor<?x?x72xbf16>
  %y = xlstm.linear %a weights(%g, %u : tensor<200x72xbf16>, tensor<200x72xbf16>) epilogue {
  ^bb0(%p: f32, %q: f32):
    %r = arith.mulf %p, %q : f32
    xlstm.yield outputs(%r : f32)
  } : tensor<?x?x72xbf16> -> tensor<?x?x200xbf16>
  return %y : tensor<?x?x200xbf16>
}
