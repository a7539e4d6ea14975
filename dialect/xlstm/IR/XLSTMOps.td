// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_DIALECT_XLSTM_IR_XLSTMOPS_TD
#define XLSTM_DIALECT_XLSTM_IR_XLSTMOPS_TD

include "dialect/xlstm/IR/XLSTMAttrs.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class XLSTM_Op<string mnemonic, list<Trait> traits = []> : Op<XLSTM_Dialect, mnemonic, traits>;

// An element of an input; gates and states have the accumulation type, f32 or f64.
defvar XLSTM_Inputs = [F16, BF16, F32, F64];
defvar XLSTM_Accumulated = [F32, F64];

def XLSTM_MLSTMOp : XLSTM_Op<"mlstm", [
    Pure, AttrSizedOperandSegments, AttrSizedResultSegments, InferTypeOpAdaptorWithIsCompatible,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "forward pass of the mLSTM cell over whole sequences";
  let description = [{
    The mLSTM cell of xLSTM (arXiv 2405.04517, equations 19 to 27; stabilised and chunkwise forms:
    arXiv 2503.14376). Per batch entry and head, with `s = dqk^-1/2` and `lf = logsigmoid(f)`, from
    t = 1 to T:

    ```
    m_t = max(lf_t + m_{t-1}, i_t)      f' = exp(lf_t + m_{t-1} - m_t)      i' = exp(i_t - m_t)
    C_t = f' C_{t-1} + i' k_t v_t^T                                         [dqk, dv]
    n_t = f' n_{t-1} + i' k_t                                               [dqk]
    h_t = (s q_t)^T C_t / (max(|(s q_t)^T n_t|, exp(-m_t)) + eps)           [dv]
    ```

    `input_gate = sigmoid` has no m: `f' = sigmoid(f_t)`, `i' = sigmoid(i_t)`, and the floor
    `exp(-m_t)` is 1. With `normalize = false` it has no n either, and `h_t = (s q_t)^T C_t`.

    The op says what is computed, not in which form: recurrent, parallel and chunkwise forms give
    the same values. h does not depend on the choice of m, except through eps.

    | option | values (default first) | meaning |
    |---|---|---|
    | `input_gate` | `exp`, `sigmoid` | activation of the input gate |
    | `normalize` | `true`, `false` | divide by the normaliser; `false` only for the sigmoid gate |
    | `eps` | `1.0e-6` | added to the denominator |
    | `scale_on` | `q`, `k` | s multiplies q, or k (then C and n carry it) |
    | `denominator` | `max_plus_eps`, `max_with_eps` | `max(z, w) + eps`, or `max(z, w + eps)`; z the normaliser's magnitude, w its floor |
    | `normalizer_grad` | `exact`, `dropped` | for the derived backward function only |

    **States.** The cell has the states C, n, m (exp), C, n (sigmoid), or C (sigmoid, not
    normalised). Absent initial states are zero, m too. The last states are always results; a
    lowering does not store those that have no use. T = 0 returns the initial states.

    **Sequences.** `cu_seqlens` = [0, .., T], not decreasing, packs N sequences of any length, 0
    included, into one row of T tokens; sequence j is the tokens from
    `cu_seqlens[j]` up to, not including, `cu_seqlens[j+1]`, and has its own initial and last
    states. `reset[b, t] != 0` makes the states before step t zero.

    Constraints:
    * `mlstm_c1`: q, k and v have one element type: f16, bf16, f32 or f64.
    * `mlstm_c2`: q and k are [B, T, H, dqk], v is [B, T, H, dv]. A dynamic extent agrees with any.
    * `mlstm_c3`: H, dqk and dv are static and at least 1.
    * `mlstm_c4`: i and f are [B, T, H] of the accumulation type (f64 for f64 inputs, otherwise
      f32).
    * `mlstm_c5`: `normalize = false` only with `input_gate = sigmoid`: the exponential gate is
      unbounded.
    * `mlstm_c6`: the initial states are all of those that the cell has, or none.
    * `mlstm_c7`: states are C [S, H, dqk, dv], n [S, H, dqk], m [S, H] of the accumulation type,
      where S is B, or N with `cu_seqlens`.
    * `mlstm_c8`: `cu_seqlens` is [N + 1] of i32 with N >= 0, and B is 1.
    * `mlstm_c9`: `reset` is [B, T].
    * `mlstm_c10`: eps is finite and not negative.
    * `mlstm_c11`: h has the type of v; the last states are exactly those that the cell has.

    **Syntax.** After the colon stand the types of q and v when all other types follow from them,
    otherwise the function type from q, k, v, gates and states to the results. Options that have
    their default value are not printed.

    Example:

    ```mlir
    func.func @forward(
        %q: tensor<?x?x8x256xbf16>, %k: tensor<?x?x8x256xbf16>, %v: tensor<?x?x8x512xbf16>,
        %i: tensor<?x?x8xf32>, %f: tensor<?x?x8xf32>,
        %c0: tensor<?x8x256x512xf32>, %n0: tensor<?x8x256xf32>, %m0: tensor<?x8xf32>)
        -> (tensor<?x?x8x512xbf16>, tensor<?x8x256x512xf32>, tensor<?x8x256xf32>, tensor<?x8xf32>) {
      %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) state(%c0, %n0, %m0)
          : tensor<?x?x8x256xbf16>, tensor<?x?x8x512xbf16>
      return %h, %c, %n, %m
          : tensor<?x?x8x512xbf16>, tensor<?x8x256x512xf32>, tensor<?x8x256xf32>, tensor<?x8xf32>
    }

    func.func @packed(
        %q: tensor<1x?x4x64xf32>, %k: tensor<1x?x4x64xf32>, %v: tensor<1x?x4x64xf32>,
        %i: tensor<1x?x4xf32>, %f: tensor<1x?x4xf32>, %starts: tensor<?xi32>)
        -> tensor<1x?x4x64xf32> {
      %h, %c = xlstm.mlstm %q, %k, %v gates(%i, %f) cu_seqlens(%starts : tensor<?xi32>)
          {input_gate = sigmoid, normalize = false} : tensor<1x?x4x64xf32>, tensor<1x?x4x64xf32>
      return %h : tensor<1x?x4x64xf32>
    }
    ```
  }];

  let arguments = (ins
    Arg<4DTensorOf<XLSTM_Inputs>, "queries, [B, T, H, dqk]">:$q,
    Arg<4DTensorOf<XLSTM_Inputs>, "keys, [B, T, H, dqk]">:$k,
    Arg<4DTensorOf<XLSTM_Inputs>, "values, [B, T, H, dv]">:$v,
    Arg<3DTensorOf<XLSTM_Accumulated>, "input gate before its activation, [B, T, H]">:$i,
    Arg<3DTensorOf<XLSTM_Accumulated>, "forget gate before its activation, [B, T, H]">:$f,
    Arg<Optional<4DTensorOf<XLSTM_Accumulated>>, "initial C, [B or N, H, dqk, dv]">:$c0,
    Arg<Optional<3DTensorOf<XLSTM_Accumulated>>, "initial n, [B or N, H, dqk]">:$n0,
    Arg<Optional<2DTensorOf<XLSTM_Accumulated>>, "initial m, [B or N, H]">:$m0,
    Arg<Optional<1DTensorOf<[I32]>>, "first token of each sequence, then T, [N + 1]">:$cu_seqlens,
    Arg<Optional<2DTensorOf<[I1, I8, UI8]>>, "zeroes the states before a step, [B, T]">:$reset,
    DefaultValuedAttr<XLSTM_InputGateAttr, "::mlir::xlstm::InputGate::Exp">:$input_gate,
    DefaultValuedAttr<BoolAttr, "true">:$normalize,
    DefaultValuedAttr<F64Attr, "1.0e-6">:$eps,
    DefaultValuedAttr<XLSTM_ScaleOnAttr, "::mlir::xlstm::ScaleOn::Q">:$scale_on,
    DefaultValuedAttr<XLSTM_DenominatorAttr, "::mlir::xlstm::Denominator::MaxPlusEps">:$denominator,
    DefaultValuedAttr<XLSTM_NormalizerGradAttr, "::mlir::xlstm::NormalizerGrad::Exact">
      :$normalizer_grad);

  let results = (outs
    Res<4DTensorOf<XLSTM_Inputs>, "hidden states, [B, T, H, dv]">:$h,
    Res<4DTensorOf<XLSTM_Accumulated>, "last C, [B or N, H, dqk, dv]">:$c_last,
    Res<Optional<3DTensorOf<XLSTM_Accumulated>>, "last n, [B or N, H, dqk]">:$n_last,
    Res<Optional<2DTensorOf<XLSTM_Accumulated>>, "last m, [B or N, H]">:$m_last);

  let skipDefaultBuilders = 1;
  let builders = [
    // Infers the result types. Operands that may be null: c0 to reset.
    OpBuilder<(ins "::mlir::xlstm::MLSTMOperands":$operands,
                   CArg<"::mlir::xlstm::MLSTMOptions", "{}">:$options)>
  ];
  let hasCustomAssemblyFormat = 1;
  let hasCanonicalizeMethod = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The options in one struct, for code that hands them on.
    ::mlir::xlstm::MLSTMOptions getOptions();
    /// Whether the cell has the state n, or m; C is always there.
    bool hasNormalizer() { return getOptions().hasNormalizer(); }
    bool hasStabilizer() { return getOptions().hasStabilizer(); }
    /// Static extents: heads, head size of q and k, head size of v.
    int64_t getHeads() { return getQ().getType().getDimSize(2); }
    int64_t getDqk() { return getQ().getType().getDimSize(3); }
    int64_t getDv() { return getV().getType().getDimSize(3); }
    /// Element type of q, k, v and h.
    ::mlir::Type getInputType() { return getQ().getType().getElementType(); }
    /// Element type of gates and states: f64 for f64 inputs, otherwise f32.
    ::mlir::Type getAccumulationType() { return getI().getType().getElementType(); }
  }];
}

#endif // XLSTM_DIALECT_XLSTM_IR_XLSTMOPS_TD
