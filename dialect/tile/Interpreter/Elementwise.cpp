// SPDX-License-Identifier: Apache-2.0
// Operations of arith and math on columns: one loop over all elements for each.
#include "dialect/tile/Interpreter/Numbers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

namespace mlir::tile {
namespace {

template <typename F> Column apply(ArrayRef<const Column *> operands, F f) {
  size_t size = 1;
  for (const Column *operand : operands)
    size = std::max(size, operand->size());
  Column result(size);
  auto at = [&](size_t operand, size_t i) {
    const Column &column = *operands[operand];
    return column[column.size() == 1 ? 0 : i];
  };
  for (size_t i = 0; i < size; ++i)
    if constexpr (std::is_invocable_v<F, double, double, double>)
      result[i] = f(at(0, i), at(1, i), at(2, i));
    else if constexpr (std::is_invocable_v<F, double, double>)
      result[i] = f(at(0, i), at(1, i));
    else
      result[i] = f(at(0, i));
  return result;
}

/// Integers are whole numbers below 2^53, as indices and sizes are.
template <typename F> Column applyInteger(ArrayRef<const Column *> operands, F f) {
  return apply(operands, [f](double x, double y) { return double(f(int64_t(x), int64_t(y))); });
}

double maximum(double x, double y) {
  return std::isnan(x) || std::isnan(y) ? NAN : std::fmax(x, y);
}
double minimum(double x, double y) {
  return std::isnan(x) || std::isnan(y) ? NAN : std::fmin(x, y);
}

bool compare(arith::CmpFPredicate predicate, double x, double y) {
  // Bits: equal, greater, less, unordered.
  unsigned bit = std::isnan(x) || std::isnan(y) ? 8 : x == y ? 1 : x > y ? 2 : 4;
  return unsigned(predicate) & bit;
}

bool compare(arith::CmpIPredicate predicate, int64_t x, int64_t y) {
  switch (predicate) {
  case arith::CmpIPredicate::eq:
    return x == y;
  case arith::CmpIPredicate::ne:
    return x != y;
  case arith::CmpIPredicate::slt:
    return x < y;
  case arith::CmpIPredicate::sle:
    return x <= y;
  case arith::CmpIPredicate::sgt:
    return x > y;
  case arith::CmpIPredicate::sge:
    return x >= y;
  case arith::CmpIPredicate::ult:
    return uint64_t(x) < uint64_t(y);
  case arith::CmpIPredicate::ule:
    return uint64_t(x) <= uint64_t(y);
  case arith::CmpIPredicate::ugt:
    return uint64_t(x) > uint64_t(y);
  case arith::CmpIPredicate::uge:
    return uint64_t(x) >= uint64_t(y);
  }
  llvm_unreachable("all predicates are above");
}

using Columns = ArrayRef<const Column *>;
using Result = FailureOr<Column>;

Result evaluateInteger(Operation &op, Columns x) {
  using L = int64_t;
  // A division by zero is undefined; the program that has it reads 0.
  return TypeSwitch<Operation *, Result>(&op)
      .Case([&](arith::AddIOp) { return applyInteger(x, [](L a, L b) { return a + b; }); })
      .Case([&](arith::SubIOp) { return applyInteger(x, [](L a, L b) { return a - b; }); })
      .Case([&](arith::MulIOp) { return applyInteger(x, [](L a, L b) { return a * b; }); })
      .Case<arith::DivSIOp, arith::DivUIOp>(
          [&](auto) { return applyInteger(x, [](L a, L b) { return b ? a / b : 0; }); })
      .Case<arith::RemSIOp, arith::RemUIOp>(
          [&](auto) { return applyInteger(x, [](L a, L b) { return b ? a % b : 0; }); })
      .Case<arith::CeilDivSIOp, arith::CeilDivUIOp>([&](auto) {
        return apply(x, [](double a, double b) { return b ? std::ceil(a / b) : 0; });
      })
      .Case([&](arith::FloorDivSIOp) {
        return apply(x, [](double a, double b) { return b ? std::floor(a / b) : 0; });
      })
      .Case<arith::MaxSIOp, arith::MaxUIOp>(
          [&](auto) { return applyInteger(x, [](L a, L b) { return std::max(a, b); }); })
      .Case<arith::MinSIOp, arith::MinUIOp>(
          [&](auto) { return applyInteger(x, [](L a, L b) { return std::min(a, b); }); })
      .Case([&](arith::AndIOp) { return applyInteger(x, [](L a, L b) { return a & b; }); })
      .Case([&](arith::OrIOp) { return applyInteger(x, [](L a, L b) { return a | b; }); })
      .Case([&](arith::XOrIOp) { return applyInteger(x, [](L a, L b) { return a ^ b; }); })
      .Case([&](arith::ShLIOp) { return applyInteger(x, [](L a, L b) { return a << b; }); })
      .Case<arith::ShRSIOp, arith::ShRUIOp>(
          [&](auto) { return applyInteger(x, [](L a, L b) { return a >> b; }); })
      .Case([&](arith::CmpIOp o) {
        return applyInteger(x, [p = o.getPredicate()](L a, L b) { return compare(p, a, b); });
      })
      .Case<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp, arith::ExtUIOp,
            arith::TruncIOp, arith::SIToFPOp, arith::UIToFPOp>([&](auto) { return *x[0]; })
      .Case<arith::FPToSIOp, arith::FPToUIOp>(
          [&](auto) { return apply(x, [](double a) { return std::trunc(a); }); })
      .Default([](Operation *) { return failure(); });
}

Result evaluateFloat(Operation &op, Columns x) {
  using D = double;
  return TypeSwitch<Operation *, Result>(&op)
      .Case([&](arith::AddFOp) { return apply(x, [](D a, D b) { return a + b; }); })
      .Case([&](arith::SubFOp) { return apply(x, [](D a, D b) { return a - b; }); })
      .Case([&](arith::MulFOp) { return apply(x, [](D a, D b) { return a * b; }); })
      .Case([&](arith::DivFOp) { return apply(x, [](D a, D b) { return a / b; }); })
      .Case([&](arith::RemFOp) { return apply(x, [](D a, D b) { return std::fmod(a, b); }); })
      .Case([&](arith::NegFOp) { return apply(x, [](D a) { return -a; }); })
      .Case([&](arith::MaximumFOp) { return apply(x, maximum); })
      .Case([&](arith::MinimumFOp) { return apply(x, minimum); })
      .Case([&](arith::MaxNumFOp) { return apply(x, [](D a, D b) { return std::fmax(a, b); }); })
      .Case([&](arith::MinNumFOp) { return apply(x, [](D a, D b) { return std::fmin(a, b); }); })
      .Case([&](arith::CmpFOp o) {
        return apply(x, [p = o.getPredicate()](D a, D b) { return compare(p, a, b); });
      })
      .Case([&](arith::SelectOp) { return apply(x, [](D c, D a, D b) { return c ? a : b; }); })
      .Case<arith::ExtFOp, arith::TruncFOp>([&](auto) { return *x[0]; })
      .Case([&](math::AbsFOp) { return apply(x, [](D a) { return std::fabs(a); }); })
      .Case([&](math::CeilOp) { return apply(x, [](D a) { return std::ceil(a); }); })
      .Case([&](math::CosOp) { return apply(x, [](D a) { return std::cos(a); }); })
      .Case([&](math::ErfOp) { return apply(x, [](D a) { return std::erf(a); }); })
      .Case([&](math::ExpOp) { return apply(x, [](D a) { return std::exp(a); }); })
      .Case([&](math::Exp2Op) { return apply(x, [](D a) { return std::exp2(a); }); })
      .Case([&](math::ExpM1Op) { return apply(x, [](D a) { return std::expm1(a); }); })
      .Case([&](math::FloorOp) { return apply(x, [](D a) { return std::floor(a); }); })
      .Case([&](math::FmaOp) { return apply(x, [](D a, D b, D c) { return std::fma(a, b, c); }); })
      .Case([&](math::LogOp) { return apply(x, [](D a) { return std::log(a); }); })
      .Case([&](math::Log1pOp) { return apply(x, [](D a) { return std::log1p(a); }); })
      .Case([&](math::Log2Op) { return apply(x, [](D a) { return std::log2(a); }); })
      .Case([&](math::PowFOp) { return apply(x, [](D a, D b) { return std::pow(a, b); }); })
      .Case([&](math::RsqrtOp) { return apply(x, [](D a) { return 1 / std::sqrt(a); }); })
      .Case([&](math::SinOp) { return apply(x, [](D a) { return std::sin(a); }); })
      .Case([&](math::SqrtOp) { return apply(x, [](D a) { return std::sqrt(a); }); })
      .Case([&](math::TanhOp) { return apply(x, [](D a) { return std::tanh(a); }); })
      .Default([](Operation *) { return failure(); });
}

} // namespace

FailureOr<Column> evaluate(Operation &op, ArrayRef<const Column *> operands) {
  if (op.getNumResults() != 1)
    return failure();
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    if (auto number = dyn_cast<FloatAttr>(constant.getValue()))
      return Column{number.getValueAsDouble()};
    if (auto number = dyn_cast<IntegerAttr>(constant.getValue()))
      return Column{number.getType().isInteger(1) ? double(number.getValue().getBoolValue())
                                                  : double(number.getInt())};
    return failure();
  }
  Result result = evaluateFloat(op, operands);
  if (failed(result))
    result = evaluateInteger(op, operands);
  if (succeeded(result))
    roundTo(op.getResult(0).getType(), *result);
  return result;
}

} // namespace mlir::tile
