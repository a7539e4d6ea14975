// SPDX-License-Identifier: Apache-2.0
// The syntax of xlstm.mlstm and xlstm.mlstm_backward:
//
//   %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) state(%c0, %n0, %m0)
//       cu_seqlens(%s : tensor<?xi32>) reset(%r : tensor<?x?xi1>) {scale_on = k}
//       : tensor<?x?x8x256xbf16>, tensor<?x?x8x512xbf16>
//   %dq, %dk, %dv, %di, %df = xlstm.mlstm_backward %q, %k, %v gates(%i, %f) grad(%dh)
//       dc_last(%dc : tensor<..>) dn_last(%dn : tensor<..>) saved(%cs, %ns, %ms : tensor<..>, ..)
//       : tensor<?x?x8x256xbf16>, tensor<?x?x8x512xbf16>
//
// state, cu_seqlens, reset, dc_last, dn_last, saved and the options in braces may be absent. The
// two types are those of q and v; where another type does not follow from them, `(types of q, k, v,
// i, f, states, dh) -> (types of the results)` stands instead.
#include "dialect/xlstm/IR/MLSTMDetail.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace mlir::xlstm;
using namespace mlir::xlstm::detail;

static void setNames(ArrayRef<Named> results, function_ref<void(Value, StringRef)> setName) {
  for (Named result : results)
    if (result.value)
      setName(result.value, result.name);
}

void MLSTMOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) {
  setNames({{"h", getH()},
            {"c", getCLast()},
            {"n", getNLast()},
            {"m", getMLast()},
            {"c_states", getCStates()},
            {"n_states", getNStates()},
            {"m_states", getMStates()}},
           setName);
}

void MLSTMBackwardOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) {
  setNames({{"dq", getDQ()},
            {"dk", getDK()},
            {"dv", getDV()},
            {"di", getDI()},
            {"df", getDF()},
            {"dc0", getDC0()},
            {"dn0", getDN0()}},
           setName);
}

//===----------------------------------------------------------------------===//
// Parser
//===----------------------------------------------------------------------===//

/// Parses the keyword of one case; `cases` names them all for the message.
template <typename Enum>
static ParseResult parseCase(OpAsmParser &parser, StringRef option, StringRef cases,
                             std::optional<Enum> (*symbolize)(StringRef), Enum &result) {
  StringRef keyword;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&keyword))
    return failure();
  std::optional<Enum> value = symbolize(keyword);
  if (!value)
    return parser.emitError(loc) << "expected " << option << " to be one of " << cases << ", got "
                                 << keyword;
  result = *value;
  return success();
}

static std::optional<bool> symbolizeBool(StringRef keyword) {
  return llvm::StringSwitch<std::optional<bool>>(keyword)
      .Case("true", true)
      .Case("false", false)
      .Default(std::nullopt);
}

namespace {
/// What stands in braces. The backward op has neither a form nor saved results.
struct ParsedOptions {
  MLSTMOptions cell;
  std::optional<MLSTMForm> form;
  bool saveStates = false;
};

/// What stands before the braces, in both ops.
struct ParsedCell {
  SmallVector<OpAsmParser::UnresolvedOperand, 9> untyped; // q, k, v, i, f, states
  size_t states = 0;
  MLSTMBackwardOperands operands; // those whose types stand with them
};
} // namespace

/// Parses one `name = value`; a name that is no option of the op is a discardable attribute.
static ParseResult parseOption(OpAsmParser &parser, bool isForward, ParsedOptions &options,
                               NamedAttrList &attributes, llvm::StringSet<> &seen) {
  std::string name;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeywordOrString(&name))
    return failure();
  if (!seen.insert(name).second)
    return parser.emitError(loc) << "option " << name << " is given twice";
  if (isForward && name == "save_states") {
    options.saveStates = true;
    return success();
  }
  bool hasValue = succeeded(parser.parseOptionalEqual());
  bool isOption = llvm::is_contained(
      {"input_gate", "normalize", "eps", "scale_on", "denominator", "normalizer_grad"},
      StringRef(name));
  if ((isOption || (isForward && name == "form")) && !hasValue)
    return parser.emitError(loc) << "expected a value for option " << name;
  MLSTMOptions &cell = options.cell;
  if (name == "input_gate")
    return parseCase(parser, name, "exp, sigmoid", symbolizeInputGate, cell.inputGate);
  if (name == "normalize")
    return parseCase(parser, name, "true, false", symbolizeBool, cell.normalize);
  if (name == "scale_on")
    return parseCase(parser, name, "q, k", symbolizeScaleOn, cell.scaleOn);
  if (name == "denominator")
    return parseCase(parser, name, "max_plus_eps, max_with_eps", symbolizeDenominator,
                     cell.denominator);
  if (name == "normalizer_grad")
    return parseCase(parser, name, "exact, dropped", symbolizeNormalizerGrad, cell.normalizerGrad);
  if (name == "eps") {
    FloatAttr eps;
    if (parser.parseAttribute(eps, parser.getBuilder().getF64Type()))
      return failure();
    cell.eps = eps.getValueAsDouble();
    return success();
  }
  if (isForward && name == "form") {
    MLSTMForm form;
    if (parseCase(parser, name, "recurrent, chunkwise, parallel, step", symbolizeMLSTMForm, form))
      return failure();
    options.form = form;
    return success();
  }
  Attribute value = parser.getBuilder().getUnitAttr();
  if (hasValue && parser.parseAttribute(value))
    return failure();
  attributes.append(name, value);
  return success();
}

static ParseResult parseOptions(OpAsmParser &parser, bool isForward, ParsedOptions &options,
                                NamedAttrList &attributes) {
  llvm::StringSet<> seen;
  return parser.parseCommaSeparatedList(OpAsmParser::Delimiter::OptionalBraces, [&] {
    return parseOption(parser, isForward, options, attributes, seen);
  });
}

/// Parses `keyword(%operands : types)` if the keyword is there; `values` has as many as there must
/// be.
static ParseResult parseTypedOperands(OpAsmParser &parser, StringRef keyword,
                                      ArrayRef<Value *> values) {
  if (failed(parser.parseOptionalKeyword(keyword)))
    return success();
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  SmallVector<Type> types;
  SmallVector<Value> resolved;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLParen() || parser.parseOperandList(operands) ||
      parser.parseColonTypeList(types) || parser.parseRParen())
    return failure();
  if (operands.size() != values.size())
    return parser.emitError(loc) << "expected " << values.size() << " operands of " << keyword
                                 << ", got " << operands.size();
  if (parser.resolveOperands(operands, types, loc, resolved))
    return failure();
  for (auto [value, operand] : llvm::zip(values, resolved))
    *value = operand;
  return success();
}

/// Parses `%q, %k, %v gates(..) state(..) cu_seqlens(..) reset(..)`.
static ParseResult parseCell(OpAsmParser &parser, ParsedCell &cell) {
  auto &untyped = cell.untyped;
  untyped.resize(5);
  if (parser.parseOperand(untyped[0]) || parser.parseComma() || parser.parseOperand(untyped[1]) ||
      parser.parseComma() || parser.parseOperand(untyped[2]) || parser.parseKeyword("gates") ||
      parser.parseLParen() || parser.parseOperand(untyped[3]) || parser.parseComma() ||
      parser.parseOperand(untyped[4]) || parser.parseRParen())
    return failure();
  if (succeeded(parser.parseOptionalKeyword("state"))) {
    SMLoc loc = parser.getCurrentLocation();
    SmallVector<OpAsmParser::UnresolvedOperand, 3> states;
    if (parser.parseOperandList(states, OpAsmParser::Delimiter::Paren))
      return failure();
    if (states.empty() || states.size() > 3)
      return parser.emitError(loc) << "expected state(c0), state(c0, n0) or state(c0, n0, m0), got "
                                   << states.size() << " operands";
    untyped.append(states);
    cell.states = states.size();
  }
  return failure(parseTypedOperands(parser, "cu_seqlens", {&cell.operands.cuSeqlens}) ||
                 parseTypedOperands(parser, "reset", {&cell.operands.reset}));
}

/// Parses `: q, v` or `: (types) -> (results)`. With the former, `infer` gives the types of the
/// operands without written types and those of the results.
static ParseResult
parseTypes(OpAsmParser &parser, ParsedCell &cell, bool step,
           function_ref<void(RankedTensorType, RankedTensorType, const MLSTMTypes &)> infer,
           SmallVectorImpl<Type> &types, SmallVectorImpl<Type> &results) {
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseColon())
    return failure();
  if (succeeded(parser.parseOptionalLParen()))
    return failure(parser.parseTypeList(types) || parser.parseRParen() ||
                   parser.parseArrowTypeList(results));
  int64_t rank = step ? 3 : 4;
  auto isTensor = [&](Type type) {
    return isa<RankedTensorType>(type) && cast<ShapedType>(type).getRank() == rank;
  };
  Type q, v;
  if (parser.parseType(q) || parser.parseComma() || parser.parseType(v))
    return failure();
  if (!isTensor(q) || !isTensor(v))
    return parser.emitError(loc) << "expected the types of q and v to be ranked tensors of rank "
                                 << rank << (step ? " with form = step" : "");
  Value starts = cell.operands.cuSeqlens;
  auto cuSeqlens = starts ? dyn_cast<RankedTensorType>(starts.getType()) : RankedTensorType();
  if (starts && (!cuSeqlens || cuSeqlens.getRank() != 1))
    return parser.emitError(loc)
           << "expected the type of cu_seqlens to be a ranked tensor of rank 1";
  auto qType = cast<RankedTensorType>(q), vType = cast<RankedTensorType>(v);
  infer(qType, vType, inferMLSTMTypes(qType, vType, cuSeqlens));
  return success();
}

/// Resolves the operands without written types.
static ParseResult resolveCell(OpAsmParser &parser, ParsedCell &cell, SMLoc loc,
                               ArrayRef<Type> types) {
  SmallVector<Value> values;
  if (parser.resolveOperands(cell.untyped, types, loc, values))
    return failure();
  MLSTMBackwardOperands &o = cell.operands;
  Value *places[] = {&o.q, &o.k, &o.v, &o.i, &o.f, &o.c0, &o.n0, &o.m0};
  for (size_t n = 0; n < 5 + cell.states; ++n)
    *places[n] = values[n];
  if (values.size() > 5 + cell.states)
    o.dh = values.back();
  return success();
}

ParseResult MLSTMOp::parse(OpAsmParser &parser, OperationState &result) {
  ParsedCell cell;
  ParsedOptions options;
  if (parseCell(parser, cell) ||
      parseOptions(parser, /*isForward=*/true, options, result.attributes))
    return failure();
  SmallVector<Type> types, results;
  SMLoc loc = parser.getCurrentLocation();
  auto infer = [&](RankedTensorType q, RankedTensorType v, const MLSTMTypes &inferred) {
    types.assign({q, q, v, inferred.gate, inferred.gate, inferred.c, inferred.n, inferred.m});
    types.truncate(cell.untyped.size());
    results.assign({inferred.h, inferred.c});
    if (options.cell.hasNormalizer())
      results.push_back(inferred.n);
    if (options.cell.hasStabilizer())
      results.push_back(inferred.m);
    if (options.saveStates)
      results.append({inferred.cStates, inferred.nStates, inferred.mStates});
  };
  if (parseTypes(parser, cell, options.form == MLSTMForm::Step, infer, types, results))
    return failure();
  size_t expected = 2 + options.cell.hasNormalizer() + options.cell.hasStabilizer() +
                    (options.saveStates ? 3 : 0);
  if (results.size() != expected)
    return parser.emitError(loc) << "expected " << expected
                                 << " result types for this input_gate and normalize, got "
                                 << results.size();
  if (resolveCell(parser, cell, loc, types))
    return failure();
  result.addOperands(listOperands(static_cast<MLSTMOperands &>(cell.operands)));
  setProperties(result.getOrAddProperties<Properties>(), cell.operands, options.cell, options.form,
                options.saveStates, parser.getContext());
  result.addTypes(results);
  return success();
}

ParseResult MLSTMBackwardOp::parse(OpAsmParser &parser, OperationState &result) {
  ParsedCell cell;
  ParsedOptions options;
  MLSTMBackwardOperands &o = cell.operands;
  OpAsmParser::UnresolvedOperand dh;
  if (parseCell(parser, cell) || parser.parseKeyword("grad") || parser.parseLParen() ||
      parser.parseOperand(dh) || parser.parseRParen() ||
      parseTypedOperands(parser, "dc_last", {&o.dcLast}) ||
      parseTypedOperands(parser, "dn_last", {&o.dnLast}) ||
      parseTypedOperands(parser, "saved", {&o.cStates, &o.nStates, &o.mStates}) ||
      parseOptions(parser, /*isForward=*/false, options, result.attributes))
    return failure();
  cell.untyped.push_back(dh);
  SmallVector<Type> types, results;
  SMLoc loc = parser.getCurrentLocation();
  auto infer = [&](RankedTensorType q, RankedTensorType v, const MLSTMTypes &inferred) {
    types.assign({q, q, v, inferred.gate, inferred.gate, inferred.c, inferred.n, inferred.m});
    types.truncate(5 + cell.states);
    results.assign(types.begin(), types.begin() + 5 + std::min<size_t>(cell.states, 2));
    types.push_back(inferred.h);
  };
  if (parseTypes(parser, cell, /*step=*/false, infer, types, results))
    return failure();
  size_t expected = 5 + std::min<size_t>(cell.states, 2);
  if (results.size() != expected)
    return parser.emitError(loc)
           << "expected " << expected
           << " result types, those of the gradients of q, k, v, i, f, c0 and "
              "n0, got "
           << results.size();
  if (resolveCell(parser, cell, loc, types))
    return failure();
  result.addOperands(listOperands(o));
  setProperties(result.getOrAddProperties<Properties>(), o, options.cell, parser.getContext());
  result.addTypes(results);
  return success();
}

//===----------------------------------------------------------------------===//
// Printer
//===----------------------------------------------------------------------===//

/// Prints the options that differ from their defaults, and the discardable attributes.
template <typename Op>
static void printOptions(OpAsmPrinter &p, Op op, std::optional<MLSTMForm> form, bool saveStates) {
  MLSTMOptions options = op.getOptions(), defaults;
  SmallVector<std::function<void()>> entries;
  auto add = [&](bool differs, StringRef name, StringRef value) {
    if (differs)
      entries.push_back([&p, name, value] { p << name << " = " << value; });
  };
  add(options.inputGate != defaults.inputGate, "input_gate", stringifyEnum(options.inputGate));
  add(options.normalize != defaults.normalize, "normalize", options.normalize ? "true" : "false");
  if (options.eps != defaults.eps)
    entries.push_back([&p, op]() mutable {
      p << "eps = ";
      p.printAttributeWithoutType(op.getEpsAttr());
    });
  add(options.scaleOn != defaults.scaleOn, "scale_on", stringifyEnum(options.scaleOn));
  add(options.denominator != defaults.denominator, "denominator",
      stringifyEnum(options.denominator));
  add(options.normalizerGrad != defaults.normalizerGrad, "normalizer_grad",
      stringifyEnum(options.normalizerGrad));
  if (form)
    add(true, "form", stringifyEnum(*form));
  if (saveStates)
    entries.push_back([&p] { p << "save_states"; });
  for (NamedAttribute attribute : op->getDiscardableAttrs())
    entries.push_back([&p, attribute] {
      p.printKeywordOrString(attribute.getName());
      if (!isa<UnitAttr>(attribute.getValue()))
        p << " = " << attribute.getValue();
    });
  if (entries.empty())
    return;
  p << " {";
  llvm::interleaveComma(entries, p, [](auto &entry) { entry(); });
  p << "}";
}

/// Prints what parseCell reads, and returns the operands without written types.
static SmallVector<Value> printCell(OpAsmPrinter &p, const MLSTMOperands &o) {
  p << " " << o.q << ", " << o.k << ", " << o.v << " gates(" << o.i << ", " << o.f << ")";
  SmallVector<Value> untyped{o.q, o.k, o.v, o.i, o.f};
  for (Value state : {o.c0, o.n0, o.m0})
    if (state)
      untyped.push_back(state);
  ArrayRef<Value> states = ArrayRef<Value>(untyped).drop_front(5);
  if (!states.empty())
    p << " state(" << ValueRange(states) << ")";
  if (o.cuSeqlens)
    p << " cu_seqlens(" << o.cuSeqlens << " : " << o.cuSeqlens.getType() << ")";
  if (o.reset)
    p << " reset(" << o.reset << " : " << o.reset.getType() << ")";
  return untyped;
}

/// Prints what parseTypes reads.
static void printTypes(OpAsmPrinter &p, Operation *op, ArrayRef<Value> untyped,
                       ArrayRef<Type> inferred, ArrayRef<Type> inferredResults) {
  p << " : ";
  if (TypeRange(inferred) == ValueRange(untyped).getTypes() &&
      TypeRange(inferredResults) == op->getResultTypes())
    p << untyped[0].getType() << ", " << untyped[2].getType();
  else
    p.printFunctionalType(ValueRange(untyped).getTypes(), op->getResultTypes());
}

static MLSTMTypes inferTypes(const MLSTMOperands &o) {
  return inferMLSTMTypes(
      cast<RankedTensorType>(o.q.getType()), cast<RankedTensorType>(o.v.getType()),
      o.cuSeqlens ? cast<RankedTensorType>(o.cuSeqlens.getType()) : RankedTensorType());
}

void MLSTMOp::print(OpAsmPrinter &p) {
  MLSTMOperands o = getMLSTMOperands();
  SmallVector<Value> untyped = printCell(p, o);
  printOptions(p, *this, getForm(), getSaveStates());
  MLSTMTypes types = inferTypes(o);
  SmallVector<Type> inferred{o.q.getType(), o.q.getType(), o.v.getType(), types.gate,
                             types.gate,    types.c,       types.n,       types.m};
  inferred.truncate(untyped.size());
  SmallVector<Type> results{types.h, types.c};
  if (getNLast())
    results.push_back(types.n);
  if (getMLast())
    results.push_back(types.m);
  if (getSaveStates())
    results.append({types.cStates, types.nStates, types.mStates});
  printTypes(p, *this, untyped, inferred, results);
}

void MLSTMBackwardOp::print(OpAsmPrinter &p) {
  MLSTMOperands o = getMLSTMOperands();
  SmallVector<Value> untyped = printCell(p, o);
  p << " grad(" << getDh() << ")";
  if (getDcLast())
    p << " dc_last(" << getDcLast() << " : " << getDcLast().getType() << ")";
  if (getDnLast())
    p << " dn_last(" << getDnLast() << " : " << getDnLast().getType() << ")";
  if (getCStates())
    p << " saved(" << getCStates() << ", " << getNStates() << ", " << getMStates() << " : "
      << getCStates().getType() << ", " << getNStates().getType() << ", " << getMStates().getType()
      << ")";
  printOptions(p, *this, std::nullopt, /*saveStates=*/false);
  MLSTMTypes types = inferTypes(o);
  SmallVector<Type> inferred{o.q.getType(), o.q.getType(), o.v.getType(), types.gate,
                             types.gate,    types.c,       types.n,       types.m};
  inferred.truncate(untyped.size());
  SmallVector<Type> results(inferred.begin(),
                            inferred.begin() + std::min<size_t>(inferred.size(), 7));
  untyped.push_back(getDh());
  inferred.push_back(types.h);
  printTypes(p, *this, untyped, inferred, results);
}
