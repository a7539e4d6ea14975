// SPDX-License-Identifier: Apache-2.0
// Layers of blocks and models besides cells and norms: embedding, causal convolution, block-diagonal
// projection, cross-entropy.
#ifndef XLSTM_DIALECT_XLSTM_IR_LAYEROPS_TD
#define XLSTM_DIALECT_XLSTM_IR_LAYEROPS_TD

include "dialect/xlstm/IR/XLSTMOpBase.td"

def XLSTM_Tokens : TensorRankOf<[I32], [1, 2]>;

def XLSTM_EmbeddingOp : XLSTM_Op<"embedding", [Pure]> {
  let summary = "row of a table for each token";
  let description = [{
    ```
    result[.., d] = table[tokens[..], d]
    ```

    A token that is not in [0, V) is an error in the interpreter; kernels give a row of zeros.

    Constraints:
    * `embedding_c1`: V and D are static and at least 1.
    * `embedding_c2`: the result has the axes of tokens, then D, and the element type of the table, or
      f32 where that is of 16 bits.

    Example:

    ```mlir
    func.func @embed(%table: tensor<256x64xf32>, %tokens: tensor<?x?xi32>) -> tensor<?x?x64xf32> {
      %x = xlstm.embedding %table[%tokens]
          : tensor<256x64xf32>, tensor<?x?xi32> -> tensor<?x?x64xf32>
      return %x : tensor<?x?x64xf32>
    }
    ```
  }];
  let arguments = (ins
    Arg<2DTensorOf<XLSTM_Inputs>, "[V, D]">:$table,
    Arg<XLSTM_Tokens, "rows of the table, [B, T] or [B]">:$tokens);
  let results = (outs Res<TensorRankOf<XLSTM_Inputs, [2, 3]>, "[.., D]">:$result);
  let assemblyFormat = "$table `[` $tokens `]` attr-dict `:` type($table) `,` type($tokens) `->` type($result)";
  let hasVerifier = 1;
}

def XLSTM_CausalConv1dOp : XLSTM_Op<"causal_conv1d", [
    Pure, AttrSizedOperandSegments, IsolatedFromAbove, SingleBlock,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames", "getAsmBlockArgumentNames"]>
  ]> {
  let summary = "causal convolution over time, each channel by itself";
  let description = [{
    With kernel length K, and x before the first token given by the state (zero if absent):

    ```
    y[b, t, c] = bias[c] + sum_{j < K} weight[c, j] * x[b, t - (K - 1) + j, c]
    state[b, s, c] is x[b, s - (K - 1), c],  s < K - 1
    ```

    The last state is the K - 1 inputs before the token that would come next; T = 0 returns the
    initial one.

    With an epilogue y is what it makes of each of these sums, in an activation for instance. It
    computes scalars of the accumulation type (f64 for f64 inputs, otherwise f32) and ends in
    `xlstm.yield outputs(..)`. The states are inputs, which no epilogue sees.

    Constraints:
    * `causal_conv1d_c1`: C and K are static and at least 1.
    * `causal_conv1d_c2`: the weight is [C, K], the bias [C].
    * `causal_conv1d_c3`: y has the shape of x; the states are [B, K - 1, C] of one element type, to
      which the last ones are rounded.
    * `causal_conv1d_c4`: all tensors are f64, or none is.
    * `causal_conv1d_c5`: the epilogue has one argument of the accumulation type and yields one value
      of that type; its ops are those that the region of `xlstm.scan` may have.

    The type of y stands before that of the last state where it is not that of x.

    Example:

    ```mlir
    func.func @conv(%x: tensor<?x?x64xf32>, %w: tensor<64x4xf32>, %b: tensor<64xf32>,
                    %state: tensor<?x3x64xf32>) -> (tensor<?x?x64xf32>, tensor<?x3x64xf32>) {
      %y, %last = xlstm.causal_conv1d %x, %w bias(%b : tensor<64xf32>)
          state(%state : tensor<?x3x64xf32>)
          : tensor<?x?x64xf32>, tensor<64x4xf32> -> tensor<?x3x64xf32>
      return %y, %last : tensor<?x?x64xf32>, tensor<?x3x64xf32>
    }
    ```

    With SiLU, from bf16 to f32:

    ```mlir
    func.func @conv_silu(%x: tensor<?x?x64xbf16>, %w: tensor<64x4xbf16>) -> tensor<?x?x64xf32> {
      %y, %last = xlstm.causal_conv1d %x, %w epilogue {
      ^bb0(%sum: f32):
        %s = xlstm.sigmoid %sum : f32
        %silu = arith.mulf %sum, %s : f32
        xlstm.yield outputs(%silu : f32)
      } : tensor<?x?x64xbf16>, tensor<64x4xbf16> -> tensor<?x?x64xf32>, tensor<?x3x64xbf16>
      return %y : tensor<?x?x64xf32>
    }
    ```
  }];
  let arguments = (ins
    Arg<3DTensorOf<XLSTM_Inputs>, "[B, T, C]">:$x,
    Arg<2DTensorOf<XLSTM_Inputs>, "[C, K]">:$weight,
    Arg<Optional<1DTensorOf<XLSTM_Inputs>>, "[C]">:$bias,
    Arg<Optional<3DTensorOf<XLSTM_Inputs>>, "inputs before the first token, [B, K - 1, C]">:$state);
  let results = (outs
    Res<3DTensorOf<XLSTM_Inputs>, "[B, T, C]">:$y,
    Res<3DTensorOf<XLSTM_Inputs>, "inputs before the next token, [B, K - 1, C]">:$state_last);
  let regions = (region AnyRegion:$epilogue);
  let assemblyFormat = [{
    $x `,` $weight (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`state` `(` $state^ `:` type($state) `)`)? attr-dict (`epilogue` $epilogue^)?
    `:` type($x) `,` type($weight) `->` custom<ConvResults>(type($y), type($state_last), ref(type($x)))
  }];
  let extraClassDeclaration = [{
    bool hasEpilogue() { return !getEpilogue().empty(); }
    int64_t getChannels() { return getWeight().getType().getDimSize(0); }
    int64_t getKernelSize() { return getWeight().getType().getDimSize(1); }
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def XLSTM_BlockLinearOp : XLSTM_Op<"block_linear", [Pure]> {
  let summary = "projection by a block-diagonal matrix";
  let description = [{
    The last axis falls into N blocks, each with a matrix of its own (N heads, or blocks of 4):

    ```
    y[.., n O + o] = sum_i weight[n, o, i] * x[.., n I + i]
    y[.., n I + i] = sum_o weight[n, o, i] * x[.., n O + o]          transposed
    ```

    With N = 1 it is a projection by one matrix; the transposed form is then the gradient of
    `xlstm.linear`.

    Constraints:
    * `block_linear_c1`: N, O and I are static and at least 1.
    * `block_linear_c2`: the last axis of x is N I, that of y N O, or the reverse if transposed.
    * `block_linear_c3`: x and y have the same leading axes; all tensors are f64, or none is.

    Example:

    ```mlir
    func.func @blocks(%x: tensor<?x?x64xf32>, %w: tensor<16x4x4xf32>) -> tensor<?x?x64xf32> {
      %q = xlstm.block_linear %x, %w
          : tensor<?x?x64xf32>, tensor<16x4x4xf32> -> tensor<?x?x64xf32>
      %dx = xlstm.block_linear transposed %q, %w
          : tensor<?x?x64xf32>, tensor<16x4x4xf32> -> tensor<?x?x64xf32>
      return %dx : tensor<?x?x64xf32>
    }
    ```
  }];
  let arguments = (ins
    Arg<TensorRankOf<XLSTM_Inputs, [2, 3]>, "[.., N I]">:$x,
    Arg<3DTensorOf<XLSTM_Inputs>, "[N, O, I]">:$weight,
    UnitAttr:$transposed);
  let results = (outs Res<TensorRankOf<XLSTM_Inputs, [2, 3]>, "[.., N O]">:$y);
  let assemblyFormat = [{
    (`transposed` $transposed^)? $x `,` $weight attr-dict
    `:` type($x) `,` type($weight) `->` type($y)
  }];
  let hasVerifier = 1;
}

def XLSTM_CrossEntropyOp : XLSTM_Op<"cross_entropy", [Pure]> {
  let summary = "mean over tokens of -log softmax at the target";
  let description = [{
    Over the tokens whose target is not negative, M of them:

    ```
    loss = 1/M sum_{b, t} (log sum_v exp(logits[b, t, v]) - logits[b, t, targets[b, t]])
    ```

    in nats, 0 where M = 0. Computed from differences to the largest logit, so nothing overflows.

    Constraints:
    * `cross_entropy_c1`: V is static and at least 1.
    * `cross_entropy_c2`: targets are [B, T].
    * `cross_entropy_c3`: the loss is [1] of the accumulation type.

    Example:

    ```mlir
    func.func @loss(%logits: tensor<?x?x256xf32>, %targets: tensor<?x?xi32>) -> tensor<1xf32> {
      %loss = xlstm.cross_entropy %logits, %targets
          : tensor<?x?x256xf32>, tensor<?x?xi32> -> tensor<1xf32>
      return %loss : tensor<1xf32>
    }
    ```
  }];
  let arguments = (ins
    Arg<3DTensorOf<XLSTM_Inputs>, "[B, T, V]">:$logits,
    Arg<2DTensorOf<[I32]>, "[B, T]; negative: the token does not count">:$targets);
  let results = (outs Res<1DTensorOf<XLSTM_Accumulated>, "[1]">:$loss);
  let assemblyFormat = "$logits `,` $targets attr-dict `:` type($logits) `,` type($targets) `->` type($loss)";
  let hasVerifier = 1;
}

#endif // XLSTM_DIALECT_XLSTM_IR_LAYEROPS_TD
