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

/// Operands of xlstm.mlstm; those from c0 on may be null. With form = step there is no T axis.
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

/// Operands of xlstm.mlstm_backward; those from dcLast on may be null.
struct MLSTMBackwardOperands : MLSTMOperands {
  Value dh;      // [B, T, H, dv]
  Value dcLast;  // [B or N, H, dqk, dv]
  Value dnLast;  // [B or N, H, dqk]
  Value cStates; // [R, H, dqk, dv]; what xlstm.mlstm saved
  Value nStates; // [R, H, dqk]
  Value mStates; // [R, H, 2]
};

/// The types that follow from those of q and v, and of cu_seqlens (may be null) when sequences are
/// packed. q and v of rank 3 are those of the step form: no type has a T axis then.
struct MLSTMTypes {
  RankedTensorType gate;                      // [B, T, H]
  RankedTensorType h;                         // [B, T, H, dv]
  RankedTensorType c, n, m;                   // [S, H, dqk, dv], [S, H, dqk], [S, H]; S = B or N
  RankedTensorType cStates, nStates, mStates; // [R, H, dqk, dv], [R, H, dqk], [R, H, 2]; R dynamic
};
MLSTMTypes inferMLSTMTypes(RankedTensorType q, RankedTensorType v, RankedTensorType cuSeqlens);

/// Options of xlstm.scan.
struct ScanOptions {
  bool reverse = false;
  bool transposed = false;
  bool step = false;
  // Of the derived backward function only.
  std::optional<double> recurrentGradClip;
  bool recurrentGradCut = false;
  SmallVector<std::string> stateNames; // of all states, or empty
};

/// A tensor that xlstm.scan reads at t - 1, and its value before the first token (may be null:
/// zero).
struct ScanPrevious {
  Value sequence; // [B, T, (K,) H, D]
  Value initial;  // [S, (K,) H, D]
};

/// Operands of xlstm.scan. With step there is no T axis.
struct ScanOperands {
  SmallVector<Value> sequences; // [B, T, (K,) H, D]
  SmallVector<ScanPrevious> previous;
  SmallVector<Value> constants;     // [(K,) H, D]
  Value recurrent;                  // [P, H, D, D]; may be null
  SmallVector<Value> initialStates; // [S, H, D]; one for each state (may be null: zero), or none
  Value cuSeqlens;                  // [N + 1]; may be null
  Value reset;                      // [B, T]; may be null
};

/// The type of a tensor [B, T, channels, H, D] of `element` whose other extents are those of
/// `like`, a sequence; channels = 0: without that axis. With step there is no T axis.
RankedTensorType getScanSequenceType(RankedTensorType like, int64_t channels, Type element,
                                     bool step);

/// The norm of the rows of x in xlstm.linear.
struct RowNorm {
  NormKind kind;
  double eps;
};

/// Operands of xlstm.linear, and the norm of the first.
struct LinearOperands {
  Value x;                    // [.., K]
  SmallVector<Value> xElems;  // [.., K]
  SmallVector<Value> xRows;   // [..]
  SmallVector<Value> xCols;   // [K]
  SmallVector<Value> weights; // [N, K]
  SmallVector<Value> elems;   // [.., N]
  SmallVector<Value> rows;    // [..]
  SmallVector<Value> cols;    // [N]
  std::optional<RowNorm> norm = {};
};
/// Makes the ops of a region of xlstm.linear from its arguments, and returns what it yields.
using LinearBody = function_ref<SmallVector<Value>(OpBuilder &, Location, ValueRange)>;

} // namespace mlir::xlstm

#define GET_OP_CLASSES
#include "dialect/xlstm/IR/XLSTMOps.h.inc"

#endif // XLSTM_DIALECT_XLSTM_IR_XLSTM_H
