// SPDX-License-Identifier: Apache-2.0
// Tile kernels compiled for the processor that runs the test.
#ifndef XLSTM_TEST_CODEGEN_CPU_PROGRAM_H
#define XLSTM_TEST_CODEGEN_CPU_PROGRAM_H

#include "test/Codegen/CPU/Array.h"
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <random>
#include <string>

namespace xlstm::test {

/// The kernels of one module as a loaded shared object. Throws std::runtime_error with what went
/// wrong.
class Program {
public:
  Program(const std::string &source, const std::string &isa);
  ~Program();
  Program(const Program &) = delete;

  /// Runs the blocks begin .. end-1 with scratch memory of exactly the promised size, full of NaNs
  /// and in the middle of bytes that are checked afterwards; checks what surrounds the elements of
  /// every array too.
  void run(const std::string &kernel, const std::vector<Array *> &arrays, int64_t begin,
           int64_t end);
  void run(const std::string &kernel, const std::vector<Array *> &arrays) {
    run(kernel, arrays, 0, 1);
  }
  /// Seconds that the blocks 0 .. blocks-1 take on two threads: half of their processor
  /// time, so that neither other programs nor the start of a thread count; the best of `rounds`.
  double seconds(const std::string &kernel, const std::vector<Array *> &arrays, int64_t blocks,
                 int rounds);
  int64_t scratchBytes(const std::string &kernel) const { return kernels.at(kernel).scratchBytes; }

private:
  using Function = void (*)(const int64_t *, int64_t, int64_t, void *);
  struct Kernel {
    Function function = nullptr;
    int64_t scratchBytes = 0;
    // Per tensor: which axes have a dynamic extent, which a dynamic stride.
    std::vector<std::pair<std::vector<bool>, std::vector<bool>>> dynamic;
  };
  static std::vector<int64_t> arguments(const Kernel &kernel, const std::vector<Array *> &arrays);
  std::map<std::string, Kernel> kernels;
  void *library = nullptr;
  int file = -1;
};

/// The widest instruction set of this processor.
const char *bestISA();

/// Runs on every instruction set, those that this processor lacks being skipped.
class OnISA : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override;
  std::string isa() const { return GetParam(); }
  double normal() { return std::normal_distribution<double>()(random); }
  double uniform(double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
  }
  std::mt19937_64 random{42};
};

#define XLSTM_ON_EVERY_ISA(Suite)                                                                  \
  INSTANTIATE_TEST_SUITE_P(ISA, Suite, testing::Values("x86-64-v4", "x86-64-v3", "x86-64"),        \
                           [](const auto &info) {                                                  \
                             std::string name = info.param;                                        \
                             std::replace(name.begin(), name.end(), '-', '_');                     \
                             return name;                                                          \
                           })

/// `text` with every `$key` replaced.
std::string substitute(std::string text, const std::map<std::string, std::string> &values);

} // namespace xlstm::test

#endif
