// SPDX-License-Identifier: Apache-2.0
#include "runtime/src/cuda/Graph.h"

namespace xlstm::cuda {
namespace {

class CudaRecording : public Recording {
public:
  CudaRecording(std::shared_ptr<PrimaryContext> primary, CUgraph graph)
      : primary(std::move(primary)), graph(graph) {
    const Driver &driver = this->primary->driver;
    CUresult code = driver.graphs.instantiate(&executable, graph, 0);
    if (code != CUDA_SUCCESS)
      driver.graphs.destroy(graph);
    driver.check(code, "cuGraphInstantiate");
  }
  ~CudaRecording() override {
    const Driver::Graphs &graphs = primary->driver.graphs;
    graphs.destroyExecutable(executable);
    graphs.destroy(graph);
  }
  void launch(void *stream) override {
    Current current(primary->driver, primary->context);
    primary->driver.check(primary->driver.graphs.launch(executable, static_cast<CUstream>(stream)),
                          "cuGraphLaunch");
  }

private:
  std::shared_ptr<PrimaryContext> primary;
  CUgraph graph;
  CUgraphExec executable = nullptr;
};

} // namespace

std::unique_ptr<Recording> recordGraph(std::shared_ptr<PrimaryContext> primary, CUstream stream,
                                       const std::function<void()> &body) {
  const Driver &driver = primary->driver;
  if (!driver.graphs.available())
    return nullptr;
  Current current(driver, primary->context);
  constexpr int threadLocal = 1; // what other threads do meanwhile is allowed
  driver.check(driver.graphs.beginCapture(stream, threadLocal), "cuStreamBeginCapture");
  CUgraph graph = nullptr;
  try {
    body();
  } catch (...) {
    driver.graphs.endCapture(stream, &graph);
    if (graph)
      driver.graphs.destroy(graph);
    throw;
  }
  driver.check(driver.graphs.endCapture(stream, &graph), "cuStreamEndCapture");
  return std::make_unique<CudaRecording>(std::move(primary), graph);
}

} // namespace xlstm::cuda
