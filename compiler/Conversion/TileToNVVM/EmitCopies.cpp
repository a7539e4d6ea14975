// SPDX-License-Identifier: Apache-2.0
// Staged loads: copies from global to shared memory that run ahead of the loop.
#include "compiler/Conversion/TileToNVVM/KernelEmitter.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

void KernelEmitter::allocateStages(scf::ForOp loop, SmallVector<StagedLoad> &loads) {
  for (LoadOp op : loop.getBody()->getOps<LoadOp>()) {
    if (!op.getStages())
      continue;
    auto type = cast<TileType>(op.getTile().getType());
    StagedLoad load;
    load.op = op;
    load.bytes = TileForm::sharedBytes(type.getShape()[0], type.getShape()[1]);
    load.buffers = allocateAgain(load.bytes * *op.getStages(), 1024);
    loads.push_back(load);
  }
}

/// A load's offsets with the loop's induction value replaced.
SmallVector<Value> KernelEmitter::copyIndex(LoadOp op, scf::ForOp loop, Value iv) {
  SmallVector<Value> index;
  for (Value offset : op.getOffsets())
    index.push_back(copyOffset(offset, loop, iv));
  return index;
}

/// What the loop's body computes from the induction value is computed anew.
Value KernelEmitter::copyOffset(Value offset, scf::ForOp loop, Value iv) {
  if (offset == loop.getInductionVar())
    return iv;
  if (std::optional<int64_t> constant = getConstantIntValue(offset))
    return ptx.i32(*constant);
  Operation *definition = offset.getDefiningOp();
  if (!definition || definition->getBlock() != loop.getBody() ||
      !isa<arith::ArithDialect>(definition->getDialect()))
    return scalar(offset);
  IRMapping map;
  for (Value operand : definition->getOperands())
    map.map(operand, copyOffset(operand, loop, iv));
  return emitScalar(*definition, map);
}

void KernelEmitter::issueCopies(ArrayRef<StagedLoad> loads, scf::ForOp loop, Value iv, Value stage,
                                Value barriers) {
  Value inLoop = less(iv, scalar(loop.getUpperBound()));
  if (schedule.copy == "tma") {
    Value first = b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, thread, ptx.i32(0));
    when(b.create<arith::AndIOp>(first, inLoop), [&] {
      Value barrier = add(barriers, mul(stage, 8));
      int64_t bytes = 0;
      for (const StagedLoad &load : loads)
        bytes += load.bytes;
      ptx.mbarrierExpect(barrier, bytes);
      for (const StagedLoad &load : loads)
        copyByTMA(load, copyIndex(load.op, loop, iv),
                  add(sharedAddress(load.buffers), mul(stage, load.bytes)), barrier);
    });
    return;
  }
  when(inLoop, [&] {
    for (const StagedLoad &load : loads)
      copyByThreads(load, copyIndex(load.op, loop, iv),
                    add(sharedAddress(load.buffers), mul(stage, load.bytes)));
  });
  if (schedule.copy == "cp_async")
    ptx.cpAsyncCommit(); // also after the last chunk: the waits count groups
}

/// One thread; a box of 64 columns for each panel. What is outside of the tensor becomes zero.
void KernelEmitter::copyByTMA(const StagedLoad &load, SmallVector<Value> index, Value address,
                              Value barrier) {
  LoadOp op = load.op;
  auto type = cast<TileType>(op.getTile().getType());
  Value map = function.getArgument(tensors[tensorNumber.lookup(op.getTensor())].tensorMapArgument);
  int64_t contiguous = op.getAxes()[1];
  Value column = index[contiguous];
  for (int64_t panel = 0; panel * 64 < type.getShape()[1]; ++panel) {
    index[contiguous] = add(column, ptx.i32(64 * panel));
    SmallVector<Value> coordinates(llvm::reverse(index));
    ptx.tmaLoad(add(address, ptx.i32(panel * TileForm::panelBytes(type.getShape()[0]))), map,
                coordinates, barrier);
  }
}

/// All threads; pieces of 8 elements, by cp.async where 16-byte pieces are aligned, else element by
/// element.
void KernelEmitter::copyByThreads(const StagedLoad &load, SmallVector<Value> index, Value address) {
  LoadOp op = load.op;
  auto type = cast<TileType>(op.getTile().getType());
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  int64_t rows = type.getShape()[0], piecesPerRow = type.getShape()[1] / 8,
          pieces = rows * piecesPerRow;
  Value row0 = index[op.getAxes()[0]], column0 = index[op.getAxes()[1]];
  for (int64_t first = 0; first < pieces; first += threads) {
    Value piece = add(thread, ptx.i32(first));
    when(first + threads > pieces ? less(piece, ptx.i32(pieces)) : Value(), [&] {
      Value row = div(piece, piecesPerRow), column = mul(rem(piece, piecesPerRow), 8);
      Value destination = swizzled(address, rows, row, column);
      index[op.getAxes()[0]] = add(row0, row);
      index[op.getAxes()[1]] = add(column0, column);
      if (schedule.copy == "cp_async") {
        Value inside = inRange(tensor, index), bytes = ptx.i32(16),
              pointer = elementPointer(tensor, index);
        if (inside) {
          bytes = b.create<arith::SelectOp>(inside, bytes, ptx.i32(0));
          pointer = b.create<arith::SelectOp>(inside, pointer, tensor.pointer);
        }
        ptx.cpAsync16(destination, pointer, bytes);
        return;
      }
      Type i32 = b.getI32Type();
      Value vector = b.create<LLVM::UndefOp>(VectorType::get(4, i32));
      for (int64_t word = 0; word < 4; ++word) {
        Value halves[2];
        for (int64_t i = 0; i < 2; ++i) {
          SmallVector<Value> single = index;
          single[op.getAxes()[1]] = add(index[op.getAxes()[1]], ptx.i32(2 * word + i));
          halves[i] = guardedLoad(tensor, single, {}, op.getPad().convertToDouble());
        }
        vector = b.create<LLVM::InsertElementOp>(
            vector, ptx.pack(type.getElementType(), halves[0], halves[1]), ptx.i32(word));
      }
      ptx.store(vector, destination, 16);
    });
  }
}

} // namespace xlstm
