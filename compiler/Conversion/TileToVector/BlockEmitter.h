// SPDX-License-Identifier: Apache-2.0
// Emits the program of one block of a tile.kernel as loops over vectors, op by op. Scalars of type
// index become i64.
#ifndef XLSTM_COMPILER_CONVERSION_TILETOVECTOR_BLOCKEMITTER_H
#define XLSTM_COMPILER_CONVERSION_TILETOVECTOR_BLOCKEMITTER_H

#include "dialect/tile/IR/Tile.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace xlstm {

using mlir::LogicalResult;
using mlir::SmallVector;
using mlir::Type;
using mlir::Value;
using mlir::tile::TileType;

/// Where a tile is. A matrix is stored as lines of contiguous elements: rows, or columns if
/// `columnMajor`. Lines start `pitch` elements apart, a multiple of the vector width; what stands
/// behind a line's end is arbitrary.
struct Buffer {
  TileType type;
  Value pointer; // null: a splat
  bool columnMajor = false;
  int64_t pitch = 0;
  Value splat; // the scalar of every element

  bool isVector() const { return type.getShape().size() == 1; }
  int64_t lines() const { return isVector() ? 1 : type.getShape()[columnMajor ? 1 : 0]; }
  int64_t lineLength() const {
    return isVector() ? type.getShape()[0] : type.getShape()[columnMajor ? 0 : 1];
  }
  /// The same memory as the transposed tile.
  Buffer transposed() const {
    Buffer result = *this;
    result.type = TileType::get(type.getContext(), {type.getShape()[1], type.getShape()[0]},
                                type.getElementType());
    result.columnMajor = !columnMajor;
    return result;
  }
};

class BlockEmitter {
public:
  BlockEmitter(mlir::tile::KernelOp kernel, mlir::ImplicitLocOpBuilder &builder,
               int64_t vectorWidth, int64_t registers)
      : kernel(kernel), b(builder), W(vectorWidth), registers(registers) {}
  /// The function, or failure after an error on the op that cannot be emitted.
  mlir::FailureOr<mlir::LLVM::LLVMFuncOp> emit();

private:
  // A tensor argument: address, extents and strides (elements), i64.
  struct Tensor {
    mlir::MemRefType type;
    Value pointer;
    SmallVector<Value> extents, strides;
  };
  using Body = llvm::function_ref<void(Value)>;

  // EmitStructure.cpp
  void createFunction();
  LogicalResult emitBlock(mlir::Block &block);
  LogicalResult emitOp(mlir::Operation &op);
  LogicalResult emitFor(mlir::scf::ForOp op);
  LogicalResult emitIf(mlir::scf::IfOp op);
  Value emitScalar(mlir::Operation &op);
  TileType kept(TileType type); ///< the type of a tile's buffer: 16-bit elements are kept as f32
  Value keep(Value scalar);     ///< the same for a scalar
  Value unkeep(Value scalar, Type type); ///< the reverse, rounded to nearest even
  Buffer allocate(TileType type, bool columnMajor);
  /// Whether nothing reads `tile`'s memory after `op`, which may therefore write its result there.
  bool diesAt(Value tile, mlir::Operation *op);
  Buffer reuseOrAllocate(Value tile, TileType type, mlir::Operation *op,
                         mlir::ArrayRef<Buffer> others = {});
  void copy(const Buffer &from, const Buffer &to);
  void copyTransposed(const Buffer &from, const Buffer &to);
  Buffer inOrder(const Buffer &buffer, bool columnMajor);
  /// The same for a tile, copied at most once: in the block where it is made.
  Buffer inOrder(Value tile, bool columnMajor);

  // EmitMemory.cpp
  /// A tile in a tensor: its offsets; the axes along and across its lines (-1: one line); whether
  /// lines are contiguous; which elements of a line, and which lines, are inside.
  struct Placement {
    SmallVector<Value> base;
    int64_t inner, outer;
    bool contiguous;
    Value begin, end, lineBegin, lineEnd;
  };
  Placement placementOf(const Tensor &tensor, mlir::ValueRange offsets, Value limit,
                        mlir::ArrayRef<int64_t> axes, const Buffer &buffer);
  LogicalResult emitLoad(mlir::tile::LoadOp op);
  LogicalResult emitStore(mlir::tile::StoreOp op);
  Value elementPointer(const Tensor &tensor, mlir::ArrayRef<Value> index);
  Value inRange(const Tensor &tensor, mlir::ArrayRef<Value> index);
  /// Which of `extent` elements from `offset` on are inside of an axis: first .. second - 1.
  std::pair<Value, Value> insideRange(Value offset, Value axisExtent, int64_t extent);
  Value wholeVectors(Value begin, Value end); ///< the end of the whole vectors in begin .. end
  Value isZero(Value x);
  /// Which of the W positions from `position` on are in begin .. end - 1.
  Value isBetween(Value position, Value begin, Value end);
  Value widen(Value value, Type to);  ///< element or vector of a tensor's type to a buffer's
  Value narrow(Value value, Type to); ///< the reverse, rounded to nearest even
  void emitLoadScalar(mlir::tile::LoadScalarOp op);
  void emitStoreScalar(mlir::tile::StoreScalarOp op);

  // EmitMatmul.cpp
  /// `first` and those products right behind it that have its types and need none of the others.
  static SmallVector<mlir::tile::MatmulOp> independentProducts(mlir::tile::MatmulOp first);
  /// Such products together: their sums share registers, and loads of operands that they share.
  LogicalResult emitMatmuls(mlir::ArrayRef<mlir::tile::MatmulOp> ops);
  /// Products of one matrix and several vectors that do not wait for each other, in a row: computed
  /// together, each as if alone.
  SmallVector<mlir::tile::MatvecOp> productsOfMatrix(mlir::tile::MatvecOp first);
  LogicalResult emitMatvecs(mlir::ArrayRef<mlir::tile::MatvecOp> ops);
  /// One operand of the product D[m][n] += sum_k A[m][k] B[k][n]: A by element strides, B and D by
  /// lines.
  struct Strided {
    Value pointer;
    int64_t row, column;
  };
  struct Product {
    Strided a, b, d;
    Value initial; ///< what D starts with, a scalar; null: its memory
    int64_t M, N, K;
  };
  mlir::FailureOr<Product> productOf(mlir::tile::MatmulOp op);
  void emitProducts(mlir::ArrayRef<Product> products, Type element); ///< of equal M, N and K
  /// Registers of the innermost loop: sums of `rows` x (`vectors` of each of `products`).
  struct Blocking {
    int64_t rows, vectors, products;
  };
  Blocking blockingFor(int64_t M, int64_t vectors, int64_t products, Type element);
  void microKernel(mlir::ArrayRef<Product> products, Type element, Value m, int64_t rows, Value n,
                   int64_t vectors);

  // EmitMap.cpp
  LogicalResult emitMap(mlir::tile::MapOp op);
  SmallVector<Buffer> placeResults(mlir::tile::MapOp op, bool columnMajor);
  SmallVector<Value> evaluateBody(mlir::Region &region, mlir::ValueRange arguments);
  LogicalResult emitReduce(mlir::tile::ReduceOp op);
  LogicalResult emitScan(mlir::tile::ScanOp op);

  // Small things.
  Value i64(int64_t value);
  Value add(Value x, Value y), mul(Value x, Value y);
  Value castInteger(Value value, Type to, bool isSigned);
  Value constant(Type type, double value); ///< scalar or splat
  Value broadcast(Value scalar, Type element);
  mlir::VectorType vec(Type element) { return mlir::VectorType::get(W, element); }
  Value gep(Value pointer, Type element, Value index);
  Value at(const Buffer &buffer, Value line, Value position); ///< address of an element
  Value loadVector(const Buffer &buffer, Value line, Value position);
  Value loadElement(const Buffer &buffer, Value line, Value position);
  void loop(int64_t from, int64_t to, int64_t step, Body body);
  void loop(Value from, Value to, int64_t step, Body body);
  Value combine(mlir::tile::Combiner combiner, Value x, Value y);
  int64_t roundUp(int64_t n) { return (n + W - 1) / W * W; }

  mlir::tile::KernelOp kernel;
  mlir::ImplicitLocOpBuilder &b;
  int64_t W, registers, scratchTop = 0;
  mlir::LLVM::LLVMFuncOp function;
  Value scratch;
  SmallVector<Tensor> tensors;
  mlir::DenseMap<Value, unsigned> tensorNumber;
  mlir::IRMapping scalars;
  mlir::DenseMap<Value, Buffer> tiles;
  mlir::DenseMap<Value, Buffer> reordered;              // tiles copied to the other order
  mlir::DenseMap<mlir::Block *, mlir::Block *> emitted; // where a block's ops go
};

} // namespace xlstm

#endif
