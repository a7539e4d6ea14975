// SPDX-License-Identifier: Apache-2.0
// xlstm.outer_sum and xlstm.time_sum against a plain loop in f64.
#include "test/Codegen/CPU/Cells.h"

#include <cmath>

using namespace xlstm::test;

namespace {

class Sums : public OnISA {};
XLSTM_ON_EVERY_ISA(Sums);

/// Relative L2 error of an array whose elements, the last axis fastest, should be `expected`.
double error(const Array &array, const std::vector<double> &expected) {
  double difference = 0, norm = 0;
  auto value = expected.begin();
  array.forEach([&](const Array::Index &index) {
    difference += (array.get(index) - *value) * (array.get(index) - *value);
    norm += *value * *value;
    ++value;
  });
  return std::sqrt(difference / (norm ? norm : 1));
}

struct OuterCase {
  int64_t H, D;
  DType type; // of y and of the result
  bool packed = false, reset = false, initial = true;
  DType accumulation() const { return type == DType::F64 ? DType::F64 : DType::F32; }
};

std::string sourceOf(const OuterCase &c) {
  return substitute(
      R"(func.func @sum(%x: tensor<$Bx?x3x$Hx$Dx$a>, %y: tensor<$Bx?x$Hx$Dx$t>$arguments) -> tensor<2x$Hx$Dx$Dx$t> {
  %sum = xlstm.outer_sum %x [2, 0] previous(%y$from)$cu$reset : tensor<$Bx?x3x$Hx$Dx$a>, tensor<$Bx?x$Hx$Dx$t>$first -> tensor<2x$Hx$Dx$Dx$t>
  return %sum : tensor<2x$Hx$Dx$Dx$t>
})",
      {{"B", c.packed ? "1" : "?"},
       {"H", std::to_string(c.H)},
       {"D", std::to_string(c.D)},
       {"a", name(c.accumulation())},
       {"t", name(c.type)},
       {"arguments",
        substitute(std::string(c.initial ? ", %y0: $s" : "") +
                       (c.packed ? ", %starts: tensor<?xi32>" : "") +
                       (c.reset ? ", %zero: tensor<$Bx?xui8>" : ""),
                   {{"s", "tensor<?x" + std::to_string(c.H) + "x" + std::to_string(c.D) + "x" +
                              name(c.accumulation()) + ">"},
                    {"B", c.packed ? "1" : "?"}})},
       {"from", c.initial ? " from %y0" : ""},
       {"first", c.initial ? ", tensor<?x" + std::to_string(c.H) + "x" + std::to_string(c.D) + "x" +
                                 name(c.accumulation()) + ">"
                           : ""},
       {"cu", c.packed ? " cu_seqlens(%starts : tensor<?xi32>)" : ""},
       {"reset", c.reset
                     ? std::string(" reset(%zero : tensor<") + (c.packed ? "1" : "?") + "x?xui8>)"
                     : ""}});
}

/// Runs a case and returns the error. `starts` is for packed sequences, which B = 1 goes with;
/// none: they are not given to a kernel that takes them.
double run(Cells &cells, const OuterCase &c, int64_t B, int64_t T, std::vector<int64_t> starts,
           const std::function<double()> &normal) {
  int64_t sequences = starts.empty() ? B : starts.size() - 1, next = 2;
  Array x(c.accumulation(), {B, T, 3, c.H, c.D}), y(c.type, {B, T, c.H, c.D}),
      y0(c.accumulation(), {sequences, c.H, c.D}), cu(DType::I32, {int64_t(starts.size())}),
      reset(DType::I8, {B, T}), result(c.type, {2, c.H, c.D, c.D});
  for (Array *array : {&x, &y, &y0})
    array->fill(normal);
  reset.fill([&] { return c.reset && normal() > 1 ? 1.0 : 0.0; });
  for (size_t i = 0; i < starts.size(); ++i)
    cu.set({int64_t(i)}, starts[i]);
  std::map<std::string, Array *> tensors = {{"arg0", &x}, {"arg1", &y}, {"result0", &result}};
  if (c.initial)
    tensors["arg" + std::to_string(next++)] = &y0;
  if (c.packed && !starts.empty())
    tensors["arg" + std::to_string(next)] = &cu;
  next += c.packed;
  if (c.reset)
    tensors["arg" + std::to_string(next)] = &reset;
  cells.run("sum", tensors, sequences);

  std::vector<double> expected(2 * c.H * c.D * c.D);
  for (int64_t s = 0; s < sequences; ++s) {
    int64_t row = starts.empty() ? s : 0, begin = starts.empty() ? 0 : starts[s],
            end = starts.empty() ? T : starts[s + 1];
    for (int64_t t = begin; t < end; ++t)
      for (int64_t p = 0; p < 2; ++p)
        for (int64_t h = 0; h < c.H; ++h)
          for (int64_t o = 0; o < c.D; ++o)
            for (int64_t i = 0; i < c.D; ++i) {
              double before = reset.get({row, t}) ? 0
                              : t > begin         ? y.get({row, t - 1, h, i})
                              : c.initial         ? y0.get({s, h, i})
                                                  : 0;
              expected[((p * c.H + h) * c.D + o) * c.D + i] +=
                  x.get({row, t, p == 0 ? 2 : 0, h, o}) * before;
            }
  }
  return error(result, expected);
}

TEST_P(Sums, OuterSum) {
  for (int64_t D : {1, 5, 16, 70}) {
    OuterCase c{2, D, DType::F32};
    Cells cells(sourceOf(c), isa());
    for (int64_t B : {1, 3})
      for (int64_t T : {0, 1, 2, 65})
        EXPECT_LE(run(cells, c, B, T, {}, [&] { return normal(); }), 1e-5)
            << "D = " << D << ", B = " << B << ", T = " << T;
  }
}

TEST_P(Sums, OuterSumOfManyHeadsOfOneUnit) {
  OuterCase c{70, 1, DType::F32, true, true};
  Cells cells(sourceOf(c), isa());
  EXPECT_LE(run(cells, c, 2, 65, {}, [&] { return normal(); }), 1e-5);
  EXPECT_LE(run(cells, c, 1, 30, {0, 20, 20, 30}, [&] { return normal(); }), 1e-5);
}

TEST_P(Sums, OuterSumTypes) {
  for (auto [type, tolerance] :
       {std::pair{DType::F64, 1e-13}, {DType::BF16, 5e-3}, {DType::F16, 2e-3}}) {
    OuterCase c{2, 16, type};
    Cells cells(sourceOf(c), isa());
    EXPECT_LE(run(cells, c, 3, 65, {}, [&] { return normal(); }), tolerance) << name(type);
  }
}

TEST_P(Sums, OuterSumWithResetAndPackedSequences) {
  for (bool initial : {false, true}) {
    OuterCase c{2, 16, DType::F32, true, true, initial};
    Cells cells(sourceOf(c), isa());
    for (const std::vector<int64_t> &starts :
         {std::vector<int64_t>{0, 0}, {0, 7}, {0, 0, 3, 3, 4, 37, 37}, {0, 16, 32, 33}})
      EXPECT_LE(run(cells, c, 1, starts.back(), starts, [&] { return normal(); }), 1e-5)
          << starts.size() - 1 << " sequences";
    EXPECT_LE(run(cells, c, 3, 9, {}, [&] { return normal(); }), 1e-5) << "not packed";
  }
}

TEST_P(Sums, TimeSum) {
  for (int64_t D : {1, 5, 16, 70})
    for (bool channels : {false, true}) {
      std::string K = channels ? "3x" : "", HD = D == 1 ? "70x1" : "2x" + std::to_string(D);
      Cells cells(
          substitute("func.func @sum(%x: tensor<?x?x$shape>) -> tensor<$shape> {\n  %s = "
                     "xlstm.time_sum %x : tensor<?x?x$shape> -> tensor<$shape>\n  return %s : "
                     "tensor<$shape>\n}",
                     {{"shape", K + HD + "xf32"}}),
          isa());
      for (int64_t T : {0, 1, 65}) {
        int64_t H = D == 1 ? 70 : 2, count = channels ? 3 : 1;
        Array x(DType::F32, channels ? Array::Index{3, T, 3, H, D} : Array::Index{3, T, H, D}),
            result(DType::F32, channels ? Array::Index{3, H, D} : Array::Index{H, D});
        x.fill([&] { return normal(); });
        cells.run("sum", {{"arg0", &x}, {"result0", &result}}, 3);
        std::vector<double> expected(count * H * D);
        size_t at = 0;
        x.forEach(
            [&](const Array::Index &index) { expected[at++ % expected.size()] += x.get(index); });
        EXPECT_LE(error(result, expected), 1e-5) << "D = " << D << ", T = " << T;
      }
    }
}

} // namespace
