// SPDX-License-Identifier: Apache-2.0
// The part of the CUDA driver API that the runtime uses, resolved from libcuda at run time. Types
// and constants are declared here by their documented ABI, so that no CUDA header is needed to
// build.
#ifndef XLSTM_RUNTIME_CUDA_DRIVER_H
#define XLSTM_RUNTIME_CUDA_DRIVER_H

#include <cstddef>
#include <cstdint>
#include <string>

namespace xlstm::cuda {

using CUresult = int;
using CUdevice = int;
using CUdeviceptr = unsigned long long;
using CUcontext = struct CUctx_st *;
using CUmodule = struct CUmod_st *;
using CUfunction = struct CUfunc_st *;
using CUstream = struct CUstream_st *;
using CUevent = struct CUevent_st *;
using CUgraph = struct CUgraph_st *;
using CUgraphExec = struct CUgraphExec_st *;

enum : CUresult {
  CUDA_SUCCESS = 0,
  CUDA_ERROR_OUT_OF_MEMORY = 2,
  CUDA_ERROR_NO_DEVICE = 100,
  CUDA_ERROR_INVALID_IMAGE = 200,
  CUDA_ERROR_NO_BINARY_FOR_GPU = 209,
  CUDA_ERROR_INVALID_PTX = 218,
  CUDA_ERROR_UNSUPPORTED_PTX_VERSION = 222,
};

enum : int {
  CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT = 16,
  CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75,
  CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76,
  CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97,
  CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8,
  CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED = 14,
  CU_JIT_INFO_LOG_BUFFER = 3,
  CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES = 4,
  CU_JIT_ERROR_LOG_BUFFER = 5,
  CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES = 6,
  CU_STREAM_NON_BLOCKING = 1,
};

/// CUtensorMapDataType, CUtensorMapSwizzle and the other enumerations of cuTensorMapEncodeTiled.
enum : int {
  CU_TENSOR_MAP_DATA_TYPE_UINT8 = 0,
  CU_TENSOR_MAP_DATA_TYPE_INT32 = 3,
  CU_TENSOR_MAP_DATA_TYPE_INT64 = 5,
  CU_TENSOR_MAP_DATA_TYPE_FLOAT16 = 6,
  CU_TENSOR_MAP_DATA_TYPE_FLOAT32 = 7,
  CU_TENSOR_MAP_DATA_TYPE_FLOAT64 = 8,
  CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 = 9,
  CU_TENSOR_MAP_INTERLEAVE_NONE = 0,
  CU_TENSOR_MAP_SWIZZLE_NONE = 0,
  CU_TENSOR_MAP_SWIZZLE_32B = 1,
  CU_TENSOR_MAP_SWIZZLE_64B = 2,
  CU_TENSOR_MAP_SWIZZLE_128B = 3,
  CU_TENSOR_MAP_L2_PROMOTION_L2_256B = 3,
  CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE = 0,
};

/// CUlaunchAttribute with a number as its value, and CUlaunchConfig.
struct LaunchAttribute {
  uint32_t id;
  uint32_t padding = 0;
  union {
    int32_t number;
    char bytes[64] = {};
  };
};
enum : uint32_t { CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION = 6 };
struct LaunchConfig {
  unsigned gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes;
  CUstream stream;
  LaunchAttribute *attributes;
  unsigned count;
};

/// X(name of the member, symbol in libcuda, parameters): every function used. All return CUresult.
#define XLSTM_CUDA_FUNCTIONS(X)                                                                    \
  X(init, "cuInit", (unsigned flags))                                                              \
  X(driverVersion, "cuDriverGetVersion", (int *version))                                           \
  X(errorName, "cuGetErrorName", (CUresult code, const char **text))                               \
  X(errorString, "cuGetErrorString", (CUresult code, const char **text))                           \
  X(deviceCount, "cuDeviceGetCount", (int *count))                                                 \
  X(deviceGet, "cuDeviceGet", (CUdevice * device, int index))                                      \
  X(deviceName, "cuDeviceGetName", (char *name, int length, CUdevice device))                      \
  X(deviceMemory, "cuDeviceTotalMem_v2", (size_t *bytes, CUdevice device))                         \
  X(deviceAttribute, "cuDeviceGetAttribute", (int *value, int attribute, CUdevice device))         \
  X(primaryRetain, "cuDevicePrimaryCtxRetain", (CUcontext * context, CUdevice device))             \
  X(primaryRelease, "cuDevicePrimaryCtxRelease_v2", (CUdevice device))                             \
  X(contextGet, "cuCtxGetCurrent", (CUcontext * context))                                          \
  X(contextPush, "cuCtxPushCurrent_v2", (CUcontext context))                                       \
  X(contextPop, "cuCtxPopCurrent_v2", (CUcontext * context))                                       \
  X(moduleLoad, "cuModuleLoadDataEx",                                                              \
    (CUmodule * module, const void *image, unsigned count, int *options, void **values))           \
  X(moduleUnload, "cuModuleUnload", (CUmodule module))                                             \
  X(moduleFunction, "cuModuleGetFunction",                                                         \
    (CUfunction * function, CUmodule module, const char *name))                                    \
  X(functionSet, "cuFuncSetAttribute", (CUfunction function, int attribute, int value))            \
  X(launch, "cuLaunchKernel",                                                                      \
    (CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,         \
     unsigned blockY, unsigned blockZ, unsigned sharedBytes, CUstream stream, void **parameters,   \
     void **extra))                                                                                \
  X(memoryAllocate, "cuMemAlloc_v2", (CUdeviceptr * data, size_t bytes))                           \
  X(memoryFree, "cuMemFree_v2", (CUdeviceptr data))                                                \
  X(hostAllocate, "cuMemAllocHost_v2", (void **data, size_t bytes))                                \
  X(hostFree, "cuMemFreeHost", (void *data))                                                       \
  X(copyToDevice, "cuMemcpyHtoDAsync_v2",                                                          \
    (CUdeviceptr to, const void *from, size_t bytes, CUstream stream))                             \
  X(copyToHost, "cuMemcpyDtoHAsync_v2",                                                            \
    (void *to, CUdeviceptr from, size_t bytes, CUstream stream))                                   \
  X(copyOnDevice, "cuMemcpyDtoDAsync_v2",                                                          \
    (CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream))                             \
  X(memoryInfo, "cuMemGetInfo_v2", (size_t *free, size_t *total))                                  \
  X(memorySet, "cuMemsetD8Async",                                                                  \
    (CUdeviceptr data, unsigned char byte, size_t bytes, CUstream stream))                         \
  X(streamCreate, "cuStreamCreate", (CUstream * stream, unsigned flags))                           \
  X(streamDestroy, "cuStreamDestroy_v2", (CUstream stream))                                        \
  X(streamSynchronize, "cuStreamSynchronize", (CUstream stream))                                   \
  X(eventCreate, "cuEventCreate", (CUevent * event, unsigned flags))                               \
  X(eventDestroy, "cuEventDestroy_v2", (CUevent event))                                            \
  X(eventRecord, "cuEventRecord", (CUevent event, CUstream stream))                                \
  X(eventSynchronize, "cuEventSynchronize", (CUevent event))                                       \
  X(eventElapsed, "cuEventElapsedTime", (float *milliseconds, CUevent begin, CUevent end))

/// The driver. `tensorMapEncodeTiled` is null in drivers before CUDA 12, `launchEx` in those before
/// 12.3, where graphs do not take what it is for.
struct Driver {
#define XLSTM_CUDA_MEMBER(member, symbol, parameters) CUresult(*member) parameters = nullptr;
  XLSTM_CUDA_FUNCTIONS(XLSTM_CUDA_MEMBER)
#undef XLSTM_CUDA_MEMBER
  CUresult (*tensorMapEncodeTiled)(void *map, int type, uint32_t rank, void *address,
                                   const uint64_t *extents, const uint64_t *strides,
                                   const uint32_t *box, const uint32_t *elementStrides,
                                   int interleave, int swizzle, int l2Promotion,
                                   int oobFill) = nullptr;
  CUresult (*launchEx)(const LaunchConfig *config, CUfunction function, void **parameters,
                       void **extra) = nullptr;
  /// Null in drivers before CUDA 11.4.
  struct Graphs {
    CUresult (*beginCapture)(CUstream stream, int mode) = nullptr;
    CUresult (*endCapture)(CUstream stream, CUgraph *graph) = nullptr;
    CUresult (*instantiate)(CUgraphExec *executable, CUgraph graph,
                            unsigned long long flags) = nullptr;
    CUresult (*launch)(CUgraphExec executable, CUstream stream) = nullptr;
    CUresult (*destroy)(CUgraph graph) = nullptr;
    CUresult (*destroyExecutable)(CUgraphExec executable) = nullptr;
    bool available() const {
      return beginCapture && endCapture && instantiate && launch && destroy && destroyExecutable;
    }
  } graphs;
  int version = 0; ///< CUDA version the driver supports: 1000 * major + 10 * minor

  /// Opens libcuda once per process and initialises it. Throws Failure(ENVIRONMENT) that says what
  /// is missing.
  static const Driver &get();

  /// "CUDA_ERROR_…: text" for a result code.
  std::string describe(CUresult code) const;
  /// Throws Failure unless `code` is CUDA_SUCCESS: OUT_OF_MEMORY or DEVICE, "<what>: CUDA_ERROR_…".
  void check(CUresult code, const char *what) const;
};

/// "12.4" for 12040.
std::string versionText(int version);

} // namespace xlstm::cuda
#endif
