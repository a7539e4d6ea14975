// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_DIALECT_XLSTM_TRANSFORMS_PASSES
#define XLSTM_DIALECT_XLSTM_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def ChooseForm : Pass<"xlstm-choose-form", "::mlir::ModuleOp"> {
  let summary = "decides in which form each recurrence is computed and writes it as an attribute";
  let description = [{
    A recurrence can be walked token by token (`recurrent`), one token per call (`step`), and, if its
    state update is affine in the states with coefficients that no state enters, in parallel over
    tokens, in chunks (`chunkwise`) or at once (`parallel`). Which forms are legal is read off the
    op's region, not its name (dialect/xlstm/Analysis/Recurrence.h):

    ```mlir
    func.func @cell(%q: tensor<?x?x2x4xf32>, %k: tensor<?x?x2x4xf32>, %v: tensor<?x?x2x8xf32>,
                    %i: tensor<?x?x2xf32>, %f: tensor<?x?x2xf32>) -> tensor<?x?x2x8xf32> {
      %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f)
          : tensor<?x?x2x4xf32>, tensor<?x?x2x8xf32>
      return %h : tensor<?x?x2x8xf32>
    }
    // becomes
    func.func @cell_with_form(
        %q: tensor<?x?x2x4xf32>, %k: tensor<?x?x2x4xf32>, %v: tensor<?x?x2x8xf32>,
        %i: tensor<?x?x2xf32>, %f: tensor<?x?x2xf32>) -> tensor<?x?x2x8xf32> {
      %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) {form = chunkwise}
          : tensor<?x?x2x4xf32>, tensor<?x?x2x8xf32>
      return %h : tensor<?x?x2x8xf32>
    }
    ```

    `form=auto` takes `step` for ops of one token, `chunkwise` for `xlstm.mlstm` over tokens, and
    `recurrent` for `xlstm.scan`, for which code is generated in no other form; a remark says so where
    another is legal. `xlstm.mlstm` carries the choice as its attribute `form`, `xlstm.scan` as
    `xlstm.form`; an op that has it keeps it. A form that is not legal is an error that names the
    value which forbids it.
  }];
  let options = [
    Option<"form", "form", "std::string", "\"auto\"",
           "auto, recurrent, chunkwise, parallel or step">,
  ];
  let dependentDialects = ["::mlir::xlstm::XLSTMDialect"];
}

def DeriveBackward : Pass<"xlstm-derive-backward", "::mlir::ModuleOp"> {
  let summary = "writes the function that also returns the gradients of a function's inputs";
  let description = [{
    For the function `forward` makes `forward_backward`: its arguments are those of `forward` and,
    for each result `x` that has a gradient, `dx`; its results are those of `forward` and, for each
    argument `x` that has one, `dx`. Reverse mode over the ops of the function:

    | op | its gradient |
    |---|---|
    | `xlstm.mlstm` | `xlstm.mlstm_backward`; the forward op saves its states once per chunk |
    | `xlstm.scan` | a reverse scan whose region is derived from that of the op, `xlstm.outer_sum`, `xlstm.time_sum` |
    | `xlstm.multihead_norm` | `xlstm.multihead_norm_backward` |
    | layers of blocks | see LayerGradients.cpp; `xlstm.map` for everything pointwise |

    ```mlir
    func.func @forward(%wx: tensor<?x?x4x16xf32> {xlstm.name = "wx"})
        -> (tensor<?x?x4x16xf32> {xlstm.name = "h"}) {
      %h, %h_last = xlstm.scan sequences(%wx : tensor<?x?x4x16xf32>) {
      ^bb0(%x: f32, %old: f32):
        %new = arith.addf %old, %x : f32
        %y = math.tanh %new : f32
        xlstm.yield outputs(%y : f32) states(%new : f32)
      } -> outputs(tensor<?x?x4x16xf32>) states(tensor<?x4x16xf32>)
      return %h : tensor<?x?x4x16xf32>
    }
    // gets beside it, after -canonicalize -cse,
    func.func @forward_backward(%wx: tensor<?x?x4x16xf32> {xlstm.name = "wx"},
                                %dh: tensor<?x?x4x16xf32> {xlstm.name = "dh"})
        -> (tensor<?x?x4x16xf32> {xlstm.name = "h"}, tensor<?x?x4x16xf32> {xlstm.name = "dwx"}) {
      %h, %h_last = xlstm.scan sequences(%wx : tensor<?x?x4x16xf32>)
          attributes {xlstm.save = {"tanh(new state 0)" = "saved: an output"}} {
      ^bb0(%x: f32, %old: f32):
        %new = arith.addf %old, %x : f32
        %y = math.tanh %new : f32
        xlstm.yield outputs(%y : f32) states(%new : f32)
      } -> outputs(tensor<?x?x4x16xf32>) states(tensor<?x4x16xf32>)
      %dwx, %d0 = xlstm.scan reverse
          sequences(%dh, %h : tensor<?x?x4x16xf32>, tensor<?x?x4x16xf32>) {
      ^bb0(%dy: f32, %y: f32, %dnew: f32):
        %one = arith.constant 1.0 : f32
        %0 = arith.mulf %y, %y : f32
        %1 = arith.subf %one, %0 : f32
        %2 = arith.mulf %dy, %1 : f32
        %3 = arith.addf %dnew, %2 : f32
        xlstm.yield outputs(%3 : f32) states(%3 : f32)
      } -> outputs(tensor<?x?x4x16xf32>) states(tensor<?x4x16xf32>)
      return %h, %dwx : tensor<?x?x4x16xf32>, tensor<?x?x4x16xf32>
    }
    ```

    **Loss of a model.** With `function=loss`, whose arguments have parameters (`xlstm.parameter`) and
    whose only result is the loss, the new function is `loss_grad`: it takes no gradients, and returns
    the loss and for each parameter `x` that reaches it `grad.x`.

    **What is saved.** The forward op gets the attribute `xlstm.save`: a dictionary that says of each
    value that the gradient reads whether it is saved or recomputed, by the rule of
    dialect/xlstm/Transforms/SavePlan.h.

    **Sub-gradients.** A maximum or minimum gives its gradient to the operand that is strictly larger
    or smaller, none on the clipped side of a constant, where a tie is not clipped; |x| has 0 at 0. The operand that a select does
    not take gets 0 times its derivative, which is NaN where that derivative is infinite: keep it
    finite in the text of the cell. Stabilisers have no gradient: m of `xlstm.mlstm`, and states of a
    scan whose new value is an `xlstm.stop_gradient` and whose old value is read under one only.
    `recurrent_grad_clip` of a scan clips R^T dgates, `recurrent_grad_cut` drops it.

    **normalizer_grad.** `dropped` is exact where each use of the h of an `xlstm.mlstm` is an
    `xlstm.multihead_norm` with eps = 0, which does not see a factor of h; then the pass writes it.
    Otherwise the op keeps what it has. A remark says which and why.

    Preconditions: the function has one block; its scans have no reverse, transposed, step and previous.
  }];
  let options = [
    Option<"function", "function", "std::string", "\"forward\"",
           "name of the function; the new one is NAME_backward, or loss_grad">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
                           "::mlir::xlstm::XLSTMDialect"];
}

def ExpandBlocks : Pass<"xlstm-expand-blocks", "::mlir::ModuleOp"> {
  let summary = "writes residual blocks as projections, convolutions, norms and cells";
  let description = [{
    Each `xlstm.mlstm_block`, `xlstm.slstm_block`, `xlstm.xlstm_large_block` and `xlstm.ffn_block`
    becomes the ops of its formula. This is the definition of the blocks: the interpreter and the
    compiler only ever see what this pass leaves.

    ```mlir
    func.func @feed_forward(%x: tensor<?x?x8xf32>, %norm: tensor<8xf32>, %gate: tensor<16x8xf32>,
                            %up: tensor<16x8xf32>, %down: tensor<8x16xf32>) -> tensor<?x?x8xf32> {
      %y = xlstm.ffn_block %x norm(rms %norm) up(%gate, %up) down(%down)
          {norm_eps = 1.0e-6, activation = #xlstm.activation<sigmoid>}
          : (tensor<?x?x8xf32>, tensor<8xf32>, tensor<16x8xf32>, tensor<16x8xf32>,
             tensor<8x16xf32>) -> tensor<?x?x8xf32>
      return %y : tensor<?x?x8xf32>
    }
    // becomes
    func.func @feed_forward_expanded(
        %x: tensor<?x?x8xf32>, %norm: tensor<8xf32>, %gate: tensor<16x8xf32>,
        %up: tensor<16x8xf32>, %down: tensor<8x16xf32>) -> tensor<?x?x8xf32> {
      %u = xlstm.norm rms %x weight(%norm : tensor<8xf32>) eps 1.0e-6 : tensor<?x?x8xf32>
      %g = xlstm.linear %u weights(%gate : tensor<16x8xf32>)
          : tensor<?x?x8xf32> -> tensor<?x?x16xf32>
      %p = xlstm.linear %u weights(%up : tensor<16x8xf32>)
          : tensor<?x?x8xf32> -> tensor<?x?x16xf32>
      %gated = xlstm.map %g, %p
          : tensor<?x?x16xf32>, tensor<?x?x16xf32> -> tensor<?x?x16xf32> {
      ^bb0(%0: f32, %1: f32):
        %2 = xlstm.sigmoid %0 : f32
        %3 = arith.mulf %2, %1 : f32
        xlstm.yield outputs(%3 : f32)
      }
      %d = xlstm.linear %gated weights(%down : tensor<8x16xf32>)
          : tensor<?x?x16xf32> -> tensor<?x?x8xf32>
      %y = xlstm.map %x, %d : tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<?x?x8xf32> {
      ^bb0(%0: f32, %1: f32):
        %2 = arith.addf %0, %1 : f32
        xlstm.yield outputs(%2 : f32)
      }
      return %y : tensor<?x?x8xf32>
    }
    ```

    Where T is 1 statically, cells take their form for one token. Parameters that are stored for
    other ops get an `xlstm.map` (1 + w, another element type) or an `xlstm.reshape` in front.
  }];
  let statistics = [Statistic<"numBlocks", "blocks", "blocks that were expanded">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::xlstm::XLSTMDialect"];
}

def FuseNorm : Pass<"xlstm-fuse-norm", "::mlir::func::FuncOp"> {
  let summary = "makes an elementwise function of a head norm's result the norm's epilogue";
  let description = [{
    An `xlstm.map` that reads the result of an `xlstm.multihead_norm`, also with the heads' units in
    one axis, becomes its epilogue, and what else it reads becomes `elems`: the output gate of a block
    after its cell. What was rounded between the two ops stays in the accumulation type.

    ```mlir
    func.func @output_gate(%h: tensor<?x?x4x8xbf16>, %o: tensor<?x?x32xbf16>) -> tensor<?x?x32xbf16> {
      %n = xlstm.multihead_norm layer %h eps 1.0e-6 : tensor<?x?x4x8xbf16>
      %joined = xlstm.reshape %n : tensor<?x?x4x8xbf16> -> tensor<?x?x32xbf16>
      %y = xlstm.map %joined, %o : tensor<?x?x32xbf16>, tensor<?x?x32xbf16> -> tensor<?x?x32xbf16> {
      ^bb0(%0: f32, %1: f32):
        %2 = xlstm.sigmoid %1 : f32
        %3 = arith.mulf %0, %2 : f32
        xlstm.yield outputs(%3 : f32)
      }
      return %y : tensor<?x?x32xbf16>
    }
    // becomes
    func.func @output_gate_fused(%h: tensor<?x?x4x8xbf16>, %o: tensor<?x?x32xbf16>)
        -> tensor<?x?x32xbf16> {
      %heads = xlstm.reshape %o : tensor<?x?x32xbf16> -> tensor<?x?x4x8xbf16>
      %n = xlstm.multihead_norm layer %h elems(%heads : tensor<?x?x4x8xbf16>) eps 1.0e-6 epilogue {
      ^bb0(%0: f32, %1: f32):
        %2 = xlstm.sigmoid %1 : f32
        %3 = arith.mulf %0, %2 : f32
        xlstm.yield outputs(%3 : f32)
      } : tensor<?x?x4x8xbf16>
      %y = xlstm.reshape %n : tensor<?x?x4x8xbf16> -> tensor<?x?x32xbf16>
      return %y : tensor<?x?x32xbf16>
    }
    ```

    A remark says why a map stays beside a norm: the norm has another user, the map several results
    or another type, or an input of another shape.

    An `xlstm.norm` or `xlstm.multihead_norm` whose weight is a map that only widens 16-bit numbers reads the narrow weight
    itself: a kernel and a buffer less, and a kernel that reads a parameter need not wait for it.
  }];
  let dependentDialects = ["::mlir::xlstm::XLSTMDialect"];
  let statistics = [Statistic<"numMaps", "maps-fused", "maps that became epilogues">,
                    Statistic<"numWeights", "weights-narrowed", "weights that are read as stored">];
}

def FuseConv : Pass<"xlstm-fuse-conv", "::mlir::func::FuncOp"> {
  let summary = "makes an elementwise function of a causal convolution's result its epilogue";
  let description = [{
    An `xlstm.map` that reads the result of an `xlstm.causal_conv1d` and nothing else becomes its
    epilogue: the SiLU of blocks with a convolution. The convolution's result then has the type of
    the map's; what was rounded between the two ops stays in the accumulation type. The states stay
    as they are.

    ```mlir
    func.func @conv_and_silu(%x: tensor<?x?x64xbf16>, %w: tensor<64x4xbf16>,
                             %state: tensor<?x3x64xbf16>)
        -> (tensor<?x?x64xbf16>, tensor<?x3x64xbf16>) {
      %c, %last = xlstm.causal_conv1d %x, %w state(%state : tensor<?x3x64xbf16>)
          : tensor<?x?x64xbf16>, tensor<64x4xbf16> -> tensor<?x3x64xbf16>
      %y = xlstm.map %c : tensor<?x?x64xbf16> -> tensor<?x?x64xbf16> {
      ^bb0(%0: f32):
        %1 = xlstm.sigmoid %0 : f32
        %2 = arith.mulf %0, %1 : f32
        xlstm.yield outputs(%2 : f32)
      }
      return %y, %last : tensor<?x?x64xbf16>, tensor<?x3x64xbf16>
    }
    // becomes
    func.func @conv_and_silu_fused(%x: tensor<?x?x64xbf16>, %w: tensor<64x4xbf16>,
                                   %state: tensor<?x3x64xbf16>)
        -> (tensor<?x?x64xbf16>, tensor<?x3x64xbf16>) {
      %y, %last = xlstm.causal_conv1d %x, %w state(%state : tensor<?x3x64xbf16>) epilogue {
      ^bb0(%0: f32):
        %1 = xlstm.sigmoid %0 : f32
        %2 = arith.mulf %0, %1 : f32
        xlstm.yield outputs(%2 : f32)
      } : tensor<?x?x64xbf16>, tensor<64x4xbf16> -> tensor<?x3x64xbf16>
      return %y, %last : tensor<?x?x64xbf16>, tensor<?x3x64xbf16>
    }
    ```

    A remark says why a map stays beside a convolution: the convolution's result has another user, as
    in a function of gradients, which reads it again, or the map reads other tensors or has several
    results.
  }];
  let dependentDialects = ["::mlir::xlstm::XLSTMDialect"];
  let statistics = [Statistic<"numMaps", "maps-fused", "maps that became epilogues">];
}

def FuseNormLinear : Pass<"xlstm-fuse-norm-linear", "::mlir::func::FuncOp"> {
  let summary = "makes a norm part of the products that read its result";
  let description = [{
    An `xlstm.norm` whose result is nothing but the x of products becomes the norm of each of them, its
    weight a factor for each column in their prologue. x' is rounded to the type of x as the norm's
    result was, so nothing is rounded that was not before.

    ```mlir
    func.func @norm_and_gates(%x: tensor<?x?x64xf32>, %norm: tensor<64xf32>, %w: tensor<4x64xf32>)
        -> tensor<?x?x4xf32> {
      %n = xlstm.norm rms %x weight(%norm : tensor<64xf32>) eps 1.0e-6 : tensor<?x?x64xf32>
      %y = xlstm.linear %n weights(%w : tensor<4x64xf32>)
          : tensor<?x?x64xf32> -> tensor<?x?x4xf32>
      return %y : tensor<?x?x4xf32>
    }
    // becomes
    func.func @norm_and_gates_fused(%x: tensor<?x?x64xf32>, %norm: tensor<64xf32>,
                                    %w: tensor<4x64xf32>) -> tensor<?x?x4xf32> {
      %y = xlstm.linear %x norm(rms eps 1.0e-6) x_cols(%norm : tensor<64xf32>)
          weights(%w : tensor<4x64xf32>) prologue {
      ^bb0(%n: f32, %factor: f32):
        %0 = arith.mulf %n, %factor : f32
        xlstm.yield outputs(%0 : f32)
      } : tensor<?x?x64xf32> -> tensor<?x?x4xf32>
      return %y : tensor<?x?x4xf32>
    }
    ```

    A remark says why a norm stays beside a product: its result has another user, or another type
    than its x; there are more products than `max-products`, each of which would compute it again; the
    product has a prologue or a norm; or, in `unsupported`, what the target lacks.
  }];
  let options = [
    Option<"maxProducts", "max-products", "unsigned", "8", "the most products that a norm becomes a part of">,
    Option<"unsupported", "unsupported", "std::string", "\"\"",
           "why no product has a norm on the target; empty if they may">,
  ];
  let statistics = [Statistic<"numNorms", "norms-fused", "norms that became parts of products">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::xlstm::XLSTMDialect"];
}

def FuseLinear : Pass<"xlstm-fuse-linear", "::mlir::func::FuncOp"> {
  let summary = "makes elementwise functions of a product's result the product's epilogue";
  let description = [{
    An `xlstm.map` that reads the result of an `xlstm.linear` becomes its epilogue: a residual, an
    activation, a soft-cap, a gate. Its other inputs are read there as `elems` or `cols`. Products of
    the same x that meet in a map become one of several weights, at most `max-weights`. What was
    rounded between the two ops stays in the accumulation type.

    ```mlir
    func.func @swiglu(%x: tensor<?x?x8xbf16>, %gate: tensor<16x8xbf16>, %up: tensor<16x8xbf16>)
        -> tensor<?x?x16xbf16> {
      %g = xlstm.linear %x weights(%gate : tensor<16x8xbf16>)
          : tensor<?x?x8xbf16> -> tensor<?x?x16xbf16>
      %u = xlstm.linear %x weights(%up : tensor<16x8xbf16>)
          : tensor<?x?x8xbf16> -> tensor<?x?x16xbf16>
      %y = xlstm.map %g, %u : tensor<?x?x16xbf16>, tensor<?x?x16xbf16> -> tensor<?x?x16xbf16> {
      ^bb0(%0: f32, %1: f32):
        %2 = xlstm.sigmoid %0 : f32
        %3 = arith.mulf %0, %2 : f32
        %4 = arith.mulf %3, %1 : f32
        xlstm.yield outputs(%4 : f32)
      }
      return %y : tensor<?x?x16xbf16>
    }
    // becomes
    func.func @swiglu_fused(
        %x: tensor<?x?x8xbf16>, %gate: tensor<16x8xbf16>, %up: tensor<16x8xbf16>)
        -> tensor<?x?x16xbf16> {
      %y = xlstm.linear %x weights(%gate, %up : tensor<16x8xbf16>, tensor<16x8xbf16>) epilogue {
      ^bb0(%0: f32, %1: f32):
        %2 = xlstm.sigmoid %0 : f32
        %3 = arith.mulf %0, %2 : f32
        %4 = arith.mulf %3, %1 : f32
        xlstm.yield outputs(%4 : f32)
      } : tensor<?x?x8xbf16> -> tensor<?x?x16xbf16>
      return %y : tensor<?x?x16xbf16>
    }
    ```

    Where products of different x meet in a map, the last takes it and reads the results of the
    others. A remark says why a map stays beside a product: the product has another user, or the
    shapes differ.
  }];
  let options = [
    Option<"maxWeights", "max-weights", "unsigned", "2",
           "the most weights of a product that is made of several">,
  ];
  let statistics = [Statistic<"numMaps", "maps", "maps that became epilogues">];
  let dependentDialects = ["::mlir::xlstm::XLSTMDialect"];
}

def MergeLinears : Pass<"xlstm-merge-linears", "::mlir::func::FuncOp"> {
  let summary = "makes products of the same x and as many columns one product";
  let description = [{
    `xlstm.linear` ops that read the same x, without prologue, with the same number of columns become
    one with all their weights, at most `max-weights`, and all their results: q and k, or the gates i
    and f. One kernel reads x once.

    ```mlir
    func.func @gates(%x: tensor<?x?x8xf32>, %wi: tensor<2x8xf32>, %wf: tensor<2x8xf32>)
        -> (tensor<?x?x2xf32>, tensor<?x?x2xf32>) {
      %i = xlstm.linear %x weights(%wi : tensor<2x8xf32>) : tensor<?x?x8xf32> -> tensor<?x?x2xf32>
      %f = xlstm.linear %x weights(%wf : tensor<2x8xf32>) : tensor<?x?x8xf32> -> tensor<?x?x2xf32>
      return %i, %f : tensor<?x?x2xf32>, tensor<?x?x2xf32>
    }
    // becomes
    func.func @gates_merged(%x: tensor<?x?x8xf32>, %wi: tensor<2x8xf32>, %wf: tensor<2x8xf32>)
        -> (tensor<?x?x2xf32>, tensor<?x?x2xf32>) {
      %i, %f = xlstm.linear %x weights(%wi, %wf : tensor<2x8xf32>, tensor<2x8xf32>)
          : tensor<?x?x8xf32> -> tensor<?x?x2xf32>, tensor<?x?x2xf32>
      return %i, %f : tensor<?x?x2xf32>, tensor<?x?x2xf32>
    }
    ```

    The product stands where the first one stood. A remark says why a product beside another of the
    same x is not merged with it.
  }];
  let options = [
    Option<"maxWeights", "max-weights", "unsigned", "2", "the most weights of a product">,
  ];
  let statistics = [Statistic<"numProducts", "products", "products that became part of another">];
  let dependentDialects = ["::mlir::xlstm::XLSTMDialect"];
}

def WidenActivations : Pass<"xlstm-widen-activations", "::mlir::func::FuncOp"> {
  let summary = "keeps activations of 16-bit models in f32 where nothing needs 16 bits";
  let description = [{
    Every op computes in f32 and rounds its result to the type that it has. In a model of bf16 or f16 all
    activations have the type of the parameters, so that a value is rounded between any two ops, and
    the residual stream once a block. Results of ops whose readers take f32 get f32: the residual
    stream, what norms, convolutions and block-diagonal projections read, gated products. Arguments
    and results of the function keep their types, and with them parameters and states.

    Without `operands`, what matrix units multiply keeps 16 bits: x of `xlstm.linear`, and q, k and v of
    `xlstm.mlstm` over sequences. With it, these are f32 too: products then multiply f32 by weights as
    they are stored.

    ```mlir
    func.func @narrow_block(%x: tensor<?x?x8xbf16>, %w: tensor<8x8xbf16>) -> tensor<?x?x8xf32> {
      %u = xlstm.norm rms %x eps 1.0e-6 : tensor<?x?x8xbf16>
      %y = xlstm.linear %u weights(%w : tensor<8x8xbf16>) elems(%x : tensor<?x?x8xbf16>) epilogue {
      ^bb0(%acc: f32, %r: f32):
        %sum = arith.addf %acc, %r : f32
        xlstm.yield outputs(%sum : f32)
      } : tensor<?x?x8xbf16> -> tensor<?x?x8xbf16>
      %z = xlstm.norm rms %y eps 1.0e-6 : tensor<?x?x8xbf16>
      %logits = xlstm.linear %z weights(%w : tensor<8x8xbf16>) : tensor<?x?x8xbf16> -> tensor<?x?x8xf32>
      return %logits : tensor<?x?x8xf32>
    }
    // becomes
    func.func @widened_block(%x: tensor<?x?x8xbf16>, %w: tensor<8x8xbf16>) -> tensor<?x?x8xf32> {
      %u = xlstm.norm rms %x eps 1.0e-6 : tensor<?x?x8xbf16>
      %y = xlstm.linear %u weights(%w : tensor<8x8xbf16>) elems(%x : tensor<?x?x8xbf16>) epilogue {
      ^bb0(%acc: f32, %r: f32):
        %sum = arith.addf %acc, %r : f32
        xlstm.yield outputs(%sum : f32)
      } : tensor<?x?x8xbf16> -> tensor<?x?x8xf32>
      %z = xlstm.norm rms %y eps 1.0e-6 : tensor<?x?x8xf32> -> tensor<?x?x8xbf16>
      %logits = xlstm.linear %z weights(%w : tensor<8x8xbf16>) : tensor<?x?x8xbf16> -> tensor<?x?x8xf32>
      return %logits : tensor<?x?x8xf32>
    }
    ```

    It runs behind the passes that fuse ops, which leave fewer values. Where an op has one type for
    several tensors (`xlstm.reshape`, `xlstm.concat`, q, k, v and h of a cell), these are widened together or
    not at all. Values that gradients read keep their type. A remark says how many values became f32,
    and what keeps others from it.
  }];
  let options = [
    Option<"operands", "operands", "bool", "false", "widen what products and cells multiply, too">,
  ];
  let statistics = [Statistic<"numValues", "values", "values that became f32">];
  let dependentDialects = ["::mlir::xlstm::XLSTMDialect"];
}

def DistributeLinears : Pass<"xlstm-distribute-linears", "::mlir::ModuleOp"> {
  let summary = "cuts and joins weights instead of activations";
  let description = [{
    In the function, a product of an `xlstm.concat` becomes a sum of products of its parts, with parts of
    the weight's columns; a product whose result an `xlstm.split` cuts becomes a product for each part,
    with some rows of the weight. Where there are many more rows of activations than of weights, as in
    training, that saves the copies, and those of their gradients; the function is therefore the loss,
    before its gradient is derived.

    ```mlir
    func.func @loss(%a: tensor<?x?x4xf32>, %b: tensor<?x?x4xf32>, %w: tensor<2x8xf32>)
        -> tensor<?x?x2xf32> {
      %x = xlstm.concat %a, %b
          : tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x8xf32>
      %y = xlstm.linear %x weights(%w : tensor<2x8xf32>) : tensor<?x?x8xf32> -> tensor<?x?x2xf32>
      return %y : tensor<?x?x2xf32>
    }
    // becomes
    func.func @loss_distributed(%a: tensor<?x?x4xf32>, %b: tensor<?x?x4xf32>, %w: tensor<2x8xf32>)
        -> tensor<?x?x2xf32> {
      %wa, %wb = xlstm.split %w : tensor<2x8xf32> -> tensor<2x4xf32>, tensor<2x4xf32>
      %0 = xlstm.linear %a weights(%wa : tensor<2x4xf32>) : tensor<?x?x4xf32> -> tensor<?x?x2xf32>
      %y = xlstm.linear %b weights(%wb : tensor<2x4xf32>) elems(%0 : tensor<?x?x2xf32>) epilogue {
      ^bb0(%sum: f32, %before: f32):
        %1 = arith.addf %before, %sum : f32
        xlstm.yield outputs(%1 : f32)
      } : tensor<?x?x4xf32> -> tensor<?x?x2xf32>
      return %y : tensor<?x?x2xf32>
    }
    ```

    Sums of parts are of the accumulation type. A remark says why a product of joined or cut activations
    stays.
  }];
  let options = [
    Option<"function", "function", "std::string", "\"loss\"", "name of the function">,
  ];
  let statistics = [Statistic<"numProducts", "products", "products that became products of parts">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::xlstm::XLSTMDialect"];
}

#endif
