// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/IR/XLSTM.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::xlstm;

#include "dialect/xlstm/IR/XLSTMDialect.cpp.inc"
#include "dialect/xlstm/IR/XLSTMEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialect/xlstm/IR/XLSTMAttrs.cpp.inc"

void XLSTMDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/xlstm/IR/XLSTMAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/xlstm/IR/XLSTMOps.cpp.inc"
      >();
}

// What `custom<NormKind>` in an assembly format stands for.
static ParseResult parseNormKind(OpAsmParser &parser, NormKindAttr &kind) {
  StringRef keyword;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&keyword))
    return failure();
  std::optional<NormKind> value = symbolizeNormKind(keyword);
  if (!value)
    return parser.emitError(loc) << "expected a norm, layer or rms, got " << keyword;
  kind = NormKindAttr::get(parser.getContext(), *value);
  return success();
}

static void printNormKind(OpAsmPrinter &p, Operation *, NormKindAttr kind) {
  p << stringifyEnum(kind.getValue());
}

// And what custom<ConvResults> does: y has the type of x unless that of y is given.
static ParseResult parseConvResults(OpAsmParser &parser, Type &y, Type &stateLast, Type x) {
  if (parser.parseType(stateLast))
    return failure();
  if (failed(parser.parseOptionalComma())) {
    y = x;
    return success();
  }
  y = stateLast;
  return parser.parseType(stateLast);
}

static void printConvResults(OpAsmPrinter &p, Operation *, Type y, Type stateLast, Type x) {
  if (y != x)
    p << y << ", ";
  p << stateLast;
}

// What `custom<NormTypes>` stands for: the type of x, and that of the result where it is another.
static ParseResult parseNormTypes(OpAsmParser &parser, Type &x, Type &result) {
  if (parser.parseType(x))
    return failure();
  result = x;
  return succeeded(parser.parseOptionalArrow()) ? parser.parseType(result) : success();
}

static void printNormTypes(OpAsmPrinter &p, Operation *, Type x, Type result) {
  p << x;
  if (result != x)
    p << " -> " << result;
}

#define GET_OP_CLASSES
#include "dialect/xlstm/IR/XLSTMOps.cpp.inc"
