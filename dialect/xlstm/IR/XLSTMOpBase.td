// SPDX-License-Identifier: Apache-2.0
// What the ops of all topics share.
#ifndef XLSTM_DIALECT_XLSTM_IR_XLSTMOPBASE_TD
#define XLSTM_DIALECT_XLSTM_IR_XLSTMOPBASE_TD

include "dialect/xlstm/IR/XLSTMAttrs.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class XLSTM_Op<string mnemonic, list<Trait> traits = []> : Op<XLSTM_Dialect, mnemonic, traits>;

// An element of an input; gates and states have the accumulation type, f32 or f64.
defvar XLSTM_Inputs = [F16, BF16, F32, F64];
defvar XLSTM_Accumulated = [F32, F64];
// An element of C, which a cell may take and return rounded.
defvar XLSTM_Kept = [F16, BF16, F32, F64];

// Where the sequences of packed tokens begin, and where states are forgotten.
def XLSTM_CuSeqlens : Optional<1DTensorOf<[I32]>>;
def XLSTM_Reset : Optional<2DTensorOf<[I1, I8, UI8]>>;

#endif // XLSTM_DIALECT_XLSTM_IR_XLSTMOPBASE_TD
