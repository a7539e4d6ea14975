// SPDX-License-Identifier: Apache-2.0
// One case for every kind of finding; FindingsTest.cpp has the single faults.
// RUN: xlstm-opt %s -split-input-file "--tile-interpret=extents=64 shapes=w=2x3,z=a seed=5" -verify-diagnostics

// A race: two copies, of which the reader waits for one.
!ring = !tile.ring<2 : !tile.tile<64x64xbf16>>
tile.kernel @race(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  %r = tile.ring : !ring
  tile.role "read" warps [0, 4] registers 208 {
    %t = tile.get %r : !ring -> !tile.tile<64x64xbf16>
    tile.release %r : !ring
  }
  tile.role "load" warps [4, 1] registers 24 {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    scf.for %i = %c0 to %c2 step %c1 {
      // expected-error @below {{race: tile.fetch of role "load" copies into ring 0, stage 1, of iteration 1, which nobody waits for (seed 5)}}
      tile.fetch %x[%i, %c0] axes [0, 1] into %r : memref<?x64xbf16, strided<[?, 1]>>, !ring
    }
  }
}

// -----

// A deadlock: one value for two readings.
!ring = !tile.ring<1 : f32>
tile.kernel @deadlock(%x: memref<?xf32, strided<[?]>>) names ["x"] grid(%b: 1) {
  %r = tile.ring : !ring
  tile.role "read" warps [0, 4] registers 208 {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    scf.for %i = %c0 to %c2 step %c1 {
      // expected-error @below {{deadlock: role "read" waits at tile.get for parity 1 of full of ring 0, stage 0, of iteration 1 (phase 1, 0 of 1 arrivals) (seed 5)}}
      %f = tile.get %r : !ring -> f32
      tile.release %r : !ring
    }
  }
  tile.role "write" warps [4, 1] registers 24 {
    %f = arith.constant 0.0 : f32
    tile.put %f into %r : f32 into !ring
  }
}

// -----

// Roles that meet in a global tensor, where nothing orders them.
// expected-error @below {{gave other bits of "y" with seed}}
tile.kernel @order(%x: memref<?xf32, strided<[?]>>, %y: memref<?xf32, strided<[?]>>) names ["x", "y"] grid(%b: 1) {
  tile.role "write" warps [0, 4] registers 208 {
    %c0 = arith.constant 0 : index
    %f = arith.constant 2.0 : f32
    tile.store_scalar %f, %x[%c0] : f32, memref<?xf32, strided<[?]>>
  }
  tile.role "read" warps [4, 1] registers 24 {
    %c0 = arith.constant 0 : index
    %f = tile.load_scalar %x[%c0] : memref<?xf32, strided<[?]>> -> f32
    tile.store_scalar %f, %y[%c0] : f32, memref<?xf32, strided<[?]>>
  }
}

// -----

// expected-error @below {{expected 2 extents for the tensor "x", got 1}}
tile.kernel @extents(%x: memref<?x?xf32, strided<[?, ?]>>) names ["x"] grid(%b: 1) {
}

// -----

// expected-error @below {{expected 1 extents for the tensor "z", got others}}
tile.kernel @shapes(%z: memref<?xf32, strided<[?]>>) names ["z"] grid(%b: 1) {
}

// -----

tile.kernel @unknown(%x: memref<?xf32, strided<[?]>>) names ["x"] grid(%b: 1) {
  %c0 = arith.constant 0 : index
  // expected-error @below {{memref.load is not known to the tile interpreter (seed 5)}}
  %e = memref.load %x[%c0] : memref<?xf32, strided<[?]>>
}

// -----

// A tensor with extents of its own.
// expected-remark @below {{orders run: 8; no race, no deadlock, equal bits}}
tile.kernel @own(%w: memref<?x?xf32, strided<[?, ?]>>) names ["w"] grid(%b: dim(0, 1)) {
  %c2 = arith.constant 2 : index
  %f = tile.load_scalar %w[%c2, %b] : memref<?x?xf32, strided<[?, ?]>> -> f32
}

// -----

// Blocks that are not independent.
tile.kernel @both_write(%z: memref<1xf32>) names ["z0"] grid(%b: 2) {
  %c0 = arith.constant 0 : index
  %f = arith.constant 1.0 : f32
  // expected-error @below {{writes: "z0"[0]}}
  tile.store_scalar %f, %z[%c0] : f32, memref<1xf32>
}

// -----

tile.kernel @one_reads(%z: memref<3xf32>) names ["z0"] grid(%b: 2) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %next = arith.addi %b, %c1 : index
  // expected-error @below {{race: tile.load of block 0 reads what block 1 writes: "z0"[1] (seed 5)}}
  %t = tile.load %z[%b] axes [0] : memref<3xf32> -> !tile.tile<2xf32>
  %f = tile.extract %t[0] : !tile.tile<2xf32> -> f32
  tile.store_scalar %f, %z[%b] : f32, memref<3xf32>
}

// -----

tile.kernel @one_has_read(%z: memref<3xf32>) names ["z0"] grid(%b: 3) {
  %c0 = arith.constant 0 : index
  %f = tile.load_scalar %z[%c0] : memref<3xf32> -> f32
  // expected-error @below {{race: tile.store_scalar of block 0 writes what other blocks read: "z0"[0] (seed 5)}}
  tile.store_scalar %f, %z[%b] : f32, memref<3xf32>
}
