// SPDX-License-Identifier: Apache-2.0
// Matrix products: a register-blocked kernel over vectors of the result's contiguous direction.
#include "compiler/Conversion/TileToVector/BlockEmitter.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

/// Adds to `rows` x `vectors` vectors of each D at (m, n) their sums over k. All of them stay in
/// registers.
void BlockEmitter::microKernel(ArrayRef<Product> products, Type element, Value m, int64_t rows,
                               Value n, int64_t vectors) {
  VectorType type = vec(element);
  auto place = [&](const Product &product, int64_t row, int64_t vector) {
    return gep(product.d.pointer, element,
               add(mul(add(m, i64(row)), i64(product.d.row)), add(n, i64(vector * W))));
  };
  SmallVector<Value> sums;
  for (const Product &product : products)
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t vector = 0; vector < vectors; ++vector)
        sums.push_back(product.initial
                           ? broadcast(product.initial, element)
                           : b.create<LLVM::LoadOp>(type, place(product, row, vector), 4));
  auto addTerms = [&](Value k, SmallVector<Value> &sums) {
    size_t next = 0;
    for (const Product &product : products) {
      SmallVector<Value> right;
      for (int64_t vector = 0; vector < vectors; ++vector)
        right.push_back(
            b.create<LLVM::LoadOp>(type,
                                   gep(product.b.pointer, element,
                                       add(mul(k, i64(product.b.row)), add(n, i64(vector * W)))),
                                   4));
      for (int64_t row = 0; row < rows; ++row) {
        Value index = add(mul(add(m, i64(row)), i64(product.a.row)), mul(k, i64(product.a.column)));
        Value left = broadcast(
            b.create<LLVM::LoadOp>(element, gep(product.a.pointer, element, index)), element);
        for (int64_t vector = 0; vector < vectors; ++vector, ++next)
          sums[next] = b.create<LLVM::FMulAddOp>(type, left, right[vector], sums[next]);
      }
    }
  };
  // So many terms an iteration that the loop itself costs little.
  constexpr int64_t enough = 32, most = 8;
  int64_t K = products[0].K, unroll = 1;
  while (unroll < most && unroll * 2 <= K && unroll * 2 * int64_t(sums.size()) <= enough)
    unroll *= 2;
  auto loopOver = [&](int64_t from, int64_t to, int64_t step) {
    auto loop = b.create<scf::ForOp>(i64(from), i64(to), i64(step), sums);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    sums.assign(loop.getRegionIterArgs().begin(), loop.getRegionIterArgs().end());
    for (int64_t i = 0; i < step; ++i)
      addTerms(add(loop.getInductionVar(), i64(i)), sums);
    b.create<scf::YieldOp>(sums);
    sums.assign(loop.getResults().begin(), loop.getResults().end());
  };
  loopOver(0, K / unroll * unroll, unroll);
  if (K % unroll)
    loopOver(K / unroll * unroll, K, 1);
  size_t next = 0;
  for (const Product &product : products)
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t vector = 0; vector < vectors; ++vector)
        b.create<LLVM::StoreOp>(sums[next++], place(product, row, vector), 4);
}

/// Cycles that one k of all products takes on a processor with two units for sums of latency 4 and
/// two for loads, where B comes from the second-level cache; the cheapest blocking is taken. It
/// does not change results: every sum is in the order of k.
BlockEmitter::Blocking BlockEmitter::blockingFor(int64_t M, int64_t vectors, int64_t products,
                                                 Type element) {
  int64_t perVector = element.isF64() ? 2 : 1; // a register holds W elements of f32
  int64_t available = registers / perVector;
  constexpr int64_t mostVectors = 8;
  Blocking best{1, 1, 1};
  double bestCost = std::numeric_limits<double>::infinity();
  for (int64_t p = 1; p <= products; ++p)
    for (int64_t v = 1; v <= vectors && v * p <= mostVectors; ++v) {
      if (products % p)
        continue;
      int64_t most = (available - v - 2) / (v * p); // sums, B's vectors, one of A and one to spare
      if (most < 1)
        continue;
      int64_t rowBlocks = (M + most - 1) / most, rows = (M + rowBlocks - 1) / rowBlocks;
      auto cost = [&](int64_t r, int64_t v) {
        double columns = v * p, sums = r * columns * perVector;
        return std::max({sums / 2, (columns * perVector + r * p) / 2, columns * perVector, 4.0}) +
               0.05 * (columns * perVector + r * p);
      };
      auto column = [&](int64_t v) {
        return M / rows * cost(rows, v) + (M % rows ? cost(M % rows, v) : 0);
      };
      double total =
          products / p * (vectors / v * column(v) + (vectors % v ? column(vectors % v) : 0));
      if (total < bestCost) {
        bestCost = total;
        best = {rows, v, p};
      }
    }
  return best;
}

/// The tile whose memory `tile` is.
static Value memoryOf(Value tile) {
  while (auto transpose = tile.getDefiningOp<TransposeOp>())
    tile = transpose.getSource();
  return tile;
}

SmallVector<MatmulOp> BlockEmitter::independentProducts(MatmulOp first) {
  SmallVector<MatmulOp> group = {first};
  while (auto next = dyn_cast_or_null<MatmulOp>(group.back()->getNextNode())) {
    // An accumulator may give its memory to the result while the others still read their operands.
    Value accumulator = memoryOf(next.getAccumulator());
    bool overwrites = llvm::any_of(group, [&](MatmulOp other) {
      return memoryOf(other.getLhs()) == accumulator || memoryOf(other.getRhs()) == accumulator;
    });
    bool waits = llvm::any_of(next.getOperands(), [&](Value operand) {
      return llvm::is_contained(group, operand.getDefiningOp());
    });
    if (overwrites || waits || next.getOperandTypes() != first.getOperandTypes())
      break;
    group.push_back(next);
  }
  return group;
}

FailureOr<BlockEmitter::Product> BlockEmitter::productOf(MatmulOp op) {
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
    rhs = inOrder(op.getRhs(), /*columnMajor=*/false);
  if (accumulator.pointer && accumulator.columnMajor == columnMajor)
    result = reuseOrAllocate(op.getAccumulator(), type, op, {lhs, rhs});
  else
    result = allocate(type, columnMajor);
  if (accumulator.pointer && result.pointer != accumulator.pointer)
    copy(accumulator, result);
  tiles[op.getResult()] = result;

  // In terms of lines: D[m][n] += sum_k A[m][k] B[k][n], B and D by lines along n.
  Buffer wide = columnMajor ? lhs : rhs, narrow = columnMajor ? rhs : lhs;
  Product product;
  product.d = {result.pointer, result.pitch, 1};
  product.b = {wide.pointer, wide.pitch, 1};
  // A's lines run along k, or along m (then its columns are the lines).
  bool alongK = narrow.columnMajor == columnMajor;
  product.a =
      alongK ? Strided{narrow.pointer, narrow.pitch, 1} : Strided{narrow.pointer, 1, narrow.pitch};
  product.initial = accumulator.splat;
  product.M = result.lines();
  product.N = roundUp(result.lineLength());
  product.K = cast<TileType>(op.getLhs().getType()).getShape()[1];
  return product;
}

LogicalResult BlockEmitter::emitMatmuls(ArrayRef<MatmulOp> ops) {
  SmallVector<Product> products;
  Type element;
  for (MatmulOp op : ops) {
    FailureOr<Product> product = productOf(op);
    if (failed(product))
      return failure();
    products.push_back(*product);
    element = cast<TileType>(op.getResult().getType()).getElementType();
  }
  bool together = llvm::all_of(products, [&](const Product &product) {
    return product.M == products[0].M && product.N == products[0].N; // stored in one direction
  });
  for (size_t i = 0, count = together ? products.size() : 1; i < products.size(); i += count)
    emitProducts(ArrayRef(products).slice(i, count), element);
  return success();
}

void BlockEmitter::emitProducts(ArrayRef<Product> all, Type element) {
  int64_t M = all[0].M, N = all[0].N;
  Blocking blocking = blockingFor(M, N / W, all.size(), element);
  for (size_t first = 0; first < all.size(); first += blocking.products) {
    ArrayRef<Product> products = all.slice(first, blocking.products);
    auto columns = [&](int64_t from, int64_t to, int64_t vectors) {
      loop(from, to, vectors * W, [&](Value n) {
        int64_t wholeRows = M / blocking.rows * blocking.rows;
        loop(0, wholeRows, blocking.rows,
             [&](Value m) { microKernel(products, element, m, blocking.rows, n, vectors); });
        if (M > wholeRows)
          microKernel(products, element, i64(wholeRows), M - wholeRows, n, vectors);
      });
    };
    int64_t whole = N / (blocking.vectors * W) * blocking.vectors * W;
    columns(0, whole, blocking.vectors);
    if (N > whole)
      columns(whole, N, (N - whole) / W);
  }
}

SmallVector<MatvecOp> BlockEmitter::productsOfMatrix(MatvecOp first) {
  SmallVector<MatvecOp> group = {first};
  // Their sums, a vector of the matrix and one to spare are in registers.
  int64_t perVector = cast<TileType>(first.getResult().getType()).getElementType().isF64() ? 2 : 1;
  size_t most = std::max<int64_t>(1, registers / perVector - 3);
  while (group.size() < most) {
    auto next = dyn_cast_or_null<MatvecOp>(group.back()->getNextNode());
    if (!next || next.getMatrix() != first.getMatrix() ||
        next.getOperandTypes() != first.getOperandTypes())
      break;
    Value accumulator = memoryOf(next.getAccumulator());
    bool overwrites = llvm::any_of(
        group, [&](MatvecOp other) { return memoryOf(other.getVector()) == accumulator; });
    bool waits = llvm::any_of(next.getOperands(), [&](Value operand) {
      return llvm::is_contained(group, operand.getDefiningOp());
    });
    if (overwrites || waits)
      break;
    group.push_back(next);
  }
  return group;
}

LogicalResult BlockEmitter::emitMatvecs(ArrayRef<MatvecOp> ops) {
  auto type = cast<TileType>(MatvecOp(ops[0]).getResult().getType());
  Type element = type.getElementType();
  Buffer matrix = tiles.lookup(MatvecOp(ops[0]).getMatrix());
  SmallVector<Buffer> vectors, results;
  for (MatvecOp op : ops) {
    vectors.push_back(inOrder(tiles.lookup(op.getVector()), false));
    if (matrix.splat || matrix.type.getElementType() != element ||
        vectors.back().type.getElementType() != element)
      return op.emitError() << "expected operands in memory of the accumulator's type " << element;
  }
  for (auto [op, vector] : llvm::zip(ops, vectors)) {
    Buffer accumulator = tiles.lookup(MatvecOp(op).getAccumulator());
    results.push_back(accumulator.pointer
                          ? reuseOrAllocate(MatvecOp(op).getAccumulator(), type, op, {vector})
                          : allocate(type, false));
    if (results.back().pointer != accumulator.pointer)
      copy(accumulator, results.back());
    tiles[MatvecOp(op).getResult()] = results.back();
  }
  int64_t M = type.getShape()[0],
          K = cast<TileType>(MatvecOp(ops[0]).getMatrix().getType()).getShape()[1];
  // One loop over k for all: a vector of the matrix, then each product's term.
  auto sumUp = [&](int64_t end, int64_t step, ValueRange initial, auto &&vectorOfMatrix,
                   auto &&factor) {
    auto sums = b.create<scf::ForOp>(i64(0), i64(end), i64(step), initial);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(sums.getBody());
    Value k = sums.getInductionVar(), shared = vectorOfMatrix(k);
    SmallVector<Value> next;
    for (auto [vector, sum] : llvm::zip(vectors, sums.getRegionIterArgs()))
      next.push_back(b.create<LLVM::FMulAddOp>(vec(element), shared, factor(vector, k), sum));
    b.create<scf::YieldOp>(next);
    return SmallVector<Value>(sums.getResults());
  };
  if (matrix.columnMajor) { // result += column k * vector[k], a vector of rows at a time
    loop(0, roundUp(M), W, [&](Value position) {
      SmallVector<Value> initial;
      for (const Buffer &result : results)
        initial.push_back(loadVector(result, i64(0), position));
      SmallVector<Value> sums = sumUp(
          K, 1, initial, [&](Value k) { return loadVector(matrix, k, position); },
          [&](const Buffer &vector, Value k) {
            return broadcast(loadElement(vector, i64(0), k), element);
          });
      for (auto [sum, result] : llvm::zip(sums, results))
        b.create<LLVM::StoreOp>(sum, at(result, i64(0), position), 4);
    });
    return success();
  }
  int64_t whole = K / W * W; // each result is a dot product along a line
  loop(0, M, 1, [&](Value line) {
    SmallVector<Value> sums = sumUp(
        whole, W, SmallVector<Value>(ops.size(), constant(vec(element), 0)),
        [&](Value k) { return loadVector(matrix, line, k); },
        [&](const Buffer &vector, Value k) { return loadVector(vector, i64(0), k); });
    for (auto [lanes, vector, result] : llvm::zip(sums, vectors, results)) {
      Value sum = b.create<vector::ReductionOp>(vector::CombiningKind::ADD, lanes,
                                                loadElement(result, i64(0), line),
                                                arith::FastMathFlags::reassoc);
      for (int64_t k = whole; k < K; ++k)
        sum = b.create<arith::AddFOp>(sum,
                                      b.create<arith::MulFOp>(loadElement(matrix, line, i64(k)),
                                                              loadElement(vector, i64(0), i64(k))));
      b.create<LLVM::StoreOp>(sum, at(result, i64(0), line));
    }
  });
  return success();
}

} // namespace xlstm
