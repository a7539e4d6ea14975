// SPDX-License-Identifier: Apache-2.0
// Schedules of recurrent cells that cannot be.
// RUN: not xlstm-opt %s --xlstm-select-schedule=target=sm_80 2>&1 | FileCheck %s --check-prefix=GPU
// RUN: not xlstm-opt %s "--xlstm-select-schedule=target=sm_80 set=batch=2" 2>&1 | FileCheck %s --check-prefix=TWO
// RUN: not xlstm-opt %s --xlstm-select-schedule=set=batch=3 2>&1 | FileCheck %s --check-prefix=BATCH
// RUN: not xlstm-opt %s --xlstm-select-schedule=set=batch=many 2>&1 | FileCheck %s --check-prefix=NUMBER
// RUN: not xlstm-opt %s --xlstm-select-schedule=set=heads=2 2>&1 | FileCheck %s --check-prefix=HEADS
// RUN: not xlstm-opt %s --xlstm-select-schedule=set=heads=0 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not xlstm-opt %s --xlstm-select-schedule=set=sum_rows=0 2>&1 | FileCheck %s --check-prefix=ROWS
// RUN: not xlstm-opt %s --xlstm-select-schedule=set=sum_tokens=5000 2>&1 | FileCheck %s --check-prefix=TOKENS
// RUN: not xlstm-opt %s --xlstm-select-schedule=set=size=1 2>&1 | FileCheck %s --check-prefix=KEY

// GPU: cannot be scheduled for sm_80: gradients of recurrent cells have kernels for the CPU only, got sm_80
// TWO: cannot be scheduled for sm_80: batch must be 1 on a GPU, got 2
// BATCH: cannot be scheduled for cpu: batch must be a power of two from 1 to 64, got 3
// NUMBER: schedule parameter 'batch' expects an integer, got 'many'
// HEADS: heads must be 1 where d is not 1, got 2 and d = 64
// NONE: heads must be 1 to 1024, got 0
// KEY: unknown schedule parameter 'size', expected batch or heads
// ROWS: cannot be scheduled for cpu: sum_rows must be 1 to 4096, got 0
// TOKENS: sum_tokens must be 1 to 4096, got 5000
func.func @cell(%x: tensor<?x?x4x64xf32>) -> (tensor<?x?x4x64xf32>, tensor<4x64xf32>) {
  %y, %last = xlstm.scan sequences(%x : tensor<?x?x4x64xf32>) {
  ^bb0(%xt: f32, %h: f32):
    %next = arith.addf %h, %xt : f32
    xlstm.yield outputs(%next : f32) states(%next : f32)
  } -> outputs(tensor<?x?x4x64xf32>) states(tensor<?x4x64xf32>)
  %sum = xlstm.time_sum %y : tensor<?x?x4x64xf32> -> tensor<4x64xf32>
  return %y, %sum : tensor<?x?x4x64xf32>, tensor<4x64xf32>
}
