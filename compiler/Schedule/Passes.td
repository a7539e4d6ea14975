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

    An op that has the attribute keeps it. `set` overrides parameters (`chunk=32,stages=1`); a schedule that the device
    cannot run is an error with the violated inequality.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"cpu\"", "name of a device: cpu, sm_80, sm_90a">,
    Option<"elementwise", "elementwise-copy", "bool", "false", "copies that take any alignment and stride">,
    ListOption<"set", "set", "std::string", "overrides, each KEY=VALUE">,
  ];
}

#endif
