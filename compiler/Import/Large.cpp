// SPDX-License-Identifier: Apache-2.0
/// \file
/// xLSTM-7B's configuration, as HuggingFace's config.json or as xLSTMLargeConfig: the same names,
/// other defaults.
#include "compiler/Import/Blocks.h"
#include "compiler/Import/Formats.h"
#include "compiler/Import/Table.h"

namespace xlstm::description {
namespace {

/// The keys of both forms with HuggingFace's defaults.
struct LargeConfig {
  std::string modelType;
  std::optional<int64_t> hiddenSize, embeddingDim, numHiddenLayers, numBlocks;
  int64_t vocabSize = 50304;
  int64_t numHeads = 8;
  int64_t roundUpTo = 64;
  BlockDescription block;
  NetworkDescription network;
  double eps = 1e-6;
  DType dtype = DType::BF16;
  std::string chunkwiseKernel, sequenceKernel, stepKernel;
  bool addQkNorm = false, addPostNorm = false, addPostBlocksNorm = false;
  std::string mode = "inference";
};

template <class M> Field<LargeConfig> through(M LargeConfig::*part, const Field<M> &field) {
  Field<LargeConfig> result;
  static_cast<FieldInfo &>(result) = field;
  result.store = [=, store = field.store](LargeConfig &config, const Value &value) {
    store(config.*part, value);
  };
  return result;
}

Table<LargeConfig> sharedTable() {
  using C = LargeConfig;
  using B = BlockDescription;
  using N = NetworkDescription;
  const std::string kernelNote = "accepted and ignored, it only names a kernel";
  Table<C> table = {
      integer("vocab_size", &C::vocabSize, 1, maxVocabulary, "number of tokens"),
      integer("embedding_dim", &C::embeddingDim, 1, maxWidth, "width of the residual stream")
          .nullable(),
      integer("num_blocks", &C::numBlocks, 1, maxBlocks, "number of blocks").nullable(),
      integer("num_heads", &C::numHeads, 1, maxHeadSize, "number of heads"),
      integer("mlstm_round_up_to_multiple_of", &C::roundUpTo, 1, maxHeadSize,
              "rounding of the widths of q, k, v"),
      number("eps", &C::eps, 0, 1, "in the cell's denominator"),
      choice("autocast_kernel_dtype", &C::dtype, "type of the activations",
             {"float64", "float32", "bfloat16", "float16"}),
      text("chunkwise_kernel", &C::chunkwiseKernel, "name of a kernel").note(kernelNote),
      text("sequence_kernel", &C::sequenceKernel, "name of a kernel").note(kernelNote),
      text("step_kernel", &C::stepKernel, "name of a kernel").note(kernelNote),
      word("mode", &C::mode, {"train", "train_with_padding", "inference"},
           "how the source runs the model")};
  for (const Field<B> &field :
       Table<B>{boolean("use_bias", &B::useBias, "biases in the projections"),
                number("qk_dim_factor", &B::qkDimFactor, 1e-6, 1e3,
                       "width of q and k over embedding_dim"),
                number("v_dim_factor", &B::vDimFactor, 1e-6, 1e3, "width of v over embedding_dim"),
                number("ffn_proj_factor", &B::ffnProjFactor, 1e-3, 1e3,
                       "feed-forward width over embedding_dim"),
                integer("ffn_round_up_to_multiple_of", &B::ffnRoundUpTo, 1, maxHeadSize,
                        "rounding of that width"),
                number("gate_soft_cap", &B::gateSoftCap, 1e-6, 1e6, "cap of i and f"),
                number("norm_eps", &B::normEps, 0, 1, "in every norm"),
                boolean("norm_reduction_force_float32", &B::normReductionForceFloat32,
                        "norms reduce in f32"),
                choice("weight_mode", &B::weightMode, "whether q, k, v, o lie in one weight")})
    table.push_back(through(&C::block, field));
  for (const Field<N> &field : Table<N>{
           boolean("add_out_norm", &N::addOutNorm, "a norm after the last block"),
           number("output_logit_soft_cap", &N::outputLogitSoftCap, 1e-6, 1e6, "cap of the logits"),
           boolean("return_last_states", &N::returnLastStates,
                   "whether the source returns the states"),
           choice("inference_state_dtype", &N::stateDtype, "type of C between calls",
                  {"float64", "float32", "bfloat16", "float16"}),
           boolean("tie_word_embeddings", &N::tieWordEmbeddings,
                   "logits use the embedding's weight")})
    table.push_back(through(&C::network, field));
  for (const char *name : {"chunk_size", "max_inference_chunksize"})
    table.push_back(ignored<C>(name));
  // Fields of older configurations, which the public classes no longer read.
  for (const char *name : {"add_embedding_dropout", "add_forward_backend_padding", "cell_norm_eps",
                           "force_bos_token_insert", "head_dim", "igate_bias_init_range",
                           "forward_backend_name", "step_backend_name", "torch_dtype"})
    table.push_back(ignored<C>(name));
  append(table,
         Table<C>{
             boolean("add_qk_norm", &C::addQkNorm, "no longer read").nullable(),
             boolean("add_post_norm", &C::addPostNorm, "no longer read").nullable(),
             boolean("add_post_blocks_norm", &C::addPostBlocksNorm, "no longer read").nullable()});
  return table;
}

/// Keys that the HuggingFace base class writes into every configuration; none of them reaches the
/// mathematics here.
Table<LargeConfig> huggingFaceExtras() {
  using C = LargeConfig;
  Table<C> table = {
      text("model_type", &C::modelType, "xlstm"),
      integer("hidden_size", &C::hiddenSize, 1, maxWidth, "width of the residual stream")
          .nullable(),
      integer("num_hidden_layers", &C::numHiddenLayers, 1, maxBlocks, "number of blocks")
          .nullable()};
  for (const Field<NetworkDescription> &field : Table<NetworkDescription>{
           integer("bos_token_id", &NetworkDescription::bosTokenId, 0, maxVocabulary,
                   "begins a text")
               .nullable(),
           integer("eos_token_id", &NetworkDescription::eosTokenId, 0, maxVocabulary, "ends a text")
               .nullable(),
           integer("pad_token_id", &NetworkDescription::padTokenId, 0, maxVocabulary,
                   "fills a batch")
               .nullable()})
    table.push_back(through(&C::network, field));
  for (const char *name : {"_name_or_path",
                           "_attn_implementation_autoset",
                           "_commit_hash",
                           "architectures",
                           "auto_map",
                           "dtype",
                           "transformers_version",
                           "use_cache",
                           "use_return_dict",
                           "return_dict",
                           "output_hidden_states",
                           "output_attentions",
                           "torchscript",
                           "use_bfloat16",
                           "tf_legacy_loss",
                           "pruned_heads",
                           "chunk_size_feed_forward",
                           "is_encoder_decoder",
                           "is_decoder",
                           "cross_attention_hidden_size",
                           "add_cross_attention",
                           "tie_encoder_decoder",
                           "finetuning_task",
                           "id2label",
                           "label2id",
                           "num_labels",
                           "tokenizer_class",
                           "prefix",
                           "sep_token_id",
                           "decoder_start_token_id",
                           "task_specific_params",
                           "problem_type",
                           "max_length",
                           "min_length",
                           "do_sample",
                           "early_stopping",
                           "num_beams",
                           "num_beam_groups",
                           "diversity_penalty",
                           "temperature",
                           "top_k",
                           "top_p",
                           "typical_p",
                           "repetition_penalty",
                           "length_penalty",
                           "no_repeat_ngram_size",
                           "encoder_no_repeat_ngram_size",
                           "bad_words_ids",
                           "num_return_sequences",
                           "output_scores",
                           "return_dict_in_generate",
                           "forced_bos_token_id",
                           "forced_eos_token_id",
                           "remove_invalid_values",
                           "exponential_decay_length_penalty",
                           "suppress_tokens",
                           "begin_suppress_tokens"})
    table.push_back(ignored<C>(name));
  return table;
}

const Table<LargeConfig> &tableFor(bool huggingFace) {
  static const Table<LargeConfig> large = [] {
    Table<LargeConfig> table = sharedTable();
    for (Field<LargeConfig> &field : table)
      for (const char *name : {"embedding_dim", "num_heads", "num_blocks", "vocab_size"})
        field.isRequired |= field.name == name;
    return table;
  }();
  static const Table<LargeConfig> extended = [] {
    Table<LargeConfig> table = sharedTable();
    append(table, huggingFaceExtras());
    return table;
  }();
  return huggingFace ? extended : large;
}

/// `a`, else `b`, else `fallback`; a problem when both are given and differ.
Check either(const char *aName, const std::optional<int64_t> &a, const char *bName,
             const std::optional<int64_t> &b, int64_t fallback, int64_t &result) {
  if (a && b && *a != *b)
    return Problem{aName, std::string("expected the value of ") + bName + " (" +
                              std::to_string(*b) + "), got " + std::to_string(*a)};
  result = a ? *a : b ? *b : fallback;
  return std::nullopt;
}

/// A kernel's name has no say, with one exception: TFLA's sigmoid-gate kernels (`…_siging`) are
/// another cell.
void readInputGate(LargeConfig &config, std::vector<std::string> &notes) {
  if (config.chunkwiseKernel.find("siging") == std::string::npos)
    return;
  config.block.cell.inputGate = InputGate::Sigmoid;
  notes.push_back("chunkwise_kernel: names a kernel with the sigmoid input gate, the cell takes "
                  "input_gate 'sigmoid'");
}

void noteOldNorms(const LargeConfig &config, std::vector<std::string> &notes) {
  const std::pair<const char *, bool> flags[] = {
      {"add_qk_norm", config.addQkNorm},
      {"add_post_norm", config.addPostNorm},
      {"add_post_blocks_norm", config.addPostBlocksNorm}};
  for (const auto &[name, given] : flags)
    if (given)
      notes.push_back(std::string(name) +
                      ": accepted and ignored, as the public implementation does");
}

} // namespace

Result<ModelDescription, Problem> importLarge(const Value &root, bool huggingFace) {
  LargeConfig config;
  config.network.outputLogitSoftCap = 30.0;
  if (!huggingFace) {
    config.block.ffnProjFactor = 2.6667;
    config.network.returnLastStates = false;
    config.mode = "train";
  }
  ModelDescription model;
  model.source = huggingFace ? Source::HuggingFace : Source::XLSTMLarge;
  model.name = huggingFace ? "xlstm" : "xlstm_large";
  if (Check problem = readFields(tableFor(huggingFace), root, "", "", config, model.notes))
    return *problem;

  int64_t blocks = 0;
  NetworkDescription &network = config.network;
  if (Check problem = either("embedding_dim", config.embeddingDim, "hidden_size", config.hiddenSize,
                             4096, network.embeddingDim))
    return *problem;
  if (Check problem = either("num_blocks", config.numBlocks, "num_hidden_layers",
                             config.numHiddenLayers, 32, blocks))
    return *problem;
  if (!huggingFace && (!config.embeddingDim || !config.numBlocks))
    return Problem{config.embeddingDim ? "num_blocks" : "embedding_dim",
                   "expected an integer, got null"};
  for (const auto &[name, token] : {std::pair("bos_token_id", network.bosTokenId),
                                    std::pair("eos_token_id", network.eosTokenId),
                                    std::pair("pad_token_id", network.padTokenId)})
    if (token && *token >= config.vocabSize)
      return Problem{name, "expected a token below vocab_size (" +
                               std::to_string(config.vocabSize) + "), got " +
                               std::to_string(*token)};

  BlockDescription &block = config.block;
  block.heads = config.numHeads;
  block.cell.eps = config.eps;
  readInputGate(config, model.notes);
  noteOldNorms(config, model.notes);
  if (Check problem = deriveBlock(block, network.embeddingDim, ""))
    return *problem;
  for (const auto &[name, width] : {std::pair("qk_dim_factor", block.heads * block.cell.dqk),
                                    std::pair("v_dim_factor", block.heads * block.cell.dv)})
    if (width % config.roundUpTo != 0)
      model.notes.push_back(std::string(name) + ": gives the width " + std::to_string(width) +
                            ", no multiple of mlstm_round_up_to_multiple_of (" +
                            std::to_string(config.roundUpTo) + "); the layers use it unrounded");

  network.vocabSize = config.vocabSize;
  network.normEps = block.normEps;
  network.blocks.assign(blocks, block);
  model.dtype = config.dtype;
  model.cell = block.cell;
  model.network = std::move(network);
  if (auto problem = checkStateDtype(model, model.network->stateDtype))
    return Problem{"inference_state_dtype", *problem};
  return model;
}

} // namespace xlstm::description
