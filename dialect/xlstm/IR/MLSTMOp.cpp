// SPDX-License-Identifier: Apache-2.0
// xlstm.mlstm: construction, type inference, constraints, canonicalisation. Its syntax is in
// MLSTMSyntax.cpp.
#include "dialect/xlstm/IR/MLSTMDetail.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::xlstm;
using namespace mlir::xlstm::detail;

//===----------------------------------------------------------------------===//
// Types and construction
//===----------------------------------------------------------------------===//

MLSTMTypes mlir::xlstm::inferMLSTMTypes(RankedTensorType q, RankedTensorType v,
                                        RankedTensorType cuSeqlens) {
  int64_t batch = mergeExtents(q.getDimSize(0), v.getDimSize(0));
  SmallVector<int64_t> tokens{batch}; // [B, T], or [B] in the step form
  if (q.getRank() == 4)
    tokens.push_back(mergeExtents(q.getDimSize(1), v.getDimSize(1)));
  int64_t heads = q.getShape().take_back(2).front(), dqk = q.getShape().back(),
          dv = v.getShape().back();
  int64_t sequences = getStateExtent(batch, cuSeqlens), rows = ShapedType::kDynamic;
  Type accumulation = getAccumulationTypeFor(q.getElementType());

  MLSTMTypes types;
  tokens.push_back(heads);
  types.gate = RankedTensorType::get(tokens, accumulation);
  tokens.push_back(dv);
  types.h = RankedTensorType::get(tokens, v.getElementType());
  types.c = RankedTensorType::get({sequences, heads, dqk, dv}, accumulation);
  types.n = RankedTensorType::get({sequences, heads, dqk}, accumulation);
  types.m = RankedTensorType::get({sequences, heads}, accumulation);
  types.cStates = RankedTensorType::get({rows, heads, dqk, dv}, accumulation);
  types.nStates = RankedTensorType::get({rows, heads, dqk}, accumulation);
  types.mStates = RankedTensorType::get({rows, heads, 2}, Float64Type::get(q.getContext()));
  return types;
}

FailureOr<MLSTMTypes> mlir::xlstm::detail::inferFromOperands(Value qValue, Value vValue,
                                                             Value cuSeqlensValue) {
  auto q = dyn_cast<RankedTensorType>(qValue.getType());
  auto v = dyn_cast<RankedTensorType>(vValue.getType());
  RankedTensorType cuSeqlens;
  if (cuSeqlensValue) {
    cuSeqlens = dyn_cast<RankedTensorType>(cuSeqlensValue.getType());
    if (!cuSeqlens || cuSeqlens.getRank() != 1)
      return failure();
  }
  if (!q || !v || q.getRank() != v.getRank() || (q.getRank() != 4 && q.getRank() != 3))
    return failure();
  return inferMLSTMTypes(q, v, cuSeqlens);
}

RankedTensorType mlir::xlstm::detail::keptType(RankedTensorType c, Value c0) {
  Type element = c0 ? getElementTypeOrSelf(c0) : Type();
  return element && (element.isBF16() || element.isF16()) ? c.clone(element) : c;
}

SmallVector<Value> mlir::xlstm::detail::listOperands(const MLSTMOperands &o) {
  SmallVector<Value> list;
  for (Value value : {o.q, o.k, o.v, o.i, o.f, o.c0, o.n0, o.m0, o.cuSeqlens, o.reset})
    if (value)
      list.push_back(value);
  return list;
}

void mlir::xlstm::detail::setProperties(MLSTMOp::Properties &properties,
                                        const MLSTMOperands &operands, const MLSTMOptions &options,
                                        std::optional<MLSTMForm> form, bool saveStates,
                                        MLIRContext *context) {
  writeOptions(properties, options, context);
  if (form)
    properties.form = MLSTMFormAttr::get(context, *form);
  if (saveStates)
    properties.save_states = UnitAttr::get(context);
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
  int saved = saveStates ? 1 : 0;
  properties.resultSegmentSizes = {
      1, 1, options.hasNormalizer() ? 1 : 0, options.hasStabilizer() ? 1 : 0, saved, saved, saved};
}

void MLSTMOp::build(OpBuilder &, OperationState &state, const MLSTMOperands &operands,
                    MLSTMOptions options, std::optional<MLSTMForm> form, bool saveStates) {
  state.addOperands(listOperands(operands));
  setProperties(state.getOrAddProperties<Properties>(), operands, options, form, saveStates,
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
  FailureOr<MLSTMTypes> inferred =
      inferFromOperands(adaptor.getQ(), adaptor.getV(), adaptor.getCuSeqlens());
  if (failed(inferred))
    return failure();
  MLSTMOptions options = readOptions(adaptor);
  types.assign({inferred->h, keptType(inferred->c, adaptor.getC0())});
  if (options.hasNormalizer())
    types.push_back(inferred->n);
  if (options.hasStabilizer())
    types.push_back(inferred->m);
  if (adaptor.getSaveStates())
    types.append({inferred->cStates, inferred->nStates, inferred->mStates});
  return success();
}

/// The type of h that goes with the one of v: its own, or f32 where v is of 16 bits.
static Type hiddenType(Type inferred, Type actual) {
  Type element = getElementTypeOrSelf(inferred);
  return getElementTypeOrSelf(actual).isF32() && (element.isBF16() || element.isF16())
             ? cast<RankedTensorType>(inferred).clone(getElementTypeOrSelf(actual))
             : inferred;
}

/// Results may be more or less static than what is inferred.
bool MLSTMOp::isCompatibleReturnTypes(TypeRange inferred, TypeRange actual) {
  SmallVector<Type> types(inferred);
  if (!actual.empty())
    types[0] = hiddenType(types[0], actual[0]);
  return areCompatible(types, actual);
}

MLSTMOptions MLSTMOp::getOptions() { return readOptions(*this); }

MLSTMOperands MLSTMOp::getMLSTMOperands() { return readOperands(*this); }

//===----------------------------------------------------------------------===//
// Constraints
//===----------------------------------------------------------------------===//

std::string mlir::xlstm::detail::stateLayout(const MLSTMOperands &operands, StringRef inner) {
  return (Twine(operands.cuSeqlens ? "[N, " : "[B, ") + inner + "]").str();
}

FailureOr<MLSTMTypes> mlir::xlstm::detail::verifyCell(Operation *op, const MLSTMOperands &operands,
                                                      const MLSTMOptions &options, bool step) {
  // mlstm_c12
  int64_t rank = step ? 3 : 4;
  for (auto [tensor, expected] : {std::pair<Named, int64_t>{{"q", operands.q}, rank},
                                  {{"k", operands.k}, rank},
                                  {{"v", operands.v}, rank},
                                  {{"i", operands.i}, rank - 1},
                                  {{"f", operands.f}, rank - 1}}) {
    int64_t got = cast<RankedTensorType>(tensor.value.getType()).getRank();
    if (got != expected)
      return op->emitOpError() << "expected " << tensor.name << " of rank " << expected
                               << (step ? ", without a T axis, with form = step, got rank "
                                        : ", with a T axis, without form = step, got rank ")
                               << got;
  }
  auto q = cast<RankedTensorType>(operands.q.getType());
  auto k = cast<RankedTensorType>(operands.k.getType());
  auto v = cast<RankedTensorType>(operands.v.getType());
  int64_t heads = q.getDimSize(rank - 2), dqk = q.getShape().back(), dv = v.getShape().back();
  // mlstm_c1
  for (Named tensor : {Named{"k", operands.k}, Named{"v", operands.v}}) {
    Type element = getElementTypeOrSelf(tensor.value);
    if (element != q.getElementType())
      return op->emitOpError() << "expected " << tensor.name << " to have the element type of q, "
                               << q.getElementType() << ", got " << element;
  }
  // mlstm_c3
  for (auto [name, extent] : {std::pair<StringRef, int64_t>{"H", heads}, {"dqk", dqk}, {"dv", dv}})
    if (failed(expectStatic(op, name, extent)))
      return failure();
  // mlstm_c2
  StringRef tokens = step ? "[B, " : "[B, T, ";
  SmallVector<int64_t> vShape(q.getShape());
  vShape.back() = dv;
  if (failed(expectType(op, {"k", operands.k}, q, (tokens + "H, dqk]").str())) ||
      failed(expectType(op, {"v", operands.v}, RankedTensorType::get(vShape, q.getElementType()),
                        (tokens + "H, dv]").str())))
    return failure();
  // Below, an extent of B or T is dynamic only if it is in all of q, k and v.
  SmallVector<int64_t> merged;
  for (auto [a, b] : llvm::zip(q.getShape(), k.getShape()))
    merged.push_back(mergeExtents(a, b));
  // mlstm_c8
  if (failed(expectSequences(op, operands.cuSeqlens, mergeExtents(merged[0], v.getDimSize(0)))))
    return failure();
  auto cuSeqlens = operands.cuSeqlens ? cast<RankedTensorType>(operands.cuSeqlens.getType())
                                      : RankedTensorType();
  MLSTMTypes types =
      inferMLSTMTypes(RankedTensorType::get(merged, q.getElementType()), v, cuSeqlens);
  // mlstm_c4
  if (failed(expectType(op, {"i", operands.i}, types.gate, (tokens + "H]").str())) ||
      failed(expectType(op, {"f", operands.f}, types.gate, (tokens + "H]").str())))
    return failure();
  // mlstm_c5
  if (options.inputGate == InputGate::Exp && !options.normalize)
    return op->emitOpError("expected input_gate = sigmoid with normalize = false, got exp");
  // mlstm_c6
  bool given = operands.c0 || operands.n0 || operands.m0;
  for (auto [state, exists] : {std::pair<Named, bool>{{"c0", operands.c0}, true},
                               {{"n0", operands.n0}, options.hasNormalizer()},
                               {{"m0", operands.m0}, options.hasStabilizer()}})
    if (given && bool(state.value) != exists)
      return op->emitOpError() << "expected "
                               << (exists ? "the initial state " : "no initial state ")
                               << state.name << " for this input_gate and normalize, got "
                               << (exists ? "none" : "one");
  // mlstm_c7
  types.c = keptType(types.c, operands.c0);
  if (failed(expectType(op, {"c0", operands.c0}, types.c, stateLayout(operands, "H, dqk, dv"))) ||
      failed(expectType(op, {"n0", operands.n0}, types.n, stateLayout(operands, "H, dqk"))) ||
      failed(expectType(op, {"m0", operands.m0}, types.m, stateLayout(operands, "H"))))
    return failure();
  // mlstm_c9; the step form has none (mlstm_c12)
  if (!step &&
      failed(expectReset(op, operands.reset, types.gate.getDimSize(0), types.gate.getDimSize(1))))
    return failure();
  // mlstm_c10
  if (!std::isfinite(options.eps) || options.eps < 0)
    return op->emitOpError() << "expected eps to be finite and not negative, got " << options.eps;
  return types;
}

LogicalResult mlir::xlstm::detail::verifySavedStates(Operation *op, ArrayRef<Named> saved,
                                                     bool expected, const MLSTMTypes &types) {
  for (Named state : saved)
    if (bool(state.value) != expected)
      return op->emitOpError() << "expected " << (expected ? "the saved state " : "no saved state ")
                               << state.name << ", got " << (expected ? "none" : "one");
  return success(succeeded(expectType(op, saved[0], types.cStates, "[R, H, dqk, dv]")) &&
                 succeeded(expectType(op, saved[1], types.nStates, "[R, H, dqk]")) &&
                 succeeded(expectType(op, saved[2], types.mStates, "[R, H, 2]")));
}

LogicalResult MLSTMOp::verify() {
  MLSTMOperands operands = getMLSTMOperands();
  MLSTMOptions options = getOptions();
  bool step = isStep();
  // mlstm_c12
  for (auto [name, given] : {std::pair<StringRef, bool>{"cu_seqlens", bool(getCuSeqlens())},
                             {"reset", bool(getReset())},
                             {"save_states", getSaveStates()}})
    if (step && given)
      return emitOpError() << "expected no " << name << " with form = step, got one";
  // mlstm_c1 to mlstm_c10
  FailureOr<MLSTMTypes> types = verifyCell(*this, operands, options, step);
  if (failed(types))
    return failure();
  // mlstm_c11
  for (auto [state, exists] :
       {std::pair<Named, bool>{{"n_last", getNLast()}, options.hasNormalizer()},
        {{"m_last", getMLast()}, options.hasStabilizer()}})
    if (bool(state.value) != exists)
      return emitOpError() << "expected " << (exists ? "a result " : "no result ") << state.name
                           << " for this input_gate and normalize, got "
                           << (exists ? "none" : "one");
  types->h = cast<RankedTensorType>(hiddenType(types->h, getH().getType()));
  if (failed(expectType(*this, {"h", getH()}, types->h, step ? "[B, H, dv]" : "[B, T, H, dv]")) ||
      failed(expectType(*this, {"c_last", getCLast()}, types->c,
                        stateLayout(operands, "H, dqk, dv"))) ||
      failed(
          expectType(*this, {"n_last", getNLast()}, types->n, stateLayout(operands, "H, dqk"))) ||
      failed(expectType(*this, {"m_last", getMLast()}, types->m, stateLayout(operands, "H"))))
    return failure();
  // mlstm_c13
  return verifySavedStates(
      *this, {{"c_states", getCStates()}, {"n_states", getNStates()}, {"m_states", getMStates()}},
      getSaveStates(), *types);
}

//===----------------------------------------------------------------------===//
// Canonicalisation
//===----------------------------------------------------------------------===//

/// Removes operands that say what their absence says: initial states that are all zero, and a reset
/// that is never true. Does not save states that nothing reads.
LogicalResult MLSTMOp::canonicalize(MLSTMOp op, PatternRewriter &rewriter) {
  MLSTMOperands operands = op.getMLSTMOperands();
  SmallVector<Value> states;
  for (Value state : {operands.c0, operands.n0, operands.m0})
    if (state)
      states.push_back(state);
  // One state that is not zero keeps them all (mlstm_c6).
  bool dropStates = !states.empty() && llvm::all_of(states, isZeroConstant);
  bool dropReset = operands.reset && isZeroConstant(operands.reset);
  bool dropSaved = op.getSaveStates() && op.getCStates().use_empty() &&
                   op.getNStates().use_empty() && op.getMStates().use_empty();
  if (!dropStates && !dropReset && !dropSaved)
    return rewriter.notifyMatchFailure(
        op, "no initial state and no reset is a constant zero, and saved states are used");
  rewriter.modifyOpInPlace(op, [&] {
    if (dropStates) {
      op.getC0Mutable().clear();
      op.getN0Mutable().clear();
      op.getM0Mutable().clear();
    }
    if (dropReset)
      op.getResetMutable().clear();
  });
  if (!dropSaved)
    return success();
  // An op cannot lose results: another takes its place.
  MLSTMOp slim =
      rewriter.create<MLSTMOp>(op.getLoc(), op.getMLSTMOperands(), op.getOptions(), op.getForm());
  for (auto [from, to] : llvm::zip(op->getResults(), slim->getResults()))
    to.setType(from.getType());
  slim->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  rewriter.replaceAllUsesWith(op->getResults().take_front(slim->getNumResults()),
                              slim->getResults());
  rewriter.eraseOp(op);
  return success();
}
