// SPDX-License-Identifier: Apache-2.0
// --tile-split-roles: one loop nest becomes one program for each role. Passes.td has the page that
// explains it.
#include "dialect/tile/Transforms/Passes.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::tile {
#define GEN_PASS_DEF_SPLITROLES
#include "dialect/tile/Transforms/Passes.h.inc"

namespace {

/// In the order of the pipeline. What has no role is repeated wherever it is needed.
enum Role { none, load, gates, score, state, numRoles };
constexpr StringRef roleNames[] = {"", "load", "gates", "score", "state"};

/// Values that one role hands to others in one iteration of the loop, or once after it.
struct Crossing {
  Role from = none;
  llvm::SetVector<Value> values;
  Value ring;
};

class Splitter {
public:
  explicit Splitter(KernelOp kernel) : kernel(kernel), b(kernel.getLoc(), kernel) {}
  LogicalResult split();

private:
  Role roleOf(Value value) { return roles.lookup(value); }
  Role explicitRole(Operation *op);
  LogicalResult assign(Operation *op);
  void collectCrossings(ArrayRef<Operation *> program, bool inLoop);
  void collectInputs(Operation *op, Role role, llvm::SetVector<Value> &inputs);
  bool belongs(Operation *op, Role role);
  size_t lastReader(Value value);
  void reorder();
  void moveBehind(Operation *place, Operation *op);
  void makeRings();
  void makeRole(Role role);
  void cloneProgram(ArrayRef<Operation *> program, bool inLoop, Role role);
  void cloneOp(Operation *op, Role role);
  Value need(Value value);

  KernelOp kernel;
  ImplicitLocOpBuilder b;
  scf::ForOp outer; // over the blocks' work of a persistent kernel; null in others
  scf::ForOp loop;
  SmallVector<Operation *> inLoop, afterLoop; // what has a role, in the order of the program
  DenseMap<Value, Role> roles;
  DenseMap<Operation *, Role> operationRoles;
  SmallVector<Crossing> crossings[2]; // after the loop, in it
  IRMapping map;
};

bool isView(Operation *op) { return isa<TransposeOp>(op); }

/// The values from outside that an operation and its regions read.
void forEachInput(Operation *op, function_ref<void(Value)> body) {
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (!op->isProperAncestor(operand.getParentBlock()->getParentOp()) &&
          operand.getParentBlock()->getParentOp() != op)
        body(operand);
  });
}

Role Splitter::explicitRole(Operation *op) {
  auto name = op->getAttrOfType<StringAttr>("role");
  for (int role = load; name && role < numRoles; ++role)
    if (name.getValue() == roleNames[role])
      return Role(role);
  auto staged = dyn_cast<LoadOp>(op);
  return staged && staged.getStages() ? load : none;
}

/// Gives an operation of the loop, or after it, its role.
LogicalResult Splitter::assign(Operation *op) {
  if (auto branch = dyn_cast<scf::IfOp>(op)) {
    for (Region &region : branch->getRegions())
      for (Operation &inner : region.getOps())
        if (failed(assign(&inner)))
          return failure();
    return success();
  }
  if (isa<scf::ForOp>(op))
    return op->emitOpError()
           << "expected one loop, not nested, in a kernel that is split into roles";
  Role role = explicitRole(op);
  if (!role) {
    forEachInput(op, [&](Value input) { role = std::max(role, roleOf(input)); });
    if (role == load && !isView(op))
      role = gates;
    if (isa<LoadOp, LoadScalarOp>(op))
      role = std::max(role, gates);
    auto matrix =
        op->getNumResults() == 1 ? dyn_cast<TileType>(op->getResult(0).getType()) : TileType();
    if (matrix && matrix.getShape().size() == 2 && role == gates)
      for (Operation *user : op->getResult(0).getUsers())
        role = std::max(role, explicitRole(user)); // made where it is used
  }
  if (!isView(op))
    operationRoles[op] = role;
  for (Value result : op->getResults())
    roles[result] = role;
  return success();
}

/// The values of other roles, or of loads, that an operation reads, seen through what is repeated.
void Splitter::collectInputs(Operation *op, Role role, llvm::SetVector<Value> &inputs) {
  forEachInput(op, [&](Value input) {
    Operation *definition = input.getDefiningOp();
    bool repeated = definition && (isView(definition) || !roleOf(input));
    if (repeated)
      collectInputs(definition, role, inputs);
    else if (roleOf(input) != none && roleOf(input) != role)
      inputs.insert(input);
  });
}

/// Whether an operation, or one in its regions, is of the role.
bool Splitter::belongs(Operation *op, Role role) {
  return op
      ->walk([&](Operation *inner) {
        return operationRoles.lookup(inner) == role ? WalkResult::interrupt()
                                                    : WalkResult::advance();
      })
      .wasInterrupted();
}

void Splitter::collectCrossings(ArrayRef<Operation *> program, bool inside) {
  for (Operation *op : program)
    op->walk([&](Operation *inner) {
      Role role = operationRoles.lookup(inner);
      llvm::SetVector<Value> inputs;
      if (role)
        collectInputs(inner, role, inputs);
      for (Value input : inputs) {
        Role from = roleOf(input);
        auto place = llvm::find_if(crossings[inside], [&](Crossing &crossing) {
          return crossing.from == from && (from != load || crossing.values.front() == input);
        });
        if (place == crossings[inside].end()) {
          crossings[inside].push_back({from, {}, {}});
          place = &crossings[inside].back();
        }
        place->values.insert(input);
      }
    });
}

void Splitter::makeRings() {
  auto schedule = kernel.getScheduleAttr();
  auto stages = schedule.getAs<IntegerAttr>("ring_stages");
  for (bool inside : {true, false})
    for (Crossing &crossing : crossings[inside]) {
      SmallVector<Type> types;
      for (Value value : crossing.values)
        types.push_back(value.getType());
      int64_t count = !inside ? 1 : stages ? stages.getInt() : 2;
      if (auto staged = crossing.values.front().getDefiningOp<LoadOp>();
          staged && staged.getStages())
        count = *staged.getStages();
      crossing.ring = b.create<RingOp>(RingType::get(b.getContext(), count, types));
    }
}

/// A value in the role that is being made; what is repeated is cloned here.
Value Splitter::need(Value value) {
  if (Value known = map.lookupOrNull(value))
    return known;
  Operation *definition = value.getDefiningOp();
  if (!definition) // an argument of the kernel
    return value;
  cloneOp(definition, none);
  return map.lookup(value);
}

void Splitter::cloneOp(Operation *op, Role role) {
  if (auto branch = dyn_cast<scf::IfOp>(op)) {
    auto copy = b.create<scf::IfOp>(need(branch.getCondition()), !branch.getElseRegion().empty());
    IRMapping outer = map;
    for (auto [from, to] : llvm::zip(branch->getRegions(), copy->getRegions())) {
      OpBuilder::InsertionGuard guard(b);
      if (to.empty())
        continue;
      b.setInsertionPointToStart(&to.front());
      for (Operation &inner : from.getOps())
        if (belongs(&inner, role))
          cloneOp(&inner, role);
      map = outer;
    }
    return;
  }
  forEachInput(op, [&](Value input) { (void)need(input); });
  if (role != load) {
    Operation *copy = b.clone(*op, map);
    copy->removeAttr("role");
    return;
  }
  auto staged = cast<LoadOp>(op);
  SmallVector<Value> offsets;
  for (Value offset : staged.getOffsets())
    offsets.push_back(need(offset));
  for (Crossing &crossing : crossings[true])
    if (crossing.values.contains(staged.getTile()))
      b.create<FetchOp>(staged.getTensor(), offsets, staged.getAxesAttr(), crossing.ring,
                        IntegerAttr());
}

/// The operations of a role in the loop or after it, with what it takes from rings and hands on.
void Splitter::cloneProgram(ArrayRef<Operation *> program, bool inside, Role role) {
  SmallVector<Operation *> mine;
  for (Operation *op : program)
    if (belongs(op, role))
      mine.push_back(op);
  // First and last operation that reads each ring; the last that computes a value for one.
  MutableArrayRef<Crossing> rings = crossings[inside];
  SmallVector<Operation *> first(rings.size()), last(rings.size()), filled(rings.size());
  for (Operation *op : mine)
    op->walk([&](Operation *inner) {
      llvm::SetVector<Value> inputs;
      if (operationRoles.lookup(inner) == role)
        collectInputs(inner, role, inputs);
      for (size_t i = 0; i < rings.size(); ++i) {
        const Crossing &ring = rings[i];
        if (llvm::any_of(inputs, [&](Value input) { return ring.values.contains(input); })) {
          first[i] = first[i] ? first[i] : op;
          last[i] = op;
        }
        if (llvm::any_of(inner->getResults(), [&](Value v) { return ring.values.contains(v); }))
          filled[i] = op;
      }
    });
  auto put = [&](Crossing &ring) {
    SmallVector<Value> values;
    for (Value value : ring.values)
      values.push_back(need(value));
    b.create<PutOp>(values, ring.ring);
  };
  for (auto [i, ring] : llvm::enumerate(rings)) // values of the loop itself
    if (ring.from == role && role != load && !filled[i])
      put(ring);
  for (Operation *op : mine) {
    for (auto [i, ring] : llvm::enumerate(rings))
      if (first[i] == op) {
        auto get = b.create<GetOp>(cast<RingType>(ring.ring.getType()).getValues(), ring.ring);
        map.map(ring.values.getArrayRef(), get.getValues());
      }
    cloneOp(op, role);
    for (auto [i, ring] : llvm::enumerate(rings)) {
      if (last[i] == op)
        b.create<ReleaseOp>(ring.ring);
      if (filled[i] == op && role != load)
        put(ring);
    }
  }
}

void Splitter::makeRole(Role role) {
  auto places = kernel.getScheduleAttr().getAs<DictionaryAttr>("roles");
  ArrayRef<int64_t> place = places.getAs<DenseI64ArrayAttr>(roleNames[role]).asArrayRef();
  auto op = b.create<RoleOp>(roleNames[role], place[0], place[1], place[2],
                             /*early=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&op.getBody().emplaceBlock());
  map.clear();
  // Of all work the same: rings count iterations through both loops.
  Value bounds[] = {need(loop.getLowerBound()), need(loop.getUpperBound()), need(loop.getStep())};
  OpBuilder::InsertionGuard work(b);
  IRMapping beforeWork = map;
  if (outer) {
    auto copy = b.create<scf::ForOp>(need(outer.getLowerBound()), need(outer.getUpperBound()),
                                     need(outer.getStep()));
    map.map(outer.getInductionVar(), copy.getInductionVar());
    b.setInsertionPointToStart(copy.getBody());
  }
  auto yield = cast<scf::YieldOp>(loop.getBody()->getTerminator());
  SmallVector<unsigned> carried;
  SmallVector<Value> initial;
  for (auto [i, argument] : llvm::enumerate(loop.getRegionIterArgs()))
    if (roleOf(argument) == role) {
      carried.push_back(i);
      initial.push_back(need(loop.getInitArgs()[i]));
    }
  auto mine = b.create<scf::ForOp>(bounds[0], bounds[1], bounds[2], initial);
  IRMapping outer = map;
  {
    OpBuilder::InsertionGuard inside(b);
    b.setInsertionPointToStart(mine.getBody());
    map.map(loop.getInductionVar(), mine.getInductionVar());
    for (auto [i, argument] : llvm::zip(carried, mine.getRegionIterArgs()))
      map.map(loop.getRegionIterArgs()[i], argument);
    cloneProgram(inLoop, /*inside=*/true, role);
    SmallVector<Value> yielded;
    for (unsigned i : carried)
      yielded.push_back(need(yield.getOperand(i)));
    if (!carried.empty())
      b.create<scf::YieldOp>(yielded);
  }
  map = outer;
  for (auto [i, result] : llvm::zip(carried, mine.getResults()))
    map.map(loop.getResult(i), result);
  cloneProgram(afterLoop, /*inside=*/false, role);
  map = beforeWork;
}

/// The last place in the loop's program that reads a value, also through views.
size_t Splitter::lastReader(Value value) {
  size_t last = 0;
  for (Operation *user : value.getUsers()) {
    Operation *const *place = llvm::find(inLoop, user);
    last = std::max(last, isView(user)            ? lastReader(user->getResult(0))
                          : place != inLoop.end() ? size_t(place - inLoop.begin())
                                                  : 0);
  }
  return last;
}

/// Copies start in the order in which their stages become free. A product with a vector stands
/// beside the one with a matrix that has the same left operand: one instruction then does both.
void Splitter::reorder() {
  SmallVector<Operation *> copies;
  for (Operation *op : inLoop)
    if (operationRoles.lookup(op) == load)
      copies.push_back(op);
  llvm::stable_sort(copies, [&](Operation *x, Operation *y) {
    return lastReader(x->getResult(0)) < lastReader(y->getResult(0));
  });
  auto next = copies.begin();
  for (Operation *&op : inLoop)
    if (operationRoles.lookup(op) == load)
      op = *next++;
  for (Operation *op : SmallVector<Operation *>(inLoop))
    if (auto matvec = dyn_cast<MatvecOp>(op)) {
      auto beside = llvm::find_if(inLoop, [&](Operation *other) {
        auto matmul = dyn_cast<MatmulOp>(other);
        return matmul && matmul.getLhs() == matvec.getMatrix() &&
               operationRoles.lookup(other) == operationRoles.lookup(op);
      });
      if (beside != inLoop.end())
        moveBehind(*beside, op);
    }
}

/// Moves an operation, and what it reads of the same role, up to right behind `place`.
void Splitter::moveBehind(Operation *place, Operation *op) {
  auto from = llvm::find(inLoop, place), self = llvm::find(inLoop, op);
  if (self <= from)
    return;
  std::rotate(std::next(from), self, std::next(self));
  forEachInput(op, [&](Value input) {
    Operation *definition = input.getDefiningOp();
    if (definition && operationRoles.lookup(definition) == operationRoles.lookup(op) &&
        llvm::is_contained(inLoop, definition))
      moveBehind(place, definition);
  });
}

LogicalResult Splitter::split() {
  Block &body = kernel.getBody().front();
  auto theLoop = [](Block &block) {
    auto loops = block.getOps<scf::ForOp>();
    return llvm::hasSingleElement(loops) ? *loops.begin() : scf::ForOp();
  };
  loop = theLoop(body);
  if (loop && kernel.getScheduleAttr().contains("persistent")) {
    outer = loop;
    loop = theLoop(*outer.getBody());
  }
  if (!loop)
    return kernel.emitOpError() << "expected one loop to split into roles";
  auto yield = cast<scf::YieldOp>(loop.getBody()->getTerminator());
  for (auto [argument, value, result] :
       llvm::zip(loop.getRegionIterArgs(), yield.getOperands(), loop.getResults())) {
    Operation *definition = value.getDefiningOp();
    roles[argument] = roles[result] =
        definition && explicitRole(definition) ? explicitRole(definition) : gates;
  }
  auto program = [&](auto begin, auto end, SmallVector<Operation *> &list) {
    for (Operation &op : llvm::make_range(begin, end)) {
      if (failed(assign(&op)))
        return failure();
      if (isa<scf::IfOp>(op) || operationRoles.lookup(&op))
        list.push_back(&op);
    }
    return success();
  };
  if (failed(program(loop.getBody()->begin(), std::prev(loop.getBody()->end()), inLoop)) ||
      failed(
          program(std::next(loop->getIterator()), std::prev(loop->getBlock()->end()), afterLoop)))
    return failure();
  for (auto [argument, value] : llvm::zip(loop.getRegionIterArgs(), yield.getOperands()))
    if (roleOf(value) && roleOf(value) != roleOf(argument))
      return kernel.emitOpError() << "expected the role \"" << roleNames[roleOf(argument)]
                                  << "\" to compute what it carries, got \""
                                  << roleNames[roleOf(value)] << "\"";
  reorder();
  collectCrossings(inLoop, /*inside=*/true);
  collectCrossings(afterLoop, /*inside=*/false);

  b.setInsertionPoint(body.getTerminator());
  SmallVector<Operation *> old;
  for (Operation &op : body.without_terminator())
    old.push_back(&op);
  makeRings();
  for (Role role : {state, score, gates, load})
    makeRole(role);
  for (Operation *op : llvm::reverse(old))
    op->erase();
  return success();
}

struct SplitRolesPass : impl::SplitRolesBase<SplitRolesPass> {
  void runOnOperation() override {
    for (KernelOp kernel : getOperation().getOps<KernelOp>())
      if (DictionaryAttr schedule = kernel.getScheduleAttr();
          schedule && schedule.contains("roles") && kernel.getBody().getOps<RoleOp>().empty())
        if (failed(Splitter(kernel).split()))
          return signalPassFailure();
  }
};

} // namespace
} // namespace mlir::tile
