// SPDX-License-Identifier: Apache-2.0
// Runs the blocks of a linear grid on a fixed set of threads.
//
//   caller        |--claim chunk--claim chunk--| waits for chunks that others have claimed, returns
//   worker 1..n-1     |--claim chunk--…--|       spins a little for the next grid, then sleeps
//
// Threads claim chunks of blocks from one counter, so uneven blocks balance, and a worker that is
// still asleep, or has no CPU because somebody else has it, holds up nobody: a step of a small model
// is a hundred grids of some microseconds. Which thread runs a block does not matter for the result:
// blocks write disjoint outputs.
#ifndef XLSTM_RUNTIME_CPU_THREADPOOL_H
#define XLSTM_RUNTIME_CPU_THREADPOOL_H

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace xlstm::cpu {

/// The CPU kernel calling convention (see package/Manifest.h).
using Kernel = void (*)(const int64_t *args, int64_t begin, int64_t end, void *scratch);

class ThreadPool {
public:
  /// `threads` >= 1 counts the calling thread; workers start at the first grid of more than one
  /// block.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  /// Gives every thread at least `bytes` of 64-byte aligned scratch. Allocates; throws
  /// std::bad_alloc.
  void reserveScratch(int64_t bytes);

  /// Runs blocks [0, blocks) and returns when all are done. Allocates nothing after the first call.
  /// Calls from several threads take turns.
  void run(Kernel kernel, const int64_t *args, int64_t blocks);

  int threads() const { return count; }

private:
  void start();
  void work(int index);
  void claim(int index);

  struct FreeDeleter {
    void operator()(void *memory) const;
  };
  const int count;
  std::mutex submission; // one grid at a time; guards scratch
  std::vector<std::unique_ptr<void, FreeDeleter>> scratch;
  int64_t scratchBytes = 0;
  std::vector<std::thread> workers;
  bool started = false;

  // The grid at hand, written by the caller before `unclaimed`. A worker may read it while the next
  // one is written; then its claim fails and it drops what it has read.
  std::atomic<Kernel> kernel{nullptr};
  std::atomic<const int64_t *> args{nullptr};
  std::atomic<int64_t> blocks{0}, chunk{1}, chunks{0};
  alignas(64) std::atomic<uint64_t> unclaimed{0};  // number of the grid << 32 | chunks left
  alignas(64) std::atomic<uint64_t> generation{0}; // number of the grid: what idle workers poll
  alignas(64) std::atomic<int64_t> unfinished{0};  // chunks
  alignas(64) std::atomic<int> sleepers{0};        // workers
  std::mutex sleeping;
  std::condition_variable wake, finished;
  bool stopping = false;
};

} // namespace xlstm::cpu
#endif
