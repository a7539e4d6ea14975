// SPDX-License-Identifier: Apache-2.0
// xlstm.linear against a plain loop in f64.
#include "test/Codegen/CPU/Cells.h"

#include <cmath>

using namespace xlstm::test;

namespace {

class Linear : public OnISA {};
XLSTM_ON_EVERY_ISA(Linear);

struct Case {
  int64_t K, N;
  DType type;
  bool prologue = true;
  DType accumulation() const { return type == DType::F64 ? DType::F64 : DType::F32; }
};

/// Two weights, two results, and everything that a region may read; x has two leading axes.
std::string sourceOf(const Case &c) {
  std::string
      source = R"(
func.func @linear(%x: tensor<?x?x$Kx$t>, %o: tensor<?x?x$Kx$a>, %p: tensor<?x?x$a>, %g: tensor<$Kx$t>,
    %w0: tensor<$Nx$Kx$t>, %w1: tensor<$Nx$Kx$t>, %r: tensor<?x?x$Nx$t>, %s: tensor<?x?x$a>, %b: tensor<$Nx$t>)
    -> (tensor<?x?x$Nx$t>, tensor<?x?x$Nx$a>) {
  %y, %z = xlstm.linear %x $operands weights(%w0, %w1 : tensor<$Nx$Kx$t>, tensor<$Nx$Kx$t>)
      elems(%r : tensor<?x?x$Nx$t>) rows(%s : tensor<?x?x$a>) cols(%b : tensor<$Nx$t>) $prologue epilogue {
  ^bb0(%a0: $a, %a1: $a, %e: $a, %q: $a, %c: $a):
    %0 = xlstm.sigmoid %a0 : $a
    %1 = arith.mulf %a0, %0 : $a
    %2 = arith.mulf %1, %a1 : $a
    %3 = arith.mulf %2, %q : $a
    %4 = arith.addf %3, %e : $a
    %5 = arith.subf %a1, %c : $a
    xlstm.yield outputs(%4, %5 : $a, $a)
  } : tensor<?x?x$Kx$t> -> tensor<?x?x$Nx$t>, tensor<?x?x$Nx$a>
  return %y, %z : tensor<?x?x$Nx$t>, tensor<?x?x$Nx$a>
})",
      operands =
          "x_elems(%o : tensor<?x?x$Kx$a>) x_rows(%p : tensor<?x?x$a>) x_cols(%g : tensor<$Kx$t>)",
      // Of zeros it is not finite.
      prologue = R"(prologue {
  ^bb0(%v: $a, %e: $a, %q: $a, %c: $a):
    %0 = arith.divf %q, %c : $a
    %1 = arith.addf %v, %0 : $a
    %2 = arith.mulf %1, %e : $a
    xlstm.yield outputs(%2 : $a)
  })";
  source = substitute(
      source, {{"operands", c.prologue ? operands : ""}, {"prologue", c.prologue ? prologue : ""}});
  return substitute(source, {{"K", std::to_string(c.K)},
                             {"N", std::to_string(c.N)},
                             {"t", name(c.type)},
                             {"a", name(c.accumulation())}});
}

/// Relative L2 errors of the two results.
std::pair<double, double> run(Cells &cells, const Case &c, int64_t B, int64_t T, int64_t blockRows,
                              const std::function<double()> &normal, int64_t padding = 0) {
  // Rows that begin `padding` elements apart, and batch entries further apart than their rows.
  auto tokens = [&](DType type, int64_t columns) {
    int64_t row = columns + padding;
    return Array(type, {B, T, columns}, {T * row + 3 * padding, row, 1});
  };
  Array x = tokens(c.type, c.K), o = tokens(c.accumulation(), c.K), p(c.accumulation(), {B, T}),
        g(c.type, {c.K}), w0(c.type, {c.N, c.K}), w1(c.type, {c.N, c.K}), r = tokens(c.type, c.N),
        s(c.accumulation(), {B, T}), b(c.type, {c.N}), y = tokens(c.type, c.N),
        z = tokens(c.accumulation(), c.N);
  for (Array *array : {&x, &o, &p, &r, &s, &b})
    array->fill(normal);
  double scale = 1 / std::sqrt(double(c.K));
  for (Array *array : {&w0, &w1})
    array->fill([&] { return normal() * scale; });
  g.fill([&] { return 2 + std::fabs(normal()); });
  std::map<std::string, Array *> tensors = {{"result0", &y}, {"result1", &z}};
  int64_t next = 0;
  for (Array *array : {&x, &o, &p, &g, &w0, &w1, &r, &s, &b})
    tensors["arg" + std::to_string(next++)] = array;
  cells.run("linear", tensors, B * ((T + blockRows - 1) / blockRows) * blockRows);

  double error[2] = {0, 0}, norm[2] = {0, 0};
  y.forEach([&](const Array::Index &i) {
    Array::Index row = {i[0], i[1]};
    double sums[2] = {0, 0};
    for (int64_t k = 0; k < c.K; ++k) {
      Array::Index at = {i[0], i[1], k};
      double value = x.get(at);
      if (c.prologue)
        value = roundTo((value + p.get(row) / g.get({k})) * o.get(at), c.type);
      sums[0] += value * w0.get({i[2], k});
      sums[1] += value * w1.get({i[2], k});
    }
    double expected[2] = {sums[0] / (1 + std::exp(-sums[0])) * sums[1] * s.get(row) + r.get(i),
                          sums[1] - b.get({i[2]})};
    for (int n : {0, 1}) {
      double difference = (n ? z : y).get(i) - expected[n];
      error[n] += difference * difference;
      norm[n] += expected[n] * expected[n];
    }
  });
  auto relative = [&](int n) { return std::sqrt(error[n] / (norm[n] ? norm[n] : 1)); };
  return {relative(0), relative(1)};
}

double tolerance(DType type) {
  return type == DType::F64 ? 1e-13 : type == DType::F32 ? 1e-5 : type == DType::F16 ? 1e-3 : 4e-3;
}

TEST_P(Linear, EqualsLoop) {
  for (DType type : allDTypes)
    for (auto [K, N] : {std::pair<int64_t, int64_t>{1, 1}, {70, 37}}) {
      Case c{K, N, type};
      Cells cells(sourceOf(c), isa(), {"gemm_rows=16", "gemm_columns=32", "gemm_depth=32"});
      for (int64_t B : {1, 3})
        for (int64_t T : {0, 1, 2, 8, 9, 35}) {
          auto [y, z] = run(cells, c, B, T, 16, [&] { return normal(); }, T % 2 ? 5 : 0);
          EXPECT_LE(y, tolerance(type))
              << name(type) << " " << K << " " << N << " " << B << " " << T;
          // A rounding of x' to 16 bits may fall either way.
          EXPECT_LE(z, c.accumulation() == type ? tolerance(type) : 1e-3)
              << name(type) << " " << K << " " << N << " " << B << " " << T;
        }
    }
}

TEST_P(Linear, ScheduleThatItGets) {
  for (bool prologue : {false, true}) {
    Case c{300, 200, DType::F32, prologue};
    Cells cells(sourceOf(c), isa());
    for (int64_t T : {1, 5, 130}) {
      auto [y, z] = run(cells, c, 2, T, 128, [&] { return normal(); });
      EXPECT_LE(y, 1e-5) << T;
      EXPECT_LE(z, 1e-5) << T;
    }
  }
}

TEST_P(Linear, WeightsInByOut) {
  for (DType type : allDTypes) {
    const int64_t K = 70, N = 37;
    std::string source = substitute(
        R"(
func.func @linear(%x: tensor<?x?x$Kx$t>, %w: tensor<$Kx$Nx$t>) -> tensor<?x?x$Nx$t> {
  %y = xlstm.linear transposed %x weights(%w : tensor<$Kx$Nx$t>) : tensor<?x?x$Kx$t> -> tensor<?x?x$Nx$t>
  return %y : tensor<?x?x$Nx$t>
})",
        {{"K", std::to_string(K)}, {"N", std::to_string(N)}, {"t", name(type)}});
    Cells cells(source, isa(), {"gemm_rows=16", "gemm_columns=32", "gemm_depth=32"});
    for (int64_t T : {1, 9, 35}) {
      Array x(type, {2, T, K}), w(type, {K, N}), y(type, {2, T, N});
      for (Array *array : {&x, &w})
        array->fill([&] { return normal(); });
      cells.run("linear", {{"arg0", &x}, {"arg1", &w}, {"result0", &y}}, 2 * ((T + 15) / 16) * 16);
      double error = 0, norm = 0;
      y.forEach([&](const Array::Index &i) {
        double expected = 0;
        for (int64_t k = 0; k < K; ++k)
          expected += x.get({i[0], i[1], k}) * w.get({k, i[2]});
        error += std::pow(y.get(i) - expected, 2);
        norm += expected * expected;
      });
      EXPECT_LE(std::sqrt(error / norm), tolerance(type)) << name(type) << " " << T;
    }
  }
}

/// The norm of rows of x before the products: with a weight or without, of rows that end within a
/// step along k.
TEST_P(Linear, WithNorm) {
  const int64_t K = 70, N = 37;
  const double eps = 0.25;
  const std::string weight = "x_cols(%g : tensor<$Kx$a>) ", prologue = R"( prologue {
  ^bb0(%n: $a, %f: $a):
    %0 = arith.mulf %n, %f : $a
    xlstm.yield outputs(%0 : $a)
  })";
  for (DType type : allDTypes)
    for (const char *kind : {"rms", "layer"})
      for (bool hasWeight : {false, true}) {
        DType accumulation = type == DType::F64 ? DType::F64 : DType::F32;
        std::string source = substitute(
            "func.func @linear(%x: tensor<?x?x$Kx$t>, %g: tensor<$Kx$a>, %w: tensor<$Nx$Kx$t>) -> "
            "tensor<?x?x$Nx$a> {\n  %y = xlstm.linear %x norm($kind eps 0.25) $cols"
            "weights(%w : tensor<$Nx$Kx$t>)$prologue : tensor<?x?x$Kx$t> -> tensor<?x?x$Nx$a>\n"
            "  return %y : tensor<?x?x$Nx$a>\n}",
            {{"kind", kind},
             {"cols", hasWeight ? weight : ""},
             {"prologue", hasWeight ? prologue : ""}});
        source = substitute(source, {{"K", std::to_string(K)},
                                     {"N", std::to_string(N)},
                                     {"t", name(type)},
                                     {"a", name(accumulation)}});
        Cells cells(source, isa(), {"gemm_rows=16", "gemm_columns=32", "gemm_depth=32"});
        for (int64_t T : {1, 9, 35}) {
          Array x(type, {2, T, K}), g(accumulation, {K}), w(type, {N, K}),
              y(accumulation, {2, T, N});
          for (Array *array : {&x, &g, &w})
            array->fill([&] { return 1 + normal(); }); // means that a layer norm takes away
          std::map<std::string, Array *> tensors = {{"arg0", &x}, {"arg2", &w}, {"result0", &y}};
          if (hasWeight)
            tensors["arg1"] = &g;
          cells.run("linear", tensors, 2 * ((T + 15) / 16) * 16);
          double error = 0, norm = 0;
          std::vector<double> row(K);
          y.forEach([&](const Array::Index &i) {
            double mean = 0, squares = 0, expected = 0;
            for (int64_t k = 0; k < K; ++k)
              mean += x.get({i[0], i[1], k}) / K;
            if (std::string(kind) == "rms")
              mean = 0;
            for (int64_t k = 0; k < K; ++k) {
              row[k] = x.get({i[0], i[1], k}) - mean;
              squares += row[k] * row[k] / K;
            }
            for (int64_t k = 0; k < K; ++k) {
              double value = row[k] / std::sqrt(squares + eps) * (hasWeight ? g.get({k}) : 1);
              expected += roundTo(value, type) * w.get({i[2], k});
            }
            error += std::pow(y.get(i) - expected, 2);
            norm += expected * expected;
          });
          // A rounding of x' to 16 bits may fall either way.
          EXPECT_LE(std::sqrt(error / norm), accumulation == type ? tolerance(type) : 1e-3)
              << name(type) << " " << kind << " " << hasWeight << " " << T;
        }
      }
}

TEST_P(Linear, WeightGrad) {
  for (DType type : allDTypes)
    for (auto [N, K] : {std::pair<int64_t, int64_t>{1, 1}, {37, 70}}) {
      std::string source = substitute(
          R"(
func.func @gradient(%y: tensor<?x?x$Nx$t>, %x: tensor<?x?x$Kx$t>) -> tensor<$Nx$Kx$t> {
  %w = xlstm.weight_grad %y, %x : tensor<?x?x$Nx$t>, tensor<?x?x$Kx$t> -> tensor<$Nx$Kx$t>
  return %w : tensor<$Nx$Kx$t>
})",
          {{"K", std::to_string(K)}, {"N", std::to_string(N)}, {"t", name(type)}});
      Cells cells(source, isa(), {"gemm_rows=16", "gemm_columns=32", "gemm_depth=32"});
      for (int64_t T : {0, 1, 40}) {
        Array x(type, {2, T, K}), y(type, {2, T, N}), w(type, {N, K});
        for (Array *array : {&x, &y})
          array->fill([&] { return normal(); });
        cells.run("gradient", {{"arg0", &y}, {"arg1", &x}, {"result0", &w}}, 1);
        double error = 0, norm = 0;
        w.forEach([&](const Array::Index &i) {
          double expected = 0;
          for (int64_t b = 0; b < 2; ++b)
            for (int64_t t = 0; t < T; ++t)
              expected += y.get({b, t, i[0]}) * x.get({b, t, i[1]});
          error += std::pow(w.get(i) - expected, 2);
          norm += expected * expected;
        });
        EXPECT_LE(std::sqrt(error / (norm ? norm : 1)), tolerance(type))
            << name(type) << " " << N << " " << T;
      }
    }
}

TEST_P(Linear, FewRowsInABlock) {
  for (const char *rows : {"gemm_rows=1", "gemm_rows=3"}) {
    Case c{33, 20, DType::F64};
    Cells cells(sourceOf(c), isa(), {rows});
    int64_t blockRows = rows[10] - '0';
    for (int64_t T : {1, 2, 7}) {
      auto [y, z] = run(cells, c, 2, T, blockRows, [&] { return normal(); });
      EXPECT_LE(y, 1e-13) << T;
      EXPECT_LE(z, 1e-13) << T;
    }
  }
}

} // namespace
