// SPDX-License-Identifier: Apache-2.0
// What each operation becomes. The size of the scratch memory says which tiles have a buffer of their own: a line of a matrix
// takes a multiple of the vector's width, a buffer a multiple of 64 bytes.
// RUN: xlstm-opt %s "--convert-tile-to-vector=vector-width=8 vector-registers=16" | FileCheck %s
// RUN: xlstm-opt %s "--convert-tile-to-vector=vector-width=16 vector-registers=32" | FileCheck %s --check-prefix=WIDE

// The arguments in order: for each tensor its address, its dynamic extents, its dynamic strides. Then the loop over blocks,
// whose number gives the grid's indices, the last fastest.
// CHECK-LABEL: llvm.func @blocks(
// CHECK-SAME: %[[ARGS:[a-z0-9]+]]: !llvm.ptr, %[[BEGIN:[a-z0-9]+]]: i64, %[[END:[a-z0-9]+]]: i64, %[[SCRATCH:[a-z0-9]+]]: !llvm.ptr) attributes {tile.scratch_bytes = 0 : i64}
// CHECK: %[[X:.*]] = llvm.load %[[ARGS]] : !llvm.ptr -> !llvm.ptr
// CHECK: %[[P1:.*]] = llvm.getelementptr %[[ARGS]][1]
// CHECK: %[[XDIM0:.*]] = llvm.load %[[P1]] : !llvm.ptr -> i64
// CHECK: %[[P2:.*]] = llvm.getelementptr %[[ARGS]][2]
// CHECK: %[[XSTRIDE0:.*]] = llvm.load %[[P2]] : !llvm.ptr -> i64
// CHECK: %[[P3:.*]] = llvm.getelementptr %[[ARGS]][3]
// CHECK: %[[XSTRIDE1:.*]] = llvm.load %[[P3]] : !llvm.ptr -> i64
// CHECK: %[[P4:.*]] = llvm.getelementptr %[[ARGS]][4]
// CHECK: %[[Y:.*]] = llvm.load %[[P4]] : !llvm.ptr -> !llvm.ptr
// CHECK: %[[P5:.*]] = llvm.getelementptr %[[ARGS]][5]
// CHECK: %[[YDIM1:.*]] = llvm.load %[[P5]] : !llvm.ptr -> i64
// CHECK: %[[P6:.*]] = llvm.getelementptr %[[ARGS]][6]
// CHECK: %[[YSTRIDE0:.*]] = llvm.load %[[P6]] : !llvm.ptr -> i64
// CHECK-NOT: llvm.getelementptr %[[ARGS]]
// CHECK: scf.for %[[BLOCK:.*]] = %[[BEGIN]] to %[[END]] step %c1_i64
// CHECK: %[[C:.*]] = arith.remui %[[BLOCK]], %[[YDIM1]] : i64
// CHECK: %[[REST:.*]] = arith.divui %[[BLOCK]], %[[YDIM1]] : i64
// CHECK: %[[B:.*]] = arith.remui %[[REST]], %c7_i64 : i64
// CHECK: %[[A:.*]] = arith.divui %[[REST]], %c7_i64 : i64
// An element outside of the tensor is not written: an absent tensor has no extents.
// CHECK: %[[IN0:.*]] = arith.cmpi ult, %[[A]], %[[XDIM0]] : i64
// CHECK: %[[IN1:.*]] = arith.cmpi ult, %[[B]], %c7_i64 : i64
// CHECK: %[[IN:.*]] = arith.andi %[[IN0]], %[[IN1]] : i1
// CHECK: scf.if %[[IN]] {
// CHECK: %[[I0:.*]] = arith.muli %[[A]], %[[XSTRIDE0]] : i64
// CHECK: %[[I1:.*]] = arith.muli %[[B]], %[[XSTRIDE1]] : i64
// CHECK: %[[I:.*]] = arith.addi %[[I0]], %[[I1]] : i64
// CHECK: llvm.getelementptr %[[X]][%[[I]]] : (!llvm.ptr, i64) -> !llvm.ptr, f32
// CHECK: %[[J0:.*]] = arith.muli %[[A]], %[[YSTRIDE0]] : i64
// CHECK: %[[J:.*]] = arith.addi %[[J0]], %[[C]] : i64
// CHECK: llvm.getelementptr %[[Y]][%[[J]]] : (!llvm.ptr, i64) -> !llvm.ptr, f32
// CHECK: llvm.return
tile.kernel @blocks(%x: memref<?x7xf32, strided<[?, ?]>>, %y: memref<2x?xf32, strided<[?, 1]>>) names ["x", "y"]
    grid(%a: dim(0, 0), %b: 7, %c: dim(1, 1)) {
  %one = arith.constant 1.0 : f32
  tile.store_scalar %one, %x[%a, %b] : f32, memref<?x7xf32, strided<[?, ?]>>
  tile.store_scalar %one, %y[%a, %c] : f32, memref<2x?xf32, strided<[?, 1]>>
}

// A load: how much of the tile is inside of the tensor, whole vectors, single elements, the pad.
// CHECK-LABEL: llvm.func @load
// CHECK-SAME: tile.scratch_bytes = 768
// CHECK: %[[X:.*]] = llvm.load %{{.*}} : !llvm.ptr -> !llvm.ptr
// CHECK: %[[ROWS:.*]] = llvm.load {{.*}} -> i64
// CHECK: %[[COLUMNS:.*]] = llvm.load {{.*}} -> i64
// CHECK: %[[STRIDE:.*]] = llvm.load {{.*}} -> i64
// CHECK: scf.for %[[BLOCK:[a-z0-9]+]] =
// CHECK: %[[OFFSET:.*]] = arith.muli %[[BLOCK]], %c24_i64
// CHECK: %[[LEFT:.*]] = arith.subi %[[COLUMNS]], %[[OFFSET]]
// CHECK: %[[POSITIVE:.*]] = arith.maxsi %[[LEFT]], %c0_i64
// CHECK: %[[COUNT:.*]] = arith.minsi %[[POSITIVE]], %c24_i64
// CHECK: %[[MINUS:.*]] = arith.subi %c0_i64, %[[OFFSET]]
// CHECK: %[[BEFORE:.*]] = arith.maxsi %[[MINUS]], %c0_i64
// CHECK: %[[FIRST:.*]] = arith.minsi %[[BEFORE]], %[[COUNT]]
// CHECK: %[[ROWCOUNT0:.*]] = arith.maxsi %[[ROWS]], %c0_i64
// CHECK: %[[ROWCOUNT:.*]] = arith.minsi %[[ROWCOUNT0]], %c8_i64
// CHECK: scf.for %[[LINE:[a-z0-9]+]] = %c0_i64 to %c8_i64 step %c1_i64
// CHECK: arith.cmpi slt, %[[LINE]], %[[ROWCOUNT]]
// CHECK: %[[END:.*]] = arith.select %{{.*}}, %[[COUNT]], %c0_i64
// CHECK: %[[BEGIN:.*]] = arith.select %{{.*}}, %[[FIRST]], %c0_i64
// CHECK: scf.for %{{.*}} = %c0_i64 to %[[BEGIN]] step %c1_i64
// CHECK: llvm.store %[[PAD:.*]], %{{.*}} : f32, !llvm.ptr
// CHECK: %[[ANY:.*]] = arith.subi %[[END]], %[[BEGIN]]
// CHECK: %[[VECTORS:.*]] = arith.divui %[[ANY]], %c8_i64
// CHECK: %[[LENGTH:.*]] = arith.muli %[[VECTORS]], %c8_i64
// CHECK: %[[WHOLE:.*]] = arith.addi %[[BEGIN]], %[[LENGTH]]
// CHECK: scf.for %{{.*}} = %[[BEGIN]] to %[[WHOLE]] step %c8_i64
// bf16 is the upper half of f32.
// CHECK: %[[BITS:.*]] = llvm.load %{{.*}} {alignment = 2 : i64} : !llvm.ptr -> vector<8xi16>
// CHECK: %[[EXTENDED:.*]] = arith.extui %[[BITS]] : vector<8xi16> to vector<8xi32>
// CHECK: %[[HIGH:.*]] = arith.shli %[[EXTENDED]], %{{.*}} : vector<8xi32>
// CHECK: %[[F32:.*]] = llvm.bitcast %[[HIGH]] : vector<8xi32> to vector<8xf32>
// CHECK: llvm.store %[[F32]], %{{.*}} {alignment = 4 : i64} : vector<8xf32>, !llvm.ptr
// CHECK: scf.for %{{.*}} = %[[WHOLE]] to %[[END]] step %c1_i64
// CHECK: llvm.load %{{.*}} : !llvm.ptr -> i16
// CHECK: scf.for %{{.*}} = %[[END]] to %c24_i64 step %c1_i64
// CHECK: llvm.store %[[PAD]], %{{.*}} : f32, !llvm.ptr
// A store runs over what is inside only.
// CHECK: %[[POSITIVE:.*]] = arith.maxsi %[[ROWS]], %c0_i64
// CHECK: %[[LINES:.*]] = arith.minsi %[[POSITIVE]], %c8_i64
// CHECK: scf.for %{{.*}} = %c0_i64 to %[[LINES]] step %c1_i64
// CHECK: scf.for
// CHECK: llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr -> vector<8xf32>
// Rounded to the nearest, a tie to the even one; a NaN stays one.
// CHECK: llvm.bitcast %{{.*}} : vector<8xf32> to vector<8xi32>
// CHECK: arith.shrui
// CHECK: arith.andi
// CHECK: arith.addi
// CHECK: arith.addi
// CHECK: arith.cmpf uno
// CHECK: arith.ori
// CHECK: arith.select
// CHECK: arith.trunci %{{.*}} : vector<8xi32> to vector<8xi16>
// CHECK: llvm.store %{{.*}} {alignment = 2 : i64} : vector<8xi16>, !llvm.ptr
tile.kernel @load(%x: memref<?x?xbf16, strided<[?, 1]>>) names ["x"] grid(%a: dim(0, 1)) {
  %c0 = arith.constant 0 : index
  %c24 = arith.constant 24 : index
  %0 = arith.muli %a, %c24 : index
  %t = tile.load %x[%c0, %0] axes [0, 1] pad -1.0 : memref<?x?xbf16, strided<[?, 1]>> -> !tile.tile<8x24xf32>
  tile.store %t, %x[%c0, %0] axes [0, 1] : !tile.tile<8x24xf32>, memref<?x?xbf16, strided<[?, 1]>>
}

// The axes that a tile does not run along decide for all of it, and no axis is contiguous: element by element.
// CHECK-LABEL: llvm.func @inner
// CHECK: %[[B:.*]] = arith.remui
// CHECK: %[[A:.*]] = arith.divui
// CHECK: %[[IN0:.*]] = arith.cmpi ult, %[[A]], %{{.*}} : i64
// CHECK: %[[IN2:.*]] = arith.cmpi ult, %[[B]], %c5_i64 : i64
// CHECK: %[[IN:.*]] = arith.andi %[[IN0]], %[[IN2]] : i1
// CHECK: arith.select %[[IN]], %{{.*}}, %c0_i64 : i64
// CHECK-NOT: vector<
// CHECK: llvm.return
tile.kernel @inner(%x: memref<?x?x5xf32, strided<[?, ?, ?]>>) names ["x"] grid(%a: dim(0, 0), %b: 5) {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%a, %c0, %b] axes [1] : memref<?x?x5xf32, strided<[?, ?, ?]>> -> !tile.tile<24xf32>
  tile.store %t, %x[%a, %c0, %b] axes [1] : !tile.tile<24xf32>, memref<?x?x5xf32, strided<[?, ?, ?]>>
}

// What is not a whole vector is one with a mask: 5 columns of an axis of 5, or fewer at its end; outside is the pad value.
// CHECK-LABEL: llvm.func @masked
// CHECK: %[[DISTANCE:.*]] = arith.trunci %{{.*}} : i64 to i32
// CHECK: %[[TO:.*]] = vector.broadcast %[[DISTANCE]] : i32 to vector<8xi32>
// CHECK: %[[IN:.*]] = arith.cmpi sgt, %[[TO]], %{{.*}} : vector<8xi32>
// CHECK: %[[MASK:.*]] = arith.andi %[[IN]], %{{.*}} : vector<8xi1>
// CHECK: %[[LOADED:.*]] = llvm.intr.masked.load %{{.*}}, %[[MASK]], %{{.*}} {alignment = 4 : i32} : (!llvm.ptr, vector<8xi1>, vector<8xf32>) -> vector<8xf32>
// CHECK: %[[PADDED:.*]] = arith.select %[[MASK]], %[[LOADED]], %cst{{.*}} : vector<8xi1>, vector<8xf32>
// CHECK: llvm.store %[[PADDED]]
// CHECK: llvm.intr.masked.store %{{.*}} {alignment = 4 : i32} : vector<8xf32>, vector<8xi1> into !llvm.ptr
tile.kernel @masked(%x: memref<?x5xf32, strided<[?, 1]>>) names ["x"] grid(%a: dim(0, 1)) {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0, %a] axes [0, 1] pad -1.0 : memref<?x5xf32, strided<[?, 1]>> -> !tile.tile<8x5xf32>
  tile.store %t, %x[%c0, %a] axes [0, 1] : !tile.tile<8x5xf32>, memref<?x5xf32, strided<[?, 1]>>
}

// Axes [3, 2]: the tile's columns are lines of memory, 12 of 3 vectors, and a store along the same axes keeps them.
// A transpose does nothing: the rows of one are the columns of the other.
// CHECK-LABEL: llvm.func @columns
// CHECK-SAME: tile.scratch_bytes = 1152
// CHECK: scf.for %[[LINE:[a-z0-9]+]] = %c0_i64 to %c12_i64 step %c1_i64
// CHECK: scf.for {{.*}} step %c8_i64
// CHECK: llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr -> vector<8xf32>
// CHECK: %[[BEFORE:.*]] = arith.muli %[[LINE]], %c24_i64
// CHECK: %[[PLACE:.*]] = arith.addi %[[BEFORE]], %{{.*}}
// CHECK: %[[ADDRESS:.*]] = llvm.getelementptr %{{.*}}[%[[PLACE]]] : (!llvm.ptr, i64) -> !llvm.ptr, f32
// CHECK: llvm.store %{{.*}}, %[[ADDRESS]] {alignment = 4 : i64} : vector<8xf32>, !llvm.ptr
// CHECK: scf.for %{{.*}} = %c0_i64 to %c12_i64 step %c1_i64
// CHECK: llvm.load %{{.*}} : !llvm.ptr -> vector<8xf32>
// CHECK: llvm.store %{{.*}} : vector<8xf32>, !llvm.ptr
// CHECK: scf.for %{{.*}} = %c0_i64 to %c12_i64 step %c1_i64
// CHECK: llvm.load %{{.*}} : !llvm.ptr -> vector<8xf32>
// CHECK: llvm.store %{{.*}} : vector<8xf32>, !llvm.ptr
// CHECK: llvm.return
tile.kernel @columns(%x: memref<2x2x12x24xf32>, %y: memref<12x24xf32>) names ["x", "y"] grid(%a: 2) {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%a, %a, %c0, %c0] axes [3, 2] : memref<2x2x12x24xf32> -> !tile.tile<24x12xf32>
  tile.store %t, %y[%c0, %c0] axes [1, 0] : !tile.tile<24x12xf32>, memref<12x24xf32>
  %u = tile.transpose %t : !tile.tile<24x12xf32> -> !tile.tile<12x24xf32>
  tile.store %u, %y[%c0, %c0] axes [0, 1] : !tile.tile<12x24xf32>, memref<12x24xf32>
}

// A map: a row vector's element is the same along a line, a column vector's runs along it; indices are i32. The result
// takes the memory of the first operand, which nothing reads later: 512 bytes for it, 64 for each vector.
// CHECK-LABEL: llvm.func @map
// CHECK-SAME: tile.scratch_bytes = 640
// CHECK-DAG: %[[STEPS:.*]] = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7]> : vector<8xi32>
// CHECK: %[[LINE32:.*]] = arith.trunci %[[LINE:arg[0-9]+]] : i64 to i32
// CHECK-NEXT: %[[I:.*]] = vector.broadcast %[[LINE32]] : i32 to vector<8xi32>
// CHECK: %[[R:.*]] = llvm.load %{{.*}} : !llvm.ptr -> f32
// CHECK-NEXT: %[[ROW:.*]] = vector.broadcast %[[R]] : f32 to vector<8xf32>
// CHECK: scf.for %[[POSITION:[a-z0-9]+]] = %c0_i64 to %c16_i64 step %c8_i64
// CHECK: %[[POSITION32:.*]] = arith.trunci %[[POSITION]] : i64 to i32
// CHECK: %[[POSITIONS:.*]] = vector.broadcast %[[POSITION32]] : i32 to vector<8xi32>
// CHECK: %[[J:.*]] = arith.addi %[[POSITIONS]], %[[STEPS]] : vector<8xi32>
// CHECK: %[[PLACE:.*]] = llvm.getelementptr %[[TILE:.*]][%{{.*}}]
// CHECK: %[[E:.*]] = llvm.load %[[PLACE]] {{.*}} -> vector<8xf32>
// CHECK: %[[COLUMN:.*]] = llvm.load %{{.*}} -> vector<8xf32>
// CHECK: %[[CAUSAL:.*]] = arith.cmpi sle, %[[J]], %[[I]] : vector<8xi32>
// CHECK: %[[SUM:.*]] = arith.addf %[[ROW]], %[[COLUMN]] : vector<8xf32>
// CHECK: %[[VALUE:.*]] = arith.select %[[CAUSAL]], %[[SUM]], %[[E]] : vector<8xi1>, vector<8xf32>
// CHECK: %[[SAME:.*]] = llvm.getelementptr %[[TILE]][%{{.*}}]
// CHECK: llvm.store %[[VALUE]], %[[SAME]] {{.*}} : vector<8xf32>
tile.kernel @map(%x: memref<8x16xf32>, %r: memref<8xf32>, %c: memref<16xf32>, %y: memref<8x16xf32>) names ["x", "r", "c", "y"] grid(%a: 1) {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0, %c0] axes [0, 1] : memref<8x16xf32> -> !tile.tile<8x16xf32>
  %u = tile.load %r[%c0] axes [0] : memref<8xf32> -> !tile.tile<8xf32>
  %v = tile.load %c[%c0] axes [0] : memref<16xf32> -> !tile.tile<16xf32>
  %w = tile.map elems(%t : !tile.tile<8x16xf32>) rows(%u : !tile.tile<8xf32>) cols(%v : !tile.tile<16xf32>) -> !tile.tile<8x16xf32> {
  ^bb0(%i: index, %j: index, %e: f32, %row: f32, %column: f32):
    %causal = arith.cmpi sle, %j, %i : index
    %sum = arith.addf %row, %column : f32
    %value = arith.select %causal, %sum, %e : f32
    tile.yield %value : f32
  }
  tile.store %w, %y[%c0, %c0] axes [0, 1] : !tile.tile<8x16xf32>, memref<8x16xf32>
}

// A splat has no memory of its own, and a map of one scalar needs no load.
// CHECK-LABEL: llvm.func @splat
// CHECK-SAME: tile.scratch_bytes = 64
// CHECK: %[[VALUE:.*]] = vector.broadcast %{{.*}} : f32 to vector<8xf32>
// CHECK-NOT: llvm.load {{.*}} -> vector
// CHECK: arith.addf %[[VALUE]], %{{.*}} : vector<8xf32>
// CHECK: llvm.return
tile.kernel @splat(%x: memref<4xf32>, %y: memref<8xf32>) names ["x", "y"] grid(%a: 4) {
  %c0 = arith.constant 0 : index
  %s = tile.load_scalar %x[%a] : memref<4xf32> -> f32
  %t = tile.splat %s : f32 -> !tile.tile<8xf32>
  %u = tile.map elems(%t : !tile.tile<8xf32>) -> !tile.tile<8xf32> {
  ^bb0(%i: index, %e: f32):
    %one = arith.constant 1.0 : f32
    %0 = arith.addf %e, %one : f32
    tile.yield %0 : f32
  }
  %last = tile.extract %u[7] : !tile.tile<8xf32> -> f32
  tile.store_scalar %last, %y[%a] : f32, memref<8xf32>
}

// A product in place of its accumulator: 20 lines of 16 elements, 10 of 40, 20 of 40, and no fourth buffer. With 16
// registers 5 rows by 2 vectors of the result stay in them; the 40 columns are two steps of 16 and one of 8. Short loops
// take several k at a time, one after the other.
// CHECK-LABEL: llvm.func @product
// CHECK-SAME: tile.scratch_bytes = 6080
// CHECK: scf.for %[[N:[a-z0-9]+]] = %c0_i64 to %c32_i64 step %c16_i64
// CHECK: scf.for %[[M:[a-z0-9]+]] = %c0_i64 to %c20_i64 step %c5_i64
// CHECK: %[[SUMS:.*]]:10 = scf.for %[[K:[a-z0-9]+]] = %c0_i64 to %c10_i64 step %c2_i64 iter_args(%[[ACC:[a-z0-9]+]] = %{{[^,]*}}, %[[ACC1:[a-z0-9]+]] =
// CHECK: %[[RIGHT:.*]] = llvm.load %{{.*}} -> vector<8xf32>
// CHECK: %[[RIGHT1:.*]] = llvm.load %{{.*}} -> vector<8xf32>
// CHECK: %[[ELEMENT:.*]] = llvm.load %{{.*}} -> f32
// CHECK: %[[LEFT:.*]] = vector.broadcast %[[ELEMENT]] : f32 to vector<8xf32>
// CHECK: %[[SUM:.*]] = llvm.intr.fmuladd(%[[LEFT]], %[[RIGHT]], %[[ACC]])
// CHECK: llvm.intr.fmuladd(%[[LEFT]], %[[RIGHT1]], %[[ACC1]])
// CHECK-COUNT-8: llvm.intr.fmuladd
// CHECK: llvm.intr.fmuladd(%{{.*}}, %{{.*}}, %[[SUM]])
// CHECK-COUNT-9: llvm.intr.fmuladd
// CHECK-NEXT: scf.yield
// CHECK-COUNT-10: llvm.store %[[SUMS]]#{{[0-9]+}}, {{.*}} : vector<8xf32>, !llvm.ptr
// CHECK: scf.for %{{.*}} = %c32_i64 to %c40_i64 step %c8_i64
// CHECK: scf.for %{{.*}} = %c0_i64 to %c20_i64 step %c5_i64
// CHECK: %{{.*}}:5 = scf.for %{{.*}} = %c0_i64 to %c8_i64 step %c4_i64
// CHECK: %{{.*}}:5 = scf.for %{{.*}} = %c8_i64 to %c10_i64 step %c1_i64
// With 32 registers 7 rows by 3 vectors of 16, twice, then 6 rows.
// WIDE-LABEL: llvm.func @product
// WIDE: scf.for %{{.*}} = %c0_i64 to %c48_i64 step %c48_i64
// WIDE: scf.for %{{.*}} = %c0_i64 to %c14_i64 step %c7_i64
// WIDE: %{{.*}}:21 = scf.for %{{.*}} = %c0_i64 to %c10_i64 step %c1_i64
// WIDE-COUNT-21: llvm.intr.fmuladd({{.*}}) : (vector<16xf32>, vector<16xf32>, vector<16xf32>) -> vector<16xf32>
// WIDE: %{{.*}}:18 = scf.for %{{.*}} = %c0_i64 to %c10_i64 step %c1_i64
tile.kernel @product(%a: memref<20x10xf32>, %b: memref<10x40xf32>, %d: memref<20x40xf32>) names ["a", "b", "d"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %x = tile.load %a[%c0, %c0] axes [0, 1] : memref<20x10xf32> -> !tile.tile<20x10xf32>
  %y = tile.load %b[%c0, %c0] axes [0, 1] : memref<10x40xf32> -> !tile.tile<10x40xf32>
  %acc = tile.load %d[%c0, %c0] axes [0, 1] : memref<20x40xf32> -> !tile.tile<20x40xf32>
  %z = tile.matmul %x, %y, %acc : !tile.tile<20x10xf32>, !tile.tile<10x40xf32>, !tile.tile<20x40xf32> -> !tile.tile<20x40xf32>
  tile.store %z, %d[%c0, %c0] axes [0, 1] : !tile.tile<20x40xf32>, memref<20x40xf32>
}

// Two products of one left operand share its loads, sums that begin as a splat are not in memory first, and what is in the
// wrong order is copied once, outside of the loop.
// CHECK-LABEL: llvm.func @products
// CHECK: vector.shuffle
// CHECK: scf.for %{{.*}} = %c0_i64 to %c4_i64 step %c1_i64
// CHECK-NOT: vector.shuffle
// CHECK: %{{.*}}:4 = scf.for %{{.*}} = %c0_i64 to %c8_i64 step %c8_i64
// CHECK-COUNT-32: llvm.intr.fmuladd
// CHECK-NEXT: scf.yield
tile.kernel @products(%a: memref<2x8xf32>, %b: memref<2x8x8xf32>) names ["a", "b"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %zero = arith.constant 0.0 : f32
  %none = tile.splat %zero : f32 -> !tile.tile<2x8xf32>
  %x = tile.load %a[%c0, %c0] axes [0, 1] : memref<2x8xf32> -> !tile.tile<2x8xf32>
  %y = tile.load %b[%c0, %c0, %c0] axes [2, 1] : memref<2x8x8xf32> -> !tile.tile<8x8xf32>
  %z = tile.load %b[%c1, %c0, %c0] axes [1, 2] : memref<2x8x8xf32> -> !tile.tile<8x8xf32>
  %s = scf.for %i = %c0 to %c4 step %c1 iter_args(%t = %x) -> !tile.tile<2x8xf32> {
    %p = tile.matmul %t, %y, %none : !tile.tile<2x8xf32>, !tile.tile<8x8xf32>, !tile.tile<2x8xf32> -> !tile.tile<2x8xf32>
    %q = tile.matmul %t, %z, %none : !tile.tile<2x8xf32>, !tile.tile<8x8xf32>, !tile.tile<2x8xf32> -> !tile.tile<2x8xf32>
    %sum = tile.map elems(%p, %q : !tile.tile<2x8xf32>, !tile.tile<2x8xf32>) -> !tile.tile<2x8xf32> {
    ^bb0(%m: index, %n: index, %u: f32, %v: f32):
      %w = arith.addf %u, %v : f32
      tile.yield %w : f32
    }
    scf.yield %sum : !tile.tile<2x8xf32>
  }
  tile.store %s, %a[%c0, %c0] axes [0, 1] : !tile.tile<2x8xf32>, memref<2x8xf32>
}

// Two results of one map, each in the memory of the tile in whose place the loop takes it on: two buffers of 64 bytes.
// CHECK-LABEL: llvm.func @exchange
// CHECK-SAME: tile.scratch_bytes = 128
tile.kernel @exchange(%a: memref<2x8xf32>) names ["a"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %x = tile.load %a[%c0, %c0] axes [1] : memref<2x8xf32> -> !tile.tile<8xf32>
  %y = tile.load %a[%c1, %c0] axes [1] : memref<2x8xf32> -> !tile.tile<8xf32>
  %s:2 = scf.for %i = %c0 to %c4 step %c1 iter_args(%t = %x, %u = %y) -> (!tile.tile<8xf32>, !tile.tile<8xf32>) {
    %v, %w = tile.map elems(%u, %t : !tile.tile<8xf32>, !tile.tile<8xf32>) -> !tile.tile<8xf32>, !tile.tile<8xf32> {
    ^bb0(%m: index, %e: f32, %f: f32):
      %sum = arith.addf %e, %f : f32
      tile.yield %e, %sum : f32, f32
    }
    scf.yield %v, %w : !tile.tile<8xf32>, !tile.tile<8xf32>
  }
  tile.store %s#0, %a[%c0, %c0] axes [1] : !tile.tile<8xf32>, memref<2x8xf32>
  tile.store %s#1, %a[%c1, %c0] axes [1] : !tile.tile<8xf32>, memref<2x8xf32>
}

// A product of f64: its vectors take two registers each, so 4 rows of one vector, or 8 with 32 registers.
// CHECK-LABEL: llvm.func @product_f64
// CHECK: scf.for %{{.*}} = %c0_i64 to %c16_i64 step %c4_i64
// CHECK: %{{.*}}:4 = scf.for %{{.*}} = %c0_i64 to %c8_i64 step %c8_i64
// CHECK-COUNT-32: llvm.intr.fmuladd({{.*}}) : (vector<8xf64>, vector<8xf64>, vector<8xf64>) -> vector<8xf64>
// CHECK: %{{.*}}:4 = scf.for %{{.*}} = %c8_i64 to %c10_i64 step %c1_i64
// WIDE-LABEL: llvm.func @product_f64
// WIDE: scf.for %{{.*}} = %c0_i64 to %c16_i64 step %c8_i64
// WIDE: %{{.*}}:8 = scf.for
tile.kernel @product_f64(%a: memref<16x10xf64>, %b: memref<10x16xf64>, %d: memref<16x16xf64>) names ["a", "b", "d"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %x = tile.load %a[%c0, %c0] axes [0, 1] : memref<16x10xf64> -> !tile.tile<16x10xf64>
  %y = tile.load %b[%c0, %c0] axes [0, 1] : memref<10x16xf64> -> !tile.tile<10x16xf64>
  %acc = tile.load %d[%c0, %c0] axes [0, 1] : memref<16x16xf64> -> !tile.tile<16x16xf64>
  %z = tile.matmul %x, %y, %acc : !tile.tile<16x10xf64>, !tile.tile<10x16xf64>, !tile.tile<16x16xf64> -> !tile.tile<16x16xf64>
  tile.store %z, %d[%c0, %c0] axes [0, 1] : !tile.tile<16x16xf64>, memref<16x16xf64>
}

// Q K^T: the right operand is stored by columns, along k. It is packed by rows, in squares of a vector's width that are exchanged in
// registers, into a buffer of its own: 512 bytes for q, 1536 for each of k and the packed k, 768 for the result, which begins as a splat.
// CHECK-LABEL: llvm.func @packed
// CHECK-SAME: tile.scratch_bytes = 4352
// CHECK: scf.for %[[LINE:[a-z0-9]+]] = %c0_i64 to %c16_i64 step %c8_i64 : i64 {
// CHECK-NEXT: scf.for %[[POSITION:[a-z0-9]+]] = %c0_i64 to %c24_i64 step %c8_i64 : i64 {
// CHECK-COUNT-8: llvm.load %{{.*}} -> vector<8xf32>
// CHECK-COUNT-24: vector.shuffle
// CHECK-COUNT-8: llvm.store %{{.*}} : vector<8xf32>, !llvm.ptr
// CHECK: llvm.intr.fmuladd
tile.kernel @packed(%q: memref<8x16xf32>, %k: memref<24x16xf32>, %s: memref<8x24xf32>) names ["q", "k", "s"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %x = tile.load %q[%c0, %c0] axes [0, 1] : memref<8x16xf32> -> !tile.tile<8x16xf32>
  %y = tile.load %k[%c0, %c0] axes [0, 1] : memref<24x16xf32> -> !tile.tile<24x16xf32>
  %t = tile.transpose %y : !tile.tile<24x16xf32> -> !tile.tile<16x24xf32>
  %acc = tile.splat %zero : f32 -> !tile.tile<8x24xf32>
  %z = tile.matmul %x, %t, %acc : !tile.tile<8x16xf32>, !tile.tile<16x24xf32>, !tile.tile<8x24xf32> -> !tile.tile<8x24xf32>
  tile.store %z, %s[%c0, %c0] axes [0, 1] : !tile.tile<8x24xf32>, memref<8x24xf32>
}

// K^T V into a state: the left operand is stored by columns, and neither it nor the state is moved, whichever way the state
// is stored. 256 bytes for each operand, 256 for the state.
// CHECK-LABEL: llvm.func @by_rows
// CHECK-SAME: tile.scratch_bytes = 768
// CHECK-LABEL: llvm.func @by_columns
// CHECK-SAME: tile.scratch_bytes = 768
tile.kernel @by_rows(%k: memref<8x8xf32>, %v: memref<8x8xf32>, %c: memref<8x8xf32>) names ["k", "v", "c"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %x = tile.load %k[%c0, %c0] axes [1, 0] : memref<8x8xf32> -> !tile.tile<8x8xf32>
  %y = tile.load %v[%c0, %c0] axes [0, 1] : memref<8x8xf32> -> !tile.tile<8x8xf32>
  %state = tile.load %c[%c0, %c0] axes [0, 1] : memref<8x8xf32> -> !tile.tile<8x8xf32>
  %z = tile.matmul %x, %y, %state : !tile.tile<8x8xf32>, !tile.tile<8x8xf32>, !tile.tile<8x8xf32> -> !tile.tile<8x8xf32>
  tile.store %z, %c[%c0, %c0] axes [0, 1] : !tile.tile<8x8xf32>, memref<8x8xf32>
}
tile.kernel @by_columns(%k: memref<8x8xf32>, %v: memref<8x8xf32>, %c: memref<8x8xf32>) names ["k", "v", "c"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %x = tile.load %k[%c0, %c0] axes [1, 0] : memref<8x8xf32> -> !tile.tile<8x8xf32>
  %y = tile.load %v[%c0, %c0] axes [0, 1] : memref<8x8xf32> -> !tile.tile<8x8xf32>
  %state = tile.load %c[%c0, %c0] axes [1, 0] : memref<8x8xf32> -> !tile.tile<8x8xf32>
  %z = tile.matmul %x, %y, %state : !tile.tile<8x8xf32>, !tile.tile<8x8xf32>, !tile.tile<8x8xf32> -> !tile.tile<8x8xf32>
  tile.store %z, %c[%c0, %c0] axes [1, 0] : !tile.tile<8x8xf32>, memref<8x8xf32>
}

// An accumulator that is an operand too is not overwritten: 256 bytes for it, 256 for the result.
// CHECK-LABEL: llvm.func @accumulator_is_read
// CHECK-SAME: tile.scratch_bytes = 512
tile.kernel @accumulator_is_read(%x: memref<8x8xf32>) names ["x"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0, %c0] axes [0, 1] : memref<8x8xf32> -> !tile.tile<8x8xf32>
  %z = tile.matmul %t, %t, %t : !tile.tile<8x8xf32>, !tile.tile<8x8xf32>, !tile.tile<8x8xf32> -> !tile.tile<8x8xf32>
  tile.store %z, %x[%c0, %c0] axes [0, 1] : !tile.tile<8x8xf32>, memref<8x8xf32>
}

// A matrix by rows times a vector: a dot product for each row, its last 3 of 19 terms one by one, in place of the accumulator.
// CHECK-LABEL: llvm.func @matvec_rows
// CHECK-SAME: tile.scratch_bytes = 704
// CHECK: scf.for %[[LINE:[a-z0-9]+]] = %c0_i64 to %c5_i64 step %c1_i64
// CHECK: %[[SUMS:.*]] = scf.for %{{.*}} = %c0_i64 to %c16_i64 step %c8_i64 iter_args(%[[SUM:.*]] = %{{.*}}) -> (vector<8xf32>)
// CHECK: llvm.intr.fmuladd(%{{.*}}, %{{.*}}, %[[SUM]])
// CHECK: vector.reduction <add>, %[[SUMS]], %{{.*}} fastmath<reassoc> : vector<8xf32> into f32
// CHECK-COUNT-3: arith.mulf %{{.*}}, %{{.*}} : f32
// CHECK: llvm.store %{{.*}} : f32, !llvm.ptr
tile.kernel @matvec_rows(%a: memref<5x19xf32>, %x: memref<19xf32>, %y: memref<5xf32>) names ["a", "x", "y"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %m = tile.load %a[%c0, %c0] axes [0, 1] : memref<5x19xf32> -> !tile.tile<5x19xf32>
  %v = tile.load %x[%c0] axes [0] : memref<19xf32> -> !tile.tile<19xf32>
  %acc = tile.load %y[%c0] axes [0] : memref<5xf32> -> !tile.tile<5xf32>
  %z = tile.matvec %m, %v, %acc : !tile.tile<5x19xf32>, !tile.tile<19xf32>, !tile.tile<5xf32> -> !tile.tile<5xf32>
  tile.store %z, %y[%c0] axes [0] : !tile.tile<5xf32>, memref<5xf32>
}

// By columns: a vector of rows at a time, each column times its element of the vector.
// CHECK-LABEL: llvm.func @matvec_columns
// CHECK: scf.for %[[POSITION:[a-z0-9]+]] = %c0_i64 to %c24_i64 step %c8_i64
// CHECK: %[[INITIAL:.*]] = llvm.load %{{.*}} -> vector<8xf32>
// CHECK: %[[SUMS:.*]] = scf.for %{{.*}} = %c0_i64 to %c5_i64 step %c1_i64 iter_args(%[[SUM:.*]] = %[[INITIAL]]) -> (vector<8xf32>)
// CHECK: %[[COLUMN:.*]] = llvm.load %{{.*}} -> vector<8xf32>
// CHECK: %[[ELEMENT:.*]] = llvm.load %{{.*}} -> f32
// CHECK: %[[WEIGHT:.*]] = vector.broadcast %[[ELEMENT]]
// CHECK: llvm.intr.fmuladd(%[[COLUMN]], %[[WEIGHT]], %[[SUM]])
// CHECK: llvm.store %[[SUMS]], %{{.*}} : vector<8xf32>
tile.kernel @matvec_columns(%a: memref<5x19xf32>, %x: memref<5xf32>, %y: memref<19xf32>) names ["a", "x", "y"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %m = tile.load %a[%c0, %c0] axes [1, 0] : memref<5x19xf32> -> !tile.tile<19x5xf32>
  %v = tile.load %x[%c0] axes [0] : memref<5xf32> -> !tile.tile<5xf32>
  %acc = tile.load %y[%c0] axes [0] : memref<19xf32> -> !tile.tile<19xf32>
  %z = tile.matvec %m, %v, %acc : !tile.tile<19x5xf32>, !tile.tile<5xf32>, !tile.tile<19xf32> -> !tile.tile<19xf32>
  tile.store %z, %y[%c0] axes [0] : !tile.tile<19xf32>, memref<19xf32>
}

// By rows: vectors along the row, then across the vector, then the rest.
// CHECK-LABEL: llvm.func @reduce_rows
// CHECK: %[[SUMS:.*]] = scf.for %{{.*}} = %c8_i64 to %c16_i64 step %c8_i64 iter_args(%[[SUM:.*]] = %{{.*}}) -> (vector<8xf32>)
// CHECK: arith.addf %[[SUM]], %{{.*}} : vector<8xf32>
// CHECK: vector.reduction <add>, %[[SUMS]]{{.*}} : vector<8xf32> into f32
// CHECK-COUNT-3: arith.addf %{{.*}}, %{{.*}} : f32
tile.kernel @reduce_rows(%a: memref<5x19xf32>, %y: memref<5xf32>) names ["a", "y"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %m = tile.load %a[%c0, %c0] axes [0, 1] : memref<5x19xf32> -> !tile.tile<5x19xf32>
  %z = tile.reduce <add> %m : !tile.tile<5x19xf32> -> !tile.tile<5xf32>
  tile.store %z, %y[%c0] axes [0] : !tile.tile<5xf32>, memref<5xf32>
}

// By columns: column after column, a vector of rows at a time.
// CHECK-LABEL: llvm.func @reduce_columns
// CHECK: scf.for %{{.*}} = %c0_i64 to %c24_i64 step %c8_i64
// CHECK: %[[SUMS:.*]] = scf.for %{{.*}} = %c1_i64 to %c5_i64 step %c1_i64 iter_args(%[[SUM:.*]] = %{{.*}}) -> (vector<8xf32>)
// CHECK: arith.maxnumf %[[SUM]], %{{.*}} : vector<8xf32>
// CHECK-NOT: vector.reduction
// CHECK: llvm.return
tile.kernel @reduce_columns(%a: memref<5x19xf32>, %y: memref<19xf32>) names ["a", "y"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %m = tile.load %a[%c0, %c0] axes [1, 0] : memref<5x19xf32> -> !tile.tile<19x5xf32>
  %z = tile.reduce <max> %m : !tile.tile<19x5xf32> -> !tile.tile<19xf32>
  tile.store %z, %y[%c0] axes [0] : !tile.tile<19xf32>, memref<19xf32>
}

// CHECK-LABEL: llvm.func @scan
// CHECK: scf.for %{{.*}} = %c0_i64 to %c19_i64 step %c1_i64 iter_args(%[[SO_FAR:.*]] = %{{.*}}) -> (f64)
// CHECK: %[[NEXT:.*]] = arith.addf %[[SO_FAR]], %{{.*}} : f64
// CHECK: llvm.store %[[NEXT]], %{{.*}} : f64, !llvm.ptr
// CHECK: scf.yield %[[NEXT]] : f64
tile.kernel @scan(%x: memref<19xf64>) names ["x"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0] axes [0] : memref<19xf64> -> !tile.tile<19xf64>
  %z = tile.scan <add> %t : !tile.tile<19xf64>
  tile.store %z, %x[%c0] axes [0] : !tile.tile<19xf64>, memref<19xf64>
}

// A tile that a loop carries stays where it is: one buffer, from its load to its store, and no
// copy. Scalars are carried as values.
// CHECK-LABEL: llvm.func @carried
// CHECK-SAME: tile.scratch_bytes = 64
// CHECK: scf.for %{{.*}} = %{{.*}} to %[[STEPS:.*]] step %c1_i64 iter_args(%[[COUNT:.*]] = %{{.*}}) -> (f32)
// CHECK-COUNT-1: scf.for
// CHECK: %[[STATE:.*]] = llvm.load %{{.*}} -> vector<8xf32>
// CHECK: %[[COPY:.*]] = vector.broadcast %[[COUNT]]
// CHECK: %[[NEW:.*]] = arith.addf %[[STATE]], %[[COPY]] : vector<8xf32>
// CHECK: llvm.store %[[NEW]]
// CHECK-NOT: scf.for
// CHECK: scf.yield %{{.*}} : f32
tile.kernel @carried(%x: memref<?xf32>, %y: memref<16xf32>) names ["x", "y"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %one = arith.constant 1.0 : f32
  %n = memref.dim %x, %c0 : memref<?xf32>
  %t = tile.load %y[%c0] axes [0] : memref<16xf32> -> !tile.tile<16xf32>
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%state = %t, %count = %one) -> (!tile.tile<16xf32>, f32) {
    %new = tile.map elems(%state : !tile.tile<16xf32>) -> !tile.tile<16xf32> {
    ^bb0(%j: index, %e: f32):
      %0 = arith.addf %e, %count : f32
      tile.yield %0 : f32
    }
    %next = arith.addf %count, %one : f32
    scf.yield %new, %next : !tile.tile<16xf32>, f32
  }
  tile.store %r#0, %y[%c0] axes [0] : !tile.tile<16xf32>, memref<16xf32>
}

// Tiles yielded in each other's place go through a third buffer, and a fourth: 64 bytes each.
// CHECK-LABEL: llvm.func @swapped
// CHECK-SAME: tile.scratch_bytes = 256
// CHECK: scf.for %{{.*}} = %c0_i64 to %c3_i64 step %c1_i64
// CHECK-COUNT-4: llvm.store %{{.*}} : vector<8xf32>, !llvm.ptr
// CHECK: llvm.return
tile.kernel @swapped(%x: memref<16xf32>, %y: memref<16xf32>) names ["x", "y"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %t = tile.load %x[%c0] axes [0] : memref<16xf32> -> !tile.tile<16xf32>
  %u = tile.load %y[%c0] axes [0] : memref<16xf32> -> !tile.tile<16xf32>
  %r:2 = scf.for %i = %c0 to %c3 step %c1 iter_args(%v = %t, %w = %u) -> (!tile.tile<16xf32>, !tile.tile<16xf32>) {
    scf.yield %w, %v : !tile.tile<16xf32>, !tile.tile<16xf32>
  }
  tile.store %r#0, %x[%c0] axes [0] : !tile.tile<16xf32>, memref<16xf32>
}

// One tile that begins two carried ones is copied once.
// CHECK-LABEL: llvm.func @twice
// CHECK-SAME: tile.scratch_bytes = 128
tile.kernel @twice(%x: memref<16xf32>) names ["x"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %t = tile.load %x[%c0] axes [0] : memref<16xf32> -> !tile.tile<16xf32>
  %r:2 = scf.for %i = %c0 to %c3 step %c1 iter_args(%v = %t, %w = %t) -> (!tile.tile<16xf32>, !tile.tile<16xf32>) {
    scf.yield %v, %w : !tile.tile<16xf32>, !tile.tile<16xf32>
  }
  tile.store %r#1, %x[%c0] axes [0] : !tile.tile<16xf32>, memref<16xf32>
}

// CHECK-LABEL: llvm.func @branch
// CHECK: %[[FIRST:.*]] = arith.cmpi eq, %{{.*}}, %c0_i64 : i64
// CHECK: scf.if %[[FIRST]] {
// CHECK: llvm.store
// CHECK: } else {
// CHECK: llvm.store
// CHECK: llvm.return
tile.kernel @branch(%x: memref<2xf32>, %y: memref<2xf32>) names ["x", "y"] grid(%g: 2) {
  %c0 = arith.constant 0 : index
  %one = arith.constant 1.0 : f32
  %first = arith.cmpi eq, %g, %c0 : index
  scf.if %first {
    tile.store_scalar %one, %x[%g] : f32, memref<2xf32>
  } else {
    tile.store_scalar %one, %y[%g] : f32, memref<2xf32>
  }
}

// exp and log1p of f32 are polynomials on vectors: nothing is called for each element.
// CHECK-LABEL: llvm.func @polynomials
// CHECK-NOT: math.exp
// CHECK-NOT: math.log1p
// CHECK: math.fma %{{.*}} : vector<8xf32>
// CHECK-NOT: math.exp
// CHECK-NOT: math.log1p
// CHECK: llvm.return
tile.kernel @polynomials(%x: memref<16xf32>) names ["x"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0] axes [0] : memref<16xf32> -> !tile.tile<16xf32>
  %u = tile.map elems(%t : !tile.tile<16xf32>) -> !tile.tile<16xf32> {
  ^bb0(%i: index, %e: f32):
    %0 = math.exp %e : f32
    %1 = math.log1p %0 : f32
    tile.yield %1 : f32
  }
  tile.store %u, %x[%c0] axes [0] : !tile.tile<16xf32>, memref<16xf32>
}
