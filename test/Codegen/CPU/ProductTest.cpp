// SPDX-License-Identifier: Apache-2.0
// tile.matmul and tile.matvec in every combination of the directions in which their operands may be
// stored.
#include "test/Codegen/CPU/Program.h"

#include <cmath>

using namespace xlstm::test;

namespace {

class Product : public OnISA {};
XLSTM_ON_EVERY_ISA(Product);

using Index = Array::Index;
constexpr int64_t sizes[] = {1, 5, 16, 48, 63, 96};

/// A product whose operands are loaded from row-major tensors, or transposed from ones that hold
/// columns.
struct Case {
  int64_t m, n, k;
  bool lhsByColumns, rhsByColumns;
  enum Accumulator { Rows, Columns, Splat } accumulator;
  bool storedByColumns;
  DType type;
  std::string name() const {
    std::string result = "k_" + std::to_string(m) + "_" + std::to_string(n) + "_" +
                         std::to_string(k) + "_" + (lhsByColumns ? "c" : "r") +
                         (rhsByColumns ? "c" : "r") + "rcs"[accumulator] +
                         (storedByColumns ? "c" : "r") + "_" + xlstm::test::name(type);
    return result;
  }
  std::string source() const;
};

std::string load(const char *tile, const char *tensor, bool byColumns, int64_t rows,
                 int64_t columns, const char *type) {
  std::string shape = std::to_string(rows) + "x" + std::to_string(columns) + "x" + type;
  std::string axes = byColumns ? "[1, 0]" : "[0, 1]",
              memref = std::string("memref<?x?x") + type + ", strided<[?, 1]>>";
  return std::string("  ") + tile + " = tile.load " + tensor + "[%c0, %c0] axes " + axes + " : " +
         memref + " -> !tile.tile<" + shape + ">\n";
}

std::string Case::source() const {
  const char *t = xlstm::test::name(type);
  std::string result = substitute(R"(
tile.kernel @$name(%a: memref<?x?x$t, strided<[?, 1]>>, %b: memref<?x?x$t, strided<[?, 1]>>, %c: memref<?x?x$t, strided<[?, 1]>>,
    %d: memref<?x?x$t, strided<[?, 1]>>) names ["a", "b", "c", "d"] grid(%i: 1) {
  %c0 = arith.constant 0 : index
  %half = arith.constant 0.5 : $t
)",
                                  {{"name", name()}, {"t", t}});
  result += load("%lhs", "%a", lhsByColumns, m, k, t) + load("%rhs", "%b", rhsByColumns, k, n, t);
  if (accumulator == Splat)
    result += substitute("  %acc = tile.splat %half : $t -> !tile.tile<$mx$nx$t>\n",
                         {{"m", std::to_string(m)}, {"n", std::to_string(n)}, {"t", t}});
  else
    result += load("%acc", "%c", accumulator == Columns, m, n, t);
  return result + substitute(R"(
  %sum = tile.matmul %lhs, %rhs, %acc : !tile.tile<$mx$kx$t>, !tile.tile<$kx$nx$t>, !tile.tile<$mx$nx$t> -> !tile.tile<$mx$nx$t>
  tile.store %sum, %d[%c0, %c0] axes $axes : !tile.tile<$mx$nx$t>, memref<?x?x$t, strided<[?, 1]>>
}
)",
                             {{"m", std::to_string(m)},
                              {"n", std::to_string(n)},
                              {"k", std::to_string(k)},
                              {"t", t},
                              {"axes", storedByColumns ? "[1, 0]" : "[0, 1]"}});
}

/// Every pair (m, n), with k running through the sizes too, times both orders of both operands; the
/// order of the accumulator and of the stored result change from case to case so that every
/// combination occurs with many sizes. f64 takes one order of the operands for each pair.
std::vector<Case> cases() {
  std::vector<Case> result;
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 6; ++j)
      for (int order = 0; order < 4; ++order)
        for (DType type : {DType::F32, DType::F64})
          if (type == DType::F32 || (i + j) % 4 == order)
            result.push_back({sizes[i], sizes[j], sizes[(i + 2 * j + order) % 6], order % 2 == 1,
                              order / 2 == 1, Case::Accumulator((i + 2 * j + order) % 3),
                              (i + order) % 2 == 1, type});
  return result;
}

/// A matrix in memory, or its columns as rows, with room between the lines.
struct Matrix {
  Array array;
  bool byColumns;
  Matrix(DType type, int64_t rows, int64_t columns, bool byColumns)
      : array(type, byColumns ? Index{columns, rows} : Index{rows, columns},
              {(byColumns ? rows : columns) + 3, 1}),
        byColumns(byColumns) {}
  double operator()(int64_t i, int64_t j) const {
    return array.get(byColumns ? Index{j, i} : Index{i, j});
  }
};

TEST_P(Product, MatmulInAllSizesAndOrders) {
  std::vector<Case> all = cases();
  std::string source;
  for (const Case &c : all)
    source += c.source();
  Program program(source, isa());
  for (const Case &c : all) {
    SCOPED_TRACE(c.name());
    Matrix a(c.type, c.m, c.k, c.lhsByColumns), b(c.type, c.k, c.n, c.rhsByColumns),
        acc(c.type, c.m, c.n, c.accumulator == Case::Columns),
        d(c.type, c.m, c.n, c.storedByColumns);
    for (Matrix *matrix : {&a, &b, &acc})
      matrix->array.fill([&] { return normal(); });
    program.run(c.name(), {&a.array, &b.array, &acc.array, &d.array});
    // A sum of k + 1 terms in any order is off by at most k + 1 roundings of the sum of magnitudes.
    double unit = c.type == DType::F32 ? 6e-8 : 1.2e-16;
    int64_t wrong = 0;
    for (int64_t i = 0; i < c.m; ++i)
      for (int64_t j = 0; j < c.n; ++j) {
        long double sum = c.accumulator == Case::Splat ? 0.5 : acc(i, j),
                    magnitudes = std::fabs(sum);
        for (int64_t k = 0; k < c.k; ++k) {
          sum += static_cast<long double>(a(i, k)) * b(k, j);
          magnitudes += std::fabs(a(i, k) * b(k, j));
        }
        wrong += !(std::fabs(d(i, j) - sum) <= (c.k + 2) * unit * magnitudes);
      }
    EXPECT_EQ(wrong, 0) << "of " << c.m * c.n << " elements";
  }
}

// One value may be an operand and the accumulator; the result must not overwrite it while it is
// read.
TEST_P(Product, OperandsMayBeTheAccumulator) {
  Program program(R"(
tile.kernel @left(%a: memref<24x24xf32>, %b: memref<24x24xf32>, %d: memref<24x24xf32>) names ["a", "b", "d"] grid(%i: 1) {
  %c0 = arith.constant 0 : index
  %x = tile.load %a[%c0, %c0] axes [0, 1] : memref<24x24xf32> -> !tile.tile<24x24xf32>
  %y = tile.load %b[%c0, %c0] axes [0, 1] : memref<24x24xf32> -> !tile.tile<24x24xf32>
  %z = tile.matmul %x, %y, %x : !tile.tile<24x24xf32>, !tile.tile<24x24xf32>, !tile.tile<24x24xf32> -> !tile.tile<24x24xf32>
  tile.store %z, %d[%c0, %c0] axes [0, 1] : !tile.tile<24x24xf32>, memref<24x24xf32>
}
tile.kernel @right(%a: memref<24x24xf32>, %b: memref<24x24xf32>, %d: memref<24x24xf32>) names ["a", "b", "d"] grid(%i: 1) {
  %c0 = arith.constant 0 : index
  %x = tile.load %a[%c0, %c0] axes [0, 1] : memref<24x24xf32> -> !tile.tile<24x24xf32>
  %y = tile.load %b[%c0, %c0] axes [0, 1] : memref<24x24xf32> -> !tile.tile<24x24xf32>
  %z = tile.matmul %x, %y, %y : !tile.tile<24x24xf32>, !tile.tile<24x24xf32>, !tile.tile<24x24xf32> -> !tile.tile<24x24xf32>
  tile.store %z, %d[%c0, %c0] axes [0, 1] : !tile.tile<24x24xf32>, memref<24x24xf32>
}
tile.kernel @transposed(%a: memref<24x24xf32>, %b: memref<24x24xf32>, %d: memref<24x24xf32>) names ["a", "b", "d"] grid(%i: 1) {
  %c0 = arith.constant 0 : index
  %x = tile.load %a[%c0, %c0] axes [0, 1] : memref<24x24xf32> -> !tile.tile<24x24xf32>
  %y = tile.load %b[%c0, %c0] axes [0, 1] : memref<24x24xf32> -> !tile.tile<24x24xf32>
  %t = tile.transpose %y : !tile.tile<24x24xf32> -> !tile.tile<24x24xf32>
  %z = tile.matmul %t, %x, %t : !tile.tile<24x24xf32>, !tile.tile<24x24xf32>, !tile.tile<24x24xf32> -> !tile.tile<24x24xf32>
  tile.store %z, %d[%c0, %c0] axes [0, 1] : !tile.tile<24x24xf32>, memref<24x24xf32>
}
tile.kernel @vector(%a: memref<24x24xf32>, %b: memref<24x24xf32>, %d: memref<24x24xf32>) names ["a", "b", "d"] grid(%i: 1) {
  %c0 = arith.constant 0 : index
  %x = tile.load %a[%c0, %c0] axes [0, 1] : memref<24x24xf32> -> !tile.tile<24x24xf32>
  %y = tile.load %b[%c0, %c0] axes [1] : memref<24x24xf32> -> !tile.tile<24xf32>
  %z = tile.matvec %x, %y, %y : !tile.tile<24x24xf32>, !tile.tile<24xf32>, !tile.tile<24xf32> -> !tile.tile<24xf32>
  tile.store %z, %d[%c0, %c0] axes [1] : !tile.tile<24xf32>, memref<24x24xf32>
})",
                  isa());
  Array a(DType::F32, {24, 24}), b(DType::F32, {24, 24}), d(DType::F32, {24, 24});
  a.fill([&] { return normal(); });
  b.fill([&] { return normal(); });
  auto check = [&](const char *kernel, int64_t rows,
                   const std::function<double(int64_t, int64_t)> &expected) {
    program.run(kernel, {&a, &b, &d});
    int64_t wrong = 0;
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < 24; ++j)
        wrong += !(std::fabs(d.get({i, j}) - expected(i, j)) <= 1e-4);
    EXPECT_EQ(wrong, 0) << kernel;
  };
  auto dot = [&](const std::function<double(int64_t)> &term) {
    double sum = 0;
    for (int64_t k = 0; k < 24; ++k)
      sum += term(k);
    return sum;
  };
  check("left", 24, [&](int64_t i, int64_t j) {
    return a.get({i, j}) + dot([&](int64_t k) { return a.get({i, k}) * b.get({k, j}); });
  });
  check("right", 24, [&](int64_t i, int64_t j) {
    return b.get({i, j}) + dot([&](int64_t k) { return a.get({i, k}) * b.get({k, j}); });
  });
  check("transposed", 24, [&](int64_t i, int64_t j) {
    return b.get({j, i}) + dot([&](int64_t k) { return b.get({k, i}) * a.get({k, j}); });
  });
  check("vector", 1, [&](int64_t, int64_t j) {
    return b.get({0, j}) + dot([&](int64_t k) { return a.get({j, k}) * b.get({0, k}); });
  });
}

/// Products of one matrix that stand in a row are computed together, more than there are registers for
/// too: each has the bits that it has alone. The last one waits for the first.
TEST_P(Product, MatvecsOfOneMatrixAreEachAsAlone) {
  constexpr int count = 40, m = 21, k = 37;
  for (bool byColumns : {false, true}) {
    std::string matrix = load("%m", "%a", byColumns, m, k, "f32");
    std::string header = "(%a: memref<?x?xf32, strided<[?, 1]>>, %x: memref<?x?xf32, strided<[?, "
                         "1]>>, %y: memref<?x?xf32, strided<[?, 1]>>) names [\"a\", \"x\", \"y\"] "
                         "grid(%i: 1) {\n  %c0 = arith.constant 0 : index\n",
                together, products, stores, source;
    for (int n = 0; n < count; ++n) {
      std::string at = "  %i" + std::to_string(n) + " = arith.constant " + std::to_string(n) +
                       " : index\n  %v" + std::to_string(n) + " = tile.load %x[%i" +
                       std::to_string(n) +
                       ", %c0] axes [1] : memref<?x?xf32, strided<[?, 1]>> -> !tile.tile<37xf32>\n",
                  zero = "  %z" + std::to_string(n) + " = arith.constant 0.5 : f32\n  %s" +
                         std::to_string(n) + " = tile.splat %z" + std::to_string(n) +
                         " : f32 -> !tile.tile<21xf32>\n",
                  product = "  %p" + std::to_string(n) + " = tile.matvec %m, %v" +
                            std::to_string(n) + ", %s" + std::to_string(n) +
                            " : !tile.tile<21x37xf32>, !tile.tile<37xf32>, !tile.tile<21xf32> -> "
                            "!tile.tile<21xf32>\n",
                  store =
                      "  tile.store %p" + std::to_string(n) + ", %y[%i" + std::to_string(n) +
                      ", %c0] axes [1] : !tile.tile<21xf32>, memref<?x?xf32, strided<[?, 1]>>\n";
      together += at + zero;
      products += product;
      stores += store;
      source += "tile.kernel @alone" + std::to_string(n) + header + matrix + at + zero + product +
                store + "}\n";
    }
    std::string last = "  %w = tile.matvec %m, %v0, %p0 : !tile.tile<21x37xf32>, "
                       "!tile.tile<37xf32>, !tile.tile<21xf32> -> !tile.tile<21xf32>\n  %iw = "
                       "arith.constant 40 : index\n  tile.store %w, %y[%iw, %c0] axes [1] : "
                       "!tile.tile<21xf32>, memref<?x?xf32, strided<[?, 1]>>\n";
    source +=
        "tile.kernel @together" + header + matrix + together + products + last + stores + "}\n";
    Program program(source, isa());
    Matrix a(DType::F32, m, k, byColumns);
    Array x(DType::F32, {count, k}), y(DType::F32, {count + 1, m}),
        alone(DType::F32, {count + 1, m});
    for (Array *array : {&a.array, &x})
      array->fill([&] { return normal(); });
    program.run("together", {&a.array, &x, &y});
    for (int n = 0; n < count; ++n)
      program.run("alone" + std::to_string(n), {&a.array, &x, &alone});
    for (int64_t n = 0; n < count; ++n)
      for (int64_t i = 0; i < m; ++i) {
        double sum = 0.5;
        for (int64_t j = 0; j < k; ++j)
          sum += a(i, j) * x.get({n, j});
        EXPECT_EQ(y.get({n, i}), alone.get({n, i})) << n << " " << i;
        EXPECT_NEAR(y.get({n, i}), sum, 1e-4) << n << " " << i;
      }
    for (int64_t i = 0; i < m; ++i)
      EXPECT_NEAR(y.get({count, i}), 2 * y.get({0, i}) - 0.5, 1e-4) << i;
  }
}

TEST_P(Product, MatvecInAllSizesAndOrders) {
  std::string source;
  auto forEachCase =
      [&](const std::function<void(int64_t, int64_t, bool, bool, DType, const std::string &)>
              &body) {
        for (int64_t m : sizes)
          for (int64_t k : sizes)
            for (bool byColumns : {false, true})
              for (DType type : {DType::F32, DType::F64}) {
                bool splat = (m + k + byColumns) % 2;
                body(m, k, byColumns, splat, type,
                     "k_" + std::to_string(m) + "_" + std::to_string(k) +
                         (byColumns ? "_c_" : "_r_") + name(type));
              }
      };
  forEachCase([&](int64_t m, int64_t k, bool byColumns, bool splat, DType type,
                  const std::string &kernel) {
    const char *t = name(type);
    source +=
        substitute(R"(
tile.kernel @$kernel(%a: memref<?x?x$t, strided<[?, 1]>>, %x: memref<?x$t>, %y: memref<?x$t>, %z: memref<?x$t>) names ["a", "x", "y", "z"] grid(%i: 1) {
  %c0 = arith.constant 0 : index
  %s = arith.constant -0.25 : $t
  %v = tile.load %x[%c0] axes [0] : memref<?x$t> -> !tile.tile<$K>
)",
                   {{"kernel", kernel}, {"t", t}, {"K", std::to_string(k) + "x" + t}}) +
        load("%m", "%a", byColumns, m, k, t) +
        substitute(
            std::string(
                splat ? "  %acc = tile.splat %s : $t -> !tile.tile<$M>\n"
                      : "  %acc = tile.load %y[%c0] axes [0] : memref<?x$t> -> !tile.tile<$M>\n") +
                R"(
  %sum = tile.matvec %m, %v, %acc : !tile.tile<$mx$K>, !tile.tile<$K>, !tile.tile<$M> -> !tile.tile<$M>
  tile.store %sum, %z[%c0] axes [0] : !tile.tile<$M>, memref<?x$t>
}
)",
            {{"t", t},
             {"m", std::to_string(m)},
             {"M", std::to_string(m) + "x" + t},
             {"K", std::to_string(k) + "x" + t}});
  });
  Program program(source, isa());
  forEachCase(
      [&](int64_t m, int64_t k, bool byColumns, bool splat, DType type, const std::string &kernel) {
        SCOPED_TRACE(kernel);
        Matrix a(type, m, k, byColumns);
        Array x(type, {k}), y(type, {m}), z(type, {m});
        for (Array *array : {&a.array, &x, &y})
          array->fill([&] { return normal(); });
        program.run(kernel, {&a.array, &x, &y, &z});
        double unit = type == DType::F32 ? 6e-8 : 1.2e-16;
        for (int64_t i = 0; i < m; ++i) {
          long double sum = splat ? -0.25 : y.get({i}), magnitudes = std::fabs(sum);
          for (int64_t j = 0; j < k; ++j) {
            sum += static_cast<long double>(a(i, j)) * x.get({j});
            magnitudes += std::fabs(a(i, j) * x.get({j}));
          }
          ASSERT_LE(std::fabs(z.get({i}) - sum), (k + 2) * unit * magnitudes) << "row " << i;
        }
      });
}

// Operands of 16 bits are exact in f32: products of bf16 tiles are as good as those of f32 tiles.
TEST_P(Product, BFloatOperandsAccumulateInF32) {
  Program program(R"(
tile.kernel @k(%a: memref<?x?xbf16, strided<[?, 1]>>, %b: memref<?x?xbf16, strided<[?, 1]>>, %d: memref<20x24xf32>) names ["a", "b", "d"] grid(%i: 1) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %x = tile.load %a[%c0, %c0] axes [0, 1] : memref<?x?xbf16, strided<[?, 1]>> -> !tile.tile<20x70xbf16>
  %y = tile.load %b[%c0, %c0] axes [0, 1] : memref<?x?xbf16, strided<[?, 1]>> -> !tile.tile<70x24xbf16>
  %acc = tile.splat %zero : f32 -> !tile.tile<20x24xf32>
  %z = tile.matmul %x, %y, %acc : !tile.tile<20x70xbf16>, !tile.tile<70x24xbf16>, !tile.tile<20x24xf32> -> !tile.tile<20x24xf32>
  tile.store %z, %d[%c0, %c0] axes [0, 1] : !tile.tile<20x24xf32>, memref<20x24xf32>
})",
                  isa());
  // 64 of the 70 places along k exist; the others count as 0.
  Array a(DType::BF16, {20, 64}), b(DType::BF16, {64, 24}), d(DType::F32, {20, 24});
  a.fill([&] { return normal(); });
  b.fill([&] { return normal(); });
  program.run("k", {&a, &b, &d});
  auto expected = [&](const Index &i) {
    double sum = 0;
    for (int64_t k = 0; k < 64; ++k)
      sum += a.get({i[0], k}) * b.get({k, i[1]});
    return sum;
  };
  EXPECT_EQ(difference(d, expected, 1e-4), "");
}

} // namespace
