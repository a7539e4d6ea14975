// SPDX-License-Identifier: Apache-2.0
// One case for every message of the conversion.
// RUN: xlstm-opt %s --convert-tile-to-vector -split-input-file -verify-diagnostics

tile.kernel @unknown_op(%x: memref<4xf32>) names ["x"] grid(%i: 4) {
  // expected-error @below {{has no lowering to vectors}}
  %0 = memref.load %x[%i] : memref<4xf32>
  tile.store_scalar %0, %x[%i] : f32, memref<4xf32>
}

// -----

tile.kernel @if_with_results(%x: memref<4xf32>) names ["x"] grid(%i: 4) {
  %c0 = arith.constant 0 : index
  %one = arith.constant 1.0 : f32
  %two = arith.constant 2.0 : f32
  %first = arith.cmpi eq, %i, %c0 : index
  // expected-error @below {{with results has no lowering to vectors}}
  %0 = scf.if %first -> (f32) {
    scf.yield %one : f32
  } else {
    scf.yield %two : f32
  }
  tile.store_scalar %0, %x[%i] : f32, memref<4xf32>
}

// -----

tile.kernel @axis_at_run_time(%x: memref<?x?xf32>, %y: memref<4xf32>) names ["x", "y"] grid(%i: 2) {
  // expected-error @below {{expected a constant axis of the tensor}}
  %n = memref.dim %x, %i : memref<?x?xf32>
  %c0 = arith.constant 0 : index
  %s = tile.load_scalar %x[%n, %c0] : memref<?x?xf32> -> f32
  tile.store_scalar %s, %y[%i] : f32, memref<4xf32>
}

// -----

tile.kernel @axis_too_large(%x: memref<?x?xf32>, %y: memref<4xf32>) names ["x", "y"] grid(%i: 2) {
  %c2 = arith.constant 2 : index
  // expected-error @below {{expected a constant axis of the tensor}}
  %n = memref.dim %x, %c2 : memref<?x?xf32>
  %s = tile.load_scalar %x[%n, %i] : memref<?x?xf32> -> f32
  tile.store_scalar %s, %y[%i] : f32, memref<4xf32>
}

// -----

tile.kernel @splat_operand(%x: memref<8x8xf32>) names ["x"] grid(%i: 1) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %a = tile.splat %zero : f32 -> !tile.tile<8x8xf32>
  %b = tile.load %x[%c0, %c0] axes [0, 1] : memref<8x8xf32> -> !tile.tile<8x8xf32>
  // expected-error @below {{expected operands in memory of the accumulator's type 'f32' or narrower ones kept in it}}
  %c = tile.matmul %a, %b, %b : !tile.tile<8x8xf32>, !tile.tile<8x8xf32>, !tile.tile<8x8xf32> -> !tile.tile<8x8xf32>
  tile.store %c, %x[%c0, %c0] axes [0, 1] : !tile.tile<8x8xf32>, memref<8x8xf32>
}

// -----

tile.kernel @wider_operand(%x: memref<8x8xf64>, %y: memref<8x8xf32>) names ["x", "y"] grid(%i: 1) {
  %c0 = arith.constant 0 : index
  %a = tile.load %x[%c0, %c0] axes [0, 1] : memref<8x8xf64> -> !tile.tile<8x8xf64>
  %b = tile.load %y[%c0, %c0] axes [0, 1] : memref<8x8xf32> -> !tile.tile<8x8xf32>
  // expected-error @below {{expected operands in memory of the accumulator's type 'f32' or narrower ones kept in it}}
  %c = tile.matmul %a, %a, %b : !tile.tile<8x8xf64>, !tile.tile<8x8xf64>, !tile.tile<8x8xf32> -> !tile.tile<8x8xf32>
  tile.store %c, %y[%c0, %c0] axes [0, 1] : !tile.tile<8x8xf32>, memref<8x8xf32>
}

// -----

tile.kernel @matvec_operand(%x: memref<8x8xf64>, %y: memref<8xf32>) names ["x", "y"] grid(%i: 1) {
  %c0 = arith.constant 0 : index
  %a = tile.load %x[%c0, %c0] axes [0, 1] : memref<8x8xf64> -> !tile.tile<8x8xf64>
  %b = tile.load %y[%c0] axes [0] : memref<8xf32> -> !tile.tile<8xf32>
  // expected-error @below {{expected operands in memory of the accumulator's type 'f32'}}
  %c = tile.matvec %a, %b, %b : !tile.tile<8x8xf64>, !tile.tile<8xf32>, !tile.tile<8xf32> -> !tile.tile<8xf32>
  tile.store %c, %y[%c0] axes [0] : !tile.tile<8xf32>, memref<8xf32>
}

// -----

tile.kernel @branch_in_a_map(%x: memref<8xf32>) names ["x"] grid(%i: 1) {
  %c0 = arith.constant 0 : index
  %a = tile.load %x[%c0] axes [0] : memref<8xf32> -> !tile.tile<8xf32>
  %b = tile.map elems(%a : !tile.tile<8xf32>) -> !tile.tile<8xf32> {
  ^bb0(%j: index, %e: f32):
    %0 = arith.cmpf ogt, %e, %e : f32
    // expected-error @below {{has no lowering to vectors}}
    %1 = scf.if %0 -> (f32) {
      scf.yield %e : f32
    } else {
      scf.yield %e : f32
    }
    tile.yield %1 : f32
  }
  tile.store %b, %x[%c0] axes [0] : !tile.tile<8xf32>, memref<8xf32>
}

// -----

tile.kernel @arithmetic_in_bf16(%x: memref<8xbf16>) names ["x"] grid(%i: 1) {
  %c0 = arith.constant 0 : index
  %a = tile.load %x[%c0] axes [0] : memref<8xbf16> -> !tile.tile<8xbf16>
  %b = tile.map elems(%a : !tile.tile<8xbf16>) -> !tile.tile<8xbf16> {
  ^bb0(%j: index, %e: bf16):
    // expected-error @below {{has no lowering to vectors}}
    %0 = arith.addf %e, %e : bf16
    tile.yield %0 : bf16
  }
  tile.store %b, %x[%c0] axes [0] : !tile.tile<8xbf16>, memref<8xbf16>
}

// -----

tile.kernel @map_of_f16(%x: memref<8xf16>) names ["x"] grid(%i: 1) {
  %c0 = arith.constant 0 : index
  %a = tile.load %x[%c0] axes [0] : memref<8xf16> -> !tile.tile<8xf16>
  // expected-error @below {{on f16 tiles has no lowering to vectors: load them as f32}}
  %b = tile.map elems(%a : !tile.tile<8xf16>) -> !tile.tile<8xf16> {
  ^bb0(%j: index, %e: f16):
    tile.yield %e : f16
  }
  tile.store %b, %x[%c0] axes [0] : !tile.tile<8xf16>, memref<8xf16>
}
