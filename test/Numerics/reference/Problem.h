// SPDX-License-Identifier: Apache-2.0
// Random problems for tests of the mLSTM reference.
#ifndef XLSTM_TEST_NUMERICS_REFERENCE_PROBLEM_H
#define XLSTM_TEST_NUMERICS_REFERENCE_PROBLEM_H

#include "dialect/xlstm/Reference/MLSTM.h"
#include <random>

namespace xlstm::reference {

/// A problem that owns its values. Gates are uniform in [-gates, gates].
struct Problem {
  std::vector<double> q, k, v, i, f, c0, n0, m0;
  std::vector<int32_t> cuSeqlens;
  std::vector<uint8_t> reset;
  MLSTMProblem p;

  Problem(int64_t batch, int64_t time, int64_t heads, int64_t dqk, int64_t dv, MLSTMOptions options,
          double gates = 3, unsigned seed = 1)
      : random(seed) {
    p.batch = batch, p.time = time, p.heads = heads, p.dqk = dqk, p.dv = dv, p.options = options;
    int64_t tokens = batch * time * heads;
    q = normal(tokens * dqk), k = normal(tokens * dqk), v = normal(tokens * dv);
    i = uniform(tokens, gates), f = uniform(tokens, gates);
  }

  void addStates() {
    int64_t entries = view().states() * p.heads;
    c0 = normal(entries * p.dqk * p.dv);
    if (p.options.hasNormalizer())
      n0 = normal(entries * p.dqk);
    if (p.options.hasStabilizer())
      m0 = uniform(entries, 5);
  }

  void addResets() {
    for (int64_t t = 0; t < p.batch * p.time; ++t)
      reset.push_back(random() % 5 == 0 ? 1 + random() % 200 : 0);
  }

  /// The problem over the present values.
  MLSTMProblem &view() {
    p.q = q, p.k = k, p.v = v, p.i = i, p.f = f, p.c0 = c0, p.n0 = n0, p.m0 = m0;
    p.cuSeqlens = cuSeqlens.empty() ? nullptr : cuSeqlens.data();
    p.sequences = int64_t(cuSeqlens.size()) - 1;
    p.reset = reset.empty() ? nullptr : reset.data();
    return p;
  }

  std::vector<double> normal(int64_t count) {
    std::vector<double> values(count);
    for (double &value : values)
      value = std::normal_distribution<double>()(random);
    return values;
  }
  std::vector<double> uniform(int64_t count, double bound) {
    std::vector<double> values(count);
    for (double &value : values)
      value = std::uniform_real_distribution<double>(-bound, bound)(random);
    return values;
  }

  std::mt19937_64 random;
};

inline MLSTMOptions exponential() { return {}; }
inline MLSTMOptions sigmoid(bool normalize) {
  MLSTMOptions options;
  options.inputGate = InputGate::Sigmoid;
  options.normalize = normalize;
  return options;
}

/// Every combination of options.
inline std::vector<MLSTMOptions> allOptions() {
  std::vector<MLSTMOptions> all;
  for (MLSTMOptions options : {exponential(), sigmoid(true), sigmoid(false)})
    for (ScaleOn scaleOn : {ScaleOn::Q, ScaleOn::K})
      for (Denominator denominator : {Denominator::MaxPlusEps, Denominator::MaxWithEps}) {
        options.scaleOn = scaleOn;
        options.denominator = denominator;
        all.push_back(options);
      }
  return all;
}

} // namespace xlstm::reference

#endif // XLSTM_TEST_NUMERICS_REFERENCE_PROBLEM_H
