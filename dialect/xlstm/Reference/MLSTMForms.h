// SPDX-License-Identifier: Apache-2.0
// The three forms of the mLSTM cell on one run of steps of one head, and how a problem falls into
// such runs; private to the reference.
#ifndef XLSTM_DIALECT_XLSTM_REFERENCE_MLSTMFORMS_H
#define XLSTM_DIALECT_XLSTM_REFERENCE_MLSTMFORMS_H

#include "dialect/xlstm/Reference/MLSTM.h"
#include <functional>

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
  Rounding rounding;

  /// As the problem asks for, to f32, the type of everything inside a cell.
  double round(double value) const { return rounding(ElementType::F32, value); }
  void round(double *values, int64_t count) const { rounding(ElementType::F32, values, count); }
  void round(std::vector<double> &values) const { round(values.data(), values.size()); }
};

/// Columns [first, first + count) of v, which C and h have too.
struct MLSTMColumns {
  int64_t first, count;
};

/// Steps [begin, end) of one batch entry; a run over it starts from the initial state `state`.
struct MLSTMSequence {
  int64_t batch, begin, end, state;
};
std::vector<MLSTMSequence> listSequences(const MLSTMProblem &problem);

/// Whether the state before step t is zero.
inline bool isReset(const MLSTMProblem &problem, int64_t batch, int64_t t) {
  return problem.reset && problem.reset[batch * problem.time + t];
}

MLSTMState zeroState(const MLSTMProblem &problem, MLSTMColumns columns);
MLSTMState readInitialState(const MLSTMProblem &problem, MLSTMColumns columns, int64_t state,
                            int64_t head);
MLSTMSteps readSteps(const MLSTMProblem &problem, MLSTMColumns columns, int64_t batch, int64_t head,
                     int64_t begin, int64_t end);

/// Calls body(0), .., body(count - 1) on several threads (0: all of the machine); the bodies write
/// to different places.
void parallelFor(int64_t count, unsigned threads, const std::function<void(int64_t)> &body);

/// What a recurrent step multiplies and divides with.
struct MLSTMStepFactors {
  double forget = 1, input = 1;  // f', i'
  double z = 0, denominator = 1; // q_t^T n_t, and what h is divided by
  bool aboveFloor = false;       // the denominator follows |z|, not its floor
};
/// Step t of the recurrent form: leaves the state after it and writes h [D].
MLSTMStepFactors stepRecurrent(const MLSTMSteps &steps, int64_t t, const MLSTMOptions &options,
                               MLSTMState &state, double *h);

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
