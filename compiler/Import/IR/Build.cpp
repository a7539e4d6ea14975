// SPDX-License-Identifier: Apache-2.0
#include "compiler/Import/IR/Build.h"

#include "compiler/Import/Cells.h"
#include "compiler/Import/IR/Cell.h"
#include "compiler/Import/IR/Function.h"
#include "compiler/Import/IR/Network.h"
#include "compiler/Import/IR/Recurrence.h"
#include "compiler/Import/IR/Step.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"

using namespace mlir;

namespace xlstm {

using description::CellDescription;

namespace {

/// Types of one model's tensors. The first axes are dynamic and have names.
struct Types {
  Type input; ///< of the model
  Type acc;   ///< f64 for f64 inputs, otherwise f32

  using Dims = SmallVector<std::string, 2>;

  FunctionTensor tensor(std::string name, Type element, Dims dims,
                        ArrayRef<int64_t> extents) const {
    SmallVector<int64_t> shape(dims.size(), ShapedType::kDynamic);
    llvm::append_range(shape, extents);
    return {std::move(name), RankedTensorType::get(shape, element), std::move(dims)};
  }
  FunctionTensor tokens(std::string name, Type element, ArrayRef<int64_t> extents) const {
    return tensor(std::move(name), element, {"B", "T"}, extents);
  }
  /// A state: x0 and x_last, which may be absent.
  FunctionTensor state(std::string name, ArrayRef<int64_t> extents) const {
    FunctionTensor result = tensor(std::move(name), acc, {"S"}, extents);
    result.isOptional = true;
    return result;
  }
  /// Where sequences begin, and where states are forgotten.
  std::pair<FunctionTensor, FunctionTensor> sequences() const {
    Builder builder(acc.getContext());
    FunctionTensor cuSeqlens = tensor("cu_seqlens", builder.getI32Type(), {"N+1"}, {});
    FunctionTensor reset = tokens("reset", builder.getIntegerType(8, /*isSigned=*/false), {});
    cuSeqlens.isOptional = reset.isOptional = true;
    return {cuSeqlens, reset};
  }
};

} // namespace

static func::FuncOp buildMLSTM(OpBuilder &builder, Location loc, const CellDescription &cell,
                               const Types &types) {
  mlir::xlstm::MLSTMOptions options;
  // The enumerations have the same enumerators in the same order.
  options.inputGate = mlir::xlstm::InputGate(int(cell.inputGate));
  options.scaleOn = mlir::xlstm::ScaleOn(int(cell.scaleOn));
  options.denominator = mlir::xlstm::Denominator(int(cell.denominator));
  options.normalizerGrad = mlir::xlstm::NormalizerGrad(int(cell.normalizerGrad));
  options.normalize = cell.normalize;
  options.eps = cell.eps;

  int64_t h = cell.heads;
  SmallVector<FunctionTensor> arguments = {
      types.tokens("q", types.input, {h, cell.dqk}), types.tokens("k", types.input, {h, cell.dqk}),
      types.tokens("v", types.input, {h, cell.dv}), types.tokens("i", types.acc, {h}),
      types.tokens("f", types.acc, {h})};
  SmallVector<FunctionTensor> results = {types.tokens("h", types.input, {h, cell.dv})};
  auto addState = [&](std::string name, ArrayRef<int64_t> extents) {
    arguments.push_back(types.state(name + "0", extents));
    results.push_back(types.state(name + "_last", extents));
  };
  addState("c", {h, cell.dqk, cell.dv});
  if (options.hasNormalizer())
    addState("n", {h, cell.dqk});
  if (options.hasStabilizer())
    addState("m", {h});
  auto [cuSeqlens, reset] = types.sequences();
  arguments.append({cuSeqlens, reset});

  DictionaryAttr attribute = cellAttribute(cell, builder.getContext());
  return buildFunction(builder, loc, "forward", attribute, arguments, results, [&](ValueRange x) {
    mlir::xlstm::MLSTMOperands operands;
    for (Value *operand : {&operands.q, &operands.k, &operands.v, &operands.i, &operands.f})
      *operand = x.front(), x = x.drop_front();
    operands.c0 = x[0];
    operands.n0 = options.hasNormalizer() ? x[1] : Value();
    operands.m0 = options.hasStabilizer() ? x[2] : Value();
    operands.cuSeqlens = x[x.size() - 2];
    operands.reset = x.back();
    return SmallVector<Value>(
        builder.create<mlir::xlstm::MLSTMOp>(loc, operands, options)->getResults());
  });
}

static func::FuncOp buildScan(OpBuilder &builder, Location loc, const CellDescription &cell,
                              const Types &types) {
  CellDescription spelled = description::spelledOut(cell);
  int64_t h = cell.heads, d = cell.d, recurrent = spelled.recurrentGates->size();
  SmallVector<FunctionTensor> arguments = {
      types.tokens("wx", types.input, {static_cast<int64_t>(spelled.inputGates->size()), h, d})};
  if (recurrent)
    arguments.push_back(types.tensor("r", types.input, {}, {recurrent, h, d, d}));
  arguments.push_back(
      types.tensor("b", types.acc, {}, {static_cast<int64_t>(spelled.gates.size()), h, d}));
  SmallVector<FunctionTensor> results = {types.tokens("h", types.input, {h, d})};
  for (const std::string &state : spelled.states) {
    arguments.push_back(types.state(state + "0", {h, d}));
    results.push_back(types.state(state + "_last", {h, d}));
  }
  auto [cuSeqlens, reset] = types.sequences();
  arguments.append({cuSeqlens, reset});

  DictionaryAttr attribute = cellAttribute(cell, builder.getContext());
  return buildFunction(builder, loc, "forward", attribute, arguments, results, [&](ValueRange x) {
    mlir::xlstm::ScanOperands operands;
    operands.sequences = {x.front()};
    operands.recurrent = recurrent ? x[1] : Value();
    x = x.drop_front(recurrent ? 2 : 1);
    operands.constants = {x.front()};
    llvm::append_range(operands.initialStates, x.slice(1, spelled.states.size()));
    operands.cuSeqlens = x[x.size() - 2];
    operands.reset = x.back();
    return SmallVector<Value>(buildRecurrence(builder, loc, spelled, operands)->getResults());
  });
}

description::Result<OwningOpRef<ModuleOp>> buildModule(const description::ModelDescription &model,
                                                       const std::string &file,
                                                       MLIRContext &context) {
  OpBuilder builder(&context);
  Location loc = NameLoc::get(builder.getStringAttr(model.name));
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc, model.name);
  builder.setInsertionPointToEnd(module->getBody());
  if (model.network) {
    buildNetwork(*module, model, loc);
    // The cell of the layers, where all blocks share one, has its own `forward` beside them.
    if (!model.cell || module->lookupSymbol("forward"))
      return module;
    builder.setInsertionPointToStart(module->getBody());
  }
  Type input = elementType(builder, model.dtype);
  Types types = {input, input.isF64() ? input : builder.getF32Type()};
  bool isMLSTM = model.cell->kind == description::CellKind::MLSTM;
  func::FuncOp forward = (isMLSTM ? buildMLSTM : buildScan)(builder, loc, *model.cell, types);

  // Expressions say sigmoid(f) twice rather than give it a name.
  IRRewriter rewriter(&context);
  DominanceInfo dominance;
  eliminateCommonSubExpressions(rewriter, dominance, forward);
  if (!model.network)
    deriveStep(forward);
  return module;
}

} // namespace xlstm
