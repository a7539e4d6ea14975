// SPDX-License-Identifier: Apache-2.0
// Residual blocks: each is x + F(norm(x)) with all its parameters as operands, in the shapes in which
// checkpoints store them. --xlstm-expand-blocks says what they compute in the other ops.
#ifndef XLSTM_DIALECT_XLSTM_IR_BLOCKOPS_TD
#define XLSTM_DIALECT_XLSTM_IR_BLOCKOPS_TD

include "dialect/xlstm/IR/MLSTMOps.td"
include "dialect/xlstm/IR/ScanOps.td"

// Parameters may have any float type; those that multiply x have its type.
defvar XLSTM_Vector = 1DTensorOf<XLSTM_Inputs>;
defvar XLSTM_Matrix = 2DTensorOf<XLSTM_Inputs>;
defvar XLSTM_Stream = 3DTensorOf<XLSTM_Inputs>;

def XLSTM_Activation : XLSTM_Enum<"Activation", "activation of a feed-forward gate", [
  I32EnumAttrCase<"GELU", 0, "gelu">,
  I32EnumAttrCase<"ReLU", 1, "relu">,
  I32EnumAttrCase<"SquaredReLU", 2, "squared_relu">,
  I32EnumAttrCase<"Sigmoid", 3, "sigmoid">,
  I32EnumAttrCase<"SiLU", 4, "silu">,
  I32EnumAttrCase<"SELU", 5, "selu">
]>;
def XLSTM_ActivationAttr : XLSTM_EnumAttr<XLSTM_Activation, "activation"> {
  let description = [{
    `gelu` is x Phi(x) with the normal distribution Phi, exactly (by erf). `silu` is x sigmoid(x),
    also called swish. `selu` has the constants of the paper (arXiv 1706.02515).
  }];
}

class XLSTM_Block<string mnemonic, list<Trait> traits = []>
    : XLSTM_Op<mnemonic, !listconcat([Pure, AttrSizedOperandSegments, AllTypesMatch<["x", "y"]>],
                                     traits)>;

def XLSTM_MLSTMBlockOp : XLSTM_Block<"mlstm_block", [AttrSizedResultSegments]> {
  let summary = "mLSTM block of the first xLSTM models, with its projection before the cell";
  let description = [{
    The block of the xLSTM paper (arXiv 2405.04517, figure 11), E its inner width:

    ```
    u = LN(x) * (1 + norm)                u, z = split(W_up u)                       [B, T, E] each
    a = SiLU(causal_conv1d(u))            q, k = block_linear(a), v = block_linear(u)
    i, f = linear(concat(q, k, v))        h = mlstm(q, k, v, i, f)                   [B, T, H, E/H]
    g = headLN(h) * (1 + outnorm) + skip * a
    y = x + W_down (g * SiLU(z))
    ```

    The scale is on k in published models (`scale_on = k`). Biases of the projections are there for
    all of them, or for none.

    Constraints:
    * `mlstm_block_c1`: x is [B, T, D]; D and E are static, and `heads` divides E.
    * `mlstm_block_c2`: parameters have the shapes given with the operands; projections have the
      element type of x.
    * `mlstm_block_c3`: all tensors are f64, or none is.
    * `mlstm_block_c4`: there are biases of proj_up, q, k, v and proj_down, or none of them.
    * `mlstm_block_c5`: states have the shapes given with the operands; conv0 has the element type
      of the last conv, the others the accumulation type; c0 and with it the last c may be bf16 or
      f16.
    * `mlstm_block_c6`: heads is at least 1, norm_eps finite and not negative.
  }];
  let arguments = !con((ins
    Arg<XLSTM_Stream, "residual stream, [B, T, D]">:$x,
    Arg<XLSTM_Vector, "w of the norm's factor 1 + w, [D]">:$norm,
    Arg<XLSTM_Matrix, "[2 E, D]">:$proj_up,
    Arg<Optional<XLSTM_Vector>, "[2 E]">:$proj_up_bias,
    Arg<3DTensorOf<XLSTM_Inputs>, "[E, 1, K]">:$conv,
    Arg<XLSTM_Vector, "[E]">:$conv_bias,
    Arg<3DTensorOf<XLSTM_Inputs>, "[E/S, S, S]">:$q,
    Arg<3DTensorOf<XLSTM_Inputs>, "[E/S, S, S]">:$k,
    Arg<3DTensorOf<XLSTM_Inputs>, "[E/S, S, S]">:$v,
    Arg<Variadic<XLSTM_Vector>, "of q, k and v, [E] each">:$qkv_biases,
    Arg<XLSTM_Matrix, "[H, 3 E]">:$igate,
    Arg<XLSTM_Vector, "[H]">:$igate_bias,
    Arg<XLSTM_Matrix, "[H, 3 E]">:$fgate,
    Arg<XLSTM_Vector, "[H]">:$fgate_bias,
    Arg<XLSTM_Vector, "w of the head norm's factor 1 + w, [E]">:$outnorm,
    Arg<XLSTM_Vector, "[E]">:$skip,
    Arg<XLSTM_Matrix, "[D, E]">:$proj_down,
    Arg<Optional<XLSTM_Vector>, "[D]">:$proj_down_bias,
    Arg<Optional<3DTensorOf<XLSTM_Inputs>>, "of the convolution, [B, K - 1, E]">:$conv0,
    Arg<Optional<4DTensorOf<XLSTM_Kept>>, "[B, H, E/H, E/H]">:$c0,
    Arg<Optional<3DTensorOf<XLSTM_Accumulated>>, "[B, H, E/H]">:$n0,
    Arg<Optional<2DTensorOf<XLSTM_Accumulated>>, "[B, H]">:$m0,
    I64Attr:$heads,
    F64Attr:$norm_eps), XLSTM_MLSTMOptions);
  let results = (outs
    Res<XLSTM_Stream, "[B, T, D]">:$y,
    Res<3DTensorOf<XLSTM_Inputs>, "[B, K - 1, E]">:$conv_last,
    Res<4DTensorOf<XLSTM_Kept>, "[B, H, E/H, E/H]">:$c_last,
    Res<Optional<3DTensorOf<XLSTM_Accumulated>>, "[B, H, E/H]">:$n_last,
    Res<Optional<2DTensorOf<XLSTM_Accumulated>>, "[B, H]">:$m_last);
  let assemblyFormat = [{
    $x `norm` `(` $norm `)` `proj_up` `(` $proj_up (`,` $proj_up_bias^)? `)`
    `conv` `(` $conv `,` $conv_bias `)` `qkv` `(` $q `,` $k `,` $v (`,` $qkv_biases^)? `)`
    `gates` `(` $igate `,` $igate_bias `,` $fgate `,` $fgate_bias `)`
    `outnorm` `(` $outnorm `)` `skip` `(` $skip `)`
    `proj_down` `(` $proj_down (`,` $proj_down_bias^)? `)`
    (`conv0` `(` $conv0^ `)`)? (`c0` `(` $c0^ `)`)? (`n0` `(` $n0^ `)`)? (`m0` `(` $m0^ `)`)?
    attr-dict `:` `(` type(operands) `)`
    `->` type($y) `,` type($conv_last) `,` type($c_last) (`,` type($n_last)^)? (`,` type($m_last)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::xlstm::MLSTMOptions getOptions();
    /// E.
    int64_t getInnerWidth() { return getProjDown().getType().getDimSize(1); }
  }];
}

def XLSTM_SLSTMBlockOp : XLSTM_Block<"slstm_block", [
    AttrSizedResultSegments, IsolatedFromAbove, SingleBlock]> {
  let summary = "sLSTM block of the first xLSTM models, up to its feed-forward part";
  let description = [{
    The first half of the block of the xLSTM paper (arXiv 2405.04517, figure 10); its second half is
    `xlstm.ffn_block`:

    ```
    u = LN(x) * (1 + norm)                a = SiLU(causal_conv1d(u))           a = u without conv
    wx = W_i a, W_f a, W_z u, W_o u       each block-diagonal over heads       [B, T, 4, H, D/H]
    h = scan(wx, R, b)                                                         [B, T, H, D/H]
    y = x + headLN(h) * (1 + group_norm)  the factor is 1 without group_norm
    ```

    The cell is the region of an `xlstm.scan` with recurrent matrices R, one sequence wx and one
    constant b: any cell with the gates i, f, z, o, such as sLSTM and LSTM. Its arguments are the 4
    products, 4 elements of wx, 4 biases and the states; it yields one output.

    Constraints:
    * `slstm_block_c1`: x is [B, T, D]; D is static, and `heads` divides it.
    * `slstm_block_c2`: parameters have the shapes given with the operands; gates and R have the
      element type of x.
    * `slstm_block_c3`: all tensors are f64, or none is. b has the accumulation type.
    * `slstm_block_c4`: conv and conv_bias are both there, or neither; the states of the convolution
      only with them.
    * `slstm_block_c5`: states have the shapes given with the operands; conv0 has the element type
      of the last conv, the others the accumulation type. Initial states are as many as last ones, or none.
    * `slstm_block_c6`: heads is at least 1, norm_eps finite and not negative.
  }];
  let arguments = (ins
    Arg<XLSTM_Stream, "residual stream, [B, T, D]">:$x,
    Arg<XLSTM_Vector, "w of the norm's factor 1 + w, [D]">:$norm,
    Arg<Optional<3DTensorOf<XLSTM_Inputs>>, "[D, 1, K]">:$conv,
    Arg<Optional<XLSTM_Vector>, "[D]">:$conv_bias,
    Arg<3DTensorOf<XLSTM_Inputs>, "[H, D/H, D/H]">:$igate,
    Arg<3DTensorOf<XLSTM_Inputs>, "[H, D/H, D/H]">:$fgate,
    Arg<3DTensorOf<XLSTM_Inputs>, "[H, D/H, D/H]">:$zgate,
    Arg<3DTensorOf<XLSTM_Inputs>, "[H, D/H, D/H]">:$ogate,
    Arg<4DTensorOf<XLSTM_Inputs>, "R, [4, H, D/H, D/H]">:$recurrent,
    Arg<3DTensorOf<XLSTM_Accumulated>, "b, [4, H, D/H]">:$bias,
    Arg<Optional<XLSTM_Vector>, "w of the head norm's factor 1 + w, [D]">:$group_norm,
    Arg<Optional<3DTensorOf<XLSTM_Inputs>>, "of the convolution, [B, K - 1, D]">:$conv0,
    Arg<Variadic<3DTensorOf<XLSTM_Accumulated>>, "[B, H, D/H] each">:$initial_states,
    I64Attr:$heads,
    F64Attr:$norm_eps,
    OptionalAttr<F64Attr>:$recurrent_grad_clip,
    UnitAttr:$recurrent_grad_cut,
    StrArrayAttr:$state_names);
  let results = (outs
    Res<XLSTM_Stream, "[B, T, D]">:$y,
    Res<Optional<3DTensorOf<XLSTM_Inputs>>, "[B, K - 1, D]">:$conv_last,
    Res<Variadic<3DTensorOf<XLSTM_Accumulated>>, "[B, H, D/H] each">:$last_states);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $x `norm` `(` $norm `)` (`conv` `(` $conv^ `,` $conv_bias `)`)?
    `gates` `(` $igate `,` $fgate `,` $zgate `,` $ogate `)`
    `recurrent` `(` $recurrent `)` `bias` `(` $bias `)` (`group_norm` `(` $group_norm^ `)`)?
    (`conv0` `(` $conv0^ `)`)? (`states` `(` $initial_states^ `)`)?
    attr-dict `cell` $body `:` `(` type(operands) `)`
    `->` type($y) (`conv` `(` type($conv_last)^ `)`)? (`states` `(` type($last_states)^ `)`)?
  }];
  let hasVerifier = 1;
}

def XLSTM_XLSTMLargeBlockOp : XLSTM_Block<"xlstm_large_block", [AttrSizedResultSegments]> {
  let summary = "mLSTM block of xLSTM-7B, up to its feed-forward part";
  let description = [{
    The first half of the block of xLSTM 7B (arXiv 2503.13427, section 3); its second half is
    `xlstm.ffn_block`:

    ```
    u = RMS(x) * norm                     q, k, v, o = linear(u)               [B, T, H, dqk or dv]
    i, f = cap(linear(u))                 cap(x) = gate_soft_cap tanh(x / gate_soft_cap)
    h = mlstm(q, k, v, i, f)
    y = x + W_out (headLN(h) * head_norm * sigmoid(o))
    ```

    Weights are single, one each for q, k, v, o and for i, f, or fused, one for all four and one for
    both, with the rows in this order. There is no cap without `gate_soft_cap`.

    Constraints:
    * `xlstm_large_block_c1`: x is [B, T, D]; D is static, and `heads` divides the widths of q and v.
    * `xlstm_large_block_c2`: there are four projections and two gates, or one of each; parameters
      have the shapes given with the operands; projections have the element type of x.
    * `xlstm_large_block_c3`: all tensors are f64, or none is.
    * `xlstm_large_block_c4`: norm_bias, biases of all projections, head_norm_bias and out_proj_bias
      are there, or none of them; the gates always have theirs.
    * `xlstm_large_block_c5`: states have the shapes given with the operands and the accumulation
      type; c0 and with it the last c may be bf16 or f16.
    * `xlstm_large_block_c6`: heads is at least 1, norm_eps finite and not negative, gate_soft_cap
      finite and positive.
  }];
  let arguments = !con((ins
    Arg<XLSTM_Stream, "residual stream, [B, T, D]">:$x,
    Arg<XLSTM_Vector, "[D]">:$norm,
    Arg<Optional<XLSTM_Vector>, "[D]">:$norm_bias,
    Arg<Variadic<XLSTM_Matrix>, "q, k, v, o: [H dqk or H dv, D] each; or one with all rows">:$qkvo,
    Arg<Variadic<XLSTM_Vector>, "of those">:$qkvo_biases,
    Arg<Variadic<XLSTM_Matrix>, "i, f: [H, D] each; or one [2 H, D]">:$gates,
    Arg<Variadic<XLSTM_Vector>, "of those">:$gate_biases,
    Arg<XLSTM_Vector, "[H dv]">:$head_norm,
    Arg<Optional<XLSTM_Vector>, "[H dv]">:$head_norm_bias,
    Arg<XLSTM_Matrix, "[D, H dv]">:$out_proj,
    Arg<Optional<XLSTM_Vector>, "[D]">:$out_proj_bias,
    Arg<Optional<4DTensorOf<XLSTM_Kept>>, "[B, H, dqk, dv]">:$c0,
    Arg<Optional<3DTensorOf<XLSTM_Accumulated>>, "[B, H, dqk]">:$n0,
    Arg<Optional<2DTensorOf<XLSTM_Accumulated>>, "[B, H]">:$m0,
    I64Attr:$heads,
    F64Attr:$norm_eps,
    OptionalAttr<F64Attr>:$gate_soft_cap), XLSTM_MLSTMOptions);
  let results = (outs
    Res<XLSTM_Stream, "[B, T, D]">:$y,
    Res<4DTensorOf<XLSTM_Kept>, "[B, H, dqk, dv]">:$c_last,
    Res<Optional<3DTensorOf<XLSTM_Accumulated>>, "[B, H, dqk]">:$n_last,
    Res<Optional<2DTensorOf<XLSTM_Accumulated>>, "[B, H]">:$m_last);
  let assemblyFormat = [{
    $x `norm` `(` $norm (`,` $norm_bias^)? `)` `qkvo` `(` $qkvo `)`
    (`qkvo_biases` `(` $qkvo_biases^ `)`)? `gates` `(` $gates `)` `gate_biases` `(` $gate_biases `)`
    `head_norm` `(` $head_norm (`,` $head_norm_bias^)? `)`
    `out_proj` `(` $out_proj (`,` $out_proj_bias^)? `)`
    (`c0` `(` $c0^ `)`)? (`n0` `(` $n0^ `)`)? (`m0` `(` $m0^ `)`)?
    attr-dict `:` `(` type(operands) `)`
    `->` type($y) `,` type($c_last) (`,` type($n_last)^)? (`,` type($m_last)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::xlstm::MLSTMOptions getOptions();
    bool isFused() { return getQkvo().size() == 1; }
    int64_t getDv() { return getOutProj().getType().getDimSize(1) / int64_t(getHeads()); }
    int64_t getDqk();
  }];
}

def XLSTM_FFNBlockOp : XLSTM_Block<"ffn_block"> {
  let summary = "residual block of a gated feed-forward layer";
  let description = [{
    ```
    u = norm(x)                           g, p = linear(u)                     [B, T, F] each
    y = x + W_down (activation(g) * p)
    ```

    The second half of the sLSTM block (layer norm, GELU) and of the block of xLSTM 7B (RMS norm,
    SiLU). `up` is one weight each for g and p, or one for both with the rows of g first. With
    `residual_weight` the norm's factor is 1 + norm.

    Constraints:
    * `ffn_block_c1`: x is [B, T, D]; D and F are static.
    * `ffn_block_c2`: there are one or two up projections; parameters have the shapes given with the
      operands; projections have the element type of x.
    * `ffn_block_c3`: all tensors are f64, or none is.
    * `ffn_block_c4`: there are biases of all projections, or of none; norm_bias only with them.
    * `ffn_block_c5`: norm_eps is finite and not negative.
  }];
  let arguments = (ins
    Arg<XLSTM_Stream, "residual stream, [B, T, D]">:$x,
    Arg<XLSTM_Vector, "[D]">:$norm,
    Arg<Optional<XLSTM_Vector>, "[D]">:$norm_bias,
    Arg<Variadic<XLSTM_Matrix>, "g, p: [F, D] each; or one [2 F, D]">:$up,
    Arg<Variadic<XLSTM_Vector>, "of those">:$up_biases,
    Arg<XLSTM_Matrix, "[D, F]">:$down,
    Arg<Optional<XLSTM_Vector>, "[D]">:$down_bias,
    XLSTM_NormKindAttr:$kind,
    F64Attr:$norm_eps,
    UnitAttr:$residual_weight,
    XLSTM_ActivationAttr:$activation);
  let results = (outs Res<XLSTM_Stream, "[B, T, D]">:$y);
  let assemblyFormat = [{
    $x `norm` `(` custom<NormKind>($kind) $norm (`,` $norm_bias^)? `)` `up` `(` $up `)`
    (`up_biases` `(` $up_biases^ `)`)? `down` `(` $down (`,` $down_bias^)? `)`
    attr-dict `:` `(` type(operands) `)` `->` type($y)
  }];
  let hasVerifier = 1;
}

#endif // XLSTM_DIALECT_XLSTM_IR_BLOCKOPS_TD
