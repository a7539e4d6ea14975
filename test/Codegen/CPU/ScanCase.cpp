// SPDX-License-Identifier: Apache-2.0
#include "test/Codegen/CPU/ScanCase.h"

#include <cmath>

namespace xlstm::test {

//===----------------------------------------------------------------------===//
// Cells
//===----------------------------------------------------------------------===//

static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
static double logSigmoid(double x) {
  return std::min(x, 0.0) - std::log1p(std::exp(-std::fabs(x)));
}

// states h c n m; gates i f z o
const StepFunction slstm = {4,
                            4,
                            0,
                            4,
                            4,
                            1,
                            R"(
  %i0 = arith.addf %w0, %p0 : $t
  %i = arith.addf %i0, %b0 : $t
  %f0 = arith.addf %w1, %p1 : $t
  %f = arith.addf %f0, %b1 : $t
  %z0 = arith.addf %w2, %p2 : $t
  %z = arith.addf %z0, %b2 : $t
  %o0 = arith.addf %w3, %p3 : $t
  %o = arith.addf %o0, %b3 : $t
  %lf = xlstm.log_sigmoid %f : $t
  %lfm = arith.addf %lf, %s3 : $t
  %zero = arith.constant 0.0 : $t
  %first = arith.cmpf oeq, %s2, %zero : $t
  %larger = arith.maximumf %i, %lfm : $t
  %m0 = arith.select %first, %i, %larger : $t
  %m = xlstm.stop_gradient %m0 : $t
  %di = arith.subf %i, %m : $t
  %ei = math.exp %di : $t
  %df = arith.subf %lfm, %m : $t
  %ef = math.exp %df : $t
  %tz = math.tanh %z : $t
  %fc = arith.mulf %ef, %s1 : $t
  %iz = arith.mulf %ei, %tz : $t
  %c = arith.addf %fc, %iz : $t
  %fn = arith.mulf %ef, %s2 : $t
  %n = arith.addf %fn, %ei : $t
  %so = xlstm.sigmoid %o : $t
  %q = arith.divf %c, %n : $t
  %h = arith.mulf %so, %q : $t
  xlstm.yield outputs(%h : $t) states(%h, %c, %n, %m : $t, $t, $t, $t)
)",
                            [](const StepFunction::Scalars &x) -> StepFunction::Result {
                              double g[4];
                              for (int k = 0; k < 4; ++k)
                                g[k] = x.w[k] + x.p[k] + x.b[k];
                              double lfm = logSigmoid(g[1]) + x.s[3];
                              double m = x.s[2] == 0 ? g[0] : std::max(g[0], lfm);
                              double i = std::exp(g[0] - m), f = std::exp(lfm - m);
                              double c = f * x.s[1] + i * std::tanh(g[2]), n = f * x.s[2] + i;
                              double h = sigmoid(g[3]) * c / n;
                              return {{h}, {h, c, n, m}};
                            }};

// states h c; gates i f z o
const StepFunction lstm = {4,
                           4,
                           0,
                           4,
                           2,
                           1,
                           R"(
  %i0 = arith.addf %w0, %p0 : $t
  %i1 = arith.addf %i0, %b0 : $t
  %i = xlstm.sigmoid %i1 : $t
  %f0 = arith.addf %w1, %p1 : $t
  %f1 = arith.addf %f0, %b1 : $t
  %f = xlstm.sigmoid %f1 : $t
  %z0 = arith.addf %w2, %p2 : $t
  %z1 = arith.addf %z0, %b2 : $t
  %z = math.tanh %z1 : $t
  %o0 = arith.addf %w3, %p3 : $t
  %o1 = arith.addf %o0, %b3 : $t
  %o = xlstm.sigmoid %o1 : $t
  %fc = arith.mulf %f, %s1 : $t
  %iz = arith.mulf %i, %z : $t
  %c = arith.addf %fc, %iz : $t
  %tc = math.tanh %c : $t
  %h = arith.mulf %o, %tc : $t
  xlstm.yield outputs(%h : $t) states(%h, %c : $t, $t)
)",
                           [](const StepFunction::Scalars &x) -> StepFunction::Result {
                             double g[4];
                             for (int k = 0; k < 4; ++k)
                               g[k] = x.w[k] + x.p[k] + x.b[k];
                             double c = sigmoid(g[1]) * x.s[1] + sigmoid(g[0]) * std::tanh(g[2]);
                             double h = sigmoid(g[3]) * std::tanh(c);
                             return {{h}, {h, c}};
                           }};

// state h; gates g r z n, where g has no wx and n no matrix
const StepFunction gru = {3,
                          3,
                          0,
                          4,
                          1,
                          1,
                          R"(
  %g = arith.addf %p0, %b0 : $t
  %r0 = arith.addf %w0, %p1 : $t
  %r1 = arith.addf %r0, %b1 : $t
  %r = xlstm.sigmoid %r1 : $t
  %z0 = arith.addf %w1, %p2 : $t
  %z1 = arith.addf %z0, %b2 : $t
  %z = xlstm.sigmoid %z1 : $t
  %n0 = arith.addf %w2, %b3 : $t
  %rg = arith.mulf %r, %g : $t
  %n1 = arith.addf %n0, %rg : $t
  %n = math.tanh %n1 : $t
  %one = arith.constant 1.0 : $t
  %y = arith.subf %one, %z : $t
  %old = arith.mulf %z, %s0 : $t
  %new = arith.mulf %y, %n : $t
  %h = arith.addf %old, %new : $t
  xlstm.yield outputs(%h : $t) states(%h : $t)
)",
                          [](const StepFunction::Scalars &x) -> StepFunction::Result {
                            double g = x.p[0] + x.b[0], r = sigmoid(x.w[0] + x.p[1] + x.b[1]);
                            double z = sigmoid(x.w[1] + x.p[2] + x.b[2]);
                            double h = z * x.s[0] + (1 - z) * std::tanh(x.w[2] + x.b[3] + r * g);
                            return {{h}, {h}};
                          }};

const StepFunction elman = {1,
                            1,
                            0,
                            1,
                            1,
                            1,
                            R"(
  %0 = arith.addf %w0, %p0 : $t
  %1 = arith.addf %0, %b0 : $t
  %h = math.tanh %1 : $t
  xlstm.yield outputs(%h : $t) states(%h : $t)
)",
                            [](const StepFunction::Scalars &x) -> StepFunction::Result {
                              double h = std::tanh(x.w[0] + x.p[0] + x.b[0]);
                              return {{h}, {h}};
                            }};

// Every op that a region may hold, several outputs, one of them yielded twice, a state that another
// one is copied to, and what was read at t - 1.
const StepFunction custom = {2,
                             2,
                             2,
                             1,
                             3,
                             3,
                             R"(
  %a0 = arith.addf %w0, %p0 : $t
  %a1 = arith.mulf %v0, %b0 : $t
  %a = arith.addf %a0, %a1 : $t
  %limit = arith.constant 2.0 : $t
  %low = arith.negf %limit : $t
  %a2 = arith.minnumf %a, %limit : $t
  %a3 = arith.maxnumf %a2, %low : $t
  %abs = math.absf %p1 : $t
  %half = arith.constant 0.5 : $t
  %pos = arith.addf %abs, %half : $t
  %log = math.log %pos : $t
  %large = arith.cmpf ogt, %w1, %v1 : $t
  %pick = arith.select %large, %log, %w1 : $t
  %cut = arith.minimumf %pick, %limit : $t
  %up = arith.maximumf %cut, %low : $t
  %sum = arith.mulf %s1, %half : $t
  %next = arith.addf %sum, %up : $t
  %h0 = math.tanh %next : $t
  %h1 = arith.subf %h0, %a3 : $t
  %den = math.exp %up : $t
  %den1 = arith.addf %den, %limit : $t
  %h = arith.divf %h1, %den1 : $t
  xlstm.yield outputs(%h, %next, %h : $t, $t, $t) states(%h, %next, %s0 : $t, $t, $t)
)",
                             [](const StepFunction::Scalars &x) -> StepFunction::Result {
                               double a = std::clamp(x.w[0] + x.p[0] + x.v[0] * x.b[0], -2.0, 2.0);
                               double pick =
                                   x.w[1] > x.v[1] ? std::log(std::fabs(x.p[1]) + 0.5) : x.w[1];
                               double up = std::clamp(pick, -2.0, 2.0);
                               double next = 0.5 * x.s[1] + up;
                               double h = (std::tanh(next) - a) / (std::exp(up) + 2);
                               return {{h, next, h}, {h, next, x.s[0]}};
                             }};

// The gradient of lstm, by hand: wx holds the raw gates i f z o, c and dh; states are the gradients
// of the raw gates, then that of c; previous is c before the step.
const StepFunction lstmBackward = {6,
                                   4,
                                   1,
                                   0,
                                   5,
                                   4,
                                   R"(
  %i = xlstm.sigmoid %w0 : $t
  %f = xlstm.sigmoid %w1 : $t
  %z = math.tanh %w2 : $t
  %o = xlstm.sigmoid %w3 : $t
  %tc = math.tanh %w4 : $t
  %one = arith.constant 1.0 : $t
  %dh = arith.addf %w5, %p0 : $t
  %ni = arith.subf %one, %i : $t
  %nf = arith.subf %one, %f : $t
  %no = arith.subf %one, %o : $t
  %zz = arith.mulf %z, %z : $t
  %nz = arith.subf %one, %zz : $t
  %tt = arith.mulf %tc, %tc : $t
  %nt = arith.subf %one, %tt : $t
  %a0 = arith.mulf %dh, %o : $t
  %a1 = arith.mulf %a0, %nt : $t
  %dc = arith.addf %s4, %a1 : $t
  %i0 = arith.mulf %dc, %z : $t
  %i1 = arith.mulf %i0, %i : $t
  %di = arith.mulf %i1, %ni : $t
  %f0 = arith.mulf %dc, %v0 : $t
  %f1 = arith.mulf %f0, %f : $t
  %df = arith.mulf %f1, %nf : $t
  %z0 = arith.mulf %dc, %i : $t
  %dz = arith.mulf %z0, %nz : $t
  %o0 = arith.mulf %dh, %tc : $t
  %o1 = arith.mulf %o0, %o : $t
  %do = arith.mulf %o1, %no : $t
  %dcn = arith.mulf %dc, %f : $t
  xlstm.yield outputs(%di, %df, %dz, %do : $t, $t, $t, $t) states(%di, %df, %dz, %do, %dcn : $t, $t, $t, $t, $t)
)",
                                   [](const StepFunction::Scalars &x) -> StepFunction::Result {
                                     double i = sigmoid(x.w[0]), f = sigmoid(x.w[1]);
                                     double z = std::tanh(x.w[2]), o = sigmoid(x.w[3]);
                                     double tc = std::tanh(x.w[4]), dh = x.w[5] + x.p[0];
                                     double dc = x.s[4] + dh * o * (1 - tc * tc);
                                     double di = dc * z * i * (1 - i),
                                            df = dc * x.v[0] * f * (1 - f);
                                     double dz = dc * i * (1 - z * z), dO = dh * tc * o * (1 - o);
                                     return {{di, df, dz, dO}, {di, df, dz, dO, dc * f}};
                                   }};

//===----------------------------------------------------------------------===//
// Source
//===----------------------------------------------------------------------===//

/// The operands' roles in the order of the function's arguments.
static std::vector<std::string> roles(const ScanConfig &config) {
  std::vector<std::string> result = {"wx"};
  if (config.cell->previous)
    result.insert(result.end(), {"previous", "previous0"});
  if (config.cell->constants)
    result.push_back("b");
  if (config.cell->matrices)
    result.push_back("r");
  for (int64_t i = 0; config.initial && i < config.cell->states; ++i)
    result.push_back("s" + std::to_string(i));
  if (config.packed)
    result.push_back("cu");
  if (config.reset)
    result.push_back("reset");
  return result;
}

std::string ScanConfig::nameOf(const std::string &role) const {
  if (role == "out")
    return "result0";
  if (role.rfind("last", 0) == 0)
    return "result" + std::to_string(1 + std::stoi(role.substr(4)));
  std::vector<std::string> all = roles(*this);
  return "arg" + std::to_string(std::find(all.begin(), all.end(), role) - all.begin());
}

std::string ScanConfig::source() const {
  std::string HD = std::to_string(H) + "x" + std::to_string(D), B = packed ? "1x" : "?x";
  std::string tokens = B + (step ? "" : "?x"), element = name(type), acc = name(accumulation());
  auto channels = [](int64_t k) { return std::to_string(k) + "x"; };
  std::map<std::string, std::string> types = {
      {"wx", tokens + channels(cell->wx) + HD + "x" + element},
      {"previous", tokens + channels(cell->previous) + HD + "x" + element},
      {"previous0", "?x" + channels(cell->previous) + HD + "x" + acc},
      {"b", channels(cell->constants) + HD + "x" + acc},
      {"r", channels(cell->matrices) + HD + "x" + std::to_string(D) + "x" + element},
      {"cu", "?xi32"},
      {"reset", B + "?xi8"}};
  std::string state = "tensor<?x" + HD + "x" + acc + ">";
  auto typeOf = [&](const std::string &role) {
    return role[0] == 's' && role != "step" ? state : "tensor<" + types.at(role) + ">";
  };
  std::string arguments, states, stateTypes, results;
  for (const std::string &role : roles(*this))
    arguments += (arguments.empty() ? "%in_" : ", %in_") + role + ": " + typeOf(role);
  std::string out = "tensor<" + tokens + channels(cell->outputs) + HD + "x" + element + ">";
  results = out;
  for (int64_t i = 0; i < cell->states; ++i) {
    states += (i ? ", %in_s" : "%in_s") + std::to_string(i);
    stateTypes += (i ? ", " : "") + state;
    results += ", " + state;
  }
  std::string text = "func.func @scan(" + arguments + ") -> (" + results +
                     ") {\n  %r:" + std::to_string(1 + cell->states) + " = xlstm.scan";
  text += std::string(reverse ? " reverse" : "") + (transposed ? " transposed" : "") +
          (step ? " step" : "") + " sequences(%in_wx : " + typeOf("wx") + ")";
  if (cell->previous)
    text += " previous(%in_previous from %in_previous0 : " + typeOf("previous") + ", " +
            typeOf("previous0") + ")";
  if (cell->constants)
    text += " constants(%in_b : " + typeOf("b") + ")";
  if (cell->matrices)
    text += " recurrent(%in_r : " + typeOf("r") + ")";
  if (initial)
    text += " states(" + states + " : " + stateTypes + ")";
  if (packed)
    text += " cu_seqlens(%in_cu : " + typeOf("cu") + ")";
  if (reset)
    text += " reset(%in_reset : " + typeOf("reset") + ")";
  text += " {\n^bb0(";
  bool first = true;
  auto scalars = [&](const char *prefix, int64_t count) {
    for (int64_t i = 0; i < count; ++i, first = false)
      text += (first ? "%" : ", %") + std::string(prefix) + std::to_string(i) + ": " + acc;
  };
  scalars("p", !cell->matrices ? 0 : transposed ? 1 : cell->matrices);
  scalars("w", cell->wx);
  scalars("v", cell->previous);
  scalars("b", cell->constants);
  scalars("s", cell->states);
  text += "):" + substitute(cell->region, {{"t", acc}});
  return text + "  } -> outputs(" + out + ") states(" + stateTypes + ")\n  return %r#0" + [&] {
    std::string list;
    for (int64_t i = 1; i <= cell->states; ++i)
      list += ", %r#" + std::to_string(i);
    return list + " : " + results + "\n}\n";
  }();
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

ScanCall::ScanCall(const ScanConfig &config, int64_t B, int64_t T,
                   std::optional<std::vector<int64_t>> starts, std::mt19937_64 &random)
    : config(config), B(B), T(T), starts(std::move(starts)) {
  const StepFunction &cell = *config.cell;
  auto normal = [&](double scale) {
    return [&random, scale] { return scale * std::normal_distribution<double>()(random); };
  };
  auto tokens = [&](int64_t channels) {
    return config.step ? Array::Index{B, channels, config.H, config.D}
                       : Array::Index{B, T, channels, config.H, config.D};
  };
  auto make = [&](const std::string &role, DType type, Array::Index shape, double scale) {
    Array &array = tensors.emplace(role, Array(type, shape)).first->second;
    if (scale)
      array.fill(normal(scale));
  };
  DType acc = config.accumulation();
  Array::Index state = {sequences(), config.H, config.D};
  make("wx", config.type, tokens(cell.wx), 1);
  if (cell.previous) {
    make("previous", config.type, tokens(cell.previous), 1);
    make("previous0", acc, {sequences(), cell.previous, config.H, config.D}, 1);
  }
  if (cell.constants)
    make("b", acc, {cell.constants, config.H, config.D}, 0.5);
  if (cell.matrices)
    make("r", config.type, {cell.matrices, config.H, config.D, config.D},
         0.5 / std::sqrt(config.D));
  for (int64_t i = 0; i < cell.states; ++i) {
    if (config.initial)
      make("s" + std::to_string(i), acc, state, 1);
    make("last" + std::to_string(i), acc, state, 0);
  }
  if (config.initial && &cell == &slstm) // n is positive
    tensors.at("s2").fill([&] { return 0.5 + std::fabs(normal(1)()); });
  make("out", config.type, tokens(cell.outputs), 0);
  if (this->starts) {
    make("cu", DType::I32, {sequences() + 1}, 0);
    for (size_t i = 0; i < this->starts->size(); ++i)
      tensors.at("cu").set({int64_t(i)}, (*this->starts)[i]);
  }
  if (config.reset)
    tensors.emplace("reset", Array(DType::I8, {B, T}));
}

std::map<std::string, Array *> ScanCall::arrays() {
  std::map<std::string, Array *> result;
  for (auto &[role, array] : tensors)
    result[config.nameOf(role)] = &array;
  return result;
}

void ScanCall::run(Cells &cells) { cells.run("scan", arrays(), sequences()); }

double ScanCall::seconds(Cells &cells, int rounds) {
  return cells.seconds("scan", arrays(), sequences(), rounds);
}

bool ScanCall::isFinite() const {
  bool result = true;
  for (auto &[role, array] : tensors)
    array.forEach(
        [&, &array = array](const Array::Index &i) { result &= std::isfinite(array.get(i)); });
  return result;
}

static std::vector<double> values(const Array &array) {
  std::vector<double> result;
  array.forEach([&](const Array::Index &index) { result.push_back(array.get(index)); });
  return result;
}

double ScanCall::error() const {
  const StepFunction &cell = *config.cell;
  int64_t H = config.H, D = config.D, states = cell.states;
  std::map<std::string, std::vector<double>> in;
  for (auto &[role, array] : tensors)
    in[role] = values(array);
  auto unit = [&](int64_t row, int64_t channel, int64_t channels, int64_t h, int64_t d) {
    return ((row * channels + channel) * H + h) * D + d;
  };
  double outputError = 0, outputNorm = 0;
  std::vector<double> stateError(states), stateNorm(states);
  for (int64_t s = 0; s < sequences(); ++s)
    for (int64_t h = 0; h < H; ++h) {
      int64_t row = starts ? 0 : s, begin = starts ? (*starts)[s] : 0,
              end = config.step ? 1
                    : starts    ? (*starts)[s + 1]
                                : T;
      std::vector<std::vector<double>> state(states, std::vector<double>(D, 0.0));
      for (int64_t i = 0; config.initial && i < states; ++i)
        for (int64_t d = 0; d < D; ++d)
          state[i][d] = in["s" + std::to_string(i)][unit(s, 0, 1, h, d)];
      for (int64_t k = begin; k < end; ++k) {
        int64_t t = config.reverse ? begin + end - 1 - k : k, token = row * T + t;
        if (config.step)
          token = row;
        bool reset = config.reset && in["reset"][token];
        if (reset && !config.reverse)
          for (auto &values : state)
            values.assign(D, 0.0);
        auto next = state;
        for (int64_t d = 0; d < D; ++d) {
          StepFunction::Scalars x;
          const std::vector<double> &r = in["r"];
          double transposed = 0;
          for (int64_t p = 0; p < cell.matrices; ++p) {
            double sum = 0;
            for (int64_t i = 0; i < D; ++i)
              sum += config.transposed ? r[((p * H + h) * D + i) * D + d] * state[p][i]
                                       : r[((p * H + h) * D + d) * D + i] * state[0][i];
            transposed += sum;
            x.p.push_back(sum);
          }
          if (config.transposed)
            x.p = {transposed};
          for (int64_t c = 0; c < cell.wx; ++c)
            x.w.push_back(in["wx"][unit(token, c, cell.wx, h, d)]);
          for (int64_t c = 0; c < cell.previous; ++c)
            x.v.push_back(reset        ? 0.0
                          : t == begin ? in["previous0"][unit(s, c, cell.previous, h, d)]
                                       : in["previous"][unit(token - 1, c, cell.previous, h, d)]);
          for (int64_t c = 0; c < cell.constants; ++c)
            x.b.push_back(in["b"][unit(0, c, cell.constants, h, d)]);
          for (int64_t i = 0; i < states; ++i)
            x.s.push_back(state[i][d]);
          StepFunction::Result result = cell.step(x);
          for (int64_t c = 0; c < cell.outputs; ++c) {
            double difference = in["out"][unit(token, c, cell.outputs, h, d)] - result.outputs[c];
            outputError += difference * difference;
            outputNorm += result.outputs[c] * result.outputs[c];
          }
          for (int64_t i = 0; i < states; ++i)
            next[i][d] = reset && config.reverse ? 0.0 : result.states[i];
        }
        state = next;
      }
      for (int64_t i = 0; i < states; ++i)
        for (int64_t d = 0; d < D; ++d) {
          double difference = in["last" + std::to_string(i)][unit(s, 0, 1, h, d)] - state[i][d];
          stateError[i] += difference * difference;
          stateNorm[i] += state[i][d] * state[i][d];
        }
    }
  auto relative = [](double error, double norm) {
    return std::isfinite(error) ? std::sqrt(error / (norm ? norm : 1)) : HUGE_VAL;
  };
  double worst = relative(outputError, outputNorm);
  for (int64_t i = 0; i < states; ++i)
    worst = std::max(worst, relative(stateError[i], stateNorm[i]));
  return worst;
}

bool sameBits(const ScanCall &x, const ScanCall &y) {
  bool same = true;
  for (auto &[role, array] : x.tensors)
    if (role == "out" || role.rfind("last", 0) == 0)
      array.forEach([&, &array = array, &other = y.tensors.at(role)](const Array::Index &index) {
        same &= array.bits(index) == other.bits(index);
      });
  return same;
}

} // namespace xlstm::test
