// SPDX-License-Identifier: Apache-2.0
// The GPU kernels of xlstm.linear, with roles and as a loop, against sums in float64.
#include "test/Dialect/Tile/Interpreter/Kernels.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace xlstm::test;

namespace {

/// y = silu(x gate^T) * (x up^T) * s + r, with a row factor s and a residual r.
std::string gated(int64_t n, int64_t k, const std::string &type) {
  std::string N = std::to_string(n), K = std::to_string(k), x = "tensor<?x" + K + "x" + type + ">",
              w = "tensor<" + N + "x" + K + "x" + type + ">",
              y = "tensor<?x" + N + "x" + type + ">";
  auto named = [](std::string name, std::string type) {
    return "%" + name + ": " + type + " {xlstm.name = \"" + name + "\"}";
  };
  return "func.func @f(" + named("x", x) + ", " + named("gate", w) + ", " + named("up", w) + ", " +
         named("r", y) + ", " + named("s", "tensor<?xf32>") + ") -> (" + y +
         " {xlstm.name = \"y\"}) {\n  %y = xlstm.linear %x weights(%gate, %up : " + w + ", " + w +
         ") elems(%r : " + y + R"() rows(%s : tensor<?xf32>) epilogue {
  ^bb0(%g: f32, %u: f32, %e: f32, %f: f32):
    %sigmoid = xlstm.sigmoid %g : f32
    %silu = arith.mulf %g, %sigmoid : f32
    %product = arith.mulf %silu, %u : f32
    %scaled = arith.mulf %product, %f : f32
    %sum = arith.addf %scaled, %e : f32
    xlstm.yield outputs(%sum : f32)
  } : )" +
         x + " -> " + y + "\n  return %y : " + y + "\n}\n";
}

void fill(mlir::tile::GlobalTensor &tensor, double phase) {
  int64_t number = 0;
  tensor.forEach([&](llvm::ArrayRef<int64_t> i) { tensor.set(i, std::sin(phase * ++number)); });
}

void expectGood(const std::string &schedule, const std::string &type, int64_t m, int64_t n,
                int64_t k, double tolerance) {
  SCOPED_TRACE(schedule + " " + type + " " + std::to_string(m) + " x " + std::to_string(n) + " x " +
               std::to_string(k));
  Kernel kernel(gated(n, k, type));
  kernel.apply("xlstm-select-schedule{" + schedule + "},convert-xlstm-to-tile,tile-split-roles");
  kernel.allocate({m});
  double phase = 0.7;
  for (const char *name : {"x", "gate", "up", "r", "s"})
    fill(kernel.tensor(name), phase += 0.37);
  auto &x = kernel.tensor("x"), &gate = kernel.tensor("gate"), &up = kernel.tensor("up");
  std::vector<uint8_t> bits;
  for (int seed = 0; seed < 3; ++seed) {
    auto &y = kernel.tensor("y");
    y.forEach([&](llvm::ArrayRef<int64_t> i) { y.set(i, NAN); });
    auto finding = kernel.run(seed);
    ASSERT_FALSE(finding) << finding->text;
    if (seed == 0)
      bits = y.bytes;
    EXPECT_TRUE(y.bytes == bits) << "seed " << seed;
  }
  double error = 0, norm = 0;
  auto &y = kernel.tensor("y");
  y.forEach([&](llvm::ArrayRef<int64_t> i) {
    double g = 0, u = 0;
    for (int64_t depth = 0; depth < k; ++depth) {
      g += x.get({i[0], depth}) * gate.get({i[1], depth});
      u += x.get({i[0], depth}) * up.get({i[1], depth});
    }
    double expected =
        g / (1 + std::exp(-g)) * u * kernel.tensor("s").get({i[0]}) + kernel.tensor("r").get(i);
    error += std::pow(y.get(i) - expected, 2), norm += expected * expected;
  });
  EXPECT_LE(std::sqrt(error / norm), tolerance);
}

// Two blocks take turns, so that rings go on from one tile to the next.
TEST(Linear, Roles) {
  std::string schedule = "target=sm_90a set=gemm_blocks=2";
  expectGood(schedule, "bf16", 300, 136, 200, 5e-3);
  expectGood(schedule, "f16", 130, 264, 72, 2e-3);
  expectGood(schedule + " set=gemm_stages=2", "bf16", 1, 136, 328, 5e-3);
}

// Rows of x that are not copied are arbitrary, and reach nothing that is stored.
TEST(Linear, FewRows) {
  expectGood("target=sm_90a most-rows=8 set=gemm_blocks=2", "bf16", 5, 136, 200, 5e-3);
  expectGood("target=sm_90a most-rows=64", "f16", 40, 72, 328, 2e-3);
}

TEST(Linear, Loop) { expectGood("target=sm_80", "bf16", 70, 40, 104, 5e-3); }

} // namespace
