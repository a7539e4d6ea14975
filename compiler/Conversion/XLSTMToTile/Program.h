// SPDX-License-Identifier: Apache-2.0
// What all builders of tile programs share: scalars, tiles, elementwise maps, and the tensors of a
// kernel, which are operands and results of the xlstm op that the kernel computes.
//
// A tensor that the op does not have, or a result that nothing uses, is no argument of the kernel:
// loads from it give the pad value, stores to it nothing, as with an optional tensor that the
// caller of the kernel does not give. So programs need no branches for either.
//
// A state whose rows the function's `slots` tell has row slots[b] in memory where a program says row
// b; where the caller does not give them, row b. The program does not see it.
#ifndef XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_PROGRAM_H
#define XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_PROGRAM_H

#include "dialect/tile/IR/Tile.h"
#include "mlir/IR/Block.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"

namespace xlstm {

/// The name by which the plan binds an operand or result of the op.
using TensorNames = llvm::function_ref<std::string(mlir::Value)>;

/// A tensor between the kernels of one op: a workspace that the plan knows by this name.
struct KernelBuffer {
  std::string name;
  mlir::RankedTensorType type;
};

class ProgramBuilder {
protected:
  using Value = mlir::Value;
  using ValueRange = mlir::ValueRange;
  using Type = mlir::Type;
  using TileType = mlir::tile::TileType;
  using Body = llvm::function_ref<Value(ValueRange)>;

  ProgramBuilder(mlir::OpBuilder &builder, mlir::Location loc, Type accumulation)
      : b(builder), loc(loc), accumulation(accumulation) {}

  // Types and scalars.
  TileType vec(int64_t extent, Type type) { return TileType::get(b.getContext(), {extent}, type); }
  TileType mat(int64_t rows, int64_t columns, Type type) {
    return TileType::get(b.getContext(), {rows, columns}, type);
  }
  Value constant(Type type, double value);
  Value index(int64_t value);
  Value add(Value x, Value y); ///< of floats or of index
  Value sub(Value x, Value y); ///< of floats or of index
  Value mul(Value x, Value y); ///< of floats or of index
  Value neg(Value x);
  Value exp(Value x);
  Value max(Value x, Value y);                           ///< of floats or of index
  Value min(Value x, Value y);                           ///< of floats or of index
  Value equal(Value x, Value y), less(Value x, Value y); ///< of index
  Value both(Value x, Value y);                          ///< of conditions
  Value select(Value condition, Value x, Value y);
  Value convert(Value x, Type type); ///< of floats
  /// exp(x - y): the difference in the type of gates, the exponential in the accumulation type.
  Value expDifference(Value x, Value y) { return exp(convert(sub(x, y), accumulation)); }
  /// logsigmoid(x) = min(x, 0) - log1p(exp(-|x|)), which neither overflows nor loses the small
  /// values.
  Value logSigmoid(Value x);
  /// sigmoid(x) by exp(-|x|), which does not overflow.
  Value sigmoid(Value x);

  /// What `yielded` are when the arguments of `block`, a region of the xlstm dialect, have these
  /// values: its ops again, at the insertion point.
  llvm::SmallVector<Value> evaluate(mlir::Block &block, ValueRange arguments, ValueRange yielded);

  // Tiles.
  Value splat(TileType type, double value);
  /// Elementwise; the body gets the elements without their indices. Its value is converted to the
  /// element type.
  Value map(TileType type, ValueRange elems, Body body);
  /// The body gets row and column index, then the values of elems, rows and cols.
  Value mapMatrix(TileType type, ValueRange elems, ValueRange rows, ValueRange cols, Body body);
  /// The same with several results of one type.
  llvm::SmallVector<Value>
  mapMatrices(TileType type, size_t results, ValueRange elems, ValueRange rows, ValueRange cols,
              llvm::function_ref<llvm::SmallVector<Value>(ValueRange)> body);
  Value matmul(Value lhs, Value rhs, Value accumulator);
  Value matvec(Value matrix, Value vector, Value accumulator);
  Value transpose(Value x);
  Value scan(mlir::tile::Combiner combiner, Value source, bool reverse = false,
             bool exclusive = false, int64_t axis = 0);
  Value reduce(mlir::tile::Combiner combiner, Value source);
  Value extract(Value source, int64_t position);

  // Tensors of the kernel.
  /// Makes an operand or result of the op a tensor of the kernel. Its first `runTimeAxes` axes have
  /// run-time extents whatever the op's type says; the last axis has stride 1 if `unitStride`. No
  /// effect on a null value and on a result that nothing uses. The first `merged` axes are one.
  void declare(Value value, unsigned runTimeAxes, bool unitStride = true, unsigned merged = 1);
  /// Makes a tensor between the kernels of one op a tensor of this one; the value stands for it.
  Value declareBuffer(const KernelBuffer &buffer, unsigned runTimeAxes);
  /// The extent of one grid dimension: a constant, or that of an axis of a declared tensor, divided
  /// by `divisor` and rounded up.
  struct Extent {
    int64_t size = mlir::ShapedType::kDynamic;
    Value of = nullptr;
    int64_t axis = 0;
    int64_t divisor = 1;
  };
  /// Creates the kernel of the declared tensors and moves the insertion point into it.
  void createKernel(mlir::StringRef name, mlir::ArrayRef<Extent> grid, TensorNames names);
  bool isDeclared(Value value) const { return value && tensors.contains(value); }
  bool has(Value value) const { return value && position.contains(value); }
  /// Its place among the kernel's tensors.
  unsigned placeOf(Value value) const { return position.lookup(value); }
  Value tensor(Value value) { return kernel.getTensor(position.lookup(value)); }
  /// Whether `slots` tell the rows of one of the kernel's tensors.
  bool hasSlots() const { return bool(slots); }
  Value extentOfSlots() { return extent(slots, 0); } ///< 0 where they are not given
  Value areSlotsGiven() { return less(index(0), extentOfSlots()); }
  /// The extent of a tensor's axis, 0 where there is no such tensor.
  Value extent(Value value, int64_t axis);
  /// Elements whose offset along axes[0] is not below `limit`, if there is one, are outside.
  Value load(Value from, mlir::ArrayRef<Value> offsets, mlir::ArrayRef<int64_t> axes, TileType type,
             double pad = 0, Value limit = nullptr);
  Value loadScalar(Value from, mlir::ArrayRef<Value> offsets, Type type, double pad = 0);
  void store(Value tile, Value to, mlir::ArrayRef<Value> offsets, mlir::ArrayRef<int64_t> axes,
             Value limit = nullptr);
  void storeScalar(Value scalar, Value to, mlir::ArrayRef<Value> offsets);
  /// The tokens of one sequence, begin .. end - 1 of row `batch`; `all` is T.
  struct Sequence {
    Value batch, begin, end, all;
  };
  /// Of sequence s: row s of `tokens` [B, T, ..], or, where cu_seqlens [N + 1] is given, tokens
  /// cu_seqlens[s] .. cu_seqlens[s + 1] - 1 of row 0.
  Sequence sequence(Value s, Value tokens, Value cuSeqlens);

  // Control flow. Carried values are scalars and tiles.
  /// for (i = from; i < to; i += step); the body returns what it carries on.
  llvm::SmallVector<Value>
  loop(Value from, Value to, Value step, ValueRange initial,
       llvm::function_ref<llvm::SmallVector<Value>(Value, ValueRange)> body);
  void ifThen(Value condition, llvm::function_ref<void()> body);

  mlir::OpBuilder &b;
  mlir::Location loc;
  Type accumulation;
  mlir::tile::KernelOp kernel;

private:
  /// Runs `body` at the place of `inner`.
  template <typename Function> auto inside(mlir::OpBuilder &inner, Function body) {
    mlir::OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
    return body();
  }
  /// The offsets of a tensor, whose first is a row that `slots` may tell.
  llvm::SmallVector<Value> inMemory(Value tensor, mlir::ArrayRef<Value> offsets);

  Value slots;                       // null: no tensor's rows are in slots
  llvm::DenseSet<Value> inSlots;     // tensors
  llvm::DenseMap<Value, Value> rows; // in memory, by those of the program
  mlir::Block buffers; // its arguments stand for tensors that are no values of the op's function
  llvm::DenseMap<Value, std::string> bufferNames;
  llvm::SmallMapVector<Value, mlir::MemRefType, 16> tensors; // in the order of declaration
  llvm::DenseMap<Value, int64_t> mergedAxes;                 // of those that have more than one
  llvm::DenseMap<Value, unsigned> position;                  // among the kernel's arguments
};

} // namespace xlstm

#endif
