// SPDX-License-Identifier: Apache-2.0
// Rings, products and global tensors, as a role's program sees them.
#include "dialect/tile/Interpreter/RoleRun.h"

namespace mlir::tile {

bool RoleRun::canStep() {
  Operation *op = next();
  if (auto get = dyn_cast<GetOp>(op))
    return block.ringOf(get.getRing()).isFull(iteration());
  if (auto put = dyn_cast<PutOp>(op))
    return block.ringOf(put.getRing()).isEmpty(iteration());
  if (auto fetch = dyn_cast<FetchOp>(op))
    return block.ringOf(fetch.getRing()).isEmpty(iteration());
  if (auto store = dyn_cast<StoreOp>(op); store && storesByTMA(store))
    return llvm::none_of(block.transfers, [&](const Transfer &transfer) {
      return transfer.ring < 0 && transfer.role == number;
    });
  return true;
}

bool RoleRun::executeMemory(Operation *op) {
  return TypeSwitch<Operation *, bool>(op)
      .Case([&](GetOp o) { return get(o), true; })
      .Case([&](PutOp o) { return put(o), true; })
      .Case([&](FetchOp o) { return fetch(o), true; })
      .Case([&](ReleaseOp o) { return release(o), true; })
      .Case([&](MatmulOp o) { return matmul(o), true; })
      .Case([&](MatvecOp o) { return matvec(o), true; })
      .Case([&](LoadOp o) { return load(o), true; })
      .Case([&](StoreOp o) { return store(o), true; })
      .Case([&](LoadScalarOp o) { return loadScalar(o), true; })
      .Case([&](StoreScalarOp o) { return storeScalar(o), true; })
      .Default([](Operation *) { return false; });
}

//===----------------------------------------------------------------------===//
// Rings
//===----------------------------------------------------------------------===//

/// What each warp does when it comes here.
void RoleRun::enqueue(std::initializer_list<Action::Kind> kinds, Action action) {
  for (std::deque<Action> &queue : queues)
    for (Action::Kind kind : kinds) {
      action.kind = kind;
      queue.push_back(action);
    }
}

void RoleRun::get(GetOp op) {
  Ring &ring = block.ringOf(op.getRing());
  ring.awaited.insert(iteration());
  uses[ring.number].lastRead = 0;
  uses[ring.number].got = iteration();
  enqueue({Action::WaitFull}, {Action::WaitFull, op, ring.number, iteration(), {}, {}});
  for (auto [slot, value] : llvm::enumerate(op.getValues())) {
    RuntimeValue content;
    content.ring = ring.number;
    content.slot = slot;
    content.iteration = iteration();
    content.type = dyn_cast<TileType>(value.getType());
    if (content.type)
      bind(value, content);
    else
      setScalar(value, block.readStage(op, content).front());
  }
}

void RoleRun::put(PutOp op) {
  auto columns = std::make_shared<std::vector<Column>>();
  for (Value value : op.getValues())
    columns->push_back(isa<TileType>(value.getType()) ? *read(op, value) : Column{scalar(value)});
  enqueue({Action::WaitEmpty, Action::Write, Action::ArriveFull},
          {Action::Write, op, block.ringOf(op.getRing()).number, iteration(), columns, {}});
}

void RoleRun::fetch(FetchOp op) {
  enqueue({Action::WaitEmpty, Action::StartCopy}, {Action::StartCopy,
                                                   op,
                                                   block.ringOf(op.getRing()).number,
                                                   iteration(),
                                                   {},
                                                   indices(op.getOffsets())});
}

void RoleRun::release(ReleaseOp op) {
  Ring &ring = block.ringOf(op.getRing());
  RingUse &use = uses[ring.number];
  if (use.got != iteration() || use.released == iteration())
    block.race(op, "releases " + ring.describe(iteration()) + ", which it does not hold");
  use.released = iteration();
  Action action = {Action::Release, op, ring.number, iteration(), {}, {}};
  if (use.lastRead > settled)
    releases.push_back({use.lastRead, action});
  else
    enqueue({Action::Release}, action);
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// An operand that a product reads until it is done.
RuntimeValue RoleRun::operand(Operation *reader, Value value, int64_t product) {
  RuntimeValue content = lookup(value);
  auto now = read(reader, content); // checks a stage, even if it is read again
  if (content.ring >= 0) {
    uses[content.ring].lastRead = product;
    return content;
  }
  content.data = now;
  content.product = {};
  content.transposed = false;
  return content;
}

void RoleRun::matmul(MatmulOp op) {
  auto product = std::make_shared<Product>();
  product->op = op;
  product->result = *read(op, op.getAccumulator());
  product->number = ++issued;
  product->lhs = operand(op, op.getLhs(), issued);
  product->rhs = operand(op, op.getRhs(), issued);
  products.push_back(product);
  RuntimeValue content;
  content.type = cast<TileType>(op.getResult().getType());
  content.product = product;
  bind(op.getResult(), content);
  if (queues.empty()) // not in a role
    settle(issued);
}

/// Products are done in the order in which they were issued.
void RoleRun::completeProduct() {
  std::shared_ptr<Product> product = products.front();
  products.pop_front();
  auto op = cast<MatmulOp>(product->op);
  auto elements = [&](const RuntimeValue &value) {
    return value.ring < 0 ? value.data
                          : orient(std::make_shared<Column>(block.readStage(op, value)), value);
  };
  auto lhs = elements(product->lhs), rhs = elements(product->rhs);
  ArrayRef<int64_t> left = cast<TileType>(op.getLhs().getType()).getShape();
  auto type = cast<TileType>(op.getResult().getType());
  multiply(type.getElementType(), left[0], type.getShape()[1], left[1], lhs->data(), rhs->data(),
           product->result.data());
  product->lhs = product->rhs = {};
}

/// Waits for a product, and releases what it and those before it have read.
void RoleRun::settle(int64_t product) {
  while (!products.empty() && products.front()->number <= product)
    completeProduct();
  settled = std::max(settled, product);
  auto waiting = releases;
  releases.clear();
  for (auto &[lastRead, action] : waiting)
    if (lastRead > settled)
      releases.push_back({lastRead, action});
    else
      enqueue({Action::Release}, action);
}

/// Is waited for at once, and with it all products before.
void RoleRun::matvec(MatvecOp op) {
  auto matrix = read(op, op.getMatrix()), vector = read(op, op.getVector());
  Column sums = *read(op, op.getAccumulator());
  settle(issued);
  ArrayRef<int64_t> shape = cast<TileType>(op.getMatrix().getType()).getShape();
  auto type = cast<TileType>(op.getResult().getType());
  multiply(type.getElementType(), shape[0], 1, shape[1], matrix->data(), vector->data(),
           sums.data());
  setTile(op.getResult(), sums);
}

//===----------------------------------------------------------------------===//
// Global tensors
//===----------------------------------------------------------------------===//

SmallVector<int64_t> RoleRun::indices(ValueRange values) {
  SmallVector<int64_t> result;
  for (Value value : values)
    result.push_back(scalar(value));
  return result;
}

/// Calls `body` with the number and the place in the tensor of each element of a tile that is
/// inside; `limit` ends the first axis.
static void forEachInside(TileType type, const GlobalTensor &tensor, ArrayRef<int64_t> offsets,
                          ArrayRef<int64_t> axes, std::optional<int64_t> limit,
                          function_ref<void(int64_t, ArrayRef<int64_t>)> body) {
  SmallVector<int64_t> index(offsets);
  int64_t columns = axes.size() == 2 ? type.getShape()[1] : 1;
  for (int64_t i = 0; i < ShapedType::getNumElements(type.getShape()); ++i) {
    index[axes[0]] = offsets[axes[0]] + i / columns;
    if (axes.size() == 2)
      index[axes[1]] = offsets[axes[1]] + i % columns;
    if (tensor.contains(index) && (!limit || index[axes[0]] < *limit))
      body(i, index);
  }
}

void RoleRun::load(LoadOp op) {
  auto type = cast<TileType>(op.getTile().getType());
  GlobalTensor &tensor = block.tensorOf(op.getTensor());
  std::optional<int64_t> limit;
  if (op.getLimit())
    limit = scalar(op.getLimit());
  Column data(ShapedType::getNumElements(type.getShape()), op.getPad().convertToDouble());
  forEachInside(type, tensor, indices(op.getOffsets()), op.getAxes(), limit,
                [&](int64_t i, ArrayRef<int64_t> index) {
                  data[i] = block.readGlobal(op, op.getTensor(), index);
                });
  roundTo(type.getElementType(), data);
  setTile(op.getTile(), data);
}

void RoleRun::store(StoreOp op) {
  auto data = read(op, op.getTile());
  if (storesByTMA(op))
    return storeByTMA(op, *data);
  GlobalTensor &tensor = block.tensorOf(op.getTensor());
  std::optional<int64_t> limit;
  if (op.getLimit())
    limit = scalar(op.getLimit());
  forEachInside(cast<TileType>(op.getTile().getType()), tensor, indices(op.getOffsets()),
                op.getAxes(), limit, [&](int64_t i, ArrayRef<int64_t> index) {
                  block.writeGlobal(op, op.getTensor(), index, (*data)[i]);
                });
}

/// Through one of two buffers, of which copies read later. Before it writes, one thread has waited
/// for the copies before this one. A store along rows then lets the warps meet; one of columns does
/// so only behind its writes, so that the other warps know of the copies before the last one.
void RoleRun::storeByTMA(StoreOp op, const Column &data) {
  ArrayRef<int64_t> shape = cast<TileType>(op.getTile().getType()).getShape();
  bool ofColumns = op.getAxes()[0] > op.getAxes()[1];
  int64_t rows = shape[ofColumns], columns = shape[!ofColumns];
  Type element = cast<MemRefType>(op.getTensor().getType()).getElementType();
  Slot slot(TileType::get(op.getContext(), {rows, columns}, element));
  if (stagingBytes != slot.bytes) {
    stagingBytes = slot.bytes;
    staging = block.memory.allocate(2 * stagingBytes, 1024);
    stagedBy[0] = stagedBy[1] = 0;
  }
  int64_t half = RingProtocol<IntegerArithmetic>{{}, 2}.stage(iteration());
  if (ofColumns && stagedBy[half] > storesRead)
    block.race(op, "writes the staging buffer of iteration " + std::to_string(iteration()) +
                       " while an earlier copy may still read it");
  storesRead = stores;
  stagedBy[half] = ++stores;
  Transfer transfer = {op, number, indices(op.getOffsets())};
  transfer.buffer = staging + half * stagingBytes;
  transfer.lastRow = rows;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      block.memory.write(slot.element, transfer.buffer + slot.places[row * columns + column],
                         data[ofColumns ? column * rows + row : row * columns + column], stores);
  for (; transfer.panel < fetchedPanels(slot.tile); ++transfer.panel)
    block.transfers.push_back(transfer);
}

void RoleRun::loadScalar(LoadScalarOp op) {
  GlobalTensor &tensor = block.tensorOf(op.getTensor());
  SmallVector<int64_t> index = indices(op.getOffsets());
  Column value = {tensor.contains(index) ? block.readGlobal(op, op.getTensor(), index)
                                         : op.getPad().convertToDouble()};
  roundTo(op.getValue().getType(), value);
  setScalar(op.getValue(), value[0]);
}

void RoleRun::storeScalar(StoreScalarOp op) {
  GlobalTensor &tensor = block.tensorOf(op.getTensor());
  SmallVector<int64_t> index = indices(op.getOffsets());
  if (tensor.contains(index))
    block.writeGlobal(op, op.getTensor(), index, scalar(op.getValue()));
}

} // namespace mlir::tile
