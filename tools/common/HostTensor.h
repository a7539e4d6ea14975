// SPDX-License-Identifier: Apache-2.0
// Tensors in host memory, read and rounded as numbers, and as files.
#ifndef XLSTM_TOOLS_COMMON_HOSTTENSOR_H
#define XLSTM_TOOLS_COMMON_HOSTTENSOR_H

#include "dialect/xlstm/Reference/Element.h"
#include "runtime/src/safetensors/Safetensors.h"
#include "runtime/src/support/Convert.h"

#include <memory>
#include <string>
#include <vector>

namespace xlstm::tools {

/// A compact row-major tensor. `data` points into `memory`, or to what someone else keeps alive.
struct HostTensor {
  std::string name;
  DType dtype = XLSTM_F32;
  std::vector<int64_t> shape;
  const void *data = nullptr; ///< aligned for the element type
  std::shared_ptr<char[]> memory;
  /// What the extents are, as a package declares them: "B", "T", "S", or "" for a fixed number.
  /// Empty if that is not known.
  std::vector<std::string> axes;

  int64_t count() const;
  size_t bytes() const { return static_cast<size_t>(count()) * dtypeSize(dtype); }
  /// All elements, exact for every type but large i64.
  std::vector<double> numbers() const;
};

/// A tensor with memory of its own, not yet written; `bytes` of it at `data`.
HostTensor makeHostTensor(std::string name, DType dtype, std::vector<int64_t> shape);
/// The memory of a tensor that makeHostTensor() has made.
inline char *writable(HostTensor &tensor) { return tensor.memory.get(); }

/// A tensor of the given numbers, rounded to nearest even. `numbers` has as many as the shape says.
HostTensor fromNumbers(std::string name, DType dtype, std::vector<int64_t> shape,
                       const std::vector<double> &numbers);

/// The same values in another type: exact when that is wider, rounded to nearest even otherwise.
HostTensor convert(const HostTensor &tensor, DType dtype);

/// The indices [first, first + count) of an axis.
HostTensor slice(const HostTensor &tensor, int axis, int64_t first, int64_t count);

/// Whether every value of the floating-point type `from` is one of `to`.
bool isWidening(DType from, DType to);
/// Of two floating-point types the one with the larger rounding error.
DType narrower(DType a, DType b);

/// A number rounded to a floating-point type, to nearest even, with its subnormals and infinities.
double roundTo(double value, DType dtype);
/// Distance of neighbouring numbers of a floating-point type at |value|.
double unitInLastPlace(double value, DType dtype);

/// The reference's name for an element type. Throws Failure(UNSUPPORTED) for integers.
reference::ElementType elementType(DType dtype);

/// A tensor of a file, which must stay open.
HostTensor fromFile(const safetensors::File &file, const safetensors::TensorView &tensor);
/// All tensors of a file.
std::vector<HostTensor> allTensors(const safetensors::File &file);

/// Writes a file whole or not at all. Axes, where they are known, go into its metadata. Throws
/// Failure.
void writeTensors(const std::string &path, const std::vector<HostTensor> &tensors);

} // namespace xlstm::tools
#endif
