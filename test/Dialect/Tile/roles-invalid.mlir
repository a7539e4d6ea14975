// SPDX-License-Identifier: Apache-2.0
// One case for every message of the role level; the label is that of the constraint in the description.
// RUN: xlstm-opt %s -split-input-file -verify-diagnostics

// ring_t1
// expected-error @below {{expected at least 1 stage, got 0}}
func.func private @no_stages(!tile.ring<0 : f32>)

// -----

// ring_t2
// expected-error @below {{expected tiles and f32, got 'index'}}
func.func private @index(!tile.ring<1 : index>)

// -----

// ring_c1: nobody writes
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  // expected-error @below {{expected one tile.fetch or tile.put, got none}}
  %r = tile.ring : !tile.ring<2 : !tile.tile<64x64xbf16>>
  tile.role "read" warps [0, 4] registers 208 { %t = tile.get %r : !tile.ring<2 : !tile.tile<64x64xbf16>> -> !tile.tile<64x64xbf16> tile.release %r : !tile.ring<2 : !tile.tile<64x64xbf16>> }
}

// -----

// ring_c1: two roles write
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  // expected-error @below {{expected one tile.fetch or tile.put, got two}}
  %r = tile.ring : !tile.ring<2 : !tile.tile<64x64xbf16>>
  tile.role "load" warps [4, 1] registers 24 { %c0 = arith.constant 0 : index tile.fetch %x[%c0, %c0] axes [0, 1] into %r : memref<?x64xbf16, strided<[?, 1]>>, !tile.ring<2 : !tile.tile<64x64xbf16>> }
  tile.role "more" warps [5, 1] registers 24 { %c0 = arith.constant 0 : index tile.fetch %x[%c0, %c0] axes [0, 1] into %r : memref<?x64xbf16, strided<[?, 1]>>, !tile.ring<2 : !tile.tile<64x64xbf16>> }
}

// -----

// ring_c1: outside of a role
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  %r = tile.ring : !tile.ring<2 : !tile.tile<64x64xbf16>>
  // expected-error @below {{expected to stand in a role}}
  tile.release %r : !tile.ring<2 : !tile.tile<64x64xbf16>>
}

// -----

// ring_c2: nobody reads
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  // expected-error @below {{expected a role beside the writing one to get it}}
  %r = tile.ring : !tile.ring<2 : !tile.tile<64x64xbf16>>
  tile.role "load" warps [4, 1] registers 24 { %c0 = arith.constant 0 : index tile.fetch %x[%c0, %c0] axes [0, 1] into %r : memref<?x64xbf16, strided<[?, 1]>>, !tile.ring<2 : !tile.tile<64x64xbf16>> }
}

// -----

// ring_c2: got twice
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  %r = tile.ring : !tile.ring<2 : !tile.tile<64x64xbf16>>
  tile.role "read" warps [0, 4] registers 208 {
    // expected-error @below {{expected to be the only one of this ring in its role}}
    %s = tile.get %r : !tile.ring<2 : !tile.tile<64x64xbf16>> -> !tile.tile<64x64xbf16>
    %t = tile.get %r : !tile.ring<2 : !tile.tile<64x64xbf16>> -> !tile.tile<64x64xbf16>
    tile.release %r : !tile.ring<2 : !tile.tile<64x64xbf16>>
  }
  tile.role "load" warps [4, 1] registers 24 { %c0 = arith.constant 0 : index tile.fetch %x[%c0, %c0] axes [0, 1] into %r : memref<?x64xbf16, strided<[?, 1]>>, !tile.ring<2 : !tile.tile<64x64xbf16>> }
}

// -----

// ring_c2: released twice
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  %r = tile.ring : !tile.ring<2 : !tile.tile<64x64xbf16>>
  tile.role "read" warps [0, 4] registers 208 {
    %t = tile.get %r : !tile.ring<2 : !tile.tile<64x64xbf16>> -> !tile.tile<64x64xbf16>
    // expected-error @below {{expected to be the only one of this ring in its role}}
    tile.release %r : !tile.ring<2 : !tile.tile<64x64xbf16>>
    tile.release %r : !tile.ring<2 : !tile.tile<64x64xbf16>>
  }
  tile.role "load" warps [4, 1] registers 24 { %c0 = arith.constant 0 : index tile.fetch %x[%c0, %c0] axes [0, 1] into %r : memref<?x64xbf16, strided<[?, 1]>>, !tile.ring<2 : !tile.tile<64x64xbf16>> }
}

// -----

// ring_c2: not released
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  %r = tile.ring : !tile.ring<2 : !tile.tile<64x64xbf16>>
  tile.role "read" warps [0, 4] registers 208 {
    // expected-error @below {{expected a tile.release of the ring after it}}
    %t = tile.get %r : !tile.ring<2 : !tile.tile<64x64xbf16>> -> !tile.tile<64x64xbf16>
  }
  tile.role "load" warps [4, 1] registers 24 { %c0 = arith.constant 0 : index tile.fetch %x[%c0, %c0] axes [0, 1] into %r : memref<?x64xbf16, strided<[?, 1]>>, !tile.ring<2 : !tile.tile<64x64xbf16>> }
}

// -----

// ring_c2: released before
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  %r = tile.ring : !tile.ring<2 : !tile.tile<64x64xbf16>>
  tile.role "read" warps [0, 4] registers 208 {
    tile.release %r : !tile.ring<2 : !tile.tile<64x64xbf16>>
    // expected-error @below {{expected a tile.release of the ring after it}}
    %t = tile.get %r : !tile.ring<2 : !tile.tile<64x64xbf16>> -> !tile.tile<64x64xbf16>
  }
  tile.role "load" warps [4, 1] registers 24 { %c0 = arith.constant 0 : index tile.fetch %x[%c0, %c0] axes [0, 1] into %r : memref<?x64xbf16, strided<[?, 1]>>, !tile.ring<2 : !tile.tile<64x64xbf16>> }
}

// -----

// role_c1: neither a warp nor warpgroups
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  // expected-error @below {{expected one warp or whole warpgroups of four, got warps [2, 4]}}
  tile.role "a" warps [2, 4] registers 24 {}
}

// -----

// role_c1: warps of another role
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  tile.role "a" warps [0, 4] registers 24 {}
  // expected-error @below {{expected warps that "a" does not have}}
  tile.role "b" warps [3, 1] registers 24 {}
}

// -----

// role_c2: not a number that setmaxnreg takes
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  // expected-error @below {{expected a multiple of 8 registers from 24 to 240, got 100}}
  tile.role "a" warps [0, 4] registers 100 {}
}

// -----

// role_c2: two numbers in a warpgroup
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  tile.role "a" warps [4, 1] registers 24 {}
  // expected-error @below {{expected 24 registers as "a" of the same warpgroup has, got 32}}
  tile.role "b" warps [5, 1] registers 32 {}
}

// -----

// role_c3: how often the inner loop runs is known
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  tile.role "a" warps [0, 4] registers 24 {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    scf.for %i = %c0 to %c1 step %c1 {
      // expected-error @below {{expected bounds from outside of the role's outer loop}}
      scf.for %j = %c0 to %i step %c1 {
      }
    }
  }
}

// -----

// ring_c3
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  %r = tile.ring : !tile.ring<2 : !tile.tile<64x64xbf16>>
  // expected-error @below {{expected to stand in 2 loops as other uses of the ring, got 0}}
  tile.role "read" warps [0, 4] registers 208 { %t = tile.get %r : !tile.ring<2 : !tile.tile<64x64xbf16>> -> !tile.tile<64x64xbf16> tile.release %r : !tile.ring<2 : !tile.tile<64x64xbf16>> }
  tile.role "a" warps [4, 1] registers 24 {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    scf.for %i = %c0 to %c1 step %c1 {
      scf.for %j = %c0 to %c1 step %c1 {
        tile.fetch %x[%c0, %c0] axes [0, 1] into %r : memref<?x64xbf16, strided<[?, 1]>>, !tile.ring<2 : !tile.tile<64x64xbf16>>
      }
    }
  }
}

// -----

// fetch_c4
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  %r = tile.ring : !tile.ring<2 : !tile.tile<64x64xbf16>>
  tile.role "read" warps [0, 4] registers 208 { %t = tile.get %r : !tile.ring<2 : !tile.tile<64x64xbf16>> -> !tile.tile<64x64xbf16> tile.release %r : !tile.ring<2 : !tile.tile<64x64xbf16>> }
  tile.role "a" warps [4, 1] registers 24 {
    %c0 = arith.constant 0 : index
    // expected-error @below {{expected a multiple of 8 rows, at most 64, got 72}}
    tile.fetch %x[%c0, %c0] axes [0, 1] into %r rows 72 : memref<?x64xbf16, strided<[?, 1]>>, !tile.ring<2 : !tile.tile<64x64xbf16>>
  }
}

// -----

// fetch_c1
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  %r = tile.ring : !tile.ring<2 : f32>
  tile.role "read" warps [0, 4] registers 208 { %t = tile.get %r : !tile.ring<2 : f32> -> f32 tile.release %r : !tile.ring<2 : f32> }
  tile.role "a" warps [4, 1] registers 24 {
    %c0 = arith.constant 0 : index
    // expected-error @below {{expected a ring of one matrix, got}}
    tile.fetch %x[%c0, %c0] axes [0, 1] into %r : memref<?x64xbf16, strided<[?, 1]>>, !tile.ring<2 : f32>
  }
}

// -----

// load_c1
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  %r = tile.ring : !tile.ring<2 : !tile.tile<64x64xbf16>>
  tile.role "read" warps [0, 4] registers 208 { %t = tile.get %r : !tile.ring<2 : !tile.tile<64x64xbf16>> -> !tile.tile<64x64xbf16> tile.release %r : !tile.ring<2 : !tile.tile<64x64xbf16>> }
  tile.role "a" warps [4, 1] registers 24 {
    %c0 = arith.constant 0 : index
    // expected-error @below {{expected 2 offsets, one per tensor axis, got 1}}
    tile.fetch %x[%c0] axes [0, 1] into %r : memref<?x64xbf16, strided<[?, 1]>>, !tile.ring<2 : !tile.tile<64x64xbf16>>
  }
}

// -----

// load_c2
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  %r = tile.ring : !tile.ring<2 : !tile.tile<64x64xbf16>>
  tile.role "read" warps [0, 4] registers 208 { %t = tile.get %r : !tile.ring<2 : !tile.tile<64x64xbf16>> -> !tile.tile<64x64xbf16> tile.release %r : !tile.ring<2 : !tile.tile<64x64xbf16>> }
  tile.role "a" warps [4, 1] registers 24 {
    %c0 = arith.constant 0 : index
    // expected-error @below {{expected two distinct axes of the tensor}}
    tile.fetch %x[%c0, %c0] axes [1, 1] into %r : memref<?x64xbf16, strided<[?, 1]>>, !tile.ring<2 : !tile.tile<64x64xbf16>>
  }
}

// -----

// put_c1
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  %r = tile.ring : !tile.ring<2 : !tile.tile<64x64xbf16>>
  tile.role "read" warps [0, 4] registers 208 { %t = tile.get %r : !tile.ring<2 : !tile.tile<64x64xbf16>> -> !tile.tile<64x64xbf16> tile.release %r : !tile.ring<2 : !tile.tile<64x64xbf16>> }
  tile.role "a" warps [4, 1] registers 24 {
    %f = arith.constant 0.0 : f32
    // expected-error @below {{expected values of the types of}}
    tile.put %f into %r : f32 into !tile.ring<2 : !tile.tile<64x64xbf16>>
  }
}

// -----

// get_c1
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  %r = tile.ring : !tile.ring<2 : !tile.tile<64x64xbf16>>
  tile.role "a" warps [0, 4] registers 208 {
    // expected-error @below {{expected results of the types of}}
    %f = tile.get %r : !tile.ring<2 : !tile.tile<64x64xbf16>> -> f32
    tile.release %r : !tile.ring<2 : !tile.tile<64x64xbf16>>
  }
  tile.role "load" warps [4, 1] registers 24 { %c0 = arith.constant 0 : index tile.fetch %x[%c0, %c0] axes [0, 1] into %r : memref<?x64xbf16, strided<[?, 1]>>, !tile.ring<2 : !tile.tile<64x64xbf16>> }
}

// -----

// ring_c2: released by a role that does not get it
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  %r = tile.ring : !tile.ring<2 : !tile.tile<64x64xbf16>>
  tile.role "read" warps [0, 4] registers 208 { %t = tile.get %r : !tile.ring<2 : !tile.tile<64x64xbf16>> -> !tile.tile<64x64xbf16> tile.release %r : !tile.ring<2 : !tile.tile<64x64xbf16>> }
  tile.role "load" warps [4, 1] registers 24 {
    %c0 = arith.constant 0 : index
    tile.fetch %x[%c0, %c0] axes [0, 1] into %r : memref<?x64xbf16, strided<[?, 1]>>, !tile.ring<2 : !tile.tile<64x64xbf16>>
    // expected-error @below {{expected a tile.get of the ring in its role}}
    tile.release %r : !tile.ring<2 : !tile.tile<64x64xbf16>>
  }
}

// -----

// get_c2: a view of what was got, after the release
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  %r = tile.ring : !tile.ring<2 : !tile.tile<64x64xbf16>>
  tile.role "read" warps [0, 4] registers 208 {
    %t = tile.get %r : !tile.ring<2 : !tile.tile<64x64xbf16>> -> !tile.tile<64x64xbf16>
    %u = tile.transpose %t : !tile.tile<64x64xbf16> -> !tile.tile<64x64xbf16>
    tile.release %r : !tile.ring<2 : !tile.tile<64x64xbf16>>
    // expected-error @below {{expected values of the ring before its tile.release}}
    %s = tile.reduce <max> %u : !tile.tile<64x64xbf16> -> !tile.tile<64xbf16>
  }
  tile.role "load" warps [4, 1] registers 24 { %c0 = arith.constant 0 : index tile.fetch %x[%c0, %c0] axes [0, 1] into %r : memref<?x64xbf16, strided<[?, 1]>>, !tile.ring<2 : !tile.tile<64x64xbf16>> }
}

// -----

// get_c2: carried to the next iteration
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  %r = tile.ring : !tile.ring<2 : !tile.tile<64x64xbf16>>
  tile.role "read" warps [0, 4] registers 208 {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %f = arith.constant 0.0 : bf16
    %z = tile.splat %f : bf16 -> !tile.tile<64x64xbf16>
    %last = scf.for %i = %c0 to %c1 step %c1 iter_args(%before = %z) -> (!tile.tile<64x64xbf16>) {
      %t = tile.get %r : !tile.ring<2 : !tile.tile<64x64xbf16>> -> !tile.tile<64x64xbf16>
      tile.release %r : !tile.ring<2 : !tile.tile<64x64xbf16>>
      // expected-error @below {{expected values of the ring before its tile.release}}
      scf.yield %t : !tile.tile<64x64xbf16>
    }
  }
  tile.role "load" warps [4, 1] registers 24 { %c0 = arith.constant 0 : index tile.fetch %x[%c0, %c0] axes [0, 1] into %r : memref<?x64xbf16, strided<[?, 1]>>, !tile.ring<2 : !tile.tile<64x64xbf16>> }
}

// -----

// fetch_c2
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  %r = tile.ring : !tile.ring<2 : !tile.tile<64x64xf16>>
  tile.role "read" warps [0, 4] registers 208 { %t = tile.get %r : !tile.ring<2 : !tile.tile<64x64xf16>> -> !tile.tile<64x64xf16> tile.release %r : !tile.ring<2 : !tile.tile<64x64xf16>> }
  tile.role "a" warps [4, 1] registers 24 {
    %c0 = arith.constant 0 : index
    // expected-error @below {{expected a ring of the tensor's 'bf16', got 'f16'}}
    tile.fetch %x[%c0, %c0] axes [0, 1] into %r : memref<?x64xbf16, strided<[?, 1]>>, !tile.ring<2 : !tile.tile<64x64xf16>>
  }
}

// -----

// fetch_c3
tile.kernel @k(%x: memref<?x64xbf16, strided<[?, 1]>>) names ["x"] grid(%b: 1) {
  %r = tile.ring : !tile.ring<2 : !tile.tile<64x64xbf16>>
  tile.role "read" warps [0, 4] registers 208 { %t = tile.get %r : !tile.ring<2 : !tile.tile<64x64xbf16>> -> !tile.tile<64x64xbf16> tile.release %r : !tile.ring<2 : !tile.tile<64x64xbf16>> }
  tile.role "a" warps [4, 4] registers 24 {
    %c0 = arith.constant 0 : index
    // expected-error @below {{expected a role of one warp, got 4}}
    tile.fetch %x[%c0, %c0] axes [0, 1] into %r : memref<?x64xbf16, strided<[?, 1]>>, !tile.ring<2 : !tile.tile<64x64xbf16>>
  }
}
