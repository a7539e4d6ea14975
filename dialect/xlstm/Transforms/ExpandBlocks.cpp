// SPDX-License-Identifier: Apache-2.0
// Residual blocks as projections, convolutions, norms and cells.
#include "dialect/xlstm/Transforms/LayerBuilder.h"
#include "dialect/xlstm/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace mlir::xlstm {
#define GEN_PASS_DEF_EXPANDBLOCKS
#include "dialect/xlstm/Transforms/Passes.h.inc"

namespace {

/// Convolution and SiLU: a, and the last state, of the type `last`. The weight is [C, 1, K].
std::pair<Value, Value> convolve(LayerBuilder &l, Value x, Value weight, Value bias, Value state,
                                 Type last) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(weight.getType()).getShape();
  Value matrix = l.reshape(weight, {shape[0], shape[2]});
  auto conv =
      l.b.create<CausalConv1dOp>(l.loc, TypeRange{x.getType(), last}, x, matrix, bias, state);
  Value a = l.map(conv.getY(), [](LayerBuilder &l, ValueRange e) { return l.silu(e[0]); });
  return {a, conv.getStateLast()};
}

SmallVector<Value> expand(MLSTMBlockOp op, LayerBuilder &l) {
  int64_t inner = op.getInnerWidth(), heads = op.getHeads();
  auto bias = [&](size_t n) { return op.getQkvBiases().empty() ? Value() : op.getQkvBiases()[n]; };
  Value u = l.norm(NormKind::Layer, op.getX(), op.getNorm(), /*residualWeight=*/true, {},
                   op.getNormEps());
  SmallVector<Value> halves =
      l.split(l.linear(u, op.getProjUp(), op.getProjUpBias()), {inner, inner});
  auto [a, convLast] = convolve(l, halves[0], op.getConv(), op.getConvBias(), op.getConv0(),
                                op.getConvLast().getType());
  Value q = l.blockLinear(a, op.getQ(), bias(0)), k = l.blockLinear(a, op.getK(), bias(1)),
        v = l.blockLinear(halves[0], op.getV(), bias(2));
  Value qkv = l.concat({q, k, v});
  MLSTMOperands operands;
  operands.q = l.splitHeads(q, heads);
  operands.k = l.splitHeads(k, heads);
  operands.v = l.splitHeads(v, heads);
  operands.i = l.gate(qkv, op.getIgate(), op.getIgateBias());
  operands.f = l.gate(qkv, op.getFgate(), op.getFgateBias());
  operands.c0 = op.getC0(), operands.n0 = op.getN0(), operands.m0 = op.getM0();
  LayerBuilder::Cell cell = l.mlstm(operands, op.getOptions());
  Value h = l.headNorm(cell.h, op.getOutnorm(), /*residualWeight=*/true, {}, op.getNormEps());
  Value gated = l.map({h, op.getSkip(), a, halves[1]}, [](LayerBuilder &l, ValueRange e) {
    return l.mul(l.add(e[0], l.mul(e[1], e[2])), l.silu(e[3]));
  });
  Value y = l.linear(gated, op.getProjDown(), op.getProjDownBias());
  SmallVector<Value> results{l.residual(op.getX(), y), convLast};
  results.append(cell.states);
  return results;
}

SmallVector<Value> expand(SLSTMBlockOp op, LayerBuilder &l) {
  int64_t heads = op.getHeads();
  Value u = l.norm(NormKind::Layer, op.getX(), op.getNorm(), /*residualWeight=*/true, {},
                   op.getNormEps());
  Value a = u, convLast;
  if (op.getConv())
    std::tie(a, convLast) =
        convolve(l, u, op.getConv(), op.getConvBias(), op.getConv0(), op.getConvLast().getType());
  Value gates =
      l.concat({l.blockLinear(a, op.getIgate(), {}), l.blockLinear(a, op.getFgate(), {}),
                l.blockLinear(u, op.getZgate(), {}), l.blockLinear(u, op.getOgate(), {})});
  RankedTensorType stream = op.getX().getType();
  SmallVector<int64_t> shape{stream.getDimSize(0), stream.getDimSize(1), 4, heads,
                             stream.getDimSize(2) / heads};
  if (l.isStep())
    shape.erase(shape.begin() + 1);
  ScanOperands operands;
  operands.sequences = {l.reshape(gates, shape)};
  operands.constants = {op.getBias()};
  operands.recurrent = op.getRecurrent();
  operands.initialStates.assign(op.getInitialStates().begin(), op.getInitialStates().end());
  ScanOptions options;
  options.step = l.isStep();
  options.recurrentGradCut = op.getRecurrentGradCut();
  if (op.getRecurrentGradClip())
    options.recurrentGradClip = op.getRecurrentGradClip()->convertToDouble();
  for (Attribute name : op.getStateNames())
    options.stateNames.push_back(cast<StringAttr>(name).str());
  shape.erase(shape.end() - 3);
  auto outputType = RankedTensorType::get(shape, l.getInputType());
  auto scan = l.b.create<ScanOp>(l.loc, operands, options, TypeRange(outputType),
                                 op.getLastStates().size());
  scan.getBody().takeBody(op.getBody());
  Value h = l.reshape(scan.getOutputs()[0], {stream.getDimSize(0), stream.getDimSize(1), heads,
                                             stream.getDimSize(2) / heads});
  Value y = l.headNorm(h, op.getGroupNorm(), /*residualWeight=*/true, {}, op.getNormEps());
  SmallVector<Value> results{l.residual(op.getX(), y)};
  if (convLast)
    results.push_back(convLast);
  llvm::append_range(results, scan.getLastStates());
  return results;
}

SmallVector<Value> expand(XLSTMLargeBlockOp op, LayerBuilder &l) {
  int64_t heads = op.getHeads(), keys = heads * op.getDqk(), values = heads * op.getDv();
  auto bias = [&](size_t n) {
    return op.getQkvoBiases().empty() ? Value() : op.getQkvoBiases()[n];
  };
  Value u = l.norm(NormKind::RMS, op.getX(), op.getNorm(), /*residualWeight=*/false,
                   op.getNormBias(), op.getNormEps());
  // The gates, a product that few blocks of a GPU compute, run beside the start of the others; all
  // products of u stand before the cell, which they do not wait for.
  SmallVector<Value> qkvo, gates;
  for (auto [weight, bias] : llvm::zip(op.getGates(), op.getGateBiases()))
    gates.push_back(l.gate(u, weight, bias));
  if (op.isFused())
    gates = l.split(gates[0], {heads, heads});
  if (op.getGateSoftCap()) {
    double bound = op.getGateSoftCap()->convertToDouble();
    for (Value &gate : gates)
      gate = l.map(
          gate, [&](LayerBuilder &l, ValueRange e) { return l.cap(e[0], bound); },
          l.getAccumulationType());
  }
  for (auto [n, weight] : llvm::enumerate(op.getQkvo()))
    qkvo.push_back(l.linear(u, weight, bias(n)));
  if (op.isFused())
    qkvo = l.split(qkvo[0], {keys, keys, values, values});
  MLSTMOperands operands;
  operands.q = l.splitHeads(qkvo[0], heads);
  operands.k = l.splitHeads(qkvo[1], heads);
  operands.v = l.splitHeads(qkvo[2], heads);
  operands.i = gates[0], operands.f = gates[1];
  operands.c0 = op.getC0(), operands.n0 = op.getN0(), operands.m0 = op.getM0();
  LayerBuilder::Cell cell = l.mlstm(operands, op.getOptions());
  Value h = l.headNorm(cell.h, op.getHeadNorm(), /*residualWeight=*/false, op.getHeadNormBias(),
                       op.getNormEps());
  Value gated = l.map({h, qkvo[3]},
                      [](LayerBuilder &l, ValueRange e) { return l.mul(e[0], l.sigmoid(e[1])); });
  Value y = l.linear(gated, op.getOutProj(), op.getOutProjBias());
  SmallVector<Value> results{l.residual(op.getX(), y)};
  results.append(cell.states);
  return results;
}

SmallVector<Value> expand(FFNBlockOp op, LayerBuilder &l) {
  Value u = l.norm(op.getKind(), op.getX(), op.getNorm(), op.getResidualWeight(), op.getNormBias(),
                   op.getNormEps());
  SmallVector<Value> parts;
  for (auto [n, weight] : llvm::enumerate(op.getUp()))
    parts.push_back(l.linear(u, weight, op.getUpBiases().empty() ? Value() : op.getUpBiases()[n]));
  int64_t width = op.getDown().getType().getDimSize(1);
  if (parts.size() == 1)
    parts = l.split(parts[0], {width, width});
  Value gated = l.map(parts, [&](LayerBuilder &l, ValueRange e) {
    return l.mul(l.activate(op.getActivation(), e[0]), e[1]);
  });
  return {l.residual(op.getX(), l.linear(gated, op.getDown(), op.getDownBias()))};
}

struct ExpandBlocksPass : impl::ExpandBlocksBase<ExpandBlocksPass> {
  using ExpandBlocksBase::ExpandBlocksBase;

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation().walk([&](Operation *op) {
      llvm::TypeSwitch<Operation *>(op)
          .Case<MLSTMBlockOp, SLSTMBlockOp, XLSTMLargeBlockOp, FFNBlockOp>([&](auto block) {
            rewriter.setInsertionPoint(block);
            LayerBuilder layers(rewriter, block.getLoc(), block.getX().getType());
            rewriter.replaceOp(block, expand(block, layers));
            ++numBlocks;
          });
    });
  }
};

} // namespace
} // namespace mlir::xlstm
