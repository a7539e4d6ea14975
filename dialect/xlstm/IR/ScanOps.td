// SPDX-License-Identifier: Apache-2.0
// Recurrences whose step is any pointwise function, and the scalar functions that it may use.
#ifndef XLSTM_DIALECT_XLSTM_IR_SCANOPS_TD
#define XLSTM_DIALECT_XLSTM_IR_SCANOPS_TD

include "dialect/xlstm/IR/XLSTMOpBase.td"
include "mlir/IR/RegionKindInterface.td"

def XLSTM_ScanOp : XLSTM_Op<"scan", [
    Pure, AttrSizedOperandSegments, AttrSizedResultSegments, IsolatedFromAbove, SingleBlock,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames", "getAsmBlockArgumentNames"]>
  ]> {
  let summary = "recurrence over tokens whose step is a pointwise function";
  let description = [{
    A recurrent cell with states of [H, D] per sequence (sLSTM, LSTM, GRU, any other; FlashRNN,
    arXiv 2412.07752), or the gradient of one. At each token the region computes new states and
    outputs, for each unit d of each head h separately, from scalars of the accumulation type:

    ```
    products   p_j[h, o] = sum_i r[j, h, o, i] * s0[h, i]           r: [P, H, D, D], s0: state 0
    outputs, states = region(products, sequences at t, previous at t - 1, constants, states)
    ```

    | role | tensor | arguments of the region |
    |---|---|---|
    | products | `recurrent` [P, H, D, D] | P; with `transposed` 1 |
    | sequences | [B, T, K, H, D] or [B, T, H, D] | K, or 1, each: the element at t |
    | previous | the same; initial [S, K, H, D] or [S, H, D] | K, or 1, each: the element at t - 1 |
    | constants | [K, H, D] or [H, D] | K, or 1, each |
    | states | initial values [S, H, D], zero if absent | one each: the states before the step |

    The arguments of the region come in this order. `xlstm.yield` gives the outputs, K for a result
    [B, T, K, H, D] and one for [B, T, H, D], and the states after the step. The last states are
    results; T = 0 returns the initial ones. S is B, or N with `cu_seqlens`.

    **Options.** They stand before the operands.
    * `reverse`: from the last token of each sequence to its first.
    * `transposed`: one product, `p[h, i] = sum_j sum_o r[j, h, o, i] * s_j[h, o]`, over the first P
      states. The gradient of the plain product has this form.
    * `step`: one token; no tensor has a T axis.
    * `recurrent_grad_clip x`, `recurrent_grad_cut`: change no value here. In the derived backward
      function, the gradient that reaches h through r is clipped to [-x, x], or cut off.
    * `state_names [..]`: what messages and tools call the states.

    **Sequences.** `cu_seqlens` and `reset` are as in `xlstm.mlstm`. Where `reset[b, t] != 0`, the
    states before step t are zero; with `reverse`, the states after step t are zero instead, on
    their way to t - 1. Which token is t - 1 does not depend on `reverse`. `previous` reads its
    initial value (zero if absent) at the first token of a sequence, and zero where
    `reset[b, t] != 0`.

    **Region.** One block of scalar ops: arith.addf, subf, mulf, divf, negf, maximumf, minimumf,
    maxnumf, minnumf, cmpf, select, constant; math.exp, log, tanh, erf, absf; xlstm.sigmoid, log_sigmoid,
    stop_gradient.

    Constraints:
    * `scan_c1`: there is a sequence, or with `step` an initial state; and there is a state or an
      output.
    * `scan_c2`: sequences, previous and outputs are [B, T, K, H, D] or [B, T, H, D], without T with
      `step`. K, H and D are static and at least 1, and all tensors agree on B, T, H and D.
    * `scan_c3`: previous values and their sequence agree: an initial value is [S, K, H, D] or
      [S, H, D].
    * `scan_c4`: constants are [K, H, D] or [H, D].
    * `scan_c5`: r is [P, H, D, D] with P at least 1. It has a state 0 to multiply, or P states with
      `transposed`.
    * `scan_c6`: initial states and last states are [S, H, D]; `none` stands for an initial state
      that is absent while another one is given. Names of states are as many as states.
    * `scan_c7`: all tensors are f64, or none is. Initial values, constants, states and the
      arguments of the region have the accumulation type: f64, or f32.
    * `scan_c8`: the region has one argument for each scalar in the table above.
    * `scan_c9`: `xlstm.yield` gives as many outputs and states as the results take, of the
      accumulation type.
    * `scan_c10`: the ops of the region are those listed above.
    * `scan_c11`: `cu_seqlens` is [N + 1] with N >= 0, and B is 1. `reset` is [B, T].
    * `scan_c12`: `step` takes no `reverse`, previous, `cu_seqlens` or `reset`.
    * `scan_c13`: `recurrent_grad_clip` is finite and positive. It and `recurrent_grad_cut` stand
      only with r.

    Example: the sum of all tokens up to t, and the Elman network `h' = tanh(wx + R h + b)`.

    ```mlir
    func.func @cumulative_sum(%x: tensor<?x?x4x16xf32>) -> tensor<?x?x4x16xf32> {
      %sums, %last = xlstm.scan sequences(%x : tensor<?x?x4x16xf32>) {
      ^bb0(%xt: f32, %sum: f32):
        %next = arith.addf %sum, %xt : f32
        xlstm.yield outputs(%next : f32) states(%next : f32)
      } -> outputs(tensor<?x?x4x16xf32>) states(tensor<?x4x16xf32>)
      return %sums : tensor<?x?x4x16xf32>
    }

    func.func @elman(
        %wx: tensor<?x?x1x4x16xbf16>, %r: tensor<1x4x16x16xbf16>, %b: tensor<1x4x16xf32>,
        %h0: tensor<?x4x16xf32>) -> (tensor<?x?x4x16xbf16>, tensor<?x4x16xf32>) {
      %hs, %last = xlstm.scan sequences(%wx : tensor<?x?x1x4x16xbf16>)
          constants(%b : tensor<1x4x16xf32>) recurrent(%r : tensor<1x4x16x16xbf16>)
          states(%h0 : tensor<?x4x16xf32>) {
      ^bb0(%rh: f32, %wxt: f32, %bias: f32, %h: f32):
        %0 = arith.addf %wxt, %rh : f32
        %1 = arith.addf %0, %bias : f32
        %next = math.tanh %1 : f32
        xlstm.yield outputs(%next : f32) states(%next : f32)
      } -> outputs(tensor<?x?x4x16xbf16>) states(tensor<?x4x16xf32>)
      return %hs, %last : tensor<?x?x4x16xbf16>, tensor<?x4x16xf32>
    }
    ```
  }];

  let arguments = (ins
    Arg<Variadic<TensorRankOf<XLSTM_Inputs, [3, 4, 5]>>, "read at t, [B, T, (K,) H, D]">:$sequences,
    Arg<Variadic<TensorRankOf<XLSTM_Inputs, [4, 5]>>, "read at t - 1, [B, T, (K,) H, D]">:$previous,
    Arg<Variadic<TensorRankOf<XLSTM_Accumulated, [3, 4]>>,
        "previous values of first tokens, [S, (K,) H, D]">:$previous_initials,
    Arg<Variadic<TensorRankOf<XLSTM_Accumulated, [2, 3]>>, "the same at all tokens, [(K,) H, D]">
      :$constants,
    Arg<Optional<4DTensorOf<XLSTM_Inputs>>, "recurrent matrices, [P, H, D, D]">:$recurrent,
    Arg<Variadic<3DTensorOf<XLSTM_Accumulated>>, "initial states, [S, H, D]">:$initial_states,
    Arg<XLSTM_CuSeqlens, "first token of each sequence, then T, [N + 1]">:$cu_seqlens,
    Arg<XLSTM_Reset, "where states are forgotten, [B, T]">:$reset,
    // Which of `previous` have an initial value.
    DefaultValuedAttr<DenseBoolArrayAttr, "{}">:$previous_has_initial,
    // Which states have an initial value; empty: none has.
    DefaultValuedAttr<DenseBoolArrayAttr, "{}">:$states_have_initial,
    UnitAttr:$reverse,
    UnitAttr:$transposed,
    UnitAttr:$step,
    OptionalAttr<F64Attr>:$recurrent_grad_clip,
    UnitAttr:$recurrent_grad_cut,
    OptionalAttr<StrArrayAttr>:$state_names);
  let results = (outs
    Res<Variadic<TensorRankOf<XLSTM_Inputs, [3, 4, 5]>>, "one value for each token">:$outputs,
    Res<Variadic<3DTensorOf<XLSTM_Accumulated>>, "states after the last step, [S, H, D]">
      :$last_states);
  let regions = (region SizedRegion<1>:$body);

  let skipDefaultBuilders = 1;
  let builders = [
    // Makes the region's block with its arguments, but no op in it: the caller adds them, at the end
    // xlstm.yield. The types of the last states are inferred.
    OpBuilder<(ins "const ::mlir::xlstm::ScanOperands &":$operands,
                   "::mlir::xlstm::ScanOptions":$options,
                   "::mlir::TypeRange":$outputs, "int64_t":$states)>
  ];
  let hasCustomAssemblyFormat = 1;
  let hasCanonicalizeMethod = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// Static extents: heads and units of a head.
    int64_t getHeads();
    int64_t getHeadSize();
    /// The type of states and of the region's scalars: f64 for f64 tensors, otherwise f32.
    ::mlir::Type getAccumulationType();
    ::mlir::xlstm::ScanOptions getOptions();
    ::mlir::xlstm::ScanOperands getScanOperands();

    /// Products of a recurrent matrix and states: P, or 1 if transposed, or 0 without matrices.
    int64_t getProducts();
    int64_t getNumStates() { return getLastStates().size(); }
    /// Scalars that a tensor gives to, or takes from, the region at each token: K, or 1.
    int64_t getSequenceChannels(unsigned i) { return getChannels(getSequences()[i].getType()); }
    int64_t getPreviousChannels(unsigned i) { return getChannels(getPrevious()[i].getType()); }
    int64_t getConstantChannels(unsigned i);
    int64_t getOutputChannels(unsigned i) { return getChannels(getOutputs()[i].getType()); }
    /// The initial value of previous i; null when it is absent, which means zero.
    ::mlir::Value getPreviousInitial(unsigned i);
    /// The initial value of state i; null when it is absent, which means zero.
    ::mlir::Value getInitialState(unsigned i);
    /// The name of state i, for messages: "state<i>" when none is given.
    std::string getStateName(unsigned i);


    /// The block and its arguments by role.
    ::mlir::Block &getStepBlock() { return getBody().front(); }
    ::llvm::MutableArrayRef<::mlir::BlockArgument> getProductArgs();
    ::llvm::MutableArrayRef<::mlir::BlockArgument> getSequenceArgs(unsigned i);
    ::llvm::MutableArrayRef<::mlir::BlockArgument> getPreviousArgs(unsigned i);
    ::llvm::MutableArrayRef<::mlir::BlockArgument> getConstantArgs(unsigned i);
    ::llvm::MutableArrayRef<::mlir::BlockArgument> getStateArgs();
    /// What the block yields: the values of output i, and the new states.
    ::mlir::xlstm::YieldOp getYield();
    ::mlir::OperandRange getOutputValues(unsigned i);
    ::mlir::OperandRange getNewStates();

    /// Whether the region may hold `op`.
    static bool isAllowedInBody(::mlir::Operation *op);

  private:
    int64_t getChannels(::mlir::Type type);
    ::llvm::MutableArrayRef<::mlir::BlockArgument> getArgs(int64_t first, int64_t count);
  }];
}

def XLSTM_YieldOp : XLSTM_Op<"yield", [
    Pure, Terminator, AttrSizedOperandSegments,
    ParentOneOf<["::mlir::xlstm::CausalConv1dOp", "::mlir::xlstm::LinearOp", "::mlir::xlstm::MapOp",
                 "::mlir::xlstm::MultiheadNormOp", "::mlir::xlstm::ScanOp",
                 "::mlir::xlstm::SLSTMBlockOp"]>]> {
  let summary = "ends the region of an op that computes scalars: xlstm.scan, xlstm.linear, xlstm.map ..";
  let description = [{
    Gives the outputs of one token and the states after it; see `xlstm.scan`. In a region of
    `xlstm.linear` or `xlstm.map` it gives outputs only.

    ```
    xlstm.yield outputs(%y : f32) states(%h, %c : f32, f32)
    ```
  }];
  let arguments = (ins
    Arg<Variadic<AnyTypeOf<XLSTM_Accumulated>>, "values of the outputs">:$outputs,
    Arg<Variadic<AnyTypeOf<XLSTM_Accumulated>>, "states after the step">:$states);
  let assemblyFormat = [{
    (`outputs` `(` $outputs^ `:` type($outputs) `)`)? (`states` `(` $states^ `:` type($states) `)`)?
    attr-dict
  }];
}

class XLSTM_ScalarFunction<string mnemonic, list<Trait> traits = []>
    : XLSTM_Op<mnemonic, !listconcat([Pure, SameOperandsAndResultType], traits)> {
  let arguments = (ins Arg<AnyTypeOf<XLSTM_Accumulated>, "argument">:$x);
  let results = (outs Res<AnyTypeOf<XLSTM_Accumulated>, "value">:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

def XLSTM_SigmoidOp : XLSTM_ScalarFunction<"sigmoid"> {
  let summary = "1 / (1 + exp(-x))";
  let description = [{
    The logistic function of a scalar, without overflow for any x:

    ```
    sigmoid(x) = 1 / (1 + e^-x)      d/dx sigmoid(x) = sigmoid(x) sigmoid(-x)
    1 - sigmoid(x) = sigmoid(-x)
    ```
  }];
}

def XLSTM_LogSigmoidOp : XLSTM_ScalarFunction<"log_sigmoid"> {
  let summary = "log(sigmoid(x)) without loss of digits";
  let description = [{
    ```
    log_sigmoid(x) = min(x, 0) - log(1 + e^-|x|)      d/dx log_sigmoid(x) = sigmoid(-x)
    ```

    The logarithm of `xlstm.sigmoid` itself is -inf where the sigmoid underflows, below -88 in f32.
  }];
}

def XLSTM_StopGradientOp : XLSTM_ScalarFunction<"stop_gradient"> {
  let summary = "x, whose derivative counts as zero";
  let description = [{
    The value is x. A derived backward function takes it for a constant: a stabiliser, such as m of
    the sLSTM cell, cancels out of the result and needs no gradient.
  }];
  let hasFolder = 1;
}

#endif // XLSTM_DIALECT_XLSTM_IR_SCANOPS_TD
