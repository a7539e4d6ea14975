// SPDX-License-Identifier: Apache-2.0
// Global tensors: tiles in and out, with conversion of element types and with bounds.
#include "compiler/Conversion/TileToVector/BlockEmitter.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <numeric>

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

/// `value` has the tensor's element type, with bf16 as its bits in i16. A byte has no sign.
Value BlockEmitter::widen(Value value, Type to) {
  Type element = getElementTypeOrSelf(value.getType());
  if (element.isInteger(8))
    return b.create<arith::UIToFPOp>(withShapeOf(value.getType(), to), value);
  if (element.isInteger(32) || element.isInteger(64))
    return b.create<arith::SIToFPOp>(withShapeOf(value.getType(), to), value);
  if (element.isInteger(16)) { // bf16 is the upper half of an f32
    Type bits = withShapeOf(value.getType(), b.getI32Type()),
         f32 = withShapeOf(value.getType(), b.getF32Type());
    Value wide = b.create<arith::ShLIOp>(b.create<arith::ExtUIOp>(bits, value),
                                         integerConstant(b, value.getType(), 16));
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

/// f64 to f32, rounded to odd: towards zero, and the last bit set where that lost something.
/// Rounding the result to nearest in 16 bits then gives what rounding the f64 gives (Boldo and
/// Melquiond, "Emulation of FMA and correctly rounded sums").
static Value roundToOdd(ImplicitLocOpBuilder &b, Value value) {
  Type f32 = withShapeOf(value.getType(), b.getF32Type()),
       i32 = withShapeOf(value.getType(), b.getI32Type());
  Value nearest = b.create<arith::TruncFOp>(f32, value),
        back = b.create<arith::ExtFOp>(value.getType(), nearest);
  Value one = integerConstant(b, value.getType(), 1),
        bits = b.create<LLVM::BitcastOp>(i32, nearest);
  Value isAbove = b.create<arith::CmpFOp>(arith::CmpFPredicate::OGT, b.create<math::AbsFOp>(back),
                                          b.create<math::AbsFOp>(value));
  Value isInexact = b.create<arith::CmpFOp>(arith::CmpFPredicate::ONE, back, value);
  bits = b.create<arith::SelectOp>(isAbove, b.create<arith::SubIOp>(bits, one), bits);
  bits = b.create<arith::SelectOp>(isInexact, b.create<arith::OrIOp>(bits, one), bits);
  return b.create<LLVM::BitcastOp>(f32, bits);
}

Value BlockEmitter::narrow(Value value, Type to) {
  Type type = value.getType(), element = getElementTypeOrSelf(type);
  if (element.isF64() && to.isF32())
    return b.create<arith::TruncFOp>(withShapeOf(type, to), value);
  if (element.isF64() && !to.isF64()) {
    value = roundToOdd(b, value);
    element = b.getF32Type();
  }
  if (to.isF64() && !element.isF64())
    return b.create<arith::ExtFOp>(withShapeOf(type, to), value);
  if (to.isF16())
    return b.create<arith::TruncFOp>(withShapeOf(type, to), value);
  if (!to.isBF16())
    return value;
  // Round to nearest even: add 0x7fff and the last bit that stays. A NaN keeps its sign and becomes
  // quiet.
  Type i32 = withShapeOf(type, b.getI32Type());
  auto constant = [&](int64_t x) { return integerConstant(b, type, x); };
  Value bits = b.create<LLVM::BitcastOp>(i32, value);
  Value odd = b.create<arith::AndIOp>(b.create<arith::ShRUIOp>(bits, constant(16)), constant(1));
  Value rounded = b.create<arith::AddIOp>(b.create<arith::AddIOp>(bits, constant(0x7fff)), odd);
  Value isNaN = b.create<arith::CmpFOp>(arith::CmpFPredicate::UNO, value, value);
  Value chosen =
      b.create<arith::SelectOp>(isNaN, b.create<arith::OrIOp>(bits, constant(0x400000)), rounded);
  return b.create<arith::TruncIOp>(withShapeOf(type, b.getI16Type()),
                                   b.create<arith::ShRUIOp>(chosen, constant(16)));
}

/// How a tensor's element stands in memory: bf16 as i16, which vectors of every processor can hold,
/// and integers without their sign, one byte at least.
static Type storageType(OpBuilder &b, Type element) {
  if (auto integer = dyn_cast<IntegerType>(element))
    return b.getIntegerType(std::max(integer.getWidth(), 8u));
  return element.isBF16() ? b.getI16Type() : element;
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

Value BlockEmitter::elementPointer(const Tensor &tensor, ArrayRef<Value> index) {
  Value offset = index.empty() ? i64(0) : Value();
  for (auto [i, stride] : llvm::zip(index, tensor.strides)) {
    Value term = mul(i, stride);
    offset = offset ? add(offset, term) : term;
  }
  return gep(tensor.pointer, storageType(b, tensor.type.getElementType()), offset);
}

/// 0 <= i < extent; extents are not negative, so one comparison does.
static Value isInside(ImplicitLocOpBuilder &b, Value i, Value extent) {
  return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ult, i, extent);
}

Value BlockEmitter::inRange(const Tensor &tensor, ArrayRef<Value> index) {
  Value condition = b.create<arith::ConstantOp>(b.getBoolAttr(true));
  for (auto [i, extent] : llvm::zip(index, tensor.extents))
    condition = b.createOrFold<arith::AndIOp>(condition, isInside(b, i, extent));
  return condition;
}

std::pair<Value, Value> BlockEmitter::insideRange(Value offset, Value axisExtent, int64_t extent) {
  auto clamp = [&](Value value, Value to) {
    return b.createOrFold<arith::MinSIOp>(b.createOrFold<arith::MaxSIOp>(value, i64(0)), to);
  };
  Value end = clamp(b.createOrFold<arith::SubIOp>(axisExtent, offset), i64(extent));
  if (getConstantIntValue(offset).value_or(-1) >= 0)
    return {i64(0), end};
  return {clamp(b.createOrFold<arith::SubIOp>(i64(0), offset), end), end};
}

Value BlockEmitter::wholeVectors(Value begin, Value end) {
  Value count = b.createOrFold<arith::SubIOp>(end, begin);
  return add(begin, b.create<arith::MulIOp>(b.create<arith::DivUIOp>(count, i64(W)), i64(W)));
}

Value BlockEmitter::isZero(Value x) {
  return b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, x, i64(0));
}

Value BlockEmitter::isBetween(Value position, Value begin, Value end) {
  Type i32 = b.getI32Type();
  SmallVector<int32_t> steps(W);
  std::iota(steps.begin(), steps.end(), 0);
  Value numbers =
      b.create<arith::ConstantOp>(DenseElementsAttr::get(vec(i32), ArrayRef<int32_t>(steps)));
  auto compare = [&](arith::CmpIPredicate predicate, Value to) {
    Value distance = b.create<arith::TruncIOp>(i32, b.createOrFold<arith::SubIOp>(to, position));
    return b.create<arith::CmpIOp>(predicate, numbers, broadcast(distance, i32));
  };
  Value inside = compare(arith::CmpIPredicate::slt, end);
  if (begin == position)
    return inside;
  return b.create<arith::AndIOp>(inside, compare(arith::CmpIPredicate::sge, begin));
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

/// Processors have masked loads and stores of these.
static bool hasMasks(Type element) {
  unsigned bits = element.getIntOrFloatBitWidth();
  return bits == 32 || bits == 64;
}

/// Lines of a tile run along the tensor's contiguous axis where it has one.
static bool storedColumnMajor(ArrayRef<int64_t> axes, MemRefType tensor) {
  return axes.size() == 2 && axes[0] == tensor.getRank() - 1;
}

/// Where a tile stands in a tensor, and which part of it is inside.
BlockEmitter::Placement BlockEmitter::placementOf(const Tensor &tensor, ValueRange offsets,
                                                  Value limit, ArrayRef<int64_t> axes,
                                                  const Buffer &buffer) {
  Placement place;
  for (Value offset : offsets)
    place.base.push_back(scalars.lookup(offset));
  place.inner = axes.size() == 1 ? axes[0] : axes[buffer.columnMajor ? 0 : 1];
  place.outer = axes.size() == 1 ? -1 : axes[buffer.columnMajor ? 1 : 0];
  place.contiguous = getConstantIntValue(tensor.strides[place.inner]) == 1;
  SmallVector<Value> extents = tensor.extents;
  if (limit)
    extents[axes[0]] = b.create<arith::MinSIOp>(extents[axes[0]], scalars.lookup(limit));
  // The axes that the tile does not run along decide for the whole tile.
  Value point = b.create<arith::ConstantOp>(b.getBoolAttr(true));
  for (auto [axis, i] : llvm::enumerate(place.base))
    if (!llvm::is_contained(axes, int64_t(axis)))
      point = b.createOrFold<arith::AndIOp>(point, isInside(b, i, tensor.extents[axis]));
  std::tie(place.begin, place.end) =
      insideRange(place.base[place.inner], extents[place.inner], buffer.lineLength());
  place.lineBegin = i64(0);
  place.lineEnd = i64(1);
  if (place.outer >= 0)
    std::tie(place.lineBegin, place.lineEnd) =
        insideRange(place.base[place.outer], extents[place.outer], buffer.lines());
  place.lineEnd = b.createOrFold<arith::SelectOp>(point, place.lineEnd, i64(0));
  return place;
}

LogicalResult BlockEmitter::emitLoad(LoadOp op) {
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  ArrayRef<int64_t> axes = op.getAxes();
  Buffer buffer =
      allocate(cast<TileType>(op.getTile().getType()), storedColumnMajor(axes, tensor.type));
  Type element = tensor.type.getElementType(), stored = buffer.type.getElementType();
  double pad = op.getPad().convertToDouble();
  Placement where = placementOf(tensor, op.getOffsets(), op.getLimit(), axes, buffer);
  // A tile of a narrower type than the tensor has that type's values, in f32.
  Type tileElement = cast<TileType>(op.getTile().getType()).getElementType();
  bool rounds = tileElement != stored && tileElement != element;
  auto convert = [&](Value loaded) {
    if (!rounds)
      return widen(loaded, stored);
    return widen(narrow(widen(loaded, element.isF64() ? element : stored), tileElement), stored);
  };

  loop(0, buffer.lines(), 1, [&](Value line) {
    Value isLine = b.create<arith::CmpIOp>(arith::CmpIPredicate::slt, line, where.lineEnd);
    if (!isConstantIntValue(where.lineBegin, 0))
      isLine = b.create<arith::AndIOp>(
          isLine, b.create<arith::CmpIOp>(arith::CmpIPredicate::sge, line, where.lineBegin));
    Value end = b.create<arith::SelectOp>(isLine, where.end, i64(0));
    bool beginsInside = isConstantIntValue(where.begin, 0);
    Value begin =
        beginsInside ? where.begin : b.create<arith::SelectOp>(isLine, where.begin, i64(0));
    SmallVector<Value> index = where.base;
    if (where.outer >= 0)
      index[where.outer] = add(where.base[where.outer], line);
    auto pointer = [&](Value position) {
      SmallVector<Value> place = index;
      place[where.inner] = add(where.base[where.inner], position);
      return elementPointer(tensor, place);
    };
    unsigned bytes = std::max(element.getIntOrFloatBitWidth() / 8, 1u);
    Type vector = vec(storageType(b, element));
    auto loadWhole = [&](Value position) {
      Value loaded = b.create<LLVM::LoadOp>(vector, pointer(position), bytes);
      b.create<LLVM::StoreOp>(convert(loaded), at(buffer, line, position), 4);
    };
    if (where.contiguous && hasMasks(element)) { // whole vectors, and masked ones around them
      Value whole = wholeVectors(begin, end);
      if (!beginsInside)
        whole = b.create<arith::SelectOp>(isZero(begin), whole, i64(0));
      loop(i64(0), whole, W, loadWhole);
      loop(whole, i64(roundUp(buffer.lineLength())), W, [&](Value position) {
        Value mask = isBetween(position, begin, end);
        Value none = b.create<LLVM::ZeroOp>(vector);
        Value loaded = b.create<LLVM::MaskedLoadOp>(vector, pointer(position), mask, none, bytes);
        Value value = b.create<arith::SelectOp>(mask, convert(loaded), constant(vec(stored), pad));
        b.create<LLVM::StoreOp>(value, at(buffer, line, position), 4);
      });
      return;
    }
    auto padding = [&](Value from, Value to) {
      loop(from, to, 1, [&](Value position) {
        b.create<LLVM::StoreOp>(constant(stored, pad), at(buffer, line, position));
      });
    };
    Value whole = begin;
    if (!beginsInside)
      padding(i64(0), begin);
    if (where.contiguous) { // vectors as far as they are inside
      whole = wholeVectors(begin, end);
      loop(begin, whole, W, loadWhole);
    }
    loop(whole, end, 1, [&](Value position) {
      Value loaded = b.create<LLVM::LoadOp>(storageType(b, element), pointer(position));
      b.create<LLVM::StoreOp>(convert(loaded), at(buffer, line, position));
    });
    padding(end, i64(roundUp(buffer.lineLength())));
  });
  tiles[op.getTile()] = buffer;
  return success();
}

LogicalResult BlockEmitter::emitStore(StoreOp op) {
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  ArrayRef<int64_t> axes = op.getAxes();
  Buffer buffer = inOrder(tiles.lookup(op.getTile()), storedColumnMajor(axes, tensor.type));
  Type element = tensor.type.getElementType();
  Placement where = placementOf(tensor, op.getOffsets(), op.getLimit(), axes, buffer);

  loop(where.lineBegin, where.lineEnd, 1, [&](Value line) {
    SmallVector<Value> index = where.base;
    if (where.outer >= 0)
      index[where.outer] = add(where.base[where.outer], line);
    auto pointer = [&](Value position) {
      SmallVector<Value> place = index;
      place[where.inner] = add(where.base[where.inner], position);
      return elementPointer(tensor, place);
    };
    unsigned bytes = std::max(element.getIntOrFloatBitWidth() / 8, 1u);
    Value rest = where.begin;
    if (where.contiguous) {
      rest = wholeVectors(where.begin, where.end);
      loop(where.begin, rest, W, [&](Value position) {
        b.create<LLVM::StoreOp>(narrow(loadVector(buffer, line, position), element),
                                pointer(position), bytes);
      });
    }
    if (where.contiguous && hasMasks(element)) { // a masked vector where it is one of the buffer
      Value end = where.end;
      if (!isConstantIntValue(where.begin, 0))
        end = b.create<arith::SelectOp>(isZero(where.begin), end, rest);
      loop(rest, end, W, [&](Value position) {
        b.create<LLVM::MaskedStoreOp>(narrow(loadVector(buffer, line, position), element),
                                      pointer(position), isBetween(position, position, end), bytes);
      });
      rest = end;
    }
    loop(rest, where.end, 1, [&](Value position) {
      b.create<LLVM::StoreOp>(narrow(loadElement(buffer, line, position), element),
                              pointer(position));
    });
  });
  return success();
}

void BlockEmitter::emitLoadScalar(LoadScalarOp op) {
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  SmallVector<Value> index;
  for (Value offset : op.getOffsets())
    index.push_back(scalars.lookup(offset));
  Type element = tensor.type.getElementType(), type = op.getValue().getType();
  if (type.isIndex())
    type = b.getI64Type();
  auto branch =
      b.create<scf::IfOp>(TypeRange(type), inRange(tensor, index), /*withElseRegion=*/true);
  scalars.map(op.getValue(), branch.getResult(0));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  Value value = b.create<LLVM::LoadOp>(storageType(b, element), elementPointer(tensor, index));
  if (isa<FloatType>(element))
    value = unkeep(widen(value, element.isF64() ? element
                                : type.isF64()  ? type
                                                : b.getF32Type()),
                   type);
  else
    value = castInteger(value, type, /*isSigned=*/element.getIntOrFloatBitWidth() >= 32);
  b.create<scf::YieldOp>(value);
  b.setInsertionPointToStart(branch.elseBlock());
  double pad = op.getPad().convertToDouble();
  b.create<scf::YieldOp>(
      isa<FloatType>(type)
          ? constant(type, pad)
          : b.create<arith::ConstantOp>(b.getIntegerAttr(type, int64_t(pad))).getResult());
}

void BlockEmitter::emitStoreScalar(StoreScalarOp op) {
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  SmallVector<Value> index;
  for (Value offset : op.getOffsets())
    index.push_back(scalars.lookup(offset));
  auto branch = b.create<scf::IfOp>(inRange(tensor, index), /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  b.create<LLVM::StoreOp>(narrow(keep(scalars.lookup(op.getValue())), tensor.type.getElementType()),
                          elementPointer(tensor, index));
}

} // namespace xlstm
