// SPDX-License-Identifier: Apache-2.0
// Elementwise functions of a product's result become the product's epilogue.
#include "dialect/xlstm/Transforms/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace mlir::xlstm {
#define GEN_PASS_DEF_FUSELINEAR
#include "dialect/xlstm/Transforms/Passes.h.inc"

namespace {

ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

/// Why `map` cannot be the end of `linear`; empty if it can.
std::string whyNotInto(LinearOp linear, MapOp map) {
  ArrayRef<int64_t> shape = map.getShapeType().getShape();
  if (shapeOf(linear.getOutputs()[0]) != shape)
    return "the map's results have another shape than the product";
  for (auto [number, input] : llvm::enumerate(map.getInputs())) {
    ArrayRef<int64_t> extents = shapeOf(input);
    if (extents != shape && extents != shape.take_back())
      return "input " + std::to_string(number) +
             " is neither of the product's shape nor a value for each of its columns";
  }
  for (Value output : linear.getOutputs())
    for (Operation *user : output.getUsers())
      if (user != map)
        return "the product's result has another user";
  return {};
}

/// The ops of a region's block before its terminator, for given arguments; what is yielded.
SmallVector<Value> inlineBody(OpBuilder &builder, Region &region, ValueRange arguments) {
  IRMapping mapping;
  Block &block = region.front();
  mapping.map(block.getArguments(), arguments);
  for (Operation &op : block.without_terminator())
    builder.clone(op, mapping);
  SmallVector<Value> yielded;
  for (Value value : cast<YieldOp>(block.getTerminator()).getOutputs())
    yielded.push_back(mapping.lookupOrDefault(value));
  return yielded;
}

/// The products of one x that meet in a map, and the map, as one product.
class Fusion {
public:
  Fusion(ArrayRef<LinearOp> linears, MapOp map) : linears(linears), map(map) {}

  LinearOp build(OpBuilder &builder) {
    collect();
    LinearOp first = linears[0];
    Region prologue, epilogue;
    if (first.hasPrologue()) {
      IRMapping mapping;
      first.getPrologue().cloneInto(&prologue, mapping);
    }
    writeEpilogue(builder, epilogue);
    auto fused = builder.create<LinearOp>(map.getLoc(), operands, map.getResultTypes(),
                                          std::move(prologue), std::move(epilogue));
    fused.setTransposed(first.getTransposed());
    return fused;
  }

private:
  void collect() {
    LinearOp first = linears[0];
    operands = first.getLinearOperands();
    operands.weights.clear();
    llvm::SmallSetVector<Value, 4> elems, rows, cols;
    for (LinearOp linear : linears) {
      llvm::append_range(operands.weights, linear.getWeights());
      elems.insert(linear.getElems().begin(), linear.getElems().end());
      rows.insert(linear.getRows().begin(), linear.getRows().end());
      cols.insert(linear.getCols().begin(), linear.getCols().end());
    }
    for (auto [number, input] : llvm::enumerate(map.getInputs()))
      if (!llvm::is_contained(linears, input.getDefiningOp<LinearOp>()))
        (map.isFull(number) ? elems : cols).insert(input);
    operands.elems = elems.takeVector(), operands.rows = rows.takeVector(),
    operands.cols = cols.takeVector();
  }

  void writeEpilogue(OpBuilder &builder, Region &region) {
    OpBuilder::InsertionGuard guard(builder);
    size_t count = operands.weights.size() + operands.elems.size() + operands.rows.size() +
                   operands.cols.size();
    Location loc = map.getLoc();
    Block *block =
        builder.createBlock(&region, {}, SmallVector<Type>(count, map.getAccumulationType()),
                            SmallVector<Location>(count, loc));
    ArrayRef<BlockArgument> arguments(block->getArguments());
    // A tensor that is read as elements and as columns has an argument for each.
    DenseMap<Value, Value> elems, rows, cols;
    ArrayRef<BlockArgument> next = arguments.drop_front(operands.weights.size());
    auto take = [&](ValueRange values, DenseMap<Value, Value> &scalars) {
      for (Value value : values) {
        scalars[value] = next.front();
        next = next.drop_front();
      }
    };
    take(operands.elems, elems), take(operands.rows, rows), take(operands.cols, cols);

    DenseMap<Value, Value> results;
    ArrayRef<BlockArgument> sums = arguments;
    for (LinearOp linear : linears) {
      SmallVector<Value> values(sums.take_front(linear.getWeights().size()));
      sums = sums.drop_front(linear.getWeights().size());
      if (linear.hasEpilogue()) {
        for (auto [tensors, scalars] : {std::pair(ValueRange(linear.getElems()), &elems),
                                        std::pair(ValueRange(linear.getRows()), &rows),
                                        std::pair(ValueRange(linear.getCols()), &cols)})
          for (Value tensor : tensors)
            values.push_back(scalars->lookup(tensor));
        values = inlineBody(builder, linear.getEpilogue(), values);
      }
      for (auto [output, value] : llvm::zip_equal(linear.getOutputs(), values))
        results[output] = value;
    }
    SmallVector<Value> inputs;
    for (auto [number, input] : llvm::enumerate(map.getInputs())) {
      Value sum = results.lookup(input);
      inputs.push_back(sum ? sum : (map.isFull(number) ? elems : cols).lookup(input));
    }
    SmallVector<Value> yielded = inlineBody(builder, map.getBody(), inputs);
    builder.create<YieldOp>(loc, yielded, ValueRange());
  }

  ArrayRef<LinearOp> linears;
  MapOp map;
  LinearOperands operands;
};

struct FuseLinearPass : impl::FuseLinearBase<FuseLinearPass> {
  using FuseLinearBase::FuseLinearBase;

  /// The products that `map` ends: the last one that can be, and those of the same x beside it.
  SmallVector<LinearOp> findProducts(MapOp map) {
    llvm::SmallSetVector<Operation *, 4> producers;
    for (Value input : map.getInputs())
      if (auto linear = input.getDefiningOp<LinearOp>())
        producers.insert(linear);
    SmallVector<LinearOp> found;
    for (Operation *producer : producers) {
      auto linear = cast<LinearOp>(producer);
      std::string reason = whyNotInto(linear, map);
      if (reason.empty()) {
        found.push_back(linear);
        continue;
      }
      map.emitRemark() << "stays a kernel of its own beside a product: " << reason;
    }
    if (found.size() < 2)
      return found;
    // The value that is there last comes out of a product; those of other products are read.
    llvm::stable_sort(found, [](LinearOp a, LinearOp b) { return b->isBeforeInBlock(a); });
    SmallVector<LinearOp> same;
    size_t weights = 0;
    for (LinearOp linear : found) {
      bool joins = same.empty() || (linear.getX() == found[0].getX() &&
                                    linear.getTransposed() == found[0].getTransposed() &&
                                    !linear.hasPrologue() && !found[0].hasPrologue());
      size_t sum = weights + linear.getWeights().size();
      if (joins && (same.empty() || sum <= maxWeights)) {
        same.push_back(linear);
        weights = sum;
        continue;
      }
      linear.emitRemark() << "is not part of the product that ends in the same map: "
                          << (joins ? "expected at most " + std::to_string(maxWeights) +
                                          " weights, got " + std::to_string(sum)
                                    : std::string("its x or its prologue is another"));
    }
    std::reverse(same.begin(), same.end()); // as they are written
    return same;
  }

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    // In program order: what a map was fused into may be what the next map reads.
    SmallVector<MapOp> maps;
    getOperation().walk([&](MapOp map) { maps.push_back(map); });
    for (MapOp map : maps) {
      SmallVector<LinearOp> linears = findProducts(map);
      if (linears.empty())
        continue;
      rewriter.setInsertionPoint(map);
      LinearOp fused = Fusion(linears, map).build(rewriter);
      rewriter.replaceOp(map, fused.getOutputs());
      for (LinearOp linear : linears)
        rewriter.eraseOp(linear);
      ++numMaps;
    }
  }
};

} // namespace
} // namespace mlir::xlstm
