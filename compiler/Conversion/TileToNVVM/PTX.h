// SPDX-License-Identifier: Apache-2.0
// PTX instructions as functions on a builder. All inline assembly of the compiler stands in
// PTX.cpp.
//
// Shared memory is addressed by 32-bit byte addresses (i32 values). A 16-bit matrix operand is a
// vector of i32 values, two elements each, in the order of the PTX ISA's fragments. Names and
// shapes follow the PTX ISA, sections 9.7.14 (mma, wgmma) and 9.7.9 (copies).
#ifndef XLSTM_COMPILER_CONVERSION_TILETONVVM_PTX_H
#define XLSTM_COMPILER_CONVERSION_TILETONVVM_PTX_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace xlstm {

using mlir::ArrayRef;
using mlir::SmallVector;
using mlir::Type;
using mlir::Value;

class PTX {
public:
  explicit PTX(mlir::ImplicitLocOpBuilder &builder) : b(builder) {}

  // Scalars.
  Value i32(int64_t value);
  Value i64(int64_t value);
  Value f32(double value);
  Value exp2(Value x);            ///< 2^x, ex2.approx
  Value log2(Value x);            ///< lg2.approx
  Value divide(Value x, Value y); ///< x / y, div.approx
  Value tanh(Value x);            ///< tanh.approx
  /// Two f32 rounded to nearest even into one i32 of `element` (bf16 or f16); `low` in the low
  /// half.
  Value pack(Type element, Value low, Value high);
  /// The same, behind all assembly with side effects that stands before it.
  Value packInOrder(Type element, Value low, Value high);
  /// The two halves of an i32 of `element` as f32: {low, high}.
  std::pair<Value, Value> unpack(Type element, Value packed);

  Value blockNumber();   ///< the block's x coordinate, read where this stands
  Value threadNumber();  ///< %tid.x, read anew
  Value opaque(Value x); ///< x, which LLVM no longer knows to be loop-invariant

  /// The results of all blockNumber within `block`.
  static SmallVector<Value> blockNumbersIn(mlir::Block &block);

  // Lanes of a warp.
  Value shuffleXor(Value x, int64_t mask);
  Value shuffleUp(Value x, int64_t distance); ///< lanes below `distance` keep x
  Value shuffleIndex(Value x, Value lane);

  // Global memory.
  /// `width` elements of `element` (f32, bf16 or f16) as f32, by one access aligned to their size,
  /// in the order of the program.
  SmallVector<Value> loadVector(Type element, Value pointer, int64_t width);
  /// The reverse, rounded to nearest even.
  void storeVector(Type element, Value pointer, ArrayRef<Value> values);

  // Kernels of a stream that overlap.
  void waitForLaunches(); ///< until all that the stream had before this kernel is done and seen
  void allowLaunches();   ///< the kernel behind this one may be launched, when all blocks said so

  // Blocks of a cluster: all threads arrive once; those that wait go on when all have. Arriving
  // orders nothing but what a thread has made use of: its loads have then returned. (The release
  // that would order stores waits for everything that is on its way from memory.)
  void clusterArrive();
  void clusterWait();

  // Shared memory.
  Value load(Type type, Value address, int64_t alignment);
  void store(Value value, Value address, int64_t alignment);
  void storeShared(ArrayRef<Value> values, Value address); ///< neighbouring f32, by wide accesses
  SmallVector<Value> ldmatrix4(Value address,
                               bool transpose); ///< four 8x8 matrices of 16-bit elements; lane l
                                                ///< gives row l % 8 of matrix l / 8
  /// Stores four 8x8 matrices of 16-bit elements, transposed or not; addresses as for ldmatrix4.
  void stmatrix4(Value address, ArrayRef<Value> registers, bool transpose);
  void barrier();                              ///< all threads of the block
  void barrier(Value number, int64_t threads); ///< those that wait at this one of 16 barriers
  void warpBarrier();                          ///< the lanes of a warp
  void setMaxRegisters(int64_t registers, bool increase); ///< of each thread of a warpgroup
  void fenceProxyAsync(); ///< orders this thread's shared stores before wgmma and TMA reads

  // Copies from global to shared memory.
  void cpAsync16(Value shared, Value global,
                 Value sourceBytes); ///< sourceBytes 16, or 0 to write zeros
  void cpAsyncCommit();
  void cpAsyncWait(
      int64_t groups); ///< until at most `groups` of this thread's newest groups are in flight
  void mbarrierInit(Value barrier, int64_t arrivals);
  void mbarrierInitFence();
  void mbarrierExpect(Value barrier, int64_t bytes); ///< arrives once and expects bytes
  void mbarrierArrive(Value barrier);
  void mbarrierWait(Value barrier, Value parity);
  void tmaLoad(Value shared, Value tensorMap, ArrayRef<Value> coordinates, Value barrier);
  /// A box from shared to global memory; one thread commits and waits for its own.
  void tmaStore(Value shared, Value tensorMap, ArrayRef<Value> coordinates);
  void bulkCommit();
  /// Until all but the newest `groups` have been read, or else written.
  void bulkWait(bool read, int64_t groups = 0);

  // Matrix products, f32 accumulators.
  /// accumulator[4] += a[4] * b[2]: m16n8k16, one warp.
  void mma(Type element, Value *accumulator, ArrayRef<Value> a, ArrayRef<Value> rhs);
  /// accumulator[n / 2] += a[4] * B: m64nNk16, four warps; B by a shared-memory descriptor,
  /// `transposeB` if it is N-major.
  void wgmma(Type element, int64_t n, SmallVector<Value> &accumulator, size_t offset,
             ArrayRef<Value> a, Value descriptorB, bool transposeB);
  /// The same with A by a K-major descriptor.
  void wgmma(Type element, int64_t n, SmallVector<Value> &accumulator, size_t offset,
             Value descriptorA, Value descriptorB, bool transposeB);
  /// accumulator = (accumulate ? accumulator : 0) + A * B, with A in four registers, or by a
  /// descriptor, then `transposeA` if it is M-major.
  void wgmma(Type element, int64_t n, SmallVector<Value> &accumulator, size_t offset,
             ArrayRef<Value> a, bool transposeA, Value descriptorB, bool transposeB,
             bool accumulate);
  /// Before the first wgmma that reads these registers; ties them, so that no later write moves in
  /// front.
  void wgmmaFence(SmallVector<Value> &accumulator, SmallVector<Value> &a);
  void wgmmaCommit();
  /// Until at most `groups` of this warpgroup's newest products are not done.
  void wgmmaWait(SmallVector<Value> &accumulator, int64_t groups = 0);
  /// Until all are done, up to when the registers `a` are read.
  void wgmmaWait(SmallVector<Value> &accumulator, ArrayRef<Value> a);
  /// Descriptor of a 128-byte-swizzled operand at `address`; `leading` is the byte distance of
  /// 64-element panels (N-major).
  Value descriptor(Value address, int64_t leading);
  /// Its low word, to which multiples of 16 bytes may be added as address / 16; and the whole.
  Value descriptorWord(Value address, int64_t leading);
  Value descriptorOf(Value word);

private:
  SmallVector<Value> assembly(ArrayRef<Type> results, mlir::StringRef text,
                              mlir::StringRef constraints, ArrayRef<Value> operands,
                              bool sideEffects);
  mlir::ImplicitLocOpBuilder &b;
};

} // namespace xlstm

#endif
