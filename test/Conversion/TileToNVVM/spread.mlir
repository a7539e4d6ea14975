// SPDX-License-Identifier: Apache-2.0
// A kernel without a matrix unit: y = q^T (f C + k v^T), with C [64, 64] spread over 128 threads, 8 rows of 4 columns each.
// RUN: xlstm-opt %s --convert-tile-to-nvvm | FileCheck %s
// RUN: xlstm-opt %s --convert-tile-to-nvvm | FileCheck %s --check-prefix=WIDE

// Eight reads of 16 bytes, before anything is computed.
// WIDE-COUNT-8: ld.global.v4.f32
// WIDE-NOT: ld.global.v4
// WIDE-COUNT-8: st.global.v4.f32
// WIDE-NOT: st.global.v4

// CHECK-LABEL: llvm.func @update
// CHECK-SAME: nvvm.minctasm = 2 : i32
// CHECK-SAME: nvvm.reqntid = array<i32: 128, 1, 1>
// A thread's 8 rows begin at 8 (t / 16), its columns at 4 (t % 16).
// CHECK-DAG: arith.divui %{{.*}}, %c16
// CHECK-DAG: arith.remui %{{.*}}, %c16
// Vectors go to shared memory as f32, and threads meet once before the first read.
// CHECK: llvm.store %{{.*}} : f32, !llvm.ptr<3>
// CHECK: bar.sync 0
// CHECK: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xf32>
// CHECK: st.global.v4.f32
// Lanes with the same columns are 16 apart; four warps meet in shared memory.
// CHECK: nvvm.shfl.sync  bfly
// CHECK: llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr<3>
// CHECK: bar.sync 0
// CHECK-COUNT-4: llvm.load %{{.*}} : !llvm.ptr<3> -> f32
// CHECK-NOT: atom
tile.kernel @update(%C: memref<?x64x64xf32, strided<[?, ?, 1]>>, %q: memref<?x64xbf16, strided<[?, 1]>>, %v: memref<?x64xbf16, strided<[?, 1]>>,
                    %D: memref<?x64x64xf32, strided<[?, ?, 1]>>, %y: memref<?x64xbf16, strided<[?, 1]>>)
    names ["C", "q", "v", "D", "y"] grid(%b: dim(0, 0))
    attributes {schedule = {target = "sm_90a", threads = 128 : i64, spread = array<i64: 8, 16, 4>, resident = 2 : i64}} {
  %c0 = arith.constant 0 : index
  %f = arith.constant 0.5 : f32
  %zero = arith.constant 0.0 : f32
  %none = tile.splat %zero : f32 -> !tile.tile<1x64xf32>
  %c = tile.load %C[%b, %c0, %c0] axes [1, 2] : memref<?x64x64xf32, strided<[?, ?, 1]>> -> !tile.tile<64x64xf32>
  %row = tile.load %q[%b, %c0] axes [0, 1] : memref<?x64xbf16, strided<[?, 1]>> -> !tile.tile<1x64xf32>
  %k = tile.load %q[%b, %c0] axes [1] : memref<?x64xbf16, strided<[?, 1]>> -> !tile.tile<64xf32>
  %w = tile.load %v[%b, %c0] axes [1] : memref<?x64xbf16, strided<[?, 1]>> -> !tile.tile<64xf32>
  %next = tile.map elems(%c : !tile.tile<64x64xf32>) rows(%k : !tile.tile<64xf32>) cols(%w : !tile.tile<64xf32>) -> !tile.tile<64x64xf32> {
  ^bb0(%i: index, %j: index, %e: f32, %r: f32, %s: f32):
    %0 = arith.mulf %e, %f : f32
    %1 = arith.mulf %r, %s : f32
    %2 = arith.addf %0, %1 : f32
    tile.yield %2 : f32
  }
  tile.store %next, %D[%b, %c0, %c0] axes [1, 2] : !tile.tile<64x64xf32>, memref<?x64x64xf32, strided<[?, ?, 1]>>
  %sum = tile.matmul %row, %next, %none : !tile.tile<1x64xf32>, !tile.tile<64x64xf32>, !tile.tile<1x64xf32> -> !tile.tile<1x64xf32>
  tile.store %sum, %y[%b, %c0] axes [0, 1] : !tile.tile<1x64xf32>, memref<?x64xbf16, strided<[?, 1]>>
}

// A loop's vector that begins as a splat is carried as the registers that it will have: two of 96 threads' elements.
// CHECK-LABEL: llvm.func @carried
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}, %{{.*}} = %cst{{.*}}, %{{.*}} = %cst{{.*}}) -> (i32, f32, f32)
tile.kernel @carried(%x: memref<?x128xf32, strided<[?, 1]>>, %y: memref<128xf32>) names ["x", "y"] grid(%b: 1)
    attributes {schedule = {target = "sm_90a", threads = 96 : i64, spread = array<i64: 1, 96, 1>}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %rows = memref.dim %x, %c0 : memref<?x128xf32, strided<[?, 1]>>
  %zero = arith.constant 0.0 : f32
  %none = tile.splat %zero : f32 -> !tile.tile<128xf32>
  %sum = scf.for %i = %c0 to %rows step %c1 iter_args(%s = %none) -> (!tile.tile<128xf32>) {
    %row = tile.load %x[%i, %c0] axes [1] : memref<?x128xf32, strided<[?, 1]>> -> !tile.tile<128xf32>
    %next = tile.map elems(%s, %row : !tile.tile<128xf32>, !tile.tile<128xf32>) -> !tile.tile<128xf32> {
    ^bb0(%e: index, %a: f32, %c: f32):
      %0 = arith.addf %a, %c : f32
      tile.yield %0 : f32
    }
    scf.yield %next : !tile.tile<128xf32>
  }
  tile.store %sum, %y[%c0] axes [0] : !tile.tile<128xf32>, memref<128xf32>
}

// A token before the first is outside of the tensor: its number is compared as an unsigned one.
// CHECK-LABEL: llvm.func @before
// CHECK: %[[T:.*]] = arith.subi
// CHECK: arith.cmpi ult, %[[T]], %{{.*}} : i32
tile.kernel @before(%x: memref<?x32xf32, strided<[?, 1]>>, %y: memref<?x32xf32, strided<[?, 1]>>) names ["x", "y"] grid(%t: dim(0, 0))
    attributes {schedule = {target = "sm_90a", threads = 32 : i64, spread = array<i64: 1, 32, 1>}} {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %s = arith.subi %t, %c3 : index
  %row = tile.load %x[%s, %c0] axes [0, 1] : memref<?x32xf32, strided<[?, 1]>> -> !tile.tile<1x32xf32>
  tile.store %row, %y[%t, %c0] axes [0, 1] : !tile.tile<1x32xf32>, memref<?x32xf32, strided<[?, 1]>>
}
