// SPDX-License-Identifier: Apache-2.0
// The gradients of the mLSTM reference against central differences of the formula without
// stabilisation, and against the gradients of the parallel form.
#include "dialect/xlstm/Reference/MLSTMBackward.h"
#include "dialect/xlstm/Reference/Compare.h"
#include "test/Numerics/reference/Problem.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace xlstm::reference;

namespace {

/// A problem with random gradients of its outputs; the loss is their inner product with h, C_last
/// and n_last.
struct Loss : Problem {
  std::vector<double> dh, dcLast, dnLast;

  using Problem::Problem;

  void addGradients(bool ofLastStates) {
    dh = normal(p.batch * p.time * p.heads * p.dv);
    if (!ofLastStates)
      return;
    int64_t entries = view().states() * p.heads;
    dcLast = normal(entries * p.dqk * p.dv);
    if (p.options.hasNormalizer())
      dnLast = normal(entries * p.dqk);
  }

  MLSTMInputGradients gradients(NormalizerGrad normalizerGrad = NormalizerGrad::Exact,
                                unsigned threads = 0) {
    return mlstmBackward(view(), {dh, dcLast, dnLast}, normalizerGrad, threads);
  }
};

double sigmoidOf(double x) { return 1 / (1 + std::exp(-x)); }

/// m after each step [sequences, T', H], in the order in which the loss below walks.
std::vector<double> stabilizers(Loss &loss) {
  const MLSTMProblem &p = loss.view();
  std::vector<double> path;
  for (int64_t s = 0; s < p.states(); ++s)
    for (int64_t head = 0; head < p.heads; ++head) {
      double m = p.m0 ? p.m0.at(s * p.heads + head) : 0;
      int64_t begin = p.cuSeqlens ? p.cuSeqlens[s] : s * p.time;
      int64_t end = p.cuSeqlens ? p.cuSeqlens[s + 1] : (s + 1) * p.time;
      path.push_back(m);
      for (int64_t token = begin; token < end; ++token) {
        if (p.reset && p.reset[token])
          m = 0;
        if (p.options.hasStabilizer())
          m = std::max(logSigmoid(p.f.at(token * p.heads + head)) + m,
                       p.i.at(token * p.heads + head));
        path.push_back(m);
      }
    }
  return path;
}

/// The loss by the equations before stabilisation (xLSTM, 19 to 21): C = sigmoid(f) C + e^i k v^T.
/// The given m only says in which unit the states are, and how much eps weighs; it is a constant.
double unstabilizedLoss(Loss &loss, const std::vector<double> &path) {
  const MLSTMProblem &p = loss.view();
  const MLSTMOptions &o = p.options;
  double sum = 0, scale = 1 / std::sqrt(double(p.dqk));
  auto m = path.begin();
  for (int64_t s = 0; s < p.states(); ++s)
    for (int64_t head = 0; head < p.heads; ++head) {
      int64_t entry = s * p.heads + head;
      std::vector<double> c(p.dqk * p.dv, 0.0), n(p.dqk, 0.0);
      double unit = std::exp(*m++);
      for (int64_t d = 0; d < p.dqk * p.dv && p.c0; ++d)
        c[d] = unit * p.c0.at(entry * p.dqk * p.dv + d);
      for (int64_t d = 0; d < p.dqk && p.n0; ++d)
        n[d] = unit * p.n0.at(entry * p.dqk + d);
      int64_t begin = p.cuSeqlens ? p.cuSeqlens[s] : s * p.time;
      int64_t end = p.cuSeqlens ? p.cuSeqlens[s + 1] : (s + 1) * p.time;
      for (int64_t token = begin; token < end; ++token) {
        unit = std::exp(*m++);
        int64_t row = token * p.heads + head;
        if (p.reset && p.reset[token]) {
          c.assign(c.size(), 0.0);
          n.assign(n.size(), 0.0);
        }
        double forget = sigmoidOf(p.f.at(row)), i = p.i.at(row);
        double input = o.inputGate == InputGate::Exp ? std::exp(i) : sigmoidOf(i);
        std::vector<double> h(p.dv, 0.0);
        double z = 0;
        for (int64_t d = 0; d < p.dqk; ++d) {
          double q = p.q.at(row * p.dqk + d) * (o.scaleOn == ScaleOn::Q ? scale : 1);
          double k = p.k.at(row * p.dqk + d) * (o.scaleOn == ScaleOn::K ? scale : 1);
          n[d] = forget * n[d] + input * k;
          z += q * n[d];
          for (int64_t e = 0; e < p.dv; ++e) {
            double &element = c[d * p.dv + e];
            element = forget * element + input * k * p.v.at(row * p.dv + e);
            h[e] += q * element;
          }
        }
        double eps = o.eps * unit, den = 1;
        if (o.hasNormalizer())
          den = o.denominator == Denominator::MaxPlusEps ? std::max(std::fabs(z), 1.0) + eps
                                                         : std::max(std::fabs(z), 1 + eps);
        for (int64_t e = 0; e < p.dv; ++e)
          sum += loss.dh[row * p.dv + e] * h[e] / den;
      }
      for (size_t d = 0; d < c.size() && !loss.dcLast.empty(); ++d)
        sum += loss.dcLast[entry * c.size() + d] * c[d] / unit;
      for (size_t d = 0; d < n.size() && !loss.dnLast.empty(); ++d)
        sum += loss.dnLast[entry * n.size() + d] * n[d] / unit;
    }
  return sum;
}

/// Expects `actual` to be the gradient with respect to `input`, as well as differences resolve it:
/// 1e-7 of its norm, or the rounding of the loss over the step where the gradient is nearly zero
/// (as dq is with dqk = 1, where h does not depend on the magnitude of q).
void expectGradient(const char *name, Loss &loss, std::vector<double> &input,
                    const std::vector<double> &actual) {
  ASSERT_EQ(actual.size(), input.size()) << name;
  const double step = 1e-5;
  const std::vector<double> path = stabilizers(loss);
  double difference = 0, norm = 0, lossSize = std::fabs(unstabilizedLoss(loss, path));
  for (size_t e = 0; e < input.size(); ++e) {
    const double kept = input[e];
    input[e] = kept + step;
    double above = unstabilizedLoss(loss, path);
    input[e] = kept - step;
    double below = unstabilizedLoss(loss, path);
    input[e] = kept;
    double expected = (above - below) / (2 * step);
    difference += (actual[e] - expected) * (actual[e] - expected);
    norm += expected * expected;
  }
  double rounding = 16 * 2.2e-16 * (1 + lossSize) / step * std::sqrt(double(input.size()));
  EXPECT_LE(std::sqrt(difference), 1e-7 * std::sqrt(norm) + rounding) << name;
}

void expectClose(const char *name, const std::vector<double> &actual,
                 const std::vector<double> &expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size()) << name;
  Comparison c = compare(actual, expected, 1, int64_t(actual.size()), 0);
  EXPECT_EQ(c.nonFinite, 0) << name;
  EXPECT_LE(c.relativeL2, tolerance) << name << ": " << c.str();
}

void expectCentralDifferences(Loss &loss) {
  ASSERT_EQ(check(loss.view()), "");
  SCOPED_TRACE(testing::Message() << "gate " << int(loss.p.options.inputGate) << " normalize "
                                  << loss.p.options.normalize << " scale "
                                  << int(loss.p.options.scaleOn) << " denominator "
                                  << int(loss.p.options.denominator) << " eps "
                                  << loss.p.options.eps);
  MLSTMInputGradients g = loss.gradients();
  expectGradient("dq", loss, loss.q, g.dq);
  expectGradient("dk", loss, loss.k, g.dk);
  expectGradient("dv", loss, loss.v, g.dv);
  expectGradient("di", loss, loss.i, g.di);
  expectGradient("df", loss, loss.f, g.df);
  if (loss.c0.empty())
    return;
  expectGradient("dc0", loss, loss.c0, g.dc0);
  expectGradient("dn0", loss, loss.n0, g.dn0);
}

} // namespace

// The comparison above is with the loss that mlstmRecurrent gives.
TEST(MLSTMBackward, LossIsThatOfTheReference) {
  for (MLSTMOptions options : allOptions()) {
    options.eps = 0.1;
    Loss loss(2, 9, 2, 3, 4, options);
    loss.addStates();
    loss.addResets();
    loss.addGradients(true);
    MLSTMResult result = mlstmRecurrent(loss.view());
    double sum = 0;
    for (size_t e = 0; e < result.h.size(); ++e)
      sum += loss.dh[e] * result.h[e];
    for (size_t e = 0; e < result.cLast.size(); ++e)
      sum += loss.dcLast[e] * result.cLast[e];
    for (size_t e = 0; e < result.nLast.size(); ++e)
      sum += loss.dnLast[e] * result.nLast[e];
    EXPECT_NEAR(unstabilizedLoss(loss, stabilizers(loss)), sum, 1e-10 * std::fabs(sum));
  }
}

TEST(MLSTMBackward, CentralDifferencesOverOptions) {
  for (MLSTMOptions options : allOptions())
    for (double eps : {0.0, 1e-6, 0.1})
      for (bool states : {false, true}) {
        options.eps = eps;
        Loss loss(2, 9, 2, 3, 4, options, 3, 7);
        if (states)
          loss.addStates();
        loss.addGradients(/*ofLastStates=*/states);
        expectCentralDifferences(loss);
      }
}

TEST(MLSTMBackward, CentralDifferencesOverLengths) {
  for (int64_t time : {1, 2, 17})
    for (auto [dqk, dv] : {std::pair<int64_t, int64_t>{1, 1}, {1, 5}, {6, 2}}) {
      Loss loss(1, time, 1, dqk, dv, exponential(), 3, unsigned(time));
      loss.addStates();
      loss.addGradients(true);
      expectCentralDifferences(loss);
    }
}

TEST(MLSTMBackward, CentralDifferencesWithResetsAndPackedSequences) {
  for (MLSTMOptions options : {exponential(), sigmoid(true), sigmoid(false)})
    for (bool packed : {false, true}) {
      Loss loss(packed ? 1 : 2, 20, 2, 3, 2, options);
      if (packed)
        loss.cuSeqlens = {0, 0, 1, 9, 9, 20};
      loss.addStates();
      loss.addResets();
      loss.addGradients(true);
      expectCentralDifferences(loss);
    }
}

// The formulas of the parallel form (TFLA): with u = dh / den, dP = u V^T, P = S*D,
// dS = dP*D + delta D, dQ = s dS K, dK = s dS^T Q, dV = P^T u, and
// dlf_t = sum_{s>=t} (q_s.dq_s - k_s.dk_s) + <dC_last, C_last> + <dn_last, n_last>.
TEST(MLSTMBackward, ParallelForm) {
  for (bool dropped : {false, true}) {
    const int64_t T = 70, dqk = 5, dv = 3;
    Loss loss(1, T, 1, dqk, dv, exponential(), 5);
    loss.addStates();
    loss.addGradients(true);
    const std::vector<double> &q = loss.q, &k = loss.k, &v = loss.v;
    double s = 1 / std::sqrt(double(dqk)), eps = loss.p.options.eps;
    std::vector<double> m = stabilizers(loss), b(T + 1, 0.0); // b_t = sum_{r<=t} lf_r
    for (int64_t t = 0; t < T; ++t)
      b[t + 1] = b[t] + logSigmoid(loss.f[t]);
    std::vector<double> dq(T * dqk, 0.0), dk(T * dqk, 0.0), dvalue(T * dv, 0.0), di(T), df(T);
    for (int64_t i = 0; i < T; ++i) {
      // The weight of the initial state, and the row D_i.
      double initial = std::exp(b[i + 1] + m[0] - m[i + 1]), z = 0;
      std::vector<double> weight(i + 1), score(i + 1, 0.0), u(dv, 0.0), h(dv, 0.0);
      for (int64_t d = 0; d < dqk; ++d) {
        z += s * q[i * dqk + d] * initial * loss.n0[d];
        for (int64_t e = 0; e < dv; ++e)
          h[e] += s * q[i * dqk + d] * initial * loss.c0[d * dv + e];
      }
      for (int64_t j = 0; j <= i; ++j) {
        weight[j] = std::exp(b[i + 1] - b[j + 1] + loss.i[j] - m[i + 1]);
        for (int64_t d = 0; d < dqk; ++d)
          score[j] += s * q[i * dqk + d] * k[j * dqk + d];
        z += score[j] * weight[j];
        for (int64_t e = 0; e < dv; ++e)
          h[e] += score[j] * weight[j] * v[j * dv + e];
      }
      double floor = std::exp(-m[i + 1]), den = std::max(std::fabs(z), floor) + eps, delta = 0;
      for (int64_t e = 0; e < dv; ++e) {
        u[e] = loss.dh[i * dv + e] / den;
        if (std::fabs(z) > floor && !dropped)
          delta -= u[e] * h[e] / den * (z < 0 ? -1 : 1);
      }
      for (int64_t d = 0; d < dqk; ++d) {
        double state = delta * loss.n0[d];
        for (int64_t e = 0; e < dv; ++e)
          state += u[e] * loss.c0[d * dv + e];
        dq[i * dqk + d] += s * initial * state;
      }
      for (int64_t j = 0; j <= i; ++j) {
        double ds = delta * weight[j];
        for (int64_t e = 0; e < dv; ++e) {
          ds += u[e] * v[j * dv + e] * weight[j];
          dvalue[j * dv + e] += score[j] * weight[j] * u[e];
        }
        for (int64_t d = 0; d < dqk; ++d) {
          dq[i * dqk + d] += s * ds * k[j * dqk + d];
          dk[j * dqk + d] += s * ds * q[i * dqk + d];
        }
      }
    }
    for (int64_t j = 0; j < T; ++j) {
      double last = std::exp(b[T] - b[j + 1] + loss.i[j] - m[T]);
      for (int64_t d = 0; d < dqk; ++d) {
        dk[j * dqk + d] += last * loss.dnLast[d];
        for (int64_t e = 0; e < dv; ++e) {
          dk[j * dqk + d] += last * loss.dcLast[d * dv + e] * v[j * dv + e];
          dvalue[j * dv + e] += last * loss.dcLast[d * dv + e] * k[j * dqk + d];
        }
      }
    }
    MLSTMResult result = mlstmRecurrent(loss.view());
    double dlf = 0;
    for (int64_t d = 0; d < dqk; ++d)
      dlf += loss.dnLast[d] * result.nLast[d];
    for (int64_t d = 0; d < dqk * dv; ++d)
      dlf += loss.dcLast[d] * result.cLast[d];
    for (int64_t t = T - 1; t >= 0; --t) {
      double qdq = 0;
      di[t] = 0;
      for (int64_t d = 0; d < dqk; ++d) {
        qdq += q[t * dqk + d] * dq[t * dqk + d];
        di[t] += k[t * dqk + d] * dk[t * dqk + d];
      }
      dlf += qdq - di[t];
      df[t] = dlf * sigmoidOf(-loss.f[t]);
    }
    MLSTMInputGradients g =
        loss.gradients(dropped ? NormalizerGrad::Dropped : NormalizerGrad::Exact);
    expectClose("dq", g.dq, dq, 1e-10);
    expectClose("dk", g.dk, dk, 1e-10);
    expectClose("dv", g.dv, dvalue, 1e-10);
    expectClose("di", g.di, di, 1e-10);
    expectClose("df", g.df, df, 1e-10);
  }
}

TEST(MLSTMBackward, NoStepsHandTheGradientsOn) {
  Loss loss(2, 0, 2, 3, 4, exponential());
  loss.addGradients(true);
  MLSTMInputGradients g = loss.gradients();
  EXPECT_TRUE(g.dq.empty() && g.dk.empty() && g.dv.empty() && g.di.empty() && g.df.empty());
  EXPECT_EQ(g.dc0, loss.dcLast);
  EXPECT_EQ(g.dn0, loss.dnLast);
}

// Resetting at the first step cuts the initial state off.
TEST(MLSTMBackward, ResetStopsTheGradient) {
  Loss loss(1, 6, 1, 3, 4, exponential());
  loss.addStates();
  loss.addGradients(true);
  loss.reset.assign(6, 0);
  loss.reset[0] = 1;
  MLSTMInputGradients g = loss.gradients();
  EXPECT_EQ(g.dc0, std::vector<double>(3 * 4, 0.0));
  EXPECT_EQ(g.dn0, std::vector<double>(3, 0.0));
  EXPECT_EQ(g.df[0], 0);
}

TEST(MLSTMBackward, ExtremeGatesStayFinite) {
  for (MLSTMOptions options : {exponential(), sigmoid(true), sigmoid(false)})
    for (unsigned seed = 0; seed < 4; ++seed) {
      Loss loss(1, 100, 2, 4, 5, options, 100, seed);
      loss.addStates();
      loss.addGradients(true);
      MLSTMInputGradients g = loss.gradients();
      for (auto *values : {&g.dq, &g.dk, &g.dv, &g.di, &g.df, &g.dc0, &g.dn0})
        for (double value : *values)
          ASSERT_TRUE(std::isfinite(value));
    }
}

TEST(MLSTMBackward, ThreadsDoNotChangeValues) {
  Loss loss(2, 50, 3, 4, 5, exponential());
  loss.addGradients(true);
  MLSTMInputGradients one = loss.gradients(NormalizerGrad::Exact, 1),
                      three = loss.gradients(NormalizerGrad::Exact, 3);
  EXPECT_EQ(one.dq, three.dq);
  EXPECT_EQ(one.df, three.df);
  EXPECT_EQ(one.dc0, three.dc0);
}

TEST(MLSTMBackward, RoundedStepsAreOffByAboutTheRounding) {
  Loss loss(2, 20, 2, 5, 7, exponential());
  loss.addGradients(true);
  MLSTMInputGradients exact = loss.gradients();
  for (Rounding rounding : {Rounding{Rounding::Nearest}, Rounding{Rounding::Random, 1}}) {
    loss.p.rounding = rounding;
    MLSTMInputGradients rounded = loss.gradients();
    for (auto gradient :
         {&MLSTMInputGradients::dq, &MLSTMInputGradients::dk, &MLSTMInputGradients::dv,
          &MLSTMInputGradients::di, &MLSTMInputGradients::df, &MLSTMInputGradients::dc0}) {
      int64_t count = (exact.*gradient).size();
      double error = compare(rounded.*gradient, exact.*gradient, 1, count, 0).relativeL2;
      EXPECT_GT(error, 1e-9);
      EXPECT_LT(error, 1e-5);
    }
  }
}
