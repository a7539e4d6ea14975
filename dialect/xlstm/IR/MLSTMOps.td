// SPDX-License-Identifier: Apache-2.0
// The mLSTM cell and its gradients.
#ifndef XLSTM_DIALECT_XLSTM_IR_MLSTMOPS_TD
#define XLSTM_DIALECT_XLSTM_IR_MLSTMOPS_TD

include "dialect/xlstm/IR/XLSTMOpBase.td"

// q, k, v, h and the gates; the step form has no T axis.
def XLSTM_MLSTMInput : TensorRankOf<XLSTM_Inputs, [3, 4]>;
def XLSTM_MLSTMGate : TensorRankOf<XLSTM_Accumulated, [2, 3]>;

// What defines the cell: the forward and the backward op have the same.
defvar XLSTM_MLSTMOptions = (ins
  DefaultValuedAttr<XLSTM_InputGateAttr, "::mlir::xlstm::InputGate::Exp">:$input_gate,
  DefaultValuedAttr<BoolAttr, "true">:$normalize,
  DefaultValuedAttr<F64Attr, "1.0e-6">:$eps,
  DefaultValuedAttr<XLSTM_ScaleOnAttr, "::mlir::xlstm::ScaleOn::Q">:$scale_on,
  DefaultValuedAttr<XLSTM_DenominatorAttr, "::mlir::xlstm::Denominator::MaxPlusEps">:$denominator,
  DefaultValuedAttr<XLSTM_NormalizerGradAttr, "::mlir::xlstm::NormalizerGrad::Exact">
    :$normalizer_grad);

defvar XLSTM_MLSTMAccessors = [{
    /// The options in one struct, for code that hands them on.
    ::mlir::xlstm::MLSTMOptions getOptions();
    /// Whether the cell has the state n, or m; C is always there.
    bool hasNormalizer() { return getOptions().hasNormalizer(); }
    bool hasStabilizer() { return getOptions().hasStabilizer(); }
    /// Static extents: heads, head size of q and k, head size of v.
    int64_t getHeads() { return getQ().getType().getShape().take_back(2).front(); }
    int64_t getDqk() { return getQ().getType().getShape().back(); }
    int64_t getDv() { return getV().getType().getShape().back(); }
    /// Element type of q, k, v and h.
    ::mlir::Type getInputType() { return getQ().getType().getElementType(); }
    /// Element type of gates and states: f64 for f64 inputs, otherwise f32.
    ::mlir::Type getAccumulationType() { return getI().getType().getElementType(); }
}];

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

    The op says what is computed: recurrent, parallel and chunkwise forms give the same values, and
    `form` only asks for one of them. With `form = step` there is one token and no tensor has a T
    axis: q, k [B, H, dqk], v, h [B, H, dv], i, f [B, H]. h does not depend on the choice of m,
    except through eps.

    | option | values (default first) | meaning |
    |---|---|---|
    | `input_gate` | `exp`, `sigmoid` | activation of the input gate |
    | `normalize` | `true`, `false` | divide by the normaliser; `false` only for the sigmoid gate |
    | `eps` | `1.0e-6` | added to the denominator |
    | `scale_on` | `q`, `k` | s multiplies q, or k (then C and n carry it) |
    | `denominator` | `max_plus_eps`, `max_with_eps` | `max(z, w) + eps`, or `max(z, w + eps)`; z the normaliser's magnitude, w its floor |
    | `normalizer_grad` | `exact`, `dropped` | for the derived backward function only |
    | `form` | none, `recurrent`, `chunkwise`, `parallel`, `step` | how a kernel computes it; `step`: one token |

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
      where S is B, or N with `cu_seqlens`. c0 and with it the last C may be bf16 or f16: only what
      is kept from one call to the next is rounded, h is that of the C before rounding.
    * `mlstm_c8`: `cu_seqlens` is [N + 1] of i32 with N >= 0, and B is 1.
    * `mlstm_c9`: `reset` is [B, T].
    * `mlstm_c10`: eps is finite and not negative.
    * `mlstm_c11`: h has the type of v, or f32 where that is of 16 bits; the last states are exactly those that the cell has.
    * `mlstm_c12`: with `form = step`, and only then, q, k, v and the gates have no T axis; the form
      takes no `cu_seqlens`, `reset` or `save_states`.
    * `mlstm_c13`: there are the three saved states exactly with `save_states`, of [R, H, dqk, dv]
      and [R, H, dqk] of the accumulation type and [R, H, 2] of f64.

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

  let arguments = !con((ins
    Arg<XLSTM_MLSTMInput, "queries, [B, T, H, dqk]">:$q,
    Arg<XLSTM_MLSTMInput, "keys, [B, T, H, dqk]">:$k,
    Arg<XLSTM_MLSTMInput, "values, [B, T, H, dv]">:$v,
    Arg<XLSTM_MLSTMGate, "input gate before its activation, [B, T, H]">:$i,
    Arg<XLSTM_MLSTMGate, "forget gate before its activation, [B, T, H]">:$f,
    Arg<Optional<4DTensorOf<XLSTM_Kept>>, "initial C, [B or N, H, dqk, dv]">:$c0,
    Arg<Optional<3DTensorOf<XLSTM_Accumulated>>, "initial n, [B or N, H, dqk]">:$n0,
    Arg<Optional<2DTensorOf<XLSTM_Accumulated>>, "initial m, [B or N, H]">:$m0,
    Arg<XLSTM_CuSeqlens, "first token of each sequence, then T, [N + 1]">:$cu_seqlens,
    Arg<XLSTM_Reset, "zeroes the states before a step, [B, T]">:$reset,
    OptionalAttr<XLSTM_MLSTMFormAttr>:$form,
    UnitAttr:$save_states), XLSTM_MLSTMOptions);

  let results = (outs
    Res<XLSTM_MLSTMInput, "hidden states, [B, T, H, dv]">:$h,
    Res<4DTensorOf<XLSTM_Kept>, "last C, [B or N, H, dqk, dv]">:$c_last,
    Res<Optional<3DTensorOf<XLSTM_Accumulated>>, "last n, [B or N, H, dqk]">:$n_last,
    Res<Optional<2DTensorOf<XLSTM_Accumulated>>, "last m, [B or N, H]">:$m_last,
    Res<Optional<4DTensorOf<XLSTM_Accumulated>>, "C at the start of each chunk, [R, H, dqk, dv]">
      :$c_states,
    Res<Optional<3DTensorOf<XLSTM_Accumulated>>, "n at the start of each chunk, [R, H, dqk]">
      :$n_states,
    Res<Optional<3DTensorOf<[F64]>>, "reference of the kernel and m, [R, H, 2]">:$m_states);

  let skipDefaultBuilders = 1;
  let builders = [
    // Infers the result types. Operands that may be null: c0 to reset.
    OpBuilder<(ins "const ::mlir::xlstm::MLSTMOperands &":$operands,
                   CArg<"::mlir::xlstm::MLSTMOptions", "{}">:$options,
                   CArg<"std::optional<::mlir::xlstm::MLSTMForm>", "std::nullopt">:$form,
                   CArg<"bool", "false">:$saveStates)>
  ];
  let hasCustomAssemblyFormat = 1;
  let hasCanonicalizeMethod = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = XLSTM_MLSTMAccessors # [{
    /// Whether the op is one token, without a T axis.
    bool isStep() { return getForm() == ::mlir::xlstm::MLSTMForm::Step; }
    ::mlir::xlstm::MLSTMOperands getMLSTMOperands();
  }];
}

def XLSTM_MLSTMBackwardOp : XLSTM_Op<"mlstm_backward", [
    Pure, AttrSizedOperandSegments, AttrSizedResultSegments, InferTypeOpAdaptorWithIsCompatible,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "gradients of xlstm.mlstm";
  let description = [{
    The gradients of a loss with respect to the inputs and the initial states of `xlstm.mlstm`
    (exact derivative; parallel form: arXiv 2503.14376), from the gradients `dh` of h, and `dc_last`
    and `dn_last` of the last states (zero if absent). `xlstm.mlstm` and this op have the same
    options. With D and S of the parallel form, z the normaliser, w its floor and den the
    denominator:

    ```
    u_i = dh_i / den_i     delta_i = -(dh_i . h_i) / den_i * sign(z_i) where |z_i| > w_i, else 0
    dP = u V^T             dS = dP * D + delta D                     S = s Q K^T
    dV = (S * D)^T u + C part      dQ = s dS K + C part              dK = s dS^T Q + C part
    dlf_t = sum_{r >= t} (q_r . dq_r - k_r . dk_r) + <dc_last, C_last> + <dn_last, n_last>
    df = dlf * sigmoid(-f)
    di_j = k_j . dk_j  (exp)       k_j . dk_j * sigmoid(-i_j)  (sigmoid)
    ```

    The C parts are those of the initial state and of `dc_last` and `dn_last`. The sums over time
    end where a sequence ends or a reset cuts it. m is a stabiliser: the gradient of the last m is
    zero by definition, and there is none of the initial m. `normalizer_grad = dropped` sets delta
    to zero.

    `saved` are the states that `xlstm.mlstm` with `save_states` gives: a kernel starts from them
    instead of computing them again. They change no value.

    Constraints:
    * `mlstm_backward_c1`: q to reset satisfy the constraints of `xlstm.mlstm` with a T axis, and c0
      has the accumulation type.
    * `mlstm_backward_c2`: dh has the type of h.
    * `mlstm_backward_c3`: dc_last and dn_last have the types of the last states; dn_last is there
      only if the cell has n.
    * `mlstm_backward_c4`: saved states are all there, or none, with the types that `xlstm.mlstm`
      gives them.
    * `mlstm_backward_c5`: dq, dk, dv, di, df have the types of q, k, v, i, f.
    * `mlstm_backward_c6`: there is dc0 exactly if there is c0, dn0 exactly if there is n0, with the
      same types.

    **Syntax.** As `xlstm.mlstm`; after the colon the types of q and v, or the function type from q,
    k, v, gates, states and dh to the results.

    Example:

    ```mlir
    func.func @mlstm_gradients(
        %q: tensor<?x?x8x256xbf16>, %k: tensor<?x?x8x256xbf16>, %v: tensor<?x?x8x512xbf16>,
        %i: tensor<?x?x8xf32>, %f: tensor<?x?x8xf32>, %dh: tensor<?x?x8x512xbf16>,
        %dc_last: tensor<?x8x256x512xf32>) -> tensor<?x?x8x256xbf16> {
      %dq, %dk, %dv, %di, %df = xlstm.mlstm_backward %q, %k, %v gates(%i, %f) grad(%dh)
          dc_last(%dc_last : tensor<?x8x256x512xf32>) {normalizer_grad = dropped}
          : tensor<?x?x8x256xbf16>, tensor<?x?x8x512xbf16>
      return %dq : tensor<?x?x8x256xbf16>
    }
    ```
  }];

  let arguments = !con((ins
    Arg<4DTensorOf<XLSTM_Inputs>, "queries, [B, T, H, dqk]">:$q,
    Arg<4DTensorOf<XLSTM_Inputs>, "keys, [B, T, H, dqk]">:$k,
    Arg<4DTensorOf<XLSTM_Inputs>, "values, [B, T, H, dv]">:$v,
    Arg<3DTensorOf<XLSTM_Accumulated>, "input gate before its activation, [B, T, H]">:$i,
    Arg<3DTensorOf<XLSTM_Accumulated>, "forget gate before its activation, [B, T, H]">:$f,
    Arg<Optional<4DTensorOf<XLSTM_Accumulated>>, "initial C, [B or N, H, dqk, dv]">:$c0,
    Arg<Optional<3DTensorOf<XLSTM_Accumulated>>, "initial n, [B or N, H, dqk]">:$n0,
    Arg<Optional<2DTensorOf<XLSTM_Accumulated>>, "initial m, [B or N, H]">:$m0,
    Arg<XLSTM_CuSeqlens, "first token of each sequence, then T, [N + 1]">:$cu_seqlens,
    Arg<XLSTM_Reset, "zeroes the states before a step, [B, T]">:$reset,
    Arg<4DTensorOf<XLSTM_Inputs>, "gradient of h, [B, T, H, dv]">:$dh,
    Arg<Optional<4DTensorOf<XLSTM_Accumulated>>, "of the last C, [B or N, H, dqk, dv]">:$dc_last,
    Arg<Optional<3DTensorOf<XLSTM_Accumulated>>, "of the last n, [B or N, H, dqk]">:$dn_last,
    Arg<Optional<4DTensorOf<XLSTM_Accumulated>>, "saved C, [R, H, dqk, dv]">:$c_states,
    Arg<Optional<3DTensorOf<XLSTM_Accumulated>>, "saved n, [R, H, dqk]">:$n_states,
    Arg<Optional<3DTensorOf<[F64]>>, "saved m, [R, H, 2]">:$m_states), XLSTM_MLSTMOptions);
  let results = (outs
    Res<4DTensorOf<XLSTM_Inputs>, "gradient of q">:$d_q,
    Res<4DTensorOf<XLSTM_Inputs>, "gradient of k">:$d_k,
    Res<4DTensorOf<XLSTM_Inputs>, "gradient of v">:$d_v,
    Res<3DTensorOf<XLSTM_Accumulated>, "gradient of i">:$d_i,
    Res<3DTensorOf<XLSTM_Accumulated>, "gradient of f">:$d_f,
    Res<Optional<4DTensorOf<XLSTM_Accumulated>>, "gradient of c0">:$d_c0,
    Res<Optional<3DTensorOf<XLSTM_Accumulated>>, "gradient of n0">:$d_n0);

  let skipDefaultBuilders = 1;
  let builders = [
    // Infers the result types. Operands that may be null: c0 to reset, dcLast to mStates.
    OpBuilder<(ins "const ::mlir::xlstm::MLSTMBackwardOperands &":$operands,
                   CArg<"::mlir::xlstm::MLSTMOptions", "{}">:$options)>
  ];
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = XLSTM_MLSTMAccessors # [{
    /// q to reset, as xlstm.mlstm has them.
    ::mlir::xlstm::MLSTMOperands getMLSTMOperands();
  }];
}

#endif // XLSTM_DIALECT_XLSTM_IR_MLSTMOPS_TD
