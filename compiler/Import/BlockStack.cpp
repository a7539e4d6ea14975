// SPDX-License-Identifier: Apache-2.0
/// \file
/// The first xlstm package's block stack or language model: YAML with `${a.b}` interpolation.
#include "compiler/Import/Blocks.h"
#include "compiler/Import/Formats.h"
#include "compiler/Import/Table.h"

#include <algorithm>

namespace xlstm::description {
namespace {

/// Replaces `${a.b.c}` (from the top), `${.x}` (beside the value) and `${..x}` (one level up) by
/// what they name.
class Interpolation {
public:
  explicit Interpolation(const Value &document) : document(document) {}

  /// `value` stands at `keys` from the top of the document.
  Check resolve(Value &value, std::vector<std::string> keys) {
    if (value.isString() && value.string.substr(0, 2) == "${")
      return replace(value, keys);
    for (size_t i = 0; i < value.elements.size(); ++i)
      if (Check problem = resolve(value.elements[i], keys))
        return problem;
    for (Member &member : value.members) {
      keys.push_back(member.name);
      if (Check problem = resolve(member.value, keys))
        return problem;
      keys.pop_back();
    }
    return std::nullopt;
  }

private:
  Check replace(Value &value, std::vector<std::string> keys) {
    std::string path = keys.empty() ? "" : keys[0];
    for (size_t i = 1; i < keys.size(); ++i)
      path = join(path, keys[i]);
    // A name may name another one; more steps than this are a circle.
    for (int step = 0; step < 16; ++step) {
      std::string name = value.string;
      Problem unknown{path,
                      "expected the name of a value in this file, got '" + printable(name) + "'"};
      if (name.size() < 4 || name.back() != '}')
        return unknown;
      name = name.substr(2, name.size() - 3);
      std::vector<std::string> target;
      if (size_t dots = std::min(name.find_first_not_of('.'), name.size()); dots > 0) {
        if (dots > keys.size())
          return unknown;
        target.assign(keys.begin(), keys.end() - static_cast<long>(dots));
        name = name.substr(dots);
      }
      for (size_t start = 0; start <= name.size();) {
        size_t end = std::min(name.find('.', start), name.size());
        target.push_back(name.substr(start, end - start));
        start = end + 1;
      }
      const Value *found = &document;
      for (const std::string &key : target)
        if (found)
          found = found->find(key);
      if (!found || found->isObject())
        return unknown;
      for (const Value &element : found->elements)
        if (element.isArray() || element.isObject() ||
            element.string.find("${") != std::string::npos)
          return unknown;
      budget -= std::min(budget, 1 + found->elements.size() + found->string.size() / 16);
      if (budget == 0)
        return Problem{path, "expected at most " + std::to_string(maxValues) +
                                 " interpolated values, got more"};
      value = *found;
      keys = target;
      if (!value.isString() || value.string.substr(0, 2) != "${")
        return std::nullopt;
    }
    return Problem{path, "expected an interpolation that ends in a value, got a circle"};
  }

  const Value &document;
  size_t budget = maxValues;
};

/// One part of the configuration; each table fills its share.
struct StackConfig {
  NetworkDescription network;
  BlockDescription mlstm = defaultBlock(BlockKind::MLSTMBlock);
  BlockDescription slstm = defaultBlock(BlockKind::SLSTMBlock);
  int64_t numBlocks = 1;
  double dropout = 0;
  bool bias = false;
  bool roundUp = true;
  double initialValue = 0;
};

template <class M> Field<StackConfig> through(M StackConfig::*part, const Field<M> &field) {
  Field<StackConfig> result;
  static_cast<FieldInfo &>(result) = field;
  result.store = [=, store = field.store](StackConfig &config, const Value &value) {
    store(config.*part, value);
  };
  return result;
}

void ignore(Table<StackConfig> &table, std::initializer_list<const char *> names) {
  for (const char *name : names)
    table.push_back(ignored<StackConfig>(name));
}

Field<StackConfig> dropoutField() {
  return number("dropout", &StackConfig::dropout, 0, 1, "probability").nullable();
}

Table<StackConfig> stackTable() {
  using S = StackConfig;
  using N = NetworkDescription;
  Table<S> table = {nested<S>("mlstm_block", "", ""),
                    nested<S>("slstm_block", "", ""),
                    nested<S>("slstm_at", "", ""),
                    integer("num_blocks", &S::numBlocks, 1, maxBlocks, "number of blocks"),
                    boolean("bias", &S::bias, "biases in the projections"),
                    dropoutField()};
  Field<N> width =
      integer("embedding_dim", &N::embeddingDim, 1, maxWidth, "width of the residual stream");
  table.push_back(through(&S::network, width));
  for (const Field<N> &field :
       Table<N>{integer("context_length", &N::contextLength, -1, int64_t{1} << 40,
                        "length of the training texts"),
                integer("vocab_size", &N::vocabSize, 1, maxVocabulary, "number of tokens"),
                boolean("add_post_blocks_norm", &N::addOutNorm, "a norm after the last block"),
                boolean("tie_weights", &N::tieWordEmbeddings, "logits use the embedding's weight")})
    table.push_back(through(&S::network, field));
  ignore(table, {"weight_decay_on_embedding", "add_embedding_dropout", "_num_blocks", "_block_idx",
                 "_block_map", "_inner_embedding_dim", "_target_", "name"});
  return table;
}

Table<StackConfig> mlstmTable() {
  using S = StackConfig;
  using B = BlockDescription;
  Table<S> table = {dropoutField(),
                    boolean("round_proj_up_dim_up", &S::roundUp, "round the inner width up")};
  for (const Field<B> &field :
       Table<B>{integer("conv1d_kernel_size", &B::conv1dKernelSize, 1, 1024,
                        "length of the convolution"),
                integer("qkv_proj_blocksize", &B::qkvProjBlocksize, 1, maxHeadSize,
                        "block size of q, k, v"),
                integer("num_heads", &B::heads, 1, maxHeadSize, "number of heads"),
                number("proj_factor", &B::projFactor, 1e-3, 1e3, "inner width over embedding_dim"),
                integer("round_proj_up_to_multiple_of", &B::projRoundUpTo, 1, maxHeadSize,
                        "rounding of that width"),
                boolean("bias", &B::useBias, "biases in the projections")})
    table.push_back(through(&S::mlstm, field));
  // The package overwrites these from the stack.
  ignore(table, {"embedding_dim", "context_length", "_num_blocks", "_block_idx",
                 "_inner_embedding_dim", "_proj_up_dim"});
  return table;
}

Field<BlockDescription> inCell(const char *name, std::optional<double> CellDescription::*member) {
  Field<CellDescription> inner = number(name, member, 1e-30, 1e30, "clip; null: none");
  Field<BlockDescription> field;
  static_cast<FieldInfo &>(field) = inner;
  field.store = [store = inner.store](BlockDescription &block, const Value &value) {
    store(block.cell, value);
  };
  return field;
}

Table<StackConfig> slstmTable() {
  using S = StackConfig;
  using B = BlockDescription;
  Table<S> table = {dropoutField()};
  Field<B> cut = plainField<B>(FieldInfo::Type::Boolean, "gradient_recurrent_cut",
                               "cut the recurrent gradient");
  cut.store = [](B &b, const Value &value) { b.cell.recurrentGradCut = value.boolean; };
  Field<B> function = plainField<B>(FieldInfo::Type::Choice, "function", "which cell");
  function.choices = {"slstm", "lstm"};
  function.store = [](B &b, const Value &value) {
    b.cell.kind = value.string == "lstm" ? CellKind::LSTM : CellKind::SLSTM;
  };
  for (const Field<B> &field :
       Table<B>{integer("num_heads", &B::heads, 1, maxHeadSize, "number of heads"),
                integer("conv1d_kernel_size", &B::conv1dKernelSize, 0, 1024,
                        "length of the convolution; 0: none"),
                boolean("group_norm_weight", &B::groupNormWeight,
                        "the norm after the cell has a weight"),
                inCell("forward_clipval", &CellDescription::forwardClip),
                inCell("gradient_recurrent_clipval", &CellDescription::recurrentGradClip), cut,
                word("backend", &B::recurrentStorage, {"vanilla", "cuda"},
                     "the order in which recurrent weights are stored"),
                function})
    table.push_back(through(&S::slstm, field));
  ignore(table, {"num_states",
                 "num_gates",
                 "embedding_dim",
                 "context_length",
                 "hidden_size",
                 "head_dim",
                 "bias_init",
                 "recurrent_weight_init",
                 "batch_size",
                 "input_shape",
                 "internal_input_shape",
                 "output_shape",
                 "constants",
                 "dtype",
                 "dtype_b",
                 "dtype_r",
                 "dtype_w",
                 "dtype_g",
                 "dtype_s",
                 "dtype_a",
                 "enable_automatic_mixed_precision",
                 "_num_blocks",
                 "_block_idx"});
  // Only 0, the value of every published model; other initial states are inputs.
  table.push_back(number("initial_val", &S::initialValue, 0, 0, "initial value of every state"));
  return table;
}

Table<StackConfig> feedforwardTable() {
  using S = StackConfig;
  using B = BlockDescription;
  Table<S> table = {dropoutField(),
                    boolean("round_proj_up_dim_up", &S::roundUp, "round the width up"),
                    ignored<S>("bias")};
  for (const Field<B> &field :
       Table<B>{number("proj_factor", &B::ffnProjFactor, 1e-3, 1e3,
                       "feed-forward width over embedding_dim"),
                integer("round_proj_up_to_multiple_of", &B::ffnRoundUpTo, 1, maxHeadSize,
                        "rounding of that width"),
                word("act_fn", &B::ffnAct, {"gelu", "relu", "relu^2", "sigmoid", "swish", "selu"},
                     "activation")})
    table.push_back(through(&S::slstm, field));
  Field<S> type = plainField<S>(FieldInfo::Type::Choice, "ff_type", "kind of feed-forward part");
  type.choices = {"ffn_gated"};
  table.push_back(type);
  ignore(table, {"embedding_dim", "_num_blocks", "_proj_up_dim"});
  return table;
}

/// Reads `block.part` (for example `mlstm_block.mlstm`) where it is given.
Check readPart(const Value &block, const std::string &path, const char *part,
               const Table<StackConfig> &table, StackConfig &config,
               std::vector<std::string> &notes) {
  const Value *value = block.find(part);
  if (!value || value->isNull())
    return std::nullopt;
  return readFields(table, *value, join(path, part), "", config, notes);
}

/// The keys of a block itself: its parts and what the package writes into them.
Check checkBlockKeys(const Value &block, const std::string &path,
                     std::initializer_list<const char *> parts) {
  Table<StackConfig> table;
  ignore(table, parts);
  ignore(table, {"_num_blocks", "_block_idx"});
  return checkKeys(infos(table), block, path, "");
}

/// Which blocks are sLSTM blocks.
Check readOrder(const Value &root, const std::string &path, const StackConfig &config,
                bool hasMLSTM, bool hasSLSTM, std::vector<bool> &isSLSTM) {
  isSLSTM.assign(config.numBlocks, !hasMLSTM);
  const Value *order = root.find("slstm_at");
  std::string place = join(path, "slstm_at");
  if (!order || order->isNull())
    return std::nullopt;
  if (order->isString() && order->string == "all") {
    isSLSTM.assign(config.numBlocks, true);
  } else {
    if (!order->isArray())
      return Problem{place, "expected a list of block numbers or 'all', got " + order->describe()};
    FieldInfo index;
    index.type = FieldInfo::Type::Integer;
    index.max = static_cast<double>(config.numBlocks - 1);
    for (size_t i = 0; i < order->elements.size(); ++i) {
      if (Check problem = checkValue(index, order->elements[i], join(place, i)))
        return problem;
      isSLSTM[order->elements[i].integer] = true;
    }
  }
  if (!hasSLSTM && std::find(isSLSTM.begin(), isSLSTM.end(), true) != isSLSTM.end())
    return Problem{place,
                   "expected no block numbers without an slstm_block, got " + order->describe()};
  return std::nullopt;
}

Check readStack(const Value &root, const std::string &path, StackConfig &config,
                std::vector<bool> &isSLSTM, std::vector<std::string> &notes) {
  if (Check problem = readFields(stackTable(), root, path, "", config, notes))
    return problem;
  config.mlstm.useBias = config.slstm.useBias = config.bias;
  const Value *mlstm = root.find("mlstm_block"), *slstm = root.find("slstm_block");
  bool hasMLSTM = mlstm && !mlstm->isNull(), hasSLSTM = slstm && !slstm->isNull();
  if (!hasMLSTM && !hasSLSTM)
    return Problem{path, "expected an mlstm_block or an slstm_block, got neither"};
  if (hasMLSTM) {
    std::string place = join(path, "mlstm_block");
    if (Check problem = checkBlockKeys(*mlstm, place, {"mlstm"}))
      return problem;
    if (Check problem = readPart(*mlstm, place, "mlstm", mlstmTable(), config, notes))
      return problem;
  }
  if (hasSLSTM) {
    std::string place = join(path, "slstm_block");
    if (Check problem = checkBlockKeys(*slstm, place, {"slstm", "feedforward"}))
      return problem;
    if (Check problem = readPart(*slstm, place, "slstm", slstmTable(), config, notes))
      return problem;
    if (Check problem = readPart(*slstm, place, "feedforward", feedforwardTable(), config, notes))
      return problem;
    const Value *feedforward = slstm->find("feedforward");
    config.slstm.ffn = !feedforward || !feedforward->isNull();
  }
  if (!config.roundUp)
    return Problem{
        path, "expected round_proj_up_dim_up true, got false (not importable by this version)"};
  if (config.dropout != 0)
    notes.push_back("dropout: accepted and ignored, no dropout is applied");
  return readOrder(root, path, config, hasMLSTM, hasSLSTM, isSLSTM);
}

} // namespace

Result<ModelDescription, Problem> importBlockStack(const Value &document, const std::string &path) {
  Value root = path.empty() ? document : *document.find(path);
  std::vector<std::string> keys;
  if (!path.empty())
    keys.push_back(path);
  if (Check problem = Interpolation(document).resolve(root, keys))
    return *problem;

  StackConfig config;
  config.slstm.recurrentStorage = "cuda"; // of the package's default backend
  config.network.embeddingDim = 128;
  config.network.normEps = 1e-5;
  ModelDescription model;
  model.source = Source::BlockStack;
  model.name = "xlstm_stack";
  std::vector<bool> isSLSTM;
  if (Check problem = readStack(root, path, config, isSLSTM, model.notes))
    return *problem;

  NetworkDescription &network = config.network;
  bool first = isSLSTM[0];
  bool uniform =
      std::all_of(isSLSTM.begin(), isSLSTM.end(), [&](bool other) { return other == first; });
  for (bool slstm : {true, false}) {
    if (std::find(isSLSTM.begin(), isSLSTM.end(), slstm) == isSLSTM.end())
      continue;
    BlockDescription &block = slstm ? config.slstm : config.mlstm;
    if (Check problem = deriveBlock(block, network.embeddingDim,
                                    join(path, slstm ? "slstm_block" : "mlstm_block")))
      return *problem;
  }
  for (bool slstm : isSLSTM)
    network.blocks.push_back(slstm ? config.slstm : config.mlstm);
  if (uniform)
    model.cell = network.blocks[0].cell;
  model.network = std::move(network);
  return model;
}

} // namespace xlstm::description
