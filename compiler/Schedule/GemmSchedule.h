// SPDX-License-Identifier: Apache-2.0
// Schedules of xlstm.linear: the tile of y that a block computes, and how much of k it reads at a
// time.
//
//              columns                    A block: sums [rows, columns] of each weight
//        ┌────┬────┬────┐                 for k in steps of depth:
//   rows │    │ ██ │    │                   x [rows, depth], weights [columns, depth]
//        ├────┼────┼────┤                   sums += x w^T
//        │    │    │    │                 y = epilogue(sums)
//        └────┴────┴────┘
//
// How many rows there are is known at run time only. On a CPU a block takes the narrowest of
// `widths` that holds its rows; one row is a product of a matrix and a vector, which reads the
// weights once and moves nothing. Rows that are single tokens of sequences, in a step, are each such
// a product (`per_row`), so that their results do not depend on how many there are; they share what
// is read of the weights.
//
// On a GPU as many blocks as there are multiprocessors each take every so many-th tile. Tiles are
// numbered down groups of rows, so that those computed at the same time share x and weights in the
// second-level cache:
//
//   group of rows   0 4 8     With roles, one warp copies x and weights into rings ahead of the
//                   1 5 9     others, also into the next tile while they finish this one; else all
//                   2 6 ..    warps copy ahead by `stages`.
//                   3 7
#ifndef XLSTM_COMPILER_SCHEDULE_GEMMSCHEDULE_H
#define XLSTM_COMPILER_SCHEDULE_GEMMSCHEDULE_H

#include "compiler/Schedule/Device.h"
#include "compiler/Schedule/Reason.h"
#include "mlir/IR/BuiltinAttributes.h"
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace xlstm {

/// What a schedule depends on. The number of rows is a run-time value of every kernel.
struct GemmProblem {
  int64_t n = 0, k = 0;  // columns of y and of x
  int64_t weights = 1;   // products of a block
  int64_t inputBits = 0; // 16 (bf16, f16), 32 or 64
  bool hasPrologue = false, transposed = false;
  bool hasNorm = false;         // of the rows of x
  bool constantWeights = false; // nothing that a run launches writes them
  int64_t mostRows = 0;  // rows that a kernel is to be best at, and is not used beyond; 0: many
  bool sums = false;     // k goes over all tokens (CPU)
  bool oneToken = false; // a row is the one token of a sequence
  // GPU: columns of all weights of the neighbouring products of the same x, this one among them, that
  // one launch may compute; 0: it has none. And whether one of them stands before it.
  int64_t columnsTogether = 0;
  bool follows = false;
};

struct GemmSchedule {
  std::string target;                       // name of the device
  int64_t rows = 0, columns = 0, depth = 0; // of a block's tile; the last ones may reach beyond
  bool perRow = false; // CPU: rows are products of a matrix and a vector, side by side
  // GPU only:
  int64_t warpsM = 0, warpsN = 0; // warps over the tile: along rows, along columns
  int64_t stages = 0;             // buffers of x and of each weight in shared memory
  int64_t group = 0;              // tiles of rows that are visited before the next columns
  int64_t blocks = 0;             // of the grid
  int64_t copiedRows = 0;         // of a tile of x, all rows that there may be; 0: all of the tile
  std::string matrixUnit;         // mma_sync, wgmma
  std::string copy;  // tma, cp_async (both need 16-byte aligned rows), elementwise (takes anything)
  int64_t roles = 0; // 1: a warp beside the others copies
  int64_t multiplyRegisters = 232, loadRegisters = 40; // of a thread
  int64_t resident = 1; // blocks that a multiprocessor's registers are to hold, of this and others
  int64_t keepsPlaces = 0; // 1: see KernelSchedule.h
  int64_t overlaps = 0; // 1: with roles, it copies weights while the launches before it still run
  int64_t joins = 0; // 1: the launch of the product before it computes it too, by blocks of its own

  /// The numbers of rows that a block on a CPU has programs for, widest first.
  std::vector<int64_t> widths() const;
  mlir::DictionaryAttr toAttribute(mlir::MLIRContext *context) const;
  static GemmSchedule fromAttribute(mlir::DictionaryAttr attribute);
  /// The keys that `--set` takes: gemm_rows, gemm_columns, gemm_depth, gemm_stages ...
  static std::vector<std::string> parameters();
  /// Shared memory that the kernel takes, in bytes, without barriers.
  int64_t sharedBytes(int64_t weights) const;
};

/// The numbers of rows up to which a GPU has kernels of their own, least first: few rows leave most
/// multiprocessors without a tile of the usual size, and the weights are all that is read.
std::vector<int64_t> rowClasses(const Device &device);
/// How many products at most compute the norm of their x themselves; where there are more, or with 0,
/// it is a kernel of its own, for that `reason`. An override that is wrong is an error in `wrong`.
struct NormsChoice {
  int64_t mostProducts = 0;
  Reason reason;
};
NormsChoice chooseNorms(const Device &device, const std::map<std::string, std::string> &overrides,
                        Reason &wrong);
/// Whether the family takes the problem on the device at all; the reason if it does not.
Reason isSupported(const GemmProblem &problem, const Device &device);
/// Whether a schedule can run; the first violated inequality if it cannot.
Reason check(const GemmProblem &problem, const GemmSchedule &schedule, const Device &device);
/// Every schedule of the family that `check` accepts, best expected first. `anyAlignment` asks for
/// copies that take tensors of any alignment and stride.
std::vector<GemmSchedule> enumerate(const GemmProblem &problem, const Device &device,
                                    bool anyAlignment = false);
/// The first of `enumerate`, with `overrides` ("gemm_depth" -> "128") put in; the reason in `reason`
/// if there is none.
std::optional<GemmSchedule> decide(const GemmProblem &problem, const Device &device,
                                   const std::map<std::string, std::string> &overrides,
                                   Reason &reason, bool anyAlignment = false);

} // namespace xlstm

#endif
