// SPDX-License-Identifier: Apache-2.0
// Matrix products: a register-blocked kernel over vectors of the result's contiguous direction.
#include "compiler/Conversion/TileToVector/BlockEmitter.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

/// Adds to `rows` x `vectors` vectors of D at (m, n) their sums over k. All of them stay in
/// registers.
void BlockEmitter::microKernel(Strided a, Strided rhs, Strided d, Type element, Value m,
                               int64_t rows, Value n, int64_t vectors, int64_t depth) {
  VectorType type = vec(element);
  auto place = [&](int64_t row, int64_t vector) {
    return gep(d.pointer, element, add(mul(add(m, i64(row)), i64(d.row)), add(n, i64(vector * W))));
  };
  SmallVector<Value> accumulators;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t vector = 0; vector < vectors; ++vector)
      accumulators.push_back(b.create<LLVM::LoadOp>(type, place(row, vector), 4));
  auto loop = b.create<scf::ForOp>(i64(0), i64(depth), i64(1), accumulators);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value k = loop.getInductionVar();
    SmallVector<Value> right, sums;
    for (int64_t vector = 0; vector < vectors; ++vector)
      right.push_back(b.create<LLVM::LoadOp>(
          type, gep(rhs.pointer, element, add(mul(k, i64(rhs.row)), add(n, i64(vector * W)))), 4));
    for (int64_t row = 0; row < rows; ++row) {
      Value index = add(mul(add(m, i64(row)), i64(a.row)), mul(k, i64(a.column)));
      Value left =
          broadcast(b.create<LLVM::LoadOp>(element, gep(a.pointer, element, index)), element);
      for (int64_t vector = 0; vector < vectors; ++vector)
        sums.push_back(b.create<LLVM::FMulAddOp>(type, left, right[vector],
                                                 loop.getRegionIterArgs()[row * vectors + vector]));
    }
    b.create<scf::YieldOp>(sums);
  }
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t vector = 0; vector < vectors; ++vector)
      b.create<LLVM::StoreOp>(loop.getResult(row * vectors + vector), place(row, vector), 4);
}

LogicalResult BlockEmitter::emitMatmul(MatmulOp op) {
  auto type = cast<TileType>(op.getResult().getType());
  Type element = type.getElementType();
  Buffer lhs = tiles.lookup(op.getLhs()), rhs = tiles.lookup(op.getRhs());
  for (const Buffer *operand : {&lhs, &rhs})
    if (operand->splat || operand->type.getElementType() != element)
      return op.emitError() << "expected operands in memory of the accumulator's type " << element
                            << " or narrower ones kept in it";
  // The result is stored along the direction in which an operand is: D = A B by rows where B is, or
  // D^T = B^T A^T by columns where A is. Where both could be, the accumulator decides.
  Buffer result, accumulator = tiles.lookup(op.getAccumulator());
  bool columnMajor =
      lhs.columnMajor && (rhs.columnMajor || !accumulator.pointer || accumulator.columnMajor);
  if (!columnMajor)
    rhs = inOrder(rhs, /*columnMajor=*/false);
  if (accumulator.pointer && accumulator.columnMajor == columnMajor) {
    result = reuseOrAllocate(op.getAccumulator(), type, op, {lhs, rhs});
  } else {
    result = allocate(type, columnMajor);
  }
  if (result.pointer != accumulator.pointer)
    copy(accumulator, result);

  // In terms of lines: D[m][n] += sum_k A[m][k] B[k][n], B and D by lines along n.
  Buffer wide = columnMajor ? lhs : rhs, narrow = columnMajor ? rhs : lhs;
  Strided d{result.pointer, result.pitch, 1}, bLines{wide.pointer, wide.pitch, 1}, a;
  // A's lines run along k, or along m (then its columns are the lines).
  bool alongK = narrow.columnMajor == columnMajor;
  a = alongK ? Strided{narrow.pointer, narrow.pitch, 1} : Strided{narrow.pointer, 1, narrow.pitch};
  int64_t M = result.lines(), N = roundUp(result.lineLength()),
          K = cast<TileType>(op.getLhs().getType()).getShape()[1];

  // Registers: rows x vectors accumulators, the vectors of B, one of A.
  int64_t perVector = element.isF64() ? 2 : 1; // a register holds W elements of f32
  int64_t vectors = std::min<int64_t>(element.isF64() ? 1 : 2, N / W);
  int64_t rows = std::clamp<int64_t>((registers / perVector - vectors - 2) / vectors, 1, M);
  auto columns = [&](int64_t from, int64_t to, int64_t count) {
    loop(from, to, count * W, [&](Value n) {
      int64_t wholeRows = M / rows * rows;
      loop(0, wholeRows, rows,
           [&](Value m) { microKernel(a, bLines, d, element, m, rows, n, count, K); });
      if (M > wholeRows)
        microKernel(a, bLines, d, element, i64(wholeRows), M - wholeRows, n, count, K);
    });
  };
  int64_t whole = N / (vectors * W) * vectors * W;
  columns(0, whole, vectors);
  if (N > whole)
    columns(whole, N, (N - whole) / W);
  tiles[op.getResult()] = result;
  return success();
}

LogicalResult BlockEmitter::emitMatvec(MatvecOp op) {
  auto type = cast<TileType>(op.getResult().getType());
  Type element = type.getElementType();
  Buffer matrix = tiles.lookup(op.getMatrix()),
         vector = inOrder(tiles.lookup(op.getVector()), false);
  if (matrix.splat || matrix.type.getElementType() != element ||
      vector.type.getElementType() != element)
    return op.emitError() << "expected operands in memory of the accumulator's type " << element;
  Buffer accumulator = tiles.lookup(op.getAccumulator());
  Buffer result = accumulator.pointer ? reuseOrAllocate(op.getAccumulator(), type, op, {vector})
                                      : allocate(type, false);
  if (result.pointer != accumulator.pointer)
    copy(accumulator, result);
  int64_t M = type.getShape()[0], K = cast<TileType>(op.getMatrix().getType()).getShape()[1];
  if (matrix.columnMajor) { // result += column k * vector[k], a vector of rows at a time
    loop(0, roundUp(M), W, [&](Value position) {
      Value initial = loadVector(result, i64(0), position);
      auto sums = b.create<scf::ForOp>(i64(0), i64(K), i64(1), initial);
      {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPointToStart(sums.getBody());
        Value k = sums.getInductionVar();
        Value weight = broadcast(loadElement(vector, i64(0), k), element);
        b.create<scf::YieldOp>(ValueRange(b.create<LLVM::FMulAddOp>(
            vec(element), weight, loadVector(matrix, k, position), sums.getRegionIterArgs()[0])));
      }
      b.create<LLVM::StoreOp>(sums.getResult(0), at(result, i64(0), position), 4);
    });
  } else { // each result is a dot product along a line
    int64_t whole = K / W * W;
    loop(0, M, 1, [&](Value line) {
      auto sums = b.create<scf::ForOp>(i64(0), i64(whole), i64(W), constant(vec(element), 0));
      {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPointToStart(sums.getBody());
        Value k = sums.getInductionVar();
        b.create<scf::YieldOp>(ValueRange(
            b.create<LLVM::FMulAddOp>(vec(element), loadVector(matrix, line, k),
                                      loadVector(vector, i64(0), k), sums.getRegionIterArgs()[0])));
      }
      Value sum = b.create<vector::ReductionOp>(vector::CombiningKind::ADD, sums.getResult(0),
                                                loadElement(result, i64(0), line),
                                                arith::FastMathFlags::reassoc);
      for (int64_t k = whole; k < K; ++k)
        sum = b.create<arith::AddFOp>(sum,
                                      b.create<arith::MulFOp>(loadElement(matrix, line, i64(k)),
                                                              loadElement(vector, i64(0), i64(k))));
      b.create<LLVM::StoreOp>(sum, at(result, i64(0), line));
    });
  }
  tiles[op.getResult()] = result;
  return success();
}

} // namespace xlstm
