// SPDX-License-Identifier: Apache-2.0
// The role level: a block's program as several programs that run side by side. Included by TileOps.td.
#ifndef XLSTM_DIALECT_TILE_ROLEOPS
#define XLSTM_DIALECT_TILE_ROLEOPS

def Tile_RingType : TypeDef<Tile_Dialect, "Ring"> {
  let mnemonic = "ring";
  let summary = "buffers in shared memory through which one role hands values to others";
  let description = [{
    `!tile.ring<2 : !tile.tile<64x256xbf16>>` has two stages of one matrix, `!tile.ring<2 : !tile.tile<64xf32>, f32>` two
    stages of a vector and a scalar. Each stage has two barriers: *full* (its values are there) and *empty* (all readers are
    done with them). Stages are used in turn, one in each iteration of the roles' loops, so a stage's number and the
    barriers' parities follow from the iteration, counted through loops in each other.

    Constraints: `ring_t1` at least one stage; `ring_t2` each value is a tile or f32.
  }];
  let parameters = (ins "int64_t":$stages, ArrayRefParameter<"::mlir::Type">:$values);
  let assemblyFormat = "`<` $stages `:` $values `>`";
  let genVerifyDecl = 1;
}

def Tile_RingOp : Tile_Op<"ring", [MemoryEffects<[MemAlloc]>]> {
  let summary = "declares a ring";
  let description = [{
    Constraints: `ring_c1` exactly one role writes it, by `tile.fetch` or `tile.put`, once in its program; `ring_c2` another
    role reads it, and a role that gets it, and no other, releases it, once each and after the `tile.get`;
    `ring_c3` all its uses stand in as many loops, if one stands in a loop of a loop.
  }];
  let results = (outs Tile_RingType:$ring);
  let assemblyFormat = "attr-dict `:` type($ring)";
  let hasVerifier = 1;
}

def Tile_RoleOp : Tile_Op<"role", [HasParent<"KernelOp">, SingleBlock, NoTerminator, NoRegionArguments, RecursiveMemoryEffects]> {
  let summary = "the program of some of a block's warps";
  let description = [{
    All roles of a kernel run at the same time, each on its own warps, and meet only through rings. `registers` is what each
    thread of the role's warpgroup (four warps) may hold: the block's registers are dealt out anew when it starts. Where the
    schedule says `overlaps`, the kernel starts while launches before it run, and a role waits for their end first; one that
    is `early` does not: it reads only tensors that none of them writes.

    Constraints: `role_c1` warps are `first .. first + count - 1`, no warp has two roles, and a role of more than one warp
    has whole warpgroups; `role_c2` registers are a multiple of 8 from 24 to 240, one number in each warpgroup;
    `role_c3` a loop in a loop of a role has bounds from outside of that: a ring's use is counted through all loops around it.
  }];
  let arguments = (ins StrAttr:$role, I64Attr:$first, I64Attr:$count, I64Attr:$registers, UnitAttr:$early);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$role `warps` `[` $first `,` $count `]` `registers` $registers (`early` $early^)? attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

def Tile_FetchOp : Tile_Op<"fetch", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "copies a tile of a global tensor into the next stage of a ring";
  let description = [{
    As `tile.load`, but asynchronous: it waits until the stage is empty, starts the copy and goes on; the copy fills the stage.
    With `rows n` only the first n rows of the tile are copied, and the others are arbitrary: for tensors that have so many
    rows at most, where nothing is stored of what follows from other rows. Rows beyond a tensor cost time.

    Constraints: as of `tile.load`; `fetch_c1` the ring has one matrix; `fetch_c2` of the tensor's element type; `fetch_c3` in a
    role of one warp, whose one thread starts the copy; `fetch_c4` rows are a multiple of 8 and not more than the tile's.
  }];
  let arguments = (ins Arg<AnyMemRef, "the global tensor", [MemRead]>:$tensor, Variadic<Index>:$offsets, DenseI64ArrayAttr:$axes,
                       Tile_RingType:$ring, OptionalAttr<I64Attr>:$rows);
  let assemblyFormat = "$tensor `[` $offsets `]` `axes` $axes `into` $ring (`rows` $rows^)? attr-dict `:` type($tensor) `,` type($ring)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Rows that are copied.
    int64_t getCopiedRows() {
      return getRows() ? int64_t(*getRows()) : cast<TileType>(getRing().getType().getValues()[0]).getShape()[0];
    }
  }];
}

def Tile_PutOp : Tile_Op<"put", [MemoryEffects<[MemWrite]>]> {
  let summary = "writes values to the next stage of a ring, when that is empty";
  let description = "Constraint `put_c1`: the values have the ring's types.";
  let arguments = (ins Variadic<AnyTypeOf<[Tile_TileType, F32]>>:$values, Tile_RingType:$ring);
  let assemblyFormat = "$values `into` $ring attr-dict `:` type($values) `into` type($ring)";
  let hasVerifier = 1;
}

def Tile_GetOp : Tile_Op<"get", [MemoryEffects<[MemRead, MemWrite]>]> { // it waits, also where nothing is read
  let summary = "the values of a ring's next stage, when that is full";
  let description = [{
    They may be used until `tile.release`. Constraints: `get_c1` the results have the ring's types; `get_c2` tiles of the ring, and
    views of them, are used before the role's `tile.release`, scalars anywhere.
  }];
  let arguments = (ins Tile_RingType:$ring);
  let results = (outs Variadic<AnyTypeOf<[Tile_TileType, F32]>>:$values);
  let assemblyFormat = "$ring attr-dict `:` type($ring) `->` type($values)";
  let hasVerifier = 1;
}

def Tile_ReleaseOp : Tile_Op<"release", [MemoryEffects<[MemWrite]>]> {
  let summary = "says that this role is done with the stage that it got last";
  let description = [{
    It takes effect when the products that read the stage are done: where the role first reads the result of the last of
    them, or of a later one, at the latest at the end of the loop's iteration or the branch. A product in flight is waited for
    by whatever reads its result, so nothing else can read it.
  }];
  let arguments = (ins Tile_RingType:$ring);
  let assemblyFormat = "$ring attr-dict `:` type($ring)";
}

#endif
