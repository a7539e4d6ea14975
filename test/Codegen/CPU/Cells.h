// SPDX-License-Identifier: Apache-2.0
// Functions of one xlstm op, compiled for the processor that runs the test.
#ifndef XLSTM_TEST_CODEGEN_CPU_CELLS_H
#define XLSTM_TEST_CODEGEN_CPU_CELLS_H

#include "test/Codegen/CPU/Program.h"
#include <map>
#include <string>
#include <vector>

namespace xlstm::test {

/// A module of functions, each of one xlstm op of the function's arguments. Throws
/// std::runtime_error with what went wrong.
class Cells {
public:
  /// `set`: overrides of schedule parameters, "KEY=VALUE".
  Cells(const std::string &source, const std::string &isa, std::vector<std::string> set = {});

  /// Runs a function for `sequences` sequences; one of several kernels runs them in their order, with
  /// NaNs in the tensors between them at first. Tensors by name: argument i is "arg<i>", result
  /// i "result<i>". Those that are not given are absent.
  void run(const std::string &function, const std::map<std::string, Array *> &tensors,
           int64_t sequences);
  /// Seconds on two threads, without any check.
  double seconds(const std::string &function, const std::map<std::string, Array *> &tensors,
                 int64_t sequences, int rounds);
  /// The tile program, printed.
  const std::string &tiles() const { return text; }

private:
  struct Kernel {
    std::vector<std::string> names; // of the tensors
    std::vector<size_t> ranks;
    int64_t divisor = 1, blocks = 1; // of the first extent of the grid; all others, multiplied
    bool perSequence = false;        // whether the first extent is that of a tensor
    struct Extent {
      int64_t size, tensor, axis, divisor;
    };
    std::vector<Extent> grid;
  };
  /// The arrays in the order of the kernel's tensors, and the number of blocks. `absent` holds
  /// those that are not given.
  std::pair<std::vector<Array *>, int64_t> bind(const Kernel &kernel,
                                                const std::map<std::string, Array *> &tensors,
                                                int64_t sequences, std::vector<Array> &absent);
  /// A tensor between kernels: its extents are constants, or sums of products of run-time
  /// dimensions, each divided by a number and rounded up.
  struct Buffer {
    std::string name;
    DType type;
    std::vector<std::vector<std::vector<std::pair<std::string, int64_t>>>> extents;
  };
  void runSeveral(const std::string &function, std::map<std::string, Array *> tensors);

  std::map<std::string, Kernel> kernels;
  std::vector<std::string> order; // of the kernels
  std::vector<Buffer> buffers;
  std::string text;
  std::unique_ptr<Program> program;
};

} // namespace xlstm::test

#endif
