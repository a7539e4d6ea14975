// SPDX-License-Identifier: Apache-2.0
// One block of a kernel while it runs: its rings, its roles, and what is under way between them.
// Private to the interpreter.
#ifndef XLSTM_DIALECT_TILE_INTERPRETER_BLOCKRUN_H
#define XLSTM_DIALECT_TILE_INTERPRETER_BLOCKRUN_H

#include "dialect/tile/Interpreter/GlobalMemory.h"
#include "dialect/tile/Interpreter/SharedMemory.h"
#include <deque>
#include <memory>
#include <random>
#include <set>

namespace mlir::tile {

struct Product;
class RoleRun;

/// What a value of the program is while it runs.
struct RuntimeValue {
  double scalar = 0;                          // index, integer or float
  TileType type;                              // of a tile, as it is stored
  bool transposed = false;                    // the value is the transpose of what is stored
  std::shared_ptr<const Column> data;         // of a tile in registers, row-major
  std::shared_ptr<Product> product;           // whose result the tile is, perhaps in flight
  int64_t ring = -1, slot = 0, iteration = 0; // of a tile that stays in a ring's stage
};

struct Ring {
  struct Stage {
    int64_t holds = -1;          // the iteration whose values are, or are being, written
    Operation *writer = nullptr; // of them
    int64_t copies = 0;          // pieces of them in flight
    std::set<std::pair<int64_t, int64_t>> readers; // that have not released them
  };
  RingOp op;
  int64_t number = 0;
  RingProtocol<IntegerArithmetic> protocol;
  RingFault fault;
  SmallVector<Slot> slots;
  int64_t first = 0, bytes = 0; // of stage 0, of each stage
  std::vector<Barrier> full, empty;
  std::vector<Stage> stages;
  std::set<std::pair<int64_t, int64_t>> readers; // all roles and warps that read it
  int64_t fetched = 0;                           // copies started
  std::set<int64_t> awaited;                     // iterations that a role has got

  int64_t stageOf(int64_t iteration) const { return protocol.stage(iteration); }
  int64_t fullParity(int64_t iteration) const {
    return fault.fullParity ? fault.fullParity(iteration) : protocol.fullParity(iteration);
  }
  int64_t emptyParity(int64_t iteration) const {
    return fault.emptyParity ? fault.emptyParity(iteration) : protocol.emptyParity(iteration);
  }
  bool isFull(int64_t iteration) const {
    return full[stageOf(iteration)].passes(fullParity(iteration));
  }
  bool isEmpty(int64_t iteration) const {
    return empty[stageOf(iteration)].passes(emptyParity(iteration));
  }
  /// The stage that the writer uses.
  int64_t written(int64_t iteration) const {
    return (stageOf(iteration) + fault.stage) % int64_t(stages.size());
  }
  int64_t place(int64_t stage, int64_t slot) const {
    return first + stage * bytes + slots[slot].offset;
  }
  std::string describe(int64_t iteration) const; // "ring 0, stage 1, of iteration 3"
};

/// What a warp does with rings, behind its role's program.
struct Action {
  enum Kind { WaitFull, WaitEmpty, Write, StartCopy, ArriveFull, Release } kind;
  Operation *op;
  int64_t ring, iteration;
  std::shared_ptr<const std::vector<Column>> values; // of a put
  SmallVector<int64_t> offsets;                      // of a fetch
};

/// A piece of a copy between global and shared memory.
struct Transfer {
  Operation *op; // tile.fetch or tile.store
  int64_t role;
  SmallVector<int64_t> offsets;
  int64_t panel = 0, firstRow = 0, lastRow = 0; // of the matrix in shared memory
  int64_t ring = -1, stage = 0, iteration = 0;  // fetch
  int64_t buffer = 0;                           // store: where it reads
};

/// Thrown at a finding.
struct Stop {
  Finding finding;
};

class BlockRun {
public:
  BlockRun(KernelOp kernel, GlobalMemory &global, int64_t number, ArrayRef<int64_t> index,
           const InterpretOptions &options);
  ~BlockRun();
  void run(); ///< throws Stop

  [[noreturn]] void race(Operation *op, const std::string &what);
  [[noreturn]] void unsupported(Operation *op);
  /// "tile.get of role "score""
  static std::string describe(Operation *op);

  GlobalTensor &tensorOf(Value value);
  double readGlobal(Operation *op, Value tensor, ArrayRef<int64_t> index);
  void writeGlobal(Operation *op, Value tensor, ArrayRef<int64_t> index, double value);
  Ring &ringOf(Value ring) { return rings[ringNumbers.lookup(ring)]; }
  Ring &ring(int64_t number) { return rings[number]; }
  /// The elements of a stage's value, row-major as stored, after checking that they are there.
  Column readStage(Operation *reader, const RuntimeValue &value);

  SharedMemory memory;
  std::vector<Transfer> transfers; // under way
  std::unique_ptr<RoleRun> outer;  // what stands beside the roles, or all of a kernel without
  uint64_t random(uint64_t below) { return generator() % below; }

private:
  [[noreturn]] void blockRace(Operation *op, Value tensor, ArrayRef<int64_t> index,
                              const std::string &conflict);
  void makeRing(RingOp op);
  void schedule();
  void drawSpeeds();
  // Steps.cpp: what warps and copies do.
  bool canAct(const Action &action);
  void act(RoleRun &role, int64_t warp);
  void beginWrite(Operation *op, Ring &ring, int64_t stage, int64_t iteration);
  void write(const Action &action, int64_t warp, int64_t warps);
  void startCopy(RoleRun &role, const Action &action);
  void finish(Transfer transfer);
  void arrive(Operation *op, Ring &ring, std::vector<Barrier> &barriers, int64_t stage,
              int64_t iteration, int64_t arrivals, int64_t bytes = 0);
  void checkEnd();
  [[noreturn]] void deadlock();
  std::string waitOf(Operation *op, int64_t ring, int64_t iteration, bool full);

  KernelOp kernel;
  GlobalMemory &global;
  int64_t number; // of the block
  const int64_t arrivalsOfWarp;
  const InterpretOptions &options;
  std::mt19937_64 generator;
  std::vector<Ring> rings;
  DenseMap<Value, int64_t> ringNumbers;
  std::vector<std::unique_ptr<RoleRun>> roles;
  std::vector<uint64_t> speeds; // of each role's program, warps and products, and of copies
  bool strict = false;          // the fastest always goes first
};

} // namespace mlir::tile

#endif
