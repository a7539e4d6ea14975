// SPDX-License-Identifier: Apache-2.0
// The constants and functions that the runtime declares for cuBLASLt, against its own header.
#include <cstddef>
#include <cublasLt.h>
#include <gtest/gtest.h>

namespace real {
constexpr int kF32 = CUDA_R_32F, kF16 = CUDA_R_16F, kBF16 = CUDA_R_16BF,
              kCompute = CUBLAS_COMPUTE_32F, kTransposed = CUBLAS_OP_T,
              kTransA = CUBLASLT_MATMUL_DESC_TRANSA, kEpilogue = CUBLASLT_MATMUL_DESC_EPILOGUE,
              kBiasPointer = CUBLASLT_MATMUL_DESC_BIAS_POINTER,
              kEpilogueBias = CUBLASLT_EPILOGUE_BIAS,
              kWorkspace = CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
              kAlignA = CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
              kAlignD = CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES;
constexpr size_t kAlgorithmBytes = sizeof(cublasLtMatmulAlgo_t),
                 kHeuristicBytes = sizeof(cublasLtMatmulHeuristicResult_t),
                 kStateAt = offsetof(cublasLtMatmulHeuristicResult_t, state);
// Attributes that are set with 4 bytes.
static_assert(sizeof(cublasOperation_t) == 4 && sizeof(cublasLtEpilogue_t) == 4);
} // namespace real

#include "runtime/src/cuda/CublasLt.h"

namespace lt = xlstm::cuda::lt;

TEST(CublasAbi, Constants) {
  EXPECT_EQ(int(lt::kFloat32), real::kF32);
  EXPECT_EQ(int(lt::kFloat16), real::kF16);
  EXPECT_EQ(int(lt::kBFloat16), real::kBF16);
  EXPECT_EQ(int(lt::kComputeFloat32), real::kCompute);
  EXPECT_EQ(int(lt::kTransposed), real::kTransposed);
  EXPECT_EQ(int(lt::kDescTransA), real::kTransA);
  EXPECT_EQ(int(lt::kDescEpilogue), real::kEpilogue);
  EXPECT_EQ(int(lt::kDescBiasPointer), real::kBiasPointer);
  EXPECT_EQ(int(lt::kEpilogueBias), real::kEpilogueBias);
  EXPECT_EQ(int(lt::kPreferenceWorkspace), real::kWorkspace);
  EXPECT_EQ(int(lt::kPreferenceAlignA), real::kAlignA);
  EXPECT_EQ(int(lt::kPreferenceAlignA) + 3, real::kAlignD);
  EXPECT_EQ(sizeof(lt::Algorithm), real::kAlgorithmBytes);
  EXPECT_EQ(sizeof(lt::Heuristic), real::kHeuristicBytes);
  EXPECT_EQ(offsetof(lt::Heuristic, state), real::kStateAt);
}
