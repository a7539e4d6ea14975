// SPDX-License-Identifier: Apache-2.0
// Neighbouring products of the same x, few rows and parameters as weights: one launch, in which each has blocks of its own. A
// norm in front reads its weight before it waits for the launch before.
// REQUIRES: ptxas
// RUN: rm -rf %t && xlstm-compile %s -o %t.xlpkg --target sm_90a --dump-dir %t --report | FileCheck %s --check-prefix=REPORT
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a most-rows=8" | FileCheck %s --check-prefix=SCHEDULE
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a most-rows=8 set=gemm_joins=0" | FileCheck %s --check-prefix=APART
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a most-rows=8 set=gemm_overlaps=0" | FileCheck %s --check-prefix=APART
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a most-rows=512" | FileCheck %s --check-prefix=APART
// RUN: FileCheck %s --check-prefix=NORM --input-file %t/forward.sm_90a.tma.rows8.forward_0.ptx
// RUN: FileCheck %s --check-prefix=PTX --input-file %t/forward.sm_90a.tma.rows8.forward_1_forward_2.ptx

// The third product reads what the first makes.
// REPORT: forward_0 sm_90a tma.rows8 {{.*}} 0 bytes spilled
// REPORT: forward_1_forward_2 sm_90a tma.rows8 {{.*}} 0 bytes spilled
// REPORT-NEXT: "blocks":22,"columns":48,{{.*}}"blocks":107,{{.*}}"joins":null
// REPORT: forward_3 sm_90a tma.rows8 {{.*}} 0 bytes spilled

// SCHEDULE: xlstm.norm {{.*}}overlaps, reads_early
// SCHEDULE: xlstm.linear {{.*}}blocks = 22 : i64, columns = 48 : i64
// SCHEDULE-NOT: joins
// SCHEDULE: xlstm.linear {{.*}} joins,
// SCHEDULE: xlstm.linear
// SCHEDULE-NOT: joins

// APART-NOT: joins
// APART-COUNT-3: xlstm.linear
// APART-NOT: joins

// NORM: griddepcontrol.launch_dependents
// NORM: ld.global
// NORM: griddepcontrol.wait
// NORM: ld.global

// Blocks 22 and on are those of the second product.
// PTX: mov.u32 [[BLOCK:%r[0-9]+]], %ctaid.x;
// PTX: setp.{{[a-z]+}}.u32 {{%p[0-9]+}}, [[BLOCK]], {{21|22}};
// PTX: wgmma
// PTX: add.s32 {{%r[0-9]+}}, {{%r[0-9]+}}, -22;
// PTX: wgmma
func.func @forward(%x: tensor<?x?x512xbf16> {xlstm.name = "x", xlstm.dims = ["B", "T"]},
    %g: tensor<512xbf16> {xlstm.name = "g", xlstm.parameter},
    %u: tensor<1024x512xbf16> {xlstm.name = "u", xlstm.parameter},
    %v: tensor<5120x512xbf16> {xlstm.name = "v", xlstm.parameter},
    %w: tensor<1024x512xbf16> {xlstm.name = "w", xlstm.parameter})
    -> (tensor<?x?x1024xbf16> {xlstm.name = "a", xlstm.dims = ["B", "T"]},
        tensor<?x?x5120xbf16> {xlstm.name = "b", xlstm.dims = ["B", "T"]},
        tensor<?x?x1024xbf16> {xlstm.name = "c", xlstm.dims = ["B", "T"]}) {
  %n = xlstm.norm rms %x weight(%g : tensor<512xbf16>) eps 1.0e-6 : tensor<?x?x512xbf16>
  %a = xlstm.linear %n weights(%u : tensor<1024x512xbf16>) : tensor<?x?x512xbf16> -> tensor<?x?x1024xbf16>
  %b = xlstm.linear %n weights(%v : tensor<5120x512xbf16>) : tensor<?x?x512xbf16> -> tensor<?x?x5120xbf16>
  %c = xlstm.linear %n weights(%w : tensor<1024x512xbf16>) elems(%a : tensor<?x?x1024xbf16>) epilogue {
  ^bb0(%acc: f32, %elem: f32):
    %sum = arith.addf %acc, %elem : f32
    xlstm.yield outputs(%sum : f32)
  } : tensor<?x?x512xbf16> -> tensor<?x?x1024xbf16>
  return %a, %b, %c : tensor<?x?x1024xbf16>, tensor<?x?x5120xbf16>, tensor<?x?x1024xbf16>
}
