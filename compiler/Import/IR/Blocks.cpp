// SPDX-License-Identifier: Apache-2.0
#include "compiler/Import/IR/Blocks.h"

#include "compiler/Import/Cells.h"
#include "compiler/Import/IR/Recurrence.h"

using namespace mlir;
using mlir::xlstm::LayerBuilder;

namespace xlstm {

using description::BlockDescription;
using description::BlockKind;

//===----------------------------------------------------------------------===//
// NetworkFunction
//===----------------------------------------------------------------------===//

NetworkFunction::NetworkFunction(OpBuilder &outer, Location loc, StringRef name, Type type,
                                 Type kept)
    : builder(outer), loc(loc), type(type), accumulation(type.isF64() ? type : outer.getF32Type()),
      kept(type.isF64() ? type : kept) {
  function = outer.create<func::FuncOp>(loc, name, outer.getFunctionType({}, {}));
  builder.setInsertionPointToEnd(function.addEntryBlock());
}

Value NetworkFunction::argument(unsigned index, const FunctionTensor &tensor) {
  function.insertArgument(index, tensor.type, {}, loc);
  setArgument(function, index, tensor);
  return function.getArgument(index);
}

static RankedTensorType tensorType(Type element, size_t dynamic, ArrayRef<int64_t> extents) {
  SmallVector<int64_t> shape(dynamic, ShapedType::kDynamic);
  llvm::append_range(shape, extents);
  return RankedTensorType::get(shape, element);
}

Value NetworkFunction::input(std::string name, Type element, ArrayRef<std::string> dims,
                             ArrayRef<int64_t> extents, bool isOptional) {
  FunctionTensor tensor{std::move(name), tensorType(element, dims.size(), extents),
                        SmallVector<std::string, 2>(dims), isOptional};
  return argument(inputs++, tensor);
}

Value NetworkFunction::parameter(std::string name, ArrayRef<int64_t> shape) {
  Value &value = parameters[name];
  if (!value) {
    FunctionTensor tensor{name, RankedTensorType::get(shape, type), {}};
    tensor.isParameter = true;
    value = argument(function.getNumArguments(), tensor);
  }
  return value;
}

void NetworkFunction::result(std::string name, Value value, ArrayRef<std::string> dims,
                             bool first) {
  FunctionTensor tensor{std::move(name), cast<RankedTensorType>(value.getType()),
                        SmallVector<std::string, 2>(dims)};
  results.insert(first ? results.begin() : results.end(), {tensor, value});
}

void NetworkFunction::finish() {
  SmallVector<Value> values;
  SmallVector<Type> types;
  for (auto &[tensor, value] : results) {
    values.push_back(value);
    types.push_back(value.getType());
  }
  builder.create<func::ReturnOp>(loc, values);
  function.setType(builder.getFunctionType(function.getArgumentTypes(), types));
  for (auto [index, entry] : llvm::enumerate(results))
    setResult(function, index, entry.first);
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

namespace {

/// Builds one block: its parameters have the prefix, its states are those of the function.
class BlockBuilder {
public:
  BlockBuilder(const BlockContext &context, Value x)
      : c(context), block(context.block), b(context.function.builder), loc(context.function.loc),
        x(x), stream(cast<RankedTensorType>(x.getType())), width(stream.getDimSize(2)) {}

  Value build() {
    switch (block.kind) {
    case BlockKind::MLSTMBlock:
      return buildMLSTM();
    case BlockKind::SLSTMBlock:
      return buildSLSTM();
    case BlockKind::XLSTMLargeBlock:
      return buildLarge();
    }
    llvm_unreachable("every kind is listed above");
  }

private:
  Value buildMLSTM();
  Value buildSLSTM();
  Value buildLarge();
  /// Recurrent weights as the cell takes them: R [G, H, D, D], b [G, H, D].
  std::pair<Value, Value> recurrentWeights(int64_t gates);

  Value weight(StringRef name, ArrayRef<int64_t> shape) {
    return c.function.parameter(c.prefix + name.str(), shape);
  }
  /// A bias that only a block with biases has.
  Value bias(StringRef name, int64_t size) { return block.useBias ? weight(name, size) : Value(); }
  SmallVector<Value> biases(ArrayRef<StringRef> names, ArrayRef<int64_t> sizes) {
    SmallVector<Value> values;
    if (block.useBias)
      for (auto [name, size] : llvm::zip(names, sizes))
        values.push_back(weight(name, size));
    return values;
  }
  /// The initial value of a state [B, extents..]; null in a function without states.
  Value state(StringRef name, Type element, ArrayRef<int64_t> extents) {
    std::string dims[] = {c.rows};
    return c.states ? c.function.input(c.statePrefix + name.str(), element, dims, extents,
                                       /*isOptional=*/true)
                    : Value();
  }
  void give(StringRef name, Value last) {
    std::string dims[] = {c.rows};
    if (c.states)
      c.function.result(c.statePrefix + name.str(), last, dims);
  }
  /// The type of a state.
  RankedTensorType stateType(Type element, ArrayRef<int64_t> extents) {
    SmallVector<int64_t> shape{stream.getDimSize(0)};
    llvm::append_range(shape, extents);
    return RankedTensorType::get(shape, element);
  }

  /// Initial values and types of the states of an mLSTM cell.
  struct CellStates {
    Value c, n, m;
    Type cType, nType, mType;
  };
  CellStates cellStates() {
    const description::CellDescription &cell = block.cell;
    bool m = cell.inputGate == description::InputGate::Exp, n = m || cell.normalize;
    int64_t h = cell.heads;
    Type type = c.function.accumulation;
    CellStates states;
    states.c = state("c", c.function.kept, {h, cell.dqk, cell.dv});
    states.cType = stateType(states.c ? c.function.kept : type, {h, cell.dqk, cell.dv});
    if (n) {
      states.n = state("n", type, {h, cell.dqk});
      states.nType = stateType(type, {h, cell.dqk});
    }
    if (m) {
      states.m = state("m", type, h);
      states.mType = stateType(type, h);
    }
    return states;
  }
  template <typename Op> void giveCellStates(Op op) {
    give("c", op.getCLast());
    if (op.getNLast())
      give("n", op.getNLast());
    if (op.getMLast())
      give("m", op.getMLast());
  }
  // The enumerations have the same enumerators in the same order.
  mlir::xlstm::InputGate inputGate() const {
    return mlir::xlstm::InputGate(int(block.cell.inputGate));
  }
  mlir::xlstm::ScaleOn scaleOn() const { return mlir::xlstm::ScaleOn(int(block.cell.scaleOn)); }
  mlir::xlstm::Denominator denominator() const {
    return mlir::xlstm::Denominator(int(block.cell.denominator));
  }
  mlir::xlstm::NormalizerGrad normalizerGrad() const {
    return mlir::xlstm::NormalizerGrad(int(block.cell.normalizerGrad));
  }

  const BlockContext &c;
  const BlockDescription &block;
  OpBuilder &b;
  Location loc;
  Value x;
  RankedTensorType stream;
  int64_t width; // D
};

Value BlockBuilder::buildMLSTM() {
  int64_t e = block.innerDim, h = block.heads, k = block.conv1dKernelSize,
          s = block.qkvProjBlocksize;
  Type acc = c.function.accumulation;
  Value conv0 = k > 1 ? state("conv", acc, {k - 1, e}) : Value();
  CellStates states = cellStates();
  Value norm = weight("xlstm_norm.weight", width);
  Value projUp = weight("xlstm.proj_up.weight", {2 * e, width}),
        projUpBias = bias("xlstm.proj_up.bias", 2 * e);
  Value conv = weight("xlstm.conv1d.conv.weight", {e, 1, k}),
        convBias = weight("xlstm.conv1d.conv.bias", e);
  Value q = weight("xlstm.q_proj.weight", {e / s, s, s}),
        key = weight("xlstm.k_proj.weight", {e / s, s, s}),
        v = weight("xlstm.v_proj.weight", {e / s, s, s});
  SmallVector<Value> qkvBiases =
      biases({"xlstm.q_proj.bias", "xlstm.k_proj.bias", "xlstm.v_proj.bias"}, {e, e, e});
  Value igate = weight("xlstm.mlstm_cell.igate.weight", {h, 3 * e}),
        igateBias = weight("xlstm.mlstm_cell.igate.bias", h),
        fgate = weight("xlstm.mlstm_cell.fgate.weight", {h, 3 * e}),
        fgateBias = weight("xlstm.mlstm_cell.fgate.bias", h);
  Value outnorm = weight("xlstm.mlstm_cell.outnorm.weight", e),
        skip = weight("xlstm.learnable_skip", e);
  Value projDown = weight("xlstm.proj_down.weight", {width, e}),
        projDownBias = bias("xlstm.proj_down.bias", width);
  auto op = b.create<mlir::xlstm::MLSTMBlockOp>(
      loc, stream, stateType(acc, {k - 1, e}), states.cType, states.nType, states.mType, x, norm,
      projUp, projUpBias, conv, convBias, q, key, v, qkvBiases, igate, igateBias, fgate, fgateBias,
      outnorm, skip, projDown, projDownBias, conv0, states.c, states.n, states.m, h,
      APFloat(block.normEps), inputGate(), block.cell.normalize, APFloat(block.cell.eps), scaleOn(),
      denominator(), normalizerGrad());
  if (k > 1)
    give("conv", op.getConvLast());
  giveCellStates(op);
  return op.getY();
}

std::pair<Value, Value> BlockBuilder::recurrentWeights(int64_t gates) {
  LayerBuilder &l = c.layers;
  int64_t h = block.heads, d = width / h;
  auto permute = [&](Value from, ArrayRef<int64_t> order, ArrayRef<int64_t> shape) {
    return b.create<mlir::xlstm::PermuteOp>(loc, RankedTensorType::get(shape, c.function.type),
                                            from, order);
  };
  auto accumulate = [&](Value bias) -> Value {
    if (c.function.type == c.function.accumulation)
      return bias;
    return l.map(bias, [](LayerBuilder &, ValueRange e) { return e[0]; }, c.function.accumulation);
  };
  if (block.recurrentStorage == "cell")
    return {weight("xlstm.slstm_cell.r", {gates, h, d, d}),
            accumulate(weight("xlstm.slstm_cell.b", {gates, h, d}))};
  const char *r = "xlstm.slstm_cell._recurrent_kernel_", *bias = "xlstm.slstm_cell._bias_";
  if (block.recurrentStorage == "cuda")
    return {permute(l.reshape(weight(r, {h, d, gates * d}), {h, d, gates, d}), {2, 0, 3, 1},
                    {gates, h, d, d}),
            accumulate(permute(l.reshape(weight(bias, gates * width), {h, gates, d}), {1, 0, 2},
                               {gates, h, d}))};
  return {permute(l.reshape(weight(r, {h, gates * d, d}), {h, gates, d, d}), {1, 0, 2, 3},
                  {gates, h, d, d}),
          accumulate(l.reshape(weight(bias, gates * width), {gates, h, d}))};
}

Value BlockBuilder::buildSLSTM() {
  int64_t h = block.heads, d = width / h, k = block.conv1dKernelSize;
  Type acc = c.function.accumulation;
  description::CellDescription cell = description::spelledOut(block.cell);
  int64_t gates = cell.gates.size();
  Value conv0 = k > 1 ? state("conv", acc, {k - 1, width}) : Value();
  SmallVector<Value> initial;
  SmallVector<Type> lastTypes(cell.states.size(), stateType(acc, {h, d}));
  if (c.states)
    for (const std::string &name : cell.states)
      initial.push_back(state(name, acc, {h, d}));
  Value norm = weight("xlstm_norm.weight", width), conv, convBias;
  Type convType;
  if (k > 0) {
    conv = weight("xlstm.conv1d.conv.weight", {width, 1, k});
    convBias = weight("xlstm.conv1d.conv.bias", width);
    convType = stateType(acc, {k - 1, width});
  }
  // Checkpoints of the public package have i and f under each other's name.
  bool swapped = block.recurrentStorage != "cell";
  Value igate = weight(swapped ? "xlstm.fgate.weight" : "xlstm.igate.weight", {h, d, d}),
        fgate = weight(swapped ? "xlstm.igate.weight" : "xlstm.fgate.weight", {h, d, d}),
        zgate = weight("xlstm.zgate.weight", {h, d, d}),
        ogate = weight("xlstm.ogate.weight", {h, d, d});
  auto [r, bias] = recurrentWeights(gates);
  Value groupNorm = block.groupNormWeight ? weight("xlstm.group_norm.weight", width) : Value();
  SmallVector<StringRef> stateNames(cell.states.begin(), cell.states.end());
  FloatAttr clip =
      cell.recurrentGradClip ? b.getF64FloatAttr(*cell.recurrentGradClip) : FloatAttr();
  auto op = b.create<mlir::xlstm::SLSTMBlockOp>(
      loc, stream, convType, lastTypes, x, norm, conv, convBias, igate, fgate, zgate, ogate, r,
      bias, groupNorm, conv0, initial, b.getI64IntegerAttr(h), b.getF64FloatAttr(block.normEps),
      clip, cell.recurrentGradCut ? b.getUnitAttr() : UnitAttr(), b.getStrArrayAttr(stateNames));
  {
    size_t arguments = 3 * gates + cell.states.size();
    OpBuilder::InsertionGuard guard(b);
    Block *body = b.createBlock(&op.getBody(), {}, SmallVector<Type>(arguments, acc),
                                SmallVector<Location>(arguments, loc));
    ArrayRef<BlockArgument> all = body->getArguments();
    SmallVector<Value> states = emitStep(b, loc, cell,
                                         {all.take_front(gates), all.slice(gates, gates),
                                          all.slice(2 * gates, gates), all.drop_front(3 * gates)});
    b.create<mlir::xlstm::YieldOp>(loc, ValueRange(states).take_front(), states);
  }
  if (k > 1)
    give("conv", op.getConvLast());
  for (auto [name, last] : llvm::zip(cell.states, op.getLastStates()))
    give(name, last);
  if (!block.ffn)
    return op.getY();
  auto activation = block.ffnAct == "relu^2"  ? mlir::xlstm::Activation::SquaredReLU
                    : block.ffnAct == "swish" ? mlir::xlstm::Activation::SiLU
                                              : *mlir::xlstm::symbolizeActivation(block.ffnAct);
  SmallVector<Value> up{weight("ffn.proj_up.weight", {2 * block.ffnDim, width})};
  return b.create<mlir::xlstm::FFNBlockOp>(
      loc, stream, op.getY(), weight("ffn_norm.weight", width), Value(), up, ValueRange(),
      weight("ffn.proj_down.weight", {width, block.ffnDim}), Value(), mlir::xlstm::NormKind::Layer,
      APFloat(block.normEps), /*residual_weight=*/true, activation);
}

Value BlockBuilder::buildLarge() {
  int64_t h = block.heads, keys = h * block.cell.dqk, values = h * block.cell.dv, f = block.ffnDim;
  bool fused = block.weightMode == description::WeightMode::Fused;
  CellStates states = cellStates();
  Value norm = weight("norm_mlstm.weight", width), normBias = bias("norm_mlstm.bias", width);
  SmallVector<Value> qkvo, qkvoBiases, gates, gateBiases;
  auto layer = [&](StringRef name, int64_t rows) {
    std::string full = ("mlstm_layer." + name).str();
    qkvo.push_back(weight(full + ".weight", {rows, width}));
    if (Value value = bias(full + ".bias", rows))
      qkvoBiases.push_back(value);
  };
  auto gate = [&](StringRef name, int64_t rows) {
    std::string full = ("mlstm_layer." + name).str();
    gates.push_back(weight(full + ".weight", {rows, width}));
    gateBiases.push_back(weight(full + ".bias", rows));
  };
  if (fused) {
    layer("qkv_opreact", 2 * (keys + values));
    gate("ifgate_preact", 2 * h);
  } else {
    layer("q", keys);
    layer("k", keys);
    layer("v", values);
    layer("ogate_preact", values);
    gate("igate_preact", h);
    gate("fgate_preact", h);
  }
  Value headNorm = weight("mlstm_layer.multihead_norm.weight", values),
        headNormBias = bias("mlstm_layer.multihead_norm.bias", values);
  Value outProj = weight("mlstm_layer.out_proj.weight", {width, values}),
        outProjBias = bias("mlstm_layer.out_proj.bias", width);
  FloatAttr cap = block.gateSoftCap ? b.getF64FloatAttr(*block.gateSoftCap) : FloatAttr();
  auto op = b.create<mlir::xlstm::XLSTMLargeBlockOp>(
      loc, stream, states.cType, states.nType, states.mType, x, norm, normBias, qkvo, qkvoBiases,
      gates, gateBiases, headNorm, headNormBias, outProj, outProjBias, states.c, states.n, states.m,
      h, APFloat(block.normEps), cap, inputGate(), block.cell.normalize, APFloat(block.cell.eps),
      scaleOn(), denominator(), normalizerGrad());
  giveCellStates(op);
  SmallVector<Value> up, upBiases;
  using Layer = std::pair<StringRef, int64_t>;
  SmallVector<Layer> layers = {{"ffn.proj_up_gate", f}, {"ffn.proj_up", f}};
  if (fused)
    layers = {{"ffn.proj_up_gate_z", 2 * f}};
  for (auto [name, rows] : layers) {
    up.push_back(weight((name + ".weight").str(), {rows, width}));
    if (Value value = bias((name + ".bias").str(), rows))
      upBiases.push_back(value);
  }
  Value ffnNorm = weight("norm_ffn.weight", width), ffnNormBias = bias("norm_ffn.bias", width);
  Value down = weight("ffn.proj_down.weight", {width, f}),
        downBias = bias("ffn.proj_down.bias", width);
  return b.create<mlir::xlstm::FFNBlockOp>(loc, stream, op.getY(), ffnNorm, ffnNormBias, up,
                                           upBiases, down, downBias, mlir::xlstm::NormKind::RMS,
                                           APFloat(block.normEps), /*residual_weight=*/false,
                                           mlir::xlstm::Activation::SiLU);
}

} // namespace

Value buildBlock(const BlockContext &context, Value x) { return BlockBuilder(context, x).build(); }

} // namespace xlstm
