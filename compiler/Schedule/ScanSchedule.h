// SPDX-License-Identifier: Apache-2.0
// Schedules of xlstm.scan: how many sequences and heads one block walks through time.
//
// A block owns a tile of sequences of one head. It holds the head's recurrent matrices and the
// states of its sequences, and takes one step after the other: the products of all its sequences
// with the matrices, then the cell's function of every unit.
//
//        heads        h0   h1   h2  …     a block: R_p [d, d] of its head
//   sequences 0..7   [  ] [  ] [  ]                states [batch, d]
//             8..15  [  ] [  ] [  ]                for t: products [batch, d], region, stores
//
// A wider tile reads the matrices less often, a narrower one gives more blocks. How many sequences
// there are is known at run time only: a block takes the narrowest of batch, batch/2 and 1 rows
// that holds its sequences. Packed sequences are walked one at a time. Rows do not influence each
// other, so none of this changes a result.
//
// With d = 1 the product is no matrix product: a tile's columns then run along heads.
//
// On a GPU a block has one sequence, whose units lie across its threads. For a product, groups of
// `lanes` threads have a row of R each, of which a lane reads `vector` neighbours at a time; the rest
// of the rows follows. The matrices are in shared memory as long as they fit there, else every step
// reads them again, through the second-level cache (`matrices`).
#ifndef XLSTM_COMPILER_SCHEDULE_SCANSCHEDULE_H
#define XLSTM_COMPILER_SCHEDULE_SCANSCHEDULE_H

#include "compiler/Schedule/Device.h"
#include "compiler/Schedule/Reason.h"
#include "mlir/IR/BuiltinAttributes.h"
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace xlstm {

/// What a schedule depends on. B and T are run-time values of every kernel.
struct ScanProblem {
  int64_t heads = 0, d = 0;
  int64_t matrices = 0, bits = 32; // P, and the size of their elements
  int64_t multiplied = 1;          // states that matrices are multiplied with
  bool step = false;               // one token
};

struct ScanSchedule {
  std::string target; // name of the device
  int64_t batch = 8;  // sequences of a block, a power of two
  int64_t heads = 1;  // heads of a block; more than one only where d = 1
  // GPU:
  int64_t threads = 0;           // of a block
  int64_t lanes = 0, vector = 0; // of a product; 0: none is a matrix product
  std::string matrices;          // shared or memory
  bool overlaps = false;         // it is launched while the launch before it ends

  /// The numbers of rows that a block has programs for, widest first.
  std::vector<int64_t> widths() const {
    if (batch <= 2)
      return batch == 1 ? std::vector<int64_t>{1} : std::vector<int64_t>{2, 1};
    return {batch, batch / 2, 1};
  }

  /// Units of a row in shared memory, with zeros behind its end: whole pieces of 16 bytes.
  static int64_t paddedRow(int64_t d, int64_t bits) {
    int64_t piece = 128 / bits;
    return (d + piece - 1) / piece * piece;
  }
  /// Shared memory of a GPU's block: states and products in f32, matrices if they are there.
  int64_t sharedBytes(const ScanProblem &problem) const {
    if (!lanes)
      return 0;
    int64_t row = paddedRow(problem.d, problem.bits);
    int64_t kept = matrices == "shared" ? problem.matrices * problem.d * row * problem.bits / 8 : 0;
    return kept + 4 * (problem.multiplied * row + problem.matrices * (problem.d + 3));
  }

  int64_t headBlocks(int64_t all) const { return (all + heads - 1) / heads; }
  mlir::DictionaryAttr toAttribute(mlir::MLIRContext *context) const;
  static ScanSchedule fromAttribute(mlir::DictionaryAttr attribute);
  /// The keys that `--set` takes: batch, heads.
  static std::vector<std::string> parameters();
};

/// Whether the family takes the problem on the device at all; the reason if it does not.
Reason isSupported(const ScanProblem &problem, const Device &device);
/// Whether a schedule can run; the first violated inequality if it cannot.
Reason check(const ScanProblem &problem, const ScanSchedule &schedule, const Device &device);
/// Every schedule of the family that `check` accepts, best expected first.
std::vector<ScanSchedule> enumerate(const ScanProblem &problem, const Device &device);
/// The first of `enumerate`, with `overrides` ("batch" -> "4") put in; the reason in `reason` if
/// there is none.
std::optional<ScanSchedule> decide(const ScanProblem &problem, const Device &device,
                                   const std::map<std::string, std::string> &overrides,
                                   Reason &reason);

} // namespace xlstm

#endif
