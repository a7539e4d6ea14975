// SPDX-License-Identifier: Apache-2.0
// Products with weights that another library may compute in place of a package's kernel, and which
// of them it does: what it was faster at when both were timed.
#ifndef XLSTM_RUNTIME_PRODUCTS_H
#define XLSTM_RUNTIME_PRODUCTS_H

#include "runtime/src/support/DType.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace xlstm {

/// y [m, n] = x [m, k] w [n, k]^T, plus a residual [m, n] or a bias [n] of the type of y. Rows of
/// x, w, y and the residual begin so many elements apart.
struct ProductShape {
  int64_t m = 0, n = 0, k = 0;
  int64_t xStride = 0, wStride = 0, yStride = 0, residualStride = 0;
  int64_t weights = 1; ///< products of one launch, of x with each
  DType input = XLSTM_BF16, result = XLSTM_BF16;
  bool hasResidual = false, hasBias = false;

  auto key() const {
    return std::tie(n, k, xStride, wStride, yStride, residualStride, weights, input, result,
                    hasResidual, hasBias, m);
  }
  bool operator<(const ProductShape &other) const { return key() < other.key(); }
  bool operator==(const ProductShape &other) const { return key() == other.key(); }
  /// "128 x 8192 x 4096 bf16, 2 weights, residual".
  std::string text() const;
};

struct ProductOperands {
  const void *x = nullptr, *weight = nullptr, *residual = nullptr, *bias = nullptr;
  void *y = nullptr;
};

/// Products of a library. For one stream at a time.
class ProductLibrary {
public:
  virtual ~ProductLibrary() = default;
  virtual const std::string &name() const = 0;
  /// Finds a way to compute products of a shape; false if there is none.
  virtual bool plan(const ProductShape &shape) = 0;
  /// Enqueues one product of a planned shape, that of one weight.
  virtual void run(const ProductShape &shape, const ProductOperands &operands, void *stream) = 0;
};

/// What was timed, and what follows from it.
class ProductChoice {
public:
  explicit ProductChoice(std::shared_ptr<ProductLibrary> library) : library(std::move(library)) {}

  ProductLibrary &of() const { return *library; }
  bool isTimed(const ProductShape &shape) const { return timed.count(shape) > 0; }
  /// Milliseconds of a launch, the kernel's and the library's; without the latter there is no plan.
  void add(const ProductShape &shape, double ours, std::optional<double> theirs);
  /// Whether the library computes products of this shape: it was faster at that number of rows, or
  /// at the next timed one above if that is less than twice as much.
  bool usesLibrary(const ProductShape &shape) const;
  /// A line for each shape that was added since the last call.
  std::string takeReport();

private:
  std::shared_ptr<ProductLibrary> library;
  std::map<ProductShape, bool> timed; // whether the library was faster
  std::string report;
};

} // namespace xlstm
#endif
