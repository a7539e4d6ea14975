// SPDX-License-Identifier: Apache-2.0
#include "dialect/tile/Interpreter/Numbers.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/APFloat.h"
#include <array>
#include <cmath>
#include <cstring>

namespace mlir::tile {

Element elementOf(Type type) {
  if (type.isF64() || type.isF32())
    return type.isF64() ? Element::F64 : Element::F32;
  if (type.isBF16() || type.isF16())
    return type.isBF16() ? Element::BF16 : Element::F16;
  unsigned bits = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  return bits <= 8    ? Element::U8
         : bits <= 16 ? Element::U16
         : bits <= 32 ? Element::I32
                      : Element::I64;
}

static uint16_t toBF16(double value) {
  float narrow = value;
  uint32_t bits;
  std::memcpy(&bits, &narrow, 4);
  if (std::isnan(narrow))
    return bits >> 16 | 0x40;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}
static double fromBF16(uint16_t value) {
  uint32_t bits = uint32_t(value) << 16;
  float wide;
  std::memcpy(&wide, &bits, 4);
  return wide;
}
static uint16_t toF16(double value) {
  llvm::APFloat number(value);
  bool loses;
  number.convert(llvm::APFloat::IEEEhalf(), llvm::APFloat::rmNearestTiesToEven, &loses);
  return number.bitcastToAPInt().getZExtValue();
}
static double fromF16(uint16_t value) {
  static const std::vector<double> table = [] {
    std::vector<double> values(1 << 16);
    for (uint32_t bits = 0; bits < values.size(); ++bits) {
      llvm::APFloat number(llvm::APFloat::IEEEhalf(), llvm::APInt(16, bits));
      bool loses;
      number.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &loses);
      values[bits] = number.convertToDouble();
    }
    return values;
  }();
  return table[value];
}

void roundTo(Type type, Column &values) {
  if (type.isF32()) {
    for (double &value : values)
      value = float(value);
  } else if (type.isBF16()) {
    for (double &value : values)
      value = fromBF16(toBF16(value));
  } else if (type.isF16()) {
    for (double &value : values)
      value = fromF16(toF16(value));
  }
}

/// Calls `body` with a number of the type that the bytes of an element are.
template <typename Body> static void withNumber(Element element, Body body) {
  switch (element) {
  case Element::F64:
    return body(double());
  case Element::F32:
    return body(float());
  case Element::BF16:
  case Element::F16:
  case Element::U16:
    return body(uint16_t());
  case Element::U8:
    return body(uint8_t());
  case Element::I32:
    return body(int32_t());
  case Element::I64:
    return body(int64_t());
  }
}

void decode(Element element, const uint8_t *bytes, int64_t count, double *values) {
  withNumber(element, [&](auto number) {
    for (int64_t i = 0; i < count; ++i) {
      std::memcpy(&number, bytes + i * sizeof(number), sizeof(number));
      values[i] = element == Element::BF16  ? fromBF16(number)
                  : element == Element::F16 ? fromF16(number)
                                            : double(number);
    }
  });
}

void encode(Element element, const double *values, int64_t count, uint8_t *bytes) {
  withNumber(element, [&](auto number) {
    for (int64_t i = 0; i < count; ++i) {
      number = element == Element::BF16  ? decltype(number)(toBF16(values[i]))
               : element == Element::F16 ? decltype(number)(toF16(values[i]))
                                         : decltype(number)(values[i]);
      std::memcpy(bytes + i * sizeof(number), &number, sizeof(number));
    }
  });
}

template <typename Number>
static void multiplyIn(int64_t m, int64_t n, int64_t k, const double *lhs, const double *rhs,
                       double *accumulator) {
  std::vector<Number> right(rhs, rhs + k * n), sums(n);
  for (int64_t row = 0; row < m; ++row) {
    for (int64_t column = 0; column < n; ++column)
      sums[column] = accumulator[row * n + column];
    for (int64_t depth = 0; depth < k; ++depth) {
      Number left = lhs[row * k + depth];
      const Number *from = &right[depth * n];
      for (int64_t column = 0; column < n; ++column)
        sums[column] += left * from[column];
    }
    for (int64_t column = 0; column < n; ++column)
      accumulator[row * n + column] = sums[column];
  }
}

void multiply(Type accumulation, int64_t m, int64_t n, int64_t k, const double *lhs,
              const double *rhs, double *accumulator) {
  (accumulation.isF64() ? multiplyIn<double> : multiplyIn<float>)(m, n, k, lhs, rhs, accumulator);
}

} // namespace mlir::tile
