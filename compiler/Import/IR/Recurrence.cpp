// SPDX-License-Identifier: Apache-2.0
#include "compiler/Import/IR/Recurrence.h"

#include "compiler/Import/Formulas.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace xlstm {
namespace {

using description::CellDescription;
using description::Expression;
using Op = Expression::Op;

/// Emits a cell's expressions into the region of its scan. Everything is a scalar of the
/// accumulation type, or the condition of a select.
class Emitter {
public:
  Emitter(OpBuilder &builder, Location loc, const StepArguments &arguments,
          const CellDescription &cell, const description::Formulas &formulas)
      : builder(builder), loc(loc), type(arguments.states[0].getType()), cell(cell),
        formulas(formulas), gates(cell.gates.size()), lets(cell.let.size()),
        newStates(cell.states.size()) {
    llvm::append_range(states, arguments.states);
    // raw_g = R_g h + wx_g + b_g, of which the first two may be missing.
    auto add = [&](const std::vector<std::string> &names, ArrayRef<BlockArgument> parts) {
      for (auto [name, part] : llvm::zip_equal(names, parts))
        gateParts[llvm::find(cell.gates, name) - cell.gates.begin()].push_back(part);
    };
    gateParts.resize(cell.gates.size());
    add(*cell.recurrentGates, arguments.products);
    add(*cell.inputGates, arguments.wx);
    add(cell.gates, arguments.bias);
  }

  /// The values of the states after the step, in the order of the states.
  SmallVector<Value> emit() {
    for (const description::StateUpdate &update : formulas.updates) {
      Value value = emit(*update.value);
      // A state without gradient is a stabiliser, which bounds the others: it is not clipped.
      if (cell.forwardClip && update.value->op != Op::StopGradient)
        value = clip(value, *cell.forwardClip);
      newStates[update.state] = value;
    }
    return newStates;
  }

private:
  Value emit(const Expression &node) {
    SmallVector<Value, 3> x;
    for (const std::unique_ptr<Expression> &operand : node.operands)
      x.push_back(emit(*operand));
    switch (node.op) {
    case Op::Number:
      return number(node.number);
    case Op::State:
      return states[node.index];
    case Op::NewState:
      return newStates[node.index];
    case Op::Gate:
      return gate(node.index);
    case Op::Let:
      if (!lets[node.index])
        lets[node.index] = emit(*formulas.lets[node.index]);
      return lets[node.index];
    case Op::Neg:
      return make<arith::NegFOp>(x);
    case Op::Add:
      return make<arith::AddFOp>(x);
    case Op::Sub:
      return make<arith::SubFOp>(x);
    case Op::Mul:
      return make<arith::MulFOp>(x);
    case Op::Div:
      return make<arith::DivFOp>(x);
    case Op::Less:
      return compare(arith::CmpFPredicate::OLT, x);
    case Op::LessEqual:
      return compare(arith::CmpFPredicate::OLE, x);
    case Op::Greater:
      return compare(arith::CmpFPredicate::OGT, x);
    case Op::GreaterEqual:
      return compare(arith::CmpFPredicate::OGE, x);
    case Op::Equal:
      return compare(arith::CmpFPredicate::OEQ, x);
    case Op::NotEqual:
      return compare(arith::CmpFPredicate::UNE, x);
    case Op::Exp:
      return make<math::ExpOp>(x);
    case Op::Log:
      return make<math::LogOp>(x);
    case Op::Tanh:
      return make<math::TanhOp>(x);
    case Op::Sigmoid:
      return make<mlir::xlstm::SigmoidOp>(x);
    case Op::LogSigmoid:
      return make<mlir::xlstm::LogSigmoidOp>(x);
    case Op::Abs:
      return make<math::AbsFOp>(x);
    case Op::StopGradient:
      return make<mlir::xlstm::StopGradientOp>(x);
    case Op::Max:
      return make<arith::MaximumFOp>(x);
    case Op::Min:
      return make<arith::MinimumFOp>(x);
    case Op::Select:
      return builder.create<arith::SelectOp>(loc, x[0], x[1], x[2]);
    }
    llvm_unreachable("every op is listed above");
  }

  template <class Operation> Value make(ValueRange operands) {
    return builder.create<Operation>(loc, TypeRange(type), operands);
  }

  Value compare(arith::CmpFPredicate predicate, ArrayRef<Value> x) {
    return builder.create<arith::CmpFOp>(loc, predicate, x[0], x[1]);
  }

  Value number(double value) {
    return builder.create<arith::ConstantOp>(loc, builder.getFloatAttr(type, value));
  }

  Value clip(Value x, double bound) {
    x = make<arith::MaximumFOp>({x, number(-bound)});
    return make<arith::MinimumFOp>({x, number(bound)});
  }

  Value gate(size_t index) {
    if (!gates[index]) {
      ArrayRef<Value> parts = gateParts[index];
      gates[index] = parts.front();
      for (Value part : parts.drop_front())
        gates[index] = make<arith::AddFOp>({gates[index], part});
    }
    return gates[index];
  }

  OpBuilder &builder;
  Location loc;
  Type type;
  const CellDescription &cell;
  const description::Formulas &formulas;
  SmallVector<Value> states;
  SmallVector<SmallVector<Value, 3>> gateParts;
  SmallVector<Value> gates, lets, newStates; // null until they are needed
};

} // namespace

SmallVector<Value> emitStep(OpBuilder &builder, Location loc, const CellDescription &cell,
                            const StepArguments &arguments) {
  auto formulas = description::parseFormulas(cell);
  assert(formulas && "an imported cell was checked");
  return Emitter(builder, loc, arguments, cell, *formulas).emit();
}

mlir::xlstm::ScanOp buildRecurrence(OpBuilder &builder, Location loc, const CellDescription &cell,
                                    const mlir::xlstm::ScanOperands &operands) {
  auto wx = cast<RankedTensorType>(operands.sequences.front().getType());
  Type h = mlir::xlstm::getScanSequenceType(wx, /*channels=*/0, wx.getElementType(),
                                            /*step=*/false);
  mlir::xlstm::ScanOptions options;
  options.stateNames.assign(cell.states.begin(), cell.states.end());
  if (operands.recurrent) { // without a product there is no gradient through it
    options.recurrentGradClip = cell.recurrentGradClip;
    options.recurrentGradCut = cell.recurrentGradCut;
  }
  auto scan = builder.create<mlir::xlstm::ScanOp>(loc, operands, options, TypeRange(h),
                                                  static_cast<int64_t>(cell.states.size()));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(&scan.getStepBlock());
  SmallVector<Value> states = emitStep(builder, loc, cell,
                                       {scan.getProductArgs(), scan.getSequenceArgs(0),
                                        scan.getConstantArgs(0), scan.getStateArgs()});
  builder.create<mlir::xlstm::YieldOp>(loc, ValueRange(states).take_front(), states);
  return scan;
}

} // namespace xlstm
