// SPDX-License-Identifier: Apache-2.0
// States that are saved for the backward pass, on a GPU: every 512 tokens, of chunks of 256. Where nothing uses h, only states
// are computed.
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=save_every=512" --convert-xlstm-to-tile | FileCheck %s
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=save_every=512" --convert-xlstm-to-tile --convert-tile-to-nvvm | FileCheck %s --check-prefix=NVVM
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_80 set=save_every=512" --convert-xlstm-to-tile --convert-tile-to-nvvm | FileCheck %s --check-prefix=NVVM

// CHECK-LABEL: tile.kernel @forward_carry(
// CHECK: %[[EVERY:[^ ]*]] = arith.constant 512 : index
// CHECK: %[[REST:[^ ]*]] = arith.remui %[[T0:[^ ]*]], %[[EVERY]]
// CHECK: %[[SAVED:[^ ]*]] = arith.cmpi eq, %[[REST]], %{{.*}}
// CHECK: scf.if %[[SAVED]] {
// CHECK: tile.store %{{.*}} axes [2] : <256xf32>, memref<?x2x256xf32
// CHECK: tile.store_scalar %{{.*}} : f32, memref<?x2x2xf64
// CHECK-LABEL: tile.kernel @forward_states(
// CHECK: tile.store %{{.*}} axes [3, 2] : <128x256xf32>, memref<?x2x256x128xbf16
// CHECK: scf.if
// CHECK: tile.store %{{.*}} axes [3, 2] : <128x256xf32>, memref<?x2x256x128xf32
// CHECK-NOT: tile.kernel
// NVVM: llvm.func @forward_gates
// NVVM: llvm.func @forward_carry
// NVVM: arith.extf %{{.*}} : f32 to f64
// NVVM: llvm.func @forward_states
func.func @forward(%q: tensor<?x?x2x256xbf16> {xlstm.name = "q"}, %v: tensor<?x?x2x128xbf16> {xlstm.name = "v"}, %g: tensor<?x?x2xf32> {xlstm.name = "g"})
    -> (tensor<?x2x256x128xf32>, tensor<?x2x256xf32>, tensor<?x2x2xf64>) {
  %h, %c, %n, %m, %cs, %ns, %ms = xlstm.mlstm %q, %q, %v gates(%g, %g) {save_states} : tensor<?x?x2x256xbf16>, tensor<?x?x2x128xbf16>
  return %cs, %ns, %ms : tensor<?x2x256x128xf32>, tensor<?x2x256xf32>, tensor<?x2x2xf64>
}
