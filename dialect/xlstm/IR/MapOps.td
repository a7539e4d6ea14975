// SPDX-License-Identifier: Apache-2.0
// Elementwise functions of whole tensors.
#ifndef XLSTM_DIALECT_XLSTM_IR_MAPOPS_TD
#define XLSTM_DIALECT_XLSTM_IR_MAPOPS_TD

include "dialect/xlstm/IR/XLSTMOpBase.td"

defvar XLSTM_MapTensor = TensorRankOf<XLSTM_Inputs, [1, 2, 3, 4, 5]>;

def XLSTM_MapOp : XLSTM_Op<"map", [Pure, IsolatedFromAbove, SingleBlock]> {
  let summary = "elementwise function of tensors, given as a region";
  let description = [{
    Every element of the results is a function, the region, of the elements of the inputs at the
    same place, as scalars of the accumulation type:

    ```
    results[.., d] = region(inputs[.., d])
    ```

    An input may have fewer axes than the results: it stands for the last ones and is the same
    along all others. So a bias or a weight [D] meets activations [B, T, D].

    The ops of the region are those of `xlstm.scan`. Residual sums, biases, SiLU, GELU, gates and
    soft-caps are all this op; nothing else in the dialect is elementwise.

    Constraints:
    * `map_c1`: there is a result; all results have one shape, and an input has it too.
    * `map_c2`: every input has the last axes of that shape. A dynamic extent agrees with any.
    * `map_c3`: all tensors are f64, or none is. The region has one argument of the accumulation
      type for each input.
    * `map_c4`: `xlstm.yield` gives one output for each result, of the accumulation type, and no
      states.
    * `map_c5`: the ops of the region are those that `xlstm.scan` allows.

    Example: `x + b`, and SiLU(g) u, of which the product also goes on in bf16.

    ```mlir
    func.func @add_bias(%x: tensor<?x?x64xf32>, %b: tensor<64xf32>) -> tensor<?x?x64xf32> {
      %y = xlstm.map %x, %b : tensor<?x?x64xf32>, tensor<64xf32> -> tensor<?x?x64xf32> {
      ^bb0(%0: f32, %1: f32):
        %2 = arith.addf %0, %1 : f32
        xlstm.yield outputs(%2 : f32)
      }
      return %y : tensor<?x?x64xf32>
    }

    func.func @gated(%gate: tensor<?x?x64xbf16>, %up: tensor<?x?x64xbf16>) -> tensor<?x?x64xbf16> {
      %y = xlstm.map %gate, %up
          : tensor<?x?x64xbf16>, tensor<?x?x64xbf16> -> tensor<?x?x64xbf16> {
      ^bb0(%g: f32, %u: f32):
        %0 = xlstm.sigmoid %g : f32
        %1 = arith.mulf %g, %0 : f32
        %2 = arith.mulf %1, %u : f32
        xlstm.yield outputs(%2 : f32)
      }
      return %y : tensor<?x?x64xbf16>
    }
    ```
  }];
  let arguments = (ins Arg<Variadic<XLSTM_MapTensor>, "[.., D], or its last axes">:$inputs);
  let results = (outs Res<Variadic<XLSTM_MapTensor>, "[.., D]">:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let skipDefaultBuilders = 1;
  let builders = [
    // `body` gives the outputs from the scalars of the inputs; the builder makes xlstm.yield.
    OpBuilder<(ins "::mlir::TypeRange":$outputs, "::mlir::ValueRange":$inputs,
      "::llvm::function_ref<::mlir::SmallVector<::mlir::Value>(::mlir::OpBuilder &, ::mlir::Location, ::mlir::ValueRange)>":$body)>
  ];
  let assemblyFormat = "$inputs attr-dict `:` type($inputs) `->` type($outputs) $body";
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let hasCanonicalizeMethod = 1;
  let extraClassDeclaration = [{
    /// The type of the region's scalars: f64 for f64 tensors, otherwise f32.
    ::mlir::Type getAccumulationType();
    /// The type of the first result: its shape is that of all.
    ::mlir::RankedTensorType getShapeType() {
      return ::llvm::cast<::mlir::RankedTensorType>(getResult(0).getType());
    }
    /// Whether an input has all axes of the results.
    bool isFull(unsigned input) {
      return ::llvm::cast<::mlir::RankedTensorType>(getInputs()[input].getType()).getRank() ==
             getShapeType().getRank();
    }
    ::mlir::Block &getBlock() { return getBody().front(); }
    ::mlir::xlstm::YieldOp getYield();
  }];
}

#endif // XLSTM_DIALECT_XLSTM_IR_MAPOPS_TD
