// SPDX-License-Identifier: Apache-2.0
// The interpreter hands the right values and options of xlstm.mlstm to the reference, and says what
// is wrong with its inputs.
#include "dialect/xlstm/Reference/MLSTM.h"
#include "test/Interpret/InterpretFixture.h"

using namespace mlir;
using namespace mlir::xlstm;
namespace reference = ::xlstm::reference;

namespace {

constexpr const char *kCell = R"mlir(
func.func @cell(%q: tensor<?x?x2x3xf32>, %k: tensor<?x?x2x3xf32>, %v: tensor<?x?x2x4xf32>,
                %i: tensor<?x?x2xf32>, %f: tensor<?x?x2xf32>)
    -> (tensor<?x?x2x4xf32>, tensor<?x2x3x4xf32>, tensor<?x2x3xf32>, tensor<?x2xf32>) {
  %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) : tensor<?x?x2x3xf32>, tensor<?x?x2x4xf32>
  return %h, %c, %n, %m : tensor<?x?x2x4xf32>, tensor<?x2x3x4xf32>, tensor<?x2x3xf32>, tensor<?x2xf32>
})mlir";

} // namespace

TEST_F(Interpret, CellEqualsReference) {
  const std::vector<TensorValue> in{normal({2, 9, 2, 3}), normal({2, 9, 2, 3}),
                                    normal({2, 9, 2, 4}), normal({2, 9, 2}), normal({2, 9, 2})};
  auto out = run(kCell, {in.begin(), in.end()});
  ASSERT_TRUE(succeeded(out)) << message;
  ASSERT_EQ(out->size(), 4u);
  reference::MLSTMProblem p;
  p.batch = 2, p.time = 9, p.heads = 2, p.dqk = 3, p.dv = 4;
  p.q = in[0].data, p.k = in[1].data, p.v = in[2].data, p.i = in[3].data, p.f = in[4].data;
  reference::MLSTMResult expected = mlstmRecurrent(p);
  EXPECT_EQ((*out)[0].shape, (std::vector<int64_t>{2, 9, 2, 4}));
  EXPECT_EQ((*out)[0].data, expected.h);
  EXPECT_EQ((*out)[1].shape, (std::vector<int64_t>{2, 2, 3, 4}));
  EXPECT_EQ((*out)[1].data, expected.cLast);
  EXPECT_EQ((*out)[2].shape, (std::vector<int64_t>{2, 2, 3}));
  EXPECT_EQ((*out)[2].data, expected.nLast);
  EXPECT_EQ((*out)[3].shape, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ((*out)[3].data, expected.mLast);
}

// Everything optional at once, with options that are not the defaults.
TEST_F(Interpret, OptionsStatesSequencesAndReset) {
  const std::vector<TensorValue> in{
      normal({1, 9, 1, 3}), normal({1, 9, 1, 3}), normal({1, 9, 1, 4}),
      normal({1, 9, 1}),    normal({1, 9, 1}),    normal({2, 1, 3, 4}),
      normal({2, 1, 3}),    {{3}, {0, 4, 9}},     {{1, 9}, {0, 0, 1, 0, 0, 0, 1, 0, 0}}};
  auto out = run(R"mlir(
func.func @cell(%q: tensor<1x?x1x3xf64>, %k: tensor<1x?x1x3xf64>, %v: tensor<1x?x1x4xf64>, %i: tensor<1x?x1xf64>,
                %f: tensor<1x?x1xf64>, %c0: tensor<?x1x3x4xf64>, %n0: tensor<?x1x3xf64>, %s: tensor<?xi32>,
                %r: tensor<1x?xi1>) -> (tensor<1x?x1x4xf64>, tensor<?x1x3x4xf64>, tensor<?x1x3xf64>) {
  %h, %c, %n = xlstm.mlstm %q, %k, %v gates(%i, %f) state(%c0, %n0) cu_seqlens(%s : tensor<?xi32>)
      reset(%r : tensor<1x?xi1>) {input_gate = sigmoid, eps = 0.25, scale_on = k, denominator = max_with_eps}
      : tensor<1x?x1x3xf64>, tensor<1x?x1x4xf64>
  return %h, %c, %n : tensor<1x?x1x4xf64>, tensor<?x1x3x4xf64>, tensor<?x1x3xf64>
})mlir",
                 {in.begin(), in.end()});
  ASSERT_TRUE(succeeded(out)) << message;
  int32_t starts[] = {0, 4, 9};
  uint8_t reset[] = {0, 0, 1, 0, 0, 0, 1, 0, 0};
  reference::MLSTMProblem p;
  p.batch = 1, p.time = 9, p.heads = 1, p.dqk = 3, p.dv = 4, p.sequences = 2;
  p.q = in[0].data, p.k = in[1].data, p.v = in[2].data, p.i = in[3].data, p.f = in[4].data;
  p.c0 = in[5].data, p.n0 = in[6].data, p.cuSeqlens = starts, p.reset = reset;
  p.options = {reference::InputGate::Sigmoid, true, 0.25, reference::ScaleOn::K,
               reference::Denominator::MaxWithEps};
  reference::MLSTMResult expected = mlstmRecurrent(p);
  EXPECT_EQ((*out)[0].data, expected.h);
  EXPECT_EQ((*out)[1].data, expected.cLast);
  EXPECT_EQ((*out)[2].data, expected.nLast);
}

// The result of one cell is the input of the next.
TEST_F(Interpret, CellsInSequence) {
  auto out = run(R"mlir(
func.func @two(%x: tensor<?x?x1x2xf32>, %g: tensor<?x?x1xf32>) -> tensor<?x?x1x2xf32> {
  %a, %c = xlstm.mlstm %x, %x, %x gates(%g, %g) {input_gate = sigmoid, normalize = false}
      : tensor<?x?x1x2xf32>, tensor<?x?x1x2xf32>
  %b, %d = xlstm.mlstm %a, %a, %a gates(%g, %g) state(%c) {input_gate = sigmoid, normalize = false}
      : tensor<?x?x1x2xf32>, tensor<?x?x1x2xf32>
  return %b : tensor<?x?x1x2xf32>
})mlir",
                 {TensorValue{{1, 1, 1, 2}, {1, 1}}, TensorValue{{1, 1, 1}, {0}}});
  ASSERT_TRUE(succeeded(out)) << message;
  // Gates of 1/2 and s = 2^-1/2: C = 1/2 [1 1; 1 1], a = s (1, 1); then C = 1/4 + 1/2 s^2 = 1/2, b
  // = s (s C + s C) = 1/2.
  EXPECT_DOUBLE_EQ((*out)[0].data[0], 0.5);
  EXPECT_DOUBLE_EQ((*out)[0].data[1], 0.5);
}

TEST_F(Interpret, BuilderInfersTypes) {
  auto source = parseSourceString<ModuleOp>(kCell, &context);
  auto function = *source->getOps<func::FuncOp>().begin();
  OpBuilder builder(&context);
  builder.setInsertionPointToStart(&function.front());
  MLSTMOperands operands;
  operands.q = function.getArgument(0), operands.k = function.getArgument(1),
  operands.v = function.getArgument(2);
  operands.i = function.getArgument(3), operands.f = function.getArgument(4);
  MLSTMOptions options;
  options.inputGate = InputGate::Sigmoid;
  options.eps = 0.5;
  auto op = builder.create<MLSTMOp>(builder.getUnknownLoc(), operands, options);
  EXPECT_TRUE(succeeded(source->verify())) << message;
  EXPECT_TRUE(op.getNLast());
  EXPECT_FALSE(op.getMLast());
  EXPECT_EQ(op.getOptions().eps, 0.5);
  EXPECT_EQ(op.getOptions().inputGate, InputGate::Sigmoid);
  EXPECT_EQ(op.getH().getType(), function.getResultTypes()[0]);
}

TEST_F(Interpret, WrongNumberOfInputs) {
  EXPECT_TRUE(failed(run(kCell, {normal({2, 9, 2, 3})})));
  EXPECT_EQ(message, "'func.func' op expected 5 inputs, got 1");
}

TEST_F(Interpret, WrongShapes) {
  const std::vector<TensorValue> in{normal({2, 9, 2, 3}), normal({2, 9, 2, 3}),
                                    normal({2, 9, 2, 4}), normal({2, 9, 2}), normal({2, 9, 2})};
  std::vector<TensorValue> bad = in;
  bad[1] = normal({2, 9, 3, 3});
  EXPECT_TRUE(failed(run(kCell, {bad.begin(), bad.end()})));
  EXPECT_EQ(message, "'func.func' op expected input 1 of shape [?, ?, 2, 3], got [2, 9, 3, 3]");
  bad = in;
  bad[4].data.pop_back();
  EXPECT_TRUE(failed(run(kCell, {bad.begin(), bad.end()})));
  EXPECT_EQ(message, "'func.func' op expected input 4 to have 36 elements, got 35");
  // Only the op knows that the two dynamic extents are one.
  bad = in;
  bad[3] = normal({2, 8, 2});
  EXPECT_TRUE(failed(run(kCell, {bad.begin(), bad.end()})));
  EXPECT_EQ(message, "'xlstm.mlstm' op expected i of shape [2, 9, 2], got [2, 8, 2]");
}

TEST_F(Interpret, WrongSequences) {
  constexpr const char *source = R"mlir(
func.func @packed(%x: tensor<1x?x1x2xf32>, %g: tensor<1x?x1xf32>, %s: tensor<?xi32>) -> tensor<1x?x1x2xf32> {
  %h:4 = xlstm.mlstm %x, %x, %x gates(%g, %g) cu_seqlens(%s : tensor<?xi32>)
      : tensor<1x?x1x2xf32>, tensor<1x?x1x2xf32>
  return %h#0 : tensor<1x?x1x2xf32>
})mlir";
  TensorValue x = normal({1, 4, 1, 2}), g = normal({1, 4, 1});
  EXPECT_TRUE(succeeded(run(source, {x, g, TensorValue{{2}, {0, 4}}})));
  EXPECT_TRUE(failed(run(source, {x, g, TensorValue{{2}, {0, 5}}})));
  EXPECT_EQ(message, "'xlstm.mlstm' op expected the last cu_seqlens to be T = 4, got 5");
  EXPECT_TRUE(failed(run(source, {x, g, TensorValue{{0}, {}}})));
  EXPECT_EQ(message, "'xlstm.mlstm' op expected cu_seqlens to have at least one element, got none");
}

TEST_F(Interpret, OtherOpsAreRefused) {
  EXPECT_TRUE(failed(run(R"mlir(
func.func @add(%x: tensor<2xf32>) -> tensor<2xf32> {
  %y = arith.addf %x, %x : tensor<2xf32>
  return %y : tensor<2xf32>
})mlir",
                         {normal({2})})));
  EXPECT_EQ(message, "'arith.addf' op expected an op of the xlstm dialect or func.return: the "
                     "interpreter runs no other");
  EXPECT_TRUE(failed(run("func.func private @declaration(%x: tensor<2xf32>)", {normal({2})})));
  EXPECT_EQ(message, "'func.func' op expected a function of one block, got 0");
  EXPECT_TRUE(failed(run("func.func @scalar(%x: f32) { return }", {normal({})})));
  EXPECT_EQ(message, "'func.func' op expected argument 0 to be a ranked tensor, got 'f32'");
}

constexpr const char *kOptional = R"mlir(
func.func @cell(%q: tensor<?x?x1x3xf32>, %v: tensor<?x?x1x2xf32>, %g: tensor<?x?x1xf32>,
                %c0: tensor<?x1x3x2xf32> {xlstm.optional}, %n0: tensor<?x1x3xf32> {xlstm.optional},
                %m0: tensor<?x1xf32> {xlstm.optional}, %s: tensor<?xi32> {xlstm.optional},
                %r: tensor<?x?xi1> {xlstm.optional})
    -> (tensor<?x?x1x2xf32>, tensor<?x1x3x2xf32>, tensor<?x1x3xf32>, tensor<?x1xf32>) {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %v gates(%g, %g) state(%c0, %n0, %m0) cu_seqlens(%s : tensor<?xi32>)
      reset(%r : tensor<?x?xi1>) : tensor<?x?x1x3xf32>, tensor<?x?x1x2xf32>
  return %h, %c, %n, %m : tensor<?x?x1x2xf32>, tensor<?x1x3x2xf32>, tensor<?x1x3xf32>, tensor<?x1xf32>
})mlir";

// What is absent is zero, and without cu_seqlens the states are those of the batch.
TEST_F(Interpret, AbsentInputs) {
  TensorValue q = normal({2, 5, 1, 3}), v = normal({2, 5, 1, 2}), g = normal({2, 5, 1}),
              c0 = normal({2, 1, 3, 2});
  TensorValue zeroC{{2, 1, 3, 2}, std::vector<double>(12)},
      zeroN{{2, 1, 3}, std::vector<double>(6)}, zeroM{{2, 1}, {0, 0}};
  TensorValue zeroReset{{2, 5}, std::vector<double>(10)};
  std::optional<TensorValue> none;
  auto all = outputs(kOptional, {q, v, g, zeroC, zeroN, zeroM, none, zeroReset});
  auto absent = outputs(kOptional, {q, v, g, none, none, none, none, none});
  auto someGiven = outputs(kOptional, {q, v, g, c0, zeroN, zeroM, none, none});
  auto some = outputs(kOptional, {q, v, g, c0, none, none, none, none});
  for (int n = 0; n < 4; ++n) {
    EXPECT_EQ(all[n].data, absent[n].data);
    EXPECT_EQ(someGiven[n].data, some[n].data);
  }
  EXPECT_NE(some[0].data, absent[0].data);
  EXPECT_TRUE(failed(run(kOptional, {q, v, none, none, none, none, none, none})));
  EXPECT_EQ(message, "'func.func' op expected input 2, which is not optional, got none");
}

// The step form, from state to state, gives what the whole sequence gives.
TEST_F(Interpret, StepsAreTheSequence) {
  constexpr const char *source = R"mlir(
func.func @step(%q: tensor<?x2x3xf32>, %k: tensor<?x2x3xf32>, %v: tensor<?x2x4xf32>, %i: tensor<?x2xf32>,
                %f: tensor<?x2xf32>, %c0: tensor<?x2x3x4xf32> {xlstm.optional},
                %n0: tensor<?x2x3xf32> {xlstm.optional}, %m0: tensor<?x2xf32> {xlstm.optional})
    -> (tensor<?x2x4xf32>, tensor<?x2x3x4xf32>, tensor<?x2x3xf32>, tensor<?x2xf32>) {
  %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) state(%c0, %n0, %m0) {form = step}
      : tensor<?x2x3xf32>, tensor<?x2x4xf32>
  return %h, %c, %n, %m : tensor<?x2x4xf32>, tensor<?x2x3x4xf32>, tensor<?x2x3xf32>, tensor<?x2xf32>
})mlir";
  int64_t time = 4;
  TensorValue q = normal({1, time, 2, 3}), k = normal({1, time, 2, 3}), v = normal({1, time, 2, 4}),
              i = normal({1, time, 2}), f = normal({1, time, 2});
  auto whole = outputs(kCell, {q, k, v, i, f});
  auto token = [](const TensorValue &x, int64_t t) {
    std::vector<int64_t> shape(x.shape);
    shape.erase(shape.begin() + 1);
    TensorValue result{shape, {}};
    auto first = x.data.begin() + t * result.size();
    result.data.assign(first, first + result.size());
    return result;
  };
  std::optional<TensorValue> c, n, m;
  for (int64_t t = 0; t < time; ++t) {
    auto out =
        outputs(source, {token(q, t), token(k, t), token(v, t), token(i, t), token(f, t), c, n, m});
    EXPECT_EQ(out[0].shape, (std::vector<int64_t>{1, 2, 4}));
    EXPECT_EQ(out[0].data, token(whole[0], t).data);
    c = out[1], n = out[2], m = out[3];
  }
  EXPECT_EQ(c->data, whole[1].data);
  EXPECT_EQ(n->data, whole[2].data);
  EXPECT_EQ(m->data, whole[3].data);
}

// A probed state is the last state of the sequence that ends there.
TEST_F(Interpret, ProbesOfCell) {
  TensorValue q = normal({1, 9, 1, 3}), v = normal({1, 9, 1, 2}), g = normal({1, 9, 1});
  TensorValue c0 = normal({2, 1, 3, 2}), n0 = normal({2, 1, 3}), m0 = normal({2, 1});
  TensorValue reset{{1, 9}, {0, 0, 1, 0, 0, 0, 0, 0, 0}};
  std::map<std::string, TensorValue> probed;
  Probes probes{{6, 100}, [&](const ProbedState &state) {
                  EXPECT_EQ(state.step, 6);
                  EXPECT_EQ(state.op->getName().getStringRef(), "xlstm.mlstm");
                  probed[state.name] = state.value;
                }};
  outputs(kOptional, {q, v, g, c0, n0, m0, TensorValue{{3}, {0, 4, 9}}, reset}, probes);
  ASSERT_EQ(probed.size(), 4u);

  auto tokens = [](const TensorValue &x, int64_t begin, int64_t end) {
    std::vector<int64_t> shape = x.shape;
    int64_t size = x.size() / shape[1];
    shape[1] = end - begin;
    return TensorValue{shape, {x.data.begin() + begin * size, x.data.begin() + end * size}};
  };
  auto second = [](const TensorValue &x) {
    std::vector<int64_t> shape = x.shape;
    shape[0] = 1;
    return TensorValue{shape, {x.data.begin() + x.size() / 2, x.data.end()}};
  };
  auto expected = outputs(kOptional, {tokens(q, 4, 7), tokens(v, 4, 7), tokens(g, 4, 7), second(c0),
                                      second(n0), second(m0), std::nullopt, std::nullopt});
  EXPECT_EQ(probed["h"].data, tokens(expected[0], 2, 3).data);
  EXPECT_EQ(probed["c"].shape, expected[1].shape);
  EXPECT_EQ(probed["c"].data, expected[1].data);
  EXPECT_EQ(probed["n"].data, expected[2].data);
  EXPECT_EQ(probed["m"].data, expected[3].data);
}

// Saved states are the business of kernels.
TEST_F(Interpret, SavedStatesAreEmpty) {
  auto out = outputs(R"mlir(
func.func @saved(%q: tensor<?x?x1x3xf32>, %g: tensor<?x?x1xf32>) -> (tensor<?x?x1x3xf32>, tensor<?x1x3x3xf32>) {
  %h, %c, %n, %m, %cs, %ns, %ms = xlstm.mlstm %q, %q, %q gates(%g, %g) {save_states}
      : tensor<?x?x1x3xf32>, tensor<?x?x1x3xf32>
  return %h, %cs : tensor<?x?x1x3xf32>, tensor<?x1x3x3xf32>
})mlir",
                     {normal({2, 5, 1, 3}), normal({2, 5, 1})});
  EXPECT_EQ(out[0].shape, (std::vector<int64_t>{2, 5, 1, 3}));
  EXPECT_EQ(out[1].shape, (std::vector<int64_t>{0, 1, 3, 3}));
}
