// SPDX-License-Identifier: Apache-2.0
// The protocol of a ring: which stage an iteration uses, what is waited for, who arrives, and where
// an element of a stage is. One text for the lowering, whose numbers are values of the program that
// it emits, and for the interpreter, whose numbers are integers: what the interpreter tests is what
// is emitted.
//
// A stage has two mbarriers. Full completes when the bytes of a copy are there, or each writing warp
// has arrived; empty when each reading warp has. Stage s is used in the iterations s, s + stages, ..;
// in use u the readers wait for parity u % 2 of full, the writer for the other one of empty, which a
// new barrier passes at once.
//
//   iteration      0  1  2  3  4  5      of a ring of two stages
//   stage          0  1  0  1  0  1
//   full parity    0  0  1  1  0  0
//   empty parity   1  1  0  0  1  1
#ifndef XLSTM_DIALECT_TILE_IR_RINGPROTOCOL_H
#define XLSTM_DIALECT_TILE_IR_RINGPROTOCOL_H

#include "dialect/tile/IR/Tile.h"

namespace mlir::tile {

/// `Arithmetic` has a type Number, constant(n), add(x, y), mul(x, n), div(x, n), rem(x, n) and
/// exclusiveOr(x, y), where x and y are numbers and n is an integer.
template <typename Arithmetic> struct RingProtocol {
  using Number = typename Arithmetic::Number;
  Arithmetic a;
  int64_t stages;

  Number stage(Number iteration) const { return a.rem(iteration, stages); }
  Number fullParity(Number iteration) const { return a.rem(a.div(iteration, stages), 2); }
  Number emptyParity(Number iteration) const {
    return a.exclusiveOr(fullParity(iteration), a.constant(1));
  }
};

/// Where an element of a matrix is: panels of 128 bytes of each row, one behind the other, and in
/// row r of a panel the 16-byte piece p at p ^ (r % 8). `bytes` are those of an element.
template <typename Arithmetic, typename Number = typename Arithmetic::Number>
Number swizzledPlace(const Arithmetic &a, Number base, int64_t rows, Number row, Number column,
                     int64_t bytes = 2) {
  Number panel = a.mul(a.div(column, 128 / bytes), 128 * rows);
  Number piece = a.exclusiveOr(a.rem(a.div(column, 16 / bytes), 8), a.rem(row, 8));
  Number inPanel =
      a.add(a.mul(row, 128), a.add(a.mul(piece, 16), a.mul(a.rem(column, 16 / bytes), bytes)));
  return a.add(a.add(base, panel), inPanel);
}

struct IntegerArithmetic {
  using Number = int64_t;
  int64_t constant(int64_t n) const { return n; }
  int64_t add(int64_t x, int64_t y) const { return x + y; }
  int64_t mul(int64_t x, int64_t n) const { return x * n; }
  int64_t div(int64_t x, int64_t n) const { return x / n; }
  int64_t rem(int64_t x, int64_t n) const { return x % n; }
  int64_t exclusiveOr(int64_t x, int64_t y) const { return x ^ y; }
};

/// Arrivals of a warp when it is done with a stage: that of one lane behind a barrier of the warp,
/// or each lane's, if the kernel's schedule has `lane_arrivals`.
int64_t warpArrivals(KernelOp kernel);

/// How many arrivals complete a stage's barriers.
struct RingArrivals {
  int64_t writers = 0; // at full: those of each warp that writes, or one that starts a copy
  int64_t readers = 0; // at empty: those of each warp that reads
};
RingArrivals ringArrivals(RingOp ring);

/// A copy of a matrix into a stage: panels of 128 bytes of each row, also where the tile has less.
int64_t fetchedPanels(TileType matrix);
int64_t stageBytes(TileType matrix); ///< of all rows
int64_t fetchedBytes(FetchOp fetch); ///< of those that it copies

/// Whether a store leaves through staging buffers in shared memory, two for each warpgroup, from
/// which a copy reads later: of up to 64 16-bit columns, in the innermost loop of a role. The buffer of an
/// iteration is that of a ring of two stages.
bool storesByTMA(StoreOp op);

} // namespace mlir::tile

#endif
