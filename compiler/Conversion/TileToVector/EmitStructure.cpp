// SPDX-License-Identifier: Apache-2.0
// Structure of a block's program: the function, loops, branches, scalars, and where tiles live.
#include "compiler/Conversion/KernelArguments.h"
#include "compiler/Conversion/TileToVector/BlockEmitter.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

FailureOr<LLVM::LLVMFuncOp> BlockEmitter::emit() {
  createFunction();
  auto blocks = b.create<scf::ForOp>(function.getArgument(1), function.getArgument(2), i64(1));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(blocks.getBody());
    // Grid indices from the linear block number, last dimension fastest.
    Value block = blocks.getInductionVar();
    for (int64_t i = kernel.getNumGridDims() - 1; i >= 0; --i) {
      auto [tensor, axis] = kernel.getGridDim(i);
      Value extent = tensor >= 0 ? tensors[tensor].extents[axis] : i64(kernel.getGridSizes()[i]);
      if (int64_t divisor = kernel.getGridDivisor(i); divisor != 1)
        extent = b.create<arith::DivUIOp>(add(extent, i64(divisor - 1)), i64(divisor));
      scalars.map(kernel.getGridIndex(i),
                  i == 0 ? block : b.create<arith::RemUIOp>(block, extent).getResult());
      if (i)
        block = b.create<arith::DivUIOp>(block, extent);
    }
    if (failed(emitBlock(kernel.getBody().front())))
      return failure();
  }
  b.create<LLVM::ReturnOp>(ValueRange());
  function->setAttr("tile.scratch_bytes", b.getI64IntegerAttr(scratchTop));
  return function;
}

void BlockEmitter::createFunction() {
  MLIRContext *context = b.getContext();
  Type pointer = LLVM::LLVMPointerType::get(context), wide = b.getI64Type();
  auto type =
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), {pointer, wide, wide, pointer});
  function = b.create<LLVM::LLVMFuncOp>(kernel.getSymName(), type);
  b.setInsertionPointToStart(function.addEntryBlock(b));
  Value arguments = function.getArgument(0);
  scratch = function.getArgument(3);
  for (unsigned i = 0; i < kernel.getNumTensors(); ++i) {
    tensorNumber[kernel.getTensor(i)] = i;
    Tensor tensor;
    tensor.type = cast<MemRefType>(kernel.getTensor(i).getType());
    SmallVector<int64_t> strides;
    int64_t offset;
    (void)getStridesAndOffset(tensor.type, strides, offset);
    for (int64_t axis = 0; axis < tensor.type.getRank(); ++axis) {
      tensor.extents.push_back(tensor.type.isDynamicDim(axis) ? Value()
                                                              : i64(tensor.type.getDimSize(axis)));
      tensor.strides.push_back(ShapedType::isDynamic(strides[axis]) ? Value() : i64(strides[axis]));
    }
    tensors.push_back(tensor);
  }
  for (auto [i, argument] : llvm::enumerate(kernelArguments(kernel))) {
    Tensor &tensor = tensors[argument.tensor];
    bool isPointer = argument.kind == KernelArgument::Pointer;
    Value value = b.create<LLVM::LoadOp>(isPointer ? pointer : wide, gep(arguments, wide, i64(i)));
    if (isPointer)
      tensor.pointer = value;
    else
      (argument.kind == KernelArgument::Dim ? tensor.extents : tensor.strides)[argument.axis] =
          value;
  }
}

LogicalResult BlockEmitter::emitBlock(Block &block) {
  emitted[&block] = b.getInsertionBlock();
  for (auto op = block.begin(); op != block.end();) {
    if (auto first = dyn_cast<MatvecOp>(*op)) {
      b.setLoc(op->getLoc());
      SmallVector<MatvecOp> products = productsOfMatrix(first);
      if (failed(emitMatvecs(products)))
        return failure();
      std::advance(op, products.size());
      continue;
    }
    if (!isa<MatmulOp>(*op)) {
      if (failed(emitOp(*op++)))
        return failure();
      continue;
    }
    SmallVector<MatmulOp> products = independentProducts(cast<MatmulOp>(*op));
    if (failed(emitMatmuls(products)))
      return failure();
    std::advance(op, products.size());
  }
  return success();
}

LogicalResult BlockEmitter::emitOp(Operation &op) {
  b.setLoc(op.getLoc());
  return TypeSwitch<Operation *, LogicalResult>(&op)
      .Case<scf::ForOp>([&](auto o) { return emitFor(o); })
      .Case<scf::IfOp>([&](auto o) { return emitIf(o); })
      .Case<LoadOp>([&](auto o) { return emitLoad(o); })
      .Case<StoreOp>([&](auto o) { return emitStore(o); })
      .Case<LoadScalarOp>([&](auto o) { return emitLoadScalar(o), success(); })
      .Case<StoreScalarOp>([&](auto o) { return emitStoreScalar(o), success(); })
      .Case<MapOp>([&](auto o) { return emitMap(o); })
      .Case<ReduceOp>([&](auto o) { return emitReduce(o); })
      .Case<ScanOp>([&](auto o) { return emitScan(o); })
      .Case<SplatOp>([&](SplatOp o) {
        Buffer buffer;
        buffer.type = cast<TileType>(o.getTile().getType());
        buffer.type = kept(buffer.type);
        buffer.splat = keep(scalars.lookup(o.getValue()));
        tiles[o.getTile()] = buffer;
        return success();
      })
      .Case<TransposeOp>([&](TransposeOp o) {
        tiles[o.getTile()] = tiles.lookup(o.getSource()).transposed();
        return success();
      })
      .Case<ExtractOp>([&](ExtractOp o) {
        Value element = loadElement(tiles.lookup(o.getSource()), i64(0), i64(o.getPosition()));
        scalars.map(o.getValue(), unkeep(element, o.getValue().getType()));
        return success();
      })
      .Case<memref::DimOp>([&](memref::DimOp o) -> LogicalResult {
        std::optional<int64_t> axis = o.getConstantIndex();
        if (!axis || *axis < 0 || *axis >= cast<MemRefType>(o.getSource().getType()).getRank())
          return o.emitError() << "expected a constant axis of the tensor";
        scalars.map(o.getResult(), tensors[tensorNumber.lookup(o.getSource())].extents[*axis]);
        return success();
      })
      .Case<ReturnOp, scf::YieldOp>([&](auto) { return success(); })
      .Default([&](Operation *o) -> LogicalResult {
        Value result = emitScalar(*o);
        if (!result)
          return o->emitError() << "has no lowering to vectors";
        scalars.map(o->getResult(0), result);
        return success();
      });
}

/// An arith or math operation on scalars, with index as i64; null if there is no lowering.
Value BlockEmitter::emitScalar(Operation &op) {
  if (op.getNumResults() != 1 || !isa<arith::ArithDialect, math::MathDialect>(op.getDialect()))
    return {};
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    if (constant.getType().isIndex())
      return i64(cast<IntegerAttr>(constant.getValue()).getInt());
  for (Value operand : op.getOperands())
    if (!scalars.contains(operand))
      return {};
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op))
    return castInteger(scalars.lookup(op.getOperand(0)),
                       op.getResult(0).getType().isIndex() ? b.getI64Type()
                                                           : op.getResult(0).getType(),
                       isa<arith::IndexCastOp>(op));
  // LLVM converts 16-bit types by calls where the processor has no instruction.
  if (isa<arith::TruncFOp>(op))
    return unkeep(keep(scalars.lookup(op.getOperand(0))), op.getResult(0).getType());
  if (isa<arith::ExtFOp>(op))
    return widen(keep(scalars.lookup(op.getOperand(0))), op.getResult(0).getType());
  Operation *copy = b.clone(op, scalars);
  if (copy->getResult(0).getType().isIndex())
    copy->getResult(0).setType(b.getI64Type());
  return copy->getResult(0);
}

//===----------------------------------------------------------------------===//
// Loops and branches
//===----------------------------------------------------------------------===//

LogicalResult BlockEmitter::emitFor(scf::ForOp op) {
  // A carried tile has one buffer, which the body's result is copied to where it is not there
  // already; scalars are carried as values. Initial tiles that nothing else reads become that
  // buffer.
  SmallVector<Value> initial;
  SmallVector<Buffer> carried;
  for (auto [value, argument] : llvm::zip(op.getInitArgs(), op.getRegionIterArgs())) {
    if (!isa<TileType>(value.getType())) {
      initial.push_back(scalars.lookup(value));
      continue;
    }
    Buffer from = tiles.lookup(value), to = from;
    bool taken =
        llvm::any_of(carried, [&](const Buffer &other) { return other.pointer == from.pointer; });
    if (from.splat || taken || !diesAt(value, op)) {
      to = allocate(cast<TileType>(value.getType()), from.columnMajor);
      copy(from, to);
    }
    carried.push_back(to);
    tiles[argument] = to;
  }
  auto loop =
      b.create<scf::ForOp>(scalars.lookup(op.getLowerBound()), scalars.lookup(op.getUpperBound()),
                           scalars.lookup(op.getStep()), initial);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  scalars.map(op.getInductionVar(), loop.getInductionVar());
  size_t next = 0;
  for (Value argument : op.getRegionIterArgs())
    if (!isa<TileType>(argument.getType()))
      scalars.map(argument, loop.getRegionIterArgs()[next++]);
  if (failed(emitBlock(*op.getBody())))
    return failure();

  SmallVector<Value> yielded;
  SmallVector<std::pair<Buffer, Buffer>> copies;
  next = 0;
  for (Value value : cast<scf::YieldOp>(op.getBody()->getTerminator()).getOperands()) {
    if (!isa<TileType>(value.getType())) {
      yielded.push_back(scalars.lookup(value));
      continue;
    }
    Buffer from = tiles.lookup(value), to = carried[next++];
    if (from.pointer != to.pointer || from.columnMajor != to.columnMajor)
      copies.push_back({from, to});
  }
  // A carried tile that is yielded in another's place must be read before that place is written:
  // copy such ones aside first.
  for (auto &[from, to] : copies)
    for (const Buffer &other : carried)
      if (from.pointer == other.pointer) {
        Buffer aside = allocate(from.type, from.columnMajor);
        copy(from, aside);
        from = aside;
        break;
      }
  for (auto &[from, to] : copies)
    copy(from, to);
  if (!yielded.empty()) // a loop that carries nothing has its terminator already
    b.create<scf::YieldOp>(yielded);
  next = 0;
  size_t nextTile = 0;
  for (Value result : op.getResults())
    if (isa<TileType>(result.getType()))
      tiles[result] = carried[nextTile++];
    else
      scalars.map(result, loop.getResult(next++));
  return success();
}

LogicalResult BlockEmitter::emitIf(scf::IfOp op) {
  if (op.getNumResults())
    return op.emitError() << "with results has no lowering to vectors";
  auto branch = b.create<scf::IfOp>(scalars.lookup(op.getCondition()),
                                    /*withElseRegion=*/!op.getElseRegion().empty());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  if (failed(emitBlock(*op.thenBlock())))
    return failure();
  if (op.getElseRegion().empty())
    return success();
  b.setInsertionPointToStart(branch.elseBlock());
  return emitBlock(*op.elseBlock());
}

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

TileType BlockEmitter::kept(TileType type) {
  return type.getElementType().getIntOrFloatBitWidth() < 32 ? type.withElementType(b.getF32Type())
                                                            : type;
}

Value BlockEmitter::keep(Value scalar) {
  if (scalar.getType().isBF16())
    scalar = b.create<LLVM::BitcastOp>(b.getI16Type(), scalar);
  return scalar.getType().getIntOrFloatBitWidth() < 32 ? widen(scalar, b.getF32Type()) : scalar;
}

Value BlockEmitter::unkeep(Value scalar, Type type) {
  if (type.getIntOrFloatBitWidth() < 32)
    return b.create<LLVM::BitcastOp>(type, narrow(scalar, type));
  return widen(scalar, type);
}

Buffer BlockEmitter::allocate(TileType type, bool columnMajor) {
  Buffer buffer;
  buffer.type = kept(type);
  buffer.columnMajor = columnMajor;
  buffer.pitch = roundUp(buffer.lineLength());
  int64_t elementBytes = buffer.type.getElementType().getIntOrFloatBitWidth() / 8;
  // A product goes down a column of lines: a distance of a multiple of 512 bytes would put them all
  // into a few sets of the first-level cache. One cache line more spreads them.
  if (buffer.lines() > 1 && buffer.pitch * elementBytes % 512 == 0)
    buffer.pitch += roundUp(64 / elementBytes);
  int64_t bytes = buffer.pitch * buffer.lines() * elementBytes;
  // The address is computed at the function's entry, where it reaches every use.
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.getBody().front());
  buffer.pointer = gep(scratch, b.getI8Type(), i64(scratchTop));
  scratchTop += (bytes + 63) / 64 * 64;
  return buffer;
}

/// Every op that reads a tile's memory: its users and those of its transposes.
static void collectReaders(Value tile, SmallVector<Operation *> &readers) {
  for (Operation *user : tile.getUsers())
    if (auto transpose = dyn_cast<TransposeOp>(user))
      collectReaders(transpose.getTile(), readers);
    else
      readers.push_back(user);
}

bool BlockEmitter::diesAt(Value tile, Operation *op) {
  Value root = tile;
  while (auto transpose = root.getDefiningOp<TransposeOp>())
    root = transpose.getSource();
  if (tiles.lookup(tile).splat || root.getParentBlock() != op->getBlock())
    return false; // made outside of this loop: its next iteration reads it again
  // The results of a loop are its carried buffers, which nothing else names; so are the carried
  // arguments inside.
  SmallVector<Operation *> readers;
  collectReaders(root, readers);
  return llvm::all_of(readers, [&](Operation *reader) {
    Operation *here = op->getBlock()->findAncestorOpInBlock(*reader);
    return here == op ? reader == op : here->isBeforeInBlock(op);
  });
}

/// The buffer of `tile`, which has the result's order, if it dies at `op` and the types agree; else
/// a new one. `others` are operands that `op` reads while it writes its result.
Buffer BlockEmitter::reuseOrAllocate(Value tile, TileType type, Operation *op,
                                     ArrayRef<Buffer> others) {
  Buffer buffer = tiles.lookup(tile);
  bool isRead =
      llvm::any_of(others, [&](const Buffer &other) { return other.pointer == buffer.pointer; });
  if (buffer.pointer && !isRead && buffer.type == kept(type) && diesAt(tile, op))
    return buffer;
  return allocate(type, buffer.columnMajor);
}

void BlockEmitter::copy(const Buffer &from, const Buffer &to) {
  if (!from.splat && !from.isVector() && from.columnMajor != to.columnMajor)
    return copyTransposed(from, to);
  loop(0, to.lines(), 1, [&](Value line) {
    loop(0, roundUp(to.lineLength()), W, [&](Value position) {
      b.create<LLVM::StoreOp>(loadVector(from, line, position), at(to, line, position), 4);
    });
  });
}

/// Squares of one register's elements at a time, by perfect shuffles: a step takes rows i and
/// i + n/2 to their interleaved elements in rows 2i and 2i + 1. That rotates the bits of (row,
/// column) by one, so log2(n) steps exchange row and column.
void BlockEmitter::copyTransposed(const Buffer &from, const Buffer &to) {
  Type element = to.type.getElementType();
  int64_t n = element.isF64() ? W / 2 : W; // a register holds W elements of f32
  auto type = VectorType::get(n, element);
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < n / 2; ++i) {
    low.append({i, n + i});
    high.append({n / 2 + i, n + n / 2 + i});
  }
  // Up to n lines of `to` from `line` on, and up to n elements of each from `position` on.
  auto square = [&](Value line, int64_t lines, Value position, int64_t positions) {
    SmallVector<Value> rows, next(n);
    for (int64_t i = 0; i < n; ++i)
      rows.push_back(i < positions
                         ? b.create<LLVM::LoadOp>(type, at(from, add(position, i64(i)), line), 4)
                         : constant(type, 0));
    for (int64_t step = 1; step < n; step *= 2) {
      for (int64_t i = 0; i < n / 2; ++i) {
        next[2 * i] = b.create<vector::ShuffleOp>(rows[i], rows[i + n / 2], low);
        next[2 * i + 1] = b.create<vector::ShuffleOp>(rows[i], rows[i + n / 2], high);
      }
      std::swap(rows, next);
    }
    for (int64_t i = 0; i < lines; ++i)
      b.create<LLVM::StoreOp>(rows[i], at(to, add(line, i64(i)), position), 4);
  };
  int64_t lines = to.lines(), length = to.lineLength();
  auto squaresOf = [&](Value line, int64_t count) {
    loop(0, length / n * n, n, [&](Value position) { square(line, count, position, n); });
    if (length % n)
      square(line, count, i64(length / n * n), length % n);
  };
  loop(0, lines / n * n, n, [&](Value line) { squaresOf(line, n); });
  if (lines % n)
    squaresOf(i64(lines / n * n), lines % n);
}

Buffer BlockEmitter::inOrder(const Buffer &buffer, bool columnMajor) {
  if (buffer.pointer && (buffer.isVector() || buffer.columnMajor == columnMajor))
    return buffer;
  Buffer result = allocate(buffer.type, columnMajor);
  copy(buffer, result);
  return result;
}

Buffer BlockEmitter::inOrder(Value tile, bool columnMajor) {
  Buffer buffer = tiles.lookup(tile);
  if (buffer.pointer && (buffer.isVector() || buffer.columnMajor == columnMajor))
    return buffer;
  Buffer &copied = reordered[tile];
  if (copied.pointer)
    return copied;
  // A loop that reads a tile from outside does not copy it in every iteration.
  OpBuilder::InsertionGuard guard(b);
  Block *home = emitted.lookup(tile.getParentBlock());
  if (home && home != b.getInsertionBlock())
    b.setInsertionPoint(home->findAncestorOpInBlock(*b.getInsertionBlock()->getParentOp()));
  return copied = inOrder(buffer, columnMajor);
}

//===----------------------------------------------------------------------===//
// Small things
//===----------------------------------------------------------------------===//

Value BlockEmitter::i64(int64_t value) {
  return b.create<arith::ConstantOp>(b.getI64IntegerAttr(value));
}
Value BlockEmitter::add(Value x, Value y) { return b.createOrFold<arith::AddIOp>(x, y); }
Value BlockEmitter::mul(Value x, Value y) { return b.createOrFold<arith::MulIOp>(x, y); }

Value BlockEmitter::castInteger(Value value, Type to, bool isSigned) {
  unsigned from = getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth(),
           width = getElementTypeOrSelf(to).getIntOrFloatBitWidth();
  if (from > width)
    return b.create<arith::TruncIOp>(to, value);
  if (from == width)
    return value;
  return isSigned ? b.create<arith::ExtSIOp>(to, value).getResult()
                  : b.create<arith::ExtUIOp>(to, value).getResult();
}

Value BlockEmitter::constant(Type type, double value) {
  if (auto vector = dyn_cast<VectorType>(type))
    return b.create<arith::ConstantOp>(
        DenseElementsAttr::get(vector, Attribute(b.getFloatAttr(vector.getElementType(), value))));
  return b.create<arith::ConstantOp>(b.getFloatAttr(type, value));
}

Value BlockEmitter::broadcast(Value scalar, Type element) {
  return b.create<vector::BroadcastOp>(vec(element), scalar);
}

Value BlockEmitter::gep(Value pointer, Type element, Value index) {
  return b.create<LLVM::GEPOp>(pointer.getType(), element, pointer, index);
}

Value BlockEmitter::at(const Buffer &buffer, Value line, Value position) {
  return gep(buffer.pointer, buffer.type.getElementType(),
             add(mul(line, i64(buffer.pitch)), position));
}

Value BlockEmitter::loadVector(const Buffer &buffer, Value line, Value position) {
  Type element = buffer.type.getElementType();
  if (buffer.splat)
    return broadcast(buffer.splat, element);
  return b.create<LLVM::LoadOp>(vec(element), at(buffer, line, position), 4);
}

Value BlockEmitter::loadElement(const Buffer &buffer, Value line, Value position) {
  if (buffer.splat)
    return buffer.splat;
  return b.create<LLVM::LoadOp>(buffer.type.getElementType(), at(buffer, line, position));
}

void BlockEmitter::loop(int64_t from, int64_t to, int64_t step, Body body) {
  loop(i64(from), i64(to), step, body);
}

void BlockEmitter::loop(Value from, Value to, int64_t step, Body body) {
  auto loop = b.create<scf::ForOp>(from, to, i64(step));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

Value BlockEmitter::combine(Combiner combiner, Value x, Value y) {
  if (combiner == Combiner::add)
    return b.create<arith::AddFOp>(x, y);
  return b.create<arith::MaxNumFOp>(x, y);
}

} // namespace xlstm
