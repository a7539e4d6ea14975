// SPDX-License-Identifier: Apache-2.0
// The thread pool runs every block once, from any number of threads and callers.
#include "runtime/src/cpu/ThreadPool.h"

#include <gtest/gtest.h>

#include <cstring>

using xlstm::cpu::ThreadPool;

namespace {

// args: address of a counter for each block
void countBlocks(const int64_t *args, int64_t begin, int64_t end, void *) {
  auto *counters = reinterpret_cast<std::atomic<int> *>(args[0]);
  for (int64_t block = begin; block < end; ++block)
    counters[block].fetch_add(1, std::memory_order_relaxed);
}

// Uneven work through the scratch: args: address of results.
void unevenSums(const int64_t *args, int64_t begin, int64_t end, void *scratch) {
  auto *results = reinterpret_cast<int64_t *>(args[0]);
  auto *sum = static_cast<int64_t *>(scratch);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(scratch) % 64, 0u);
  for (int64_t block = begin; block < end; ++block) {
    *sum = 0;
    for (int64_t k = 0; k <= block * 50; ++k)
      *sum += k;
    results[block] = *sum;
  }
}

void expectEachOnce(ThreadPool &pool, int64_t blocks) {
  std::vector<std::atomic<int>> counters(static_cast<size_t>(blocks) + 1);
  int64_t args[] = {reinterpret_cast<int64_t>(counters.data())};
  pool.run(countBlocks, args, blocks);
  for (int64_t block = 0; block < blocks; ++block)
    ASSERT_EQ(counters[static_cast<size_t>(block)], 1) << "block " << block << " of " << blocks;
  ASSERT_EQ(counters[static_cast<size_t>(blocks)], 0);
}

TEST(ThreadPool, EveryBlockOnce) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    for (int64_t blocks : {0, 1, 2, 3, 7, 8, 64, 1000, 10007})
      expectEachOnce(pool, blocks);
  }
}

TEST(ThreadPool, ManySmallGrids) {
  ThreadPool pool(4);
  for (int i = 0; i < 2000; ++i)
    expectEachOnce(pool, i % 9);
}

TEST(ThreadPool, SleepingWorkersWakeUp) {
  ThreadPool pool(4);
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3)); // far longer than the workers poll
    expectEachOnce(pool, 100);
  }
}

// args: address of a counter. A block waits for one on another thread.
void meet(const int64_t *args, int64_t, int64_t, void *) {
  auto &arrived = *reinterpret_cast<std::atomic<int> *>(args[0]);
  arrived.fetch_add(1);
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (arrived.load() < 2 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
}

// The caller alone would do all blocks; that workers come too, awake or asleep, has to be seen.
TEST(ThreadPool, WorkersTakePart) {
  ThreadPool pool(2);
  for (int pause : {0, 0, 3, 3}) {
    std::this_thread::sleep_for(std::chrono::milliseconds(pause));
    std::atomic<int> arrived{0};
    int64_t args[] = {reinterpret_cast<int64_t>(&arrived)};
    pool.run(meet, args, 2);
    EXPECT_EQ(arrived, 2);
  }
}

TEST(ThreadPool, UnevenBlocksAndScratch) {
  ThreadPool pool(4);
  pool.reserveScratch(8);
  std::vector<int64_t> results(300);
  int64_t args[] = {reinterpret_cast<int64_t>(results.data())};
  pool.run(unevenSums, args, 300);
  for (int64_t block = 0; block < 300; ++block)
    EXPECT_EQ(results[static_cast<size_t>(block)], block * 50 * (block * 50 + 1) / 2);
}

// args: bytes of scratch
void fillScratch(const int64_t *args, int64_t, int64_t, void *scratch) {
  std::memset(scratch, 1, static_cast<size_t>(args[0]));
}

// A worker may still be on its way out of a grid when the scratch is replaced for the next one.
TEST(ThreadPool, ScratchGrowsBetweenGrids) {
  ThreadPool pool(3);
  for (int64_t bytes = 64; bytes < 64 * 400; bytes += 64) {
    pool.reserveScratch(bytes);
    for (int k = 0; k < 10; ++k)
      pool.run(fillScratch, &bytes, 5);
  }
}

TEST(ThreadPool, SeveralCallers) {
  ThreadPool pool(3);
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] {
      for (int k = 0; k < 200; ++k)
        expectEachOnce(pool, 50);
    });
  for (std::thread &caller : callers)
    caller.join();
}

} // namespace
