// SPDX-License-Identifier: Apache-2.0
// What the runtime needs of a device; implemented by cpu/CpuDevice.cpp and cuda/CudaDevice.cpp.
#ifndef XLSTM_RUNTIME_DEVICE_H
#define XLSTM_RUNTIME_DEVICE_H

#include "runtime/include/xlstm/runtime.h"
#include "runtime/src/package/Container.h"

#include <functional>
#include <memory>
#include <string>

namespace xlstm {

class ProductLibrary; // Products.h

constexpr size_t kTensorMapBytes = 128;
constexpr size_t kDeviceAlignment = 256;

/// What one launch gets: `values` are the 8-byte arguments in order (for a CPU), `parameters` one
/// pointer per argument (for a GPU). Both stay unchanged during the call.
struct LaunchArguments {
  int64_t blocks = 0; ///< > 0
  const int64_t *values = nullptr;
  void **parameters = nullptr;
  bool first = true; ///< of a run: the stream may hold work of the caller before it
};

/// A loaded implementation. Launching allocates nothing and is thread-safe.
class Program {
public:
  virtual ~Program() = default;
  virtual void launch(size_t index, const LaunchArguments &arguments, void *stream) = 0;
};

/// Work of a stream that is launched as one thing.
class Recording {
public:
  virtual ~Recording() = default;
  virtual void launch(void *stream) = 0;
};

/// An open device. All calls are thread-safe and throw Failure.
class Device {
public:
  virtual ~Device() = default;
  virtual const xlstm_device_info &info() const = 0;

  /// How well the device likes an implementation: 0 if it cannot run it, with the reason; larger is
  /// better.
  virtual int preference(const package::Implementation &implementation,
                         std::string &reason) const = 0;
  /// Loads code; a failure's message says why and, from a GPU driver's compiler, its log.
  virtual std::unique_ptr<Program> load(const package::Container &container,
                                        const package::Implementation &implementation) = 0;
  /// Fills a CUtensorMap for a tensor that has passed the plan's checks.
  virtual void encodeTensorMap(const package::Argument &argument, const xlstm_tensor &tensor,
                               void *out) = 0;

  virtual void *allocate(size_t bytes) = 0;
  virtual void release(void *data) noexcept = 0;
  /// Memory of the host that copies to and from the device are fast with.
  virtual void *allocateHost(size_t bytes) = 0;
  virtual void releaseHost(void *data) noexcept = 0;
  virtual void upload(void *to, const void *from, size_t bytes, void *stream) = 0;
  virtual void download(void *to, const void *from, size_t bytes, void *stream) = 0;
  virtual void fill(void *data, uint8_t byte, size_t bytes, void *stream) = 0;
  /// Within the device's memory; the ranges do not overlap.
  virtual void copy(void *to, const void *from, size_t bytes, void *stream) = 0;
  /// Bytes that can be allocated now; SIZE_MAX on a CPU, where the system lends more than there is.
  virtual size_t freeMemory() = 0;

  /// Records what `body` puts on `stream`, which runs nothing; null where there are no recordings.
  virtual std::unique_ptr<Recording> record(void *stream, const std::function<void()> &body) {
    return nullptr;
  }

  /// Whether the user wants another library's products to be tried.
  virtual bool wantsProducts() const { return false; }
  /// That library, or null; it may say in `why` why there is none.
  virtual std::shared_ptr<ProductLibrary> products(std::string &why) { return nullptr; }

  virtual void *createStream() = 0;
  virtual void destroyStream(void *stream) noexcept = 0;
  virtual void synchronize(void *stream) = 0;
  virtual void *createEvent() = 0;
  virtual void destroyEvent(void *event) noexcept = 0;
  virtual void recordEvent(void *event, void *stream) = 0;
  virtual float elapsed(void *begin, void *end) = 0;
};

namespace cpu {
xlstm_device_info query();
std::shared_ptr<Device> open(int threads);
} // namespace cpu

namespace cuda {
int count();
xlstm_device_info query(int index);
std::shared_ptr<Device> open(int index);
} // namespace cuda

} // namespace xlstm
#endif
