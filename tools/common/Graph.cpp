// SPDX-License-Identifier: Apache-2.0
#include "tools/common/Graph.h"

#include "runtime/src/support/Failure.h"

#include <cstdlib>
#include <dlfcn.h>

namespace xlstm::tools {
namespace {

/// The driver's functions for graphs. The C API records steps of models only (runtime/src/cuda/Graph.h),
/// and a tool any run.
struct GraphDriver {
  int (*retain)(void **context, int device);
  int (*setCurrent)(void *context);
  int (*beginCapture)(void *stream, int mode);
  int (*endCapture)(void *stream, void **graph);
  int (*instantiate)(void **executable, void *graph, unsigned long long flags);
  int (*launch)(void *executable, void *stream);
  int (*destroyGraph)(void *graph);
  int (*destroyExecutable)(void *executable);

  static const GraphDriver &get() {
    static const GraphDriver driver = open();
    return driver;
  }

private:
  static GraphDriver open() {
    const char *name = std::getenv("XLSTM_CUDA_DRIVER");
    void *library = ::dlopen(name && *name ? name : "libcuda.so.1", RTLD_NOW);
    if (!library)
      fail(XLSTM_ERROR_ENVIRONMENT, "CUDA graphs: no driver: ", ::dlerror());
    auto find = [&](auto &function, const char *symbol) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(::dlsym(library, symbol));
      if (!function)
        fail(XLSTM_ERROR_ENVIRONMENT, "CUDA graphs: the driver is too old: it has no ", symbol);
    };
    GraphDriver driver;
    find(driver.retain, "cuDevicePrimaryCtxRetain");
    find(driver.setCurrent, "cuCtxSetCurrent");
    find(driver.beginCapture, "cuStreamBeginCapture_v2");
    find(driver.endCapture, "cuStreamEndCapture");
    find(driver.instantiate, "cuGraphInstantiateWithFlags");
    find(driver.launch, "cuGraphLaunch");
    find(driver.destroyGraph, "cuGraphDestroy");
    find(driver.destroyExecutable, "cuGraphExecDestroy");
    return driver;
  }
};

void expect(int code, const char *what) {
  if (code)
    fail(XLSTM_ERROR_DEVICE, "CUDA graphs: ", what, " gave error ", code);
}

} // namespace

Graph::Graph(const Device &device, const Stream &stream, const std::function<void()> &record)
    : stream(stream) {
  const GraphDriver &driver = GraphDriver::get();
  void *context = nullptr; // the caller's business, as in a program of the CUDA runtime API
  expect(driver.retain(&context, device.info().index), "cuDevicePrimaryCtxRetain");
  expect(driver.setCurrent(context), "cuCtxSetCurrent");
  constexpr int threadLocal = 1; // what other threads do meanwhile is allowed
  expect(driver.beginCapture(stream.get(), threadLocal), "cuStreamBeginCapture");
  record();
  expect(driver.endCapture(stream.get(), &graph), "cuStreamEndCapture");
  expect(driver.instantiate(&executable, graph, 0), "cuGraphInstantiateWithFlags");
}

Graph::~Graph() {
  if (executable)
    GraphDriver::get().destroyExecutable(executable);
  if (graph)
    GraphDriver::get().destroyGraph(graph);
}

void Graph::launch() {
  expect(GraphDriver::get().launch(executable, stream.get()), "cuGraphLaunch");
}

} // namespace xlstm::tools
