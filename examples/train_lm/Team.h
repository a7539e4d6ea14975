// SPDX-License-Identifier: Apache-2.0
// Threads that share the parts of a step.
#ifndef XLSTM_EXAMPLES_TRAIN_LM_TEAM_H
#define XLSTM_EXAMPLES_TRAIN_LM_TEAM_H

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace xlstm::example {

class Team {
public:
  using Task = std::function<void(size_t thread, size_t task)>;

  /// `threads` >= 1 counts the one that calls run().
  explicit Team(size_t threads);
  ~Team();
  Team(const Team &) = delete;
  Team &operator=(const Team &) = delete;

  size_t threads() const { return workers.size() + 1; }
  /// Calls task(thread, n) for every n below `count`; each thread takes the next one when it is
  /// through with its last, so that one that gets no CPU holds up no more than what it has begun.
  /// Rethrows the first exception when all have ended.
  void run(size_t count, const Task &task);

private:
  void work(size_t thread);
  /// Takes tasks until there are none; `lock` is held before, between and after them.
  void takeTasks(size_t thread, std::unique_lock<std::mutex> &lock);

  std::mutex mutex; // guards all below
  std::condition_variable begun, ended;
  const Task *task = nullptr;
  size_t next = 0, count = 0, unfinished = 0;
  std::exception_ptr error;
  bool stopping = false;
  std::vector<std::thread> workers;
};

} // namespace xlstm::example
#endif
