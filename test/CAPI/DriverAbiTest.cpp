// SPDX-License-Identifier: Apache-2.0
// The constants that the runtime declares for the CUDA driver, against CUDA's own header.
#include <cstddef>
#include <cuda.h>
#include <gtest/gtest.h>

namespace real {
constexpr int kFloat16 = CU_TENSOR_MAP_DATA_TYPE_FLOAT16,
              kFloat32 = CU_TENSOR_MAP_DATA_TYPE_FLOAT32,
              kFloat64 = CU_TENSOR_MAP_DATA_TYPE_FLOAT64,
              kBFloat16 = CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, kInt32 = CU_TENSOR_MAP_DATA_TYPE_INT32,
              kInt64 = CU_TENSOR_MAP_DATA_TYPE_INT64, kUint8 = CU_TENSOR_MAP_DATA_TYPE_UINT8,
              kSwizzle32 = CU_TENSOR_MAP_SWIZZLE_32B, kSwizzle64 = CU_TENSOR_MAP_SWIZZLE_64B,
              kSwizzle128 = CU_TENSOR_MAP_SWIZZLE_128B, kL2 = CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
              kMajor = CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR,
              kMinor = CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
              kShared = CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN,
              kProcessors = CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT,
              kDynamic = CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
              kLog = CU_JIT_ERROR_LOG_BUFFER, kLogSize = CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES,
              kOom = CUDA_ERROR_OUT_OF_MEMORY, kPtxVersion = CUDA_ERROR_UNSUPPORTED_PTX_VERSION,
              kNonBlocking = CU_STREAM_NON_BLOCKING,
              kNonPortable = CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED,
              kEarly = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
constexpr size_t kConfigBytes = sizeof(CUlaunchConfig), kAttributeBytes = sizeof(CUlaunchAttribute),
                 kAttributesAt = offsetof(CUlaunchConfig, attrs),
                 kCountAt = offsetof(CUlaunchConfig, numAttrs),
                 kStreamAt = offsetof(CUlaunchConfig, hStream),
                 kValueAt = offsetof(CUlaunchAttribute, value);
constexpr size_t kMapBytes = sizeof(CUtensorMap);
} // namespace real

#include "runtime/src/Device.h"
#include "runtime/src/cuda/Driver.h"

namespace cuda = xlstm::cuda;

TEST(DriverAbi, Constants) {
  EXPECT_EQ(cuda::CU_TENSOR_MAP_DATA_TYPE_FLOAT16, real::kFloat16);
  EXPECT_EQ(cuda::CU_TENSOR_MAP_DATA_TYPE_FLOAT32, real::kFloat32);
  EXPECT_EQ(cuda::CU_TENSOR_MAP_DATA_TYPE_FLOAT64, real::kFloat64);
  EXPECT_EQ(cuda::CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, real::kBFloat16);
  EXPECT_EQ(cuda::CU_TENSOR_MAP_DATA_TYPE_INT32, real::kInt32);
  EXPECT_EQ(cuda::CU_TENSOR_MAP_DATA_TYPE_INT64, real::kInt64);
  EXPECT_EQ(cuda::CU_TENSOR_MAP_DATA_TYPE_UINT8, real::kUint8);
  EXPECT_EQ(cuda::CU_TENSOR_MAP_SWIZZLE_32B, real::kSwizzle32);
  EXPECT_EQ(cuda::CU_TENSOR_MAP_SWIZZLE_64B, real::kSwizzle64);
  EXPECT_EQ(cuda::CU_TENSOR_MAP_SWIZZLE_128B, real::kSwizzle128);
  EXPECT_EQ(cuda::CU_TENSOR_MAP_L2_PROMOTION_L2_256B, real::kL2);
  EXPECT_EQ(cuda::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, real::kMajor);
  EXPECT_EQ(cuda::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, real::kMinor);
  EXPECT_EQ(cuda::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, real::kShared);
  EXPECT_EQ(cuda::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, real::kProcessors);
  EXPECT_EQ(cuda::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, real::kDynamic);
  EXPECT_EQ(cuda::CU_JIT_ERROR_LOG_BUFFER, real::kLog);
  EXPECT_EQ(cuda::CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES, real::kLogSize);
  EXPECT_EQ(cuda::CUDA_ERROR_OUT_OF_MEMORY, real::kOom);
  EXPECT_EQ(cuda::CUDA_ERROR_UNSUPPORTED_PTX_VERSION, real::kPtxVersion);
  EXPECT_EQ(cuda::CU_STREAM_NON_BLOCKING, real::kNonBlocking);
  EXPECT_EQ(xlstm::kTensorMapBytes, real::kMapBytes);
  EXPECT_EQ(cuda::CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED, real::kNonPortable);
  EXPECT_EQ(cuda::CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION,
            static_cast<unsigned>(real::kEarly));
  EXPECT_EQ(sizeof(cuda::LaunchConfig), real::kConfigBytes);
  EXPECT_EQ(offsetof(cuda::LaunchConfig, stream), real::kStreamAt);
  EXPECT_EQ(offsetof(cuda::LaunchConfig, attributes), real::kAttributesAt);
  EXPECT_EQ(offsetof(cuda::LaunchConfig, count), real::kCountAt);
  EXPECT_EQ(sizeof(cuda::LaunchAttribute), real::kAttributeBytes);
  EXPECT_EQ(offsetof(cuda::LaunchAttribute, number), real::kValueAt);
}
