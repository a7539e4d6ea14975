// SPDX-License-Identifier: Apache-2.0
/// \file
/// .mlir files as models: what names their tensors get, the step that is made of them, and one line
/// for each mistake.
#include "compiler/Import/IR/Build.h"

#include "dialect/xlstm/IR/FunctionAttrs.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Verifier.h"

#include <fstream>
#include <gtest/gtest.h>

using namespace mlir;
using namespace ::xlstm;

namespace {

struct Parse : testing::Test {
  Parse() : file(testing::TempDir() + "/parse_test.mlir") {
    context.loadDialect<mlir::xlstm::XLSTMDialect, func::FuncDialect, arith::ArithDialect,
                        math::MathDialect>();
  }

  OwningOpRef<ModuleOp> parse(const std::string &text) {
    std::ofstream(file) << text;
    auto module = parseModule(file, context);
    EXPECT_TRUE(module) << (module ? "" : module.error().str());
    return module ? std::move(*module) : OwningOpRef<ModuleOp>();
  }

  std::string failure(const std::string &text) {
    std::ofstream(file) << text;
    auto module = parseModule(file, context);
    EXPECT_FALSE(module) << text;
    if (module)
      return "";
    EXPECT_EQ(module.error().file, file);
    return (module.error().path.empty() ? "" : module.error().path + ": ") + module.error().message;
  }

  MLIRContext context;
  std::string file;
};

/// `name: type [dims]` with `?` for an optional one.
std::string describe(DictionaryAttr attributes, Type type) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << attributes.getAs<StringAttr>(mlir::xlstm::nameAttrName).getValue();
  if (attributes.contains(mlir::xlstm::optionalAttrName))
    stream << "?";
  stream << " " << type;
  if (auto dims = attributes.getAs<ArrayAttr>(mlir::xlstm::dimsAttrName))
    stream << " " << dims;
  return text;
}

std::vector<std::string> tensorsOf(ModuleOp module, StringRef name) {
  std::vector<std::string> result;
  auto function = module.lookupSymbol<func::FuncOp>(name);
  EXPECT_TRUE(function);
  if (!function)
    return result;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    result.push_back(describe(function.getArgAttrDict(i), function.getArgumentTypes()[i]));
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    result.push_back(describe(function.getResultAttrDict(i), function.getResultTypes()[i]));
  return result;
}

using Lines = std::vector<std::string>;

const char *mlstm = R"(
func.func @forward(%0: tensor<?x?x2x4xf32>, %1: tensor<?x?x2x4xf32>, %2: tensor<?x?x2x8xf32>,
    %3: tensor<?x?x2xf32>, %4: tensor<?x?x2xf32>, %5: tensor<?x2x4x8xf32>, %6: tensor<?x2x4xf32>,
    %7: tensor<?x2xf32>, %8: tensor<?xi32>) -> (tensor<?x?x2x8xf32>, tensor<?x2x4x8xf32>) {
  %h, %c, %n, %m = xlstm.mlstm %0, %1, %2 gates(%3, %4) state(%5, %6, %7)
      cu_seqlens(%8 : tensor<?xi32>) : tensor<?x?x2x4xf32>, tensor<?x?x2x8xf32>
  return %h, %c : tensor<?x?x2x8xf32>, tensor<?x2x4x8xf32>
}
)";

TEST_F(Parse, NamesComeFromTheOp) {
  OwningOpRef<ModuleOp> module = parse(mlstm);
  ASSERT_TRUE(module);
  EXPECT_EQ(module->getName(), "parse_test");
  EXPECT_EQ(tensorsOf(*module, "forward"),
            (Lines{"q tensor<?x?x2x4xf32> [\"B\", \"T\"]", "k tensor<?x?x2x4xf32> [\"B\", \"T\"]",
                   "v tensor<?x?x2x8xf32> [\"B\", \"T\"]", "i tensor<?x?x2xf32> [\"B\", \"T\"]",
                   "f tensor<?x?x2xf32> [\"B\", \"T\"]", "c0? tensor<?x2x4x8xf32> [\"S\"]",
                   "n0? tensor<?x2x4xf32> [\"S\"]", "m0? tensor<?x2xf32> [\"S\"]",
                   "cu_seqlens? tensor<?xi32> [\"N+1\"]", "h tensor<?x?x2x8xf32> [\"B\", \"T\"]",
                   "c_last? tensor<?x2x4x8xf32> [\"S\"]"}));
  EXPECT_EQ(tensorsOf(*module, "step"),
            (Lines{"q tensor<?x2x4xf32> [\"B\"]", "k tensor<?x2x4xf32> [\"B\"]",
                   "v tensor<?x2x8xf32> [\"B\"]", "i tensor<?x2xf32> [\"B\"]",
                   "f tensor<?x2xf32> [\"B\"]", "c0? tensor<?x2x4x8xf32> [\"B\"]",
                   "n0? tensor<?x2x4xf32> [\"B\"]", "m0? tensor<?x2xf32> [\"B\"]",
                   "h tensor<?x2x8xf32> [\"B\"]", "c_last? tensor<?x2x4x8xf32> [\"B\"]"}));
  EXPECT_TRUE(succeeded(verify(*module)));
  auto cell = module->lookupSymbol("forward")->getAttrOfType<DictionaryAttr>("xlstm.cell");
  ASSERT_TRUE(cell);
  EXPECT_EQ(
      cellToJson(cell),
      R"({"denominator":"max_plus_eps","dqk":4,"dv":8,"eps":9.9999999999999995e-07,"heads":2,)"
      R"("input_gate":"exp","kind":"mlstm","normalize":true,"normalizer_grad":"exact",)"
      R"("scale_on":"q"})");
}

/// A scan over `sequences`; the text of its head and of the function's arguments.
std::string scan(const std::string &arguments, const std::string &head) {
  return R"(
func.func @forward(%wx: tensor<?x?x1x2x4xf32>, %r: tensor<1x2x4x4xf32>, %b: tensor<1x2x4xf32>,
    )" + arguments +
         R"( tensor<?x2x4xf32>) -> (tensor<?x?x2x4xf32>, tensor<?x2x4xf32>) {
  %hs, %last = xlstm.scan )" +
         head + R"( sequences(%wx : tensor<?x?x1x2x4xf32>) constants(%b : tensor<1x2x4xf32>)
      recurrent(%r : tensor<1x2x4x4xf32>) states(%s : tensor<?x2x4xf32>) {
  ^bb0(%rh: f32, %w: f32, %bias: f32, %h: f32):
    %0 = arith.addf %w, %rh : f32
    %1 = arith.addf %0, %bias : f32
    %2 = math.tanh %1 : f32
    xlstm.yield outputs(%2 : f32) states(%2 : f32)
  } -> outputs(tensor<?x?x2x4xf32>) states(tensor<?x2x4xf32>)
  return %hs, %last : tensor<?x?x2x4xf32>, tensor<?x2x4xf32>
}
)";
}

TEST_F(Parse, NamesOfAScan) {
  OwningOpRef<ModuleOp> module = parse(scan("%s:", ""));
  ASSERT_TRUE(module);
  EXPECT_EQ(tensorsOf(*module, "forward"),
            (Lines{"wx tensor<?x?x1x2x4xf32> [\"B\", \"T\"]", "r tensor<1x2x4x4xf32>",
                   "b tensor<1x2x4xf32>", "h0? tensor<?x2x4xf32> [\"S\"]",
                   "h tensor<?x?x2x4xf32> [\"B\", \"T\"]", "h_last? tensor<?x2x4xf32> [\"S\"]"}));
  EXPECT_EQ(tensorsOf(*module, "step"),
            (Lines{"wx tensor<?x1x2x4xf32> [\"B\"]", "r tensor<1x2x4x4xf32>", "b tensor<1x2x4xf32>",
                   "h0? tensor<?x2x4xf32> [\"B\"]", "h tensor<?x2x4xf32> [\"B\"]",
                   "h_last? tensor<?x2x4xf32> [\"B\"]"}));
  EXPECT_EQ(
      cellToJson(module->lookupSymbol("forward")->getAttrOfType<DictionaryAttr>("xlstm.cell")),
      R"({"d":4,"heads":2,"kind":"mlir"})");
  EXPECT_TRUE(succeeded(verify(*module)));
}

TEST_F(Parse, StateNamesAndGivenNamesWin) {
  std::string named = scan("%s:", "state_names [\"y\"]");
  named.replace(named.find("%wx: tensor<?x?x1x2x4xf32>"), 26,
                "%wx: tensor<?x?x1x2x4xf32> {xlstm.name = \"input\"}");
  OwningOpRef<ModuleOp> module = parse(named);
  ASSERT_TRUE(module);
  EXPECT_EQ(tensorsOf(*module, "forward"),
            (Lines{"input tensor<?x?x1x2x4xf32> [\"B\", \"T\"]", "r tensor<1x2x4x4xf32>",
                   "b tensor<1x2x4xf32>", "y0? tensor<?x2x4xf32> [\"S\"]",
                   "h tensor<?x?x2x4xf32> [\"B\", \"T\"]", "y_last? tensor<?x2x4xf32> [\"S\"]"}));
}

TEST_F(Parse, AStepOfTheFilesOwnStays) {
  std::string text = scan("%s:", "");
  OwningOpRef<ModuleOp> module = parse(text + R"(
func.func @step(%wx: tensor<?x1x2x4xf32>) -> tensor<?x2x4xf32> {
  %hs, %last = xlstm.scan step sequences(%wx : tensor<?x1x2x4xf32>) {
  ^bb0(%w: f32, %h: f32):
    xlstm.yield outputs(%w : f32) states(%w : f32)
  } -> outputs(tensor<?x2x4xf32>) states(tensor<?x2x4xf32>)
  return %hs : tensor<?x2x4xf32>
}
)");
  ASSERT_TRUE(module);
  EXPECT_EQ(tensorsOf(*module, "step"),
            (Lines{"wx tensor<?x1x2x4xf32> [\"B\"]", "h tensor<?x2x4xf32> [\"B\"]"}));
}

TEST_F(Parse, WhereNoStepCanBeMadeThereIsNone) {
  OwningOpRef<ModuleOp> module = parse(scan("%s:", "reverse"));
  ASSERT_TRUE(module);
  EXPECT_FALSE(module->lookupSymbol("step"));
}

TEST_F(Parse, Messages) {
  EXPECT_EQ(failure("func.func @forward("), "line 1, column 19: expected non-function type");
  EXPECT_EQ(failure(""), "expected func.func @forward, got none");
  EXPECT_EQ(failure("func.func @foward() {\n  return\n}\n"),
            "expected func.func @forward, got none");
  EXPECT_EQ(failure("func.func private @forward()\n"),
            "line 1, column 1: expected a func.func with one block, got an external function");
  EXPECT_EQ(failure(std::string(mlstm) + "func.func @other() {\n  return\n}\n"),
            "line 9, column 1: expected the functions forward, forward_backward and step, got "
            "'other'");
  EXPECT_EQ(failure("func.func @forward(%x: f32) {\n  return\n}\n"),
            "line 1, column 1: @forward: expected a ranked tensor as argument 0, got 'f32'");
  EXPECT_EQ(failure("func.func @forward(%x: tensor<?xf32>) {\n  return\n}\n"),
            "line 1, column 1: @forward: expected the attribute xlstm.name on argument 0, which no "
            "cell gives a name, got none");
  EXPECT_EQ(failure("func.func @forward(%x: tensor<?xf32> {xlstm.name = \"x\"}) {\n  return\n}\n"),
            "line 1, column 1: @forward: expected in xlstm.dims a name for each of the 1 dynamic "
            "extents of 'x', got 0");
  EXPECT_EQ(
      failure("func.func @forward(%x: tensor<?xf32> {xlstm.name = \"x\", xlstm.dims = "
              "[\"K\"]}) {\n  return\n}\n"),
      "line 1, column 1: @forward: expected B, T, S, N, N+1 or R in xlstm.dims of 'x', got 'K'");
  EXPECT_EQ(failure("func.func @forward(%x: tensor<4xf32> {xlstm.name = \"x\"}, %y: tensor<4xf32> "
                    "{xlstm.name = \"x\"}) {\n  return\n}\n"),
            "line 1, column 1: @forward: expected each name once, got 'x' again for argument 1");
  // A verifier's message, with its place.
  std::string wrong = scan("%s:", "");
  wrong.replace(wrong.find("math.tanh"), 9, "math.sqrt");
  EXPECT_NE(failure(wrong).find("line "), std::string::npos);
  EXPECT_EQ(failure("\"\n").find('\n'), std::string::npos);
}

TEST_F(Parse, GatesThatTheRecurrentMatrixLacks) {
  // Two products in the region, one matrix in r.
  std::string wrong = scan("%s:", "");
  wrong.replace(wrong.find("^bb0(%rh: f32,"), 14, "^bb0(%rh: f32, %rz: f32,");
  std::string message = failure(wrong);
  EXPECT_NE(message.find("expected"), std::string::npos) << message;
  EXPECT_NE(message.find("line "), std::string::npos) << message;
}

TEST_F(Parse, MissingFile) {
  auto module = parseModule("/nonexistent/cell.mlir", context);
  ASSERT_FALSE(module);
  EXPECT_EQ(module.error().str(), "/nonexistent/cell.mlir: cannot open input file "
                                  "'/nonexistent/cell.mlir': No such file or directory");
}

} // namespace
