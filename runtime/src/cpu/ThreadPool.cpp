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
    generation.fetch_add(1, std::memory_order_release);
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
  void *memory = scratch[index].get();
  for (;;) {
    int64_t begin = next.fetch_add(chunk, std::memory_order_relaxed);
    if (begin >= blocks)
      return;
    kernel(args, begin, std::min(begin + chunk, blocks), memory);
  }
}

void ThreadPool::work(int index) {
  uint64_t seen = 0;
  for (;;) {
    auto changed = [&] { return generation.load(std::memory_order_acquire) != seen; };
    if (!spin(changed)) {
      std::unique_lock<std::mutex> lock(sleeping);
      wake.wait(lock, changed);
    }
    // A grid ends only when every worker has taken part, so no generation is ever missed.
    ++seen;
    {
      std::lock_guard<std::mutex> lock(sleeping);
      if (stopping)
        return;
    }
    claim(index);
    if (working.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      std::lock_guard<std::mutex> lock(sleeping);
      finished.notify_one();
    }
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
  kernel = gridKernel;
  args = gridArgs;
  blocks = gridBlocks;
  // Eight chunks a thread balance uneven blocks; one block a chunk when there are few.
  chunk = std::max<int64_t>(1, blocks / (int64_t(count) * 8));
  next.store(0, std::memory_order_relaxed);
  working.store(static_cast<int>(workers.size()), std::memory_order_relaxed);
  {
    std::lock_guard<std::mutex> wakeLock(sleeping);
    generation.fetch_add(1, std::memory_order_release);
  }
  wake.notify_all();
  claim(0);
  auto done = [&] { return working.load(std::memory_order_acquire) == 0; };
  if (!spin(done)) {
    std::unique_lock<std::mutex> doneLock(sleeping);
    finished.wait(doneLock, done);
  }
}

} // namespace xlstm::cpu
