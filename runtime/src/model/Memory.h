// SPDX-License-Identifier: Apache-2.0
// Memory of a model on its device.
#ifndef XLSTM_RUNTIME_MODEL_MEMORY_H
#define XLSTM_RUNTIME_MODEL_MEMORY_H

#include "runtime/src/Device.h"

#include <utility>
#include <vector>

namespace xlstm {

inline size_t roundedUp(size_t bytes) {
  return (bytes + kDeviceAlignment - 1) / kDeviceAlignment * kDeviceAlignment;
}

/// An allocation. Movable.
class DeviceMemory {
public:
  DeviceMemory() = default;
  DeviceMemory(std::shared_ptr<Device> device, size_t bytes)
      : device(std::move(device)), memory(bytes ? this->device->allocate(bytes) : nullptr),
        bytes(bytes) {}
  DeviceMemory(DeviceMemory &&other) noexcept { *this = std::move(other); }
  DeviceMemory &operator=(DeviceMemory &&other) noexcept {
    std::swap(device, other.device);
    std::swap(memory, other.memory);
    std::swap(bytes, other.bytes);
    return *this;
  }
  ~DeviceMemory() {
    if (memory)
      device->release(memory);
  }
  char *data() const { return static_cast<char *>(memory); }
  size_t size() const { return bytes; }

private:
  std::shared_ptr<Device> device;
  void *memory = nullptr;
  size_t bytes = 0;
};

/// The host's side of copies to and from a device.
class HostMemory {
public:
  HostMemory() = default;
  HostMemory(std::shared_ptr<Device> device, size_t bytes)
      : device(std::move(device)), memory(this->device->allocateHost(bytes)) {}
  HostMemory(HostMemory &&other) noexcept { *this = std::move(other); }
  HostMemory &operator=(HostMemory &&other) noexcept {
    std::swap(device, other.device);
    std::swap(memory, other.memory);
    return *this;
  }
  ~HostMemory() {
    if (memory)
      device->releaseHost(memory);
  }
  char *data() const { return static_cast<char *>(memory); }

private:
  std::shared_ptr<Device> device;
  void *memory = nullptr;
};

/// A stream that ends with the object.
class DeviceStream {
public:
  explicit DeviceStream(std::shared_ptr<Device> device)
      : device(std::move(device)), stream(this->device->createStream()) {}
  DeviceStream(const DeviceStream &) = delete;
  DeviceStream &operator=(const DeviceStream &) = delete;
  ~DeviceStream() {
    if (stream)
      device->destroyStream(stream);
  }
  void *get() const { return stream; }

private:
  std::shared_ptr<Device> device;
  void *stream;
};

} // namespace xlstm
#endif
