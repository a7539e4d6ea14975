// SPDX-License-Identifier: Apache-2.0
// A block's rings and roles, and who goes next.
#include "dialect/tile/Interpreter/BlockRun.h"
#include "dialect/tile/Interpreter/RoleRun.h"

namespace mlir::tile {

BlockRun::BlockRun(KernelOp kernel, GlobalMemory &global, int64_t number, ArrayRef<int64_t> index,
                   const InterpretOptions &options)
    : kernel(kernel), global(global), number(number), arrivalsOfWarp(warpArrivals(kernel)),
      options(options), generator(options.seed) {
  Block &body = kernel.getBody().front();
  outer = std::make_unique<RoleRun>(*this, -1, "", 0, body);
  for (auto [i, place] : llvm::enumerate(index)) {
    RuntimeValue content;
    content.scalar = place;
    outer->bind(kernel.getGridIndex(i), content);
  }
  for (RingOp op : body.getOps<RingOp>())
    makeRing(op);
  for (RoleOp op : body.getOps<RoleOp>())
    roles.push_back(std::make_unique<RoleRun>(*this, roles.size(), op.getRole(), op.getCount(),
                                              op.getBody().front()));
}

BlockRun::~BlockRun() = default;

void BlockRun::makeRing(RingOp op) {
  RingType type = op.getRing().getType();
  Ring ring;
  ring.op = op;
  ring.number = rings.size();
  ring.protocol.stages = type.getStages();
  for (const RingFault &fault : options.faults)
    if (fault.ring == ring.number)
      ring.fault = fault;
  for (Type value : type.getValues()) {
    Slot slot(value);
    int64_t alignment = slot.isMatrix() ? 1024 : 16;
    slot.offset = (ring.bytes + alignment - 1) / alignment * alignment;
    ring.bytes = slot.offset + slot.bytes;
    ring.slots.push_back(slot);
  }
  ring.bytes = (ring.bytes + 1023) / 1024 * 1024;
  ring.first = memory.allocate(ring.bytes * type.getStages(), 1024);
  RingArrivals arrivals = ringArrivals(op);
  ring.full.assign(type.getStages(), Barrier(arrivals.writers + ring.fault.writers));
  ring.empty.assign(type.getStages(), Barrier(arrivals.readers + ring.fault.readers));
  ring.stages.resize(type.getStages());
  for (auto [number, role] : llvm::enumerate(kernel.getBody().front().getOps<RoleOp>()))
    for (Operation *user : op.getRing().getUsers())
      if (isa<GetOp>(user) && role->isProperAncestor(user))
        for (uint64_t warp = 0; warp < role.getCount(); ++warp)
          ring.readers.insert({number, warp});
  ringNumbers[op.getRing()] = rings.size();
  rings.push_back(std::move(ring));
}

GlobalTensor &BlockRun::tensorOf(Value value) {
  return global.tensor(cast<BlockArgument>(value).getArgNumber());
}

double BlockRun::readGlobal(Operation *op, Value tensor, ArrayRef<int64_t> index) {
  std::string conflict;
  double value = global.read(cast<BlockArgument>(tensor).getArgNumber(), index, number, conflict);
  if (!conflict.empty())
    blockRace(op, tensor, index, conflict);
  return value;
}

void BlockRun::writeGlobal(Operation *op, Value tensor, ArrayRef<int64_t> index, double value) {
  std::string conflict;
  global.write(cast<BlockArgument>(tensor).getArgNumber(), index, value, number, conflict);
  if (!conflict.empty())
    blockRace(op, tensor, index, conflict);
}

void BlockRun::blockRace(Operation *op, Value tensor, ArrayRef<int64_t> index,
                         const std::string &conflict) {
  std::string text = "of block " + std::to_string(number) + " " + conflict + ": \"" +
                     kernel.getTensorName(cast<BlockArgument>(tensor).getArgNumber()).str() + "\"[";
  for (auto [axis, i] : llvm::enumerate(index))
    text += (axis ? ", " : "") + std::to_string(i);
  race(op, text + "]");
}

void BlockRun::race(Operation *op, const std::string &what) {
  throw Stop{{Finding::Race, op->getLoc(), "race: " + describe(op) + " " + what}};
}

void BlockRun::unsupported(Operation *op) {
  throw Stop{
      {Finding::Unsupported, op->getLoc(), describe(op) + " is not known to the tile interpreter"}};
}

//===----------------------------------------------------------------------===//
// Who goes next
//===----------------------------------------------------------------------===//

/// Some go eight, 64 or 512 times as often as others; now and then all that is drawn anew.
void BlockRun::drawSpeeds() {
  for (uint64_t &speed : speeds)
    speed = uint64_t(1) << 3 * random(4);
  strict = random(3) == 0;
}

namespace {
/// Something that can go on: a role's program, a warp, a product, or a copy.
struct Candidate {
  enum Kind { Program, Warp, Product, Copy } kind;
  size_t role, warp;
  uint64_t speed;
};
} // namespace

void BlockRun::schedule() {
  size_t warps = 0;
  for (auto &role : roles)
    warps += role->queues.size();
  speeds.assign(2 * roles.size() + warps + 1, 1);
  std::vector<Candidate> candidates;
  for (int64_t steps = 0;; ++steps) {
    if (steps % 256 == 0)
      drawSpeeds();
    candidates.clear();
    const uint64_t *speed = speeds.data();
    for (auto [number, role] : llvm::enumerate(roles)) {
      if (!role->finished() && role->canStep())
        candidates.push_back({Candidate::Program, number, 0, *speed});
      ++speed;
      if (role->hasProducts())
        candidates.push_back({Candidate::Product, number, 0, *speed});
      ++speed;
      for (auto [warp, queue] : llvm::enumerate(role->queues)) {
        if (!queue.empty() && canAct(queue.front()))
          candidates.push_back({Candidate::Warp, number, warp, *speed});
        ++speed;
      }
    }
    if (!transfers.empty())
      candidates.push_back({Candidate::Copy, 0, 0, *speed});
    if (candidates.empty())
      break;

    uint64_t all = 0, fastest = 0;
    for (const Candidate &candidate : candidates)
      fastest = std::max(fastest, candidate.speed);
    if (strict)
      llvm::erase_if(candidates, [&](const Candidate &c) { return c.speed < fastest; });
    for (const Candidate &candidate : candidates)
      all += candidate.speed;
    uint64_t drawn = random(all);
    const Candidate *next = candidates.data();
    for (; drawn >= next->speed; ++next)
      drawn -= next->speed;
    switch (next->kind) {
    case Candidate::Program:
      roles[next->role]->step();
      break;
    case Candidate::Warp:
      act(*roles[next->role], next->warp);
      break;
    case Candidate::Product:
      roles[next->role]->completeProduct();
      break;
    case Candidate::Copy: {
      std::swap(transfers[random(transfers.size())], transfers.back());
      Transfer transfer = transfers.back();
      transfers.pop_back();
      finish(transfer);
      break;
    }
    }
  }
}

void BlockRun::run() {
  while (!outer->finished())
    outer->step();
  schedule();
  for (auto &role : roles)
    if (!role->finished() || llvm::any_of(role->queues, [](auto &q) { return !q.empty(); }))
      deadlock();
  checkEnd();
}

/// A copy that nobody waits for may still move when the block's shared memory is another's.
void BlockRun::checkEnd() {
  for (Ring &ring : rings)
    for (int64_t iteration = 0; iteration < ring.fetched; ++iteration)
      if (!ring.awaited.count(iteration))
        for (Operation *user : ring.op.getRing().getUsers())
          if (isa<FetchOp>(user))
            race(user, "copies into " + ring.describe(iteration) + ", which nobody waits for");
}

//===----------------------------------------------------------------------===//
// Deadlocks
//===----------------------------------------------------------------------===//

std::string BlockRun::waitOf(Operation *op, int64_t number, int64_t iteration, bool full) {
  const Ring &ring = rings[number];
  int64_t stage = ring.stageOf(iteration);
  const Barrier &barrier = (full ? ring.full : ring.empty)[stage];
  int64_t parity = full ? ring.fullParity(iteration) : ring.emptyParity(iteration);
  std::string text = " waits at " + op->getName().getStringRef().str() + " for parity " +
                     std::to_string(parity) + " of " + (full ? "full" : "empty") + " of " +
                     ring.describe(iteration) + " (phase " + std::to_string(barrier.phases) + ", " +
                     std::to_string(barrier.arrivals - barrier.pending) + " of " +
                     std::to_string(barrier.arrivals) + " arrivals";
  if (barrier.bytes)
    text += ", " + std::to_string(barrier.bytes) + " bytes to come";
  return text + ")";
}

/// Says of each role that has not finished what its program waits for, or its first warp that does.
void BlockRun::deadlock() {
  std::string text = "deadlock:";
  Operation *first = nullptr;
  auto add = [&](const std::string &who, const std::string &what, Operation *op) {
    text += (first ? "; role \"" : " role \"") + who + "\"" + what;
    first = first ? first : op;
  };
  for (auto &role : roles) {
    if (!role->finished()) {
      Operation *op = role->next();
      bool full = isa<GetOp>(op);
      for (Value operand : op->getOperands())
        if (isa<RingType>(operand.getType()))
          add(role->name, waitOf(op, ringOf(operand).number, role->iteration(), full), op);
      continue;
    }
    for (auto [warp, queue] : llvm::enumerate(role->queues))
      if (!queue.empty()) {
        const Action &action = queue.front();
        add(role->name,
            ", warp " + std::to_string(warp) + "," +
                waitOf(action.op, action.ring, action.iteration, action.kind == Action::WaitFull),
            action.op);
        break;
      }
  }
  throw Stop{{Finding::Deadlock, first->getLoc(), text}};
}

} // namespace mlir::tile
