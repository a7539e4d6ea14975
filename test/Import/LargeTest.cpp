// SPDX-License-Identifier: Apache-2.0
/// \file
/// xLSTM-7B's configuration in its two forms. The expected sizes are those of the published
/// weights.
#include "compiler/Import/Description.h"

#include <algorithm>
#include <gtest/gtest.h>

using namespace xlstm::description;

static ModelDescription import(const std::string &text, const std::string &file = "config.json") {
  auto model = importDescriptionFromText(text, file);
  EXPECT_TRUE(model) << (model ? "" : model.error().str());
  return model ? *model : ModelDescription();
}

static void expect7B(const ModelDescription &model) {
  ASSERT_TRUE(model.cell && model.network);
  EXPECT_EQ(model.dtype, DType::BF16);
  const CellDescription &cell = *model.cell;
  EXPECT_EQ(cell.kind, CellKind::MLSTM);
  EXPECT_EQ(cell.heads, 8);
  EXPECT_EQ(cell.dqk, 256);
  EXPECT_EQ(cell.dv, 512);
  EXPECT_EQ(cell.scaleOn, ScaleOn::Q);
  EXPECT_EQ(cell.inputGate, InputGate::Exp);
  EXPECT_EQ(cell.eps, 1e-6);
  const NetworkDescription &network = *model.network;
  EXPECT_EQ(network.vocabSize, 50304);
  EXPECT_EQ(network.embeddingDim, 4096);
  EXPECT_EQ(network.blocks.size(), 32u);
  EXPECT_EQ(network.outputLogitSoftCap, 30.0);
  EXPECT_TRUE(network.addOutNorm);
  EXPECT_FALSE(network.tieWordEmbeddings);
  const BlockDescription &block = network.blocks[31];
  EXPECT_EQ(block.kind, BlockKind::XLSTMLargeBlock);
  EXPECT_EQ(block.gateSoftCap, 15.0);
  EXPECT_EQ(block.ffnDim, 10944);

  // The parameters that follow from these sizes are those of the checkpoint: 6 865 424 896.
  int64_t width = network.embeddingDim, qk = cell.heads * cell.dqk, v = cell.heads * cell.dv;
  int64_t perBlock = 2 * width                                    // norms
                     + 2 * qk * width + 2 * v * width + width * v // q, k, v, o, out
                     + 2 * (cell.heads * width + cell.heads)      // i, f with biases
                     + v                                          // multi-head norm
                     + 3 * block.ffnDim * width;                  // feed-forward
  EXPECT_EQ(32 * perBlock + 2 * *network.vocabSize * width + width, 6865424896);
}

TEST(HuggingFace, PublishedConfiguration) {
  auto file = importDescription(XLSTM_SOURCE_DIR "/examples/xlstm_7b/config.json");
  ASSERT_TRUE(file) << file.error().str();
  expect7B(*file);
  EXPECT_EQ(file->source, Source::HuggingFace);
  EXPECT_EQ(file->network->bosTokenId, 0);
  EXPECT_EQ(file->network->padTokenId, 1);
  EXPECT_EQ(file->network->eosTokenId, 2);
  // One note for each key that names a kernel, nothing about the old fields.
  EXPECT_EQ(file->notes, (std::vector<std::string>{
                             "chunkwise_kernel: accepted and ignored, it only names a kernel",
                             "sequence_kernel: accepted and ignored, it only names a kernel",
                             "step_kernel: accepted and ignored, it only names a kernel"}));
  auto folder = importDescription(XLSTM_SOURCE_DIR "/examples/xlstm_7b");
  ASSERT_TRUE(folder) << folder.error().str();
  expect7B(*folder);
}

TEST(HuggingFace, DefaultsAreThoseOfTheClass) { expect7B(import(R"({ "model_type": "xlstm" })")); }

TEST(HuggingFace, EitherNameOfWidthAndDepth) {
  ModelDescription model =
      import(R"({ "model_type": "xlstm", "hidden_size": 512, "embedding_dim": null,
    "num_hidden_layers": 3, "num_heads": 4 })");
  EXPECT_EQ(model.network->embeddingDim, 512);
  EXPECT_EQ(model.network->blocks.size(), 3u);
  EXPECT_EQ(model.cell->dqk, 64);
  EXPECT_EQ(model.cell->dv, 128);
}

TEST(HuggingFace, OldFieldsAreSilentAndOldNormsNoted) {
  EXPECT_TRUE(
      import(
          R"({ "model_type": "xlstm", "add_qk_norm": false, "head_dim": 3, "forward_backend_name": "x",
    "step_backend_name": "y", "add_post_norm": null, "cell_norm_eps": 1, "igate_bias_init_range": [1] })")
          .notes.empty());
  EXPECT_EQ(import(R"({ "model_type": "xlstm", "add_post_norm": true })").notes,
            (std::vector<std::string>{
                "add_post_norm: accepted and ignored, as the public implementation does"}));
}

TEST(HuggingFace, KernelWithTheSigmoidGateIsAnotherCell) {
  ModelDescription model = import(
      R"({ "model_type": "xlstm", "chunkwise_kernel": "chunkwise--triton_xl_chunk_siging" })");
  EXPECT_EQ(model.cell->inputGate, InputGate::Sigmoid);
  EXPECT_EQ(model.network->blocks[0].cell.inputGate, InputGate::Sigmoid);
}

TEST(HuggingFace, WidthThatTheClassWouldRoundIsNoted) {
  ModelDescription model =
      import(R"({ "model_type": "xlstm", "embedding_dim": 96, "num_heads": 4 })");
  EXPECT_EQ(model.cell->dqk, 12);
  EXPECT_EQ(std::count(model.notes.begin(), model.notes.end(),
                       "qk_dim_factor: gives the width 48, no multiple of "
                       "mlstm_round_up_to_multiple_of (64); the "
                       "layers use it unrounded"),
            1);
}

static const char *largeYaml =
    "vocab_size: 50304\nembedding_dim: 4096\nnum_heads: 8\nnum_blocks: 32\n"
    "chunkwise_kernel: chunkwise--triton_limit_chunk\n";

TEST(XLSTMLarge, Yaml) {
  ModelDescription model = import(largeYaml, "config.yaml");
  expect7B(model);
  EXPECT_EQ(model.source, Source::XLSTMLarge);
  EXPECT_FALSE(model.network->returnLastStates);
  EXPECT_EQ(model.network->blocks[0].ffnProjFactor, 2.6667);
  EXPECT_EQ(model.notes.size(), 1u);
}

TEST(XLSTMLarge, Json) {
  ModelDescription model =
      import(R"({ "vocab_size": 100, "embedding_dim": 128, "num_heads": 2, "num_blocks": 1,
    "chunkwise_kernel": "x", "gate_soft_cap": null, "autocast_kernel_dtype": "float32" })");
  EXPECT_EQ(model.dtype, DType::F32);
  EXPECT_FALSE(model.network->blocks[0].gateSoftCap);
  EXPECT_EQ(model.cell->dqk, 32);
}
