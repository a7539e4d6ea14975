// SPDX-License-Identifier: Apache-2.0
// The mLSTM cell as a loop and in roles: in every order the same, without a race.
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=roles=1" --convert-xlstm-to-tile "--tile-interpret=extents=1,70 orders=1" 2>&1 | FileCheck %s --check-prefix=LOOP
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=roles=1" --convert-xlstm-to-tile --tile-split-roles "--tile-interpret=extents=1,70 absent=c0 orders=5 seed=3" 2>&1 | FileCheck %s
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=roles=1" --convert-xlstm-to-tile --tile-split-roles --canonicalize --cse "--tile-interpret=extents=1,70 absent=c0 orders=5 seed=3" 2>&1 | FileCheck %s

// LOOP: tile-interpret.mlir:[[@LINE+8]]:{{[0-9]+}}: remark: orders run: 1; no race, no deadlock, equal bits
// LOOP: tile.kernel @f
// LOOP-NOT: tile.role
// CHECK: tile-interpret.mlir:[[@LINE+5]]:{{[0-9]+}}: remark: orders run: 5; no race, no deadlock, equal bits
// CHECK: tile.kernel @f
// CHECK: tile.role
func.func @f(%q: tensor<?x?x1x64xbf16> {xlstm.name = "q"}, %k: tensor<?x?x1x64xbf16> {xlstm.name = "k"}, %v: tensor<?x?x1x64xbf16> {xlstm.name = "v"},
             %g: tensor<?x?x1xf32> {xlstm.name = "g"}, %c0: tensor<?x1x64x64xf32> {xlstm.name = "c0"}) -> (tensor<?x?x1x64xbf16> {xlstm.name = "h"}) {
  %h, %c1 = xlstm.mlstm %q, %k, %v gates(%g, %g) state(%c0) {input_gate = sigmoid, normalize = false} : tensor<?x?x1x64xbf16>, tensor<?x?x1x64xbf16>
  return %h : tensor<?x?x1x64xbf16>
}
