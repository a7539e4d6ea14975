// SPDX-License-Identifier: Apache-2.0
// What warps do behind their role's program, and how copies move.
#include "dialect/tile/Interpreter/RoleRun.h"
#include <limits>

namespace mlir::tile {

std::string BlockRun::describe(Operation *op) {
  std::string text = op->getName().getStringRef().str();
  if (auto role = op->getParentOfType<RoleOp>())
    text += " of role \"" + role.getRole().str() + "\"";
  return text;
}

std::string Ring::describe(int64_t iteration) const {
  return "ring " + std::to_string(number) + ", stage " + std::to_string(stageOf(iteration)) +
         ", of iteration " + std::to_string(iteration);
}

bool BlockRun::canAct(const Action &action) {
  const Ring &ring = rings[action.ring];
  return action.kind == Action::WaitFull    ? ring.isFull(action.iteration)
         : action.kind == Action::WaitEmpty ? ring.isEmpty(action.iteration)
                                            : true;
}

void BlockRun::act(RoleRun &role, int64_t warp) {
  Action action = role.queues[warp].front();
  role.queues[warp].pop_front();
  Ring &ring = rings[action.ring];
  switch (action.kind) {
  case Action::WaitFull:
  case Action::WaitEmpty:
    return;
  case Action::Write:
    return write(action, warp, role.queues.size());
  case Action::StartCopy:
    return startCopy(role, action);
  case Action::ArriveFull:
    return arrive(action.op, ring, ring.full, ring.written(action.iteration), action.iteration,
                  arrivalsOfWarp);
  case Action::Release: {
    int64_t stage = ring.stageOf(action.iteration);
    if (!ring.stages[stage].readers.erase({role.number, warp}))
      race(action.op, "releases " + ring.describe(action.iteration) + ", which warp " +
                          std::to_string(warp) + " does not hold");
    return arrive(action.op, ring, ring.empty, stage, action.iteration, arrivalsOfWarp);
  }
  }
}

void BlockRun::arrive(Operation *op, Ring &ring, std::vector<Barrier> &barriers, int64_t stage,
                      int64_t iteration, int64_t arrivals, int64_t bytes) {
  for (int64_t i = 0; i < arrivals; ++i)
    if (!barriers[stage].arrive(bytes))
      race(op, "arrives at " + ring.describe(iteration) + " once more than the " +
                   std::to_string(barriers[stage].arrivals) + " times of a phase");
}

//===----------------------------------------------------------------------===//
// Writing a stage
//===----------------------------------------------------------------------===//

/// The first write of an iteration to a stage takes it over: nobody may read what it held.
void BlockRun::beginWrite(Operation *op, Ring &ring, int64_t stage, int64_t iteration) {
  Ring::Stage &state = ring.stages[stage];
  if (state.holds == iteration && state.writer == op && isa<PutOp>(op))
    return;
  std::string what = "writes " + ring.describe(iteration);
  if (state.copies)
    race(op, what + ", into which the " + describe(state.writer) + " still copies iteration " +
                 std::to_string(state.holds));
  if (!state.readers.empty()) {
    auto [role, warp] = *state.readers.begin();
    race(op, what + ", of which role \"" + roles[role]->name + "\", warp " + std::to_string(warp) +
                 ", may still read iteration " + std::to_string(state.holds));
  }
  state.holds = iteration;
  state.writer = op;
  memory.mark(ring.first + stage * ring.bytes, ring.bytes, SharedMemory::unwritten);
  state.readers = ring.readers;
}

/// A warp's rows: every `warps`-th block of 16. The first warp writes scalars.
void BlockRun::write(const Action &action, int64_t warp, int64_t warps) {
  Ring &ring = rings[action.ring];
  int64_t stage = ring.written(action.iteration);
  beginWrite(action.op, ring, stage, action.iteration);
  for (auto [number, slot] : llvm::enumerate(ring.slots)) {
    const Column &values = (*action.values)[number];
    int64_t rowSize = slot.isMatrix() ? slot.tile.getShape()[1] : 1;
    for (int64_t i = 0; i < int64_t(slot.places.size()); ++i)
      if (i / rowSize / 16 % warps == warp)
        memory.write(slot.element, ring.place(stage, number) + slot.places[i], values[i],
                     action.iteration + 1);
  }
}

/// The copy moves in pieces of some rows of a panel.
void BlockRun::startCopy(RoleRun &role, const Action &action) {
  Ring &ring = rings[action.ring];
  const Slot &slot = ring.slots.front();
  auto fetch = cast<FetchOp>(action.op);
  int64_t stage = ring.written(action.iteration), rows = fetch.getCopiedRows();
  beginWrite(action.op, ring, stage, action.iteration);
  ++ring.fetched;
  memory.mark(ring.place(stage, 0), slot.bytes, SharedMemory::inFlight);
  // What is not copied is arbitrary, but no copy is awaited for it.
  int64_t rowSize = slot.tile.getShape()[1];
  for (int64_t i = rows * rowSize; i < int64_t(slot.places.size()); ++i)
    memory.write(slot.element, ring.place(stage, 0) + slot.places[i],
                 std::numeric_limits<double>::quiet_NaN(), action.iteration + 1);
  int64_t piece = std::max<int64_t>(8, rows >> random(4));
  for (int64_t panel = 0; panel < fetchedPanels(slot.tile); ++panel)
    for (int64_t row = 0; row < rows; row += piece) {
      Transfer transfer = {action.op, role.number, action.offsets, panel, row};
      transfer.lastRow = std::min(rows, row + piece);
      transfer.ring = action.ring;
      transfer.stage = stage;
      transfer.iteration = action.iteration;
      transfers.push_back(transfer);
      ++ring.stages[stage].copies;
    }
  arrive(action.op, ring, ring.full, stage, action.iteration, /*arrivals=*/1, fetchedBytes(fetch));
}

/// A piece moves. What is outside of the tensor is 0 in shared memory, and is not written to it.
void BlockRun::finish(Transfer transfer) {
  auto fetch = dyn_cast<FetchOp>(transfer.op);
  auto store = dyn_cast<StoreOp>(transfer.op);
  Value argument = fetch ? fetch.getTensor() : store.getTensor();
  GlobalTensor &tensor = tensorOf(argument);
  ArrayRef<int64_t> axes = fetch ? fetch.getAxes() : store.getAxes();
  bool transposed = store && axes[0] > axes[1]; // the store's tile
  int64_t rowAxis = axes[transposed], columnAxis = axes[!transposed];
  ArrayRef<int64_t> shape = cast<TileType>(fetch ? fetch.getRing().getType().getValues().front()
                                                 : store.getTile().getType())
                                .getShape();
  int64_t rows = shape[transposed], columns = shape[!transposed];
  Element element = tensor.element;
  int64_t width = 128 / bytesOf(element);
  SmallVector<int64_t> index = transfer.offsets;
  for (int64_t row = transfer.firstRow; row < transfer.lastRow; ++row)
    for (int64_t column = transfer.panel * width; column < (transfer.panel + 1) * width; ++column) {
      index[rowAxis] = transfer.offsets[rowAxis] + row;
      index[columnAxis] = transfer.offsets[columnAxis] + column;
      bool inside = tensor.contains(index);
      int64_t place =
          swizzledPlace(IntegerArithmetic(), int64_t(0), rows, row, column, bytesOf(element));
      if (fetch)
        memory.write(element, rings[transfer.ring].place(transfer.stage, 0) + place,
                     inside ? readGlobal(fetch, argument, index) : 0, transfer.iteration + 1);
      else if (inside && column < columns)
        writeGlobal(store, argument, index, memory.read(element, transfer.buffer + place));
    }
  if (!fetch)
    return;
  Ring &ring = rings[transfer.ring];
  --ring.stages[transfer.stage].copies;
  ring.full[transfer.stage].complete(128 * (transfer.lastRow - transfer.firstRow));
}

//===----------------------------------------------------------------------===//
// Reading a stage
//===----------------------------------------------------------------------===//

Column BlockRun::readStage(Operation *reader, const RuntimeValue &value) {
  Ring &ring = rings[value.ring];
  int64_t stage = ring.stageOf(value.iteration), wanted = value.iteration + 1;
  const Slot &slot = ring.slots[value.slot];
  Column result(slot.places.size());
  for (int64_t i = 0; i < int64_t(slot.places.size()); ++i) {
    int64_t place = ring.place(stage, value.slot) + slot.places[i];
    int64_t tag = memory.tagOf(slot.element, place, wanted);
    if (tag != wanted)
      race(reader, "reads " + ring.describe(value.iteration) + ", value " +
                       std::to_string(value.slot) + ", element " + std::to_string(i) + ": " +
                       (tag == SharedMemory::inFlight ? "its copy is in flight"
                        : tag == SharedMemory::unwritten
                            ? "it is not yet written"
                            : "it is that of iteration " + std::to_string(tag - 1)));
    result[i] = memory.read(slot.element, place);
  }
  return result;
}

} // namespace mlir::tile
