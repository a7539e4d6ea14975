// SPDX-License-Identifier: Apache-2.0
// Global tensors: guarded elements, vectors and fragments, and tiles that go out through shared
// memory.
#include "compiler/Conversion/TileToNVVM/KernelEmitter.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

SmallVector<Value> KernelEmitter::offsets(ValueRange values) {
  SmallVector<Value> result;
  for (Value value : values)
    result.push_back(scalar(value));
  return result;
}

/// Whether an index is inside of a tensor; null if that is known.
Value KernelEmitter::inRange(const Tensor &tensor, ArrayRef<Value> index) {
  Value condition;
  for (auto [i, extent] : llvm::zip(index, tensor.extents)) {
    std::optional<int64_t> constantIndex = getConstantIntValue(i),
                           constantExtent = getConstantIntValue(extent);
    if (!constantIndex || !constantExtent || *constantIndex >= *constantExtent)
      condition = andI(condition, less(i, extent));
  }
  return condition;
}

/// Whether a tile's offsets are inside of a tensor along the axes that the tile does not run along;
/// true if that is known.
Value KernelEmitter::pointInRange(const Tensor &tensor, ArrayRef<Value> index,
                                  ArrayRef<int64_t> axes) {
  Value condition = b.create<arith::ConstantOp>(b.getBoolAttr(true));
  for (auto [axis, i] : llvm::enumerate(index))
    if (!llvm::is_contained(axes, int64_t(axis)))
      condition = b.createOrFold<arith::AndIOp>(condition, less(i, tensor.extents[axis]));
  return condition;
}

Value KernelEmitter::pairsInRange(const Tensor &tensor, ArrayRef<Value> base,
                                  ArrayRef<int64_t> axes, const TileForm &form) {
  if (getConstantIntValue(tensor.strides[axes[1]]) != 1 || !tensor.type.getElementType().isF32() ||
      form.columns() % 2)
    return {};
  Value address = b.create<LLVM::PtrToIntOp>(b.getI64Type(), elementPointer(tensor, base));
  Value step = b.createOrFold<arith::MulIOp>(tensor.strides[axes[0]], ptx.i64(4));
  Value misaligned = b.create<arith::AndIOp>(b.create<arith::OrIOp>(address, step), ptx.i64(7));
  Value condition = b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, misaligned, ptx.i64(0));
  for (int64_t k : {0, 1}) {
    Value last = add(base[axes[k]], ptx.i32(form.type.getShape()[k] - 1));
    condition = andI(condition, less(last, tensor.extents[axes[k]]));
  }
  return condition;
}

Value KernelEmitter::elementPointer(const Tensor &tensor, ArrayRef<Value> index) {
  Value offset;
  for (auto [i, stride] : llvm::zip(index, tensor.strides)) {
    Value wide = b.createOrFold<arith::ExtSIOp>(b.getI64Type(), i);
    Value term = b.createOrFold<arith::MulIOp>(wide, stride);
    offset = offset ? b.createOrFold<arith::AddIOp>(offset, term) : term;
  }
  return b.create<LLVM::GEPOp>(tensor.pointer.getType(), tensor.type.getElementType(),
                               tensor.pointer, offset);
}

/// An element as f32, of an integer tensor as i32, or `pad` where it is outside of the tensor or of
/// `extraGuard`. `known` is its address, if that is known.
Value KernelEmitter::guardedLoad(const Tensor &tensor, ArrayRef<Value> index, Value extraGuard,
                                 double pad, Value known) {
  Type element = tensor.type.getElementType(), f32 = b.getF32Type();
  bool isInteger = element.isInteger(32);
  Type result = isInteger ? element : f32;
  Value condition = andI(inRange(tensor, index), extraGuard);
  auto read = [&]() -> Value {
    Value pointer = known ? known : elementPointer(tensor, index);
    if (element.getIntOrFloatBitWidth() == 16) {
      Value bits = b.create<arith::ExtUIOp>(
          b.getI32Type(), b.create<LLVM::LoadOp>(b.getI16Type(), pointer).getResult());
      return ptx.unpack(element, bits).first;
    }
    if (element.isF64())
      return b.create<arith::TruncFOp>(f32, b.create<LLVM::LoadOp>(element, pointer).getResult());
    return b.create<LLVM::LoadOp>(result, pointer);
  };
  if (!condition)
    return read();
  auto branch = b.create<scf::IfOp>(TypeRange(result), condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  b.create<scf::YieldOp>(ValueRange(read()));
  b.setInsertionPointToStart(branch.elseBlock());
  b.create<scf::YieldOp>(ValueRange(isInteger ? ptx.i32(int64_t(pad)) : ptx.f32(pad)));
  return branch.getResult(0);
}

/// Writes an f32 value, rounded to the tensor's type.
void KernelEmitter::guardedStore(const Tensor &tensor, ArrayRef<Value> index, Value extraGuard,
                                 Value value, Value known) {
  when(andI(inRange(tensor, index), extraGuard), [&] {
    Value pointer = known ? known : elementPointer(tensor, index), converted = value;
    Type element = tensor.type.getElementType();
    if (element.getIntOrFloatBitWidth() == 16)
      converted = b.create<arith::TruncIOp>(b.getI16Type(), ptx.pack(element, value, value));
    else if (element.isF64())
      converted = b.create<arith::ExtFOp>(element, value);
    b.create<LLVM::StoreOp>(converted, pointer);
  });
}

/// Calls `body` with the index and address of each of this thread's elements of a fragment, in the
/// order of its registers. Addresses advance from block to block and the block's threads meet now
/// and then: left alone, ptxas computes all addresses first and spills them.
void KernelEmitter::eachElement(const Tensor &tensor, const TileForm &form, ArrayRef<Value> base,
                                ArrayRef<int64_t> axes,
                                function_ref<void(ArrayRef<Value>, Value, int64_t)> body) {
  auto restore = keepPlaces();
  auto advance = [&](Value pointer, int64_t axis, int64_t steps) -> Value {
    Value offset = b.createOrFold<arith::MulIOp>(tensor.strides[axis], ptx.i64(steps));
    return b.create<LLVM::GEPOp>(pointer.getType(), tensor.type.getElementType(), pointer, offset);
  };
  int64_t number = 0;
  for (int64_t mi = 0; mi < form.rowBlocks(); ++mi) {
    Value first;
    for (int64_t ni = 0; ni < form.columnBlocks(); ++ni) {
      if (ni % 4 == 0)
        meet();
      hidePlaces();
      auto place = [&](int64_t half, int64_t p) {
        SmallVector<Value> index(base);
        index[axes[0]] = add(index[axes[0]], fragmentRow(form.grid, mi, half));
        index[axes[1]] = add(index[axes[1]], fragmentColumn(form.grid, form.columns(), ni, p));
        return index;
      };
      first = first ? ptx.opaque(advance(first, axes[1], 8)) : elementPointer(tensor, place(0, 0));
      for (int64_t half = 0; half < 2; ++half)
        for (int64_t p = 0; p < 2; ++p) {
          Value pointer = half ? advance(first, axes[0], 8) : first;
          body(place(half, p), p ? advance(pointer, axes[1], 1) : pointer, number++);
        }
    }
  }
}

LogicalResult KernelEmitter::emitLoad(LoadOp op) {
  if (op.getStages()) {
    if (tiles.count(op.getTile()))
      return success(); // copied by the loop around it
    return op.emitError() << "with stages must stand directly in a loop";
  }
  if (deferLoad(op))
    return success();
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  SmallVector<Value> base = offsets(op.getOffsets());
  double pad = op.getPad().convertToDouble();
  ArrayRef<int64_t> axes = op.getAxes();
  TileForm form;
  form.type = cast<TileType>(op.getTile().getType());
  if (axes.size() == 1) {
    form.kind = TileForm::Lanes;
    int64_t registers = TileForm::laneRegisters(form.rows());
    for (int64_t r = 0; r < registers; ++r) {
      Value element = add(mul(lane, registers), ptx.i32(r));
      SmallVector<Value> index = base;
      index[axes[0]] = add(index[axes[0]], element);
      Value inside = registers * 32 == form.rows() ? Value() : less(element, ptx.i32(form.rows()));
      form.registers.push_back(guardedLoad(tensor, index, inside, pad));
    }
    tiles[op.getTile()] = form;
    return success();
  }
  form.kind = TileForm::Fragment;
  form.grid = gridFor(op.getTile());
  if (!form.grid.m || form.is16Bit())
    return op.emitError()
           << "expected stages, or a use in a product that says how warps divide the tile";
  auto readElements = [&] {
    SmallVector<Value> registers;
    eachElement(tensor, form, base, axes, [&](ArrayRef<Value> index, Value pointer, int64_t) {
      registers.push_back(guardedLoad(tensor, index, {}, pad, pointer));
    });
    return registers;
  };
  auto readPairs = [&] {
    SmallVector<Value> registers;
    eachElement(tensor, form, base, axes, [&](ArrayRef<Value>, Value pointer, int64_t number) {
      if (number % 2)
        return;
      auto type = VectorType::get(2, b.getF32Type());
      Value pair = b.create<LLVM::LoadOp>(type, pointer, /*alignment=*/8);
      for (int64_t i : {0, 1})
        registers.push_back(b.create<LLVM::ExtractElementOp>(pair, ptx.i32(i)));
    });
    return registers;
  };
  auto read = [&]() -> SmallVector<Value> {
    Value pairs = pairsInRange(tensor, base, axes, form);
    if (!pairs)
      return readElements();
    SmallVector<Type> types(form.numFragmentRegisters(), b.getF32Type());
    auto branch = b.create<scf::IfOp>(types, pairs, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    b.create<scf::YieldOp>(readPairs());
    b.setInsertionPointToStart(branch.elseBlock());
    b.create<scf::YieldOp>(readElements());
    return branch.getResults();
  };
  // An absent tensor is one branch for the whole tile.
  SmallVector<Type> types(form.numFragmentRegisters(), b.getF32Type());
  auto branch =
      b.create<scf::IfOp>(types, pointInRange(tensor, base, axes), /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    b.create<scf::YieldOp>(read());
    b.setInsertionPointToStart(branch.elseBlock());
    b.create<scf::YieldOp>(SmallVector<Value>(types.size(), ptx.f32(pad)));
  }
  form.registers.assign(branch.getResults().begin(), branch.getResults().end());
  tiles[op.getTile()] = form;
  return success();
}

LogicalResult KernelEmitter::emitStore(StoreOp op) {
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  TileForm form = tiles.lookup(op.getTile());
  SmallVector<Value> base = offsets(op.getOffsets());
  ArrayRef<int64_t> axes = op.getAxes();
  if (axes.size() == 1) {
    form = lanesOf(form);
    int64_t registers = form.registers.size();
    Value firstWarp = b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, warp, ptx.i32(0));
    when(firstWarp, [&] {
      for (int64_t r = 0; r < registers; ++r) {
        Value element = add(mul(lane, registers), ptx.i32(r));
        SmallVector<Value> index = base;
        index[axes[0]] = add(index[axes[0]], element);
        guardedStore(tensor, index,
                     registers * 32 == form.rows() ? Value() : less(element, ptx.i32(form.rows())),
                     form.registers[r]);
      }
    });
    return success();
  }
  bool deferred = form.kind == TileForm::Lazy && schedule.deferred;
  if ((form.kind != TileForm::Fragment && !deferred) || form.transposed)
    return op.emitError() << "expected the result of a product or of a map of one";
  bool transposes = axes[0] > axes[1];
  if (schedule.deferred && !transposes) {
    storeEpilogue(op, form);
    return success();
  }
  if (storesByTMA(op)) {
    storeByTMA(op, form);
    return success();
  }
  if (transposes && !role && tensor.type.getElementType().getIntOrFloatBitWidth() == 16) {
    storeThroughShared(op, form);
    return success();
  }
  if (!transposes && tensor.type.getElementType().getIntOrFloatBitWidth() == 16 &&
      getConstantIntValue(tensor.strides[axes[1]]) == 1 && form.columnBlocks() % 2 == 0) {
    storeWarpRows(op, form);
    return success();
  }
  auto write = [&](bool pairs) {
    SmallVector<Value> block;
    Value packed;
    Type element = tensor.type.getElementType();
    eachElement(
        tensor, form, base, axes, [&](ArrayRef<Value> index, Value pointer, int64_t number) {
          if (number % 4 == 0)
            block = blockElements(form, form.grid, number / 4 / form.columnBlocks(),
                                  number / 4 % form.columnBlocks());
          if (!pairs && element.getIntOrFloatBitWidth() == 16) {
            // Two are rounded together: ptxas would round each in advance, and spill them.
            if (number % 2 == 0)
              packed = ptx.pack(element, block[number % 4], block[number % 4 + 1]);
            Value half =
                number % 2 ? b.create<arith::ShRUIOp>(packed, ptx.i32(16)).getResult() : packed;
            return when(inRange(tensor, index), [&] {
              b.create<LLVM::StoreOp>(b.create<arith::TruncIOp>(b.getI16Type(), half), pointer);
            });
          }
          if (!pairs)
            return guardedStore(tensor, index, {}, block[number % 4], pointer);
          if (number % 2)
            return;
          Value pair = b.create<LLVM::UndefOp>(VectorType::get(2, b.getF32Type()));
          for (int64_t i : {0, 1})
            pair = b.create<LLVM::InsertElementOp>(pair, block[number % 4 + i], ptx.i32(i));
          b.create<LLVM::StoreOp>(pair, pointer, /*alignment=*/8);
        });
  };
  when(pointInRange(tensor, base, axes), [&] {
    Value pairs = pairsInRange(tensor, base, axes, form);
    if (!pairs)
      return write(false);
    auto branch = b.create<scf::IfOp>(pairs, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    auto restore = keepPlaces();
    b.setInsertionPointToStart(branch.thenBlock());
    write(true);
    b.setInsertionPointToStart(branch.elseBlock());
    write(false);
  });
  return success();
}

/// A fragment whose rows run along the tensor's contiguous axis: transposed in shared memory, up to
/// 64 columns at a time, stored in 16-byte pieces.
void KernelEmitter::storeThroughShared(StoreOp op, const TileForm &fragment) {
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  Type element = tensor.type.getElementType();
  SmallVector<Value> base = offsets(op.getOffsets());
  ArrayRef<int64_t> axes = op.getAxes();
  int64_t rows = fragment.rows(), groups = fragment.grid.n;
  int64_t blocks = std::min(fragment.columnBlocks(), std::max<int64_t>(1, 8 / groups));
  int64_t columns = 8 * blocks * groups; // at a time, of all groups of warps
  int64_t pitch = (rows + 8) *
                  2; // bytes of a column; the padding keeps neighbouring columns in different banks
  int64_t buffer = allocateAgain(columns * pitch, 16);
  for (int64_t firstBlock = 0; firstBlock < fragment.columnBlocks(); firstBlock += blocks) {
    if (firstBlock)
      ptx.barrier();
    if (schedule.matrixUnit == "wgmma" && blocks % 2 == 0)
      putTransposed(fragment, element, firstBlock, blocks, sharedAddress(buffer), pitch);
    else
      for (int64_t mi = 0; mi < fragment.rowBlocks(); ++mi)
        for (int64_t ni = 0; ni < blocks; ++ni) {
          SmallVector<Value> block = blockElements(fragment, fragment.grid, mi, firstBlock + ni);
          for (int64_t half = 0; half < 2; ++half) {
            Value packed = ptx.pack(element, block[2 * half], block[2 * half + 1]);
            Value row = fragmentRow(fragment.grid, mi, half),
                  column = fragmentColumn(fragment.grid, columns, ni, 0);
            Value address = add(sharedAddress(buffer), add(mul(column, pitch), mul(row, 2)));
            ptx.store(b.create<arith::TruncIOp>(b.getI16Type(), packed), address, 2);
            ptx.store(b.create<arith::TruncIOp>(b.getI16Type(),
                                                b.create<arith::ShRUIOp>(packed, ptx.i32(16))),
                      add(address, ptx.i32(pitch)), 2);
          }
        }
    ptx.barrier();
    int64_t piecesPerColumn = rows / 8, pieces = piecesPerColumn * columns;
    for (int64_t first = 0; first < pieces; first += threads) {
      Value piece = add(thread, ptx.i32(first));
      Value column = div(piece, piecesPerColumn), row = mul(rem(piece, piecesPerColumn), 8);
      when(first + threads > pieces ? less(piece, ptx.i32(pieces)) : Value(), [&] {
        SmallVector<Value> index = base;
        Value group = div(column, 8 * blocks), inGroup = rem(column, 8 * blocks);
        Value place = groups == 1 ? column : add(mul(group, fragment.columns() / groups), inGroup);
        index[axes[0]] = add(index[axes[0]], row);
        index[axes[1]] = add(index[axes[1]], add(place, ptx.i32(8 * firstBlock)));
        Value vector =
            ptx.load(VectorType::get(4, b.getI32Type()),
                     add(sharedAddress(buffer), add(mul(column, pitch), mul(row, 2))), 16);
        storePiece(tensor, index, axes[0], vector);
      });
    }
  }
}

/// Blocks of columns of a fragment as rows of `pitch` bytes, two blocks at a time.
void KernelEmitter::putTransposed(const TileForm &fragment, Type element, int64_t firstBlock,
                                  int64_t blocks, Value buffer, int64_t pitch) {
  // A lane has the address of a row of one matrix: of columns 0-7 for rows 0-7 and 8-15, then of
  // columns 8-15.
  Value row = add(mul(warpM(fragment.grid), 16), mul(rem(div(lane, 8), 2), 8)),
        column =
            add(add(mul(warpN(fragment.grid), 8 * blocks), rem(lane, 8)), mul(div(lane, 16), 8));
  Value place = add(buffer, add(mul(column, pitch), mul(row, 2)));
  for (int64_t mi = 0; mi < fragment.rowBlocks(); ++mi)
    for (int64_t ni = 0; ni < blocks; ni += 2) {
      SmallVector<Value> packed;
      for (int64_t block = ni; block < ni + 2; ++block) {
        SmallVector<Value> x = blockElements(fragment, fragment.grid, mi, firstBlock + block);
        for (int64_t half = 0; half < 2; ++half)
          packed.push_back(ptx.pack(element, x[2 * half], x[2 * half + 1]));
      }
      ptx.stmatrix4(add(place, ptx.i32(mi * 16 * fragment.grid.m * 2 + 8 * ni * pitch)), packed,
                    /*transpose=*/true);
    }
}

/// Eight 16-bit elements along the tensor's contiguous axis.
void KernelEmitter::storePiece(const Tensor &tensor, SmallVector<Value> index, int64_t axis,
                               Value vector) {
  if (schedule.copy != "elementwise") { // the contiguous extent is a multiple of 8, rows aligned
    when(inRange(tensor, index),
         [&] { b.create<LLVM::StoreOp>(vector, elementPointer(tensor, index), 16); });
    return;
  }
  Value first = index[axis];
  for (int64_t i = 0; i < 8; ++i) {
    index[axis] = add(first, ptx.i32(i));
    Value word = b.create<LLVM::ExtractElementOp>(vector, ptx.i32(i / 2));
    Value bits = b.create<arith::TruncIOp>(
        b.getI16Type(), i % 2 ? b.create<arith::ShRUIOp>(word, ptx.i32(16)).getResult() : word);
    when(inRange(tensor, index),
         [&] { b.create<LLVM::StoreOp>(bits, elementPointer(tensor, index)); });
  }
}

/// A fragment whose columns run along the tensor's contiguous axis. Each warp has its rows to
/// itself: 16 of them, up to 64 columns at a time, go through shared memory of its own, to be
/// stored in 16-byte pieces.
void KernelEmitter::storeWarpRows(StoreOp op, const TileForm &fragment) {
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  Type element = tensor.type.getElementType();
  SmallVector<Value> base = offsets(op.getOffsets());
  ArrayRef<int64_t> axes = op.getAxes();
  int64_t blocks = fragment.columnBlocks();
  while (blocks > 8 || fragment.columnBlocks() % blocks)
    --blocks;
  int64_t pitch = (8 * blocks + 8) * 2, piecesPerRow = blocks; // of 8 columns
  Value buffer =
      add(sharedAddress(allocateAgain(threads / 32 * 16 * pitch, 16)), mul(warp, 16 * pitch));
  for (int64_t mi = 0; mi < fragment.rowBlocks(); ++mi)
    for (int64_t firstBlock = 0; firstBlock < fragment.columnBlocks(); firstBlock += blocks) {
      ptx.warpBarrier();
      for (int64_t ni = 0; ni < blocks; ++ni) {
        SmallVector<Value> block = blockElements(fragment, fragment.grid, mi, firstBlock + ni);
        for (int64_t half = 0; half < 2; ++half) {
          Value packed = ptx.pack(element, block[2 * half], block[2 * half + 1]);
          Value row = add(div(lane, 4), ptx.i32(8 * half)),
                column = add(mul(rem(lane, 4), 2), ptx.i32(8 * ni));
          ptx.store(packed, add(buffer, add(mul(row, pitch), mul(column, 2))), 4);
        }
      }
      ptx.warpBarrier();
      Value row0 = add(mul(warpM(fragment.grid), 16), ptx.i32(mi * 16 * fragment.grid.m));
      Value column0 = add(mul(warpN(fragment.grid), fragment.columns() / fragment.grid.n),
                          ptx.i32(8 * firstBlock));
      for (int64_t first = 0; first < 16 * piecesPerRow; first += 32) {
        Value piece = add(lane, ptx.i32(first)), row = div(piece, piecesPerRow),
              column = mul(rem(piece, piecesPerRow), 8);
        SmallVector<Value> index = base;
        index[axes[0]] = add(index[axes[0]], add(row0, row));
        index[axes[1]] = add(index[axes[1]], add(column0, column));
        Value vector = ptx.load(VectorType::get(4, b.getI32Type()),
                                add(buffer, add(mul(row, pitch), mul(column, 2))), 16);
        storePiece(tensor, index, axes[1], vector);
      }
    }
}

void KernelEmitter::emitLoadScalar(LoadScalarOp op) {
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  scalars.map(op.getValue(),
              guardedLoad(tensor, offsets(op.getOffsets()), {}, op.getPad().convertToDouble()));
}

void KernelEmitter::emitStoreScalar(StoreScalarOp op) {
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  Value firstThread = b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, thread, ptx.i32(0));
  guardedStore(tensor, offsets(op.getOffsets()), firstThread, scalar(op.getValue()));
}

} // namespace xlstm
