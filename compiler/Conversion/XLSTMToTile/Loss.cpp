// SPDX-License-Identifier: Apache-2.0
// The two ends of a language model's gradients as tile programs: the cross-entropy of its logits, its
// gradient, and that of the embedding's table.
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Conversion/XLSTMToTile/RowSums.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {
namespace {

/// Targets are handled as floats, which are exact up to 2^24; negative ones, and the padding beyond
/// the last token, do not count.
class CrossEntropyProgram : protected RowSumProgram {
protected:
  CrossEntropyProgram(OpBuilder &builder, Operation *op, Value logits, Value targets)
      : RowSumProgram(builder, op, accumulationOf(logits)), logits(logits), targets(targets) {}

  Value targetsAt(ArrayRef<Value> from) {
    return load(targets, {from[0], from[1]}, {1}, vec(schedule.rows, accumulation), /*pad=*/-1);
  }
  /// Inside of a map.
  Value zero() { return constant(accumulation, 0); }
  Value one() { return constant(accumulation, 1); }
  Value counts(Value target) {
    return b.create<arith::CmpFOp>(loc, arith::CmpFPredicate::OGE, target, zero());
  }
  Value isTarget(Value column, Value target) {
    Value number = b.create<arith::IndexCastOp>(loc, b.getI32Type(), column);
    number = b.create<arith::SIToFPOp>(loc, accumulation, number);
    return b.create<arith::CmpFOp>(loc, arith::CmpFPredicate::OEQ, number, target);
  }
  /// Differences to each row's largest logit, and the sums of their exponentials.
  std::pair<Value, Value> shifted() {
    Value x = load(logits, offset, tileAxes(), tileType());
    x = mapMatrix(tileType(), x, reduce(Combiner::max, x), {},
                  [&](ValueRange e) { return sub(e[2], e[3]); });
    return {x, reduce(Combiner::add, map(tileType(), x, [&](ValueRange e) { return exp(e[0]); }))};
  }

  Value logits, targets;
};

/// One kernel gives the loss of each token, another their mean.
class LossProgram : CrossEntropyProgram {
public:
  LossProgram(OpBuilder &builder, mlir::xlstm::CrossEntropyOp op, const KernelBuffer &buffer)
      : CrossEntropyProgram(builder, op, op.getLogits(), op.getTargets()), op(op), buffer(buffer) {}

  KernelOp buildTokens(StringRef name, TensorNames names) {
    declareTensor(logits);
    declareTensor(targets, /*unitStride=*/false);
    Value losses = declareBuffer(buffer, 2);
    createKernelOver(logits, name, names);
    auto [x, sum] = shifted();
    Value target = targetsAt(offset);
    Value picked = reduce(Combiner::add, mapMatrix(tileType(), x, target, {}, [&](ValueRange e) {
                            return select(isTarget(e[1], e[3]), e[2], zero());
                          }));
    Value loss = map(vec(schedule.rows, accumulation), {sum, picked, target}, [&](ValueRange e) {
      Value logarithm = b.create<math::LogOp>(loc, e[0]);
      return select(counts(e[2]), sub(logarithm, e[1]), zero());
    });
    store(loss, losses, {offset[0], offset[1]}, {1});
    return kernel;
  }

  KernelOp build(StringRef name, TensorNames names) {
    declareTensor(targets, /*unitStride=*/false);
    Value losses = declareBuffer(buffer, 2);
    declareTensor(op.getLoss());
    createKernel(name, {{1}}, names);
    kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
    TileType type = vec(schedule.rows, accumulation), single = vec(1, accumulation),
             line = mat(1, schedule.rows, accumulation);
    // As matrices of one row, whose sums are vectors of one element.
    Values sums = sumRows(
        losses, {Value(), Value()}, 1, {single, single},
        [&](ArrayRef<Value> from, ValueRange sums) {
          Value loss = load(losses, from, {1}, type);
          Value target = targetsAt(from);
          Value counted =
              map(type, target, [&](ValueRange e) { return select(counts(e[0]), one(), zero()); });
          Values next;
          for (auto [sum, part] : llvm::zip(sums, Values{loss, counted}))
            next.push_back(
                addTiles(sum, reduce(Combiner::add, mapMatrix(line, {}, {}, part,
                                                              [](ValueRange e) { return e[2]; }))));
          return next;
        });
    Value mean = map(single, sums, [&](ValueRange e) {
      Value quotient = b.create<arith::DivFOp>(loc, e[0], e[1]);
      Value none = b.create<arith::CmpFOp>(loc, arith::CmpFPredicate::OEQ, e[1], zero());
      return select(none, zero(), quotient);
    });
    store(mean, op.getLoss(), {index(0)}, {0});
    return kernel;
  }

private:
  mlir::xlstm::CrossEntropyOp op;
  const KernelBuffer &buffer;
};

/// One kernel gives dloss / M, another the gradients.
class LossGradientProgram : CrossEntropyProgram {
public:
  LossGradientProgram(OpBuilder &builder, mlir::xlstm::CrossEntropyBackwardOp op,
                      const KernelBuffer &buffer)
      : CrossEntropyProgram(builder, op, op.getLogits(), op.getTargets()), op(op), buffer(buffer) {}

  KernelOp buildScale(StringRef name, TensorNames names) {
    declareTensor(targets, /*unitStride=*/false);
    declareTensor(op.getDloss());
    Value scale = declareBuffer(buffer, 0);
    createKernel(name, {{1}}, names);
    kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
    TileType single = vec(1, accumulation), line = mat(1, schedule.rows, accumulation);
    Value count =
        sumRows(targets, {Value(), Value()}, 1, single, [&](ArrayRef<Value> from, ValueRange sums) {
          Value counted = mapMatrix(line, {}, {}, targetsAt(from), [&](ValueRange e) {
            return select(counts(e[2]), one(), zero());
          });
          return Values{addTiles(sums[0], reduce(Combiner::add, counted))};
        })[0];
    Value dloss = load(op.getDloss(), {index(0)}, {0}, single);
    Value quotient = map(single, {dloss, count}, [&](ValueRange e) {
      return b.create<arith::DivFOp>(loc, e[0], max(e[1], one())).getResult();
    });
    store(quotient, scale, {index(0)}, {0});
    return kernel;
  }

  KernelOp build(StringRef name, TensorNames names) {
    declareTensor(logits);
    declareTensor(targets, /*unitStride=*/false);
    Value buffered = declareBuffer(buffer, 0);
    declareTensor(op.getDlogits());
    createKernelOver(logits, name, names);
    Value scale = loadScalar(buffered, {index(0)}, accumulation);
    auto [x, sum] = shifted();
    Value dlogits = mapMatrix(tileType(), x, {sum, targetsAt(offset)}, {}, [&](ValueRange e) {
      Value p = b.create<arith::DivFOp>(loc, exp(e[2]), e[3]);
      Value difference = select(isTarget(e[1], e[4]), sub(p, one()), p);
      return select(counts(e[4]), mul(difference, scale), zero());
    });
    store(dlogits, op.getDlogits(), offset, tileAxes());
    return kernel;
  }

private:
  mlir::xlstm::CrossEntropyBackwardOp op;
  const KernelBuffer &buffer;
};

/// A block has `columns` of the whole table: it clears them, and adds the rows in their order.
class TableGradientProgram : LayerProgram {
public:
  TableGradientProgram(OpBuilder &builder, mlir::xlstm::EmbeddingBackwardOp op)
      : LayerProgram(builder, op, accumulationOf(op.getResult())), op(op) {}

  KernelOp build(StringRef name, TensorNames names) {
    declareTensor(op.getTokens(), /*unitStride=*/false);
    declareTensor(op.getDx());
    declareTensor(op.getResult());
    ArrayRef<int64_t> shape = typeOf(op.getResult()).getShape();
    createKernel(name, {{(shape[1] + schedule.columns - 1) / schedule.columns}}, names);
    kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
    column = mul(kernel.getGridIndex(0), index(schedule.columns));
    type = vec(schedule.columns, accumulation);
    loop(index(0), index(shape[0]), index(1), {}, [&](Value v, ValueRange) {
      store(splat(type, 0), op.getResult(), {v, column}, {1});
      return SmallVector<Value>{};
    });
    addRows({});
    return kernel;
  }

private:
  void addRows(SmallVector<Value> position) {
    int64_t axis = position.size(), axes = typeOf(op.getTokens()).getRank();
    if (axis < axes) {
      loop(index(0), extent(op.getTokens(), axis), index(1), {}, [&](Value i, ValueRange) {
        SmallVector<Value> inner(position);
        inner.push_back(i);
        addRows(inner);
        return SmallVector<Value>{};
      });
      return;
    }
    Value token = loadScalar(op.getTokens(), position, b.getIndexType(), -1);
    position.push_back(column);
    Value row = load(op.getDx(), position, {axes}, type);
    Value sum = load(op.getResult(), {token, column}, {1}, type);
    store(map(type, {sum, row}, [&](ValueRange e) { return add(e[0], e[1]); }), op.getResult(),
          {token, column}, {1});
  }

  mlir::xlstm::EmbeddingBackwardOp op;
  Value column;
  TileType type;
};

/// The gradient of the loss itself: a vector of ones.
class ConstantProgram : ProgramBuilder {
public:
  ConstantProgram(OpBuilder &builder, arith::ConstantOp op, DenseFPElementsAttr elements)
      : ProgramBuilder(builder, op.getLoc(), elements.getElementType()), op(op),
        elements(elements) {}

  KernelOp build(StringRef name, TensorNames names) {
    declare(op, 0);
    createKernel(name, {{1}}, names);
    double value = elements.getSplatValue<APFloat>().convertToDouble();
    TileType type = vec(elements.getNumElements(), accumulation);
    store(splat(type, value), op, {index(0)}, {0});
    return kernel;
  }

private:
  arith::ConstantOp op;
  DenseFPElementsAttr elements;
};

} // namespace

FailureOr<KernelOp> buildConstant(OpBuilder &builder, StringRef name, arith::ConstantOp op,
                                  TensorNames names) {
  auto elements = dyn_cast<DenseFPElementsAttr>(op.getValue());
  if (!elements || !elements.isSplat() || elements.getType().getRank() != 1)
    return op.emitError() << "has a kernel for vectors of one number, got " << op.getType();
  return ConstantProgram(builder, op, elements).build(name, names);
}
KernelOp buildCrossEntropy(OpBuilder &builder, StringRef name, mlir::xlstm::CrossEntropyOp op,
                           TensorNames names, Workspace &workspace) {
  Type element = op.getLoss().getType().getElementType();
  auto type = RankedTensorType::get({ShapedType::kDynamic, ShapedType::kDynamic}, element);
  KernelBuffer losses = workspace.addBuffer(type, {"B", "T"});
  KernelOp tokens = LossProgram(builder, op, losses).buildTokens((name + "_tokens").str(), names);
  builder.setInsertionPointAfter(tokens);
  return LossProgram(builder, op, losses).build(name, names);
}
KernelOp buildCrossEntropyBackward(OpBuilder &builder, StringRef name,
                                   mlir::xlstm::CrossEntropyBackwardOp op, TensorNames names,
                                   Workspace &workspace) {
  KernelBuffer scale = workspace.addBuffer(op.getDloss().getType(), {});
  KernelOp first =
      LossGradientProgram(builder, op, scale).buildScale((name + "_scale").str(), names);
  builder.setInsertionPointAfter(first);
  return LossGradientProgram(builder, op, scale).build(name, names);
}
KernelOp buildEmbeddingBackward(OpBuilder &builder, StringRef name,
                                mlir::xlstm::EmbeddingBackwardOp op, TensorNames names) {
  return TableGradientProgram(builder, op).build(name, names);
}

} // namespace xlstm
