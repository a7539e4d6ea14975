// SPDX-License-Identifier: Apache-2.0
// From whole problems to runs of steps: sequences, resets, states, threads. The formulas are in
// MLSTMForms.cpp.
#include "dialect/xlstm/Reference/MLSTM.h"

#include "dialect/xlstm/Reference/MLSTMForms.h"
#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <thread>

using namespace xlstm::reference;

double xlstm::reference::logSigmoid(double x) {
  // -log(1 + e^-x) = min(x, 0) - log(1 + e^-|x|)
  return std::min(x, 0.0) - std::log1p(std::exp(-std::fabs(x)));
}

std::string xlstm::reference::check(const MLSTMProblem &p) {
  const MLSTMOptions &o = p.options;
  if (p.batch < 0 || p.time < 0)
    return "expected B and T to be at least 0";
  if (p.heads < 1 || p.dqk < 1 || p.dv < 1)
    return "expected H, dqk and dv to be at least 1";
  if (o.inputGate == InputGate::Exp && !o.normalize)
    return "expected input_gate = sigmoid with normalize = false, got exp";
  if (!std::isfinite(o.eps) || o.eps < 0)
    return "expected eps to be finite and not negative";
  if (p.batch * p.time > 0 && !(p.q && p.k && p.v && p.i && p.f))
    return "expected q, k, v, i and f";
  if (p.cuSeqlens) {
    if (p.batch != 1)
      return "expected B to be 1 with cu_seqlens, got " + std::to_string(p.batch);
    if (p.sequences < 0)
      return "expected the number of sequences to be at least 0";
    if (p.cuSeqlens[0] != 0)
      return "expected cu_seqlens[0] to be 0, got " + std::to_string(p.cuSeqlens[0]);
    for (int64_t s = 0; s < p.sequences; ++s)
      if (p.cuSeqlens[s + 1] < p.cuSeqlens[s])
        return "expected cu_seqlens not to decrease, got " + std::to_string(p.cuSeqlens[s + 1]) +
               " after " + std::to_string(p.cuSeqlens[s]);
    if (p.cuSeqlens[p.sequences] != p.time)
      return "expected the last cu_seqlens to be T = " + std::to_string(p.time) + ", got " +
             std::to_string(p.cuSeqlens[p.sequences]);
  }
  bool given = p.c0 || p.n0 || p.m0;
  // A view of an empty vector is null; there is no state to speak of then.
  if (given && p.states() > 0 &&
      (!p.c0 || bool(p.n0) != o.hasNormalizer() || bool(p.m0) != o.hasStabilizer()))
    return "expected all initial states of the cell, or none";
  return "";
}

std::vector<MLSTMSequence> xlstm::reference::listSequences(const MLSTMProblem &p) {
  std::vector<MLSTMSequence> sequences;
  if (p.cuSeqlens)
    for (int64_t s = 0; s < p.sequences; ++s)
      sequences.push_back({0, p.cuSeqlens[s], p.cuSeqlens[s + 1], s});
  else
    for (int64_t b = 0; b < p.batch; ++b)
      sequences.push_back({b, 0, p.time, b});
  return sequences;
}

MLSTMState xlstm::reference::zeroState(const MLSTMProblem &p, MLSTMColumns columns) {
  return {std::vector<double>(p.dqk * columns.count, 0.0), std::vector<double>(p.dqk, 0.0), 0};
}

MLSTMState xlstm::reference::readInitialState(const MLSTMProblem &p, MLSTMColumns columns,
                                              int64_t s, int64_t head) {
  MLSTMState state = zeroState(p, columns);
  int64_t entry = s * p.heads + head;
  if (p.c0)
    for (int64_t d = 0; d < p.dqk; ++d)
      p.c0.read((entry * p.dqk + d) * p.dv + columns.first, columns.count,
                &state.c[d * columns.count]);
  if (p.n0)
    p.n0.read(entry * p.dqk, p.dqk, state.n.data());
  if (p.m0)
    state.m = p.m0.at(entry);
  return state;
}

MLSTMSteps xlstm::reference::readSteps(const MLSTMProblem &p, MLSTMColumns columns, int64_t batch,
                                       int64_t head, int64_t begin, int64_t end) {
  MLSTMSteps x;
  x.length = end - begin;
  x.dqk = p.dqk;
  x.dv = columns.count;
  x.rounding = p.rounding;
  x.q.resize(x.length * x.dqk);
  x.k.resize(x.length * x.dqk);
  x.v.resize(x.length * x.dv);
  x.li.resize(x.length);
  x.lf.resize(x.length);
  for (int64_t t = 0; t < x.length; ++t) {
    int64_t token = (batch * p.time + begin + t) * p.heads + head; // in [B, T, H]
    p.q.read(token * p.dqk, p.dqk, &x.q[t * p.dqk]);
    p.k.read(token * p.dqk, p.dqk, &x.k[t * p.dqk]);
    p.v.read(token * p.dv + columns.first, x.dv, &x.v[t * x.dv]);
    double i = p.i.at(token);
    x.li[t] = p.options.inputGate == InputGate::Exp ? i : logSigmoid(i);
    x.lf[t] = logSigmoid(p.f.at(token));
  }
  double scale = 1 / std::sqrt(double(p.dqk));
  for (double &value : p.options.scaleOn == ScaleOn::Q ? x.q : x.k)
    value *= scale;
  x.round(x.q), x.round(x.k), x.round(x.li), x.round(x.lf);
  return x;
}

void xlstm::reference::parallelFor(int64_t count, unsigned threads,
                                   const std::function<void(int64_t)> &body) {
  if (threads == 0)
    threads = std::max(1u, std::thread::hardware_concurrency());
  std::atomic<int64_t> next{0};
  auto work = [&] {
    for (int64_t n; (n = next++) < count;)
      body(n);
  };
  std::vector<std::thread> pool;
  for (unsigned t = 1; t < threads && int64_t(t) < count; ++t)
    pool.emplace_back(work);
  work();
  for (std::thread &thread : pool)
    thread.join();
}

namespace {

/// Computes the steps [begin, end) of one head of one sequence in one form, in blocks of at most
/// `block` steps.
class HeadRunner {
public:
  HeadRunner(const MLSTMProblem &problem, MLSTMColumns columns, MLSTMForm form, int64_t block,
             MLSTMResult &result)
      : p(problem), form(form), columns(columns), block(block), result(result) {}

  void run(const MLSTMSequence &sequence, int64_t head) {
    MLSTMState state = readInitialState(p, columns, sequence.state, head);
    int64_t begin = sequence.begin;
    while (begin < sequence.end) {
      if (isReset(p, sequence.batch, begin))
        state = zeroState(p, columns);
      // A block ends where the next reset is.
      int64_t end = begin + 1;
      while (end < sequence.end && end - begin < block && !isReset(p, sequence.batch, end))
        ++end;
      MLSTMSteps steps = readSteps(p, columns, sequence.batch, head, begin, end);
      form(steps, p.options, state,
           &result.h[((sequence.batch * p.time + begin) * p.heads + head) * columns.count],
           p.heads * columns.count);
      begin = end;
    }
    storeState(state, sequence.state, head);
  }

private:
  void storeState(const MLSTMState &state, int64_t s, int64_t head) {
    int64_t entry = s * p.heads + head;
    std::copy(state.c.begin(), state.c.end(), result.cLast.begin() + entry * p.dqk * columns.count);
    if (p.options.hasNormalizer())
      std::copy(state.n.begin(), state.n.end(), result.nLast.begin() + entry * p.dqk);
    if (p.options.hasStabilizer())
      result.mLast[entry] = state.m;
  }

  const MLSTMProblem &p;
  MLSTMForm form;
  MLSTMColumns columns;
  int64_t block;
  MLSTMResult &result;
};

MLSTMResult runForm(const MLSTMProblem &p, const MLSTMPart &part, MLSTMForm form, int64_t block) {
  std::vector<MLSTMSequence> sequences = listSequences(p);
  MLSTMColumns columns{part.firstColumn, part.columns < 0 ? p.dv - part.firstColumn : part.columns};
  MLSTMResult result;
  result.h.assign(p.batch * p.time * p.heads * columns.count, 0.0);
  result.cLast.assign(p.states() * p.heads * p.dqk * columns.count, 0.0);
  if (p.options.hasNormalizer())
    result.nLast.assign(p.states() * p.heads * p.dqk, 0.0);
  if (p.options.hasStabilizer())
    result.mLast.assign(p.states() * p.heads, 0.0);
  parallelFor(int64_t(sequences.size()) * p.heads, part.threads, [&](int64_t n) {
    HeadRunner(p, columns, form, block, result).run(sequences[n / p.heads], n % p.heads);
  });
  return result;
}

} // namespace

MLSTMResult xlstm::reference::mlstmRecurrent(const MLSTMProblem &problem, const MLSTMPart &part) {
  // A block only bounds how much is read at once: the state goes from one to the next.
  return runForm(problem, part, runRecurrent, /*block=*/256);
}

MLSTMResult xlstm::reference::mlstmParallel(const MLSTMProblem &problem, const MLSTMPart &part) {
  return runForm(problem, part, runParallel, std::numeric_limits<int64_t>::max());
}

MLSTMResult xlstm::reference::mlstmChunkwise(const MLSTMProblem &problem, int64_t chunk,
                                             const MLSTMPart &part) {
  return runForm(problem, part, runChunk, chunk);
}
