// SPDX-License-Identifier: Apache-2.0
// Roles: a block's warpgroups run different programs, and hand each other values through rings.
//
//   warpgroup 0 .. w-1    if (warp in the first role) { setmaxnreg; its program }
//   the next              else if (..) { setmaxnreg; .. }
//   the last              else { setmaxnreg; if (warp 0 of it) .. else if (warp 1) .. }
//
// Which stage and parity an iteration has, and who arrives, is in dialect/tile/IR/RingProtocol.h.
#include "compiler/Conversion/TileToNVVM/KernelEmitter.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

LogicalResult KernelEmitter::emitRoles() {
  if (kernel.getBody().getOps<RoleOp>().empty())
    return kernel.emitError() << "expected the roles of its schedule; run --tile-split-roles first";
  for (RingOp ring : kernel.getBody().getOps<RingOp>())
    allocateRing(ring);
  for (Ring &ring : rings) { // behind all stages, which are aligned more
    ring.full = allocate(8 * ring.stages, 8);
    ring.empty = allocate(8 * ring.stages, 8);
  }
  when(b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, thread, ptx.i32(0)), [&] {
    for (RingOp op : kernel.getBody().getOps<RingOp>()) {
      RingArrivals arrivals = ringArrivals(op);
      const Ring &ring = ringOf(op.getRing());
      for (int64_t stage = 0; stage < ring.stages; ++stage) {
        ptx.mbarrierInit(sharedAddress(ring.full + 8 * stage), arrivals.writers);
        ptx.mbarrierInit(sharedAddress(ring.empty + 8 * stage), arrivals.readers);
      }
    }
    ptx.mbarrierInitFence();
  });
  clearOperands();
  ptx.fenceProxyAsync();
  ptx.barrier();
  // Scalars of all roles: canonicalisation moves constants there.
  for (Operation &op : kernel.getBody().front().without_terminator())
    if (!isa<RingOp, RoleOp>(op) && failed(emitOp(op)))
      return failure();

  SmallVector<RoleOp> roles(kernel.getBody().getOps<RoleOp>());
  llvm::sort(roles, [](RoleOp x, RoleOp y) { return x.getFirst() < y.getFirst(); });
  Value warpInBlock = warp;
  int64_t atEntry = 65536 / (threads * schedule.resident) / 8 * 8, warpgroup = -1;
  OpBuilder::InsertionGuard guard(b);
  for (RoleOp op : roles) {
    auto enter = [&] {
      if (int64_t(op.getFirst()) / 4 == warpgroup)
        return;
      warpgroup = op.getFirst() / 4;
      if (int64_t(op.getRegisters()) != atEntry)
        ptx.setMaxRegisters(op.getRegisters(), int64_t(op.getRegisters()) > atEntry);
    };
    bool lastWarpgroup = int64_t(op.getFirst()) / 4 == threads / 128 - 1;
    if (lastWarpgroup)
      enter(); // all its warps, also those without a role
    Value inRole = less(warpInBlock, ptx.i32(op.getFirst() + op.getCount()));
    auto branch = b.create<scf::IfOp>(inRole, /*withElseRegion=*/true);
    b.setInsertionPointToStart(branch.thenBlock());
    if (!lastWarpgroup)
      enter();
    warp =
        op.getFirst() ? b.create<arith::SubIOp>(warpInBlock, ptx.i32(op.getFirst())) : warpInBlock;
    if (failed(emitRole(op)))
      return failure();
    b.setInsertionPointToStart(branch.elseBlock());
  }
  role = {};
  return success();
}

LogicalResult KernelEmitter::emitRole(RoleOp op) {
  role = op;
  auto restore = llvm::make_scope_exit(
      [this, s = scalars, t = tiles, n = threads] { scalars = s, tiles = t, threads = n; });
  threads = 32 * op.getCount();
  roleLoops.clear();
  issued = done = 0;
  inFlight.clear();
  besides.clear();
  staging = -1;
  stagedPanels = 0;
  hidePlaces();
  if (op.getEarly())
    function->setAttr("tile.early", b.getUnitAttr());
  else if (schedule.overlaps)
    ptx.waitForLaunches();
  bindGrid();
  if (failed(emitBlock(op.getBody().front())))
    return failure();
  if (staging >= 0) // shared memory must outlive the copies from it
    when(b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, rem(thread, 128), ptx.i32(0)),
         [&] { ptx.bulkWait(/*read=*/false); });
  return success();
}

void KernelEmitter::meet() {
  if (!role)
    ptx.barrier();
  else if (threads == 32)
    ptx.warpBarrier();
  else // barrier 0 is the block's
    ptx.barrier(add(div(warp, 4), ptx.i32(1 + role.getFirst() / 4)), 128);
}

/// A vector that a role carries through its loop, in shared memory, where it stays.
TileForm KernelEmitter::resident(const TileForm &vector, Value carried) {
  TileForm form;
  form.kind = TileForm::Shared;
  form.type = vector.type;
  form.address = sharedAddress(allocate(4 * vector.rows(), 16));
  int64_t registers = vector.registers.size();
  if (!roleLoops.empty())
    meet(); // all are done with what it was for the work before
  // LLVM makes one memset of neighbouring constants, whose stores then lose the address space.
  auto bits = [&](Value value) {
    Value word = b.create<arith::BitcastOp>(b.getI32Type(), value);
    return matchPattern(value, m_Constant()) ? ptx.opaque(word) : word;
  };
  when(b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, warp, ptx.i32(0)), [&] {
    for (int64_t r = 0; r < registers; ++r) {
      Value index = add(mul(lane, registers), ptx.i32(r));
      when(registers * 32 == vector.rows() ? Value() : less(index, ptx.i32(vector.rows())),
           [&] { ptx.store(bits(vector.registers[r]), add(form.address, mul(index, 4)), 4); });
    }
  });
  meet();
  form.ring = spareRowsRing(carried);
  if (form.ring >= 0) {
    when(b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, rem(lane, 4), ptx.i32(0)),
         [&] { writeSpareRows(rings[form.ring], iteration(), ownElements(form)); });
    ptx.fenceProxyAsync();
  }
  return form;
}

//===----------------------------------------------------------------------===//
// Rings
//===----------------------------------------------------------------------===//

/// The matrix-vector products whose vector is this value of a ring, in all roles.
static MatvecOp multipliedWith(Value value) {
  for (Operation *user : value.getUsers())
    if (auto matvec = dyn_cast<MatvecOp>(user); matvec && matvec.getVector() == value)
      return matvec;
  return {};
}

/// Whether a matrix is the right operand of a product whose left one is multiplied with a vector
/// too: the vector then stands in spare rows of the matrix.
static bool hasVectorBeside(Value matrix) {
  for (Operation *user : matrix.getUsers()) {
    if (isa<TransposeOp>(user) && hasVectorBeside(user->getResult(0)))
      return true;
    auto matmul = dyn_cast<MatmulOp>(user);
    if (matmul && matmul.getRhs() == matrix)
      for (Operation *other : matmul.getLhs().getUsers())
        if (auto matvec = dyn_cast<MatvecOp>(other);
            matvec && matvec.getMatrix() == matmul.getLhs())
          return true;
  }
  return false;
}

void KernelEmitter::allocateRing(RingOp op) {
  Ring ring;
  RingType type = op.getRing().getType();
  ring.stages = type.getStages();
  int64_t alignment = 16;
  auto place = [&](int64_t bytes, int64_t slotAlignment) {
    alignment = std::max(alignment, slotAlignment);
    int64_t offset = (ring.bytes + slotAlignment - 1) / slotAlignment * slotAlignment;
    ring.bytes = offset + bytes;
    return offset;
  };
  ring.slots.resize(type.getValues().size());
  // Matrices and operands first: their places are multiples of the swizzle's period.
  for (bool aligned : {true, false})
    for (auto [i, valueType] : llvm::enumerate(type.getValues())) {
      Ring::Slot &slot = ring.slots[i];
      auto tile = dyn_cast<TileType>(valueType);
      bool matrix = tile && tile.getShape().size() == 2;
      if (!aligned && !matrix)
        slot.offset = place(tile ? (tile.getShape()[0] + 3) / 4 * 16 : 16, 16);
      if (!aligned)
        continue;
      slot.panelRows = matrix ? tile.getShape()[0] : 0;
      for (Operation *user : op.getRing().getUsers()) {
        auto get = dyn_cast<GetOp>(user);
        if (get && matrix && hasVectorBeside(get.getValues()[i])) {
          slot.panelRows = tile.getShape()[0] + 8;
          slot.spareElement = tile.getElementType();
        }
        if (MatvecOp matvec = get ? multipliedWith(get.getValues()[i]) : MatvecOp())
          slot.element = cast<TileType>(matvec.getMatrix().getType()).getElementType();
      }
      if (matrix)
        slot.offset = place(TileForm::sharedBytes(slot.panelRows, tile.getShape()[1]), 1024);
      if (slot.element)
        slot.operand = place(TileForm::sharedBytes(8, tile.getShape()[0]), 1024);
    }
  ring.bytes = (ring.bytes + alignment - 1) / alignment * alignment;
  ring.first = allocate(ring.bytes * ring.stages, alignment);
  ringNumber[op.getRing()] = rings.size();
  rings.push_back(ring);
}

/// Zeros in the rows of 16-bit operands that nothing writes.
void KernelEmitter::clearOperands() {
  auto clear = [&](int64_t offset) { // 8 rows
    when(less(thread, ptx.i32(256)),
         [&] { ptx.store(ptx.i32(0), add(sharedAddress(offset), mul(thread, 4)), 4); });
  };
  for (RingOp op : kernel.getBody().getOps<RingOp>()) {
    const Ring &ring = ringOf(op.getRing());
    for (auto [slot, type] : llvm::zip(ring.slots, op.getRing().getType().getValues()))
      for (int64_t stage = 0; stage < ring.stages; ++stage) {
        auto tile = dyn_cast<TileType>(type);
        int64_t begin = ring.first + stage * ring.bytes, rows = tile ? tile.getShape()[0] : 0;
        if (slot.panelRows > rows)
          for (int64_t column = 0; column < tile.getShape()[1]; column += 64)
            clear(begin + slot.offset + column / 64 * TileForm::panelBytes(slot.panelRows) +
                  TileForm::panelBytes(rows));
        if (slot.operand >= 0)
          for (int64_t column = 0; column < rows; column += 64)
            clear(begin + slot.operand + column / 64 * TileForm::panelBytes(8));
      }
  }
}

// Made anew each time, and one base for all of a stage, where registers are scarce.
Value KernelEmitter::anew(Value value) { return schedule.keepsPlaces ? value : ptx.opaque(value); }
Value KernelEmitter::iteration() {
  Value number = ptx.i32(0);
  for (const RoleLoop &loop : roleLoops) {
    Value sinceFirst = b.createOrFold<arith::SubIOp>(anew(loop.induction), loop.lowerBound);
    Value before = number;
    if (&loop != &roleLoops.front())
      before = getConstantIntValue(loop.iterations)
                   ? mul(number, *getConstantIntValue(loop.iterations))
                   : b.createOrFold<arith::MulIOp>(number, loop.iterations);
    number = add(before, b.createOrFold<arith::DivUIOp>(sinceFirst, loop.step));
  }
  return number;
}
Value KernelEmitter::stageAddress(const Ring &ring) {
  Value stage = protocolOf(ring).stage(iteration());
  return anew(add(sharedAddress(ring.first), mul(stage, ring.bytes)));
}
void KernelEmitter::findAnew(TileForm &form) {
  Value stage = stageAddress(rings[form.ring]);
  form.address = add(stage, ptx.i32(form.inStage));
  if (form.operand)
    form.operand = add(stage, ptx.i32(form.operandInStage));
}
Value KernelEmitter::barrierOf(const Ring &ring, int64_t offset) {
  return add(sharedAddress(offset), mul(protocolOf(ring).stage(iteration()), 8));
}
void KernelEmitter::waitFull(const Ring &ring) {
  ptx.mbarrierWait(barrierOf(ring, ring.full), protocolOf(ring).fullParity(iteration()));
}
void KernelEmitter::waitEmpty(const Ring &ring) {
  ptx.mbarrierWait(barrierOf(ring, ring.empty), protocolOf(ring).emptyParity(iteration()));
}

/// Each warp, when all its lanes are done; or each lane, see KernelSchedule.h.
void KernelEmitter::arrive(const Ring &ring, int64_t offset) {
  ptx.warpBarrier();
  if (schedule.laneArrivals)
    return ptx.mbarrierArrive(barrierOf(ring, offset));
  when(b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, lane, ptx.i32(0)),
       [&] { ptx.mbarrierArrive(barrierOf(ring, offset)); });
}

LogicalResult KernelEmitter::emitRoleOp(Operation &op) {
  if (auto fetch = dyn_cast<FetchOp>(op))
    return emitFetch(fetch), success();
  if (auto put = dyn_cast<PutOp>(op))
    return emitPut(put);
  if (auto get = dyn_cast<GetOp>(op))
    return emitGet(get), success();
  if (auto release = dyn_cast<ReleaseOp>(op))
    return emitRelease(release), success();
  if (auto matmul = dyn_cast<MatmulOp>(op))
    return emitRoleMatmul(matmul);
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return emitRoleReduce(reduce), success();
  return emitRoleMatvec(cast<MatvecOp>(op));
}

void KernelEmitter::emitFetch(FetchOp op) {
  const Ring &ring = ringOf(op.getRing());
  const Ring::Slot &slot = ring.slots[0];
  auto type = cast<TileType>(op.getRing().getType().getValues()[0]);
  Value map = function.getArgument(tensors[tensorNumber.lookup(op.getTensor())].tensorMapArgument);
  SmallVector<Value> index = offsets(op.getOffsets());
  waitEmpty(ring);
  when(b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, lane, ptx.i32(0)), [&] {
    Value barrier = barrierOf(ring, ring.full);
    Value address = add(stageAddress(ring), ptx.i32(slot.offset));
    int64_t panels = fetchedPanels(type);
    ptx.mbarrierExpect(barrier, fetchedBytes(op));
    Value column = index[op.getAxes()[1]];
    for (int64_t panel = 0; panel < panels; ++panel) {
      index[op.getAxes()[1]] = add(column, ptx.i32(64 * panel));
      ptx.tmaLoad(add(address, ptx.i32(panel * TileForm::panelBytes(slot.panelRows))), map,
                  SmallVector<Value>(llvm::reverse(index)), barrier);
    }
  });
}

LogicalResult KernelEmitter::emitPut(PutOp op) {
  const Ring &ring = ringOf(op.getRing());
  waitEmpty(ring);
  Value stage = stageAddress(ring);
  bool asynchronous = false; // whether a matrix unit reads it
  for (size_t i = 0; i < ring.slots.size(); ++i) {
    Value value = op.getValues()[i];
    const Ring::Slot &slot = ring.slots[i];
    if (!isa<TileType>(value.getType())) {
      when(b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, thread, ptx.i32(0)),
           [&] { ptx.store(scalar(value), add(stage, ptx.i32(slot.offset)), 4); });
      continue;
    }
    TileForm form = tiles.lookup(value);
    asynchronous |= slot.panelRows || slot.operand >= 0;
    if (!slot.panelRows)
      putVector(form, slot, stage);
    else if (form.kind == TileForm::Fragment && form.is16Bit() && !form.transposed)
      putMatrix(form, slot, stage);
    else
      return op.emitError() << "expected matrices of 16 bits that a product or a map has made";
  }
  if (asynchronous)
    ptx.fenceProxyAsync();
  arrive(ring, ring.full);
  return success();
}

void KernelEmitter::putVector(const TileForm &form, const Ring::Slot &slot, Value stage) {
  Value address = add(stage, ptx.i32(slot.offset));
  if (form.kind == TileForm::Rows) {
    when(b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, rem(lane, 4), ptx.i32(0)), [&] {
      for (size_t i = 0; i < form.registers.size(); ++i)
        ptx.store(form.registers[i], add(address, mul(fragmentRow(form.grid, i / 2, i % 2), 4)), 4);
    });
    return;
  }
  TileForm lanes = lanesOf(form);
  int64_t registers = lanes.registers.size(), extent = form.rows();
  auto inside = [&](Value index) {
    return registers * 32 == extent ? Value() : less(index, ptx.i32(extent));
  };
  for (int64_t r = 0; r < registers; ++r) {
    Value index = add(mul(lane, registers), ptx.i32(r));
    when(inside(index), [&] { ptx.store(lanes.registers[r], add(address, mul(index, 4)), 4); });
  }
  if (slot.operand < 0)
    return;
  // Two 16-bit rows whose sum is the vector.
  Value rows = add(stage, ptx.i32(slot.operand));
  for (int64_t r = 0; r < registers; r += 2) {
    Value index = add(mul(lane, registers), ptx.i32(r));
    Value low = lanes.registers[r], high = r + 1 < registers ? lanes.registers[r + 1] : ptx.f32(0);
    Value rounded = ptx.pack(slot.element, low, high);
    auto [lowRounded, highRounded] = ptx.unpack(slot.element, rounded);
    Value rest = ptx.pack(slot.element, b.create<arith::SubFOp>(low, lowRounded),
                          b.create<arith::SubFOp>(high, highRounded));
    when(inside(index), [&] {
      ptx.store(rounded, swizzled(rows, 8, ptx.i32(0), index), 4);
      ptx.store(rest, swizzled(rows, 8, ptx.i32(1), index), 4);
    });
  }
}

void KernelEmitter::putMatrix(const TileForm &form, const Ring::Slot &slot, Value stage) {
  Value address = add(stage, ptx.i32(slot.offset));
  // Matrices (rows 0-7, 8-15) of a block, then of the next one; a lane has a row of one of them.
  Value row = add(mul(warpM(form.grid), 16), rem(lane, 16)), second = mul(div(lane, 16), 8);
  for (int64_t mi = 0; mi < form.rowBlocks(); ++mi)
    for (int64_t ni = 0; ni < form.columnBlocks(); ni += 2) {
      Value place = swizzled(address, slot.panelRows, add(row, ptx.i32(mi * 16 * form.grid.m)),
                             add(second, ptx.i32(8 * ni)));
      ptx.stmatrix4(place, ArrayRef<Value>(form.registers).slice(form.blockRegister(mi, ni), 4),
                    /*transpose=*/false);
    }
}

void KernelEmitter::emitGet(GetOp op) {
  int64_t number = ringNumber.lookup(op.getRing());
  const Ring &ring = rings[number];
  waitFull(ring);
  Value stage = stageAddress(ring);
  for (auto [value, slot] : llvm::zip(op.getValues(), ring.slots)) {
    Value address = add(stage, ptx.i32(slot.offset));
    auto type = dyn_cast<TileType>(value.getType());
    if (!type) {
      scalars.map(value, ptx.load(b.getF32Type(), address, 4));
      continue;
    }
    TileForm form;
    form.kind = TileForm::Shared;
    form.type = type;
    form.address = address;
    form.panelRows = slot.panelRows;
    form.ring = number;
    form.inStage = slot.offset;
    form.operandInStage = slot.operand;
    if (slot.operand >= 0)
      form.operand = add(stage, ptx.i32(slot.operand));
    tiles[value] = form;
  }
  rings[number].lastRead = 0;
}

void KernelEmitter::emitRelease(ReleaseOp op) {
  int64_t number = ringNumber.lookup(op.getRing());
  if (rings[number].lastRead > done)
    releases.push_back(number);
  else
    arrive(rings[number], rings[number].empty);
}

} // namespace xlstm
