// SPDX-License-Identifier: Apache-2.0
// What the tests of the interpreter share: parse a function, run it, random inputs.
#ifndef XLSTM_TEST_INTERPRET_INTERPRETFIXTURE_H
#define XLSTM_TEST_INTERPRET_INTERPRETFIXTURE_H

#include "dialect/xlstm/IR/XLSTM.h"
#include "dialect/xlstm/Interpreter/Interpreter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>
#include <random>

namespace mlir::xlstm {

using Inputs = std::vector<std::optional<TensorValue>>;

class Interpret : public testing::Test {
protected:
  Interpret() : handler(&context, [this](Diagnostic &d) { message = d.str(); }) {
    context.loadDialect<XLSTMDialect, func::FuncDialect, arith::ArithDialect, math::MathDialect>();
  }

  /// Parses a module and runs its first function. Nothing, and `message`, if that fails.
  FailureOr<std::vector<TensorValue>> run(StringRef source, const Inputs &inputs,
                                          const Probes &probes = {}) {
    module = parseSourceString<ModuleOp>(source, &context);
    EXPECT_TRUE(module) << message;
    if (!module)
      return failure();
    return interpret(*module->getOps<func::FuncOp>().begin(), inputs, probes);
  }

  /// The outputs of a run that is expected to succeed.
  std::vector<TensorValue> outputs(StringRef source, const Inputs &inputs,
                                   const Probes &probes = {}) {
    auto out = run(source, inputs, probes);
    EXPECT_TRUE(succeeded(out)) << message;
    return succeeded(out) ? *out : std::vector<TensorValue>(16);
  }

  TensorValue normal(std::vector<int64_t> shape) {
    TensorValue value{std::move(shape), {}};
    for (int64_t e = 0; e < value.size(); ++e)
      value.data.push_back(std::normal_distribution<double>()(random));
    return value;
  }

  MLIRContext context;
  std::string message;
  ScopedDiagnosticHandler handler;
  OwningOpRef<ModuleOp> module;
  std::mt19937_64 random{1};
};

/// Expects equal shapes, and elements that differ by no more than `tolerance`.
inline void expectNear(const TensorValue &got, const TensorValue &expected, double tolerance) {
  ASSERT_EQ(got.shape, expected.shape);
  ASSERT_EQ(got.data.size(), expected.data.size());
  for (size_t e = 0; e < got.data.size(); ++e)
    EXPECT_NEAR(got.data[e], expected.data[e], tolerance) << "element " << e;
}

} // namespace mlir::xlstm

#endif // XLSTM_TEST_INTERPRET_INTERPRETFIXTURE_H
