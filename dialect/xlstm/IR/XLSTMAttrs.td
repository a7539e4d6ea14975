// SPDX-License-Identifier: Apache-2.0
// Options of the cells. Their names and values are those of model descriptions.
#ifndef XLSTM_DIALECT_XLSTM_IR_XLSTMATTRS_TD
#define XLSTM_DIALECT_XLSTM_IR_XLSTMATTRS_TD

include "dialect/xlstm/IR/XLSTMDialect.td"
include "mlir/IR/EnumAttr.td"

class XLSTM_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::mlir::xlstm";
  let genSpecializedAttr = 0;
}

class XLSTM_EnumAttr<EnumAttrInfo info, string mnemonic> : EnumAttr<XLSTM_Dialect, info, mnemonic> {
  let assemblyFormat = "`<` $value `>`";
}

def XLSTM_InputGate : XLSTM_Enum<"InputGate", "activation of the input gate", [
  I32EnumAttrCase<"Exp", 0, "exp">,
  I32EnumAttrCase<"Sigmoid", 1, "sigmoid">
]>;
def XLSTM_InputGateAttr : XLSTM_EnumAttr<XLSTM_InputGate, "input_gate"> {
  let description = [{
    `exp` is the exponential gate of the xLSTM paper (arXiv 2405.04517, eq. 19-27), stabilised by
    the state m. `sigmoid` is the gate of mLSTMsig (arXiv 2503.14376), which is bounded
    and needs no m.
  }];
}

def XLSTM_ScaleOn : XLSTM_Enum<"ScaleOn", "which of q and k carries the factor dqk^-1/2", [
  I32EnumAttrCase<"Q", 0, "q">,
  I32EnumAttrCase<"K", 1, "k">
]>;
def XLSTM_ScaleOnAttr : XLSTM_EnumAttr<XLSTM_ScaleOn, "scale_on"> {
  let description = [{
    h is the same for both. With `k` the states C and n carry the factor, as in the first public
    xLSTM package.
  }];
}

def XLSTM_Denominator : XLSTM_Enum<"Denominator", "how eps enters the denominator", [
  I32EnumAttrCase<"MaxPlusEps", 0, "max_plus_eps">,
  I32EnumAttrCase<"MaxWithEps", 1, "max_with_eps">
]>;
def XLSTM_DenominatorAttr : XLSTM_EnumAttr<XLSTM_Denominator, "denominator"> {
  let description = [{
    With z the normaliser and w its floor (`exp(-m)`, or 1 for the sigmoid gate): `max_plus_eps`
    divides by `max(|z|, w) + eps`, `max_with_eps` by `max(|z|, w + eps)`.
  }];
}

def XLSTM_NormalizerGrad : XLSTM_Enum<"NormalizerGrad", "gradient through the normaliser", [
  I32EnumAttrCase<"Exact", 0, "exact">,
  I32EnumAttrCase<"Dropped", 1, "dropped">
]>;
def XLSTM_NormalizerGradAttr : XLSTM_EnumAttr<XLSTM_NormalizerGrad, "normalizer_grad"> {
  let description = [{
    Only the backward function reads it. `dropped` treats the denominator as a constant; it is exact
    only where a norm that is invariant to the scale of each head follows the cell.
  }];
}

def XLSTM_MLSTMForm : XLSTM_Enum<"MLSTMForm", "how a kernel computes the mLSTM cell", [
  I32EnumAttrCase<"Recurrent", 0, "recurrent">,
  I32EnumAttrCase<"Chunkwise", 1, "chunkwise">,
  I32EnumAttrCase<"Parallel", 2, "parallel">,
  I32EnumAttrCase<"Step", 3, "step">
]>;
def XLSTM_MLSTMFormAttr : XLSTM_EnumAttr<XLSTM_MLSTMForm, "form"> {
  let description = [{
    All forms compute the same values up to rounding. `recurrent` goes token by token, `parallel`
    relates all pairs of tokens, `chunkwise` is parallel within chunks and recurrent between them.
    `step` is one token: the tensors have no T axis.
  }];
}

def XLSTM_NormKind : XLSTM_Enum<"NormKind", "what a norm subtracts and divides by", [
  I32EnumAttrCase<"Layer", 0, "layer">,
  I32EnumAttrCase<"RMS", 1, "rms">
]>;
def XLSTM_NormKindAttr : XLSTM_EnumAttr<XLSTM_NormKind, "norm"> {
  let description = [{
    `layer` subtracts the mean and divides by the standard deviation, `rms` divides by the root mean
    square.
  }];
}

#endif // XLSTM_DIALECT_XLSTM_IR_XLSTMATTRS_TD
