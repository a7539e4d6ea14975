// SPDX-License-Identifier: Apache-2.0
/// \file
/// From descriptions to IR: every cell in every type is a module that verifies, with the functions
/// and names of interface.md.
#include "compiler/Import/IR/Build.h"
#include "compiler/Import/IR/Function.h"

#include "dialect/xlstm/IR/FunctionAttrs.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Verifier.h"

#include <filesystem>
#include <gtest/gtest.h>

using namespace mlir;
using namespace ::xlstm;

namespace {

struct Build : testing::Test {
  Build() {
    context.loadDialect<mlir::xlstm::XLSTMDialect, func::FuncDialect, arith::ArithDialect,
                        math::MathDialect>();
  }

  OwningOpRef<ModuleOp> build(const std::string &cell, const std::string &dtype = "f32") {
    auto model = description::importDescriptionFromText(
        R"({"xlstm_model": 1, "name": "t", "dtype": ")" + dtype + R"(", "cell": )" + cell + "}",
        "t.json");
    EXPECT_TRUE(model) << cell << (model ? "" : model.error().str());
    if (!model)
      return {};
    auto module = buildModule(*model, "t.json", context);
    EXPECT_TRUE(module) << cell << (module ? "" : module.error().str());
    if (!module)
      return {};
    EXPECT_TRUE(succeeded(verify(**module))) << cell;
    return std::move(*module);
  }

  MLIRContext context;
};

std::string namesOf(func::FuncOp function, bool results) {
  std::string text;
  unsigned count = results ? function.getNumResults() : function.getNumArguments();
  for (unsigned i = 0; i < count; ++i) {
    DictionaryAttr attributes =
        results ? function.getResultAttrDict(i) : function.getArgAttrDict(i);
    text += text.empty() ? "" : " ";
    text += attributes.getAs<StringAttr>(mlir::xlstm::nameAttrName).str();
    if (attributes.contains(mlir::xlstm::optionalAttrName))
      text += "?";
  }
  return text;
}

std::string typeOf(func::FuncOp function, StringRef name) {
  std::string text;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (function.getArgAttrOfType<StringAttr>(i, mlir::xlstm::nameAttrName).getValue() == name)
      llvm::raw_string_ostream(text) << function.getArgumentTypes()[i];
  return text;
}

struct Case {
  const char *cell;
  const char *inputs, *stepInputs;
  const char *outputs;
};

const Case cases[] = {
    {R"({"kind": "mlstm", "heads": 2, "dqk": 4, "dv": 8})",
     "q k v i f c0? n0? m0? cu_seqlens? reset?", "q k v i f c0? n0? m0?",
     "h c_last? n_last? m_last?"},
    {R"({"kind": "mlstm", "heads": 2, "dqk": 4, "dv": 8, "input_gate": "sigmoid"})",
     "q k v i f c0? n0? cu_seqlens? reset?", "q k v i f c0? n0?", "h c_last? n_last?"},
    {R"({"kind": "mlstm", "heads": 2, "dqk": 4, "dv": 8, "input_gate": "sigmoid",
         "normalize": false})",
     "q k v i f c0? cu_seqlens? reset?", "q k v i f c0?", "h c_last?"},
    {R"({"kind": "slstm", "heads": 2, "d": 4})", "wx r b h0? c0? n0? m0? cu_seqlens? reset?",
     "wx r b h0? c0? n0? m0?", "h h_last? c_last? n_last? m_last?"},
    {R"({"kind": "slstm", "heads": 2, "d": 4, "n_rule": "floor_one", "forward_clip": 2})",
     "wx r b h0? c0? n0? m0? cu_seqlens? reset?", "wx r b h0? c0? n0? m0?",
     "h h_last? c_last? n_last? m_last?"},
    {R"({"kind": "lstm", "heads": 2, "d": 4})", "wx r b h0? c0? cu_seqlens? reset?",
     "wx r b h0? c0?", "h h_last? c_last?"},
    {R"({"kind": "gru", "heads": 2, "d": 4, "recurrent_grad_clip": 0.5})",
     "wx r b h0? cu_seqlens? reset?", "wx r b h0?", "h h_last?"},
    {R"({"kind": "elman", "heads": 2, "d": 4, "recurrent_grad_cut": true})",
     "wx r b h0? cu_seqlens? reset?", "wx r b h0?", "h h_last?"},
    // No recurrent gate, so no r; the option of the gradient through r says nothing.
    {R"x({"kind": "custom", "heads": 2, "d": 4, "states": ["h"], "gates": ["f", "z"],
          "recurrent_gates": [], "recurrent_grad_cut": true,
          "update": {"h": "sigmoid(f) * h + z"}})x",
     "wx b h0? cu_seqlens? reset?", "wx b h0?", "h h_last?"},
};

TEST_F(Build, FunctionsAndNames) {
  for (const Case &test : cases)
    for (const char *dtype : {"f64", "f32", "bf16", "f16"}) {
      OwningOpRef<ModuleOp> module = build(test.cell, dtype);
      ASSERT_TRUE(module);
      EXPECT_EQ(module->getName(), "t");
      auto forward = module->lookupSymbol<func::FuncOp>("forward");
      auto step = module->lookupSymbol<func::FuncOp>("step");
      ASSERT_TRUE(forward && step);
      EXPECT_EQ(namesOf(forward, false), test.inputs);
      EXPECT_EQ(namesOf(step, false), test.stepInputs);
      EXPECT_EQ(namesOf(forward, true), test.outputs);
      EXPECT_EQ(namesOf(step, true), test.outputs);
    }
}

TEST_F(Build, Types) {
  OwningOpRef<ModuleOp> module = build(R"({"kind": "gru", "heads": 2, "d": 4})", "bf16");
  auto forward = module->lookupSymbol<func::FuncOp>("forward");
  EXPECT_EQ(typeOf(forward, "wx"), "tensor<?x?x3x2x4xbf16>"); // r z n
  EXPECT_EQ(typeOf(forward, "r"), "tensor<3x2x4x4xbf16>");    // g r z
  EXPECT_EQ(typeOf(forward, "b"), "tensor<4x2x4xf32>");
  EXPECT_EQ(typeOf(forward, "h0"), "tensor<?x2x4xf32>");
  EXPECT_EQ(typeOf(forward, "cu_seqlens"), "tensor<?xi32>");
  EXPECT_EQ(typeOf(forward, "reset"), "tensor<?x?xui8>");
  auto step = module->lookupSymbol<func::FuncOp>("step");
  EXPECT_EQ(typeOf(step, "wx"), "tensor<?x3x2x4xbf16>");
  EXPECT_EQ(typeOf(step, "h0"), "tensor<?x2x4xf32>");
  module = build(R"({"kind": "lstm", "heads": 2, "d": 4})", "f64");
  EXPECT_EQ(typeOf(module->lookupSymbol<func::FuncOp>("forward"), "c0"), "tensor<?x2x4xf64>");
}

TEST_F(Build, CellAttributeIsTheDescriptionAgain) {
  const char *custom = R"x({"kind": "custom", "heads": 2, "d": 4, "states": ["h", "c"],
      "gates": ["f", "z"], "input_gates": ["z"], "let": {"z2": "z * z", "a": "z2 + 1"},
      "forward_clip": 2.5, "update": {"c": "sigmoid(f) * c + a", "h": "tanh(new.c)"}})x";
  for (const std::string &cell :
       {std::string(cases[2].cell), std::string(cases[4].cell), std::string(cases[6].cell),
        std::string(cases[8].cell), std::string(custom)}) {
    OwningOpRef<ModuleOp> module = build(cell);
    ASSERT_TRUE(module);
    auto forward = module->lookupSymbol<func::FuncOp>("forward");
    std::string json =
        cellToJson(forward->getAttrOfType<DictionaryAttr>(mlir::xlstm::cellAttrName));
    OwningOpRef<ModuleOp> again = build(json);
    ASSERT_TRUE(again);
    std::string first, second;
    llvm::raw_string_ostream(first) << *module;
    llvm::raw_string_ostream(second) << *again;
    EXPECT_EQ(first, second);
  }
}

TEST_F(Build, CustomCellThatSaysTheBuiltInOneIsTheSame) {
  auto text = [&](const char *file) {
    std::vector<std::string> notes;
    auto module = importModule(std::string(XLSTM_SOURCE_DIR "/examples/") + file, context, notes);
    EXPECT_TRUE(module) << (module ? "" : module.error().str());
    std::string text;
    for (auto function : (*module)->getOps<func::FuncOp>()) {
      function->removeAttr(mlir::xlstm::cellAttrName);
      llvm::raw_string_ostream(text) << function;
    }
    return text;
  };
  EXPECT_EQ(text("custom_slstm_cell.json"), text("slstm_cell.json"));
}

TEST_F(Build, EveryExampleOfACell) {
  int count = 0;
  for (const auto &entry :
       std::filesystem::recursive_directory_iterator(XLSTM_SOURCE_DIR "/examples")) {
    std::string extension = entry.path().extension().string();
    if ((extension != ".json" && extension != ".mlir") || entry.path().stem() == "language_model" ||
        entry.path().stem() == "train_lm") // models
      continue;
    std::vector<std::string> notes;
    auto module = importModule(entry.path().string(), context, notes);
    ASSERT_TRUE(module) << module.error().str();
    EXPECT_TRUE(succeeded(verify(**module))) << entry.path();
    EXPECT_TRUE((*module)->lookupSymbol("forward")) << entry.path();
    // Layers without a recurrence have no step of their own.
    bool isCell = false;
    (*module)->walk(
        [&](Operation *op) { isCell |= isa<mlir::xlstm::MLSTMOp, mlir::xlstm::ScanOp>(op); });
    EXPECT_EQ(bool((*module)->lookupSymbol("step")), isCell) << entry.path();
    count += isCell;
  }
  EXPECT_GE(count, 14);
}

// A model of blocks has a function for each way to run it; the parameters of all are the same.
TEST_F(Build, FunctionsOfAModelShareTheirParameters) {
  std::vector<std::string> notes;
  auto module = importModule(XLSTM_SOURCE_DIR "/examples/language_model.json", context, notes);
  ASSERT_TRUE(module) << module.error().str();
  auto parametersOf = [&](StringRef name) {
    std::vector<std::string> names;
    auto function = (*module)->lookupSymbol<func::FuncOp>(name);
    EXPECT_TRUE(function) << name.str();
    for (unsigned i = 0; function && i < function.getNumArguments(); ++i)
      if (FunctionTensor tensor = getArgument(function, i); tensor.isParameter)
        names.push_back(tensor.name);
    return names;
  };
  std::vector<std::string> parameters = parametersOf("logits");
  EXPECT_EQ(parameters.size(), 45u);
  EXPECT_EQ(parameters.front(), "embedding.weight");
  EXPECT_EQ(parameters.back(), "lm_head.weight");
  for (StringRef name : {"prefill", "step", "loss"})
    EXPECT_EQ(parametersOf(name), parameters) << name.str();
  EXPECT_FALSE((*module)->lookupSymbol("forward"));
}

// All parameters of xLSTM-7B have as many elements as the published model.
TEST_F(Build, PublishedModelHasItsParameters) {
  std::vector<std::string> notes;
  auto module = importModule(XLSTM_SOURCE_DIR "/examples/xlstm_7b/config.json", context, notes);
  ASSERT_TRUE(module) << module.error().str();
  auto function = (*module)->lookupSymbol<func::FuncOp>("logits");
  ASSERT_TRUE(function);
  int64_t elements = 0;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (FunctionTensor tensor = getArgument(function, i); tensor.isParameter)
      elements += tensor.type.getNumElements();
  EXPECT_EQ(elements, 6865424896);
  EXPECT_TRUE((*module)->lookupSymbol("forward")); // the cell of its layers
}

} // namespace
