// SPDX-License-Identifier: Apache-2.0
// Schedules of the mLSTM forward pass by several kernels, for heads whose state does not fit a
// block, and where states are to be saved.
//
// The state at each chunk's start goes through memory, so that all chunks of the other kernels run
// side by side:
//
//   gates   [batch, head, chunk]              b, e and their maxima of a chunk; K^T w for n
//   carry   [batch, head, slice of dqk]       m and n from chunk to chunk
//   states  [batch, head, slices of dv, dqk]  C^T from chunk to chunk, `tokens` at a time
//   scores  [batch, head, chunk, rows]        P and the denominators, once for all of dv
//   output  [batch, head, chunk, rows, columns of dv]   h from Q C and P V
//
// The last three are where the time goes; each has a tile of 16-bit products whose sums stay in
// registers, and reads its operands `depth` at a time.
#ifndef XLSTM_COMPILER_SCHEDULE_STATESSCHEDULE_H
#define XLSTM_COMPILER_SCHEDULE_STATESSCHEDULE_H

#include "compiler/Schedule/ChunkwiseSchedule.h"

namespace xlstm {

struct StatesSchedule {
  std::string target;                // name of the device
  int64_t chunk = 256;               // tokens from one state in memory to the next
  int64_t saveEvery = 256;           // tokens from one saved state to the next: whole chunks
  int64_t tokens = 64;               // that the state takes at a time
  int64_t dvSlice = 0, dqkSlice = 0; // C^T [dvSlice, dqkSlice] of a block of `states`
  int64_t rows = 0;                  // tokens of a block of `scores` and of `output`
  int64_t columns = 0;               // of dv of a block of `output`
  int64_t depth = 64;                // of dqk, and keys, that a product takes at a time
  int64_t carrySlice = 256;          // of n that a block of `carry` owns
  // GPU only:
  int64_t warps = 0;      // of a block of `states`, `scores` and `output`
  int64_t stages = 0;     // shared-memory buffers of each operand
  std::string matrixUnit; // mma_sync, wgmma
  std::string copy;       // tma, cp_async, elementwise

  /// The kernels by name, in the order in which they run.
  static llvm::ArrayRef<const char *> kernels();
  /// Warps of a tile with `rows` rows: along rows, 16 each at a time, and along columns.
  std::pair<int64_t, int64_t> warpGrid(int64_t rows) const {
    int64_t along = std::min(warps, rows / 16);
    return {along, along ? warps / along : 0};
  }
  mlir::DictionaryAttr toAttribute(mlir::MLIRContext *context) const;
  static StatesSchedule fromAttribute(mlir::DictionaryAttr attribute);
  /// Whether the attribute is of this family.
  static bool is(mlir::DictionaryAttr attribute) { return attribute.contains("kernels"); }
  /// The schedule of one of the kernels.
  mlir::DictionaryAttr ofKernel(mlir::StringRef kernel, mlir::MLIRContext *context) const;
  /// What the parts of the program that all chunkwise kernels share read.
  ChunkwiseSchedule chunks() const;
  /// The keys that `--set` takes, beside those of ChunkwiseSchedule: `kernels` chooses the family.
  static std::vector<std::string> parameters();
};

/// One kernel or several, and why, for the user; on a CPU that is silent, since one is always as
/// good there. The override `kernels` decides, else a parameter that only one of the families has.
struct KernelsChoice {
  bool several = false;
  std::string reason;
};
KernelsChoice chooseKernels(const ChunkwiseProblem &problem, const Device &device, bool saveStates,
                            const std::map<std::string, std::string> &overrides, Reason &wrong);

/// As for the other families.
Reason isSupportedByStates(const ChunkwiseProblem &problem, const Device &device);
Reason check(const ChunkwiseProblem &problem, const StatesSchedule &schedule, const Device &device);
std::vector<StatesSchedule> enumerateStates(const ChunkwiseProblem &problem, const Device &device,
                                            bool anyAlignment = false);
std::optional<StatesSchedule> decideStates(const ChunkwiseProblem &problem, const Device &device,
                                           const std::map<std::string, std::string> &overrides,
                                           Reason &reason, bool anyAlignment = false);
/// Shared memory that a kernel takes, in bytes (an upper bound).
int64_t sharedBytes(const StatesSchedule &schedule, mlir::StringRef kernel);

} // namespace xlstm

#endif
