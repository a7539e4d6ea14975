// SPDX-License-Identifier: Apache-2.0
// Every op of the tile dialect is read, printed, read again, and the same through the generic form and bytecode.
// RUN: xlstm-opt %s | FileCheck %s
// RUN: xlstm-opt %s | xlstm-opt | FileCheck %s
// RUN: xlstm-opt %s --mlir-print-op-generic | xlstm-opt | FileCheck %s
// RUN: xlstm-opt %s --emit-bytecode | xlstm-opt | FileCheck %s
// RUN: xlstm-opt %s --mlir-print-op-generic | FileCheck %s --check-prefix=GENERIC

// The example of the documentation. Where an op takes tiles only, their type is printed without its name. A kernel's terminator is not written.
// CHECK-LABEL: tile.kernel @scale(%arg0: memref<?x64xf32, strided<[?, 1]>>, %arg1: memref<?x64xf32, strided<[?, 1]>>)
// CHECK-SAME: names ["x", "y"] grid(%arg2: dim(0, 0)) {
// GENERIC-LABEL: "tile.kernel"() <{arg_names = ["x", "y"]
// GENERIC-SAME: grid_dims = array<i64: 0, 0>
// GENERIC-SAME: grid_sizes = array<i64: -9223372036854775808>
// GENERIC-SAME: sym_name = "scale"
tile.kernel @scale(%x: memref<?x64xf32, strided<[?, 1]>>, %y: memref<?x64xf32, strided<[?, 1]>>) names ["x", "y"] grid(%b: dim(0, 0)) {
  // CHECK: %[[C0:.*]] = arith.constant 0 : index
  %c0 = arith.constant 0 : index
  // CHECK: %[[T:.*]] = tile.load %arg0[%arg2, %[[C0]]] axes [1] : memref<?x64xf32, strided<[?, 1]>> -> <64xf32>
  // GENERIC: "tile.load"(%{{.*}}) <{axes = array<i64: 1>, operandSegmentSizes = array<i32: 1, 2, 0>{{(, pad = 0.000000e\+00 : f64)?}}}>
  %t = tile.load %x[%b, %c0] axes [1] : memref<?x64xf32, strided<[?, 1]>> -> !tile.tile<64xf32>
  // CHECK: tile.store %[[T]], %arg1[%arg2, %[[C0]]] axes [1] : <64xf32>, memref<?x64xf32, strided<[?, 1]>>
  // GENERIC: "tile.store"(%{{.*}}) <{axes = array<i64: 1>, operandSegmentSizes = array<i32: 1, 1, 2, 0>}>
  tile.store %t, %y[%b, %c0] axes [1] : !tile.tile<64xf32>, memref<?x64xf32, strided<[?, 1]>>
  // CHECK-NOT: tile.return
  // GENERIC: "tile.return"() : () -> ()
}

// Grid extents of both kinds, an identity layout, a schedule and another attribute, no tensors at all.
// CHECK-LABEL: tile.kernel @grids(%arg0: memref<4x?xbf16>) names ["x"] grid(%arg1: 7, %arg2: dim(0, 1), %arg3: 1)
// CHECK-SAME: attributes {my.note = 1 : i64, schedule = {chunk = 64 : i64}}
// GENERIC-LABEL: sym_name = "grids"
tile.kernel @grids(%x: memref<4x?xbf16>) names ["x"] grid(%a: 7, %b: dim(0, 1), %c: 1)
    attributes {schedule = {chunk = 64 : i64}, my.note = 1 : i64} {
  tile.return
}

// CHECK-LABEL: tile.kernel @nothing() names [] grid() {
// CHECK-NEXT: }
tile.kernel @nothing() names [] grid() {
}

// CHECK-LABEL: tile.kernel @memory
tile.kernel @memory(%x: memref<?x?x16xbf16, strided<[?, ?, 1]>>, %m: memref<?xf64, strided<[?]>>) names ["x", "m"] grid(%b: dim(0, 0)) {
  %c0 = arith.constant 0 : index
  // A transposed tile, padded with something else than 0, staged, of another element type.
  // CHECK: tile.load %arg0[%arg2, %{{.*}}, %{{.*}}] axes [2, 1] pad -1.000000e+30 {stages = 2 : i64} : memref<?x?x16xbf16, strided<[?, ?, 1]>> -> <16x64xf32>
  %t = tile.load %x[%b, %c0, %c0] axes [2, 1] pad -1.0e30 {stages = 2 : i64} : memref<?x?x16xbf16, strided<[?, ?, 1]>> -> !tile.tile<16x64xf32>
  // CHECK: %[[A:.*]] = tile.load_scalar %arg1[%arg2] : memref<?xf64, strided<[?]>> -> f64
  %a = tile.load_scalar %m[%b] : memref<?xf64, strided<[?]>> -> f64
  // CHECK: tile.load_scalar %arg1[%arg2] pad 1.500000e+00 : memref<?xf64, strided<[?]>> -> f32
  %c = tile.load_scalar %m[%b] pad 1.5 : memref<?xf64, strided<[?]>> -> f32
  // CHECK: tile.store_scalar %[[A]], %arg1[%arg2] : f64, memref<?xf64, strided<[?]>>
  // GENERIC: "tile.store_scalar"
  tile.store_scalar %a, %m[%b] : f64, memref<?xf64, strided<[?]>>
  // CHECK: tile.store %{{.*}}, %arg0[%arg2, %{{.*}}, %{{.*}}] axes [2, 1] : <16x64xf32>, memref<?x?x16xbf16, strided<[?, ?, 1]>>
  tile.store %t, %x[%b, %c0, %c0] axes [2, 1] : !tile.tile<16x64xf32>, memref<?x?x16xbf16, strided<[?, ?, 1]>>
}

// A grid over tiles of a run-time extent, and a map of several results.
// CHECK-LABEL: tile.kernel @tiles
// CHECK-SAME: grid(%[[B:.*]]: dim(0, 0) ceildiv 8, %{{.*}}: 4)
tile.kernel @tiles(%x: memref<?x16xf32, strided<[?, 1]>>) names ["x"] grid(%b: dim(0, 0) ceildiv 8, %h: 4) {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%b, %c0] axes [0, 1] : memref<?x16xf32, strided<[?, 1]>> -> !tile.tile<8x16xf32>
  // CHECK: %[[MAP:.*]]:2 = tile.map elems(%{{.*}} : !tile.tile<8x16xf32>) -> !tile.tile<8x16xf32>, !tile.tile<8x16xf64> {
  // CHECK: tile.yield %{{.*}}, %{{.*}} : f32, f64
  %two, %wide = tile.map elems(%t : !tile.tile<8x16xf32>) -> !tile.tile<8x16xf32>, !tile.tile<8x16xf64> {
  ^bb0(%i: index, %j: index, %e: f32):
    %sum = arith.addf %e, %e : f32
    %w = arith.extf %sum : f32 to f64
    tile.yield %sum, %w : f32, f64
  }
  tile.store %two, %x[%b, %c0] axes [0, 1] : !tile.tile<8x16xf32>, memref<?x16xf32, strided<[?, 1]>>
}

// A sequence's end among packed sequences, and where it is found.
// CHECK-LABEL: tile.kernel @limits
tile.kernel @limits(%x: memref<?x16xf32, strided<[?, 1]>>, %starts: memref<?xi32>, %reset: memref<?xi8>) names ["x", "starts", "reset"] grid(%b: 4) {
  %c0 = arith.constant 0 : index
  // CHECK: %[[END:.*]] = tile.load_scalar %arg1[%arg3] : memref<?xi32> -> index
  %end = tile.load_scalar %starts[%b] : memref<?xi32> -> index
  // CHECK: tile.load_scalar %arg2[%[[END]]] pad 1.000000e+00 : memref<?xi8> -> i32
  %r = tile.load_scalar %reset[%end] pad 1.0 : memref<?xi8> -> i32
  // CHECK: %[[T:.*]] = tile.load %arg0[%{{.*}}, %{{.*}}] axes [0, 1] below %[[END]] pad 2.000000e+00 : memref<?x16xf32, strided<[?, 1]>> -> <8x16xf32>
  %t = tile.load %x[%c0, %c0] axes [0, 1] below %end pad 2.0 : memref<?x16xf32, strided<[?, 1]>> -> !tile.tile<8x16xf32>
  // CHECK: tile.store %[[T]], %arg0[%{{.*}}, %{{.*}}] axes [0, 1] below %[[END]] : <8x16xf32>, memref<?x16xf32, strided<[?, 1]>>
  tile.store %t, %x[%c0, %c0] axes [0, 1] below %end : !tile.tile<8x16xf32>, memref<?x16xf32, strided<[?, 1]>>
}

// Arithmetic needs no kernel around it.
// CHECK-LABEL: func.func @arithmetic
func.func @arithmetic(%s: f32, %a: !tile.tile<16x32xbf16>, %b: !tile.tile<32x8xbf16>, %v: !tile.tile<32xf32>) -> f32 {
  // CHECK: %[[ZERO:.*]] = tile.splat %arg0 : f32 -> <16x8xf32>
  // GENERIC: "tile.splat"
  %zero = tile.splat %s : f32 -> !tile.tile<16x8xf32>
  %row = tile.splat %s : f32 -> !tile.tile<16xf32>
  // CHECK: tile.matmul %arg1, %arg2, %[[ZERO]] : <16x32xbf16>, <32x8xbf16>, <16x8xf32> -> <16x8xf32>
  %p = tile.matmul %a, %b, %zero : !tile.tile<16x32xbf16>, !tile.tile<32x8xbf16>, !tile.tile<16x8xf32> -> !tile.tile<16x8xf32>
  // CHECK: %[[P:.*]] = tile.matmul %arg1, %arg2, %{{.*}} {warps = array<i64: 4, 1>} :
  // GENERIC: "tile.matmul"(%{{.*}}) <{warps = array<i64: 4, 1>}>
  %p2 = tile.matmul %a, %b, %p {warps = array<i64: 4, 1>} : !tile.tile<16x32xbf16>, !tile.tile<32x8xbf16>, !tile.tile<16x8xf32> -> !tile.tile<16x8xf32>
  // CHECK: %[[BT:.*]] = tile.transpose %arg2 : <32x8xbf16> -> <8x32xbf16>
  // GENERIC: "tile.transpose"
  %bt = tile.transpose %b : !tile.tile<32x8xbf16> -> !tile.tile<8x32xbf16>
  // CHECK: tile.matvec %arg1, %arg3, %{{.*}} : <16x32xbf16>, <32xf32>, <16xf32> -> <16xf32>
  // GENERIC: "tile.matvec"
  %y = tile.matvec %a, %v, %row : !tile.tile<16x32xbf16>, !tile.tile<32xf32>, !tile.tile<16xf32> -> !tile.tile<16xf32>
  // CHECK: tile.reduce <add> %[[P]] : <16x8xf32> -> <16xf32>
  // GENERIC: "tile.reduce"(%{{.*}}) <{combiner = #tile.combiner<add>}>
  %sum = tile.reduce <add> %p2 : !tile.tile<16x8xf32> -> !tile.tile<16xf32>
  // CHECK: %[[MAX:.*]] = tile.reduce <max> %[[P]]
  %max = tile.reduce <max> %p2 : !tile.tile<16x8xf32> -> !tile.tile<16xf32>
  // CHECK: %[[SCAN:.*]] = tile.scan <max> %[[MAX]] : <16xf32>{{$}}
  // GENERIC: "tile.scan"
  %scan = tile.scan <max> %max : !tile.tile<16xf32>
  // CHECK: tile.scan <add> %[[P]] {axis = 1 : i64, exclusive, reverse} : <16x8xf32>
  %sums = tile.scan <add> %p2 {axis = 1 : i64, exclusive, reverse} : !tile.tile<16x8xf32>
  // CHECK: tile.extract %[[SCAN]][15] : <16xf32> -> f32
  // GENERIC: "tile.extract"(%{{.*}}) <{position = 15 : i64}>
  %last = tile.extract %scan[15] : !tile.tile<16xf32> -> f32
  return %last : f32
}

// The four shapes of a map: of elements with rows and columns, of a vector, of nothing but indices, of surrounding scalars.
// CHECK-LABEL: func.func @maps
func.func @maps(%x: !tile.tile<4x8xf32>, %r: !tile.tile<4xf64>, %c: !tile.tile<8xbf16>, %s: f32) {
  // CHECK: tile.map elems(%arg0 : !tile.tile<4x8xf32>) rows(%arg1, %arg1 : !tile.tile<4xf64>, !tile.tile<4xf64>) cols(%arg2 : !tile.tile<8xbf16>) -> !tile.tile<4x8xf32> {
  // CHECK-NEXT: ^bb0(%{{.*}}: index, %{{.*}}: index, %[[X:.*]]: f32, %{{.*}}: f64, %{{.*}}: f64, %{{.*}}: bf16):
  // CHECK-NEXT: tile.yield %[[X]] : f32
  // GENERIC: "tile.map"(%{{.*}}) <{operandSegmentSizes = array<i32: 1, 2, 1>}> ({
  %0 = tile.map elems(%x : !tile.tile<4x8xf32>) rows(%r, %r : !tile.tile<4xf64>, !tile.tile<4xf64>) cols(%c : !tile.tile<8xbf16>) -> !tile.tile<4x8xf32> {
  ^bb0(%i: index, %j: index, %e: f32, %a: f64, %b: f64, %d: bf16):
    tile.yield %e : f32
  }
  // CHECK: tile.map elems(%arg2 : !tile.tile<8xbf16>) -> !tile.tile<8xf32> {
  %1 = tile.map elems(%c : !tile.tile<8xbf16>) -> !tile.tile<8xf32> {
  ^bb0(%i: index, %e: bf16):
    %f = arith.extf %e : bf16 to f32
    tile.yield %f : f32
  }
  // CHECK: tile.map -> !tile.tile<4x8xf32> {
  // CHECK-NEXT: ^bb0(%{{.*}}: index, %{{.*}}: index):
  // CHECK-NEXT: tile.yield %arg3 : f32
  // GENERIC: "tile.map"() <{operandSegmentSizes = array<i32: 0, 0, 0>}>
  %2 = tile.map -> !tile.tile<4x8xf32> {
  ^bb0(%i: index, %j: index):
    tile.yield %s : f32
  }
  return
}

// Types stand alone; rank 1 and 2, every element type, extents of 1.
// CHECK-LABEL: func.func private @types(!tile.tile<1xf64>, !tile.tile<1x1xf32>, !tile.tile<512xf16>, !tile.tile<64x256xbf16>)
func.func private @types(!tile.tile<1xf64>, !tile.tile<1x1xf32>, !tile.tile<512xf16>, !tile.tile<64x256xbf16>)

// A kernel is a symbol, and its region sees no value from outside (it is isolated), so two may stand side by side.
// CHECK-LABEL: tile.kernel @named
tile.kernel @named(%x: memref<3xf16>) names ["x"] grid(%i: 3) {
  %v = tile.load_scalar %x[%i] : memref<3xf16> -> f16
  // Out of the loop nest of scf, tiles are loop-carried values like any other.
  // CHECK: scf.for
  // CHECK-SAME: iter_args(%{{.*}} = %{{.*}}) -> (!tile.tile<8xf16>)
  %t = tile.splat %v : f16 -> !tile.tile<8xf16>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %j = %c0 to %i step %c1 iter_args(%u = %t) -> (!tile.tile<8xf16>) {
    %s = tile.scan <add> %u : !tile.tile<8xf16>
    scf.yield %s : !tile.tile<8xf16>
  }
  tile.store %r, %x[%c0] axes [0] : !tile.tile<8xf16>, memref<3xf16>
}

// The printed form of what a generic op says.
// CHECK-LABEL: tile.kernel @generic(%arg0: memref<?xf32, strided<[?]>>) names ["x"] grid(%arg1: 2, %arg2: dim(0, 0)) {
"tile.kernel"() <{sym_name = "generic", arg_names = ["x"], grid_sizes = array<i64: 2, -9223372036854775808>,
    grid_dims = array<i64: -1, -1, 0, 0>}> ({
^bb0(%x: memref<?xf32, strided<[?]>>, %i: index, %j: index):
  "tile.return"() : () -> ()
}) : () -> ()
