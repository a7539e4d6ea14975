// SPDX-License-Identifier: Apache-2.0
// A CUDA GPU as a device: kernels are cubins, or PTX that the driver compiles.
#include "runtime/src/Device.h"
#include "runtime/src/cuda/CublasLt.h"
#include "runtime/src/cuda/Graph.h"
#include "runtime/src/support/Failure.h"

#include <algorithm>
#include <cstring>
#include <map>

namespace xlstm::cuda {
namespace {

class CudaProgram : public Program {
public:
  CudaProgram(std::shared_ptr<PrimaryContext> primary, const xlstm_device_info &gpu,
              const package::Container &container, const package::Implementation &implementation)
      : primary(std::move(primary)), driver(this->primary->driver), gpu(gpu) {
    Current current(driver, this->primary->context);
    try {
      for (const package::Launch &launch : implementation.launches)
        add(container, implementation, launch);
    } catch (...) {
      unload();
      throw;
    }
  }
  ~CudaProgram() override {
    CUcontext now = nullptr;
    bool pushed = driver.contextGet(&now) == CUDA_SUCCESS && now != primary->context &&
                  driver.contextPush(primary->context) == CUDA_SUCCESS;
    unload();
    if (pushed)
      driver.contextPop(&now);
  }

  void launch(size_t index, const LaunchArguments &arguments, void *stream) override {
    const Entry &entry = entries[index];
    if (arguments.blocks > INT32_MAX)
      fail(XLSTM_ERROR_UNSUPPORTED, entry.launch->kernel, ": expected a grid of at most ",
           INT32_MAX, " blocks, got ", arguments.blocks);
    Current current(driver, primary->context);
    auto blocks = static_cast<unsigned>(arguments.blocks),
         threads = static_cast<unsigned>(entry.launch->block),
         sharedBytes = static_cast<unsigned>(entry.launch->sharedBytes);
    CUresult code;
    bool ordered =
        entry.launch->early && arguments.first; // the caller may just have written parameters
    if (entry.launch->overlaps && !ordered && driver.launchEx) {
      LaunchAttribute early = {};
      early.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
      early.number = 1;
      LaunchConfig config{blocks, 1, 1, threads, 1, 1, sharedBytes, static_cast<CUstream>(stream),
                          &early, 1};
      code = driver.launchEx(&config, entry.function, arguments.parameters, nullptr);
    } else {
      code = driver.launch(entry.function, blocks, 1, 1, threads, 1, 1, sharedBytes,
                           static_cast<CUstream>(stream), arguments.parameters, nullptr);
    }
    if (code != CUDA_SUCCESS)
      fail(XLSTM_ERROR_DEVICE, entry.launch->kernel, ": launch of ", arguments.blocks,
           " blocks of ", entry.launch->block, " threads with ", entry.launch->sharedBytes,
           " bytes of shared memory failed: ", driver.describe(code));
  }

private:
  struct Entry {
    const package::Launch *launch;
    CUfunction function;
  };

  void add(const package::Container &container, const package::Implementation &implementation,
           const package::Launch &launch) {
    auto [found, isNew] = modules.try_emplace(launch.cubin + "|" + launch.ptx, nullptr);
    if (isNew)
      found->second = loadModule(container, implementation, launch);
    CUfunction function = nullptr;
    if (driver.moduleFunction(&function, found->second, launch.kernel.c_str()) != CUDA_SUCCESS)
      fail(XLSTM_ERROR_INVALID_INPUT, container.source(), ": expected a kernel named '",
           launch.kernel, "' in ", launch.cubin.empty() ? launch.ptx : launch.cubin, ", got none");
    if (launch.sharedBytes > 48 * 1024)
      driver.check(driver.functionSet(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                                      static_cast<int>(launch.sharedBytes)),
                   cat(launch.kernel, ": ", launch.sharedBytes, " bytes of shared memory").c_str());
    constexpr int64_t portableCluster = 8;
    if (launch.cluster > portableCluster)
      driver.check(
          driver.functionSet(function, CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED, 1),
          cat(launch.kernel, ": clusters of ", launch.cluster, " blocks").c_str());
    entries.push_back({&launch, function});
  }

  /// A cubin runs on its own major capability and not on a smaller minor one; PTX on all later
  /// ones.
  CUmodule loadModule(const package::Container &container,
                      const package::Implementation &implementation,
                      const package::Launch &launch) {
    package::GpuTarget target;
    package::parseGpuTarget(implementation.target, target);
    std::string refusal;
    CUmodule module = nullptr;
    bool fits = target.major == gpu.capability_major && target.minor <= gpu.capability_minor;
    if (!launch.cubin.empty() && fits) {
      CUresult code =
          driver.moduleLoad(&module, container.blob(launch.cubin).data(), 0, nullptr, nullptr);
      if (code == CUDA_SUCCESS)
        return module;
      refusal = cat("the driver refuses ", launch.cubin, " (", driver.describe(code), ")");
    }
    if (launch.ptx.empty())
      fail(XLSTM_ERROR_ENVIRONMENT, container.source(), ": ",
           refusal.empty() ? cat(launch.cubin, " does not run on compute capability ",
                                 gpu.capability_major, ".", gpu.capability_minor)
                           : refusal,
           " and the package has no PTX for ", implementation.target);
    return compile(container, launch.ptx);
  }

  CUmodule compile(const package::Container &container, const std::string &blob) {
    std::string ptx(container.blob(blob)); // the driver wants a terminating zero
    char log[3072] = "";
    int options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
    void *values[] = {log, reinterpret_cast<void *>(sizeof log)};
    CUmodule module = nullptr;
    CUresult code = driver.moduleLoad(&module, ptx.c_str(), 2, options, values);
    if (code == CUDA_SUCCESS)
      return module;
    log[sizeof log - 1] = 0;
    std::string why = cat(driver.describe(code), *log ? "; " : "", log);
    if (code == CUDA_ERROR_UNSUPPORTED_PTX_VERSION)
      fail(XLSTM_ERROR_ENVIRONMENT, container.source(), ": the NVIDIA driver (CUDA ",
           versionText(driver.version), ") is too old for the PTX in ", blob,
           "; update the driver, or compile the package where ptxas is: ", why);
    fail(XLSTM_ERROR_DEVICE, container.source(), ": the driver cannot compile ", blob, ": ", why);
  }

  void unload() noexcept {
    for (auto &[name, module] : modules)
      if (module)
        driver.moduleUnload(module);
  }

  std::shared_ptr<PrimaryContext> primary;
  const Driver &driver;
  xlstm_device_info gpu;
  std::map<std::string, CUmodule> modules;
  std::vector<Entry> entries;
};

class CudaDevice : public Device {
public:
  CudaDevice(const Driver &driver, CUdevice device, const xlstm_device_info &info)
      : driver(driver), primary(std::make_shared<PrimaryContext>(driver, device)),
        description(info) {}
  const xlstm_device_info &info() const override { return description; }

  int preference(const package::Implementation &implementation,
                 std::string &reason) const override {
    package::GpuTarget target;
    int have = description.capability_major * 10 + description.capability_minor;
    if (!package::parseGpuTarget(implementation.target, target)) {
      reason = "runs on a CPU";
      return 0;
    }
    int need = target.major * 10 + target.minor;
    if (target.exact ? have != need : have < need) {
      reason = cat("needs compute capability ", target.major, ".", target.minor,
                   target.exact ? " exactly" : " or later", ", this GPU has ",
                   description.capability_major, ".", description.capability_minor);
      return 0;
    }
    for (const package::Launch &launch : implementation.launches) {
      if (launch.sharedBytes > description.shared_bytes) {
        reason = cat("kernel ", launch.kernel, " needs ", launch.sharedBytes,
                     " bytes of shared memory per block, this GPU has ", description.shared_bytes);
        return 0;
      }
      if (launch.ptx.empty() && target.major != description.capability_major) {
        reason = cat(launch.cubin, " runs on capability ", target.major,
                     ".x only and the package has no PTX for it");
        return 0;
      }
      for (const package::Argument &arg : launch.args)
        if (arg.kind == package::Argument::Kind::TensorMap && !driver.tensorMapEncodeTiled) {
          reason = cat("needs a driver for CUDA 12.0 or later, this one is for ",
                       versionText(driver.version));
          return 0;
        }
    }
    return need * 2 + target.exact;
  }
  std::unique_ptr<Program> load(const package::Container &container,
                                const package::Implementation &implementation) override {
    return std::make_unique<CudaProgram>(primary, description, container, implementation);
  }
  void encodeTensorMap(const package::Argument &argument, const xlstm_tensor &tensor,
                       void *out) override;

  void *allocate(size_t bytes) override {
    Current current(driver, primary->context);
    CUdeviceptr data = 0;
    CUresult code = driver.memoryAllocate(&data, bytes ? bytes : 1);
    if (code == CUDA_ERROR_OUT_OF_MEMORY)
      fail(XLSTM_ERROR_OUT_OF_MEMORY, "cannot allocate ", bytes, " bytes on ", description.name,
           ", which has ", description.memory_bytes);
    driver.check(code, "cuMemAlloc");
    return reinterpret_cast<void *>(data);
  }
  void release(void *data) noexcept override {
    try {
      Current current(driver, primary->context);
      driver.memoryFree(address(data));
    } catch (const Failure &) {
      // The context is gone, and the memory with it.
    }
  }
  void *allocateHost(size_t bytes) override {
    Current current(driver, primary->context);
    void *data = nullptr;
    driver.check(driver.hostAllocate(&data, bytes ? bytes : 1), "cuMemAllocHost");
    return data;
  }
  void releaseHost(void *data) noexcept override {
    try {
      Current current(driver, primary->context);
      driver.hostFree(data);
    } catch (const Failure &) {
      // The context is gone, and the memory with it.
    }
  }
  void upload(void *to, const void *from, size_t bytes, void *stream) override {
    if (!bytes)
      return;
    Current current(driver, primary->context);
    driver.check(driver.copyToDevice(address(to), from, bytes, static_cast<CUstream>(stream)),
                 "copy to the GPU");
  }
  void download(void *to, const void *from, size_t bytes, void *stream) override {
    if (!bytes)
      return;
    Current current(driver, primary->context);
    driver.check(driver.copyToHost(to, address(from), bytes, static_cast<CUstream>(stream)),
                 "copy from the GPU");
  }
  void fill(void *data, uint8_t byte, size_t bytes, void *stream) override {
    if (!bytes)
      return;
    Current current(driver, primary->context);
    driver.check(driver.memorySet(address(data), byte, bytes, static_cast<CUstream>(stream)),
                 "fill on the GPU");
  }
  void copy(void *to, const void *from, size_t bytes, void *stream) override {
    if (!bytes)
      return;
    Current current(driver, primary->context);
    driver.check(
        driver.copyOnDevice(address(to), address(from), bytes, static_cast<CUstream>(stream)),
        "copy on the GPU");
  }
  size_t freeMemory() override {
    Current current(driver, primary->context);
    size_t free = 0, total = 0;
    driver.check(driver.memoryInfo(&free, &total), "cuMemGetInfo");
    return free;
  }

  std::unique_ptr<Recording> record(void *stream, const std::function<void()> &body) override {
    return recordGraph(primary, static_cast<CUstream>(stream), body);
  }

  bool wantsProducts() const override { return wantsCublasLt(); }
  std::shared_ptr<ProductLibrary> products(std::string &why) override {
    return openCublasLt(primary, why);
  }

  void *createStream() override {
    Current current(driver, primary->context);
    CUstream stream = nullptr;
    driver.check(driver.streamCreate(&stream, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
    return stream;
  }
  void destroyStream(void *stream) noexcept override {
    driver.streamDestroy(static_cast<CUstream>(stream));
  }
  void synchronize(void *stream) override {
    Current current(driver, primary->context);
    driver.check(driver.streamSynchronize(static_cast<CUstream>(stream)), "kernel execution");
  }
  void *createEvent() override {
    Current current(driver, primary->context);
    CUevent event = nullptr;
    driver.check(driver.eventCreate(&event, 0), "cuEventCreate");
    return event;
  }
  void destroyEvent(void *event) noexcept override {
    driver.eventDestroy(static_cast<CUevent>(event));
  }
  void recordEvent(void *event, void *stream) override {
    Current current(driver, primary->context);
    driver.check(driver.eventRecord(static_cast<CUevent>(event), static_cast<CUstream>(stream)),
                 "cuEventRecord");
  }
  float elapsed(void *begin, void *end) override {
    Current current(driver, primary->context);
    driver.check(driver.eventSynchronize(static_cast<CUevent>(end)), "kernel execution");
    float milliseconds = 0;
    driver.check(
        driver.eventElapsed(&milliseconds, static_cast<CUevent>(begin), static_cast<CUevent>(end)),
        "cuEventElapsedTime");
    return milliseconds;
  }

private:
  static CUdeviceptr address(const void *data) { return reinterpret_cast<CUdeviceptr>(data); }
  const Driver &driver;
  std::shared_ptr<PrimaryContext> primary;
  xlstm_device_info description;
};

int tensorMapType(DType dtype) {
  switch (dtype) {
  case XLSTM_F64:
    return CU_TENSOR_MAP_DATA_TYPE_FLOAT64;
  case XLSTM_F32:
    return CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
  case XLSTM_BF16:
    return CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
  case XLSTM_F16:
    return CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
  case XLSTM_I64:
    return CU_TENSOR_MAP_DATA_TYPE_INT64;
  case XLSTM_I32:
    return CU_TENSOR_MAP_DATA_TYPE_INT32;
  default:
    return CU_TENSOR_MAP_DATA_TYPE_UINT8;
  }
}

void CudaDevice::encodeTensorMap(const package::Argument &argument, const xlstm_tensor &tensor,
                                 void *out) {
  std::memset(out, 0, kTensorMapBytes);
  if (!tensor.data)
    return; // an absent or empty tensor: the kernel has no tile of it to read
  // The map lists axes fastest first and has no stride for the first, which is contiguous.
  uint64_t extents[5], strides[5];
  uint32_t box[5], ones[5];
  uint64_t size = dtypeSize(tensor.dtype), span = 16;
  int rank = tensor.rank;
  for (int k = 0; k < rank; ++k) {
    int axis = rank - 1 - k;
    // The driver refuses extents of 0; such a tensor has no tile to read either.
    extents[k] = static_cast<uint64_t>(std::max<int64_t>(tensor.shape[axis], 1));
    // The stride of an axis of extent 1 is never used, but the driver checks it.
    strides[k] = tensor.shape[axis] > 1 ? static_cast<uint64_t>(tensor.strides[axis]) * size : span;
    span = std::max(span, (strides[k] * extents[k] + 15) / 16 * 16);
    box[k] = static_cast<uint32_t>(argument.box[k]);
    ones[k] = 1;
    if (k == 0)
      span = std::max<uint64_t>(16, (extents[0] * size + 15) / 16 * 16);
  }
  int swizzle = argument.swizzle == 128  ? CU_TENSOR_MAP_SWIZZLE_128B
                : argument.swizzle == 64 ? CU_TENSOR_MAP_SWIZZLE_64B
                : argument.swizzle == 32 ? CU_TENSOR_MAP_SWIZZLE_32B
                                         : CU_TENSOR_MAP_SWIZZLE_NONE;
  Current current(driver,
                  primary->context); // the driver asks for one, though the map is host memory
  CUresult code = driver.tensorMapEncodeTiled(
      out, tensorMapType(tensor.dtype), static_cast<uint32_t>(rank), tensor.data, extents,
      strides + 1, box, ones, CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle,
      CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (code != CUDA_SUCCESS) {
    std::string layout;
    for (int k = 0; k < rank; ++k)
      layout += cat(k ? ", " : "", extents[k], " (", k ? strides[k] : size, " bytes apart)");
    fail(XLSTM_ERROR_UNSUPPORTED, argument.tensor,
         ": the driver makes no tensor map for the extents ", layout, ": ", driver.describe(code));
  }
}

} // namespace

int count() {
  const Driver &driver = Driver::get();
  int devices = 0;
  driver.check(driver.deviceCount(&devices), "cuDeviceGetCount");
  if (devices == 0)
    fail(XLSTM_ERROR_ENVIRONMENT,
         "no GPU can be used: the NVIDIA driver finds none; check CUDA_VISIBLE_DEVICES, or run "
         "with --device cpu");
  return devices;
}

xlstm_device_info query(int index) {
  const Driver &driver = Driver::get();
  int devices = count();
  if (index < 0 || index >= devices)
    fail(XLSTM_ERROR_ENVIRONMENT, "cuda:", index, ": expected a GPU from 0 to ", devices - 1);
  CUdevice device = 0;
  driver.check(driver.deviceGet(&device, index), "cuDeviceGet");
  xlstm_device_info info = {};
  info.kind = XLSTM_CUDA;
  info.index = index;
  driver.check(driver.deviceName(info.name, sizeof info.name, device), "cuDeviceGetName");
  size_t bytes = 0;
  driver.check(driver.deviceMemory(&bytes, device), "cuDeviceTotalMem");
  info.memory_bytes = static_cast<int64_t>(bytes);
  auto attribute = [&](int which) {
    int value = 0;
    driver.check(driver.deviceAttribute(&value, which, device), "cuDeviceGetAttribute");
    return value;
  };
  info.capability_major = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
  info.capability_minor = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  info.multiprocessors = attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  info.shared_bytes = attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  info.driver_version = driver.version;
  return info;
}

std::shared_ptr<Device> open(int index) {
  xlstm_device_info info = query(index);
  const Driver &driver = Driver::get();
  CUdevice device = 0;
  driver.check(driver.deviceGet(&device, index), "cuDeviceGet");
  return std::make_shared<CudaDevice>(driver, device, info);
}

} // namespace xlstm::cuda
