// SPDX-License-Identifier: Apache-2.0
// One case for every message of groups of blocks.
// RUN: xlstm-opt %s -split-input-file -verify-diagnostics

func.func @nowhere() {
  // expected-error @below {{expected to be in a tile.kernel}}
  tile.group_arrive
  return
}

// -----

// group_c1
tile.kernel @dynamic(%x: memref<?xf32, strided<[1]>>) names ["x"] grid(%part: dim(0, 0)) {
  // expected-error @below {{expected the kernel's last grid extent to be a constant}}
  tile.group_arrive
}

// -----

// group_c2: two arrivals
tile.kernel @twice(%x: memref<?xf32, strided<[1]>>) names ["x"] grid(%part: 4) {
  // expected-error @below {{expected one tile.group_arrive directly in the kernel, in front of all waits}}
  tile.group_arrive
  tile.group_arrive
}

// -----

// group_c2: none
tile.kernel @wait_only(%x: memref<?xf32, strided<[1]>>) names ["x"] grid(%part: 4) {
  // expected-error @below {{expected one tile.group_arrive directly in the kernel, in front of all waits}}
  tile.group_wait
}

// -----

// group_c2: a wait in front
tile.kernel @early(%x: memref<?xf32, strided<[1]>>) names ["x"] grid(%part: 4) {
  // expected-error @below {{expected one tile.group_arrive directly in the kernel, in front of all waits}}
  tile.group_wait
  tile.group_arrive
}

// -----

// group_c2: only some blocks arrive
tile.kernel @some(%x: memref<?xf32, strided<[1]>>) names ["x"] grid(%part: 4) {
  %c0 = arith.constant 0 : index
  %first = arith.cmpi eq, %part, %c0 : index
  scf.if %first {
    // expected-error @below {{expected one tile.group_arrive directly in the kernel, in front of all waits}}
    tile.group_arrive
  }
}

// -----

func.func @waits_nowhere() {
  // expected-error @below {{expected to be the one directly in a tile.kernel}}
  tile.wait_launches
  return
}

// -----

// wait_launches_c1
tile.kernel @waits_twice(%x: memref<?xf32, strided<[1]>>) names ["x"] grid(%part: 4) {
  // expected-error @below {{expected to be the one directly in a tile.kernel}}
  tile.wait_launches
  tile.wait_launches
}
