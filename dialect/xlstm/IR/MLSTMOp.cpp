// SPDX-License-Identifier: Apache-2.0
// xlstm.mlstm: construction, type inference, constraints, canonicalisation. Its syntax is in
// MLSTMSyntax.cpp.
#include "dialect/xlstm/IR/XLSTM.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::xlstm;

//===----------------------------------------------------------------------===//
// Types and construction
//===----------------------------------------------------------------------===//

/// The static one of two extents, if any.
static int64_t mergeExtents(int64_t a, int64_t b) { return ShapedType::isDynamic(a) ? b : a; }

/// Gates and states: f64 for f64 inputs, otherwise f32.
static Type getAccumulationTypeFor(Type input) {
  return input.isF64() ? input : Float32Type::get(input.getContext());
}

MLSTMTypes mlir::xlstm::inferMLSTMTypes(RankedTensorType q, RankedTensorType v,
                                        RankedTensorType cuSeqlens) {
  int64_t batch = mergeExtents(q.getDimSize(0), v.getDimSize(0));
  int64_t time = mergeExtents(q.getDimSize(1), v.getDimSize(1));
  int64_t heads = q.getDimSize(2), dqk = q.getDimSize(3), dv = v.getDimSize(3);
  int64_t sequences = batch;
  // An extent of 0 is rejected by the verifier (mlstm_c8), which may come later than this.
  if (cuSeqlens)
    sequences = cuSeqlens.isDynamicDim(0) ? ShapedType::kDynamic
                                          : std::max<int64_t>(cuSeqlens.getDimSize(0) - 1, 0);
  Type accumulation = getAccumulationTypeFor(q.getElementType());
  MLSTMTypes types;
  types.gate = RankedTensorType::get({batch, time, heads}, accumulation);
  types.h = RankedTensorType::get({batch, time, heads, dv}, v.getElementType());
  types.c = RankedTensorType::get({sequences, heads, dqk, dv}, accumulation);
  types.n = RankedTensorType::get({sequences, heads, dqk}, accumulation);
  types.m = RankedTensorType::get({sequences, heads}, accumulation);
  return types;
}

MLSTMOptions MLSTMOp::getOptions() {
  return {getInputGate(), getNormalize(),   getEps().convertToDouble(),
          getScaleOn(),   getDenominator(), getNormalizerGrad()};
}

void mlir::xlstm::detail::setProperties(MLSTMOp::Properties &properties,
                                        const MLSTMOptions &options, const MLSTMOperands &operands,
                                        MLIRContext *context) {
  Builder b(context);
  properties.input_gate = InputGateAttr::get(context, options.inputGate);
  properties.normalize = b.getBoolAttr(options.normalize);
  properties.eps = b.getF64FloatAttr(options.eps);
  properties.scale_on = ScaleOnAttr::get(context, options.scaleOn);
  properties.denominator = DenominatorAttr::get(context, options.denominator);
  properties.normalizer_grad = NormalizerGradAttr::get(context, options.normalizerGrad);
  auto present = [](Value value) { return value ? 1 : 0; };
  properties.operandSegmentSizes = {1,
                                    1,
                                    1,
                                    1,
                                    1,
                                    present(operands.c0),
                                    present(operands.n0),
                                    present(operands.m0),
                                    present(operands.cuSeqlens),
                                    present(operands.reset)};
  properties.resultSegmentSizes = {1, 1, options.hasNormalizer() ? 1 : 0,
                                   options.hasStabilizer() ? 1 : 0};
}

void MLSTMOp::build(OpBuilder &, OperationState &state, MLSTMOperands operands,
                    MLSTMOptions options) {
  for (Value value : {operands.q, operands.k, operands.v, operands.i, operands.f, operands.c0,
                      operands.n0, operands.m0, operands.cuSeqlens, operands.reset})
    if (value)
      state.addOperands(value);
  mlir::xlstm::detail::setProperties(state.getOrAddProperties<Properties>(), options, operands,
                                     state.getContext());
  SmallVector<Type> types;
  LogicalResult inferred =
      inferReturnTypes(state.getContext(), state.location, state.operands,
                       /*attributes=*/{}, state.getRawProperties(), /*regions=*/{}, types);
  if (failed(inferred))
    llvm::report_fatal_error("xlstm.mlstm built from operands that are not ranked tensors");
  state.addTypes(types);
}

LogicalResult MLSTMOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  auto q = dyn_cast<RankedTensorType>(adaptor.getQ().getType());
  auto v = dyn_cast<RankedTensorType>(adaptor.getV().getType());
  RankedTensorType cuSeqlens;
  if (Value value = adaptor.getCuSeqlens()) {
    cuSeqlens = dyn_cast<RankedTensorType>(value.getType());
    if (!cuSeqlens || cuSeqlens.getRank() != 1)
      return failure();
  }
  if (!q || !v || q.getRank() != 4 || v.getRank() != 4)
    return failure();
  MLSTMOptions options;
  options.inputGate = adaptor.getInputGate();
  options.normalize = adaptor.getNormalize();
  MLSTMTypes inferred = inferMLSTMTypes(q, v, cuSeqlens);
  types.assign({inferred.h, inferred.c});
  if (options.hasNormalizer())
    types.push_back(inferred.n);
  if (options.hasStabilizer())
    types.push_back(inferred.m);
  return success();
}

/// Results may be more or less static than what is inferred.
bool MLSTMOp::isCompatibleReturnTypes(TypeRange inferred, TypeRange actual) {
  return inferred.size() == actual.size() &&
         llvm::all_of(llvm::zip(inferred, actual), [](auto pair) {
           auto [a, b] = pair;
           return getElementTypeOrSelf(a) == getElementTypeOrSelf(b) &&
                  succeeded(verifyCompatibleShape(a, b));
         });
}

//===----------------------------------------------------------------------===//
// Constraints
//===----------------------------------------------------------------------===//

namespace {

/// A tensor of the op: its name in messages and its value, null when absent.
struct Named {
  StringRef name;
  Value value;
};

/// "f32" or "[4, ?, 8]xf32" for messages.
std::string describe(RankedTensorType type) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "[";
  llvm::interleaveComma(type.getShape(), os, [&](int64_t extent) {
    ShapedType::isDynamic(extent) ? os << "?" : os << extent;
  });
  os << "]x" << type.getElementType();
  return text;
}

LogicalResult expectType(MLSTMOp op, Named tensor, RankedTensorType expected, StringRef layout) {
  auto type = cast<RankedTensorType>(tensor.value.getType());
  if (type.getElementType() == expected.getElementType() &&
      succeeded(verifyCompatibleShape(type, expected)))
    return success();
  return op.emitOpError() << "expected " << tensor.name << " to be " << layout << " = "
                          << describe(expected) << ", got " << describe(type);
}

} // namespace

LogicalResult MLSTMOp::verify() {
  auto q = getQ().getType(), k = getK().getType(), v = getV().getType();
  MLSTMOptions options = getOptions();

  // mlstm_c1
  for (Named tensor : {Named{"k", getK()}, Named{"v", getV()}}) {
    Type element = getElementTypeOrSelf(tensor.value);
    if (element != q.getElementType())
      return emitOpError() << "expected " << tensor.name << " to have the element type of q, "
                           << q.getElementType() << ", got " << element;
  }
  // mlstm_c3
  for (auto [name, extent] :
       {std::pair<StringRef, int64_t>{"H", getHeads()}, {"dqk", getDqk()}, {"dv", getDv()}})
    if (extent < 1) {
      InFlightDiagnostic error = emitOpError()
                                 << "expected " << name << " to be static and at least 1, got ";
      return ShapedType::isDynamic(extent) ? error << "a dynamic extent" : error << extent;
    }
  // mlstm_c2
  auto vShape = RankedTensorType::get({q.getDimSize(0), q.getDimSize(1), getHeads(), getDv()},
                                      q.getElementType());
  if (failed(expectType(*this, {"k", getK()}, q, "[B, T, H, dqk]")) ||
      failed(expectType(*this, {"v", getV()}, vShape, "[B, T, H, dv]")))
    return failure();
  // Below, an extent of B or T is dynamic only if it is in all of q, k and v.
  auto merged =
      RankedTensorType::get({mergeExtents(q.getDimSize(0), k.getDimSize(0)),
                             mergeExtents(q.getDimSize(1), k.getDimSize(1)), getHeads(), getDqk()},
                            q.getElementType());
  auto cuSeqlens = getCuSeqlens() ? getCuSeqlens().getType() : RankedTensorType();
  // mlstm_c8
  if (cuSeqlens) {
    if (cuSeqlens.getDimSize(0) == 0)
      return emitOpError("expected cu_seqlens to be [N + 1] with N >= 0, got an extent of 0");
    int64_t batch = mergeExtents(merged.getDimSize(0), v.getDimSize(0));
    if (!ShapedType::isDynamic(batch) && batch != 1)
      return emitOpError() << "expected B to be 1 with cu_seqlens, got " << batch;
  }
  MLSTMTypes types = inferMLSTMTypes(merged, v, cuSeqlens);
  // mlstm_c4
  if (failed(expectType(*this, {"i", getI()}, types.gate, "[B, T, H]")) ||
      failed(expectType(*this, {"f", getF()}, types.gate, "[B, T, H]")))
    return failure();
  // mlstm_c5
  if (options.inputGate == InputGate::Exp && !options.normalize)
    return emitOpError("expected input_gate = sigmoid with normalize = false, got exp");
  // mlstm_c6
  bool given = getC0() || getN0() || getM0();
  for (auto [state, exists] : {std::pair<Named, bool>{{"c0", getC0()}, true},
                               {{"n0", getN0()}, options.hasNormalizer()},
                               {{"m0", getM0()}, options.hasStabilizer()}})
    if (given && bool(state.value) != exists)
      return emitOpError() << "expected " << (exists ? "the initial state " : "no initial state ")
                           << state.name << " for this input_gate and normalize, got "
                           << (exists ? "none" : "one");
  // mlstm_c7
  StringRef sequences = cuSeqlens ? "N" : "B";
  std::string cLayout = ("[" + sequences + ", H, dqk, dv]").str(),
              nLayout = ("[" + sequences + ", H, dqk]").str(),
              mLayout = ("[" + sequences + ", H]").str();
  if (getC0() && failed(expectType(*this, {"c0", getC0()}, types.c, cLayout)))
    return failure();
  if (getN0() && failed(expectType(*this, {"n0", getN0()}, types.n, nLayout)))
    return failure();
  if (getM0() && failed(expectType(*this, {"m0", getM0()}, types.m, mLayout)))
    return failure();
  // mlstm_c9
  if (getReset()) {
    auto expected =
        RankedTensorType::get(types.gate.getShape().drop_back(), getElementTypeOrSelf(getReset()));
    if (failed(expectType(*this, {"reset", getReset()}, expected, "[B, T]")))
      return failure();
  }
  // mlstm_c10
  if (!std::isfinite(options.eps) || options.eps < 0)
    return emitOpError() << "expected eps to be finite and not negative, got " << options.eps;
  // mlstm_c11
  for (auto [state, exists] :
       {std::pair<Named, bool>{{"n_last", getNLast()}, options.hasNormalizer()},
        {{"m_last", getMLast()}, options.hasStabilizer()}})
    if (bool(state.value) != exists)
      return emitOpError() << "expected " << (exists ? "a result " : "no result ") << state.name
                           << " for this input_gate and normalize, got "
                           << (exists ? "none" : "one");
  if (failed(expectType(*this, {"h", getH()}, types.h, "[B, T, H, dv]")) ||
      failed(expectType(*this, {"c_last", getCLast()}, types.c, cLayout)))
    return failure();
  if (getNLast() && failed(expectType(*this, {"n_last", getNLast()}, types.n, nLayout)))
    return failure();
  if (getMLast() && failed(expectType(*this, {"m_last", getMLast()}, types.m, mLayout)))
    return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Canonicalisation
//===----------------------------------------------------------------------===//

/// Whether every element of a constant is zero. A negative zero counts: states enter sums and
/// maxima only.
static bool isZeroConstant(Value value) {
  DenseElementsAttr constant;
  if (!matchPattern(value, m_Constant(&constant)) || !constant.isSplat())
    return false;
  if (isa<FloatType>(constant.getElementType()))
    return constant.getSplatValue<APFloat>().isZero();
  return constant.getSplatValue<APInt>().isZero();
}

/// Removes operands that say what their absence says: initial states that are all zero, and a reset
/// that is never true.
LogicalResult MLSTMOp::canonicalize(MLSTMOp op, PatternRewriter &rewriter) {
  SmallVector<Value> states;
  for (Value state : {Value(op.getC0()), Value(op.getN0()), Value(op.getM0())})
    if (state)
      states.push_back(state);
  // One state that is not zero keeps them all (mlstm_c6).
  bool dropStates = !states.empty() && llvm::all_of(states, isZeroConstant);
  bool dropReset = op.getReset() && isZeroConstant(op.getReset());
  if (!dropStates && !dropReset)
    return rewriter.notifyMatchFailure(op, "no initial state and no reset is a constant zero");
  rewriter.modifyOpInPlace(op, [&] {
    if (dropStates) {
      op.getC0Mutable().clear();
      op.getN0Mutable().clear();
      op.getM0Mutable().clear();
    }
    if (dropReset)
      op.getResetMutable().clear();
  });
  return success();
}

#define GET_OP_CLASSES
#include "dialect/xlstm/IR/XLSTMOps.cpp.inc"
