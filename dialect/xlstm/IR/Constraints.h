// SPDX-License-Identifier: Apache-2.0
// What the verifiers of all ops share. Private to this folder.
#ifndef XLSTM_DIALECT_XLSTM_IR_CONSTRAINTS_H
#define XLSTM_DIALECT_XLSTM_IR_CONSTRAINTS_H

#include "dialect/xlstm/IR/XLSTM.h"

namespace mlir::xlstm::detail {

/// A tensor of an op: its name in messages and its value, null when absent.
struct Named {
  StringRef name;
  Value value;
};

/// The static one of two extents, if any.
inline int64_t mergeExtents(int64_t a, int64_t b) { return ShapedType::isDynamic(a) ? b : a; }

/// S: the extent of batch, or the number of sequences that cu_seqlens (may be null) packs.
int64_t getStateExtent(int64_t batch, RankedTensorType cuSeqlens);

/// Gates and states: f64 for f64 inputs, otherwise f32.
Type getAccumulationTypeFor(Type input);

/// "[4, ?, 8]xf32" for messages.
std::string describe(RankedTensorType type);

/// Checks that a tensor, if it is there, has the type `expected`, whose layout is for instance
/// "[B, T, H]"; a dynamic extent agrees with any.
LogicalResult expectType(Operation *op, Named tensor, RankedTensorType expected, StringRef layout);

/// Checks that an extent is static and at least 1.
LogicalResult expectStatic(Operation *op, StringRef name, int64_t extent);

/// Checks cu_seqlens (may be null) and the extent of batch that it demands.
LogicalResult expectSequences(Operation *op, Value cuSeqlens, int64_t batch);

/// Checks that reset (may be null) is [B, T].
LogicalResult expectReset(Operation *op, Value reset, int64_t batch, int64_t time);

/// Checks a region, if it has a block, that computes scalars: so many arguments of a type, ops that
/// the region of xlstm.scan may have, and so many values of that type which it yields as outputs.
/// `name` is for instance "an epilogue".
LogicalResult expectScalarBody(Operation *op, Region &region, StringRef name, Type type,
                               size_t arguments, size_t yields);

/// Whether the element types agree and no static extents contradict each other.
bool areCompatible(TypeRange a, TypeRange b);

/// Whether every element of a constant is zero, -0 included.
bool isZeroConstant(Value value);

} // namespace mlir::xlstm::detail

#endif // XLSTM_DIALECT_XLSTM_IR_CONSTRAINTS_H
