// SPDX-License-Identifier: Apache-2.0
// The xlstm dialect, its options and its ops. See XLSTMOps.td for what each op computes.
#ifndef XLSTM_DIALECT_XLSTM_IR_XLSTM_H
#define XLSTM_DIALECT_XLSTM_IR_XLSTM_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialect/xlstm/IR/XLSTMDialect.h.inc"
#include "dialect/xlstm/IR/XLSTMEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialect/xlstm/IR/XLSTMAttrs.h.inc"

namespace mlir::xlstm {

/// Options of xlstm.mlstm with their defaults.
struct MLSTMOptions {
  InputGate inputGate = InputGate::Exp;
  bool normalize = true;
  double eps = 1e-6;
  ScaleOn scaleOn = ScaleOn::Q;
  Denominator denominator = Denominator::MaxPlusEps;
  NormalizerGrad normalizerGrad = NormalizerGrad::Exact;

  /// Whether the cell has the state m: only the exponential gate is stabilised.
  bool hasStabilizer() const { return inputGate == InputGate::Exp; }
  /// Whether the cell has the state n.
  bool hasNormalizer() const { return hasStabilizer() || normalize; }
};

/// Operands of xlstm.mlstm; those from c0 on may be null.
struct MLSTMOperands {
  Value q, k;      // [B, T, H, dqk]
  Value v;         // [B, T, H, dv]
  Value i, f;      // [B, T, H]
  Value c0;        // [B or N, H, dqk, dv]
  Value n0;        // [B or N, H, dqk]
  Value m0;        // [B or N, H]
  Value cuSeqlens; // [N + 1]
  Value reset;     // [B, T]
};

/// The types that follow from those of q and v, and of cu_seqlens (may be null) when sequences are
/// packed.
struct MLSTMTypes {
  RankedTensorType gate;    // [B, T, H]
  RankedTensorType h;       // [B, T, H, dv]
  RankedTensorType c, n, m; // [S, H, dqk, dv], [S, H, dqk], [S, H]; S = B or N
};
MLSTMTypes inferMLSTMTypes(RankedTensorType q, RankedTensorType v, RankedTensorType cuSeqlens);

} // namespace mlir::xlstm

#define GET_OP_CLASSES
#include "dialect/xlstm/IR/XLSTMOps.h.inc"

namespace mlir::xlstm::detail {
/// Fills the attributes and the segment sizes of an op that is being parsed or built.
void setProperties(MLSTMOp::Properties &properties, const MLSTMOptions &options,
                   const MLSTMOperands &operands, MLIRContext *context);
} // namespace mlir::xlstm::detail

#endif // XLSTM_DIALECT_XLSTM_IR_XLSTM_H
