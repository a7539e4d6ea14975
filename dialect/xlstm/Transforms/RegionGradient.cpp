// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/Transforms/RegionGradient.h"

#include "dialect/xlstm/IR/XLSTM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::xlstm;

llvm::DenseSet<Value> mlir::xlstm::getDifferentiableUses(Block &block, ValueRange inputs) {
  llvm::DenseSet<Value> reached(inputs.begin(), inputs.end());
  for (Operation &op : block.without_terminator()) {
    if (isa<arith::CmpFOp, StopGradientOp>(op))
      continue;
    ValueRange operands = op.getOperands();
    if (isa<arith::SelectOp>(op))
      operands = operands.drop_front();
    if (llvm::any_of(operands, [&](Value operand) { return reached.contains(operand); }))
      reached.insert(op.result_begin(), op.result_end());
  }
  return reached;
}

namespace {

class Differentiator {
public:
  Differentiator(OpBuilder &builder, Block &block, ValueRange inputs)
      : builder(builder), varied(getDifferentiableUses(block, inputs)) {}

  void add(Value value, Value term) {
    if (!varied.contains(value))
      return;
    Value &sum = gradients[value];
    sum = sum ? create<arith::AddFOp>(sum, term) : term;
  }

  void subtract(Value value, Value term) {
    if (!varied.contains(value))
      return;
    Value &sum = gradients[value];
    sum = sum ? create<arith::SubFOp>(sum, term) : create<arith::NegFOp>(term);
  }

  void visit(Operation &op);

  Value get(Value value) const { return gradients.lookup(value); }

private:
  template <typename Op, typename... Operands> Value create(Operands... operands) {
    return builder.createOrFold<Op>(loc, operands...);
  }
  Value constant(double value, Value like) {
    return builder.create<arith::ConstantOp>(loc, builder.getFloatAttr(like.getType(), value));
  }
  Value mul(Value a, Value b) { return create<arith::MulFOp>(a, b); }
  Value div(Value a, Value b) { return create<arith::DivFOp>(a, b); }
  Value compare(arith::CmpFPredicate predicate, Value a, Value b) {
    return create<arith::CmpFOp>(predicate, a, b);
  }
  /// `gradient` where the condition holds, else 0; and the reverse.
  Value where(Value condition, Value gradient) {
    return create<arith::SelectOp>(condition, gradient, constant(0, gradient));
  }
  Value whereNot(Value condition, Value gradient) {
    return create<arith::SelectOp>(condition, constant(0, gradient), gradient);
  }
  /// max or min of a and b: `wins` is the strict order, `holds` the other one. A tie with a
  /// constant belongs to the operand that varies: rounding reaches the bound exactly where the
  /// exact value is within it (1 + 1e-10 in f32), and the gradient must not depend on that.
  void addExtremum(Value a, Value b, arith::CmpFPredicate wins, arith::CmpFPredicate holds,
                   Value gradient);

  OpBuilder &builder;
  Location loc = builder.getUnknownLoc(); // of the op at hand
  llvm::DenseSet<Value> varied;           // a gradient with respect to other values is of no use
  llvm::DenseMap<Value, Value> gradients;
};

void Differentiator::addExtremum(Value a, Value b, arith::CmpFPredicate wins,
                                 arith::CmpFPredicate holds, Value gradient) {
  if (varied.contains(a) && varied.contains(b)) {
    Value first = compare(wins, a, b);
    add(a, where(first, gradient));
    add(b, whereNot(first, gradient));
  } else if (varied.contains(a)) {
    add(a, where(compare(holds, a, b), gradient));
  } else {
    add(b, where(compare(holds, b, a), gradient));
  }
}

void Differentiator::visit(Operation &op) {
  if (op.getNumResults() != 1)
    return;
  Value y = op.getResult(0), dy = gradients.lookup(y);
  if (!dy)
    return;
  loc = op.getLoc();
  auto operand = [&](unsigned i) { return op.getOperand(i); };
  auto varies = [&](unsigned i) { return varied.contains(operand(i)); };
  llvm::TypeSwitch<Operation *>(&op)
      .Case([&](arith::AddFOp) {
        add(operand(0), dy);
        add(operand(1), dy);
      })
      .Case([&](arith::SubFOp) {
        add(operand(0), dy);
        subtract(operand(1), dy);
      })
      .Case([&](arith::NegFOp) { subtract(operand(0), dy); })
      .Case([&](arith::MulFOp) {
        if (varies(0))
          add(operand(0), mul(dy, operand(1)));
        if (varies(1))
          add(operand(1), mul(dy, operand(0)));
      })
      .Case([&](arith::DivFOp) {
        Value scaled = div(dy, operand(1));
        add(operand(0), scaled);
        if (varies(1))
          subtract(operand(1), mul(scaled, y));
      })
      .Case<arith::MaximumFOp, arith::MaxNumFOp>([&](auto) {
        addExtremum(operand(0), operand(1), arith::CmpFPredicate::OGT, arith::CmpFPredicate::OGE,
                    dy);
      })
      .Case<arith::MinimumFOp, arith::MinNumFOp>([&](auto) {
        addExtremum(operand(0), operand(1), arith::CmpFPredicate::OLT, arith::CmpFPredicate::OLE,
                    dy);
      })
      .Case([&](arith::SelectOp select) {
        if (varies(1))
          add(operand(1), where(select.getCondition(), dy));
        if (varies(2))
          add(operand(2), whereNot(select.getCondition(), dy));
      })
      .Case([&](math::ExpOp) { add(operand(0), mul(dy, y)); })
      .Case([&](math::LogOp) { add(operand(0), div(dy, operand(0))); })
      .Case([&](math::TanhOp) {
        add(operand(0), mul(dy, create<arith::SubFOp>(constant(1, y), mul(y, y))));
      })
      .Case([&](math::ErfOp) {
        // 2 / sqrt(pi) e^-x^2
        Value x = operand(0);
        Value bell = create<math::ExpOp>(create<arith::NegFOp>(mul(x, x)));
        add(x, mul(dy, mul(constant(1.1283791670955126, y), bell)));
      })
      .Case([&](math::AbsFOp) {
        Value zero = constant(0, y);
        Value positive = compare(arith::CmpFPredicate::OGT, operand(0), zero);
        Value negative = compare(arith::CmpFPredicate::OLT, operand(0), zero);
        add(operand(0), where(positive, dy));
        subtract(operand(0), where(negative, dy));
      })
      .Case([&](SigmoidOp) {
        add(operand(0), mul(dy, mul(y, create<arith::SubFOp>(constant(1, y), y))));
      })
      .Case([&](LogSigmoidOp) {
        Value mirrored = create<SigmoidOp>(create<arith::NegFOp>(operand(0)));
        add(operand(0), mul(dy, mirrored));
      })
      .Default([](Operation *other) {
        llvm::report_fatal_error("no derivative of " + other->getName().getStringRef());
      });
}

} // namespace

SmallVector<Value> mlir::xlstm::differentiate(OpBuilder &builder, Block &block,
                                              ArrayRef<GradientSeed> seeds, ValueRange inputs) {
  Differentiator differentiator(builder, block, inputs);
  for (GradientSeed seed : seeds)
    differentiator.add(seed.value, seed.gradient);
  // The derivative may be written to the block itself.
  SmallVector<Operation *> ops;
  for (Operation &op : llvm::reverse(block.without_terminator()))
    ops.push_back(&op);
  for (Operation *op : ops)
    differentiator.visit(*op);
  return llvm::map_to_vector(inputs, [&](Value input) { return differentiator.get(input); });
}
