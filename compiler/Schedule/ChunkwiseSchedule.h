// SPDX-License-Identifier: Apache-2.0
// Schedules of the chunkwise mLSTM kernel: the one place that guesses. A decision is written on the
// op as the attribute `schedule` and obeyed afterwards.
//
// One block owns one (batch, head, slice of dv) and walks the sequence in chunks of `chunk` tokens.
// Its state C^T [dvSlice, dqk] stays in registers (GPU) or in a scratch buffer (CPU).
//
//     tokens ->       chunk 0   chunk 1   chunk 2
//   slice 0  [dvSlice]  ─────────►─────────►─────────►  C, n, m
//   slice 1  [dvSlice]  ─────────►─────────►─────────►
//
// The warps of a block divide C^T: warpsM along dv, 16 rows each, warpsN along dqk.
#ifndef XLSTM_COMPILER_SCHEDULE_CHUNKWISESCHEDULE_H
#define XLSTM_COMPILER_SCHEDULE_CHUNKWISESCHEDULE_H

#include "compiler/Schedule/Device.h"
#include "compiler/Schedule/Reason.h"
#include "mlir/IR/BuiltinAttributes.h"
#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace xlstm {

/// What a schedule depends on. B and T are run-time values of every kernel.
struct ChunkwiseProblem {
  int64_t heads = 0, dqk = 0, dv = 0;
  int64_t inputBits = 0;          // 16 (bf16, f16), 32 or 64
  std::string form = "chunkwise"; // chunkwise, recurrent, parallel, step: as xlstm.mlstm has it
  bool normalizes = true;         // has the state n
};

struct ChunkwiseSchedule {
  std::string target;  // name of the device
  int64_t chunk = 64;  // tokens
  int64_t dvSlice = 0; // columns of dv that one block owns; the last slice may reach beyond dv
  int64_t dqkTile = 0; // dqk rounded up to what the matrix unit takes
  // GPU only:
  int64_t warpsM = 0, warpsN = 0; // warps over C^T: along dv, along dqk
  int64_t stages = 0;             // shared-memory buffers of q, k and v: 2 reads one chunk ahead
  std::string matrixUnit;         // mma_sync, wgmma
  std::string copy; // tma, cp_async (both need 16-byte aligned rows), elementwise (takes anything)
  // GPU with setmaxnreg only: the loop is taken apart into roles. The state's warps are warpsM x 1;
  // scores have one warpgroup more, copies and gates share another.
  int64_t roles = 0;        // 1: roles
  int64_t ringStages = 2;   // of what one role computes for another
  int64_t laneArrivals = 1; // 0: each warp arrives once, see KernelSchedule.h
  int64_t stateRegisters = 208, scoreRegisters = 72, loadRegisters = 24; // of a thread

  // With roles: so many blocks, each for several slices of heads one after the other. 0: one each.
  int64_t persistent = 0;
  // Sequences in segments, by three kernels: as many as bring the blocks up to `segmentBlocks`, none
  // shorter than `segmentTokens`. 0 blocks: whole sequences.
  int64_t segmentBlocks = 0, segmentTokens = 512;

  int64_t numSlices(int64_t dv) const { return (dv + dvSlice - 1) / dvSlice; }
  int64_t numThreads() const { return 32 * (warpsM * warpsN + (roles ? 8 : 0)); }
  /// Warps over the scores of a chunk, [chunk, chunk]: along queries, along keys. All of a block's
  /// where keys are divided.
  std::pair<int64_t, int64_t> scoreWarps() const {
    int64_t warps = roles ? 4 : warpsM * warpsN, along = std::min(chunk / 16, warps);
    return {along, along ? warps / along : 0};
  }
  mlir::DictionaryAttr toAttribute(mlir::MLIRContext *context) const;
  /// Of the kernels beside the main one of a sequence in segments: the state alone, which leaves
  /// room for more stages; and the one that folds states, which has no products.
  ChunkwiseSchedule ofAdds() const;
  ChunkwiseSchedule ofSegments() const; ///< a block each
  mlir::DictionaryAttr startsAttribute(mlir::MLIRContext *context) const;
  static ChunkwiseSchedule fromAttribute(mlir::DictionaryAttr attribute);
  /// The keys that `--set` takes.
  static std::vector<std::string> parameters();
};

/// Whether the family takes the problem on the device at all; the reason if it does not.
Reason isSupported(const ChunkwiseProblem &problem, const Device &device);
/// Whether a schedule can run; the first violated inequality if it cannot.
Reason check(const ChunkwiseProblem &problem, const ChunkwiseSchedule &schedule,
             const Device &device);
/// Every schedule of the family that `check` accepts, best expected first. `anyAlignment` asks for
/// copies that take tensors of any alignment and stride.
std::vector<ChunkwiseSchedule> enumerate(const ChunkwiseProblem &problem, const Device &device,
                                         bool anyAlignment = false);
/// The first of `enumerate` that can run with `overrides` ("chunk" -> "32") put in; the reason in
/// `reason` if there is none. With `anyAlignment` the overrides of copy and stages are for the other kernel,
/// and have no effect.
std::optional<ChunkwiseSchedule> decide(const ChunkwiseProblem &problem, const Device &device,
                                        const std::map<std::string, std::string> &overrides,
                                        Reason &reason, bool anyAlignment = false);
/// Whether segments would bring more blocks to the device for some batch sizes: a package then has
/// another implementation, with segments, for those.
bool wantsSegments(const ChunkwiseProblem &problem, const ChunkwiseSchedule &schedule,
                   const Device &device);
/// Shared memory that the GPU kernel takes, in bytes (an upper bound; the emitted kernel says the
/// exact number).
int64_t sharedBytes(const ChunkwiseProblem &problem, const ChunkwiseSchedule &schedule);

} // namespace xlstm

#endif
