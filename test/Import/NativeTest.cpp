// SPDX-License-Identifier: Apache-2.0
/// \file
/// The native form: every kind of cell and block, options, defaults.
#include "compiler/Import/Description.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

using namespace xlstm::description;

static ModelDescription import(const std::string &text, const std::string &file = "model.json") {
  auto model = importDescriptionFromText(text, file);
  EXPECT_TRUE(model) << (model ? "" : model.error().str());
  return model ? *model : ModelDescription();
}

static std::string withCell(const std::string &cell) {
  return R"({ "xlstm_model": 1, "name": "t", "dtype": "f32", "cell": )" + cell + "}";
}

TEST(Native, MLSTMCellWithDefaults) {
  ModelDescription model = import(R"({ "xlstm_model": 1, "name": "layer_7b", "dtype": "bf16",
    "cell": { "kind": "mlstm", "heads": 8, "dqk": 256, "dv": 512, "input_gate": "exp" } })");
  EXPECT_EQ(model.name, "layer_7b");
  EXPECT_EQ(model.dtype, DType::BF16);
  EXPECT_EQ(model.source, Source::Native);
  EXPECT_FALSE(model.network);
  EXPECT_TRUE(model.notes.empty());
  ASSERT_TRUE(model.cell);
  EXPECT_EQ(model.cell->kind, CellKind::MLSTM);
  EXPECT_EQ(model.cell->heads, 8);
  EXPECT_EQ(model.cell->dqk, 256);
  EXPECT_EQ(model.cell->dv, 512);
  EXPECT_EQ(model.cell->inputGate, InputGate::Exp);
  EXPECT_TRUE(model.cell->normalize);
  EXPECT_EQ(model.cell->eps, 1e-6);
  EXPECT_EQ(model.cell->scaleOn, ScaleOn::Q);
  EXPECT_EQ(model.cell->denominator, Denominator::MaxPlusEps);
  EXPECT_EQ(model.cell->normalizerGrad, NormalizerGrad::Exact);
  EXPECT_EQ(model.cell->stateDtype, "");
}

TEST(Native, MLSTMCellWithEveryOption) {
  CellDescription cell =
      *import(withCell(R"({ "kind": "mlstm", "heads": 1, "dqk": 5, "dv": 1, "eps": 0,
    "scale_on": "k", "denominator": "max_with_eps", "normalizer_grad": "dropped",
    "state_dtype": "bf16" })"))
           .cell;
  EXPECT_EQ(cell.eps, 0);
  EXPECT_EQ(cell.scaleOn, ScaleOn::K);
  EXPECT_EQ(cell.denominator, Denominator::MaxWithEps);
  EXPECT_EQ(cell.normalizerGrad, NormalizerGrad::Dropped);
  EXPECT_EQ(cell.stateDtype, "bf16");
  cell =
      *import(withCell(R"({ "kind": "mlstm", "heads": 1, "dqk": 5, "dv": 1, "input_gate": "sigmoid",
    "normalize": false })"))
           .cell;
  EXPECT_EQ(cell.inputGate, InputGate::Sigmoid);
  EXPECT_FALSE(cell.normalize);
}

TEST(Native, RecurrentCells) {
  const std::pair<const char *, CellKind> kinds[] = {{"slstm", CellKind::SLSTM},
                                                     {"lstm", CellKind::LSTM},
                                                     {"gru", CellKind::GRU},
                                                     {"elman", CellKind::Elman}};
  for (const auto &[name, kind] : kinds) {
    CellDescription cell =
        *import(withCell(R"({ "heads": 4, "d": 64, "forward_clip": 10, "recurrent_grad_clip": 0.5,
      "recurrent_grad_cut": true, "kind": ")" +
                         std::string(name) + "\"}"))
             .cell;
    EXPECT_EQ(cell.kind, kind);
    EXPECT_EQ(cell.heads, 4);
    EXPECT_EQ(cell.d, 64);
    EXPECT_EQ(cell.forwardClip, 10.0);
    EXPECT_EQ(cell.recurrentGradClip, 0.5);
    EXPECT_TRUE(cell.recurrentGradCut);
    EXPECT_EQ(spelling(kind), name);
  }
  EXPECT_EQ(import(withCell(R"({ "kind": "slstm", "heads": 1, "d": 1, "n_rule": "floor_one" })"))
                .cell->nRule,
            NRule::FloorOne);
  EXPECT_FALSE(import(withCell(R"({ "kind": "lstm", "heads": 1, "d": 1, "forward_clip": null })"))
                   .cell->forwardClip);
}

TEST(Native, CustomCellKeepsTheOrderOfItsUpdates) {
  CellDescription cell =
      *import(withCell(R"x({ "kind": "custom", "heads": 2, "d": 16, "states": ["h", "c"],
    "gates": ["f", "z"], "update": { "c": "sigmoid(f) * c + z", "h": "tanh(new.c)" } })x"))
           .cell;
  EXPECT_EQ(cell.states, (std::vector<std::string>{"h", "c"}));
  EXPECT_EQ(cell.gates, (std::vector<std::string>{"f", "z"}));
  ASSERT_EQ(cell.update.size(), 2u);
  EXPECT_EQ(cell.update[0], (std::pair<std::string, std::string>("c", "sigmoid(f) * c + z")));
  EXPECT_EQ(cell.update[1].first, "h");
  EXPECT_FALSE(cell.inputGates);
  EXPECT_FALSE(cell.recurrentGates);
  EXPECT_TRUE(cell.let.empty());
}

TEST(Native, CustomCellWithPartsOfGatesAndLet) {
  CellDescription cell =
      *import(withCell(R"x({ "kind": "custom", "heads": 2, "d": 16, "states": ["h"],
    "gates": ["f", "z", "p"], "input_gates": ["z", "f"], "recurrent_gates": [],
    "let": { "a": "sigmoid(f)", "b": "a * p" }, "update": { "h": "b * h + z" } })x"))
           .cell;
  ASSERT_TRUE(cell.inputGates);
  EXPECT_EQ(*cell.inputGates, (std::vector<std::string>{"z", "f"}));
  ASSERT_TRUE(cell.recurrentGates);
  EXPECT_TRUE(cell.recurrentGates->empty());
  ASSERT_EQ(cell.let.size(), 2u);
  EXPECT_EQ(cell.let[1], (std::pair<std::string, std::string>("b", "a * p")));
}

TEST(Native, Blocks) {
  ModelDescription model =
      import(R"({ "xlstm_model": 1, "name": "lm", "dtype": "f32", "vocab_size": 256,
    "embedding_dim": 128, "blocks": [ { "kind": "mlstm_block", "heads": 4 }, { "kind": "slstm_block", "heads": 4 },
    { "kind": "xlstm_large_block", "heads": 4, "gate_soft_cap": null, "input_gate": "sigmoid" } ] })");
  EXPECT_FALSE(model.cell);
  ASSERT_TRUE(model.network);
  EXPECT_EQ(model.network->vocabSize, 256);
  EXPECT_EQ(model.network->embeddingDim, 128);
  ASSERT_EQ(model.network->blocks.size(), 3u);

  // inner = round_up(2 * 128, 64) = 256, four heads of 64; k carries the scale.
  const BlockDescription &mlstm = model.network->blocks[0];
  EXPECT_EQ(mlstm.kind, BlockKind::MLSTMBlock);
  EXPECT_EQ(mlstm.innerDim, 256);
  EXPECT_EQ(mlstm.cell.dqk, 64);
  EXPECT_EQ(mlstm.cell.dv, 64);
  EXPECT_EQ(mlstm.cell.scaleOn, ScaleOn::K);
  EXPECT_EQ(mlstm.normEps, 1e-5);
  EXPECT_FALSE(mlstm.gateSoftCap);

  // ffn = round_up(1.3 * 128 = 166.4, 64) = 192.
  const BlockDescription &slstm = model.network->blocks[1];
  EXPECT_EQ(slstm.cell.kind, CellKind::SLSTM);
  EXPECT_EQ(slstm.cell.d, 32);
  EXPECT_EQ(slstm.ffnDim, 192);

  // qk width 64, v width 128; ffn = round_up(2.667 * 128 = 341.4, 64) = 384.
  const BlockDescription &large = model.network->blocks[2];
  EXPECT_EQ(large.cell.dqk, 16);
  EXPECT_EQ(large.cell.dv, 32);
  EXPECT_EQ(large.ffnDim, 384);
  EXPECT_FALSE(large.gateSoftCap);
  EXPECT_EQ(large.cell.inputGate, InputGate::Sigmoid);
}

TEST(Native, ToleratesAByteOrderMarkAndASchemaKey) {
  std::string text = R"({ "$schema": "x", "xlstm_model": 1, "dtype": "f16",
    "cell": { "kind": "gru", "heads": 1, "d": 1 } })";
  EXPECT_EQ(import("\xef\xbb\xbf" + text).dtype, DType::F16);
  EXPECT_EQ(import(text).name, "model");
}

TEST(Native, ReadsYamlToo) {
  ModelDescription model =
      import("xlstm_model: 1\nname: y\ndtype: f64\ncell: {kind: mlstm, heads: 2, dqk: 3, dv: 4, "
             "eps: 1e-5}\n",
             "model.yaml");
  EXPECT_EQ(model.dtype, DType::F64);
  EXPECT_EQ(model.cell->dv, 4);
  EXPECT_EQ(model.cell->eps, 1e-5);
}

TEST(Native, EveryExampleImports) {
  int count = 0;
  for (const auto &entry :
       std::filesystem::recursive_directory_iterator(XLSTM_SOURCE_DIR "/examples")) {
    if (entry.path().extension() != ".json" || entry.path().stem() == "config")
      continue;
    auto model = importDescription(entry.path().string());
    EXPECT_TRUE(model) << (model ? "" : model.error().str());
    if (model)
      EXPECT_EQ(model->name, entry.path().stem().string());
    ++count;
  }
  EXPECT_GE(count, 13);
}

TEST(Native, MissingFileAndEmptyFolder) {
  auto missing = importDescription("/nonexistent/model.json");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().str(),
            "/nonexistent/model.json: expected a readable file, got 'No such file or directory'");
  std::string folder = testing::TempDir() + "/xlstm_import_empty";
  std::filesystem::create_directories(folder);
  auto empty = importDescription(folder);
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().str(),
            folder + ": expected config.json or config.yaml in the folder, got neither");
}

TEST(Native, DeviceThatNeverEndsIsCut) {
  if (!std::filesystem::exists("/dev/zero"))
    GTEST_SKIP() << "no /dev/zero here";
  auto model = importDescription("/dev/zero");
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().str(), "/dev/zero: expected at most 64 MiB, got more");
}
