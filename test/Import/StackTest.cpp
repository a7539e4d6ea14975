// SPDX-License-Identifier: Apache-2.0
/// \file
/// The first package's block stacks with interpolation, and FlashRNN's cells.
#include "compiler/Import/Description.h"

#include <gtest/gtest.h>

using namespace xlstm::description;

static ModelDescription import(const std::string &text) {
  auto model = importDescriptionFromText(text, "config.yaml");
  EXPECT_TRUE(model) << (model ? "" : model.error().str());
  return model ? *model : ModelDescription();
}

static std::string failure(const std::string &text) {
  auto model = importDescriptionFromText(text, "c.yaml");
  EXPECT_FALSE(model);
  return model ? "" : model.error().str();
}

static const char *language = R"(
dataset:
  kwargs: {vocab_size: 128, length: "${.vocab_size}"}
training: {anything: [1, 2]}
model:
  num_blocks: 3
  embedding_dim: 64
  mlstm_block:
    mlstm:
      num_heads: 2
      context_length: ${...context_length}
  slstm_block:
    slstm: {num_heads: 4, backend: cuda, gradient_recurrent_cut: true, forward_clipval: 2.5}
    feedforward: {proj_factor: 1.3, act_fn: swish}
  slstm_at: [1]
  context_length: ${dataset.kwargs.length}
  vocab_size: ${dataset.kwargs.vocab_size}
  tie_weights: true
)";

TEST(BlockStack, LanguageModelUnderModelWithInterpolation) {
  ModelDescription model = import(language);
  EXPECT_EQ(model.source, Source::BlockStack);
  EXPECT_FALSE(model.cell);
  ASSERT_TRUE(model.network);
  EXPECT_EQ(model.network->vocabSize, 128);
  EXPECT_EQ(model.network->contextLength, 128);
  EXPECT_TRUE(model.network->tieWordEmbeddings);
  ASSERT_EQ(model.network->blocks.size(), 3u);
  EXPECT_EQ(model.network->blocks[0].kind, BlockKind::MLSTMBlock);
  EXPECT_EQ(model.network->blocks[0].cell.dv, 64);
  EXPECT_EQ(model.network->blocks[0].cell.scaleOn, ScaleOn::K);
  const BlockDescription &slstm = model.network->blocks[1];
  EXPECT_EQ(slstm.kind, BlockKind::SLSTMBlock);
  EXPECT_EQ(slstm.cell.d, 16);
  EXPECT_EQ(slstm.cell.forwardClip, 2.5);
  EXPECT_TRUE(slstm.cell.recurrentGradCut);
  EXPECT_EQ(slstm.ffnAct, "swish");
  EXPECT_EQ(slstm.ffnDim, 128);
  EXPECT_EQ(slstm.recurrentStorage, "cuda");
  EXPECT_EQ(model.notes, (std::vector<std::string>{}));
}

TEST(BlockStack, OneKindOfBlock) {
  ModelDescription model =
      import("mlstm_block: {mlstm: {num_heads: 4}}\nslstm_block: null\nnum_blocks: 2\n");
  ASSERT_TRUE(model.cell);
  EXPECT_EQ(model.cell->dqk, 64); // 2 * 128 / 4
  EXPECT_FALSE(model.network->vocabSize);
  model =
      import("mlstm_block: null\nslstm_block: {feedforward: null}\nnum_blocks: 2\nslstm_at: all\n");
  ASSERT_TRUE(model.cell);
  EXPECT_EQ(model.cell->kind, CellKind::SLSTM);
  EXPECT_FALSE(model.network->blocks[1].ffn);
}

TEST(BlockStack, BadInput) {
  EXPECT_EQ(failure("slstm_at: [1]\nnum_blocks: 2\nmlstm_block: {}\n"),
            "c.yaml: slstm_at: expected no block numbers without an slstm_block, got an array");
  EXPECT_EQ(failure("slstm_at: [2]\nnum_blocks: 2\nmlstm_block: {}\nslstm_block: {}\n"),
            "c.yaml: slstm_at[0]: expected an integer from 0 to 1, got 2");
  EXPECT_EQ(
      failure("mlstm_block: {mlstm: {num_haeds: 2}}\n"),
      "c.yaml: mlstm_block.mlstm.num_haeds: unknown key 'num_haeds', did you mean 'num_heads'?");
  EXPECT_EQ(failure("model:\n  mlstm_block: {}\n  num_blocks: ${model.nothing}\n"),
            "c.yaml: model.num_blocks: expected the name of a value in this file, got "
            "'${model.nothing}'");
  EXPECT_EQ(failure("mlstm_block: {}\nnum_blocks: ${.num_blocks}\n"),
            "c.yaml: num_blocks: expected an interpolation that ends in a value, got a circle");
  EXPECT_EQ(failure("mlstm_block: null\nslstm_block: null\n"),
            "c.yaml: expected an mlstm_block or an slstm_block, got neither");
  EXPECT_EQ(failure("mlstm_block: {mlstm: {num_heads: 3}}\n"),
            "c.yaml: mlstm_block: expected a multiple of heads (3) for the inner width, got 256");
}

TEST(FlashRNN, Cells) {
  ModelDescription model =
      import("function: slstm\nrecurrent_shape: HGDP\nnum_heads: 2\nhead_dim: 32\n"
             "hidden_dim: 64\ndtype: float16\ngradient_recurrent_clipval: 1.0\n");
  EXPECT_EQ(model.source, Source::FlashRNN);
  EXPECT_EQ(model.dtype, DType::F16);
  ASSERT_TRUE(model.cell);
  EXPECT_EQ(model.cell->kind, CellKind::SLSTM);
  EXPECT_EQ(model.cell->nRule, NRule::FloorOne);
  EXPECT_EQ(model.cell->d, 32);
  EXPECT_EQ(model.cell->recurrentGradClip, 1.0);
  EXPECT_EQ(model.notes.size(), 1u);
  model =
      import("function: gru\nrecurrent_shape: HGDP\nnum_heads: 2\nhidden_dim: 64\nnum_states: 1\n");
  EXPECT_EQ(model.cell->kind, CellKind::GRU);
  EXPECT_EQ(model.cell->d, 32);

  // All four functions, with the numbers of gates and states that FlashRNN itself writes.
  const std::pair<const char *, CellKind> functions[] = {{"lstm", CellKind::LSTM},
                                                         {"gru", CellKind::GRU},
                                                         {"elman", CellKind::Elman},
                                                         {"slstm", CellKind::SLSTM}};
  const int counts[][4] = {{4, 4, 4, 2}, {3, 3, 4, 1}, {1, 1, 1, 1}, {4, 4, 4, 4}}; // r w t s
  for (int i = 0; i < 4; ++i) {
    const auto &[name, kind] = functions[i];
    std::string text = "function: " + std::string(name) + "\nrecurrent_shape: GHDP\nhead_dim: 8\n";
    const char *keys[] = {"num_gates_r", "num_gates_w", "num_gates_t", "num_states"};
    for (int k = 0; k < 4; ++k)
      text += std::string(keys[k]) + ": " + std::to_string(counts[i][k]) + "\n";
    EXPECT_EQ(import(text + "gradient_recurrent_cut: true\nforward_clipval: 3\n").cell->kind, kind);
  }
}

TEST(FlashRNN, BadInput) {
  const std::string start = "function: lstm\nrecurrent_shape: HGDP\nnum_heads: 2\n";
  EXPECT_EQ(failure(start), "c.yaml: expected the key 'head_dim' or 'hidden_dim', got neither");
  EXPECT_EQ(failure(start + "hidden_dim: 7\n"),
            "c.yaml: hidden_dim: expected a multiple of num_heads (2), got 7");
  EXPECT_EQ(failure(start + "hidden_dim: 8\nhead_dim: 8\n"),
            "c.yaml: hidden_dim: expected num_heads * head_dim (16), got 8");
  EXPECT_EQ(failure(start + "head_dim: 8\nnum_states: 4\n"),
            "c.yaml: num_states: expected 2 for lstm, got 4");
  // The recurrent matrix lacks gates that the cell has.
  EXPECT_EQ(failure(start + "head_dim: 8\nnum_gates_r: 3\n"),
            "c.yaml: num_gates_r: expected 4 for lstm, got 3");
  EXPECT_EQ(failure("function: gru\nrecurrent_shape: HGDP\nhead_dim: 8\nnum_gates_w: 4\n"),
            "c.yaml: num_gates_w: expected 3 for gru, got 4");
  EXPECT_EQ(failure("function: elman\nrecurrent_shape: HGDP\nhead_dim: 8\nnum_gates_t: 4\n"),
            "c.yaml: num_gates_t: expected 1 for elman, got 4");
  EXPECT_EQ(
      failure(start + "head_dim: 8\nforward_clipvla: 4\n"),
      "c.yaml: forward_clipvla: unknown key 'forward_clipvla', did you mean 'forward_clipval'?");
}
