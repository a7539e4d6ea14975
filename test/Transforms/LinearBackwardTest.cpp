// SPDX-License-Identifier: Apache-2.0
// The derived function of xlstm.linear against central differences, in f64.
#include "test/Transforms/Derived.h"

#include "dialect/xlstm/IR/XLSTM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace ::xlstm::test;

namespace {

class LinearBackward : public testing::Test {
protected:
  LinearBackward() {
    context.loadDialect<mlir::xlstm::XLSTMDialect, func::FuncDialect, arith::ArithDialect,
                        math::MathDialect>();
  }
  /// Compares all gradients, and that there is one for each of `names`.
  void check(const std::string &source, std::vector<std::string> names) {
    Derived derived(context, parseSourceString<ModuleOp>(source, &context));
    ASSERT_TRUE(derived.module);
    Tensors inputs = derived.makeInputs({});
    Tensors outputs = derived.run("forward_backward", inputs);
    for (const std::string &name : names)
      EXPECT_TRUE(outputs.count(name)) << name;
    derived.expectCentralDifferences(inputs);
  }
  MLIRContext context;
};

const std::string kTokens = R"(tensor<?x?x4xf64> {xlstm.name = "x", xlstm.dims = ["B", "T"]})";

} // namespace

TEST_F(LinearBackward, WithoutRegions) {
  for (const char *transposed : {"", "transposed"}) {
    std::string shape = *transposed ? "4x3" : "3x4";
    check("func.func @forward(%x: " + kTokens + ", %w: tensor<" + shape +
              "xf64> {xlstm.name = \"w\"}, %v: tensor<" + shape + R"(xf64> {xlstm.name = "v"})
      -> (tensor<?x?x3xf64> {xlstm.name = "y", xlstm.dims = ["B", "T"]},
          tensor<?x?x3xf64> {xlstm.name = "z", xlstm.dims = ["B", "T"]}) {
      %y, %z = xlstm.linear )" +
              transposed + " %x weights(%w, %v : tensor<" + shape + "xf64>, tensor<" + shape +
              R"(xf64>) : tensor<?x?x4xf64> -> tensor<?x?x3xf64>, tensor<?x?x3xf64>
      return %y, %z : tensor<?x?x3xf64>, tensor<?x?x3xf64>
    })",
          {"dx", "dw", "dv"});
  }
}

// SiLU(gate) up with a bias and a residual, of which a second result is a part.
TEST_F(LinearBackward, Epilogue) {
  check("func.func @forward(%x: " + kTokens + R"(, %w: tensor<3x4xf64> {xlstm.name = "w"},
      %v: tensor<3x4xf64> {xlstm.name = "v"}, %b: tensor<3xf64> {xlstm.name = "b"},
      %r: tensor<?x?x3xf64> {xlstm.name = "r", xlstm.dims = ["B", "T"]})
      -> (tensor<?x?x3xf64> {xlstm.name = "y", xlstm.dims = ["B", "T"]},
          tensor<?x?x3xf64> {xlstm.name = "z", xlstm.dims = ["B", "T"]}) {
    %y, %z = xlstm.linear %x weights(%w, %v : tensor<3x4xf64>, tensor<3x4xf64>)
        elems(%r : tensor<?x?x3xf64>) cols(%b : tensor<3xf64>) epilogue {
    ^bb0(%g: f64, %u: f64, %e: f64, %c: f64):
      %0 = arith.addf %g, %c : f64
      %1 = xlstm.sigmoid %0 : f64
      %2 = arith.mulf %0, %1 : f64
      %3 = arith.mulf %2, %u : f64
      %4 = math.tanh %e : f64
      %5 = arith.addf %3, %4 : f64
      xlstm.yield outputs(%5, %2 : f64, f64)
    } : tensor<?x?x4xf64> -> tensor<?x?x3xf64>, tensor<?x?x3xf64>
    return %y, %z : tensor<?x?x3xf64>, tensor<?x?x3xf64>
  })",
        {"dx", "dw", "dv", "db", "dr"});
}

TEST_F(LinearBackward, Prologue) {
  check("func.func @forward(%x: " + kTokens + R"(,
      %o: tensor<?x?x4xf64> {xlstm.name = "o", xlstm.dims = ["B", "T"]},
      %g: tensor<4xf64> {xlstm.name = "g"}, %w: tensor<3x4xf64> {xlstm.name = "w"})
      -> (tensor<?x?x3xf64> {xlstm.name = "y", xlstm.dims = ["B", "T"]}) {
    %y = xlstm.linear %x x_elems(%o : tensor<?x?x4xf64>) x_cols(%g : tensor<4xf64>)
        weights(%w : tensor<3x4xf64>) prologue {
    ^bb0(%h: f64, %e: f64, %c: f64):
      %0 = xlstm.sigmoid %e : f64
      %1 = arith.mulf %h, %0 : f64
      %2 = arith.mulf %1, %c : f64
      xlstm.yield outputs(%2 : f64)
    } epilogue {
    ^bb0(%a: f64):
      %0 = math.tanh %a : f64
      xlstm.yield outputs(%0 : f64)
    } : tensor<?x?x4xf64> -> tensor<?x?x3xf64>
    return %y : tensor<?x?x3xf64>
  })",
        {"dx", "do", "dg", "dw"});
}

// x is used three times: by two layers and as a residual.
TEST_F(LinearBackward, GradientsOfSeveralUsesAddUp) {
  check("func.func @forward(%x: " + kTokens + R"(, %w: tensor<4x4xf64> {xlstm.name = "w"},
      %v: tensor<4x4xf64> {xlstm.name = "v"})
      -> (tensor<?x?x4xf64> {xlstm.name = "y", xlstm.dims = ["B", "T"]}) {
    %h = xlstm.linear %x weights(%w : tensor<4x4xf64>) : tensor<?x?x4xf64> -> tensor<?x?x4xf64>
    %g = xlstm.linear %x weights(%v : tensor<4x4xf64>) elems(%h : tensor<?x?x4xf64>) epilogue {
    ^bb0(%a: f64, %e: f64):
      %0 = arith.mulf %a, %e : f64
      xlstm.yield outputs(%0 : f64)
    } : tensor<?x?x4xf64> -> tensor<?x?x4xf64>
    %y = xlstm.linear %g weights(%w : tensor<4x4xf64>) elems(%x : tensor<?x?x4xf64>) epilogue {
    ^bb0(%a: f64, %e: f64):
      %0 = arith.addf %a, %e : f64
      xlstm.yield outputs(%0 : f64)
    } : tensor<?x?x4xf64> -> tensor<?x?x4xf64>
    return %y : tensor<?x?x4xf64>
  })",
        {"dx", "dw", "dv"});
}
