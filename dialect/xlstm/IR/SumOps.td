// SPDX-License-Identifier: Apache-2.0
// Sums over tokens: the gradients of what all tokens of a recurrence share.
#ifndef XLSTM_DIALECT_XLSTM_IR_SUMOPS_TD
#define XLSTM_DIALECT_XLSTM_IR_SUMOPS_TD

include "dialect/xlstm/IR/XLSTMOpBase.td"

def XLSTM_OuterSumOp : XLSTM_Op<"outer_sum", [Pure, AttrSizedOperandSegments]> {
  let summary = "sum over tokens of x_t y_{t-1}^T: the gradient of recurrent matrices";
  let description = [{
    For each channel p that is asked for and each head h:

    ```
    result[p, h, o, i] = sum_{b, t} x[b, t, channels[p], h, o] * y_{t-1}[b, h, i]
    ```

    `y_{t-1}` is what `previous` of `xlstm.scan` reads: the element of the token before; at the
    first token of a sequence the initial value (zero if absent); zero where `reset[b, t] != 0`.
    With x the gradients of gates and y the states h of a recurrent cell, the result is the gradient
    of R.

    Constraints:
    * `outer_sum_c1`: x is [B, T, K, H, D], y is [B, T, H, D]; K, H and D are static and at least 1.
    * `outer_sum_c2`: each channel is at least 0 and less than K; there is at least one.
    * `outer_sum_c3`: the initial value is [S, H, D] of the type of x, S = B, or N with
      `cu_seqlens`.
    * `outer_sum_c4`: `cu_seqlens` is [N + 1] with N >= 0, and B is 1. `reset` is [B, T].
    * `outer_sum_c5`: the result is [P, H, D, D], P the number of channels.

    Example:

    ```mlir
    func.func @gradient_of_r(
        %dgates: tensor<?x?x4x2x16xf32>, %h: tensor<?x?x2x16xf32>, %h0: tensor<?x2x16xf32>)
        -> tensor<3x2x16x16xf32> {
      %dr = xlstm.outer_sum %dgates [0, 1, 3] previous(%h from %h0)
          : tensor<?x?x4x2x16xf32>, tensor<?x?x2x16xf32>, tensor<?x2x16xf32> -> tensor<3x2x16x16xf32>
      return %dr : tensor<3x2x16x16xf32>
    }
    ```
  }];
  let arguments = (ins
    Arg<TensorRankOf<XLSTM_Accumulated, [5]>, "left factors, [B, T, K, H, D]">:$x,
    Arg<4DTensorOf<XLSTM_Inputs>, "right factors, [B, T, H, D]">:$y,
    Arg<Optional<3DTensorOf<XLSTM_Accumulated>>, "y before the first token, [S, H, D]">:$y0,
    Arg<XLSTM_CuSeqlens, "first token of each sequence, then T, [N + 1]">:$cu_seqlens,
    Arg<XLSTM_Reset, "where y before the token counts as zero, [B, T]">:$reset,
    DenseI64ArrayAttr:$channels);
  let results = (outs Res<4DTensorOf<XLSTM_Inputs>, "sums, [P, H, D, D]">:$result);
  let assemblyFormat = [{
    $x $channels `previous` `(` $y (`from` $y0^)? `)`
    (`cu_seqlens` `(` $cu_seqlens^ `:` type($cu_seqlens) `)`)?
    (`reset` `(` $reset^ `:` type($reset) `)`)? attr-dict
    `:` type($x) `,` type($y) (`,` type($y0)^)? `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getHeads() { return getY().getType().getDimSize(2); }
    int64_t getHeadSize() { return getY().getType().getDimSize(3); }
  }];
}

def XLSTM_TimeSumOp : XLSTM_Op<"time_sum", [Pure]> {
  let summary = "sum over all tokens: the gradient of what is the same at every token";
  let description = [{
    ```
    result[k, h, d] = sum_{b, t} x[b, t, k, h, d]          x may also be [B, T, H, D]
    ```

    Constraints:
    * `time_sum_c1`: the result has the extents of x from the third on; they are static.
    * `time_sum_c2`: the result has the element type of x.

    Example:

    ```mlir
    func.func @gradient_of_b(%dgates: tensor<?x?x4x2x16xf32>) -> tensor<4x2x16xf32> {
      %db = xlstm.time_sum %dgates : tensor<?x?x4x2x16xf32> -> tensor<4x2x16xf32>
      return %db : tensor<4x2x16xf32>
    }
    ```
  }];
  let arguments = (ins Arg<TensorRankOf<XLSTM_Accumulated, [4, 5]>, "[B, T, (K,) H, D]">:$x);
  let results = (outs Res<TensorRankOf<XLSTM_Accumulated, [2, 3]>, "[(K,) H, D]">:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

#endif // XLSTM_DIALECT_XLSTM_IR_SUMOPS_TD
