// SPDX-License-Identifier: Apache-2.0
#include "examples/train_lm/Team.h"

namespace xlstm::example {

Team::Team(size_t threads) {
  for (size_t thread = 1; thread < threads; ++thread)
    workers.emplace_back([this, thread] { work(thread); });
}

Team::~Team() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    stopping = true;
  }
  begun.notify_all();
  for (std::thread &worker : workers)
    worker.join();
}

void Team::takeTasks(size_t thread, std::unique_lock<std::mutex> &lock) {
  while (next < count) {
    size_t taken = next++;
    lock.unlock();
    std::exception_ptr thrown;
    try {
      (*task)(thread, taken);
    } catch (...) {
      thrown = std::current_exception();
    }
    lock.lock();
    if (thrown && !error)
      error = thrown;
    if (--unfinished == 0)
      ended.notify_one();
  }
}

void Team::work(size_t thread) {
  std::unique_lock<std::mutex> lock(mutex);
  for (;;) {
    begun.wait(lock, [&] { return stopping || next < count; });
    if (stopping)
      return;
    takeTasks(thread, lock);
  }
}

void Team::run(size_t tasks, const Task &body) {
  std::unique_lock<std::mutex> lock(mutex);
  task = &body, next = 0, count = unfinished = tasks, error = nullptr;
  if (tasks > 1)
    begun.notify_all();
  takeTasks(0, lock);
  ended.wait(lock, [&] { return unfinished == 0; });
  if (error)
    std::rethrow_exception(error);
}

} // namespace xlstm::example
