// SPDX-License-Identifier: Apache-2.0
// The program of one role while it runs. It is that of the role's fastest warp: what each warp does
// with rings follows behind it, in the warp's queue. Private to the interpreter.
#ifndef XLSTM_DIALECT_TILE_INTERPRETER_ROLERUN_H
#define XLSTM_DIALECT_TILE_INTERPRETER_ROLERUN_H

#include "dialect/tile/Interpreter/BlockRun.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::tile {

/// A matrix product from its issue until it is done.
struct Product {
  Operation *op;
  int64_t number; // in its role, from 1
  RuntimeValue lhs, rhs;
  Column result; // the accumulator before
  bool done = false;
};

class RoleRun {
public:
  /// `warps` is 0 for what is not in a role.
  RoleRun(BlockRun &block, int64_t number, StringRef name, int64_t warps, Block &program);

  bool finished() const { return frames.empty(); }
  /// Whether the next operation need not wait.
  bool canStep();
  void step();
  /// The operation that comes next, and the iteration that it belongs to.
  Operation *next() { return &*frames.back().next; }
  int64_t iteration() const;

  bool hasProducts() const { return !products.empty(); }
  void completeProduct(); ///< the oldest in flight

  void bind(Value value, RuntimeValue content) { values[value] = std::move(content); }

  const int64_t number;
  const std::string name;
  std::vector<std::deque<Action>> queues; // of each warp

private:
  struct Frame {
    Block *block;
    Block::iterator next;
    scf::ForOp loop; // whose body it is, if it is one
    double induction = 0, upper = 0, step = 0;
    int64_t iteration = 0; // counted over all runs of the loop
  };

  // RoleRun.cpp: control, and operations on registers.
  void leaveEnded();
  bool executeControl(Operation *op);
  bool executeRegisters(Operation *op);
  void enterLoop(scf::ForOp op);
  void startIteration(Frame &frame);
  void yield(Operation *op);
  void map(MapOp op);
  void scan(ScanOp op);
  void reduce(ReduceOp op);
  const RuntimeValue &lookup(Value value);
  double scalar(Value value) { return lookup(value).scalar; }
  void setScalar(Value value, double number);
  void setTile(Value value, Column data);
  /// The elements of a tile, row-major as the program sees them.
  std::shared_ptr<const Column> read(Operation *reader, Value tile) {
    return read(reader, lookup(tile));
  }
  std::shared_ptr<const Column> read(Operation *reader, const RuntimeValue &value);
  static std::shared_ptr<const Column> orient(std::shared_ptr<const Column> data,
                                              const RuntimeValue &value);

  // RoleMemory.cpp: rings, products and global tensors.
  bool executeMemory(Operation *op);
  void get(GetOp op);
  void put(PutOp op);
  void fetch(FetchOp op);
  void release(ReleaseOp op);
  void enqueue(std::initializer_list<Action::Kind> kinds, Action action);
  void matmul(MatmulOp op);
  void matvec(MatvecOp op);
  void settle(int64_t product);
  RuntimeValue operand(Operation *reader, Value value, int64_t product);
  void load(LoadOp op);
  void store(StoreOp op);
  void storeByTMA(StoreOp op, const Column &data);
  void loadScalar(LoadScalarOp op);
  void storeScalar(StoreScalarOp op);
  SmallVector<int64_t> indices(ValueRange values);

  BlockRun &block;
  std::vector<Frame> frames;
  DenseMap<Value, RuntimeValue> values;
  DenseMap<Operation *, int64_t> iterations; // that loops have started
  // Products: issued, and those up to which the role has waited; what is released when it has.
  std::deque<std::shared_ptr<Product>> products;
  int64_t issued = 0, settled = 0;
  struct RingUse {
    int64_t lastRead = 0;            // the last product that reads the stage
    int64_t got = -1, released = -1; // the last iterations that the program has
  };
  std::map<int64_t, RingUse> uses;
  std::vector<std::pair<int64_t, Action>> releases; // by the product that they wait for
  // Stores by TMA: how many, up to which their reads were waited for before the warps met.
  int64_t stores = 0, storesRead = 0;
  int64_t staging = 0, stagingBytes = 0, stagedBy[2] = {0, 0};
};

} // namespace mlir::tile

#endif
