// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/Transforms/LinearFusion.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::xlstm;

namespace {

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

class Fusion {
public:
  Fusion(ArrayRef<LinearOp> linears, MapOp map)
      : linears(linears), map(map), loc(map ? map->getLoc() : linears[0]->getLoc()) {}

  LinearOp build(OpBuilder &builder) {
    collect();
    LinearOp first = linears[0];
    Region prologue, epilogue;
    if (first.hasPrologue()) {
      IRMapping mapping;
      first.getPrologue().cloneInto(&prologue, mapping);
    }
    if (map || llvm::any_of(linears, [](LinearOp linear) { return linear.hasEpilogue(); }))
      writeEpilogue(builder, epilogue);
    SmallVector<Type> types;
    if (map)
      llvm::append_range(types, map.getResultTypes());
    for (LinearOp linear : linears)
      if (!map)
        llvm::append_range(types, linear.getResultTypes());
    auto fused =
        builder.create<LinearOp>(loc, operands, types, std::move(prologue), std::move(epilogue));
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
    for (auto [number, input] : llvm::enumerate(mapInputs()))
      if (!llvm::is_contained(linears, input.getDefiningOp<LinearOp>()))
        (map.isFull(number) ? elems : cols).insert(input);
    operands.elems = elems.takeVector(), operands.rows = rows.takeVector(),
    operands.cols = cols.takeVector();
  }

  void writeEpilogue(OpBuilder &builder, Region &region) {
    LinearOp first = linears[0];
    OpBuilder::InsertionGuard guard(builder);
    size_t count = operands.weights.size() + operands.elems.size() + operands.rows.size() +
                   operands.cols.size();
    Block *block =
        builder.createBlock(&region, {}, SmallVector<Type>(count, first.getAccumulationType()),
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
    SmallVector<Value> yielded;
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
      llvm::append_range(yielded, values);
    }
    SmallVector<Value> inputs;
    for (auto [number, input] : llvm::enumerate(mapInputs())) {
      Value sum = results.lookup(input);
      inputs.push_back(sum ? sum : (map.isFull(number) ? elems : cols).lookup(input));
    }
    if (map)
      yielded = inlineBody(builder, map.getBody(), inputs);
    builder.create<YieldOp>(loc, yielded, ValueRange());
  }

  ValueRange mapInputs() { return map ? ValueRange(map.getInputs()) : ValueRange(); }

  ArrayRef<LinearOp> linears;
  MapOp map;
  Location loc;
  LinearOperands operands;
};

} // namespace

LinearOp mlir::xlstm::fuseLinears(OpBuilder &builder, ArrayRef<LinearOp> linears, MapOp map) {
  return Fusion(linears, map).build(builder);
}
