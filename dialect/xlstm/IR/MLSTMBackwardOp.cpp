// SPDX-License-Identifier: Apache-2.0
// xlstm.mlstm_backward: construction, type inference, constraints. Its syntax is in
// MLSTMSyntax.cpp.
#include "dialect/xlstm/IR/MLSTMDetail.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::xlstm;
using namespace mlir::xlstm::detail;

SmallVector<Value> mlir::xlstm::detail::listOperands(const MLSTMBackwardOperands &o) {
  SmallVector<Value> list = listOperands(static_cast<const MLSTMOperands &>(o));
  for (Value value : {o.dh, o.dcLast, o.dnLast, o.cStates, o.nStates, o.mStates})
    if (value)
      list.push_back(value);
  return list;
}

void mlir::xlstm::detail::setProperties(MLSTMBackwardOp::Properties &properties,
                                        const MLSTMBackwardOperands &operands,
                                        const MLSTMOptions &options, MLIRContext *context) {
  writeOptions(properties, options, context);
  auto present = [](Value value) { return value ? 1 : 0; };
  properties.operandSegmentSizes = {1,
                                    1,
                                    1,
                                    1,
                                    1,
                                    present(operands.c0),
                                    present(operands.n0),
                                    present(operands.m0),
                                    present(operands.cuSeqlens),
                                    present(operands.reset),
                                    1,
                                    present(operands.dcLast),
                                    present(operands.dnLast),
                                    present(operands.cStates),
                                    present(operands.nStates),
                                    present(operands.mStates)};
  properties.resultSegmentSizes = {1, 1, 1, 1, 1, present(operands.c0), present(operands.n0)};
}

void MLSTMBackwardOp::build(OpBuilder &, OperationState &state,
                            const MLSTMBackwardOperands &operands, MLSTMOptions options) {
  state.addOperands(listOperands(operands));
  setProperties(state.getOrAddProperties<Properties>(), operands, options, state.getContext());
  SmallVector<Type> types;
  LogicalResult inferred =
      inferReturnTypes(state.getContext(), state.location, state.operands,
                       /*attributes=*/{}, state.getRawProperties(), /*regions=*/{}, types);
  if (failed(inferred))
    llvm::report_fatal_error(
        "xlstm.mlstm_backward built from operands that are not ranked tensors");
  state.addTypes(types);
}

LogicalResult MLSTMBackwardOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                                Adaptor adaptor, SmallVectorImpl<Type> &types) {
  // Each gradient has the type of what it belongs to.
  for (Value value : {adaptor.getQ(), adaptor.getK(), adaptor.getV(), adaptor.getI(),
                      adaptor.getF(), adaptor.getC0(), adaptor.getN0()})
    if (value)
      types.push_back(value.getType());
  return success();
}

bool MLSTMBackwardOp::isCompatibleReturnTypes(TypeRange inferred, TypeRange actual) {
  return areCompatible(inferred, actual);
}

MLSTMOptions MLSTMBackwardOp::getOptions() { return readOptions(*this); }

MLSTMOperands MLSTMBackwardOp::getMLSTMOperands() { return readOperands(*this); }

LogicalResult MLSTMBackwardOp::verify() {
  MLSTMOperands operands = getMLSTMOperands();
  MLSTMOptions options = getOptions();
  // mlstm_backward_c1
  FailureOr<MLSTMTypes> types = verifyCell(*this, operands, options, /*step=*/false);
  if (failed(types))
    return failure();
  // mlstm_backward_c2
  if (failed(expectType(*this, {"dh", getDh()}, types->h, "[B, T, H, dv]")))
    return failure();
  // mlstm_backward_c3
  if (getDnLast() && !options.hasNormalizer())
    return emitOpError("expected no dn_last for this input_gate and normalize, got one");
  if (failed(expectType(*this, {"dc_last", getDcLast()}, types->c,
                        stateLayout(operands, "H, dqk, dv"))) ||
      failed(
          expectType(*this, {"dn_last", getDnLast()}, types->n, stateLayout(operands, "H, dqk"))))
    return failure();
  // mlstm_backward_c4
  if (failed(verifySavedStates(
          *this,
          {{"c_states", getCStates()}, {"n_states", getNStates()}, {"m_states", getMStates()}},
          getCStates() || getNStates() || getMStates(), *types)))
    return failure();
  // mlstm_backward_c6
  for (auto [gradient, state, exists] : {std::tuple<StringRef, StringRef, std::pair<bool, bool>>{
                                             "dc0", "c0", {bool(getDC0()), bool(getC0())}},
                                         {"dn0", "n0", {bool(getDN0()), bool(getN0())}}})
    if (exists.first != exists.second)
      return emitOpError() << "expected a result " << gradient << " exactly with " << state
                           << ", got " << (exists.first ? "one" : "none");
  // mlstm_backward_c5
  auto qk = RankedTensorType::get(
      {types->gate.getDimSize(0), types->gate.getDimSize(1), getHeads(), getDqk()}, getInputType());
  for (auto [tensor, type, layout] :
       {std::tuple<Named, RankedTensorType, StringRef>{{"dq", getDQ()}, qk, "[B, T, H, dqk]"},
        {{"dk", getDK()}, qk, "[B, T, H, dqk]"},
        {{"dv", getDV()}, types->h, "[B, T, H, dv]"},
        {{"di", getDI()}, types->gate, "[B, T, H]"},
        {{"df", getDF()}, types->gate, "[B, T, H]"}})
    if (failed(expectType(*this, tensor, type, layout)))
      return failure();
  // mlstm_backward_c6
  if (failed(expectType(*this, {"dc0", getDC0()}, types->c, stateLayout(operands, "H, dqk, dv"))) ||
      failed(expectType(*this, {"dn0", getDN0()}, types->n, stateLayout(operands, "H, dqk"))))
    return failure();
  return success();
}
