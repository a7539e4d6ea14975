// SPDX-License-Identifier: Apache-2.0
// xlstm.scan against loops that are written out here.
#include "test/Interpret/InterpretFixture.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::xlstm;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// The sLSTM cell of semantics: gates i, f, z, o; states h, c, n, m.
constexpr const char *kSLSTM = R"mlir(
func.func @slstm(%wx: tensor<?x?x4x2x3xf32>, %r: tensor<4x2x3x3xf32>, %b: tensor<4x2x3xf32>,
                 %h0: tensor<?x2x3xf32> {xlstm.optional}, %c0: tensor<?x2x3xf32> {xlstm.optional},
                 %n0: tensor<?x2x3xf32> {xlstm.optional}, %m0: tensor<?x2x3xf32> {xlstm.optional},
                 %s: tensor<?xi32> {xlstm.optional}, %reset: tensor<?x?xui8> {xlstm.optional})
    -> (tensor<?x?x2x3xf32>, tensor<?x?x4x2x3xf32>, tensor<?x2x3xf32>, tensor<?x2x3xf32>, tensor<?x2x3xf32>,
        tensor<?x2x3xf32>) {
  %h, %raw, %hl, %cl, %nl, %ml = xlstm.scan state_names ["h", "c", "n", "m"]
      sequences(%wx : tensor<?x?x4x2x3xf32>)
      constants(%b : tensor<4x2x3xf32>) recurrent(%r : tensor<4x2x3x3xf32>)
      states(%h0, %c0, %n0, %m0 : tensor<?x2x3xf32>, tensor<?x2x3xf32>, tensor<?x2x3xf32>, tensor<?x2x3xf32>)
      cu_seqlens(%s : tensor<?xi32>) reset(%reset : tensor<?x?xui8>) {
  ^bb0(%pi: f32, %pf: f32, %pz: f32, %po: f32, %wi: f32, %wf: f32, %wz: f32, %wo: f32,
       %bi: f32, %bf: f32, %bz: f32, %bo: f32, %h: f32, %c: f32, %n: f32, %m: f32):
    %i0 = arith.addf %wi, %pi : f32
    %i = arith.addf %i0, %bi : f32
    %f0 = arith.addf %wf, %pf : f32
    %f = arith.addf %f0, %bf : f32
    %z0 = arith.addf %wz, %pz : f32
    %z = arith.addf %z0, %bz : f32
    %o0 = arith.addf %wo, %po : f32
    %o = arith.addf %o0, %bo : f32
    %zero = arith.constant 0.0 : f32
    %lf = xlstm.log_sigmoid %f : f32
    %lfm = arith.addf %lf, %m : f32
    %empty = arith.cmpf oeq, %n, %zero : f32
    %larger = arith.maximumf %i, %lfm : f32
    %m1 = arith.select %empty, %i, %larger : f32
    %mn = xlstm.stop_gradient %m1 : f32
    %ie = arith.subf %i, %mn : f32
    %ip = math.exp %ie : f32
    %fe = arith.subf %lfm, %mn : f32
    %fp = math.exp %fe : f32
    %tz = math.tanh %z : f32
    %c1 = arith.mulf %fp, %c : f32
    %c2 = arith.mulf %ip, %tz : f32
    %cn = arith.addf %c1, %c2 : f32
    %n1 = arith.mulf %fp, %n : f32
    %nn = arith.addf %n1, %ip : f32
    %so = xlstm.sigmoid %o : f32
    %y = arith.divf %cn, %nn : f32
    %hn = arith.mulf %so, %y : f32
    xlstm.yield outputs(%hn, %i, %f, %z, %o : f32, f32, f32, f32, f32) states(%hn, %cn, %nn, %mn : f32, f32, f32, f32)
  } -> outputs(tensor<?x?x2x3xf32>, tensor<?x?x4x2x3xf32>)
       states(tensor<?x2x3xf32>, tensor<?x2x3xf32>, tensor<?x2x3xf32>, tensor<?x2x3xf32>)
  return %h, %raw, %hl, %cl, %nl, %ml
      : tensor<?x?x2x3xf32>, tensor<?x?x4x2x3xf32>, tensor<?x2x3xf32>, tensor<?x2x3xf32>, tensor<?x2x3xf32>,
        tensor<?x2x3xf32>
})mlir";

constexpr int64_t H = 2, D = 3;

/// One sequence of the sLSTM cell, a token after the other. `states` [4, H, D] holds h, c, n, m;
/// `token` is the first in wx [.., 4, H, D] and hs [.., H, D].
void runSLSTM(const TensorValue &wx, const TensorValue &r, const TensorValue &b, int64_t token,
              int64_t length, const double *reset, std::vector<double> &states,
              std::vector<double> &hs) {
  for (int64_t t = token; t < token + length; ++t) {
    if (reset && reset[t] != 0)
      std::fill(states.begin(), states.end(), 0.0);
    std::vector<double> old = states;
    for (int64_t head = 0; head < H; ++head)
      for (int64_t d = 0; d < D; ++d) {
        double raw[4];
        for (int64_t g = 0; g < 4; ++g) {
          int64_t unit = (g * H + head) * D + d;
          raw[g] = wx.data[t * 4 * H * D + unit] + b.data[unit];
          for (int64_t e = 0; e < D; ++e)
            raw[g] += r.data[unit * D + e] * old[head * D + e];
        }
        auto state = [&](int64_t s) -> double & { return states[(s * H + head) * D + d]; };
        double i = raw[0], f = -std::log(1 + std::exp(-raw[1])) + state(3);
        double m = state(2) == 0 ? i : std::max(i, f);
        state(1) = std::exp(f - m) * state(1) + std::exp(i - m) * std::tanh(raw[2]);
        state(2) = std::exp(f - m) * state(2) + std::exp(i - m);
        state(3) = m;
        state(0) = state(1) / state(2) / (1 + std::exp(-raw[3]));
        hs[(t * H + head) * D + d] = state(0);
      }
  }
}

/// Entry s of four states [S, H, D].
std::vector<double> gather(const std::vector<TensorValue> &states, int64_t s) {
  std::vector<double> result;
  for (const TensorValue &state : states)
    result.insert(result.end(), state.data.begin() + s * H * D,
                  state.data.begin() + (s + 1) * H * D);
  return result;
}

} // namespace

TEST_F(Interpret, SLSTMEqualsLoop) {
  int64_t batch = 2, time = 7;
  TensorValue wx = normal({batch, time, 4, H, D}), r = normal({4, H, D, D}), b = normal({4, H, D});
  std::vector<TensorValue> states;
  for (int s = 0; s < 4; ++s)
    states.push_back(normal({batch, H, D}));
  TensorValue reset{{batch, time}, std::vector<double>(batch * time)};
  reset.data[3] = 1, reset.data[time] = 1; // inside of the first entry, at the start of the second
  std::vector<ProbedState> probed;
  auto out =
      outputs(kSLSTM, {wx, r, b, states[0], states[1], states[2], states[3], std::nullopt, reset},
              {{2}, [&](const ProbedState &state) { probed.push_back(state); }});
  TensorValue hs{{batch, time, H, D}, std::vector<double>(batch * time * H * D)};
  for (int64_t s = 0; s < batch; ++s) {
    std::vector<double> state = gather(states, s);
    runSLSTM(wx, r, b, s * time, 3, reset.data.data(), state, hs.data);
    ASSERT_EQ(probed.size(), 4u);
    for (int64_t n = 0; n < 4; ++n) {
      EXPECT_EQ(probed[n].name, std::string(1, "hcnm"[n]));
      EXPECT_EQ(probed[n].value.shape, (std::vector<int64_t>{batch, H, D}));
      for (int64_t e = 0; e < H * D; ++e)
        EXPECT_NEAR(probed[n].value.data[s * H * D + e], state[n * H * D + e], 1e-13);
    }
    runSLSTM(wx, r, b, s * time + 3, time - 3, reset.data.data(), state, hs.data);
    for (int64_t n = 0; n < 4; ++n)
      for (int64_t e = 0; e < H * D; ++e)
        EXPECT_NEAR(out[2 + n].data[s * H * D + e], state[n * H * D + e], 1e-13);
  }
  expectNear(out[0], hs, 1e-13);
}

// Sequences of 3, 0 and 4 tokens in one row; initial states are given in part.
TEST_F(Interpret, PackedSLSTM) {
  TensorValue wx = normal({1, 7, 4, H, D}), r = normal({4, H, D, D}), b = normal({4, H, D});
  std::vector<TensorValue> states{normal({3, H, D}),
                                  normal({3, H, D}),
                                  normal({3, H, D}),
                                  {{3, H, D}, std::vector<double>(3 * H * D)}};
  std::vector<ProbedState> probed;
  auto out = outputs(kSLSTM,
                     {wx, r, b, states[0], states[1], states[2], std::nullopt,
                      TensorValue{{4}, {0, 3, 3, 7}}, std::nullopt},
                     {{6, 7}, [&](const ProbedState &state) { probed.push_back(state); }});
  TensorValue hs{{1, 7, H, D}, std::vector<double>(7 * H * D)};
  int64_t starts[] = {0, 3, 3, 7};
  for (int64_t s = 0; s < 3; ++s) {
    std::vector<double> state = gather(states, s);
    runSLSTM(wx, r, b, starts[s], starts[s + 1] - starts[s], nullptr, state, hs.data);
    for (int64_t n = 0; n < 4; ++n)
      for (int64_t e = 0; e < H * D; ++e)
        EXPECT_NEAR(out[2 + n].data[s * H * D + e], state[n * H * D + e], 1e-13);
  }
  expectNear(out[0], hs, 1e-13);
  ASSERT_EQ(probed.size(), 4u);
  EXPECT_EQ(probed[1].value.shape, (std::vector<int64_t>{1, H, D}));
  EXPECT_EQ(probed[1].value.data,
            std::vector<double>(out[3].data.end() - H * D, out[3].data.end()));
}

TEST_F(Interpret, NoTokens) {
  TensorValue h0 = normal({2, H, D}), zero{{2, H, D}, std::vector<double>(2 * H * D)};
  auto out =
      outputs(kSLSTM, {normal({2, 0, 4, H, D}), normal({4, H, D, D}), normal({4, H, D}), h0,
                       std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt});
  EXPECT_EQ(out[0].shape, (std::vector<int64_t>{2, 0, H, D}));
  EXPECT_EQ(out[2].data, h0.data);
  EXPECT_EQ(out[3].data, zero.data);
}

// Elements of the token before, in both directions, and states that a reset clears after a step.
TEST_F(Interpret, PreviousResetAndReverse) {
  auto source = [](std::string reverse) {
    return R"mlir(
func.func @f(%x: tensor<?x?x1x1xf64>, %k: tensor<?x?x2x1x1xf64>, %k0: tensor<?x2x1x1xf64>, %reset: tensor<?x?xi1>)
    -> (tensor<?x?x1x1xf64>, tensor<?x?x3x1x1xf64>, tensor<?x1x1xf64>) {
  %a, %b, %last = xlstm.scan )mlir" +
           reverse + R"mlir( sequences(%x : tensor<?x?x1x1xf64>)
      previous(%x, %k from %k0 : tensor<?x?x1x1xf64>, tensor<?x?x2x1x1xf64>, tensor<?x2x1x1xf64>)
      reset(%reset : tensor<?x?xi1>) {
  ^bb0(%xt: f64, %xp: f64, %ka: f64, %kb: f64, %sum: f64):
    %next = arith.addf %sum, %xt : f64
    xlstm.yield outputs(%next, %xp, %ka, %kb : f64, f64, f64, f64) states(%next : f64)
  } -> outputs(tensor<?x?x1x1xf64>, tensor<?x?x3x1x1xf64>) states(tensor<?x1x1xf64>)
  return %a, %b, %last : tensor<?x?x1x1xf64>, tensor<?x?x3x1x1xf64>, tensor<?x1x1xf64>
})mlir";
  };
  Inputs in{TensorValue{{1, 4, 1, 1}, {1, 2, 4, 8}},
            TensorValue{{1, 4, 2, 1, 1}, {10, 11, 20, 21, 40, 41, 80, 81}},
            TensorValue{{1, 2, 1, 1}, {5, 6}}, TensorValue{{1, 4}, {0, 0, 1, 0}}};
  std::vector<double> previous{0, 5, 6, 1, 10, 11, 0, 0, 0, 4, 40, 41};
  auto forward = outputs(source(""), in);
  EXPECT_EQ(forward[0].data, (std::vector<double>{1, 3, 4, 12}));
  EXPECT_EQ(forward[1].data, previous);
  EXPECT_EQ(forward[2].data, (std::vector<double>{12}));
  auto backward = outputs(source("reverse"), in);
  EXPECT_EQ(backward[0].data, (std::vector<double>{3, 2, 12, 8}));
  EXPECT_EQ(backward[1].data, previous);
  EXPECT_EQ(backward[2].data, (std::vector<double>{3}));
  // A reset of the first token clears what reaches the initial states.
  in[3] = TensorValue{{1, 4}, {1, 0, 0, 0}};
  backward = outputs(source("reverse"), in);
  EXPECT_EQ(backward[0].data, (std::vector<double>{15, 14, 12, 8}));
  EXPECT_EQ(backward[2].data, (std::vector<double>{0}));
}

// product[i] = sum_p sum_o r[p, h, o, i] s_p[h, o]; states change places from step to step.
TEST_F(Interpret, TransposedProduct) {
  TensorValue x = normal({2, 2, 1, 2}), r = normal({2, 1, 2, 2}), s0 = normal({2, 1, 2}),
              s1 = normal({2, 1, 2}), s2 = normal({2, 1, 2});
  auto out = outputs(R"mlir(
func.func @f(%x: tensor<?x?x1x2xf32>, %r: tensor<2x1x2x2xf32>, %a: tensor<?x1x2xf32>, %b: tensor<?x1x2xf32>,
             %c: tensor<?x1x2xf32>) -> (tensor<?x?x1x2xf32>, tensor<?x1x2xf32>, tensor<?x1x2xf32>, tensor<?x1x2xf32>) {
  %y, %0, %1, %2 = xlstm.scan transposed sequences(%x : tensor<?x?x1x2xf32>) recurrent(%r : tensor<2x1x2x2xf32>)
      states(%a, %b, %c : tensor<?x1x2xf32>, tensor<?x1x2xf32>, tensor<?x1x2xf32>) {
  ^bb0(%p: f32, %xt: f32, %s0: f32, %s1: f32, %s2: f32):
    %y = arith.addf %p, %xt : f32
    xlstm.yield outputs(%y : f32) states(%s1, %s2, %s0 : f32, f32, f32)
  } -> outputs(tensor<?x?x1x2xf32>) states(tensor<?x1x2xf32>, tensor<?x1x2xf32>, tensor<?x1x2xf32>)
  return %y, %0, %1, %2 : tensor<?x?x1x2xf32>, tensor<?x1x2xf32>, tensor<?x1x2xf32>, tensor<?x1x2xf32>
})mlir",
                     {x, r, s0, s1, s2});
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t i = 0; i < 2; ++i) {
      auto product = [&](const TensorValue &p0, const TensorValue &p1) {
        double sum = 0;
        for (int64_t o = 0; o < 2; ++o)
          sum +=
              r.data[o * 2 + i] * p0.data[n * 2 + o] + r.data[4 + o * 2 + i] * p1.data[n * 2 + o];
        return sum;
      };
      EXPECT_NEAR(out[0].data[n * 4 + i], x.data[n * 4 + i] + product(s0, s1), 1e-14);
      EXPECT_NEAR(out[0].data[n * 4 + 2 + i], x.data[n * 4 + 2 + i] + product(s1, s2), 1e-14);
    }
  EXPECT_EQ(out[1].data, s2.data);
  EXPECT_EQ(out[2].data, s0.data);
  EXPECT_EQ(out[3].data, s1.data);
}

// A step has no T axis; without sequences, initial states say how many entries there are.
TEST_F(Interpret, Step) {
  auto out = outputs(R"mlir(
func.func @f(%x: tensor<?x2x1x1xf32>, %r: tensor<1x1x1x1xf32>, %h0: tensor<?x1x1xf32>)
    -> (tensor<?x1x1xf32>, tensor<?x1x1xf32>, tensor<?x1x1xf32>) {
  %y, %h = xlstm.scan step sequences(%x : tensor<?x2x1x1xf32>) recurrent(%r : tensor<1x1x1x1xf32>)
      states(%h0 : tensor<?x1x1xf32>) {
  ^bb0(%p: f32, %a: f32, %b: f32, %h: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %0, %p : f32
    xlstm.yield outputs(%0 : f32) states(%1 : f32)
  } -> outputs(tensor<?x1x1xf32>) states(tensor<?x1x1xf32>)
  %d = xlstm.scan step transposed recurrent(%r : tensor<1x1x1x1xf32>) states(%h : tensor<?x1x1xf32>) {
  ^bb0(%p: f32, %h1: f32):
    xlstm.yield states(%p : f32)
  } -> states(tensor<?x1x1xf32>)
  return %y, %h, %d : tensor<?x1x1xf32>, tensor<?x1x1xf32>, tensor<?x1x1xf32>
})mlir",
                     {TensorValue{{2, 2, 1, 1}, {2, 3, 5, 7}}, TensorValue{{1, 1, 1, 1}, {10}},
                      TensorValue{{2, 1, 1}, {100, 200}}});
  EXPECT_EQ(out[0].data, (std::vector<double>{6, 35}));
  EXPECT_EQ(out[1].data, (std::vector<double>{1006, 2035}));
  EXPECT_EQ(out[2].data, (std::vector<double>{10060, 20350}));
}

// Every op that a region may hold, on two numbers.
TEST_F(Interpret, ScalarFunctions) {
  auto evaluate = [&](const std::string &body, double x, double y) {
    std::string source = R"mlir(
func.func @f(%s: tensor<?x?x2x1x1xf64>) -> tensor<?x?x1x1xf64> {
  %y = xlstm.scan sequences(%s : tensor<?x?x2x1x1xf64>) {
  ^bb0(%x: f64, %y: f64):
    )mlir" + body + R"mlir(
    xlstm.yield outputs(%r : f64)
  } -> outputs(tensor<?x?x1x1xf64>)
  return %y : tensor<?x?x1x1xf64>
})mlir";
    return outputs(source, {TensorValue{{1, 1, 2, 1, 1}, {x, y}}})[0].data.at(0);
  };
  EXPECT_EQ(evaluate("%r = arith.addf %x, %y : f64", 3, 4), 7);
  EXPECT_EQ(evaluate("%r = arith.subf %x, %y : f64", 3, 4), -1);
  EXPECT_EQ(evaluate("%r = arith.mulf %x, %y : f64", 3, 4), 12);
  EXPECT_EQ(evaluate("%r = arith.divf %x, %y : f64", 3, 4), 0.75);
  EXPECT_EQ(evaluate("%r = arith.negf %x : f64", 3, 4), -3);
  EXPECT_EQ(evaluate("%r = arith.maximumf %x, %y : f64", 3, 4), 4);
  EXPECT_EQ(evaluate("%r = arith.minimumf %x, %y : f64", 3, 4), 3);
  EXPECT_TRUE(std::isnan(evaluate("%r = arith.maximumf %x, %y : f64", 3, kNaN)));
  EXPECT_TRUE(std::isnan(evaluate("%r = arith.minimumf %x, %y : f64", kNaN, 3)));
  EXPECT_EQ(evaluate("%r = arith.maxnumf %x, %y : f64", 3, kNaN), 3);
  EXPECT_EQ(evaluate("%r = arith.minnumf %x, %y : f64", kNaN, 3), 3);
  EXPECT_EQ(evaluate("%r = arith.minnumf %x, %y : f64", 4, 3), 3);
  EXPECT_EQ(evaluate("%r = math.exp %x : f64", 1.5, 0), std::exp(1.5));
  EXPECT_EQ(evaluate("%r = math.log %x : f64", 1.5, 0), std::log(1.5));
  EXPECT_EQ(evaluate("%r = math.tanh %x : f64", 1.5, 0), std::tanh(1.5));
  EXPECT_EQ(evaluate("%r = math.absf %x : f64", -1.5, 0), 1.5);
  EXPECT_EQ(evaluate("%r = xlstm.stop_gradient %x : f64", -1.5, 0), -1.5);
  EXPECT_EQ(evaluate("%r = arith.constant 2.5 : f64", 0, 0), 2.5);
  EXPECT_EQ(evaluate("%t = arith.constant true\n%r = arith.select %t, %x, %y : f64", 3, 4), 3);
  for (double x : {-1000.0, -40.0, -1.0, 0.0, 2.0, 1000.0}) {
    double sigmoid = evaluate("%r = xlstm.sigmoid %x : f64", x, 0);
    EXPECT_NEAR(sigmoid, 1 / (1 + std::exp(-x)), 1e-15);
    // log(sigmoid(x)) + log(1 + e^-x) = 0, where e^-x is a number.
    double logSigmoid = evaluate("%r = xlstm.log_sigmoid %x : f64", x, 0);
    EXPECT_NEAR(logSigmoid, x < -700 ? x : -std::log1p(std::exp(-x)), 1e-12);
  }
  struct {
    const char *predicate;
    bool less, equal, greater, unordered;
  } cases[] = {
      {"false", 0, 0, 0, 0}, {"oeq", 0, 1, 0, 0}, {"ogt", 0, 0, 1, 0}, {"oge", 0, 1, 1, 0},
      {"olt", 1, 0, 0, 0},   {"ole", 1, 1, 0, 0}, {"one", 1, 0, 1, 0}, {"ord", 1, 1, 1, 0},
      {"ueq", 0, 1, 0, 1},   {"ugt", 0, 0, 1, 1}, {"uge", 0, 1, 1, 1}, {"ult", 1, 0, 0, 1},
      {"ule", 1, 1, 0, 1},   {"une", 1, 0, 1, 1}, {"uno", 0, 0, 0, 1}, {"true", 1, 1, 1, 1}};
  for (auto &c : cases) {
    std::string body =
        std::string("%one = arith.constant 1.0 : f64\n%zero = arith.constant 0.0 : f64\n") +
        "%t = arith.cmpf " + c.predicate + ", %x, %y : f64\n" +
        "%r = arith.select %t, %one, %zero : f64";
    EXPECT_EQ(evaluate(body, 1, 2), c.less) << c.predicate;
    EXPECT_EQ(evaluate(body, 2, 2), c.equal) << c.predicate;
    EXPECT_EQ(evaluate(body, kInfinity, 2), c.greater) << c.predicate;
    EXPECT_EQ(evaluate(body, kNaN, 2), c.unordered) << c.predicate;
  }
}

TEST_F(Interpret, ScanSaysWhatIsWrong) {
  TensorValue wx = normal({2, 7, 4, H, D}), r = normal({4, H, D, D}), b = normal({4, H, D});
  std::optional<TensorValue> none;
  EXPECT_TRUE(failed(run(kSLSTM, {wx, r, b, normal({3, H, D}), none, none, none, none, none})));
  EXPECT_EQ(message, "'xlstm.scan' op expected initial state 0 of shape [2, 2, 3], got [3, 2, 3]");
  EXPECT_TRUE(failed(run(kSLSTM, {wx, r, b, none, none, none, none, none, normal({2, 6})})));
  EXPECT_EQ(message, "'xlstm.scan' op expected reset of shape [2, 7], got [2, 6]");
  TensorValue starts{{2}, {0, 7}};
  EXPECT_TRUE(failed(run(kSLSTM, {wx, r, b, none, none, none, none, starts, none})));
  EXPECT_EQ(message, "'xlstm.scan' op expected B to be 1 with cu_seqlens, got 2");
  TensorValue row = normal({1, 7, 4, H, D});
  EXPECT_TRUE(
      failed(run(kSLSTM, {row, r, b, none, none, none, none, TensorValue{{3}, {0, 5, 4}}, none})));
  EXPECT_EQ(message, "'xlstm.scan' op expected cu_seqlens not to decrease, got 4 after 5");
  EXPECT_TRUE(
      failed(run(kSLSTM, {row, r, b, none, none, none, none, TensorValue{{2}, {1, 7}}, none})));
  EXPECT_EQ(message, "'xlstm.scan' op expected cu_seqlens[0] to be 0, got 1");
}
