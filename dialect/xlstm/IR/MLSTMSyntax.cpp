// SPDX-License-Identifier: Apache-2.0
// The syntax of xlstm.mlstm:
//
//   %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) state(%c0, %n0, %m0)
//       cu_seqlens(%s : tensor<?xi32>) reset(%r : tensor<?x?xi1>) {scale_on = k}
//       : tensor<?x?x8x256xbf16>, tensor<?x?x8x512xbf16>
//
// state, cu_seqlens, reset and the options in braces may be absent. The two types are those of q
// and v; where another type does not follow from them, `(types of q, k, v, i, f, states) -> (types
// of the results)` stands instead.
#include "dialect/xlstm/IR/XLSTM.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace mlir::xlstm;

void MLSTMOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) {
  setName(getH(), "h");
  setName(getCLast(), "c");
  if (getNLast())
    setName(getNLast(), "n");
  if (getMLast())
    setName(getMLast(), "m");
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

/// Parses one `name = value`; a name that is no option of the op is a discardable attribute.
static ParseResult parseOption(OpAsmParser &parser, MLSTMOptions &options,
                               NamedAttrList &attributes, llvm::StringSet<> &seen) {
  std::string name;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeywordOrString(&name))
    return failure();
  if (!seen.insert(name).second)
    return parser.emitError(loc) << "option " << name << " is given twice";
  bool hasValue = succeeded(parser.parseOptionalEqual());
  bool isOption = llvm::is_contained(
      {"input_gate", "normalize", "eps", "scale_on", "denominator", "normalizer_grad"},
      StringRef(name));
  if (isOption && !hasValue)
    return parser.emitError(loc) << "expected a value for option " << name;
  if (name == "input_gate")
    return parseCase(parser, name, "exp, sigmoid", symbolizeInputGate, options.inputGate);
  if (name == "normalize")
    return parseCase(parser, name, "true, false", symbolizeBool, options.normalize);
  if (name == "scale_on")
    return parseCase(parser, name, "q, k", symbolizeScaleOn, options.scaleOn);
  if (name == "denominator")
    return parseCase(parser, name, "max_plus_eps, max_with_eps", symbolizeDenominator,
                     options.denominator);
  if (name == "normalizer_grad")
    return parseCase(parser, name, "exact, dropped", symbolizeNormalizerGrad,
                     options.normalizerGrad);
  if (name == "eps") {
    FloatAttr eps;
    if (parser.parseAttribute(eps, parser.getBuilder().getF64Type()))
      return failure();
    options.eps = eps.getValueAsDouble();
    return success();
  }
  Attribute value = parser.getBuilder().getUnitAttr();
  if (hasValue && parser.parseAttribute(value))
    return failure();
  attributes.append(name, value);
  return success();
}

/// Parses `keyword(%operand : type)` if the keyword is there.
static ParseResult parseTypedOperand(OpAsmParser &parser, StringRef keyword, Value &value) {
  if (failed(parser.parseOptionalKeyword(keyword)))
    return success();
  OpAsmParser::UnresolvedOperand operand;
  Type type;
  SmallVector<Value, 1> resolved;
  if (parser.parseLParen() || parser.parseOperand(operand) || parser.parseColonType(type) ||
      parser.parseRParen() || parser.resolveOperand(operand, type, resolved))
    return failure();
  value = resolved.front();
  return success();
}

ParseResult MLSTMOp::parse(OpAsmParser &parser, OperationState &result) {
  using Unresolved = OpAsmParser::UnresolvedOperand;
  // q, k, v, i, f, then the states.
  SmallVector<Unresolved, 8> unresolved(5);
  if (parser.parseOperand(unresolved[0]) || parser.parseComma() ||
      parser.parseOperand(unresolved[1]) || parser.parseComma() ||
      parser.parseOperand(unresolved[2]) || parser.parseKeyword("gates") || parser.parseLParen() ||
      parser.parseOperand(unresolved[3]) || parser.parseComma() ||
      parser.parseOperand(unresolved[4]) || parser.parseRParen())
    return failure();
  if (succeeded(parser.parseOptionalKeyword("state"))) {
    SMLoc loc = parser.getCurrentLocation();
    SmallVector<Unresolved, 3> states;
    if (parser.parseOperandList(states, OpAsmParser::Delimiter::Paren))
      return failure();
    if (states.empty() || states.size() > 3)
      return parser.emitError(loc) << "expected state(c0), state(c0, n0) or state(c0, n0, m0), got "
                                   << states.size() << " operands";
    unresolved.append(states);
  }
  MLSTMOperands operands;
  if (parseTypedOperand(parser, "cu_seqlens", operands.cuSeqlens) ||
      parseTypedOperand(parser, "reset", operands.reset))
    return failure();

  MLSTMOptions options;
  llvm::StringSet<> seen;
  if (parser.parseCommaSeparatedList(OpAsmParser::Delimiter::OptionalBraces, [&] {
        return parseOption(parser, options, result.attributes, seen);
      }))
    return failure();

  SmallVector<Type> types, results;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseColon())
    return failure();
  if (succeeded(parser.parseOptionalLParen())) {
    if (parser.parseTypeList(types) || parser.parseRParen() || parser.parseArrowTypeList(results))
      return failure();
  } else {
    auto isTensor = [](Type type) {
      return isa<RankedTensorType>(type) && cast<ShapedType>(type).getRank() == 4;
    };
    Type q, v;
    if (parser.parseType(q) || parser.parseComma() || parser.parseType(v))
      return failure();
    if (!isTensor(q) || !isTensor(v))
      return parser.emitError(loc)
             << "expected the types of q and v to be ranked tensors of rank 4";
    auto cuSeqlens = operands.cuSeqlens ? dyn_cast<RankedTensorType>(operands.cuSeqlens.getType())
                                        : RankedTensorType();
    if (operands.cuSeqlens && (!cuSeqlens || cuSeqlens.getRank() != 1))
      return parser.emitError(loc)
             << "expected the type of cu_seqlens to be a ranked tensor of rank 1";
    MLSTMTypes inferred =
        inferMLSTMTypes(cast<RankedTensorType>(q), cast<RankedTensorType>(v), cuSeqlens);
    types.assign({q, q, v, inferred.gate, inferred.gate, inferred.c, inferred.n, inferred.m});
    types.truncate(unresolved.size());
    results.assign({inferred.h, inferred.c});
    if (options.hasNormalizer())
      results.push_back(inferred.n);
    if (options.hasStabilizer())
      results.push_back(inferred.m);
  }
  size_t expected = 2 + options.hasNormalizer() + options.hasStabilizer();
  if (results.size() != expected)
    return parser.emitError(loc) << "expected " << expected
                                 << " result types for this input_gate and normalize, got "
                                 << results.size();
  if (parser.resolveOperands(unresolved, types, loc, result.operands))
    return failure();
  Value *states[] = {&operands.c0, &operands.n0, &operands.m0};
  for (size_t s = 5; s < unresolved.size(); ++s)
    *states[s - 5] = result.operands[s];
  for (Value value : {operands.cuSeqlens, operands.reset})
    if (value)
      result.operands.push_back(value);
  mlir::xlstm::detail::setProperties(result.getOrAddProperties<Properties>(), options, operands,
                                     parser.getContext());
  result.addTypes(results);
  return success();
}

//===----------------------------------------------------------------------===//
// Printer
//===----------------------------------------------------------------------===//

/// Prints the options that differ from their defaults, and the discardable attributes.
static void printOptions(OpAsmPrinter &p, MLSTMOp op) {
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

void MLSTMOp::print(OpAsmPrinter &p) {
  p << " " << getQ() << ", " << getK() << ", " << getV() << " gates(" << getI() << ", " << getF()
    << ")";
  SmallVector<Value> operands{getQ(), getK(), getV(), getI(), getF()};
  for (Value state : {Value(getC0()), Value(getN0()), Value(getM0())})
    if (state)
      operands.push_back(state);
  ArrayRef<Value> states = ArrayRef<Value>(operands).drop_front(5);
  if (!states.empty())
    p << " state(" << ValueRange(states) << ")";
  if (getCuSeqlens())
    p << " cu_seqlens(" << getCuSeqlens() << " : " << getCuSeqlens().getType() << ")";
  if (getReset())
    p << " reset(" << getReset() << " : " << getReset().getType() << ")";
  printOptions(p, *this);

  auto q = getQ().getType(), v = getV().getType();
  MLSTMTypes types =
      inferMLSTMTypes(q, v, getCuSeqlens() ? getCuSeqlens().getType() : RankedTensorType());
  SmallVector<Type> inferred{q, q, v, types.gate, types.gate, types.c, types.n, types.m};
  inferred.truncate(operands.size());
  SmallVector<Type> results{types.h, types.c};
  if (getNLast())
    results.push_back(types.n);
  if (getMLast())
    results.push_back(types.m);
  p << " : ";
  if (TypeRange(inferred) == ValueRange(operands).getTypes() &&
      TypeRange(results) == getResultTypes())
    p << q << ", " << v;
  else
    p.printFunctionalType(ValueRange(operands).getTypes(), getResultTypes());
}
