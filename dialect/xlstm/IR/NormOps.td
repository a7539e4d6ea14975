// SPDX-License-Identifier: Apache-2.0
// Norms: of a whole row, before a block's layers, and of each head by itself, after a cell.
#ifndef XLSTM_DIALECT_XLSTM_IR_NORMOPS_TD
#define XLSTM_DIALECT_XLSTM_IR_NORMOPS_TD

include "dialect/xlstm/IR/XLSTMOpBase.td"

def XLSTM_MultiheadNormOp : XLSTM_Op<"multihead_norm", [
    Pure, AttrSizedOperandSegments, IsolatedFromAbove, SingleBlock,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>
  ]> {
  let summary = "layer norm or RMS norm of each head by itself";
  let description = [{
    For each token and head, over the D units of the head:

    ```
    layer   y = (x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps) * weight
    rms     y = x / sqrt(mean(x^2) + eps) * weight
    ```

    The weight [H, D] is one where it is absent. With `eps = 0`, y does not depend on a positive
    factor of x: the gradient through the normaliser of an mLSTM cell vanishes
    (`normalizer_grad = dropped` is exact there).

    With an epilogue the result is what it makes of y and of the elements beside it: a residual, a
    product with the output gate. It computes scalars of the accumulation type and ends in
    `xlstm.yield outputs(..)`.

    Constraints:
    * `multihead_norm_c1`: H and D are static and at least 1.
    * `multihead_norm_c2`: the weight is [H, D] of the accumulation type or, where that is f32, of 16 bits.
    * `multihead_norm_c3`: eps is finite and not negative.
    * `multihead_norm_c4`: elems are [B, T, H, D] as x, need an epilogue, and are f64 exactly if x is.
    * `multihead_norm_c5`: the epilogue has an argument of the accumulation type for y and one for
      each of elems, and yields one value of that type.
    * `multihead_norm_c6`: its ops are those that the region of `xlstm.scan` may have.
    * `multihead_norm_c7`: the result has the shape of x, and is f64 exactly if x is. A result of the
      type of x is not written.

    Example:

    ```mlir
    func.func @norm(%h: tensor<?x?x4x64xbf16>, %weight: tensor<4x64xf32>) -> tensor<?x?x4x64xbf16> {
      %y = xlstm.multihead_norm layer %h weight(%weight : tensor<4x64xf32>) eps 1.0e-5
          : tensor<?x?x4x64xbf16>
      return %y : tensor<?x?x4x64xbf16>
    }
    ```

    With the output gate:

    ```mlir
    func.func @norm_and_output_gate(%h: tensor<?x?x4x64xbf16>, %o: tensor<?x?x4x64xbf16>) -> tensor<?x?x4x64xbf16> {
      %y = xlstm.multihead_norm layer %h elems(%o : tensor<?x?x4x64xbf16>) eps 1.0e-6 epilogue {
      ^bb0(%n: f32, %gate: f32):
        %s = xlstm.sigmoid %gate : f32
        %gated = arith.mulf %n, %s : f32
        xlstm.yield outputs(%gated : f32)
      } : tensor<?x?x4x64xbf16>
      return %y : tensor<?x?x4x64xbf16>
    }
    ```
  }];
  let arguments = (ins
    XLSTM_NormKindAttr:$kind,
    Arg<4DTensorOf<XLSTM_Inputs>, "[B, T, H, D]">:$x,
    Arg<Optional<2DTensorOf<XLSTM_Inputs>>, "[H, D]">:$weight,
    Arg<Variadic<4DTensorOf<XLSTM_Inputs>>, "elements beside those of y, [B, T, H, D]">:$elems,
    F64Attr:$eps);
  let results = (outs Res<4DTensorOf<XLSTM_Inputs>, "[B, T, H, D]">:$result);
  let regions = (region AnyRegion:$epilogue);
  let assemblyFormat = [{
    custom<NormKind>($kind) $x (`weight` `(` $weight^ `:` type($weight) `)`)?
    (`elems` `(` $elems^ `:` type($elems) `)`)?
    `eps` $eps attr-dict (`epilogue` $epilogue^)? `:` custom<NormTypes>(type($x), type($result))
  }];
  let skipDefaultBuilders = 1;
  let builders = [
    OpBuilder<(ins "::mlir::Type":$type, "::mlir::xlstm::NormKind":$kind, "::mlir::Value":$x,
                   "::mlir::Value":$weight, "const ::llvm::APFloat &":$eps,
                   CArg<"::mlir::ValueRange", "{}">:$elems)>
  ];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    bool hasEpilogue() { return !getEpilogue().empty(); }
  }];
}

def XLSTM_MultiheadNormBackwardOp : XLSTM_Op<"multihead_norm_backward", [
    Pure, AllTypesMatch<["x", "dy", "dx"]>]> {
  let summary = "gradients of xlstm.multihead_norm";
  let description = [{
    With `g = dy * weight`, `x^ = (x - mean(x)) / sd` (`rms`: `x / sd`) and sd the denominator of
    the norm:

    ```
    layer   dx = (g - mean(g) - x^ mean(g x^)) / sd
    rms     dx = (g - x^ mean(g x^)) / sd
    dweight[h, d] = sum_{b, t} dy x^                                      present iff weight is
    ```

    Constraints:
    * `multihead_norm_backward_c1`: those of `xlstm.multihead_norm`.
    * `multihead_norm_backward_c2`: there is a result dweight, of the type of the weight, exactly if
      there is a weight.

    Example:

    ```mlir
    func.func @norm_backward(%h: tensor<?x?x4x64xf32>, %dy: tensor<?x?x4x64xf32>)
        -> tensor<?x?x4x64xf32> {
      %dx = xlstm.multihead_norm_backward rms %h, %dy eps 1.0e-6 : tensor<?x?x4x64xf32>
      return %dx : tensor<?x?x4x64xf32>
    }
    ```
  }];
  let arguments = (ins
    XLSTM_NormKindAttr:$kind,
    Arg<4DTensorOf<XLSTM_Inputs>, "input of the norm, [B, T, H, D]">:$x,
    Arg<4DTensorOf<XLSTM_Inputs>, "gradient of its result, [B, T, H, D]">:$dy,
    Arg<Optional<2DTensorOf<XLSTM_Accumulated>>, "[H, D]">:$weight,
    F64Attr:$eps);
  let results = (outs
    Res<4DTensorOf<XLSTM_Inputs>, "[B, T, H, D]">:$dx,
    Res<Optional<2DTensorOf<XLSTM_Accumulated>>, "[H, D]">:$dweight);
  let assemblyFormat = [{
    custom<NormKind>($kind) $x `,` $dy (`weight` `(` $weight^ `:` type($weight) `)`)?
    `eps` $eps attr-dict `:` type($x) (`,` type($dweight)^)?
  }];
  let hasVerifier = 1;
}

def XLSTM_NormOp : XLSTM_Op<"norm", [Pure]> {
  let summary = "layer norm or RMS norm over the last axis";
  let description = [{
    For each row of D elements, the last axis of x:

    ```
    layer   y = (x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps) * weight
    rms     y = x / sqrt(mean(x^2) + eps) * weight
    ```

    The weight [D] is one where it is absent. Models that store w for a factor 1 + w have an
    `xlstm.map` in front of it.

    Constraints:
    * `norm_c1`: D is static and at least 1.
    * `norm_c2`: the weight is [D] of the accumulation type or, where that is f32, of 16 bits.
    * `norm_c3`: eps is finite and not negative.
    * `norm_c4`: the result has the shape of x, and is f64 exactly if x is. A result of the type of x is
      not written.

    Example: of activations in bf16, and of a residual stream in f32 what a product reads.

    ```mlir
    func.func @row_norm(%x: tensor<?x?x256xbf16>, %weight: tensor<256xf32>) -> tensor<?x?x256xbf16> {
      %y = xlstm.norm rms %x weight(%weight : tensor<256xf32>) eps 1.0e-6 : tensor<?x?x256xbf16>
      return %y : tensor<?x?x256xbf16>
    }

    func.func @norm_of_stream(%x: tensor<?x?x256xf32>) -> tensor<?x?x256xbf16> {
      %y = xlstm.norm rms %x eps 1.0e-6 : tensor<?x?x256xf32> -> tensor<?x?x256xbf16>
      return %y : tensor<?x?x256xbf16>
    }
    ```
  }];
  let arguments = (ins
    XLSTM_NormKindAttr:$kind,
    Arg<TensorRankOf<XLSTM_Inputs, [1, 2, 3, 4]>, "[.., D]">:$x,
    Arg<Optional<1DTensorOf<XLSTM_Inputs>>, "[D]">:$weight,
    F64Attr:$eps);
  let results = (outs Res<TensorRankOf<XLSTM_Inputs, [1, 2, 3, 4]>, "[.., D]">:$result);
  let assemblyFormat = [{
    custom<NormKind>($kind) $x (`weight` `(` $weight^ `:` type($weight) `)`)?
    `eps` $eps attr-dict `:` custom<NormTypes>(type($x), type($result))
  }];
  let hasVerifier = 1;
}

def XLSTM_NormBackwardOp : XLSTM_Op<"norm_backward", [Pure, AllTypesMatch<["x", "dy", "dx"]>]> {
  let summary = "gradients of xlstm.norm";
  let description = [{
    With `g = dy * weight`, `x^ = (x - mean(x)) / sd` (`rms`: `x / sd`) and sd the denominator of
    the norm:

    ```
    layer   dx = (g - mean(g) - x^ mean(g x^)) / sd
    rms     dx = (g - x^ mean(g x^)) / sd
    dweight[d] = sum over rows of dy x^                                   present iff weight is
    ```

    Constraints:
    * `norm_backward_c1`: those of `xlstm.norm`.
    * `norm_backward_c2`: there is a result dweight, of the type of the weight, exactly if there is
      a weight.

    Example:

    ```mlir
    func.func @row_norm_backward(%x: tensor<?x?x256xf32>, %dy: tensor<?x?x256xf32>,
                                 %weight: tensor<256xf32>) -> tensor<256xf32> {
      %dx, %dweight = xlstm.norm_backward layer %x, %dy weight(%weight : tensor<256xf32>) eps 1.0e-5
          : tensor<?x?x256xf32>, tensor<256xf32>
      return %dweight : tensor<256xf32>
    }
    ```
  }];
  let arguments = (ins
    XLSTM_NormKindAttr:$kind,
    Arg<TensorRankOf<XLSTM_Inputs, [1, 2, 3, 4]>, "input of the norm, [.., D]">:$x,
    Arg<TensorRankOf<XLSTM_Inputs, [1, 2, 3, 4]>, "gradient of its result, [.., D]">:$dy,
    Arg<Optional<1DTensorOf<XLSTM_Accumulated>>, "[D]">:$weight,
    F64Attr:$eps);
  let results = (outs
    Res<TensorRankOf<XLSTM_Inputs, [1, 2, 3, 4]>, "[.., D]">:$dx,
    Res<Optional<1DTensorOf<XLSTM_Accumulated>>, "[D]">:$dweight);
  let assemblyFormat = [{
    custom<NormKind>($kind) $x `,` $dy (`weight` `(` $weight^ `:` type($weight) `)`)?
    `eps` $eps attr-dict `:` type($x) (`,` type($dweight)^)?
  }];
  let hasVerifier = 1;
}

#endif // XLSTM_DIALECT_XLSTM_IR_NORMOPS_TD
