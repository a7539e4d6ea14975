// SPDX-License-Identifier: Apache-2.0
// Products in flight of a role: waited for where a result is read, and where a loop or a branch begins or ends, because the
// waits count the products of the program's text, whether a branch is taken or not.
// RUN: xlstm-opt %s --convert-tile-to-nvvm | FileCheck %s
// RUN: xlstm-opt %s --canonicalize --convert-tile-to-nvvm | FileCheck %s --check-prefix=CANONICAL

!a = !tile.ring<2 : !tile.tile<64x64xbf16>>
!m = !tile.tile<64x64xf32>
!x = memref<?x64xbf16, strided<[?, 1]>>
!y = memref<?x64xf32, strided<[?, 1]>>
// CHECK-LABEL: llvm.func @branch
// Canonicalisation moves constants out of the roles and takes the products away, of which nothing is read here, but not the
// wait of tile.get and its tile.release.
// CANONICAL-LABEL: llvm.func @branch
// CANONICAL: scf.for
// CANONICAL: mbarrier.try_wait
// CANONICAL-NOT: wgmma
// CANONICAL: mbarrier.arrive
tile.kernel @branch(%x: !x, %y: !y) names ["x", "y"] grid(%b: 1)
    attributes {schedule = {target = "sm_90a", matrix_unit = "wgmma", copy = "tma", warps = array<i64: 4, 1>, roles = {multiply = array<i64: 0, 4, 208>, load = array<i64: 4, 1, 24>}}} {
  %r = tile.ring : !a
  tile.role "multiply" warps [0, 4] registers 208 {
    %c0 = arith.constant 0 : index
    %c64 = arith.constant 64 : index
    %zero = arith.constant 0.0 : f32
    %n = memref.dim %x, %c0 : !x
    // CHECK: scf.for
    scf.for %i = %c0 to %n step %c64 {
      %t = tile.get %r : !a -> !tile.tile<64x64xbf16>
      %z = tile.splat %zero : f32 -> !m
      // CHECK: wgmma.commit_group
      %p = tile.matmul %t, %t, %z {warps = array<i64: 4, 1>} : !tile.tile<64x64xbf16>, !tile.tile<64x64xbf16>, !m -> !m
      %first = arith.cmpi eq, %i, %c0 : index
      // Though the branch does not read the first product.
      // CHECK: wgmma.wait_group.sync.aligned 0
      // CHECK: scf.if
      // CHECK: wgmma.commit_group
      // CHECK: wgmma.wait_group.sync.aligned 0
      scf.if %first {
        %q = tile.matmul %t, %t, %z {warps = array<i64: 4, 1>} : !tile.tile<64x64xbf16>, !tile.tile<64x64xbf16>, !m -> !m
      }
      // The stage is released although nothing reads this product.
      // CHECK: wgmma.commit_group
      // CHECK: wgmma.wait_group.sync.aligned 0
      // CHECK: mbarrier.arrive
      %u = tile.matmul %t, %t, %z {warps = array<i64: 4, 1>} : !tile.tile<64x64xbf16>, !tile.tile<64x64xbf16>, !m -> !m
      tile.release %r : !a
    }
  }
  tile.role "load" warps [4, 1] registers 24 {
    %c0 = arith.constant 0 : index
    %c64 = arith.constant 64 : index
    %n = memref.dim %x, %c0 : !x
    scf.for %i = %c0 to %n step %c64 {
      tile.fetch %x[%i, %c0] axes [0, 1] into %r : !x, !a
    }
  }
}
