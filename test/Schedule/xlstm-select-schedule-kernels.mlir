// SPDX-License-Identifier: Apache-2.0
// Why one kernel or several, and what is expected of them.
// RUN: xlstm-opt %s --xlstm-select-schedule=target=sm_90a -verify-diagnostics -split-input-file
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=kernels=one" 2>&1 | FileCheck %s --check-prefix=ASKED
// RUN: xlstm-opt %s "--xlstm-select-schedule=target=sm_90a set=roles=0" 2>&1 | FileCheck %s --check-prefix=PARAMETER
// ASKED: remark: kernels = one: asked for
// PARAMETER: remark: one kernel: roles is a parameter of that form

func.func @deep(%q: tensor<?x?x4x512xbf16>, %v: tensor<?x?x4x1024xbf16>, %g: tensor<?x?x4xf32>) -> tensor<?x?x4x1024xbf16> {
  // expected-remark @below {{several kernels: a block keeps at most 256 columns of C^T in registers at full speed, got dqk = 512}}
  // expected-remark @below {{sm_90a, tma: expects 2.}}
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %v gates(%g, %g) : tensor<?x?x4x512xbf16>, tensor<?x?x4x1024xbf16>
  return %h : tensor<?x?x4x1024xbf16>
}

// -----

func.func @saves(%q: tensor<?x?x4x64xbf16>, %g: tensor<?x?x4xf32>) -> tensor<?x4x64x64xf32> {
  // expected-remark @below {{several kernels: the states that are to be saved go through memory anyway}}
  // expected-remark @below {{sm_90a, tma: expects}}
  %0:7 = xlstm.mlstm %q, %q, %q gates(%g, %g) {save_states} : tensor<?x?x4x64xbf16>, tensor<?x?x4x64xbf16>
  return %0#4 : tensor<?x4x64x64xf32>
}

// -----

func.func @shallow(%q: tensor<?x?x4x64xbf16>, %g: tensor<?x?x4xf32>) -> tensor<?x?x4x64xbf16> {
  // expected-remark @below {{one kernel: C^T stays in registers, since dqk = 64 is at most 256}}
  // expected-remark @below {{expects}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) : tensor<?x?x4x64xbf16>, tensor<?x?x4x64xbf16>
  return %0#0 : tensor<?x?x4x64xbf16>
}
