// SPDX-License-Identifier: Apache-2.0
#include "runtime/src/cuda/Driver.h"

#include "runtime/src/support/Failure.h"

#include <cstdlib>
#include <dlfcn.h>

namespace xlstm::cuda {
namespace {

Driver openDriver() {
  const char *given = std::getenv("XLSTM_CUDA_DRIVER");
  const char *name = given && *given ? given : "libcuda.so.1";
  void *library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    fail(XLSTM_ERROR_ENVIRONMENT,
         "no GPU can be used: the NVIDIA driver library cannot be opened (", ::dlerror(),
         "); install the NVIDIA driver, or run with --device cpu");
  Driver driver;
  bool complete = true;
  std::string missing;
#define XLSTM_CUDA_LOAD(member, symbol, parameters)                                                \
  driver.member = reinterpret_cast<decltype(driver.member)>(::dlsym(library, symbol));             \
  if (!driver.member && complete) {                                                                \
    complete = false;                                                                              \
    missing = symbol;                                                                              \
  }
  XLSTM_CUDA_FUNCTIONS(XLSTM_CUDA_LOAD)
#undef XLSTM_CUDA_LOAD
  if (!complete)
    fail(XLSTM_ERROR_ENVIRONMENT, "the NVIDIA driver library ", name, " is too old: it lacks ",
         missing, "; update the driver");
  driver.tensorMapEncodeTiled = reinterpret_cast<decltype(driver.tensorMapEncodeTiled)>(
      ::dlsym(library, "cuTensorMapEncodeTiled"));
  auto find = [&](auto &function, const char *symbol) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(::dlsym(library, symbol));
  };
  find(driver.graphs.beginCapture, "cuStreamBeginCapture_v2");
  find(driver.graphs.endCapture, "cuStreamEndCapture");
  find(driver.graphs.instantiate, "cuGraphInstantiateWithFlags");
  find(driver.graphs.launch, "cuGraphLaunch");
  find(driver.graphs.destroy, "cuGraphDestroy");
  find(driver.graphs.destroyExecutable, "cuGraphExecDestroy");
  if (CUresult code = driver.init(0); code != CUDA_SUCCESS)
    fail(XLSTM_ERROR_ENVIRONMENT, "no GPU can be used: the NVIDIA driver does not start (",
         driver.describe(code), "); check that nvidia-smi lists a GPU, or run with --device cpu");
  driver.check(driver.driverVersion(&driver.version), "cuDriverGetVersion");
  constexpr int withProgrammaticEdges = 12030;
  if (driver.version >= withProgrammaticEdges)
    driver.launchEx =
        reinterpret_cast<decltype(driver.launchEx)>(::dlsym(library, "cuLaunchKernelEx"));
  return driver;
}

} // namespace

const Driver &Driver::get() {
  static const Driver driver = openDriver(); // a failure is tried again by the next call
  return driver;
}

std::string Driver::describe(CUresult code) const {
  const char *name = nullptr, *text = nullptr;
  if (errorName(code, &name) != CUDA_SUCCESS || !name)
    return cat("CUDA error ", code);
  if (errorString(code, &text) != CUDA_SUCCESS || !text)
    return name;
  return cat(name, ": ", text);
}

void Driver::check(CUresult code, const char *what) const {
  if (code != CUDA_SUCCESS)
    fail(code == CUDA_ERROR_OUT_OF_MEMORY ? XLSTM_ERROR_OUT_OF_MEMORY : XLSTM_ERROR_DEVICE, what,
         ": ", describe(code));
}

std::string versionText(int version) { return cat(version / 1000, ".", version % 1000 / 10); }

} // namespace xlstm::cuda
