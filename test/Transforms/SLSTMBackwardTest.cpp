// SPDX-License-Identifier: Apache-2.0
// The derived gradient of the built-in sLSTM cell against its gradient written by hand (xLSTM,
// arXiv 2405.04517, equations 8 to 14):
//
//   dy = dh + R^T dgates of the step after       dc += dy o / n'        dn -= dy h' / n'
//   di = i' (z dc + dn)          df = f' (dc c + dn n) sigmoid(-f)
//   dz = dc i' (1 - z^2)         do = (1 - o) h' dy
//   dc, dn carry on with f';     dR = sum_t dgates_t h_{t-1}^T          db = sum_t dgates_t
#include "test/Transforms/Derived.h"

#include "dialect/xlstm/IR/XLSTM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace ::xlstm::test;

namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// What the gradient through R^T becomes.
using Recurrent = std::function<double(double)>;

struct Gradients {
  std::vector<double> wx, r, b, h0, c0, n0;
};

/// Tensors as the derived function has them: wx [B, T, 4, H, D], r [4, H, D, D], b [4, H, D],
/// states [B, H, D]. No resets.
Gradients differentiateByHand(Tensors &in, int64_t B, int64_t T, int64_t H, int64_t D,
                              const Recurrent &recurrent) {
  int64_t units = H * D;
  Gradients g{std::vector<double>(B * T * 4 * units), std::vector<double>(4 * units * D),
              std::vector<double>(4 * units),         std::vector<double>(B * units),
              std::vector<double>(B * units),         std::vector<double>(B * units)};
  const std::vector<double> &wx = in["wx"].data, &r = in["r"].data, &b = in["b"].data;
  auto rAt = [&](int64_t gate, int64_t unit, int64_t input) {
    return (gate * units + unit) * D + input;
  };
  for (int64_t batch = 0; batch < B; ++batch) {
    auto initial = [&](const char *name) {
      auto begin = in[name].data.begin() + batch * units;
      return std::vector<double>(begin, begin + units);
    };
    struct Step {
      std::vector<double> h, c, n, i, f, z, o, rawF; // h, c, n: before the step
    };
    std::vector<Step> steps(T);
    std::vector<double> h = initial("h0"), c = initial("c0"), n = initial("n0"), m = initial("m0");
    for (int64_t t = 0; t < T; ++t) {
      Step &s = steps[t];
      s.h = h, s.c = c, s.n = n;
      for (int64_t u = 0; u < units; ++u) {
        double raw[4];
        for (int64_t gate = 0; gate < 4; ++gate) {
          raw[gate] = wx[((batch * T + t) * 4 + gate) * units + u] + b[gate * units + u];
          for (int64_t d = 0; d < D; ++d)
            raw[gate] += r[rAt(gate, u, d)] * s.h[u / D * D + d];
        }
        double lfm = -std::log1p(std::exp(-raw[1])) + m[u];
        double next = n[u] == 0 ? raw[0] : std::max(raw[0], lfm);
        s.i.push_back(std::exp(raw[0] - next));
        s.f.push_back(std::exp(lfm - next));
        s.z.push_back(std::tanh(raw[2]));
        s.o.push_back(sigmoid(raw[3]));
        s.rawF.push_back(raw[1]);
        m[u] = next;
        c[u] = s.f[u] * c[u] + s.i[u] * s.z[u];
        n[u] = s.f[u] * n[u] + s.i[u];
        h[u] = s.o[u] * c[u] / n[u];
      }
    }
    std::vector<double> dh = initial("dh_last"), dc = initial("dc_last"), dn = initial("dn_last");
    std::vector<double> gates(4 * units, 0.0); // of the step after
    auto addRecurrent = [&](std::vector<double> &dy) {
      for (int64_t u = 0; u < units; ++u) {
        double sum = 0;
        for (int64_t gate = 0; gate < 4; ++gate)
          for (int64_t o = u / D * D; o < u / D * D + D; ++o)
            sum += r[rAt(gate, o, u % D)] * gates[gate * units + o];
        dy[u] += recurrent(sum);
      }
    };
    for (int64_t t = T - 1; t >= 0; --t) {
      const Step &s = steps[t];
      std::vector<double> dy = dh;
      dh.assign(units, 0.0); // h enters the next step through R only
      addRecurrent(dy);
      for (int64_t u = 0; u < units; ++u) {
        dy[u] += in["dh"].data[(batch * T + t) * units + u];
        double cNew = s.f[u] * s.c[u] + s.i[u] * s.z[u], nNew = s.f[u] * s.n[u] + s.i[u];
        double hNew = s.o[u] * cNew / nNew;
        dc[u] += dy[u] * s.o[u] / nNew;
        dn[u] -= dy[u] * hNew / nNew;
        double d[4] = {s.i[u] * (s.z[u] * dc[u] + dn[u]),
                       s.f[u] * (dc[u] * s.c[u] + dn[u] * s.n[u]) * sigmoid(-s.rawF[u]),
                       dc[u] * s.i[u] * (1 - s.z[u] * s.z[u]), (1 - s.o[u]) * hNew * dy[u]};
        dc[u] *= s.f[u];
        dn[u] *= s.f[u];
        for (int64_t gate = 0; gate < 4; ++gate) {
          gates[gate * units + u] = d[gate];
          g.wx[((batch * T + t) * 4 + gate) * units + u] = d[gate];
          g.b[gate * units + u] += d[gate];
          for (int64_t j = 0; j < D; ++j)
            g.r[rAt(gate, u, j)] += d[gate] * s.h[u / D * D + j];
        }
      }
    }
    addRecurrent(dh);
    std::copy(dh.begin(), dh.end(), g.h0.begin() + batch * units);
    std::copy(dc.begin(), dc.end(), g.c0.begin() + batch * units);
    std::copy(dn.begin(), dn.end(), g.n0.begin() + batch * units);
  }
  return g;
}

void expectByHand(const std::string &options, const Recurrent &recurrent) {
  mlir::MLIRContext context;
  context.loadDialect<mlir::xlstm::XLSTMDialect, mlir::func::FuncDialect, mlir::arith::ArithDialect,
                      mlir::math::MathDialect>();
  Derived derived(context, R"json({"kind": "slstm", "heads": 2, "d": 5)json" + options + "}");
  Extents extents;
  extents.batch = 3;
  extents.time = 20;
  Tensors in = derived.makeInputs(extents), out = derived.run("forward_backward", in);
  Gradients expected = differentiateByHand(in, 3, 20, 2, 5, recurrent);
  expectNear("dwx", out["dwx"].data, expected.wx, 1e-10);
  expectNear("dr", out["dr"].data, expected.r, 1e-10);
  expectNear("db", out["db"].data, expected.b, 1e-10);
  expectNear("dh0", out["dh0"].data, expected.h0, 1e-10);
  expectNear("dc0", out["dc0"].data, expected.c0, 1e-10);
  expectNear("dn0", out["dn0"].data, expected.n0, 1e-10);
}

} // namespace

TEST(SLSTMBackward, EqualsByHand) {
  expectByHand("", [](double x) { return x; });
}

TEST(SLSTMBackward, ClippedEqualsByHand) {
  expectByHand(R"json(, "recurrent_grad_clip": 0.2)json",
               [](double x) { return std::min(std::max(x, -0.2), 0.2); });
}

TEST(SLSTMBackward, CutEqualsByHand) {
  expectByHand(R"json(, "recurrent_grad_cut": true)json", [](double) { return 0.0; });
}
