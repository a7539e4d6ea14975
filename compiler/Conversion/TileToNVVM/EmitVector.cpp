// SPDX-License-Identifier: Apache-2.0
// Maps, reductions, scans and matrix-vector products.
#include "compiler/Conversion/TileToNVVM/KernelEmitter.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

Value KernelEmitter::combine(Combiner combiner, Value x, Value y) {
  if (combiner == Combiner::add)
    return b.create<arith::AddFOp>(x, y);
  return b.create<arith::MaxNumFOp>(x, y);
}

//===----------------------------------------------------------------------===//
// Maps
//===----------------------------------------------------------------------===//

LogicalResult KernelEmitter::emitMap(MapOp op) {
  if (deferMap(op))
    return success();
  if (op.getTiles().size() != 1)
    return op.emitError() << "with " << op.getTiles().size() << " results has no lowering to NVVM";
  if (role && emitRoleMap(op))
    return success();
  auto type = cast<TileType>(op.getTile().getType());
  TileForm result;
  result.type = type;
  if (type.getShape().size() == 1) {
    result.kind = TileForm::Lanes;
    SmallVector<TileForm> operands;
    for (Value value : op.getElems())
      operands.push_back(lanesOf(tiles.lookup(value)));
    int64_t registers = TileForm::laneRegisters(type.getShape()[0]);
    for (int64_t r = 0; r < registers; ++r) {
      SmallVector<Value> arguments = {add(mul(lane, registers), ptx.i32(r))};
      for (const TileForm &operand : operands)
        arguments.push_back(operand.registers[r]);
      result.registers.push_back(evaluateBody(op.getBody(), arguments));
    }
    tiles[op.getTile()] = result;
    return success();
  }
  // A map that only feeds the left operand of a product is evaluated there, a few registers at a
  // time.
  if (op.getTile().hasOneUse()) {
    auto matmul = dyn_cast<MatmulOp>(*op.getTile().user_begin());
    // What a stage holds is read here: it may be released before the product.
    bool fromShared = role && llvm::any_of(op->getOperands(), [&](Value value) {
                        return tiles.lookup(value).kind == TileForm::Shared;
                      });
    if (matmul && matmul.getLhs() == op.getTile() && !fromShared) {
      result.kind = TileForm::Lazy;
      result.map = op;
      for (Value value : op.getElems())
        if (tiles.lookup(value).kind == TileForm::Fragment)
          result.grid = tiles.lookup(value).grid;
      tiles[op.getTile()] = result;
      return success();
    }
  }
  result.kind = TileForm::Fragment;
  for (Value value : op.getElems())
    if (tiles.lookup(value).kind == TileForm::Fragment)
      result.grid = tiles.lookup(value).grid;
  if (Value factor = factorThatMayBeOne(op); factor && result.grid.m && !result.is16Bit()) {
    emitScaled(op, scalar(factor), result);
    tiles[op.getTile()] = result;
    return success();
  }
  if (!result.grid.m)
    result.grid = gridFor(op.getTile());
  if (!result.grid.m)
    return op.emitError() << "has no operand or use that says how warps divide it";
  for (int64_t mi = 0; mi < result.rowBlocks(); ++mi)
    for (int64_t ni = 0; ni < result.columnBlocks(); ++ni)
      evaluateBlock(op, result, mi, ni, result.registers);
  tiles[op.getTile()] = result;
  return success();
}

/// Appends the registers of block (mi, ni) of a map's result.
void KernelEmitter::evaluateBlock(MapOp map, const TileForm &result, int64_t mi, int64_t ni,
                                  SmallVector<Value> &out) {
  SmallVector<SmallVector<Value>> elements;
  for (Value value : map.getElems())
    elements.push_back(blockElements(tiles.lookup(value), result.grid, mi, ni));
  SmallVector<Value> values;
  for (int64_t half = 0; half < 2; ++half)
    for (int64_t p = 0; p < 2; ++p) {
      SmallVector<Value> arguments = {fragmentRow(result.grid, mi, half),
                                      fragmentColumn(result.grid, result.columns(), ni, p)};
      for (auto &block : elements)
        arguments.push_back(block[2 * half + p]);
      for (Value value : map.getRows())
        arguments.push_back(rowElement(tiles.lookup(value), result.grid, mi, half));
      for (Value value : map.getCols())
        arguments.push_back(
            columnElement(tiles.lookup(value), result.grid, result.columns(), ni, p));
      values.push_back(evaluateBody(map.getBody(), arguments, result.mapResult));
    }
  if (!result.is16Bit()) {
    out.append(values);
    return;
  }
  for (int64_t half = 0; half < 2; ++half)
    out.push_back(
        packsInOrder
            ? ptx.packInOrder(result.type.getElementType(), values[2 * half], values[2 * half + 1])
            : ptx.pack(result.type.getElementType(), values[2 * half], values[2 * half + 1]));
}

//===----------------------------------------------------------------------===//
// Reductions and scans
//===----------------------------------------------------------------------===//

LogicalResult KernelEmitter::emitReduce(ReduceOp op) {
  const TileForm source = tiles.lookup(op.getSource());
  if (source.kind != TileForm::Fragment || source.transposed)
    return op.emitError() << "expected the result of a product or of a map of one";
  // Within a row: this thread's columns, then the four lanes of the row, then the warps along
  // columns through shared memory.
  int64_t buffer = allocate(4 * source.rows() * source.grid.n, 16);
  Value firstOfRow = b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, rem(lane, 4), ptx.i32(0));
  for (int64_t mi = 0; mi < source.rowBlocks(); ++mi)
    for (int64_t half = 0; half < 2; ++half) {
      Value sum;
      for (int64_t ni = 0; ni < source.columnBlocks(); ++ni) {
        SmallVector<Value> block = blockElements(source, source.grid, mi, ni);
        for (int64_t p = 0; p < 2; ++p)
          sum = sum ? combine(op.getCombiner(), sum, block[2 * half + p]) : block[2 * half + p];
      }
      for (int64_t mask : {1, 2})
        sum = combine(op.getCombiner(), sum, ptx.shuffleXor(sum, mask));
      when(firstOfRow, [&] {
        Value slot =
            add(mul(warpN(source.grid), source.rows()), fragmentRow(source.grid, mi, half));
        ptx.store(sum, add(sharedAddress(buffer), mul(slot, 4)), 4);
      });
    }
  ptx.barrier();
  TileForm result;
  result.kind = TileForm::Lanes;
  result.type = cast<TileType>(op.getTile().getType());
  int64_t registers = TileForm::laneRegisters(result.rows());
  for (int64_t r = 0; r < registers; ++r) {
    // Lanes beyond the vector read some element of it; nothing uses what they hold.
    Value row = rem(add(mul(lane, registers), ptx.i32(r)), result.rows());
    Value sum;
    for (int64_t g = 0; g < source.grid.n; ++g) {
      Value part = ptx.load(b.getF32Type(),
                            add(sharedAddress(buffer + 4 * g * result.rows()), mul(row, 4)), 4);
      sum = sum ? combine(op.getCombiner(), sum, part) : part;
    }
    result.registers.push_back(sum);
  }
  tiles[op.getTile()] = result;
  return success();
}

LogicalResult KernelEmitter::emitScan(ScanOp op) {
  if (op.getReverse() || op.getExclusive() ||
      cast<TileType>(op.getSource().getType()).getShape().size() != 1)
    return op.emitError() << "of a matrix, reverse or exclusive has no lowering to NVVM";
  TileForm result = lanesOf(tiles.lookup(op.getSource()));
  // A lane's own elements, then the lanes before it by doubling distances, then the two together.
  for (size_t r = 1; r < result.registers.size(); ++r)
    result.registers[r] = combine(op.getCombiner(), result.registers[r - 1], result.registers[r]);
  Value total = result.registers.back();
  for (int64_t distance = 1; distance < 32; distance *= 2) {
    Value before = ptx.shuffleUp(total, distance);
    Value has = b.create<arith::CmpIOp>(arith::CmpIPredicate::sge, lane, ptx.i32(distance));
    total = b.create<arith::SelectOp>(has, combine(op.getCombiner(), total, before), total);
  }
  Value before = ptx.shuffleUp(total, 1);
  Value has = b.create<arith::CmpIOp>(arith::CmpIPredicate::sge, lane, ptx.i32(1));
  for (Value &value : result.registers)
    value = b.create<arith::SelectOp>(has, combine(op.getCombiner(), before, value), value);
  tiles[op.getTile()] = result;
  return success();
}

//===----------------------------------------------------------------------===//
// Matrix times vector, on a shared tile
//===----------------------------------------------------------------------===//

/// With m the matrix as it is stored [rows, columns], each thread takes pieces of 8 (dot products
/// along a row) or pairs (sums down the columns) of 16-bit elements; partial sums meet in shared
/// memory. The vector is first written there.
LogicalResult KernelEmitter::emitMatvec(MatvecOp op) {
  const TileForm matrix = tiles.lookup(op.getMatrix());
  if (matrix.kind != TileForm::Shared)
    return op.emitError() << "expected a matrix in shared memory: a load with stages";
  TileForm vector = lanesOf(tiles.lookup(op.getVector())),
           accumulator = lanesOf(tiles.lookup(op.getAccumulator()));
  int64_t rows = matrix.rows(), columns = matrix.columns(), length = vector.rows(),
          extent = accumulator.rows();
  Type element = matrix.type.getElementType(), f32 = b.getF32Type();

  int64_t vectorBuffer = allocate(4 * length, 16), vectorRegisters = vector.registers.size();
  when(b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, warp, ptx.i32(0)), [&] {
    for (int64_t r = 0; r < vectorRegisters; ++r) {
      Value index = add(mul(lane, vectorRegisters), ptx.i32(r));
      Value inside = vectorRegisters * 32 == length ? Value() : less(index, ptx.i32(length));
      when(inside, [&] {
        ptx.store(vector.registers[r], add(sharedAddress(vectorBuffer), mul(index, 4)), 4);
      });
    }
  });
  ptx.barrier();

  int64_t parts; // partial sums of an output element
  int64_t sumBuffer;
  if (!matrix.transposed) {
    // One output per row. `perRow` neighbouring threads share a row and add up by shuffles.
    int64_t perRow = std::max<int64_t>(1, std::min<int64_t>(8, threads / rows)),
            pieces = columns / 8;
    int64_t rowsAtOnce = threads / perRow;
    parts = 1;
    sumBuffer = allocate(4 * extent, 16);
    Value first = rem(thread, perRow);
    for (int64_t row0 = 0; row0 < rows; row0 += rowsAtOnce) {
      Value row = add(div(thread, perRow), ptx.i32(row0));
      Value safeRow = row0 + rowsAtOnce <= rows ? row : rem(row, rows);
      Value sum = ptx.f32(0);
      for (int64_t piece0 = 0; piece0 < pieces; piece0 += perRow) {
        Value piece = add(first, ptx.i32(piece0));
        bool ragged = piece0 + perRow > pieces;
        Value safePiece = ragged ? rem(piece, pieces) : piece;
        Value packed = ptx.load(VectorType::get(4, b.getI32Type()),
                                swizzled(matrix.address, rows, safeRow, mul(safePiece, 8)), 16);
        Value weights[2];
        for (int64_t i = 0; i < 2; ++i)
          weights[i] = ptx.load(VectorType::get(4, f32),
                                add(sharedAddress(vectorBuffer + 16 * i), mul(safePiece, 32)), 16);
        Value part = ptx.f32(0);
        for (int64_t i = 0; i < 4; ++i) {
          auto [low, high] =
              ptx.unpack(element, b.create<LLVM::ExtractElementOp>(packed, ptx.i32(i)));
          Value pair[2] = {low, high};
          for (int64_t j = 0; j < 2; ++j) {
            Value weight = b.create<LLVM::ExtractElementOp>(weights[i / 2], ptx.i32(i % 2 * 2 + j));
            part = b.create<arith::AddFOp>(b.create<arith::MulFOp>(pair[j], weight), part);
          }
        }
        if (ragged)
          part = b.create<arith::SelectOp>(less(piece, ptx.i32(pieces)), part, ptx.f32(0));
        sum = b.create<arith::AddFOp>(sum, part);
      }
      for (int64_t mask = 1; mask < perRow; mask *= 2)
        sum = b.create<arith::AddFOp>(sum, ptx.shuffleXor(sum, mask));
      Value writes = b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, first, ptx.i32(0));
      if (row0 + rowsAtOnce > rows)
        writes = andI(writes, less(row, ptx.i32(rows)));
      when(writes, [&] { ptx.store(sum, add(sharedAddress(sumBuffer), mul(row, 4)), 4); });
    }
  } else {
    // One output per column. Threads take pairs of columns; groups of threads take every parts-th
    // row.
    int64_t pairs = columns / 2, pairsAtOnce = std::min(pairs, threads);
    parts = 1;
    while (parts * 2 * pairsAtOnce <= threads && parts * 2 <= 8 && rows % (parts * 2) == 0)
      parts *= 2;
    sumBuffer = allocate(4 * extent * parts, 16);
    Value group = div(thread, pairsAtOnce), inGroup = rem(thread, pairsAtOnce);
    for (int64_t pair0 = 0; pair0 < pairs; pair0 += pairsAtOnce) {
      Value pair = add(inGroup, ptx.i32(pair0));
      Value works = parts * pairsAtOnce == threads ? Value() : less(group, ptx.i32(parts));
      if (pair0 + pairsAtOnce > pairs)
        works = andI(works, less(pair, ptx.i32(pairs)));
      when(works, [&] {
        Value low = ptx.f32(0), high = ptx.f32(0);
        for (int64_t row0 = 0; row0 < rows; row0 += parts) {
          Value row = add(group, ptx.i32(row0));
          Value packed =
              ptx.load(b.getI32Type(), swizzled(matrix.address, rows, row, mul(pair, 2)), 4);
          Value weight = ptx.load(f32, add(sharedAddress(vectorBuffer), mul(row, 4)), 4);
          auto [x, y] = ptx.unpack(element, packed);
          low = b.create<arith::AddFOp>(b.create<arith::MulFOp>(x, weight), low);
          high = b.create<arith::AddFOp>(b.create<arith::MulFOp>(y, weight), high);
        }
        Value address = add(sharedAddress(sumBuffer), add(mul(group, 4 * extent), mul(pair, 8)));
        ptx.store(low, address, 4);
        ptx.store(high, add(address, ptx.i32(4)), 4);
      });
    }
  }
  ptx.barrier();
  TileForm result = accumulator;
  int64_t registers = result.registers.size();
  for (int64_t r = 0; r < registers; ++r) {
    Value index = add(mul(lane, registers), ptx.i32(r));
    Value safe = registers * 32 == extent ? index : rem(index, extent);
    Value sum = result.registers[r];
    for (int64_t part = 0; part < parts; ++part)
      sum = b.create<arith::AddFOp>(
          sum, ptx.load(f32, add(sharedAddress(sumBuffer + 4 * extent * part), mul(safe, 4)), 4));
    result.registers[r] = sum;
  }
  tiles[op.getResult()] = result;
  return success();
}

} // namespace xlstm
