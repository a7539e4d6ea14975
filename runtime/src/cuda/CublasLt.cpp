// SPDX-License-Identifier: Apache-2.0
#include "runtime/src/cuda/CublasLt.h"

#include "runtime/src/support/Failure.h"

#include <cstdlib>
#include <dlfcn.h>
#include <map>

namespace xlstm::cuda {
namespace {

constexpr size_t kWorkspaceBytes = size_t(32) << 20; // what NVIDIA recommends for sm_90
constexpr uint32_t kAlignment = 16;

struct Functions {
#define XLSTM_CUBLASLT_MEMBER(member, symbol, parameters) lt::Status(*member) parameters = nullptr;
  XLSTM_CUBLASLT_FUNCTIONS(XLSTM_CUBLASLT_MEMBER)
#undef XLSTM_CUBLASLT_MEMBER
  size_t (*version)() = nullptr;
};

/// Opens the library once per process; what is missing is in `why`.
struct Opened {
  Functions functions;
  std::string why;
  bool complete = false;

  Opened() {
    const char *given = std::getenv("XLSTM_CUBLASLT");
    void *library = nullptr;
    for (const char *name : {given && *given ? given : "libcublasLt.so.13", "libcublasLt.so.12"}) {
      library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
      if (library)
        break;
      why += cat(why.empty() ? "" : "; ", ::dlerror());
      if (given && *given)
        break;
    }
    if (!library)
      return;
    complete = true;
    auto find = [&](auto &function, const char *symbol) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(::dlsym(library, symbol));
      if (!function) {
        complete = false;
        why = cat("it lacks ", symbol);
      }
    };
#define XLSTM_CUBLASLT_LOAD(member, symbol, parameters) find(functions.member, symbol);
    XLSTM_CUBLASLT_FUNCTIONS(XLSTM_CUBLASLT_LOAD)
#undef XLSTM_CUBLASLT_LOAD
    find(functions.version, "cublasLtGetVersion");
  }
};

int typeOf(DType dtype) {
  return dtype == XLSTM_BF16 ? lt::kBFloat16 : dtype == XLSTM_F16 ? lt::kFloat16 : lt::kFloat32;
}

class CublasLt : public ProductLibrary {
public:
  CublasLt(const Functions &functions, std::shared_ptr<PrimaryContext> primary)
      : f(functions), primary(std::move(primary)) {
    Current current(this->primary->driver, this->primary->context);
    check(f.create(&handle), "cublasLtCreate");
    CUresult code = this->primary->driver.memoryAllocate(&workspace, kWorkspaceBytes);
    if (code != CUDA_SUCCESS)
      f.destroy(handle);
    this->primary->driver.check(code, "workspace of cuBLASLt");
    size_t version = f.version(); // 120805 and 130100 are 12.8.5 and 13.1
    label = cat("cuBLASLt ", version / 10000, ".", version / 100 % 100);
  }
  ~CublasLt() override {
    for (auto &[shape, plan] : plans)
      release(plan);
    try {
      Current current(primary->driver, primary->context);
      primary->driver.memoryFree(workspace);
      f.destroy(handle);
    } catch (const Failure &) {
      // The context is gone, and both with it.
    }
  }

  const std::string &name() const override { return label; }

  bool plan(const ProductShape &shape) override {
    Plan &plan = plans[shape];
    if (!plan.sought) {
      plan.sought = true;
      Current current(primary->driver, primary->context);
      find(shape, plan);
    }
    return plan.found;
  }

  void run(const ProductShape &shape, const ProductOperands &operands, void *stream) override {
    const Plan &plan = plans.at(shape);
    Current current(primary->driver, primary->context);
    if (shape.hasBias)
      set(plan.desc, lt::kDescBiasPointer, operands.bias);
    const float one = 1, beta = shape.hasResidual ? 1 : 0;
    const void *residual = shape.hasResidual ? operands.residual : operands.y;
    check(f.matmul(handle, plan.desc, &one, operands.weight, plan.a, operands.x, plan.b, &beta,
                   residual, plan.c, operands.y, plan.d, &plan.algorithm,
                   reinterpret_cast<void *>(workspace), kWorkspaceBytes,
                   static_cast<CUstream>(stream)),
          "cublasLtMatmul");
  }

private:
  struct Plan {
    bool sought = false, found = false;
    lt::MatmulDesc desc = nullptr;
    lt::MatrixLayout a = nullptr, b = nullptr, c = nullptr, d = nullptr;
    lt::Algorithm algorithm = {};
  };

  /// To the library matrices go down columns: y^T [n, m] = (w^T [k, n])^T x^T [k, m].
  void find(const ProductShape &shape, Plan &plan) {
    int input = typeOf(shape.input), result = typeOf(shape.result);
    auto n = static_cast<uint64_t>(shape.n), m = static_cast<uint64_t>(shape.m),
         k = static_cast<uint64_t>(shape.k);
    check(f.descCreate(&plan.desc, lt::kComputeFloat32, lt::kFloat32), "cublasLtMatmulDescCreate");
    set(plan.desc, lt::kDescTransA, int32_t(lt::kTransposed));
    if (shape.hasBias) {
      set(plan.desc, lt::kDescEpilogue, int32_t(lt::kEpilogueBias));
      // Only the alignment of the address counts here.
      set(plan.desc, lt::kDescBiasPointer, reinterpret_cast<const void *>(uintptr_t(kAlignment)));
    }
    auto layout = [&](lt::MatrixLayout &out, int type, uint64_t rows, uint64_t columns,
                      int64_t stride) {
      check(f.layoutCreate(&out, type, rows, columns, stride), "cublasLtMatrixLayoutCreate");
    };
    layout(plan.a, input, k, n, shape.wStride);
    layout(plan.b, input, k, m, shape.xStride);
    layout(plan.c, result, n, m, shape.hasResidual ? shape.residualStride : shape.yStride);
    layout(plan.d, result, n, m, shape.yStride);
    lt::Preference preference = nullptr;
    check(f.preferenceCreate(&preference), "cublasLtMatmulPreferenceCreate");
    const size_t bytes = kWorkspaceBytes;
    f.preferenceSet(preference, lt::kPreferenceWorkspace, &bytes, sizeof bytes);
    for (int matrix = 0; matrix < 4; ++matrix)
      f.preferenceSet(preference, lt::kPreferenceAlignA + matrix, &kAlignment, sizeof kAlignment);
    lt::Heuristic best = {};
    int count = 0;
    lt::Status status = f.heuristic(handle, plan.desc, plan.a, plan.b, plan.c, plan.d, preference,
                                    1, &best, &count);
    f.preferenceDestroy(preference);
    plan.found = status == lt::kSuccess && count > 0 && best.state == lt::kSuccess;
    plan.algorithm = best.algorithm;
    if (!plan.found)
      release(plan);
  }

  template <typename Value> void set(lt::MatmulDesc desc, int attribute, Value value) {
    check(f.descSet(desc, attribute, &value, sizeof value), "cublasLtMatmulDescSetAttribute");
  }
  void release(Plan &plan) noexcept {
    if (plan.desc)
      f.descDestroy(plan.desc);
    for (lt::MatrixLayout layout : {plan.a, plan.b, plan.c, plan.d})
      if (layout)
        f.layoutDestroy(layout);
    plan.desc = nullptr;
    plan.a = plan.b = plan.c = plan.d = nullptr;
  }
  static void check(lt::Status status, const char *what) {
    if (status != lt::kSuccess)
      fail(XLSTM_ERROR_DEVICE, what, ": cuBLAS status ", status);
  }

  const Functions &f;
  std::shared_ptr<PrimaryContext> primary;
  lt::Handle handle = nullptr;
  CUdeviceptr workspace = 0;
  std::string label;
  std::map<ProductShape, Plan> plans;
};

} // namespace

bool wantsCublasLt() {
  const char *wanted = std::getenv("XLSTM_CUBLAS");
  std::string value = wanted ? wanted : "";
  if (value.empty() || value == "off")
    return false;
  if (value != "auto")
    fail(XLSTM_ERROR_INVALID_ARGUMENT, "XLSTM_CUBLAS: expected off or auto, got '", value, "'");
  return true;
}

std::shared_ptr<ProductLibrary> openCublasLt(std::shared_ptr<PrimaryContext> primary,
                                             std::string &why) {
  static const Opened opened;
  if (!opened.complete) {
    why = cat("products: own kernels, as cuBLASLt cannot be used: ", opened.why);
    return nullptr;
  }
  return std::make_shared<CublasLt>(opened.functions, std::move(primary));
}

} // namespace xlstm::cuda
