// SPDX-License-Identifier: Apache-2.0
#include "compiler/Import/IR/Build.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace xlstm {

static Type elementType(Builder &builder, description::DType type) {
  switch (type) {
  case description::DType::F64:
    return builder.getF64Type();
  case description::DType::F32:
    return builder.getF32Type();
  case description::DType::BF16:
    return builder.getBF16Type();
  case description::DType::F16:
    return builder.getF16Type();
  }
  return {};
}

static void buildForward(OpBuilder &builder, Location loc, const description::CellDescription &cell,
                         Type input) {
  mlir::xlstm::MLSTMOptions options;
  // The two enumerations have the same enumerators in the same order.
  options.inputGate = mlir::xlstm::InputGate(int(cell.inputGate));
  options.scaleOn = mlir::xlstm::ScaleOn(int(cell.scaleOn));
  options.denominator = mlir::xlstm::Denominator(int(cell.denominator));
  options.normalizerGrad = mlir::xlstm::NormalizerGrad(int(cell.normalizerGrad));
  options.normalize = cell.normalize;
  options.eps = cell.eps;

  int64_t any = ShapedType::kDynamic;
  auto qk = RankedTensorType::get({any, any, cell.heads, cell.dqk}, input);
  auto v = RankedTensorType::get({any, any, cell.heads, cell.dv}, input);
  mlir::xlstm::MLSTMTypes types = mlir::xlstm::inferMLSTMTypes(qk, v, {});
  SmallVector<Type> arguments = {qk, qk, v, types.gate, types.gate, types.c},
                    results = {types.h, types.c};
  for (Type state : {options.hasNormalizer() ? Type(types.n) : Type(),
                     options.hasStabilizer() ? Type(types.m) : Type()})
    if (state) {
      arguments.push_back(state);
      results.push_back(state);
    }
  auto function =
      builder.create<func::FuncOp>(loc, "forward", builder.getFunctionType(arguments, results));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(function.addEntryBlock());
  auto argument = [&](unsigned i) -> Value { return function.getArgument(i); };
  mlir::xlstm::MLSTMOperands operands;
  operands.q = argument(0);
  operands.k = argument(1);
  operands.v = argument(2);
  operands.i = argument(3);
  operands.f = argument(4);
  operands.c0 = argument(5);
  if (options.hasNormalizer())
    operands.n0 = argument(6);
  if (options.hasStabilizer())
    operands.m0 = argument(7);
  auto op = builder.create<mlir::xlstm::MLSTMOp>(loc, operands, options);
  builder.create<func::ReturnOp>(loc, op->getResults());
}

description::Result<OwningOpRef<ModuleOp>> buildModule(const description::ModelDescription &model,
                                                       const std::string &file,
                                                       MLIRContext &context) {
  if (!model.cell)
    return description::Diagnostic{
        file, "blocks", "expected one cell: this version compiles cells, not stacks of blocks"};
  if (model.cell->kind != description::CellKind::MLSTM)
    return description::Diagnostic{file, "cell.kind",
                                   "expected mlstm: this version compiles mlstm cells, got " +
                                       description::spelling(model.cell->kind)};
  OpBuilder builder(&context);
  Location loc = NameLoc::get(builder.getStringAttr(model.name));
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc, model.name);
  builder.setInsertionPointToEnd(module->getBody());
  buildForward(builder, loc, *model.cell, elementType(builder, model.dtype));
  return module;
}

} // namespace xlstm
