// SPDX-License-Identifier: Apache-2.0
// Where a tile's elements are, and how they move from one form to another.
#include "compiler/Conversion/TileToNVVM/KernelEmitter.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

//===----------------------------------------------------------------------===//
// i32 arithmetic
//===----------------------------------------------------------------------===//

Value KernelEmitter::add(Value x, Value y) { return b.createOrFold<arith::AddIOp>(x, y); }
Value KernelEmitter::mul(Value x, int64_t y) {
  return b.createOrFold<arith::MulIOp>(x, ptx.i32(y));
}
Value KernelEmitter::div(Value x, int64_t y) {
  return b.createOrFold<arith::DivUIOp>(x, ptx.i32(y));
}
Value KernelEmitter::rem(Value x, int64_t y) {
  return y == 1 ? ptx.i32(0) : b.createOrFold<arith::RemUIOp>(x, ptx.i32(y));
}
Value KernelEmitter::xorI(Value x, Value y) { return b.createOrFold<arith::XOrIOp>(x, y); }
Value KernelEmitter::less(Value x, Value y) {
  return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, x, y);
}
Value KernelEmitter::andI(Value x, Value y) {
  return !x ? y : !y ? x : b.createOrFold<arith::AndIOp>(x, y);
}

void KernelEmitter::when(Value condition, function_ref<void()> body) {
  if (!condition)
    return body();
  auto branch = b.create<scf::IfOp>(condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  body();
}

int64_t KernelEmitter::allocateAgain(int64_t bytes, int64_t alignment) {
  int64_t reused = (leftBegin + alignment - 1) / alignment * alignment;
  if (reused + bytes > leftEnd)
    return allocate(bytes, alignment);
  leftBegin = reused + bytes;
  return reused;
}
int64_t KernelEmitter::allocate(int64_t bytes, int64_t alignment) {
  sharedTop = (sharedTop + alignment - 1) / alignment * alignment;
  int64_t offset = sharedTop;
  sharedTop += bytes;
  return offset;
}
Value KernelEmitter::sharedAddress(int64_t offset) { return add(sharedBase, ptx.i32(offset)); }

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

// A grid smaller than the block is held by every group of warps alike.
Value KernelEmitter::warpM(WarpGrid grid) {
  return grid.m * 32 == threads ? warp : rem(warp, grid.m);
}
Value KernelEmitter::warpN(WarpGrid grid) { return grid.n == 1 ? ptx.i32(0) : div(warp, grid.m); }

Value KernelEmitter::fragmentRow(WarpGrid grid, int64_t mi, int64_t half) {
  return add(add(mul(warpM(grid), 16), div(lane, 4)), ptx.i32(mi * 16 * grid.m + 8 * half));
}
Value KernelEmitter::fragmentColumn(WarpGrid grid, int64_t columns, int64_t ni, int64_t p) {
  return add(add(mul(warpN(grid), columns / grid.n), mul(rem(lane, 4), 2)), ptx.i32(8 * ni + p));
}

Value KernelEmitter::swizzled(Value base, int64_t rows, Value row, Value column) {
  return swizzledPlace(Arithmetic{this}, base, rows, row, column);
}

Value KernelEmitter::rowElement(const TileForm &lanes, WarpGrid grid, int64_t mi, int64_t half) {
  if (lanes.kind == TileForm::Splat)
    return lanes.registers[0];
  if (lanes.kind == TileForm::Rows)
    return lanes.registers[2 * mi + half];
  Value row = fragmentRow(grid, mi, half);
  if (lanes.kind == TileForm::Shared)
    return vectorElement(lanes, row);
  if (lanes.registers.size() == 1)
    return ptx.shuffleIndex(lanes.registers[0], row);
  // Two registers: elements 2 l and 2 l + 1 are in lane l, and which one is wanted differs between
  // lanes.
  Value source = div(row, 2);
  Value even = ptx.shuffleIndex(lanes.registers[0], source),
        odd = ptx.shuffleIndex(lanes.registers[1], source);
  Value isOdd = b.create<arith::CmpIOp>(arith::CmpIPredicate::ne, rem(row, 2), ptx.i32(0));
  return b.create<arith::SelectOp>(isOdd, odd, even);
}

Value KernelEmitter::columnElement(const TileForm &lanes, WarpGrid grid, int64_t columns,
                                   int64_t ni, int64_t p) {
  if (lanes.kind == TileForm::Splat)
    return lanes.registers[0];
  if (lanes.kind == TileForm::Shared) { // both columns of a pair at once
    Value pair = ptx.load(VectorType::get(2, b.getF32Type()),
                          add(lanes.address, mul(fragmentColumn(grid, columns, ni, 0), 4)), 8);
    return b.create<LLVM::ExtractElementOp>(pair, ptx.i32(p));
  }
  Value column = fragmentColumn(grid, columns, ni, p);
  if (lanes.kind == TileForm::Global)
    return globalPair(lanes, fragmentColumn(grid, columns, ni, 0))[p];
  if (lanes.kind != TileForm::Lanes) {
    refuseDivided();
    return ptx.f32(0);
  }
  if (lanes.registers.size() == 1)
    return ptx.shuffleIndex(lanes.registers[0], column);
  return ptx.shuffleIndex(lanes.registers[p],
                          div(column, 2)); // a fragment's columns are pairs (2 l, 2 l + 1)
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

/// The grid that a tile's users ask for: that of a product it is accumulated in, else of one it is
/// the left operand of; without products what the schedule says.
WarpGrid KernelEmitter::gridFor(Value tile) {
  for (bool accumulators : {true, false})
    for (OpOperand &use : tile.getUses()) {
      Operation *user = use.getOwner();
      if (auto matmul = dyn_cast<MatmulOp>(user)) {
        ArrayRef<int64_t> warps = *matmul.getWarps();
        if (accumulators && use.getOperandNumber() == 2)
          return {warps[0], warps[1]};
        if (!accumulators && use.getOperandNumber() == 0)
          return {warps[0], 1};
      } else if (auto map = dyn_cast<MapOp>(user)) {
        if (use.getOperandNumber() < map.getElems().size()) {
          WarpGrid grid = gridFor(map.getTile());
          bool accumulated = llvm::any_of(map.getTile().getUses(), [](OpOperand &next) {
            return isa<MatmulOp>(next.getOwner()) && next.getOperandNumber() == 2;
          });
          if (grid.m && accumulators == accumulated)
            return grid;
        }
      } else if (auto loop = dyn_cast<scf::ForOp>(user)) {
        if (use.getOperandNumber() >= loop.getNumControlOperands()) {
          WarpGrid grid = gridFor(loop.getTiedLoopRegionIterArg(&use));
          if (grid.m)
            return grid;
        }
      }
    }
  return {schedule.tileWarpsM, schedule.tileWarpsN};
}

TileForm KernelEmitter::materialize(const TileForm &form, WarpGrid grid) {
  if (form.kind == TileForm::Fragment) {
    assert(form.grid == grid && !form.transposed && "fragments do not move between warps");
    return form;
  }
  TileForm fragment;
  fragment.kind = TileForm::Fragment;
  fragment.type = form.transposed ? form.type.getTransposed() : form.type;
  fragment.grid = grid;
  for (int64_t mi = 0; mi < fragment.rowBlocks(); ++mi)
    for (int64_t ni = 0; ni < fragment.columnBlocks(); ++ni)
      if (form.kind == TileForm::Lazy)
        evaluateBlock(form.map, fragment, mi, ni, fragment.registers);
      else if (fragment.is16Bit()) {
        SmallVector<Value> x = blockElements(form, grid, mi, ni);
        for (int64_t half = 0; half < 2; ++half)
          fragment.registers.push_back(
              ptx.pack(fragment.type.getElementType(), x[2 * half], x[2 * half + 1]));
      } else {
        fragment.registers.append(blockElements(form, grid, mi, ni));
      }
  return fragment;
}

void KernelEmitter::refuseDivided() {
  if (!unsupported) // once, not for every element
    mlir::emitError(b.getLoc())
        << "expected vectors that each warp has whole, got one that is divided among the warps";
  unsupported = true;
}

TileForm KernelEmitter::lanesOf(const TileForm &form) {
  if (form.kind == TileForm::Lanes)
    return form;
  if (form.kind == TileForm::Shared) {
    TileForm lanes;
    lanes.kind = TileForm::Lanes;
    lanes.type = form.type;
    int64_t registers = TileForm::laneRegisters(form.rows());
    for (int64_t r = 0; r < registers; ++r)
      lanes.registers.push_back(
          vectorElement(form, rem(add(mul(lane, registers), ptx.i32(r)), form.rows())));
    return lanes;
  }
  if (form.kind != TileForm::Splat)
    refuseDivided();
  TileForm lanes = form;
  lanes.kind = TileForm::Lanes;
  lanes.registers.assign(TileForm::laneRegisters(form.rows()),
                         form.kind == TileForm::Splat ? form.registers[0] : ptx.f32(0));
  return lanes;
}

SmallVector<Value> KernelEmitter::blockElements(const TileForm &form, WarpGrid grid, int64_t mi,
                                                int64_t ni) {
  if (form.kind == TileForm::Splat)
    return SmallVector<Value>(4, form.registers[0]);
  Type element = form.type.getElementType();
  SmallVector<Value> values;
  if (form.kind == TileForm::Fragment) {
    assert(form.grid == grid && !form.transposed && "fragments do not move between warps");
    int64_t first = form.blockRegister(mi, ni);
    if (!form.is16Bit())
      return SmallVector<Value>(form.registers.begin() + first, form.registers.begin() + first + 4);
    for (int64_t half = 0; half < 2; ++half) {
      auto [low, high] = ptx.unpack(element, form.registers[first + half]);
      values.append({low, high});
    }
    return values;
  }
  if (form.kind == TileForm::Global) {
    Value column = fragmentColumn(grid, form.columns(), ni, 0);
    for (int64_t half = 0; half < 2; ++half)
      values.append(globalPair(form, {fragmentRow(grid, mi, half), column}));
    return values;
  }
  if (form.kind == TileForm::Lazy) {
    TileForm block = form;
    evaluateBlock(form.map, block, mi, ni, values);
    return values;
  }
  // Shared: the matrices of two neighbouring blocks come with one ldmatrix; this block's are the
  // first or the last two.
  SmallVector<Value> operand = leftOperand(form, grid, mi, ni / 2 * 16);
  for (int64_t half = 0; half < 2; ++half) {
    auto [low, high] = ptx.unpack(element, operand[2 * (ni % 2) + half]);
    values.append({low, high});
  }
  return values;
}

/// Stores a vector and waits for all threads.
TileForm KernelEmitter::vectorToShared(const TileForm &lanes) {
  TileForm shared;
  shared.kind = TileForm::Shared;
  shared.type = lanes.type;
  shared.address = sharedAddress(allocate(4 * lanes.rows(), 16));
  int64_t registers = lanes.registers.size();
  ptx.barrier(); // in a loop: all are done with the last one
  when(b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, warp, ptx.i32(0)), [&] {
    for (int64_t r = 0; r < registers; ++r) {
      Value index = add(mul(lane, registers), ptx.i32(r));
      when(registers * 32 == lanes.rows() ? Value() : less(index, ptx.i32(lanes.rows())),
           [&] { ptx.store(lanes.registers[r], add(shared.address, mul(index, 4)), 4); });
    }
  });
  ptx.barrier();
  return shared;
}

TileForm KernelEmitter::toShared(const TileForm &fragment) {
  assert(fragment.kind == TileForm::Fragment && fragment.is16Bit());
  int64_t rows = fragment.rows();
  TileForm shared;
  shared.kind = TileForm::Shared;
  shared.type = fragment.type;
  shared.transposed = fragment.transposed;
  shared.address = sharedAddress(allocate(TileForm::sharedBytes(rows, fragment.columns()), 1024));
  for (int64_t mi = 0; mi < fragment.rowBlocks(); ++mi)
    for (int64_t ni = 0; ni < fragment.columnBlocks(); ++ni)
      for (int64_t half = 0; half < 2; ++half) {
        Value address = swizzled(shared.address, rows, fragmentRow(fragment.grid, mi, half),
                                 fragmentColumn(fragment.grid, fragment.columns(), ni, 0));
        ptx.store(fragment.registers[fragment.blockRegister(mi, ni) + half], address, 4);
      }
  if (schedule.matrixUnit == "wgmma")
    ptx.fenceProxyAsync();
  ptx.barrier();
  return shared;
}

} // namespace xlstm
