// SPDX-License-Identifier: Apache-2.0
// Rows times matrices that stay the same from step to step, in kernels that are spread over threads:
// the recurrent products of a cell, whose state changes with each token.
//
//   products = [lanes, vector]     y [1, N] = x [1, K] A [K, N]
//
//   threads   0 .. lanes-1    | lanes .. 2 lanes-1 | ..     a group for each output o, o + groups, ..
//   A[., o]   p0 p1 p2 ..     | p0 p1 p2 ..        |        pieces of `vector` elements along K, a lane has
//                                                           every lanes-th: neighbours read neighbours
//   x         in shared memory in f32; a lane keeps those of its pieces in registers
//
// A lane sums what it has, the lanes of a group add up by shuffles, and y goes through shared memory
// to the threads that have its elements. Products of one x meet there once, behind the last of them.
// Sums are always taken in the same order.
//
// The matrix is copied into shared memory first, or read from its tensor in every product. Rows there
// are whole pieces of 16 bytes, with zeros behind their end.
#include "compiler/Conversion/TileToNVVM/KernelEmitter.h"
#include "compiler/Schedule/ScanSchedule.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

static int64_t rowLength(const TileForm &matrix, Type element) {
  return ScanSchedule::paddedRow(matrix.rows(), element.getIntOrFloatBitWidth());
}

/// A load of a matrix that products read.
void KernelEmitter::keepMatrix(LoadOp op) {
  TileForm form;
  form.kind = TileForm::Kept;
  form.type = cast<TileType>(op.getTile().getType());
  form.load = op;
  if (!schedule.keepsMatrices) {
    tiles[op.getTile()] = form;
    return;
  }
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  Type element = tensor.type.getElementType();
  Type bits = element.isF32() ? Type(b.getF32Type()) : b.getI16Type();
  int64_t bytes = element.getIntOrFloatBitWidth() / 8, row = rowLength(form, element),
          total = form.columns() * row;
  form.address = sharedAddress(allocate(bytes * total, 16));
  constexpr int64_t together = 8; // reads on the way at once
  SmallVector<Value> index = offsets(op.getOffsets());
  auto loop = b.create<scf::ForOp>(
      ptx.i32(0), ptx.i32((total + together * threads - 1) / (together * threads)), ptx.i32(1));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> places, values;
    for (int64_t u = 0; u < together; ++u) {
      Value place =
          add(add(mul(loop.getInductionVar(), together * threads), thread), ptx.i32(u * threads));
      Value along = rem(place, row),
            inside = andI(less(place, ptx.i32(total)), less(along, ptx.i32(form.rows())));
      SmallVector<Value> at(index);
      at[op.getAxes()[0]] = add(at[op.getAxes()[0]], along);
      at[op.getAxes()[1]] = add(at[op.getAxes()[1]], div(place, row));
      auto read = b.create<scf::IfOp>(TypeRange(bits), inside, /*withElseRegion=*/true);
      OpBuilder::InsertionGuard inner(b);
      b.setInsertionPointToStart(read.thenBlock());
      b.create<scf::YieldOp>(ValueRange(b.create<LLVM::LoadOp>(bits, elementPointer(tensor, at))));
      b.setInsertionPointToStart(read.elseBlock());
      Value none = element.isF32()
                       ? ptx.f32(0)
                       : b.create<arith::ConstantOp>(b.getI16IntegerAttr(0)).getResult();
      b.create<scf::YieldOp>(ValueRange(none));
      places.push_back(place);
      values.push_back(read.getResult(0));
    }
    for (auto [place, value] : llvm::zip(places, values))
      when(less(place, ptx.i32(total)),
           [&, p = place, v = value] { ptx.store(v, add(form.address, mul(p, bytes)), bytes); });
  }
  sharedIsNew = true;
  meetIfNew();
  tiles[op.getTile()] = form;
}

/// The elements of x that this lane's pieces of any matrix are multiplied with.
ArrayRef<Value> KernelEmitter::ownPieces(Value x, int64_t length) {
  auto [found, isNew] = rowPieces.try_emplace(x);
  if (!isNew)
    return found->second;
  int64_t extent = cast<TileType>(x.getType()).getShape().back();
  int64_t buffer = allocate(4 * length, 16);
  SmallVector<Value> registers = across(x);
  for (int64_t r = 0; r * threads < length; ++r) {
    Value element = add(thread, ptx.i32(r * threads));
    Value value = r < int64_t(registers.size()) ? registers[r] : ptx.f32(0);
    if ((r + 1) * threads > extent)
      value = b.create<arith::SelectOp>(less(element, ptx.i32(extent)), value, ptx.f32(0));
    when((r + 1) * threads > length ? less(element, ptx.i32(length)) : Value(),
         [&] { ptx.store(value, add(sharedAddress(buffer), mul(element, 4)), 4); });
  }
  sharedIsNew = true;
  meetIfNew();
  int64_t lanes = schedule.productLanes, width = schedule.productVector, pieces = length / width;
  Value own = rem(thread, lanes);
  SmallVector<Value> elements;
  for (int64_t first = 0; first < pieces; first += lanes) {
    Value piece = add(own, ptx.i32(first)),
          inside = first + lanes > pieces ? less(piece, ptx.i32(pieces)) : Value();
    Value safe = inside ? b.create<arith::SelectOp>(inside, piece, ptx.i32(0)).getResult() : piece;
    Value base = add(sharedAddress(buffer), mul(safe, 4 * width));
    for (int64_t j = 0; j < width; j += 4) {
      Type type = width == 1 ? Type(b.getF32Type()) : VectorType::get(4, b.getF32Type());
      Value loaded = ptx.load(type, add(base, ptx.i32(4 * j)), width == 1 ? 4 : 16);
      for (int64_t i = 0; i < std::min<int64_t>(width, 4); ++i) {
        Value value =
            width == 1 ? loaded : b.create<LLVM::ExtractElementOp>(loaded, ptx.i32(i)).getResult();
        if (inside)
          value = b.create<arith::SelectOp>(inside, value, ptx.f32(0));
        elements.push_back(value);
      }
    }
  }
  return rowPieces[x] = elements;
}

/// A piece of a matrix, of output o: what x's elements stand for that ownPieces has given zero is
/// some other piece.
SmallVector<Value> KernelEmitter::matrixPiece(const TileForm &matrix, Value o, Value piece) {
  const Tensor &tensor = tensors[tensorNumber.lookup(LoadOp(matrix.load).getTensor())];
  Type element = tensor.type.getElementType(), f32 = b.getF32Type();
  int64_t bytes = element.getIntOrFloatBitWidth() / 8, width = schedule.productVector;
  SmallVector<Value> elements;
  if (!matrix.address) { // width 1
    LoadOp load = matrix.load;
    SmallVector<Value> index = offsets(load.getOffsets());
    index[load.getAxes()[0]] = add(index[load.getAxes()[0]], piece);
    index[load.getAxes()[1]] = add(index[load.getAxes()[1]], o);
    Value pointer = elementPointer(tensor, index);
    if (element.isF32())
      return {b.create<LLVM::LoadOp>(f32, pointer)};
    Value bits = b.create<LLVM::LoadOp>(b.getI16Type(), pointer);
    return {ptx.unpack(element, b.create<arith::ExtUIOp>(b.getI32Type(), bits)).first};
  }
  Value place = add(mul(o, rowLength(matrix, element)), mul(piece, width));
  Value loaded = ptx.load(VectorType::get(4, element.isF32() ? f32 : b.getI32Type()),
                          add(matrix.address, mul(place, bytes)), 16);
  for (int64_t i = 0; i < 4; ++i) {
    Value part = b.create<LLVM::ExtractElementOp>(loaded, ptx.i32(i));
    if (element.isF32()) {
      elements.push_back(part);
      continue;
    }
    auto [low, high] = ptx.unpack(element, part);
    elements.append({low, high});
  }
  return elements;
}

LogicalResult KernelEmitter::multiplyKept(MatmulOp op) {
  TileForm matrix = tiles.lookup(op.getRhs());
  if (matrix.kind != TileForm::Kept || isMatrixTile(op.getLhs()))
    return op.emitError() << "expected a row times a loaded matrix";
  const Tensor &tensor = tensors[tensorNumber.lookup(LoadOp(matrix.load).getTensor())];
  int64_t lanes = schedule.productLanes, width = schedule.productVector, groups = threads / lanes,
          outputs = matrix.columns();
  int64_t length = matrix.address ? rowLength(matrix, tensor.type.getElementType()) : matrix.rows();
  ArrayRef<Value> x = ownPieces(op.getLhs(), length);
  int64_t pieces = length / width, ownPieceCount = (pieces + lanes - 1) / lanes;
  int64_t buffer = allocate(4 * outputs, 16);
  Value group = div(thread, lanes), own = rem(thread, lanes);
  int64_t rounds = (outputs + groups - 1) / groups;
  int64_t together =
      std::clamp<int64_t>(32 / (ownPieceCount * width), 1, std::min<int64_t>(4, rounds));
  auto loop =
      b.create<scf::ForOp>(ptx.i32(0), ptx.i32((rounds + together - 1) / together), ptx.i32(1));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> places, sums(together);
    SmallVector<SmallVector<Value>> elements(together);
    for (int64_t u = 0; u < together; ++u) {
      Value o =
          add(add(mul(loop.getInductionVar(), together * groups), group), ptx.i32(u * groups));
      places.push_back(o);
      bool ragged = (rounds + together - 1) / together * together * groups > outputs;
      Value safe =
          ragged ? b.create<arith::SelectOp>(less(o, ptx.i32(outputs)), o, ptx.i32(0)).getResult()
                 : o;
      for (int64_t first = 0; first < pieces; first += lanes) {
        Value piece = add(own, ptx.i32(first));
        if (first + lanes > pieces)
          piece = b.create<arith::SelectOp>(less(piece, ptx.i32(pieces)), piece, ptx.i32(0));
        elements[u].append(matrixPiece(matrix, safe, piece));
      }
    }
    for (int64_t u = 0; u < together; ++u) {
      for (auto [left, right] : llvm::zip(x, elements[u])) {
        Value term = b.create<arith::MulFOp>(left, right);
        sums[u] = sums[u] ? b.create<arith::AddFOp>(sums[u], term).getResult() : term;
      }
      for (int64_t mask = 1; mask < lanes; mask *= 2)
        sums[u] = b.create<arith::AddFOp>(sums[u], ptx.shuffleXor(sums[u], mask));
    }
    Value isFirst = b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, own, ptx.i32(0));
    for (auto [o, sum] : llvm::zip(places, sums))
      when(andI(isFirst, less(o, ptx.i32(outputs))),
           [&, o = o, sum = sum] { ptx.store(sum, add(sharedAddress(buffer), mul(o, 4)), 4); });
  }
  sharedIsNew = true;
  TileForm result;
  result.kind = TileForm::Across;
  result.type = cast<TileType>(op.getResult().getType());
  tiles[op.getResult()] = result;
  inShared[op.getResult()] = {buffer, op.getAccumulator()};
  // Maps ask for it, where all products of a step are on their way; nothing else does.
  if (!llvm::all_of(op.getResult().getUsers(), [&](Operation *user) {
        return isa<MapOp>(user) && user->getBlock() == op->getBlock();
      }))
    (void)across(op.getResult());
  return success();
}

/// Reads a product's result, in the threads that have its elements.
void KernelEmitter::readProduct(Value result) {
  auto found = inShared.find(result);
  if (found == inShared.end())
    return;
  auto [buffer, accumulator] = found->second;
  inShared.erase(found);
  meetIfNew();
  SmallVector<Value> registers = across(accumulator);
  int64_t extent = tiles[result].columns();
  for (auto [r, sum] : llvm::enumerate(registers)) {
    // Threads beyond the row read some element of it; nothing uses what they hold.
    Value element = add(thread, ptx.i32(r * threads));
    if (int64_t(r + 1) * threads > extent)
      element = rem(element, extent);
    sum = b.create<arith::AddFOp>(
        sum, ptx.load(b.getF32Type(), add(sharedAddress(buffer), mul(element, 4)), 4));
  }
  tiles[result].registers = registers;
}

} // namespace xlstm
