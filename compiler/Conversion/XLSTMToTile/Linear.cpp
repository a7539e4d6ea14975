// SPDX-License-Identifier: Apache-2.0
// xlstm.linear as a tile program: a block computes a tile of y.
//
//   with a norm:               mean and 1 / sd of the block's rows
//   for k in steps of depth:   x' = prologue(x [rows, depth])
//                              sum_w += x' weight_w^T         [rows, columns], for each weight
//   y = epilogue(sums)
//
// The program is written for some numbers of rows, and the narrowest that holds the block's rows is
// run (see GemmSchedule.h). One row is x' [depth] times matrices [columns, depth]; so are several,
// side by side, where they are single tokens.
#include "compiler/Conversion/XLSTMToTile/Linear.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Schedule/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

void LinearProgram::declareTensors() {
  auto declareRows = [&](ArrayRef<Value> values, bool unitStride) {
    for (Value value : values)
      declare(value, leadingRank, unitStride, merged);
  };
  declareRows(operands.x, true);
  declareRows(operands.xElems, true);
  declareRows(operands.xRows, false);
  for (Value value : operands.xCols)
    declare(value, 0);
  for (Value value : operands.weights)
    declare(value, 0);
  declareRows(operands.elems, true);
  declareRows(operands.rows, false);
  for (Value value : operands.cols)
    declare(value, 0);
  declareRows(SmallVector<Value>(op.getOutputs()), true);
}

/// The leading axes, of which the last is divided into blocks, then blocks of columns.
SmallVector<ProgramBuilder::Extent> LinearProgram::grid() {
  SmallVector<Extent> extents;
  for (int64_t axis = 0; axis < leadingRank; ++axis)
    extents.push_back(
        {ShapedType::kDynamic, op.getX(), axis, axis + 1 == leadingRank ? schedule.rows : 1});
  extents.push_back({(op.getOutputFeatures() + schedule.columns - 1) / schedule.columns});
  return extents;
}

void LinearProgram::enterBlock() {
  for (int64_t axis = 0; axis < leadingRank; ++axis)
    leading.push_back(kernel.getGridIndex(axis));
  leading.back() = mul(leading.back(), index(schedule.rows));
  column = mul(kernel.getGridIndex(leadingRank), index(schedule.columns));
}

/// Evaluates a region for every element of a tile that begins at `column`; the columns from
/// `columnEnd` on, if it is given, are zero. One result for each value that the region yields,
/// rounded to a type. With `moments` the first tile's elements are normalized before; an empty region
/// then yields them.
SmallVector<Value> LinearProgram::apply(Region &region, TileType type, ValueRange first,
                                        const Sources &sources, Value column, int64_t columns,
                                        Value columnEnd, Type rounded, const Moments *moments) {
  bool isVector = type.getShape().size() == 1;
  SmallVector<Value> elems(first), rows, cols, scalars;
  SmallVector<Value> ofNorm; // mean if there is one, scale
  if (moments)
    for (Value moment : {moments->mean, moments->scale})
      if (moment)
        ofNorm.push_back(isVector ? extract(moment, 0) : moment);
  if (!isVector)
    rows = ofNorm;
  for (Value value : sources.elems)
    elems.push_back(load(value, at(column), axesOf(type), type.withElementType(accumulation)));
  for (Value value : sources.rows)
    if (isVector)
      scalars.push_back(loadScalar(value, leading, accumulation));
    else
      rows.push_back(
          load(value, leading, {leadingRank - 1}, vec(type.getShape()[0], accumulation)));
  SmallVector<Value> &columnTiles = isVector ? elems : cols;
  for (Value value : sources.cols)
    columnTiles.push_back(load(value, {column}, {0}, vec(columns, accumulation)));

  Block *block = region.empty() ? nullptr : &region.front();
  ValueRange yielded;
  if (block)
    yielded = cast<mlir::xlstm::YieldOp>(block->getTerminator()).getOutputs();
  size_t elemCount = first.size() + sources.elems.size();
  return mapMatrices(
      type.withElementType(accumulation), block ? yielded.size() : 1, elems, rows, cols,
      [&](ValueRange args) {
        Value position = args[isVector ? 0 : 1];
        args = args.drop_front(isVector ? 1 : 2);
        SmallVector<Value> arguments(args.take_front(elemCount)), norm(ofNorm);
        args = args.drop_front(elemCount);
        if (!isVector) { // of the tile's row
          norm.assign(args.begin(), args.begin() + ofNorm.size());
          args = args.drop_front(ofNorm.size());
        }
        if (norm.size() > 1)
          arguments[0] = sub(arguments[0], norm[0]);
        if (!norm.empty())
          arguments[0] = mul(arguments[0], norm.back());
        llvm::append_range(arguments, scalars); // of one row: the columns' values come after
        llvm::append_range(arguments, args);
        SmallVector<Value> values{arguments[0]};
        if (block)
          values = evaluate(*block, arguments, yielded);
        if (columnEnd)
          for (Value &value : values)
            value =
                select(less(add(column, position), columnEnd), value, constant(accumulation, 0));
        for (Value &value : values)
          value = convert(convert(value, rounded), accumulation);
        return values;
      });
}

/// The means over k of the values that `summand` gives for those of x, less `mean` if there is one.
Value LinearProgram::meanOfRows(int64_t rows, function_ref<Value(Value)> summand, Value mean) {
  TileType type = mat(rows, schedule.depth, accumulation), ofRows = vec(rows, accumulation);
  int64_t k = op.getInputFeatures();
  // Beyond K, x is zero, and less its mean it must be.
  Value end = mean && k % schedule.depth ? index(k) : Value();
  Value sum = loop(
      index(0), index(k), index(schedule.depth), splat(ofRows, 0),
      [&](Value from, ValueRange sums) -> SmallVector<Value> {
        Value x = load(op.getX(), at(from), {leadingRank - 1, leadingRank}, type);
        ValueRange means = mean ? ValueRange(mean) : ValueRange();
        Value parts = mapMatrix(type, x, means, {}, [&](ValueRange e) {
          Value value = summand(mean ? sub(e[2], e[3]) : e[2]);
          return end ? select(less(add(from, e[1]), end), value, constant(accumulation, 0)) : value;
        });
        return {map(ofRows, {sums[0], reduce(Combiner::add, parts)},
                    [&](ValueRange e) { return add(e[0], e[1]); })};
      })[0];
  return map(ofRows, sum, [&](ValueRange e) { return mul(e[0], constant(accumulation, 1.0 / k)); });
}

LinearProgram::Moments LinearProgram::findMoments(int64_t rows) {
  Moments moments;
  if (operands.norm->kind == mlir::xlstm::NormKind::Layer)
    moments.mean = meanOfRows(rows, [](Value x) { return x; }, nullptr);
  Value squares = meanOfRows(rows, [&](Value x) { return mul(x, x); }, moments.mean);
  moments.scale = map(vec(rows, accumulation), squares, [&](ValueRange e) {
    Value sum = add(e[0], constant(accumulation, operands.norm->eps));
    Value sd = b.create<math::SqrtOp>(loc, sum);
    return b.create<arith::DivFOp>(loc, constant(accumulation, 1), sd).getResult();
  });
  return moments;
}

/// x' from k on, rounded to the type of x.
Value LinearProgram::loadInput(int64_t rows, Value k, const Moments *moments) {
  TileType type = tileOf(rows, schedule.depth, accumulation);
  Value x = load(op.getX(), at(k), axesOf(type), type);
  if (!op.hasPrologue() && !moments)
    return x;
  // Beyond K a function of zeros need not be zero, or even finite.
  Value end = op.getInputFeatures() % schedule.depth ? index(op.getInputFeatures()) : Value();
  return apply(op.getPrologue(), type, x, {operands.xElems, operands.xRows, operands.xCols}, k,
               schedule.depth, end, getElementTypeOrSelf(op.getX()), moments)[0];
}

/// A tile of a weight as it is stored: columns by depth, or transposed.
Value LinearProgram::loadWeight(Value weight, Value k) {
  if (op.getTransposed())
    return load(weight, {k, column}, {0, 1}, mat(schedule.depth, schedule.columns, accumulation));
  return load(weight, {column, k}, {0, 1}, mat(schedule.columns, schedule.depth, accumulation));
}

/// The block's tile, which has `rows` rows at most.
void LinearProgram::run(int64_t rows) {
  TileType type = tileOf(rows, schedule.columns, accumulation);
  std::optional<Moments> moments;
  if (operands.norm)
    moments = findMoments(rows);
  SmallVector<Value> initial(operands.weights.size(), splat(type, 0));
  SmallVector<Value> sums =
      loop(index(0), index(op.getInputFeatures()), index(schedule.depth), initial,
           [&](Value k, ValueRange carried) {
             Value x = loadInput(rows, k, moments ? &*moments : nullptr);
             SmallVector<Value> next, weights;
             for (Value weight : operands.weights)
               weights.push_back(loadWeight(weight, k));
             for (auto [weight, sum] : llvm::zip(weights, carried)) {
               if (rows == 1) // a matrix times a vector
                 next.push_back(matvec(op.getTransposed() ? transpose(weight) : weight, x, sum));
               else
                 next.push_back(matmul(x, op.getTransposed() ? weight : transpose(weight), sum));
             }
             return next;
           });
  finish(type, sums);
}

/// The same, each row as if it were alone: products of one weight's tile and of all rows stand side by
/// side and are computed together.
void LinearProgram::runPerRow(int64_t rows) {
  TileType type = vec(schedule.columns, accumulation);
  Value first = leading.back();
  auto eachRow = [&](llvm::function_ref<void(int64_t)> body) {
    for (int64_t row = 0; row < rows; ++row) {
      leading.back() = row ? add(first, index(row)) : first;
      body(row);
    }
    leading.back() = first;
  };
  SmallVector<std::optional<Moments>> moments(rows);
  if (operands.norm)
    eachRow([&](int64_t row) { moments[row] = findMoments(1); });
  SmallVector<Value> initial(operands.weights.size() * rows, splat(type, 0));
  SmallVector<Value> sums =
      loop(index(0), index(op.getInputFeatures()), index(schedule.depth), initial,
           [&](Value k, ValueRange carried) {
             SmallVector<Value> x, next, weights;
             eachRow([&](int64_t row) {
               x.push_back(loadInput(1, k, moments[row] ? &*moments[row] : nullptr));
             });
             for (Value weight : operands.weights) {
               Value tile = loadWeight(weight, k);
               weights.push_back(op.getTransposed() ? transpose(tile) : tile);
             }
             for (Value weight : weights)
               for (Value row : x)
                 next.push_back(matvec(weight, row, carried[next.size()]));
             return next;
           });
  eachRow([&](int64_t row) {
    SmallVector<Value> ofRow;
    for (size_t weight = 0; weight < operands.weights.size(); ++weight)
      ofRow.push_back(sums[weight * rows + row]);
    finish(type, ofRow);
  });
}

/// Stores what the epilogue makes of a tile's sums.
void LinearProgram::finish(TileType type, SmallVector<Value> sums) {
  if (op.hasEpilogue())
    sums = apply(op.getEpilogue(), type, sums, {operands.elems, operands.rows, operands.cols},
                 column, schedule.columns, nullptr, accumulation);
  for (auto [sum, output] : llvm::zip(sums, op.getOutputs()))
    store(sum, output, at(column), axesOf(type));
}

KernelOp LinearProgram::build(StringRef name, TensorNames names) {
  declareTensors();
  createKernel(name, grid(), names);
  kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
  enterBlock();
  Value count = sub(extent(op.getX(), leadingRank - 1), leading.back()); // rows from here on
  std::vector<int64_t> widths = schedule.widths();
  for (auto [i, rows] : llvm::enumerate(widths)) {
    Value fits = less(i + 1 == widths.size() ? index(0) : index(widths[i + 1]), count);
    if (i > 0)
      fits = both(fits, less(count, index(rows + 1)));
    ifThen(fits, [&, rows = rows] { schedule.perRow ? runPerRow(rows) : run(rows); });
  }
  return kernel;
}

KernelOp buildLinear(OpBuilder &builder, StringRef name, mlir::xlstm::LinearOp op,
                     TensorNames names) {
  auto schedule = GemmSchedule::fromAttribute(op->getAttrOfType<DictionaryAttr>(scheduleAttrName));
  LinearProgram program(builder, op, schedule);
  return schedule.warpsM ? program.buildPersistent(name, names) : program.build(name, names);
}

} // namespace xlstm
