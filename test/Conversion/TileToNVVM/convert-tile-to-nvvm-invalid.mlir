// SPDX-License-Identifier: Apache-2.0
// What has no lowering to a GPU: one case for every message.
// RUN: xlstm-opt %s --convert-tile-to-nvvm -split-input-file -verify-diagnostics

// expected-error @below {{expected a schedule for a GPU}}
tile.kernel @no_schedule(%x: memref<4xf32>) names ["x"] grid(%i: 1) {
}

// -----

// expected-error @below {{expected a schedule for a GPU}}
tile.kernel @schedule_of_a_cpu(%x: memref<4xf32>) names ["x"] grid(%i: 1)
    attributes {schedule = {target = "cpu", chunk = 64 : i64}} {
}

// -----

// 8 buffers of 64 x 256 16-bit elements.
// expected-error @below {{takes 262144 bytes of shared memory, more than 101376 of sm_80}}
tile.kernel @shared_memory(%a: memref<?x256xbf16, strided<[?, 1]>>) names ["a"] grid(%g: 1)
    attributes {schedule = {target = "sm_80", warps = array<i64: 4, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %T = memref.dim %a, %c0 : memref<?x256xbf16, strided<[?, 1]>>
  scf.for %t = %c0 to %T step %c64 {
    %q = tile.load %a[%t, %c0] axes [0, 1] {stages = 8 : i64} : memref<?x256xbf16, strided<[?, 1]>> -> !tile.tile<64x256xbf16>
  }
}

// -----

tile.kernel @no_lowering(%x: memref<4xf32>) names ["x"] grid(%i: 4)
    attributes {schedule = {target = "sm_80", warps = array<i64: 1, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %a = tile.load_scalar %x[%i] : memref<4xf32> -> f32
  // expected-error @below {{has no lowering to NVVM}}
  %b = math.atan %a : f32
  tile.store_scalar %b, %x[%i] : f32, memref<4xf32>
}

// -----

// The same in the program of one element.
tile.kernel @no_lowering_in_a_map(%x: memref<32xf32>) names ["x"] grid(%i: 1)
    attributes {schedule = {target = "sm_80", warps = array<i64: 1, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %c0 = arith.constant 0 : index
  %v = tile.load %x[%c0] axes [0] : memref<32xf32> -> !tile.tile<32xf32>
  %w = tile.map elems(%v : !tile.tile<32xf32>) -> !tile.tile<32xf32> {
  ^bb0(%j: index, %e: f32):
    // expected-error @below {{has no lowering to NVVM}}
    %r = math.atan %e : f32
    %s = arith.addf %r, %e : f32
    tile.yield %s : f32
  }
  tile.store %w, %x[%c0] axes [0] : !tile.tile<32xf32>, memref<32xf32>
}

// -----

tile.kernel @branch_with_results(%x: memref<4xf32>) names ["x"] grid(%i: 4)
    attributes {schedule = {target = "sm_80", warps = array<i64: 1, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %c0 = arith.constant 0 : index
  %a = tile.load_scalar %x[%i] : memref<4xf32> -> f32
  %first = arith.cmpi eq, %i, %c0 : index
  // expected-error @below {{with results has no lowering to NVVM}}
  %b = scf.if %first -> (f32) {
    scf.yield %a : f32
  } else {
    scf.yield %a : f32
  }
}

// -----

tile.kernel @stages_outside_of_a_loop(%a: memref<16x16xbf16>) names ["a"] grid(%g: 1)
    attributes {schedule = {target = "sm_80", warps = array<i64: 1, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %c0 = arith.constant 0 : index
  // expected-error @below {{with stages must stand directly in a loop}}
  %q = tile.load %a[%c0, %c0] axes [0, 1] {stages = 1 : i64} : memref<16x16xbf16> -> !tile.tile<16x16xbf16>
}

// -----

tile.kernel @load_without_use(%a: memref<16x16xf32>) names ["a"] grid(%g: 1)
    attributes {schedule = {target = "sm_80", warps = array<i64: 1, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %c0 = arith.constant 0 : index
  // expected-error @below {{expected stages, or a use in a product that says how warps divide the tile}}
  %q = tile.load %a[%c0, %c0] axes [0, 1] : memref<16x16xf32> -> !tile.tile<16x16xf32>
}

// -----

tile.kernel @load_of_16_bits(%a: memref<16x16xf32>) names ["a"] grid(%g: 1)
    attributes {schedule = {target = "sm_80", warps = array<i64: 1, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %c0 = arith.constant 0 : index
  // expected-error @below {{expected stages, or a use in a product that says how warps divide the tile}}
  %q = tile.load %a[%c0, %c0] axes [0, 1] : memref<16x16xf32> -> !tile.tile<16x16xbf16>
  %zero = arith.constant 0.0 : f32
  %none = tile.splat %zero : f32 -> !tile.tile<16x16xf32>
  %p = tile.matmul %q, %q, %none {warps = array<i64: 1, 1>} : !tile.tile<16x16xbf16>, !tile.tile<16x16xbf16>, !tile.tile<16x16xf32> -> !tile.tile<16x16xf32>
}

// -----

tile.kernel @store_of_a_splat(%a: memref<16x16xf32>) names ["a"] grid(%g: 1)
    attributes {schedule = {target = "sm_80", warps = array<i64: 1, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %none = tile.splat %zero : f32 -> !tile.tile<16x16xf32>
  // expected-error @below {{expected the result of a product or of a map of one}}
  tile.store %none, %a[%c0, %c0] axes [0, 1] : !tile.tile<16x16xf32>, memref<16x16xf32>
}

// -----

tile.kernel @reduce_of_a_splat(%a: memref<16xf32>) names ["a"] grid(%g: 1)
    attributes {schedule = {target = "sm_80", warps = array<i64: 1, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %zero = arith.constant 0.0 : f32
  %none = tile.splat %zero : f32 -> !tile.tile<16x16xf32>
  // expected-error @below {{expected the result of a product or of a map of one}}
  %s = tile.reduce <add> %none : !tile.tile<16x16xf32> -> !tile.tile<16xf32>
}

// -----

tile.kernel @map_of_nothing(%a: memref<16xf32>) names ["a"] grid(%g: 1)
    attributes {schedule = {target = "sm_80", warps = array<i64: 1, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %zero = arith.constant 0.0 : f32
  // expected-error @below {{has no operand or use that says how warps divide it}}
  %m = tile.map -> !tile.tile<16x16xf32> {
  ^bb0(%i: index, %j: index):
    tile.yield %zero : f32
  }
}

// -----

tile.kernel @matvec_in_registers(%a: memref<16xf32>) names ["a"] grid(%g: 1)
    attributes {schedule = {target = "sm_80", warps = array<i64: 1, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %zero = arith.constant 0.0 : f32
  %m = tile.splat %zero : f32 -> !tile.tile<16x16xf32>
  %v = tile.splat %zero : f32 -> !tile.tile<16xf32>
  // expected-error @below {{expected a matrix in shared memory: a load with stages}}
  %s = tile.matvec %m, %v, %v : !tile.tile<16x16xf32>, !tile.tile<16xf32>, !tile.tile<16xf32> -> !tile.tile<16xf32>
}

// -----

tile.kernel @product_without_warps(%a: memref<?x16xbf16, strided<[?, 1]>>) names ["a"] grid(%g: 1)
    attributes {schedule = {target = "sm_80", warps = array<i64: 1, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %zero = arith.constant 0.0 : f32
  %none = tile.splat %zero : f32 -> !tile.tile<16x16xf32>
  scf.for %t = %c0 to %c16 step %c16 {
    %q = tile.load %a[%t, %c0] axes [0, 1] {stages = 1 : i64} : memref<?x16xbf16, strided<[?, 1]>> -> !tile.tile<16x16xbf16>
    // expected-error @below {{expected the attribute warps, which a schedule for a GPU sets}}
    %p = tile.matmul %q, %q, %none : !tile.tile<16x16xbf16>, !tile.tile<16x16xbf16>, !tile.tile<16x16xf32> -> !tile.tile<16x16xf32>
  }
}

// -----

tile.kernel @right_operand(%a: memref<?x16xbf16, strided<[?, 1]>>) names ["a"] grid(%g: 1)
    attributes {schedule = {target = "sm_80", warps = array<i64: 1, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %zero = arith.constant 0.0 : f32
  %zero16 = arith.constant 0.0 : bf16
  %none = tile.splat %zero : f32 -> !tile.tile<16x16xf32>
  %none16 = tile.splat %zero16 : bf16 -> !tile.tile<16x16xbf16>
  scf.for %t = %c0 to %c16 step %c16 {
    %q = tile.load %a[%t, %c0] axes [0, 1] {stages = 1 : i64} : memref<?x16xbf16, strided<[?, 1]>> -> !tile.tile<16x16xbf16>
    // expected-error @below {{expected the right operand in shared memory or a fragment}}
    %p = tile.matmul %q, %none16, %none {warps = array<i64: 1, 1>} : !tile.tile<16x16xbf16>, !tile.tile<16x16xbf16>, !tile.tile<16x16xf32> -> !tile.tile<16x16xf32>
  }
}

// -----

// The product of two warps along rows cannot be the left operand of one of one warp.
tile.kernel @left_operand(%a: memref<?x32xbf16, strided<[?, 1]>>) names ["a"] grid(%g: 1)
    attributes {schedule = {target = "sm_80", warps = array<i64: 2, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %zero = arith.constant 0.0 : f32
  %none = tile.splat %zero : f32 -> !tile.tile<32x32xf32>
  scf.for %t = %c0 to %c32 step %c32 {
    %q = tile.load %a[%t, %c0] axes [0, 1] {stages = 1 : i64} : memref<?x32xbf16, strided<[?, 1]>> -> !tile.tile<32x32xbf16>
    %p = tile.matmul %q, %q, %none {warps = array<i64: 2, 1>} : !tile.tile<32x32xbf16>, !tile.tile<32x32xbf16>, !tile.tile<32x32xf32> -> !tile.tile<32x32xf32>
    %n = tile.map elems(%p : !tile.tile<32x32xf32>) -> !tile.tile<32x32xbf16> {
    ^bb0(%i: index, %j: index, %e: f32):
      %e16 = arith.truncf %e : f32 to bf16
      tile.yield %e16 : bf16
    }
    // expected-error @below {{expected the left operand on 1 warps along rows, got 2}}
    %r = tile.matmul %n, %q, %none {warps = array<i64: 1, 2>} : !tile.tile<32x32xbf16>, !tile.tile<32x32xbf16>, !tile.tile<32x32xf32> -> !tile.tile<32x32xf32>
  }
}

// -----

tile.kernel @limit(%x: memref<?xf32>) names ["x"] grid(%i: 4)
    attributes {schedule = {target = "sm_80", warps = array<i64: 1, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  // expected-error @below {{with a limit has no lowering to NVVM}}
  %v = tile.load %x[%i] axes [0] below %i : memref<?xf32> -> !tile.tile<32xf32>
}

// -----

tile.kernel @integer(%x: memref<?xi64>) names ["x"] grid(%i: 4)
    attributes {schedule = {target = "sm_80", warps = array<i64: 1, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  // expected-error @below {{of an integer has no lowering to NVVM}}
  %v = tile.load_scalar %x[%i] : memref<?xi64> -> index
}

// -----

tile.kernel @exclusive_scan(%x: memref<?xf32>) names ["x"] grid(%i: 4)
    attributes {schedule = {target = "sm_80", warps = array<i64: 1, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %v = tile.load %x[%i] axes [0] : memref<?xf32> -> !tile.tile<32xf32>
  // expected-error @below {{of a matrix, reverse or exclusive has no lowering to NVVM}}
  %s = tile.scan <add> %v {exclusive} : !tile.tile<32xf32>
}

// -----

tile.kernel @several_results(%x: memref<?xf32>) names ["x"] grid(%i: 4)
    attributes {schedule = {target = "sm_80", warps = array<i64: 1, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %v = tile.load %x[%i] axes [0] : memref<?xf32> -> !tile.tile<32xf32>
  // expected-error @below {{with 2 results has no lowering to NVVM}}
  %a, %b = tile.map elems(%v : !tile.tile<32xf32>) -> !tile.tile<32xf32>, !tile.tile<32xf32> {
  ^bb0(%j: index, %e: f32):
    tile.yield %e, %e : f32, f32
  }
}

// -----

tile.kernel @integers(%x: memref<?xi32>) names ["x"] grid(%i: 4)
    attributes {schedule = {target = "sm_90a", threads = 32 : i64, spread = array<i64: 1, 32, 1>}} {
  // expected-error @below {{of an integer has no lowering to NVVM}}
  %v = tile.load %x[%i] axes [0] : memref<?xi32> -> !tile.tile<32xf32>
}
