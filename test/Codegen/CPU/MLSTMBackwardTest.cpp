// SPDX-License-Identifier: Apache-2.0
// The backward kernel of the mLSTM cell. Most tests give it states that are computed step by step,
// so that a mistake of the forward kernel cannot hide one of this.
#include "test/Codegen/CPU/MLSTMGradients.h"

#include <cmath>

using namespace xlstm::test;
using namespace xlstm::reference;

namespace {

class MLSTMBackwardTypes : public OnISA {};
XLSTM_ON_EVERY_ISA(MLSTMBackwardTypes);

/// All lengths, without states and with all of them.
void checkLengths(const GradientCell &cell, const std::string &isa = bestISA()) {
  GradientKernels kernels(cell, isa);
  for (int64_t T : {0, 1, 2, 63, 64, 65, 200}) {
    SCOPED_TRACE("T = " + std::to_string(T));
    GradientCase plain(cell, 2, T);
    plain.prepare();
    plain.saveStates();
    plain.run(kernels);
    plain.check(toleranceOf(cell.type));
    GradientCase full(cell, 2, T);
    full.problem.addStates();
    full.addLastGradients();
    full.prepare(/*padded=*/true);
    full.saveStates();
    full.run(kernels);
    full.check(toleranceOf(cell.type));
  }
}

TEST_P(MLSTMBackwardTypes, EveryType) {
  for (DType type : allDTypes) {
    SCOPED_TRACE(name(type));
    checkLengths({type, 2, 12, 20, 64, exponential()}, isa());
    checkLengths({type, 1, 33, 17, 16, sigmoid(true)}, isa());
  }
}

TEST(MLSTMBackward, EveryOption) {
  for (const MLSTMOptions &options : allOptions())
    for (NormalizerGrad grad : {NormalizerGrad::Exact, NormalizerGrad::Dropped}) {
      if (grad == NormalizerGrad::Dropped && options.denominator == Denominator::MaxWithEps)
        continue; // the other one shows that there is no gradient
      SCOPED_TRACE(std::to_string(int(options.inputGate)) + std::to_string(options.normalize) +
                   std::to_string(int(options.scaleOn)) + std::to_string(int(options.denominator)) +
                   std::to_string(int(grad)));
      checkLengths({DType::F32, 2, 12, 20, 64, options, grad});
    }
}

// All gates extreme, or one. With gates of 100 nearly all weight is on one token, where the score's
// own gradient and the normaliser's cancel: digits are left for f64, finite numbers for f32.
TEST(MLSTMBackward, ExtremeGates) {
  for (DType type : {DType::F32, DType::F64})
    for (const MLSTMOptions &options : {exponential(), sigmoid(true), sigmoid(false)}) {
      GradientCell cell{type, 2, 12, 20, 32, options};
      GradientKernels kernels(cell);
      for (double gates : {30.0, 100.0}) {
        SCOPED_TRACE(std::string(name(type)) + " gates within " + std::to_string(gates));
        GradientCase wide(cell, 2, 100, gates);
        wide.problem.addStates();
        wide.addLastGradients();
        wide.prepare();
        wide.saveStates();
        wide.run(kernels);
        wide.check(gates == 100 && type == DType::F32 ? HUGE_VAL : toleranceOf(type));
      }
      for (auto [i, f] : {std::pair{0.0, -100.0}, {30.0, 3.0}, {-30.0, 3.0}, {0.0, 100.0}}) {
        SCOPED_TRACE(std::string(name(type)) + " one gate i = " + std::to_string(i) +
                     ", f = " + std::to_string(f));
        GradientCase one(cell, 1, 70);
        for (int64_t token : {37 * 2, 37 * 2 + 1}) {
          one.problem.i[token] = i;
          one.problem.f[token] = f;
        }
        one.addLastGradients();
        one.prepare();
        one.saveStates();
        one.run(kernels);
        one.check(toleranceOf(type));
        if (f == -100) // as small as the gate, not the rounding error of larger sums
          for (int64_t head : {0, 1})
            EXPECT_LT(std::fabs(one.arrays.at("df").get({0, 37, head})), 1e-38);
      }
    }
}

TEST(MLSTMBackward, ResetsAndPackedSequences) {
  for (const MLSTMOptions &options : {exponential(), sigmoid(true), sigmoid(false)})
    for (auto [type, gates] : {std::pair{DType::F32, 3.0}, {DType::F64, 100.0}}) {
      GradientCell cell{type, 2, 12, 20, 16, options};
      GradientKernels kernels(cell);
      for (bool packed : {false, true})
        for (bool resets : {false, true}) {
          SCOPED_TRACE(std::string(name(type)) + (packed ? " packed" : "") +
                       (resets ? " resets" : ""));
          GradientCase c(cell, packed ? 1 : 2, 75, gates);
          if (packed)
            c.problem.cuSeqlens = {0, 0, 1, 18, 50, 50, 66, 75};
          c.problem.addStates();
          if (resets) {
            c.problem.addResets();
            c.problem.reset[0] = c.problem.reset[50] = c.problem.reset[74] = 1;
            c.problem.i[50 * 2] = -1e30; // a token without weight still ends what was before
          }
          c.addLastGradients();
          c.prepare();
          c.saveStates();
          c.run(kernels);
          c.check(toleranceOf(type));
        }
    }
}

TEST(MLSTMBackward, SameBitsTwice) {
  GradientCell cell{DType::F32, 2, 24, 40, 64, exponential()};
  GradientKernels kernels(cell);
  std::vector<uint64_t> bits[2];
  for (auto &result : bits) {
    GradientCase c(cell, 2, 150);
    c.problem.addStates();
    c.addLastGradients();
    c.prepare();
    c.saveStates();
    c.run(kernels);
    result = c.bits();
  }
  EXPECT_EQ(bits[0], bits[1]);
}

// What the forward kernel saves is what the backward kernel reads.
TEST(MLSTMBackward, AfterTheForwardKernel) {
  for (auto [type, options] : {std::pair{DType::F32, exponential()},
                               {DType::F32, sigmoid(true)},
                               {DType::F32, sigmoid(false)},
                               {DType::BF16, exponential()}}) {
    GradientCell cell{type, 2, 20, 36, 32, options};
    GradientKernels kernels(cell, bestISA(), /*withForward=*/true);
    for (bool packed : {false, true}) {
      SCOPED_TRACE(std::string(name(type)) + (packed ? " packed" : ""));
      GradientCase c(cell, packed ? 1 : 2, 100);
      if (packed)
        c.problem.cuSeqlens = {0, 0, 33, 97, 100};
      c.problem.addStates();
      c.problem.addResets();
      c.addLastGradients();
      c.prepare();
      c.run(kernels, "forward");
      c.run(kernels, "backward");
      c.check(toleranceOf(type));
    }
  }
}

// Run with --gtest_also_run_disabled_tests --gtest_filter='*MLSTMBackward*Speed*'.
TEST(MLSTMBackward, DISABLED_Speed) {
  for (int64_t d : {64, 128, 256}) {
    constexpr int64_t heads = 4, time = 2048;
    GradientCell cell{DType::F32, heads, d, d, 64, exponential()};
    GradientKernels kernels(cell, bestISA(), /*withForward=*/true);
    GradientCase c(cell, 1, time);
    c.prepare();
    for (const char *kernel : {"forward", "backward"})
      std::printf("%s, %lld heads of %lld, %lld tokens, two threads: %.3f ms\n", kernel,
                  (long long)heads, (long long)d, (long long)time,
                  1e3 * kernels.seconds(kernel, c.arrays, 1));
  }
}

} // namespace
