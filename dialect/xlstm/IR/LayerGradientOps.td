// SPDX-License-Identifier: Apache-2.0
// Gradients of the layers that the layers themselves cannot say.
#ifndef XLSTM_DIALECT_XLSTM_IR_LAYERGRADIENTOPS_TD
#define XLSTM_DIALECT_XLSTM_IR_LAYERGRADIENTOPS_TD

include "dialect/xlstm/IR/LayerOps.td"

def XLSTM_LeadingSumOp : XLSTM_Op<"leading_sum", [Pure]> {
  let summary = "sum over the first axes: the gradient of what is the same along them";
  let description = [{
    The result has the last axes of x; all others are summed over:

    ```
    result[d..] = sum over leading indices of x[.., d..]
    ```

    Constraints:
    * `leading_sum_c1`: the result has the last axes of x, which are static, and its element type.

    Example:

    ```mlir
    func.func @gradient_of_bias(%dy: tensor<?x?x64xf32>) -> tensor<64xf32> {
      %db = xlstm.leading_sum %dy : tensor<?x?x64xf32> -> tensor<64xf32>
      return %db : tensor<64xf32>
    }
    ```
  }];
  let arguments = (ins Arg<TensorRankOf<XLSTM_Accumulated, [1, 2, 3, 4, 5]>, "[.., D..]">:$x);
  let results = (outs Res<TensorRankOf<XLSTM_Accumulated, [1, 2, 3, 4, 5]>, "[D..]">:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def XLSTM_BlockLinearWeightOp : XLSTM_Op<"block_linear_weight", [Pure]> {
  let summary = "gradient of the weight of xlstm.block_linear";
  let description = [{
    ```
    result[n, o, i] = sum over rows of dy[.., n O + o] * x[.., n I + i]
    ```

    With N = 1 it is that of a weight of `xlstm.linear`.

    Constraints:
    * `block_linear_weight_c1`: the result is [N, O, I], static.
    * `block_linear_weight_c2`: x is [.., N I], dy is [.., N O] with the leading axes of x.
    * `block_linear_weight_c3`: all tensors are f64, or none is; the result has the accumulation
      type.

    Example:

    ```mlir
    func.func @gradient_of_weight(%x: tensor<?x?x64xf32>, %dy: tensor<?x?x32xf32>)
        -> tensor<4x8x16xf32> {
      %dw = xlstm.block_linear_weight %x, %dy
          : tensor<?x?x64xf32>, tensor<?x?x32xf32> -> tensor<4x8x16xf32>
      return %dw : tensor<4x8x16xf32>
    }
    ```
  }];
  let arguments = (ins
    Arg<TensorRankOf<XLSTM_Inputs, [2, 3]>, "input of the projection, [.., N I]">:$x,
    Arg<TensorRankOf<XLSTM_Inputs, [2, 3]>, "gradient of its result, [.., N O]">:$dy);
  let results = (outs Res<3DTensorOf<XLSTM_Accumulated>, "[N, O, I]">:$result);
  let assemblyFormat = "$x `,` $dy attr-dict `:` type($x) `,` type($dy) `->` type($result)";
  let hasVerifier = 1;
}

def XLSTM_CausalConv1dBackwardOp : XLSTM_Op<"causal_conv1d_backward", [
    Pure, AllTypesMatch<["x", "dy", "dx"]>]> {
  let summary = "gradients of xlstm.causal_conv1d without an initial state";
  let description = [{
    ```
    dx[b, t, c] = sum_{j < K} weight[c, j] * dy[b, t + (K - 1) - j, c]
    dweight[c, j] = sum_{b, t} dy[b, t, c] * x[b, t - (K - 1) + j, c]
    ```

    Elements outside of the tokens are zero. The gradient of the bias is an `xlstm.leading_sum`.

    Constraints:
    * `causal_conv1d_backward_c1`: the weight is [C, K], static, with the C of x.
    * `causal_conv1d_backward_c2`: dweight is [C, K] of the accumulation type.

    Example:

    ```mlir
    func.func @gradients_of_conv(%x: tensor<?x?x64xf32>, %w: tensor<64x4xf32>,
                                 %dy: tensor<?x?x64xf32>) -> tensor<64x4xf32> {
      %dx, %dw = xlstm.causal_conv1d_backward %x, %w, %dy
          : tensor<?x?x64xf32>, tensor<64x4xf32> -> tensor<64x4xf32>
      return %dw : tensor<64x4xf32>
    }
    ```
  }];
  let arguments = (ins
    Arg<3DTensorOf<XLSTM_Inputs>, "input of the convolution, [B, T, C]">:$x,
    Arg<2DTensorOf<XLSTM_Inputs>, "[C, K]">:$weight,
    Arg<3DTensorOf<XLSTM_Inputs>, "gradient of its result, [B, T, C]">:$dy);
  let results = (outs
    Res<3DTensorOf<XLSTM_Inputs>, "[B, T, C]">:$dx,
    Res<2DTensorOf<XLSTM_Accumulated>, "[C, K]">:$dweight);
  let assemblyFormat = [{
    $x `,` $weight `,` $dy attr-dict `:` type($x) `,` type($weight) `->` type($dweight)
  }];
  let hasVerifier = 1;
}

def XLSTM_EmbeddingBackwardOp : XLSTM_Op<"embedding_backward", [Pure]> {
  let summary = "gradient of the table of xlstm.embedding";
  let description = [{
    ```
    result[v, d] = sum over positions with tokens[..] = v of dx[.., d]
    ```

    Summed in the order of the positions.

    Constraints:
    * `embedding_backward_c1`: the result is [V, D], static, of the accumulation type.
    * `embedding_backward_c2`: dx has the axes of tokens, then D.

    Example:

    ```mlir
    func.func @gradient_of_table(%tokens: tensor<?x?xi32>, %dx: tensor<?x?x64xf32>)
        -> tensor<256x64xf32> {
      %dtable = xlstm.embedding_backward %tokens, %dx
          : tensor<?x?xi32>, tensor<?x?x64xf32> -> tensor<256x64xf32>
      return %dtable : tensor<256x64xf32>
    }
    ```
  }];
  let arguments = (ins
    Arg<XLSTM_Tokens, "[B, T] or [B]">:$tokens,
    Arg<TensorRankOf<XLSTM_Inputs, [2, 3]>, "gradient of the rows, [.., D]">:$dx);
  let results = (outs Res<2DTensorOf<XLSTM_Accumulated>, "[V, D]">:$result);
  let assemblyFormat = "$tokens `,` $dx attr-dict `:` type($tokens) `,` type($dx) `->` type($result)";
  let hasVerifier = 1;
}

def XLSTM_CrossEntropyBackwardOp : XLSTM_Op<"cross_entropy_backward", [
    Pure, AllTypesMatch<["logits", "dlogits"]>]> {
  let summary = "gradient of xlstm.cross_entropy";
  let description = [{
    For the M tokens whose target is not negative, and zero for all others:

    ```
    dlogits[b, t, v] = dloss / M * (softmax(logits[b, t])[v] - (1 if v = targets[b, t] else 0))
    ```

    Constraints:
    * `cross_entropy_backward_c1`: V is static and at least 1; targets are [B, T].
    * `cross_entropy_backward_c2`: dloss is [1] of the accumulation type.

    Example:

    ```mlir
    func.func @gradient_of_logits(%logits: tensor<?x?x256xf32>, %targets: tensor<?x?xi32>,
                                  %dloss: tensor<1xf32>) -> tensor<?x?x256xf32> {
      %dlogits = xlstm.cross_entropy_backward %logits, %targets, %dloss
          : tensor<?x?x256xf32>, tensor<?x?xi32>, tensor<1xf32>
      return %dlogits : tensor<?x?x256xf32>
    }
    ```
  }];
  let arguments = (ins
    Arg<3DTensorOf<XLSTM_Inputs>, "[B, T, V]">:$logits,
    Arg<2DTensorOf<[I32]>, "[B, T]">:$targets,
    Arg<1DTensorOf<XLSTM_Accumulated>, "[1]">:$dloss);
  let results = (outs Res<3DTensorOf<XLSTM_Inputs>, "[B, T, V]">:$dlogits);
  let assemblyFormat = [{
    $logits `,` $targets `,` $dloss attr-dict `:` type($logits) `,` type($targets) `,` type($dloss)
  }];
  let hasVerifier = 1;
}

#endif // XLSTM_DIALECT_XLSTM_IR_LAYERGRADIENTOPS_TD
