// SPDX-License-Identifier: Apache-2.0
// A block's shared memory: bytes, and of each byte whose value it is. Private to the interpreter.
#ifndef XLSTM_DIALECT_TILE_INTERPRETER_SHAREDMEMORY_H
#define XLSTM_DIALECT_TILE_INTERPRETER_SHAREDMEMORY_H

#include "dialect/tile/IR/RingProtocol.h"
#include "dialect/tile/Interpreter/Interpreter.h"
#include "dialect/tile/Interpreter/Numbers.h"

namespace mlir::tile {

/// An mbarrier: phase 0, 1, .. ends when all its arrivals and bytes are there. A wait for parity p
/// passes while the current phase has the other parity.
struct Barrier {
  int64_t arrivals = 0; // that end a phase
  int64_t pending = 0;  // of this phase
  int64_t bytes = 0;    // still to come in this phase
  int64_t phases = 0;   // that have ended: the number of the current one

  explicit Barrier(int64_t arrivals) : arrivals(arrivals), pending(arrivals) {}
  bool passes(int64_t parity) const { return phases % 2 != parity; }
  /// False if all arrivals of the phase were there.
  bool arrive(int64_t expectedBytes = 0) {
    if (!pending)
      return false;
    --pending;
    bytes += expectedBytes;
    advance();
    return true;
  }
  void complete(int64_t arrivedBytes) {
    bytes -= arrivedBytes;
    advance();
  }

private:
  void advance() {
    if (pending || bytes)
      return;
    pending = arrivals;
    ++phases;
  }
};

/// Bytes and their tags. A tag is the number of a value, from 1, or one of these.
class SharedMemory {
public:
  static constexpr int64_t unwritten = 0, inFlight = -1;

  int64_t allocate(int64_t size, int64_t alignment);
  void mark(int64_t place, int64_t size, int64_t tag);
  void write(Element element, int64_t place, double value, int64_t tag);
  /// The tag of an element; that of its first byte with another one than `wanted`, if there is one.
  int64_t tagOf(Element element, int64_t place, int64_t wanted) const;
  double read(Element element, int64_t place) const;

private:
  std::vector<uint8_t> bytes;
  std::vector<int64_t> tags;
};

/// A value of a ring's stages: where it is in a stage, and where its elements are in it.
struct Slot {
  explicit Slot(Type type);

  TileType tile; // null for a scalar
  Element element;
  int64_t offset = 0; // in the stage
  int64_t bytes = 0;
  std::vector<int64_t> places; // of the elements, row-major, counted from the slot's

  bool isMatrix() const { return tile && tile.getShape().size() == 2; }
};

} // namespace mlir::tile

#endif
