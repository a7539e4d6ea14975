// SPDX-License-Identifier: Apache-2.0
// The three forms of the mLSTM cell on one run of steps of one head; private to the reference.
#ifndef XLSTM_DIALECT_XLSTM_REFERENCE_MLSTMFORMS_H
#define XLSTM_DIALECT_XLSTM_REFERENCE_MLSTMFORMS_H

#include "dialect/xlstm/Reference/MLSTM.h"

namespace xlstm::reference {

/// The state of one head. For the sigmoid gate m is 0 and stays 0.
struct MLSTMState {
  std::vector<double> c; // [dqk, D]
  std::vector<double> n; // [dqk]
  double m = 0;
};

/// Consecutive steps of one head without a reset among them. The scale dqk^-1/2 is already in q or
/// in k, and both gates are logarithms of what they multiply with: lf = logsigmoid(f), and li = i
/// (exp) or logsigmoid(i) (sigmoid).
struct MLSTMSteps {
  int64_t length = 0, dqk = 0, dv = 0; // dv: the columns of v that are computed, D
  std::vector<double> q, k;            // [L, dqk]
  std::vector<double> v;               // [L, D]
  std::vector<double> li, lf;          // [L]
};

/// Each form reads the state before the steps, writes h [L, D] with a row distance of `stride`, and
/// leaves the state after.
using MLSTMForm = void (*)(const MLSTMSteps &steps, const MLSTMOptions &options, MLSTMState &state,
                           double *h, int64_t stride);
void runRecurrent(const MLSTMSteps &, const MLSTMOptions &, MLSTMState &, double *h,
                  int64_t stride);
void runParallel(const MLSTMSteps &, const MLSTMOptions &, MLSTMState &, double *h, int64_t stride);
/// One chunk: all of the steps.
void runChunk(const MLSTMSteps &, const MLSTMOptions &, MLSTMState &, double *h, int64_t stride);

} // namespace xlstm::reference

#endif // XLSTM_DIALECT_XLSTM_REFERENCE_MLSTMFORMS_H
