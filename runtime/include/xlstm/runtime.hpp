// SPDX-License-Identifier: Apache-2.0
// C++ wrapper of runtime.h: owning handles, failures as exceptions. Header only; C++17.
#ifndef XLSTM_RUNTIME_HPP
#define XLSTM_RUNTIME_HPP

#include "xlstm/runtime.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

// A namespace of its own, so that no class here shares a symbol with one inside the runtime.
namespace xlstm {
inline namespace api {

/// A failed call: its status and the one-line message of xlstm_last_error().
class RuntimeError : public std::runtime_error {
public:
  explicit RuntimeError(xlstm_status status)
      : std::runtime_error(xlstm_last_error()), code(status) {}
  xlstm_status status() const { return code; }

private:
  xlstm_status code;
};

/// Throws RuntimeError unless the status is XLSTM_OK.
inline void check(xlstm_status status) {
  if (status != XLSTM_OK)
    throw RuntimeError(status);
}

template <typename T, void (*Release)(T *)> struct HandleDeleter {
  void operator()(T *handle) const { Release(handle); }
};
template <typename T, void (*Release)(T *)>
using Handle = std::unique_ptr<T, HandleDeleter<T, Release>>;

/// A device: the CPU with its thread pool, or a GPU. Movable; may be used from several threads.
class Device {
public:
  explicit Device(xlstm_device_kind kind, int32_t index = 0, xlstm_device_options options = {}) {
    xlstm_device *opened = nullptr;
    check(xlstm_device_open(kind, index, &options, &opened));
    handle.reset(opened);
  }
  xlstm_device *get() const { return handle.get(); }
  xlstm_device_info info() const {
    xlstm_device_info result;
    check(xlstm_device_get_info(get(), &result));
    return result;
  }

private:
  Handle<xlstm_device, xlstm_device_close> handle;
};

/// Memory on a device. The device must outlive it.
class Buffer {
public:
  Buffer() = default;
  Buffer(const Device &device, size_t bytes) : device(device.get()), bytes(bytes) {
    check(xlstm_device_allocate(this->device, bytes, &memory));
  }
  Buffer(Buffer &&other) noexcept { *this = std::move(other); }
  Buffer &operator=(Buffer &&other) noexcept {
    std::swap(device, other.device);
    std::swap(memory, other.memory);
    std::swap(bytes, other.bytes);
    return *this;
  }
  ~Buffer() {
    if (memory)
      xlstm_device_free(device, memory);
  }
  void *data() const { return memory; }
  size_t size() const { return bytes; }

private:
  xlstm_device *device = nullptr;
  void *memory = nullptr;
  size_t bytes = 0;
};

/// A stream of a device (NULL on a CPU). The device must outlive it.
class Stream {
public:
  explicit Stream(const Device &device) : device(device.get()) {
    check(xlstm_stream_create(this->device, &stream));
  }
  Stream(const Stream &) = delete;
  Stream &operator=(const Stream &) = delete;
  ~Stream() { xlstm_stream_destroy(device, stream); }
  void *get() const { return stream; }
  void synchronize() const { check(xlstm_stream_synchronize(device, stream)); }

private:
  xlstm_device *device;
  void *stream = nullptr;
};

/// A time stamp in a stream.
class Event {
public:
  explicit Event(const Device &device) {
    xlstm_event *created = nullptr;
    check(xlstm_event_create(device.get(), &created));
    handle.reset(created);
  }
  void record(const Stream &stream) { check(xlstm_event_record(handle.get(), stream.get())); }
  /// Milliseconds from this event to `end`; waits for `end`.
  float millisecondsUntil(const Event &end) const {
    float result = 0;
    check(xlstm_event_elapsed(handle.get(), end.handle.get(), &result));
    return result;
  }

private:
  Handle<xlstm_event, xlstm_event_destroy> handle;
};

/// An opened package; copies of the returned strings are not needed while it lives.
class Package {
public:
  explicit Package(const std::string &path) {
    xlstm_package *opened = nullptr;
    check(xlstm_package_open(path.c_str(), &opened));
    handle.reset(opened);
  }
  xlstm_package *get() const { return handle.get(); }
  int32_t functionCount() const { return xlstm_package_function_count(get()); }
  int32_t findFunction(const std::string &name) const {
    int32_t index = 0;
    check(xlstm_package_find_function(get(), name.c_str(), &index));
    return index;
  }
  xlstm_function_info function(int32_t index) const {
    xlstm_function_info info;
    check(xlstm_package_function(get(), index, &info));
    return info;
  }
  xlstm_argument_info input(int32_t function, int32_t index) const {
    xlstm_argument_info info;
    check(xlstm_package_input(get(), function, index, &info));
    return info;
  }
  xlstm_argument_info output(int32_t function, int32_t index) const {
    xlstm_argument_info info;
    check(xlstm_package_output(get(), function, index, &info));
    return info;
  }
  xlstm_implementation_info implementation(int32_t function, int32_t index) const {
    xlstm_implementation_info info;
    check(xlstm_package_implementation(get(), function, index, &info));
    return info;
  }

private:
  Handle<xlstm_package, xlstm_package_close> handle;
};

/// A function bound to a device, with one context: use one object per thread (copy by binding
/// again).
class Function {
public:
  using Tensors =
      std::vector<const xlstm_tensor *>; ///< one entry per declared argument, nullptr if absent

  Function(const Package &package, const std::string &name, const Device &device,
           const char *target = nullptr) {
    xlstm_bind_options options{target};
    xlstm_function *bound = nullptr;
    check(xlstm_function_bind(package.get(), name.c_str(), device.get(), &options, &bound));
    function.reset(bound);
    xlstm_context *created = nullptr;
    check(xlstm_context_create(bound, &created));
    context.reset(created);
  }
  int32_t index() const { return xlstm_function_index(function.get()); }
  int32_t implementation() const { return xlstm_context_implementation(context.get()); }
  /// Extents of output `index` for the given inputs.
  std::vector<int64_t> outputShape(const Tensors &inputs, int32_t index, int32_t rank) {
    int64_t shape[XLSTM_MAX_RANK];
    check(xlstm_context_output_shape(context.get(), inputs.data(), index, shape));
    return std::vector<int64_t>(shape, shape + rank);
  }
  size_t workspaceSize(const Tensors &inputs, const Tensors &outputs) {
    size_t bytes = 0;
    check(xlstm_context_workspace_size(context.get(), inputs.data(), outputs.data(), &bytes));
    return bytes;
  }
  size_t preparedSize(const Tensors &inputs, const Tensors &outputs) {
    size_t bytes = 0;
    check(xlstm_context_prepared_size(context.get(), inputs.data(), outputs.data(), &bytes));
    return bytes;
  }
  /// Computes what depends on parameters alone; `memory` and they have to stay.
  void prepare(const Tensors &inputs, const Tensors &outputs, const Buffer &memory,
               const Stream &stream) {
    check(xlstm_context_prepare(context.get(), inputs.data(), outputs.data(), memory.data(),
                                memory.size(), stream.get()));
  }
  /// What XLSTM_CUBLAS=auto has chosen when preparing, a line for each shape of a product.
  std::string products() const { return xlstm_context_products(context.get()); }
  void run(const Tensors &inputs, const Tensors &outputs, const Buffer &workspace,
           const Stream &stream) {
    check(xlstm_context_run(context.get(), inputs.data(), outputs.data(), workspace.data(),
                            workspace.size(), stream.get()));
  }

private:
  Handle<xlstm_function, xlstm_function_release> function;
  Handle<xlstm_context, xlstm_context_destroy> context;
};

} // namespace api
} // namespace xlstm
#endif
