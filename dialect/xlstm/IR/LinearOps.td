// SPDX-License-Identifier: Apache-2.0
// Products with weights, and what is computed from their elements on the way in and out.
#ifndef XLSTM_DIALECT_XLSTM_IR_LINEAROPS_TD
#define XLSTM_DIALECT_XLSTM_IR_LINEAROPS_TD

include "dialect/xlstm/IR/XLSTMOpBase.td"

def XLSTM_LinearOp : XLSTM_Op<"linear", [
    Pure, AttrSizedOperandSegments, IsolatedFromAbove, SingleBlock,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>
  ]> {
  let summary = "products of x with weights, with functions of their elements before and after";
  let description = [{
    Linear layers with what stands around them in a block: bias, residual, activation, a product of
    two layers, a norm. For each row m of x (all leading axes together are one number) and each
    column n:

    ```
    x^[m, k]   = x[m, k], or with a norm that of row m as xlstm.norm without a weight gives it
    x'[m, k]   = prologue(x^[m, k], x_elems[m, k], x_rows[m], x_cols[k])
    acc_w[m, n] = sum_k x'[m, k] * weight_w[n, k]                       for each weight w
    y_r[m, n]  = epilogue(acc_0[m, n], .., elems[m, n], rows[m], cols[n])
    ```

    | tensor | shape | argument of a region |
    |---|---|---|
    | `x` | [.., K] | the first of the prologue |
    | `x_elems`, `x_rows`, `x_cols` | [.., K], [..], [K] | the next of the prologue, in this order |
    | `weights` | [N, K], out by in as checkpoints store them | the first of the epilogue: the sums |
    | `elems`, `rows`, `cols` | [.., N], [..], [N] | the next of the epilogue, in this order |
    | results | [.., N] | what the epilogue yields |

    The leading axes `..` are those of x, one at least, of static or dynamic extents. The regions
    compute scalars of the accumulation type (f64 for f64 inputs, otherwise f32) and end in
    `xlstm.yield outputs(..)`. Without a prologue x' = x^; without an epilogue there is a result for
    each weight, y_w = acc_w. Kernels round x' to the type of x before they multiply. With
    `transposed` weights are [K, N], in by out, and `acc_w[m, n] = sum_k x'[m, k] weight_w[k, n]`.

    Constraints:
    * `linear_c1`: x has a leading axis; K and N are static and at least 1.
    * `linear_c2`: there is a weight; each is [N, K], with `transposed` [K, N], and has the element
      type of x, or f16 or bf16 where x is f32 (multiplied in f32; on CPUs only).
    * `linear_c3`: x_elems are [.., K], x_rows [..], x_cols [K]; elems are [.., N], rows [..],
      cols [N]; all with the leading extents of x.
    * `linear_c4`: there is a result; each is [.., N].
    * `linear_c5`: all tensors are f64, or none is.
    * `linear_c6`: x_elems, x_rows and x_cols need a prologue; elems, rows and cols an epilogue.
      Without an epilogue there are as many results as weights.
    * `linear_c7`: a region has one argument of the accumulation type for each tensor in the table
      above; the prologue yields one value, the epilogue one for each result, of that type.
    * `linear_c8`: the ops of a region are those that the region of `xlstm.scan` may have.
    * `linear_c9`: eps of the norm is finite and not negative; `norm` and `norm_eps` come together.

    Example: SiLU(x W_gate^T) * (x W_up^T), the first half of a SwiGLU layer, and its second half
    with the residual.

    ```mlir
    func.func @feed_forward(
        %x: tensor<?x?x512xbf16>, %gate: tensor<1344x512xbf16>, %up: tensor<1344x512xbf16>,
        %down: tensor<512x1344xbf16>, %residual: tensor<?x?x512xf32>) -> tensor<?x?x512xf32> {
      %inner = xlstm.linear %x weights(%gate, %up : tensor<1344x512xbf16>, tensor<1344x512xbf16>)
          epilogue {
      ^bb0(%g: f32, %u: f32):
        %s = xlstm.sigmoid %g : f32
        %silu = arith.mulf %g, %s : f32
        %y = arith.mulf %silu, %u : f32
        xlstm.yield outputs(%y : f32)
      } : tensor<?x?x512xbf16> -> tensor<?x?x1344xbf16>
      %y = xlstm.linear %inner weights(%down : tensor<512x1344xbf16>)
          elems(%residual : tensor<?x?x512xf32>) epilogue {
      ^bb0(%acc: f32, %r: f32):
        %sum = arith.addf %acc, %r : f32
        xlstm.yield outputs(%sum : f32)
      } : tensor<?x?x1344xbf16> -> tensor<?x?x512xf32>
      return %y : tensor<?x?x512xf32>
    }
    ```

    With a prologue: the output gate of a cell before its output projection.

    ```mlir
    func.func @out_projection(
        %h: tensor<?x?x512xbf16>, %o: tensor<?x?x512xbf16>, %w: tensor<256x512xbf16>)
        -> tensor<?x?x256xbf16> {
      %y = xlstm.linear %h x_elems(%o : tensor<?x?x512xbf16>) weights(%w : tensor<256x512xbf16>)
          prologue {
      ^bb0(%ht: f32, %ot: f32):
        %s = xlstm.sigmoid %ot : f32
        %gated = arith.mulf %ht, %s : f32
        xlstm.yield outputs(%gated : f32)
      } : tensor<?x?x512xbf16> -> tensor<?x?x256xbf16>
      return %y : tensor<?x?x256xbf16>
    }
    ```

    With a norm and its weight:

    ```mlir
    func.func @norm_and_projection(
        %x: tensor<?x?x512xf32>, %weight: tensor<512xf32>, %w: tensor<256x512xf32>)
        -> tensor<?x?x256xf32> {
      %y = xlstm.linear %x norm(rms eps 1.0e-6) x_cols(%weight : tensor<512xf32>)
          weights(%w : tensor<256x512xf32>) prologue {
      ^bb0(%n: f32, %factor: f32):
        %scaled = arith.mulf %n, %factor : f32
        xlstm.yield outputs(%scaled : f32)
      } : tensor<?x?x512xf32> -> tensor<?x?x256xf32>
      return %y : tensor<?x?x256xf32>
    }
    ```
  }];

  let arguments = (ins
    Arg<RankedTensorOf<XLSTM_Inputs>, "[.., K]">:$x,
    Arg<Variadic<RankedTensorOf<XLSTM_Inputs>>, "elements beside those of x, [.., K]">:$x_elems,
    Arg<Variadic<RankedTensorOf<XLSTM_Inputs>>, "a value for each row of x, [..]">:$x_rows,
    Arg<Variadic<1DTensorOf<XLSTM_Inputs>>, "a value for each column of x, [K]">:$x_cols,
    Arg<Variadic<2DTensorOf<XLSTM_Inputs>>, "out by in, [N, K]">:$weights,
    Arg<Variadic<RankedTensorOf<XLSTM_Inputs>>, "elements beside the sums, [.., N]">:$elems,
    Arg<Variadic<RankedTensorOf<XLSTM_Inputs>>, "a value for each row, [..]">:$rows,
    Arg<Variadic<1DTensorOf<XLSTM_Inputs>>, "a value for each column, [N]">:$cols,
    UnitAttr:$transposed,
    OptionalAttr<XLSTM_NormKindAttr>:$norm,
    OptionalAttr<F64Attr>:$norm_eps);
  let results = (outs
    Res<Variadic<RankedTensorOf<XLSTM_Inputs>>, "what the epilogue yields, [.., N]">:$outputs);
  let regions = (region AnyRegion:$prologue, AnyRegion:$epilogue);

  let assemblyFormat = [{
    (`transposed` $transposed^)? $x (`norm` `(` custom<NormKind>($norm) `eps` $norm_eps^ `)`)?
    (`x_elems` `(` $x_elems^ `:` type($x_elems) `)`)?
    (`x_rows` `(` $x_rows^ `:` type($x_rows) `)`)?
    (`x_cols` `(` $x_cols^ `:` type($x_cols) `)`)?
    `weights` `(` $weights `:` type($weights) `)`
    (`elems` `(` $elems^ `:` type($elems) `)`)? (`rows` `(` $rows^ `:` type($rows) `)`)?
    (`cols` `(` $cols^ `:` type($cols) `)`)? attr-dict-with-keyword
    (`prologue` $prologue^)? (`epilogue` $epilogue^)? `:` type($x) `->` type($outputs)
  }];

  let skipDefaultBuilders = 1;
  let builders = [
    // A body gets the arguments of its region and returns what the region yields; without a body
    // there is no region.
    OpBuilder<(ins "const ::mlir::xlstm::LinearOperands &":$operands,
                   "::mlir::TypeRange":$outputs,
                   CArg<"::mlir::xlstm::LinearBody", "nullptr">:$epilogue,
                   CArg<"::mlir::xlstm::LinearBody", "nullptr">:$prologue)>,
    // The same with regions that are made elsewhere, with or without blocks.
    OpBuilder<(ins "const ::mlir::xlstm::LinearOperands &":$operands,
                   "::mlir::TypeRange":$outputs, "::mlir::Region &&":$prologue,
                   "::mlir::Region &&":$epilogue)>
  ];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let hasCanonicalizeMethod = 1;

  let extraClassDeclaration = [{
    /// K and N.
    int64_t getInputFeatures() {
      return ::llvm::cast<::mlir::RankedTensorType>(getX().getType()).getShape().back();
    }
    int64_t getOutputFeatures() {
      return ::llvm::cast<::mlir::RankedTensorType>(getOutputs()[0].getType()).getShape().back();
    }
    /// The number of leading axes.
    int64_t getLeadingRank() {
      return ::llvm::cast<::mlir::RankedTensorType>(getX().getType()).getRank() - 1;
    }
    ::mlir::xlstm::LinearOperands getLinearOperands();
    /// The type of sums and of the regions' scalars: f64 for f64 tensors, otherwise f32.
    ::mlir::Type getAccumulationType();
    bool hasPrologue() { return !getPrologue().empty(); }
    bool hasEpilogue() { return !getEpilogue().empty(); }
  }];
}

def XLSTM_WeightGradOp : XLSTM_Op<"weight_grad", [Pure]> {
  let summary = "sum over rows of y x^T: the gradient of the weight of a linear layer";
  let description = [{
    All leading axes together are one number m:

    ```
    result[n, k] = sum_m y[m, n] * x[m, k]
    ```

    With y the gradient of the sums of `xlstm.linear` and x its input, this is the gradient of the
    weight.

    Constraints:
    * `weight_grad_c1`: y is [.., N] and x is [.., K] with the same leading axes, one at least; N and
      K are static and at least 1.
    * `weight_grad_c2`: y has the element type of x. The result is [N, K]; it is f64 exactly if x is.

    Example:

    ```mlir
    func.func @gradient_of_w(%dy: tensor<?x?x64xf32>, %x: tensor<?x?x32xf32>) -> tensor<64x32xf32> {
      %dw = xlstm.weight_grad %dy, %x
          : tensor<?x?x64xf32>, tensor<?x?x32xf32> -> tensor<64x32xf32>
      return %dw : tensor<64x32xf32>
    }
    ```
  }];
  let arguments = (ins
    Arg<RankedTensorOf<XLSTM_Inputs>, "[.., N]">:$y,
    Arg<RankedTensorOf<XLSTM_Inputs>, "[.., K]">:$x);
  let results = (outs Res<2DTensorOf<XLSTM_Inputs>, "[N, K]">:$result);
  let assemblyFormat = "$y `,` $x attr-dict `:` type($y) `,` type($x) `->` type($result)";
  let hasVerifier = 1;
}

#endif // XLSTM_DIALECT_XLSTM_IR_LINEAROPS_TD
