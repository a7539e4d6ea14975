// SPDX-License-Identifier: Apache-2.0
/// \file
/// Model descriptions: what a user's file says, as plain data. The compiler builds its IR from
/// these structs and never looks at the file again.
///
/// Five forms are read, told apart by their content (never by the file's name):
///   native       {"xlstm_model": 1, …}: one cell, or a stack of blocks
///   HuggingFace  {"model_type": "xlstm", …}: config.json of xLSTM-7B, or the folder that holds it
///   xLSTMLarge   embedding_dim, num_blocks, chunkwise_kernel …: configuration of the xlstm package
///   block stack  mlstm_block, slstm_block, slstm_at: YAML of the first xlstm package, also under
///                `model:`
///   FlashRNN     function, recurrent_shape: one recurrent cell
///
/// The mathematics behind every option: xLSTM (arXiv 2405.04517), xLSTM 7B (2503.13427), TFLA
/// (2503.14376; the sigmoid input gate), FlashRNN (2412.07752).
#ifndef XLSTM_COMPILER_IMPORT_DESCRIPTION_H
#define XLSTM_COMPILER_IMPORT_DESCRIPTION_H

#include "compiler/Import/Diagnostic.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xlstm::description {

// The enumerators stand in the order of their spellings (see `spelling`).
enum class DType { F64, F32, BF16, F16 };
enum class CellKind { MLSTM, SLSTM, LSTM, GRU, Elman, Custom };
enum class InputGate { Exp, Sigmoid };
enum class ScaleOn { Q, K };
enum class Denominator { MaxPlusEps, MaxWithEps };
enum class NormalizerGrad { Exact, Dropped };
enum class NRule { Plain, FloorOne };
enum class BlockKind { MLSTMBlock, SLSTMBlock, XLSTMLargeBlock };
enum class WeightMode { Single, Fused };
enum class Source { Native, HuggingFace, XLSTMLarge, BlockStack, FlashRNN };

/// All spellings of an enumeration, in the order of its enumerators: `exp`, `sigmoid`.
template <class E> const std::vector<std::string> &spellings();
template <> const std::vector<std::string> &spellings<DType>();
template <> const std::vector<std::string> &spellings<CellKind>();
template <> const std::vector<std::string> &spellings<InputGate>();
template <> const std::vector<std::string> &spellings<ScaleOn>();
template <> const std::vector<std::string> &spellings<Denominator>();
template <> const std::vector<std::string> &spellings<NormalizerGrad>();
template <> const std::vector<std::string> &spellings<NRule>();
template <> const std::vector<std::string> &spellings<BlockKind>();
template <> const std::vector<std::string> &spellings<WeightMode>();
template <> const std::vector<std::string> &spellings<Source>();

/// The spelling of one enumerator in a native description: `bf16`, `max_plus_eps`.
template <class E> const std::string &spelling(E value) {
  return spellings<E>()[static_cast<size_t>(value)];
}

/// A cell: the recurrence of one layer without its projections. Sizes are per head.
struct CellDescription {
  CellKind kind = CellKind::MLSTM;
  int64_t heads = 0;
  int64_t dqk = 0; ///< mlstm: size of q and k
  int64_t dv = 0;  ///< mlstm: size of v and h
  int64_t d = 0;   ///< every other kind: size of each state

  // mlstm
  InputGate inputGate = InputGate::Exp;
  bool normalize = true; ///< false only with the sigmoid gate: h = (s q)^T C
  double eps = 1e-6;
  ScaleOn scaleOn = ScaleOn::Q;
  Denominator denominator = Denominator::MaxPlusEps;
  NormalizerGrad normalizerGrad = NormalizerGrad::Exact;
  std::string stateDtype; ///< of C between steps, "f32", "bf16" or "f16"; "": f32, or f64 of an f64
                          ///< model

  // every kind but mlstm
  NRule nRule = NRule::Plain;        ///< slstm: n' = f' n + i', or max(that, 1)
  std::optional<double> forwardClip; ///< states are clipped to [-x, x]
  std::optional<double>
      recurrentGradClip;         ///< the gradient that flows through R h is clipped to [-x, x]
  bool recurrentGradCut = false; ///< no gradient flows through R h

  // custom; see Expression.h for the language. Cells.h gives the same for the built-in kinds.
  std::vector<std::string> states; ///< `h` first
  std::vector<std::string> gates;  ///< raw_g = [wx_g] + [R_g h] + b_g
  /// The gates that have a part in wx, and in r; none: all of them. As axes of wx and r they stand
  /// in the order of `gates`.
  std::optional<std::vector<std::string>> inputGates, recurrentGates;
  std::vector<std::pair<std::string, std::string>> let; ///< name and expression, in order
  std::vector<std::pair<std::string, std::string>>
      update; ///< state and expression, in the order of evaluation
};

/// A residual block of a stack. `cell` is derived from the block's options and the model's
/// embedding_dim; a field of another kind of block keeps its default.
struct BlockDescription {
  BlockKind kind = BlockKind::XLSTMLargeBlock;
  int64_t heads = 4;
  CellDescription cell;
  bool useBias = false;

  // mlstm_block (pre up-projection): D -> 2 inner, conv, block-diagonal q, k, v, cell, skip, gate,
  // inner -> D
  double projFactor = 2.0;
  int64_t projRoundUpTo = 64;
  int64_t qkvProjBlocksize = 4;
  int64_t innerDim = 0; ///< derived: round_up(projFactor * D, projRoundUpTo)

  // mlstm_block and slstm_block; 0 switches the convolution of an slstm_block off
  int64_t conv1dKernelSize = 4;

  // slstm_block (post up-projection)
  /// In which order a checkpoint stores R and b: "cell", as the cell takes them; "cuda",
  /// [H, Din, G Dout] and [H, G, D]; "vanilla", [H, G Dout, Din] and [G, H, D].
  std::string recurrentStorage = "cell";
  bool groupNormWeight = true;
  bool ffn = true;             ///< false: the block ends after the cell
  std::string ffnAct = "gelu"; ///< activation of the feed-forward gate

  // slstm_block (defaults 1.3, 64) and xlstm_large_block (defaults 2.667, 64)
  double ffnProjFactor = 2.667;
  int64_t ffnRoundUpTo = 64;
  int64_t ffnDim = 0; ///< derived: round_up(ffnProjFactor * D, ffnRoundUpTo)

  // xlstm_large_block
  double qkDimFactor = 0.5;
  double vDimFactor = 1.0;
  std::optional<double> gateSoftCap =
      15.0; ///< i, f -> cap * tanh(x / cap), before the cell; none: no cap
  WeightMode weightMode = WeightMode::Single;

  double normEps = 1e-6; ///< of the block's norms; 1e-5 for the two older blocks
  bool normReductionForceFloat32 = true;
};

/// A whole model: embedding, blocks, output norm, logits.
struct NetworkDescription {
  std::optional<int64_t> vocabSize; ///< none: a stack from [B, T, D] to [B, T, D]
  int64_t embeddingDim = 0;
  std::vector<BlockDescription> blocks;
  bool addOutNorm = true;
  double normEps = 1e-6;                    ///< of the output norm
  std::optional<double> outputLogitSoftCap; ///< logits -> cap * tanh(x / cap); none: no cap
  bool tieWordEmbeddings = false;
  std::optional<int64_t> contextLength; ///< recorded; every length runs
  std::optional<int64_t> bosTokenId, eosTokenId, padTokenId;
  bool returnLastStates = true;
  DType stateDtype = DType::F32; ///< of the mLSTM cells' C between calls; an f64 model keeps f64
};

struct ModelDescription {
  std::string name = "model";
  DType dtype = DType::F32; ///< of activations; gates, m, n and accumulation are f32 or better
  Source source = Source::Native;
  std::optional<CellDescription>
      cell; ///< a native cell, FlashRNN, or the layer's cell where all blocks share one
  std::optional<NetworkDescription> network;
  std::vector<std::string> notes; ///< one line for each key that was accepted and ignored
};

/// Reads the description in a file, or in the `config.json` / `config.yaml` of a folder.
Result<ModelDescription> importDescription(const std::string &path);

/// Reads a description from memory. `filename` stands in the diagnostics; its ending settles
/// whether a text that begins with `{` is YAML. Takes any bytes, never throws.
Result<ModelDescription> importDescriptionFromText(std::string_view text,
                                                   std::string_view filename);

/// Keeps the C of a description's mLSTM cells in `dtype` from call to call. The problem is that it has
/// none, or that the type does not go with that of its activations.
std::optional<std::string> setStateDtype(ModelDescription &model, DType dtype);

/// The JSON schema (draft 2020-12) of the native form, made from the tables that validate it.
std::string nativeSchema();

} // namespace xlstm::description

#endif // XLSTM_COMPILER_IMPORT_DESCRIPTION_H
