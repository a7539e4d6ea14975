// SPDX-License-Identifier: Apache-2.0
// How fast matrix products are. Run with --gtest_also_run_disabled_tests
// --gtest_filter='*ProductSpeed*'.
#include "test/Codegen/CPU/Program.h"

#include <array>

using namespace xlstm::test;

namespace {

class ProductSpeed : public OnISA {};
XLSTM_ON_EVERY_ISA(ProductSpeed);

/// GFLOP/s of one product of m x k and k x n, repeated in a block so that loading the tiles does
/// not count.
double speed(int64_t m, int64_t n, int64_t k, bool lhsByColumns, DType type,
             const std::string &isa) {
  Program program(substitute(R"(
tile.kernel @k(%times: memref<?x$t>, %a: memref<$Ax$t>, %b: memref<$kx$nx$t>, %d: memref<$mx$nx$t>) names ["times", "a", "b", "d"] grid(%i: 1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : $t
  %repeat = memref.dim %times, %c0 : memref<?x$t>
  %x = tile.load %a[%c0, %c0] axes $axes : memref<$Ax$t> -> !tile.tile<$mx$kx$t>
  %y = tile.load %b[%c0, %c0] axes [0, 1] : memref<$kx$nx$t> -> !tile.tile<$kx$nx$t>
  %init = tile.load %d[%c0, %c0] axes [0, 1] : memref<$mx$nx$t> -> !tile.tile<$mx$nx$t>
  %r = scf.for %j = %c0 to %repeat step %c1 iter_args(%acc = %init) -> (!tile.tile<$mx$nx$t>) {
    %sum = tile.matmul %x, %y, %acc : !tile.tile<$mx$kx$t>, !tile.tile<$kx$nx$t>, !tile.tile<$mx$nx$t> -> !tile.tile<$mx$nx$t>
    scf.yield %sum : !tile.tile<$mx$nx$t>
  }
  tile.store %r, %d[%c0, %c0] axes [0, 1] : !tile.tile<$mx$nx$t>, memref<$mx$nx$t>
})",
                             {{"m", std::to_string(m)},
                              {"n", std::to_string(n)},
                              {"k", std::to_string(k)},
                              {"t", name(type)},
                              {"A", lhsByColumns ? std::to_string(k) + "x" + std::to_string(m)
                                                 : std::to_string(m) + "x" + std::to_string(k)},
                              {"axes", lhsByColumns ? "[1, 0]" : "[0, 1]"}}),
                  isa);
  double best = 0;
  auto seconds = [&](int64_t repeat) {
    Array times(type, {repeat}), a(type, lhsByColumns ? Array::Index{k, m} : Array::Index{m, k}),
        b(type, {k, n}), d(type, {m, n});
    return 2 * program.seconds("k", {&times, &a, &b, &d}, 1, 1); // one of two threads is idle
  };
  int64_t few = 10, many = 10 + std::max<int64_t>(10, int64_t(2e9 / (2.0 * m * n * k)));
  for (int round = 0; round < 5; ++round)
    best = std::max(best, 2e-9 * m * n * k * (many - few) / (seconds(many) - seconds(few)));
  return best;
}

TEST_P(ProductSpeed, DISABLED_MatmulGigaflops) {
  for (DType type : {DType::F32, DType::F64})
    for (auto [m, n, k] :
         {std::array<int64_t, 3>{64, 256, 256}, std::array<int64_t, 3>{64, 512, 64}})
      std::printf(
          "%-9s %s %3lld x %3lld, k = %3lld: %6.1f GFLOP/s, left operand by columns %6.1f\n",
          GetParam(), name(type), (long long)m, (long long)n, (long long)k,
          speed(m, n, k, false, type, isa()), speed(m, n, k, true, type, isa()));
}

} // namespace
