// SPDX-License-Identifier: Apache-2.0
// Blocks that run at the same time. Included by TileOps.td.
#ifndef XLSTM_DIALECT_TILE_GROUPOPS
#define XLSTM_DIALECT_TILE_GROUPOPS

class Tile_GroupOp<string mnemonic> : Tile_Op<mnemonic, [MemoryEffects<[MemRead, MemWrite]>]> {
  let assemblyFormat = "attr-dict";
  let hasVerifier = 1;
}

def Tile_GroupArriveOp : Tile_GroupOp<"group_arrive"> {
  let summary = "tells the other blocks of the group that this one is here";
  let description = [{
    The blocks that differ in the last grid index only are a group. In a kernel with this op they run at the same time (on
    sm_90 a cluster), each arrives once, and `tile.group_wait` waits until all have. What a block has read and used in a
    product before it arrives is read before any block goes on from its wait: so a block may write in place what all blocks
    of the group read. Nothing else is ordered: a block does not see what others have written.

    Constraints: `group_c1` the kernel's last grid extent is a constant; `group_c2` a kernel with a wait has exactly one
    arrival, directly in its program, in front of all waits.

    ```mlir
    tile.kernel @norm(%x: memref<1x64xf32, strided<[?, 1]>>, %y: memref<4xf32, strided<[1]>>) names ["x", "y"] grid(%part: 4) {
      %c0 = arith.constant 0 : index
      %zero = arith.constant 0.0 : f32
      %none = tile.splat %zero : f32 -> !tile.tile<1xf32>
      %row = tile.load %x[%c0, %c0] axes [0, 1] : memref<1x64xf32, strided<[?, 1]>> -> !tile.tile<1x64xf32>
      %vector = tile.load %x[%c0, %c0] axes [1] : memref<1x64xf32, strided<[?, 1]>> -> !tile.tile<64xf32>
      %dot = tile.matvec %row, %vector, %none : !tile.tile<1x64xf32>, !tile.tile<64xf32>, !tile.tile<1xf32> -> !tile.tile<1xf32>
      %square = tile.extract %dot[0] : !tile.tile<1xf32> -> f32
      tile.group_arrive
      tile.store_scalar %square, %y[%part] : f32, memref<4xf32, strided<[1]>>
      %first = arith.cmpi eq, %part, %c0 : index
      scf.if %first {
        tile.group_wait
        %scaled = tile.map elems(%vector : !tile.tile<64xf32>) -> !tile.tile<64xf32> {
        ^bb0(%i: index, %e: f32):
          %s = arith.divf %e, %square : f32
          tile.yield %s : f32
        }
        tile.store %scaled, %x[%c0, %c0] axes [1] : !tile.tile<64xf32>, memref<1x64xf32, strided<[?, 1]>>
      }
    }
    ```
  }];
}

def Tile_GroupWaitOp : Tile_GroupOp<"group_wait"> {
  let summary = "waits until all blocks of the group have arrived";
  let description = "Constraints as of `tile.group_arrive`.";
}

def Tile_WaitLaunchesOp : Tile_Op<"wait_launches", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "waits for the end of the launches before the kernel";
  let description = [{
    A kernel whose schedule says `overlaps` starts while launches before it run, and waits for their end first; with this op
    it waits where that stands. Before it, a kernel reads only what no launch of the run writes: parameters.

    Constraints: `wait_launches_c1` it stands directly in a kernel, once.

    ```mlir
    tile.kernel @scale(%x: memref<?x64xf32, strided<[?, 1]>>, %w: memref<64xf32, strided<[1]>>) names ["x", "w"] grid(%row: dim(0, 0))
        attributes {schedule = {overlaps, spread = array<i64: 1, 32, 1>, target = "sm_90a", threads = 32 : i64}} {
      %c0 = arith.constant 0 : index
      %factors = tile.load %w[%c0] axes [0] : memref<64xf32, strided<[1]>> -> !tile.tile<64xf32>
      tile.wait_launches
      %scaled = tile.load %x[%row, %c0] axes [1] : memref<?x64xf32, strided<[?, 1]>> -> !tile.tile<64xf32>
      tile.return
    }
    ```
  }];
  let assemblyFormat = "attr-dict";
  let hasVerifier = 1;
}

#endif
