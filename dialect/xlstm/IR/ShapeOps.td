// SPDX-License-Identifier: Apache-2.0
// Ops that move elements without computing anything.
#ifndef XLSTM_DIALECT_XLSTM_IR_SHAPEOPS_TD
#define XLSTM_DIALECT_XLSTM_IR_SHAPEOPS_TD

include "dialect/xlstm/IR/XLSTMOpBase.td"

defvar XLSTM_AnyElement = [F16, BF16, F32, F64, I32];
defvar XLSTM_ShapedTensor = TensorRankOf<XLSTM_AnyElement, [1, 2, 3, 4, 5]>;

def XLSTM_ReshapeOp : XLSTM_Op<"reshape", [Pure]> {
  let summary = "the same elements, in the same order, with other axes";
  let description = [{
    Row-major order stays: static axes are split and joined, such as [B, T, H D] and [B, T, H, D].
    Dynamic extents stay as they are, in their order, so the op needs no run-time sizes. No element
    moves in memory.

    Constraints:
    * `reshape_c1`: both tensors have the same element type.
    * `reshape_c2`: they have the same number of dynamic extents, and the products of their static
      extents are equal.

    Example: heads, and a batch of single tokens.

    ```mlir
    func.func @heads(%x: tensor<?x?x256xf32>, %tokens: tensor<?xi32>)
        -> (tensor<?x?x4x64xf32>, tensor<?x1xi32>) {
      %y = xlstm.reshape %x : tensor<?x?x256xf32> -> tensor<?x?x4x64xf32>
      %t = xlstm.reshape %tokens : tensor<?xi32> -> tensor<?x1xi32>
      return %y, %t : tensor<?x?x4x64xf32>, tensor<?x1xi32>
    }
    ```
  }];
  let arguments = (ins Arg<XLSTM_ShapedTensor, "elements">:$x);
  let results = (outs Res<XLSTM_ShapedTensor, "the same elements">:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def XLSTM_SplitOp : XLSTM_Op<"split", [Pure]> {
  let summary = "cuts the last axis into parts";
  let description = [{
    ```
    parts[j][.., d] = x[.., D_0 + .. + D_{j-1} + d]
    ```

    The inverse of `xlstm.concat`.

    Constraints:
    * `split_c1`: there is a part; all have the element type and the leading axes of x.
    * `split_c2`: the last axes are static, and those of the parts add up to that of x.

    Example:

    ```mlir
    func.func @halves(%x: tensor<?x?x128xf32>) -> tensor<?x?x64xf32> {
      %a, %b = xlstm.split %x : tensor<?x?x128xf32> -> tensor<?x?x64xf32>, tensor<?x?x64xf32>
      return %b : tensor<?x?x64xf32>
    }
    ```
  }];
  let arguments = (ins Arg<XLSTM_ShapedTensor, "[.., D]">:$x);
  let results = (outs Res<Variadic<XLSTM_ShapedTensor>, "[.., D_j]">:$parts);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($parts)";
  let hasVerifier = 1;
}

def XLSTM_ConcatOp : XLSTM_Op<"concat", [Pure]> {
  let summary = "joins tensors along the last axis";
  let description = [{
    ```
    result[.., D_0 + .. + D_{j-1} + d] = parts[j][.., d]
    ```

    The inverse of `xlstm.split`.

    Constraints:
    * `concat_c1`: there is a part; all have the element type and the leading axes of the result.
    * `concat_c2`: the last axes are static, and those of the parts add up to that of the result.

    Example:

    ```mlir
    func.func @join(%q: tensor<?x?x64xf32>, %v: tensor<?x?x32xf32>) -> tensor<?x?x96xf32> {
      %y = xlstm.concat %q, %v : tensor<?x?x64xf32>, tensor<?x?x32xf32> -> tensor<?x?x96xf32>
      return %y : tensor<?x?x96xf32>
    }
    ```
  }];
  let arguments = (ins Arg<Variadic<XLSTM_ShapedTensor>, "[.., D_j]">:$parts);
  let results = (outs Res<XLSTM_ShapedTensor, "[.., D]">:$result);
  let assemblyFormat = "$parts attr-dict `:` type($parts) `->` type($result)";
  let hasVerifier = 1;
}

def XLSTM_PermuteOp : XLSTM_Op<"permute", [Pure]> {
  let summary = "axes in another order";
  let description = [{
    Axis j of the result is axis `order[j]` of x. For weights that a checkpoint stores in another
    order than the op that reads them.

    Constraints:
    * `permute_c1`: the order names every axis of x once.
    * `permute_c2`: the result has the extents of x in that order, and its element type.

    Example: recurrent matrices [H, Din, G, Dout] as `xlstm.scan` reads them, [G, H, Dout, Din].

    ```mlir
    func.func @recurrent(%r: tensor<4x16x3x16xf32>) -> tensor<3x4x16x16xf32> {
      %0 = xlstm.permute %r [2, 0, 3, 1] : tensor<4x16x3x16xf32> -> tensor<3x4x16x16xf32>
      return %0 : tensor<3x4x16x16xf32>
    }
    ```
  }];
  let arguments = (ins Arg<XLSTM_ShapedTensor, "elements">:$x, DenseI64ArrayAttr:$order);
  let results = (outs Res<XLSTM_ShapedTensor, "the same elements">:$result);
  let assemblyFormat = "$x $order attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def XLSTM_LastTokenOp : XLSTM_Op<"last_token", [Pure]> {
  let summary = "the last token of each sequence";
  let description = [{
    ```
    result[b, ..] = x[b, T - 1, ..]
    ```

    T = 0 is an error in the interpreter; kernels give zeros.

    Constraints:
    * `last_token_c1`: x is [B, T, ..] and the result is [B, ..] of its element type.

    Example:

    ```mlir
    func.func @last(%x: tensor<?x?x64xf32>) -> tensor<?x64xf32> {
      %y = xlstm.last_token %x : tensor<?x?x64xf32> -> tensor<?x64xf32>
      return %y : tensor<?x64xf32>
    }
    ```
  }];
  let arguments = (ins Arg<TensorRankOf<XLSTM_AnyElement, [3, 4, 5]>, "[B, T, ..]">:$x);
  let results = (outs Res<TensorRankOf<XLSTM_AnyElement, [2, 3, 4]>, "[B, ..]">:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

#endif // XLSTM_DIALECT_XLSTM_IR_SHAPEOPS_TD
