// SPDX-License-Identifier: Apache-2.0
#include "compiler/Conversion/XLSTMToTile/Program.h"
#include "dialect/xlstm/IR/FunctionAttrs.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

Value ProgramBuilder::constant(Type type, double value) {
  return b.create<arith::ConstantOp>(loc, b.getFloatAttr(type, value));
}

Value ProgramBuilder::index(int64_t value) { return b.create<arith::ConstantIndexOp>(loc, value); }

template <typename Float, typename Integer>
static Value binary(OpBuilder &b, Location loc, Value x, Value y) {
  if (isa<FloatType>(x.getType()))
    return b.create<Float>(loc, x, y);
  return b.create<Integer>(loc, x, y);
}

Value ProgramBuilder::add(Value x, Value y) {
  return binary<arith::AddFOp, arith::AddIOp>(b, loc, x, y);
}
Value ProgramBuilder::sub(Value x, Value y) {
  return binary<arith::SubFOp, arith::SubIOp>(b, loc, x, y);
}
Value ProgramBuilder::mul(Value x, Value y) {
  return binary<arith::MulFOp, arith::MulIOp>(b, loc, x, y);
}
Value ProgramBuilder::max(Value x, Value y) {
  return binary<arith::MaxNumFOp, arith::MaxSIOp>(b, loc, x, y);
}
Value ProgramBuilder::min(Value x, Value y) {
  return binary<arith::MinNumFOp, arith::MinSIOp>(b, loc, x, y);
}
Value ProgramBuilder::neg(Value x) { return b.create<arith::NegFOp>(loc, x); }
Value ProgramBuilder::exp(Value x) { return b.create<math::ExpOp>(loc, x); }

Value ProgramBuilder::equal(Value x, Value y) {
  return b.create<arith::CmpIOp>(loc, arith::CmpIPredicate::eq, x, y);
}
Value ProgramBuilder::less(Value x, Value y) {
  return b.create<arith::CmpIOp>(loc, arith::CmpIPredicate::slt, x, y);
}
Value ProgramBuilder::both(Value x, Value y) { return b.create<arith::AndIOp>(loc, x, y); }
Value ProgramBuilder::select(Value condition, Value x, Value y) {
  return b.create<arith::SelectOp>(loc, condition, x, y);
}

Value ProgramBuilder::convert(Value x, Type type) {
  unsigned from = x.getType().getIntOrFloatBitWidth(), to = type.getIntOrFloatBitWidth();
  if (x.getType() == type)
    return x;
  if (from < to)
    return b.create<arith::ExtFOp>(loc, type, x);
  return b.create<arith::TruncFOp>(loc, type, x);
}

Value ProgramBuilder::logSigmoid(Value x) {
  Value negative = neg(b.create<math::AbsFOp>(loc, x));
  Value low = b.create<arith::MinNumFOp>(loc, x, constant(x.getType(), 0));
  return sub(low, b.create<math::Log1pOp>(loc, exp(negative)));
}

Value ProgramBuilder::sigmoid(Value x) {
  Value one = constant(x.getType(), 1), zero = constant(x.getType(), 0);
  Value e = exp(neg(b.create<math::AbsFOp>(loc, x)));
  Value positive = b.create<arith::CmpFOp>(loc, arith::CmpFPredicate::OGE, x, zero);
  return b.create<arith::DivFOp>(loc, select(positive, one, e), add(one, e));
}

SmallVector<Value> ProgramBuilder::evaluate(Block &block, ValueRange arguments,
                                            ValueRange yielded) {
  IRMapping map;
  map.map(block.getArguments(), arguments);
  for (Operation &inner : block.without_terminator()) {
    auto x = [&] { return map.lookup(inner.getOperand(0)); };
    if (isa<mlir::xlstm::SigmoidOp>(inner))
      map.map(inner.getResult(0), sigmoid(x()));
    else if (isa<mlir::xlstm::LogSigmoidOp>(inner))
      map.map(inner.getResult(0), logSigmoid(x()));
    else if (isa<mlir::xlstm::StopGradientOp>(inner))
      map.map(inner.getResult(0), x());
    else
      b.clone(inner, map);
  }
  return llvm::map_to_vector(yielded, [&](Value value) { return map.lookup(value); });
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

Value ProgramBuilder::splat(TileType type, double value) {
  return b.create<SplatOp>(loc, type, constant(type.getElementType(), value));
}

Value ProgramBuilder::map(TileType type, ValueRange elems, Body body) {
  size_t rank = type.getShape().size();
  auto element = [&](OpBuilder &inner, Location, ValueRange args) {
    return inside(inner,
                  [&] { return convert(body(args.drop_front(rank)), type.getElementType()); });
  };
  return b.create<MapOp>(loc, type, elems, ValueRange{}, ValueRange{}, element)->getResult(0);
}

Value ProgramBuilder::mapMatrix(TileType type, ValueRange elems, ValueRange rows, ValueRange cols,
                                Body body) {
  auto element = [&](OpBuilder &inner, Location, ValueRange args) {
    return inside(inner, [&] { return convert(body(args), type.getElementType()); });
  };
  return b.create<MapOp>(loc, type, elems, rows, cols, element)->getResult(0);
}

SmallVector<Value> ProgramBuilder::mapMatrices(TileType type, size_t results, ValueRange elems,
                                               ValueRange rows, ValueRange cols,
                                               function_ref<SmallVector<Value>(ValueRange)> body) {
  auto element = [&](OpBuilder &inner, Location, ValueRange args) {
    return inside(inner, [&] { return body(args); });
  };
  SmallVector<Type> types(results, type);
  return b.create<MapOp>(loc, TypeRange(types), elems, rows, cols, element).getResults();
}

Value ProgramBuilder::matmul(Value lhs, Value rhs, Value accumulator) {
  return b.create<MatmulOp>(loc, accumulator.getType(), lhs, rhs, accumulator, DenseI64ArrayAttr());
}

Value ProgramBuilder::matvec(Value matrix, Value vector, Value accumulator) {
  return b.create<MatvecOp>(loc, accumulator.getType(), matrix, vector, accumulator);
}

Value ProgramBuilder::transpose(Value x) {
  return b.create<TransposeOp>(loc, cast<TileType>(x.getType()).getTransposed(), x);
}

Value ProgramBuilder::scan(Combiner combiner, Value source, bool reverse, bool exclusive,
                           int64_t axis) {
  return b.create<ScanOp>(loc, source.getType(), combiner, source, axis, reverse, exclusive);
}

Value ProgramBuilder::reduce(Combiner combiner, Value source) {
  auto type = cast<TileType>(source.getType());
  return b.create<ReduceOp>(loc, vec(type.getShape()[0], type.getElementType()), combiner, source);
}

Value ProgramBuilder::extract(Value source, int64_t position) {
  return b.create<ExtractOp>(loc, cast<TileType>(source.getType()).getElementType(), source,
                             position);
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

void ProgramBuilder::declare(Value value, unsigned runTimeAxes, bool unitStride, unsigned merged) {
  if (!value || (isa<OpResult>(value) && value.use_empty()))
    return;
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape().drop_front(merged - 1)),
      strides(shape.size(), ShapedType::kDynamic);
  if (merged > 1)
    mergedAxes[value] = merged;
  for (unsigned axis = 0; axis < runTimeAxes; ++axis)
    shape[axis] = ShapedType::kDynamic;
  if (unitStride)
    strides.back() = 1;
  if (Value places = mlir::xlstm::getSlots(value)) {
    slots = places;
    inSlots.insert(value);
    declare(places, 1);
  }
  Type element = type.getElementType();
  if (element.isInteger(1) || element.isInteger(8)) // one byte, without a sign
    element = b.getI8Type();
  tensors[value] =
      MemRefType::get(shape, element, StridedLayoutAttr::get(b.getContext(), 0, strides));
}

Value ProgramBuilder::declareBuffer(const KernelBuffer &buffer, unsigned runTimeAxes) {
  Value value = buffers.addArgument(buffer.type, loc);
  bufferNames[value] = buffer.name;
  declare(value, runTimeAxes);
  return value;
}

void ProgramBuilder::createKernel(StringRef name, ArrayRef<Extent> grid, TensorNames names) {
  SmallVector<std::pair<std::string, MemRefType>> arguments;
  for (auto &[value, type] : tensors) {
    position[value] = arguments.size();
    auto buffer = bufferNames.find(value);
    arguments.emplace_back(buffer == bufferNames.end() ? names(value) : buffer->second, type);
  }
  SmallVector<int64_t> sizes, divisors;
  SmallVector<std::pair<int64_t, int64_t>> dims;
  for (const Extent &extent : grid) {
    sizes.push_back(extent.size);
    dims.emplace_back(extent.of ? int64_t(position.lookup(extent.of)) : -1,
                      extent.of ? extent.axis : -1);
    divisors.push_back(extent.divisor);
  }
  kernel = b.create<KernelOp>(loc, name, arguments, sizes, dims, divisors);
  if (!mergedAxes.empty()) {
    SmallVector<int64_t> merged;
    for (auto &entry : tensors)
      merged.push_back(mergedAxes.contains(entry.first) ? mergedAxes.lookup(entry.first) : 1);
    kernel.setMergedAxes(merged);
  }
  b.setInsertionPointToStart(&kernel.getBody().front());
}

Value ProgramBuilder::extent(Value value, int64_t axis) {
  if (!has(value))
    return index(0);
  return b.create<memref::DimOp>(loc, tensor(value), axis);
}

/// The row in memory is loaded where the program's row is known, once for all of its tensors.
SmallVector<Value> ProgramBuilder::inMemory(Value tensor, ArrayRef<Value> offsets) {
  SmallVector<Value> places(offsets);
  if (!inSlots.contains(tensor))
    return places;
  Value &row = rows[offsets[0]];
  if (!row) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointAfterValue(offsets[0]);
    Value slot = loadScalar(slots, {offsets[0]}, b.getIndexType());
    row = select(areSlotsGiven(), slot, offsets[0]);
  }
  places[0] = row;
  return places;
}

Value ProgramBuilder::load(Value from, ArrayRef<Value> offsets, ArrayRef<int64_t> axes,
                           TileType type, double pad, Value limit) {
  if (!has(from))
    return splat(type, pad);
  return b.create<LoadOp>(loc, type, tensor(from), inMemory(from, offsets), limit,
                          b.getDenseI64ArrayAttr(axes), b.getF64FloatAttr(pad), IntegerAttr());
}

Value ProgramBuilder::loadScalar(Value from, ArrayRef<Value> offsets, Type type, double pad) {
  if (!has(from))
    return isa<FloatType>(type) ? constant(type, pad) : index(pad);
  return b.create<LoadScalarOp>(loc, type, tensor(from), inMemory(from, offsets),
                                b.getF64FloatAttr(pad));
}

void ProgramBuilder::store(Value tile, Value to, ArrayRef<Value> offsets, ArrayRef<int64_t> axes,
                           Value limit) {
  if (has(to))
    b.create<StoreOp>(loc, tile, tensor(to), inMemory(to, offsets), limit,
                      b.getDenseI64ArrayAttr(axes));
}

void ProgramBuilder::storeScalar(Value scalar, Value to, ArrayRef<Value> offsets) {
  if (has(to))
    b.create<StoreScalarOp>(loc, scalar, tensor(to), inMemory(to, offsets));
}

ProgramBuilder::Sequence ProgramBuilder::sequence(Value s, Value tokens, Value cuSeqlens) {
  Value zero = index(0), all = extent(tokens, 1);
  if (!has(cuSeqlens))
    return {s, zero, all, all};
  Value packed = less(zero, extent(cuSeqlens, 0));
  // Absent starts read as 0.
  Value begin = loadScalar(cuSeqlens, {s}, b.getIndexType());
  Value end = loadScalar(cuSeqlens, {add(s, index(1))}, b.getIndexType());
  return {select(packed, zero, s), begin, select(packed, end, all), all};
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

SmallVector<Value> ProgramBuilder::loop(Value from, Value to, Value step, ValueRange initial,
                                        function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  auto loop = b.create<scf::ForOp>(loc, from, to, step, initial);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!next.empty()) // a loop that carries nothing has its terminator already
    b.create<scf::YieldOp>(loc, next);
  return loop.getResults();
}

void ProgramBuilder::ifThen(Value condition, function_ref<void()> body) {
  auto branch = b.create<scf::IfOp>(loc, condition);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  body();
}

} // namespace xlstm
