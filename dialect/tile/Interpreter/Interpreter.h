// SPDX-License-Identifier: Apache-2.0
// Runs a tile.kernel on a CPU, for tests: at the shape level as one program, at the role level as
// programs that run side by side, in an order that a seed draws.
//
//   roles       a program counter each; a role is suspended where a barrier keeps it waiting
//   warps       each arrives at barriers, and writes its rows of what is put, at a time of its own,
//               behind the role's program
//   rings       bytes in a shared memory, swizzled, with two mbarriers a stage; which stage and
//               parity an iteration has is RingProtocol.h's, as in the code for a GPU
//   copies      from and to global tensors move piece by piece, in any order, at any time before
//               the barrier that they complete on is needed
//   products    read shared memory until they are done; they are waited for where the role first
//               reads a result, and only then is a stage released that they read
//   tensors     of each element, which block has read and written it
//
// Bytes carry the iteration whose values they are. Reading others, writing where somebody may still
// read, releasing what is not held, arriving once too often, or a block's use of what another one
// writes is a race, whatever order the seed has drawn; no role being able to go on is a deadlock.
//
// What it does not see: hazards among the warps of one role, and what only the lowering places in
// shared memory (vectors that a role carries, 16-bit rows of vectors for matrix units).
#ifndef XLSTM_DIALECT_TILE_INTERPRETER_INTERPRETER_H
#define XLSTM_DIALECT_TILE_INTERPRETER_INTERPRETER_H

#include "dialect/tile/IR/Tile.h"
#include "dialect/tile/Interpreter/Numbers.h"
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace mlir::tile {

/// A global tensor and its elements. Strides are in elements.
struct GlobalTensor {
  Element element = Element::F32;
  SmallVector<int64_t> extents, strides;
  std::vector<uint8_t> bytes;

  GlobalTensor() = default;
  /// Dense in row-major order, every element 0.
  GlobalTensor(Type element, ArrayRef<int64_t> extents);
  /// What stands for a tensor that the caller did not give: no elements, dynamic extents 0.
  static GlobalTensor absent(MemRefType type);

  bool contains(ArrayRef<int64_t> index) const;
  int64_t place(ArrayRef<int64_t> index) const;    // in elements
  double get(ArrayRef<int64_t> index) const;       // 0 <= index < extents
  void set(ArrayRef<int64_t> index, double value); // rounded to the element type
  /// Calls `body` with each index, the last axis fastest.
  void forEach(function_ref<void(ArrayRef<int64_t>)> body) const;
};

/// What tests plant in the protocol of a ring, so as to see it found.
struct RingFault {
  int64_t ring = -1; // in the order of the kernel's tile.ring
  std::function<int64_t(int64_t iteration)> fullParity, emptyParity; // what is waited for instead
  int64_t stage = 0;                // added to the stage that the writer uses
  int64_t writers = 0, readers = 0; // added to the arrivals that complete full, empty
};

struct InterpretOptions {
  uint64_t seed = 0;
  std::vector<RingFault> faults;
};

/// What is wrong with a kernel.
struct Finding {
  enum Kind { Race, Deadlock, Unsupported } kind;
  Location location;
  std::string text; // one line; for a deadlock, what each role waits for
};

/// Runs all blocks of a kernel, one after the other in an order that the seed draws too, on tensors
/// in the order of its arguments, and stops at the first finding. Float arithmetic is that of the types: products of f32 accumulate
/// in f32, in the order of the depth; 16-bit values are rounded to nearest even.
std::optional<Finding> interpret(KernelOp kernel, MutableArrayRef<GlobalTensor> tensors,
                                 const InterpretOptions &options = {});

} // namespace mlir::tile

#endif
