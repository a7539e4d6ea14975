// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_DIALECT_TILE_INTERPRETER_PASSES
#define XLSTM_DIALECT_TILE_INTERPRETER_PASSES

include "mlir/Pass/PassBase.td"

def TileInterpret : Pass<"tile-interpret", "::mlir::ModuleOp"> {
  let summary = "runs each kernel on this machine in several orders and reports races and deadlocks";
  let description = [{
    The IR stays as it is. Tensors hold random numbers, the same in each order; those that `absent` names are not given. The
    n-th dynamic extent of every tensor is the n-th of `extents`, or of its own in `shapes`. Blocks, and in a block roles, warps,
    copies and products, go on in an order that the seed draws: the same seed gives the same order.

    ```
    xlstm-opt cell.mlir "--xlstm-select-schedule=target=sm_90a set=roles=1" --convert-xlstm-to-tile --tile-split-roles \
      "--tile-interpret=extents=1,200 orders=20"
    cell.mlir:3:8: remark: orders run: 20; no race, no deadlock, equal bits
    ```

    An error says what was found, where, and with which seed: a value that is read before it is there or after it was
    released, a stage that is written while it may be read, a barrier at which too many arrive, a copy that nobody waits for, a
    block that uses what another one writes; or, where no role can go on, what each of them waits for; or that two orders gave
    different bits.
    What it does not see stands in `dialect/tile/Interpreter/Interpreter.h`.
  }];
  let options = [
    ListOption<"extents", "extents", "int64_t", "dynamic extents of each tensor, in the order of its axes">,
    ListOption<"shapes", "shapes", "std::string", "dynamic extents of single tensors, each NAME=4x100">,
    ListOption<"absent", "absent", "std::string", "names of tensors that are not given">,
    Option<"orders", "orders", "int64_t", "8", "how many orders to run">,
    Option<"seed", "seed", "uint64_t", "0", "that of the first order; the next ones follow">,
  ];
}

#endif
