// SPDX-License-Identifier: Apache-2.0
// Arrays that tests hand to kernels: any strides, and nothing readable behind the last element.
#ifndef XLSTM_TEST_CODEGEN_CPU_ARRAY_H
#define XLSTM_TEST_CODEGEN_CPU_ARRAY_H

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace xlstm::test {

enum class DType { F64, F32, BF16, F16, I32, I8 };
constexpr DType allDTypes[] = {DType::F64, DType::F32, DType::BF16, DType::F16}; ///< of numbers

const char *name(DType type); ///< as MLIR spells it
int64_t bytesOf(DType type);
/// The bits of the value of `type` that is nearest to x, ties to even; overflow is infinity, NaN
/// stays NaN. Integers are two's complement, and x must be one.
uint64_t encode(double x, DType type);
double decode(uint64_t bits, DType type);
inline double roundTo(double x, DType type) { return decode(encode(x, type), type); }

/// A strided array. The memory ends with its last element, at a page that cannot be touched; bytes
/// that belong to no element hold a pattern, so that `gapsIntact` sees stray writes. Positive
/// strides only, elements must not overlap.
class Array {
public:
  using Index = std::vector<int64_t>;
  /// Strides in elements; by default those of a dense array in row-major order. Elements are 0 at
  /// first.
  Array(DType type, Index shape, Index strides = {});
  /// What stands for an optional tensor that the caller did not give: no memory, no extents, no
  /// strides.
  static Array absent(DType type, size_t rank);
  Array(Array &&other);
  Array(const Array &) = delete;
  ~Array();

  DType type() const { return elementType; }
  const Index &shape() const { return extents; }
  const Index &strides() const { return steps; }
  void *data() const { return elements; }

  uint64_t bits(const Index &index) const;
  void setBits(const Index &index, uint64_t bits);
  double get(const Index &index) const { return decode(bits(index), elementType); }
  void set(const Index &index, double x) { setBits(index, encode(x, elementType)); }
  /// Calls `body` with every index, the last axis fastest.
  void forEach(const std::function<void(const Index &)> &body) const;
  /// Sets every element to what `value` gives, rounded to the array's type.
  void fill(const std::function<double()> &value);
  void fill(const std::function<double(const Index &)> &value);
  bool gapsIntact() const;

private:
  uint8_t *place(const Index &index) const;

  DType elementType;
  Index extents, steps;
  uint8_t *mapping = nullptr, *elements = nullptr;
  size_t mappedBytes = 0, usedBytes = 0;
};

/// Empty if every element is within `tolerance` of what is expected, else how many are not and the
/// first of them.
std::string difference(const Array &array,
                       const std::function<double(const Array::Index &)> &expected,
                       double tolerance = 0);

} // namespace xlstm::test

#endif
