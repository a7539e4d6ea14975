// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/Interpreter/ScanProgram.h"

#include "dialect/xlstm/Interpreter/Frame.h"
#include "dialect/xlstm/Reference/MLSTM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"
#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::xlstm;

ScanProgram::Opcode ScanProgram::opcodeOf(Operation *op) {
  return TypeSwitch<Operation *, Opcode>(op)
      .Case<arith::AddFOp>([](auto) { return Opcode::Add; })
      .Case<arith::SubFOp>([](auto) { return Opcode::Sub; })
      .Case<arith::MulFOp>([](auto) { return Opcode::Mul; })
      .Case<arith::DivFOp>([](auto) { return Opcode::Div; })
      .Case<arith::NegFOp>([](auto) { return Opcode::Neg; })
      .Case<arith::MaximumFOp>([](auto) { return Opcode::Maximum; })
      .Case<arith::MinimumFOp>([](auto) { return Opcode::Minimum; })
      .Case<arith::MaxNumFOp>([](auto) { return Opcode::MaxNum; })
      .Case<arith::MinNumFOp>([](auto) { return Opcode::MinNum; })
      .Case<arith::CmpFOp>([](auto) { return Opcode::Compare; })
      .Case<arith::SelectOp>([](auto) { return Opcode::Select; })
      .Case<math::ExpOp>([](auto) { return Opcode::Exp; })
      .Case<math::LogOp>([](auto) { return Opcode::Log; })
      .Case<math::TanhOp>([](auto) { return Opcode::Tanh; })
      .Case<math::ErfOp>([](auto) { return Opcode::Erf; })
      .Case<math::AbsFOp>([](auto) { return Opcode::Abs; })
      .Case<SigmoidOp>([](auto) { return Opcode::Sigmoid; })
      .Case<LogSigmoidOp>([](auto) { return Opcode::LogSigmoid; })
      .Case<StopGradientOp>([](auto) { return Opcode::Copy; });
}

/// The relations for which a comparison is true, as bits: equal 1, greater 2, less 4, unordered 8.
static unsigned relationsOf(arith::CmpFPredicate predicate) {
  using P = arith::CmpFPredicate;
  switch (predicate) {
  case P::AlwaysFalse:
    return 0;
  case P::OEQ:
    return 1;
  case P::OGT:
    return 2;
  case P::OGE:
    return 3;
  case P::OLT:
    return 4;
  case P::OLE:
    return 5;
  case P::ONE:
    return 6;
  case P::ORD:
    return 7;
  case P::UNO:
    return 8;
  case P::UEQ:
    return 9;
  case P::UGT:
    return 10;
  case P::UGE:
    return 11;
  case P::ULT:
    return 12;
  case P::ULE:
    return 13;
  case P::UNE:
    return 14;
  case P::AlwaysTrue:
    return 15;
  }
  return 0;
}

ScanProgram::ScanProgram(Block &block) {
  llvm::DenseMap<Value, int64_t> registerOf;
  auto add = [&](Value value) {
    types.push_back(roundedType(value.getType()));
    return registerOf[value] = registerCount++;
  };
  for (BlockArgument argument : block.getArguments())
    add(argument);
  for (Operation &inner : block.without_terminator()) {
    int64_t result = add(inner.getResult(0));
    if (auto constant = dyn_cast<arith::ConstantOp>(inner)) {
      // A truth value is 0 or 1.
      auto number = dyn_cast<FloatAttr>(constant.getValue());
      constants.push_back({result, number
                                       ? number.getValueAsDouble()
                                       : double(cast<BoolAttr>(constant.getValue()).getValue())});
      continue;
    }
    auto operand = [&](unsigned number) {
      return number < inner.getNumOperands() ? registerOf.at(inner.getOperand(number)) : 0;
    };
    auto compare = dyn_cast<arith::CmpFOp>(inner);
    instructions.push_back({opcodeOf(&inner), compare ? relationsOf(compare.getPredicate()) : 0,
                            result, operand(0), operand(1), operand(2)});
  }
  auto yield = cast<YieldOp>(block.getTerminator());
  for (Value value : yield.getOutputs())
    outputRegisters.push_back(registerOf.at(value));
  for (Value value : yield.getStates())
    stateRegisters.push_back(registerOf.at(value));
}

void ScanProgram::loadConstants(double *file, int64_t units) const {
  for (auto [number, value] : constants)
    std::fill_n(file + number * units, units, value);
}

static double sigmoid(double x) {
  // e^-|x| does not overflow.
  double e = std::exp(-std::fabs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

/// Maximum of two numbers, or a NaN that is among them.
static double maximum(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? std::numeric_limits<double>::quiet_NaN()
                                        : std::fmax(a, b);
}

static unsigned relation(double a, double b) { return a == b ? 1 : a > b ? 2 : a < b ? 4 : 8; }

void ScanProgram::run(double *file, int64_t units, const Rounding &rounding) const {
  for (const Instruction &x : instructions) {
    double *result = file + x.result * units;
    const double *a = file + x.a * units, *b = file + x.b * units, *c = file + x.c * units;
    auto each = [&](auto function) {
      for (int64_t d = 0; d < units; ++d)
        result[d] = function(a[d], b[d]);
    };
    switch (x.opcode) {
    case Opcode::Add:
      each([](double a, double b) { return a + b; });
      break;
    case Opcode::Sub:
      each([](double a, double b) { return a - b; });
      break;
    case Opcode::Mul:
      each([](double a, double b) { return a * b; });
      break;
    case Opcode::Div:
      each([](double a, double b) { return a / b; });
      break;
    case Opcode::Neg:
      each([](double a, double) { return -a; });
      break;
    case Opcode::Maximum:
      each(maximum);
      break;
    case Opcode::Minimum:
      each([](double a, double b) { return -maximum(-a, -b); });
      break;
    case Opcode::MaxNum:
      each([](double a, double b) { return std::fmax(a, b); });
      break;
    case Opcode::MinNum:
      each([](double a, double b) { return std::fmin(a, b); });
      break;
    case Opcode::Compare:
      each([&](double a, double b) { return (relation(a, b) & x.relations) != 0 ? 1.0 : 0.0; });
      break;
    case Opcode::Select:
      for (int64_t d = 0; d < units; ++d)
        result[d] = a[d] != 0 ? b[d] : c[d];
      break;
    case Opcode::Exp:
      each([](double a, double) { return std::exp(a); });
      break;
    case Opcode::Log:
      each([](double a, double) { return std::log(a); });
      break;
    case Opcode::Tanh:
      each([](double a, double) { return std::tanh(a); });
      break;
    case Opcode::Erf:
      each([](double a, double) { return std::erf(a); });
      break;
    case Opcode::Abs:
      each([](double a, double) { return std::fabs(a); });
      break;
    case Opcode::Sigmoid:
      each([](double a, double) { return sigmoid(a); });
      break;
    case Opcode::LogSigmoid:
      each([](double a, double) { return ::xlstm::reference::logSigmoid(a); });
      break;
    case Opcode::Copy:
      each([](double a, double) { return a; });
      break;
    }
    rounding(types[x.result], result, units);
  }
}
