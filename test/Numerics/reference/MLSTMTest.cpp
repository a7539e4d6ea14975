// SPDX-License-Identifier: Apache-2.0
// The reference of the mLSTM cell against closed forms, against the formula without stabilisation,
// and against itself in its three forms and over split sequences.
#include "dialect/xlstm/Reference/MLSTM.h"
#include "dialect/xlstm/Reference/Compare.h"
#include "test/Numerics/reference/Problem.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace xlstm::reference;

namespace {

/// Expects two results to be close: C, n and h by rows, since a row of h is what one denominator
/// divides.
void expectClose(const MLSTMResult &a, const MLSTMResult &b, const MLSTMProblem &p,
                 double tolerance, double rowTolerance) {
  ASSERT_EQ(a.h.size(), b.h.size());
  ASSERT_EQ(a.cLast.size(), b.cLast.size());
  ASSERT_EQ(a.nLast.size(), b.nLast.size());
  ASSERT_EQ(a.mLast.size(), b.mLast.size());
  double floor = smallestNormal(ElementType::F64);
  auto expect = [&](const char *name, const std::vector<double> &x, const std::vector<double> &y,
                    int64_t columns) {
    Comparison c = compare(x, y, int64_t(x.size()) / columns, columns, floor);
    EXPECT_EQ(c.nonFinite, 0) << name;
    EXPECT_LE(c.relativeL2, tolerance) << name << ": " << c.str();
    EXPECT_LE(c.worstRow, rowTolerance) << name << ": " << c.str();
  };
  expect("h", a.h, b.h, p.dv);
  expect("c_last", a.cLast, b.cLast, p.dqk * p.dv);
  if (!a.nLast.empty())
    expect("n_last", a.nLast, b.nLast, p.dqk);
  for (size_t e = 0; e < a.mLast.size(); ++e)
    EXPECT_NEAR(a.mLast[e], b.mLast[e], 1e-9);
}

void expectFormsAgree(Problem &problem, double tolerance = 1e-11, double rowTolerance = 1e-8) {
  const MLSTMProblem &p = problem.view();
  ASSERT_EQ(check(p), "");
  SCOPED_TRACE(testing::Message() << "B " << p.batch << " T " << p.time << " H " << p.heads
                                  << " dqk " << p.dqk << " dv " << p.dv << " gate "
                                  << int(p.options.inputGate) << " normalize "
                                  << p.options.normalize << " scale " << int(p.options.scaleOn)
                                  << " denominator " << int(p.options.denominator));
  MLSTMResult recurrent = mlstmRecurrent(p);
  {
    SCOPED_TRACE("parallel");
    expectClose(mlstmParallel(p), recurrent, p, tolerance, rowTolerance);
  }
  for (int64_t chunk : {1, 3, 16, 64, 1000}) {
    SCOPED_TRACE(testing::Message() << "chunk " << chunk);
    expectClose(mlstmChunkwise(p, chunk), recurrent, p, tolerance, rowTolerance);
  }
}

} // namespace

TEST(LogSigmoid, StableEverywhere) {
  EXPECT_DOUBLE_EQ(logSigmoid(0), -std::log(2.0));
  EXPECT_DOUBLE_EQ(logSigmoid(1), std::log(1 / (1 + std::exp(-1.0))));
  EXPECT_EQ(logSigmoid(-100), -100);
  EXPECT_EQ(logSigmoid(-800), -800); // log(sigmoid(-800)) is -inf
  EXPECT_DOUBLE_EQ(logSigmoid(100), -std::exp(-100.0));
  EXPECT_EQ(logSigmoid(800), 0);
}

// One step from nothing: h = (s q.k) e^i v / (max(|s q.k| e^i, 1) + eps e^m), with m = max(lf, i).
TEST(MLSTM, OneStepClosedForm) {
  for (double i : {-30.0, -1.0, 0.5, 30.0}) {
    Problem problem(1, 1, 1, 2, 2, exponential());
    problem.q = {1, 2}, problem.k = {3, -0.5}, problem.v = {5, -7}, problem.i = {i},
    problem.f = {0.25};
    MLSTMResult result = mlstmRecurrent(problem.view());
    double s = 1 / std::sqrt(2.0), lf = -std::log1p(std::exp(-0.25)), m = std::max(lf, i);
    double z = s * 2 * std::exp(i); // q.k = 2
    double den = std::max(std::fabs(z), 1.0) + 1e-6 * std::exp(m);
    EXPECT_NEAR(result.h[0] / (z * 5 / den), 1, 1e-14);
    EXPECT_NEAR(result.h[1] / (z * -7 / den), 1, 1e-14);
    EXPECT_EQ(result.mLast[0], m);
    EXPECT_DOUBLE_EQ(result.nLast[0], 3 * std::exp(i - m));
    EXPECT_DOUBLE_EQ(result.cLast[3], -0.5 * -7 * std::exp(i - m));
  }
}

// The equations before stabilisation (xLSTM, 19 to 21): C = sigmoid(f) C + e^i k v^T, h = C^T q /
// max(|n.q|, 1). With eps = 0 the stabilised cell gives the same h; its states are those times
// e^-m.
TEST(MLSTM, UnstabilisedFormula) {
  for (bool exp : {true, false}) {
    MLSTMOptions options = exp ? exponential() : sigmoid(true);
    options.eps = 0;
    Problem problem(1, 40, 1, 3, 4, options);
    const MLSTMProblem &p = problem.view();
    MLSTMResult result = mlstmRecurrent(p);
    std::vector<double> c(12, 0.0), n(3, 0.0), h(40 * 4);
    for (int64_t t = 0; t < 40; ++t) {
      double forget = 1 / (1 + std::exp(-problem.f[t]));
      double input = exp ? std::exp(problem.i[t]) : 1 / (1 + std::exp(-problem.i[t]));
      double z = 0;
      for (int64_t a = 0; a < 3; ++a) {
        n[a] = forget * n[a] + input * problem.k[t * 3 + a];
        z += n[a] * problem.q[t * 3 + a] / std::sqrt(3.0);
        for (int64_t b = 0; b < 4; ++b)
          c[a * 4 + b] =
              forget * c[a * 4 + b] + input * problem.k[t * 3 + a] * problem.v[t * 4 + b];
      }
      for (int64_t b = 0; b < 4; ++b) {
        double sum = 0;
        for (int64_t a = 0; a < 3; ++a)
          sum += c[a * 4 + b] * problem.q[t * 3 + a] / std::sqrt(3.0);
        h[t * 4 + b] = sum / std::max(std::fabs(z), 1.0);
      }
    }
    EXPECT_LE(compare(result.h, h, 40, 4, 0).worstRow, 1e-10);
    double unscale = exp ? std::exp(result.mLast[0]) : 1;
    for (double &value : result.cLast)
      value *= unscale;
    EXPECT_LE(compare(result.cLast, c, 3, 4, 0).worstRow, 1e-12);
  }
}

TEST(MLSTM, FormsAgreeOverLengths) {
  for (MLSTMOptions options : allOptions())
    for (int64_t time : {0, 1, 2, 63, 64, 65, 200})
      for (bool states : {false, true}) {
        Problem problem(2, time, 2, 5, 7, options, 3, unsigned(time + states));
        if (states)
          problem.addStates();
        expectFormsAgree(problem);
      }
}

TEST(MLSTM, FormsAgreeOverHeadSizes) {
  for (int64_t dqk : {1, 5, 16, 48})
    for (int64_t dv : {1, 16, 33}) {
      Problem problem(1, 65, 3, dqk, dv, exponential(), 6);
      problem.addStates();
      expectFormsAgree(problem);
    }
}

TEST(MLSTM, FormsAgreeOnExtremeGates) {
  for (MLSTMOptions options : {exponential(), sigmoid(true), sigmoid(false)}) {
    for (unsigned seed = 0; seed < 4; ++seed) {
      Problem problem(1, 200, 2, 8, 8, options, 100, seed);
      problem.addStates();
      expectFormsAgree(problem);
    }
    for (double f : {-100.0, 0.0, 100.0})
      for (double i : {-100.0, -30.0, 30.0, 100.0}) {
        Problem problem(1, 65, 1, 8, 8, options);
        problem.f.assign(problem.f.size(), f);
        problem.i.assign(problem.i.size(), i);
        expectFormsAgree(problem);
      }
  }
}

TEST(MLSTM, FormsAgreeWithResetsAndPackedSequences) {
  for (MLSTMOptions options : {exponential(), sigmoid(true), sigmoid(false)})
    for (bool packed : {false, true}) {
      Problem problem(packed ? 1 : 2, 130, 2, 4, 6, options);
      if (packed)
        problem.cuSeqlens = {0, 0, 1, 64, 65, 65, 130};
      problem.addStates();
      problem.addResets();
      expectFormsAgree(problem);
    }
}

// Forgets nothing and admits nothing: the state stays. Forgets all: only the last step counts.
TEST(MLSTM, GatesAtTheirLimits) {
  MLSTMOptions options = sigmoid(false);
  Problem keep(1, 50, 1, 3, 3, options);
  keep.f.assign(50, 800), keep.i.assign(50, -800);
  keep.addStates();
  EXPECT_EQ(mlstmRecurrent(keep.view()).cLast, keep.c0);

  Problem drop(1, 50, 1, 3, 3, options);
  drop.f.assign(50, -800), drop.i.assign(50, 800);
  drop.addStates();
  MLSTMResult result = mlstmRecurrent(drop.view());
  for (int64_t a = 0; a < 3; ++a)
    for (int64_t b = 0; b < 3; ++b)
      EXPECT_DOUBLE_EQ(result.cLast[a * 3 + b], drop.k[49 * 3 + a] * drop.v[49 * 3 + b]);
}

TEST(MLSTM, NoStepsReturnTheInitialState) {
  for (bool states : {false, true}) {
    Problem problem(2, 0, 2, 3, 4, exponential());
    if (states)
      problem.addStates();
    MLSTMResult result = mlstmRecurrent(problem.view());
    EXPECT_TRUE(result.h.empty());
    EXPECT_EQ(result.cLast, states ? problem.c0 : std::vector<double>(2 * 2 * 3 * 4, 0.0));
    EXPECT_EQ(result.nLast, states ? problem.n0 : std::vector<double>(2 * 2 * 3, 0.0));
    EXPECT_EQ(result.mLast, states ? problem.m0 : std::vector<double>(2 * 2, 0.0));
  }
}

TEST(MLSTM, StateCarriesFromOneCallToTheNext) {
  for (MLSTMOptions options : allOptions()) {
    Problem whole(1, 65, 2, 4, 5, options);
    MLSTMResult expected = mlstmRecurrent(whole.view());
    int64_t split = 40;
    Problem first = whole, second = whole;
    first.p.time = split;
    second.p.time = 65 - split;
    second.q.erase(second.q.begin(), second.q.begin() + split * 2 * 4);
    second.k.erase(second.k.begin(), second.k.begin() + split * 2 * 4);
    second.v.erase(second.v.begin(), second.v.begin() + split * 2 * 5);
    second.i.erase(second.i.begin(), second.i.begin() + split * 2);
    second.f.erase(second.f.begin(), second.f.begin() + split * 2);
    MLSTMResult a = mlstmRecurrent(first.view());
    second.c0 = a.cLast, second.n0 = a.nLast, second.m0 = a.mLast;
    MLSTMResult b = mlstmRecurrent(second.view());
    a.h.insert(a.h.end(), b.h.begin(), b.h.end());
    EXPECT_EQ(a.h, expected.h);
    EXPECT_EQ(b.cLast, expected.cLast);
    EXPECT_EQ(b.nLast, expected.nLast);
    EXPECT_EQ(b.mLast, expected.mLast);
  }
}

// Packing [0, 20, 20, 50] is the same as a reset at 20 and as separate calls; only the states tell.
TEST(MLSTM, PackedSequencesAreSeparateSequences) {
  Problem packed(1, 50, 2, 4, 5, exponential());
  packed.cuSeqlens = {0, 20, 20, 50};
  Problem reset = packed;
  reset.cuSeqlens.clear();
  reset.reset.assign(50, 0);
  reset.reset[20] = 1;
  MLSTMResult a = mlstmRecurrent(packed.view()), b = mlstmRecurrent(reset.view());
  EXPECT_EQ(a.h, b.h);
  int64_t entry = 2 * 4 * 5;
  EXPECT_EQ(std::vector<double>(a.cLast.begin() + 2 * entry, a.cLast.end()), b.cLast);
  EXPECT_EQ(std::vector<double>(a.cLast.begin() + entry, a.cLast.begin() + 2 * entry),
            std::vector<double>(entry, 0.0)); // the empty one

  Problem first = packed;
  first.cuSeqlens.clear();
  first.p.time = 20;
  MLSTMResult c = mlstmRecurrent(first.view());
  EXPECT_EQ(std::vector<double>(a.h.begin(), a.h.begin() + 20 * 2 * 5), c.h);
  EXPECT_EQ(std::vector<double>(a.cLast.begin(), a.cLast.begin() + entry), c.cLast);
}

TEST(MLSTM, ScaleOnKMovesTheScaleIntoTheState) {
  Problem q(1, 30, 1, 4, 3, exponential());
  Problem k = q;
  k.p.options.scaleOn = ScaleOn::K;
  MLSTMResult a = mlstmRecurrent(q.view()), b = mlstmRecurrent(k.view());
  EXPECT_LE(compare(b.h, a.h, 30, 3, 0).worstRow, 1e-13);
  for (size_t e = 0; e < a.cLast.size(); ++e)
    EXPECT_DOUBLE_EQ(b.cLast[e], a.cLast[e] / 2); // 4^-1/2
}

// With a large eps the two denominators differ by what the formulas say: max(|z|, 1) + eps and
// max(|z|, 1 + eps).
TEST(MLSTM, DenominatorOptions) {
  for (Denominator denominator : {Denominator::MaxPlusEps, Denominator::MaxWithEps}) {
    MLSTMOptions options = sigmoid(true);
    options.eps = 0.5;
    options.denominator = denominator;
    Problem problem(1, 1, 1, 1, 1, options);
    problem.k = {1}, problem.v = {1}, problem.i = {800};
    for (double z : {0.25, 1.25, 4.0}) {
      problem.q = {z};
      double den =
          denominator == Denominator::MaxPlusEps ? std::max(z, 1.0) + 0.5 : std::max(z, 1.5);
      EXPECT_DOUBLE_EQ(mlstmRecurrent(problem.view()).h[0], z / den);
    }
  }
}

TEST(MLSTM, ColumnsAndThreadsDoNotChangeValues) {
  Problem problem(2, 300, 2, 4, 9, exponential());
  problem.addStates();
  MLSTMResult whole = mlstmRecurrent(problem.view(), {0, -1, 1});
  EXPECT_EQ(mlstmRecurrent(problem.view(), {0, -1, 3}).h, whole.h);
  MLSTMResult part = mlstmRecurrent(problem.view(), {2, 3, 0});
  ASSERT_EQ(part.h.size(), whole.h.size() / 3);
  for (size_t row = 0; row < whole.h.size() / 9; ++row)
    for (size_t c = 0; c < 3; ++c)
      EXPECT_EQ(part.h[row * 3 + c], whole.h[row * 9 + 2 + c]);
  for (size_t row = 0; row < whole.cLast.size() / 9; ++row)
    for (size_t c = 0; c < 3; ++c)
      EXPECT_EQ(part.cLast[row * 3 + c], whole.cLast[row * 9 + 2 + c]);
  EXPECT_EQ(part.nLast, whole.nLast);
}

TEST(MLSTM, ReadsFloatInputs) {
  Problem problem(1, 20, 1, 4, 4, exponential());
  std::vector<float> q(problem.q.begin(), problem.q.end());
  problem.q.assign(q.begin(), q.end()); // what float32 keeps of them
  MLSTMResult expected = mlstmRecurrent(problem.view());
  problem.p.q = q;
  EXPECT_EQ(mlstmRecurrent(problem.p).h, expected.h);
}

TEST(MLSTM, CheckNamesWhatIsWrong) {
  auto errorOf = [](auto change) {
    Problem problem(1, 4, 1, 2, 2, exponential());
    problem.view();
    change(problem.p);
    return check(problem.p);
  };
  static const int32_t start[] = {1, 4}, end[] = {0, 3}, order[] = {0, 3, 2, 4};
  static const double state[8] = {};
  EXPECT_EQ(errorOf([](MLSTMProblem &) {}), "");
  EXPECT_EQ(errorOf([](MLSTMProblem &p) { p.time = -1; }), "expected B and T to be at least 0");
  EXPECT_EQ(errorOf([](MLSTMProblem &p) { p.dv = 0; }), "expected H, dqk and dv to be at least 1");
  EXPECT_EQ(errorOf([](MLSTMProblem &p) { p.options.normalize = false; }),
            "expected input_gate = sigmoid with normalize = false, got exp");
  EXPECT_EQ(errorOf([](MLSTMProblem &p) { p.options.eps = -1; }),
            "expected eps to be finite and not negative");
  EXPECT_EQ(errorOf([](MLSTMProblem &p) { p.v = {}; }), "expected q, k, v, i and f");
  EXPECT_EQ(errorOf([](MLSTMProblem &p) { p.cuSeqlens = start, p.sequences = 1; }),
            "expected cu_seqlens[0] to be 0, got 1");
  EXPECT_EQ(errorOf([](MLSTMProblem &p) { p.cuSeqlens = end, p.sequences = 1; }),
            "expected the last cu_seqlens to be T = 4, got 3");
  EXPECT_EQ(errorOf([](MLSTMProblem &p) { p.cuSeqlens = order, p.sequences = 3; }),
            "expected cu_seqlens not to decrease, got 2 after 3");
  EXPECT_EQ(errorOf([](MLSTMProblem &p) { p.cuSeqlens = end, p.sequences = -1; }),
            "expected the number of sequences to be at least 0");
  EXPECT_EQ(errorOf([](MLSTMProblem &p) { p.batch = 2, p.cuSeqlens = end, p.sequences = 1; }),
            "expected B to be 1 with cu_seqlens, got 2");
  EXPECT_EQ(errorOf([](MLSTMProblem &p) { p.c0 = {state, ElementType::F64}; }),
            "expected all initial states of the cell, or none");
}
