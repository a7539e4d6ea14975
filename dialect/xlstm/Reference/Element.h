// SPDX-License-Identifier: Apache-2.0
// Read-only tensors of any floating-point type, read as float64.
#ifndef XLSTM_DIALECT_XLSTM_REFERENCE_ELEMENT_H
#define XLSTM_DIALECT_XLSTM_REFERENCE_ELEMENT_H

#include <cstdint>
#include <vector>

namespace xlstm::reference {

enum class ElementType { F64, F32, BF16, F16 };

/// The smallest positive number of a type that is not subnormal. Hardware may flush smaller ones to
/// zero.
double smallestNormal(ElementType type);

/// A dense tensor in row-major order that someone else owns; a null `data` means that there is
/// none.
struct TensorView {
  const void *data = nullptr;
  ElementType type = ElementType::F64;

  TensorView() = default;
  TensorView(const void *data, ElementType type) : data(data), type(type) {}
  TensorView(const std::vector<double> &values) : data(values.data()), type(ElementType::F64) {}
  TensorView(const std::vector<float> &values) : data(values.data()), type(ElementType::F32) {}

  explicit operator bool() const { return data != nullptr; }

  /// Writes elements [first, first + count) to `result`. Exact: every type is a subset of float64.
  void read(int64_t first, int64_t count, double *result) const;
  /// Element `index`.
  double at(int64_t index) const;
};

} // namespace xlstm::reference

#endif // XLSTM_DIALECT_XLSTM_REFERENCE_ELEMENT_H
