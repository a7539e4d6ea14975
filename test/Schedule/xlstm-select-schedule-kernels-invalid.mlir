// SPDX-License-Identifier: Apache-2.0
// What one kernel does not take, where it is asked for, and several do not.
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_80 set=kernels=one" -split-input-file -verify-diagnostics
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_80 set=kernels=three" 2>&1 | FileCheck %s --check-prefix=THREE
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_80 set=save_every=300" 2>&1 | FileCheck %s --check-prefix=EVERY
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_80 set=kernels=several,chunk=256" 2>&1 | FileCheck %s --check-prefix=REGISTERS
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_80 set=kernels=several,colour=1" 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// THREE: error: cannot be scheduled for sm_80: schedule parameter 'kernels' expects one or several, got 'three'
// EVERY: error: cannot be scheduled for sm_80: save_every must be a multiple of chunk = 128 up to 16777216, got 300
// REGISTERS: error: cannot be scheduled for sm_80: 115712 bytes of shared memory for the kernel of scores, more than 101376 of sm_80
// UNKNOWN: error: cannot be scheduled for sm_80: unknown schedule parameter 'colour', expected kernels, matrix_unit, copy, chunk, save_every

func.func @too_deep(%q: tensor<?x?x3x1024xbf16>, %g: tensor<?x?x3xf32>) {
  // expected-error @below {{no schedule of the chunkwise kernel fits sm_80 for dqk = 1024, dv = 1024: the smallest needs dv_slice * dqk_tile / threads = 32 * 1024 / 256 = 128 registers for the state, more than 64}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) : tensor<?x?x3x1024xbf16>, tensor<?x?x3x1024xbf16>
  return
}
