// SPDX-License-Identifier: Apache-2.0
// Structure of a kernel: the function, loops, branches and scalars.
#include "compiler/Conversion/KernelArguments.h"
#include "compiler/Conversion/TileToNVVM/FloatFunctions.h"
#include "compiler/Conversion/TileToNVVM/KernelEmitter.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::tile;

namespace xlstm {

KernelEmitter::KernelEmitter(KernelOp kernel, ImplicitLocOpBuilder &builder)
    : kernel(kernel), b(builder), ptx(b),
      schedule(KernelSchedule::fromAttribute(kernel.getScheduleAttr())), threads(schedule.threads) {
}

FailureOr<LLVM::LLVMFuncOp> KernelEmitter::emit() {
  createFunction();
  LogicalResult body = hasRoles() ? emitRoles() : emitBlock(kernel.getBody().front());
  if (failed(body) || unsupported)
    return failure();
  b.create<LLVM::ReturnOp>(ValueRange());
  function->setAttr("tile.threads", b.getI64IntegerAttr(threads));
  function->setAttr("tile.shared_bytes", b.getI64IntegerAttr(sharedTop));
  function->setAttr("tile.tensor_maps", b.getArrayAttr(tensorMaps));
  return function;
}

/// Arguments: those of KernelArguments.h as i64 and pointers, then a CUtensorMap by value for each
/// tensor copied by TMA.
void KernelEmitter::createFunction() {
  MLIRContext *context = b.getContext();
  Type pointer = LLVM::LLVMPointerType::get(context, NVVM::kGlobalMemorySpace),
       i64 = b.getI64Type(), i32 = b.getI32Type();
  SmallVector<KernelArgument> arguments = kernelArguments(kernel);
  SmallVector<Type> types;
  for (const KernelArgument &argument : arguments)
    types.push_back(argument.kind == KernelArgument::Pointer ? pointer : i64);
  // Tensors that TMA copies, each with the axes of its tiles and the extent along the first.
  struct Mapped {
    Value tensor;
    int64_t rowAxis, columnAxis, rows;
  };
  SmallVector<Mapped> mapped;
  auto shapeOf = [](Type type) { return cast<TileType>(type).getShape(); };
  kernel.walk([&](Operation *op) {
    if (auto load = dyn_cast<LoadOp>(op); load && load.getStages() && schedule.copy == "tma")
      mapped.push_back({load.getTensor(), load.getAxes()[0], load.getAxes()[1],
                        shapeOf(load.getTile().getType())[0]});
    else if (auto fetch = dyn_cast<FetchOp>(op))
      mapped.push_back(
          {fetch.getTensor(), fetch.getAxes()[0], fetch.getAxes()[1], fetch.getCopiedRows()});
    else if (auto store = dyn_cast<StoreOp>(op); store && storesByTMA(store))
      mapped.push_back({store.getTensor(), store.getAxes()[1], store.getAxes()[0],
                        shapeOf(store.getTile().getType())[1]});
    else if (store && storesPanels(store)) // each warpgroup its own rows
      mapped.push_back({store.getTensor(), store.getAxes()[0], store.getAxes()[1], 64});
  });
  for (size_t i = 0; i < mapped.size(); ++i)
    types.push_back(LLVM::LLVMPointerType::get(context));
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), types);
  function = b.create<LLVM::LLVMFuncOp>(kernel.getSymName(), type);
  function->setAttr("nvvm.kernel", b.getUnitAttr());
  function->setAttr("nvvm.reqntid", b.getDenseI32ArrayAttr({int32_t(threads), 1, 1}));
  function->setAttr("nvvm.minctasm", b.getI32IntegerAttr(schedule.resident));
  if (kernel.walk([](GroupArriveOp) { return WalkResult::interrupt(); }).wasInterrupted())
    function->setAttr("nvvm.cluster_dim",
                      b.getDenseI32ArrayAttr({int32_t(kernel.getGridSizes().back()), 1, 1}));
  Block *entry = function.addEntryBlock(b);
  b.setInsertionPointToStart(entry);

  for (unsigned i = 0; i < kernel.getNumTensors(); ++i) {
    tensorNumber[kernel.getTensor(i)] = i;
    Tensor tensor;
    tensor.type = cast<MemRefType>(kernel.getTensor(i).getType());
    SmallVector<int64_t> strides;
    int64_t offset;
    (void)getStridesAndOffset(tensor.type, strides, offset);
    for (int64_t axis = 0; axis < tensor.type.getRank(); ++axis) {
      tensor.extents.push_back(
          tensor.type.isDynamicDim(axis) ? Value() : ptx.i32(tensor.type.getDimSize(axis)));
      tensor.strides.push_back(ShapedType::isDynamic(strides[axis]) ? Value()
                                                                    : ptx.i64(strides[axis]));
    }
    tensors.push_back(tensor);
  }
  for (auto [argument, value] : llvm::zip(arguments, entry->getArguments())) {
    Tensor &tensor = tensors[argument.tensor];
    if (argument.kind == KernelArgument::Pointer)
      tensor.pointer = value;
    else if (argument.kind == KernelArgument::Dim)
      tensor.extents[argument.axis] = b.create<arith::TruncIOp>(i32, value);
    else
      tensor.strides[argument.axis] = value;
  }
  for (auto [i, tiles] : llvm::enumerate(mapped)) {
    unsigned number = arguments.size() + i, tensor = tensorNumber[tiles.tensor];
    tensors[tensor].tensorMapArgument = number;
    // A parameter of the grid: without these attributes LLVM copies the descriptor to local memory,
    // where TMA cannot read it.
    function.setArgAttr(number, LLVM::LLVMDialect::getByValAttrName(),
                        TypeAttr::get(LLVM::LLVMArrayType::get(b.getI8Type(), 128)));
    function.setArgAttr(number, LLVM::LLVMDialect::getAlignAttrName(), b.getI64IntegerAttr(64));
    function.setArgAttr(number, NVVM::NVVMDialect::getGridConstantAttrName(), b.getUnitAttr());
    // Box, fastest axis first: panels of 64 columns by the tile's rows.
    SmallVector<int64_t> box(tensors[tensor].type.getRank(), 1);
    box[box.size() - 1 - tiles.columnAxis] = 64;
    box[box.size() - 1 - tiles.rowAxis] = tiles.rows;
    NamedAttrList entry;
    entry.append("tensor", b.getI64IntegerAttr(tensor));
    entry.append("box", b.getDenseI64ArrayAttr(box));
    if (kernel.getMerged(tensor) > 1)
      entry.append("merged", b.getI64IntegerAttr(kernel.getMerged(tensor)));
    tensorMaps.push_back(entry.getDictionary(context));
  }

  thread = b.create<NVVM::ThreadIdXOp>(i32);
  lane = b.create<arith::AndIOp>(thread, ptx.i32(31));
  // The same in all lanes of a warp; the shuffle tells ptxas so.
  warp = ptx.shuffleIndex(b.create<arith::ShRUIOp>(thread, ptx.i32(5)), ptx.i32(0));
  Value shared = b.create<LLVM::AddressOfOp>(
      LLVM::LLVMPointerType::get(context, NVVM::kSharedMemorySpace), "shared_memory");
  sharedBase = b.create<LLVM::PtrToIntOp>(i32, shared);

  bindGrid();
  // Whatever comes next waits itself for the end of this kernel, and so for all before it.
  if (schedule.overlaps) {
    ptx.allowLaunches();
    if (!hasRoles() &&
        kernel.getBody().getOps<WaitLaunchesOp>().empty()) // else they for themselves
      ptx.waitForLaunches();
    function->setAttr("tile.overlaps", b.getUnitAttr());
  }
}

/// Grid indices from the linear block number, last dimension fastest. Done anew after a loop, so
/// that no register holds them through it.
void KernelEmitter::bindGrid() {
  Value block = ptx.blockNumber();
  for (int64_t i = kernel.getNumGridDims() - 1; i >= 0; --i) {
    auto [tensor, axis] = kernel.getGridDim(i);
    Value extent = tensor >= 0 ? tensors[tensor].extents[axis] : ptx.i32(kernel.getGridSizes()[i]);
    if (int64_t divisor = kernel.getGridDivisor(i); divisor != 1)
      extent = b.create<arith::DivUIOp>(add(extent, ptx.i32(divisor - 1)), ptx.i32(divisor));
    bool slowest = i == 0;
    scalars.map(kernel.getGridIndex(i),
                slowest ? block : b.createOrFold<arith::RemUIOp>(block, extent));
    if (!slowest)
      block = b.createOrFold<arith::DivUIOp>(block, extent);
  }
}

LogicalResult KernelEmitter::emitBlock(Block &block) {
  for (Operation &op : block)
    if (failed(emitOp(op)))
      return failure();
  return success();
}

/// What only the lowering to vectors has: limits of packed sequences, and integers.
static LogicalResult checkMemory(Operation &op) {
  auto load = dyn_cast<LoadOp>(op);
  auto store = dyn_cast<StoreOp>(op);
  if ((load && load.getLimit()) || (store && store.getLimit()))
    return op.emitError() << "with a limit has no lowering to NVVM";
  // Scalars of i32 are the one use of integers: places in other tensors.
  auto scalar = dyn_cast<LoadScalarOp>(op);
  Value tensor = load ? load.getTensor() : scalar ? scalar.getTensor() : Value();
  Type element = tensor ? cast<MemRefType>(tensor.getType()).getElementType() : Type();
  if (isa_and_nonnull<IntegerType>(element) && !(scalar && element.isInteger(32)))
    return op.emitError() << "of an integer has no lowering to NVVM";
  return success();
}

LogicalResult KernelEmitter::emitOp(Operation &op) {
  b.setLoc(op.getLoc());
  if (failed(checkMemory(op)))
    return failure();
  if (isSpread() &&
      isa<LoadOp, StoreOp, MapOp, MatmulOp, MatvecOp, ReduceOp, ScanOp, TransposeOp, ExtractOp>(op))
    return emitSpreadOp(op);
  if (isa<MatmulOp, StoreOp>(op))
    hidePlaces();
  if (role) {
    settle(op);
    if (isa<scf::ForOp, scf::IfOp>(op))
      settleAll();
    if (isa<FetchOp, PutOp, GetOp, ReleaseOp, MatmulOp, MatvecOp, ReduceOp>(op))
      return emitRoleOp(op);
  }
  if (failed(emitPlainOp(op)))
    return failure();
  // Elements of a long vector by row or column are read from shared memory: lanes could give them
  // by as many shuffles as they have registers only.
  if (role)
    return success();
  for (Value result : op.getResults()) {
    auto found = tiles.find(result);
    if (found == tiles.end() || found->second.kind != TileForm::Lanes ||
        found->second.registers.size() <= 2)
      continue;
    if (llvm::any_of(result.getUses(), [](OpOperand &use) {
          auto map = dyn_cast<MapOp>(use.getOwner());
          return map && use.getOperandNumber() >= map.getElems().size();
        }))
      found->second = vectorToShared(found->second);
  }
  return success();
}

LogicalResult KernelEmitter::emitPlainOp(Operation &op) {
  return TypeSwitch<Operation *, LogicalResult>(&op)
      .Case<scf::ForOp>([&](auto o) { return emitFor(o); })
      .Case<scf::IfOp>([&](auto o) { return emitIf(o); })
      .Case<LoadOp>([&](auto o) { return emitLoad(o); })
      .Case<StoreOp>([&](auto o) { return emitStore(o); })
      .Case<LoadScalarOp>([&](auto o) { return emitLoadScalar(o), success(); })
      .Case<StoreScalarOp>([&](auto o) { return emitStoreScalar(o), success(); })
      .Case<MatmulOp>([&](auto o) { return emitMatmul(o); })
      .Case<MatvecOp>([&](auto o) { return emitMatvec(o); })
      .Case<MapOp>([&](auto o) { return emitMap(o); })
      .Case<ReduceOp>([&](auto o) { return emitReduce(o); })
      .Case<ScanOp>([&](auto o) { return emitScan(o); })
      .Case<SplatOp>([&](SplatOp o) {
        TileForm form;
        form.type = cast<TileType>(o.getTile().getType());
        form.registers.push_back(scalar(o.getValue()));
        tiles[o.getTile()] = form;
        return success();
      })
      .Case<TransposeOp>([&](TransposeOp o) {
        TileForm form = tiles.lookup(o.getSource());
        form.transposed = !form.transposed;
        tiles[o.getTile()] = form;
        return success();
      })
      .Case<ExtractOp>([&](ExtractOp o) {
        TileForm form = lanesOf(tiles.lookup(o.getSource()));
        int64_t registers = form.registers.size();
        scalars.map(o.getValue(), ptx.shuffleIndex(form.registers[o.getPosition() % registers],
                                                   ptx.i32(o.getPosition() / registers)));
        return success();
      })
      .Case<memref::DimOp>([&](memref::DimOp o) {
        scalars.map(o.getResult(),
                    tensors[tensorNumber.lookup(o.getSource())].extents[*o.getConstantIndex()]);
        return success();
      })
      .Case<GroupArriveOp>([&](auto) { return ptx.clusterArrive(), success(); })
      .Case<WaitLaunchesOp>([&](auto) {
        function->setAttr("tile.early", b.getUnitAttr());
        ptx.waitForLaunches();
        return success();
      })
      .Case<GroupWaitOp>([&](auto) { return ptx.clusterWait(), success(); })
      .Case<ReturnOp, scf::YieldOp>([&](auto) { return success(); })
      .Default([&](Operation *o) -> LogicalResult {
        Value result = emitScalar(*o, scalars);
        if (!result)
          return o->emitError() << "has no lowering to NVVM";
        scalars.map(o->getResult(0), result);
        return success();
      });
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

/// An arith or math operation with index as i32 and 16-bit floats as f32; null if there is no
/// lowering.
Value KernelEmitter::emitScalar(Operation &op, IRMapping &map) {
  if (op.getNumResults() != 1)
    return {};
  auto operand = [&](unsigned i) { return map.lookup(op.getOperand(i)); };
  constexpr double log2e = 1.4426950408889634, ln2 = 0.6931471805599453;
  return TypeSwitch<Operation *, Value>(&op)
      .Case<arith::ConstantOp>([&](arith::ConstantOp o) -> Value {
        if (auto value = dyn_cast<FloatAttr>(o.getValue()))
          return ptx.f32(value.getValueAsDouble());
        if (auto value = dyn_cast<IntegerAttr>(o.getValue()))
          return o.getType().isIndex() ? ptx.i32(value.getInt())
                                       : Value(b.create<arith::ConstantOp>(value));
        return {};
      })
      .Case<arith::ExtFOp, arith::IndexCastOp>([&](auto) { return operand(0); })
      .Case<arith::TruncFOp>([&](arith::TruncFOp o) {
        return ptx.unpack(o.getType(), ptx.pack(o.getType(), operand(0), operand(0))).first;
      })
      .Case<arith::DivFOp>([&](auto) { return ptx.divide(operand(0), operand(1)); })
      .Case<math::AbsFOp>([&](auto) -> Value { return b.create<LLVM::FAbsOp>(operand(0)); })
      .Case<math::SqrtOp>([&](auto) -> Value { return b.create<LLVM::SqrtOp>(operand(0)); })
      .Case<math::TanhOp>([&](auto) {
        return schedule.precise
                   ? FloatFunctions<FloatArithmetic>{FloatArithmetic{this}}.tanh(operand(0))
                   : ptx.tanh(operand(0));
      })
      .Case<math::ErfOp>([&](auto) {
        return FloatFunctions<FloatArithmetic>{FloatArithmetic{this}}.erf(operand(0));
      })
      .Case<math::ExpOp>([&](auto) -> Value {
        return ptx.exp2(b.create<arith::MulFOp>(operand(0), ptx.f32(log2e)));
      })
      .Case<math::Exp2Op>([&](auto) { return ptx.exp2(operand(0)); })
      .Case<math::LogOp>([&](auto) -> Value {
        return b.create<arith::MulFOp>(ptx.log2(operand(0)), ptx.f32(ln2));
      })
      .Case<math::Log1pOp>([&](auto) -> Value {
        // Below 2^-6 the sum 1 + x has lost the digits of x: x - x^2/2 + x^3/3 - x^4/4, relative
        // error 2e-10 there.
        Value x = operand(0);
        Value large =
            b.create<arith::MulFOp>(ptx.log2(b.create<arith::AddFOp>(x, ptx.f32(1))), ptx.f32(ln2));
        Value series = ptx.f32(-0.25);
        for (double coefficient : {1.0 / 3, -0.5, 1.0})
          series =
              b.create<arith::AddFOp>(b.create<arith::MulFOp>(series, x), ptx.f32(coefficient));
        Value small = b.create<arith::CmpFOp>(arith::CmpFPredicate::OLT, b.create<LLVM::FAbsOp>(x),
                                              ptx.f32(0.015625));
        return b.create<arith::SelectOp>(small, b.create<arith::MulFOp>(series, x), large);
      })
      .Default([&](Operation *o) -> Value {
        if (!isa<arith::ArithDialect>(o->getDialect()))
          return {};
        for (Value value : o->getOperands())
          if (!map.contains(value))
            return {};
        Operation *copy = b.clone(*o, map);
        Type type = copy->getResult(0).getType();
        if (type.isIndex())
          copy->getResult(0).setType(b.getI32Type());
        else if (type.isF16() || type.isBF16())
          copy->getResult(0).setType(b.getF32Type());
        return copy->getResult(0);
      });
}

/// The yielded value of a map's region. A final rounding to 16 bits is left to the caller, who
/// packs two at a time.
Value KernelEmitter::evaluateBody(Region &region, ValueRange arguments, unsigned result) {
  IRMapping map(scalars);
  for (auto [argument, value] : llvm::zip(region.getArguments(), arguments))
    map.map(argument, value);
  auto yield = cast<YieldOp>(region.front().getTerminator());
  for (Operation &op : region.front().without_terminator()) {
    bool lastRounding =
        isa<arith::TruncFOp>(op) && op.hasOneUse() && *op.user_begin() == yield.getOperation();
    Value value = lastRounding ? map.lookup(op.getOperand(0)) : emitScalar(op, map);
    if (!value) {
      if (!unsupported) // once, not for every element
        op.emitError() << "has no lowering to NVVM";
      unsupported = true;
      return ptx.f32(0);
    }
    map.map(op.getResult(0), value);
  }
  return map.lookup(yield.getValues()[result]);
}

//===----------------------------------------------------------------------===//
// Loops and branches
//===----------------------------------------------------------------------===//

/// From here on, addresses are computed anew from the thread's number: those that LLVM would keep
/// from before, or hoist out of a loop, would take the registers of the state.
void KernelEmitter::hidePlaces() {
  thread = ptx.threadNumber();
  if (role && role.getFirst())
    thread = b.create<arith::SubIOp>(thread, ptx.i32(32 * role.getFirst()));
  lane = b.create<arith::AndIOp>(thread, ptx.i32(31));
  warp = ptx.opaque(warp);
}

/// How often a loop runs, if its bounds are constants.
static std::optional<int64_t> iterationsOf(scf::ForOp op) {
  std::optional<int64_t> lower = getConstantIntValue(op.getLowerBound()),
                         upper = getConstantIntValue(op.getUpperBound()),
                         step = getConstantIntValue(op.getStep());
  if (!lower || !upper || !step || *step < 1)
    return std::nullopt;
  return *upper <= *lower ? 0 : (*upper - *lower + *step - 1) / *step;
}

LogicalResult KernelEmitter::emitFor(scf::ForOp op) {
  meetIfNew(); // the loop may have no iteration in which threads meet
  SmallVector<StagedLoad> loads;
  bool reuses = leftEnd > leftBegin;
  allocateStages(op, loads);
  int64_t stages = loads.empty() ? 0 : *loads.front().op.getStages();
  bool tma = !loads.empty() && schedule.copy == "tma";
  Value lower = scalar(op.getLowerBound()), upper = scalar(op.getUpperBound()),
        step = scalar(op.getStep());

  // Barriers that the copies of each buffer complete on.
  Value barriers;
  if (stages) {
    leftBegin = leftEnd = 0; // what the body allocates lives beside the stages
    if (reuses && !tma)
      ptx.barrier(); // all threads are done with what was there
  }
  if (tma) {
    barriers = sharedAddress(allocate(8 * stages, 8));
    when(b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, thread, ptx.i32(0)), [&] {
      for (int64_t i = 0; i < stages; ++i)
        ptx.mbarrierInit(add(barriers, ptx.i32(8 * i)), 1);
      ptx.mbarrierInitFence();
    });
    ptx.barrier();
  }
  Value ahead = lower;
  for (int64_t i = 0; i + 1 < stages; ++i) {
    issueCopies(loads, op, ahead, ptx.i32(i), barriers);
    ahead = add(ahead, step);
  }

  // Loop-carried tiles are carried as their registers.
  SmallVector<Value> initial = {ptx.i32(0)}; // the number of the iteration
  SmallVector<TileForm> forms;
  for (auto [value, argument] : llvm::zip(op.getInitArgs(), op.getRegionIterArgs())) {
    TileForm form;
    if (auto type = dyn_cast<TileType>(value.getType())) {
      form = tiles.lookup(value);
      form = isSpread()                    ? carriedSpread(value)
             : type.getShape().size() == 2 ? materialize(form, gridFor(argument))
             : role && threads > 32        ? resident(lanesOf(form), argument)
                                           : lanesOf(form);
      initial.append(form.registers);
    } else {
      initial.push_back(scalar(value));
    }
    forms.push_back(form);
  }
  auto bind = [&](ValueRange targets, ValueRange values) {
    size_t next = 1;
    for (auto [target, form] : llvm::zip(targets, forms)) {
      if (!isa<TileType>(target.getType())) {
        scalars.map(target, values[next++]);
        continue;
      }
      TileForm bound = form;
      for (Value &reg : bound.registers)
        reg = values[next++];
      tiles[target] = bound;
    }
  };

  Value iterations; // rings count them in a loop of a role's loop
  if (!roleLoops.empty()) {
    if (std::optional<int64_t> known = iterationsOf(op))
      iterations = ptx.i32(*known);
    else
      iterations =
          b.createOrFold<arith::DivUIOp>(add(b.createOrFold<arith::SubIOp>(upper, lower),
                                             b.createOrFold<arith::SubIOp>(step, ptx.i32(1))),
                                         step);
  }
  auto loop = b.create<scf::ForOp>(lower, upper, step, initial);
  LogicalResult result = success();
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value iv = loop.getInductionVar(), iteration = loop.getRegionIterArgs()[0];
    roleLoops.push_back({iv, lower, step, iterations});
    scalars.map(op.getInductionVar(), iv);
    auto restore = keepPlaces();
    hidePlaces();
    bind(op.getRegionIterArgs(), loop.getRegionIterArgs());
    if (stages) {
      ptx.barrier(); // all threads are done with the buffer that is filled next
      Value next =
          stages == 1
              ? iv
              : b.create<arith::AddIOp>(iv, b.create<arith::MulIOp>(step, ptx.i32(stages - 1)));
      issueCopies(loads, op, next, rem(add(iteration, ptx.i32(stages - 1)), stages), barriers);
      Value stage = rem(iteration, stages);
      if (tma) {
        ptx.mbarrierWait(add(barriers, mul(stage, 8)), rem(div(iteration, stages), 2));
      } else {
        if (schedule.copy == "cp_async")
          ptx.cpAsyncWait(stages - 1);
        if (schedule.matrixUnit == "wgmma")
          ptx.fenceProxyAsync();
        ptx.barrier();
      }
      for (StagedLoad &load : loads) {
        TileForm form;
        form.kind = TileForm::Shared;
        form.type = cast<TileType>(load.op.getTile().getType());
        form.address = add(sharedAddress(load.buffers), mul(stage, load.bytes));
        tiles[load.op.getTile()] = form;
      }
    }
    result = emitBlock(*op.getBody());
    if (isSpread())
      sharedIsNew = true, meetIfNew(); // the next one writes what this one has read
    if (role)
      settleAll();
    if (succeeded(result)) {
      SmallVector<Value> yielded = {add(iteration, ptx.i32(1))};
      for (auto [value, form] :
           llvm::zip(cast<scf::YieldOp>(op.getBody()->getTerminator()).getOperands(), forms)) {
        if (!isa<TileType>(value.getType())) {
          yielded.push_back(scalar(value));
          continue;
        }
        TileForm final = tiles.lookup(value);
        if (form.kind == TileForm::Shared) // where it is
          continue;
        if (isSpread())
          final = carriedSpread(value);
        else
          final = form.kind == TileForm::Fragment ? materialize(final, form.grid) : lanesOf(final);
        yielded.append(final.registers);
      }
      b.create<scf::YieldOp>(yielded);
    }
  }
  if (failed(result))
    return failure();
  roleLoops.pop_back();
  if (llvm::any_of(forms, [](const TileForm &form) { return form.kind == TileForm::Shared; }))
    meet(); // each thread has updated its own elements
  if (stages && !role) {
    ptx.barrier(); // all threads are done with the stages, so that they can be used for the rest
    leftBegin = loads.front().buffers;
    leftEnd = loads.back().buffers + loads.back().bytes * stages;
  }
  bind(op.getResults(), loop.getResults());
  bindGrid();
  return success();
}

LogicalResult KernelEmitter::emitIf(scf::IfOp op) {
  meetIfNew();
  if (op.getNumResults())
    return op.emitError() << "with results has no lowering to NVVM";
  auto branch = b.create<scf::IfOp>(scalar(op.getCondition()),
                                    /*withElseRegion=*/!op.getElseRegion().empty());
  OpBuilder::InsertionGuard guard(b);
  auto restore = keepPlaces();
  b.setInsertionPointToStart(branch.thenBlock());
  if (failed(emitBlock(*op.thenBlock())))
    return failure();
  settleAll();
  if (op.getElseRegion().empty())
    return success();
  b.setInsertionPointToStart(branch.elseBlock());
  LogicalResult result = emitBlock(*op.elseBlock());
  settleAll();
  return result;
}

} // namespace xlstm
