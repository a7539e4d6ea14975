// SPDX-License-Identifier: Apache-2.0
#include "dialect/tile/IR/Tile.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::tile;

#include "dialect/tile/IR/TileDialect.cpp.inc"
#include "dialect/tile/IR/TileEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/tile/IR/TileAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/tile/IR/TileTypes.cpp.inc"
#define GET_OP_CLASSES
#include "dialect/tile/IR/TileOps.cpp.inc"

void TileDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/tile/IR/TileAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialect/tile/IR/TileTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/tile/IR/TileOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// !tile.tile<64x256xbf16>
//===----------------------------------------------------------------------===//

Type TileType::parse(AsmParser &parser) {
  SmallVector<int64_t> shape;
  Type elementType;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseDimensionList(shape, /*allowDynamic=*/false) ||
      parser.parseType(elementType) || parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(), shape, elementType);
}

void TileType::print(AsmPrinter &printer) const {
  printer << "<";
  for (int64_t extent : getShape())
    printer << extent << "x";
  printer << getElementType() << ">";
}

LogicalResult TileType::verify(function_ref<InFlightDiagnostic()> emitError,
                               ArrayRef<int64_t> shape, Type elementType) {
  // tile_t1
  if (shape.empty() || shape.size() > 2 ||
      llvm::any_of(shape, [](int64_t extent) { return extent < 1; })) {
    InFlightDiagnostic error = emitError() << "expected one or two extents of at least 1, got ";
    llvm::interleave(shape, [&](int64_t extent) { error << extent; }, [&] { error << "x"; });
    return shape.empty() ? error << "none" : error;
  }
  if (!elementType.isF32() && !elementType.isF64() && !elementType.isBF16() && !elementType.isF16())
    return emitError() << "expected an element type of f64, f32, f16 or bf16, got " << elementType;
  return success();
}

//===----------------------------------------------------------------------===//
// tile.kernel
//===----------------------------------------------------------------------===//

void KernelOp::build(OpBuilder &builder, OperationState &state, StringRef name,
                     ArrayRef<std::pair<std::string, MemRefType>> tensors,
                     ArrayRef<int64_t> gridSizes, ArrayRef<std::pair<int64_t, int64_t>> gridDims,
                     ArrayRef<int64_t> gridDivisors) {
  state.addAttribute(SymbolTable::getSymbolAttrName(), builder.getStringAttr(name));
  SmallVector<Attribute> names;
  Region *body = state.addRegion();
  Block &block = body->emplaceBlock();
  for (auto &[tensorName, type] : tensors) {
    names.push_back(builder.getStringAttr(tensorName));
    block.addArgument(type, state.location);
  }
  for (size_t i = 0; i < gridSizes.size(); ++i)
    block.addArgument(builder.getIndexType(), state.location);
  SmallVector<int64_t> dims;
  for (auto [tensor, axis] : gridDims)
    dims.append({tensor, axis});
  state.addAttribute("arg_names", builder.getArrayAttr(names));
  state.addAttribute("grid_sizes", builder.getDenseI64ArrayAttr(gridSizes));
  state.addAttribute("grid_dims", builder.getDenseI64ArrayAttr(dims));
  if (llvm::any_of(gridDivisors, [](int64_t divisor) { return divisor != 1; }))
    state.addAttribute("grid_divisors", builder.getDenseI64ArrayAttr(gridDivisors));
  KernelOp::ensureTerminator(*body, builder, state.location);
}

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &state) {
  StringAttr name;
  SmallVector<OpAsmParser::Argument> args;
  ArrayAttr names;
  SmallVector<int64_t> sizes, dims, divisors;
  Builder &builder = parser.getBuilder();
  if (parser.parseSymbolName(name, SymbolTable::getSymbolAttrName(), state.attributes) ||
      parser.parseArgumentList(args, OpAsmParser::Delimiter::Paren, /*allowType=*/true) ||
      parser.parseKeyword("names") || parser.parseAttribute(names) || parser.parseKeyword("grid"))
    return failure();
  auto parseExtent = [&]() -> ParseResult {
    OpAsmParser::Argument index;
    if (parser.parseArgument(index) || parser.parseColon())
      return failure();
    index.type = builder.getIndexType();
    args.push_back(index);
    int64_t tensor = -1, axis = -1, size = ShapedType::kDynamic, divisor = 1;
    if (succeeded(parser.parseOptionalKeyword("dim"))) {
      if (parser.parseLParen() || parser.parseInteger(tensor) || parser.parseComma() ||
          parser.parseInteger(axis) || parser.parseRParen() ||
          (succeeded(parser.parseOptionalKeyword("ceildiv")) && parser.parseInteger(divisor)))
        return failure();
    } else if (parser.parseInteger(size)) {
      return failure();
    }
    sizes.push_back(size);
    dims.append({tensor, axis});
    divisors.push_back(divisor);
    return success();
  };
  if (parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren, parseExtent) ||
      parser.parseOptionalAttrDictWithKeyword(state.attributes))
    return failure();
  state.addAttribute("arg_names", names);
  state.addAttribute("grid_sizes", builder.getDenseI64ArrayAttr(sizes));
  state.addAttribute("grid_dims", builder.getDenseI64ArrayAttr(dims));
  if (llvm::any_of(divisors, [](int64_t divisor) { return divisor != 1; }))
    state.addAttribute("grid_divisors", builder.getDenseI64ArrayAttr(divisors));
  Region *body = state.addRegion();
  if (parser.parseRegion(*body, args))
    return failure();
  KernelOp::ensureTerminator(*body, builder, state.location);
  return success();
}

void KernelOp::print(OpAsmPrinter &printer) {
  printer << ' ';
  printer.printSymbolName(getSymName());
  printer << "(";
  for (unsigned i = 0; i < getNumTensors(); ++i) {
    if (i)
      printer << ", ";
    printer.printRegionArgument(getTensor(i));
  }
  printer << ") names " << getArgNames() << " grid(";
  for (unsigned i = 0; i < getNumGridDims(); ++i) {
    printer << (i ? ", " : "") << getGridIndex(i) << ": ";
    auto [tensor, axis] = getGridDim(i);
    if (tensor >= 0 && getGridDivisor(i) != 1)
      printer << "dim(" << tensor << ", " << axis << ") ceildiv " << getGridDivisor(i);
    else if (tensor >= 0)
      printer << "dim(" << tensor << ", " << axis << ")";
    else
      printer << getGridSizes()[i];
  }
  printer << ")";
  printer.printOptionalAttrDictWithKeyword(
      (*this)->getAttrs(), {"sym_name", "arg_names", "grid_sizes", "grid_dims", "grid_divisors"});
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false, /*printBlockTerminators=*/false);
}

LogicalResult KernelOp::verify() {
  if (getGridDims().size() != 2 * getGridSizes().size())
    return emitOpError() << "expected two entries of grid_dims per grid dimension, got "
                         << getGridDims().size();
  if (getGridDivisors() && getGridDivisors()->size() != getGridSizes().size())
    return emitOpError() << "expected one entry of grid_divisors per grid dimension, got "
                         << getGridDivisors()->size();
  Block &block = getBody().front();
  // kernel_c2, kernel_c3
  if (block.getNumArguments() != getNumTensors() + getNumGridDims())
    return emitOpError() << "expected " << getNumTensors() << " named tensors and "
                         << getNumGridDims() << " grid indices, got " << block.getNumArguments()
                         << " arguments";
  for (unsigned i = 0; i < getNumTensors(); ++i) {
    // kernel_c1
    auto type = dyn_cast<MemRefType>(getTensor(i).getType());
    SmallVector<int64_t> strides;
    int64_t offset;
    if (!type || failed(getStridesAndOffset(type, strides, offset)) || offset != 0)
      return emitOpError() << "expected argument " << i
                           << " to be a memref with a strided layout and offset 0, got "
                           << getTensor(i).getType();
  }
  // kernel_c5
  if (getMergedAxes() && getMergedAxes()->size() != getNumTensors())
    return emitOpError() << "expected one number of merged axes per tensor, got "
                         << getMergedAxes()->size() << " for " << getNumTensors();
  for (unsigned i = 0; i < getNumTensors(); ++i)
    if (getMerged(i) < 1)
      return emitOpError() << "expected at least 1 merged axis of tensor " << i << ", got "
                           << getMerged(i);
  for (unsigned i = 0; i < getNumGridDims(); ++i) {
    if (!getGridIndex(i).getType().isIndex())
      return emitOpError() << "expected grid index " << i << " to have type index, got "
                           << getGridIndex(i).getType();
    auto [tensor, axis] = getGridDim(i);
    if (tensor < 0 && getGridSizes()[i] < 1)
      return emitOpError() << "expected grid extent " << i << " to be at least 1, got "
                           << getGridSizes()[i];
    // kernel_c4
    if (tensor >= 0 && (tensor >= getNumTensors() || axis < 0 ||
                        axis >= cast<MemRefType>(getTensor(tensor).getType()).getRank()))
      return emitOpError() << "expected grid extent " << i
                           << " to name an axis of a tensor, got dim(" << tensor << ", " << axis
                           << ")";
    if (getGridDivisor(i) < 1)
      return emitOpError() << "expected the divisor of grid extent " << i
                           << " to be at least 1, got " << getGridDivisor(i);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Loads and stores
//===----------------------------------------------------------------------===//

static LogicalResult verifyOffsets(Operation *op, MemRefType tensor, unsigned numOffsets) {
  // load_c1
  if (numOffsets != tensor.getRank())
    return op->emitOpError() << "expected " << tensor.getRank()
                             << " offsets, one per tensor axis, got " << numOffsets;
  return success();
}

static LogicalResult verifyAxes(Operation *op, MemRefType tensor, TileType tile,
                                ArrayRef<int64_t> axes) {
  // load_c2
  if (axes.size() != tile.getShape().size())
    return op->emitOpError() << "expected " << tile.getShape().size()
                             << " axes, one per tile dimension, got " << axes.size();
  for (int64_t axis : axes)
    if (axis < 0 || axis >= tensor.getRank())
      return op->emitOpError() << "expected axes between 0 and " << tensor.getRank() - 1 << ", got "
                               << axis;
  if (axes.size() == 2 && axes[0] == axes[1])
    return op->emitOpError() << "expected distinct axes, got " << axes[0] << " twice";
  return success();
}

LogicalResult LoadOp::verify() {
  auto tensor = cast<MemRefType>(getTensor().getType());
  if (getStages() && *getStages() < 1)
    return emitOpError() << "expected at least 1 stage, got " << *getStages();
  if (failed(verifyOffsets(*this, tensor, getOffsets().size())))
    return failure();
  return verifyAxes(*this, tensor, cast<TileType>(getTile().getType()), getAxes());
}

LogicalResult StoreOp::verify() {
  auto tensor = cast<MemRefType>(getTensor().getType());
  if (failed(verifyOffsets(*this, tensor, getOffsets().size())))
    return failure();
  return verifyAxes(*this, tensor, cast<TileType>(getTile().getType()), getAxes());
}

LogicalResult LoadScalarOp::verify() {
  Type element = cast<MemRefType>(getTensor().getType()).getElementType();
  // load_scalar_c1
  if (isa<FloatType>(element) != isa<FloatType>(getValue().getType()))
    return emitOpError() << "expected " << (isa<FloatType>(element) ? "a float" : "an integer")
                         << " from a tensor of " << element << ", got " << getValue().getType();
  return verifyOffsets(*this, cast<MemRefType>(getTensor().getType()), getOffsets().size());
}

LogicalResult StoreScalarOp::verify() {
  return verifyOffsets(*this, cast<MemRefType>(getTensor().getType()), getOffsets().size());
}

//===----------------------------------------------------------------------===//
// Arithmetic on tiles
//===----------------------------------------------------------------------===//

LogicalResult SplatOp::verify() {
  if (getValue().getType() != cast<TileType>(getTile().getType()).getElementType())
    return emitOpError() << "expected a scalar of the tile's element type, got "
                         << getValue().getType();
  return success();
}

LogicalResult TransposeOp::verify() {
  if (cast<TileType>(getTile().getType()) != cast<TileType>(getSource().getType()).getTransposed())
    return emitOpError() << "expected result type "
                         << cast<TileType>(getSource().getType()).getTransposed() << ", got "
                         << getTile().getType();
  return success();
}

LogicalResult MatmulOp::verify() {
  auto lhs = cast<TileType>(getLhs().getType()), rhs = cast<TileType>(getRhs().getType()),
       result = cast<TileType>(getResult().getType());
  // matmul_c1
  if (lhs.getShape()[1] != rhs.getShape()[0] || lhs.getShape()[0] != result.getShape()[0] ||
      rhs.getShape()[1] != result.getShape()[1])
    return emitOpError() << "expected shapes MxK, KxN and MxN, got " << lhs << ", " << rhs
                         << " and " << result;
  // matmul_c2
  if (getAccumulator().getType() != result)
    return emitOpError() << "expected the accumulator to have the result's type " << result
                         << ", got " << getAccumulator().getType();
  // matmul_c3
  if (lhs.getElementType() != rhs.getElementType())
    return emitOpError() << "expected one element type for lhs and rhs, got "
                         << lhs.getElementType() << " and " << rhs.getElementType();
  if (getWarps() && (getWarps()->size() != 2 || (*getWarps())[0] < 1 || (*getWarps())[1] < 1))
    return emitOpError() << "expected two positive numbers of warps";
  return success();
}

LogicalResult MatvecOp::verify() {
  auto matrix = cast<TileType>(getMatrix().getType()),
       vector = cast<TileType>(getVector().getType()),
       result = cast<TileType>(getResult().getType());
  // matvec_c1
  if (matrix.getShape()[1] != vector.getShape()[0] || matrix.getShape()[0] != result.getShape()[0])
    return emitOpError() << "expected shapes MxK, K and M, got " << matrix << ", " << vector
                         << " and " << result;
  // matvec_c2
  if (getAccumulator().getType() != result)
    return emitOpError() << "expected the accumulator to have the result's type " << result
                         << ", got " << getAccumulator().getType();
  return success();
}

void MapOp::build(OpBuilder &builder, OperationState &state, TypeRange results, ValueRange elems,
                  ValueRange rows, ValueRange cols,
                  function_ref<SmallVector<Value>(OpBuilder &, Location, ValueRange)> body) {
  state.addOperands(elems);
  state.addOperands(rows);
  state.addOperands(cols);
  state.addAttribute(getOperandSegmentSizeAttr(),
                     builder.getDenseI32ArrayAttr(
                         {int32_t(elems.size()), int32_t(rows.size()), int32_t(cols.size())}));
  state.addTypes(results);
  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(state.addRegion());
  for (size_t i = 0; i < cast<TileType>(results[0]).getShape().size(); ++i)
    block->addArgument(builder.getIndexType(), state.location);
  for (ValueRange group : {elems, rows, cols})
    for (Value operand : group)
      block->addArgument(cast<TileType>(operand.getType()).getElementType(), state.location);
  builder.create<YieldOp>(state.location, body(builder, state.location, block->getArguments()));
}

void MapOp::build(OpBuilder &builder, OperationState &state, TileType result, ValueRange elems,
                  ValueRange rows, ValueRange cols,
                  function_ref<Value(OpBuilder &, Location, ValueRange)> body) {
  build(builder, state, TypeRange(result), elems, rows, cols,
        [&](OpBuilder &inner, Location loc, ValueRange arguments) {
          return SmallVector<Value>{body(inner, loc, arguments)};
        });
}

LogicalResult MapOp::verify() {
  // map_c5
  if (getTiles().empty())
    return emitOpError() << "expected at least one result";
  auto result = cast<TileType>(getTile().getType());
  for (Value tile : getTiles())
    if (cast<TileType>(tile.getType()).getShape() != result.getShape())
      return emitOpError() << "expected results of one shape, got " << result << " and "
                           << tile.getType();
  // map_c1
  for (Value operand : getElems())
    if (cast<TileType>(operand.getType()).getShape() != result.getShape())
      return emitOpError() << "expected elems of the result's shape " << result << ", got "
                           << operand.getType();
  // map_c2
  if (result.getShape().size() == 1 && (!getRows().empty() || !getCols().empty()))
    return emitOpError() << "expected no rows and cols for a vector result";
  for (Value operand : getRows())
    if (cast<TileType>(operand.getType()).getShape()[0] != result.getShape()[0])
      return emitOpError() << "expected rows with " << result.getShape()[0] << " elements, got "
                           << operand.getType();
  for (Value operand : getCols())
    if (cast<TileType>(operand.getType()).getShape()[0] != result.getShape()[1])
      return emitOpError() << "expected cols with " << result.getShape()[1] << " elements, got "
                           << operand.getType();
  // map_c3
  SmallVector<Type> expected(result.getShape().size(), IndexType::get(getContext()));
  for (Value operand : getOperands())
    expected.push_back(cast<TileType>(operand.getType()).getElementType());
  if (getBody().getArgumentTypes() != TypeRange(expected))
    return emitOpError() << "expected region arguments (" << TypeRange(expected) << "), got ("
                         << getBody().getArgumentTypes() << ")";
  // map_c4
  SmallVector<Type> elements;
  for (Value tile : getTiles())
    elements.push_back(cast<TileType>(tile.getType()).getElementType());
  auto yield = dyn_cast<YieldOp>(getBody().front().getTerminator());
  if (!yield || yield->getOperandTypes() != TypeRange(elements)) {
    InFlightDiagnostic error = emitOpError() << "expected the region to yield ";
    if (elements.size() == 1)
      return error << "one " << elements[0];
    return error << "(" << TypeRange(elements) << ")";
  }
  return success();
}

LogicalResult ReduceOp::verify() {
  auto source = cast<TileType>(getSource().getType()), result = cast<TileType>(getTile().getType());
  // reduce_c1
  if (result.getShape()[0] != source.getShape()[0] ||
      result.getElementType() != source.getElementType())
    return emitOpError() << "expected one element of " << source.getElementType()
                         << " per row, got " << result;
  return success();
}

LogicalResult ScanOp::verify() {
  int64_t axis = getAxis(), rank = cast<TileType>(getSource().getType()).getShape().size();
  if (axis < 0 || axis >= rank) // scan_c1
    return emitOpError() << "expected an axis from 0 to " << rank - 1 << ", got " << axis;
  return success();
}

LogicalResult ExtractOp::verify() {
  auto source = cast<TileType>(getSource().getType());
  // extract_c1
  if (int64_t(getPosition()) < 0 || int64_t(getPosition()) >= source.getShape()[0])
    return emitOpError() << "expected a position between 0 and " << source.getShape()[0] - 1
                         << ", got " << int64_t(getPosition());
  if (getValue().getType() != source.getElementType())
    return emitOpError() << "expected result type " << source.getElementType() << ", got "
                         << getValue().getType();
  return success();
}

//===----------------------------------------------------------------------===//
// Groups of blocks
//===----------------------------------------------------------------------===//

static LogicalResult verifyGroup(Operation *op) {
  auto kernel = op->getParentOfType<KernelOp>();
  if (!kernel)
    return op->emitOpError() << "expected to be in a tile.kernel";
  // group_c1
  unsigned last = kernel.getNumGridDims() - 1;
  if (!kernel.getNumGridDims() || kernel.getGridDim(last).first >= 0)
    return op->emitOpError() << "expected the kernel's last grid extent to be a constant";
  // group_c2
  unsigned arrivals = 0;
  bool arrived = false, waitsEarly = false;
  kernel.walk<WalkOrder::PreOrder>([&](Operation *other) {
    if (isa<GroupArriveOp>(other)) {
      arrivals += other->getParentOp() == kernel ? 1 : 2; // nested: might be none, or several
      arrived = true;
    }
    waitsEarly |= isa<GroupWaitOp>(other) && !arrived;
  });
  if (arrivals != 1 || waitsEarly)
    return op->emitOpError()
           << "expected one tile.group_arrive directly in the kernel, in front of all waits";
  return success();
}

LogicalResult WaitLaunchesOp::verify() {
  // wait_launches_c1
  auto kernel = dyn_cast<KernelOp>((*this)->getParentOp());
  if (!kernel || !llvm::hasSingleElement(kernel.getBody().getOps<WaitLaunchesOp>()))
    return emitOpError() << "expected to be the one directly in a tile.kernel";
  return success();
}

LogicalResult GroupArriveOp::verify() { return verifyGroup(*this); }
LogicalResult GroupWaitOp::verify() { return verifyGroup(*this); }
