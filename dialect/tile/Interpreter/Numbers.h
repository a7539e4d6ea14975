// SPDX-License-Identifier: Apache-2.0
// Numbers of the interpreter: doubles that hold values of any element type, and their bytes.
#ifndef XLSTM_DIALECT_TILE_INTERPRETER_NUMBERS_H
#define XLSTM_DIALECT_TILE_INTERPRETER_NUMBERS_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include <vector>

namespace mlir::tile {

/// One value for each of some elements, or one for all of them.
using Column = std::vector<double>;

/// Element types; integers of less than 32 bits have no sign.
enum class Element { F64, F32, BF16, F16, U8, U16, I32, I64 };
Element elementOf(Type type);
constexpr int64_t bytesOf(Element element) {
  constexpr int64_t bytes[] = {8, 4, 2, 2, 1, 2, 4, 8};
  return bytes[int(element)];
}

/// The nearest value of a type, ties to even.
void roundTo(Type type, Column &values);
/// `count` elements to and from bytes. Values that are written are rounded.
void decode(Element element, const uint8_t *bytes, int64_t count, double *values);
void encode(Element element, const double *values, int64_t count, uint8_t *bytes);

/// An operation of arith or math on `operands`; failure if the interpreter does not know it.
FailureOr<Column> evaluate(Operation &op, ArrayRef<const Column *> operands);

/// accumulator [m, n] += lhs [m, k] rhs [k, n], in f32 or f64.
void multiply(Type accumulation, int64_t m, int64_t n, int64_t k, const double *lhs,
              const double *rhs, double *accumulator);

} // namespace mlir::tile

#endif
