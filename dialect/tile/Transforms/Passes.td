// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_DIALECT_TILE_TRANSFORMS_PASSES
#define XLSTM_DIALECT_TILE_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def SplitRoles : Pass<"tile-split-roles", "::mlir::ModuleOp"> {
  let summary = "takes a kernel's loop apart into roles that run side by side";
  let description = [{
    For kernels whose schedule has `roles`; others are left alone. The one loop nest becomes one for each role, and what a
    role computes for another crosses a ring:

    | role | what |
    |---|---|
    | `load` | loads with `stages`: copies into rings of as many stages |
    | `gates` | vectors and scalars that come from neither products nor their results |
    | `score`, `state` | matrix products, which say it themselves (attribute `role`), and what is computed from their results |

    Roles form a pipeline in this order: an operation belongs to the last role that it reads from. A matrix made from loads
    and vectors alone is made where it is used. Constants, indices, views and what stands before the loop are repeated in
    each role that needs them. All values that a role hands on in one iteration share one ring; it is filled after the last
    of them is computed, read before the first use and released after the last.

    ```mlir
    scf.for %t = ... {                              %r = tile.ring : !tile.ring<2 : !tile.tile<64x64xbf16>>
      %x = tile.load ... {stages = 2}               tile.role "load" warps [13, 1] registers 32 {
      %y = tile.matmul %a, %x, %z {role = "state"}    scf.for %t = ... { tile.fetch ... into %r }
    }                                               }
                                                    tile.role "state" warps [0, 8] registers 208 {
                                                      scf.for %t = ... {
                                                        %x = tile.get %r
                                                        %y = tile.matmul %a, %x, %z
                                                        tile.release %r
    ```
    Precondition: one loop, not nested, with all loads that have `stages` in it. In a kernel whose schedule is `persistent`
    that loop is the only one in another, over the work that a block does: each role then has both.
  }];
  let dependentDialects = ["::mlir::tile::TileDialect", "::mlir::scf::SCFDialect"];
}

#endif
