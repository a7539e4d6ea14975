// SPDX-License-Identifier: Apache-2.0
// Matrix products: wgmma where the schedule says so, else mma.sync. Both take the left operand from
// registers as a fragment (or, for wgmma, from shared memory) and the right one from shared memory,
// as it is stored or transposed.
#include "compiler/Conversion/TileToNVVM/KernelEmitter.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

LogicalResult KernelEmitter::emitMatmul(MatmulOp op) {
  if (!op.getWarps())
    return op.emitError() << "expected the attribute warps, which a schedule for a GPU sets";
  auto type = cast<TileType>(op.getResult().getType());
  Product product;
  product.grid = {(*op.getWarps())[0], (*op.getWarps())[1]};
  WarpGrid grid = product.grid;
  int64_t depth = cast<TileType>(op.getLhs().getType()).getShape()[1], columns = type.getShape()[1];

  product.lhs = tiles.lookup(op.getLhs());
  if (product.lhs.kind == TileForm::Lazy && !product.lhs.grid.m)
    product.lhs.grid = {grid.m, 1};
  if (product.lhs.kind == TileForm::Splat)
    product.lhs = materialize(product.lhs, {grid.m, 1});
  product.rhs = tiles.lookup(op.getRhs());
  if (product.rhs.kind == TileForm::Fragment)
    product.rhs = toShared(product.rhs);
  if (product.rhs.kind != TileForm::Shared)
    return op.emitError() << "expected the right operand in shared memory or a fragment";
  bool fromRegisters = product.lhs.kind != TileForm::Shared;
  if (fromRegisters && product.lhs.grid.m != grid.m)
    return op.emitError() << "expected the left operand on " << grid.m << " warps along rows, got "
                          << product.lhs.grid.m;

  // A left operand whose columns are divided among groups of warps: each group multiplies its own,
  // and the sums are exchanged.
  int64_t groups = fromRegisters ? product.lhs.grid.n : 1;
  product.depth = depth / groups;
  product.firstDepth = groups == 1 ? ptx.i32(0) : mul(warpN(grid), product.depth);
  product.columns = groups == 1 ? columns / grid.n : columns;
  product.firstColumn = groups == 1 ? mul(warpN(grid), product.columns) : ptx.i32(0);

  TileForm accumulator = tiles.lookup(op.getAccumulator()), result;
  if (groups == 1) {
    result = materialize(accumulator, grid);
  } else {
    result.kind = TileForm::Fragment;
    result.type = type;
    result.grid = {grid.m, 1};
    result.registers.assign(result.numFragmentRegisters(), ptx.f32(0));
  }
  if (schedule.matrixUnit == "wgmma")
    multiplyByWgmma(product, result);
  else
    multiplyByMma(product, result);
  loadedOperands.clear(); // kept any longer, they would take the registers of the state
  tiles[op.getResult()] = groups == 1 ? result : reducePartial(result, accumulator, grid);
  return success();
}

/// Byte address of the right operand's element (depth, column), both multiples of 8, before the
/// swizzle.
Value KernelEmitter::rightOperandAddress(const TileForm &rhs, Value column, Value depth) {
  Value row = rhs.transposed ? column : depth, inRow = rhs.transposed ? depth : column;
  Value panel = mul(div(inRow, 64), TileForm::panelBytes(rhs.rows()));
  return add(rhs.address, add(panel, add(mul(row, 128), mul(rem(inRow, 64), 2))));
}

void KernelEmitter::multiplyByWgmma(const Product &product, TileForm &result) {
  const TileForm &lhs = product.lhs, &rhs = product.rhs;
  Type element = rhs.type.getElementType();
  bool fromShared = lhs.kind == TileForm::Shared && !lhs.transposed;
  int64_t steps = product.depth / 16;
  // Operands of two steps are in registers at a time; a product from shared memory is one group. Of
  // four steps, the second two operands are made while the first two are multiplied.
  int64_t batch = fromShared ? steps : 2;
  bool overlaps = !fromShared && steps == 4;
  for (int64_t mi = 0; mi < result.rowBlocks(); ++mi) {
    int64_t first = result.blockRegister(mi, 0), count = product.columns / 2;
    SmallVector<Value> accumulator(result.registers.begin() + first,
                                   result.registers.begin() + first + count);
    SmallVector<Value> operands; // that products in flight still read
    for (int64_t step0 = 0; step0 < steps; step0 += batch) {
      int64_t end = std::min(steps, step0 + batch);
      SmallVector<Value> left, none;
      if (!fromShared)
        for (int64_t step = step0; step < end; ++step)
          left.append(leftOperand(lhs, product.grid, mi, 16 * step));
      ptx.wgmmaFence(overlaps && step0 ? none : accumulator, left);
      for (int64_t step = step0; step < end; ++step) {
        Value depth = add(product.firstDepth, ptx.i32(16 * step));
        Value right = ptx.descriptor(rightOperandAddress(rhs, product.firstColumn, depth),
                                     rhs.transposed ? 16 : TileForm::panelBytes(rhs.rows()));
        if (fromShared) {
          // Rows of this warpgroup: 64 from warpM / 4 * 64.
          Value row = add(mul(div(warpM(product.grid), 4), 64), ptx.i32(mi * 16 * product.grid.m));
          Value address =
              add(lhs.address,
                  add(mul(row, 128),
                      ptx.i32(step / 4 * TileForm::panelBytes(lhs.rows()) + step % 4 * 32)));
          ptx.wgmma(element, product.columns, accumulator, 0, ptx.descriptor(address, 16), right,
                    !rhs.transposed);
        } else {
          ptx.wgmma(element, product.columns, accumulator, 0,
                    ArrayRef<Value>(left).slice(4 * (step - step0), 4), right, !rhs.transposed);
        }
      }
      ptx.wgmmaCommit();
      operands.append(left);
      if (!overlaps || end == steps)
        ptx.wgmmaWait(accumulator, operands);
    }
    std::copy(accumulator.begin(), accumulator.end(), result.registers.begin() + first);
  }
}

void KernelEmitter::multiplyByMma(const Product &product, TileForm &result) {
  const TileForm &rhs = product.rhs;
  Type element = rhs.type.getElementType();
  int64_t blocks = product.columns / 8;
  // ldmatrix takes the row of matrix lane / 8 from each lane: matrices (block, k half) in the order
  // (0,0) (0,1) (1,0) (1,1).
  Value rowInMatrix = rem(lane, 8), matrixLow = rem(div(lane, 8), 2), matrixHigh = div(lane, 16);
  for (int64_t step = 0; step < product.depth / 16; ++step) {
    SmallVector<SmallVector<Value>> left;
    for (int64_t mi = 0; mi < result.rowBlocks(); ++mi)
      left.push_back(leftOperand(product.lhs, product.grid, mi, 16 * step));
    Value depth = add(product.firstDepth, ptx.i32(16 * step));
    for (int64_t block = 0; block < blocks; block += 2) {
      bool pair = block + 1 < blocks;
      Value column = add(product.firstColumn, ptx.i32(8 * block)),
            second = pair ? mul(matrixHigh, 8) : ptx.i32(0);
      Value address;
      if (rhs.transposed) // stored [columns, depth]
        address = swizzled(rhs.address, rhs.rows(), add(add(column, rowInMatrix), second),
                           add(depth, mul(matrixLow, 8)));
      else // stored [depth, columns]
        address = swizzled(rhs.address, rhs.rows(), add(add(depth, rowInMatrix), mul(matrixLow, 8)),
                           add(column, second));
      SmallVector<Value> right = ptx.ldmatrix4(address, !rhs.transposed);
      for (int64_t mi = 0; mi < result.rowBlocks(); ++mi)
        for (int64_t i = 0; i < (pair ? 2 : 1); ++i)
          ptx.mma(element, &result.registers[result.blockRegister(mi, block + i)], left[mi],
                  ArrayRef<Value>(right).slice(2 * i, 2));
    }
  }
}

SmallVector<Value> KernelEmitter::leftOperand(const TileForm &lhs, WarpGrid grid, int64_t mi,
                                              int64_t k) {
  int64_t block = k / 8;
  SmallVector<Value> operand;
  if (lhs.kind == TileForm::Fragment) {
    for (int64_t ni : {block, block + 1})
      for (int64_t half = 0; half < 2; ++half)
        operand.push_back(lhs.registers[lhs.blockRegister(mi, ni) + half]);
    return operand;
  }
  if (lhs.kind == TileForm::Lazy) {
    evaluateBlock(lhs.map, lhs, mi, block, operand);
    evaluateBlock(lhs.map, lhs, mi, block + 1, operand);
    return operand;
  }
  // Shared. Matrices in the fragment's order: (rows 0-7, k 0-7) (rows 8-15, k 0-7) (rows 0-7, k
  // 8-15) (rows 8-15, k 8-15).
  SmallVector<Value> &known =
      loadedOperands[{lhs.address.getAsOpaquePointer(), mi * 2 + lhs.transposed, k}];
  if (!known.empty())
    return known;
  Value low = rem(lane, 8), second = mul(rem(div(lane, 8), 2), 8), third = mul(div(lane, 16), 8);
  Value row = add(mul(warpM(grid), 16), ptx.i32(mi * 16 * grid.m)), depth = ptx.i32(k);
  Value address =
      lhs.transposed
          ? swizzled(lhs.address, lhs.rows(), add(add(depth, low), third), add(row, second))
          : swizzled(lhs.address, lhs.rows(), add(add(row, low), second), add(depth, third));
  known = ptx.ldmatrix4(address, lhs.transposed);
  return known;
}

/// Sums the groups' partial products. Group g keeps columns g*N/n .. of the result: it gets them
/// from every other group through shared memory and adds them in the order of the groups.
TileForm KernelEmitter::reducePartial(const TileForm &partial, const TileForm &accumulator,
                                      WarpGrid grid) {
  TileForm result = materialize(accumulator, grid);
  int64_t share = result.registers.size(), groupThreads = 32 * grid.m,
          slotBytes = share * groupThreads * 4;
  int64_t buffer = allocate(grid.n * (grid.n - 1) * slotBytes, 16);
  // Register i of the result, in the partial product: there the columns of all groups follow each
  // other in each row block.
  auto partialOf = [&](int64_t destination, int64_t i) {
    int64_t perRow = 4 * result.columnBlocks();
    return partial.registers[(i / perRow * grid.n + destination) * perRow + i % perRow];
  };
  Value group = warpN(grid), inGroup = rem(thread, groupThreads),
        base = add(sharedAddress(buffer), mul(inGroup, 4));
  // Slot of (destination, source): destination * (n - 1) + source, without the destination itself.
  for (int64_t destination = 0; destination < grid.n; ++destination) {
    Value isSource = b.create<arith::CmpIOp>(arith::CmpIPredicate::ne, group, ptx.i32(destination));
    when(isSource, [&] {
      Value after = b.create<arith::CmpIOp>(arith::CmpIPredicate::sgt, group, ptx.i32(destination));
      Value slot = b.create<arith::SubIOp>(group, b.create<arith::ExtUIOp>(b.getI32Type(), after));
      Value address = add(base, mul(add(slot, ptx.i32(destination * (grid.n - 1))), slotBytes));
      for (int64_t i = 0; i < share; ++i)
        ptx.store(partialOf(destination, i), add(address, ptx.i32(i * groupThreads * 4)), 4);
    });
  }
  ptx.barrier();
  Value address = add(base, mul(group, (grid.n - 1) * slotBytes));
  for (int64_t i = 0; i < share; ++i) {
    Value own = partialOf(0, i);
    for (int64_t g = 1; g < grid.n; ++g)
      own = b.create<arith::SelectOp>(
          b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, group, ptx.i32(g)), partialOf(g, i),
          own);
    Value sum = b.create<arith::AddFOp>(result.registers[i], own);
    for (int64_t source = 0; source + 1 < grid.n; ++source)
      sum = b.create<arith::AddFOp>(
          sum, ptx.load(b.getF32Type(),
                        add(address, ptx.i32(source * slotBytes + i * groupThreads * 4)), 4));
    result.registers[i] = sum;
  }
  return result;
}

} // namespace xlstm
