// SPDX-License-Identifier: Apache-2.0
// Verifiers of the role level.
#include "dialect/tile/IR/RingProtocol.h"

using namespace mlir;
using namespace mlir::tile;

int64_t tile::warpArrivals(KernelOp kernel) {
  DictionaryAttr schedule = kernel.getScheduleAttr();
  return schedule && schedule.contains("lane_arrivals") ? 32 : 1;
}

RingArrivals tile::ringArrivals(RingOp ring) {
  RingArrivals arrivals;
  for (Operation *user : ring.getRing().getUsers()) {
    auto role = user->getParentOfType<RoleOp>();
    int64_t all = warpArrivals(ring->getParentOfType<KernelOp>()) * int64_t(role.getCount());
    arrivals.writers += isa<FetchOp>(user) ? 1 : isa<PutOp>(user) ? all : 0;
    arrivals.readers += isa<GetOp>(user) ? all : 0;
  }
  return arrivals;
}

int64_t tile::fetchedPanels(TileType matrix) {
  int64_t columns = 128 / (matrix.getElementType().getIntOrFloatBitWidth() / 8);
  return (matrix.getShape()[1] + columns - 1) / columns;
}

int64_t tile::stageBytes(TileType matrix) {
  return fetchedPanels(matrix) * 128 * matrix.getShape()[0];
}

int64_t tile::fetchedBytes(FetchOp fetch) {
  auto matrix = cast<TileType>(fetch.getRing().getType().getValues()[0]);
  return fetchedPanels(matrix) * 128 * fetch.getCopiedRows();
}

bool tile::storesByTMA(StoreOp op) {
  ArrayRef<int64_t> axes = op.getAxes();
  Type element = cast<MemRefType>(op.getTensor().getType()).getElementType();
  // Not a state: it is wider than the buffers, and what stands behind a loop has no turns.
  auto loop = dyn_cast<scf::ForOp>(op->getParentOp());
  bool isInnermost = loop && loop.getBody()->getOps<scf::ForOp>().empty();
  return isInnermost && op->getParentOfType<RoleOp>() && axes.size() == 2 && axes[0] > axes[1] &&
         element.getIntOrFloatBitWidth() == 16 &&
         cast<TileType>(op.getTile().getType()).getShape()[1] <= 64;
}

LogicalResult RingType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t stages,
                               ArrayRef<Type> values) {
  if (stages < 1) // ring_t1
    return emitError() << "expected at least 1 stage, got " << stages;
  for (Type type : values)
    if (!llvm::isa<TileType>(type) && !type.isF32()) // ring_t2
      return emitError() << "expected tiles and f32, got " << type;
  return success();
}

LogicalResult RingOp::verify() {
  Operation *writer = nullptr;
  llvm::SmallDenseMap<Operation *, GetOp> readers;
  llvm::SmallDenseMap<Operation *, ReleaseOp> releases;
  for (Operation *user : getRing().getUsers()) {
    auto role = user->getParentOfType<RoleOp>();
    if (!role)
      return user->emitOpError() << "expected to stand in a role";
    if (isa<FetchOp, PutOp>(user)) {
      if (writer) // ring_c1
        return emitOpError() << "expected one tile.fetch or tile.put, got two";
      writer = role;
    } else if (auto get = dyn_cast<GetOp>(user)) {
      if (!readers.try_emplace(role, get).second) // ring_c2
        return get.emitOpError() << "expected to be the only one of this ring in its role";
    } else if (auto release = dyn_cast<ReleaseOp>(user)) {
      if (!releases.try_emplace(role, release).second) // ring_c2
        return release.emitOpError() << "expected to be the only one of this ring in its role";
    }
  }
  // ring_c3
  auto depth = [](Operation *op) {
    int64_t loops = 0;
    for (auto loop = op->getParentOfType<scf::ForOp>(); loop;
         loop = loop->getParentOfType<scf::ForOp>())
      ++loops;
    return loops;
  };
  int64_t most = 0;
  for (Operation *user : getRing().getUsers())
    most = std::max(most, depth(user));
  for (Operation *user : getRing().getUsers())
    if (most > 1 && depth(user) != most)
      return user->emitOpError() << "expected to stand in " << most
                                 << " loops as other uses of the ring, got " << depth(user);
  if (!writer) // ring_c1
    return emitOpError() << "expected one tile.fetch or tile.put, got none";
  if (readers.empty() || readers.count(writer)) // ring_c2
    return emitOpError() << "expected a role beside the writing one to get it";
  for (auto &[role, release] : releases)
    if (!readers.count(role)) // ring_c2
      return release.emitOpError() << "expected a tile.get of the ring in its role";
  for (auto &[role, get] : readers) {
    ReleaseOp release = releases.lookup(role);
    if (!release || release->getBlock() != get->getBlock() || release->isBeforeInBlock(get))
      return get.emitOpError() << "expected a tile.release of the ring after it"; // ring_c2
  }
  return success();
}

/// The first operation after a release, or not in the block that it ends, that uses a value or a
/// view of it.
static Operation *useAfter(Value value, ReleaseOp release) {
  for (Operation *user : value.getUsers()) {
    if (auto view = dyn_cast<TransposeOp>(user))
      if (Operation *late = useAfter(view.getTile(), release))
        return late;
    Operation *inBlock = release->getBlock()->findAncestorOpInBlock(*user);
    if (!isa<TransposeOp>(user) && (!inBlock || release->isBeforeInBlock(inBlock)))
      return user;
  }
  return nullptr;
}

LogicalResult RoleOp::verify() {
  int64_t begin = getFirst(), end = getFirst() + getCount();
  // role_c1
  if (begin < 0 || int64_t(getCount()) < 1 ||
      (getCount() > 1 && (getFirst() % 4 || getCount() % 4)))
    return emitOpError() << "expected one warp or whole warpgroups of four, got warps [" << begin
                         << ", " << int64_t(getCount()) << "]";
  // role_c2
  int64_t registers = getRegisters();
  if (registers % 8 || registers < 24 || registers > 240)
    return emitOpError() << "expected a multiple of 8 registers from 24 to 240, got " << registers;
  for (RoleOp other : (*this)->getParentOfType<KernelOp>().getBody().getOps<RoleOp>()) {
    if (other == *this)
      break;
    int64_t otherBegin = other.getFirst(), otherEnd = otherBegin + other.getCount();
    if (begin < otherEnd && otherBegin < end) // role_c1
      return emitOpError() << "expected warps that \"" << other.getRole() << "\" does not have";
    if (begin / 4 <= (otherEnd - 1) / 4 && otherBegin / 4 <= (end - 1) / 4 &&
        other.getRegisters() != getRegisters()) // role_c2
      return emitOpError() << "expected " << int64_t(other.getRegisters()) << " registers as \""
                           << other.getRole() << "\" of the same warpgroup has, got " << registers;
  }
  // role_c3
  WalkResult walk = getBody().walk([](scf::ForOp loop) {
    auto outer = loop->getParentOfType<scf::ForOp>();
    if (!outer)
      return WalkResult::advance();
    for (Value bound : {loop.getLowerBound(), loop.getUpperBound(), loop.getStep()})
      if (!outer.isDefinedOutsideOfLoop(bound) && !getConstantIntValue(bound)) {
        loop.emitOpError() << "expected bounds from outside of the role's outer loop";
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  return failure(walk.wasInterrupted());
}

LogicalResult FetchOp::verify() {
  auto tensor = cast<MemRefType>(getTensor().getType());
  ArrayRef<Type> values = getRing().getType().getValues();
  auto tile = dyn_cast<TileType>(values.front());
  if (values.size() != 1 || !tile || tile.getShape().size() != 2) // fetch_c1
    return emitOpError() << "expected a ring of one matrix, got " << getRing().getType();
  if (tile.getElementType() != tensor.getElementType()) // fetch_c2
    return emitOpError() << "expected a ring of the tensor's " << tensor.getElementType()
                         << ", got " << tile.getElementType();
  if (auto role = (*this)->getParentOfType<RoleOp>();
      role && int64_t(role.getCount()) != 1) // fetch_c3
    return emitOpError() << "expected a role of one warp, got " << int64_t(role.getCount());
  if (getCopiedRows() < 1 || getCopiedRows() > tile.getShape()[0] ||
      (getRows() && getCopiedRows() % 8)) // fetch_c4
    return emitOpError() << "expected a multiple of 8 rows, at most " << tile.getShape()[0]
                         << ", got " << getCopiedRows();
  if (int64_t(getOffsets().size()) != tensor.getRank()) // load_c1
    return emitOpError() << "expected " << tensor.getRank() << " offsets, one per tensor axis, got "
                         << getOffsets().size();
  ArrayRef<int64_t> axes = getAxes();
  if (axes.size() != 2 || axes[0] == axes[1] || axes[0] < 0 || axes[1] < 0 ||
      axes[0] >= tensor.getRank() || axes[1] >= tensor.getRank()) // load_c2
    return emitOpError() << "expected two distinct axes of the tensor";
  return success();
}

LogicalResult PutOp::verify() {
  if (getValues().getTypes() != TypeRange(getRing().getType().getValues())) // put_c1
    return emitOpError() << "expected values of the types of " << getRing().getType() << ", got ("
                         << getValues().getTypes() << ")";
  return success();
}

LogicalResult GetOp::verify() {
  if (getValues().getTypes() != TypeRange(getRing().getType().getValues())) // get_c1
    return emitOpError() << "expected results of the types of " << getRing().getType() << ", got ("
                         << getValues().getTypes() << ")";
  for (Operation *user : getRing().getUsers()) // get_c2
    if (auto release = dyn_cast<ReleaseOp>(user);
        release && release->getBlock() == (*this)->getBlock())
      for (Value value : getValues())
        if (Operation *late = isa<TileType>(value.getType()) ? useAfter(value, release) : nullptr)
          return late->emitOpError() << "expected values of the ring before its tile.release";
  return success();
}
