// SPDX-License-Identifier: Apache-2.0
// What a role does otherwise than a whole block: products that run on while the program goes on,
// vectors in rows of fragments, stores by TMA.
//
// A product is issued and numbered; its result is waited for where the program first reads it, and a
// stage that it reads is released then. None is in flight where a loop or a branch begins or ends:
// the waits count products in the order of the program's text. Left operands that are converted from
// the state are made two steps at a time: more of them would not fit beside it.
#include "compiler/Conversion/TileToNVVM/KernelEmitter.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

//===----------------------------------------------------------------------===//
// Products in flight
//===----------------------------------------------------------------------===//

/// Waits for a product, ties its registers behind the wait, and releases what it has read.
void KernelEmitter::settle(SmallVector<Value> &registers, int64_t product) {
  ptx.wgmmaWait(registers, issued - product);
  done = std::max(done, product);
  SmallVector<int64_t> waiting;
  for (int64_t ring : releases)
    if (rings[ring].lastRead > done)
      waiting.push_back(ring);
    else
      arrive(rings[ring], rings[ring].empty);
  releases = waiting;
}

/// Before an operation: the products whose results it reads.
void KernelEmitter::settle(Operation &op) {
  op.walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      settle(operand);
  });
}

void KernelEmitter::settle(Value result) {
  if (int64_t product = inFlight.lookup(result)) {
    inFlight.erase(result);
    settle(tiles[result].registers, product);
  }
  Value product = besides.lookup(result);
  if (!product)
    return;
  // The product with a vector is the first two of the last eight columns, in the lanes of column 0.
  besides.erase(result);
  settle(product);
  TileForm start = tiles.lookup(result), sums = start;
  sums.kind = TileForm::Rows;
  sums.registers.clear();
  SmallVector<Value> extra(ArrayRef<Value>(tiles[product].registers).take_back(4));
  for (int64_t half = 0; half < 2; ++half) {
    Value sum = b.create<arith::AddFOp>(extra[2 * half], extra[2 * half + 1]);
    sum = ptx.shuffleIndex(sum, b.create<arith::AndIOp>(lane, ptx.i32(28)));
    sums.registers.push_back(b.create<arith::AddFOp>(start.registers[0], sum));
  }
  tiles[result] = sums;
}

/// Waits for all products.
void KernelEmitter::settleAll() {
  while (!inFlight.empty()) {
    auto oldest = llvm::min_element(
        inFlight, [](const auto &x, const auto &y) { return x.second < y.second; });
    settle(Value(oldest->first));
  }
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// Bytes between an operand's places of two steps along the depth, divided by 16.
static int64_t stepOffset(const TileForm &operand, bool alongRows, int64_t step) {
  return alongRows ? step * 16 * 128 / 16 : (step / 4 * operand.panelPitch() + step % 4 * 32) / 16;
}

void KernelEmitter::multiplySteps(const TileForm &lhs, const TileForm &rhs, int64_t first,
                                  int64_t last, int64_t columns, bool accumulate,
                                  ArrayRef<Value> left, SmallVector<Value> &accumulator) {
  Type element = rhs.type.getElementType();
  // Instructions of more than 128 columns need more registers at entry than a block of more than
  // three warpgroups has.
  int64_t width = columns % 128 || (columns == 256 && schedule.threads <= 384) ? columns : 128;
  Value right = ptx.descriptorWord(rhs.address, rhs.transposed ? 16 : rhs.panelPitch()), leftWord;
  if (left.empty()) {
    Value warpgroup = div(warp, 4); // has 64 rows: rows of the tile, or a panel of columns
    int64_t pitch = lhs.transposed ? lhs.panelPitch() : TileForm::panelBytes(64);
    leftWord = ptx.descriptorWord(add(lhs.address, mul(warpgroup, pitch)), 16);
  }
  for (int64_t column = 0; column < columns; column += width)
    for (int64_t step = first; step < last; ++step) {
      int64_t place = stepOffset(rhs, !rhs.transposed, step) +
                      (rhs.transposed ? column * 128 : column / 64 * rhs.panelPitch()) / 16;
      Value rightStep = ptx.descriptorOf(add(right, ptx.i32(place)));
      Value leftStep;
      if (left.empty())
        leftStep = ptx.descriptorOf(add(leftWord, ptx.i32(stepOffset(lhs, lhs.transposed, step))));
      ptx.wgmma(element, width, accumulator, column / 2,
                left.empty() ? ArrayRef<Value>(leftStep) : left.slice(4 * (step - first), 4),
                lhs.transposed, rightStep, !rhs.transposed, accumulate || step > 0);
    }
  ptx.wgmmaCommit();
  ++issued;
  for (const TileForm *operand : {&lhs, &rhs})
    if (operand->ring >= 0)
      rings[operand->ring].lastRead = issued;
}

/// A product with a vector that has the same left operand.
static MatvecOp vectorBeside(MatmulOp op) {
  for (Operation *user : op.getLhs().getUsers())
    if (auto matvec = dyn_cast<MatvecOp>(user);
        matvec && matvec.getMatrix() == op.getLhs() && matvec->getBlock() == op->getBlock())
      return matvec;
  return {};
}

LogicalResult KernelEmitter::emitRoleMatmul(MatmulOp op) {
  auto type = cast<TileType>(op.getResult().getType());
  TileForm lhs = tiles.lookup(op.getLhs()), rhs = tiles.lookup(op.getRhs()),
           initial = tiles.lookup(op.getAccumulator());
  int64_t steps = cast<TileType>(op.getLhs().getType()).getShape()[1] / 16,
          columns = type.getShape()[1];
  WarpGrid grid = {threads / 32, 1};
  if (rhs.kind != TileForm::Shared || type.getShape()[0] != 16 * grid.m)
    return op.emitError() << "expected the right operand in shared memory and " << 16 * grid.m
                          << " rows in this role";
  bool accumulate =
      initial.kind != TileForm::Splat || !matchPattern(initial.registers[0], m_AnyZeroFloat());
  TileForm result = materialize(initial, grid);

  if (lhs.kind == TileForm::Lazy) {
    lhs.grid = grid;
    for (int64_t step = 0; step < steps; step += 2) {
      int64_t end = std::min(step + 2, steps);
      SmallVector<Value> left;
      packsInOrder = true;
      for (int64_t ni = 2 * step; ni < 2 * end; ++ni)
        evaluateBlock(lhs.map, lhs, 0, ni, left);
      packsInOrder = false;
      ptx.wgmmaFence(result.registers, left);
      multiplySteps(lhs, rhs, step, end, columns, accumulate, left, result.registers);
      settle(result.registers, issued);
    }
    tiles[op.getResult()] = result;
    return success();
  }

  if (vectorBeside(op)) { // the vector's two parts are the next 8 columns' first two
    meet();               // all of them are written
    columns += 8;
    result.registers.append(4, ptx.f32(0));
  }
  SmallVector<Value> left;
  if (lhs.kind == TileForm::Fragment)
    left = lhs.registers;
  ptx.wgmmaFence(result.registers, left);
  multiplySteps(lhs, rhs, 0, steps, columns, accumulate, left, result.registers);
  inFlight[op.getResult()] = issued;
  tiles[op.getResult()] = result;
  if (vectorBeside(op)) // with another product in flight beside it, ptxas serialises both
    settle(op.getResult());
  return success();
}

Value KernelEmitter::vectorElement(const TileForm &form, Value index) {
  return form.kind == TileForm::Splat
             ? form.registers[0]
             : ptx.load(b.getF32Type(), add(form.address, mul(index, 4)), 4);
}

/// The ring whose matrices have a carried vector in their spare rows; -1 if there is none.
int64_t KernelEmitter::spareRowsRing(Value vector) {
  for (Operation *user : vector.getUsers())
    if (auto matvec = dyn_cast<MatvecOp>(user); matvec && matvec.getVector() == vector)
      for (Operation *other : matvec.getMatrix().getUsers())
        if (auto matmul = dyn_cast<MatmulOp>(other); matmul && vectorBeside(matmul) == matvec) {
          Value matrix = matmul.getRhs();
          while (auto view = matrix.getDefiningOp<TransposeOp>())
            matrix = view.getSource();
          return ringNumber.lookup(matrix.getDefiningOp<GetOp>().getRing());
        }
  return -1;
}

/// The elements of a shared vector that this thread updates: of its fragment's rows 64 i + .., the
/// same in the four lanes of a row. All are loaded before any is stored: a load behind a store,
/// which might be to the same place, waits.
SmallVector<Value> KernelEmitter::ownElements(const TileForm &vector) {
  SmallVector<Value> elements;
  for (int64_t i = 0; i < vector.rows() / 32; ++i)
    elements.push_back(
        vectorElement(vector, add(fragmentRow({threads / 32, 1}, 0, i % 2), ptx.i32(i / 2 * 64))));
  return elements;
}

/// A vector as two 16-bit rows behind those of a ring's matrix, in the stage of an iteration.
void KernelEmitter::writeSpareRows(const Ring &ring, Value iteration, ArrayRef<Value> elements) {
  const Ring::Slot &slot = ring.slots[0];
  WarpGrid grid = {threads / 32, 1};
  int64_t rows = slot.panelRows - 8;
  Value stage = rem(iteration, ring.stages);
  Value address = add(sharedAddress(ring.first + slot.offset), mul(stage, ring.bytes));
  for (size_t panel = 0; panel < elements.size() / 2; ++panel) {
    Value low = elements[2 * panel], high = elements[2 * panel + 1];
    Value rounded = ptx.pack(slot.spareElement, low, high);
    auto [lowRounded, highRounded] = ptx.unpack(slot.spareElement, rounded);
    Value rest = ptx.pack(slot.spareElement, b.create<arith::SubFOp>(low, lowRounded),
                          b.create<arith::SubFOp>(high, highRounded));
    for (int64_t part = 0; part < 2; ++part)
      for (int64_t half = 0; half < 2; ++half) {
        Value bits = part ? rest : rounded;
        if (half)
          bits = b.create<arith::ShRUIOp>(bits, ptx.i32(16));
        Value place = swizzled(add(address, ptx.i32(panel * TileForm::panelBytes(slot.panelRows))),
                               slot.panelRows, ptx.i32(rows + part), fragmentRow(grid, 0, half));
        ptx.store(b.create<arith::TruncIOp>(b.getI16Type(), bits), place, 2);
      }
  }
}

/// n + K^T w, in place: the matrix is K, rows of 64 of its columns at a time.
LogicalResult KernelEmitter::emitRoleMatvec(MatvecOp op) {
  for (Operation *user : op.getMatrix().getUsers())
    if (auto matmul = dyn_cast<MatmulOp>(user); matmul && vectorBeside(matmul) == op) {
      TileForm start = tiles.lookup(op.getAccumulator());
      if (start.kind != TileForm::Splat)
        return op.emitError() << "expected a splat as the accumulator of a product beside another";
      besides[op.getResult()] = matmul.getResult();
      tiles[op.getResult()] = start;
      settle(op.getResult()); // two registers instead of four
      return success();
    }
  TileForm matrix = tiles.lookup(op.getMatrix()), vector = tiles.lookup(op.getVector()),
           initial = tiles.lookup(op.getAccumulator());
  TileForm old = initial.kind == TileForm::Lazy ? tiles.lookup(initial.map.getElems()[0]) : initial;
  if (matrix.kind != TileForm::Shared || !matrix.transposed || !vector.operand || matrix.ring < 0 ||
      vector.ring < 0 || old.kind != TileForm::Shared)
    return op.emitError() << "expected the transpose of a ring's matrix, a ring's vector, and an "
                             "accumulator that the role carries";
  findAnew(matrix);
  findAnew(vector);
  Type element = matrix.type.getElementType();
  WarpGrid grid = {threads / 32, 1};
  int64_t blocks = matrix.columns() / 64, steps = matrix.rows() / 16;
  Value left = ptx.descriptorWord(matrix.address, 16),
        right = ptx.descriptorWord(vector.operand, 16);
  SmallVector<Value> sums(4 * blocks, ptx.f32(0)), none;
  ptx.wgmmaFence(sums, none);
  for (int64_t block = 0; block < blocks; ++block)
    for (int64_t step = 0; step < steps; ++step) {
      int64_t place = block * matrix.panelPitch() / 16 + stepOffset(matrix, true, step);
      Value a = ptx.descriptorOf(add(left, ptx.i32(place)));
      Value vectorStep =
          ptx.descriptorOf(add(right, ptx.i32((step / 4 * 1024 + step % 4 * 32) / 16)));
      ptx.wgmma(element, 8, sums, 4 * block, a, /*transposeA=*/true, vectorStep,
                /*transposeB=*/false, /*accumulate=*/step > 0);
    }
  ptx.wgmmaCommit();
  settle(sums, ++issued);
  when(b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, rem(lane, 4), ptx.i32(0)), [&] {
    SmallVector<Value> elements = ownElements(old);
    for (auto [i, element] : llvm::enumerate(elements)) {
      Value index = add(fragmentRow(grid, 0, i % 2), ptx.i32(i / 2 * 64));
      if (initial.kind == TileForm::Lazy)
        element = evaluateBody(initial.map.getBody(), {index, element});
      Value product = b.create<arith::AddFOp>(sums[2 * i], sums[2 * i + 1]);
      element = b.create<arith::AddFOp>(element, product);
      ptx.store(element, add(old.address, mul(index, 4)), 4);
    }
    if (old.ring >= 0)
      writeSpareRows(rings[old.ring], add(iteration(), ptx.i32(1)), elements);
  });
  if (old.ring >= 0)
    ptx.fenceProxyAsync();
  tiles[op.getResult()] = old;
  return success();
}

//===----------------------------------------------------------------------===//
// Maps and reductions
//===----------------------------------------------------------------------===//

/// The scalar that a map multiplies its one tile with; null if it does something else.
static Value scalarFactor(MapOp op) {
  Block &body = op.getBody().front();
  auto product = body.getTerminator()->getOperand(0).getDefiningOp<arith::MulFOp>();
  if (!product || op.getElems().size() != 1 || op->getNumOperands() != 1 ||
      body.getOperations().size() != 2 || product.getLhs() != body.getArguments().back() ||
      isa<BlockArgument>(product.getRhs()) || product.getRhs().getParentBlock() == &body)
    return {};
  return product.getRhs();
}

Value factorThatMayBeOne(MapOp op) {
  Value factor = op->getNumResults() == 1 ? scalarFactor(op) : Value();
  auto choice = factor ? factor.getDefiningOp<arith::SelectOp>() : arith::SelectOp();
  return choice && (matchPattern(choice.getTrueValue(), m_OneFloat()) ||
                    matchPattern(choice.getFalseValue(), m_OneFloat()))
             ? factor
             : Value();
}

bool KernelEmitter::emitRoleMap(MapOp op) {
  auto type = cast<TileType>(op.getTile().getType());
  TileForm result;
  result.type = type;
  SmallVector<TileForm> elems;
  for (Value value : op.getElems())
    elems.push_back(tiles.lookup(value));
  if (type.getShape().size() == 1) {
    auto rows = llvm::find_if(elems, [](const TileForm &f) { return f.kind == TileForm::Rows; });
    if (rows != elems.end()) {
      result.kind = TileForm::Rows;
      result.grid = rows->grid;
      for (size_t i = 0; i < rows->registers.size(); ++i) {
        SmallVector<Value> arguments = {fragmentRow(rows->grid, i / 2, i % 2)};
        for (const TileForm &elem : elems)
          arguments.push_back(rowElement(elem, rows->grid, i / 2, i % 2));
        result.registers.push_back(evaluateBody(op.getBody(), arguments));
      }
      tiles[op.getTile()] = result;
      return true;
    }
    bool updated = op.getTile().hasOneUse() && isa<MatvecOp>(*op.getTile().user_begin());
    if (!updated || elems.size() != 1 || elems[0].kind != TileForm::Shared)
      return false;
    result.kind = TileForm::Lazy; // where the matrix-vector product updates it
    result.map = op;
    tiles[op.getTile()] = result;
    return true;
  }
  if (elems.size() != 1 || elems[0].kind != TileForm::Fragment || result.is16Bit())
    return false;
  result.kind = TileForm::Fragment;
  result.grid = elems[0].grid;
  Value factor = scalarFactor(op);
  if (!factor || elems[0].registers.size() <= 32)
    return false;
  emitScaled(op, scalar(factor), result);
  tiles[op.getTile()] = result;
  return true;
}

/// A product with 1, which is the common case, costs nothing.
void KernelEmitter::emitScaled(MapOp op, Value factor, TileForm &result) {
  ArrayRef<Value> source = tiles.find(op.getElems()[0])->second.registers;
  Value changes = b.create<arith::CmpFOp>(arith::CmpFPredicate::UNE, factor, ptx.f32(1));
  auto branch = b.create<scf::IfOp>(TypeRange(SmallVector<Type>(source.size(), b.getF32Type())),
                                    changes, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  SmallVector<Value> scaled;
  for (Value x : source)
    scaled.push_back(b.create<arith::MulFOp>(x, factor));
  b.create<scf::YieldOp>(scaled);
  b.setInsertionPointToStart(branch.elseBlock());
  b.create<scf::YieldOp>(SmallVector<Value>(source));
  result.registers.append(branch.getResults().begin(), branch.getResults().end());
}

void KernelEmitter::emitRoleReduce(ReduceOp op) {
  const TileForm source = tiles.lookup(op.getSource());
  TileForm result;
  result.kind = TileForm::Rows;
  result.type = cast<TileType>(op.getTile().getType());
  result.grid = source.grid;
  for (int64_t mi = 0; mi < source.rowBlocks(); ++mi)
    for (int64_t half = 0; half < 2; ++half) {
      Value sums[2]; // of even and odd columns: a shorter chain
      for (int64_t ni = 0; ni < source.columnBlocks(); ++ni)
        for (int64_t p = 0; p < 2; ++p) {
          Value x = source.registers[source.blockRegister(mi, ni) + 2 * half + p];
          sums[p] = sums[p] ? combine(op.getCombiner(), sums[p], x) : x;
        }
      Value sum = combine(op.getCombiner(), sums[0], sums[1]);
      for (int64_t mask : {1, 2})
        sum = combine(op.getCombiner(), sum, ptx.shuffleXor(sum, mask));
      result.registers.push_back(sum);
    }
  tiles[op.getTile()] = result;
}

//===----------------------------------------------------------------------===//
// Stores
//===----------------------------------------------------------------------===//

/// Each warpgroup transposes its 64 rows into one of two buffers of its own, and one thread starts
/// the copy, which leaves out what is beyond the tensor.
void KernelEmitter::storeByTMA(StoreOp op, const TileForm &fragment) {
  const Tensor &tensor = tensors[tensorNumber.lookup(op.getTensor())];
  Type element = tensor.type.getElementType();
  ArrayRef<int64_t> axes = op.getAxes();
  SmallVector<Value> index = offsets(op.getOffsets());
  int64_t bytes = TileForm::panelBytes(fragment.columns());
  if (staging < 0)
    staging = allocate(2 * threads / 128 * bytes, 1024);
  Value warpgroup = div(warp, 4), inGroup = rem(warp, 4);
  Value buffer =
      add(sharedAddress(staging), add(mul(warpgroup, 2 * bytes), mul(rem(iteration(), 2), bytes)));
  Value first = b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, rem(thread, 128), ptx.i32(0));
  when(first,
       [&] { ptx.bulkWait(/*read=*/true); }); // so that after `meet` the other buffer is free
  Value column = add(mul(inGroup, 16), mul(rem(div(lane, 8), 2), 8)),
        row = add(rem(lane, 8), mul(div(lane, 16), 8));
  for (int64_t ni = 0; ni < fragment.columnBlocks(); ni += 2) {
    SmallVector<Value> packed;
    for (int64_t block = ni; block < ni + 2; ++block) {
      SmallVector<Value> x = blockElements(fragment, fragment.grid, 0, block);
      for (int64_t half = 0; half < 2; ++half)
        packed.push_back(ptx.pack(element, x[2 * half], x[2 * half + 1]));
    }
    ptx.stmatrix4(swizzled(buffer, fragment.columns(), add(row, ptx.i32(8 * ni)), column), packed,
                  /*transpose=*/true);
  }
  ptx.fenceProxyAsync();
  meet();
  when(first, [&] {
    index[axes[0]] = add(index[axes[0]], mul(warpgroup, 64));
    ptx.tmaStore(buffer, function.getArgument(tensor.tensorMapArgument),
                 SmallVector<Value>(llvm::reverse(index)));
    ptx.bulkCommit();
  });
}

} // namespace xlstm
