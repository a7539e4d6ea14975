// SPDX-License-Identifier: Apache-2.0
// erf in f32, for an instruction set that has 2^x and no erf.
//
//   |x| < 1    x P(x^2)                 relative error of P 1.3e-9
//   else       sign(x) (1 - 2^Q(|x|))   error 1.1e-9 of erf, up to 4; from there on it rounds to 1
//
// P and Q are minimax polynomials of degree 6, of erf(sqrt u) / sqrt u on [0, 1] and of
// log2 erfc(a) on [1, 4]; test/Conversion/TileToNVVM/erf_coefficients.py computes them by Remez'
// exchange. What is left is rounding: test/Conversion/TileToNVVM/ErfTest.cpp measures it.
#ifndef XLSTM_COMPILER_CONVERSION_TILETONVVM_ERF_H
#define XLSTM_COMPILER_CONVERSION_TILETONVVM_ERF_H

#include <initializer_list>

namespace xlstm {

/// `Arithmetic` has a Number and: constant(double), add, mul, abs, exp2,
/// copySign(magnitude, sign), selectLess(x, y, ifLess, otherwise).
template <typename Arithmetic>
typename Arithmetic::Number erf(const Arithmetic &a, typename Arithmetic::Number x) {
  using Number = typename Arithmetic::Number;
  auto horner = [&](Number t, std::initializer_list<double> fromHighest) {
    auto coefficient = fromHighest.begin();
    Number sum = a.constant(*coefficient);
    while (++coefficient != fromHighest.end())
      sum = a.add(a.mul(sum, t), a.constant(*coefficient));
    return sum;
  };
  Number magnitude = a.abs(x);
  Number small =
      a.mul(x, horner(a.mul(x, x), {7.853862657e-5, -0.0008010194033, 0.005188327733,
                                    -0.02685381196, 0.1128358515, -0.3761262582, 1.128379166}));
  Number logarithm = horner(a.selectLess(a.constant(4), magnitude, a.constant(4), magnitude),
                            {0.0002688866555, -0.004252555385, 0.03150559965, -0.1487514628,
                             -0.920648548, -1.626045887, -0.0004927376005});
  Number large = a.add(a.constant(1), a.mul(a.constant(-1), a.exp2(logarithm)));
  return a.selectLess(magnitude, a.constant(1), small, a.copySign(large, x));
}

} // namespace xlstm

#endif
