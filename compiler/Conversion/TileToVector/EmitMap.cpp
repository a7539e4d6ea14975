// SPDX-License-Identifier: Apache-2.0
// Maps, reductions and scans.
#include "compiler/Conversion/TileToVector/BlockEmitter.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <limits>

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

/// What a map's region yields, on vectors: its scalars become vectors of W elements, index i32.
SmallVector<Value> BlockEmitter::evaluateBody(Region &region, ValueRange arguments) {
  IRMapping map;
  for (auto [argument, value] : llvm::zip(region.getArguments(), arguments))
    map.map(argument, value);
  auto elementOf = [&](Type type) { return type.isIndex() ? Type(b.getI32Type()) : type; };
  auto operand = [&](Value value) {
    if (map.contains(value))
      return map.lookup(value);
    Value scalar = scalars.lookup(value); // of the surrounding program
    if (value.getType().isIndex())
      scalar = b.create<arith::TruncIOp>(b.getI32Type(), scalar);
    if (value.getType().isBF16())
      scalar = keep(scalar);
    return broadcast(scalar, scalar.getType());
  };
  for (Operation &op : region.front().without_terminator()) {
    Type type = VectorType::get(W, elementOf(op.getResult(0).getType()));
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      TypedAttr value = constant.getValue();
      if (constant.getType().isIndex())
        value = b.getI32IntegerAttr(cast<IntegerAttr>(value).getInt());
      map.map(op.getResult(0), b.create<arith::ConstantOp>(DenseElementsAttr::get(
                                   cast<VectorType>(type), Attribute(value))));
      continue;
    }
    if (isa<arith::TruncFOp>(op) &&
        op.getResult(0).getType().isBF16()) { // rounded, and kept as f32
      Value rounded =
          widen(narrow(operand(op.getOperand(0)), op.getResult(0).getType()), b.getF32Type());
      map.map(op.getResult(0), rounded);
      continue;
    }
    if (isa<arith::ExtFOp>(op) && op.getOperand(0).getType().isBF16()) {
      map.map(op.getResult(0), widen(operand(op.getOperand(0)), op.getResult(0).getType()));
      continue;
    }
    if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op)) {
      map.map(op.getResult(0),
              castInteger(operand(op.getOperand(0)), type, isa<arith::IndexCastOp>(op)));
      continue;
    }
    OperationState state(op.getLoc(), op.getName());
    for (Value value : op.getOperands())
      state.operands.push_back(operand(value));
    state.addTypes(type);
    state.addAttributes(op.getAttrs());
    map.map(op.getResult(0), b.create(state)->getResult(0));
  }
  SmallVector<Value> results;
  for (Value value : region.front().getTerminator()->getOperands())
    results.push_back(operand(value));
  return results;
}

/// Where the results of a map go: to the memory of element operands that die there, and first of
/// all to that of the loop-carried tile in whose place the loop yields the result. An element is
/// read before any result is written at its place.
SmallVector<Buffer> BlockEmitter::placeResults(MapOp op, bool columnMajor) {
  SmallVector<Buffer> dying, results(op.getTiles().size());
  for (Value value : op.getElems()) {
    Buffer buffer = tiles.lookup(value);
    if (buffer.pointer && buffer.columnMajor == columnMajor && diesAt(value, op))
      dying.push_back(buffer);
  }
  auto take = [&](size_t i, llvm::function_ref<bool(const Buffer &)> fits) {
    TileType type = kept(cast<TileType>(op.getTiles()[i].getType()));
    Buffer *found = llvm::find_if(
        dying, [&](const Buffer &buffer) { return buffer.type == type && fits(buffer); });
    if (results[i].pointer || found == dying.end())
      return;
    results[i] = *found;
    llvm::erase_if(dying, [&](const Buffer &other) { return other.pointer == results[i].pointer; });
  };
  for (auto [i, tile] : llvm::enumerate(op.getTiles()))
    for (OpOperand &use : tile.getUses())
      if (auto loop = dyn_cast<scf::ForOp>(op->getParentOp());
          loop && use.getOwner() == loop.getBody()->getTerminator()) {
        Value place = tiles.lookup(loop.getRegionIterArg(use.getOperandNumber())).pointer;
        take(i, [&](const Buffer &buffer) { return buffer.pointer == place; });
      }
  for (auto [i, tile] : llvm::enumerate(op.getTiles())) {
    take(i, [](const Buffer &) { return true; });
    if (!results[i].pointer)
      results[i] = allocate(cast<TileType>(tile.getType()), columnMajor);
  }
  return results;
}

LogicalResult BlockEmitter::emitMap(MapOp op) {
  for (Operation &inner : op.getBody().front().without_terminator())
    if (inner.getNumResults() != 1 || inner.getNumRegions() ||
        (inner.getResult(0).getType().isBF16() && !isa<arith::TruncFOp>(inner)))
      return inner.emitError() << "has no lowering to vectors";
  auto isF16 = [](Type type) { return cast<TileType>(type).getElementType().isF16(); };
  if (llvm::any_of(op.getResultTypes(), isF16) || llvm::any_of(op.getOperandTypes(), isF16))
    return op.emitError() << "on f16 tiles has no lowering to vectors: load them as f32";
  // The results take the order of the first element operand that is in memory.
  bool columnMajor = false;
  for (Value value : llvm::reverse(op.getElems()))
    if (Buffer operand = tiles.lookup(value); operand.pointer)
      columnMajor = operand.columnMajor;
  SmallVector<Buffer> results = placeResults(op, columnMajor);
  const Buffer &result = results[0];
  SmallVector<Buffer> elems;
  for (Value value : op.getElems()) {
    Buffer operand = tiles.lookup(value);
    elems.push_back(operand.splat ? operand : inOrder(operand, columnMajor));
  }
  // Row vectors change from line to line of a row-major tile, and along the lines of a column-major
  // one.
  auto vectors = [&](ValueRange values) {
    SmallVector<Buffer> buffers;
    for (Value value : values)
      buffers.push_back(tiles.lookup(value));
    return buffers;
  };
  SmallVector<Buffer> rows = vectors(op.getRows()), columns = vectors(op.getCols());

  SmallVector<int32_t> steps(W);
  for (int64_t i = 0; i < W; ++i)
    steps[i] = i;
  Type i32 = b.getI32Type();
  loop(0, result.lines(), 1, [&](Value line) {
    Value lineIndex = broadcast(b.create<arith::TruncIOp>(i32, line), i32);
    auto ofLine = [&](ArrayRef<Buffer> buffers) {
      SmallVector<Value> values;
      for (const Buffer &buffer : buffers)
        values.push_back(
            broadcast(loadElement(buffer, i64(0), line), buffer.type.getElementType()));
      return values;
    };
    SmallVector<Value> lineValues = ofLine(columnMajor ? columns : rows);
    loop(0, roundUp(result.lineLength()), W, [&](Value position) {
      Value iota =
          b.create<arith::ConstantOp>(DenseElementsAttr::get(vec(i32), ArrayRef<int32_t>(steps)));
      Value positions =
          b.create<arith::AddIOp>(broadcast(b.create<arith::TruncIOp>(i32, position), i32), iota);
      SmallVector<Value> arguments;
      if (result.isVector())
        arguments = {positions};
      else if (columnMajor)
        arguments = {positions, lineIndex};
      else
        arguments = {lineIndex, positions};
      for (const Buffer &buffer : elems)
        arguments.push_back(loadVector(buffer, line, position));
      SmallVector<Value> positionValues;
      for (const Buffer &buffer : columnMajor ? rows : columns)
        positionValues.push_back(loadVector(buffer, i64(0), position));
      arguments.append(columnMajor ? positionValues : lineValues);
      arguments.append(columnMajor ? lineValues : positionValues);
      for (auto [value, buffer] : llvm::zip(evaluateBody(op.getBody(), arguments), results))
        b.create<LLVM::StoreOp>(value, at(buffer, line, position), 4);
    });
  });
  for (auto [tile, buffer] : llvm::zip(op.getTiles(), results))
    tiles[tile] = buffer;
  return success();
}

LogicalResult BlockEmitter::emitReduce(ReduceOp op) {
  Buffer source = tiles.lookup(op.getSource());
  if (source.splat)
    source = inOrder(source, false);
  Buffer result = allocate(cast<TileType>(op.getTile().getType()), false);
  if (source.columnMajor) { // a vector of rows at a time
    loop(0, roundUp(source.lineLength()), W, [&](Value position) {
      auto sums = b.create<scf::ForOp>(i64(1), i64(source.lines()), i64(1),
                                       loadVector(source, i64(0), position));
      {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPointToStart(sums.getBody());
        b.create<scf::YieldOp>(
            ValueRange(combine(op.getCombiner(), sums.getRegionIterArgs()[0],
                               loadVector(source, sums.getInductionVar(), position))));
      }
      b.create<LLVM::StoreOp>(sums.getResult(0), at(result, i64(0), position), 4);
    });
  } else {
    int64_t length = source.lineLength(), whole = length / W * W;
    bool isAdd = op.getCombiner() == Combiner::add;
    loop(0, source.lines(), 1, [&](Value line) {
      Value total;
      if (whole) {
        auto sums =
            b.create<scf::ForOp>(i64(W), i64(whole), i64(W), loadVector(source, line, i64(0)));
        {
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToStart(sums.getBody());
          b.create<scf::YieldOp>(
              ValueRange(combine(op.getCombiner(), sums.getRegionIterArgs()[0],
                                 loadVector(source, line, sums.getInductionVar()))));
        }
        total = b.create<vector::ReductionOp>(isAdd ? vector::CombiningKind::ADD
                                                    : vector::CombiningKind::MAXNUMF,
                                              sums.getResult(0), arith::FastMathFlags::reassoc);
      }
      for (int64_t position = whole; position < length; ++position) {
        Value value = loadElement(source, line, i64(position));
        total = total ? combine(op.getCombiner(), total, value) : value;
      }
      b.create<LLVM::StoreOp>(total, at(result, i64(0), line));
    });
  }
  tiles[op.getTile()] = result;
  return success();
}

LogicalResult BlockEmitter::emitScan(ScanOp op) {
  Buffer source = tiles.lookup(op.getSource());
  // Of a matrix, whole lines are combined, so that they run across the axis.
  source = inOrder(source, source.isVector() ? false : op.getAxis() == 1);
  Buffer result = reuseOrAllocate(op.getSource(), cast<TileType>(op.getTile().getType()), op);
  if (result.columnMajor != source.columnMajor)
    result = allocate(result.type, source.columnMajor);
  Type element = result.type.getElementType();
  double identity =
      op.getCombiner() == Combiner::add ? 0 : -std::numeric_limits<double>::infinity();
  // One scan of `count` elements or vectors of type `type`, read and written by the other two.
  auto scan = [&](int64_t count, Type type, llvm::function_ref<Value(Value)> read,
                  llvm::function_ref<void(Value, Value)> write) {
    auto loop = b.create<scf::ForOp>(i64(0), i64(count), i64(1), constant(type, identity));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value i = loop.getInductionVar(), before = loop.getRegionIterArgs()[0];
    if (op.getReverse())
      i = b.create<arith::SubIOp>(i64(count - 1), i);
    Value next = combine(op.getCombiner(), before, read(i));
    write(i, op.getExclusive() ? before : next);
    b.create<scf::YieldOp>(ValueRange(next));
  };
  if (source.isVector())
    scan(
        source.lineLength(), element, [&](Value i) { return loadElement(source, i64(0), i); },
        [&](Value i, Value x) { b.create<LLVM::StoreOp>(x, at(result, i64(0), i)); });
  else
    loop(0, roundUp(source.lineLength()), W, [&](Value position) {
      scan(
          source.lines(), vec(element), [&](Value i) { return loadVector(source, i, position); },
          [&](Value i, Value x) { b.create<LLVM::StoreOp>(x, at(result, i, position), 4); });
    });
  tiles[op.getTile()] = result;
  return success();
}

} // namespace xlstm
