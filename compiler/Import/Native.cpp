// SPDX-License-Identifier: Apache-2.0
/// \file
/// The native form: {"xlstm_model": 1, "name", "dtype", and either "cell" or "embedding_dim" +
/// "blocks"}.
#include "compiler/Import/Native.h"
#include "compiler/Import/Blocks.h"
#include "compiler/Import/Formats.h"

namespace xlstm::description {

const std::string nativeCellModel = "a description with 'cell'";
const std::string nativeBlockModel = "a description with 'blocks'";

/// A field of the block's cell, in a block's table.
static Field<BlockDescription> inCell(const Field<CellDescription> &field) {
  Field<BlockDescription> result;
  static_cast<FieldInfo &>(result) = field;
  result.store = [store = field.store](BlockDescription &block, const Value &value) {
    store(block.cell, value);
  };
  result.load = [load = field.load](const BlockDescription &block) { return load(block.cell); };
  return result;
}

/// Options of the mlstm cell, also those of a block that holds one.
static Table<CellDescription> mlstmOptions() {
  using C = CellDescription;
  return {choice("input_gate", &C::inputGate, "activation of the input gate"),
          boolean("normalize", &C::normalize,
                  "divide by the normaliser; false needs the sigmoid input gate"),
          number("eps", &C::eps, 0, 1, "added in the denominator"),
          choice("scale_on", &C::scaleOn, "which of q and k carries dqk^-1/2"),
          choice("denominator", &C::denominator, "max(|z|, e^-m) + eps, or max(|z|, e^-m + eps)"),
          choice("normalizer_grad", &C::normalizerGrad,
                 "whether the backward pass differentiates the denominator")};
}

/// How a step keeps C; null where nothing is said.
static Field<CellDescription> stateDtype() {
  using C = CellDescription;
  Field<C> field = word("state_dtype", &C::stateDtype, {"f32", "bf16", "f16"},
                        "type of C between steps; n, m and all arithmetic stay f32");
  field.load = [](const C &cell) {
    return cell.stateDtype.empty() ? Value() : Value::ofString(cell.stateDtype);
  };
  return field;
}

/// Options of the recurrent cells.
static Table<CellDescription> recurrentOptions() {
  using C = CellDescription;
  return {number("forward_clip", &C::forwardClip, 1e-30, 1e30,
                 "states are clipped to [-x, x]; null: not"),
          number("recurrent_grad_clip", &C::recurrentGradClip, 1e-30, 1e30,
                 "the gradient through the recurrent product is clipped to [-x, x]; null: not"),
          boolean("recurrent_grad_cut", &C::recurrentGradCut,
                  "no gradient flows through the recurrent product")};
}

/// An array of names, at least `min`.
static Field<CellDescription> namesField(const char *name,
                                         std::vector<std::string> CellDescription::*member, int min,
                                         const char *doc) {
  Field<CellDescription> field = plainField<CellDescription>(FieldInfo::Type::Names, name, doc);
  field.min = min;
  field.store = [=](CellDescription &cell, const Value &value) {
    (cell.*member).clear();
    for (const Value &element : value.elements)
      (cell.*member).push_back(element.string);
  };
  field.load = [=](const CellDescription &cell) {
    Value array;
    array.kind = Value::Kind::Array;
    for (const std::string &element : cell.*member)
      array.elements.push_back(Value::ofString(element));
    return array;
  };
  return field;
}

/// The same, when it may be absent.
static Field<CellDescription>
namesField(const char *name, std::optional<std::vector<std::string>> CellDescription::*member,
           int min, const char *doc) {
  using C = CellDescription;
  Field<C> inner = namesField(name, &C::gates, min, doc), field = inner;
  field.store = [=](C &cell, const Value &value) {
    C other;
    inner.store(other, value);
    cell.*member = std::move(other.gates);
  };
  field.load = [=](const C &cell) {
    C other;
    other.gates = (cell.*member).value_or(std::vector<std::string>());
    return cell.*member ? inner.load(other) : Value();
  };
  return field.nullable();
}

static Field<CellDescription>
expressionsField(const char *name,
                 std::vector<std::pair<std::string, std::string>> CellDescription::*member,
                 const char *doc) {
  Field<CellDescription> field =
      plainField<CellDescription>(FieldInfo::Type::Expressions, name, doc);
  field.store = [=](CellDescription &cell, const Value &value) {
    for (const Member &entry : value.members)
      (cell.*member).emplace_back(entry.name, entry.value.string);
  };
  field.load = [=](const CellDescription &cell) {
    Value object;
    object.kind = Value::Kind::Object;
    for (const auto &[entry, text] : cell.*member)
      object.members.push_back({entry, Value::ofString(text)});
    return object;
  };
  return field;
}

/// What a custom cell is made of.
static Table<CellDescription> customParts() {
  using C = CellDescription;
  return {namesField("states", &C::states, 1, "names of the states, h first").required(),
          namesField("gates", &C::gates, 1, "names of the gates").required(),
          namesField("input_gates", &C::inputGates, 1,
                     "the gates with a part in wx, which has them in the order of gates; default: "
                     "all"),
          namesField("recurrent_gates", &C::recurrentGates, 0,
                     "the gates with a part in r, which has them in the order of gates; default: "
                     "all"),
          expressionsField("let", &C::let,
                           "named expressions, over what update may use and those before"),
          expressionsField("update", &C::update,
                           "one expression for each new state, over old states, gates, let and "
                           "states already updated as new.c")
              .required()};
}

const Table<CellDescription> &nativeCellTable() {
  using C = CellDescription;
  static const Table<C> table = [] {
    const std::vector<std::string> recurrent = {"slstm", "lstm", "gru", "elman", "custom"};
    Table<C> result = {choice("kind", &C::kind, "which recurrence").required(),
                       integer("heads", &C::heads, 1, maxHeadSize, "number of heads").required(),
                       integer("dqk", &C::dqk, 1, maxHeadSize, "size of q and k per head")
                           .required()
                           .only({"mlstm"}),
                       integer("dv", &C::dv, 1, maxHeadSize, "size of v and h per head")
                           .required()
                           .only({"mlstm"}),
                       integer("d", &C::d, 1, maxHeadSize, "size of each state per head")
                           .required()
                           .only(recurrent)};
    for (Field<C> &field : mlstmOptions())
      result.push_back(field.only({"mlstm"}));
    result.push_back(stateDtype().only({"mlstm"}));
    result.push_back(
        choice("n_rule", &C::nRule, "n' = f' n + i', or max(that, 1)").only({"slstm"}));
    for (Field<C> &field : recurrentOptions())
      result.push_back(field.only(recurrent));
    for (Field<C> &field : customParts())
      result.push_back(field.only({"custom"}));
    return result;
  }();
  return table;
}

Value nativeCell(const CellDescription &cell) {
  Value object;
  object.kind = Value::Kind::Object;
  for (const Field<CellDescription> &field : nativeCellTable())
    if (field.appliesTo(spelling(cell.kind)))
      if (Value value = field.load(cell);
          !value.isNull() && !(value.isObject() && value.members.empty()))
        object.members.push_back({field.name, std::move(value)});
  return object;
}

const Table<BlockDescription> &nativeBlockTable() {
  using B = BlockDescription;
  static const Table<B> table = [] {
    const std::string m = "mlstm_block", s = "slstm_block", large = "xlstm_large_block";
    Table<B> result = {
        choice("kind", &B::kind, "which block").required(),
        integer("heads", &B::heads, 1, maxHeadSize, "number of heads").required(),
        boolean("use_bias", &B::useBias, "biases in the projections (the gates always have one)"),
        number("norm_eps", &B::normEps, 0, 1, "in the block's norms"),
        number("proj_factor", &B::projFactor, 1e-3, 1e3, "inner width over embedding_dim")
            .only({m}),
        integer("proj_round_up_to_multiple_of", &B::projRoundUpTo, 1, maxHeadSize,
                "rounding of the inner width")
            .only({m}),
        integer("qkv_proj_blocksize", &B::qkvProjBlocksize, 1, maxHeadSize,
                "block size of the q, k, v projections")
            .only({m}),
        // A causal convolution of kernel 1 is a scale; 0 means none, which only the slstm_block
        // has.
        integer("conv1d_kernel_size", &B::conv1dKernelSize, 1, 1024,
                "length of the causal convolution")
            .only({m}),
        integer("conv1d_kernel_size", &B::conv1dKernelSize, 0, 1024,
                "length of the causal convolution; 0: none")
            .only({s}),
        boolean("group_norm_weight", &B::groupNormWeight, "the norm after the cell has a weight")
            .only({s}),
        boolean("ffn", &B::ffn, "the block has a feed-forward part").only({s}),
        word("ffn_act_fn", &B::ffnAct, {"gelu", "relu", "relu^2", "sigmoid", "swish", "selu"},
             "activation of the feed-forward gate")
            .only({s}),
        number("ffn_proj_factor", &B::ffnProjFactor, 1e-3, 1e3,
               "feed-forward width over embedding_dim")
            .only({s, large}),
        integer("ffn_round_up_to_multiple_of", &B::ffnRoundUpTo, 1, maxHeadSize,
                "rounding of the feed-forward width")
            .only({s, large}),
        number("qk_dim_factor", &B::qkDimFactor, 1e-6, 1e3, "width of q and k over embedding_dim")
            .only({large}),
        number("v_dim_factor", &B::vDimFactor, 1e-6, 1e3, "width of v over embedding_dim")
            .only({large}),
        number("gate_soft_cap", &B::gateSoftCap, 1e-6, 1e6,
               "i and f become cap * tanh(x / cap); null: no cap")
            .only({large}),
        choice("weight_mode", &B::weightMode, "whether q, k, v, o lie in one weight").only({large}),
        boolean("norm_reduction_force_float32", &B::normReductionForceFloat32,
                "norms reduce in f32")
            .only({large})};
    for (Field<CellDescription> &field : mlstmOptions())
      result.push_back(inCell(field.only({m, large})));
    result.push_back(inCell(
        choice("n_rule", &CellDescription::nRule, "n' = f' n + i', or max(that, 1)").only({s})));
    for (Field<CellDescription> &field : recurrentOptions())
      result.push_back(inCell(field.only({s})));
    return result;
  }();
  return table;
}

/// A field of the network, in the table of the top level.
static Field<NativeModel> inNetwork(const Field<NetworkDescription> &field) {
  Field<NativeModel> result;
  static_cast<FieldInfo &>(result) = field;
  result.kinds = {nativeBlockModel};
  result.store = [store = field.store](NativeModel &model, const Value &value) {
    store(model.network, value);
  };
  if (field.load)
    result.load = [load = field.load](const NativeModel &model) { return load(model.network); };
  return result;
}

const Table<NativeModel> &nativeModelTable() {
  using N = NativeModel;
  using Net = NetworkDescription;
  static const Table<N> table = [] {
    Field<N> name = plainField<N>(FieldInfo::Type::String, "name", "name of the model");
    name.store = [](N &model, const Value &value) { model.model.name = value.string; };
    name.load = [](const N &model) { return Value::ofString(model.model.name); };
    Field<N> dtype = plainField<N>(FieldInfo::Type::Choice, "dtype", "type of the activations");
    dtype.choices = spellings<DType>();
    dtype.store = [store = choice("", &ModelDescription::dtype, "").store](
                      N &model, const Value &value) { store(model.model, value); };
    Table<N> result = {ignored<N>("$schema"),
                       integer("xlstm_model", &N::version, 1, 1, "version of this form").required(),
                       name,
                       dtype.required(),
                       nested<N>("cell", "cell", "one cell").required().only({nativeCellModel}),
                       nested<N>("blocks", "blocks", "the stack, first block first")
                           .required()
                           .only({nativeBlockModel})};
    Field<Net> width =
        integer("embedding_dim", &Net::embeddingDim, 1, maxWidth, "width of the residual stream");
    result.push_back(inNetwork(width.required()));
    for (const Field<Net> &field : Table<Net>{
             integer("vocab_size", &Net::vocabSize, 1, maxVocabulary,
                     "number of tokens; none: no embedding, no logits"),
             boolean("add_out_norm", &Net::addOutNorm, "a norm after the last block"),
             number("norm_eps", &Net::normEps, 0, 1, "in the norm after the last block"),
             number("output_logit_soft_cap", &Net::outputLogitSoftCap, 1e-6, 1e6,
                    "logits become cap * tanh(x / cap); null: no cap"),
             boolean("tie_word_embeddings", &Net::tieWordEmbeddings,
                     "logits use the embedding's weight"),
             choice("state_dtype", &Net::stateDtype,
                    "type of the mLSTM cells' C between calls; a model of f64 keeps f64"),
             integer("bos_token_id", &Net::bosTokenId, 0, maxVocabulary,
                     "token that begins a text"),
             integer("eos_token_id", &Net::eosTokenId, 0, maxVocabulary, "token that ends a text"),
             integer("pad_token_id", &Net::padTokenId, 0, maxVocabulary,
                     "token that fills a batch")})
      result.push_back(inNetwork(field));
    return result;
  }();
  return table;
}

/// The parts of a custom cell that must be strings: the table only sees the array and the object
/// around them.
static Check checkStrings(const Value &cell, const std::string &path) {
  for (const char *key : {"states", "gates", "input_gates", "recurrent_gates"})
    if (const Value *names = cell.find(key); names && names->isArray())
      for (size_t i = 0; i < names->elements.size(); ++i)
        if (!names->elements[i].isString())
          return Problem{join(join(path, key), i),
                         "expected a name, got " + names->elements[i].describe()};
  for (const char *key : {"let", "update"})
    if (const Value *expressions = cell.find(key))
      for (const Member &member : expressions->members)
        if (!member.value.isString())
          return Problem{join(join(path, key), member.name),
                         "expected an expression as a string, got " + member.value.describe()};
  return std::nullopt;
}

static Check readCell(const Value &value, const std::string &path, CellDescription &cell,
                      std::vector<std::string> &notes) {
  size_t kind = 0;
  if (Check problem = readKind(value, path, spellings<CellKind>(), kind))
    return problem;
  if (Check problem = checkStrings(value, path))
    return problem;
  if (Check problem =
          readFields(nativeCellTable(), value, path, spellings<CellKind>()[kind], cell, notes))
    return problem;
  return checkCell(cell, path);
}

static Check readBlocks(const Value &value, const std::string &path, NetworkDescription &network,
                        std::vector<std::string> &notes) {
  if (!value.isArray())
    return Problem{path, "expected an array of blocks, got " + value.describe()};
  if (value.elements.empty() || value.elements.size() > maxBlocks)
    return Problem{path, "expected from 1 to " + std::to_string(maxBlocks) + " blocks, got " +
                             std::to_string(value.elements.size())};
  for (size_t i = 0; i < value.elements.size(); ++i) {
    const Value &element = value.elements[i];
    std::string place = join(path, i);
    size_t kind = 0;
    if (Check problem = readKind(element, place, spellings<BlockKind>(), kind))
      return problem;
    BlockDescription block = defaultBlock(static_cast<BlockKind>(kind));
    if (Check problem = readFields(nativeBlockTable(), element, place, spellings<BlockKind>()[kind],
                                   block, notes))
      return problem;
    if (Check problem = deriveBlock(block, network.embeddingDim, place))
      return problem;
    network.blocks.push_back(std::move(block));
  }
  return std::nullopt;
}

/// A model's name also names files and functions.
static Check checkName(const std::string &name) {
  bool valid = !name.empty() && name.size() <= 128 && name[0] != '.' && name[0] != '-';
  for (char c : name)
    valid = valid && ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '_' || c == '-' || c == '.');
  if (valid)
    return std::nullopt;
  return Problem{"name", "expected 1 to 128 letters, digits, '_', '-' or '.' that begin with "
                         "neither '.' nor '-', got '" +
                             printable(name) + "'"};
}

Result<ModelDescription, Problem> importNative(const Value &root) {
  const Value *cell = root.find("cell"), *blocks = root.find("blocks");
  if (cell && blocks)
    return Problem{"blocks", "expected either 'cell' or 'blocks', got both"};
  if (!cell && !blocks)
    // A misspelt 'cell' is an unknown key; the table says so with the nearest name.
    for (const Member &member : root.members)
      if (std::string near = nearest(member.name, {"cell", "blocks"}); !near.empty())
        return Problem{join("", member.name), "unknown key '" + printable(member.name) +
                                                  "', did you mean '" + near + "'?"};
  if (!cell && !blocks)
    return Problem{"", "expected the key 'cell' or 'blocks', got neither"};

  NativeModel native;
  ModelDescription &model = native.model;
  model.source = Source::Native;
  if (Check problem = readFields(nativeModelTable(), root, "",
                                 cell ? nativeCellModel : nativeBlockModel, native, model.notes))
    return *problem;
  if (Check problem = checkName(model.name))
    return *problem;
  if (cell) {
    model.cell.emplace();
    if (Check problem = readCell(*cell, "cell", *model.cell, model.notes))
      return *problem;
    if (model.dtype == DType::F64 && !model.cell->stateDtype.empty())
      return Problem{"cell.state_dtype",
                     "expected none with dtype f64, whose states are f64, got '" +
                         model.cell->stateDtype + "'"};
    return std::move(model);
  }
  if (Check problem = readBlocks(*blocks, "blocks", native.network, model.notes))
    return *problem;
  model.network = std::move(native.network);
  if (auto problem = checkStateDtype(model, model.network->stateDtype))
    return Problem{"state_dtype", *problem};
  return std::move(model);
}

} // namespace xlstm::description
