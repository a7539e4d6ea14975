// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/Reference/MLSTMBackward.h"

#include "dialect/xlstm/Reference/MLSTMForms.h"
#include <algorithm>
#include <cmath>

using namespace xlstm::reference;

namespace {

/// One head of one sequence. The states of all steps would not fit for a long one: the states at
/// the start of each block are kept, and those within a block computed again on the way back.
class HeadBackward {
public:
  HeadBackward(const MLSTMProblem &problem, const MLSTMOutputGradients &outputs, bool dropped,
               MLSTMInputGradients &result)
      : p(problem), outputs(outputs), dropped(dropped), result(result), columns{0, p.dv} {}

  void run(const MLSTMSequence &sequence, int64_t head) {
    int64_t length = sequence.end - sequence.begin;
    int64_t block = std::max<int64_t>(1, int64_t(std::sqrt(double(length))));
    std::vector<MLSTMState> starts;
    MLSTMState state = readInitialState(p, columns, sequence.state, head);
    for (int64_t begin = sequence.begin; begin < sequence.end; begin += block) {
      starts.push_back(state);
      int64_t end = std::min(begin + block, sequence.end);
      walk(readSteps(p, columns, sequence.batch, head, begin, end), sequence.batch, begin, state);
    }

    readLastGradients(sequence.state, head);
    for (int64_t b = int64_t(starts.size()) - 1; b >= 0; --b) {
      int64_t begin = sequence.begin + b * block, end = std::min(begin + block, sequence.end);
      MLSTMSteps x = readSteps(p, columns, sequence.batch, head, begin, end);
      std::vector<Step> steps = walk(x, sequence.batch, begin, starts[b]);
      for (int64_t t = end - 1; t >= begin; --t) {
        stepBackward(x, t - begin, steps[t - begin],
                     (sequence.batch * p.time + t) * p.heads + head);
        if (isReset(p, sequence.batch, t)) {
          std::fill(dc.begin(), dc.end(), 0.0);
          std::fill(dn.begin(), dn.end(), 0.0);
        }
      }
    }

    int64_t entry = sequence.state * p.heads + head;
    std::copy(dc.begin(), dc.end(), result.dc0.begin() + entry * p.dqk * p.dv);
    if (p.options.hasNormalizer())
      std::copy(dn.begin(), dn.end(), result.dn0.begin() + entry * p.dqk);
  }

private:
  /// A step of the forward pass with the states around it.
  struct Step {
    MLSTMState before, after;
    MLSTMStepFactors factors;
    std::vector<double> h;
  };

  /// The steps of a block that starts at `begin`, from `state`, which is left after them.
  std::vector<Step> walk(const MLSTMSteps &x, int64_t batch, int64_t begin,
                         MLSTMState &state) const {
    std::vector<Step> steps(x.length);
    for (int64_t t = 0; t < x.length; ++t) {
      if (isReset(p, batch, begin + t))
        state = zeroState(p, columns);
      Step &step = steps[t];
      step.before = state;
      step.h.resize(p.dv);
      step.factors = stepRecurrent(x, t, p.options, state, step.h.data());
      step.after = state;
    }
    return steps;
  }

  void readLastGradients(int64_t s, int64_t head) {
    int64_t entry = s * p.heads + head;
    dc.assign(p.dqk * p.dv, 0.0);
    dn.assign(p.dqk, 0.0);
    if (outputs.dcLast)
      outputs.dcLast.read(entry * p.dqk * p.dv, p.dqk * p.dv, dc.data());
    if (outputs.dnLast && p.options.hasNormalizer())
      outputs.dnLast.read(entry * p.dqk, p.dqk, dn.data());
  }

  /// Step t of a block, the token [b, t, head] of the problem.
  void stepBackward(const MLSTMSteps &x, int64_t t, const Step &step, int64_t token) {
    const double *q = &x.q[t * p.dqk], *k = &x.k[t * p.dqk], *v = &x.v[t * p.dv];
    const MLSTMStepFactors &factors = step.factors;
    std::vector<double> u(p.dv, 0.0);
    if (outputs.dh)
      outputs.dh.read(token * p.dv, p.dv, u.data());
    // u = dh / den;  delta = -(dh . h) / den sign(z)
    double delta = 0;
    for (int64_t e = 0; e < p.dv; ++e) {
      u[e] = x.round(u[e] / factors.denominator);
      if (factors.aboveFloor && !dropped)
        delta -= u[e] * step.h[e] * (factors.z < 0 ? -1 : 1);
    }
    delta = x.round(delta);
    double qScale = 1, kScale = 1;
    (p.options.scaleOn == ScaleOn::Q ? qScale : kScale) = 1 / std::sqrt(double(p.dqk));

    double forgetSum = 0, inputSum = 0; // <dC, C_{t-1}> + <dn, n_{t-1}>,  k . (dC v + dn)
    double *gradV = &result.dv[token * p.dv];
    for (int64_t d = 0; d < p.dqk; ++d) {
      const double *before = &step.before.c[d * p.dv], *after = &step.after.c[d * p.dv];
      double *gradC = &dc[d * p.dv];
      dn[d] = x.round(dn[d] + delta * q[d]);
      double gradQ = delta * step.after.n[d], gradK = dn[d];
      forgetSum += dn[d] * step.before.n[d];
      for (int64_t e = 0; e < p.dv; ++e) {
        gradC[e] = x.round(gradC[e] + q[d] * u[e]);
        gradQ += after[e] * u[e];
        gradK += gradC[e] * v[e];
        gradV[e] += factors.input * gradC[e] * k[d];
        forgetSum += gradC[e] * before[e];
        gradC[e] = x.round(gradC[e] * factors.forget);
      }
      dn[d] = x.round(dn[d] * factors.forget);
      gradK = x.round(gradK);
      inputSum += k[d] * gradK;
      result.dq[token * p.dqk + d] = qScale * gradQ;
      result.dk[token * p.dqk + d] = kScale * factors.input * gradK;
    }
    // d logsigmoid(x) / dx = sigmoid(-x)
    auto sigmoid = [](double y) { return std::exp(logSigmoid(y)); };
    result.di[token] = factors.input * inputSum *
                       (p.options.inputGate == InputGate::Exp ? 1 : sigmoid(-p.i.at(token)));
    result.df[token] = factors.forget * forgetSum * sigmoid(-p.f.at(token));
  }

  const MLSTMProblem &p;
  const MLSTMOutputGradients &outputs;
  bool dropped;
  MLSTMInputGradients &result;
  MLSTMColumns columns;
  std::vector<double> dc, dn; // gradient of the state after the step at hand
};

} // namespace

MLSTMInputGradients xlstm::reference::mlstmBackward(const MLSTMProblem &p,
                                                    const MLSTMOutputGradients &outputs,
                                                    NormalizerGrad normalizerGrad,
                                                    unsigned threads) {
  std::vector<MLSTMSequence> sequences = listSequences(p);
  int64_t tokens = p.batch * p.time * p.heads, states = p.states() * p.heads;
  MLSTMInputGradients result;
  result.dq.assign(tokens * p.dqk, 0.0);
  result.dk.assign(tokens * p.dqk, 0.0);
  result.dv.assign(tokens * p.dv, 0.0);
  result.di.assign(tokens, 0.0);
  result.df.assign(tokens, 0.0);
  result.dc0.assign(states * p.dqk * p.dv, 0.0);
  if (p.options.hasNormalizer())
    result.dn0.assign(states * p.dqk, 0.0);
  parallelFor(int64_t(sequences.size()) * p.heads, threads, [&](int64_t n) {
    HeadBackward(p, outputs, normalizerGrad == NormalizerGrad::Dropped, result)
        .run(sequences[n / p.heads], n % p.heads);
  });
  return result;
}
