// SPDX-License-Identifier: Apache-2.0
// One token of the mLSTM cell, as it is defined (xLSTM, arXiv 2405.04517, equations 19 to 27), with
// s on q or on k:
//
//   m' = max(lf + m, i)    f' = exp(lf + m - m')    i' = exp(i - m')       lf = logsigmoid(f)
//   C' = f' C + i' k v^T   n' = f' n + i' k         z = q.n'
//   h  = (q^T C') / (max(|z|, exp(-m')) + eps)
//
// and for the sigmoid gate f' = sigmoid(f), i' = sigmoid(i), without m.
#ifndef XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_MLSTMTOKEN_H
#define XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_MLSTMTOKEN_H

#include "compiler/Conversion/XLSTMToTile/MLSTMForward.h"

namespace xlstm {

class TokenProgram : protected MLSTMForward {
public:
  using MLSTMForward::MLSTMForward;

protected:
  struct Token {
    Value q;         ///< [1, dqk]
    Value k;         ///< [dqk], times i', and s if that is on k
    Value m, weight; ///< m' and f'; scalars of type gate, accumulation
  };
  /// The token at `at`, whose last axis is that of q and k; the one before it is that of heads.
  /// `before` is m before it; with `isReset` (may be null) the state before it does not count.
  Token loadToken(mlir::ArrayRef<Value> at, Value isReset, Value before);
  Value nextC(Value C, const Token &token, Value v); ///< [dqk, dv]
  Value nextN(Value n, const Token &token);          ///< [dqk]; null without a normaliser
  /// What q^T C is multiplied with: the reciprocal of the denominator, and s if that is on q.
  Value inverseOf(Value n, const Token &token);
  /// h [1, dv] from C after the token.
  Value hidden(Value C, const Token &token, Value inverse);
};

} // namespace xlstm

#endif
