// SPDX-License-Identifier: Apache-2.0
// What follows a product in a role: loads, maps and stores along rows.
//
// The sums fill most of a thread's registers, so nothing is made of a whole tile at once. A load
// that only maps read, and a map that is only stored, wait until the store asks for 16 columns:
//
//   for each panel of 64 columns:  registers ── map ──► 16-bit pairs ── stmatrix ──► shared memory
//                                  ── TMA ──► the tensor
//
// f32 results go out as pairs, of which the four lanes of a row fill one 32-byte sector.
#include "compiler/Conversion/TileToNVVM/KernelEmitter.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

//===----------------------------------------------------------------------===//
// Loads and maps
//===----------------------------------------------------------------------===//

/// Leaves a tile in its tensor until a map reads an element. A vector along a map's rows is read at
/// once: a thread has few rows.
bool KernelEmitter::deferLoad(LoadOp op) {
  if (!schedule.deferred || op.getTile().use_empty())
    return false;
  for (Operation *user : op.getTile().getUsers())
    if (!isa<MapOp>(user))
      return false;
  auto map = cast<MapOp>(*op.getTile().user_begin());
  TileForm form;
  form.kind = TileForm::Global;
  form.type = cast<TileType>(op.getTile().getType());
  form.load = op;
  form.registers = offsets(op.getOffsets());
  if (llvm::is_contained(map.getRows(), op.getTile())) {
    TileForm rows;
    rows.kind = TileForm::Rows;
    rows.type = form.type;
    rows.grid = fragmentGrid(map);
    for (int64_t i = 0; i < form.rows() / (8 * rows.grid.m); ++i)
      rows.registers.push_back(globalElement(form, fragmentRow(rows.grid, i / 2, i % 2)));
    form = rows;
  }
  tiles[op.getTile()] = form;
  return true;
}

/// How the warps divide the product that a map reads; no warps if it reads none.
WarpGrid KernelEmitter::fragmentGrid(MapOp op) {
  for (Value value : op.getElems())
    if (TileForm elem = tiles.lookup(value); elem.kind == TileForm::Fragment)
      return elem.grid;
  return {};
}

/// Leaves a map of a product's result to the stores of its results.
bool KernelEmitter::deferMap(MapOp op) {
  TileForm form;
  form.kind = TileForm::Lazy;
  form.map = op;
  form.grid = fragmentGrid(op);
  if (!schedule.deferred || !form.grid.m)
    return false;
  for (Value tile : op.getTiles())
    for (Operation *user : tile.getUsers())
      if (!isa<StoreOp>(user))
        return false;
  for (auto [i, tile] : llvm::enumerate(op.getTiles())) {
    form.type = cast<TileType>(tile.getType());
    form.mapResult = i;
    tiles[tile] = form;
  }
  return true;
}

/// Where an element of a tile is in its tensor; what is outside is the last element inside, or the
/// one before it for the first of a pair.
SmallVector<Value> KernelEmitter::globalIndex(const TileForm &form, ArrayRef<Value> place,
                                              bool firstOfPair) {
  LoadOp op = form.load;
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  SmallVector<Value> index(form.registers);
  for (auto [i, axis] : llvm::enumerate(op.getAxes())) {
    Value last = add(tensor.extents[axis], ptx.i32(firstOfPair && i + 1 == place.size() ? -2 : -1));
    index[axis] = b.create<arith::MinSIOp>(add(index[axis], place[i]), last);
  }
  return index;
}

Value KernelEmitter::globalElement(const TileForm &form, ArrayRef<Value> place) {
  LoadOp op = form.load;
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  Value pointer = elementPointer(tensor, globalIndex(form, place, /*firstOfPair=*/false));
  Type element = tensor.type.getElementType();
  if (element.getIntOrFloatBitWidth() != 16)
    return b.create<LLVM::LoadOp>(b.getF32Type(), pointer);
  Value bits = b.create<arith::ExtUIOp>(
      b.getI32Type(), b.create<LLVM::LoadOp>(b.getI16Type(), pointer).getResult());
  return ptx.unpack(element, bits).first;
}

/// Two neighbouring elements along the last axis of a tile, as f32.
SmallVector<Value> KernelEmitter::globalPair(const TileForm &form, ArrayRef<Value> place) {
  if (!schedule.aligned) {
    SmallVector<Value> next(place);
    next.back() = add(next.back(), ptx.i32(1));
    return {globalElement(form, place), globalElement(form, next)};
  }
  LoadOp op = form.load;
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  Value pointer = elementPointer(tensor, globalIndex(form, place, /*firstOfPair=*/true));
  Type element = tensor.type.getElementType();
  if (element.getIntOrFloatBitWidth() == 16) {
    auto [low, high] = ptx.unpack(element, b.create<LLVM::LoadOp>(b.getI32Type(), pointer, 4));
    return {low, high};
  }
  Value pair = b.create<LLVM::LoadOp>(VectorType::get(2, b.getF32Type()), pointer, 8);
  return {b.create<LLVM::ExtractElementOp>(pair, ptx.i32(0)),
          b.create<LLVM::ExtractElementOp>(pair, ptx.i32(1))};
}

//===----------------------------------------------------------------------===//
// Stores
//===----------------------------------------------------------------------===//

bool KernelEmitter::storesPanels(StoreOp op) const {
  ArrayRef<int64_t> axes = op.getAxes();
  Type element = cast<MemRefType>(op.getTensor().getType()).getElementType();
  return schedule.deferred && op->getParentOfType<RoleOp>() && axes.size() == 2 &&
         axes[0] < axes[1] && element.getIntOrFloatBitWidth() == 16 &&
         cast<TileType>(op.getTile().getType()).getShape()[1] % 64 == 0;
}

void KernelEmitter::storeEpilogue(StoreOp op, const TileForm &fragment) {
  storesPanels(op) ? storePanels(op, fragment) : storePairs(op, fragment);
}

/// Each warpgroup puts 64 rows of 64 columns into one of two buffers of its own, and one thread
/// starts the copy, which leaves out what is beyond the tensor.
void KernelEmitter::storePanels(StoreOp op, const TileForm &fragment) {
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  Type element = tensor.type.getElementType();
  ArrayRef<int64_t> axes = op.getAxes();
  SmallVector<Value> index = offsets(op.getOffsets());
  int64_t bytes = TileForm::panelBytes(64);
  if (staging < 0)
    staging = allocate(2 * threads / 128 * bytes, 1024);
  Value warpgroup = div(warp, 4);
  Value buffers = add(sharedAddress(staging), mul(warpgroup, 2 * bytes));
  Value first = b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, rem(thread, 128), ptx.i32(0));
  Value firstRow = add(index[axes[0]], mul(warpgroup, 64)), firstColumn = index[axes[1]];
  Value row = add(mul(rem(warp, 4), 16), rem(lane, 16)), second = mul(div(lane, 16), 8);
  for (int64_t panel = 0; panel < fragment.columns() / 64; ++panel) {
    // Two buffers by turns, through all results of a tile. The first panel of a tile waits for all
    // of the tile before, of which there may be an odd number.
    Value buffer = add(buffers, ptx.i32(stagedPanels % 2 * bytes));
    when(first, [&] { ptx.bulkWait(/*read=*/true, /*groups=*/stagedPanels ? 1 : 0); });
    ++stagedPanels;
    meet(); // the buffer is free
    for (int64_t ni = 8 * panel; ni < 8 * panel + 8; ni += 2) {
      SmallVector<Value> packed;
      for (int64_t block = ni; block < ni + 2; ++block) {
        SmallVector<Value> x = blockElements(fragment, fragment.grid, 0, block);
        for (int64_t half = 0; half < 2; ++half)
          packed.push_back(ptx.pack(element, x[2 * half], x[2 * half + 1]));
      }
      ptx.stmatrix4(swizzled(buffer, 64, row, add(second, ptx.i32(8 * (ni % 8)))), packed,
                    /*transpose=*/false);
    }
    ptx.fenceProxyAsync();
    meet();
    when(first, [&] {
      index[axes[0]] = firstRow;
      index[axes[1]] = add(firstColumn, ptx.i32(64 * panel));
      ptx.tmaStore(buffer, function.getArgument(tensor.tensorMapArgument),
                   SmallVector<Value>(llvm::reverse(index)));
      ptx.bulkCommit();
    });
  }
}

/// Pairs of elements, where they are inside of the tensor.
void KernelEmitter::storePairs(StoreOp op, const TileForm &fragment) {
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  Type element = tensor.type.getElementType();
  ArrayRef<int64_t> axes = op.getAxes();
  SmallVector<Value> base = offsets(op.getOffsets());
  auto storePair = [&](ArrayRef<Value> index, Value low, Value high) {
    Value pair, pointer = elementPointer(tensor, index);
    if (element.getIntOrFloatBitWidth() == 16) {
      pair = ptx.pack(element, low, high);
    } else {
      pair = b.create<LLVM::UndefOp>(VectorType::get(2, b.getF32Type()));
      pair = b.create<LLVM::InsertElementOp>(pair, low, ptx.i32(0));
      pair = b.create<LLVM::InsertElementOp>(pair, high, ptx.i32(1));
    }
    b.create<LLVM::StoreOp>(pair, pointer, element.getIntOrFloatBitWidth() / 4);
  };
  for (int64_t mi = 0; mi < fragment.rowBlocks(); ++mi)
    for (int64_t ni = 0; ni < fragment.columnBlocks(); ++ni) {
      SmallVector<Value> x = blockElements(fragment, fragment.grid, mi, ni);
      for (int64_t half = 0; half < 2; ++half) {
        SmallVector<Value> index(base);
        index[axes[0]] = add(index[axes[0]], fragmentRow(fragment.grid, mi, half));
        index[axes[1]] =
            add(index[axes[1]], fragmentColumn(fragment.grid, fragment.columns(), ni, 0));
        if (schedule.aligned) {
          when(inRange(tensor, index), [&] { storePair(index, x[2 * half], x[2 * half + 1]); });
          continue;
        }
        for (int64_t p = 0; p < 2; ++p, index[axes[1]] = add(index[axes[1]], ptx.i32(1)))
          guardedStore(tensor, index, {}, x[2 * half + p]);
      }
    }
}

} // namespace xlstm
