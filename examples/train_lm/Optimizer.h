// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_EXAMPLES_TRAIN_LM_OPTIMIZER_H
#define XLSTM_EXAMPLES_TRAIN_LM_OPTIMIZER_H

#include "examples/train_lm/Model.h"

namespace xlstm::example {

/// AdamW: decay apart from the gradient, of matrices only (not of norms and biases).
class Optimizer {
public:
  Optimizer(std::vector<Parameter> &parameters, Team &team);
  /// One step; gradients are scaled down to a global norm of at most 1. Returns the norm before.
  double update(double rate);

private:
  struct Moments {
    std::vector<float> first, second;
  };
  /// Elements [begin, end) of a parameter: what a thread takes at a time.
  struct Range {
    size_t parameter, begin, end;
  };
  double squares(const Range &range) const;

  std::vector<Parameter> &parameters;
  Team &team;
  std::vector<Range> ranges;
  std::vector<double> sums; // of the ranges
  std::vector<Moments> moments;
  int64_t step = 0;
};

/// Linear warm-up over the first twentieth, then half a cosine down to a tenth of the rate; `done`
/// is the part of the training that is over, 0 to 1.
double learningRate(double rate, double done);

} // namespace xlstm::example
#endif
