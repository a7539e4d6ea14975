// SPDX-License-Identifier: Apache-2.0
// RUN: xlstm-opt %s -split-input-file --convert-tile-to-nvvm -verify-diagnostics

// expected-error @below {{expected the roles of its schedule; run --tile-split-roles first}}
tile.kernel @not_split(%x: memref<?xf32, strided<[?]>>) names ["x"] grid(%b: 1)
    attributes {schedule = {target = "sm_90a", warps = array<i64: 8, 1>, roles = {}}} {
}
