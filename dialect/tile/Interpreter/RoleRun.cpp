// SPDX-License-Identifier: Apache-2.0
// Control, and operations on registers.
#include "dialect/tile/Interpreter/RoleRun.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include <cmath>

namespace mlir::tile {

RoleRun::RoleRun(BlockRun &block, int64_t number, StringRef name, int64_t warps, Block &program)
    : number(number), name(name), queues(warps), block(block) {
  frames.push_back({&program, program.begin(), {}});
  leaveEnded();
}

/// A role's program has no terminator.
void RoleRun::leaveEnded() {
  while (!frames.empty() && frames.back().next == frames.back().block->end())
    frames.pop_back();
}

int64_t RoleRun::iteration() const {
  for (const Frame &frame : llvm::reverse(frames))
    if (frame.loop)
      return frame.iteration;
  return 0;
}

const RuntimeValue &RoleRun::lookup(Value value) {
  auto found = values.find(value);
  if (found != values.end())
    return found->second;
  if (this == block.outer.get())
    block.unsupported(value.getDefiningOp() ? value.getDefiningOp()
                                            : value.getParentBlock()->getParentOp());
  return block.outer->lookup(value);
}

void RoleRun::setScalar(Value value, double number) {
  RuntimeValue content;
  content.scalar = number;
  bind(value, content);
}

void RoleRun::setTile(Value value, Column data) {
  RuntimeValue content;
  content.type = cast<TileType>(value.getType());
  content.data = std::make_shared<Column>(std::move(data));
  bind(value, content);
}

static Column transpose(const Column &data, int64_t rows, int64_t columns) {
  Column result(data.size());
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      result[column * rows + row] = data[row * columns + column];
  return result;
}

std::shared_ptr<const Column> RoleRun::read(Operation *reader, const RuntimeValue &value) {
  std::shared_ptr<const Column> data = value.data;
  if (value.product) {
    settle(value.product->number);
    data = {value.product, &value.product->result};
  } else if (value.ring >= 0) {
    if (uses[value.ring].released >= value.iteration)
      block.race(reader, "reads " + block.ring(value.ring).describe(value.iteration) +
                             " after its tile.release");
    data = std::make_shared<Column>(block.readStage(reader, value));
  }
  return orient(std::move(data), value);
}

/// The elements as the program sees them.
std::shared_ptr<const Column> RoleRun::orient(std::shared_ptr<const Column> data,
                                              const RuntimeValue &value) {
  if (!value.transposed)
    return data;
  return std::make_shared<Column>(
      transpose(*data, value.type.getShape()[0], value.type.getShape()[1]));
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

void RoleRun::step() {
  Operation *op = &*frames.back().next++;
  if (!executeControl(op) && !executeMemory(op) && !executeRegisters(op))
    block.unsupported(op);
  leaveEnded();
}

bool RoleRun::executeControl(Operation *op) {
  // No product is in flight where a loop or a branch begins or ends.
  if (isa<scf::ForOp, scf::IfOp, scf::YieldOp>(op))
    settle(issued);
  if (auto loop = dyn_cast<scf::ForOp>(op)) {
    enterLoop(loop);
  } else if (auto branch = dyn_cast<scf::IfOp>(op)) {
    Region &region =
        scalar(branch.getCondition()) ? branch.getThenRegion() : branch.getElseRegion();
    if (!region.empty())
      frames.push_back({&region.front(), region.front().begin(), {}});
  } else if (isa<scf::YieldOp>(op)) {
    yield(op);
  } else if (isa<ReturnOp>(op)) {
    frames.pop_back();
  } else {
    return isa<RoleOp, RingOp>(op); // they have their own places
  }
  return true;
}

void RoleRun::enterLoop(scf::ForOp op) {
  Frame frame = {op.getBody(), op.getBody()->begin(), op};
  frame.induction = scalar(op.getLowerBound());
  frame.upper = scalar(op.getUpperBound());
  frame.step = scalar(op.getStep());
  bool runs = frame.induction < frame.upper;
  ValueRange targets = runs ? ValueRange(op.getRegionIterArgs()) : ValueRange(op.getResults());
  for (auto [target, initial] : llvm::zip(targets, op.getInitArgs()))
    bind(target, lookup(initial));
  if (!runs)
    return;
  frames.push_back(frame);
  startIteration(frames.back());
}

void RoleRun::startIteration(Frame &frame) {
  frame.next = frame.block->begin();
  frame.iteration = iterations[frame.loop]++;
  setScalar(frame.loop.getInductionVar(), frame.induction);
}

void RoleRun::yield(Operation *op) {
  SmallVector<RuntimeValue> yielded;
  for (Value value : op->getOperands())
    yielded.push_back(lookup(value));
  Frame &frame = frames.back();
  bool again = false;
  if (frame.loop) {
    frame.induction += frame.step;
    again = frame.induction < frame.upper;
  }
  Operation *parent = op->getParentOp();
  ValueRange targets = again ? ValueRange(frame.loop.getRegionIterArgs()) : parent->getResults();
  for (auto [target, content] : llvm::zip(targets, yielded))
    bind(target, content);
  if (again)
    startIteration(frame);
  else
    frames.pop_back();
}

//===----------------------------------------------------------------------===//
// Registers
//===----------------------------------------------------------------------===//

bool RoleRun::executeRegisters(Operation *op) {
  if (auto splat = dyn_cast<SplatOp>(op)) {
    auto type = cast<TileType>(splat.getTile().getType());
    Column value = {scalar(splat.getValue())};
    roundTo(type.getElementType(), value);
    setTile(splat.getTile(), Column(ShapedType::getNumElements(type.getShape()), value[0]));
  } else if (auto view = dyn_cast<TransposeOp>(op)) {
    RuntimeValue content = lookup(view.getSource());
    content.transposed = !content.transposed;
    bind(view.getTile(), content);
  } else if (auto extract = dyn_cast<ExtractOp>(op)) {
    setScalar(extract.getValue(), (*read(op, extract.getSource()))[extract.getPosition()]);
  } else if (auto o = dyn_cast<MapOp>(op)) {
    map(o);
  } else if (auto o = dyn_cast<ReduceOp>(op)) {
    reduce(o);
  } else if (auto o = dyn_cast<ScanOp>(op)) {
    scan(o);
  } else if (auto dim = dyn_cast<memref::DimOp>(op)) {
    setScalar(dim.getResult(), block.tensorOf(dim.getSource()).extents[scalar(dim.getIndex())]);
  } else {
    SmallVector<Column> operands;
    SmallVector<const Column *> pointers;
    for (Value operand : op->getOperands()) {
      if (!operand.getType().isIntOrIndexOrFloat())
        return false;
      operands.push_back({scalar(operand)});
    }
    for (Column &operand : operands)
      pointers.push_back(&operand);
    FailureOr<Column> result = evaluate(*op, pointers);
    if (failed(result))
      return false;
    setScalar(op->getResult(0), result->front());
  }
  return true;
}

void RoleRun::map(MapOp op) {
  Region &body = op.getBody();
  ArrayRef<int64_t> shape = cast<TileType>(op.getTile().getType()).getShape();
  int64_t elements = ShapedType::getNumElements(shape), columns = shape.size() == 2 ? shape[1] : 1;
  DenseMap<Value, std::shared_ptr<const Column>> known;
  unsigned argument = 0;
  auto bindNext = [&](function_ref<double(int64_t)> element) {
    Value value = body.getArgument(argument++);
    if (value.use_empty())
      return;
    auto column = std::make_shared<Column>(elements);
    for (int64_t i = 0; i < elements; ++i)
      (*column)[i] = element(i);
    known[value] = column;
  };
  bindNext([&](int64_t i) { return i / columns; });
  if (shape.size() == 2)
    bindNext([&](int64_t i) { return i % columns; });
  for (Value elem : op.getElems())
    known[body.getArgument(argument++)] = read(op, elem);
  for (Value row : op.getRows()) {
    auto data = read(op, row);
    bindNext([&](int64_t i) { return (*data)[i / columns]; });
  }
  for (Value column : op.getCols()) {
    auto data = read(op, column);
    bindNext([&](int64_t i) { return (*data)[i % columns]; });
  }
  auto find = [&](Value value) {
    std::shared_ptr<const Column> &column = known[value];
    if (!column) // a scalar of the surrounding program
      column = std::make_shared<Column>(1, scalar(value));
    return column;
  };
  for (Operation &inner : body.front().without_terminator()) {
    SmallVector<std::shared_ptr<const Column>> operands;
    SmallVector<const Column *> pointers;
    for (Value operand : inner.getOperands())
      operands.push_back(find(operand));
    for (const auto &operand : operands)
      pointers.push_back(operand.get());
    FailureOr<Column> result = evaluate(inner, pointers);
    if (failed(result))
      block.unsupported(&inner);
    known[inner.getResult(0)] = std::make_shared<Column>(std::move(*result));
  }
  for (auto [tile, value] : llvm::zip(op.getTiles(), body.front().getTerminator()->getOperands())) {
    auto column = find(value);
    setTile(tile, column->size() == 1 ? Column(elements, column->front()) : *column);
  }
}

static double combine(Combiner combiner, Type type, double x, double y) {
  Column result = {combiner == Combiner::add ? x + y : std::fmax(x, y)};
  roundTo(type, result);
  return result[0];
}

void RoleRun::reduce(ReduceOp op) {
  auto type = cast<TileType>(op.getSource().getType());
  int64_t rows = type.getShape()[0], columns = type.getShape()[1];
  auto source = read(op, op.getSource());
  Column result(rows);
  for (int64_t row = 0; row < rows; ++row) {
    result[row] = (*source)[row * columns];
    for (int64_t column = 1; column < columns; ++column)
      result[row] = combine(op.getCombiner(), type.getElementType(), result[row],
                            (*source)[row * columns + column]);
  }
  setTile(op.getTile(), result);
}

void RoleRun::scan(ScanOp op) {
  auto type = cast<TileType>(op.getSource().getType());
  ArrayRef<int64_t> shape = type.getShape();
  int64_t extent = shape[op.getAxis()];
  int64_t stride = op.getAxis() + 1 == shape.size() ? 1 : shape[1];
  Column data = *read(op, op.getSource());
  for (int64_t start = 0, end = data.size(); start < end; ++start) {
    if (start / stride % extent)
      continue; // not at the beginning of a line
    double sum = op.getCombiner() == Combiner::add ? 0 : -INFINITY;
    for (int64_t i = 0; i < extent; ++i) {
      double &element = data[start + (op.getReverse() ? extent - 1 - i : i) * stride];
      double next = combine(op.getCombiner(), type.getElementType(), sum, element);
      element = op.getExclusive() ? sum : next;
      sum = next;
    }
  }
  setTile(op.getTile(), data);
}

} // namespace mlir::tile
