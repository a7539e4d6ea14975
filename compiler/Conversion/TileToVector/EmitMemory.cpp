// SPDX-License-Identifier: Apache-2.0
// Global tensors: tiles in and out, with conversion of element types and with bounds.
#include "compiler/Conversion/TileToVector/BlockEmitter.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

/// The type with the shape of `like`, scalar or vector.
static Type withShapeOf(Type like, Type element) {
  if (auto vector = dyn_cast<VectorType>(like))
    return VectorType::get(vector.getShape(), element);
  return element;
}

static Value integerConstant(ImplicitLocOpBuilder &b, Type like, int64_t value) {
  Type type = withShapeOf(like, b.getI32Type());
  auto attribute = b.getI32IntegerAttr(value);
  if (auto vector = dyn_cast<VectorType>(type))
    return b.create<arith::ConstantOp>(DenseElementsAttr::get(vector, Attribute(attribute)));
  return b.create<arith::ConstantOp>(attribute);
}

/// `value` has the tensor's element type, with bf16 as its bits in i16.
Value BlockEmitter::widen(Value value, Type to) {
  Type element = getElementTypeOrSelf(value.getType());
  if (element.isInteger(16)) { // bf16 is the upper half of an f32
    Type bits = withShapeOf(value.getType(), b.getI32Type()), f32 = withShapeOf(value.getType(), b.getF32Type());
    Value wide = b.create<arith::ShLIOp>(b.create<arith::ExtUIOp>(bits, value), integerConstant(b, value.getType(), 16));
    value = b.create<LLVM::BitcastOp>(f32, wide);
    element = b.getF32Type();
  }
  Type target = withShapeOf(value.getType(), to);
  if (element.getIntOrFloatBitWidth() < to.getIntOrFloatBitWidth())
    return b.create<arith::ExtFOp>(target, value);
  if (element.getIntOrFloatBitWidth() > to.getIntOrFloatBitWidth())
    return b.create<arith::TruncFOp>(target, value);
  return value;
}

Value BlockEmitter::narrow(Value value, Type to) {
  Type type = value.getType(), element = getElementTypeOrSelf(type);
  if (element.isF64() && !to.isF64()) {
    value = b.create<arith::TruncFOp>(withShapeOf(type, b.getF32Type()), value);
    element = b.getF32Type();
  }
  if (to.isF64() && !element.isF64())
    return b.create<arith::ExtFOp>(withShapeOf(type, to), value);
  if (to.isF16())
    return b.create<arith::TruncFOp>(withShapeOf(type, to), value);
  if (!to.isBF16())
    return value;
  // Round to nearest even: add 0x7fff and the last bit that stays. A NaN keeps its sign and becomes quiet.
  Type i32 = withShapeOf(type, b.getI32Type());
  auto constant = [&](int64_t x) { return integerConstant(b, type, x); };
  Value bits = b.create<LLVM::BitcastOp>(i32, value);
  Value odd = b.create<arith::AndIOp>(b.create<arith::ShRUIOp>(bits, constant(16)), constant(1));
  Value rounded = b.create<arith::AddIOp>(b.create<arith::AddIOp>(bits, constant(0x7fff)), odd);
  Value isNaN = b.create<arith::CmpFOp>(arith::CmpFPredicate::UNO, value, value);
  Value chosen = b.create<arith::SelectOp>(isNaN, b.create<arith::OrIOp>(bits, constant(0x400000)), rounded);
  return b.create<arith::TruncIOp>(withShapeOf(type, b.getI16Type()), b.create<arith::ShRUIOp>(chosen, constant(16)));
}

/// How a tensor's element stands in memory: bf16 as i16, which vectors of every processor can hold.
static Type storageType(OpBuilder &b, Type element) { return element.isBF16() ? b.getI16Type() : element; }

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

Value BlockEmitter::elementPointer(const Tensor &tensor, ArrayRef<Value> index) {
  Value offset;
  for (auto [i, stride] : llvm::zip(index, tensor.strides)) {
    Value term = mul(i, stride);
    offset = offset ? add(offset, term) : term;
  }
  return gep(tensor.pointer, storageType(b, tensor.type.getElementType()), offset);
}

Value BlockEmitter::inRange(const Tensor &tensor, ArrayRef<Value> index) {
  Value condition = b.create<arith::ConstantOp>(b.getBoolAttr(true));
  for (auto [i, extent] : llvm::zip(index, tensor.extents))
    condition = b.createOrFold<arith::AndIOp>(condition, b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, i, extent));
  return condition;
}

Value BlockEmitter::insideCount(Value offset, Value axisExtent, int64_t extent) {
  Value left = b.createOrFold<arith::SubIOp>(axisExtent, offset);
  return b.createOrFold<arith::MinSIOp>(b.createOrFold<arith::MaxSIOp>(left, i64(0)), i64(extent));
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

/// Lines of a tile run along the tensor's contiguous axis where it has one.
static bool storedColumnMajor(ArrayRef<int64_t> axes, MemRefType tensor) {
  return axes.size() == 2 && axes[0] == tensor.getRank() - 1;
}

LogicalResult BlockEmitter::emitLoad(LoadOp op) {
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  ArrayRef<int64_t> axes = op.getAxes();
  Buffer buffer = allocate(cast<TileType>(op.getTile().getType()), storedColumnMajor(axes, tensor.type), op);
  Type element = tensor.type.getElementType(), stored = buffer.type.getElementType();
  SmallVector<Value> base;
  for (Value offset : op.getOffsets())
    base.push_back(scalars.lookup(offset));
  double pad = op.getPad().convertToDouble();
  int64_t inner = axes.size() == 1 ? axes[0] : axes[buffer.columnMajor ? 0 : 1], outer = axes.size() == 1 ? -1 : axes[buffer.columnMajor ? 1 : 0];
  bool contiguous = getConstantIntValue(tensor.strides[inner]) == 1;

  // The axes that the tile does not run along decide for the whole tile.
  Value point = b.create<arith::ConstantOp>(b.getBoolAttr(true));
  for (auto [axis, i] : llvm::enumerate(base))
    if (!llvm::is_contained(axes, int64_t(axis)))
      point = b.createOrFold<arith::AndIOp>(point, b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, i, tensor.extents[axis]));
  auto gate = [&](Value count) { return b.createOrFold<arith::SelectOp>(point, count, i64(0)); };
  Value innerCount = gate(insideCount(base[inner], tensor.extents[inner], buffer.lineLength()));
  Value outerCount = outer < 0 ? i64(1) : insideCount(base[outer], tensor.extents[outer], buffer.lines());

  loop(0, buffer.lines(), 1, [&](Value line) {
    Value lineInside = b.create<arith::CmpIOp>(arith::CmpIPredicate::slt, line, outerCount);
    Value count = b.create<arith::SelectOp>(lineInside, innerCount, i64(0));
    SmallVector<Value> index = base;
    if (outer >= 0)
      index[outer] = add(base[outer], line);
    Value whole = i64(0);
    if (contiguous) { // vectors as far as they are inside
      whole = b.create<arith::MulIOp>(b.create<arith::DivUIOp>(count, i64(W)), i64(W));
      loop(i64(0), whole, W, [&](Value position) {
        SmallVector<Value> place = index;
        place[inner] = add(base[inner], position);
        Value loaded = b.create<LLVM::LoadOp>(vec(storageType(b, element)), elementPointer(tensor, place), element.getIntOrFloatBitWidth() / 8);
        b.create<LLVM::StoreOp>(widen(loaded, stored), at(buffer, line, position), 4);
      });
    }
    loop(whole, count, 1, [&](Value position) {
      SmallVector<Value> place = index;
      place[inner] = add(base[inner], position);
      Value loaded = b.create<LLVM::LoadOp>(storageType(b, element), elementPointer(tensor, place));
      b.create<LLVM::StoreOp>(widen(loaded, stored), at(buffer, line, position));
    });
    loop(count, i64(buffer.pitch), 1, [&](Value position) { b.create<LLVM::StoreOp>(constant(stored, pad), at(buffer, line, position)); });
  });
  tiles[op.getTile()] = buffer;
  return success();
}

LogicalResult BlockEmitter::emitStore(StoreOp op) {
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  ArrayRef<int64_t> axes = op.getAxes();
  Buffer buffer = inOrder(tiles.lookup(op.getTile()), storedColumnMajor(axes, tensor.type), op);
  Type element = tensor.type.getElementType();
  SmallVector<Value> base;
  for (Value offset : op.getOffsets())
    base.push_back(scalars.lookup(offset));
  int64_t inner = axes.size() == 1 ? axes[0] : axes[buffer.columnMajor ? 0 : 1], outer = axes.size() == 1 ? -1 : axes[buffer.columnMajor ? 1 : 0];
  bool contiguous = getConstantIntValue(tensor.strides[inner]) == 1;
  Value point = b.create<arith::ConstantOp>(b.getBoolAttr(true));
  for (auto [axis, i] : llvm::enumerate(base))
    if (!llvm::is_contained(axes, int64_t(axis)))
      point = b.createOrFold<arith::AndIOp>(point, b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, i, tensor.extents[axis]));
  Value count = b.createOrFold<arith::SelectOp>(point, insideCount(base[inner], tensor.extents[inner], buffer.lineLength()), i64(0));
  Value outerCount = outer < 0 ? i64(1) : insideCount(base[outer], tensor.extents[outer], buffer.lines());

  loop(i64(0), outerCount, 1, [&](Value line) {
    SmallVector<Value> index = base;
    if (outer >= 0)
      index[outer] = add(base[outer], line);
    Value whole = i64(0);
    if (contiguous) {
      whole = b.create<arith::MulIOp>(b.create<arith::DivUIOp>(count, i64(W)), i64(W));
      loop(i64(0), whole, W, [&](Value position) {
        SmallVector<Value> place = index;
        place[inner] = add(base[inner], position);
        b.create<LLVM::StoreOp>(narrow(loadVector(buffer, line, position), element), elementPointer(tensor, place), element.getIntOrFloatBitWidth() / 8);
      });
    }
    loop(whole, count, 1, [&](Value position) {
      SmallVector<Value> place = index;
      place[inner] = add(base[inner], position);
      b.create<LLVM::StoreOp>(narrow(loadElement(buffer, line, position), element), elementPointer(tensor, place));
    });
  });
  return success();
}

void BlockEmitter::emitLoadScalar(LoadScalarOp op) {
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  SmallVector<Value> index;
  for (Value offset : op.getOffsets())
    index.push_back(scalars.lookup(offset));
  Type type = op.getValue().getType();
  auto branch = b.create<scf::IfOp>(TypeRange(type), inRange(tensor, index), /*withElseRegion=*/true);
  scalars.map(op.getValue(), branch.getResult(0));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  Value loaded = b.create<LLVM::LoadOp>(storageType(b, tensor.type.getElementType()), elementPointer(tensor, index));
  b.create<scf::YieldOp>(ValueRange(widen(loaded, type)));
  b.setInsertionPointToStart(branch.elseBlock());
  b.create<scf::YieldOp>(ValueRange(constant(type, op.getPad().convertToDouble())));
}

void BlockEmitter::emitStoreScalar(StoreScalarOp op) {
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  SmallVector<Value> index;
  for (Value offset : op.getOffsets())
    index.push_back(scalars.lookup(offset));
  auto branch = b.create<scf::IfOp>(inRange(tensor, index), /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  b.create<LLVM::StoreOp>(narrow(scalars.lookup(op.getValue()), tensor.type.getElementType()), elementPointer(tensor, index));
}

} // namespace xlstm
