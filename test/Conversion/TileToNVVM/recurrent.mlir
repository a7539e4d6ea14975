// SPDX-License-Identifier: Apache-2.0
// Products with matrices that stay the same from step to step: y(t + 1) = x(t) + y(t) A + y(t) B, A and B [24, 24].
// RUN: xlstm-opt %s --convert-tile-to-nvvm -split-input-file | FileCheck %s
// RUN: xlstm-opt %s --convert-tile-to-nvvm -split-input-file | FileCheck %s --check-prefix=READS

// Groups of 4 lanes have a row of A, 24 elements of 16 bits in three pieces: 16 groups of 64 threads, two rounds.
// CHECK-LABEL: llvm.func @kept
// The two matrices go to shared memory as they are, then threads meet.
// CHECK: scf.for
// CHECK-COUNT-8: llvm.load {{.*}} : !llvm.ptr<1> -> i16
// CHECK: llvm.store %{{.*}} {alignment = 2 : i64} : i16, !llvm.ptr<3>
// CHECK: bar.sync
// CHECK: scf.for
// CHECK-COUNT-8: llvm.load {{.*}} : !llvm.ptr<1> -> i16
// CHECK: bar.sync
// The loop over time: the row is written once, for both products, and read as two times four elements.
// CHECK: scf.for
// CHECK: llvm.store %{{.*}} {alignment = 4 : i64} : f32, !llvm.ptr<3>
// CHECK: bar.sync
// CHECK-COUNT-2: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xf32>
// CHECK-NOT: !llvm.ptr<3> -> vector<4xf32>
// CHECK: scf.for
// CHECK-COUNT-2: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xi32>
// CHECK-NOT: bar.sync
// CHECK-COUNT-4: nvvm.shfl.sync  bfly
// CHECK-NOT: bar.sync
// CHECK: scf.for
// CHECK-COUNT-2: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xi32>
// CHECK-COUNT-4: nvvm.shfl.sync  bfly
// One meeting for both results, and one before the next step.
// CHECK: bar.sync
// CHECK: llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr<3> -> f32
// CHECK-NOT: bar.sync
// CHECK: llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr<3> -> f32
// CHECK: bar.sync
tile.kernel @kept(%x: memref<?x24xbf16, strided<[?, 1]>>, %r: memref<2x24x24xbf16, strided<[?, ?, 1]>>, %y: memref<?x24xf32, strided<[?, 1]>>)
    names ["x", "r", "y"] grid(%g: 1)
    attributes {schedule = {target = "sm_90a", threads = 64 : i64, spread = array<i64: 1, 64, 1>, products = array<i64: 4, 8>, matrices = "shared"}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %steps = memref.dim %x, %c0 : memref<?x24xbf16, strided<[?, 1]>>
  %zero = arith.constant 0.0 : f32
  %none = tile.splat %zero : f32 -> !tile.tile<1x24xf32>
  %a = tile.load %r[%c0, %c0, %c0] axes [2, 1] : memref<2x24x24xbf16, strided<[?, ?, 1]>> -> !tile.tile<24x24xf32>
  %b = tile.load %r[%c1, %c0, %c0] axes [2, 1] : memref<2x24x24xbf16, strided<[?, ?, 1]>> -> !tile.tile<24x24xf32>
  %last = scf.for %t = %c0 to %steps step %c1 iter_args(%h = %none) -> (!tile.tile<1x24xf32>) {
    %p = tile.matmul %h, %a, %none : !tile.tile<1x24xf32>, !tile.tile<24x24xf32>, !tile.tile<1x24xf32> -> !tile.tile<1x24xf32>
    %q = tile.matmul %h, %b, %none : !tile.tile<1x24xf32>, !tile.tile<24x24xf32>, !tile.tile<1x24xf32> -> !tile.tile<1x24xf32>
    %row = tile.load %x[%t, %c0] axes [0, 1] : memref<?x24xbf16, strided<[?, 1]>> -> !tile.tile<1x24xf32>
    %next = tile.map elems(%p, %q, %row : !tile.tile<1x24xf32>, !tile.tile<1x24xf32>, !tile.tile<1x24xf32>) -> !tile.tile<1x24xf32> {
    ^bb0(%i: index, %j: index, %u: f32, %v: f32, %w: f32):
      %0 = arith.addf %u, %v : f32
      %1 = arith.addf %0, %w : f32
      tile.yield %1 : f32
    }
    scf.yield %next : !tile.tile<1x24xf32>
  }
  tile.store %last, %y[%c0, %c0] axes [0, 1] : !tile.tile<1x24xf32>, memref<?x24xf32, strided<[?, 1]>>
}

// -----

// Matrices that stay in global memory: each lane reads an element of every 32, up to the end of a row of 40.
// READS-LABEL: llvm.func @memory
// READS: scf.for
// READS-COUNT-8: llvm.load %{{.*}} : !llvm.ptr<1> -> f32
// READS-COUNT-20: nvvm.shfl.sync  bfly
// READS-NOT: nvvm.shfl.sync  bfly
tile.kernel @memory(%x: memref<?x40xf32, strided<[?, 1]>>, %r: memref<40x40xf32, strided<[?, 1]>>, %y: memref<?x40xf32, strided<[?, 1]>>)
    names ["x", "r", "y"] grid(%b: dim(0, 0))
    attributes {schedule = {target = "sm_80", threads = 128 : i64, spread = array<i64: 1, 128, 1>, products = array<i64: 32, 1>, matrices = "memory"}} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %none = tile.splat %zero : f32 -> !tile.tile<1x40xf32>
  %a = tile.load %r[%c0, %c0] axes [1, 0] : memref<40x40xf32, strided<[?, 1]>> -> !tile.tile<40x40xf32>
  %row = tile.load %x[%b, %c0] axes [0, 1] : memref<?x40xf32, strided<[?, 1]>> -> !tile.tile<1x40xf32>
  %p = tile.matmul %row, %a, %none : !tile.tile<1x40xf32>, !tile.tile<40x40xf32>, !tile.tile<1x40xf32> -> !tile.tile<1x40xf32>
  tile.store %p, %y[%b, %c0] axes [0, 1] : !tile.tile<1x40xf32>, memref<?x40xf32, strided<[?, 1]>>
}
