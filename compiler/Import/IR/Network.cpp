// SPDX-License-Identifier: Apache-2.0
#include "compiler/Import/IR/Network.h"

#include "compiler/Import/IR/Blocks.h"
#include "compiler/Import/Parameters.h"
#include "dialect/xlstm/Transforms/LayerBuilder.h"

using namespace mlir;
using mlir::xlstm::LayerBuilder;

namespace xlstm {

using description::NetworkDescription;

namespace {

/// What distinguishes the functions of a network.
struct Kind {
  StringRef name;
  bool step = false;   // one token for each entry of the batch
  bool states = false; // takes and gives states
  bool last = false;   // logits of the last token only
  bool loss = false;
};

/// Builds one function.
class NetworkBuilder {
public:
  NetworkBuilder(OpBuilder &builder, Location loc, const description::ModelDescription &model,
                 const Kind &kind)
      : network(*model.network), kind(kind), names(parameterNames(model)),
        function(builder, loc, kind.name, elementType(builder, model.dtype),
                 elementType(builder, network.stateDtype)) {}

  void run() {
    Value x = input();
    LayerBuilder layers(function.builder, function.loc, cast<RankedTensorType>(x.getType()));
    for (auto [number, block] : llvm::enumerate(network.blocks)) {
      BlockContext context{function,
                           layers,
                           block,
                           names.blocks + std::to_string(number) + ".",
                           "state." + std::to_string(number) + ".",
                           kind.states,
                           kind.step ? "R" : "B"};
      x = buildBlock(context, x);
    }
    if (kind.step)
      function.input("slots", function.builder.getI32Type(), {"B"}, {}, /*isOptional=*/true);
    if (kind.last)
      x = addTime(
          function.builder.create<mlir::xlstm::LastTokenOp>(function.loc, withoutTime(x), x));
    if (network.addOutNorm) {
      bool rms = outNormIsRMS(network);
      Value weight = parameter(names.outNorm + ".weight", network.embeddingDim);
      bool biased = rms && network.blocks.back().useBias;
      Value bias = biased ? parameter(names.outNorm + ".bias", network.embeddingDim) : Value();
      x = layers.norm(rms ? mlir::xlstm::NormKind::RMS : mlir::xlstm::NormKind::Layer, x, weight,
                      !rms, bias, APFloat(network.normEps));
    }
    network.vocabSize ? finishLogits(layers, x) : finish("y", x);
    function.finish();
  }

private:
  Value parameter(std::string name, ArrayRef<int64_t> shape) {
    return function.parameter(std::move(name), shape);
  }
  /// Names of the leading axes of activations.
  SmallVector<std::string, 2> axes() const {
    return kind.step ? SmallVector<std::string, 2>{"B"} : SmallVector<std::string, 2>{"B", "T"};
  }
  /// [B, ..] of a tensor [B, T, ..].
  static RankedTensorType withoutTime(Value x) {
    auto type = cast<RankedTensorType>(x.getType());
    SmallVector<int64_t> shape(type.getShape());
    shape.erase(shape.begin() + 1);
    return RankedTensorType::get(shape, type.getElementType());
  }
  /// [B, 1, ..] of a tensor [B, ..].
  Value addTime(Value x) {
    auto type = cast<RankedTensorType>(x.getType());
    SmallVector<int64_t> shape(type.getShape());
    shape.insert(shape.begin() + 1, 1);
    return function.builder.create<mlir::xlstm::ReshapeOp>(
        function.loc, RankedTensorType::get(shape, type.getElementType()), x);
  }

  /// The residual stream, [B, T, D]; T = 1 in a step.
  Value input() {
    if (!network.vocabSize) {
      Value x = function.input("x", function.type, axes(), network.embeddingDim);
      return kind.step ? addTime(x) : x;
    }
    Type i32 = function.builder.getI32Type();
    Value tokens = function.input("tokens", i32, axes(), {});
    if (kind.loss)
      targets = function.input("targets", i32, axes(), {});
    if (kind.step)
      tokens = addTime(tokens);
    table = parameter(names.embedding + ".weight", {*network.vocabSize, network.embeddingDim});
    SmallVector<int64_t> shape(cast<RankedTensorType>(tokens.getType()).getShape());
    shape.push_back(network.embeddingDim);
    return function.builder.create<mlir::xlstm::EmbeddingOp>(
        function.loc, RankedTensorType::get(shape, function.type), table, tokens);
  }

  /// Logits are in the accumulation type: sampling and the loss read them.
  void finishLogits(LayerBuilder &layers, Value x) {
    Value head = network.tieWordEmbeddings ? table
                                           : parameter(names.head + ".weight",
                                                       {*network.vocabSize, network.embeddingDim});
    Value logits = layers.gate(x, head, {});
    if (network.outputLogitSoftCap)
      logits = layers.map(
          logits,
          [&](LayerBuilder &l, ValueRange e) { return l.cap(e[0], *network.outputLogitSoftCap); },
          layers.getAccumulationType());
    if (!kind.loss)
      return finish("logits", logits);
    Type type = RankedTensorType::get({1}, layers.getAccumulationType());
    Value loss =
        function.builder.create<mlir::xlstm::CrossEntropyOp>(function.loc, type, logits, targets);
    function.result("loss", loss, {});
  }

  void finish(StringRef name, Value x) {
    bool single = kind.step || kind.last;
    if (single)
      x = function.builder.create<mlir::xlstm::ReshapeOp>(function.loc, withoutTime(x), x);
    SmallVector<std::string, 2> dims{"B"};
    if (!single)
      dims.push_back("T");
    function.result(name.str(), x, dims, /*first=*/true);
  }

  const NetworkDescription &network;
  const Kind &kind;
  description::ParameterNames names;
  NetworkFunction function;
  Value table, targets; // null where there is none
};

} // namespace

void buildNetwork(ModuleOp module, const description::ModelDescription &model, Location loc) {
  static const Kind withVocabulary[] = {{"logits"},
                                        {"prefill", false, true, true},
                                        {"step", true, true},
                                        {"loss", false, false, false, true}},
                    without[] = {{"forward", false, true}, {"step", true, true}};
  OpBuilder builder(module.getContext());
  ArrayRef<Kind> kinds = model.network->vocabSize ? ArrayRef(withVocabulary) : ArrayRef(without);
  for (const Kind &kind : kinds) {
    builder.setInsertionPointToEnd(module.getBody());
    NetworkBuilder(builder, loc, model, kind).run();
  }
}

} // namespace xlstm
