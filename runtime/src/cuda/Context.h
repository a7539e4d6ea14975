// SPDX-License-Identifier: Apache-2.0
// The primary context of a GPU, which the CUDA runtime API and frameworks share.
#ifndef XLSTM_RUNTIME_CUDA_CONTEXT_H
#define XLSTM_RUNTIME_CUDA_CONTEXT_H

#include "runtime/src/cuda/Driver.h"

namespace xlstm::cuda {

/// Makes a context current for a scope and leaves the caller's in place afterwards.
class Current {
public:
  Current(const Driver &driver, CUcontext context) : driver(driver) {
    CUcontext now = nullptr;
    driver.check(driver.contextGet(&now), "cuCtxGetCurrent");
    if (now != context) {
      driver.check(driver.contextPush(context), "cuCtxPushCurrent");
      pushed = true;
    }
  }
  Current(const Current &) = delete;
  Current &operator=(const Current &) = delete;
  ~Current() {
    CUcontext popped;
    if (pushed)
      driver.contextPop(&popped);
  }

private:
  const Driver &driver;
  bool pushed = false;
};

/// A retained primary context.
struct PrimaryContext {
  PrimaryContext(const Driver &driver, CUdevice device) : driver(driver), device(device) {
    driver.check(driver.primaryRetain(&context, device), "cuDevicePrimaryCtxRetain");
  }
  PrimaryContext(const PrimaryContext &) = delete;
  PrimaryContext &operator=(const PrimaryContext &) = delete;
  ~PrimaryContext() { driver.primaryRelease(device); }
  const Driver &driver;
  CUdevice device;
  CUcontext context = nullptr;
};

} // namespace xlstm::cuda
#endif
