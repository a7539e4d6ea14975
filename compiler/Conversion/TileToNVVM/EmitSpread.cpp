// SPDX-License-Identifier: Apache-2.0
// Kernels without a matrix unit, which memory bounds: every matrix is spread over the block's
// threads in one way, which the schedule says (`spread`), and every vector lies across them. Many
// wide reads are on the way at once, and a sum over rows meets in shared memory once.
//
//   matrix [R, N]   thread t holds rows of t / columns, R / rows of them one after the other, and of
//                   each `vector` neighbouring columns
//   vector [N]      element e is register e / threads of thread e % threads; so is a row [1, N];
//                   one element, such as what a row is reduced to, is in all threads
//
// A vector that a map needs for rows or columns, or a product for its sum, goes to shared memory as
// it is made. Threads meet before the first read of what is new there.
#include "compiler/Conversion/TileToNVVM/KernelEmitter.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

static int64_t extentOf(TileType type) {
  int64_t extent = 1;
  for (int64_t size : type.getShape())
    extent *= size;
  return extent;
}

static bool isMatrix(TileType type) {
  return type.getShape().size() == 2 && type.getShape()[0] > 1;
}

LogicalResult KernelEmitter::emitSpreadOp(Operation &op) {
  for (Value value : op.getResults())
    if (auto type = dyn_cast<TileType>(value.getType())) {
      bool fits = !isMatrix(type) || (isa<LoadOp>(op) && schedule.productLanes) ||
                  (type.getShape()[0] % schedule.spreadRows == 0 &&
                   type.getShape()[1] == schedule.spreadColumns * schedule.spreadVector);
      if (!fits || !type.getElementType().isF32())
        return op.emitError() << "expected f32, and of a matrix a multiple of "
                              << schedule.spreadRows << " rows and "
                              << schedule.spreadColumns * schedule.spreadVector
                              << " columns, as the schedule spreads it, got " << type;
    }
  LogicalResult result =
      TypeSwitch<Operation *, LogicalResult>(&op)
          .Case<LoadOp>([&](LoadOp o) {
            auto type = cast<TileType>(o.getTile().getType());
            if (isMatrix(type) && schedule.productLanes)
              return keepMatrix(o), success();
            return isMatrix(type) ? loadSpread(o) : (loadAcross(o), success());
          })
          .Case<StoreOp>([&](StoreOp o) {
            auto type = cast<TileType>(o.getTile().getType());
            return isMatrix(type) ? storeSpread(o) : (storeAcross(o), success());
          })
          .Case<MapOp>([&](MapOp o) { return mapSpread(o); })
          .Case<MatmulOp>(
              [&](MatmulOp o) { return schedule.productLanes ? multiplyKept(o) : sumRows(o); })
          .Case<MatvecOp>([&](MatvecOp o) { return dotAcross(o); })
          .Case<ReduceOp>([&](ReduceOp o) { return reduceAcross(o); })
          .Case<ExtractOp>([&](ExtractOp o) -> LogicalResult {
            TileForm form = tiles.lookup(o.getSource());
            if (form.kind != TileForm::Splat)
              return o.emitError() << "expected the result of a product of two vectors";
            scalars.map(o.getValue(), form.registers[0]);
            return success();
          })
          .Default([](Operation *o) {
            return o->emitError() << "has no lowering to NVVM in a kernel without a matrix unit";
          });
  if (failed(result))
    return failure();
  for (Value value : op.getResults())
    if (isa<TileType>(value.getType()))
      shareIfNeeded(value);
  return success();
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

/// The first row and column of this thread; `rows` are those of the matrix.
Value KernelEmitter::spreadRow(int64_t rows) {
  return mul(div(thread, schedule.spreadColumns), rows / schedule.spreadRows);
}
Value KernelEmitter::spreadColumn() {
  return mul(rem(thread, schedule.spreadColumns), schedule.spreadVector);
}

/// Element number of register r of a vector of `extent`, and whether there is one; null: there is.
std::pair<Value, Value> KernelEmitter::elementAcross(int64_t extent, int64_t r) {
  Value element = add(thread, ptx.i32(r * threads));
  return {element, (r + 1) * threads <= extent ? Value() : less(element, ptx.i32(extent))};
}

static int64_t registersAcross(int64_t extent, int64_t threads) {
  return (extent + threads - 1) / threads;
}

/// The registers of a vector; a splat has the same in each.
SmallVector<Value> KernelEmitter::across(Value tile) {
  readProduct(tile);
  TileForm form = tiles.lookup(tile);
  if (form.kind == TileForm::Splat)
    return SmallVector<Value>(registersAcross(extentOf(form.type), threads), form.registers[0]);
  return form.registers;
}

/// What a loop carries: of a vector that begins as a splat, the registers that it will have.
TileForm KernelEmitter::carriedSpread(Value tile) {
  readProduct(tile);
  TileForm form = tiles.lookup(tile);
  if (form.kind == TileForm::Splat && extentOf(form.type) > 1 && !isMatrix(form.type)) {
    form.registers = across(tile);
    form.kind = TileForm::Across;
  }
  return form;
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

/// Threads meet if anything in shared memory is newer than their last meeting. Vectors that were
/// made since then are written now, so that no thread waits earlier for what it has loaded.
void KernelEmitter::meetIfNew() {
  for (Value vector : std::exchange(toShare, {})) {
    const TileForm &form = tiles.lookup(vector);
    int64_t extent = extentOf(form.type), buffer = allocate(4 * extent, 16);
    for (auto [r, value] : llvm::enumerate(form.registers)) {
      auto [element, inside] = elementAcross(extent, r);
      Value place = add(sharedAddress(buffer), mul(element, 4));
      when(inside, [&, value = value] { ptx.store(value, place, 4); });
    }
    sharedVectors[vector] = buffer;
  }
  if (std::exchange(sharedIsNew, false))
    ptx.barrier();
}

/// Has a vector written to shared memory if an operation reads it from there.
void KernelEmitter::shareIfNeeded(Value vector) {
  const TileForm &form = tiles.lookup(vector);
  if (form.kind != TileForm::Across)
    return; // a matrix, or a splat: what all elements are

  bool isRead = llvm::any_of(vector.getUses(), [](OpOperand &use) {
    auto map = dyn_cast<MapOp>(use.getOwner());
    return (map && use.getOperandNumber() >= map.getElems().size() &&
            isMatrix(cast<TileType>(map.getTiles()[0].getType()))) ||
           (isa<MatmulOp>(use.getOwner()) && use.getOperandNumber() == 0);
  });
  if (!isRead || schedule.productLanes)
    return;
  toShare.push_back(vector);
  sharedIsNew = true;
}

/// `count` neighbouring elements of a vector, from `first` on.
SmallVector<Value> KernelEmitter::sharedElements(Value vector, Value first, int64_t count) {
  if (TileForm form = tiles.lookup(vector); form.kind == TileForm::Splat)
    return SmallVector<Value>(count, form.registers[0]);
  meetIfNew();
  int64_t width = count % 4 == 0 ? 4 : count % 2 == 0 ? 2 : 1;
  Value base = add(sharedAddress(sharedVectors.lookup(vector)), mul(first, 4));
  SmallVector<Value> elements;
  for (int64_t i = 0; i < count; i += width) {
    Type type = width == 1 ? Type(b.getF32Type()) : VectorType::get(width, b.getF32Type());
    Value loaded = ptx.load(type, add(base, ptx.i32(4 * i)), 4 * width);
    for (int64_t j = 0; j < width; ++j)
      elements.push_back(
          width == 1 ? loaded : b.create<LLVM::ExtractElementOp>(loaded, ptx.i32(j)).getResult());
  }
  return elements;
}

//===----------------------------------------------------------------------===//
// Global tensors
//===----------------------------------------------------------------------===//

void KernelEmitter::loadAcross(LoadOp op) {
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  TileForm form;
  form.kind = TileForm::Across;
  form.type = cast<TileType>(op.getTile().getType());
  int64_t extent = extentOf(form.type);
  // A row may stand before the tensor: tokens before the first. As unsigned numbers those are large.
  Value exists;
  for (auto [axis, offset] : llvm::enumerate(offsets(op.getOffsets())))
    if (int64_t(axis) != op.getAxes().back() && !getConstantIntValue(offset))
      exists = andI(exists, b.create<arith::CmpIOp>(arith::CmpIPredicate::ult, offset,
                                                    tensor.extents[axis]));
  if (extent == 1) { // for all threads
    form.kind = TileForm::Splat;
    form.registers.push_back(
        guardedLoad(tensor, offsets(op.getOffsets()), exists, op.getPad().convertToDouble()));
    tiles[op.getTile()] = form;
    return;
  }
  for (int64_t r = 0; r < registersAcross(extent, threads); ++r) {
    auto [element, inside] = elementAcross(extent, r);
    SmallVector<Value> index = offsets(op.getOffsets());
    Value &along = index[op.getAxes().back()];
    along = add(along, element);
    form.registers.push_back(
        guardedLoad(tensor, index, andI(exists, inside), op.getPad().convertToDouble()));
  }
  tiles[op.getTile()] = form;
}

void KernelEmitter::storeAcross(StoreOp op) {
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  int64_t extent = extentOf(cast<TileType>(op.getTile().getType()));
  for (auto [r, value] : llvm::enumerate(across(op.getTile()))) {
    auto [element, inside] = elementAcross(extent, r);
    SmallVector<Value> index = offsets(op.getOffsets());
    Value &along = index[op.getAxes().back()];
    along = add(along, element);
    guardedStore(tensor, index, inside, value);
  }
}

/// Calls `body` with the address of each of this thread's pieces of a tile and whether its row is
/// inside of the tensor (null: it is). What is the same for all of them is a branch around them.
void KernelEmitter::eachPiece(const Tensor &tensor, TileType type, SmallVector<Value> index,
                              ArrayRef<int64_t> axes, function_ref<void(Value, Value)> body) {
  int64_t rows = type.getShape()[0];
  Value row = index[axes[0]] = add(index[axes[0]], spreadRow(rows));
  index[axes[1]] = add(index[axes[1]], spreadColumn());
  Value extent = tensor.extents[axes[0]];
  bool ragged = getConstantIntValue(extent).value_or(-1) != rows;
  Value pointer = elementPointer(tensor, index);
  for (int64_t j = 0; j < rows / schedule.spreadRows; ++j) {
    if (j)
      pointer = b.create<LLVM::GEPOp>(pointer.getType(), tensor.type.getElementType(), pointer,
                                      tensor.strides[axes[0]]);
    body(pointer, ragged ? less(add(row, ptx.i32(j)), extent) : Value());
  }
}

/// Whether this thread has columns of the tile inside of the tensor. Vectors are inside or outside
/// as a whole.
Value KernelEmitter::hasPieces(const Tensor &tensor, ArrayRef<Value> index,
                               ArrayRef<int64_t> axes) {
  Value column = add(index[axes[1]], spreadColumn());
  return andI(pointInRange(tensor, index, axes), less(column, tensor.extents[axes[1]]));
}

LogicalResult KernelEmitter::loadSpread(LoadOp op) {
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  Type element = tensor.type.getElementType();
  ArrayRef<int64_t> axes = op.getAxes();
  int64_t width = schedule.spreadVector;
  TileForm form;
  form.kind = TileForm::Spread;
  form.type = cast<TileType>(op.getTile().getType());
  Value pad = ptx.f32(op.getPad().convertToDouble());
  SmallVector<Value> index = offsets(op.getOffsets());
  SmallVector<Type> types(form.type.getShape()[0] / schedule.spreadRows * width, b.getF32Type());
  SmallVector<Value> pads(types.size(), pad);
  auto branch = b.create<scf::IfOp>(types, hasPieces(tensor, index, axes), /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.elseBlock());
    b.create<scf::YieldOp>(pads);
    b.setInsertionPointToStart(branch.thenBlock());
    SmallVector<Value> registers;
    eachPiece(tensor, form.type, index, axes, [&](Value pointer, Value inside) {
      if (!inside) {
        registers.append(ptx.loadVector(element, pointer, width));
        return;
      }
      auto row = b.create<scf::IfOp>(SmallVector<Type>(width, b.getF32Type()), inside,
                                     /*withElseRegion=*/true);
      OpBuilder::InsertionGuard rowGuard(b);
      b.setInsertionPointToStart(row.thenBlock());
      b.create<scf::YieldOp>(ptx.loadVector(element, pointer, width));
      b.setInsertionPointToStart(row.elseBlock());
      b.create<scf::YieldOp>(SmallVector<Value>(width, pad));
      registers.append(row.getResults().begin(), row.getResults().end());
    });
    b.create<scf::YieldOp>(registers);
  }
  form.registers.assign(branch.getResults().begin(), branch.getResults().end());
  tiles[op.getTile()] = form;
  return success();
}

LogicalResult KernelEmitter::storeSpread(StoreOp op) {
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  TileForm form = tiles.lookup(op.getTile());
  if (form.kind != TileForm::Spread)
    return op.emitError() << "expected a loaded matrix or a map of one";
  SmallVector<Value> index = offsets(op.getOffsets());
  ArrayRef<int64_t> axes = op.getAxes();
  when(hasPieces(tensor, index, axes), [&] {
    ArrayRef<Value> left = form.registers;
    eachPiece(tensor, form.type, index, axes, [&](Value pointer, Value inside) {
      when(inside, [&] {
        ptx.storeVector(tensor.type.getElementType(), pointer,
                        left.take_front(schedule.spreadVector));
      });
      left = left.drop_front(schedule.spreadVector);
    });
  });
  return success();
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

/// Of a vector or of one row, whose one element of `rows` all threads have. A vector of one element
/// is a splat: all threads compute it.
LogicalResult KernelEmitter::mapAcross(MapOp op) {
  TileForm result;
  result.type = cast<TileType>(op.getTiles()[0].getType());
  int64_t extent = extentOf(result.type);
  result.kind = extent == 1 ? TileForm::Splat : TileForm::Across;
  SmallVector<SmallVector<Value>> elems, cols;
  SmallVector<Value> rows;
  for (Value value : op.getElems())
    elems.push_back(across(value));
  for (Value value : op.getRows()) // one element, which all threads have
    rows.push_back(across(value).front());
  for (Value value : op.getCols())
    cols.push_back(across(value));
  SmallVector<TileForm> results(op.getTiles().size(), result);
  for (int64_t r = 0; r < registersAcross(extent, threads); ++r) {
    SmallVector<Value> arguments;
    if (result.type.getShape().size() == 2) // a row
      arguments.push_back(ptx.i32(0));
    arguments.push_back(extent == 1 ? ptx.i32(0) : add(thread, ptx.i32(r * threads)));
    for (const auto &values : elems)
      arguments.push_back(values[r]);
    llvm::append_range(arguments, rows);
    for (const auto &values : cols)
      arguments.push_back(values[r]);
    for (auto [number, form] : llvm::enumerate(results))
      form.registers.push_back(evaluateBody(op.getBody(), arguments, number));
  }
  for (auto [tile, form] : llvm::zip(op.getTiles(), results))
    tiles[tile] = form;
  return success();
}

LogicalResult KernelEmitter::mapSpread(MapOp op) {
  if (!isMatrix(cast<TileType>(op.getTiles()[0].getType())))
    return mapAcross(op);
  if (op.getTiles().size() != 1)
    return op.emitError() << "with " << op.getTiles().size() << " results has no lowering to NVVM";
  TileForm result;
  result.type = cast<TileType>(op.getTile().getType());
  result.kind = TileForm::Spread;
  int64_t rows = result.type.getShape()[0], ownRows = rows / schedule.spreadRows,
          ownColumns = schedule.spreadVector;
  Value row = spreadRow(rows), column = spreadColumn();
  SmallVector<SmallVector<Value>> elems, alongRows, alongColumns;
  for (Value value : op.getElems()) {
    TileForm form = tiles.lookup(value);
    elems.push_back(form.kind == TileForm::Splat
                        ? SmallVector<Value>(ownRows * ownColumns, form.registers[0])
                        : form.registers);
  }
  for (Value value : op.getRows())
    alongRows.push_back(sharedElements(value, row, ownRows));
  for (Value value : op.getCols())
    alongColumns.push_back(sharedElements(value, column, ownColumns));
  for (int64_t j = 0; j < ownRows; ++j)
    for (int64_t p = 0; p < ownColumns; ++p) {
      SmallVector<Value> arguments = {add(row, ptx.i32(j)), add(column, ptx.i32(p))};
      for (auto &values : elems)
        arguments.push_back(values[j * ownColumns + p]);
      for (auto &values : alongRows)
        arguments.push_back(values[j]);
      for (auto &values : alongColumns)
        arguments.push_back(values[p]);
      result.registers.push_back(evaluateBody(op.getBody(), arguments));
    }
  tiles[op.getTile()] = result;
  return success();
}

/// accumulator [1, N] + lhs [1, R] * rhs [R, N]: a thread's rows, the lanes of a warp that have the
/// same columns, then groups of rows through shared memory; always in the same order.
LogicalResult KernelEmitter::sumRows(MatmulOp op) {
  TileForm rhs = tiles.lookup(op.getRhs());
  if (rhs.kind != TileForm::Spread || isMatrix(cast<TileType>(op.getLhs().getType())))
    return op.emitError() << "expected a row times a matrix that is loaded or a map of one";
  int64_t rows = rhs.rows(), ownRows = rows / schedule.spreadRows, width = schedule.spreadVector,
          columns = schedule.spreadColumns;
  SmallVector<Value> weights = sharedElements(op.getLhs(), spreadRow(rows), ownRows), sums(width);
  for (int64_t j = 0; j < ownRows; ++j)
    for (int64_t p = 0; p < width; ++p) {
      Value term = b.create<arith::MulFOp>(weights[j], rhs.registers[j * width + p]);
      sums[p] = j ? b.create<arith::AddFOp>(sums[p], term) : term;
    }
  for (int64_t mask = columns; mask < 32; mask *= 2)
    for (Value &sum : sums)
      sum = b.create<arith::AddFOp>(sum, ptx.shuffleXor(sum, mask));
  // One partial sum of every column from each warp, or from each group of warps that share rows.
  int64_t extent = columns * width, groups = columns < 32 ? threads / 32 : schedule.spreadRows;
  int64_t buffer = allocate(4 * groups * extent, 16);
  Value group = div(thread, columns < 32 ? 32 : columns);
  when(columns < 32 ? less(lane, ptx.i32(columns)) : Value(), [&] {
    Value place = add(sharedAddress(buffer), mul(add(mul(group, extent), spreadColumn()), 4));
    ptx.storeShared(sums, place);
  });
  sharedIsNew = true;
  meetIfNew();
  TileForm result;
  result.kind = TileForm::Across;
  result.type = cast<TileType>(op.getResult().getType());
  SmallVector<Value> accumulator = across(op.getAccumulator());
  for (int64_t r = 0; r < registersAcross(extent, threads); ++r) {
    // Threads beyond the row read some element of it; nothing uses what they hold.
    Value element = rem(add(thread, ptx.i32(r * threads)), extent), sum = accumulator[r];
    for (int64_t g = 0; g < groups; ++g)
      sum = b.create<arith::AddFOp>(
          sum, ptx.load(b.getF32Type(),
                        add(sharedAddress(buffer + 4 * g * extent), mul(element, 4)), 4));
    result.registers.push_back(sum);
  }
  tiles[op.getResult()] = result;
  return success();
}

/// accumulator [1] + a row [1, N] times a vector [N], which all threads then have.
LogicalResult KernelEmitter::dotAcross(MatvecOp op) {
  auto matrix = cast<TileType>(op.getMatrix().getType());
  TileForm accumulator = tiles.lookup(op.getAccumulator());
  if (isMatrix(matrix) || accumulator.kind != TileForm::Splat)
    return op.emitError() << "expected a row times a vector, added to a splat";
  SmallVector<Value> left = across(op.getMatrix()), right = across(op.getVector());
  Value sum;
  for (int64_t r = 0, count = left.size(); r < count; ++r) {
    auto [element, inside] = elementAcross(extentOf(matrix), r);
    Value term = b.create<arith::MulFOp>(left[r], right[r]);
    if (inside)
      term = b.create<arith::SelectOp>(inside, term, ptx.f32(0));
    sum = sum ? b.create<arith::AddFOp>(sum, term).getResult() : term;
  }
  TileForm result = accumulator;
  result.registers[0] = b.create<arith::AddFOp>(
      result.registers[0], combineThreads(Combiner::add, sum, op->getParentOfType<scf::ForOp>()));
  tiles[op.getResult()] = result;
  return success();
}

/// What the values of all threads are together, for all threads, always in the same order.
Value KernelEmitter::combineThreads(Combiner combiner, Value value, bool inLoop) {
  for (int64_t mask = 1; mask < 32; mask *= 2)
    value = combine(combiner, value, ptx.shuffleXor(value, mask));
  int64_t warps = threads / 32;
  if (warps == 1)
    return value;
  int64_t buffer = allocate(4 * warps, 16);
  if (inLoop) // the iteration before has been read
    ptx.barrier();
  when(b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, lane, ptx.i32(0)),
       [&] { ptx.store(value, add(sharedAddress(buffer), mul(warp, 4)), 4); });
  sharedIsNew = true;
  meetIfNew();
  Value all;
  for (int64_t w = 0; w < warps; ++w) {
    Value part = ptx.load(b.getF32Type(), sharedAddress(buffer + 4 * w), 4);
    all = all ? combine(combiner, all, part) : part;
  }
  return all;
}

/// A row [1, N] to one element, which all threads then have.
LogicalResult KernelEmitter::reduceAcross(ReduceOp op) {
  auto row = cast<TileType>(op.getSource().getType());
  if (isMatrix(row) || row.getShape().size() != 2)
    return op.emitError() << "expected one row in a kernel that spreads it over threads";
  double none = op.getCombiner() == Combiner::add ? 0 : -std::numeric_limits<double>::infinity();
  Value value;
  for (auto [r, element] : llvm::enumerate(across(op.getSource()))) {
    Value inside = elementAcross(extentOf(row), r).second;
    Value term =
        inside ? b.create<arith::SelectOp>(inside, element, ptx.f32(none)).getResult() : element;
    value = value ? combine(op.getCombiner(), value, term) : term;
  }
  TileForm result;
  result.kind = TileForm::Splat;
  result.type = cast<TileType>(op.getResult().getType());
  result.registers.push_back(
      combineThreads(op.getCombiner(), value, op->getParentOfType<scf::ForOp>()));
  tiles[op.getResult()] = result;
  return success();
}

} // namespace xlstm
