// SPDX-License-Identifier: Apache-2.0
// The CPU as a device: kernels are shared objects inside the package.
#include "runtime/src/Device.h"
#include "runtime/src/cpu/Host.h"
#include "runtime/src/cpu/ThreadPool.h"
#include "runtime/src/support/Failure.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <new>
#include <sys/mman.h>
#include <unistd.h>

namespace xlstm::cpu {
namespace {

/// A shared object loaded from memory.
class Library {
public:
  Library(std::string_view bytes, const std::string &name) : name(name) {
    // dlopen wants a path: an anonymous file has one under /proc. The descriptor stays open as long
    // as the library, since the loader would take an equal path for the same library.
    descriptor = ::memfd_create(name.c_str(), MFD_CLOEXEC);
    if (descriptor < 0)
      fail(XLSTM_ERROR_ENVIRONMENT, name,
           ": cannot create an anonymous file: ", std::strerror(errno));
    try {
      while (!bytes.empty()) {
        ssize_t n = ::write(descriptor, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR)
          continue;
        if (n <= 0)
          fail(XLSTM_ERROR_OUT_OF_MEMORY, name,
               ": cannot write an anonymous file: ", std::strerror(errno));
        bytes.remove_prefix(static_cast<size_t>(n));
      }
      handle = ::dlopen(cat("/proc/self/fd/", descriptor).c_str(), RTLD_NOW | RTLD_LOCAL);
      if (!handle)
        fail(XLSTM_ERROR_INVALID_INPUT, name, ": cannot load the kernel library: ", ::dlerror());
    } catch (...) {
      ::close(descriptor);
      throw;
    }
  }
  Library(const Library &) = delete;
  Library &operator=(const Library &) = delete;
  ~Library() {
    ::dlclose(handle);
    ::close(descriptor);
  }

  Kernel kernel(const std::string &symbol) const {
    void *address = ::dlsym(handle, symbol.c_str());
    if (!address)
      fail(XLSTM_ERROR_INVALID_INPUT, name, ": expected a kernel named '", symbol, "', got none");
    return reinterpret_cast<Kernel>(address);
  }

private:
  std::string name;
  int descriptor = -1;
  void *handle = nullptr;
};

class CpuProgram : public Program {
public:
  CpuProgram(const package::Container &container, const package::Implementation &implementation,
             ThreadPool &pool)
      : pool(pool) {
    for (const package::Launch &launch : implementation.launches) {
      auto &library = libraries[launch.blob];
      if (!library)
        library = std::make_unique<Library>(container.blob(launch.blob), launch.blob);
      kernels.push_back(library->kernel(launch.kernel));
      pool.reserveScratch(launch.scratchBytes);
    }
  }
  void launch(size_t index, const LaunchArguments &arguments, void *) override {
    pool.run(kernels[index], arguments.values, arguments.blocks);
  }

private:
  ThreadPool &pool;
  std::map<std::string, std::unique_ptr<Library>> libraries;
  std::vector<Kernel> kernels;
};

class CpuDevice : public Device {
public:
  explicit CpuDevice(int threads) : pool(chooseThreads(threads)), description(query()) {
    description.threads = pool.threads();
  }
  const xlstm_device_info &info() const override { return description; }

  int preference(const package::Implementation &implementation,
                 std::string &reason) const override {
    if (implementation.target != "cpu") {
      reason = "needs a GPU";
      return 0;
    }
    int level = package::isaLevel(implementation.isa);
    if (level == 0 || level > package::isaLevel(description.isa)) {
      reason = cat("needs the instruction set ", implementation.isa, ", this CPU offers ",
                   *description.isa ? description.isa : "none of x86-64");
      return 0;
    }
    return level;
  }
  std::unique_ptr<Program> load(const package::Container &container,
                                const package::Implementation &implementation) override {
    return std::make_unique<CpuProgram>(container, implementation, pool);
  }
  void encodeTensorMap(const package::Argument &, const xlstm_tensor &, void *) override {
    fail(XLSTM_ERROR_INTERNAL, "a launch on a CPU has no tensor maps");
  }

  void *allocate(size_t bytes) override {
    size_t rounded = (bytes + kDeviceAlignment - 1) / kDeviceAlignment * kDeviceAlignment;
    void *data = rounded < bytes
                     ? nullptr
                     : std::aligned_alloc(kDeviceAlignment, rounded ? rounded : kDeviceAlignment);
    if (!data)
      fail(XLSTM_ERROR_OUT_OF_MEMORY, "cannot allocate ", bytes, " bytes of memory");
    return data;
  }
  void release(void *data) noexcept override { std::free(data); }
  void *allocateHost(size_t bytes) override { return allocate(bytes); }
  void releaseHost(void *data) noexcept override { release(data); }
  void upload(void *to, const void *from, size_t bytes, void *) override { copy(to, from, bytes); }
  void download(void *to, const void *from, size_t bytes, void *) override {
    copy(to, from, bytes);
  }
  void fill(void *data, uint8_t byte, size_t bytes, void *) override {
    if (bytes)
      std::memset(data, byte, bytes);
  }
  void copy(void *to, const void *from, size_t bytes, void *) override { copy(to, from, bytes); }
  size_t freeMemory() override { return SIZE_MAX; }

  void *createStream() override { return nullptr; }
  void destroyStream(void *) noexcept override {}
  void synchronize(void *) override {}
  void *createEvent() override { return new Clock::time_point(); }
  void destroyEvent(void *event) noexcept override {
    delete static_cast<Clock::time_point *>(event);
  }
  void recordEvent(void *event, void *) override {
    *static_cast<Clock::time_point *>(event) = Clock::now();
  }
  float elapsed(void *begin, void *end) override {
    auto difference =
        *static_cast<Clock::time_point *>(end) - *static_cast<Clock::time_point *>(begin);
    return std::chrono::duration<float, std::milli>(difference).count();
  }

private:
  using Clock = std::chrono::steady_clock;
  static void copy(void *to, const void *from, size_t bytes) {
    if (bytes)
      std::memcpy(to, from, bytes);
  }
  ThreadPool pool;
  xlstm_device_info description;
};

} // namespace

xlstm_device_info query() {
  xlstm_device_info info = {};
  info.kind = XLSTM_CPU;
  hostName().copy(info.name, sizeof info.name - 1);
  hostIsa().copy(info.isa, sizeof info.isa - 1);
  info.threads = chooseThreads(0);
  return info;
}

std::shared_ptr<Device> open(int threads) {
  if (threads < 0 || threads > 1024)
    fail(XLSTM_ERROR_INVALID_ARGUMENT, "threads: expected 0 to 1024, got ", threads);
  return std::make_shared<CpuDevice>(threads);
}

} // namespace xlstm::cpu
