// SPDX-License-Identifier: Apache-2.0
// cuBLASLt's products, of the library that is found at run time.
#ifndef XLSTM_RUNTIME_CUDA_CUBLASLT_H
#define XLSTM_RUNTIME_CUDA_CUBLASLT_H

#include "runtime/src/Products.h"
#include "runtime/src/cuda/Context.h"

#include <cstddef>
#include <cstdint>

namespace xlstm::cuda {

/// The part of cuBLASLt's API that the runtime uses, by its documented ABI (versions 12 and 13).
namespace lt {
using Status = int;
using Handle = struct cublasLtContext *;
using MatmulDesc = struct cublasLtMatmulDescOpaque *;
using MatrixLayout = struct cublasLtMatrixLayoutOpaque *;
using Preference = struct cublasLtMatmulPreferenceOpaque *;
enum : int {
  kSuccess = 0,
  kFloat32 = 0,
  kFloat16 = 2,
  kBFloat16 = 14,
  kComputeFloat32 = 68,
  kTransposed = 1,
  kDescTransA = 3,
  kDescEpilogue = 7,
  kDescBiasPointer = 8,
  kEpilogueBias = 4,
  kPreferenceWorkspace = 1,
  kPreferenceAlignA = 5, // then B, C, D
};
struct Algorithm {
  uint64_t data[8];
};
struct Heuristic {
  Algorithm algorithm;
  size_t workspaceBytes;
  Status state;
  float waves;
  int reserved[4];
};
} // namespace lt

/// X(name of the member, symbol, parameters): every function used. All but the version return a
/// status.
#define XLSTM_CUBLASLT_FUNCTIONS(X)                                                                \
  X(create, "cublasLtCreate", (lt::Handle * handle))                                               \
  X(destroy, "cublasLtDestroy", (lt::Handle handle))                                               \
  X(descCreate, "cublasLtMatmulDescCreate", (lt::MatmulDesc * desc, int compute, int scale))       \
  X(descDestroy, "cublasLtMatmulDescDestroy", (lt::MatmulDesc desc))                               \
  X(descSet, "cublasLtMatmulDescSetAttribute",                                                     \
    (lt::MatmulDesc desc, int attribute, const void *value, size_t bytes))                         \
  X(layoutCreate, "cublasLtMatrixLayoutCreate",                                                    \
    (lt::MatrixLayout * layout, int type, uint64_t rows, uint64_t columns, int64_t stride))        \
  X(layoutDestroy, "cublasLtMatrixLayoutDestroy", (lt::MatrixLayout layout))                       \
  X(preferenceCreate, "cublasLtMatmulPreferenceCreate", (lt::Preference * preference))             \
  X(preferenceDestroy, "cublasLtMatmulPreferenceDestroy", (lt::Preference preference))             \
  X(preferenceSet, "cublasLtMatmulPreferenceSetAttribute",                                         \
    (lt::Preference preference, int attribute, const void *value, size_t bytes))                   \
  X(heuristic, "cublasLtMatmulAlgoGetHeuristic",                                                   \
    (lt::Handle handle, lt::MatmulDesc desc, lt::MatrixLayout a, lt::MatrixLayout b,               \
     lt::MatrixLayout c, lt::MatrixLayout d, lt::Preference preference, int wanted,                \
     lt::Heuristic *results, int *count))                                                          \
  X(matmul, "cublasLtMatmul",                                                                      \
    (lt::Handle handle, lt::MatmulDesc desc, const void *alpha, const void *a,                     \
     lt::MatrixLayout aLayout, const void *b, lt::MatrixLayout bLayout, const void *beta,          \
     const void *c, lt::MatrixLayout cLayout, void *d, lt::MatrixLayout dLayout,                   \
     const lt::Algorithm *algorithm, void *workspace, size_t workspaceBytes, CUstream stream))

/// Whether XLSTM_CUBLAS is `auto`, not `off` or empty. Throws Failure for another value.
bool wantsCublasLt();
/// The library for a GPU (XLSTM_CUBLASLT: its path), or null with the reason in `why`.
std::shared_ptr<ProductLibrary> openCublasLt(std::shared_ptr<PrimaryContext> primary,
                                             std::string &why);

} // namespace xlstm::cuda
#endif
