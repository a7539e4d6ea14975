// SPDX-License-Identifier: Apache-2.0
// The derived function of the mLSTM cell: the names of its tensors, and their values against
// central differences of the interpreter and against the reference. (The reference itself is
// compared with central differences, last states included, in MLSTMBackwardTest.cpp.)
#include "test/Transforms/Derived.h"

#include "dialect/xlstm/IR/XLSTM.h"
#include "dialect/xlstm/Reference/MLSTMBackward.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace ::xlstm::test;
namespace reference = ::xlstm::reference;

namespace {

class MLSTMDerived : public testing::Test {
protected:
  MLSTMDerived() {
    context.loadDialect<mlir::xlstm::XLSTMDialect, func::FuncDialect, arith::ArithDialect,
                        math::MathDialect>();
  }
  MLIRContext context;
};

const char *const kExp = R"json({"kind": "mlstm", "heads": 2, "dqk": 3, "dv": 4, "eps": 0})json";
const char *const kSigmoid =
    R"json({"kind": "mlstm", "heads": 2, "dqk": 3, "dv": 4, "input_gate": "sigmoid"})json";

} // namespace

// h does not depend on m if eps is 0, so that dh alone has exact differences.
TEST_F(MLSTMDerived, CentralDifferences) {
  for (const char *cell : {kExp, kSigmoid})
    for (bool resets : {false, true}) {
      Derived derived(context, cell);
      Extents extents;
      extents.time = 7;
      extents.resets = resets;
      extents.lastGradients = cell == kSigmoid; // no m there
      derived.expectCentralDifferences(derived.makeInputs(extents));
    }
}

TEST_F(MLSTMDerived, EqualsReference) {
  Derived derived(context, kExp);
  EXPECT_FALSE(derived.hasArgument("dm_last"));
  Tensors in = derived.makeInputs({}), out = derived.run("forward_backward", in);
  reference::MLSTMProblem p;
  p.batch = 2, p.time = 5, p.heads = 2, p.dqk = 3, p.dv = 4;
  p.options.eps = 0;
  p.q = in["q"].data, p.k = in["k"].data, p.v = in["v"].data, p.i = in["i"].data;
  p.f = in["f"].data, p.c0 = in["c0"].data, p.n0 = in["n0"].data, p.m0 = in["m0"].data;
  auto expected =
      reference::mlstmBackward(p, {in["dh"].data, in["dc_last"].data, in["dn_last"].data});
  EXPECT_EQ(out["dq"].data, expected.dq);
  EXPECT_EQ(out["dk"].data, expected.dk);
  EXPECT_EQ(out["dv"].data, expected.dv);
  EXPECT_EQ(out["di"].data, expected.di);
  EXPECT_EQ(out["df"].data, expected.df);
  EXPECT_EQ(out["dc0"].data, expected.dc0);
  EXPECT_EQ(out["dn0"].data, expected.dn0);
  EXPECT_FALSE(out.count("dm0"));
}

// Behind a norm that does not see the scale of h, the dropped gradient is the exact one.
TEST_F(MLSTMDerived, DroppedNormalizerGradientBehindNorm) {
  for (const char *kind : {"rms", "layer"}) {
    std::string source = R"mlir(
      func.func @forward(%q: tensor<?x?x2x3xf64> {xlstm.name = "q", xlstm.dims = ["B", "T"]},
                         %k: tensor<?x?x2x3xf64> {xlstm.name = "k", xlstm.dims = ["B", "T"]},
                         %v: tensor<?x?x2x4xf64> {xlstm.name = "v", xlstm.dims = ["B", "T"]},
                         %i: tensor<?x?x2xf64> {xlstm.name = "i", xlstm.dims = ["B", "T"]},
                         %f: tensor<?x?x2xf64> {xlstm.name = "f", xlstm.dims = ["B", "T"]},
                         %w: tensor<2x4xf64> {xlstm.name = "w"})
          -> (tensor<?x?x2x4xf64> {xlstm.name = "y", xlstm.dims = ["B", "T"]}) {
        %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) {eps = 0.0}
            : tensor<?x?x2x3xf64>, tensor<?x?x2x4xf64>
        %y = xlstm.multihead_norm KIND %h weight(%w : tensor<2x4xf64>) eps 0.0
            : tensor<?x?x2x4xf64>
        return %y : tensor<?x?x2x4xf64>
      })mlir";
    source.replace(source.find("KIND"), 4, kind);
    Derived derived(context, parseSourceString<ModuleOp>(source, &context));
    bool found = false;
    derived.get("forward_backward").walk([&](mlir::xlstm::MLSTMBackwardOp op) {
      found = op.getNormalizerGrad() == mlir::xlstm::NormalizerGrad::Dropped;
    });
    EXPECT_TRUE(found);
    derived.expectCentralDifferences(derived.makeInputs({}));
  }
}
