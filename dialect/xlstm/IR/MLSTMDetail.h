// SPDX-License-Identifier: Apache-2.0
// What xlstm.mlstm and xlstm.mlstm_backward share. Private to this folder.
#ifndef XLSTM_DIALECT_XLSTM_IR_MLSTMDETAIL_H
#define XLSTM_DIALECT_XLSTM_IR_MLSTMDETAIL_H

#include "dialect/xlstm/IR/Constraints.h"

#include "mlir/IR/Builders.h"

namespace mlir::xlstm::detail {

/// Checks operands and options of the cell (mlstm_c1 to mlstm_c10, and the ranks of mlstm_c12), and
/// returns the types that all of them together give.
FailureOr<MLSTMTypes> verifyCell(Operation *op, const MLSTMOperands &operands,
                                 const MLSTMOptions &options, bool step);

/// "[B, H, dqk]" or "[N, H, dqk]", for messages.
std::string stateLayout(const MLSTMOperands &operands, StringRef inner);

/// The type of C as it is kept from call to call: with the elements of c0 (may be null) where those
/// are bf16 or f16.
RankedTensorType keptType(RankedTensorType c, Value c0);

/// Checks that saved states are all there, or none, and their types (mlstm_c13).
LogicalResult verifySavedStates(Operation *op, ArrayRef<Named> saved, bool expected,
                                const MLSTMTypes &types);

/// The types that follow from those of q, v and cu_seqlens (may be null); fails where these are no
/// ranked tensors of a rank that the ops take.
FailureOr<MLSTMTypes> inferFromOperands(Value q, Value v, Value cuSeqlens);

template <typename Op> MLSTMOptions readOptions(Op op) {
  MLSTMOptions options;
  options.inputGate = op.getInputGate();
  options.normalize = op.getNormalize();
  options.eps = op.getEps().convertToDouble();
  options.scaleOn = op.getScaleOn();
  options.denominator = op.getDenominator();
  options.normalizerGrad = op.getNormalizerGrad();
  return options;
}

template <typename Properties>
void writeOptions(Properties &properties, const MLSTMOptions &options, MLIRContext *context) {
  Builder b(context);
  properties.input_gate = InputGateAttr::get(context, options.inputGate);
  properties.normalize = b.getBoolAttr(options.normalize);
  properties.eps = b.getF64FloatAttr(options.eps);
  properties.scale_on = ScaleOnAttr::get(context, options.scaleOn);
  properties.denominator = DenominatorAttr::get(context, options.denominator);
  properties.normalizer_grad = NormalizerGradAttr::get(context, options.normalizerGrad);
}

/// Reads q to reset of either op.
template <typename Op> MLSTMOperands readOperands(Op op) {
  MLSTMOperands operands;
  operands.q = op.getQ();
  operands.k = op.getK();
  operands.v = op.getV();
  operands.i = op.getI();
  operands.f = op.getF();
  operands.c0 = op.getC0();
  operands.n0 = op.getN0();
  operands.m0 = op.getM0();
  operands.cuSeqlens = op.getCuSeqlens();
  operands.reset = op.getReset();
  return operands;
}

/// Fills the attributes and the segment sizes of an op that is being parsed or built.
void setProperties(MLSTMOp::Properties &properties, const MLSTMOperands &operands,
                   const MLSTMOptions &options, std::optional<MLSTMForm> form, bool saveStates,
                   MLIRContext *context);
void setProperties(MLSTMBackwardOp::Properties &properties, const MLSTMBackwardOperands &operands,
                   const MLSTMOptions &options, MLIRContext *context);

/// The operands that are there, in the order of the op.
SmallVector<Value> listOperands(const MLSTMOperands &operands);
SmallVector<Value> listOperands(const MLSTMBackwardOperands &operands);

} // namespace mlir::xlstm::detail

#endif // XLSTM_DIALECT_XLSTM_IR_MLSTMDETAIL_H
