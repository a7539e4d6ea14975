// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_COMPILER_SCHEDULE_PASSES
#define XLSTM_COMPILER_SCHEDULE_PASSES

include "mlir/Pass/PassBase.td"

def SelectSchedule : Pass<"xlstm-select-schedule", "::mlir::ModuleOp"> {
  let summary = "decides how each cell runs on a device and writes it as the attribute xlstm.schedule";
  let description = [{
    The only pass that guesses. For `target=sm_90a`:

    ```mlir
    %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) : …
    // becomes
    %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) {xlstm.schedule = {chunk = 64, copy = "tma", dqk_tile = 256, dv_slice = 128, …}} : …
    ```

    An op that has the attribute keeps it. `set` overrides parameters (`chunk=32,stages=1`); each applies to the ops whose
    family has it. A schedule that the device cannot run is an error with the violated inequality.

    | ops | parameters |
    |---|---|
    | `xlstm.mlstm` | `chunk`, `dv_slice`; for a GPU also `dqk_tile`, `warps_m`, `warps_n`, `stages`, `matrix_unit`, `copy`, `segment_blocks`, `segment_tokens`; with `roles` also `persistent`, `lane_arrivals`, `ring_stages`, `state_registers`, `score_registers`, `load_registers` |
    | `xlstm.linear`, `xlstm.weight_grad` | `gemm_rows`, `gemm_columns`: of the tile of y that a block computes; `gemm_depth`: how much of k it reads at a time |
    | `xlstm.mlstm` by several kernels | `kernels = several` asks for it, `kernels = one` for the other; `chunk`, `save_every`: tokens from one saved state to the next; `tokens`, `dv_slice`, `dqk_slice` of the states; `rows`, `columns`, `depth` of scores and output; `carry_slice`; for a GPU also `num_warps`, `stages`, `matrix_unit`, `copy` |
    | `xlstm.mlstm` with `form = step` | `step_slice`: columns of dv that a block updates at a time; for a GPU also `step_parts`: blocks of one head, `step_threads`, `step_stages`: slices in registers, `step_resident`: blocks of a multiprocessor, `step_overlaps`: 1 if it is launched while the kernel before it ends |
    | `xlstm.scan` | `batch`: sequences of a block, a power of two; `heads`: heads of a block where d = 1 |
    | `xlstm.outer_sum`, `xlstm.time_sum` | `sum_rows`: rows of the result that a block owns; `sum_tokens`: tokens read at a time |
  }];
  let options = [
    Option<"target", "target", "std::string", "\"cpu\"", "name of a device: cpu, sm_80, sm_90a">,
    Option<"elementwise", "elementwise-copy", "bool", "false", "copies that take any alignment and stride">,
    Option<"mostRows", "most-rows", "int64_t", "0", "xlstm.linear has so many rows at most; 0: many">,
    Option<"segments", "segments", "bool", "false", "xlstm.mlstm cuts sequences into segments, for few sequences on a GPU">,
    ListOption<"set", "set", "std::string", "overrides, each KEY=VALUE">,
  ];
}

#endif
