// SPDX-License-Identifier: Apache-2.0
#include "runtime/src/cpu/ThreadPool.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <new>
#include <system_error>

namespace xlstm::cpu {
namespace {

/// How long a thread polls before it sleeps: longer than the gap between two launches of one run,
/// short enough not to burden a machine where somebody else wants the CPU.
constexpr auto kSpin = std::chrono::microseconds(30);

constexpr uint64_t kChunksLeft = 0xFFFFFFFF;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Polls until `done` or the time is over; returns done().
template <typename Done> bool spin(Done done) {
  auto deadline = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 64; ++i) {
      if (done())
        return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  return done();
}

} // namespace

void ThreadPool::FreeDeleter::operator()(void *memory) const { std::free(memory); }

ThreadPool::ThreadPool(int threads) : count(std::max(threads, 1)) { scratch.resize(count); }

ThreadPool::~ThreadPool() {
  {
    std::lock_guard<std::mutex> lock(sleeping);
    stopping = true;
  }
  wake.notify_all();
  for (std::thread &worker : workers)
    worker.join();
}

void ThreadPool::reserveScratch(int64_t bytes) {
  std::lock_guard<std::mutex> lock(submission);
  if (bytes <= scratchBytes)
    return;
  size_t rounded = (static_cast<size_t>(bytes) + 63) / 64 * 64;
  for (auto &slot : scratch) {
    void *memory = std::aligned_alloc(64, rounded);
    if (!memory)
      throw std::bad_alloc();
    slot.reset(memory);
  }
  scratchBytes = static_cast<int64_t>(rounded);
}

void ThreadPool::start() {
  started = true;
  try {
    for (int i = 1; i < count; ++i)
      workers.emplace_back([this, i] { work(i); });
  } catch (const std::system_error &) {
    // The system gives no more threads; the ones there are do the work.
  }
}

void ThreadPool::claim(int index) {
  uint64_t ticket = unclaimed.load(std::memory_order_acquire);
  int64_t claimed = 0;
  while (uint64_t left = ticket & kChunksLeft) {
    Kernel gridKernel = kernel.load(std::memory_order_relaxed);
    const int64_t *gridArgs = args.load(std::memory_order_relaxed);
    int64_t gridBlocks = blocks.load(std::memory_order_relaxed);
    int64_t size = chunk.load(std::memory_order_relaxed);
    int64_t number = chunks.load(std::memory_order_relaxed) - static_cast<int64_t>(left);
    // That the grid is still this one, with chunks left, means that all of it was read as written.
    if (!unclaimed.compare_exchange_weak(ticket, ticket - 1, std::memory_order_acq_rel,
                                         std::memory_order_acquire))
      continue;
    // The scratch is replaced between grids only: it is this grid's after the claim, not before.
    gridKernel(gridArgs, number * size, std::min((number + 1) * size, gridBlocks),
               scratch[static_cast<size_t>(index)].get());
    ++claimed;
    ticket = unclaimed.load(std::memory_order_acquire);
  }
  // Until this is said no other grid begins, so all claims were of one.
  if (claimed && unfinished.fetch_sub(claimed, std::memory_order_acq_rel) == claimed &&
      index != 0) {
    std::lock_guard<std::mutex> lock(sleeping);
    finished.notify_one();
  }
}

void ThreadPool::work(int index) {
  for (;;) {
    uint64_t seen = generation.load();
    claim(index);
    auto changed = [&] { return generation.load() != seen; };
    if (spin(changed))
      continue;
    std::unique_lock<std::mutex> lock(sleeping);
    // Either the caller sees this sleeper, or this worker sees the caller's grid.
    sleepers.fetch_add(1);
    wake.wait(lock, [&] { return stopping || changed(); });
    sleepers.fetch_sub(1);
    if (stopping)
      return;
  }
}

void ThreadPool::run(Kernel gridKernel, const int64_t *gridArgs, int64_t gridBlocks) {
  if (gridBlocks <= 0)
    return;
  std::lock_guard<std::mutex> lock(submission);
  if (count == 1 || gridBlocks == 1) {
    gridKernel(gridArgs, 0, gridBlocks, scratch[0].get());
    return;
  }
  if (!started)
    start();
  // Eight chunks a thread balance uneven blocks; one block a chunk when there are few.
  int64_t size = std::max<int64_t>(1, gridBlocks / (int64_t(count) * 8));
  int64_t number = (gridBlocks + size - 1) / size;
  kernel.store(gridKernel, std::memory_order_relaxed);
  args.store(gridArgs, std::memory_order_relaxed);
  blocks.store(gridBlocks, std::memory_order_relaxed);
  chunk.store(size, std::memory_order_relaxed);
  chunks.store(number, std::memory_order_relaxed);
  unfinished.store(number, std::memory_order_relaxed);
  uint64_t grid = generation.load(std::memory_order_relaxed) + 1;
  unclaimed.store(grid << 32 | static_cast<uint64_t>(number), std::memory_order_release);
  generation.store(grid);
  if (sleepers.load() > 0) {
    {
      std::lock_guard<std::mutex> wakeLock(sleeping);
    }
    wake.notify_all();
  }
  claim(0);
  auto done = [&] { return unfinished.load(std::memory_order_acquire) == 0; };
  if (!spin(done)) {
    std::unique_lock<std::mutex> doneLock(sleeping);
    finished.wait(doneLock, done);
  }
}

} // namespace xlstm::cpu
