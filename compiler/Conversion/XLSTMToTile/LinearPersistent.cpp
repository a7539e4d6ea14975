// SPDX-License-Identifier: Apache-2.0
// The program of xlstm.linear for a GPU: a block goes through every so many-th tile of y.
//
//   load       for each tile { for k { fetch x [rows, depth]; fetch each weight [columns, depth] } }
//              or two roles, one for x and one for the weights, which need not wait for what makes x
//   multiply   for each tile { for k { sums += x weight^T }; y = epilogue(sums) }
//
// With roles these are two programs, and the copies of the next tile run while this one's results
// go out. Without, all warps do both.
#include "compiler/Conversion/XLSTMToTile/Linear.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

Value LinearProgram::divide(Value x, Value y) { return b.create<arith::DivUIOp>(loc, x, y); }
Value LinearProgram::remainder(Value x, Value y) { return b.create<arith::RemUIOp>(loc, x, y); }

/// Runs `body` for each tile of the block.
void LinearProgram::eachTile(function_ref<void()> body) {
  Value rows = extent(op.getX(), 0);
  Value rowTiles = divide(add(rows, index(schedule.rows - 1)), index(schedule.rows));
  int64_t columnTiles = (op.getOutputFeatures() + schedule.columns - 1) / schedule.columns;
  loop(kernel.getGridIndex(0), mul(rowTiles, index(columnTiles)), index(schedule.blocks), {},
       [&](Value number, ValueRange) -> SmallVector<Value> {
         enterTile(number, rowTiles);
         body();
         return {};
       });
}

/// The place of a tile: down a group of rows, then to the next columns.
void LinearProgram::enterTile(Value number, Value rowTiles) {
  int64_t columnTiles = (op.getOutputFeatures() + schedule.columns - 1) / schedule.columns;
  Value perGroup = index(schedule.group * columnTiles);
  Value firstRow = mul(divide(number, perGroup), index(schedule.group));
  Value inGroup = remainder(number, perGroup);
  Value groupRows = min(sub(rowTiles, firstRow), index(schedule.group));
  leading = {mul(add(firstRow, remainder(inGroup, groupRows)), index(schedule.rows))};
  column = mul(divide(inGroup, groupRows), index(schedule.columns));
}

SmallVector<Value> LinearProgram::product(Value x, ArrayRef<Value> weights, ValueRange sums) {
  SmallVector<Value> next;
  for (auto [weight, sum] : llvm::zip(weights, sums))
    next.push_back(b.create<MatmulOp>(loc, sum.getType(), x, transpose(weight), sum,
                                      b.getDenseI64ArrayAttr({schedule.warpsM, schedule.warpsN})));
  return next;
}

void LinearProgram::copyAhead(ArrayRef<Value> rings, bool ofX, bool ofWeights) {
  IntegerAttr copied;
  if (schedule.copiedRows && schedule.copiedRows < schedule.rows)
    copied = b.getI64IntegerAttr(schedule.copiedRows);
  ArrayRef<Value> weights = operands.weights;
  eachTile([&] {
    loop(index(0), index(op.getInputFeatures()), index(schedule.depth), {},
         [&](Value k, ValueRange) -> SmallVector<Value> {
           if (ofX)
             b.create<FetchOp>(loc, tensor(op.getX()), at(k), b.getDenseI64ArrayAttr({0, 1}),
                               rings[0], copied);
           for (auto [weight, ring] :
                llvm::zip_equal(ofWeights ? weights : weights.take_front(0),
                                ofWeights ? rings.drop_front() : rings.take_front(0)))
             b.create<FetchOp>(loc, tensor(weight), ValueRange{column, k},
                               b.getDenseI64ArrayAttr({0, 1}), ring, IntegerAttr());
           return {};
         });
  });
}

void LinearProgram::multiplyTiles(ArrayRef<Value> rings) {
  TileType type = mat(schedule.rows, schedule.columns, accumulation);
  eachTile([&] {
    SmallVector<Value> initial(operands.weights.size(), splat(type, 0));
    SmallVector<Value> sums = loop(
        index(0), index(op.getInputFeatures()), index(schedule.depth), initial,
        [&](Value, ValueRange carried) {
          SmallVector<Value> tiles;
          for (Value ring : rings)
            tiles.push_back(b.create<GetOp>(loc, cast<RingType>(ring.getType()).getValues(), ring)
                                .getResult(0));
          SmallVector<Value> next = product(tiles[0], ArrayRef(tiles).drop_front(), carried);
          for (Value ring : rings)
            b.create<ReleaseOp>(loc, ring);
          return next;
        });
    finish(type, sums);
  });
}

void LinearProgram::multiplyAlone() {
  TileType type = mat(schedule.rows, schedule.columns, accumulation);
  Type element = getElementTypeOrSelf(op.getX());
  auto staged = [&](Value from, ArrayRef<Value> offsets, TileType tile) {
    Value loaded = load(from, offsets, {0, 1}, tile);
    loaded.getDefiningOp<LoadOp>().setStages(schedule.stages);
    return loaded;
  };
  eachTile([&] {
    SmallVector<Value> initial(operands.weights.size(), splat(type, 0));
    SmallVector<Value> sums =
        loop(index(0), index(op.getInputFeatures()), index(schedule.depth), initial,
             [&](Value k, ValueRange carried) {
               Value x = staged(op.getX(), at(k), mat(schedule.rows, schedule.depth, element));
               SmallVector<Value> weights;
               for (Value weight : operands.weights)
                 weights.push_back(
                     staged(weight, {column, k}, mat(schedule.columns, schedule.depth, element)));
               return product(x, weights, carried);
             });
    finish(type, sums);
  });
}

/// What the kernel is as a product, see productAttrName; null if it does more than one.
DictionaryAttr LinearProgram::productAttribute() {
  if (op.hasPrologue() || operands.norm || op.getTransposed())
    return {};
  auto place = [&](Value value) { return b.getI64IntegerAttr(placeOf(value)); };
  NamedAttrList product;
  if (op.hasEpilogue()) {
    // acc + e, of one weight, where e is of the result's type.
    if (op.getWeights().size() != 1 || op.getOutputs().size() != 1 || !op.getRows().empty() ||
        op.getElems().size() + op.getCols().size() != 1)
      return {};
    Value added = op.getElems().empty() ? op.getCols()[0] : op.getElems()[0];
    Block &block = op.getEpilogue().front();
    auto yield = cast<mlir::xlstm::YieldOp>(block.getTerminator());
    auto sum = yield.getOutputs()[0].getDefiningOp<arith::AddFOp>();
    bool addsBoth = sum && llvm::is_contained(sum->getOperands(), block.getArgument(0)) &&
                    llvm::is_contained(sum->getOperands(), block.getArgument(1));
    if (!addsBoth || getElementTypeOrSelf(added) != getElementTypeOrSelf(op.getOutputs()[0]))
      return {};
    product.append(op.getElems().empty() ? "bias" : "residual", place(added));
  }
  SmallVector<int64_t> weights, results;
  for (auto [weight, output] : llvm::zip_equal(op.getWeights(), op.getOutputs())) {
    if (!has(output))
      return {}; // that nothing reads
    if (getElementTypeOrSelf(output) != getElementTypeOrSelf(op.getOutputs()[0]))
      return {};
    weights.push_back(placeOf(weight));
    results.push_back(placeOf(output));
  }
  product.append("x", place(op.getX()));
  product.append("weights", b.getDenseI64ArrayAttr(weights));
  product.append("results", b.getDenseI64ArrayAttr(results));
  return product.getDictionary(b.getContext());
}

KernelOp LinearProgram::buildPersistent(StringRef name, TensorNames names) {
  declareTensors();
  createKernel(name, {{schedule.blocks}}, names);
  DictionaryAttr attribute = schedule.toAttribute(b.getContext());
  kernel.setScheduleAttr(attribute);
  if (DictionaryAttr product = productAttribute())
    kernel->setAttr(productAttrName, product);
  if (!schedule.roles) {
    multiplyAlone();
    return kernel;
  }
  Type element = getElementTypeOrSelf(op.getX());
  SmallVector<Value> rings;
  auto addRing = [&](int64_t rows) {
    Type tile = mat(rows, schedule.depth, element);
    rings.push_back(b.create<RingOp>(loc, RingType::get(b.getContext(), schedule.stages, {tile})));
  };
  addRing(schedule.rows);
  for (size_t i = 0; i < operands.weights.size(); ++i)
    addRing(schedule.columns);
  auto places = attribute.getAs<DictionaryAttr>("roles");
  auto addRole = [&](StringRef role, function_ref<void()> body, bool early = false) {
    auto place = places.getAs<DenseI64ArrayAttr>(role);
    auto roleOp = b.create<RoleOp>(loc, role, place[0], place[1], place[2], early);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&roleOp.getBody().emplaceBlock());
    body();
  };
  addRole("multiply", [&] { multiplyTiles(rings); });
  addRole("load", [&] { copyAhead(rings, /*ofX=*/true, !schedule.overlaps); });
  if (schedule.overlaps)
    addRole("weights", [&] { copyAhead(rings, /*ofX=*/false, true); }, /*early=*/true);
  return kernel;
}

} // namespace xlstm
