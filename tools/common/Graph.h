// SPDX-License-Identifier: Apache-2.0
// Launches that are recorded once and replayed as a CUDA graph, as a serving program runs a step.
#ifndef XLSTM_TOOLS_COMMON_GRAPH_H
#define XLSTM_TOOLS_COMMON_GRAPH_H

#include "runtime/include/xlstm/runtime.hpp"

#include <functional>

namespace xlstm::tools {

class Graph {
public:
  /// Records what `record` puts on the stream of a GPU. Throws Failure.
  Graph(const Device &device, const Stream &stream, const std::function<void()> &record);
  ~Graph();
  Graph(const Graph &) = delete;
  Graph &operator=(const Graph &) = delete;

  /// Puts the recorded launches on the stream.
  void launch();

private:
  const Stream &stream;
  void *graph = nullptr, *executable = nullptr;
};

} // namespace xlstm::tools
#endif
