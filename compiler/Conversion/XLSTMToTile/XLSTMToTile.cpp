// SPDX-License-Identifier: Apache-2.0
// Functions of the xlstm dialect become kernels: one for each op, or several where its schedule says
// so, in the order of the ops. Kernels
// find their tensors by name: the names of the function's arguments and results, and of a workspace
// for what goes from one kernel to another.
#include "compiler/Conversion/XLSTMToTile/KernelSharing.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Schedule/LayerSchedule.h"
#include "compiler/Schedule/Passes.h"
#include "compiler/Schedule/StatesSchedule.h"
#include "dialect/xlstm/IR/FunctionAttrs.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"
#include <deque>

using namespace mlir;
using namespace mlir::xlstm;

namespace xlstm {
#define GEN_PASS_DEF_CONVERTXLSTMTOTILE
#include "compiler/Conversion/XLSTMToTile/Passes.h.inc"

namespace {

/// Converts one function.
class FunctionConverter {
public:
  FunctionConverter(func::FuncOp function) : function(function), builder(function) {}

  /// Names the function's tensors, which no buffer of the workspace is then called.
  LogicalResult nameTensors(Workspace &workspace);
  /// Puts the kernels in front of the function; appends entries to the module's workspace.
  LogicalResult run(Workspace &workspace, KernelSharing &sharing);
  void erase() { function.erase(); }

private:
  LogicalResult nameViews(Workspace &workspace);
  ArrayAttr extentsOf(Value value);
  bool hasSequences();
  KernelBuffer viewOfBlocks(Value tensor, int64_t blocks, Workspace &workspace);
  FailureOr<tile::KernelOp> convert(Operation &op, StringRef name, Workspace &workspace);

  func::FuncOp function;
  OpBuilder builder;
  llvm::DenseMap<Value, std::string> names;
  llvm::DenseMap<Value, std::string> owners; // of reshaped tensors: whose memory they are
  Block
      betweenKernels; // of one op: its arguments stand for tensors that the function has no value of
};

/// The name of an operand or result of the cell in tensor files; empty for other values.
std::string nameInCell(MLSTMOp cell, Value value) {
  std::pair<Value, const char *> names[] = {
      {cell.getQ(), "q"},          {cell.getK(), "k"},
      {cell.getV(), "v"},          {cell.getI(), "i"},
      {cell.getF(), "f"},          {cell.getC0(), "c0"},
      {cell.getN0(), "n0"},        {cell.getM0(), "m0"},
      {cell.getReset(), "reset"},  {cell.getCuSeqlens(), "cu_seqlens"},
      {cell.getH(), "h"},          {cell.getCLast(), "c_last"},
      {cell.getNLast(), "n_last"}, {cell.getMLast(), "m_last"}};
  for (auto &[tensor, name] : names)
    if (tensor == value)
      return name;
  return "";
}

/// Tensors without the attribute are called what an mlstm cell calls them, or by their number.
LogicalResult FunctionConverter::nameTensors(Workspace &workspace) {
  if (!function.getBody().hasOneBlock())
    return function.emitError() << "expected a function of one block";
  auto nameOf = [&](Value value, DictionaryAttr attributes, std::string number) {
    if (auto given = attributes ? attributes.getAs<StringAttr>(nameAttrName) : StringAttr())
      return given.str();
    for (MLSTMOp cell : function.getOps<MLSTMOp>())
      if (std::string name = nameInCell(cell, value); !name.empty())
        return name;
    return number;
  };
  for (BlockArgument argument : function.getArguments()) {
    unsigned i = argument.getArgNumber();
    names[argument] = nameOf(argument, function.getArgAttrDict(i), "arg" + std::to_string(i));
  }
  for (auto [i, value] : llvm::enumerate(function.front().getTerminator()->getOperands())) {
    std::string name = getInnerResultName(
        function, nameOf(value, function.getResultAttrDict(i), "result" + std::to_string(i)));
    if (auto [it, isNew] = names.try_emplace(value, name); !isNew)
      return function.emitError() << "expected result " << name << " to be a value of its own, got "
                                  << it->second << " again";
  }
  for (auto &[value, name] : names)
    workspace.reserve(name);
  return success();
}

/// Whether the function's states are those of sequences, which may be packed, and not of the batch.
bool FunctionConverter::hasSequences() {
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (auto dims = function.getArgAttrOfType<ArrayAttr>(i, dimsAttrName))
      if (llvm::is_contained(dims, StringAttr::get(function.getContext(), "S")))
        return true;
  return false;
}

/// Reshaped tensors are views of one memory: that of an argument, of a result, or a buffer.
LogicalResult FunctionConverter::nameViews(Workspace &workspace) {
  llvm::MapVector<Value, SmallVector<Value>> groups; // by the value that is no reshape
  llvm::DenseMap<Value, Value> sourceOf;
  for (ReshapeOp op : function.getOps<ReshapeOp>()) {
    Value source = sourceOf.count(op.getX()) ? sourceOf[op.getX()] : op.getX();
    sourceOf[op.getResult()] = source;
    groups[source].push_back(op.getResult());
  }
  for (auto &[source, views] : groups) {
    SmallVector<Value> all{source};
    llvm::append_range(all, views);
    Value root;
    for (Value value : all) {
      if (!names.count(value))
        continue;
      if (root)
        return function.emitError()
               << "expected result " << names[value] << " to be a value of its own, got "
               << names[root] << " under another shape";
      root = value;
    }
    if (!root) {
      root = source;
      names[root] = workspace.add(cast<RankedTensorType>(root.getType()), extentsOf(root));
    }
    for (Value value : all)
      if (value != root) {
        owners[value] = names[root];
        names[value] =
            workspace.add(cast<RankedTensorType>(value.getType()), extentsOf(value), names[root]);
      }
  }
  return success();
}

/// The dynamic extents of a tensor between kernels, as workspaceAttrName describes them.
ArrayAttr FunctionConverter::extentsOf(Value value) {
  auto product = [&](ArrayRef<Attribute> factors) -> Attribute {
    return builder.getArrayAttr(factors);
  };
  auto sum = [&](ArrayRef<Attribute> products) -> Attribute {
    return builder.getArrayAttr(products);
  };
  auto dim = [&](StringRef name) -> Attribute { return builder.getStringAttr(name); };
  if (auto cell = value.getDefiningOp<MLSTMOp>())
    if (llvm::is_contained(
            {Value(cell.getCStates()), Value(cell.getNStates()), Value(cell.getMStates())},
            value)) {
      // A row for each chunk of each sequence; packed sequences may begin one more chunk each.
      auto schedule = cell->getAttrOfType<DictionaryAttr>(scheduleAttrName);
      int64_t chunk = StatesSchedule::is(schedule)
                          ? StatesSchedule::fromAttribute(schedule).saveEvery
                          : ChunkwiseSchedule::fromAttribute(schedule).chunk;
      Attribute chunks = builder.getArrayAttr({dim("T"), builder.getI64IntegerAttr(chunk)});
      Attribute ofRows = product({dim("B"), chunks});
      return builder.getArrayAttr(hasSequences() ? sum({ofRows, product(dim("N"))}) : sum(ofRows));
    }
  switch (cast<RankedTensorType>(value.getType()).getNumDynamicDims()) {
  case 2:
    return builder.getArrayAttr({sum(product(dim("B"))), sum(product(dim("T")))});
  case 1: // states, or the rows of one token
    return builder.getArrayAttr(sum(product(dim(hasSequences() ? "S" : "B"))));
  default:
    return builder.getArrayAttr({});
  }
}

/// A tensor [.., blocks * D] as [.., blocks, D].
KernelBuffer FunctionConverter::viewOfBlocks(Value tensor, int64_t blocks, Workspace &workspace) {
  if (!names.contains(tensor)) // that nothing reads
    return {};
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<int64_t> shape(type.getShape().drop_back());
  shape.append({blocks, type.getShape().back() / blocks});
  auto view = RankedTensorType::get(shape, type.getElementType());
  auto owner = owners.find(tensor);
  return {workspace.add(view, extentsOf(tensor),
                        owner == owners.end() ? names.lookup(tensor) : owner->second),
          view};
}

FailureOr<tile::KernelOp> FunctionConverter::convert(Operation &op, StringRef name,
                                                     Workspace &workspace) {
  auto tensorNames = [&](Value value) { return names.lookup(value); };
  if (!op.hasAttr(scheduleAttrName) &&
      isa<BlockLinearOp, BlockLinearWeightOp, CausalConv1dOp, CausalConv1dBackwardOp, ConcatOp,
          CrossEntropyOp, CrossEntropyBackwardOp, EmbeddingOp, EmbeddingBackwardOp, LastTokenOp,
          LeadingSumOp, LinearOp, MapOp, MLSTMOp, MLSTMBackwardOp, MultiheadNormOp,
          MultiheadNormBackwardOp, NormOp, NormBackwardOp, OuterSumOp, PermuteOp, ScanOp, SplitOp,
          TimeSumOp, WeightGradOp>(op))
    return op.emitError() << "expected the attribute " << scheduleAttrName
                          << "; run --xlstm-select-schedule first";
  using Kernel = FailureOr<tile::KernelOp>;
  return TypeSwitch<Operation *, Kernel>(&op)
      .Case(
          [&](MLSTMOp o) -> Kernel { return buildMLSTM(builder, name, o, tensorNames, workspace); })
      .Case([&](MLSTMBackwardOp o) -> Kernel {
        return buildMLSTMBackward(builder, name, o, tensorNames);
      })
      .Case([&](BlockLinearOp o) -> Kernel {
        if (!LayerSchedule::fromAttribute(o->getAttrOfType<DictionaryAttr>(scheduleAttrName))
                 .threads) // of a GPU's block
          return buildBlockLinear(builder, name, o, tensorNames);
        int64_t blocks = o.getWeight().getType().getDimSize(0);
        return buildBlockLinearToken(builder, name, o, tensorNames,
                                     viewOfBlocks(o.getX(), blocks, workspace),
                                     viewOfBlocks(o.getY(), blocks, workspace));
      })
      .Case([&](CausalConv1dOp o) -> Kernel {
        return buildCausalConv1d(builder, name, o, tensorNames);
      })
      .Case([&](ConcatOp o) -> Kernel { return buildConcat(builder, name, o, tensorNames); })
      .Case([&](EmbeddingOp o) -> Kernel { return buildEmbedding(builder, name, o, tensorNames); })
      .Case([&](LastTokenOp o) -> Kernel { return buildLastToken(builder, name, o, tensorNames); })
      .Case([&](MapOp o) -> Kernel { return buildMap(builder, name, o, tensorNames); })
      .Case<MultiheadNormOp, NormOp>(
          [&](auto o) -> Kernel { return buildNorm(builder, name, o, tensorNames); })
      .Case([&](PermuteOp o) -> Kernel { return buildPermute(builder, name, o, tensorNames); })
      .Case([&](SplitOp o) -> Kernel { return buildSplit(builder, name, o, tensorNames); })
      .Case([&](LinearOp o) -> Kernel { return buildLinear(builder, name, o, tensorNames); })
      .Case(
          [&](WeightGradOp o) -> Kernel { return buildWeightGrad(builder, name, o, tensorNames); })
      .Case([&](ScanOp o) -> Kernel { return buildScan(builder, name, o, tensorNames); })
      .Case([&](OuterSumOp o) -> Kernel { return buildOuterSum(builder, name, o, tensorNames); })
      .Case([&](TimeSumOp o) -> Kernel { return buildTimeSum(builder, name, o, tensorNames); })
      .Case<MultiheadNormBackwardOp, NormBackwardOp>([&](auto o) -> Kernel {
        if (o.getX().getType().getRank() == 1)
          return o.emitError() << "has a kernel for rows, got a vector";
        return buildNormBackward(builder, name, o, tensorNames, workspace);
      })
      .Case([&](CausalConv1dBackwardOp o) -> Kernel {
        return buildCausalConv1dBackward(builder, name, o, tensorNames);
      })
      .Case(
          [&](LeadingSumOp o) -> Kernel { return buildLeadingSum(builder, name, o, tensorNames); })
      .Case([&](BlockLinearWeightOp o) -> Kernel {
        return buildBlockLinearWeight(builder, name, o, tensorNames);
      })
      .Case([&](EmbeddingBackwardOp o) -> Kernel {
        return buildEmbeddingBackward(builder, name, o, tensorNames);
      })
      .Case([&](CrossEntropyOp o) -> Kernel {
        return buildCrossEntropy(builder, name, o, tensorNames, workspace);
      })
      .Case([&](CrossEntropyBackwardOp o) -> Kernel {
        return buildCrossEntropyBackward(builder, name, o, tensorNames, workspace);
      })
      .Case([&](arith::ConstantOp o) -> Kernel {
        return buildConstant(builder, name, o, tensorNames);
      })
      .Default([](Operation *o) -> Kernel { return o->emitError() << "has no kernel"; });
}

LogicalResult FunctionConverter::run(Workspace &workspace, KernelSharing &sharing) {
  if (failed(nameViews(workspace)))
    return failure();
  SmallVector<Operation *> ops;
  for (Operation &op : function.front().without_terminator())
    if (!isa<ReshapeOp>(op))
      ops.push_back(&op);
  std::string prefix = function.getName().str();
  function.setName(prefix + "_source");
  for (auto [i, op] : llvm::enumerate(ops)) {
    for (Value result : op->getResults())
      if (!result.use_empty() && !names.count(result))
        names[result] = workspace.add(cast<RankedTensorType>(result.getType()), extentsOf(result));
    builder.setInsertionPoint(function); // the last kernel's builder has moved it
    Operation *before = function->getPrevNode();
    if (failed(
            convert(*op, ops.size() == 1 ? prefix : prefix + "_" + std::to_string(i), workspace)))
      return failure();
    // An op may have several kernels.
    Block *module = function->getBlock();
    auto first = before ? std::next(before->getIterator()) : module->begin();
    for (Operation &made :
         llvm::make_early_inc_range(llvm::make_range(first, Block::iterator(function))))
      sharing.add(cast<tile::KernelOp>(made));
  }
  return success();
}

struct ConvertXLSTMToTilePass : impl::ConvertXLSTMToTileBase<ConvertXLSTMToTilePass> {
  void runOnOperation() override {
    Workspace workspace(&getContext());
    KernelSharing sharing;
    std::deque<FunctionConverter> converters; // each has a block, which stays where it is
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>())
      if (failed(converters.emplace_back(function).nameTensors(workspace)))
        return signalPassFailure();
    for (FunctionConverter &converter : converters) {
      if (failed(converter.run(workspace, sharing)))
        return signalPassFailure();
      converter.erase();
    }
    workspace.writeTo(getOperation());
    sharing.writeTo(getOperation());
  }
};
} // namespace
} // namespace xlstm
