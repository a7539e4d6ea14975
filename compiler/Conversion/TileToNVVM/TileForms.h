// SPDX-License-Identifier: Apache-2.0
// The forms that tiles take on a GPU, and where each element is.
//
// Fragment of an M x N tile over wm x wn warps. A warp's share is rows 16*(mi*wm + warpM) .. +15
// for mi = 0 .. M/(16 wm)-1 and columns warpN*(N/wn) .. +N/wn-1, in blocks of 16 x 8. In a block,
// lane l holds (row l/4, columns 2(l%4), 2(l%4)+1) and (row l/4 + 8, the same columns): the
// accumulator of mma.m16n8k16 and of wgmma. Two neighbouring blocks of 16-bit elements are exactly
// the left operand's fragment of one k-step of 16, so a product's result is the next product's
// operand.
//
//            columns 0 1 2 3 4 5 6 7          register order in a block: (row, c0) (row, c1)
//            (row+8, c0) (row+8, c1)
//   row 0    l0 l0 l1 l1 l2 l2 l3 l3          16-bit elements: the two of a row are packed into one
//   i32 row 1    l4 l4 l5 l5 ..
//
// Shared tile of R rows x C columns, 16-bit elements: panels of 64 columns, each R rows of 128
// bytes; the 16-byte piece p of row r stands at p ^ (r % 8). It is the 128-byte swizzle of TMA and
// wgmma, and makes ldmatrix free of bank conflicts.
//
// A shared vector of a role is f32 elements one after the other. As a matrix unit's operand it is a
// panel of 8 rows beside it: row 0 the elements rounded to 16 bits, row 1 what is left of them, the
// others 0.
//
// Rows of a vector: register 2 mi + half of a lane is the element of the fragment's row that its
// registers (mi, half) are of; the four lanes of a row have the same.
//
// Global tiles are still in their tensor. What is outside of it reads some element inside, because
// nothing is stored of what follows from it.
//
// Lanes of a vector of N elements: R = ceil(N / 32) registers; element e is register e % R of lane
// e / R, in every warp.
//
// Across the threads, spread over them: in EmitSpread.cpp. Kept for products: in EmitRecurrent.cpp.
#ifndef XLSTM_COMPILER_CONVERSION_TILETONVVM_TILEFORMS_H
#define XLSTM_COMPILER_CONVERSION_TILETONVVM_TILEFORMS_H

#include "dialect/tile/IR/Tile.h"

namespace xlstm {

/// Warps over a fragment's rows and columns.
struct WarpGrid {
  int64_t m = 0, n = 0;
  bool operator==(const WarpGrid &other) const { return m == other.m && n == other.n; }
  bool operator!=(const WarpGrid &other) const { return !(*this == other); }
};

struct TileForm {
  enum Kind { Fragment, Lanes, Rows, Shared, Splat, Lazy, Global, Across, Spread, Kept } kind = Splat;
  mlir::tile::TileType type; // of the stored tile, before `transposed`
  bool transposed = false;   // the value is the transpose of what is stored (fragment, shared)
  WarpGrid grid;             // fragment, rows
  mlir::SmallVector<mlir::Value> registers; // fragment, lanes; for a splat the scalar
  mlir::Value address;                      // shared: byte address of the buffer, i32
  int64_t panelRows = 0;                    // shared: rows of a panel, if not the tile's
  mlir::Value operand; // shared vector: the address of its two 16-bit rows, if it has them
  int64_t ring = -1;   // shared: number of the ring whose stage it is,
  int64_t inStage = 0, operandInStage = 0; // and where in the stage the two addresses are
  // Lazy: a map whose one use is the left operand of a product, or a store; evaluated there.
  mlir::tile::MapOp map;
  unsigned mapResult = 0;
  // Global: a load whose elements are read where they are used; `registers` are its offsets.
  // Kept: the matrix's load; `address` is that of its copy, if there is one.
  mlir::tile::LoadOp load;

  int64_t rows() const { return type.getShape()[0]; }
  int64_t columns() const { return type.getShape()[1]; }
  bool is16Bit() const { return type.getElementType().getIntOrFloatBitWidth() == 16; }

  /// Fragment: blocks of 16 x 8 of one warp along rows and columns.
  int64_t rowBlocks() const { return rows() / (16 * grid.m); }
  int64_t columnBlocks() const { return columns() / (8 * grid.n); }
  /// Fragment: the first register of block (mi, ni); four f32 or two packed i32 follow.
  int64_t blockRegister(int64_t mi, int64_t ni) const {
    return (mi * columnBlocks() + ni) * (is16Bit() ? 2 : 4);
  }
  int64_t numFragmentRegisters() const {
    return rowBlocks() * columnBlocks() * (is16Bit() ? 2 : 4);
  }

  /// Lanes: registers of a vector of `extent` elements.
  static int64_t laneRegisters(int64_t extent) { return (extent + 31) / 32; }

  /// Shared: bytes of one panel, and of a tile.
  int64_t panelPitch() const { return panelBytes(panelRows ? panelRows : rows()); }
  static int64_t panelBytes(int64_t rows) { return rows * 128; }
  static int64_t sharedBytes(int64_t rows, int64_t columns) {
    return (columns + 63) / 64 * panelBytes(rows);
  }
};

} // namespace xlstm

#endif
