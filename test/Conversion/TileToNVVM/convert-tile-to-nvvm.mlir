// SPDX-License-Identifier: Apache-2.0
// Each op of the tile dialect on a GPU, one small kernel at a time. A kernel's schedule says which matrix unit and copies.
// RUN: xlstm-opt %s --convert-tile-to-nvvm | FileCheck %s

//===----------------------------------------------------------------------===//
// The function: arguments, threads, what the plan must know
//===----------------------------------------------------------------------===//

// A pointer, the dynamic extents, the dynamic strides, for each tensor in turn; no tensor maps without TMA.
// CHECK-LABEL: gpu.module @scalars_module
// CHECK: llvm.mlir.global external @shared_memory() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
// CHECK: llvm.func @scalars(%[[X:.*]]: !llvm.ptr{{(<1>)?}}, %[[DIM:.*]]: i64, %[[STRIDE:.*]]: i64, %[[Y:.*]]: !llvm.ptr{{(<1>)?}})
// CHECK-SAME: nvvm.kernel
// CHECK-SAME: nvvm.reqntid = array<i32: 64, 1, 1>
// CHECK-SAME: tile.schedule = {
// CHECK-SAME: tile.shared_bytes = 0 : i64
// CHECK-SAME: tile.tensor_maps = []
// CHECK-SAME: tile.threads = 64 : i64
// Blocks are numbered with the last grid dimension fastest: j = block % 5, i = block / 5.
// CHECK: %[[BLOCK:.*]] = llvm.inline_asm {{.*}}"mov.u32 $0, %ctaid.x;"
// CHECK: %[[J:.*]] = arith.remui %[[BLOCK]], %c5
// CHECK: %[[I:.*]] = arith.divui %[[BLOCK]], %c5
// An element in range is read, another is the pad value.
// CHECK: arith.cmpi slt, %[[I]], %
// CHECK: scf.if {{.*}} -> (f32) {
// CHECK: llvm.getelementptr %[[X]][%{{.*}}] : (!llvm.ptr{{(<1>)?}}, i64) -> !llvm.ptr{{(<1>)?}}, f32
// CHECK: llvm.load
// CHECK: } else {
// CHECK: arith.constant 1.500000e+00 : f32
// One thread writes it, as bf16.
// CHECK: arith.cmpi eq, %{{.*}}, %c0
// CHECK: scf.if
// CHECK: llvm.inline_asm {{.*}}"cvt.rn.bf16x2.f32 $0, $1, $2;"
// CHECK: llvm.store %{{.*}} : i16, !llvm.ptr{{(<1>)?}}
tile.kernel @scalars(%x: memref<?x5xf32, strided<[?, 1]>>, %y: memref<5xbf16>) names ["x", "y"] grid(%i: dim(0, 0), %j: 5)
    attributes {schedule = {target = "sm_80", warps = array<i64: 2, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %a = tile.load_scalar %x[%i, %j] pad 1.5 : memref<?x5xf32, strided<[?, 1]>> -> f32
  tile.store_scalar %a, %y[%j] : f32, memref<5xbf16>
}

//===----------------------------------------------------------------------===//
// Scalars: exp and log by their powers of two, no libdevice
//===----------------------------------------------------------------------===//

// CHECK-LABEL: gpu.module @math_module
// CHECK: %[[LOG2E:.*]] = arith.constant 1.442{{.*}} : f32
// CHECK: arith.mulf %{{.*}}, %[[LOG2E]]
// CHECK: llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f"
// CHECK: llvm.call_intrinsic "llvm.nvvm.lg2.approx.ftz.f"
// CHECK: %[[LN2:.*]] = arith.constant 0.693{{.*}} : f32
// CHECK: arith.mulf %{{.*}}, %[[LN2]]
// log1p: the logarithm where x is large, its series below 1/64.
// CHECK: llvm.call_intrinsic "llvm.nvvm.lg2.approx.ftz.f"
// CHECK: arith.constant -2.500000e-01 : f32
// CHECK: llvm.intr.fabs
// CHECK: arith.constant 1.562500e-02 : f32
// CHECK: arith.select
// CHECK: llvm.intr.fabs
// CHECK: "tanh.approx.f32 $0, $1;"
// CHECK: llvm.call_intrinsic "llvm.nvvm.div.approx.ftz.f"
// CHECK: arith.maxnumf
// CHECK-NOT: math.
// A result that is narrower than f32 is rounded to it and held as f32.
// CHECK: "cvt.rn.f16x2.f32 $0, $1, $2;"
// CHECK: llvm.fpext
tile.kernel @math(%x: memref<8xf32>) names ["x"] grid(%i: 8)
    attributes {schedule = {target = "sm_80", warps = array<i64: 1, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %a = tile.load_scalar %x[%i] : memref<8xf32> -> f32
  %b = math.exp %a : f32
  %c = math.log %b : f32
  %d = math.log1p %c : f32
  %e = math.absf %d : f32
  %f = math.tanh %e : f32
  %g = arith.divf %f, %a : f32
  %h = arith.maxnumf %g, %a : f32
  %k = arith.truncf %h : f32 to f16
  tile.store_scalar %k, %x[%i] : f16, memref<8xf32>
}

//===----------------------------------------------------------------------===//
// Vectors: lane l of every warp holds elements l R .. l R + R - 1
//===----------------------------------------------------------------------===//

// 64 elements are two registers a lane.
// CHECK-LABEL: gpu.module @vectors_module
// CHECK: arith.muli %[[LANE:.*]], %c2
// CHECK-COUNT-2: llvm.load %{{.*}} : !llvm.ptr{{(<1>)?}} -> f32
// The scan: within the lane, then five shuffles by doubling distances, each where there is a lane so far before, then one
// shuffle more brings what is before this lane.
// CHECK: arith.addf
// CHECK: nvvm.shfl.sync up %{{.*}}, %{{.*}}, %c1{{.*}}, %c0
// CHECK: arith.cmpi sge
// CHECK: arith.select
// CHECK: nvvm.shfl.sync up %{{.*}}, %{{.*}}, %c2{{.*}}, %c0
// CHECK: nvvm.shfl.sync up %{{.*}}, %{{.*}}, %c4{{.*}}, %c0
// CHECK: nvvm.shfl.sync up %{{.*}}, %{{.*}}, %c8{{.*}}, %c0
// CHECK: nvvm.shfl.sync up %{{.*}}, %{{.*}}, %c16{{.*}}, %c0
// CHECK: nvvm.shfl.sync up %{{.*}}, %{{.*}}, %c1{{.*}}, %c0
// CHECK: arith.cmpi sge
// CHECK-COUNT-2: arith.select
// The last element is in register 1 of lane 31.
// CHECK: %[[LAST:.*]] = nvvm.shfl.sync idx %{{.*}}, %{{.*}}, %c31{{.*}}, %c31
// A map of vectors is evaluated for both registers.
// CHECK-COUNT-2: arith.maxnumf %{{.*}}, %[[LAST]] : f32
// One warp stores them.
// CHECK: scf.if
// CHECK-COUNT-2: llvm.store %{{.*}} : f32, !llvm.ptr{{(<1>)?}}
tile.kernel @vectors(%x: memref<64xf32>) names ["x"] grid(%i: 1)
    attributes {schedule = {target = "sm_80", warps = array<i64: 4, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %c0 = arith.constant 0 : index
  %v = tile.load %x[%c0] axes [0] : memref<64xf32> -> !tile.tile<64xf32>
  %s = tile.scan <add> %v : !tile.tile<64xf32>
  %last = tile.extract %s[63] : !tile.tile<64xf32> -> f32
  %m = tile.map elems(%v : !tile.tile<64xf32>) -> !tile.tile<64xf32> {
  ^bb0(%j: index, %e: f32):
    %r = arith.maxnumf %e, %last : f32
    tile.yield %r : f32
  }
  tile.store %m, %x[%c0] axes [0] : !tile.tile<64xf32>, memref<64xf32>
}

// A vector that does not fill its lanes: what is beyond is the pad value, and is not stored. The maximum scans by maxnumf.
// CHECK-LABEL: gpu.module @ragged_vector_module
// CHECK: arith.cmpi slt, %{{.*}}, %c40
// CHECK: arith.constant -1.000000e+30 : f32
// CHECK: arith.maxnumf
// CHECK: nvvm.shfl.sync up
// CHECK: arith.cmpi slt, %{{.*}}, %c40
// CHECK: llvm.store %{{.*}} : f32
tile.kernel @ragged_vector(%x: memref<?xf32, strided<[?]>>) names ["x"] grid(%i: 1)
    attributes {schedule = {target = "sm_80", warps = array<i64: 1, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %c0 = arith.constant 0 : index
  %v = tile.load %x[%c0] axes [0] pad -1.0e30 : memref<?xf32, strided<[?]>> -> !tile.tile<40xf32>
  %s = tile.scan <max> %v : !tile.tile<40xf32>
  tile.store %s, %x[%c0] axes [0] : !tile.tile<40xf32>, memref<?xf32, strided<[?]>>
}

//===----------------------------------------------------------------------===//
// Products on sm_80: cp.async, ldmatrix, mma.sync
//===----------------------------------------------------------------------===//

// Two buffers of two tiles of 64 x 64 16-bit elements.
// CHECK-LABEL: gpu.module @mma_module
// CHECK: llvm.func @mma(
// CHECK-SAME: tile.shared_bytes = 32768 : i64
// CHECK-SAME: tile.threads = 128 : i64
// The accumulator is carried: rows 16 x 64 of a warp are 8 blocks of 4 registers. The first tile is on its way before the loop.
// 64 x 8 pieces of 16 bytes are 4 for each thread; a piece outside of the tensor is filled with zeros (source size 0).
// CHECK: arith.select %{{.*}}, %c16{{.*}}, %c0
// CHECK-COUNT-8: "cp.async.cg.shared.global [$0], [$1], 16, $2;"
// CHECK-NOT: cp.async.cg
// CHECK: "cp.async.commit_group;"
// CHECK: scf.for {{.*}} iter_args(
// CHECK: "bar.sync 0;"
// CHECK-COUNT-8: "cp.async.cg.shared.global [$0], [$1], 16, $2;"
// CHECK: "cp.async.commit_group;"
// CHECK: "cp.async.wait_group 1;"
// CHECK: "bar.sync 0;"
// For each of four steps along k: the left operand with one ldmatrix, four pairs of right blocks, eight products. K is stored
// [tokens, depth], so its transpose needs no transposing load.
// CHECK-NOT: .trans
// CHECK-COUNT-2: "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {$0, $1, $2, $3}, [$4];"
// CHECK: "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {$0, $1, $2, $3}, {$4, $5, $6, $7}, {$8, $9}, {$10, $11, $12, $13};"
// CHECK-COUNT-31: "mma.sync.aligned.m16n8k16
// CHECK-NOT: mma.sync
// CHECK: scf.yield
// A fragment whose rows run along rows is stored element by element, all within one branch for the block.
// CHECK: scf.if
// CHECK-COUNT-32: llvm.store %{{.*}} : f32, !llvm.ptr{{(<1>)?}}
tile.kernel @mma(%a: memref<?x64xbf16, strided<[?, 1]>>, %b: memref<?x64xbf16, strided<[?, 1]>>, %c: memref<64x64xf32>)
    names ["a", "b", "c"] grid(%g: 1)
    attributes {schedule = {target = "sm_80", warps = array<i64: 4, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %T = memref.dim %a, %c0 : memref<?x64xbf16, strided<[?, 1]>>
  %zero = arith.constant 0.0 : f32
  %acc = tile.splat %zero : f32 -> !tile.tile<64x64xf32>
  %r = scf.for %t = %c0 to %T step %c64 iter_args(%s = %acc) -> (!tile.tile<64x64xf32>) {
    %q = tile.load %a[%t, %c0] axes [0, 1] {stages = 2 : i64} : memref<?x64xbf16, strided<[?, 1]>> -> !tile.tile<64x64xbf16>
    %k = tile.load %b[%t, %c0] axes [0, 1] {stages = 2 : i64} : memref<?x64xbf16, strided<[?, 1]>> -> !tile.tile<64x64xbf16>
    %kt = tile.transpose %k : !tile.tile<64x64xbf16> -> !tile.tile<64x64xbf16>
    %p = tile.matmul %q, %kt, %s {warps = array<i64: 4, 1>} : !tile.tile<64x64xbf16>, !tile.tile<64x64xbf16>, !tile.tile<64x64xf32> -> !tile.tile<64x64xf32>
    scf.yield %p : !tile.tile<64x64xf32>
  }
  tile.store %r, %c[%c0, %c0] axes [0, 1] : !tile.tile<64x64xf32>, memref<64x64xf32>
}

// The other orientations transpose while loading: a left operand stored [depth, rows], a right one stored [depth, columns].
// CHECK-LABEL: gpu.module @mma_transposed_module
// CHECK: scf.for
// CHECK-COUNT-2: "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {$0, $1, $2, $3}, [$4];"
// CHECK: "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
tile.kernel @mma_transposed(%a: memref<?x16xf16, strided<[?, 1]>>, %c: memref<16x16xf32>) names ["a", "c"] grid(%g: 1)
    attributes {schedule = {target = "sm_80", warps = array<i64: 1, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %T = memref.dim %a, %c0 : memref<?x16xf16, strided<[?, 1]>>
  %zero = arith.constant 0.0 : f32
  %acc = tile.splat %zero : f32 -> !tile.tile<16x16xf32>
  %r = scf.for %t = %c0 to %T step %c16 iter_args(%s = %acc) -> (!tile.tile<16x16xf32>) {
    %q = tile.load %a[%t, %c0] axes [0, 1] {stages = 1 : i64} : memref<?x16xf16, strided<[?, 1]>> -> !tile.tile<16x16xf16>
    %qt = tile.transpose %q : !tile.tile<16x16xf16> -> !tile.tile<16x16xf16>
    %p = tile.matmul %qt, %q, %s {warps = array<i64: 1, 1>} : !tile.tile<16x16xf16>, !tile.tile<16x16xf16>, !tile.tile<16x16xf32> -> !tile.tile<16x16xf32>
    scf.yield %p : !tile.tile<16x16xf32>
  }
  tile.store %r, %c[%c0, %c0] axes [0, 1] : !tile.tile<16x16xf32>, memref<16x16xf32>
}

// A map that feeds a left operand is evaluated in registers where it is used: no load of its own, a rounding of two at a time.
// A left operand on [2, 2] warps: each of two groups multiplies its half of the depth, and the halves meet in shared memory.
// A group sends the other one its half of the 32 x 16 sums: 2 x 32 x 8 x 4 bytes, beside the tile's 16 rows of 128 bytes.
// CHECK-LABEL: gpu.module @groups_module
// CHECK: llvm.func @groups(
// CHECK-SAME: tile.shared_bytes = 4096 : i64
// CHECK: scf.for
// CHECK: "cvt.rn.bf16x2.f32 $0, $1, $2;"
// CHECK: "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// Group g writes what the other group keeps, unless it is that group.
// CHECK: %[[NOT0:.*]] = arith.cmpi ne, %{{.*}}, %c0
// CHECK: scf.if %[[NOT0]]
// CHECK-COUNT-4: llvm.store %{{.*}} : f32, !llvm.ptr<3>
// CHECK: %[[NOT1:.*]] = arith.cmpi ne, %{{.*}}, %c1
// CHECK: scf.if %[[NOT1]]
// CHECK-COUNT-4: llvm.store %{{.*}} : f32, !llvm.ptr<3>
// CHECK: "bar.sync 0;"
// CHECK-COUNT-4: llvm.load %{{.*}} : !llvm.ptr<3> -> f32
tile.kernel @groups(%a: memref<?x32xbf16, strided<[?, 1]>>, %c: memref<32x32xf32>, %d: memref<32x16xf32>) names ["a", "c", "d"] grid(%g: 1)
    attributes {schedule = {target = "sm_80", warps = array<i64: 2, 2>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %T = memref.dim %a, %c0 : memref<?x32xbf16, strided<[?, 1]>>
  %zero = arith.constant 0.0 : f32
  %state = tile.load %c[%c0, %c0] axes [0, 1] : memref<32x32xf32> -> !tile.tile<32x32xf32>
  %r = scf.for %t = %c0 to %T step %c16 iter_args(%s = %state) -> (!tile.tile<32x32xf32>) {
    %q = tile.load %a[%t, %c0] axes [0, 1] {stages = 1 : i64} : memref<?x32xbf16, strided<[?, 1]>> -> !tile.tile<16x32xbf16>
    %qt = tile.transpose %q : !tile.tile<16x32xbf16> -> !tile.tile<32x16xbf16>
    %narrow = tile.map elems(%s : !tile.tile<32x32xf32>) -> !tile.tile<32x32xbf16> {
    ^bb0(%i: index, %j: index, %e: f32):
      %n = arith.truncf %e : f32 to bf16
      tile.yield %n : bf16
    }
    %acc = tile.splat %zero : f32 -> !tile.tile<32x16xf32>
    %p = tile.matmul %narrow, %qt, %acc {warps = array<i64: 2, 2>} : !tile.tile<32x32xbf16>, !tile.tile<32x16xbf16>, !tile.tile<32x16xf32> -> !tile.tile<32x16xf32>
    tile.store %p, %d[%c0, %c0] axes [0, 1] : !tile.tile<32x16xf32>, memref<32x16xf32>
    %u = tile.matmul %qt, %q, %s {warps = array<i64: 2, 2>} : !tile.tile<32x16xbf16>, !tile.tile<16x32xbf16>, !tile.tile<32x32xf32> -> !tile.tile<32x32xf32>
    scf.yield %u : !tile.tile<32x32xf32>
  }
  tile.store %r, %c[%c0, %c0] axes [0, 1] : !tile.tile<32x32xf32>, memref<32x32xf32>
}

//===----------------------------------------------------------------------===//
// Products on sm_90a: TMA, mbarriers, wgmma
//===----------------------------------------------------------------------===//

// A tensor map for each staged load, as a parameter of the grid: panels of 64 columns by the tile's rows.
// CHECK-LABEL: gpu.module @wgmma_module
// CHECK: llvm.func @wgmma(
// CHECK-COUNT-2: !llvm.ptr{{(<1>)?}} {llvm.align = 64 : i64, llvm.byval = !llvm.array<128 x i8>, nvvm.grid_constant}
// CHECK-SAME: tile.shared_bytes = 65552 : i64
// CHECK-SAME: tile.tensor_maps = [{box = array<i64: 64, 64>, tensor = 0 : i64}, {box = array<i64: 64, 64>, tensor = 1 : i64}]
// One barrier for each of two buffers, made by one thread and visible to TMA.
// CHECK-COUNT-2: "mbarrier.init.shared::cta.b64 [$0], $1;"
// CHECK: "fence.mbarrier_init.release.cluster;"
// CHECK: "bar.sync 0;"
// Two tiles of 64 x 128 elements are 32768 bytes, two panels each.
// CHECK: %[[BYTES:.*]] = arith.constant 32768 : i32
// CHECK: "mbarrier.arrive.expect_tx.shared::cta.b64 _, [$0], $1;"{{.*}} %[[BYTES]]
// CHECK-COUNT-4: "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [$0], [$1, {$3, $4}], [$2];"
// CHECK: scf.for
// CHECK: "bar.sync 0;"
// CHECK-COUNT-4: "cp.async.bulk.tensor.2d
// CHECK: mbarrier.try_wait.parity.shared::cta.b64
// Both operands from shared memory by descriptors: eight steps, one group. K^T is K-major: no transposition.
// CHECK: "wgmma.fence.sync.aligned;"
// CHECK-COUNT-8: "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {{.*}}, $64, $65, 1, 1, 1, 0, 0;"
// CHECK: "wgmma.commit_group.sync.aligned;"
// CHECK: "wgmma.wait_group.sync.aligned 0;"
// The right operand of the next product is stored [depth, columns]: the other transposition bit. The left one, a fragment,
// comes from registers in groups of two steps.
// CHECK: "wgmma.fence.sync.aligned;"
// CHECK-COUNT-2: "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {{.*}}, {$128, $129, $130, $131}, $132, 1, 1, 1, 1;"
// CHECK: "wgmma.commit_group.sync.aligned;"
// CHECK-COUNT-2: "wgmma.mma_async.sync.aligned.m64n128k16
// CHECK-NOT: "wgmma.mma_async
// CHECK: scf.yield
tile.kernel @wgmma(%a: memref<?x128xbf16, strided<[?, 1]>>, %b: memref<?x128xbf16, strided<[?, 1]>>, %c: memref<64x128xf32>)
    names ["a", "b", "c"] grid(%g: 1)
    attributes {schedule = {target = "sm_90a", warps = array<i64: 4, 1>, matrix_unit = "wgmma", copy = "tma"}} {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %T = memref.dim %a, %c0 : memref<?x128xbf16, strided<[?, 1]>>
  %zero = arith.constant 0.0 : f32
  %acc = tile.splat %zero : f32 -> !tile.tile<64x128xf32>
  %r = scf.for %t = %c0 to %T step %c64 iter_args(%s = %acc) -> (!tile.tile<64x128xf32>) {
    %q = tile.load %a[%t, %c0] axes [0, 1] {stages = 2 : i64} : memref<?x128xbf16, strided<[?, 1]>> -> !tile.tile<64x128xbf16>
    %k = tile.load %b[%t, %c0] axes [0, 1] {stages = 2 : i64} : memref<?x128xbf16, strided<[?, 1]>> -> !tile.tile<64x128xbf16>
    %kt = tile.transpose %k : !tile.tile<64x128xbf16> -> !tile.tile<128x64xbf16>
    %none = tile.splat %zero : f32 -> !tile.tile<64x64xf32>
    %p = tile.matmul %q, %kt, %none {warps = array<i64: 4, 1>} : !tile.tile<64x128xbf16>, !tile.tile<128x64xbf16>, !tile.tile<64x64xf32> -> !tile.tile<64x64xf32>
    %n = tile.map elems(%p : !tile.tile<64x64xf32>) -> !tile.tile<64x64xbf16> {
    ^bb0(%i: index, %j: index, %e: f32):
      %e16 = arith.truncf %e : f32 to bf16
      tile.yield %e16 : bf16
    }
    %u = tile.matmul %n, %k, %s {warps = array<i64: 4, 1>} : !tile.tile<64x64xbf16>, !tile.tile<64x128xbf16>, !tile.tile<64x128xf32> -> !tile.tile<64x128xf32>
    scf.yield %u : !tile.tile<64x128xf32>
  }
  tile.store %r, %c[%c0, %c0] axes [0, 1] : !tile.tile<64x128xf32>, memref<64x128xf32>
}

//===----------------------------------------------------------------------===//
// What goes round a product: maps with rows and columns, reductions, right operands from fragments, matrix times vector
//===----------------------------------------------------------------------===//

// CHECK-LABEL: gpu.module @around_module
// CHECK: llvm.func @around(
// Element by element: each of 2 x 4 words of a piece is two guarded loads, packed, stored with one 16-byte store.
// CHECK-NOT: cp.async
// CHECK: scf.for
// CHECK: llvm.load %{{.*}} : !llvm.ptr{{(<1>)?}} -> i16
// CHECK: "cvt.rn.bf16x2.f32 $0, $1, $2;"
// CHECK: llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<3>
// CHECK-NOT: cp.async
// CHECK: "bar.sync 0;"
// CHECK: "mma.sync
// A row's value is shuffled from the lane that holds it; the causal comparison is of the element's row and column.
// CHECK: nvvm.shfl.sync idx
// CHECK: arith.cmpi sle
// The sum over a row: this thread's columns, the four lanes of the row, then the warps along columns through shared memory.
// CHECK: arith.addf
// CHECK: nvvm.shfl.sync bfly %{{.*}}, %{{.*}}, %c1{{.*}}, %c31
// CHECK: nvvm.shfl.sync bfly %{{.*}}, %{{.*}}, %c2{{.*}}, %c31
// CHECK: llvm.store %{{.*}} {alignment = 4 : i64} : f32, !llvm.ptr<3>
// CHECK: "bar.sync 0;"
// CHECK-COUNT-2: llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr<3> -> f32
// A matrix times a vector along its rows: the vector in shared memory, dot products of 8 elements, shuffles within the row.
// CHECK: "bar.sync 0;"
// CHECK: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xi32>
// CHECK: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xf32>
// CHECK: nvvm.shfl.sync bfly
// CHECK: "bar.sync 0;"
// A matrix times a vector down its columns: pairs of columns, one row at a time.
// CHECK: "bar.sync 0;"
// CHECK: llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr<3> -> i32
// CHECK: llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr<3> -> f32
// CHECK: "bar.sync 0;"
// The map's fragment goes to shared memory, packed, before it can be a right operand.
// CHECK: llvm.store %{{.*}} {alignment = 4 : i64} : i32, !llvm.ptr<3>
// CHECK: "bar.sync 0;"
// CHECK: "mma.sync
// A tile whose rows run along the tensor's contiguous axis is transposed in shared memory and goes out 16 bytes at a time,
// here in halves because nothing is known of the alignment.
// CHECK: llvm.store %{{.*}} {alignment = 2 : i64} : i16, !llvm.ptr<3>
// CHECK: "bar.sync 0;"
// CHECK: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xi32>
// CHECK: llvm.store %{{.*}} : i16, !llvm.ptr{{(<1>)?}}
tile.kernel @around(%a: memref<?x32xbf16, strided<[?, 1]>>, %g: memref<?xf32, strided<[?]>>, %h: memref<?x32xbf16, strided<[?, 1]>>, %y: memref<32xf32>)
    names ["a", "g", "h", "y"] grid(%b: 1)
    attributes {schedule = {target = "sm_80", warps = array<i64: 2, 2>, matrix_unit = "mma_sync", copy = "elementwise"}} {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %T = memref.dim %a, %c0 : memref<?x32xbf16, strided<[?, 1]>>
  %zero = arith.constant 0.0 : f32
  %n0 = tile.splat %zero : f32 -> !tile.tile<32xf32>
  %r = scf.for %t = %c0 to %T step %c32 iter_args(%n = %n0) -> (!tile.tile<32xf32>) {
    %q = tile.load %a[%t, %c0] axes [0, 1] {stages = 1 : i64} : memref<?x32xbf16, strided<[?, 1]>> -> !tile.tile<32x32xbf16>
    %w = tile.load %g[%t] axes [0] : memref<?xf32, strided<[?]>> -> !tile.tile<32xf32>
    %qt = tile.transpose %q : !tile.tile<32x32xbf16> -> !tile.tile<32x32xbf16>
    %none = tile.splat %zero : f32 -> !tile.tile<32x32xf32>
    %s = tile.matmul %q, %qt, %none {warps = array<i64: 2, 2>} : !tile.tile<32x32xbf16>, !tile.tile<32x32xbf16>, !tile.tile<32x32xf32> -> !tile.tile<32x32xf32>
    %p = tile.map elems(%s : !tile.tile<32x32xf32>) rows(%w : !tile.tile<32xf32>) cols(%n : !tile.tile<32xf32>) -> !tile.tile<32x32xf32> {
    ^bb0(%i: index, %j: index, %e: f32, %row: f32, %col: f32):
      %before = arith.cmpi sle, %j, %i : index
      %x = arith.mulf %e, %row : f32
      %z = arith.select %before, %x, %col : f32
      tile.yield %z : f32
    }
    %sum = tile.reduce <add> %p : !tile.tile<32x32xf32> -> !tile.tile<32xf32>
    %dots = tile.matvec %q, %sum, %n : !tile.tile<32x32xbf16>, !tile.tile<32xf32>, !tile.tile<32xf32> -> !tile.tile<32xf32>
    %down = tile.matvec %qt, %dots, %n : !tile.tile<32x32xbf16>, !tile.tile<32xf32>, !tile.tile<32xf32> -> !tile.tile<32xf32>
    %p16 = tile.map elems(%p : !tile.tile<32x32xf32>) -> !tile.tile<32x32xbf16> {
    ^bb0(%i: index, %j: index, %e: f32):
      %n16 = arith.truncf %e : f32 to bf16
      tile.yield %n16 : bf16
    }
    %pt = tile.transpose %p16 : !tile.tile<32x32xbf16> -> !tile.tile<32x32xbf16>
    %o = tile.matmul %qt, %pt, %none {warps = array<i64: 2, 2>} : !tile.tile<32x32xbf16>, !tile.tile<32x32xbf16>, !tile.tile<32x32xf32> -> !tile.tile<32x32xf32>
    tile.store %o, %h[%t, %c0] axes [1, 0] : !tile.tile<32x32xf32>, memref<?x32xbf16, strided<[?, 1]>>
    scf.yield %down : !tile.tile<32xf32>
  }
  tile.store %r, %y[%c0] axes [0] : !tile.tile<32xf32>, memref<32xf32>
}

//===----------------------------------------------------------------------===//
// Tensors that the caller did not give
//===----------------------------------------------------------------------===//

// The dynamic extent of an absent tensor is 0: one branch for the block reads the tile, or takes its pad value.
// CHECK-LABEL: gpu.module @absent_module
// CHECK: llvm.func @absent(%[[PTR:[^:]*]]: !llvm.ptr{{(<1>)?}}, %[[B:[^:]*]]: i64, %[[STRIDE:[^:]*]]: i64
// CHECK: %[[EXTENT:.*]] = arith.trunci %[[B]] : i64 to i32
// CHECK: arith.cmpi slt, %{{.*}}, %[[EXTENT]]
// CHECK: scf.if %{{.*}} -> (f32, f32, f32, f32, f32, f32, f32, f32) {
// CHECK-COUNT-8: llvm.load %{{.*}} : !llvm.ptr{{(<1>)?}} -> f32
// CHECK: } else {
// CHECK-NOT: llvm.load
// CHECK: scf.yield
// A branch of the program is a branch.
// CHECK: "mma.sync
// CHECK: scf.if
tile.kernel @absent(%c: memref<?x16x16xf32, strided<[?, 16, 1]>>, %a: memref<?x16xbf16, strided<[?, 1]>>) names ["c", "a"] grid(%b: dim(1, 0))
    attributes {schedule = {target = "sm_80", warps = array<i64: 1, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %state = tile.load %c[%b, %c0, %c0] axes [1, 2] : memref<?x16x16xf32, strided<[?, 16, 1]>> -> !tile.tile<16x16xf32>
  %r = scf.for %t = %c0 to %c16 step %c16 iter_args(%s = %state) -> (!tile.tile<16x16xf32>) {
    %q = tile.load %a[%t, %c0] axes [0, 1] {stages = 1 : i64} : memref<?x16xbf16, strided<[?, 1]>> -> !tile.tile<16x16xbf16>
    %u = tile.matmul %q, %q, %s {warps = array<i64: 1, 1>} : !tile.tile<16x16xbf16>, !tile.tile<16x16xbf16>, !tile.tile<16x16xf32> -> !tile.tile<16x16xf32>
    scf.yield %u : !tile.tile<16x16xf32>
  }
  %first = arith.cmpi eq, %b, %c0 : index
  scf.if %first {
    tile.store %r, %c[%b, %c0, %c0] axes [1, 2] : !tile.tile<16x16xf32>, memref<?x16x16xf32, strided<[?, 16, 1]>>
  }
}

//===----------------------------------------------------------------------===//
// What kernels over memory need
//===----------------------------------------------------------------------===//

// A copy that is started ahead computes its offset anew from the next iteration's value; the second loop's stages and the tile
// that goes out are where the first loop's stages were: (128 + 64) x 64 x 2 bytes, and 512 for the vector.
// CHECK-LABEL: gpu.module @two_loops_module
// CHECK: tile.shared_bytes = 25088 : i64
// CHECK: "cp.async.cg.shared.global
// A long vector by rows goes through shared memory, behind a barrier.
// CHECK: "bar.sync 0;"
// CHECK: llvm.store %{{.*}} : f32, !llvm.ptr<3>
// CHECK: "bar.sync 0;"
// CHECK: llvm.load %{{.*}} : !llvm.ptr<3> -> f32
// A warp's own 16 rows go out in pieces of 16 bytes.
// CHECK: "bar.warp.sync 0xffffffff;"
// CHECK: llvm.store %{{.*}} : i32, !llvm.ptr<3>
// CHECK: "bar.warp.sync 0xffffffff;"
// CHECK: llvm.load %{{.*}} : !llvm.ptr<3> -> vector<4xi32>
// CHECK: llvm.store %{{.*}} : vector<4xi32>, !llvm.ptr<1>
tile.kernel @two_loops(%x: memref<128x256xbf16>, %y: memref<256x64xbf16>, %r: memref<128xf32>, %z: memref<128x64xbf16>) names ["x", "y", "r", "z"] grid(%i: 1)
    attributes {schedule = {target = "sm_80", warps = array<i64: 8, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %zero = arith.constant 0.0 : f32
  %start = tile.splat %zero : f32 -> !tile.tile<128x64xf32>
  %first = scf.for %k = %c0 to %c128 step %c64 iter_args(%sum = %start) -> !tile.tile<128x64xf32> {
    %a = tile.load %x[%c0, %k] axes [0, 1] {stages = 1 : i64} : memref<128x256xbf16> -> !tile.tile<128x64xbf16>
    %b = tile.load %y[%k, %c0] axes [0, 1] {stages = 1 : i64} : memref<256x64xbf16> -> !tile.tile<64x64xbf16>
    %next = tile.matmul %a, %b, %sum {warps = array<i64: 8, 1>} : !tile.tile<128x64xbf16>, !tile.tile<64x64xbf16>, !tile.tile<128x64xf32> -> !tile.tile<128x64xf32>
    scf.yield %next : !tile.tile<128x64xf32>
  }
  %factors = tile.load %r[%c0] axes [0] : memref<128xf32> -> !tile.tile<128xf32>
  %scaled = tile.map elems(%first : !tile.tile<128x64xf32>) rows(%factors : !tile.tile<128xf32>) -> !tile.tile<128x64xf32> {
  ^bb0(%m: index, %n: index, %e: f32, %f: f32):
    %p = arith.mulf %e, %f : f32
    tile.yield %p : f32
  }
  %second = scf.for %k = %c0 to %c128 step %c64 iter_args(%sum = %scaled) -> !tile.tile<128x64xf32> {
    %at = arith.addi %k, %c128 : index
    %a = tile.load %x[%c0, %at] axes [0, 1] {stages = 1 : i64} : memref<128x256xbf16> -> !tile.tile<128x64xbf16>
    %b = tile.load %y[%at, %c0] axes [0, 1] {stages = 1 : i64} : memref<256x64xbf16> -> !tile.tile<64x64xbf16>
    %next = tile.matmul %a, %b, %sum {warps = array<i64: 8, 1>} : !tile.tile<128x64xbf16>, !tile.tile<64x64xbf16>, !tile.tile<128x64xf32> -> !tile.tile<128x64xf32>
    scf.yield %next : !tile.tile<128x64xf32>
  }
  tile.store %second, %z[%c0, %c0] axes [0, 1] : !tile.tile<128x64xf32>, memref<128x64xbf16>
}

// A factor that is 1 in one case multiplies nothing then. Scalars of f64 tensors.
// CHECK-LABEL: gpu.module @seldom_module
// CHECK: %[[FACTOR:.*]] = arith.select
// CHECK: %[[CHANGES:.*]] = arith.cmpf une, %[[FACTOR]], %
// CHECK: scf.if %[[CHANGES]]
// CHECK: arith.mulf %{{.*}}, %[[FACTOR]] : f32
// CHECK: } else {
// CHECK: arith.truncf %{{.*}} : f64 to f32
// CHECK: arith.extf %{{.*}} : f32 to f64
// CHECK: llvm.store %{{.*}} : f64
tile.kernel @seldom(%x: memref<64x64xf32>, %y: memref<64x64xbf16>, %s: memref<2xf64>) names ["x", "y", "s"] grid(%i: 2)
    attributes {schedule = {target = "sm_80", warps = array<i64: 4, 1>, matrix_unit = "mma_sync", copy = "cp_async"}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %c64 = arith.constant 64 : index
  %one = arith.constant 1.0 : f32
  %half = arith.constant 0.5 : f32
  %is = arith.cmpi eq, %i, %c0 : index
  %factor = arith.select %is, %half, %one : f32
  %x0 = tile.load %x[%c0, %c0] axes [0, 1] : memref<64x64xf32> -> !tile.tile<64x64xf32>
  %x1 = tile.map elems(%x0 : !tile.tile<64x64xf32>) -> !tile.tile<64x64xf32> {
  ^bb0(%m: index, %n: index, %e: f32):
    %p = arith.mulf %e, %factor : f32
    tile.yield %p : f32
  }
  %x2 = scf.for %k = %c0 to %c64 step %c16 iter_args(%sum = %x1) -> !tile.tile<64x64xf32> {
    %a = tile.load %y[%c0, %k] axes [0, 1] {stages = 1 : i64} : memref<64x64xbf16> -> !tile.tile<64x16xbf16>
    %b = tile.load %y[%k, %c0] axes [0, 1] {stages = 1 : i64} : memref<64x64xbf16> -> !tile.tile<16x64xbf16>
    %next = tile.matmul %a, %b, %sum {warps = array<i64: 4, 1>} : !tile.tile<64x16xbf16>, !tile.tile<16x64xbf16>, !tile.tile<64x64xf32> -> !tile.tile<64x64xf32>
    scf.yield %next : !tile.tile<64x64xf32>
  }
  tile.store %x2, %x[%c0, %c0] axes [0, 1] : !tile.tile<64x64xf32>, memref<64x64xf32>
  %m = tile.load_scalar %s[%c0] : memref<2xf64> -> f32
  tile.store_scalar %m, %s[%c1] : f32, memref<2xf64>
}
