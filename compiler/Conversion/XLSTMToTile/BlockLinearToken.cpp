// SPDX-License-Identifier: Apache-2.0
// xlstm.block_linear as a tile program for GPUs, of one token:
//
//   along outputs    outputs o .. of block n:  y[n, o ..] = sum_i W[n, o .., i] x[n, i]
//   along blocks     blocks n ..:              y[n .., o] = sum_i W[n .., o, i] x[n .., i]
//
// The last one is for many small blocks. Both read and write views of x and y that have an axis of
// blocks.
#include "compiler/Conversion/XLSTMToTile/LayerProgram.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {
namespace {

class BlockLinearTokenProgram : LayerProgram {
public:
  BlockLinearTokenProgram(OpBuilder &builder, mlir::xlstm::BlockLinearOp op)
      : LayerProgram(builder, op, accumulationOf(op.getX())), op(op) {
    ArrayRef<int64_t> shape = op.getWeight().getType().getShape();
    blocks = shape[0], outputs = shape[1], inputs = shape[2];
    if (op.getTransposed())
      std::swap(outputs, inputs);
  }

  /// One token, which `x` and `y` have as [N, I] and [N, O].
  KernelOp build(StringRef name, TensorNames names, const KernelBuffer &xView,
                 const KernelBuffer &yView) {
    x = declareBuffer(xView, xView.type.getNumDynamicDims());
    declareTensor(op.getWeight());
    Value y = declareBuffer(yView, yView.type.getNumDynamicDims());
    bool alongBlocks = schedule.alongBlocks;
    int64_t tokenAxes = xView.type.getRank() - 2;
    SmallVector<Extent> grid;
    for (int64_t axis = 0; axis < tokenAxes; ++axis)
      if (xView.type.isDynamicDim(axis))
        grid.push_back({ShapedType::kDynamic, x, axis});
      else
        grid.push_back({xView.type.getDimSize(axis)});
    auto pieces = [&](int64_t extent) {
      return (extent + schedule.columns - 1) / schedule.columns;
    };
    grid.push_back({alongBlocks ? pieces(blocks) : blocks});
    if (!alongBlocks)
      grid.push_back({pieces(outputs)});
    createKernel(name, grid, names);
    kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
    for (int64_t axis = 0; axis < tokenAxes; ++axis)
      offset.push_back(kernel.getGridIndex(axis));
    Value n = kernel.getGridIndex(tokenAxes);
    if (!alongBlocks) {
      Value o = mul(kernel.getGridIndex(tokenAxes + 1), index(schedule.columns));
      store(tokenProduct(n, o), y, place(n, o), tokenAxes + 1);
      return kernel;
    }
    n = mul(n, index(schedule.columns));
    if (inputs <= mostUnrolled) // read once
      for (int64_t i = 0; i < inputs; ++i)
        inputTiles.push_back(loadInput(n, index(i)));
    auto storeOutput = [&](Value o) { store(tokenProduct(n, o), y, place(n, o), tokenAxes); };
    if (outputs <= mostUnrolled) {
      for (int64_t o = 0; o < outputs; ++o)
        storeOutput(index(o));
      return kernel;
    }
    loop(index(0), index(outputs), index(1), {}, [&](Value o, ValueRange) {
      storeOutput(o);
      return SmallVector<Value>{};
    });
    return kernel;
  }

private:
  static constexpr int64_t mostUnrolled = 8;

  /// Where channel c of block n stands in a view.
  SmallVector<Value> place(Value n, Value c) {
    SmallVector<Value> result(offset);
    result.append({n, c});
    return result;
  }
  TileType tokenType() { return vec(schedule.columns, accumulation); }
  Value loadInput(Value n, Value i) { return load(x, place(n, i), offset.size(), tokenType()); }

  /// What a token's kernel has in one tile: output o of blocks n .., or outputs o .. of block n.
  Value tokenProduct(Value n, Value o) {
    auto add1 = [&](Value sum, Value i) {
      SmallVector<Value> from = {n, o, i};
      if (op.getTransposed())
        std::swap(from[1], from[2]);
      int64_t axis = schedule.alongBlocks ? 0 : op.getTransposed() ? 2 : 1;
      SmallVector<Value> elems = {sum, load(op.getWeight(), from, axis, tokenType())};
      Value same; // for all outputs
      if (!schedule.alongBlocks)
        same = loadScalar(x, place(n, i), accumulation);
      else if (inputTiles.empty())
        elems.push_back(loadInput(n, i));
      else
        elems.push_back(inputTiles[*getConstantIntValue(i)]);
      return map(tokenType(), elems,
                 [&](ValueRange e) { return add(e[0], mul(e[1], same ? same : e[2])); });
    };
    int64_t together = mostUnrolled; // as many reads are on the way at once
    while (inputs % together)
      together /= 2;
    auto addSome = [&](Value sum, function_ref<Value(int64_t)> input) {
      for (int64_t j = 0; j < together; ++j)
        sum = add1(sum, input(j));
      return sum;
    };
    Value none = splat(tokenType(), 0);
    if (inputs <= mostUnrolled) {
      together = inputs;
      return addSome(none, [&](int64_t j) { return index(j); });
    }
    return loop(index(0), index(inputs), index(together), none,
                [&](Value i, ValueRange sum) -> SmallVector<Value> {
                  return {addSome(sum[0], [&](int64_t j) { return add(i, index(j)); })};
                })[0];
  }

  mlir::xlstm::BlockLinearOp op;
  int64_t blocks, outputs, inputs;
  Value x;                       // of a token's kernel: the view,
  SmallVector<Value> inputTiles; // and channel i of the blocks, if they are few
};

} // namespace

KernelOp buildBlockLinearToken(OpBuilder &builder, StringRef name, mlir::xlstm::BlockLinearOp op,
                               TensorNames names, const KernelBuffer &x, const KernelBuffer &y) {
  return BlockLinearTokenProgram(builder, op).build(name, names, x, y);
}

} // namespace xlstm
