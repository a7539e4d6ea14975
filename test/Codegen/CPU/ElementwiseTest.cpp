// SPDX-License-Identifier: Apache-2.0
// tile.map with its functions, tile.reduce and tile.scan.
#include "test/Codegen/CPU/Program.h"

#include <cmath>
#include <limits>

using namespace xlstm::test;

namespace {

class Elementwise : public OnISA {};
XLSTM_ON_EVERY_ISA(Elementwise);

using Index = Array::Index;

// A causal mask of scores with f64 gates along rows and columns: everything that a map can take, in
// both orders.
TEST_P(Elementwise, MapMixesTypesIndicesRowsAndColumns) {
  std::string source;
  for (bool byColumns : {false, true})
    source += substitute(R"(
tile.kernel @k$order(%s: memref<19x37xf32>, %t: memref<37x19xf32>, %r: memref<19xf64>, %c: memref<37xf32>, %y: memref<19x37xf64>)
    names ["s", "t", "r", "c", "y"] grid(%g: 3) {
  %c0 = arith.constant 0 : index
  %one = arith.constant 1.0 : f32
  %scale = arith.constant 0.5 : f64
  %u = tile.load $load -> !tile.tile<19x37xf32>
  %mu = tile.load %r[%c0] axes [0] : memref<19xf64> -> !tile.tile<19xf64>
  %e = tile.load %c[%c0] axes [0] : memref<37xf32> -> !tile.tile<37xf32>
  %ones = tile.splat %one : f32 -> !tile.tile<19x37xf32>
  %v = tile.map elems(%u, %ones : !tile.tile<19x37xf32>, !tile.tile<19x37xf32>) rows(%mu : !tile.tile<19xf64>) cols(%e : !tile.tile<37xf32>) -> !tile.tile<19x37xf64> {
  ^bb0(%i: index, %j: index, %x: f32, %w: f32, %m: f64, %n: f32):
    %shifted = arith.addi %i, %g : index
    %zero = arith.constant 0.0 : f64
    %causal = arith.cmpi sle, %j, %shifted : index
    %wide = arith.extf %n : f32 to f64
    %difference = arith.subf %wide, %m : f64
    %sum = arith.addf %x, %w : f32
    %sum64 = arith.extf %sum : f32 to f64
    %product = arith.mulf %sum64, %difference : f64
    %scaled = arith.mulf %product, %scale : f64
    %i32 = arith.index_cast %i : index to i32
    %row = arith.sitofp %i32 : i32 to f64
    %j64 = arith.index_cast %j : index to i64
    %column = arith.sitofp %j64 : i64 to f64
    %moved = arith.addf %scaled, %row : f64
    %moved2 = arith.subf %moved, %column : f64
    %chosen = arith.select %causal, %moved2, %zero : f64
    tile.yield %chosen : f64
  }
  tile.store %v, %y[%c0, %c0] axes [0, 1] : !tile.tile<19x37xf64>, memref<19x37xf64>
})",
                         {{"order", byColumns ? "c" : "r"},
                          {"load", byColumns ? "%t[%c0, %c0] axes [1, 0] : memref<37x19xf32>"
                                             : "%s[%c0, %c0] axes [0, 1] : memref<19x37xf32>"}});
  Program program(source, isa());
  Array s(DType::F32, {19, 37}), t(DType::F32, {37, 19}), r(DType::F64, {19}), c(DType::F32, {37}),
      y(DType::F64, {19, 37});
  for (Array *array : {&s, &r, &c})
    array->fill([&] { return normal(); });
  t.fill([&](const Index &i) { return s.get({i[1], i[0]}); });
  for (const char *kernel : {"kr", "kc"})
    for (int64_t g = 0; g < 3; ++g) {
      program.run(kernel, {&s, &t, &r, &c, &y}, g, g + 1);
      auto expected = [&](const Index &i) {
        double sum = float(s.get(i)) + 1.0f;
        return i[1] <= i[0] + g ? sum * (c.get({i[1]}) - r.get({i[0]})) * 0.5 + i[0] - i[1] : 0.0;
      };
      EXPECT_EQ(difference(y, expected, 1e-13), "") << kernel;
    }
}

// A map may write its result where its first operand is; it may not when that one, or a transpose
// of it, is read later.
TEST_P(Elementwise, MapInPlaceKeepsWhatIsReadLater) {
  Program program(R"(
tile.kernel @k(%x: memref<21x21xf32>, %y: memref<21x21xf32>, %z: memref<21x21xf32>, %w: memref<21x21xf32>) names ["x", "y", "z", "w"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %a = tile.load %x[%c0, %c0] axes [0, 1] : memref<21x21xf32> -> !tile.tile<21x21xf32>
  %at = tile.transpose %a : !tile.tile<21x21xf32> -> !tile.tile<21x21xf32>
  %b = tile.map elems(%a : !tile.tile<21x21xf32>) -> !tile.tile<21x21xf32> {
  ^bb0(%i: index, %j: index, %e: f32):
    %0 = arith.addf %e, %e : f32
    tile.yield %0 : f32
  }
  tile.store %b, %y[%c0, %c0] axes [0, 1] : !tile.tile<21x21xf32>, memref<21x21xf32>
  %both = tile.map elems(%b, %at : !tile.tile<21x21xf32>, !tile.tile<21x21xf32>) -> !tile.tile<21x21xf32> {
  ^bb0(%i: index, %j: index, %e: f32, %f: f32):
    %0 = arith.addf %e, %f : f32
    tile.yield %0 : f32
  }
  tile.store %both, %z[%c0, %c0] axes [0, 1] : !tile.tile<21x21xf32>, memref<21x21xf32>
  %bt = tile.transpose %both : !tile.tile<21x21xf32> -> !tile.tile<21x21xf32>
  %last = tile.map elems(%both, %bt : !tile.tile<21x21xf32>, !tile.tile<21x21xf32>) -> !tile.tile<21x21xf32> {
  ^bb0(%i: index, %j: index, %e: f32, %f: f32):
    %0 = arith.subf %e, %f : f32
    tile.yield %0 : f32
  }
  tile.store %last, %w[%c0, %c0] axes [0, 1] : !tile.tile<21x21xf32>, memref<21x21xf32>
})",
                  isa());
  Array x(DType::F32, {21, 21}), y(DType::F32, {21, 21}), z(DType::F32, {21, 21}),
      w(DType::F32, {21, 21});
  x.fill([&] { return normal(); });
  program.run("k", {&x, &y, &z, &w});
  auto both = [&](int64_t i, int64_t j) { return float(2 * x.get({i, j}) + x.get({j, i})); };
  EXPECT_EQ(difference(y, [&](const Index &i) { return 2 * x.get(i); }), "");
  EXPECT_EQ(difference(z, [&](const Index &i) { return both(i[0], i[1]); }), "");
  EXPECT_EQ(difference(w, [&](const Index &i) { return both(i[0], i[1]) - both(i[1], i[0]); }), "");
}

TEST_P(Elementwise, ReduceInBothOrders) {
  std::string source;
  auto forEachCase =
      [&](const std::function<void(int64_t, int64_t, bool, DType, bool, const std::string &)>
              &body) {
        for (int64_t rows : {1, 7, 16, 50})
          for (int64_t columns : {1, 3, 16, 37, 96})
            for (bool byColumns : {false, true})
              for (DType type : {DType::F32, DType::F64})
                for (bool isMax : {false, true})
                  body(rows, columns, byColumns, type, isMax,
                       "k_" + std::to_string(rows) + "_" + std::to_string(columns) +
                           (byColumns ? "_c_" : "_r_") + name(type) + (isMax ? "_max" : "_add"));
      };
  forEachCase([&](int64_t rows, int64_t columns, bool byColumns, DType type, bool isMax,
                  const std::string &kernel) {
    std::string matrix = std::to_string(byColumns ? columns : rows) + "x" +
                         std::to_string(byColumns ? rows : columns) + "x$t";
    source += substitute(substitute(R"(
tile.kernel @$kernel(%x: memref<$matrix>, %y: memref<$rowsx$t>) names ["x", "y"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %a = tile.load %x[%c0, %c0] axes [$axes] : memref<$matrix> -> !tile.tile<$rowsx$columnsx$t>
  %b = tile.reduce <$combiner> %a : !tile.tile<$rowsx$columnsx$t> -> !tile.tile<$rowsx$t>
  tile.store %b, %y[%c0] axes [0] : !tile.tile<$rowsx$t>, memref<$rowsx$t>
})",
                                    {{"kernel", kernel},
                                     {"matrix", matrix},
                                     {"rows", std::to_string(rows)},
                                     {"columns", std::to_string(columns)},
                                     {"axes", byColumns ? "1, 0" : "0, 1"},
                                     {"combiner", isMax ? "max" : "add"}}),
                         {{"t", name(type)}});
  });
  Program program(source, isa());
  forEachCase([&](int64_t rows, int64_t columns, bool byColumns, DType type, bool isMax,
                  const std::string &kernel) {
    Array x(type, byColumns ? Index{columns, rows} : Index{rows, columns}), y(type, {rows});
    x.fill([&] { return normal() - 3; }); // a maximum is negative: padding with 0 would be seen
    program.run(kernel, {&x, &y});
    for (int64_t i = 0; i < rows; ++i) {
      long double sum = 0, magnitudes = 0, highest = -INFINITY;
      for (int64_t j = 0; j < columns; ++j) {
        double value = x.get(byColumns ? Index{j, i} : Index{i, j});
        sum += value;
        magnitudes += std::fabs(value);
        highest = std::fmax(highest, static_cast<long double>(value));
      }
      if (isMax)
        ASSERT_EQ(y.get({i}), highest) << kernel << " row " << i;
      else
        ASSERT_LE(std::fabs(y.get({i}) - sum),
                  columns * (type == DType::F32 ? 6e-8 : 1.2e-16) * magnitudes)
            << kernel << " row " << i;
    }
  });
}

TEST_P(Elementwise, ReduceOfASplat) {
  Program program(R"(
tile.kernel @k(%y: memref<7xf32>) names ["y"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %s = arith.constant 0.5 : f32
  %a = tile.splat %s : f32 -> !tile.tile<7x21xf32>
  %b = tile.reduce <add> %a : !tile.tile<7x21xf32> -> !tile.tile<7xf32>
  tile.store %b, %y[%c0] axes [0] : !tile.tile<7xf32>, memref<7xf32>
})",
                  isa());
  Array y(DType::F32, {7});
  program.run("k", {&y});
  EXPECT_EQ(difference(y, [](const Index &) { return 10.5; }), "");
}

TEST_P(Elementwise, ScanAddsAndTakesMaxima) {
  std::string source;
  auto forEachCase =
      [&](const std::function<void(int64_t, DType, bool, const std::string &)> &body) {
        for (int64_t n : {1, 5, 16, 64, 77})
          for (DType type : {DType::F32, DType::F64})
            for (bool isMax : {false, true})
              body(n, type, isMax,
                   "k_" + std::to_string(n) + "_" + name(type) + (isMax ? "_max" : "_add"));
      };
  forEachCase([&](int64_t n, DType type, bool isMax, const std::string &kernel) {
    source += substitute(R"(
tile.kernel @$kernel(%x: memref<$nx$t>, %y: memref<$nx$t>, %z: memref<$t>) names ["x", "y", "z"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %a = tile.load %x[%c0] axes [0] : memref<$nx$t> -> !tile.tile<$nx$t>
  %b = tile.scan <$combiner> %a : !tile.tile<$nx$t>
  tile.store %b, %y[%c0] axes [0] : !tile.tile<$nx$t>, memref<$nx$t>
  %last = tile.extract %b[$last] : !tile.tile<$nx$t> -> $t
  tile.store_scalar %last, %z[] : $t, memref<$t>
})",
                         {{"kernel", kernel},
                          {"n", std::to_string(n)},
                          {"last", std::to_string(n - 1)},
                          {"combiner", isMax ? "max" : "add"},
                          {"t", name(type)}});
  });
  Program program(source, isa());
  forEachCase([&](int64_t n, DType type, bool isMax, const std::string &kernel) {
    Array x(type, {n}), y(type, {n}), z(type, {});
    x.fill([&] { return normal() - 2; });
    program.run(kernel, {&x, &y, &z});
    double sum = 0, magnitudes = 0, highest = -INFINITY;
    for (int64_t i = 0; i < n; ++i) {
      sum += x.get({i});
      magnitudes += std::fabs(x.get({i}));
      highest = std::fmax(highest, x.get({i}));
      if (isMax)
        ASSERT_EQ(y.get({i}), highest) << kernel << " element " << i;
      else
        ASSERT_LE(std::fabs(y.get({i}) - sum),
                  n * (type == DType::F32 ? 6e-8 : 2.3e-16) * magnitudes)
            << kernel << " element " << i;
    }
    EXPECT_EQ(z.get({}), y.get({n - 1}));
  });
}

// Along both axes, in both directions, with and without the element itself, of tiles stored by rows
// and by columns.
TEST_P(Elementwise, ScanOfMatrices) {
  struct Case {
    int64_t axis;
    bool reverse, exclusive, byColumns, isMax;
    std::string name() const {
      return "k" + std::to_string(axis) + std::to_string(reverse) + std::to_string(exclusive) +
             std::to_string(byColumns) + std::to_string(isMax);
    }
  };
  std::vector<Case> cases;
  for (int bits = 0; bits < 32; ++bits)
    cases.push_back({bits & 1, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0, bits >= 16});
  constexpr int64_t m = 11, n = 21;
  std::string source;
  for (const Case &c : cases)
    source += substitute(R"(
tile.kernel @$kernel(%x: memref<$Xxf32>, %y: memref<11x21xf32>) names ["x", "y"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %a = tile.load %x[%c0, %c0] axes $axes : memref<$Xxf32> -> !tile.tile<11x21xf32>
  %b = tile.scan <$combiner> %a {axis = $axis : i64$flags} : !tile.tile<11x21xf32>
  tile.store %b, %y[%c0, %c0] axes [0, 1] : !tile.tile<11x21xf32>, memref<11x21xf32>
})",
                         {{"kernel", c.name()},
                          {"X", c.byColumns ? "21x11" : "11x21"},
                          {"axes", c.byColumns ? "[1, 0]" : "[0, 1]"},
                          {"axis", std::to_string(c.axis)},
                          {"combiner", c.isMax ? "max" : "add"},
                          {"flags", std::string(c.reverse ? ", reverse" : "") +
                                        (c.exclusive ? ", exclusive" : "")}});
  Program program(source, isa());
  for (const Case &c : cases) {
    SCOPED_TRACE(c.name());
    Array x(DType::F32, c.byColumns ? Index{n, m} : Index{m, n}), y(DType::F32, {m, n});
    x.fill([&] { return std::round(4 * normal()); }); // sums are exact
    program.run(c.name(), {&x, &y});
    auto expected = [&](const Index &at) {
      double result = c.isMax ? -INFINITY : 0;
      Index i = at;
      int64_t last = at[c.axis];
      for (i[c.axis] = 0; i[c.axis] < (c.axis ? n : m); ++i[c.axis]) {
        if (c.reverse ? i[c.axis] < last : i[c.axis] > last)
          continue;
        if (c.exclusive && i[c.axis] == last)
          continue;
        double element = x.get(c.byColumns ? Index{i[1], i[0]} : i);
        result = c.isMax ? std::fmax(result, element) : result + element;
      }
      return result;
    };
    EXPECT_EQ(difference(y, expected), "");
  }
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

/// One function of f32 or f64, on tiles of 64 elements.
std::string functionKernel(const std::string &op, DType type) {
  return substitute(R"(
tile.kernel @k(%x: memref<?x$t>, %y: memref<?x$t>) names ["x", "y"] grid(%g: dim(0, 0)) {
  %c64 = arith.constant 64 : index
  %0 = arith.muli %g, %c64 : index
  %a = tile.load %x[%0] axes [0] : memref<?x$t> -> !tile.tile<64x$t>
  %b = tile.map elems(%a : !tile.tile<64x$t>) -> !tile.tile<64x$t> {
  ^bb0(%i: index, %e: $t):
    %1 = $op %e : $t
    tile.yield %1 : $t
  }
  tile.store %b, %y[%0] axes [0] : !tile.tile<64x$t>, memref<?x$t>
}
tile.kernel @scalar(%x: memref<?x$t>, %y: memref<?x$t>) names ["x", "y"] grid(%g: dim(0, 0)) {
  %a = tile.load_scalar %x[%g] : memref<?x$t> -> $t
  %b = $op %a : $t
  tile.store_scalar %b, %y[%g] : $t, memref<?x$t>
})",
                    {{"op", op}, {"t", name(type)}});
}

struct Accuracy {
  double worst = 0, at = 0;                   // relative error where the exact result is normal
  double worstSubnormal = 0, atSubnormal = 0; // absolute error where it is not
};

/// Runs the vector kernel and the scalar one over `values`; each is compared with `exact`.
Accuracy accuracyOf(const std::string &op, DType type, const std::string &isa,
                    const std::vector<double> &values,
                    const std::function<long double(long double)> &exact) {
  Program program(functionKernel(op, type), isa);
  int64_t n = values.size();
  double smallest =
      type == DType::F32 ? std::numeric_limits<float>::min() : std::numeric_limits<double>::min();
  Accuracy result;
  for (const char *kernel : {"k", "scalar"}) {
    Array x(type, {n}), y(type, {n});
    x.fill([&](const Index &i) { return values[i[0]]; });
    program.run(kernel, {&x, &y}, 0, kernel[0] == 'k' ? (n + 63) / 64 : n);
    for (int64_t i = 0; i < n; ++i) {
      long double wanted = exact(x.get({i})), got = y.get({i});
      if (std::fabs(wanted) >= smallest) {
        double error = std::fabs((got - wanted) / wanted);
        if (!(error <= result.worst))
          result.worst = error, result.at = x.get({i});
      } else {
        double error = std::fabs(got - wanted);
        if (!(error <= result.worstSubnormal))
          result.worstSubnormal = error, result.atSubnormal = x.get({i});
      }
    }
  }
  return result;
}

/// The measured errors, into the report of --gtest_output.
void record(const Accuracy &accuracy) {
  auto text = [](double x) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.3g", x);
    return std::string(buffer);
  };
  testing::Test::RecordProperty("worst_relative_error", text(accuracy.worst));
  testing::Test::RecordProperty("worst_at", text(accuracy.at));
  testing::Test::RecordProperty("worst_error_below_normal", text(accuracy.worstSubnormal));
}

std::vector<double> between(double low, double high, int64_t count) {
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(low + (high - low) * i / (count - 1));
  return values;
}

std::vector<double> betweenLogarithms(double low, double high, int64_t count) {
  std::vector<double> values;
  for (double x : between(std::log(low), std::log(high), count))
    values.push_back(std::exp(x));
  return values;
}

void append(std::vector<double> &to, const std::vector<double> &from, double factor = 1) {
  for (double x : from)
    to.push_back(factor * x);
}

TEST_P(Elementwise, ExpOfF32) {
  std::vector<double> values = between(-104, 88, 200000);
  append(values, betweenLogarithms(1e-30, 80, 50000));
  append(values, betweenLogarithms(1e-30, 1e30, 50000), -1);
  append(values, {0.0, -0.0});
  Accuracy accuracy =
      accuracyOf("math.exp", DType::F32, isa(), values, [](long double x) { return expl(x); });
  EXPECT_LE(accuracy.worst, 3e-7) << "at " << accuracy.at;
  EXPECT_LE(accuracy.worstSubnormal, std::numeric_limits<float>::min())
      << "at " << accuracy.atSubnormal;
  record(accuracy);
}

TEST_P(Elementwise, ExpAtTheEnds) {
  Program program(functionKernel("math.exp", DType::F32), isa());
  std::vector<double> values = {-INFINITY, INFINITY, NAN,  -1e30, -1e38,
                                -3.4e38,   89,       1e30, 0.0,   -0.0};
  Array x(DType::F32, {64}), y(DType::F32, {64});
  x.fill([&](const Index &i) { return values[i[0] % values.size()]; });
  for (const char *kernel : {"k", "scalar"}) {
    program.run(kernel, {&x, &y}, 0, kernel[0] == 'k' ? 1 : 64);
    for (int64_t i = 0; i < 64; ++i) {
      double wanted = roundTo(std::exp(x.get({i})), DType::F32);
      if (std::isnan(wanted))
        EXPECT_TRUE(std::isnan(y.get({i})));
      else
        EXPECT_EQ(y.get({i}), wanted) << "exp(" << x.get({i}) << ")";
    }
  }
}

TEST_P(Elementwise, Log1pOfF32) {
  std::vector<double> values = betweenLogarithms(1e-30, 1, 200000);
  append(values, between(0, 1, 100000));
  append(values, {0.0, 1e-38, 1e-40, 1e-45});
  Accuracy accuracy =
      accuracyOf("math.log1p", DType::F32, isa(), values, [](long double x) { return log1pl(x); });
  EXPECT_LE(accuracy.worst, 3e-7) << "at " << accuracy.at;
  EXPECT_LE(accuracy.worstSubnormal, 1e-45) << "at " << accuracy.atSubnormal;
  record(accuracy);
}

TEST_P(Elementwise, FunctionsOfF64) {
  std::vector<double> values = between(-700, 700, 20001);
  append(values, betweenLogarithms(1e-300, 1, 5000), -1);
  Accuracy exp =
      accuracyOf("math.exp", DType::F64, isa(), values, [](long double x) { return expl(x); });
  EXPECT_LE(exp.worst, 3e-16) << "at " << exp.at;
  Accuracy log1p = accuracyOf("math.log1p", DType::F64, isa(), betweenLogarithms(1e-300, 1, 20000),
                              [](long double x) { return log1pl(x); });
  EXPECT_LE(log1p.worst, 3e-16) << "at " << log1p.at;
}

TEST_P(Elementwise, TanhOfF32) {
  std::vector<double> values = between(-12, 12, 50000);
  append(values, betweenLogarithms(1e-30, 10, 50000));
  Accuracy accuracy =
      accuracyOf("math.tanh", DType::F32, isa(), values, [](long double x) { return tanhl(x); });
  EXPECT_LE(accuracy.worst, 5e-7) << "at " << accuracy.at;
  record(accuracy);
}

} // namespace
