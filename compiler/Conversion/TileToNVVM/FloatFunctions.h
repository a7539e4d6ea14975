// SPDX-License-Identifier: Apache-2.0
// erf and tanh in f32, for an instruction set that has 2^x and division, and of tanh an approximation
// to 11 bits only.
//
//   erf    |x| < 1     x P(x^2)                  relative error of P 1.3e-9
//          else        sign(x) (1 - 2^Q(|x|))    error 1.1e-9 of erf, up to 4; from there on it rounds to 1
//   tanh   |x| < 0.6   x R(x^2)                  relative error of R 2.49e-9
//          else        sign(x) (1 - 2 / (1 + e^(2 |x|)))
//
// P, Q and R are minimax polynomials: of erf(sqrt u) / sqrt u on [0, 1], of log2 erfc(a) on [1, 4] and
// of tanh(sqrt u) / sqrt u on [0, 0.36]; test/Conversion/TileToNVVM/coefficients.py computes them by
// Remez' exchange. What is left is rounding: FloatFunctionsTest.cpp beside it measures it.
#ifndef XLSTM_COMPILER_CONVERSION_TILETONVVM_FLOATFUNCTIONS_H
#define XLSTM_COMPILER_CONVERSION_TILETONVVM_FLOATFUNCTIONS_H

#include <initializer_list>

namespace xlstm {

/// `Arithmetic` has a Number and: constant(double), add, mul, divide, abs, exp2,
/// copySign(magnitude, sign), selectLess(x, y, ifLess, otherwise).
template <typename Arithmetic> struct FloatFunctions {
  using Number = typename Arithmetic::Number;
  Arithmetic a;

  Number polynomial(Number t, std::initializer_list<double> fromHighest) const {
    auto coefficient = fromHighest.begin();
    Number sum = a.constant(*coefficient);
    while (++coefficient != fromHighest.end())
      sum = a.add(a.mul(sum, t), a.constant(*coefficient));
    return sum;
  }

  Number erf(Number x) const {
    Number magnitude = a.abs(x);
    Number small = a.mul(
        x, polynomial(a.mul(x, x), {7.853862657e-5, -0.0008010194033, 0.005188327733,
                                    -0.02685381196, 0.1128358515, -0.3761262582, 1.128379166}));
    Number logarithm = polynomial(a.selectLess(a.constant(4), magnitude, a.constant(4), magnitude),
                                  {0.0002688866555, -0.004252555385, 0.03150559965, -0.1487514628,
                                   -0.920648548, -1.626045887, -0.0004927376005});
    Number large = a.add(a.constant(1), a.mul(a.constant(-1), a.exp2(logarithm)));
    return a.selectLess(magnitude, a.constant(1), small, a.copySign(large, x));
  }

  Number tanh(Number x) const {
    constexpr double twiceLog2e = 2.885390081777927;
    Number magnitude = a.abs(x);
    Number small = a.mul(x, polynomial(a.mul(x, x), {-0.005852169607, 0.02075362971, -0.05376870495,
                                                     0.1333168896, -0.3333328326, 0.9999999975}));
    Number power = a.exp2(a.mul(magnitude, a.constant(twiceLog2e)));
    Number large = a.add(a.constant(1), a.divide(a.constant(-2), a.add(a.constant(1), power)));
    return a.selectLess(magnitude, a.constant(0.6), small, a.copySign(large, x));
  }
};

} // namespace xlstm

#endif
