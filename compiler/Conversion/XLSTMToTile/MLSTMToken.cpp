// SPDX-License-Identifier: Apache-2.0
#include "compiler/Conversion/XLSTMToTile/MLSTMToken.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

TokenProgram::Token TokenProgram::loadToken(ArrayRef<Value> at, Value isReset, Value before) {
  bool exponential = options.inputGate == mlir::xlstm::InputGate::Exp;
  ArrayRef<Value> gateAt = at.drop_back();
  int64_t axis = at.size() - 1;
  Value zeroGate = constant(gate, 0);
  Value i = loadScalar(operands.i, gateAt, accumulation),
        logF = convert(logSigmoid(loadScalar(operands.f, gateAt, accumulation)), gate);
  Value from = isReset ? select(isReset, zeroGate, before) : before;
  Value exponentI = convert(exponential ? i : logSigmoid(i), gate);
  Token token;
  // What the state is relative to is rounded as it is stored, so that nothing is lost there.
  token.m = zeroGate;
  if (exponential)
    token.m = convert(convert(max(add(logF, from), exponentI), accumulation), gate);
  // First the difference of the two m, which is exact where they are close.
  token.weight = exp(convert(add(sub(from, token.m), logF), accumulation));
  if (isReset)
    token.weight = select(isReset, constant(accumulation, 0), token.weight);
  Value weightK = expDifference(exponentI, token.m);
  if (options.scaleOn == mlir::xlstm::ScaleOn::K)
    weightK = mul(weightK, constant(accumulation, s));
  token.q = load(operands.q, at, {axis - 1, axis}, mat(1, dqk, accumulation));
  Value k = load(operands.k, at, {axis}, vec(dqk, accumulation));
  token.k = map(vec(dqk, accumulation), k, [&](ValueRange x) { return mul(x[0], weightK); });
  return token;
}

Value TokenProgram::nextC(Value C, const Token &token, Value v) {
  return mapMatrix(cast<TileType>(C.getType()), C, token.k, v,
                   [&](ValueRange x) { return add(mul(x[2], token.weight), mul(x[3], x[4])); });
}

Value TokenProgram::nextN(Value n, const Token &token) {
  if (!options.hasNormalizer())
    return Value();
  return map(vec(dqk, accumulation), {n, token.k},
             [&](ValueRange x) { return add(mul(x[0], token.weight), x[1]); });
}

Value TokenProgram::inverseOf(Value n, const Token &token) {
  bool onQ = options.scaleOn == mlir::xlstm::ScaleOn::Q;
  Value scale = constant(accumulation, s), inverse = constant(accumulation, 1);
  if (options.hasNormalizer()) {
    Value z = extract(matvec(token.q, n, splat(vec(1, accumulation), 0)), 0),
          zeroGate = constant(gate, 0);
    Value denominator =
        this->denominator(onQ ? mul(z, scale) : z, token.m, zeroGate, zeroGate).value;
    inverse = b.create<arith::DivFOp>(loc, inverse, denominator);
  }
  return onQ ? mul(inverse, scale) : inverse;
}

Value TokenProgram::hidden(Value C, const Token &token, Value inverse) {
  TileType type = mat(1, dv, accumulation);
  Value numerator = ProgramBuilder::matmul(token.q, C, splat(type, 0));
  return map(type, numerator, [&](ValueRange x) { return mul(x[0], inverse); });
}

} // namespace xlstm
