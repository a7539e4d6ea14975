// SPDX-License-Identifier: Apache-2.0
// The syntax of xlstm.scan:
//
//   %hs, %h = xlstm.scan reverse state_names ["h", "c"] sequences(%x, %y : tensor<..>, tensor<..>)
//       previous(%u from %u0, %w : tensor<..>, tensor<..>, tensor<..>) constants(%b : tensor<..>)
//       recurrent(%r : tensor<..>) states(%h0, none : tensor<..>) cu_seqlens(%s : tensor<..>)
//       reset(%z : tensor<..>) attributes {..} {
//     ^bb0(..): ..
//   } -> outputs(tensor<..>) states(tensor<..>)
//
// All but the region and one of the two lists of result types may be absent. The types of previous
// are those of its operands from left to right.
#include "dialect/xlstm/IR/XLSTM.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::xlstm;

void ScanOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) {
  for (Value output : getOutputs())
    setName(output, "out");
  for (auto [number, state] : llvm::enumerate(getLastStates()))
    setName(state, getStateNames() ? getStateName(number) + "_last" : "last");
}

void ScanOp::getAsmBlockArgumentNames(Region &region,
                                      function_ref<void(Value, StringRef)> setName) {
  int64_t number = 0;
  auto name = [&](int64_t count, StringRef text) {
    for (int64_t n = 0; n < count && number < region.getNumArguments(); ++n)
      setName(region.getArgument(number++), text);
  };
  name(getProducts(), "product");
  for (unsigned i = 0; i < getSequences().size(); ++i)
    name(getSequenceChannels(i), "x");
  for (unsigned i = 0; i < getPrevious().size(); ++i)
    name(getPreviousChannels(i), "previous");
  for (unsigned i = 0; i < getConstants().size(); ++i)
    name(getConstantChannels(i), "constant");
  for (unsigned i = 0; i < getNumStates(); ++i)
    name(1, getStateNames() ? getStateName(i) : "state");
}

namespace {

/// What stands in the parentheses after a keyword.
enum class Entries {
  Values,     // %x
  Optional,   // %x or none
  WithInitial // %x or %x from %initial
};

} // namespace

/// Parses `keyword(entries : types)` if the keyword is there, and adds the operands to the op; the
/// initial values of entries stand behind all entries. `present` tells which entries (`Optional`),
/// or initial values (`WithInitial`), are there.
static ParseResult parseOperands(OpAsmParser &parser, StringRef keyword, OperationState &result,
                                 int32_t &count, Entries entries = Entries::Values,
                                 SmallVectorImpl<bool> *present = nullptr,
                                 int32_t *initialCount = nullptr) {
  if (failed(parser.parseOptionalKeyword(keyword)))
    return success();
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  SmallVector<bool> isInitial;
  auto parseOne = [&]() -> ParseResult {
    if (entries == Entries::Optional) {
      present->push_back(failed(parser.parseOptionalKeyword("none")));
      if (!present->back())
        return success();
    }
    isInitial.push_back(false);
    if (parser.parseOperand(operands.emplace_back()))
      return failure();
    if (entries != Entries::WithInitial)
      return success();
    present->push_back(succeeded(parser.parseOptionalKeyword("from")));
    if (!present->back())
      return success();
    isInitial.push_back(true);
    return parser.parseOperand(operands.emplace_back());
  };
  SmallVector<Type> types;
  SMLoc loc = parser.getCurrentLocation();
  SmallVector<Value> values;
  if (parser.parseLParen() || parser.parseCommaSeparatedList(parseOne) ||
      parser.parseColonTypeList(types) || parser.parseRParen() ||
      parser.resolveOperands(operands, types, loc, values))
    return failure();
  for (bool initial : {false, true})
    for (auto [value, is] : llvm::zip(values, isInitial))
      if (is == initial) {
        result.operands.push_back(value);
        ++*(initial ? initialCount : &count);
      }
  return success();
}

/// Parses `keyword(types)` if the keyword is there.
static ParseResult parseResults(OpAsmParser &parser, StringRef keyword, OperationState &result,
                                int32_t &count) {
  if (failed(parser.parseOptionalKeyword(keyword)))
    return success();
  SmallVector<Type> types;
  if (parser.parseLParen() || parser.parseTypeList(types) || parser.parseRParen())
    return failure();
  result.addTypes(types);
  count = types.size();
  return success();
}

/// Parses the options, in any order: keywords before the operands.
static ParseResult parseOptions(OpAsmParser &parser, ScanOp::Properties &properties) {
  std::pair<StringRef, UnitAttr *> units[] = {
      {"reverse", &properties.reverse},
      {"transposed", &properties.transposed},
      {"step", &properties.step},
      {"recurrent_grad_cut", &properties.recurrent_grad_cut}};
  StringRef keyword;
  while (succeeded(
      parser.parseOptionalKeyword(&keyword, {"reverse", "transposed", "step", "recurrent_grad_cut",
                                             "recurrent_grad_clip", "state_names"}))) {
    for (auto [name, attribute] : units)
      if (keyword == name)
        *attribute = parser.getBuilder().getUnitAttr();
    if (keyword == "recurrent_grad_clip" &&
        parser.parseAttribute(properties.recurrent_grad_clip, parser.getBuilder().getF64Type()))
      return failure();
    if (keyword == "state_names" && parser.parseAttribute(properties.state_names))
      return failure();
  }
  return success();
}

ParseResult ScanOp::parse(OpAsmParser &parser, OperationState &result) {
  Properties &properties = result.getOrAddProperties<Properties>();
  if (parseOptions(parser, properties))
    return failure();
  auto &segments = properties.operandSegmentSizes;
  SmallVector<bool> hasInitial, stateHasInitial;
  if (parseOperands(parser, "sequences", result, segments[0]) ||
      parseOperands(parser, "previous", result, segments[1], Entries::WithInitial, &hasInitial,
                    &segments[2]) ||
      parseOperands(parser, "constants", result, segments[3]) ||
      parseOperands(parser, "recurrent", result, segments[4]) ||
      parseOperands(parser, "states", result, segments[5], Entries::Optional, &stateHasInitial) ||
      parseOperands(parser, "cu_seqlens", result, segments[6]) ||
      parseOperands(parser, "reset", result, segments[7]) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes) ||
      parser.parseRegion(*result.addRegion()) || parser.parseArrow() ||
      parseResults(parser, "outputs", result, properties.resultSegmentSizes[0]) ||
      parseResults(parser, "states", result, properties.resultSegmentSizes[1]))
    return failure();
  properties.previous_has_initial = parser.getBuilder().getDenseBoolArrayAttr(hasInitial);
  properties.states_have_initial = parser.getBuilder().getDenseBoolArrayAttr(stateHasInitial);
  return success();
}

static void printOperands(OpAsmPrinter &p, StringRef keyword, ValueRange values) {
  if (!values.empty())
    p << " " << keyword << "(" << values << " : " << values.getTypes() << ")";
}

void ScanOp::print(OpAsmPrinter &p) {
  for (auto [name, set] : {std::pair<StringRef, bool>{"reverse", getReverse()},
                           {"transposed", getTransposed()},
                           {"step", getStep()}})
    if (set)
      p << " " << name;
  if (FloatAttr clip = getRecurrentGradClipAttr()) {
    p << " recurrent_grad_clip ";
    p.printAttributeWithoutType(clip);
  }
  if (getRecurrentGradCut())
    p << " recurrent_grad_cut";
  if (ArrayAttr names = getStateNamesAttr())
    p << " state_names " << names;
  printOperands(p, "sequences", getSequences());
  if (!getPrevious().empty()) {
    p << " previous(";
    SmallVector<Type> types;
    llvm::interleaveComma(llvm::enumerate(getPrevious()), p, [&](auto entry) {
      p << entry.value();
      types.push_back(entry.value().getType());
      if (Value initial = getPreviousInitial(entry.index())) {
        p << " from " << initial;
        types.push_back(initial.getType());
      }
    });
    p << " : " << types << ")";
  }
  printOperands(p, "constants", getConstants());
  if (getRecurrent())
    printOperands(p, "recurrent", ValueRange(getRecurrent()));
  if (!getInitialStates().empty()) {
    p << " states(";
    llvm::interleaveComma(llvm::seq<unsigned>(0, getNumStates()), p, [&](unsigned state) {
      if (Value initial = getInitialState(state))
        p << initial;
      else
        p << "none";
    });
    p << " : " << getInitialStates().getTypes() << ")";
  }
  if (getCuSeqlens())
    printOperands(p, "cu_seqlens", ValueRange(getCuSeqlens()));
  if (getReset())
    printOperands(p, "reset", ValueRange(getReset()));
  p.printOptionalAttrDictWithKeyword((*this)->getDiscardableAttrDictionary().getValue());
  p << " ";
  p.printRegion(getBody());
  p << " ->";
  if (!getOutputs().empty())
    p << " outputs(" << getOutputs().getTypes() << ")";
  if (!getLastStates().empty())
    p << " states(" << getLastStates().getTypes() << ")";
}
