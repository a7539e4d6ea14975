// SPDX-License-Identifier: Apache-2.0
// Constraints of the residual blocks. Labels c1 to c6 stand for the same kind of constraint in all
// of them, so the checks are shared.
#include "dialect/xlstm/IR/Constraints.h"
#include "dialect/xlstm/IR/MLSTMDetail.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::xlstm;
using namespace mlir::xlstm::detail;

namespace {

/// A parameter or state of a block, and the shape that it must have.
struct Part {
  StringRef name;
  Value value; // null: absent
  SmallVector<int64_t, 4> shape;
  StringRef layout;
};

/// Of parts: which element type they must have.
enum class Element {
  Any,         // but f64 exactly if x is
  Input,       // that of x
  Accumulation // f64, or f32
};

} // namespace

/// c2, c3, c5.
static LogicalResult verifyParts(Operation *op, Type input, Element element, ArrayRef<Part> parts) {
  for (const Part &part : parts) {
    if (!part.value)
      continue;
    Type got = getElementTypeOrSelf(part.value);
    Type wanted = element == Element::Any     ? got
                  : element == Element::Input ? input
                                              : getAccumulationTypeFor(input);
    if (failed(expectType(op, {part.name, part.value}, RankedTensorType::get(part.shape, wanted),
                          part.layout)))
      return failure();
    if (got.isF64() != input.isF64())
      return op->emitOpError() << "expected all tensors to be f64, or none, got x of " << input
                               << " and " << part.name << " of " << got;
  }
  return success();
}

/// c5: inputs of a convolution before a block and behind it, of one element type.
static LogicalResult verifyConvStates(Operation *op, Type input, Value first, Value last,
                                      ArrayRef<int64_t> shape, StringRef layout) {
  SmallVector<int64_t, 4> extents(shape);
  if (failed(verifyParts(op, input, Element::Any, {{"the last conv", last, extents, layout}})))
    return failure();
  return expectType(op, {"conv0", first}, RankedTensorType::get(shape, getElementTypeOrSelf(last)),
                    layout);
}

/// c4: of a group, all are there or none.
static LogicalResult verifyTogether(Operation *op, ArrayRef<Named> group) {
  auto isThere = [](const Named &part) { return bool(part.value); };
  if (llvm::all_of(group, isThere) || llvm::none_of(group, isThere))
    return success();
  InFlightDiagnostic error = op->emitOpError() << "expected all of ";
  llvm::interleaveComma(group, error, [&](const Named &part) { error << part.name; });
  const Named *missing = llvm::find_if(group, [&](const Named &part) { return !isThere(part); });
  return error << ", or none, got no " << missing->name;
}

/// c6.
static LogicalResult verifyEps(Operation *op, const APFloat &eps) {
  double value = eps.convertToDouble();
  if (!std::isfinite(value) || value < 0)
    return op->emitOpError() << "expected norm_eps to be finite and not negative, got " << value;
  return success();
}

/// c1 and c6: a width that heads divide.
static LogicalResult verifyHeads(Operation *op, StringRef name, int64_t width, int64_t heads) {
  if (heads < 1)
    return op->emitOpError() << "expected heads of at least 1, got " << heads;
  if (failed(expectStatic(op, name, width)))
    return failure();
  if (width % heads != 0)
    return op->emitOpError() << "expected " << name << " to be a multiple of heads = " << heads
                             << ", got " << width;
  return success();
}

/// The nth value of a group, or null.
static Value nth(ValueRange values, size_t n) { return n < values.size() ? values[n] : Value(); }

/// States of an mLSTM cell before and after a block: n and m in the accumulation type, C there or in
/// the type in which it is kept.
template <typename Op>
static LogicalResult verifyCellStates(Op op, int64_t batch, int64_t heads, int64_t dqk,
                                      int64_t dv) {
  MLSTMOptions options = op.getOptions();
  if (bool(op.getNLast()) != options.hasNormalizer() ||
      bool(op.getMLast()) != options.hasStabilizer())
    return op.emitOpError() << "expected the last states "
                            << (options.hasStabilizer()   ? "c, n, m"
                                : options.hasNormalizer() ? "c, n"
                                                          : "c")
                            << " of the cell, got " << (op.getNLast() ? "an" : "no") << " n and "
                            << (op.getMLast() ? "an" : "no") << " m";
  SmallVector<int64_t, 4> c{batch, heads, dqk, dv}, n{batch, heads, dqk}, m{batch, heads};
  Type input = op.getX().getType().getElementType();
  RankedTensorType cType =
      keptType(RankedTensorType::get(c, getAccumulationTypeFor(input)), op.getC0());
  for (Named state : {Named{"c0", op.getC0()}, Named{"the last c", op.getCLast()}})
    if (failed(expectType(op, state, cType, "[B, H, dqk, dv]")))
      return failure();
  return verifyParts(op, input, Element::Accumulation,
                     {{"n0", op.getN0(), n, "[B, H, dqk]"},
                      {"m0", op.getM0(), m, "[B, H]"},
                      {"the last n", op.getNLast(), n, "[B, H, dqk]"},
                      {"the last m", op.getMLast(), m, "[B, H]"}});
}

//===----------------------------------------------------------------------===//
// xlstm.mlstm_block
//===----------------------------------------------------------------------===//

MLSTMOptions MLSTMBlockOp::getOptions() { return readOptions(*this); }

LogicalResult MLSTMBlockOp::verify() {
  auto x = getX().getType();
  int64_t d = x.getDimSize(2), e = getInnerWidth(), heads = getHeads(), batch = x.getDimSize(0);
  int64_t kernel = getConv().getType().getDimSize(2), size = getQ().getType().getDimSize(2);
  // mlstm_block_c1, mlstm_block_c6
  if (failed(expectStatic(*this, "D", d)) || failed(verifyHeads(*this, "E", e, heads)) ||
      failed(verifyEps(*this, getNormEps())))
    return failure();
  if (failed(expectStatic(*this, "K", kernel)) || failed(expectStatic(*this, "S", size)))
    return failure();
  // mlstm_block_c4
  ValueRange biases = getQkvBiases();
  if (failed(verifyTogether(*this, {{"proj_up_bias", getProjUpBias()},
                                    {"q_bias", nth(biases, 0)},
                                    {"k_bias", nth(biases, 1)},
                                    {"v_bias", nth(biases, 2)},
                                    {"proj_down_bias", getProjDownBias()}})))
    return failure();
  // mlstm_block_c2, mlstm_block_c3
  Type input = x.getElementType();
  SmallVector<int64_t, 4> blocks{e / size, size, size};
  if (failed(verifyParts(*this, input, Element::Input,
                         {{"proj_up", getProjUp(), {2 * e, d}, "[2 E, D]"},
                          {"q", getQ(), blocks, "[E/S, S, S]"},
                          {"k", getK(), blocks, "[E/S, S, S]"},
                          {"v", getV(), blocks, "[E/S, S, S]"},
                          {"igate", getIgate(), {heads, 3 * e}, "[H, 3 E]"},
                          {"fgate", getFgate(), {heads, 3 * e}, "[H, 3 E]"},
                          {"proj_down", getProjDown(), {d, e}, "[D, E]"}})) ||
      failed(verifyParts(*this, input, Element::Any,
                         {{"norm", getNorm(), {d}, "[D]"},
                          {"proj_up_bias", getProjUpBias(), {2 * e}, "[2 E]"},
                          {"conv", getConv(), {e, 1, kernel}, "[E, 1, K]"},
                          {"conv_bias", getConvBias(), {e}, "[E]"},
                          {"q_bias", nth(biases, 0), {e}, "[E]"},
                          {"k_bias", nth(biases, 1), {e}, "[E]"},
                          {"v_bias", nth(biases, 2), {e}, "[E]"},
                          {"igate_bias", getIgateBias(), {heads}, "[H]"},
                          {"fgate_bias", getFgateBias(), {heads}, "[H]"},
                          {"outnorm", getOutnorm(), {e}, "[E]"},
                          {"skip", getSkip(), {e}, "[E]"},
                          {"proj_down_bias", getProjDownBias(), {d}, "[D]"}})))
    return failure();
  // mlstm_block_c5
  SmallVector<int64_t, 4> conv{batch, kernel - 1, e};
  if (failed(verifyConvStates(*this, input, getConv0(), getConvLast(), conv, "[B, K - 1, E]")))
    return failure();
  return verifyCellStates(*this, batch, heads, e / heads, e / heads);
}

//===----------------------------------------------------------------------===//
// xlstm.slstm_block
//===----------------------------------------------------------------------===//

LogicalResult SLSTMBlockOp::verify() {
  auto x = getX().getType();
  int64_t d = x.getDimSize(2), heads = getHeads(), batch = x.getDimSize(0);
  // slstm_block_c1, slstm_block_c6
  if (failed(verifyHeads(*this, "D", d, heads)) || failed(verifyEps(*this, getNormEps())))
    return failure();
  int64_t units = d / heads;
  // slstm_block_c4
  if (bool(getConv()) != bool(getConvBias()) || bool(getConv()) != bool(getConvLast()) ||
      (getConv0() && !getConv()))
    return emitOpError("expected conv, its bias and its last state together, or none of them and "
                       "no conv0");
  // slstm_block_c2, slstm_block_c3
  Type input = x.getElementType();
  SmallVector<int64_t, 4> gate{heads, units, units};
  if (failed(verifyParts(
          *this, input, Element::Input,
          {{"igate", getIgate(), gate, "[H, D/H, D/H]"},
           {"fgate", getFgate(), gate, "[H, D/H, D/H]"},
           {"zgate", getZgate(), gate, "[H, D/H, D/H]"},
           {"ogate", getOgate(), gate, "[H, D/H, D/H]"},
           {"recurrent", getRecurrent(), {4, heads, units, units}, "[4, H, D/H, D/H]"}})) ||
      failed(verifyParts(*this, input, Element::Accumulation,
                         {{"bias", getBias(), {4, heads, units}, "[4, H, D/H]"}})) ||
      failed(verifyParts(
          *this, input, Element::Any,
          {{"norm", getNorm(), {d}, "[D]"}, {"group_norm", getGroupNorm(), {d}, "[D]"}})))
    return failure();
  if (getConv()) {
    int64_t kernel = getConv().getType().getDimSize(2);
    SmallVector<int64_t, 4> conv{batch, kernel - 1, d};
    if (failed(expectStatic(*this, "K", kernel)) ||
        failed(verifyParts(*this, input, Element::Any,
                           {{"conv", getConv(), {d, 1, kernel}, "[D, 1, K]"},
                            {"conv_bias", getConvBias(), {d}, "[D]"}})) ||
        // slstm_block_c5
        failed(verifyConvStates(*this, input, getConv0(), getConvLast(), conv, "[B, K - 1, D]")))
      return failure();
  }
  // slstm_block_c5
  size_t initial = getInitialStates().size(), last = getLastStates().size();
  if (getStateNames().size() != last || (initial != 0 && initial != last))
    return emitOpError() << "expected as many names as last states, and as many initial states or "
                         << "none, got " << getStateNames().size() << ", " << last << " and "
                         << initial;
  for (ValueRange states : {ValueRange(getInitialStates()), ValueRange(getLastStates())})
    for (Value state : states)
      if (failed(verifyParts(*this, input, Element::Accumulation,
                             {{"a state", state, {batch, heads, units}, "[B, H, D/H]"}})))
        return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// xlstm.xlstm_large_block
//===----------------------------------------------------------------------===//

MLSTMOptions XLSTMLargeBlockOp::getOptions() { return readOptions(*this); }

int64_t XLSTMLargeBlockOp::getDqk() {
  int64_t rows = cast<RankedTensorType>(getQkvo()[0].getType()).getDimSize(0);
  int64_t heads = getHeads();
  return isFused() ? (rows - 2 * heads * getDv()) / (2 * heads) : rows / heads;
}

LogicalResult XLSTMLargeBlockOp::verify() {
  auto x = getX().getType();
  int64_t d = x.getDimSize(2), heads = getHeads(), batch = x.getDimSize(0);
  int64_t values = getOutProj().getType().getDimSize(1);
  // xlstm_large_block_c1, xlstm_large_block_c6
  if (failed(expectStatic(*this, "D", d)) ||
      failed(verifyHeads(*this, "the width of v", values, heads)) ||
      failed(verifyEps(*this, getNormEps())))
    return failure();
  if (getGateSoftCap())
    if (double cap = getGateSoftCap()->convertToDouble(); !std::isfinite(cap) || cap <= 0)
      return emitOpError() << "expected gate_soft_cap to be finite and positive, got " << cap;
  // xlstm_large_block_c2
  size_t projections = getQkvo().size();
  if ((projections != 1 && projections != 4) || getGates().size() != (isFused() ? 1 : 2))
    return emitOpError() << "expected four projections and two gates, or one of each, got "
                         << projections << " and " << getGates().size();
  // xlstm_large_block_c1
  int64_t keys = getDqk() * heads,
          first = cast<RankedTensorType>(getQkvo()[0].getType()).getDimSize(0);
  if (keys < 1 || (isFused() ? 2 * (keys + values) : keys) != first)
    return emitOpError() << "expected q and k of a width that is a multiple of heads = " << heads
                         << ", got " << (isFused() ? "all projections of " : "") << first;
  // xlstm_large_block_c4
  SmallVector<Named> together{{"norm_bias", getNormBias()},
                              {"head_norm_bias", getHeadNormBias()},
                              {"out_proj_bias", getOutProjBias()}};
  for (size_t n = 0; n < projections; ++n)
    together.push_back({"qkvo_biases", nth(getQkvoBiases(), n)});
  if (failed(verifyTogether(*this, together)))
    return failure();
  if (getGateBiases().size() != getGates().size() || getQkvoBiases().size() > projections)
    return emitOpError() << "expected a bias for each of " << getGates().size()
                         << " gates and at most " << projections << " of projections, got "
                         << getGateBiases().size() << " and " << getQkvoBiases().size();
  // xlstm_large_block_c2, xlstm_large_block_c3
  Type input = x.getElementType();
  SmallVector<int64_t> rows =
      isFused() ? SmallVector<int64_t>{first} : SmallVector<int64_t>{keys, keys, values, values};
  static constexpr StringRef names[] = {"q", "k", "v", "o"}, fused[] = {"qkvo"};
  for (auto [n, extent] : llvm::enumerate(rows)) {
    StringRef name = isFused() ? fused[n] : names[n];
    if (failed(verifyParts(*this, input, Element::Input,
                           {{name, getQkvo()[n], {extent, d}, "[rows, D]"}})) ||
        failed(verifyParts(
            *this, input, Element::Any,
            {{"the bias of a projection", nth(getQkvoBiases(), n), {extent}, "[rows]"}})))
      return failure();
  }
  int64_t gateRows = isFused() ? 2 * heads : heads;
  for (auto [gate, bias] : llvm::zip(getGates(), getGateBiases()))
    if (failed(verifyParts(*this, input, Element::Input,
                           {{"a gate", gate, {gateRows, d}, "[rows, D]"}})) ||
        failed(verifyParts(*this, input, Element::Any,
                           {{"the bias of a gate", bias, {gateRows}, "[rows]"}})))
      return failure();
  if (failed(verifyParts(*this, input, Element::Input,
                         {{"out_proj", getOutProj(), {d, values}, "[D, H dv]"}})) ||
      failed(verifyParts(*this, input, Element::Any,
                         {{"norm", getNorm(), {d}, "[D]"},
                          {"norm_bias", getNormBias(), {d}, "[D]"},
                          {"head_norm", getHeadNorm(), {values}, "[H dv]"},
                          {"head_norm_bias", getHeadNormBias(), {values}, "[H dv]"},
                          {"out_proj_bias", getOutProjBias(), {d}, "[D]"}})))
    return failure();
  // xlstm_large_block_c5
  return verifyCellStates(*this, batch, heads, getDqk(), getDv());
}

//===----------------------------------------------------------------------===//
// xlstm.ffn_block
//===----------------------------------------------------------------------===//

LogicalResult FFNBlockOp::verify() {
  auto x = getX().getType();
  int64_t d = x.getDimSize(2), f = getDown().getType().getDimSize(1);
  // ffn_block_c1, ffn_block_c5
  if (failed(expectStatic(*this, "D", d)) || failed(expectStatic(*this, "F", f)) ||
      failed(verifyEps(*this, getNormEps())))
    return failure();
  // ffn_block_c2
  size_t projections = getUp().size();
  if (projections != 1 && projections != 2)
    return emitOpError() << "expected one or two up projections, got " << projections;
  // ffn_block_c4
  SmallVector<Named> together{{"down_bias", getDownBias()}};
  for (size_t n = 0; n < projections; ++n)
    together.push_back({"up_biases", nth(getUpBiases(), n)});
  if (failed(verifyTogether(*this, together)))
    return failure();
  if (getNormBias() && !getDownBias())
    return emitOpError("expected norm_bias only with biases of the projections");
  // ffn_block_c2, ffn_block_c3
  Type input = x.getElementType();
  int64_t rows = projections == 1 ? 2 * f : f;
  for (size_t n = 0; n < projections; ++n)
    if (failed(verifyParts(*this, input, Element::Input,
                           {{"up", getUp()[n], {rows, d}, "[rows, D]"}})) ||
        failed(verifyParts(*this, input, Element::Any,
                           {{"the bias of up", nth(getUpBiases(), n), {rows}, "[rows]"}})))
      return failure();
  if (failed(verifyParts(*this, input, Element::Input, {{"down", getDown(), {d, f}, "[D, F]"}})))
    return failure();
  return verifyParts(*this, input, Element::Any,
                     {{"norm", getNorm(), {d}, "[D]"},
                      {"norm_bias", getNormBias(), {d}, "[D]"},
                      {"down_bias", getDownBias(), {d}, "[D]"}});
}
